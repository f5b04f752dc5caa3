/*
 * Scenarios about words as keys: three slots to a line, values that are stored in place, and records
 * without a key.
 */
#include "scenario.h"
#include "reading.h"
#include "scenario_parts.h"

#define WORD  8u
#define SMALL 24u
#define LARGE 4160u /* above STELEI_LARGE_BYTES */

/* Keys 0, 1 and 2 stand in bucket 0 at every depth up to 4; eight buckets, so that nothing splits. */
static void three_keys(struct explore_stage *stage)
{
    for (int i = 0; i < 3; i++)
        explore_stage_watched(stage, 4, 0, -1);
    explore_roomy(stage);
}

/* The same with three more in the head: keys 0 to `in` go behind it. */
static void overflow_setup(struct explore_stage *stage, unsigned in)
{
    three_keys(stage);
    for (int i = 0; i < 3; i++)
        explore_put(stage, explore_stage_key(stage, 4, 0, -1), WORD);
    for (unsigned i = 0; i < in; i++)
        explore_put(stage, i, WORD);
}

/* ---- the head ----------------------------------------------------------------------------- */

static void pair_setup(struct explore_stage *stage)
{
    three_keys(stage);
    explore_put(stage, 0, WORD);
    explore_put(stage, 1, WORD);
}

static void replace_operations(struct explore_stage *stage)
{
    explore_put(stage, 1, WORD);
    explore_put(stage, 0, WORD);
    explore_put(stage, 1, WORD);
}

static void insert_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, WORD);
    explore_put(stage, 2, WORD);
}

static void slot_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 2, WORD);
}

static void slot_again_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 0, WORD);
    explore_put(stage, 0, WORD);
}

/* ---- overflow lines ----------------------------------------------------------------------- */

static void overflow0_setup(struct explore_stage *stage)
{
    overflow_setup(stage, 0);
}

static void overflow1_setup(struct explore_stage *stage)
{
    overflow_setup(stage, 1);
    explore_other(stage);
}

static void overflow2_setup(struct explore_stage *stage)
{
    overflow_setup(stage, 2);
}

static void overflow_insert_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, WORD);
    explore_put(stage, 1, WORD);
}

static void overflow_replace_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, WORD);
    explore_put(stage, 1, WORD);
}

static void overflow_slot_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 2, WORD);
}

/* The line becomes empty, is unlinked and given out again as a line. */
static void line_reuse_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_other_erase(stage);
    explore_put(stage, 1, WORD);
}

/* A key erased in a line comes back in the head's freed slot. */
static void head_slot_operations(struct explore_stage *stage)
{
    explore_erase(stage, 3);
    explore_erase(stage, 0);
    explore_put(stage, 0, WORD);
}

/* ---- splits ------------------------------------------------------------------------------- */

/* Four entries in buckets 0 and 1: the next one splits bucket 0 into 0 and 2. */
static void split_head_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 0, -1); /* stays */
    explore_stage_watched(stage, 4, 2, -1); /* moves */
    explore_stage_watched(stage, 4, 2, -1); /* triggers the split and moves */
    explore_put(stage, 0, WORD);
    explore_put(stage, 1, WORD);
    for (unsigned i = 0; i < 2; i++)
        explore_put(stage, explore_stage_key(stage, 4, 1, -1), WORD);
}

static void split_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, WORD);
}

static void split_replace_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, WORD);
    explore_put(stage, 1, WORD);
    explore_put(stage, 0, WORD);
}

/* Nine entries in four buckets, five of them in bucket 0: the next one splits it into 0 and 4. */
static void split_overflow_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 0, -1); /* in the line: pulled up */
    explore_stage_watched(stage, 4, 4, -1); /* in the line: moves */
    explore_stage_watched(stage, 4, 4, -1); /* in the head: moves */
    explore_stage_watched(stage, 4, 1, -1); /* triggers the split */
    explore_stage_watched(stage, 4, 0, -1); /* comes after the split */
    explore_put(stage, 2, WORD);
    for (unsigned i = 0; i < 2; i++)
        explore_put(stage, explore_stage_key(stage, 4, 0, -1), WORD);
    explore_put(stage, 0, WORD);
    explore_put(stage, 1, WORD);
    for (unsigned i = 0; i < 4; i++)
        explore_put(stage, explore_stage_key(stage, 4, 1 + i % 3, -1), WORD);
}

