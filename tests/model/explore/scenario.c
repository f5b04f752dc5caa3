/* Scenarios about byte strings. */
#include "scenario.h"
#include "reading.h"

#define SMALL 24u   /* bytes of an ordinary value */
#define LARGE 4160u /* above STELEI_LARGE_BYTES */
#define LINE  48u   /* the record's block is as large as an overflow line */
#define BLOCK 112u  /* as large as the first block of buckets: the one of a cleared table */

/* ---- parts -------------------------------------------------------------------------------- */

/* Keys 0, 1 and 2 share the tag and the bucket 0 at every depth up to 4; 3 is often ballast. */
#define THREE_KEYS WATCH(0, TAG), WATCH(0, TAG), WATCH(0, TAG), KEY(1, ANY)
#define PAIR       THREE_KEYS, PUT(0, SMALL), PUT(1, SMALL)
#define THIRD      PUT(3, BALLAST_BYTES)
#define THIRD_GONE ERASE(3)

/* Keys 4-13 fill the head; what comes then goes behind it. */
#define HEAD_FULL THREE_KEYS, NEW(10, 0, 8)
#define OVERFLOW0 HEAD_FULL, THIRD
#define OVERFLOW1 OVERFLOW0, PUT(0, SMALL)
#define OVERFLOW2 OVERFLOW1, PUT(1, SMALL)
/* Head, line and second line: ten entries, key 0 alone, key 1 alone. */
#define TWO_LINES OVERFLOW1, NEW(9, 0, 8), PUT(1, SMALL), ERASES_DOWN(22, 9)

/* 15 entries in buckets 0 and 1: the next insert splits bucket 0 into 0 and 2. Key 0 stays, 1 moves,
 * 2 triggers the split and moves. */
#define SPLIT_HEAD                                                                                 \
    WATCH(0, TAG), WATCH(2, TAG), WATCH(2, ANY), PUT(0, SMALL), PUT(1, SMALL), NEW(4, 0, 8),       \
        NEW(2, 2, 8), NEW(7, 1, 8)
/* The same with a cleared table's bucket 2 in the memory that the new bucket 2 will get. The entries
 * are of another size than before, so that those in the old bucket still look like records. */
#define SPLIT_AGAIN                                                                                \
    SPLIT_HEAD, PUT(2, SMALL), CLEAR, STEP, NEW(1, 1, BALLAST_BYTES), ERASE(16), PUT(16, BLOCK),   \
        PUTS(0, 2, 16), PUTS(3, 12, 16)
/* 13 entries in bucket 0. In its line 0, which is pulled up, and 1, which moves; 2 moves from the
 * head, 3 triggers the split, 4 comes after it. */
#define SPLIT_OVERFLOW                                                                             \
    WATCH(0, TAG), WATCH(2, TAG), WATCH(2, ANY), WATCH(1, ANY), WATCH(0, TAG), PUT(2, SMALL),      \
        NEW(7, 0, 8), NEW(2, 2, 8), PUT(0, SMALL), PUT(1, SMALL), NEW(3, 1, 8)
/* Ten entries that stay in the head, and a line with 1, which moves; 2 triggers the split, 0 comes
 * after it. */
#define SPLIT_CLEAR                                                                                \
    WATCH(0, TAG), WATCH(2, TAG), WATCH(1, ANY), NEW(10, 0, 8), PUT(1, SMALL), NEW(4, 1, 8)
/* 37 entries in 5 buckets, 10 and more in bucket 1: it splits twice away from an old geometry. Key 0 is
 * in bucket 0 at depth 1 and 2, then in 4; 2 triggers the split of 0 into 0 and 4. */
#define SPLIT_FAR                                                                                  \
    WATCH(4, TAG), WATCH(0, TAG), WATCH(2, ANY), PUT(0, SMALL), PUT(1, SMALL), NEW(1, 0, 8),       \
        NEW(1, 4, 8), NEW(1, 0, 8), NEW(1, 4, 8), NEW(1, 0, 8), NEW(1, 4, 8),                      \
        NEW_OVER(22, 1, 3, 8)

#define LARGE_PAIR                                                                                 \
    WATCH(0, TAG), KEY(0, TAG), KEY(1, TAG), KEY(1, ANY), PUT(0, LARGE), PUT(1, LARGE), THIRD

/* Three slabs with nothing but keys 0, 1 and 2 in them, one each, and hardly a free page: the next
 * slab brings about a pass that moves keys 0 and 1 beside key 2. Key 3 is for that next slab. Each key
 * has a bucket of its own, whose version tells of one move and no other. The first of the ballast's keys
 * goes last, and brings all else through the quarantine. */
