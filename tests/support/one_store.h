/* one_store.h - the set-up of suites in which each test has one store, which it opens itself. */
#ifndef SUPPORT_ONE_STORE_H
#define SUPPORT_ONE_STORE_H

#include "segment_name.h"
#include "stores.h"

static struct stele_store *store;

static inline void setup(void)
{
    segment_name_clean();
    store = NULL;
}

static inline void teardown(void)
{
    stele_store_close(store);
}

static inline struct stele_store_stats stats_of(struct stele_store *of)
{
    struct stele_store_stats stats;
    stele_store_get_stats(of, &stats);
    return stats;
}

#endif
