/*
 * encode.h - numbers into frames. Encoders write the header and the fixed part of a body and return
 * how many bytes that was; key, value and name follow, appended by the caller. `out` has room for
 * STELEI_ENCODED_MAX_BYTES.
 */
#ifndef STELE_DETAIL_ENCODE_H
#define STELE_DETAIL_ENCODE_H

#include "frame.h"

#define STELEI_ENCODED_MAX_BYTES (STELEI_FRAME_HEAD_BYTES + 80u)

/* Eight bytes of the wire in one store: bytes stored one by one and then read as a word would wait
 * for the stores before them, which in the daemon miss the caches (a third of its time, measured). */
STELEI_INLINE void stelei_encode_word(uint8_t *out, uint32_t low, uint32_t high)
{
    uint64_t word = low | STELEI_CAST(uint64_t, high) << 32;
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
    erase.key_bytes = STELEI_CAST(uint16_t, key_bytes);
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
    cas.key_bytes = STELEI_CAST(uint16_t, key_bytes);
    cas.expected_bytes = expected_bytes;
    memcpy(out, &cas, sizeof(cas));
    return sizeof(cas);
}

STELEI_INLINE size_t stelei_encode_incr_body(uint8_t *out, uint32_t key_bytes, int64_t delta)
{
    struct stelei_wire_incr incr;
    memset(&incr, 0, sizeof(incr));
    incr.delta = delta;
    incr.key_bytes = STELEI_CAST(uint16_t, key_bytes);
    memcpy(out, &incr, sizeof(incr));
    return sizeof(incr);
}

STELEI_INLINE size_t stelei_encode_remove_body(uint8_t *out, uint32_t key_bytes, uint64_t element)
{
    struct stelei_wire_remove remove;
    memset(&remove, 0, sizeof(remove));
    remove.element = element;
    remove.key_bytes = STELEI_CAST(uint16_t, key_bytes);
    memcpy(out, &remove, sizeof(remove));
    return sizeof(remove);
}

STELEI_INLINE size_t stelei_encode_swap_body(uint8_t *out, uint32_t key_bytes, uint64_t old,
                                             uint64_t element)
{
    struct stelei_wire_swap swap;
    memset(&swap, 0, sizeof(swap));
    swap.old = old;
    swap.element = element;
    swap.key_bytes = STELEI_CAST(uint16_t, key_bytes);
    memcpy(out, &swap, sizeof(swap));
    return sizeof(swap);
}

/* Lengths must have been checked against the peer's limits. `opcode`: PUT, INSERT, REPLACE or
 * LIST_APPEND. */
STELEI_INLINE size_t stelei_encode_put(uint8_t *out, uint32_t request, unsigned opcode,
                                       uint32_t table, uint32_t key_bytes, uint32_t value_bytes)
{
    uint32_t length =
        STELEI_CAST(uint32_t, sizeof(struct stelei_wire_put)) + key_bytes + value_bytes;
    size_t at = stelei_encode_frame(out, length, opcode, 0, table, request);
    return at + stelei_encode_put_body(out + at, key_bytes, value_bytes);
}

/* A command of a key and nothing else. `opcode`: ERASE, LIST_POP or LIST_COUNT. */
STELEI_INLINE size_t stelei_encode_erase(uint8_t *out, uint32_t request, unsigned opcode,
                                         uint32_t table, uint32_t key_bytes)
{
    uint32_t length = STELEI_CAST(uint32_t, sizeof(struct stelei_wire_erase)) + key_bytes;
    size_t at = stelei_encode_frame(out, length, opcode, 0, table, request);
    return at + stelei_encode_erase_body(out + at, key_bytes);
}

STELEI_INLINE size_t stelei_encode_cas(uint8_t *out, uint32_t request, uint32_t table,
                                       uint32_t key_bytes, uint32_t expected_bytes,
                                       uint32_t value_bytes)
{
    uint32_t length = STELEI_CAST(uint32_t, sizeof(struct stelei_wire_cas)) + key_bytes +
                      expected_bytes + value_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_CAS, 0, table, request);
    return at + stelei_encode_cas_body(out + at, key_bytes, expected_bytes, value_bytes);
}

STELEI_INLINE size_t stelei_encode_incr(uint8_t *out, uint32_t request, uint32_t table,
                                        uint32_t key_bytes, int64_t delta)
{
    uint32_t length = STELEI_CAST(uint32_t, sizeof(struct stelei_wire_incr)) + key_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_INCR, 0, table, request);
    return at + stelei_encode_incr_body(out + at, key_bytes, delta);
}

STELEI_INLINE size_t stelei_encode_get(uint8_t *out, uint32_t request, uint32_t table,
                                       uint32_t key_bytes, uint32_t max_bytes)
{
    struct stelei_wire_get get;
    uint32_t length = STELEI_CAST(uint32_t, sizeof(get)) + key_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_GET, 0, table, request);
    get.max_bytes = max_bytes;
    get.key_bytes = STELEI_CAST(uint16_t, key_bytes);
    get.zero = 0;
    memcpy(out + at, &get, sizeof(get));
    return at + sizeof(get);
}

STELEI_INLINE size_t stelei_encode_remove(uint8_t *out, uint32_t request, uint32_t table,
                                          uint32_t key_bytes, uint64_t element)
{
    uint32_t length = STELEI_CAST(uint32_t, sizeof(struct stelei_wire_remove)) + key_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_LIST_REMOVE, 0, table, request);
    return at + stelei_encode_remove_body(out + at, key_bytes, element);
}

