/*
 * names.h - whether the names in /dev/shm still lead to what a writer holds. They can be taken away under
 * it: logind's RemoveIPC, an administrator's rm. Called by the writer only, now and then.
 *
 *   the segment's name    was moved away: is linked again. Was removed: cannot be (Linux refuses to link
 *                         a file that has no name left, but for one of O_TMPFILE that never had one). Was
 *                         given to another file: is left alone. In the last two cases the store is
 *                         detached, for good: nobody can find it any more, so nothing more is
 *                         acknowledged. (A second, hidden link would have to be in the same file system,
 *                         where the same hands find it; and it would keep the memory of a segment that
 *                         somebody did remove.)
 *   the lock's name       is made again: a file that is locked before it has the name, so that nobody
 *                         can come in between. What stands there instead is locked, where it can be.
 *
 * Between the loss of the lock's name and its return a second writer could find a lock that is free. So
 * the writer holds the segment itself too (segment_object_claim()).
 */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include "segment.h"

struct names {
    char name[STELEI_NAME_BYTES]; /* empty: anonymous memory */
    bool detached;
    bool lock_lost;   /* and could not be made again: said once */
    uint32_t changes; /* since the last look */
};

/* A writer that changes something looks by itself, with each so many changes. */
#define NAMES_CHANGES 4096u

/* NULL: anonymous memory, which has no names. */
void names_begin(struct names *names, const char *name);

/* Looks, and mends. The message says what was mended or lost, and stays as it is where nothing was.
 * STELE_EDETACHED: the segment has no name any more. */
enum stele_status names_check(struct names *names, struct segment *segment,
                              const struct segment_message *message);

/* True: nobody can ever find this segment again. */
bool names_gone(const struct names *names, const struct segment *segment);

#endif
