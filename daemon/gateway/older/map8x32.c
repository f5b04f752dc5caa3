/*
 * map8x32.c - the protocol of Map8x32: one table of u8 -> list of u32, which its clients change with
 * frames of six bytes. README.md has it byte by byte.
 */
#include <string.h>

#include <stele/detail/base.h>

#include "gateway/gateway.h"

#define MAP8X32_FRAME_BYTES 6u
#define MAP8X32_HEAD_BYTES  5u /* of a reply and of an entry: {status or key u8, count u32} */

enum map8x32_op {
    MAP8X32_SET = 1,
    MAP8X32_GET = 2,
    MAP8X32_DELETE = 3,
    MAP8X32_DELETE_ALL = 4,
    MAP8X32_LIST = 5
};

/* What a reply starts with. NOT_DONE answers unknown ops; it is also what is said of everything that
 * failed, as the only one that means neither success nor absence. */
enum map8x32_status { MAP8X32_ABSENT = 0, MAP8X32_DONE = 1, MAP8X32_NOT_DONE = 2 };

static const enum command_kind map8x32_kinds[UINT8_MAX + 1] = {[MAP8X32_SET] = COMMAND_LIST_APPEND,
                                                               [MAP8X32_GET] = COMMAND_LIST_READ,
                                                               [MAP8X32_DELETE] = COMMAND_ERASE,
                                                               [MAP8X32_DELETE_ALL] =
                                                                   COMMAND_TABLE_CLEAR,
                                                               [MAP8X32_LIST] = COMMAND_LIST_ALL};

/* A frame is {op u8, key u8, value u32}: numbers as a table has them on any machine that stele runs
 * on, but the value must be aligned for the store. */
static enum gateway_progress map8x32_parse(struct gateway_session *session, const uint8_t *bytes,
                                           size_t held_bytes, size_t *used_bytes,
                                           size_t *need_bytes, struct command *command)
{
    bool nobody = session->limits.rights == 0; /* is told so, and hung up on */
    *need_bytes = MAP8X32_FRAME_BYTES;
    if (held_bytes < MAP8X32_FRAME_BYTES)
        return GATEWAY_MORE;
    *used_bytes = MAP8X32_FRAME_BYTES;
    memset(command, 0, sizeof(*command));
    command->table = session->limits.tables[0];
    command->tag.opcode = bytes[0];
    command->kind = nobody ? COMMAND_REFUSE : map8x32_kinds[bytes[0]];
    command->refusal = nobody ? STELE_EPERM : STELE_ENOSYS;
    command->hang_up = nobody;
    command->key = bytes + 1;
    command->key_bytes = 1;
    memcpy(command->own, bytes + 2, sizeof(uint32_t));
    command->value = command->own;
    command->value_bytes = sizeof(uint32_t);
    command->most = UINT64_MAX;
    return GATEWAY_COMMAND;
}

/* ---- replies -------------------------------------------------------------------------------- */

static size_t map8x32_head(uint8_t first, uint64_t count, uint8_t *out)
{
    uint32_t narrow = (uint32_t)count; /* a reply of GATEWAY_LARGE_MAX_BYTES has fewer */
    out[0] = first;
    memcpy(out + 1, &narrow, sizeof(narrow));
    return MAP8X32_HEAD_BYTES;
}

/* {status, count, elements} of one list, or {status, keys, {key, count, elements}...} of all. False:
 * there is no memory for it. */
static bool map8x32_tell(const struct command_reply *reply, bool all, struct net_buffer *out)
{
    struct command_spans *spans = reply->spans;
    struct command_span span;
    uint64_t lists = all ? spans->lists : 0, elements = spans->element_count;
    if (elements > GATEWAY_LARGE_MAX_BYTES)
        return false;
    uint64_t bytes = MAP8X32_HEAD_BYTES * (1 + lists) + elements * sizeof(uint32_t);
    uint8_t *tail = gateway_room(out, bytes);
    if (!tail)
        return false;
    size_t at = map8x32_head(MAP8X32_DONE, all ? lists : elements, tail);
    while (spans->next(spans, &span)) {
        size_t span_bytes = (size_t)span.count * sizeof(uint32_t);
        size_t head_bytes = all && span.first ? MAP8X32_HEAD_BYTES : 0;
        STELE_ASSERT(span.element_bytes == sizeof(uint32_t) &&
                     at + head_bytes + span_bytes <= bytes);
        if (head_bytes > 0)
            at += map8x32_head(*(const uint8_t *)span.key, span.list_count, tail + at);
        memcpy(tail + at, span.elements, span_bytes);
        at += span_bytes;
    }
    STELE_ASSERT(at == bytes);
    net_buffer_produced(out, at);
    return true;
}

static enum map8x32_status map8x32_status(enum stele_status status)
{
    if (status == STELE_OK)
        return MAP8X32_DONE;
    return status == STELE_ENOTFOUND ? MAP8X32_ABSENT : MAP8X32_NOT_DONE;
}

static void map8x32_reply(const struct gateway_session *session, const struct command *command,
                          const struct command_reply *reply, struct net_buffer *out)
{
    enum map8x32_status status = map8x32_status(reply->status);
    (void)session;
    if (status == MAP8X32_DONE && reply->spans) {
        if (map8x32_tell(reply, command->kind == COMMAND_LIST_ALL, out))
            return;
        status = MAP8X32_NOT_DONE;
    }
    *net_buffer_tail(out) = (uint8_t)status;
    net_buffer_produced(out, 1);
}

const struct gateway gateway_map8x32 = {.name = "map8x32",
                                        .terse = true,
                                        .finishes = true,
                                        .parse = map8x32_parse,
                                        .reply = map8x32_reply};
