/*
 * Scenarios about words as keys: three slots to a line, values that are stored in place, and records
 * without a key.
 */
#include "scenario.h"
#include "reading.h"

#define WORD  8u
#define SMALL 24u
#define LARGE 4160u /* above STELEI_LARGE_BYTES */

/* ---- parts -------------------------------------------------------------------------------- */

/* Keys 0, 1 and 2 stand in bucket 0 at every depth up to 4; eight buckets, so that nothing splits. */
#define THREE_KEYS WATCH(0, ANY), WATCH(0, ANY), WATCH(0, ANY), ROOMY
#define PAIR       THREE_KEYS, PUT(0, WORD), PUT(1, WORD)
/* Three more fill the head; what comes then goes behind it. */
#define OVERFLOW0 THREE_KEYS, NEW(3, 0, WORD)
#define OVERFLOW1 OVERFLOW0, PUT(0, WORD), BALLAST
#define OVERFLOW2 OVERFLOW0, PUT(0, WORD), PUT(1, WORD)

/* Four entries in buckets 0 and 1: the next one splits bucket 0 into 0 and 2. Key 0 stays, 1 moves, 2
 * triggers the split and moves. */
#define SPLIT_HEAD                                                                                 \
    WATCH(0, ANY), WATCH(2, ANY), WATCH(2, ANY), PUT(0, WORD), PUT(1, WORD), NEW(2, 1, WORD)
/* Nine entries in four buckets, five of them in bucket 0: the next one splits it into 0 and 4. In the
 * line 0, which is pulled up, and 1, which moves; 2 moves from the head, 3 triggers the split, 4 comes
 * after it. */
#define SPLIT_OVERFLOW                                                                             \
    WATCH(0, ANY), WATCH(4, ANY), WATCH(4, ANY), WATCH(1, ANY), WATCH(0, ANY), PUT(2, WORD),       \
        NEW(2, 0, WORD), PUT(0, WORD), PUT(1, WORD), NEW_OVER(4, 1, 3, WORD)
/* Nine words in the heads of four buckets: the next one, 2, splits bucket 0 into 0 and 4. Key 0 moves,
 * 1 stays. */
#define SPLIT_FAR                                                                                  \
    WATCH(4, ANY), WATCH(0, ANY), KEY(1, ANY), PUT(0, WORD), PUT(1, WORD), NEW(1, 0, WORD),        \
        NEW_OVER(6, 1, 3, WORD)

#define RECORD_PAIR THREE_KEYS, PUT(0, SMALL), PUT(1, SMALL), BALLAST
#define RECORD_LINE THREE_KEYS, NEW(3, 0, SMALL), PUT(0, SMALL), BALLAST
/* Key 0 stays, 1 moves, 2 triggers the split; 3 gets the slot of what moved. */
#define RECORD_SPLIT                                                                               \
    WATCH(0, ANY), WATCH(2, ANY), KEY(1, ANY), WATCH(0, ANY), PUT(1, SMALL), PUT(0, SMALL),        \
        NEW(2, 1, SMALL)
#define RECORD_LARGE WATCH(0, ANY), KEY(0, ANY), ROOMY, PUT(0, LARGE), PUT(1, LARGE), BALLAST

/* ---- scenarios ---------------------------------------------------------------------------- */

#define WORDS   .key_kind = STELE_U64, .value_kind = STELE_U64, .max_bytes = UINT64_C(4) << 20
#define RECORDS .key_kind = STELE_U64, .value_kind = STELE_BYTES, .max_bytes = UINT64_C(4) << 20