#define SLAB_REST NEW_OVER(13, 2, 15, LARGE) /* records of LARGE bytes: 14 in a slab */
#define EVACUATE                                                                                   \
    WATCH(0, TAG), WATCH(1, TAG), WATCH(2, TAG), KEY(1, ANY), PUT(0, LARGE), SLAB_REST,            \
        PUT(1, LARGE), SLAB_REST, PUT(2, LARGE), SLAB_REST, FEW_PAGES, ERASES(4, 40)
/* The same with slabs of the size of a line: in the first stands the line of key 0, whose head is
 * full, and in each of them a record that keeps it. */
#define EVACUATE_LINE                                                                              \
    WATCH_DEEP(0, TAG), WATCH_DEEP(0, TAG), WATCH_DEEP(0, TAG), KEY(1, ANY), NEW_DEEP(10, 0, 8),   \
        NEW(1, 1, LINE), PUT(0, SMALL), FILL(0, 1100, LINE), NEW(1, 1, LINE),                      \
        FILL(1100, 1100, LINE), NEW(1, 1, LINE), FILL(2200, 700, LINE), FEW_PAGES,                 \
        UNFILL(0, 2900), ERASE(17)
/* The pass, its end, and a slab of another class in one of the freed units. */
#define EVACUATION PUT(3, 104), STEP, PUT(3, 200)

#define BLOCK_PAIR THREE_KEYS, PUT(0, BLOCK), PUT(1, SMALL), THIRD

/* ---- scenarios ---------------------------------------------------------------------------- */

#define BYTES  .max_bytes = UINT64_C(4) << 20
#define BYTES8 .max_bytes = UINT64_C(8) << 20

