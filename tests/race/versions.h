/*
 * versions.h - what one key went through, with the times of every change, and whether the results of a
 * reader fit (promises C and D): judged afterwards, by fenced time stamps.
 *
 * Version 0 is the state before; changes of one key follow one another, so that their spans do not
 * overlap. What a reader saw must be the state of a version not older than the last one whose change
 * had ended when the call began, and not newer than the last one begun when it ended; and the results
 * of one reader never go back. Exact for one key and one reader: of the versions that fit the earliest
 * is taken, which leaves the most for the results that follow.
 *
 * Pure; any thread. Tests only.
 */
#ifndef RACE_VERSIONS_H
#define RACE_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct versions_span {
    uint64_t begin, end; /* fenced stamps of one clock */
};

struct versions {
    uint64_t last;              /* number of the newest */
    struct versions_span *span; /* [1 .. last] */
    uint64_t *state;            /* [0 .. last] */
};

/* The last version whose change had ended before `time`. */
static inline uint64_t versions_ended(const struct versions *versions, uint64_t time)
{
    uint64_t low = 0, high = versions->last;
    while (low < high) {
        uint64_t middle = (low + high + 1) / 2;
        if (versions->span[middle].end < time)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* The last version whose change had begun by then. */
static inline uint64_t versions_begun(const struct versions *versions, uint64_t time)
{
    uint64_t low = 0, high = versions->last;
    while (low < high) {
        uint64_t middle = (low + high + 1) / 2;
        if (versions->span[middle].begin <= time)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* False: the state was not the key's at any instant of the call at which this reader may see it.
 * *latest is the version of the reader's result before this one, and becomes this one's. */
static inline bool versions_fit(const struct versions *versions, const struct versions_span *call,
                                uint64_t state, uint64_t *latest)
{
    uint64_t version = versions_ended(versions, call->begin);
    uint64_t to = versions_begun(versions, call->end);
    if (version < *latest)
        version = *latest;
    for (; version <= to; version++)
        if (versions->state[version] == state) {
            *latest = version;
            return true;
        }
    return false;
}

#endif