/* clang-format off: a row is read as one */
const struct explore_scenario explore_words_scenarios[] = {
    {"word-replace", "words stored in place", {PAIR}, {PUT(1, WORD), PUT(0, WORD), PUT(1, WORD)},
     WORDS, CALLS_ALL},
    {"word-insert", "a word inserted, then stored in place", {PAIR}, {PUT(2, WORD), PUT(2, WORD)},
     WORDS, CALLS_ALL},
    {"word-slot", "erase, insert another word into the slot", {PAIR}, {ERASE(0), PUT(2, WORD)},
     WORDS, CALLS_ALL},
    {"word-again", "erase, insert the same key, store in place", {PAIR},
     {ERASE(0), PUT(0, WORD), PUT(0, WORD)}, WORDS, CALLS_ALL},
    {"word-overflow", "a new line, then a second entry in it", {OVERFLOW0},
     {PUT(0, WORD), PUT(1, WORD)}, WORDS, CALLS_ALL},
    {"word-line", "words stored in place in a line", {OVERFLOW2}, {PUT(0, WORD), PUT(1, WORD)},
     WORDS, CALLS_ALL},
    {"word-line-slot", "erase in a line, insert another word into the slot", {OVERFLOW2},
     {ERASE(0), PUT(2, WORD)}, WORDS, CALLS_ALL},
    {"word-line-reuse", "a line emptied, unlinked, given out again", {OVERFLOW1},
     {ERASE(0), BALLAST_GONE, PUT(1, WORD)}, WORDS, CALLS_ALL},
    {"word-head-slot", "a key erased in a line comes back in the head", {OVERFLOW1},
     {ERASE(3), ERASE(0), PUT(0, WORD)}, WORDS, CALLS_ALL},
    {"word-split", "split, all words in the head", {SPLIT_HEAD}, {PUT(2, WORD)}, WORDS, CALLS_ALL},
    {"word-split-put", "split, then words stored in place", {SPLIT_HEAD},
     {PUT(2, WORD), PUT(1, WORD), PUT(0, WORD)}, WORDS, CALLS_ALL, .slow = true},
    {"word-split-far", "split into a new block of buckets", {SPLIT_FAR}, {PUT(2, WORD)}, WORDS,
     CALLS_ALL},
    {"word-split-line", "split with words moved from a line, and pulled up", {SPLIT_OVERFLOW},
     {PUT(3, WORD)}, WORDS, CALLS_ALL, .kill_every = 1},
    {"word-pulled", "the same, then the word that was pulled up is stored in place",
     {SPLIT_OVERFLOW}, {PUT(3, WORD), PUT(0, WORD)}, WORDS, CALLS(1u << EXPLORE_GET)},
    {"word-refill", "the same, then freed slots filled again", {SPLIT_OVERFLOW},
     {PUT(3, WORD), PUT(1, WORD), PUT(4, WORD)}, WORDS, CALLS(1u << EXPLORE_GET), .slow = true},
    {"word-clear", "clear, memory given back, insert", {OVERFLOW1}, {CLEAR, STEP, PUT(0, WORD)},
     WORDS, CALLS_ALL},
    {"word-record", "a record behind a word replaced twice, another length", {RECORD_PAIR},
     {PUT(0, SMALL), PUT(0, SMALL + 8)}, RECORDS, CALLS_ALL},
    {"word-record-reuse", "replace, recycle, another key's record in the old block", {RECORD_PAIR},
     {PUT(0, SMALL), BALLAST_GONE, PUT(1, SMALL)}, RECORDS, CALLS_ALL},
    {"word-record-slot", "erase, recycle, slot and block given to another key", {RECORD_PAIR},
     {ERASE(0), BALLAST_GONE, PUT(2, SMALL)}, RECORDS, CALLS_ALL},
    {"word-record-line", "the same in a line that is unlinked and given out again", {RECORD_LINE},
     {ERASE(0), BALLAST_GONE, PUT(2, SMALL)}, RECORDS, CALLS_ALL},
    {"word-record-again", "replaced twice in a line, the second time in the first block",
     {RECORD_LINE}, {PUT(0, SMALL), BALLAST_GONE, PUT(0, SMALL)}, RECORDS, CALLS_ALL},
    {"word-record-add", "erase in a line, another key's record behind the slot",
     {RECORD_LINE, PUT(1, SMALL)}, {ERASE(0), PUT(2, SMALL)}, RECORDS, CALLS_ALL},
    {"word-record-head", "a key erased in a line comes back in the head", {RECORD_LINE},
     {ERASE(3), ERASE(0), PUT(0, SMALL)}, RECORDS, CALLS_ALL},
    {"word-record-split", "split, the slot of what moved filled again", {RECORD_SPLIT},
     {PUT(2, SMALL), PUT(3, SMALL)}, RECORDS, CALLS_ALL},
    {"word-large", "a large value overwritten, its block reused by another", {RECORD_LARGE},
     {PUT(0, LARGE), BALLAST_GONE, PUT(1, LARGE)}, RECORDS, CALLS_ALL},
};
/* clang-format on */

const unsigned explore_words_count =
    sizeof explore_words_scenarios / sizeof explore_words_scenarios[0];
