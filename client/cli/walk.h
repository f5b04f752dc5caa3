/*
 * walk.h - all entries of a table, one after the other, in buffers that grow as needed; and single
 * lookups likewise. Reads the segment only.
 */
#ifndef STELE_CLI_WALK_H
#define STELE_CLI_WALK_H

#include <stele/stele.h>

#include "buffer.h"

struct walk {
    struct stele_scan scan;
    struct buffer key, value; /* the entry that walk_next() brought */
};

/* The table must outlive the walk. */
void walk_begin(struct walk *walk, const struct stele_table *table);
void walk_end(struct walk *walk);
/* STELE_EEND: that were all. Waits up to a second where a bucket does not settle, then
 * STELE_EBUSY; else as stele_scan_next(). STELE_ENOMEM. */
enum stele_status walk_next(struct walk *walk);

/* Replaces what `value` holds. As stele_get(), with the same waiting. */
enum stele_status walk_get(const struct stele_table *table, const void *key, size_t key_bytes,
                           struct buffer *value);

#endif
