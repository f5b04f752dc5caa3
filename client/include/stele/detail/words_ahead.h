/*
 * words_ahead.h - the stages that batches of word keys have in common (words_batch.h): where a key's
 * bucket should be, and the line there asked for; some keys later, the key in that line.
 *
 * The second stage has no branch that depends on whether the key is there. It would be mispredicted
 * for the one key in six that stands in an overflow line, and with it would go the lookups that the
 * processor had begun.
 */
#ifndef STELE_DETAIL_WORDS_AHEAD_H
#define STELE_DETAIL_WORDS_AHEAD_H

#include "word_lookup.h"

#define STELEI_WORDS_BLOCK 32u
/* How many keys the first stage is ahead of the second. */
#define STELEI_WORDS_AHEAD 20u
/* What the first stage leaves for a key. */
struct stelei_words_aim {
    const struct stelei_bucket *head;
    uint64_t depth_bits;
};

/* Depth bits of no bucket, for a key whose bucket has no memory: `head` is then the segment's header,
 * whose first word shows another depth. The last stage looks closer. */
#define STELEI_WORDS_NOWHERE (STELEI_DEPTH_MASK << STELEI_VALID_BITS)
STELEI_STATIC_ASSERT((STELEI_MAGIC & STELEI_WORDS_NOWHERE) != STELEI_WORDS_NOWHERE,
                     "the header is no bucket");

/* What the stages work with; copies, so that a compiler need not load them again for each key. */
struct stelei_words_batch {
    const struct stele_table *table;
    struct stelei_map map;
    unsigned hash_id;
    const struct stelei_table *shared;
    const struct stelei_root *root;
    uint64_t table_word;
    /* the geometry word's parts, see stelei_geometry_aim() */
    uint64_t mask, half;
    uint64_t split;      /* buckets from 0 on that were split in this round */
    uint64_t depth_bits; /* of those that were not */
    uint64_t limit;
    uint64_t leaf; /* offset of the directory's first one, if it serves all keys; 0: it does not */
    struct stelei_words_aim aim[STELEI_WORDS_BLOCK]; /* a ring */
};

/* Finds and checks the leaf once for all keys. No aim is beyond the bits of the mask and its half, even
 * if damage made the mask no mask. */
STELEI_INLINE void stelei_words_batch_leaf(struct stelei_words_batch *batch)
{
    const struct stelei_map *map = &batch->map;
    uint64_t directory = stelei_ref_off(map, stelei_load32_acquire(&batch->root->directory));
    batch->leaf = 0;
    if (directory == 0 || directory + 4 > batch->limit ||
        (batch->mask | batch->half) >> STELEI_LEAF_BUCKET_BITS != 0)
        return;
    uint64_t leaf = stelei_ref_off(
        map, stelei_load32_acquire(STELEI_CAST(const uint32_t *, stelei_map_at(map, directory))));
    if (leaf + STELEI_LEAF_CHUNKS * 4 <= batch->limit)
        batch->leaf = leaf;
}

/* False: the table was cleared since it was opened, key by key then. */
STELEI_INLINE bool stelei_words_batch_begin(struct stelei_words_batch *batch,
                                            const struct stele_table *table)
{
    batch->table = table;
    batch->map = table->map;
    batch->hash_id = table->type.hash_id;
    batch->shared = table->shared;
    batch->root = table->root;
    batch->table_word = stelei_load64_acquire(&table->shared->word);
    batch->limit = stelei_map_limit(&table->map);
    if (STELEI_UNLIKELY(batch->table_word != table->word))
        return false;
    uint64_t geometry = stelei_load64_acquire(&table->root->geometry);
    batch->mask = geometry >> 32;
    batch->half = batch->mask >> 1;
    batch->split = (geometry & 0xffffffffu) - batch->half - 1;
    batch->depth_bits = STELEI_CAST(uint64_t, stelei_top_bit(batch->half) + 1) << STELEI_VALID_BITS;
    stelei_words_batch_leaf(batch);
    return true;
}

