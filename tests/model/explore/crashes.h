/*
 * crashes.h - a scenario's writer killed after its stores, one after the other, and adopters killed
 * after theirs: the next adopter, and readers from before the first crash on.
 */
#ifndef EXPLORE_CRASHES_H
#define EXPLORE_CRASHES_H

#include "crash.h"
#include "scenario.h"

/* `ghost` is the stage's, as found by explore_run(). Prints what it did; false: a violation. */
bool explore_crashes(const struct explore_scenario *scenario, const struct explore_stage *stage,
                     const int16_t *ghost, bool full);

#endif
