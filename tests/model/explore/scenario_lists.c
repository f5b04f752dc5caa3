/*
 * Scenarios about lists: appended to in place, in a larger record, in a new chunk; edited, which makes
 * another record; and their memory given to others.
 */
#include "scenario.h"
#include "reading.h"
#include "scenario_parts.h"

#define SMALL_MOST 32u /* elements of a small list of u64 */
#define CHUNK      64u /* elements of the smallest chunk */
#define CHUNKS     4u  /* entries of a long list's first record */

/* Keys 0 and 1 share bucket 0; the first has a list of so many elements, the second of two. */
static void two_lists(struct explore_stage *stage, unsigned first)
{
    for (int i = 0; i < 2; i++)
        explore_stage_watched(stage, 4, 0, -1);
    explore_roomy(stage);
    explore_append(stage, 0, first);
    explore_append(stage, 1, 2);
    explore_other(stage);
}

/* ---- appends ------------------------------------------------------------------------------ */

static void three_setup(struct explore_stage *stage)
{
    two_lists(stage, 3);
}

/* One fits, the next moves the list to a record of twice the size. */
static void append_operations(struct explore_stage *stage)
{
    explore_append(stage, 0, 1);
    explore_append(stage, 1, 1);
    explore_append(stage, 0, 1);
}

/* Two elements to a word. */
static void append_narrow_operations(struct explore_stage *stage)
{
    explore_append(stage, 0, 1);
    explore_append(stage, 0, 1);
}

static void append_many_operations(struct explore_stage *stage)
{
    explore_append(stage, 0, 3);
    explore_append(stage, 0, 2);
}

/* A record that was left is another list's. */
static void append_reuse_operations(struct explore_stage *stage)
{
    explore_append(stage, 0, 2);
    explore_other_erase(stage);
    explore_append(stage, 1, 1);
}

static void full_small_setup(struct explore_stage *stage)
{
    two_lists(stage, SMALL_MOST);
}

/* It becomes long; the next goes into its chunk. */
static void become_long_operations(struct explore_stage *stage)
{
    explore_append(stage, 0, 1);
    explore_append(stage, 0, 1);
}

static void full_chunk_setup(struct explore_stage *stage)
{
    two_lists(stage, CHUNK);
}

/* A new chunk, and two elements at once that it has room for. */
static void chunk_operations(struct explore_stage *stage)
{
    explore_append(stage, 0, 1);
    explore_append(stage, 0, 2);
}

/* More than fits: the end of one chunk and two new ones. */
static void many_chunks_operations(struct explore_stage *stage)
{
    explore_append(stage, 0, CHUNK + 2);
    explore_append(stage, 0, 1);
}

static void full_record_setup(struct explore_stage *stage)
{
    two_lists(stage, CHUNK);
    for (unsigned i = 1; i < CHUNKS; i++)
        explore_append(stage, 0, CHUNK);
}

/* The same chunks under a record with more entries. */
static void wider_operations(struct explore_stage *stage)
{
    explore_append(stage, 0, 1);
    explore_append(stage, 0, 1);
}

/* ---- edits -------------------------------------------------------------------------------- */

static void remove_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, 0);
    explore_remove(stage, 0, 1);
}

static void remove_append_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, 1);
    explore_append(stage, 0, 1);
}

static void remove_reuse_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, 1);
    explore_other_erase(stage);
    explore_exchange(stage, 1, 0);
}

static void exchange_operations(struct explore_stage *stage)
{
    explore_exchange(stage, 0, 0);
    explore_exchange(stage, 0, 2);
}

static void one_setup(struct explore_stage *stage)
{
    two_lists(stage, 1);
}

/* The last element takes the key away; an append brings it back as another list. */
static void last_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, 0);
    explore_append(stage, 0, 1);
}

static void one_exchange_operations(struct explore_stage *stage)
{
    explore_exchange(stage, 0, 0);
    explore_append(stage, 0, 1);
}

/* Two chunks, the second with room. */
static void two_chunks_setup(struct explore_stage *stage)
{
    two_lists(stage, CHUNK);
    explore_append(stage, 0, 3);
}

