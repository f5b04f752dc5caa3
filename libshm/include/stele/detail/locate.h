/*
 * locate.h - the one answer to "where may this key live": geometry, directory, depth, slots, links.
 * Used by readers and by the writer alike; stores nothing, knows no record's contents.
 *
 * Every offset that comes out of shared memory is checked against `limit` before it is followed, so
 * that a corrupt segment costs a status and never a read outside the mapping.
 */
#ifndef STELE_DETAIL_LOCATE_H
#define STELE_DETAIL_LOCATE_H

#include "atomic.h"
#include "format.h"
#include "sequence.h"

/* A mapped segment as seen by one process; private memory, constant after mapping. */
struct stelei_map {
    const uint8_t *base; /* address of offset 0, congruent to it modulo 2 MiB */
    uint64_t length;     /* bytes mapped: our own copy, never loaded again from the segment */
    uint64_t hash_seed;
    uint64_t tables_off; /* copies of constant header fields, checked when mapped */
    uint32_t table_capacity;
    uint32_t granule_shift;
};

/* The address of an offset, which the caller has checked. */
STELEI_INLINE const void *stelei_map_at(const struct stelei_map *map, uint64_t off)
{
    return map->base + off;
}

STELEI_INLINE const struct stelei_header *stelei_map_header(const struct stelei_map *map)
{
    return STELEI_CAST(const struct stelei_header *, STELEI_CAST(const void *, map->base));
}

/*
 * End of what may be read: populated memory inside our mapping. A word loaded with acquire before
 * this call can only lead below the result (or the segment is corrupt).
 */
STELEI_INLINE uint64_t stelei_map_limit(const struct stelei_map *map)
{
    uint64_t committed = stelei_load64(&stelei_map_header(map)->committed);
    return committed < map->length ? committed : map->length;
}

STELEI_INLINE uint64_t stelei_ref_off(const struct stelei_map *map, uint32_t ref)
{
    return STELEI_CAST(uint64_t, ref) << map->granule_shift;
}

STELEI_INLINE const struct stelei_table *stelei_map_table(const struct stelei_map *map, uint32_t id)
{
    return STELEI_CAST(const struct stelei_table *, stelei_map_at(map, map->tables_off)) + id;
}

STELEI_INLINE uint64_t stelei_table_root_off(const struct stelei_map *map, uint64_t table_word)
{
    return stelei_ref_off(map, STELEI_CAST(uint32_t, table_word));
}

STELEI_INLINE uint64_t stelei_geometry(uint32_t buckets)
{
    return ((UINT64_C(2) << stelei_top_bit(buckets)) - 1) << 32 | buckets;
}

/* Bucket number of `hash` under a geometry word, which may be out of date: `depth` corrects it. */
STELEI_INLINE uint64_t stelei_geometry_bucket(uint64_t geometry, uint64_t hash)
{
    uint64_t mask = geometry >> 32, buckets = geometry & 0xffffffffu;
    uint64_t i = hash & mask;
    return i < buckets ? i : i & mask >> 1;
}

/* The bucket that i was split from: its number without the top bit. */
STELEI_INLINE uint64_t stelei_bucket_parent(uint64_t i)
{
    return i ^ UINT64_C(1) << stelei_top_bit(i);
}

/* The bucket of `hash` at `depth`. */
STELEI_INLINE uint64_t stelei_depth_bucket(uint64_t hash, unsigned depth)
{
    return hash & ((UINT64_C(1) << depth) - 1);
}

/* Block of the small buckets that holds bucket i < 32768, and i's place in it. */
STELEI_INLINE unsigned stelei_small_block(uint64_t i)
{
    return stelei_top_bit(i);
}
STELEI_INLINE uint64_t stelei_small_index(uint64_t i, unsigned block)
{
    return i - (UINT64_C(1) << block & ~UINT64_C(1));
}
STELEI_INLINE uint64_t stelei_small_block_bytes(unsigned block)
{
    return STELEI_CAST(uint64_t, STELEI_BUCKET_BYTES) << (block ? block : 1);
}

/* Number of the chunk that bucket i >= STELEI_SMALL_BUCKETS stands in; 0: there is none yet, or the words
 * that should lead to it are outside `limit`. */
STELEI_INLINE uint64_t stelei_bucket_chunk(const struct stelei_map *map,
                                           const struct stelei_root *root, uint64_t i,
                                           uint64_t limit)
{
    uint64_t directory = stelei_ref_off(map, stelei_load32_dependent(&root->directory));
    uint64_t entry = directory + (i >> STELEI_LEAF_BUCKET_BITS) * 4;
    if (STELEI_UNLIKELY(directory == 0 || entry + 4 > limit))
        return 0;
    uint64_t leaf = stelei_ref_off(
        map, stelei_load32_dependent(STELEI_CAST(const uint32_t *, stelei_map_at(map, entry))));
    entry = leaf + (i >> STELEI_CHUNK_BUCKET_BITS & (STELEI_LEAF_CHUNKS - 1)) * 4;
    if (STELEI_UNLIKELY(leaf == 0 || entry + 4 > limit))
        return 0;
    return stelei_load32_dependent(STELEI_CAST(const uint32_t *, stelei_map_at(map, entry)));
}

/*
 * Offset of bucket i, or 0 when its memory does not exist yet (or the word that should lead to it
 * is outside `limit`). The refs are followed by address dependency: a bucket's first word is never
 * read from before the block was cleared for it.
 */
