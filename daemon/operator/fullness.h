/*
 * fullness.h - whether the segment is full, of what, and when that is worth a line. Pure; the loop's
 * thread asks it once a tick.
 *
 * Full is a segment that has refused a write for want of room. It stays that until a while (FULLNESS_QUIET_TICKS)
 * has passed without another refusal and there is room again: what is free, and what can still be
 * added below the maximum and on the tmpfs, make 1/32 of what can be reached.
 */
#ifndef STELE_DAEMON_FULLNESS_H
#define STELE_DAEMON_FULLNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was met first. The numbers are those of `full` in stats.h. */
enum fullness_limit { FULLNESS_NONE = 0, FULLNESS_MAXIMUM = 1, FULLNESS_TMPFS = 2 };

struct fullness_facts {
    uint64_t refused; /* writes, since the start */
    uint64_t max_bytes;
    uint64_t committed_bytes;
    uint64_t free_bytes;       /* of the committed ones */
    uint64_t tmpfs_bytes;      /* 0: as much as there is memory */
    uint64_t tmpfs_free_bytes; /* counts only where tmpfs_bytes does */
};

struct fullness {
    enum fullness_limit full;
    uint64_t refused; /* as of the last tick */
    uint64_t before;  /* refused when it was not full yet */
    uint32_t quiet_ticks;
};

enum fullness_event {
    FULLNESS_AS_BEFORE,
    FULLNESS_FILLED, /* has just become full */
    FULLNESS_EASED   /* is not any more; `before` still tells since when */
};

#define FULLNESS_QUIET_TICKS 100u

/* Which limit holds a segment back that has no room. */
enum fullness_limit fullness_limit(const struct fullness_facts *facts);

enum fullness_event fullness_tick(struct fullness *fullness, const struct fullness_facts *facts);

/* "the segment is full: it has its maximum of 64 MiB; ..." */
void fullness_describe(enum fullness_limit limit, const struct fullness_facts *facts, char *text,
                       size_t text_bytes);

/* True: the tmpfs cannot hold the maximum, which `text` says. */
bool fullness_warns(const struct fullness_facts *facts, char *text, size_t text_bytes);

#endif
