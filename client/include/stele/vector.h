/*
 * vector.h - many commands on entries gathered in the caller's memory, to be sent as one frame by
 * stele_channel_submit_vector(). Knows no channel. One thread at a time.
 */
#ifndef STELE_VECTOR_H
#define STELE_VECTOR_H

#include <stdlib.h>

#include <stele/detail/codec.h>
#include <stele/detail/format.h>
#include <stele/status.h>

/* Owned by the caller; reusable for any channel. Bounded by max_bytes and the daemon's limits. */
struct stele_vector {
    uint8_t *bytes;
    size_t used, capacity;
    size_t max_bytes;
    uint32_t count;
};

/* `max_bytes`: of keys, values and up to 32 bytes for each command; it grows up to that. */
static inline void stele_vector_init(struct stele_vector *vector, size_t max_bytes)
{
    vector->bytes = STELEI_NULL;
    vector->used = vector->capacity = 0;
    vector->max_bytes = max_bytes;
    vector->count = 0;
}

static inline void stele_vector_fini(struct stele_vector *vector)
{
    free(vector->bytes);
    stele_vector_init(vector, vector->max_bytes);
}

/* Empties it, keeping the memory. */
static inline void stele_vector_reset(struct stele_vector *vector)
{
    vector->used = 0;
    vector->count = 0;
}

/* Room for one more entry of `bytes`; unchanged on failure. */
static inline enum stele_status stelei_vector_reserve(struct stele_vector *vector, size_t bytes)
{
    if (vector->count >= STELEI_VECTOR_MAX_COUNT || vector->used + bytes > vector->max_bytes)
        return STELE_ETOOBIG;
    if (vector->used + bytes > vector->capacity) {
        size_t capacity = vector->capacity ? vector->capacity : 4096;
        while (capacity < vector->used + bytes)
            capacity *= 2;
        uint8_t *grown = STELEI_CAST(uint8_t *, realloc(vector->bytes, capacity));
        if (!grown)
            return STELE_ENOMEM;
        vector->bytes = grown;
        vector->capacity = capacity;
    }
    return STELE_OK;
}

STELEI_INLINE void stelei_vector_append(struct stele_vector *vector, const void *bytes,
                                        size_t count)
{
    if (count > 0)
        memcpy(vector->bytes + vector->used, bytes, count);
    vector->used += count;
}

/* One entry: its heads, encoded by the caller behind room for the entry's own, and up to three
 * parts. */
struct stelei_vector_entry {
    uint8_t head[sizeof(struct stelei_wire_entry) + 24];
    size_t head_bytes; /* of the body's fixed part */
    const void *part[3];
    size_t part_bytes[3];
};

static inline void stelei_vector_entry_init(struct stelei_vector_entry *entry, const void *first,
                                            size_t first_bytes, const void *second,
                                            size_t second_bytes)
{
    entry->head_bytes = 0;
    entry->part[0] = first;
    entry->part_bytes[0] = first_bytes;
    entry->part[1] = second;
    entry->part_bytes[1] = second_bytes;
    entry->part[2] = STELEI_NULL;
    entry->part_bytes[2] = 0;
}

STELEI_INLINE uint8_t *stelei_vector_body(struct stelei_vector_entry *entry)
{
    return entry->head + sizeof(struct stelei_wire_entry);
}

static inline enum stele_status stelei_vector_add(struct stele_vector *vector, unsigned opcode,
                                                  uint16_t table, struct stelei_vector_entry *entry)
{
    size_t body = entry->head_bytes;
    for (unsigned i = 0; i < 3; i++)
        body += entry->part_bytes[i];
    enum stele_status status =
        stelei_vector_reserve(vector, sizeof(struct stelei_wire_entry) + body);
    if (status != STELE_OK)
        return status;
    size_t head = stelei_encode_entry(entry->head, STELEI_CAST(uint32_t, body), opcode, table);
    stelei_vector_append(vector, entry->head, head + entry->head_bytes);
    for (unsigned i = 0; i < 3; i++)
        stelei_vector_append(vector, entry->part[i], entry->part_bytes[i]);
    vector->count++;
    return STELE_OK;
}

static inline enum stele_status stelei_vector_store(struct stele_vector *vector, unsigned opcode,
                                                    uint16_t table, const void *key,
                                                    size_t key_bytes, const void *value,
                                                    size_t value_bytes)
{
    struct stelei_vector_entry entry;
    if (key_bytes > STELEI_KEY_MAX_BYTES || value_bytes > STELEI_VALUE_MAX_BYTES)
        return STELE_ETOOBIG;
    stelei_vector_entry_init(&entry, key, key_bytes, value, value_bytes);
    entry.head_bytes =
        stelei_encode_put_body(stelei_vector_body(&entry), STELEI_CAST(uint32_t, key_bytes),
                               STELEI_CAST(uint32_t, value_bytes));
    return stelei_vector_add(vector, opcode, table, &entry);
}

/* ---- adding commands: the meaning of each is that of the waiting call in channel.h -----------
 * STELE_ETOOBIG: the vector is full (submit it and reset), or key or value exceed their limit.
 * STELE_ENOMEM. Nothing was added in either case.
 */

