/*
 * value.h - keys that a number determines, and values that prove themselves: each carries its key's
 * number, its version and a checksum over all bytes, so that a torn, mixed or foreign value shows.
 *
 *   key    {number 8, 0..32 more bytes}
 *   value  {number 8, version 8, filler of which every word depends on both, checksum 8}
 */
#ifndef RACE_VALUE_H
#define RACE_VALUE_H

#include <stele/detail/hash.h>

#include "random.h"

#define VALUE_MIN_BYTES 24u
#define KEY_MAX_BYTES   40u

static inline uint32_t key_make(uint64_t number, uint8_t key[KEY_MAX_BYTES])
{
    uint32_t bytes = 8 + (uint32_t)(number % 33);
    random_bytes(number, key, bytes);
    memcpy(key, &number, 8);
    return bytes;
}

/* `bytes` >= VALUE_MIN_BYTES. */
static inline void value_make(uint8_t *to, uint32_t bytes, uint64_t number, uint64_t version)
{
    uint64_t word = random_mix(number ^ version << 20 ^ version >> 44);
    uint32_t body = bytes - 8, at = 16;
    memcpy(to, &number, 8);
    memcpy(to + 8, &version, 8);
    for (; at + 8 <= body; at += 8, word += UINT64_C(0x9e3779b97f4a7c15))
        memcpy(to + at, &word, 8);
    memcpy(to + at, &word, body - at);
    uint64_t checksum = stelei_hash(to, body, bytes);
    memcpy(to + body, &checksum, 8);
}

/* False: not a value of this key, whole and unmixed. */
static inline bool value_check(const uint8_t *value, size_t bytes, uint64_t number,
                               uint64_t *version)
{
    uint64_t checksum, stored;
    if (bytes < VALUE_MIN_BYTES)
        return false;
    checksum = stelei_hash(value, bytes - 8, bytes);
    memcpy(&stored, value + bytes - 8, 8);
    if (stored != checksum)
        return false;
    memcpy(&stored, value, 8);
    memcpy(version, value + 8, 8);
    return stored == number;
}

#endif