STELEI_INLINE size_t stelei_encode_swap(uint8_t *out, uint32_t request, uint32_t table,
                                        uint32_t key_bytes, uint64_t old, uint64_t element)
{
    uint32_t length = STELEI_CAST(uint32_t, sizeof(struct stelei_wire_swap)) + key_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_LIST_REPLACE, 0, table, request);
    return at + stelei_encode_swap_body(out + at, key_bytes, old, element);
}

static inline size_t stelei_encode_read(uint8_t *out, uint32_t request, uint32_t table,
                                        uint32_t key_bytes, uint64_t from, uint32_t max_bytes)
{
    struct stelei_wire_read read;
    uint32_t length = STELEI_CAST(uint32_t, sizeof(read)) + key_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_LIST_READ, 0, table, request);
    read.from = from;
    read.max_bytes = max_bytes;
    read.key_bytes = STELEI_CAST(uint16_t, key_bytes);
    read.zero = 0;
    memcpy(out + at, &read, sizeof(read));
    return at + sizeof(read);
}

static inline size_t stelei_encode_all(uint8_t *out, uint32_t request, uint32_t table,
                                       uint32_t max_bytes)
{
    struct stelei_wire_all all;
    size_t at = stelei_encode_frame(out, sizeof(all), STELEI_OP_LIST_ALL, 0, table, request);
    all.max_bytes = max_bytes;
    all.zero = 0;
    memcpy(out + at, &all, sizeof(all));
    return at + sizeof(all);
}

static inline size_t stelei_encode_hello(uint8_t *out, uint32_t request, unsigned flags,
                                         unsigned version_min, unsigned version_max)
{
    struct stelei_wire_hello hello;
    hello.magic = STELEI_WIRE_MAGIC;
    hello.version_min = STELEI_CAST(uint16_t, version_min);
    hello.version_max = STELEI_CAST(uint16_t, version_max);
    size_t at = stelei_encode_frame(out, sizeof(hello), STELEI_OP_HELLO, flags, 0, request);
    memcpy(out + at, &hello, sizeof(hello));
    return at + sizeof(hello);
}

/* welcome->name_bytes of name follow. */
static inline size_t stelei_encode_welcome(uint8_t *out, uint32_t request,
                                           const struct stelei_wire_welcome *welcome)
{
    uint32_t length = STELEI_CAST(uint32_t, sizeof(*welcome)) + welcome->name_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_HELLO | STELEI_REPLY_BIT, 0, 0, request);
    memcpy(out + at, welcome, sizeof(*welcome));
    return at + sizeof(*welcome);
}

static inline size_t stelei_encode_create(uint8_t *out, uint32_t request,
                                          const struct stelei_wire_create *create)
{
    uint32_t length = STELEI_CAST(uint32_t, sizeof(*create)) + create->name_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_TABLE_CREATE, 0, 0, request);
    memcpy(out + at, create, sizeof(*create));
    return at + sizeof(*create);
}

/* `entries_bytes`: of all entries, their heads included. */
static inline size_t stelei_encode_vector(uint8_t *out, uint32_t request, uint32_t count,
                                          uint32_t entries_bytes)
{
    uint32_t length = STELEI_CAST(uint32_t, sizeof(count)) + entries_bytes;
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
 * length), VECTOR, TABLE_LIST and STATS (a count). */
STELEI_INLINE size_t stelei_encode_reply(uint8_t *out, unsigned opcode, uint32_t request,
                                         uint32_t status, uint32_t number, uint32_t tail_bytes)
{
    size_t at = stelei_encode_frame(out, 8u + tail_bytes, opcode | STELEI_REPLY_BIT, 0, 0, request);
    stelei_encode_word(out + at, status, number);
    return at + 8;
}

/* A whole reply whose status is followed by 0 and one number: INCR, LIST_APPEND, LIST_POP, LIST_COUNT. */
STELEI_INLINE size_t stelei_encode_number(uint8_t *out, unsigned opcode, uint32_t request,
                                          uint64_t number)
{
    size_t at =
        stelei_encode_reply(out, opcode, request, 0, 0, STELEI_CAST(uint32_t, sizeof(number)));
    memcpy(out + at, &number, sizeof(number));
    return at + sizeof(number);
}

/* Start of a reply to LIST_READ or LIST_ALL, of which `tail_bytes` follow. */
STELEI_INLINE size_t stelei_encode_told(uint8_t *out, unsigned opcode, uint32_t request,
                                        const struct stelei_wire_told *told, uint32_t tail_bytes)
{
    size_t at = stelei_encode_frame(out, STELEI_CAST(uint32_t, sizeof(*told)) + tail_bytes,
                                    opcode | STELEI_REPLY_BIT, 0, 0, request);
    memcpy(out + at, told, sizeof(*told));
    return at + sizeof(*told);
}

/* key_bytes of key and `count` elements follow. */
STELEI_INLINE size_t stelei_encode_list(uint8_t *out, uint32_t key_bytes, uint64_t count)
{
    struct stelei_wire_list list;
    memset(&list, 0, sizeof(list));
    list.count = count;
    list.key_bytes = STELEI_CAST(uint16_t, key_bytes);
    memcpy(out, &list, sizeof(list));
    return sizeof(list);
}

/* facts->name_bytes of name follow. */
STELEI_INLINE size_t stelei_encode_listed(uint8_t *out, const struct stelei_wire_table *facts)
{
    memcpy(out, facts, sizeof(*facts));
    return sizeof(*facts);
}

#endif