/* stelei_bucket_off() for a bucket that an aim names: the leaf was checked for all of them. */
STELEI_INLINE uint64_t stelei_words_bucket_off(const struct stelei_words_batch *batch,
                                               uint64_t bucket)
{
    if (STELEI_UNLIKELY(bucket < STELEI_SMALL_BUCKETS) || STELEI_UNLIKELY(batch->leaf == 0))
        return stelei_bucket_off(&batch->map, batch->root, bucket, batch->limit);
    uint64_t entry = batch->leaf + (bucket >> STELEI_CHUNK_BUCKET_BITS) * 4;
    uint64_t chunk =
        stelei_load32_dependent(STELEI_CAST(const uint32_t *, stelei_map_at(&batch->map, entry)));
    uint64_t off =
        chunk << STELEI_CHUNK_SHIFT | (bucket & (STELEI_SMALL_BUCKETS - 1)) * STELEI_BUCKET_BYTES;
    return STELEI_LIKELY(chunk != 0) && STELEI_LIKELY(off + STELEI_BUCKET_BYTES <= batch->limit)
               ? off
               : 0;
}

/* stelei_table_hash_word() */
STELEI_INLINE uint64_t stelei_words_hash(const struct stelei_words_batch *batch, uint64_t key)
{
    if (STELEI_LIKELY(batch->hash_id == STELE_HASH_XXH3))
        return stelei_hash(&key, sizeof key, batch->map.hash_seed);
    if (STELEI_LIKELY(batch->hash_id == STELE_HASH_IDENTITY))
        return key;
    return stelei_table_hash_other(batch->table, &key, sizeof key);
}

/* Stage 1 for the key number i. */
STELEI_INLINE void stelei_words_stage_aim(struct stelei_words_batch *batch, size_t i, uint64_t key)
{
    struct stelei_words_aim *ahead = &batch->aim[i % STELEI_WORDS_BLOCK];
    uint64_t hash = stelei_words_hash(batch, key);
    uint64_t deeper = 0 - STELEI_CAST(uint64_t, (hash & batch->half) < batch->split);
    uint64_t bucket = hash & (batch->half | (batch->mask & deeper));
    uint64_t off = stelei_words_bucket_off(batch, bucket);
    uint64_t depth_bits = batch->depth_bits - (deeper << STELEI_VALID_BITS);
    ahead->head = stelei_bucket_at(&batch->map, off);
    ahead->depth_bits = STELEI_LIKELY(off != 0) ? depth_bits : STELEI_WORDS_NOWHERE;
    __builtin_prefetch(ahead->head);
}

/* What the second stage finds out about a key. */
struct stelei_words_spot {
    struct stelei_place place;
    uint64_t value;
    uint64_t link; /* offset of the first overflow line; 0: there is none, or it is not needed */
    bool hit;      /* `value` is what the first line has for the key, to be validated */
};

/* Stage 2: the key in the first line; asks for the next one where it is not there. */
STELEI_INLINE void stelei_words_stage_head(const struct stelei_words_batch *batch, size_t i,
                                           uint64_t key, bool is_ref,
                                           struct stelei_words_spot *spot)
{
    const struct stelei_words_aim *ahead = &batch->aim[i % STELEI_WORDS_BLOCK];
    const struct stelei_word_bucket *head = stelei_word_line(ahead->head);
    uint64_t word = stelei_sequence_begin(&head->sequence);
    uint64_t match = stelei_word_match(head, word, key);
    uint64_t stray = (word ^ ahead->depth_bits) & STELEI_DEPTH_MASK << STELEI_VALID_BITS;
    uint64_t next = stelei_ref_off(&batch->map, stelei_load32_dependent(&head->link));
    spot->place.head = ahead->head;
    spot->place.word = word;
    /* some slot in any case: no branch */
    spot->value = stelei_word_value(head, match | UINT64_C(1) << (STELEI_WORD_SLOTS - 1), is_ref);
    spot->hit = STELEI_CAST(unsigned, match != 0) & STELEI_CAST(unsigned, stray == 0);
    spot->link =
        next & (0 - STELEI_CAST(uint64_t, match == 0)) & (0 - STELEI_CAST(uint64_t, stray == 0));
    __builtin_prefetch(batch->map.base + spot->link);
}

STELEI_INLINE bool stelei_words_spot_unchanged(const struct stelei_words_batch *batch,
                                               const struct stelei_place *place)
{
    return STELEI_LIKELY(stelei_sequence_unchanged(&place->head->sequence, place->word)) &&
           STELEI_LIKELY(stelei_load64(&batch->shared->word) == batch->table_word);
}

#endif
