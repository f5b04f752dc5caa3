/*
 * Every decoder of decode.h by itself, on bytes that end where memory ends. What it accepts must
 * lie within them and encode to the very same bytes again; what it refuses must have set nothing.
 *
 * Input: which decoder, then the bytes.
 */
#include <stele/detail/codec.h>
#include <stele/stats.h>

#include "fuzz.h"

struct body {
    const uint8_t *bytes;
    size_t count;
};

static bool within(const struct body *body, const uint8_t *at, size_t count)
{
    return count == 0 ||
           (at >= body->bytes && count <= body->count && at + count <= body->bytes + body->count);
}

/* ---- commands on one key -------------------------------------------------------------------- */

typedef bool change_decoder(const void *body, size_t count, struct stelei_change *change);

static size_t encode_put(uint8_t *out, const struct stelei_change *c)
{
    return stelei_encode_put_body(out, c->key_bytes, c->value_bytes);
}
static size_t encode_erase(uint8_t *out, const struct stelei_change *c)
{
    return stelei_encode_erase_body(out, c->key_bytes);
}
static size_t encode_cas(uint8_t *out, const struct stelei_change *c)
{
    return stelei_encode_cas_body(out, c->key_bytes, c->expected_bytes, c->value_bytes);
}
static size_t encode_incr(uint8_t *out, const struct stelei_change *c)
{
    return stelei_encode_incr_body(out, c->key_bytes, c->delta);
}
static size_t encode_remove(uint8_t *out, const struct stelei_change *c)
{
    return stelei_encode_remove_body(out, c->key_bytes, c->element);
}
static size_t encode_swap(uint8_t *out, const struct stelei_change *c)
{
    uint64_t element;
    memcpy(&element, c->value, sizeof element);
    return stelei_encode_swap_body(out, c->key_bytes, c->element, element);
}

/* A frame's body. */
static size_t body_of(uint8_t *out, const uint8_t *frame, size_t bytes)
{
    memcpy(out, frame + STELEI_FRAME_HEAD_BYTES, bytes - STELEI_FRAME_HEAD_BYTES);
    return bytes - STELEI_FRAME_HEAD_BYTES;
}
static size_t encode_get(uint8_t *out, const struct stelei_change *c)
{
    uint8_t frame[STELEI_ENCODED_MAX_BYTES];
    return body_of(out, frame, stelei_encode_get(frame, 0, 0, c->key_bytes, c->max_bytes));
}
static size_t encode_read(uint8_t *out, const struct stelei_change *c)
{
    uint8_t frame[STELEI_ENCODED_MAX_BYTES];
    return body_of(out, frame,
                   stelei_encode_read(frame, 0, 0, c->key_bytes, c->from, c->max_bytes));
}
static size_t encode_all(uint8_t *out, const struct stelei_change *c)
{
    uint8_t frame[STELEI_ENCODED_MAX_BYTES];
    return body_of(out, frame, stelei_encode_all(frame, 0, 0, c->max_bytes));
}

static const struct {
    change_decoder *decode;
    size_t (*encode)(uint8_t *out, const struct stelei_change *change);
} changes[] = {{stelei_decode_put, encode_put},   {stelei_decode_erase, encode_erase},
               {stelei_decode_cas, encode_cas},   {stelei_decode_incr, encode_incr},
               {stelei_decode_get, encode_get},   {stelei_decode_remove, encode_remove},
               {stelei_decode_swap, encode_swap}, {stelei_decode_read, encode_read},
               {stelei_decode_all, encode_all}};

static size_t append(uint8_t *out, size_t at, const void *bytes, size_t count)
{
    if (count > 0)
        memcpy(out + at, bytes, count);
    return at + count;
}