/* The first chunk is copied without it; the second is shared, and appended to. */
static void long_remove_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, CHUNK / 2);
    explore_append(stage, 0, 1);
}

/* The old first chunk is another list's. */
static void long_reuse_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, CHUNK / 2);
    explore_other_erase(stage);
    explore_append(stage, 1, SMALL_MOST);
}

static void two_long_setup(struct explore_stage *stage)
{
    two_chunks_setup(stage);
    explore_append(stage, 1, CHUNK);
}

static void two_full_setup(struct explore_stage *stage)
{
    two_chunks_setup(stage);
    explore_append(stage, 1, CHUNK - 2);
}

/* The old first chunk is appended to another list, whose record stays. */
static void long_chunk_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, CHUNK / 2);
    explore_other_erase(stage);
    explore_append(stage, 1, 1);
}

/* The old first chunk becomes the copy of another list's. */
static void long_copy_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, CHUNK / 2);
    explore_other_erase(stage);
    explore_remove(stage, 1, 1);
}

static void long_exchange_operations(struct explore_stage *stage)
{
    explore_exchange(stage, 0, CHUNK / 2);
    explore_exchange(stage, 0, CHUNK + 1);
}

/* The last chunk ends where it is; what is appended then begins a new one. */
static void close_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, CHUNK - 1);
    explore_append(stage, 0, 1);
    explore_append(stage, 0, 1);
}

/* The only element of the last chunk: the chunk goes, the others are shared. */
static void lone_chunk_setup(struct explore_stage *stage)
{
    two_lists(stage, CHUNK);
    explore_append(stage, 0, 1);
}

static void lone_chunk_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, CHUNK);
    explore_append(stage, 0, 1);
}

static void shrink_setup(struct explore_stage *stage)
{
    two_lists(stage, SMALL_MOST + 1);
    for (unsigned i = SMALL_MOST + 1; i > SMALL_MOST / 2 + 1; i--)
        explore_remove(stage, 0, 0);
}

/* A long list becomes small again. */
static void shrink_operations(struct explore_stage *stage)
{
    explore_remove(stage, 0, 3);
    explore_append(stage, 0, 1);
}

/* ---- whole lists -------------------------------------------------------------------------- */

/* Its record and chunk are another list's. */
static void erase_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_other_erase(stage);
    explore_append(stage, 1, SMALL_MOST);
}

/* Its chunk is a record of another table. */
static void erase_record_operations(struct explore_stage *stage)
{
    explore_erase(stage, 0);
    explore_other_erase(stage);
    explore_other_put(stage, 1, 480);
}

static void clear_operations(struct explore_stage *stage)
{
    explore_clear(stage);
    explore_step(stage);
    explore_append(stage, 0, 1);
}

/* Four entries in buckets 0 and 1: the next one splits bucket 0 into 0 and 2. */
static void split_setup(struct explore_stage *stage)
{
    explore_stage_watched(stage, 4, 2, -1); /* moves */
    explore_stage_watched(stage, 4, 0, -1); /* stays */
    explore_stage_key(stage, 4, 1, -1);     /* triggers the split */
    explore_stage_watched(stage, 4, 0, -1); /* gets the slot of what moved */
    explore_append(stage, 0, 3);
    explore_append(stage, 1, 2);
    for (unsigned i = 0; i < 2; i++)
        explore_append(stage, explore_stage_key(stage, 4, 1, -1), 1);
}

static void split_operations(struct explore_stage *stage)
{
    explore_append(stage, 2, 1);
    explore_append(stage, 0, 1);
    explore_append(stage, 3, 1);
}

/* ---- sparse slabs ------------------------------------------------------------------------- */

#define SLAB_CHUNKS   14u  /* chunks of MOVED elements in a slab */
#define MOVED         520u /* elements of a list whose chunk is moved */
#define SLAB_RECORDS  227u /* records of full small lists in a slab */
#define RECORD_BYTES  256u /* of another table's record as large as such a list */
#define PAGES_LEFT    24u  /* a new slab takes 16 of them, and then there are few */
#define FIRST_BALLAST 10000u

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

/* Takes all pages but a few by values of the other table; the first of them goes last, and brings all
 * else through the quarantine. */
