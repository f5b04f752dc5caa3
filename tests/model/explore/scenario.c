#include "scenario.h"
#include "reading.h"

#define SMALL 24u   /* bytes of an ordinary value */
#define LARGE 4160u /* above STELEI_LARGE_BYTES */
#define LINE  48u   /* the record's block is as large as an overflow line */
#define BLOCK 112u  /* as large as the first block of buckets: the one of a cleared table */
#define BALLAST                                                                                    \
    (UINT32_C(128) << 10) /* more than the quarantine keeps: retiring it recycles all else */
#define ALL     ((1u << EXPLORE_CALLS) - 1)
#define NO_SCAN (ALL & ~(1u << EXPLORE_SCAN))
#define TAG     0x5a

/* Keys 0, 1 and 2 share the tag and the bucket 0 at every depth up to 4; 3 is the ballast. */
static void three_keys(struct explore_stage *stage)
{
    for (int i = 0; i < 3; i++)
        explore_stage_watched(stage, 4, 0, TAG);
    explore_stage_key(stage, 4, 1, -1);
}

static void pair_setup(struct explore_stage *stage)
{
    three_keys(stage);
    explore_put(stage, 0, SMALL);
    explore_put(stage, 1, SMALL);
}

static void ballast_setup(struct explore_stage *stage)
{
    pair_setup(stage);
    explore_put(stage, 3, BALLAST);
}

static void insert_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, SMALL);
}

static void replace_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_put(stage, 0, SMALL + 8);
}

/* The block that the first operation retires is given out again to the third. */
static void reuse_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_erase(stage, 3);
    explore_put(stage, 0, SMALL);
}

static void reuse_other_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_erase(stage, 3);
    explore_put(stage, 1, SMALL);
}

static void slot_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 2, SMALL);
}

static void slot_reuse_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_erase(stage, 3);
    explore_put(stage, 2, SMALL);
}

static void erase_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 0, SMALL);
}

/* ---- overflow lines ----------------------------------------------------------------------- */

/* Keys 0-2 as above, 3 ballast, 4-12 fill the head; `in` of the first three keys go behind it. */
static void overflow_setup(struct explore_stage *stage, unsigned in)
{
    three_keys(stage);
    for (int i = 0; i < 10; i++) {
        unsigned key = explore_stage_key(stage, 4, 0, -1);
        explore_put(stage, key, 8);
    }
    explore_put(stage, 3, BALLAST);
    for (unsigned i = 0; i < in; i++)
        explore_put(stage, i, SMALL);
}

static void overflow0_setup(struct explore_stage *stage)
{
    overflow_setup(stage, 0);
}

static void overflow1_setup(struct explore_stage *stage)
{
    overflow_setup(stage, 1);
}

static void overflow2_setup(struct explore_stage *stage)
{
    overflow_setup(stage, 2);
}

static void overflow_insert_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_put(stage, 1, SMALL);
}

/* The slot in the line is freed and filled again. */
static void overflow_slot_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 2, SMALL);
}

static void overflow_update_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_erase(stage, 3);
    explore_put(stage, 1, SMALL);
}

/* The line becomes empty, is unlinked and given out again as a line. */
static void line_reuse_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_erase(stage, 3);
    explore_put(stage, 1, SMALL);
}

/* Head, line and second line: ten entries, key 0 alone, key 1 alone. */
static void two_lines_setup(struct explore_stage *stage)
{
    unsigned filler = 0;
    overflow_setup(stage, 1);
    for (int i = 0; i < 9; i++) {
        filler = explore_stage_key(stage, 4, 0, -1);
        explore_put(stage, filler, 8);
    }
    explore_put(stage, 1, SMALL);
    for (int i = 0; i < 9; i++)
        explore_erase(stage, filler - (unsigned)i);
}

/* The first line is unlinked and given out again as a record: key 1 stands behind it. */
static void line_record_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 2, LINE);
}

/* An entry goes from a line to the head's freed slot. */
static void head_slot_operations(struct explore_stage *stage)
{
    explore_erase(stage, 4);
    explore_erase(stage, 0);
    explore_put(stage, 0, SMALL);
}

/* ---- splits ------------------------------------------------------------------------------- */

/* 15 entries in buckets 0 and 1: the next insert splits bucket 0 into 0 and 2. */
static void split_head_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 0, TAG); /* stays */
    explore_stage_watched(stage, 4, 2, TAG); /* moves */
    explore_stage_watched(stage, 4, 2, -1);  /* triggers the split and moves */
    explore_put(stage, 0, SMALL);
    explore_put(stage, 1, SMALL);
    for (unsigned i = 0; i < 13; i++)
        explore_put(stage, explore_stage_key(stage, 4, i < 4 ? 0 : i < 6 ? 2 : 1, -1), 8);
}

