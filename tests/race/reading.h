/*
 * reading.h - a reader process: it attaches to the segment by name, read-only, and looks the
 * tracked keys up by every call there is, judging each answer by its track (promises A, C, D, E).
 * The first wrong, torn, missing or outdated answer stops the test.
 */
#ifndef RACE_READING_H
#define RACE_READING_H

#include <stele/stele.h>

#include "track.h"
#include "value.h"

#define READING_MANY 16u

struct reading {
    struct board *board;
    struct track *tracks;
    unsigned count;
    const char *segment;
    const char *table_name;
    uint32_t value_bytes; /* of the largest value */
    unsigned scan_every;  /* reads between two scans */
    uint64_t seed;

    struct stele_reader reader;
    struct stele_table table;
    struct random random;
    uint8_t *buffer;           /* READING_MANY values */
    uint64_t *latest;          /* version last read of each key: never goes back */
    struct track_window *scan; /* one per key */
    uint64_t *seen;
};

/* Waits for board->ready, then reads until board->stop. */
void reading_run(struct reading *reading);

/* The same with a reader and table that are there already; for threads. */
void reading_loop(struct reading *reading);

/* In a new process. */
pid_t reading_fork(const struct reading *reading);

#endif
