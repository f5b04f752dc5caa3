/*
 * reclaim.h - memory of dropped and cleared tables, given back in slices. The table word has moved
 * on before a job is submitted; every block goes through the quarantine like any other.
 */
#ifndef STORE_RECLAIM_H
#define STORE_RECLAIM_H

#include "table.h"

/* Buckets with each write: a table is gone long before another one has grown as large. */
#define RECLAIM_PER_WRITE 1u

struct reclaim_job {
    struct reclaim_job *next;
    struct table table; /* the index as it was given up; nobody changes it any more */
    uint64_t cursor;
};

struct reclaim {
    struct reclaim_job *first, *last;
};

/* NULL: no private memory. */
struct reclaim_job *reclaim_prepare(const struct table *table);
void reclaim_submit(struct reclaim *reclaim, struct reclaim_job *job);

/* Gives back up to `buckets` buckets; takes what it used off *buckets. True while there is more. */
bool reclaim_step(struct reclaim *reclaim, uint32_t *buckets);
void reclaim_fini(struct reclaim *reclaim);

#endif
