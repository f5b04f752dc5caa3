/*
 * stat_facts.h - all that is known of a segment and its daemon: gathered by cmd_stat.c, printed for
 * people by stat_text.c.
 */
#ifndef STELE_CLI_STAT_FACTS_H
#define STELE_CLI_STAT_FACTS_H

#include "output.h"
#include "segment.h"

/* A daemon says that it is alive several times a second. */
#define STAT_ALIVE_MS 3000u

struct stat_facts {
    const char *name;
    /* from the segment */
    uint16_t major, minor;
    uint64_t head_bytes; /* header, table descriptors, classes */
    struct stele_reader_stats reader;
    uint64_t age_ms; /* of the heartbeat; UINT64_MAX: there is none */
    struct segment_tables tables;
    struct segment_table sum; /* of all tables */
    /* from the daemon */
    enum stele_status answer; /* STELE_OK: `daemon` is filled in */
    const char *socket;       /* where it was looked for */
    struct stele_daemon_stats daemon;
};

/* Share of the places that are taken, and of the entries that stand in overflow lines; 0..1. */
double stat_load(const struct segment_table *table);
double stat_overflow(const struct segment_table *table);

/* "open", "closed", "moved" or "new": what the writer left in the header; see the man page. */
const char *stat_writer(const struct stat_facts *facts);

/* Prints the page for people. Returns the exit status. */
int stat_print(const struct output *output, const struct stat_facts *facts);

#endif