/* clang-format off: a row is read as one */
const struct explore_scenario explore_scenarios[] = {
    {"insert", "insert into the head", {PAIR}, {PUT(2, SMALL)}, BYTES, CALLS_ALL},
    {"replace", "replace twice, another length", {PAIR}, {PUT(0, SMALL), PUT(0, SMALL + 8)}, BYTES,
     CALLS_ALL},
    {"reuse", "replace, recycle, replace the same key in the old block", {PAIR, THIRD},
     {PUT(0, SMALL), THIRD_GONE, PUT(0, SMALL)}, BYTES, CALLS_ALL},
    {"reuse-other", "replace, recycle, another key's record in the old block", {PAIR, THIRD},
     {PUT(0, SMALL), THIRD_GONE, PUT(1, SMALL)}, BYTES, CALLS_ALL},
    {"slot", "erase, insert another key into the slot", {PAIR}, {ERASE(0), PUT(2, SMALL)}, BYTES,
     CALLS_ALL},
    {"slot-reuse", "the same with the record's block given out again", {PAIR, THIRD},
     {ERASE(0), THIRD_GONE, PUT(2, SMALL)}, BYTES, CALLS_ALL},
    {"erase", "erase, insert the same key", {PAIR}, {ERASE(0), PUT(0, SMALL)}, BYTES, CALLS_ALL},
    {"overflow-insert", "a new line, then a second entry in it", {OVERFLOW0},
     {PUT(0, SMALL), PUT(1, SMALL)}, BYTES, CALLS_ALL},
    {"overflow-slot", "erase in a line, insert another key into the slot", {OVERFLOW2},
     {ERASE(0), PUT(2, SMALL)}, BYTES, CALLS_ALL},
    {"overflow-update", "replace in a line, block reused by the other entry", {OVERFLOW2},
     {PUT(0, SMALL), THIRD_GONE, PUT(1, SMALL)}, BYTES, CALLS_ALL},
    {"line-reuse", "a line emptied, unlinked, given out again", {OVERFLOW1},
     {ERASE(0), THIRD_GONE, PUT(1, SMALL)}, BYTES, CALLS_ALL},
    {"line-record", "a line in mid-chain emptied, unlinked, given out again as a record",
     {TWO_LINES}, {ERASE(0), PUT(2, LINE)}, BYTES, CALLS_ALL},
    {"head-slot", "a key erased in a line comes back in the head", {OVERFLOW1},
     {ERASE(4), ERASE(0), PUT(0, SMALL)}, BYTES, CALLS_ALL},
    {"split-head", "split, all entries in the head", {SPLIT_HEAD}, {PUT(2, SMALL)}, BYTES,
     CALLS_ALL},
    {"split-write", "split, then a moved key replaced", {SPLIT_HEAD},
     {PUT(2, SMALL), PUT(1, SMALL)}, BYTES, CALLS(NO_SCAN)},
    {"split-erase", "split, then a moved key erased", {SPLIT_HEAD}, {PUT(2, SMALL), ERASE(1)},
     BYTES, CALLS_ALL, .slow = true},
    {"split-overflow", "split with entries moved from a line, and pulled up", {SPLIT_OVERFLOW},
     {PUT(3, SMALL)}, BYTES, CALLS_ALL},
    {"split-refill", "the same, then freed slots filled again", {SPLIT_OVERFLOW},
     {PUT(3, SMALL), PUT(1, SMALL), PUT(4, SMALL)}, BYTES, CALLS(NO_SCAN & ~(1u << EXPLORE_MANY)),
     .slow = true},
    {"split-clear", "split that empties a line, then an entry for a line", {SPLIT_CLEAR},
     {PUT(2, SMALL), PUT(0, SMALL)}, BYTES, CALLS_ALL},
    {"split-again", "split, the new bucket in memory of a cleared table's", {SPLIT_AGAIN},
     {PUT(2, SMALL)}, BYTES, CALLS_ALL},
    {"split-far", "split of bucket 0 into 0 and 4, new block of buckets", {SPLIT_FAR},
     {PUT(2, SMALL)}, BYTES, CALLS_ALL},
    {"clear", "clear, memory given back, insert", {PAIR, THIRD}, {CLEAR, STEP, PUT(0, SMALL)},
     BYTES, CALLS_ALL},
    {"drop", "drop, memory given back, a table of the same name", {PAIR, THIRD},
     {DROP, STEP, CREATE("t")}, BYTES, CALLS_ALL},
    {"large", "a large value overwritten, its block reused by another", {LARGE_PAIR},
     {PUT(0, LARGE), THIRD_GONE, PUT(1, LARGE)}, BYTES, CALLS_ALL},
    {"evacuate", "two records moved out of sparse slabs, whose memory another class gets",
     {EVACUATE}, {EVACUATION}, BYTES, CALLS(NO_SCAN)},
    {"evacuate-write", "a record moved out of a sparse slab, then replaced", {EVACUATE},
     {PUT(3, 104), PUT(0, SMALL)}, BYTES, CALLS(1u << EXPLORE_GET), .slow = true},
    {"evacuate-line", "a line moved out of a sparse slab, whose memory another class gets",
     {EVACUATE_LINE}, {EVACUATION}, BYTES, CALLS_ALL},
    {"commit", "a value in a chunk that was not there before",
     {THREE_KEYS, PUT(0, SMALL), ALMOST_FULL},
     /* five classes, a slab of 64 KiB each */ {PUT(1, 600), PUT(2, 700), PUT(1, 800), PUT(2, 900),
     PUT(1, 1000)}, BYTES8, CALLS(POINT)},

    /* memory that comes back */
    {"overflow-erase", "a slot of a line filled again, then another entry of it erased",
     {HEAD_FULL, PUT(0, SMALL), PUT(1, SMALL)}, {ERASE(0), PUT(2, SMALL), ERASE(1)}, BYTES,
     CALLS_ALL},
    /* the line's word is stored to again */
    {"line-again", "a line emptied and given out again, its old entry's record still whole",
     {HEAD_FULL, PUT(0, SMALL)}, {ERASE(0), PUT(1, 2 * SMALL)}, BYTES, CALLS_ALL},
    {"clear-reuse", "a cleared table's memory out of the quarantine at once, and used again",
     {PAIR, THIRD, BALLAST}, {THIRD_GONE, CLEAR, STEP, BALLAST_GONE, PUT(0, SMALL)}, BYTES,
     CALLS_ALL},
    {"clear-block", "clear, the new index in memory of a record", {BLOCK_PAIR},
     {PUT(0, SMALL), THIRD_GONE, CLEAR}, BYTES, CALLS(POINT), .slow = true},
    {"create-block", "another table created, its index in memory of a record", {BLOCK_PAIR},
     {PUT(0, SMALL), THIRD_GONE, CREATE("u")}, BYTES, CALLS(POINT), .slow = true},
    {"drain", "memory runs out, the quarantine is emptied for it and a record overwritten",
     {PAIR, PUT(3, BALLAST_BYTES - 16), PAGES(12, BALLAST_BYTES)},
     /* a slab is asked for and not to be had before the quarantine is emptied */
     {THIRD_GONE, PUT(0, SMALL), PUT(2, 64), PUT(1, SMALL)}, BYTES, CALLS_ALL, .slow = true},
    {"commit-scan", "records in a chunk that was not there before, few other keys",
     {THREE_KEYS, PUT(0, SMALL), PAGES(20, 0)},
     /* one slab can be had, the next needs a chunk */ {PUT(1, 48), PUT(0, 80)}, BYTES8, CALLS_ALL,
     .slow = true},
};
/* clang-format on */

const unsigned explore_scenario_count = sizeof explore_scenarios / sizeof explore_scenarios[0];
