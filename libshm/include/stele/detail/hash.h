/*
 * hash.h - key -> 64-bit hash -> tag and bucket bits. The only file that knows xxhash.
 *
 * The default is XXH3 with a seed drawn at random when the segment is made, so that nobody outside
 * can choose keys that collide. Bucket numbers use the low bits of the hash, tags its top byte:
 * they stay independent up to 2^56 buckets.
 */
#ifndef STELE_DETAIL_HASH_H
#define STELE_DETAIL_HASH_H

#include "base.h"

#include <stele/type.h>

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

STELEI_INLINE uint64_t stelei_hash(const void *key, size_t key_bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(key, key_bytes, seed);
}

/* A function of a program's own: the same for every process that opens the table. `key` holds the
 * key's bytes; of a word key always eight, widened with zeros. */
typedef uint64_t (*stele_hash_function)(const void *key, size_t key_bytes, uint64_t seed);

#define STELEI_HASH_PROBE UINT64_C(0x656c657473) /* see stelei_table.hash_check */

/* By id; `own` is called for ids from STELE_HASH_OWN on. Identity is for the eight bytes of words. */
STELEI_INLINE uint64_t stelei_hash_by(unsigned hash_id, stele_hash_function own, const void *key,
                                      size_t key_bytes, uint64_t seed)
{
    if (STELEI_LIKELY(hash_id == STELE_HASH_XXH3))
        return XXH3_64bits_withSeed(key, key_bytes, seed);
    if (hash_id == STELE_HASH_IDENTITY) {
        uint64_t word = 0;
        memcpy(&word, key, key_bytes < sizeof word ? key_bytes : sizeof word);
        return word;
    }
    if (hash_id == STELE_HASH_XXH64)
        return XXH64(key, key_bytes, seed);
    return own(key, key_bytes, seed);
}

STELEI_INLINE uint64_t stelei_hash_check(unsigned hash_id, stele_hash_function own, uint64_t seed)
{
    uint64_t probe = STELEI_HASH_PROBE;
    return stelei_hash_by(hash_id, own, &probe, sizeof probe, seed);
}

STELEI_INLINE uint8_t stelei_hash_tag(uint64_t hash)
{
    return STELEI_CAST(uint8_t, hash >> 56);
}

#endif
