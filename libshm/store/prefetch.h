/*
 * prefetch.h - brings what the next commands on some keys will touch into the caches. Reads, changes
 * nothing, and may be left out at any time. Called by the writer only.
 */
#ifndef STORE_PREFETCH_H
#define STORE_PREFETCH_H

#include "table.h"

/* Further keys are passed over: more misses than this are not under way at once anyway. */
#define PREFETCH_MAX 32u

struct prefetch_key {
    const struct table *table;
    const void *key;
    uint32_t key_bytes;
};

/*
 * Two passes over the keys, so that their cache misses lie side by side: the buckets, then the
 * records that a tag points to. (Measured: pipelined puts to 1 M keys, see daemon/serve/turn.c.)
 */
void prefetch_keys(const struct prefetch_key *keys, uint32_t count);

#endif
