/*
 * reading.h - the real reader (client/include/stele) as programs of a search, and the judge of what
 * it returns.
 *
 * Judged: a lookup returns what the key held at some store index between its lower bound (what was
 * acknowledged and heard of, and the results before it) and the newest store that the reader saw.
 * A scan returns every key that was present from its lower bound to the newest store seen, and each
 * entry it returns was there in between. A view's bytes are one value held when it was taken, and a
 * list that was taken has all the elements that it had at one instant; what is said to be current was
 * not changed by anything acknowledged before.
 */
#ifndef EXPLORE_READING_H
#define EXPLORE_READING_H

#include <stele/stele.h>

#include "search.h"
#include "stage.h"

enum explore_call {
    EXPLORE_GET,
    EXPLORE_CONTAINS,
    EXPLORE_MANY,
    EXPLORE_VIEW,
    EXPLORE_SCAN,
    EXPLORE_CURRENT,
    EXPLORE_CALLS
};

struct explore_reading {
    const struct explore_stage *stage;
    const struct explore_memory *memory;
    struct explore_search *search; /* the one in progress */
    struct stele_words words;      /* opened by a reader that has seen the setup; of words or not */
    int16_t *ghost;                /* [store index][key]: what a reader alone finds there */
    unsigned calls_in_a_row;
    unsigned attempts; /* that one call may make before its run is cut off */
    enum explore_call call;
    unsigned watched[EXPLORE_KEYS];
    unsigned watches;

    unsigned made;    /* attempts of the call in progress */
    uint64_t scanned; /* bucket of the last attempt of a scan */
    const struct stele_scan *scan;
    uint8_t *buffer;
};

void explore_reading_init(struct explore_reading *reading, const struct explore_stage *stage,
                          const struct explore_memory *memory);
void explore_reading_fini(struct explore_reading *reading);

/*
 * Fills `ghost`, by a reader alone at every store index (promise B: one attempt, a right answer),
 * and holds it against what the operations should do. `alone` collects the report. False: violated.
 */
bool explore_reading_ghost(struct explore_reading *reading, struct explore_search *search);

/* One run of reading->call; a program for explore_search_all(). */
void explore_reading_program(struct explore_search *search, void *reading);

const char *explore_call_name(enum explore_call call);
/* Whether tables of this type have such a call. */
bool explore_call_fits(enum explore_call call, const struct stele_type *type);

/* Prepares a search for this reading. */
void explore_reading_attach(struct explore_reading *reading, struct explore_search *search);

#endif
