/*
 * table.h - one table as its writer sees it: find, put, erase. With split.c the only stores to
 * slots. Private counts beside the shared root; adoption derives them again.
 *
 * Every store that a reader can see follows the ordering rule (DESIGN section 2); each is marked in
 * the source with what it publishes.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "arena.h"
#include <stele/detail/hash.h>
#include <stele/detail/record.h>

/* An entry's way in: what adoption still has to do for a table. */
struct table_adoption {
    uint64_t *done; /* one bit per bucket that was born before; NULL: the table needs no pass */
    uint64_t buckets;
    uint64_t cursor;
};

struct table {
    struct arena *arena;
    struct stelei_map *map;
    struct stelei_root *root;
    uint64_t root_off;
    uint64_t buckets;   /* born */
    uint64_t published; /* as the geometry word says */
    uint64_t entries;
    uint64_t lines;
    uint64_t overflow;
    uint64_t record_bytes;
    uint64_t payload_bytes;
    struct table_adoption adoption;
    struct arena_marks *marks; /* of the adoption under way, or NULL */
    bool live;
};

enum table_mode { TABLE_PUT, TABLE_INSERT, TABLE_REPLACE };

/* Where a key stands. */
struct table_spot {
    uint64_t bucket;
    struct stelei_bucket *head;
    struct stelei_bucket *line;     /* head, or an overflow line */
    struct stelei_bucket *previous; /* the line that links to `line`; NULL at the head */
    unsigned slot;
    uint64_t record_off;
    uint64_t meta;
};

/* Statuses as in store.h. Nothing is changed unless STELE_OK. */
enum stele_status table_write(struct table *table, enum table_mode mode, const void *key,
                              uint32_t key_bytes, const void *value, uint32_t value_bytes);
enum stele_status table_erase(struct table *table, const void *key, uint32_t key_bytes);
bool table_find(struct table *table, const void *key, uint32_t key_bytes, uint64_t hash,
                struct table_spot *spot);

/* ---- used by split.c, adopt.c, reclaim.c and verify.c --------------------------------------- */

struct stelei_bucket *table_line(const struct table *table, uint32_t ref);
uint64_t *table_record(const struct table *table, uint32_t ref);
uint64_t table_ref_off(const struct table *table, uint32_t ref);
uint32_t table_ref_of(const struct table *table, uint64_t off);
uint64_t table_record_hash(const struct table *table, const uint64_t *record);
uint8_t table_tag(const struct stelei_bucket *line, unsigned slot);

/* Fills a slot that no valid bit shows: tag and ref, relaxed. */
void table_fill_slot(struct stelei_bucket *line, unsigned slot, uint8_t tag, uint32_t ref);

/* After slots of the chain were cleared: unlinks lines that are empty now (release), moves the
 * head's version, and only then gives the lines back. */
void table_settle_chain(struct table *table, struct stelei_bucket *head);

/* Copies the private counts to the root (relaxed; statistics). */
void table_publish_counts(struct table *table);

#endif
