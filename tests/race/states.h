/*
 * states.h - tables of every form in which all that a key can hold is one number, so that what
 * a reader sees can be judged as one: its writer's changes, and the reader's calls. Tests only.
 *
 *   words   {key 16, anything 48}: the state is the word
 *   records values behind words that carry such a word, and bytes that it determines
 *   strings the same behind byte strings
 *   lists   elements {key, index}, indices lo, lo+1, .. hi-1: the state is {lo 32, hi 32}. Appends move
 *           hi, removals of the first element lo, both at once is a replacement, pop moves hi back
 *
 * A state may come again. Lists are of u32 behind words (two elements to a word of memory), and of u64
 * behind byte strings.
 */
#ifndef RACE_STATES_H
#define RACE_STATES_H

#include <stele/stele.h>
#include <stele/store.h>

#include "random.h"
#include "value.h"

#define STATES_ABSENT UINT64_MAX
#define STATES_KEYS   512u /* at most */
#define STATES_MANY   16u

enum states_kind {
    STATES_WORDS,
    STATES_LISTS,
    STATES_NAMED_LISTS,
    STATES_RECORDS,
    STATES_STRINGS,
    STATES_KINDS
};

const char *states_name(enum states_kind kind);
struct stele_type states_type(enum states_kind kind);
/* Its keys are byte strings, made by key_make(). */
bool states_named(enum states_kind kind);

/* ---- the writer ------------------------------------------------------------------------------ */

struct states_writer {
    enum states_kind kind;
    struct stele_store *store;
    uint32_t table;
    const uint64_t *number; /* of each key */
    struct random random;
    unsigned erase_every; /* one change in so many takes the key away */
};

/* What the key may hold next. */
uint64_t states_next(struct states_writer *writer, unsigned key, uint64_t state);
/* The change that leads from one state to the other. */
enum stele_status states_change(struct states_writer *writer, unsigned key, uint64_t from,
                                uint64_t to);
/* What the key holds by the writer's own word. False: nothing that a key can hold. */
bool states_held(struct states_writer *writer, unsigned key, uint64_t *state);

/* ---- readers --------------------------------------------------------------------------------- */

enum states_outcome {
    STATES_SEEN,
    STATES_BUSY,  /* STELE_EBUSY */
    STATES_STALE, /* taken, and gone before it was read */
    STATES_WRONG  /* `text` says why */
};

struct states_reader {
    enum states_kind kind;
    struct stele_reader reader;
    struct stele_words words; /* of words or not: words.table for the others */
    const uint64_t *number;
    struct random random;
    uint8_t *buffer;
    char text[160];
};

enum stele_status states_attach(struct states_reader *reader, const char *segment,
                                const char *table);
void states_detach(struct states_reader *reader);
/* Room for any value; the caller's. For readers that are attached otherwise. */
uint8_t *states_buffer(void);

/* One call about a key; which one is up to chance. */
enum states_outcome states_read(struct states_reader *reader, unsigned key, uint64_t *state);
/* All but lists: STATES_MANY keys in one batch, each an outcome of its own. */
bool states_batched(enum states_kind kind);
void states_read_many(struct states_reader *reader, const unsigned *keys, uint64_t *states,
                      enum states_outcome *outcomes);
/* STELE_OK and STATES_SEEN: the scan's next entry is `key` in `state`. */
enum stele_status states_scan(struct states_reader *reader, struct stele_scan *scan, unsigned keys,
                              unsigned *key, uint64_t *state, enum states_outcome *outcome);

#endif
