#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include <stele/detail/codec.h>
#include <stele/status.h>

/* A value that a get returned. */
static void check_value(const uint8_t *bytes, size_t count, const struct bench_key *expected,
                        struct wire_tally *tally)
{
    struct bench_value value;
    if (!expected || count != sizeof value) {
        tally->wrong++;
        return;
    }
    memcpy(&value, bytes, sizeof value);
    tally->wrong += !dataset_check(expected, &value);
}

/* ---- native -------------------------------------------------------------------------------- */

static size_t native_greet(uint8_t *out)
{
    return stelei_encode_hello(out, 0, 0, STELEI_WIRE_VERSION, STELEI_WIRE_VERSION);
}

static size_t native_put(uint8_t *out, unsigned table, const struct bench_key *key,
                         const struct bench_value *value)
{
    uint32_t length = (uint32_t)(sizeof(struct stelei_wire_put) + sizeof *key + sizeof *value);
    size_t at = stelei_encode_frame(out, length, STELEI_OP_PUT, 0, table, 0);
    at += stelei_encode_put_body(out + at, sizeof *key, sizeof *value);
    memcpy(out + at, key, sizeof *key);
    memcpy(out + at + sizeof *key, value, sizeof *value);
    return at + sizeof *key + sizeof *value;
}

static size_t native_reply(const uint8_t *bytes, size_t held, const struct bench_key *expected,
                           struct wire_tally *tally)
{
    (void)expected;
    struct stelei_frame frame;
    uint32_t status;
    if (held < sizeof frame + sizeof status)
        return 0;
    stelei_decode_frame(bytes, &frame);
    size_t whole = sizeof frame + frame.length;
    if (!(frame.opcode & STELEI_REPLY_BIT) || frame.length < sizeof status) {
        tally->nonsense = true;
        return 0;
    }
    if (held < whole)
        return 0;
    memcpy(&status, bytes + sizeof frame, sizeof status);
    tally->done++;
    tally->refused += status != STELE_OK;
    return whole;
}

const struct wire wire_native = {
    .name = "native",
    .greet = native_greet,
    .put = native_put,
    .reply = native_reply,
};

/* ---- RESP ---------------------------------------------------------------------------------- */

static uint8_t *append(uint8_t *out, const void *bytes, size_t count)
{
    memcpy(out, bytes, count);
    return out + count;
}

#define APPEND_TEXT(out, text) append(out, text, sizeof(text) - 1)

static size_t resp_put(uint8_t *out, unsigned table, const struct bench_key *key,
                       const struct bench_value *value)
{
    uint8_t *at = APPEND_TEXT(out, "*3\r\n$3\r\nSET\r\n$16\r\n");
    (void)table;
    at = append(at, key, sizeof *key);
    at = APPEND_TEXT(at, "\r\n$32\r\n");
    at = append(at, value, sizeof *value);
    at = APPEND_TEXT(at, "\r\n");
    return (size_t)(at - out);
}

static size_t resp_get(uint8_t *out, const struct bench_key *key)
{
    uint8_t *at = APPEND_TEXT(out, "*2\r\n$3\r\nGET\r\n$16\r\n");
    at = append(at, key, sizeof *key);
    at = APPEND_TEXT(at, "\r\n");
    return (size_t)(at - out);
}

/* A bulk string: "$32\r\n", its bytes, "\r\n"; "$-1\r\n": no such key. */
static size_t resp_bulk(const uint8_t *bytes, size_t held, size_t line,
                        const struct bench_key *expected, struct wire_tally *tally)
{
    long count = strtol((const char *)bytes + 1, NULL, 10); /* ends at the '\r' */
    if (count < 0) {
        tally->done++;
        tally->missing++;
        return line;
    }
    size_t whole = line + (size_t)count + 2;
    if (held < whole)
        return 0;
    tally->done++;
    check_value(bytes + line, (size_t)count, expected, tally);
    return whole;
}

