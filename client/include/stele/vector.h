/*
 * vector.h - many puts and erases gathered in the caller's memory, to be sent as one frame by
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

/* `max_bytes`: of keys, values and 16 bytes for each command; it grows up to that. */
static inline void stele_vector_init(struct stele_vector *vector, size_t max_bytes)
{
    vector->bytes = NULL;
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
        uint8_t *grown = (uint8_t *)realloc(vector->bytes, capacity);
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

/* STELE_ETOOBIG: it is full (submit it and reset), or key or value exceed their limit. */
static inline enum stele_status stele_vector_put(struct stele_vector *vector, uint16_t table,
                                                 const void *key, size_t key_bytes,
                                                 const void *value, size_t value_bytes)
{
    uint8_t head[sizeof(struct stelei_wire_entry) + sizeof(struct stelei_wire_put)];
    if (key_bytes > STELEI_KEY_MAX_BYTES || value_bytes > STELEI_VALUE_MAX_BYTES)
        return STELE_ETOOBIG;
    size_t body = sizeof(struct stelei_wire_put) + key_bytes + value_bytes;
    enum stele_status status =
        stelei_vector_reserve(vector, sizeof(struct stelei_wire_entry) + body);
    if (status != STELE_OK)
        return status;
    size_t at = stelei_encode_entry(head, (uint32_t)body, STELEI_OP_PUT, table);
    at += stelei_encode_put_body(head + at, (uint32_t)key_bytes, (uint32_t)value_bytes);
    stelei_vector_append(vector, head, at);
    stelei_vector_append(vector, key, key_bytes);
    stelei_vector_append(vector, value, value_bytes);
    vector->count++;
    return STELE_OK;
}

static inline enum stele_status stele_vector_erase(struct stele_vector *vector, uint16_t table,
                                                   const void *key, size_t key_bytes)
{
    uint8_t head[sizeof(struct stelei_wire_entry) + sizeof(struct stelei_wire_erase)];
    if (key_bytes > STELEI_KEY_MAX_BYTES)
        return STELE_ETOOBIG;
    size_t body = sizeof(struct stelei_wire_erase) + key_bytes;
    enum stele_status status =
        stelei_vector_reserve(vector, sizeof(struct stelei_wire_entry) + body);
    if (status != STELE_OK)
        return status;
    size_t at = stelei_encode_entry(head, (uint32_t)body, STELEI_OP_ERASE, table);
    at += stelei_encode_erase_body(head + at, (uint32_t)key_bytes);
    stelei_vector_append(vector, head, at);
    stelei_vector_append(vector, key, key_bytes);
    vector->count++;
    return STELE_OK;
}

#endif
