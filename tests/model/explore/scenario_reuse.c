/* Scenarios about memory that comes back: what scenario.c does not come by. */
#include "scenario.h"
#include "reading.h"

#include <stdlib.h>

#define SMALL   24u
#define BLOCK   112u /* the record's block is as large as the first block of buckets */
#define BALLAST (UINT32_C(128) << 10) /* retiring it recycles all that was retired before */
#define ALL     ((1u << EXPLORE_CALLS) - 1)
#define POINT   (1u << EXPLORE_GET | 1u << EXPLORE_VIEW)
#define TAG     0x5a
#define MIB4    (UINT64_C(4) << 20)

/* Keys 0, 1 and 2 share the tag and the bucket 0 at every depth up to 4; 3 is the ballast. */
static void three_keys(struct explore_stage *stage)
{
    for (int i = 0; i < 3; i++)
        explore_stage_watched(stage, 4, 0, TAG);
    explore_stage_key(stage, 4, 1, -1);
}

/* ---- overflow lines ----------------------------------------------------------------------- */

static void line_setup(struct explore_stage *stage)
{
    three_keys(stage);
    for (int i = 0; i < 10; i++)
        explore_put(stage, explore_stage_key(stage, 4, 0, -1), 8);
    explore_put(stage, 0, SMALL);
    explore_put(stage, 1, SMALL);
}

/* The line's word is stored to again after a slot of it was filled again. */
static void line_erase_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 2, SMALL);
    explore_erase(stage, 1);
}

static void line_alone_setup(struct explore_stage *stage)
{
    three_keys(stage);
    for (int i = 0; i < 10; i++)
        explore_put(stage, explore_stage_key(stage, 4, 0, -1), 8);
    explore_put(stage, 0, SMALL);
}

/* The line goes and comes again while the record that stood behind it is as it was. */
static void line_again_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 1, 2 * SMALL);
}

/* ---- a second table, which readers do not look at ------------------------------------------ */

static void other_table(struct explore_stage *stage, uint32_t bytes)
{
    uint32_t other;
    uint8_t *value = explore_alloc(NULL, bytes);
    memset(value, 1, bytes);
    explore_expect(stele_store_table_create(stage->store, "u", NULL, &other), "table");
    explore_expect(stele_store_put(stage->store, other, "ballast", 7, value, bytes), "ballast");
    free(value);
}

static void other_erase(struct explore_stage *stage)
{
    uint32_t other;
    explore_expect(stele_store_table_find(stage->store, "u", &other), "table");
    explore_expect(stele_store_erase(stage->store, other, "ballast", 7), "ballast");
}

static void two_ballasts_setup(struct explore_stage *stage)
{
    three_keys(stage);
    explore_put(stage, 0, SMALL);
    explore_put(stage, 1, SMALL);
    explore_put(stage, 3, BALLAST);
    other_table(stage, BALLAST);
}

/* The whole of the table waits in the quarantine, and comes out of it at once. */
static void clear_reuse_operations(struct explore_stage *stage)
{
    explore_erase(stage, 3);
    explore_clear(stage);
    explore_step(stage);
    other_erase(stage);
    explore_put(stage, 0, SMALL);
}

/* ---- indexes in memory that was a record's -------------------------------------------------- */

static void block_setup(struct explore_stage *stage)
{
    three_keys(stage);
    explore_put(stage, 0, BLOCK);
    explore_put(stage, 1, SMALL);
    explore_put(stage, 3, BALLAST);
}

static void clear_block_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_erase(stage, 3);
    explore_clear(stage);
}

static void create_block_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_erase(stage, 3);
    explore_create(stage, "u");
}

/* ---- memory runs out ----------------------------------------------------------------------- */

/* Pages that neither slabs nor the `runs` bytes of large values take. */
static uint64_t pages_left(const struct explore_stage *stage, uint64_t runs)
{
    struct stele_store_stats stats;
    const struct stelei_header *header = (const struct stelei_header *)(const void *)stage->base;
    uint64_t slabs = 0;
    stele_store_get_stats(stage->store, &stats);
    for (uint64_t unit = 0; unit < stage->class_bytes; unit++) {
        unsigned cls = stage->base[stage->classes_off + unit];
        slabs += cls != STELEI_CLASS_FREE && cls <= STELEI_CLASS_COUNT;
    }
    return (stats.committed_bytes - header->data_off - slabs * STELEI_UNIT_BYTES - runs) / 4096;
}

/* All but so many pages are taken by few values, no two of one size: scans tell them apart by it.
 * Returns the bytes of all large values. */
static uint64_t fill(struct explore_stage *stage, uint64_t runs, uint64_t left)
{
    while (pages_left(stage, runs) > left) {
        uint64_t pages = pages_left(stage, runs) - left;
        uint32_t bytes = (uint32_t)(pages > 200 ? 150 + stage->values : pages) * 4096 - 16;
        explore_put(stage, explore_stage_key(stage, 4, 1, -1), bytes);
        runs += bytes + 16;
    }
    return runs;
}

static void drain_setup(struct explore_stage *stage)
{
    three_keys(stage);
    explore_put(stage, 0, SMALL);
    explore_put(stage, 1, SMALL);
    explore_put(stage, 3, BALLAST - 16);
    fill(stage, BALLAST, 12);
}

/* A slab is asked for and not to be had before the quarantine is emptied. */
static void drain_operations(struct explore_stage *stage)
{
    explore_erase(stage, 3);
    explore_put(stage, 0, SMALL);
    explore_put(stage, 2, 64);
    explore_put(stage, 1, SMALL);
}

/* The segment's first 2 MiB are nearly full: one slab can be had, the next needs a chunk. */
static void commit_scan_setup(struct explore_stage *stage)
{
    three_keys(stage);
    explore_put(stage, 0, SMALL);
    fill(stage, 0, 20);
}

static void commit_scan_operations(struct explore_stage *stage)
{
    explore_put(stage, 1, 48);
    explore_put(stage, 0, 80);
}

const struct explore_scenario explore_reuse_scenarios[] = {
    {"overflow-erase", "a slot of a line filled again, then another entry of it erased", line_setup,
     line_erase_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"line-again", "a line emptied and given out again, its old entry's record still whole",
     line_alone_setup, line_again_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"clear-reuse", "a cleared table's memory out of the quarantine at once, and used again",
     two_ballasts_setup, clear_reuse_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"clear-block", "clear, the new index in memory of a record", block_setup,
     clear_block_operations, MIB4, POINT, true, EXPLORE_BYTES},
    {"create-block", "another table created, its index in memory of a record", block_setup,
     create_block_operations, MIB4, POINT, true, EXPLORE_BYTES},
    {"drain", "memory runs out, the quarantine is emptied for it and a record overwritten",
     drain_setup, drain_operations, MIB4, ALL, true, EXPLORE_BYTES},
    {"commit-scan", "records in a chunk that was not there before, few other keys",
     commit_scan_setup, commit_scan_operations, 2 * MIB4, ALL, true, EXPLORE_BYTES},
};

const unsigned explore_reuse_count =
    sizeof explore_reuse_scenarios / sizeof explore_reuse_scenarios[0];