static size_t resp_reply(const uint8_t *bytes, size_t held, const struct bench_key *expected,
                         struct wire_tally *tally)
{
    const uint8_t *end;
    if (held >= 5 && memcmp(bytes, "+OK\r\n", 5) == 0 && !expected) {
        tally->done++;
        return 5;
    }
    if (held == 0 || !(end = memchr(bytes, '\n', held)))
        return 0;
    size_t line = (size_t)(end - bytes) + 1;
    switch (bytes[0]) {
    case '$':
        return resp_bulk(bytes, held, line, expected, tally);
    case '+':
    case ':':
        tally->done++;
        return line;
    case '-':
        tally->done++;
        tally->refused++;
        return line;
    default:
        tally->nonsense = true;
        return 0;
    }
}

const struct wire wire_resp = {
    .name = "RESP",
    .put = resp_put,
    .get = resp_get,
    .reply = resp_reply,
};

/* ---- memcached's binary protocol ------------------------------------------------------------ */

/* All numbers are big-endian. */
struct memcached_head {
    uint8_t magic;
    uint8_t opcode;
    uint8_t key_bytes[2];
    uint8_t extra_bytes;
    uint8_t data_type;
    uint8_t status[2]; /* of a command: 0 */
    uint8_t body_bytes[4];
    uint8_t opaque[4];
    uint8_t cas[8];
};

#define MEMCACHED_GET     0x00u
#define MEMCACHED_SET     0x01u
#define MEMCACHED_COMMAND 0x80u
#define MEMCACHED_REPLY   0x81u

static uint8_t *memcached_head(uint8_t *out, uint8_t opcode, uint8_t extra_bytes,
                               uint8_t value_bytes)
{
    struct memcached_head head = {.magic = MEMCACHED_COMMAND, .opcode = opcode};
    head.key_bytes[1] = BENCH_KEY_BYTES;
    head.extra_bytes = extra_bytes;
    head.body_bytes[3] = (uint8_t)(extra_bytes + BENCH_KEY_BYTES + value_bytes);
    return append(out, &head, sizeof head);
}

static size_t memcached_put(uint8_t *out, unsigned table, const struct bench_key *key,
                            const struct bench_value *value)
{
    static const uint8_t no_flags_no_expiry[8];
    uint8_t *at = memcached_head(out, MEMCACHED_SET, sizeof no_flags_no_expiry, sizeof *value);
    (void)table;
    at = append(at, no_flags_no_expiry, sizeof no_flags_no_expiry);
    at = append(at, key, sizeof *key);
    at = append(at, value, sizeof *value);
    return (size_t)(at - out);
}

static size_t memcached_get(uint8_t *out, const struct bench_key *key)
{
    uint8_t *at = memcached_head(out, MEMCACHED_GET, 0, 0);
    at = append(at, key, sizeof *key);
    return (size_t)(at - out);
}

static size_t memcached_reply(const uint8_t *bytes, size_t held, const struct bench_key *expected,
                              struct wire_tally *tally)
{
    struct memcached_head head;
    if (held < sizeof head)
        return 0;
    memcpy(&head, bytes, sizeof head);
    size_t body = (size_t)head.body_bytes[0] << 24 | (size_t)head.body_bytes[1] << 16 |
                  (size_t)head.body_bytes[2] << 8 | head.body_bytes[3];
    if (head.magic != MEMCACHED_REPLY || body < head.extra_bytes) {
        tally->nonsense = true;
        return 0;
    }
    if (held < sizeof head + body)
        return 0;
    tally->done++;
    if (head.status[1] == 1) /* not found */
        tally->missing++;
    else if (head.status[0] || head.status[1])
        tally->refused++;
    else if (expected)
        check_value(bytes + sizeof head + head.extra_bytes, body - head.extra_bytes, expected,
                    tally);
    return sizeof head + body;
}

const struct wire wire_memcached = {
    .name = "memcached, binary",
    .put = memcached_put,
    .get = memcached_get,
    .reply = memcached_reply,
};
