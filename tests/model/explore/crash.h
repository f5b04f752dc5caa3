/*
 * crash.h - the writer killed after any of its stores: the segment as it then stood is put into a
 * named object and adopted by the real stele_store_open(), written to, and the whole is one history
 * that readers look at from before the crash on.
 *
 * A killed process's stores are all in memory, in program order: the images are the prefixes.
 */
#ifndef EXPLORE_CRASH_H
#define EXPLORE_CRASH_H

#include "run.h"

/* The adopter and what it did, a stage of its own. */
struct explore_crash {
    struct explore_stage stage; /* keys and values as in the first; own store and history */
    unsigned shared_values;     /* those before belong to the first stage */
    char name[32];
    size_t adopted_from, adopted_to; /* about which events are the adoption's */
};

enum explore_aftermath {
    EXPLORE_STEP_FIRST, /* the pass completes, then the writes */
    EXPLORE_WRITE_FIRST /* writes run the pass's steps */
};

/*
 * The crash after `events` events of the stage's history. `held`: what each key holds then. False:
 * adoption failed, or verify, or a key is not what it was; one line in `text`.
 */
bool explore_crash_open(struct explore_crash *crash, const struct explore_stage *stage,
                        size_t events, const int16_t *held, enum explore_aftermath aftermath,
                        char *text, size_t text_bytes);
void explore_crash_close(struct explore_crash *crash);

#endif
