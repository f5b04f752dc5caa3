/*
 * segment.h - what a mapped segment tells about its tables, for listing: read from its descriptors,
 * without the daemon. Exact while nobody writes.
 */
#ifndef STELE_CLI_SEGMENT_H
#define STELE_CLI_SEGMENT_H

#include <stele/stele.h>

struct segment_table {
    char name[STELEI_NAME_BYTES];
    struct stele_type type;
    uint64_t max_entries; /* 0: no limit */
    uint64_t entries;
    uint64_t slots;         /* places for entries, of buckets and overflow lines */
    uint64_t overflow;      /* entries that stand in overflow lines */
    uint64_t index_bytes;   /* buckets and overflow lines */
    uint64_t record_bytes;  /* blocks of records and lists, with their rounding */
    uint64_t payload_bytes; /* keys and values */
};

struct segment_tables {
    uint32_t count;
    struct segment_table table[STELEI_TABLE_CAPACITY]; /* by name */
};

/* Fills in all tables. A table that comes or goes meanwhile is there or not. */
void segment_list(const struct stele_reader *reader, struct segment_tables *tables);

#endif
