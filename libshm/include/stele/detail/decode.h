/*
 * decode.h - frames and bodies into numbers. Decoded keys, values and names point into the bytes
 * that were given and live as long as they do. Decoders return false on bytes that do not have the
 * shape of frame.h, and then have set nothing.
 */
#ifndef STELE_DETAIL_DECODE_H
#define STELE_DETAIL_DECODE_H

#include "cursor.h"
#include "frame.h"

/* What a command on one key carries; what its opcode does not have is 0 or of 0 bytes. */
struct stelei_change {
    const uint8_t *key;
    const uint8_t *value;    /* LIST_REPLACE: the element to append, eight bytes */
    const uint8_t *expected; /* CAS */
    int64_t delta;           /* INCR */
    uint64_t element;        /* LIST_REMOVE, LIST_REPLACE: the one that goes */
    uint64_t from;           /* LIST_READ */
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint32_t expected_bytes;
    uint32_t max_bytes; /* GET, LIST_READ, LIST_ALL */
};

struct stelei_name {
    const uint8_t *bytes;
    uint32_t count;
};

/* One table in a reply to TABLE_LIST. */
struct stelei_listed {
    struct stelei_wire_table facts;
    struct stelei_name name;
};

/* One list in a reply to LIST_ALL; `elements` are packed and unaligned. */
struct stelei_told_list {
    const uint8_t *key;
    const uint8_t *elements;
    uint64_t count;
    uint32_t key_bytes;
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

/* Takes the key and what follows it; sets *change only where everything was there. */
STELEI_INLINE bool stelei_decode_parts(struct stelei_cursor *cursor, struct stelei_change *parts,
                                       struct stelei_change *change)
{
    parts->key = stelei_cursor_take(cursor, parts->key_bytes);
    parts->expected = stelei_cursor_take(cursor, parts->expected_bytes);
    parts->value = stelei_cursor_take(cursor, parts->value_bytes);
    if (STELEI_UNLIKELY(!stelei_cursor_finished(cursor)))
        return false;
    *change = *parts;
    return true;
}

/* PUT, INSERT, REPLACE and LIST_APPEND. */
static inline bool stelei_decode_put(const void *body, size_t count, struct stelei_change *change)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_put head;
    struct stelei_change parts;
    memset(&parts, 0, sizeof(parts));
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, head.zero == 0);
    parts.key_bytes = head.key_bytes;
    parts.value_bytes = head.value_bytes;
    return stelei_decode_parts(&cursor, &parts, change);
}

/* ERASE, LIST_POP and LIST_COUNT. */
static inline bool stelei_decode_erase(const void *body, size_t count, struct stelei_change *change)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_erase head;
    struct stelei_change parts;
    memset(&parts, 0, sizeof(parts));
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, head.zero == 0);
    parts.key_bytes = head.key_bytes;
    return stelei_decode_parts(&cursor, &parts, change);
}

static inline bool stelei_decode_cas(const void *body, size_t count, struct stelei_change *change)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_cas head;
    struct stelei_change parts;
    memset(&parts, 0, sizeof(parts));
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, head.zero == 0 && head.zero_too == 0);
    parts.key_bytes = head.key_bytes;
    parts.expected_bytes = head.expected_bytes;
    parts.value_bytes = head.value_bytes;
    return stelei_decode_parts(&cursor, &parts, change);
}

static inline bool stelei_decode_incr(const void *body, size_t count, struct stelei_change *change)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_incr head;
    struct stelei_change parts;
    memset(&parts, 0, sizeof(parts));
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, (head.zero[0] | head.zero[1] | head.zero[2]) == 0);
    parts.key_bytes = head.key_bytes;
    parts.delta = head.delta;
    return stelei_decode_parts(&cursor, &parts, change);
}

static inline bool stelei_decode_get(const void *body, size_t count, struct stelei_change *change)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_get head;
    struct stelei_change parts;
    memset(&parts, 0, sizeof(parts));
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, head.zero == 0);
    parts.key_bytes = head.key_bytes;
    parts.max_bytes = head.max_bytes;
    return stelei_decode_parts(&cursor, &parts, change);
}

