/*
 * scenario.h - what the writer does: a setup that every reader has seen, then one to three
 * operations. Keys are made at run time so that they meet in one bucket and share a tag.
 */
#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H

#include "stage.h"

struct explore_scenario {
    const char *name;
    const char *what;
    void (*setup)(struct explore_stage *stage);
    void (*operations)(struct explore_stage *stage);
    uint64_t max_bytes;
    unsigned calls;               /* one bit per enum explore_call */
    bool slow;                    /* left out of the quick mode */
    uint8_t key_kind, value_kind; /* of the table: enum stele_kind */
    unsigned kill_every;          /* stores, in the quick mode; 0: as most */
};

/* The end of a row about byte strings. */
#define EXPLORE_BYTES STELE_BYTES, STELE_BYTES, 0

extern const struct explore_scenario explore_scenarios[];
extern const unsigned explore_scenario_count;
/* About memory that comes back (scenario_reuse.c). */
extern const struct explore_scenario explore_reuse_scenarios[];
extern const unsigned explore_reuse_count;
/* Words as keys (scenario_words.c), lists (scenario_lists.c). */
extern const struct explore_scenario explore_words_scenarios[];
extern const unsigned explore_words_count;
extern const struct explore_scenario explore_list_scenarios[];
extern const unsigned explore_list_count;

/* All of them by number; NULL: there are no more. */
static inline const struct explore_scenario *explore_scenario_at(unsigned number)
{
    if (number < explore_scenario_count)
        return &explore_scenarios[number];
    number -= explore_scenario_count;
    if (number < explore_reuse_count)
        return &explore_reuse_scenarios[number];
    number -= explore_reuse_count;
    if (number < explore_words_count)
        return &explore_words_scenarios[number];
    number -= explore_words_count;
    return number < explore_list_count ? &explore_list_scenarios[number] : NULL;
}

#endif
