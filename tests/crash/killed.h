/*
 * killed.h - a writer process that is stopped at a point and killed there: what the tests of
 * points_test.c share.
 */
#ifndef CRASH_KILLED_H
#define CRASH_KILLED_H

#include "script.h"

#include <sys/types.h>

struct crash {
    const char *name; /* of the segment */
    struct board *board;
    struct script_progress *progress;
    uint16_t *names; /* of each hit in the dry run */
    uint64_t stop_at;
    struct script script;
    struct image image;
    struct script_reader reader;
    unsigned kills, double_kills;
};

/* Board, progress, the script on byte strings or that on words and lists, and the image, once a test. */
struct crash *killed_prepare(bool typed);

/* True if the writer stands at its point, which counts as visited; false if it has come to its end. */
bool killed_wait(struct crash *c, pid_t pid);
void killed_kill(pid_t pid);
void killed_verify(struct crash *c, struct stele_store *store);

/* Killed while sparse slabs are emptied (moved.c, moved_lists.c). */
void moved_tests(TCase *tcase);
void moved_lists_tests(TCase *tcase);

/* Killed while a segment gets its name or loses it (made.c). */
void made_tests(TCase *tcase);

#endif