static inline bool stelei_decode_remove(const void *body, size_t count,
                                        struct stelei_change *change)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_remove head;
    struct stelei_change parts;
    memset(&parts, 0, sizeof(parts));
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, (head.zero[0] | head.zero[1] | head.zero[2]) == 0);
    parts.key_bytes = head.key_bytes;
    parts.element = head.element;
    return stelei_decode_parts(&cursor, &parts, change);
}

/* LIST_REPLACE. */
static inline bool stelei_decode_swap(const void *body, size_t count, struct stelei_change *change)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_swap head;
    struct stelei_change parts;
    memset(&parts, 0, sizeof(parts));
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, (head.zero[0] | head.zero[1] | head.zero[2]) == 0);
    parts.key_bytes = head.key_bytes;
    parts.element = head.old;
    if (!stelei_decode_parts(&cursor, &parts, change))
        return false;
    change->value = STELEI_CAST(const uint8_t *, body) + offsetof(struct stelei_wire_swap, element);
    change->value_bytes = STELEI_CAST(uint32_t, sizeof(head.element));
    return true;
}

static inline bool stelei_decode_read(const void *body, size_t count, struct stelei_change *change)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_read head;
    struct stelei_change parts;
    memset(&parts, 0, sizeof(parts));
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, head.zero == 0);
    parts.key_bytes = head.key_bytes;
    parts.from = head.from;
    parts.max_bytes = head.max_bytes;
    return stelei_decode_parts(&cursor, &parts, change);
}

/* LIST_ALL, which has no key. */
static inline bool stelei_decode_all(const void *body, size_t count, struct stelei_change *change)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_all head;
    struct stelei_change parts;
    memset(&parts, 0, sizeof(parts));
    stelei_cursor_copy(&cursor, &head, sizeof(head));
    stelei_cursor_require(&cursor, head.zero == 0);
    parts.max_bytes = head.max_bytes;
    return stelei_decode_parts(&cursor, &parts, change);
}

STELEI_INLINE bool stelei_all_zero(const uint8_t *bytes, size_t count)
{
    unsigned any = 0;
    for (size_t i = 0; i < count; i++)
        any |= bytes[i];
    return any == 0;
}

/* A name has 1..STELEI_WIRE_NAME_MAX bytes, none of them zero. */
static inline bool stelei_decode_name(const void *body, size_t count, struct stelei_name *name)
{
    if (count == 0 || count > STELEI_WIRE_NAME_MAX || memchr(body, 0, count) != STELEI_NULL)
        return false;
    name->bytes = STELEI_CAST(const uint8_t *, body);
    name->count = STELEI_CAST(uint32_t, count);
    return true;
}

static inline bool stelei_decode_create(const void *body, size_t count,
                                        struct stelei_wire_create *create, struct stelei_name *name)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_create read;
    stelei_cursor_copy(&cursor, &read, sizeof(read));
    stelei_cursor_require(&cursor, stelei_all_zero(read.zero, sizeof(read.zero)));
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

/* The body of a reply to GET; with STELE_ESHORT it ends after the length of the value. */
static inline bool stelei_decode_get_reply(const void *body, size_t count, const uint8_t **value,
                                           uint32_t *value_bytes)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    uint32_t head[2];
    stelei_cursor_copy(&cursor, head, sizeof(head));
    const uint8_t *bytes = stelei_cursor_take(&cursor, head[0] == 0 ? head[1] : 0);
    if (!stelei_cursor_finished(&cursor))
        return false;
    *value = bytes;
    *value_bytes = head[1];
    return true;
}

/* The body of a reply to INCR, LIST_APPEND, LIST_POP or LIST_COUNT that says STELE_OK. */
static inline bool stelei_decode_number(const void *body, size_t count, uint64_t *number)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    uint32_t head[2];
    uint64_t read;
    stelei_cursor_copy(&cursor, head, sizeof(head));
    stelei_cursor_copy(&cursor, &read, sizeof(read));
    stelei_cursor_require(&cursor, head[1] == 0);
    if (!stelei_cursor_finished(&cursor))
        return false;
    *number = read;
    return true;
}

/* The body of a reply to STATS that says STELE_OK. Numbers that it lacks become 0, numbers that
 * this build does not know are passed over. */
