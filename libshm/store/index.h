/*
 * index.h - the memory that buckets stand in: the root, the small blocks, the directory and its
 * chunks. Knows where bucket i is, not what is in it.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "table.h"

#include <stele/detail/locate.h>

/* A root with two empty buckets of depth 1, unpublished. 0: *status says why. */
uint64_t index_create(struct arena *arena, enum stele_status *status);

/* Bucket i, which must have memory. Inline: half of what finding a word costs. The writer's own words
 * need no check against the mapping's end. */
STELEI_INLINE struct stelei_bucket *index_bucket(const struct table *table, uint64_t i)
{
    if (STELEI_LIKELY(i < STELEI_SMALL_BUCKETS)) {
        unsigned block = stelei_small_block(i);
        uint32_t ref = stelei_load32(&table->root->small[block]);
        STELE_ASSERT(ref != 0);
        return (struct stelei_bucket *)table_at(table, table_ref_off(table, ref)) +
               stelei_small_index(i, block);
    }
    uint64_t off = stelei_bucket_off(table->map, table->root, i, table->map->length);
    STELE_ASSERT(off != 0);
    return (struct stelei_bucket *)table_at(table, off);
}

/*
 * Sees to it that bucket i has memory (depth 0), and that i+1, if it has, reads as not born: a scan
 * and adoption end there. Recycled memory is so cleared bucket by bucket; no growth step pauses for
 * a whole chunk.
 */
enum stele_status index_extend(struct table *table, uint64_t i);

/* Calls visit for each block of an index of `buckets` buckets, the root last. */
typedef void (*index_visit)(void *context, uint64_t off, uint64_t bytes);
void index_blocks(struct segment *segment, uint64_t root_off, uint64_t buckets, index_visit visit,
                  void *context);

/* The depth of bucket i while `buckets` are born and no split is under way. */
unsigned index_depth(uint64_t buckets, uint64_t i);

/* How many buckets are born, found from the geometry word upwards; 0: the root makes no sense.
 * For segments that another writer left: checks every offset. */
uint64_t index_born(const struct stelei_map *map, const struct stelei_root *root);

#endif