/* Nine words in the heads of four buckets: the next one splits bucket 0 into 0 and 4. */
static void split_far_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 4, -1); /* moves */
    explore_stage_watched(stage, 4, 0, -1); /* stays */
    explore_stage_key(stage, 4, 1, -1);     /* triggers the split */
    explore_put(stage, 0, WORD);
    explore_put(stage, 1, WORD);
    explore_put(stage, explore_stage_key(stage, 4, 0, -1), WORD);
    for (unsigned i = 0; i < 6; i++)
        explore_put(stage, explore_stage_key(stage, 4, 1 + i % 3, -1), WORD);
}

static void split_far_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, WORD);
}

static void split_trigger_operations(struct explore_stage *stage)
{
    explore_put(stage, 3, WORD);
}

/* What was pulled up is overwritten where it stands now; the slot that it left is filled again. */
static void split_pulled_operations(struct explore_stage *stage)
{
    explore_put(stage, 3, WORD);
    explore_put(stage, 0, WORD);
}

static void split_refill_operations(struct explore_stage *stage)
{
    explore_put(stage, 3, WORD);
    explore_put(stage, 1, WORD);
    explore_put(stage, 4, WORD);
}

/* ---- the table ---------------------------------------------------------------------------- */

static void clear_operations(struct explore_stage *stage)
{
    explore_clear(stage);
    explore_step(stage);
    explore_put(stage, 0, WORD);
}

/* ---- records behind word keys -------------------------------------------------------------- */

static void records_setup(struct explore_stage *stage)
{
    three_keys(stage);
    explore_put(stage, 0, SMALL);
    explore_put(stage, 1, SMALL);
    explore_other(stage);
}

static void records_replace_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_put(stage, 0, SMALL + 8);
}

/* The block that the first operation retires is given out again to the other key. */
static void records_reuse_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_other_erase(stage);
    explore_put(stage, 1, SMALL);
}

static void records_slot_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_other_erase(stage);
    explore_put(stage, 2, SMALL);
}

static void records_overflow_setup(struct explore_stage *stage)
{
    three_keys(stage);
    for (int i = 0; i < 3; i++)
        explore_put(stage, explore_stage_key(stage, 4, 0, -1), SMALL);
    explore_put(stage, 0, SMALL);
    explore_other(stage);
}

/* The block of the record before the last is the next one's. */
static void records_again_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, SMALL);
    explore_other_erase(stage);
    explore_put(stage, 0, SMALL);
}

static void records_line_setup(struct explore_stage *stage)
{
    records_overflow_setup(stage);
    explore_put(stage, 1, SMALL);
}

/* The slot in the line is freed and filled again. */
static void records_line_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_put(stage, 2, SMALL);
}

static void records_head_operations(struct explore_stage *stage)
{
    explore_erase(stage, 3);
    explore_erase(stage, 0);
    explore_put(stage, 0, SMALL);
}

/* The slot of the key that moved is another one's. */
static void records_split_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 0, -1); /* stays */
    explore_stage_watched(stage, 4, 2, -1); /* moves */
    explore_stage_key(stage, 4, 1, -1);     /* triggers the split */
    explore_stage_watched(stage, 4, 0, -1); /* comes after it */
    explore_put(stage, 1, SMALL);
    explore_put(stage, 0, SMALL);
    for (unsigned i = 0; i < 2; i++)
        explore_put(stage, explore_stage_key(stage, 4, 1, -1), SMALL);
}

static void records_split_operations(struct explore_stage *stage)
{
    explore_put(stage, 2, SMALL);
    explore_put(stage, 3, SMALL);
}

static void records_large_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 0, -1);
    explore_stage_key(stage, 4, 0, -1);
    explore_roomy(stage);
    explore_put(stage, 0, LARGE);
    explore_put(stage, 1, LARGE);
    explore_other(stage);
}

static void records_large_operations(struct explore_stage *stage)
{
    explore_put(stage, 0, LARGE);
    explore_other_erase(stage);
    explore_put(stage, 1, LARGE);
}

