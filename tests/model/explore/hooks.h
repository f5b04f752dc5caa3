/*
 * hooks.h - where atomic.h leads every access of a -DSTELE_EXPLORE build: to memory, to memory and
 * a recording, or to a search. One program, one thread.
 */
#ifndef EXPLORE_HOOKS_H
#define EXPLORE_HOOKS_H

#include "search.h"

/* From now on stores and fences are added to `history`, with addresses in place of offsets. */
void explore_hooks_record(struct explore_history *history);
/* From now on the accesses are the reader's in this search. */
void explore_hooks_search(struct explore_search *search);
/* From now on accesses only happen. */
void explore_hooks_off(void);

#endif
