/*
 * keep.h - keys, values and elements that a caller passed and that stand in the segment itself: in what
 * stele_store_find() and the like brought. They are good until something moves; making room moves them,
 * so before that they are copied, for another try. Called by the writer only.
 */
#ifndef STORE_KEEP_H
#define STORE_KEEP_H

#include "segment.h"

#define KEEP_MOST 2u

/* Set up all zero. */
struct keep {
    void *copy[KEEP_MOST]; /* owned */
    unsigned count;
};

/* Makes *bytes a copy if it points into the segment. False: there is no memory for it. */
bool keep_bytes(struct keep *keep, const struct segment *segment, const void **bytes,
                uint64_t count);
void keep_fini(struct keep *keep);

#endif
