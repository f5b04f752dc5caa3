/*
 * trail.h - the states that a key went through, in memory that its writer and readers share: enough to
 * judge every single read while it happens (promises C and D), without a clock.
 *
 * The writer notes the next state and stores `started` before it begins, and `completed` after it has
 * finished, with full fences. A reader loads `completed` before its call and `started` after it: what
 * it saw is the state of a version in between. Memory order itself is the witness. Of the states the
 * last TRAIL_LENGTH are kept: a reader that slept through more has nothing to judge by.
 */
#ifndef RACE_TRAIL_H
#define RACE_TRAIL_H

#include "board.h"

#define TRAIL_LENGTH 2048u

struct trail {
    uint64_t started, completed; /* versions */
    uint64_t state[TRAIL_LENGTH];
};

static inline uint64_t *trail_at(struct trail *trail, uint64_t version)
{
    return &trail->state[version % TRAIL_LENGTH];
}

/* ---- writer ---------------------------------------------------------------------------------- */

static inline uint64_t trail_state(struct trail *trail)
{
    return *trail_at(trail, trail->completed);
}
static inline void trail_begin(struct trail *trail, uint64_t state)
{
    board_store(trail_at(trail, trail->started + 1), state);
    board_store(&trail->started, trail->started + 1);
}
static inline void trail_complete(struct trail *trail)
{
    board_store(&trail->completed, trail->started);
}
/* A writer died between the two, and the change has not happened. No reader has seen the state that
 * was announced; from here on the version stands for the one before. */
static inline void trail_abandon(struct trail *trail)
{
    board_store(trail_at(trail, trail->started), trail_state(trail));
    trail_complete(trail);
}

/* ---- reader ---------------------------------------------------------------------------------- */

struct trail_window {
    uint64_t from, to; /* versions */
};

static inline void trail_open(const struct trail *trail, struct trail_window *window)
{
    window->from = board_load(&trail->completed);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline void trail_close(const struct trail *trail, struct trail_window *window)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    window->to = board_load(&trail->started);
}

enum trail_verdict { TRAIL_GOOD, TRAIL_BAD, TRAIL_UNKNOWN };

/*
 * Whether the key was in this state at some version of the window, `*latest` or later: that becomes
 * the earliest which fits, so that one reader's results may not go back.
 */
static inline enum trail_verdict trail_judge(const struct trail *trail,
                                             const struct trail_window *window, uint64_t state,
                                             uint64_t *latest)
{
    uint64_t from = *latest > window->from ? *latest : window->from;
    bool found = false;
    uint64_t version = from;
    for (; version <= window->to && !found; version++)
        found = board_load(&trail->state[version % TRAIL_LENGTH]) == state;
    /* nothing of the window was overwritten while we looked, or will be before we know */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (board_load(&trail->started) + 1 >= from + TRAIL_LENGTH)
        return TRAIL_UNKNOWN;
    if (found)
        *latest = version - 1;
    return found ? TRAIL_GOOD : TRAIL_BAD;
}

/* Whether the key held anything (or nothing) at some version of the window. */
static inline enum trail_verdict trail_presence(const struct trail *trail,
                                                const struct trail_window *window, uint64_t absent,
                                                bool present)
{
    bool found = false;
    for (uint64_t version = window->from; version <= window->to && !found; version++)
        found = (board_load(&trail->state[version % TRAIL_LENGTH]) != absent) == present;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (board_load(&trail->started) + 1 >= window->from + TRAIL_LENGTH)
        return TRAIL_UNKNOWN;
    return found ? TRAIL_GOOD : TRAIL_BAD;
}

#endif