static inline bool stelei_decode_stats(const void *body, size_t count, uint64_t *numbers,
                                       uint32_t known)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    uint32_t head[2];
    stelei_cursor_copy(&cursor, head, sizeof(head));
    const uint8_t *bytes =
        stelei_cursor_take(&cursor, STELEI_CAST(size_t, head[1]) * sizeof(uint64_t));
    if (!stelei_cursor_finished(&cursor))
        return false;
    memset(numbers, 0, STELEI_CAST(size_t, known) * sizeof(uint64_t));
    memcpy(numbers, bytes,
           STELEI_CAST(size_t, head[1] < known ? head[1] : known) * sizeof(uint64_t));
    return true;
}

/* The next table of a reply to TABLE_LIST, whose cursor stands behind status and count. */
static inline bool stelei_decode_listed(struct stelei_cursor *cursor, struct stelei_listed *listed)
{
    struct stelei_wire_table read;
    stelei_cursor_copy(cursor, &read, sizeof(read));
    stelei_cursor_require(cursor, stelei_all_zero(read.zero, sizeof(read.zero)));
    const uint8_t *name = stelei_cursor_take(cursor, read.name_bytes);
    if (cursor->failed || !stelei_decode_name(name, read.name_bytes, &listed->name))
        return false;
    listed->facts = read;
    return true;
}

/* The head of a reply to LIST_READ or LIST_ALL that says STELE_OK or STELE_ESHORT, and a cursor over
 * what follows. */
static inline bool stelei_decode_told(const void *body, size_t count, struct stelei_wire_told *told,
                                      struct stelei_cursor *rest)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, count);
    struct stelei_wire_told read;
    stelei_cursor_copy(&cursor, &read, sizeof(read));
    stelei_cursor_require(&cursor, read.element_bytes == 1 || read.element_bytes == 2 ||
                                       read.element_bytes == 4 || read.element_bytes == 8);
    stelei_cursor_require(&cursor, read.status == 0 || cursor.left == 0);
    if (cursor.failed)
        return false;
    *told = read;
    *rest = cursor;
    return true;
}

/* The body of a reply to LIST_READ that says STELE_OK: *bytes of elements, packed and unaligned. */
static inline bool stelei_decode_read_reply(const void *body, size_t count,
                                            struct stelei_wire_told *told, const uint8_t **elements,
                                            size_t *bytes)
{
    struct stelei_cursor rest;
    struct stelei_wire_told read;
    if (!stelei_decode_told(body, count, &read, &rest) || read.status != 0 ||
        rest.left % read.element_bytes != 0 || rest.left / read.element_bytes > read.count)
        return false;
    *told = read;
    *elements = rest.at;
    *bytes = rest.left;
    return true;
}

/* The next list of a reply to LIST_ALL, whose cursor stands behind its head or the list before. */
static inline bool stelei_decode_list(struct stelei_cursor *cursor, uint32_t element_bytes,
                                      struct stelei_told_list *list)
{
    struct stelei_wire_list read;
    stelei_cursor_copy(cursor, &read, sizeof(read));
    stelei_cursor_require(cursor, (read.zero[0] | read.zero[1] | read.zero[2]) == 0);
    const uint8_t *key = stelei_cursor_take(cursor, read.key_bytes);
    stelei_cursor_require(cursor, read.count <= cursor->left / element_bytes);
    const uint8_t *elements =
        stelei_cursor_take(cursor, cursor->failed ? 0 : read.count * element_bytes);
    if (cursor->failed)
        return false;
    list->key = key;
    list->key_bytes = read.key_bytes;
    list->elements = elements;
    list->count = read.count;
    return true;
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
    const uint8_t *statuses = stelei_cursor_take(&cursor, STELEI_CAST(size_t, head[1]) * 2);
    if (!stelei_cursor_finished(&cursor))
        return false;
    reply->statuses = statuses;
    reply->count = head[1];
    return true;
}

STELEI_INLINE uint16_t stelei_vector_status(const struct stelei_vector_reply *reply, uint32_t index)
{
    uint16_t status;
    memcpy(&status, reply->statuses + STELEI_CAST(size_t, index) * 2, sizeof(status));
    return status;
}

#endif
