/*
 * encode.h - numbers into frames. Encoders write the header and the fixed part of a body and return
 * how many bytes that was; key, value and name follow, appended by the caller. `out` has room for
 * STELEI_ENCODED_MAX_BYTES.
 */
#ifndef STELE_DETAIL_ENCODE_H
#define STELE_DETAIL_ENCODE_H

#include "frame.h"

#define STELEI_ENCODED_MAX_BYTES (STELEI_FRAME_HEAD_BYTES + 64u)

/* Eight bytes of the wire in one store: bytes stored one by one and then read as a word would wait
 * for the stores before them, which in the daemon miss the caches (a third of its time, measured). */
STELEI_INLINE void stelei_encode_word(uint8_t *out, uint32_t low, uint32_t high)
{
    uint64_t word = low | (uint64_t)high << 32;
    memcpy(out, &word, sizeof(word));
}

STELEI_INLINE size_t stelei_encode_frame(uint8_t *out, uint32_t length, unsigned opcode,
                                         unsigned flags, uint32_t table, uint32_t request)
{
    stelei_encode_word(out, length, (opcode & 0xffu) | (flags & 0xffu) << 8 | table << 16);
    memcpy(out + 8, &request, sizeof(request));
    return STELEI_FRAME_HEAD_BYTES;
}

/* The fixed part of a PUT body alone, as a vector's entry needs it. */
STELEI_INLINE size_t stelei_encode_put_body(uint8_t *out, uint32_t key_bytes, uint32_t value_bytes)
{
    stelei_encode_word(out, value_bytes, key_bytes & 0xffffu);
    return sizeof(struct stelei_wire_put);
}

STELEI_INLINE size_t stelei_encode_erase_body(uint8_t *out, uint32_t key_bytes)
{
    struct stelei_wire_erase erase;
    erase.key_bytes = (uint16_t)key_bytes;
    erase.zero = 0;
    memcpy(out, &erase, sizeof(erase));
    return sizeof(erase);
}

STELEI_INLINE size_t stelei_encode_cas_body(uint8_t *out, uint32_t key_bytes,
                                            uint32_t expected_bytes, uint32_t value_bytes)
{
    struct stelei_wire_cas cas;
    memset(&cas, 0, sizeof(cas));
    cas.value_bytes = value_bytes;
    cas.key_bytes = (uint16_t)key_bytes;
    cas.expected_bytes = expected_bytes;
    memcpy(out, &cas, sizeof(cas));
    return sizeof(cas);
}

STELEI_INLINE size_t stelei_encode_incr_body(uint8_t *out, uint32_t key_bytes, int64_t delta)
{
    struct stelei_wire_incr incr;
    memset(&incr, 0, sizeof(incr));
    incr.delta = delta;
    incr.key_bytes = (uint16_t)key_bytes;
    memcpy(out, &incr, sizeof(incr));
    return sizeof(incr);
}

/* Lengths must have been checked against the peer's limits. `opcode`: PUT, INSERT or REPLACE. */
STELEI_INLINE size_t stelei_encode_put(uint8_t *out, uint32_t request, unsigned opcode,
                                       uint32_t table, uint32_t key_bytes, uint32_t value_bytes)
{
    uint32_t length = (uint32_t)sizeof(struct stelei_wire_put) + key_bytes + value_bytes;
    size_t at = stelei_encode_frame(out, length, opcode, 0, table, request);
    return at + stelei_encode_put_body(out + at, key_bytes, value_bytes);
}

STELEI_INLINE size_t stelei_encode_erase(uint8_t *out, uint32_t request, uint32_t table,
                                         uint32_t key_bytes)
{
    uint32_t length = (uint32_t)sizeof(struct stelei_wire_erase) + key_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_ERASE, 0, table, request);
    return at + stelei_encode_erase_body(out + at, key_bytes);
}

STELEI_INLINE size_t stelei_encode_cas(uint8_t *out, uint32_t request, uint32_t table,
                                       uint32_t key_bytes, uint32_t expected_bytes,
                                       uint32_t value_bytes)
{
    uint32_t length =
        (uint32_t)sizeof(struct stelei_wire_cas) + key_bytes + expected_bytes + value_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_CAS, 0, table, request);
    return at + stelei_encode_cas_body(out + at, key_bytes, expected_bytes, value_bytes);
}

