/*
 * usize_kv.c - the protocol of usize-kv: one table of u64 -> list of u64, which its clients change with
 * frames of 24 bytes. README.md has it byte by byte.
 */
#include <string.h>

#include <stele/detail/base.h>

#include "gateway/gateway.h"

#define USIZE_KV_FRAME_BYTES 24u
#define USIZE_KV_PRINT_BYTES 4096u
#define USIZE_KV_DIGITS      20u /* of the largest number */

enum usize_kv_cmd {
    USIZE_KV_READ = 0,
    USIZE_KV_APPEND = 1,
    USIZE_KV_UPDATE = 2,
    USIZE_KV_REMOVE = 3,
    USIZE_KV_EMPTY = 4,
    USIZE_KV_DUMP = 5,
    USIZE_KV_REBUILD = 9
};

/* Between the wire's byte order and ours, either way. */
static uint64_t usize_kv_swap(uint64_t word)
{
    return __builtin_bswap64(word);
}

static uint64_t usize_kv_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return usize_kv_swap(word);
}

/* UPDATE removes the first element that equals the very value which it then appends. REBUILD has
 * nothing to rewrite while there are no files: that it comes by is enough, as every turn of the loop
 * ends with a slice of the store's housekeeping. */
static const enum command_kind usize_kv_kinds[UINT8_MAX + 1] = {
    [USIZE_KV_READ] = COMMAND_LIST_READ,      [USIZE_KV_APPEND] = COMMAND_LIST_APPEND,
    [USIZE_KV_UPDATE] = COMMAND_LIST_REPLACE, [USIZE_KV_REMOVE] = COMMAND_LIST_REMOVE,
    [USIZE_KV_EMPTY] = COMMAND_TABLE_CLEAR,   [USIZE_KV_DUMP] = COMMAND_LIST_ALL,
    [USIZE_KV_REBUILD] = COMMAND_PING};

/* A frame is {cmd, key, value}, words of which the cmd's lowest byte alone is looked at. */
static enum gateway_progress usize_kv_parse(struct gateway_session *session, const uint8_t *bytes,
                                            size_t held_bytes, size_t *used_bytes,
                                            size_t *need_bytes, struct command *command)
{
    *need_bytes = USIZE_KV_FRAME_BYTES;
    if (held_bytes < USIZE_KV_FRAME_BYTES)
        return GATEWAY_MORE;
    *used_bytes = USIZE_KV_FRAME_BYTES;
    memset(command, 0, sizeof(*command));
    command->table = session->limits.tables[0];
    command->tag.opcode = bytes[7];
    command->kind = usize_kv_kinds[bytes[7]];
    command->refusal = STELE_ENOSYS;
    command->own[0] = usize_kv_word(bytes + 8);
    command->own[1] = usize_kv_word(bytes + 16);
    command->key = &command->own[0];
    command->key_bytes = sizeof(command->own[0]);
    command->value = &command->own[1];
    command->value_bytes = sizeof(command->own[1]);
    command->element = command->own[1];
    command->most = UINT64_MAX;
    return GATEWAY_COMMAND;
}

/* ---- DUMP ----------------------------------------------------------------------------------- */

/* Text on its way to the printer. */
struct usize_kv_text {
    const struct gateway_printer *printer;
    bool taken; /* all of it so far */
    size_t bytes;
    char text[USIZE_KV_PRINT_BYTES];
};

static void usize_kv_pass(struct usize_kv_text *text, bool last)
{
    if (text->taken)
        text->taken = text->printer->print(text->printer->context, text->text, text->bytes, last);
    text->bytes = 0;
}

/* A number and a short text. */
static void usize_kv_print(struct usize_kv_text *text, uint64_t number, const char *after)
{
    char digits[USIZE_KV_DIGITS];
    size_t first = sizeof(digits), after_bytes = strlen(after);
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    size_t digit_bytes = sizeof(digits) - first;
    if (text->bytes + digit_bytes + after_bytes > sizeof(text->text))
        usize_kv_pass(text, false);
    memcpy(text->text + text->bytes, digits + first, digit_bytes);
    memcpy(text->text + text->bytes + digit_bytes, after, after_bytes);
    text->bytes += digit_bytes + after_bytes;
}

/* "key : [v, v]" and the end of the line, for each key. */
static void usize_kv_dump(const struct gateway_printer *printer, struct command_spans *spans)
{
    struct usize_kv_text text = {.printer = printer, .taken = true};
    struct command_span span;
    uint64_t left = 0; /* of the key's elements */
    while (text.taken && spans->next(spans, &span)) {
        const uint64_t *elements = span.elements;
        STELE_ASSERT(span.element_bytes == sizeof(*elements));
        if (span.first) {
            uint64_t key;
            memcpy(&key, span.key, sizeof(key));
            usize_kv_print(&text, key, " : [");
            left = span.list_count;
        }
        for (uint64_t i = 0; i < span.count && text.taken; i++)
            usize_kv_print(&text, elements[i], --left > 0 ? ", " : "]\n");
    }
    usize_kv_pass(&text, true);
}

/* ---- replies -------------------------------------------------------------------------------- */

/* The elements, without any head. False: there is no memory for them. */
static bool usize_kv_tell(struct command_spans *spans, struct net_buffer *out)
{
    struct command_span span;
    uint64_t left = spans->element_count;
    uint8_t *tail = NULL;
    if (left <= GATEWAY_LARGE_MAX_BYTES)
        tail = gateway_room(out, left * sizeof(uint64_t));
    if (!tail)
        return false;
    while (spans->next(spans, &span)) {
        const uint64_t *elements = span.elements;
        STELE_ASSERT(span.element_bytes == sizeof(*elements) && span.count <= left);
        for (uint64_t i = 0; i < span.count; i++) {
            uint64_t word = usize_kv_swap(elements[i]);
            memcpy(tail + i * sizeof(word), &word, sizeof(word));
        }
        tail += span.count * sizeof(uint64_t);
        net_buffer_produced(out, (size_t)span.count * sizeof(uint64_t));
        left -= span.count;
    }
    STELE_ASSERT(left == 0);
    return true;
}

static void usize_kv_say(struct net_buffer *out, const char *bytes, size_t count)
{
    memcpy(net_buffer_tail(out), bytes, count);
    net_buffer_produced(out, count);
}

/* READ of what is not there is answered with no bytes, as of an empty list; so is DUMP. All that
 * failed is answered like an unknown command. */
static void usize_kv_reply(const struct gateway_session *session, const struct command *command,
                           const struct command_reply *reply, struct net_buffer *out)
{
    bool absent = reply->status == STELE_ENOTFOUND;
    bool done = reply->status == STELE_OK || absent;
    switch (command->kind) {
    case COMMAND_LIST_READ:
        done = absent || (done && usize_kv_tell(reply->spans, out));
        break;
    case COMMAND_LIST_ALL:
        if (done)
            usize_kv_dump(session->limits.printer, reply->spans);
        break;
    default:
        if (done)
            usize_kv_say(out, "\0", 1);
        break;
    }
    if (!done)
        usize_kv_say(out, "\xff\xff", 2);
}

const struct gateway gateway_usize_kv = {.name = "usize-kv",
                                         .terse = true,
                                         .finishes = true,
                                         .parse = usize_kv_parse,
                                         .reply = usize_kv_reply};