static void leave_few_pages(struct explore_stage *stage, uint64_t erased)
{
    uint64_t runs = 0, number = FIRST_BALLAST;
    for (uint64_t left; (left = pages_left(stage, runs)) > PAGES_LEFT; number++) {
        uint64_t pages = left - PAGES_LEFT;
        uint32_t bytes = (uint32_t)(pages > 100 ? 34 : pages) * 4096 - 16;
        explore_other_put(stage, number, bytes);
        runs += bytes + 16;
    }
    for (uint64_t other = 1; other < erased; other++)
        explore_other_remove(stage, other);
    explore_other_remove(stage, FIRST_BALLAST);
}

/* Three slabs with nothing but the chunk of key 0, 1 and 2 in them, one each, and hardly a free page:
 * the next slab brings about a pass that moves those of keys 0 and 1 beside that of key 2. Each key has
 * a bucket of its own, whose version tells of one move and no other. */
static void evacuate_chunk_setup(struct explore_stage *stage)
{
    uint64_t other = 1;
    for (int i = 0; i < 3; i++)
        explore_stage_watched(stage, 4, (unsigned)i, -1);
    explore_roomy(stage);
    for (unsigned slab = 0; slab < 3; slab++) {
        explore_append(stage, slab, MOVED);
        for (unsigned n = 1; n < SLAB_CHUNKS; n++)
            explore_other_put(stage, other++, MOVED * 8);
    }
    leave_few_pages(stage, other);
}

/* The same with small lists, whose records are moved. */
static void evacuate_record_setup(struct explore_stage *stage)
{
    uint64_t other = 1;
    for (int i = 0; i < 3; i++)
        explore_stage_watched(stage, 4, (unsigned)i, -1);
    explore_roomy(stage);
    for (unsigned slab = 0; slab < 3; slab++) {
        explore_append(stage, slab, SMALL_MOST - 1);
        for (unsigned n = 1; n < SLAB_RECORDS; n++)
            explore_other_put(stage, other++, RECORD_BYTES);
    }
    leave_few_pages(stage, other);
}

static uint64_t moved_bytes(const struct explore_stage *stage)
{
    struct stele_store_stats stats;
    stele_store_get_stats(stage->store, &stats);
    return stats.moved_bytes;
}

/* The pass, an append to what was moved, the pass's end, and so many slabs in freed units. */
static void evacuate(struct explore_stage *stage, uint64_t slabs)
{
    uint64_t before = moved_bytes(stage);
    explore_other_put(stage, 1, 104);
    explore_append(stage, 0, 1);
    explore_step(stage);
    for (uint64_t i = 2; i < 2 + slabs; i++)
        explore_other_put(stage, i, (uint32_t)(100 * i));
    explore_expect(moved_bytes(stage) > before ? STELE_OK : STELE_ENOTFOUND, "evacuation");
}

static void evacuate_chunk_operations(struct explore_stage *stage)
{
    evacuate(stage, 2);
}

static void evacuate_record_operations(struct explore_stage *stage)
{
    evacuate(stage, 5);
}

#define LISTS .key_kind = STELE_U64, .value_kind = STELE_LIST + STELE_U64, .max_bytes = EXPLORE_MIB4
#define NARROW                                                                                     \
    .key_kind = STELE_U64, .value_kind = STELE_LIST + STELE_U32, .max_bytes = EXPLORE_MIB4
#define BYTES                                                                                      \
    .key_kind = STELE_BYTES, .value_kind = STELE_LIST + STELE_U64, .max_bytes = EXPLORE_MIB4
#define POINT (1u << EXPLORE_GET | 1u << EXPLORE_VIEW)