STELEI_INLINE uint64_t stelei_bucket_off(const struct stelei_map *map,
                                         const struct stelei_root *root, uint64_t i, uint64_t limit)
{
    uint64_t off;
    if (i < STELEI_SMALL_BUCKETS) {
        unsigned block = stelei_small_block(i);
        off = stelei_ref_off(map, stelei_load32_dependent(&root->small[block]));
        if (STELEI_UNLIKELY(off == 0))
            return 0;
        off += stelei_small_index(i, block) * STELEI_BUCKET_BYTES;
    } else {
        off = stelei_bucket_chunk(map, root, i, limit) << STELEI_CHUNK_SHIFT;
        if (STELEI_UNLIKELY(off == 0))
            return 0;
        off += (i & (STELEI_SMALL_BUCKETS - 1)) * STELEI_BUCKET_BYTES;
    }
    return STELEI_LIKELY(off + STELEI_BUCKET_BYTES <= limit) ? off : 0;
}

STELEI_INLINE const struct stelei_bucket *stelei_bucket_at(const struct stelei_map *map,
                                                           uint64_t off)
{
    return STELEI_CAST(const struct stelei_bucket *, stelei_map_at(map, off));
}

/* Where a lookup has arrived: the head of the chain that may hold the hash, and its word. */
struct stelei_place {
    const struct stelei_bucket *head;
    uint64_t word;
};

/*
 * Walks from a bucket number that may be out of date to the bucket that the published depths name.
 * Each hop either clears the top bit (not born) or goes to the first bucket that was split off
 * later and holds the hash: one level, no more, since a head's depth says only that its own buddies
 * are born. The bucket that all bits of the depth name may be further on than the growth has come;
 * there stands what the memory held before. An undisturbed walk ends after at most two hops a
 * level; more means that the writer is moving underneath (or the segment is corrupt): false, try
 * again.
 */
__attribute__((noinline, unused)) static bool stelei_walk(const struct stelei_map *map,
                                                          const struct stelei_root *root,
                                                          uint64_t i, uint64_t hash, uint64_t limit,
                                                          struct stelei_place *place)
{
    for (unsigned hop = 0; hop < 128; hop++) {
        uint64_t off = stelei_bucket_off(map, root, i, limit);
        if (off != 0) {
            const struct stelei_bucket *head = stelei_bucket_at(map, off);
            uint64_t word = stelei_sequence_begin(&head->sequence);
            unsigned depth = stelei_sequence_depth(word);
            uint64_t want = stelei_depth_bucket(hash, depth);
            if (depth != 0 && want == i) {
                place->head = head;
                place->word = word;
                return true;
            }
            if (depth != 0) {
                i |= (i ^ want) & (0 - (i ^ want)); /* the lowest bit that is missing */
                limit = stelei_map_limit(map); /* the bucket it names may be younger than ours */
                continue;
            }
        }
        if (i == 0)
            return false;
        i = stelei_bucket_parent(i);
    }
    return false;
}

/*
 * Where a hash should be by the geometry word alone. The head's word is expected to show `depth`;
 * comparing the two needs fewer instructions behind the cache miss than computing with the depth.
 */
struct stelei_aim {
    uint64_t bucket;
    uint64_t depth_bits; /* as in a sequence word */
};

STELEI_INLINE struct stelei_aim stelei_geometry_aim(uint64_t geometry, uint64_t hash)
{
    struct stelei_aim aim;
    uint64_t mask = geometry >> 32, half = mask >> 1, buckets = geometry & 0xffffffffu;
    /* buckets below `buckets - 2^L` were split in this round and have one bit more */
    uint64_t split = (hash & half) < buckets - half - 1;
    uint64_t used = half | (mask & (0 - split)); /* no branch: it would be a coin toss */
    aim.bucket = hash & used;
    aim.depth_bits = STELEI_CAST(uint64_t, stelei_top_bit(used) + 1) << STELEI_VALID_BITS;
    return aim;
}

/* True if the bucket that the aim names is where the hash belongs, judged by its own word. */
STELEI_INLINE bool stelei_aim_hits(const struct stelei_aim *aim, uint64_t word)
{
    return ((word ^ aim->depth_bits) & STELEI_DEPTH_MASK << STELEI_VALID_BITS) == 0;
}

/* The chain of a hash. Nearly always the first bucket looked at is the one. */
STELEI_INLINE bool stelei_locate(const struct stelei_map *map, const struct stelei_root *root,
                                 uint64_t hash, uint64_t limit, struct stelei_place *place)
{
    struct stelei_aim aim = stelei_geometry_aim(stelei_load64_acquire(&root->geometry), hash);
    uint64_t off = stelei_bucket_off(map, root, aim.bucket, limit);
    if (STELEI_LIKELY(off != 0)) {
        place->head = stelei_bucket_at(map, off);
        place->word = stelei_sequence_begin(&place->head->sequence);
        if (STELEI_LIKELY(stelei_aim_hits(&aim, place->word)))
            return true;
    }
    /* a copy for the call, so that the caller's own stays in registers */
    struct stelei_place walked = {STELEI_NULL, 0};
    bool found = stelei_walk(map, root, aim.bucket, hash, limit, &walked);
    *place = walked;
    return found;
}

/* One bit for each slot of a line that is valid in `word` and has the tag. */
STELEI_INLINE uint64_t stelei_line_match(const struct stelei_bucket *line, uint64_t word,
                                         uint8_t tag)
{
    /* tags 0..9 are the first ten of sixteen bytes. The mask: a line that was reused as a record
     * shows valid bits beyond the slots, and the last line of the mapping has nothing behind it. */
    return stelei_match16(&line->tags, tag) & word & STELEI_SLOTS_MASK;
}

#endif
