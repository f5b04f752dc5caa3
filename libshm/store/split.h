/*
 * split.h - linear hashing, a bucket at a time (Litwin, "Linear Hashing: a New Tool for File and
 * Table Addressing", VLDB 1980). Nothing is ever moved as a whole; no step costs more than one
 * chain.
 */
#ifndef STORE_SPLIT_H
#define STORE_SPLIT_H

#include "table.h"

/* Splits as the load demands, at most a few buckets a call. Memory that is short only delays it. */
void split_as_needed(struct table *table);

/* Splits until so many entries are no overload. False: memory is short. Not during adoption. */
bool split_reserve(struct table *table, uint64_t entries);

/* Asks for the cache lines of a split that is a few inserts away. */
void split_prefetch(const struct table *table);

/*
 * Adoption: at most one split was under way, the one that made the last born bucket. Publishes the
 * head's new depth if it was not, clears what had moved, bumps. Needs no memory.
 */
void split_finish(struct table *table);

#endif