static inline enum stele_status stele_vector_put(struct stele_vector *vector, uint16_t table,
                                                 const void *key, size_t key_bytes,
                                                 const void *value, size_t value_bytes)
{
    return stelei_vector_store(vector, STELEI_OP_PUT, table, key, key_bytes, value, value_bytes);
}

static inline enum stele_status stele_vector_insert(struct stele_vector *vector, uint16_t table,
                                                    const void *key, size_t key_bytes,
                                                    const void *value, size_t value_bytes)
{
    return stelei_vector_store(vector, STELEI_OP_INSERT, table, key, key_bytes, value, value_bytes);
}

static inline enum stele_status stele_vector_replace(struct stele_vector *vector, uint16_t table,
                                                     const void *key, size_t key_bytes,
                                                     const void *value, size_t value_bytes)
{
    return stelei_vector_store(vector, STELEI_OP_REPLACE, table, key, key_bytes, value,
                               value_bytes);
}

static inline enum stele_status stele_vector_erase(struct stele_vector *vector, uint16_t table,
                                                   const void *key, size_t key_bytes)
{
    struct stelei_vector_entry entry;
    if (key_bytes > STELEI_KEY_MAX_BYTES)
        return STELE_ETOOBIG;
    stelei_vector_entry_init(&entry, key, key_bytes, STELEI_NULL, 0);
    entry.head_bytes =
        stelei_encode_erase_body(stelei_vector_body(&entry), STELEI_CAST(uint32_t, key_bytes));
    return stelei_vector_add(vector, STELEI_OP_ERASE, table, &entry);
}

static inline enum stele_status stele_vector_cas(struct stele_vector *vector, uint16_t table,
                                                 const void *key, size_t key_bytes,
                                                 const void *expected, size_t expected_bytes,
                                                 const void *value, size_t value_bytes)
{
    struct stelei_vector_entry entry;
    if (key_bytes > STELEI_KEY_MAX_BYTES || expected_bytes > STELEI_VALUE_MAX_BYTES ||
        value_bytes > STELEI_VALUE_MAX_BYTES)
        return STELE_ETOOBIG;
    stelei_vector_entry_init(&entry, key, key_bytes, expected, expected_bytes);
    entry.part[2] = value;
    entry.part_bytes[2] = value_bytes;
    entry.head_bytes = stelei_encode_cas_body(
        stelei_vector_body(&entry), STELEI_CAST(uint32_t, key_bytes),
        STELEI_CAST(uint32_t, expected_bytes), STELEI_CAST(uint32_t, value_bytes));
    return stelei_vector_add(vector, STELEI_OP_CAS, table, &entry);
}

/* The sum is not told: only whether it was done. */
static inline enum stele_status stele_vector_incr(struct stele_vector *vector, uint16_t table,
                                                  const void *key, size_t key_bytes, int64_t delta)
{
    struct stelei_vector_entry entry;
    if (key_bytes > STELEI_KEY_MAX_BYTES)
        return STELE_ETOOBIG;
    stelei_vector_entry_init(&entry, key, key_bytes, STELEI_NULL, 0);
    entry.head_bytes = stelei_encode_incr_body(stelei_vector_body(&entry),
                                               STELEI_CAST(uint32_t, key_bytes), delta);
    return stelei_vector_add(vector, STELEI_OP_INCR, table, &entry);
}

/* ---- the same for lists: channel_lists.h ------------------------------------------------------ */

/* How many were added is not told. */
static inline enum stele_status stele_vector_list_append(struct stele_vector *vector,
                                                         uint16_t table, const void *key,
                                                         size_t key_bytes, const void *elements,
                                                         size_t elements_bytes)
{
    return stelei_vector_store(vector, STELEI_OP_LIST_APPEND, table, key, key_bytes, elements,
                               elements_bytes);
}

static inline enum stele_status stele_vector_list_remove(struct stele_vector *vector,
                                                         uint16_t table, const void *key,
                                                         size_t key_bytes, uint64_t element)
{
    struct stelei_vector_entry entry;
    if (key_bytes > STELEI_KEY_MAX_BYTES)
        return STELE_ETOOBIG;
    stelei_vector_entry_init(&entry, key, key_bytes, STELEI_NULL, 0);
    entry.head_bytes = stelei_encode_remove_body(stelei_vector_body(&entry),
                                                 STELEI_CAST(uint32_t, key_bytes), element);
    return stelei_vector_add(vector, STELEI_OP_LIST_REMOVE, table, &entry);
}

static inline enum stele_status stele_vector_list_replace(struct stele_vector *vector,
                                                          uint16_t table, const void *key,
                                                          size_t key_bytes, uint64_t old,
                                                          uint64_t element)
{
    struct stelei_vector_entry entry;
    if (key_bytes > STELEI_KEY_MAX_BYTES)
        return STELE_ETOOBIG;
    stelei_vector_entry_init(&entry, key, key_bytes, STELEI_NULL, 0);
    entry.head_bytes = stelei_encode_swap_body(stelei_vector_body(&entry),
                                               STELEI_CAST(uint32_t, key_bytes), old, element);
    return stelei_vector_add(vector, STELEI_OP_LIST_REPLACE, table, &entry);
}

#endif