/*
 * The same with a cleared table's bucket 2 in the memory that the new bucket 2 will get. The
 * entries are of another size than before, so that those in the old bucket still look like records.
 */
static void split_again_setup(struct explore_stage *stage)
{
    split_head_setup(stage);
    explore_put(stage, 2, SMALL);
    explore_clear(stage);
    explore_step(stage);
    unsigned ballast = explore_stage_key(stage, 4, 1, -1);
    explore_put(stage, ballast, BALLAST);
    explore_erase(stage, ballast);
    explore_put(stage, ballast, BLOCK);
    explore_put(stage, 0, 16);
    explore_put(stage, 1, 16);
    for (unsigned i = 3; i < 15; i++)
        explore_put(stage, i, 16);
}

static void split_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, SMALL);
}

static void split_write_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, SMALL);
    explore_put(stage, 1, SMALL);
}

static void split_erase_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, SMALL);
    explore_erase(stage, 1);
}

/* 13 entries in bucket 0: some of those in its line move to bucket 2, others are pulled up. */
static void split_overflow_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 0, TAG); /* in the line: pulled up */
    explore_stage_watched(stage, 4, 2, TAG); /* in the line: moves */
    explore_stage_watched(stage, 4, 2, -1);  /* in the head: moves */
    explore_stage_watched(stage, 4, 1, -1);  /* triggers the split */
    explore_stage_watched(stage, 4, 0, TAG); /* comes after the split */
    explore_put(stage, 2, SMALL);
    for (unsigned i = 0; i < 9; i++)
        explore_put(stage, explore_stage_key(stage, 4, i < 7 ? 0 : 2, -1), 8);
    explore_put(stage, 0, SMALL);
    explore_put(stage, 1, SMALL);
    for (unsigned i = 0; i < 3; i++)
        explore_put(stage, explore_stage_key(stage, 4, 1, -1), 8);
}

static void split_trigger_operations(struct explore_stage *stage)
{
    explore_put(stage, 3, SMALL);
}

/* After the split the freed slots of the line's successor and of the head are filled again. */
static void split_refill_operations(struct explore_stage *stage)
{
    explore_put(stage, 3, SMALL);
    explore_put(stage, 1, SMALL);
    explore_put(stage, 4, SMALL);
}

/* Ten entries that stay in the head, and a line with one that moves. */
static void split_clear_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 0, TAG); /* comes after the split */
    explore_stage_watched(stage, 4, 2, TAG); /* in the line: moves */
    explore_stage_watched(stage, 4, 1, -1);  /* triggers the split */
    for (unsigned i = 0; i < 10; i++)
        explore_put(stage, explore_stage_key(stage, 4, 0, -1), 8);
    explore_put(stage, 1, SMALL);
    for (unsigned i = 0; i < 4; i++)
        explore_put(stage, explore_stage_key(stage, 4, 1, -1), 8);
}

/* The split empties the line and has nothing to pull up; then the chain needs a line again. */
static void split_clear_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, SMALL);
    explore_put(stage, 0, SMALL);
}

/* 37 entries in 5 buckets, 10 and more in bucket 1: it splits twice away from an old geometry. */
static void split_far_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 4, TAG); /* 0 at depth 1 and 2, then 4 */
    explore_stage_watched(stage, 4, 0, TAG);
    explore_stage_watched(stage, 4, 2, -1); /* triggers the split of 0 into 0 and 4 */
    explore_put(stage, 0, SMALL);
    explore_put(stage, 1, SMALL);
    for (unsigned i = 0; i < 28; i++)
        explore_put(stage, explore_stage_key(stage, 4, i < 6 ? i % 2 * 4 : i % 3 + 1, -1), 8);
}

/* ---- tables ------------------------------------------------------------------------------- */

static void clear_operations(struct explore_stage *stage)
{
    explore_clear(stage);
    explore_step(stage);
    explore_put(stage, 0, SMALL);
}

static void drop_operations(struct explore_stage *stage)
{
    explore_drop(stage);
    explore_step(stage);
    explore_create(stage, "t");
}

/* ---- large values and memory -------------------------------------------------------------- */

static void large_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 0, TAG);
    explore_stage_key(stage, 4, 0, TAG);
    explore_stage_key(stage, 4, 1, TAG);
    explore_stage_key(stage, 4, 1, -1);
    explore_put(stage, 0, LARGE);
    explore_put(stage, 1, LARGE);
    explore_put(stage, 3, BALLAST);
}

