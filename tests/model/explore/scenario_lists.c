/*
 * Scenarios about lists: appended to in place, in a larger record, in a new chunk; edited, which makes
 * another record; and their memory given to others.
 */
#include "scenario.h"
#include "reading.h"

#define SMALL_MOST 32u /* elements of a small list of u64 */
#define CHUNK      64u /* elements of the smallest chunk */

/* ---- parts -------------------------------------------------------------------------------- */

/* Keys 0 and 1 share bucket 0; the first has a list of so many elements, the second of two. */
#define TWO_LISTS(first)                                                                           \
    WATCH(0, ANY), WATCH(0, ANY), ROOMY, APPEND(0, first), APPEND(1, 2), BALLAST
/* Two chunks, the second with room. */
#define TWO_CHUNKS TWO_LISTS(CHUNK), APPEND(0, 3)
/* All entries that a long list's first record has. */
#define FULL_RECORD TWO_LISTS(CHUNK), APPEND(0, CHUNK), APPEND(0, CHUNK), APPEND(0, CHUNK)
#define SHRUNK      TWO_LISTS(SMALL_MOST + 1), REMOVES(0, 0, SMALL_MOST / 2)
/* Four entries in buckets 0 and 1: the next one, 2, splits bucket 0 into 0 and 2. Key 0 moves, 1
 * stays, 3 gets the slot of what moved. */
#define SPLIT                                                                                      \
    WATCH(2, ANY), WATCH(0, ANY), KEY(1, ANY), WATCH(0, ANY), APPEND(0, 3), APPEND(1, 2),          \
        NEW(2, 1, 0)

/* One fits, the next moves the list to a record of twice the size. */
#define APPENDS APPEND(0, 1), APPEND(1, 1), APPEND(0, 1)
/* The last element takes the key away; an append brings it back as another list. */
#define LAST               APPEND_AFTER(REMOVE(0, 0))
#define APPEND_AFTER(step) step, APPEND(0, 1)

/* Three slabs with nothing but the chunk of key 0, 1 and 2 in them, one each, and hardly a free page:
 * the next slab brings about a pass that moves those of keys 0 and 1 beside that of key 2. Each key has
 * a bucket of its own, whose version tells of one move and no other. */
#define THREE_BUCKETS WATCH(0, ANY), WATCH(1, ANY), WATCH(2, ANY), ROOMY
#define MOVED_CHUNK   520u /* elements of a list whose chunk is moved: 14 in a slab */
#define EVACUATE_CHUNK                                                                             \
    THREE_BUCKETS, APPEND(0, MOVED_CHUNK), OTHERS(1, 13, MOVED_CHUNK * 8), APPEND(1, MOVED_CHUNK), \
        OTHERS(14, 13, MOVED_CHUNK * 8), APPEND(2, MOVED_CHUNK), OTHERS(27, 13, MOVED_CHUNK * 8),  \
        OTHER_PAGES(40)
/* The same with small lists, whose records are moved: 227 in a slab. */
#define MOVED_RECORD 256u /* bytes of another table's record as large as such a list */
#define EVACUATE_RECORD                                                                            \
    THREE_BUCKETS, APPEND(0, SMALL_MOST - 1), OTHERS(1, 226, MOVED_RECORD),                        \
        APPEND(1, SMALL_MOST - 1), OTHERS(227, 226, MOVED_RECORD), APPEND(2, SMALL_MOST - 1),      \
        OTHERS(453, 226, MOVED_RECORD), OTHER_PAGES(679)
/* The pass, an append to what was moved, the pass's end, and slabs in freed units. */
#define EVACUATION OTHER(1, 104), APPEND(0, 1), STEP, OTHER(2, 200), OTHER(3, 300)

/* ---- scenarios ---------------------------------------------------------------------------- */

#define OF(kind, elements)                                                                         \
    .key_kind = kind, .value_kind = STELE_LIST + (elements), .max_bytes = UINT64_C(4) << 20
#define LISTS  OF(STELE_U64, STELE_U64)
#define NARROW OF(STELE_U64, STELE_U32) /* two elements to a word */
#define BYTES  OF(STELE_BYTES, STELE_U64)

