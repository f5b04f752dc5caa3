/*
 * scenario.h - what the writer does: a setup that every reader has seen, then one to three
 * operations. Keys are made at run time so that they meet in one bucket and share a tag.
 */
#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H

#include "steps.h"

struct explore_scenario {
    const char *name;
    const char *what;
    struct explore_step setup[EXPLORE_STEPS];
    struct explore_step operations[EXPLORE_OPERATIONS];
    uint64_t max_bytes;
    unsigned calls;               /* one bit per enum explore_call */
    bool slow;                    /* left out of the quick mode */
    uint8_t key_kind, value_kind; /* of the table: enum stele_kind */
    unsigned kill_every;          /* stores, in the quick mode; 0: as most */
};

/* Which calls the readers make. */
#define CALLS(of) .calls = (of)
#define ALL_CALLS ((1u << EXPLORE_CALLS) - 1)
#define CALLS_ALL CALLS(ALL_CALLS)
#define NO_SCAN   (ALL_CALLS & ~(1u << EXPLORE_SCAN))
#define POINT     (1u << EXPLORE_GET | 1u << EXPLORE_VIEW)

extern const struct explore_scenario explore_scenarios[];
extern const unsigned explore_scenario_count;
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
    if (number < explore_words_count)
        return &explore_words_scenarios[number];
    number -= explore_words_count;
    return number < explore_list_count ? &explore_list_scenarios[number] : NULL;
}

#endif