static void large_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, LARGE);
    explore_erase(stage, 3);
    explore_put(stage, 1, LARGE);
}

/* The segment's first 2 MiB are full: the next slab needs a chunk. */
static void commit_setup(struct explore_stage *stage)
{
    struct stele_store_stats stats;
    three_keys(stage);
    explore_put(stage, 0, SMALL);
    for (;;) {
        stele_store_get_stats(stage->store, &stats);
        if (stats.free_bytes < UINT64_C(320) << 10)
            break;
        /* no two of one size: scans tell them apart by it */
        explore_put(stage, explore_stage_key(stage, 4, 1, -1), (100 << 10) + 8 * stage->values);
    }
}

static void commit_operations(struct explore_stage *stage)
{
    for (unsigned i = 0; i < 5; i++) /* five classes, a slab of 64 KiB each */
        explore_put(stage, 1 + i % 2, 600 + 100 * i);
}

/* ---- sparse slabs ------------------------------------------------------------------------- */

#define SLAB_KEYS  14u /* records of LARGE bytes in a slab */
#define PAGES_LEFT 24u /* a new slab takes 16 of them, and then there are few */

static uint32_t run_bytes(uint32_t value_bytes)
{
    return (value_bytes + 16 + 4095) & ~UINT32_C(4095);
}

/* Bytes of free pages: what is no slab, and none of the `runs` bytes that the ballast takes. */
static uint32_t page_bytes(const struct explore_stage *stage, uint32_t runs)
{
    struct stele_store_stats stats;
    const struct stelei_header *header = (const struct stelei_header *)(const void *)stage->base;
    uint64_t slabs = 0;
    stele_store_get_stats(stage->store, &stats);
    for (uint64_t unit = 0; unit < stage->class_bytes; unit++) {
        unsigned cls = stage->base[stage->classes_off + unit];
        slabs += cls != STELEI_CLASS_FREE && cls <= STELEI_CLASS_COUNT;
    }
    return (uint32_t)(stats.committed_bytes - header->data_off - slabs * STELEI_UNIT_BYTES) - runs;
}

/* Takes all pages but a few. The first key of the ballast. */
static unsigned leave_few_pages(struct explore_stage *stage)
{
    uint32_t runs = 0;
    unsigned first = stage->keys;
    while (page_bytes(stage, runs) > PAGES_LEFT * 4096) {
        uint32_t left = page_bytes(stage, runs) - PAGES_LEFT * 4096;
        /* no two of one size: scans tell them apart by it */
        uint32_t bytes = left < 3 * BALLAST ? left - 16 : BALLAST + 8 * stage->values;
        explore_put(stage, explore_stage_key(stage, 4, 1, -1), bytes);
        runs += run_bytes(bytes);
    }
    return first;
}

/*
 * Three slabs with nothing but keys 0, 1 and 2 in them, one each, and hardly a free page: the next
 * slab brings about a pass that moves keys 0 and 1 beside key 2. Key 3 is for that next slab. Each key
 * has a bucket of its own, whose version tells of one move and no other.
 */
static void evacuate_setup(struct explore_stage *stage)
{
    for (unsigned i = 0; i < 3; i++)
        explore_stage_watched(stage, 4, i, TAG);
    explore_stage_key(stage, 4, 1, -1);
    for (unsigned slab = 0; slab < 3; slab++) {
        explore_put(stage, slab, LARGE);
        for (unsigned n = 1; n < SLAB_KEYS; n++)
            explore_put(stage, explore_stage_key(stage, 4, 1 + n % 15, -1), LARGE);
    }
    unsigned ballast = leave_few_pages(stage);
    for (unsigned key = 4; key < ballast; key++)
        explore_erase(stage, key);
    explore_erase(stage, ballast); /* brings all else through the quarantine */
}

/*
 * The same with slabs of the size of a line: in the first stands the line of key 0, whose head is
 * full, and in each of them a record that keeps it.
 */
static void evacuate_line_setup(struct explore_stage *stage)
{
    for (int i = 0; i < 3; i++)
        explore_stage_watched(stage, 12, 0, TAG);
    explore_stage_key(stage, 4, 1, -1);
    for (int i = 0; i < 10; i++)
        explore_put(stage, explore_stage_key(stage, 12, 0, -1), 8);
    explore_put(stage, explore_stage_key(stage, 4, 1, -1), LINE);
    explore_put(stage, 0, SMALL);
    for (uint64_t slab = 0; slab < 2; slab++) {
        explore_fill(stage, slab * 1100, (slab + 1) * 1100, LINE);
        explore_put(stage, explore_stage_key(stage, 4, 1, -1), LINE);
    }
    explore_fill(stage, 2200, 2900, LINE);
    unsigned ballast = leave_few_pages(stage);
    explore_unfill(stage, 0, 2900);
    explore_erase(stage, ballast);
}

