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

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

STELEI_INLINE uint64_t stelei_hash(const void *key, size_t key_bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(key, key_bytes, seed);
}

STELEI_INLINE uint8_t stelei_hash_tag(uint64_t hash)
{
    return (uint8_t)(hash >> 56);
}

#endif
