/*
 * track.h - what a writer has begun and finished, key by key, in memory that readers see: enough to
 * judge every single read while it happens (promises C and D), without a clock.
 *
 * The versions of a key only grow. An even version is a value, an odd one says that the key is
 * absent. The writer stores `started` before it begins, and `completed` after it has finished, with
 * full fences. A reader loads `completed` before its lookup and `started` after it: what it read
 * lies in between. Memory order itself is the witness.
 */
#ifndef RACE_TRACK_H
#define RACE_TRACK_H

#include "board.h"

struct track {
    uint64_t started;
    uint64_t completed;
    uint64_t erase_started; /* how many erases: says whether the key was absent in between */
    uint64_t erase_completed;
    uint64_t number;               /* of the key; constant */
    uint64_t min_bytes, max_bytes; /* of its values; constant */
    uint64_t pad;
};

static inline bool track_present(uint64_t version)
{
    return version % 2 == 0;
}

/* ---- writer -------------------------------------------------------------------------------- */

static inline uint64_t track_start_put(struct track *track)
{
    uint64_t version = (track->started | 1) + 1;
    board_store(&track->started, version);
    return version;
}
static inline void track_start_erase(struct track *track)
{
    board_store(&track->erase_started, track->erase_started + 1);
    board_store(&track->started, track->started | 1);
}
static inline void track_complete(struct track *track)
{
    board_store(&track->completed, track->started);
    board_store(&track->erase_completed, track->erase_started); /* readers load it first */
}

/* A writer died between start and completion, and the change has not happened: what the key holds
 * is what `completed` says. The number that was started is passed over. */
static inline void track_abandon(struct track *track)
{
    uint64_t next = track->started + 1;
    if (track_present(track->started) == track_present(track->completed))
        next++; /* the same kind of state again */
    board_store(&track->started, next);
    if (!track_present(track->completed))
        board_store(&track->completed, next); /* as absent as before */
    board_store(&track->erase_completed, track->erase_started);
}

/* ---- reader -------------------------------------------------------------------------------- */

struct track_window {
    uint64_t erases; /* completed when the read began; loaded first */
    uint64_t from;   /* the version completed when the read began */
    uint64_t to;     /* the last one started when it ended */
    bool gone;       /* the key was absent at some instant of the window */
    bool there;      /* and present at some */
};

static inline void track_begin(const struct track *track, struct track_window *window)
{
    window->erases = board_load(&track->erase_completed);
    window->from = board_load(&track->completed);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void track_end(const struct track *track, struct track_window *window)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    window->to = board_load(&track->started);
    window->gone =
        !track_present(window->from) || board_load(&track->erase_started) != window->erases;
    window->there = track_present(window->from) || window->to != window->from;
}

static inline bool track_allows(const struct track_window *window, uint64_t version)
{
    return track_present(version) && version >= window->from && version <= window->to;
}

#endif