const struct explore_scenario explore_list_scenarios[] = {
    {"list-append", "appends in place, and into a record of twice the size", three_setup,
     append_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-narrow", "the same with two elements to a word", three_setup, append_narrow_operations,
     NARROW, .calls = EXPLORE_ALL},
    {"list-append-many", "several elements at once", three_setup, append_many_operations, NARROW,
     .calls = EXPLORE_ALL},
    {"list-append-reuse", "a record that a list left is another list's", three_setup,
     append_reuse_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-long", "a small list becomes long", full_small_setup, become_long_operations, LISTS,
     .calls = EXPLORE_ALL},
    {"list-chunk", "an append with a new chunk", full_chunk_setup, chunk_operations, LISTS,
     .calls = EXPLORE_ALL, .kill_every = 2},
    {"list-chunks", "an append with two new chunks", full_chunk_setup, many_chunks_operations,
     LISTS, .calls = EXPLORE_ALL},
    {"list-wider", "an append that needs a record with more entries", full_record_setup,
     wider_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-remove", "the first and the last element removed", three_setup, remove_operations, LISTS,
     .calls = EXPLORE_ALL},
    {"list-remove-append", "the middle element removed, another appended", three_setup,
     remove_append_operations, NARROW, .calls = EXPLORE_ALL},
    {"list-remove-reuse", "the record before a removal is another list's", three_setup,
     remove_reuse_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-exchange", "elements replaced, each as one change", three_setup, exchange_operations,
     LISTS, .calls = EXPLORE_ALL},
    {"list-last", "the only element removed, the list made again", one_setup, last_operations,
     LISTS, .calls = EXPLORE_ALL},
    {"list-only", "the only element replaced", one_setup, one_exchange_operations, LISTS,
     .calls = EXPLORE_ALL},
    {"list-long-remove", "an element removed in the first of two chunks, another appended",
     two_chunks_setup, long_remove_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-long-reuse", "the chunk before a removal is another list's", two_chunks_setup,
     long_reuse_operations, LISTS, .calls = EXPLORE_ALL, .kill_every = 31},
    {"list-long-chunk", "the chunk before a removal is appended to another list", two_full_setup,
     long_chunk_operations, LISTS, .calls = EXPLORE_ALL, .kill_every = 31},
    {"list-long-copy", "the chunk before a removal is that of another removal", two_long_setup,
     long_copy_operations, LISTS, .calls = EXPLORE_ALL, .kill_every = 31},
    {"list-long-swap", "elements of a long list replaced, each as one change", two_chunks_setup,
     long_exchange_operations, LISTS, .calls = EXPLORE_ALL, .kill_every = 31},
    {"list-close", "the last element removed, the chunk closed, others appended", full_chunk_setup,
     close_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-lone", "the last chunk's only element removed, another appended", lone_chunk_setup,
     lone_chunk_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-shrink", "a long list becomes small again", shrink_setup, shrink_operations, LISTS,
     .calls = EXPLORE_ALL},
    {"list-erase", "a list erased, its record and chunk another list's", two_chunks_setup,
     erase_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-erase-record", "a list erased, its chunk a record of another table", two_chunks_setup,
     erase_record_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-clear", "clear, memory given back, a list made", three_setup, clear_operations, LISTS,
     .calls = EXPLORE_ALL},
    {"list-split", "split, then a list that moved appended to, and its slot filled again",
     split_setup, split_operations, LISTS, .calls = EXPLORE_ALL},
    {"list-bytes", "appends behind a key of bytes, the ref stored in its record", three_setup,
     append_operations, BYTES, .calls = EXPLORE_ALL},
    {"list-bytes-remove", "removals behind a key of bytes", three_setup, remove_operations, BYTES,
     .calls = EXPLORE_ALL},
    {"list-bytes-reuse", "list and record of a key of bytes given to others", three_setup,
     remove_reuse_operations, BYTES, .calls = EXPLORE_ALL},
    {"list-bytes-last", "a key of bytes that goes with its last element, and comes again",
     one_setup, last_operations, BYTES, .calls = EXPLORE_ALL},
    {"list-evacuate", "lists moved out of sparse slabs, and appended to", evacuate_record_setup,
     evacuate_record_operations, LISTS, .calls = POINT | 1u << EXPLORE_SCAN},
    {"list-evacuate-chunk", "chunks moved out of sparse slabs, and appended to",
     evacuate_chunk_setup, evacuate_chunk_operations, LISTS, .calls = POINT | 1u << EXPLORE_SCAN,
     .slow = true},
};

const unsigned explore_list_count =
    sizeof explore_list_scenarios / sizeof explore_list_scenarios[0];
