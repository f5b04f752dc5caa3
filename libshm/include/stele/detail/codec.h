/*
 * codec.h - bytes of the wire from and to numbers. Pure functions over the caller's memory: any
 * thread may call them; they know no socket, allocate nothing and keep nothing.
 *
 * Decoding reads through a cursor with a sticky error: straight reads, one check at the end. A
 * decoded key, value or name points into the bytes that were given and lives as long as they do.
 * Decoders return false on bytes that do not have the shape of frame.h, and then have set nothing.
 */
#ifndef STELE_DETAIL_CODEC_H
#define STELE_DETAIL_CODEC_H

#include "frame.h"

/* ---- the cursor --------------------------------------------------------------------------- */

struct stelei_cursor {
    const uint8_t *at;
    size_t left;
    bool failed; /* sticky: something was asked for that is not there, or should not be */
};

STELEI_INLINE struct stelei_cursor stelei_cursor_over(const void *bytes, size_t count)
{
    struct stelei_cursor cursor;
    cursor.at = (const uint8_t *)bytes;
    cursor.left = count;
    cursor.failed = false;
    return cursor;
}

/* The next `count` bytes in place; NULL once the cursor has failed. */
STELEI_INLINE const uint8_t *stelei_cursor_take(struct stelei_cursor *cursor, size_t count)
{
    const uint8_t *bytes = cursor->at;
    if (STELEI_UNLIKELY(cursor->failed || count > cursor->left)) {
        cursor->failed = true;
        return NULL;
    }
    cursor->at += count;
    cursor->left -= count;
    return bytes;
}

/* Copies the next `count` bytes into a fixed-width structure; zeroes once the cursor has failed. */
STELEI_INLINE void stelei_cursor_copy(struct stelei_cursor *cursor, void *out, size_t count)
{
    const uint8_t *bytes = stelei_cursor_take(cursor, count);
    if (STELEI_LIKELY(bytes != NULL))
        memcpy(out, bytes, count);
    else
        memset(out, 0, count);
}

/* Fails unless `cond` holds. */
STELEI_INLINE void stelei_cursor_require(struct stelei_cursor *cursor, bool cond)
{
    if (STELEI_UNLIKELY(!cond))
        cursor->failed = true;
}

/* True when everything was there and nothing is left over. */
STELEI_INLINE bool stelei_cursor_finished(const struct stelei_cursor *cursor)
{
    return !cursor->failed && cursor->left == 0;
}

/* ---- decoding ----------------------------------------------------------------------------- */

struct stelei_put {
    const uint8_t *key;
    const uint8_t *value;
    uint32_t key_bytes;
    uint32_t value_bytes;
};

struct stelei_name {
    const uint8_t *bytes;
    uint32_t count;
};

struct stelei_vector_reply {
    const uint8_t *statuses; /* count x u16, unaligned: stelei_vector_status() */
    uint32_t count;
};

/* `bytes` holds STELEI_FRAME_HEAD_BYTES. Every pattern is a frame header; its limits are the
 * caller's to check. */
STELEI_INLINE void stelei_decode_frame(const uint8_t *bytes, struct stelei_frame *frame)
{
    memcpy(frame, bytes, sizeof(*frame));
}

static inline bool stelei_decode_hello(const void *body, size_t count,
                                       struct stelei_wire_hello *hello)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_hello read;
    stelei_cursor_copy(&cursor, &read, sizeof(read));
    stelei_cursor_require(&cursor, read.magic == STELEI_WIRE_MAGIC);
    stelei_cursor_require(&cursor, read.version_min <= read.version_max);
    if (!stelei_cursor_finished(&cursor))
        return false;
    *hello = read;
    return true;
}

static inline bool stelei_decode_welcome(const void *body, size_t count,
                                         struct stelei_wire_welcome *welcome,
                                         struct stelei_name *name)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_welcome read;
    stelei_cursor_copy(&cursor, &read, sizeof(read));
    stelei_cursor_require(&cursor, read.name_bytes <= STELEI_WIRE_NAME_MAX);
    const uint8_t *bytes = stelei_cursor_take(&cursor, read.name_bytes);
    if (!stelei_cursor_finished(&cursor))
        return false;
    *welcome = read;
    name->bytes = bytes;
    name->count = read.name_bytes;
    return true;
}

static inline bool stelei_decode_put(const void *body, size_t count, struct stelei_put *put)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_put head;
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, head.zero == 0);
    const uint8_t *key = stelei_cursor_take(&cursor, head.key_bytes);
    const uint8_t *value = stelei_cursor_take(&cursor, head.value_bytes);
    if (STELEI_UNLIKELY(!stelei_cursor_finished(&cursor)))
        return false;
    put->key = key;
    put->value = value;
    put->key_bytes = head.key_bytes;
    put->value_bytes = head.value_bytes;
    return true;
}

/* Sets put->value to NULL. */
static inline bool stelei_decode_erase(const void *body, size_t count, struct stelei_put *put)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_erase head;
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, head.zero == 0);
    const uint8_t *key = stelei_cursor_take(&cursor, head.key_bytes);
    if (STELEI_UNLIKELY(!stelei_cursor_finished(&cursor)))
        return false;
    put->key = key;
    put->value = NULL;
    put->key_bytes = head.key_bytes;
    put->value_bytes = 0;
    return true;
}

