/*
 * looking.h - a reader of words or of lists that judges each answer by the trail of its key (promises A,
 * C, D and E). The first wrong, torn, missing or outdated answer stops the test. Tests only.
 */
#ifndef RACE_LOOKING_H
#define RACE_LOOKING_H

#include "states.h"
#include "trail.h"

struct looking {
    struct board *board;
    const struct trail *trails;
    const uint64_t *number; /* of each key */
    enum states_kind kind;
    unsigned keys;
    unsigned scan_every; /* reads between two scans */
    const char *name;    /* of the test */
    const char *segment;

    struct states_reader reader;
    uint64_t latest[STATES_KEYS]; /* version last seen of each key: never goes back */
    struct trail_window scan[STATES_KEYS];
    bool seen[STATES_KEYS];
    uint64_t unknown; /* results older than what a trail keeps */
};

/* Reads until board->stop, by a reader that is attached. */
void looking_loop(struct looking *looking);

/* In a new process, which waits for board->ready and attaches to the table "t". */
pid_t looking_fork(const struct looking *looking);

#endif
