/*
 * adopt.h - taking over the segment of a writer that is gone, in place, while readers read.
 *
 * The slots are the single truth. Everything else is derived from them again: what memory is taken,
 * the counts, the quarantine (empty). The pass goes bucket by bucket, in slices; a write to a
 * bucket that it has not reached runs its step first. Per bucket: refs are checked, blocks marked,
 * entries that cannot be right or stand twice are dropped, and the head's version is bumped. The
 * bump is needed: a writer killed between storing a ref and moving the version leaves a reader that
 * trusts the old record, which marking will call free. Only after all bumps does the clock move,
 * and only after that is anything given out again.
 */
#ifndef STORE_ADOPT_H
#define STORE_ADOPT_H

#include "catalog.h"

enum adopt_phase { ADOPT_IDLE, ADOPT_MARKING, ADOPT_SWEEPING };

struct adopt {
    enum adopt_phase phase;
    struct arena_marks marks;
    uint32_t table; /* the one the pass is in */
};

/* Binds all tables and finishes a split that was under way; from then on writes are accepted.
 * STELE_ECORRUPT: a table's root, geometry or type makes no sense. STELE_EHASH: see catalog.h. */
enum stele_status adopt_begin(struct adopt *adopt, struct catalog *catalog);

/* Up to `budget` buckets or units; takes what it used off. True while there is more. */
bool adopt_step(struct adopt *adopt, struct catalog *catalog, uint32_t *budget);

void adopt_fini(struct adopt *adopt);

/* The pass's step on one bucket, if it has not been there. */
void adopt_bucket_slow(struct table *table, uint64_t bucket);

/* The whole pass over one table, for who must know its count: takes the pause. */
void adopt_rest(struct table *table);

STELEI_INLINE void adopt_bucket(struct table *table, uint64_t bucket)
{
    if (STELEI_UNLIKELY(table->adoption.done != NULL))
        adopt_bucket_slow(table, bucket);
}

#endif