/* A name has 1..STELEI_WIRE_NAME_MAX bytes, none of them zero. */
static inline bool stelei_decode_name(const void *body, size_t count, struct stelei_name *name)
{
    if (count == 0 || count > STELEI_WIRE_NAME_MAX || memchr(body, 0, count) != NULL)
        return false;
    name->bytes = (const uint8_t *)body;
    name->count = (uint32_t)count;
    return true;
}

static inline bool stelei_decode_create(const void *body, size_t count,
                                        struct stelei_wire_create *create, struct stelei_name *name)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_create read;
    stelei_cursor_copy(&cursor, &read, sizeof(read));
    const uint8_t *bytes = stelei_cursor_take(&cursor, read.name_bytes);
    if (!stelei_cursor_finished(&cursor) || !stelei_decode_name(bytes, read.name_bytes, name))
        return false;
    *create = read;
    return true;
}

/* One entry of a vector and its body; the sticky error says when there is none. */
static inline const uint8_t *stelei_cursor_entry(struct stelei_cursor *cursor,
                                                 struct stelei_wire_entry *entry)
{
    stelei_cursor_copy(cursor, entry, sizeof(*entry));
    return stelei_cursor_take(cursor, entry->length);
}

/* The body of a reply to VECTOR, status included, which must be STELE_OK. */
static inline bool stelei_decode_vector_reply(const void *body, size_t count,
                                              struct stelei_vector_reply *reply)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    uint32_t head[2];
    stelei_cursor_copy(&cursor, head, sizeof(head));
    stelei_cursor_require(&cursor, head[0] == 0 && head[1] <= STELEI_VECTOR_MAX_COUNT);
    if (cursor.failed)
        return false;
    const uint8_t *statuses = stelei_cursor_take(&cursor, (size_t)head[1] * 2);
    if (!stelei_cursor_finished(&cursor))
        return false;
    reply->statuses = statuses;
    reply->count = head[1];
    return true;
}

STELEI_INLINE uint16_t stelei_vector_status(const struct stelei_vector_reply *reply, uint32_t index)
{
    uint16_t status;
    memcpy(&status, reply->statuses + (size_t)index * 2, sizeof(status));
    return status;
}

/* ---- encoding -----------------------------------------------------------------------------
 * Encoders write the header and the fixed part of a body and return how many bytes that was; key,
 * value and name follow, appended by the caller. `out` has room for STELEI_ENCODED_MAX_BYTES.
 */

#define STELEI_ENCODED_MAX_BYTES (STELEI_FRAME_HEAD_BYTES + 48u)

STELEI_INLINE size_t stelei_encode_frame(uint8_t *out, uint32_t length, unsigned opcode,
                                         unsigned flags, uint32_t table, uint32_t request)
{
    struct stelei_frame frame;
    frame.length = length;
    frame.opcode = (uint8_t)opcode;
    frame.flags = (uint8_t)flags;
    frame.table = (uint16_t)table;
    frame.request = request;
    memcpy(out, &frame, sizeof(frame));
    return sizeof(frame);
}

/* The fixed part of a PUT body alone, as a vector's entry needs it. */
STELEI_INLINE size_t stelei_encode_put_body(uint8_t *out, uint32_t key_bytes, uint32_t value_bytes)
{
    struct stelei_wire_put put;
    put.value_bytes = value_bytes;
    put.key_bytes = (uint16_t)key_bytes;
    put.zero = 0;
    memcpy(out, &put, sizeof(put));
    return sizeof(put);
}

STELEI_INLINE size_t stelei_encode_erase_body(uint8_t *out, uint32_t key_bytes)
{
    struct stelei_wire_erase erase;
    erase.key_bytes = (uint16_t)key_bytes;
    erase.zero = 0;
    memcpy(out, &erase, sizeof(erase));
    return sizeof(erase);
}

/* Lengths must have been checked against the peer's limits. */
STELEI_INLINE size_t stelei_encode_put(uint8_t *out, uint32_t request, uint32_t table,
                                       uint32_t key_bytes, uint32_t value_bytes)
{
    uint32_t length = (uint32_t)sizeof(struct stelei_wire_put) + key_bytes + value_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_PUT, 0, table, request);
    return at + stelei_encode_put_body(out + at, key_bytes, value_bytes);
}

STELEI_INLINE size_t stelei_encode_erase(uint8_t *out, uint32_t request, uint32_t table,
                                         uint32_t key_bytes)
{
    uint32_t length = (uint32_t)sizeof(struct stelei_wire_erase) + key_bytes;
    size_t at = stelei_encode_frame(out, length, STELEI_OP_ERASE, 0, table, request);
    return at + stelei_encode_erase_body(out + at, key_bytes);
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
    struct stelei_wire_entry entry;
    entry.length = length;
    entry.opcode = (uint8_t)opcode;
    entry.flags = 0;
    entry.table = (uint16_t)table;
    memcpy(out, &entry, sizeof(entry));
    return sizeof(entry);
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

/* Start of a reply to VECTOR; `count` statuses of two bytes follow. */
STELEI_INLINE size_t stelei_encode_vector_reply(uint8_t *out, uint32_t request, uint32_t count)
{
    uint32_t head[2];
    head[0] = 0;
    head[1] = count;
    size_t at = stelei_encode_frame(out, (uint32_t)sizeof(head) + count * 2,
                                    STELEI_OP_VECTOR | STELEI_REPLY_BIT, 0, 0, request);
    memcpy(out + at, head, sizeof(head));
    return at + sizeof(head);
}

#endif
