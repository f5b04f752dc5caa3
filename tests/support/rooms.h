/*
 * rooms.h - the rooms below the facade, opened one by one for tests of their insides: a segment,
 * its arena, reclaimer and catalog, and the adoption where there is one.
 */
#ifndef SUPPORT_ROOMS_H
#define SUPPORT_ROOMS_H

#include "adopt.h"
#include "catalog.h"
#include "index.h"
#include "reclaim.h"
#include "split.h"
#include "slot.h"
#include "verify.h"

#include "stores.h"

struct rooms {
    struct segment segment;
    struct arena arena;
    struct reclaim reclaim;
    struct catalog catalog;
    struct adopt adopt;
};

/* The segment and its arena; begins the adoption of one that was there. */
static inline enum stele_status rooms_try(struct rooms *rooms, const char *name, uint64_t max_bytes)
{
    struct stele_store_options options = {
        .name = name, .max_bytes = max_bytes, .small_pages = true};
    struct segment_message silent = {NULL, 0};
    memset(rooms, 0, sizeof *rooms);
    enum stele_status status = segment_open(&rooms->segment, &options, &silent);
    if (status == STELE_OK)
        status = arena_init(&rooms->arena, &rooms->segment);
    if (status != STELE_OK)
        return status;
    if (!rooms->segment.adopted) /* the same buckets in every run */
        rooms->segment.map.hash_seed = rooms->segment.header->hash_seed = 12345;
    catalog_init(&rooms->catalog, &rooms->arena, &rooms->reclaim);
    return rooms->segment.adopted ? adopt_begin(&rooms->adopt, &rooms->catalog) : STELE_OK;
}

/* On the heap: a catalog is too large for a stack. rooms_close() frees it. */
static inline struct rooms *rooms_open(const char *name, uint64_t max_bytes)
{
    struct rooms *rooms = malloc(sizeof *rooms);
    ck_assert_ptr_nonnull(rooms);
    expect_ok(rooms_try(rooms, name, max_bytes));
    return rooms;
}

/* As a killed writer leaves it: nothing is said to the segment. */
static inline void rooms_close(struct rooms *rooms)
{
    adopt_fini(&rooms->adopt);
    reclaim_fini(&rooms->reclaim);
    catalog_fini(&rooms->catalog);
    arena_fini(&rooms->arena);
    segment_close(&rooms->segment, false);
    free(rooms);
}

/* The writer is killed; the next one begins. */
static inline void rooms_change_writers(struct rooms **rooms, const char *name)
{
    rooms_close(*rooms);
    *rooms = rooms_open(name, 0);
    ck_assert((*rooms)->segment.adopted);
    ck_assert_int_eq((*rooms)->adopt.phase, ADOPT_MARKING);
}

static inline void rooms_settle(struct rooms *rooms)
{
    uint32_t budget = UINT32_MAX;
    while (rooms->adopt.phase != ADOPT_IDLE && adopt_step(&rooms->adopt, &rooms->catalog, &budget))
        budget = UINT32_MAX;
    budget = UINT32_MAX;
    while (reclaim_step(&rooms->reclaim, &budget))
        budget = UINT32_MAX;
}

static inline void rooms_verify(struct rooms *rooms)
{
    char text[256] = "";
    enum stele_status status = verify_all(&rooms->catalog, text, sizeof text);
    ck_assert_msg(status == STELE_OK, "verify: %s", text);
}

/* A table of this type, as text (type.h). */
static inline struct table *rooms_typed(struct rooms *rooms, const char *name, const char *type)
{
    struct stele_table_options options = {.max_entries = 0};
    uint32_t id = UINT32_MAX;
    ck_assert_msg(stele_type_parse(type, &options.type), "%s", type);
    expect_ok(catalog_create(&rooms->catalog, name, CATALOG_ANY, &options, &id));
    struct table *table = catalog_table(&rooms->catalog, id);
    ck_assert_ptr_nonnull(table);
    return table;
}

static inline struct table *rooms_table(struct rooms *rooms, const char *name)
{
    return rooms_typed(rooms, name, "bytes->bytes");
}

/* Entry i of a table: key and value are the number itself. */
static inline enum stele_status rooms_put(struct table *table, uint64_t number)
{
    return table_write(table, TABLE_PUT, &number, sizeof number, &number, sizeof number);
}

static inline bool rooms_has(struct table *table, uint64_t number)
{
    struct table_spot spot;
    uint64_t hash = stelei_hash(&number, sizeof number, table->map->hash_seed);
    return table_find(table, &number, sizeof number, hash, &spot);
}

/* Finds `n` numbers from *from on whose entries fall into `bucket` of 2^depth buckets. */
static inline void rooms_colliding(const struct table *table, unsigned depth, uint64_t bucket,
                                   uint64_t *from, uint64_t *numbers, unsigned n)
{
    for (unsigned found = 0; found < n; ++*from)
        if (stelei_depth_bucket(stelei_hash(from, sizeof *from, table->map->hash_seed), depth) ==
            bucket)
            numbers[found++] = *from;
}

#endif
