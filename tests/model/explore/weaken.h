/*
 * weaken.h - shows that the explorer would notice: takes away one ordering after the other, in what
 * was recorded and in what readers do, and looks for a scenario in which a reader is then misled.
 */
#ifndef EXPLORE_WEAKEN_H
#define EXPLORE_WEAKEN_H

#include "crash.h"
#include "scenario.h"

/* Everything of one kind at once, over the scenarios: each must be caught. */
bool explore_weaken_kinds(uint64_t seed);

/*
 * One site after the other, in the scenarios (or in `only` one) that come by it, and the adopter's
 * in crashes. Prints which scenario caught each, or which one caught it together with what covers
 * it. False: a site is caught by none and reasons.c has no reason for it that holds.
 */
bool explore_weaken_sites(uint64_t seed, const char *only, bool full);

/* Records a scenario. */
void explore_scenario_record(const struct explore_scenario *scenario, uint64_t seed,
                             struct explore_stage *stage);

#endif
