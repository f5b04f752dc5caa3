/*
 * statistics.h - what a table tells about itself. Stores nothing.
 */
#ifndef STORE_STATISTICS_H
#define STORE_STATISTICS_H

#include "catalog.h"

/* `table` is one of the catalog's live ones. Counts as published: during an adoption the former
 * writer's numbers. Walks the blocks of the index (one per 32,768 buckets), not the buckets. */
void statistics_of_table(const struct catalog *catalog, const struct table *table,
                         struct stele_store_table_stats *stats);

#endif
