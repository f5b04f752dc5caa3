/*
 * scenario_parts.h - what several files of scenarios need: room for keys that stay in one bucket, and
 * a second table that readers do not look at, whose value is ballast.
 */
#ifndef EXPLORE_SCENARIO_PARTS_H
#define EXPLORE_SCENARIO_PARTS_H

#include <stdlib.h>

#include "stage.h"

#define EXPLORE_ALL  ((1u << EXPLORE_CALLS) - 1)
#define EXPLORE_MIB4 (UINT64_C(4) << 20)

/* More than the quarantine keeps: retiring it recycles all that was retired before. */
#define EXPLORE_BALLAST (UINT32_C(128) << 10)

/* Buckets for 16 words: a chain of a few keys is not split. */
static inline void explore_roomy(struct explore_stage *stage)
{
    explore_expect(stele_store_table_reserve(stage->store, stage->table, 16, 128, 128), "reserve");
}

/* An entry of the other table; its number is its key. */
static inline void explore_other_put(struct explore_stage *stage, uint64_t number, uint32_t bytes)
{
    uint32_t other;
    uint8_t *value = explore_alloc(NULL, bytes);
    memset(value, (int)(EXPLORE_FILLER & 0xff), bytes);
    memset(value, 1, 8);
    enum stele_status status = stele_store_table_create(stage->store, "u", NULL, &other);
    explore_expect(status == STELE_EEXIST ? STELE_OK : status, "table");
    explore_expect(stele_store_put(stage->store, other, &number, sizeof number, value, bytes),
                   "other put");
    free(value);
}

static inline void explore_other_remove(struct explore_stage *stage, uint64_t number)
{
    uint32_t other;
    explore_expect(stele_store_table_find(stage->store, "u", &other), "table");
    explore_expect(stele_store_erase(stage->store, other, &number, sizeof number), "other erase");
}

/* Makes the ballast, and retires it. */
static inline void explore_other(struct explore_stage *stage)
{
    explore_other_put(stage, 0, EXPLORE_BALLAST);
}
static inline void explore_other_erase(struct explore_stage *stage)
{
    explore_other_remove(stage, 0);
}

#endif