/* clang-format off: a row is read as one */
const struct explore_scenario explore_list_scenarios[] = {
    {"list-append", "appends in place, and into a record of twice the size", {TWO_LISTS(3)},
     {APPENDS}, LISTS, CALLS_ALL},
    {"list-narrow", "the same with two elements to a word", {TWO_LISTS(3)},
     {APPEND(0, 1), APPEND(0, 1)}, NARROW, CALLS_ALL},
    {"list-append-many", "several elements at once", {TWO_LISTS(3)}, {APPEND(0, 3), APPEND(0, 2)},
     NARROW, CALLS_ALL},
    {"list-append-reuse", "a record that a list left is another list's", {TWO_LISTS(3)},
     {APPEND(0, 2), BALLAST_GONE, APPEND(1, 1)}, LISTS, CALLS_ALL},
    {"list-long", "a small list becomes long", {TWO_LISTS(SMALL_MOST)},
     {APPEND(0, 1), APPEND(0, 1)}, LISTS, CALLS_ALL},
    {"list-chunk", "an append with a new chunk", {TWO_LISTS(CHUNK)}, {APPEND(0, 1), APPEND(0, 2)},
     LISTS, CALLS_ALL, .kill_every = 2},
    /* more than fits: the end of one chunk and two new ones */
    {"list-chunks", "an append with two new chunks", {TWO_LISTS(CHUNK)},
     {APPEND(0, CHUNK + 2), APPEND(0, 1)}, LISTS, CALLS_ALL},
    {"list-wider", "an append that needs a record with more entries", {FULL_RECORD},
     {APPEND(0, 1), APPEND(0, 1)}, LISTS, CALLS_ALL},
    {"list-remove", "the first and the last element removed", {TWO_LISTS(3)},
     {REMOVE(0, 0), REMOVE(0, 1)}, LISTS, CALLS_ALL},
    {"list-remove-append", "the middle element removed, another appended", {TWO_LISTS(3)},
     {APPEND_AFTER(REMOVE(0, 1))}, NARROW, CALLS_ALL},
    {"list-remove-reuse", "the record before a removal is another list's", {TWO_LISTS(3)},
     {REMOVE(0, 1), BALLAST_GONE, EXCHANGE(1, 0)}, LISTS, CALLS_ALL},
    {"list-exchange", "elements replaced, each as one change", {TWO_LISTS(3)},
     {EXCHANGE(0, 0), EXCHANGE(0, 2)}, LISTS, CALLS_ALL},
    {"list-last", "the only element removed, the list made again", {TWO_LISTS(1)}, {LAST}, LISTS,
     CALLS_ALL},
    {"list-only", "the only element replaced", {TWO_LISTS(1)}, {APPEND_AFTER(EXCHANGE(0, 0))},
     LISTS, CALLS_ALL},
    /* the first chunk is copied without it; the second is shared, and appended to */
    {"list-long-remove", "an element removed in the first of two chunks, another appended",
     {TWO_CHUNKS}, {APPEND_AFTER(REMOVE(0, CHUNK / 2))}, LISTS, CALLS_ALL},
    {"list-long-reuse", "the chunk before a removal is another list's", {TWO_CHUNKS},
     {REMOVE(0, CHUNK / 2), BALLAST_GONE, APPEND(1, SMALL_MOST)}, LISTS, CALLS_ALL,
     .kill_every = 31},
    {"list-long-chunk", "the chunk before a removal is appended to another list",
     {TWO_CHUNKS, APPEND(1, CHUNK - 2)}, {REMOVE(0, CHUNK / 2), BALLAST_GONE, APPEND(1, 1)}, LISTS,
     CALLS_ALL, .kill_every = 31},
    {"list-long-copy", "the chunk before a removal is that of another removal",
     {TWO_CHUNKS, APPEND(1, CHUNK)}, {REMOVE(0, CHUNK / 2), BALLAST_GONE, REMOVE(1, 1)}, LISTS,
     CALLS_ALL, .kill_every = 31},
    {"list-long-swap", "elements of a long list replaced, each as one change", {TWO_CHUNKS},
     {EXCHANGE(0, CHUNK / 2), EXCHANGE(0, CHUNK + 1)}, LISTS, CALLS_ALL, .kill_every = 31},
    /* the last chunk ends where it is; what is appended then begins a new one */
    {"list-close", "the last element removed, the chunk closed, others appended",
     {TWO_LISTS(CHUNK)}, {REMOVE(0, CHUNK - 1), APPEND(0, 1), APPEND(0, 1)}, LISTS, CALLS_ALL},
    {"list-lone", "the last chunk's only element removed, another appended",
     {TWO_LISTS(CHUNK), APPEND(0, 1)}, {APPEND_AFTER(REMOVE(0, CHUNK))}, LISTS, CALLS_ALL},
    {"list-shrink", "a long list becomes small again", {SHRUNK}, {APPEND_AFTER(REMOVE(0, 3))},
     LISTS, CALLS_ALL},
    {"list-erase", "a list erased, its record and chunk another list's", {TWO_CHUNKS},
     {ERASE(0), BALLAST_GONE, APPEND(1, SMALL_MOST)}, LISTS, CALLS_ALL},
    {"list-erase-record", "a list erased, its chunk a record of another table", {TWO_CHUNKS},
     {ERASE(0), BALLAST_GONE, OTHER(1, 480)}, LISTS, CALLS_ALL},
    {"list-clear", "clear, memory given back, a list made", {TWO_LISTS(3)},
     {CLEAR, STEP, APPEND(0, 1)}, LISTS, CALLS_ALL},
    {"list-split", "split, then a list that moved appended to, and its slot filled again", {SPLIT},
     {APPEND(2, 1), APPEND(0, 1), APPEND(3, 1)}, LISTS, CALLS_ALL},
    {"list-bytes", "appends behind a key of bytes, the ref stored in its record", {TWO_LISTS(3)},
     {APPENDS}, BYTES, CALLS_ALL},
    {"list-bytes-remove", "removals behind a key of bytes", {TWO_LISTS(3)},
     {REMOVE(0, 0), REMOVE(0, 1)}, BYTES, CALLS_ALL},
    {"list-bytes-reuse", "list and record of a key of bytes given to others", {TWO_LISTS(3)},
     {REMOVE(0, 1), BALLAST_GONE, EXCHANGE(1, 0)}, BYTES, CALLS_ALL},
    {"list-bytes-last", "a key of bytes that goes with its last element, and comes again",
     {TWO_LISTS(1)}, {LAST}, BYTES, CALLS_ALL},
    {"list-evacuate", "lists moved out of sparse slabs, and appended to", {EVACUATE_RECORD},
     {EVACUATION, OTHER(4, 400), OTHER(5, 500), OTHER(6, 600), MOVED}, LISTS,
     CALLS(POINT | 1u << EXPLORE_SCAN)},
    {"list-evacuate-chunk", "chunks moved out of sparse slabs, and appended to", {EVACUATE_CHUNK},
     {EVACUATION, MOVED}, LISTS, CALLS(POINT | 1u << EXPLORE_SCAN), .slow = true},
};
/* clang-format on */

const unsigned explore_list_count =
    sizeof explore_list_scenarios / sizeof explore_list_scenarios[0];