STELEI_INLINE size_t stelei_encode_incr(uint8_t *out, uint32_t request, uint32_t table,
                                        uint32_t key_bytes, int64_t delta)
{
    uint32_t length = (uint32_t)sizeof(struct stelei_wire_incr) + key_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_INCR, 0, table, request);
    return at + stelei_encode_incr_body(out + at, key_bytes, delta);
}

STELEI_INLINE size_t stelei_encode_get(uint8_t *out, uint32_t request, uint32_t table,
                                       uint32_t key_bytes, uint32_t max_bytes)
{
    struct stelei_wire_get get;
    uint32_t length = (uint32_t)sizeof(get) + key_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_GET, 0, table, request);
    get.max_bytes = max_bytes;
    get.key_bytes = (uint16_t)key_bytes;
    get.zero = 0;
    memcpy(out + at, &get, sizeof(get));
    return at + sizeof(get);
}

static inline size_t stelei_encode_hello(uint8_t *out, uint32_t request, unsigned flags,
                                         unsigned version_min, unsigned version_max)
{
    struct stelei_wire_hello hello;
    hello.magic = STELEI_WIRE_MAGIC;
    hello.version_min = (uint16_t)version_min;
    hello.version_max = (uint16_t)version_max;
    size_t at = stelei_encode_frame(out, sizeof(hello), STELEI_OP_HELLO, flags, 0, request);
    memcpy(out + at, &hello, sizeof(hello));
    return at + sizeof(hello);
}

/* welcome->name_bytes of name follow. */
static inline size_t stelei_encode_welcome(uint8_t *out, uint32_t request,
                                           const struct stelei_wire_welcome *welcome)
{
    uint32_t length = (uint32_t)sizeof(*welcome) + welcome->name_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_HELLO | STELEI_REPLY_BIT, 0, 0, request);
    memcpy(out + at, welcome, sizeof(*welcome));
    return at + sizeof(*welcome);
}

static inline size_t stelei_encode_create(uint8_t *out, uint32_t request,
                                          const struct stelei_wire_create *create)
{
    uint32_t length = (uint32_t)sizeof(*create) + create->name_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_TABLE_CREATE, 0, 0, request);
    memcpy(out + at, create, sizeof(*create));
    return at + sizeof(*create);
}

/* `entries_bytes`: of all entries, their heads included. */
static inline size_t stelei_encode_vector(uint8_t *out, uint32_t request, uint32_t count,
                                          uint32_t entries_bytes)
{
    uint32_t length = (uint32_t)sizeof(count) + entries_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_VECTOR, 0, 0, request);
    memcpy(out + at, &count, sizeof(count));
    return at + sizeof(count);
}

STELEI_INLINE size_t stelei_encode_entry(uint8_t *out, uint32_t length, unsigned opcode,
                                         uint32_t table)
{
    stelei_encode_word(out, length, (opcode & 0xffu) | table << 16);
    return sizeof(struct stelei_wire_entry);
}

/* A whole reply that is nothing but its status. */
STELEI_INLINE size_t stelei_encode_status(uint8_t *out, unsigned opcode, uint32_t table,
                                          uint32_t request, uint32_t status)
{
    size_t at =
        stelei_encode_frame(out, sizeof(status), opcode | STELEI_REPLY_BIT, 0, table, request);
    memcpy(out + at, &status, sizeof(status));
    return at + sizeof(status);
}

/* Start of a reply whose status is followed by a u32 and `tail_bytes` more: GET (the value's
 * length), INCR (0), VECTOR, TABLE_LIST and STATS (a count). */
STELEI_INLINE size_t stelei_encode_reply(uint8_t *out, unsigned opcode, uint32_t request,
                                         uint32_t status, uint32_t number, uint32_t tail_bytes)
{
    size_t at = stelei_encode_frame(out, 8u + tail_bytes, opcode | STELEI_REPLY_BIT, 0, 0, request);
    stelei_encode_word(out + at, status, number);
    return at + 8;
}

/* facts->name_bytes of name follow. */
STELEI_INLINE size_t stelei_encode_listed(uint8_t *out, const struct stelei_wire_table *facts)
{
    memcpy(out, facts, sizeof(*facts));
    return sizeof(*facts);
}

#endif
