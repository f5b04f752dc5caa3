/*
 * reasons.h - weakenings that mislead no reader, and why: what else keeps the order. A reason that
 * names its cover is not believed but tried: both are taken away at once, and a scenario must catch
 * that which does not catch the cover's loss alone.
 */
#ifndef EXPLORE_REASONS_H
#define EXPLORE_REASONS_H

#include "memory.h"

#define EXPLORE_COVERS 4u

/* Sites are named by functions, "inner < outer", as explore_site.name begins. */
struct explore_cover {
    enum explore_weaken_kind kind;
    const char *site;
};

struct explore_reason {
    enum explore_weaken_kind kind;
    const char *site;
    struct explore_cover cover[EXPLORE_COVERS]; /* up to the first without a site; all at once */
    const char *why;
};

/* The reason for a site of this name, or NULL. */
const struct explore_reason *explore_reason_for(enum explore_weaken_kind kind, const char *name);
/* Why it is not known whether a site of this name is redundant, or NULL. */
const char *explore_undecided(enum explore_weaken_kind kind, const char *name);

#endif
