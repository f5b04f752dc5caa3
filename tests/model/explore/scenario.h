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
    unsigned calls; /* one bit per enum explore_call */
    bool slow;      /* left out of the quick mode */
};

extern const struct explore_scenario explore_scenarios[];
extern const unsigned explore_scenario_count;
/* About memory that comes back (scenario_reuse.c). */
extern const struct explore_scenario explore_reuse_scenarios[];
extern const unsigned explore_reuse_count;

/* All of them by number; NULL: there are no more. */
static inline const struct explore_scenario *explore_scenario_at(unsigned number)
{
    if (number < explore_scenario_count)
        return &explore_scenarios[number];
    number -= explore_scenario_count;
    return number < explore_reuse_count ? &explore_reuse_scenarios[number] : NULL;
}

#endif
