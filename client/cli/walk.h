/*
 * walk.h - all entries of a table, one after the other, in buffers that grow as needed; and single
 * lookups likewise. For tables of every type: a word is as many bytes as its kind, little-endian, a
 * list its elements, packed. Reads the segment only.
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
/* Only keys that begin with these bytes, which must outlive it too. STELE_ETYPE: keys are words.
 * STELE_ETOOBIG. walk_end() is due in any case. */
enum stele_status walk_begin_prefix(struct walk *walk, const struct stele_table *table,
                                    const struct buffer *prefix);
void walk_end(struct walk *walk);
/* STELE_EEND: that were all. Waits up to a second where a bucket does not settle, then
 * STELE_EBUSY; else as stele_scan_next(). STELE_ENOMEM. */
enum stele_status walk_next(struct walk *walk);
/* The same, leaving `value` as it is. */
enum stele_status walk_next_key(struct walk *walk);

/* Replaces what `value` holds. As the lookup of the table's type, with the same waiting. */
enum stele_status walk_get(const struct stele_table *table, const void *key, size_t key_bytes,
                           struct buffer *value);
/* The elements of a list from number `from` on, at most `most` of them; *count: how many there are. */
enum stele_status walk_get_list(const struct stele_table *table, const void *key, size_t key_bytes,
                                uint64_t from, uint64_t most, struct buffer *value,
                                uint64_t *count);

#endif
