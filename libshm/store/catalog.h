/*
 * catalog.h - the named tables of a segment: descriptors, and the private state beside each. One
 * store of a descriptor's word creates, clears or drops.
 */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include "reclaim.h"
#include "table.h"

struct catalog {
    struct arena *arena;
    struct stelei_table *shared; /* the descriptors */
    struct reclaim *reclaim;
    struct table table[STELEI_TABLE_CAPACITY];
    uint32_t live;
};

void catalog_init(struct catalog *catalog, struct arena *arena, struct reclaim *reclaim);
void catalog_fini(struct catalog *catalog);

/* NULL: no such table. */
struct table *catalog_table(struct catalog *catalog, uint32_t id);
/* Fills the private state of a descriptor from its word; false: it leads nowhere. */
bool catalog_bind(struct catalog *catalog, uint32_t id);

enum stele_status catalog_find(const struct catalog *catalog, const char *name, uint32_t *id);
/* At descriptor `at`, or the first free one for CATALOG_ANY. */
#define CATALOG_ANY UINT32_MAX
enum stele_status catalog_create(struct catalog *catalog, const char *name, uint32_t at,
                                 uint32_t *id);
enum stele_status catalog_drop(struct catalog *catalog, uint32_t id);
enum stele_status catalog_clear(struct catalog *catalog, uint32_t id);

#endif