static void check_change(unsigned which, const struct body *body)
{
    uint8_t again[FUZZ_INPUT_MAX + STELEI_ENCODED_MAX_BYTES];
    struct stelei_change change, untouched;
    memset(&change, 0x5a, sizeof change);
    untouched = change;
    if (!changes[which].decode(body->bytes, body->count, &change)) {
        fuzz_expect(memcmp(&change, &untouched, sizeof change) == 0);
        return;
    }
    fuzz_expect(within(body, change.key, change.key_bytes));
    fuzz_expect(within(body, change.expected, change.expected_bytes));
    fuzz_expect(within(body, change.value, change.value_bytes));
    size_t at = changes[which].encode(again, &change);
    bool fixed = changes[which].encode == encode_swap; /* its value is in the fixed part */
    at = append(again, at, change.key, change.key_bytes);
    at = append(again, at, change.expected, change.expected_bytes);
    at = append(again, at, change.value, fixed ? 0 : change.value_bytes);
    fuzz_expect(at == body->count);
    fuzz_expect(memcmp(again, body->bytes, body->count) == 0);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void check_hello(const struct body *body)
{
    struct stelei_wire_hello hello;
    uint8_t frame[STELEI_ENCODED_MAX_BYTES];
    if (!stelei_decode_hello(body->bytes, body->count, &hello))
        return;
    size_t bytes = stelei_encode_hello(frame, 0, 0, hello.version_min, hello.version_max);
    fuzz_expect(bytes - STELEI_FRAME_HEAD_BYTES == body->count);
    fuzz_expect(memcmp(frame + STELEI_FRAME_HEAD_BYTES, body->bytes, body->count) == 0);
}

static void check_welcome(const struct body *body)
{
    struct stelei_wire_welcome welcome;
    struct stelei_name name;
    if (!stelei_decode_welcome(body->bytes, body->count, &welcome, &name))
        return;
    fuzz_expect(within(body, name.bytes, name.count) && name.count <= STELEI_WIRE_NAME_MAX);
    fuzz_expect(sizeof welcome + name.count == body->count);
    fuzz_expect(memcmp(&welcome, body->bytes, sizeof welcome) == 0);
}

static void check_name(const struct body *body)
{
    struct stelei_name name;
    bool wanted = body->count > 0 && body->count <= STELEI_WIRE_NAME_MAX &&
                  !memchr(body->bytes, 0, body->count);
    fuzz_expect(stelei_decode_name(body->bytes, body->count, &name) == wanted);
    if (wanted)
        fuzz_expect(name.bytes == body->bytes && name.count == body->count);
}

static void check_create(const struct body *body)
{
    struct stelei_wire_create create;
    struct stelei_name name;
    uint8_t frame[STELEI_ENCODED_MAX_BYTES];
    if (!stelei_decode_create(body->bytes, body->count, &create, &name))
        return;
    size_t bytes = stelei_encode_create(frame, 0, &create) - STELEI_FRAME_HEAD_BYTES;
    fuzz_expect(name.count == create.name_bytes && bytes + name.count == body->count);
    fuzz_expect(memcmp(frame + STELEI_FRAME_HEAD_BYTES, body->bytes, bytes) == 0);
    fuzz_expect(within(body, name.bytes, name.count) && !memchr(name.bytes, 0, name.count));
}

/* Entry after entry, as a vector is walked. */
static void check_entries(const struct body *body)
{
    struct stelei_cursor cursor = stelei_cursor_over(body->bytes, body->count);
    size_t used = 0;
    while (!cursor.failed && cursor.left > 0) {
        struct stelei_wire_entry entry;
        const uint8_t *bytes = stelei_cursor_entry(&cursor, &entry);
        if (cursor.failed)
            break;
        fuzz_expect(within(body, bytes, entry.length));
        used += sizeof entry + entry.length;
        fuzz_expect(used + cursor.left == body->count);
    }
}

static void check_get_reply(const struct body *body)
{
    const uint8_t *value = NULL;
    uint32_t value_bytes = 0, status = 0;
    if (!stelei_decode_get_reply(body->bytes, body->count, &value, &value_bytes))
        return;
    memcpy(&status, body->bytes, sizeof status);
    fuzz_expect(body->count == 8 + (status == 0 ? (size_t)value_bytes : 0));
    if (status == 0)
        fuzz_expect(within(body, value, value_bytes));
}

static void check_number(const struct body *body)
{
    uint64_t number = 0;
    if (!stelei_decode_number(body->bytes, body->count, &number))
        return;
    fuzz_expect(body->count == 16 && memcmp(&number, body->bytes + 8, 8) == 0);
}

static void check_stats(const struct body *body)
{
    uint64_t numbers[STELE_DAEMON_STATS_COUNT + 1];
    memset(numbers, 0x5a, sizeof numbers);
    bool good = stelei_decode_stats(body->bytes, body->count, numbers, STELE_DAEMON_STATS_COUNT);
    fuzz_expect(numbers[STELE_DAEMON_STATS_COUNT] == UINT64_C(0x5a5a5a5a5a5a5a5a));
    for (size_t i = 0; good && i < STELE_DAEMON_STATS_COUNT; i++) {
        uint64_t wanted = 0;
        if (8 + (i + 1) * 8 <= body->count)
            memcpy(&wanted, body->bytes + 8 + i * 8, 8);
        fuzz_expect(numbers[i] == wanted);
    }
}

static void check_listed(const struct body *body)
{
    struct stelei_cursor cursor = stelei_cursor_over(body->bytes, body->count);
    struct stelei_listed listed;
    while (cursor.left > 0 && stelei_decode_listed(&cursor, &listed)) {
        fuzz_expect(within(body, listed.name.bytes, listed.name.count));
        fuzz_expect(listed.name.count > 0 && listed.name.count <= STELEI_WIRE_NAME_MAX);
    }
}

static void check_read_reply(const struct body *body)
{
    struct stelei_wire_told told;
    const uint8_t *elements = NULL;
    size_t bytes = 0;
    if (!stelei_decode_read_reply(body->bytes, body->count, &told, &elements, &bytes))
        return;
    fuzz_expect(sizeof told + bytes == body->count && within(body, elements, bytes));
    fuzz_expect(bytes % told.element_bytes == 0 && bytes / told.element_bytes <= told.count);
}

/* List after list; they lie side by side. */
static void check_all_reply(const struct body *body)
{
    struct stelei_wire_told told;
    struct stelei_cursor rest;
    struct stelei_told_list list;
    size_t used = sizeof told;
    if (!stelei_decode_told(body->bytes, body->count, &told, &rest))
        return;
    fuzz_expect(used + rest.left == body->count);
    while (rest.left > 0 && stelei_decode_list(&rest, told.element_bytes, &list)) {
        size_t bytes = (size_t)list.count * told.element_bytes;
        fuzz_expect(within(body, list.key, list.key_bytes) && within(body, list.elements, bytes));
        used += sizeof(struct stelei_wire_list) + list.key_bytes + bytes;
        fuzz_expect(used + rest.left == body->count);
    }
}

static void check_vector_reply(const struct body *body)
{
    struct stelei_vector_reply reply;
    if (!stelei_decode_vector_reply(body->bytes, body->count, &reply))
        return;
    fuzz_expect(reply.count <= STELEI_VECTOR_MAX_COUNT);
    fuzz_expect(within(body, reply.statuses, (size_t)reply.count * 2));
    for (uint32_t i = 0; i < reply.count; i++) {
        uint16_t wanted;
        memcpy(&wanted, body->bytes + 8 + (size_t)i * 2, 2);
        fuzz_expect(stelei_vector_status(&reply, i) == wanted);
    }
}

typedef void checker(const struct body *body);
static checker *const checkers[] = {check_hello,        check_welcome,    check_name,
                                    check_create,       check_entries,    check_get_reply,
                                    check_number,       check_stats,      check_listed,
                                    check_vector_reply, check_read_reply, check_all_reply};

#define CHANGES  (sizeof changes / sizeof changes[0])
#define CHECKERS (sizeof checkers / sizeof checkers[0])

static void check(unsigned which, const struct body *body)
{
    if (which < CHANGES)
        check_change(which, body);
    else
        checkers[which - CHANGES](body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_fence fence;
    if (size == 0 || size > FUZZ_INPUT_MAX)
        return 0;
    struct body body = {data + 1, size - 1};
    unsigned which = data[0] % (unsigned)(CHANGES + CHECKERS);
    check(which, &body); /* the end of an allocation, for a sanitizer */
    body.bytes = fuzz_fence_copy(&fence, data + 1, size - 1);
    check(which, &body);
    return 0;
}
