/*
 * stats.h - what a daemon counts and tells of its tables: one vocabulary for the wire, the API and the tools. Plain data;
 * anyone may include it.
 *
 * The order is that of the wire: never reorder, only append. A daemon of another version may tell
 * fewer (the rest is 0) or more.
 */
#ifndef STELE_STATS_H
#define STELE_STATS_H

#include <stdint.h>

#include <stele/type.h>

/* X(name, what it counts) */
#define STELE_DAEMON_STATS_TABLE(X)                                                                \
    X(uptime_ms, "milliseconds since the daemon was started")                                      \
    X(connections, "connections open now")                                                         \
    X(connections_accepted, "connections taken since the start")                                   \
    X(connections_refused, "connections turned away: no rights, or no descriptors left")           \
    X(turns, "turns of the loop that had commands")                                                \
    X(commands, "commands answered; each entry of a vector is one")                                \
    X(commands_read, "of these, gets and reads of lists")                                                             \
    X(commands_applied, "of these, changes that were made")                                        \
    X(commands_full, "refused because the segment or its tmpfs is full")                           \
    X(commands_denied, "refused because the user may not do that")                                 \
    X(protocol_errors, "connections closed because their bytes made no sense")                     \
    X(in_bytes, "bytes received")                                                                  \
    X(out_bytes, "bytes sent")                                                                     \
    X(buffer_bytes, "memory of all connections' buffers now")                                      \
    X(max_bytes, "the segment's size when full")                                                   \
    X(committed_bytes, "populated and handed to the arena")                                        \
    X(huge_bytes, "on 2 MiB pages, what is prepared ahead included")                               \
    X(used_bytes, "in blocks of records, buckets and lines")                                       \
    X(free_bytes, "free, of the committed ones")                                                   \
    X(quarantine_bytes, "retired and not yet given out again")                                     \
    X(epoch, "incarnation of the writer: one more at each start")                                  \
    X(applied_lsn, "number of the last change")                                                    \
    X(tables, "tables that exist")                                                                 \
    X(adopting, "1 while the marking pass of an adoption is under way")                            \
    X(adoption_dropped, "damaged entries and links that the last adoption dropped")                \
    X(evacuations, "passes that emptied sparse slabs")                                             \
    X(moved_bytes, "blocks that these passes moved")                                               \
    X(full, "1: the segment is full of its maximum, 2: the tmpfs is full before that")             \
    X(tmpfs_bytes, "size of the file system behind the segment; 0: it has no limit of its own")    \
    X(tmpfs_free_bytes, "free of that")                                                            \
    X(detached, "1: the segment's name was removed, and writes are refused")

/* A snapshot, not taken at one instant with what readers see. */
struct stele_daemon_stats {
#define STELE_DAEMON_STATS_MEMBER(name, text) uint64_t name;
    STELE_DAEMON_STATS_TABLE(STELE_DAEMON_STATS_MEMBER)
#undef STELE_DAEMON_STATS_MEMBER
};

/* One table, as the daemon lists it. */
struct stele_table_info {
    char name[64];    /* terminated */
    uint16_t table; /* handle */
    struct stele_type type;
    uint64_t max_entries; /* 0: no limit */
    uint64_t entries;
    uint64_t buckets;
    uint64_t lines;         /* overflow lines */
    uint64_t overflow;      /* entries outside the first line of their bucket */
    uint64_t index_bytes;   /* buckets, lines, directory and root */
    uint64_t record_bytes;  /* blocks of records, with their rounding */
    uint64_t payload_bytes; /* keys and values */
};

#define STELE_DAEMON_STATS_COUNT                                                                   \
    STELEI_CAST(uint32_t, sizeof(struct stele_daemon_stats) / sizeof(uint64_t))

#endif
