/*
 * catalog.h - the named tables of a segment: descriptors, and the private state beside each. One
 * store of a descriptor's word creates, clears or drops.
 */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include "reclaim.h"
#include "table.h"

#include <stele/store.h>

#define CATALOG_OWN_HASHES (256u - STELE_HASH_OWN)

struct catalog {
    stele_hash_function own_hash[CATALOG_OWN_HASHES]; /* by id - STELE_HASH_OWN; NULL: unknown */
    struct arena *arena;
    struct stelei_table *shared; /* the descriptors */
    struct reclaim *reclaim;
    struct table table[STELEI_TABLE_CAPACITY];
    uint32_t live;
};

void catalog_init(struct catalog *catalog, struct arena *arena, struct reclaim *reclaim);
void catalog_fini(struct catalog *catalog);

/* NULL: no such table. */
STELEI_INLINE struct table *catalog_table(struct catalog *catalog, uint32_t id)
{
    return id < STELEI_TABLE_CAPACITY && catalog->table[id].live ? &catalog->table[id] : NULL;
}
/* Fills the private state of a descriptor from its words; false: they lead nowhere, or its type makes
 * no sense. */
bool catalog_bind(struct catalog *catalog, uint32_t id);
/* STELE_EHASH: a descriptor's keys were hashed by a function that is not registered, or is another
 * one than the one registered under its id. STELE_ECORRUPT: its type makes no sense, or its hash, one
 * of ours, does not agree with the segment's seed. */
enum stele_status catalog_check_hash(const struct catalog *catalog, uint32_t id);
/* Registers a function, STELE_EINVAL for an id of another kind or a second function for one. */
enum stele_status catalog_register_hash(struct catalog *catalog, uint8_t id,
                                        stele_hash_function function);

enum stele_status catalog_find(const struct catalog *catalog, const char *name, uint32_t *id);
/* At descriptor `at`, or the first free one for CATALOG_ANY; NULL options as in store.h. */
#define CATALOG_ANY UINT32_MAX
enum stele_status catalog_create(struct catalog *catalog, const char *name, uint32_t at,
                                 const struct stele_table_options *options, uint32_t *id);
enum stele_status catalog_drop(struct catalog *catalog, uint32_t id);
enum stele_status catalog_clear(struct catalog *catalog, uint32_t id);

#endif
