/*
 * run.h - explores one recorded history with every call of the reader, and sums up.
 */
#ifndef EXPLORE_RUN_H
#define EXPLORE_RUN_H

#include "reading.h"

struct explore_limits {
    unsigned attempts;       /* of one call, before its run is cut off */
    unsigned calls_in_a_row; /* of get and contains; get_many, view and scan make one less */
    uint64_t states;         /* of one call; 0: no limit */
    bool acquire_too;        /* also with dependent loads taken as acquire loads */
    bool brief;              /* no report of a violation */
};

struct explore_result {
    bool right;
    const char *call; /* that failed; "alone": a reader alone did */
    char *report;     /* owned, when not right and not brief */
    uint64_t runs, states, judged;
    uint32_t stores;
    int16_t *ghost; /* owned: [store index][EXPLORE_KEYS], what a reader alone finds */
    bool cut;
    uint32_t weakened; /* stores and fences that the weakening changed */
};

/*
 * `history` is the stage's, or a crash with what came after. `weakening` and `sites` may be NULL;
 * `sites` collects where the reader loads and fences. `ghost`: what a reader alone finds, when it is
 * known from a run of the same history without a weakening that changes it; NULL: it is found out.
 * A weakening of stores or fences that the history does not have is not run at all.
 */
void explore_run(const struct explore_stage *stage, const struct explore_history *history,
                 unsigned calls, const struct explore_limits *limits,
                 const struct explore_weakening *weakening, struct explore_sites *sites,
                 const int16_t *ghost, struct explore_result *result);
void explore_result_fini(struct explore_result *result);

#endif