#define WORDS   .key_kind = STELE_U64, .value_kind = STELE_U64, .max_bytes = EXPLORE_MIB4
#define RECORDS .key_kind = STELE_U64, .value_kind = STELE_BYTES, .max_bytes = EXPLORE_MIB4

const struct explore_scenario explore_words_scenarios[] = {
    {"word-replace", "words stored in place", pair_setup, replace_operations, WORDS,
     .calls = EXPLORE_ALL},
    {"word-insert", "a word inserted, then stored in place", pair_setup, insert_operations, WORDS,
     .calls = EXPLORE_ALL},
    {"word-slot", "erase, insert another word into the slot", pair_setup, slot_operations, WORDS,
     .calls = EXPLORE_ALL},
    {"word-again", "erase, insert the same key, store in place", pair_setup, slot_again_operations,
     WORDS, .calls = EXPLORE_ALL},
    {"word-overflow", "a new line, then a second entry in it", overflow0_setup,
     overflow_insert_operations, WORDS, .calls = EXPLORE_ALL},
    {"word-line", "words stored in place in a line", overflow2_setup, overflow_replace_operations,
     WORDS, .calls = EXPLORE_ALL},
    {"word-line-slot", "erase in a line, insert another word into the slot", overflow2_setup,
     overflow_slot_operations, WORDS, .calls = EXPLORE_ALL},
    {"word-line-reuse", "a line emptied, unlinked, given out again", overflow1_setup,
     line_reuse_operations, WORDS, .calls = EXPLORE_ALL},
    {"word-head-slot", "a key erased in a line comes back in the head", overflow1_setup,
     head_slot_operations, WORDS, .calls = EXPLORE_ALL},
    {"word-split", "split, all words in the head", split_head_setup, split_operations, WORDS,
     .calls = EXPLORE_ALL},
    {"word-split-put", "split, then words stored in place", split_head_setup,
     split_replace_operations, WORDS, .calls = EXPLORE_ALL, .slow = true},
    {"word-split-far", "split into a new block of buckets", split_far_setup, split_far_operations,
     WORDS, .calls = EXPLORE_ALL},
    {"word-split-line", "split with words moved from a line, and pulled up", split_overflow_setup,
     split_trigger_operations, WORDS, .calls = EXPLORE_ALL, .kill_every = 1},
    {"word-pulled", "the same, then the word that was pulled up is stored in place",
     split_overflow_setup, split_pulled_operations, WORDS, .calls = 1u << EXPLORE_GET},
    {"word-refill", "the same, then freed slots filled again", split_overflow_setup,
     split_refill_operations, WORDS, .calls = 1u << EXPLORE_GET, .slow = true},
    {"word-clear", "clear, memory given back, insert", overflow1_setup, clear_operations, WORDS,
     .calls = EXPLORE_ALL},
    {"word-record", "a record behind a word replaced twice, another length", records_setup,
     records_replace_operations, RECORDS, .calls = EXPLORE_ALL},
    {"word-record-reuse", "replace, recycle, another key's record in the old block", records_setup,
     records_reuse_operations, RECORDS, .calls = EXPLORE_ALL},
    {"word-record-slot", "erase, recycle, slot and block given to another key", records_setup,
     records_slot_operations, RECORDS, .calls = EXPLORE_ALL},
    {"word-record-line", "the same in a line that is unlinked and given out again",
     records_overflow_setup, records_slot_operations, RECORDS, .calls = EXPLORE_ALL},
    {"word-record-again", "replaced twice in a line, the second time in the first block",
     records_overflow_setup, records_again_operations, RECORDS, .calls = EXPLORE_ALL},
    {"word-record-add", "erase in a line, another key's record behind the slot", records_line_setup,
     records_line_operations, RECORDS, .calls = EXPLORE_ALL},
    {"word-record-head", "a key erased in a line comes back in the head", records_overflow_setup,
     records_head_operations, RECORDS, .calls = EXPLORE_ALL},
    {"word-record-split", "split, the slot of what moved filled again", records_split_setup,
     records_split_operations, RECORDS, .calls = EXPLORE_ALL},
    {"word-large", "a large value overwritten, its block reused by another", records_large_setup,
     records_large_operations, RECORDS, .calls = EXPLORE_ALL},
};

const unsigned explore_words_count =
    sizeof explore_words_scenarios / sizeof explore_words_scenarios[0];