/* The pass, its end, and a slab of another class in one of the freed units. */
static void evacuate_operations(struct explore_stage *stage)
{
    explore_put(stage, 3, 104);
    explore_step(stage);
    explore_put(stage, 3, 200);
}

static void evacuate_write_operations(struct explore_stage *stage)
{
    explore_put(stage, 3, 104);
    explore_put(stage, 0, SMALL);
}

#define MIB4 (UINT64_C(4) << 20)

const struct explore_scenario explore_scenarios[] = {
    {"insert", "insert into the head", pair_setup, insert_operations, MIB4, ALL, false,
     EXPLORE_BYTES},
    {"replace", "replace twice, another length", pair_setup, replace_operations, MIB4, ALL, false,
     EXPLORE_BYTES},
    {"reuse", "replace, recycle, replace the same key in the old block", ballast_setup,
     reuse_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"reuse-other", "replace, recycle, another key's record in the old block", ballast_setup,
     reuse_other_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"slot", "erase, insert another key into the slot", pair_setup, slot_operations, MIB4, ALL,
     false, EXPLORE_BYTES},
    {"slot-reuse", "the same with the record's block given out again", ballast_setup,
     slot_reuse_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"erase", "erase, insert the same key", pair_setup, erase_operations, MIB4, ALL, false,
     EXPLORE_BYTES},
    {"overflow-insert", "a new line, then a second entry in it", overflow0_setup,
     overflow_insert_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"overflow-slot", "erase in a line, insert another key into the slot", overflow2_setup,
     overflow_slot_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"overflow-update", "replace in a line, block reused by the other entry", overflow2_setup,
     overflow_update_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"line-reuse", "a line emptied, unlinked, given out again", overflow1_setup,
     line_reuse_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"line-record", "a line in mid-chain emptied, unlinked, given out again as a record",
     two_lines_setup, line_record_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"head-slot", "a key erased in a line comes back in the head", overflow1_setup,
     head_slot_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"split-head", "split, all entries in the head", split_head_setup, split_operations, MIB4, ALL,
     false, EXPLORE_BYTES},
    {"split-write", "split, then a moved key replaced", split_head_setup, split_write_operations,
     MIB4, NO_SCAN, false, EXPLORE_BYTES},
    {"split-erase", "split, then a moved key erased", split_head_setup, split_erase_operations,
     MIB4, ALL, true, EXPLORE_BYTES},
    {"split-overflow", "split with entries moved from a line, and pulled up", split_overflow_setup,
     split_trigger_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"split-refill", "the same, then freed slots filled again", split_overflow_setup,
     split_refill_operations, MIB4, NO_SCAN & ~(1u << EXPLORE_MANY), true, EXPLORE_BYTES},
    {"split-clear", "split that empties a line, then an entry for a line", split_clear_setup,
     split_clear_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"split-again", "split, the new bucket in memory of a cleared table's", split_again_setup,
     split_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"split-far", "split of bucket 0 into 0 and 4, new block of buckets", split_far_setup,
     split_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"clear", "clear, memory given back, insert", ballast_setup, clear_operations, MIB4, ALL, false,
     EXPLORE_BYTES},
    {"drop", "drop, memory given back, a table of the same name", ballast_setup, drop_operations,
     MIB4, ALL, false, EXPLORE_BYTES},
    {"large", "a large value overwritten, its block reused by another", large_setup,
     large_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"evacuate", "two records moved out of sparse slabs, whose memory another class gets",
     evacuate_setup, evacuate_operations, MIB4, NO_SCAN, false, EXPLORE_BYTES},
    {"evacuate-write", "a record moved out of a sparse slab, then replaced", evacuate_setup,
     evacuate_write_operations, MIB4, 1u << EXPLORE_GET, true, EXPLORE_BYTES},
    {"evacuate-line", "a line moved out of a sparse slab, whose memory another class gets",
     evacuate_line_setup, evacuate_operations, MIB4, ALL, false, EXPLORE_BYTES},
    {"commit", "a value in a chunk that was not there before", commit_setup, commit_operations,
     2 * MIB4, 1u << EXPLORE_GET | 1u << EXPLORE_VIEW, false, EXPLORE_BYTES},
};

const unsigned explore_scenario_count = sizeof explore_scenarios / sizeof explore_scenarios[0];
