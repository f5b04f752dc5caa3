/*
 * progress.h - one line on standard error that says how far a long work is, where standard error is
 * a terminal; nothing anywhere else.
 *
 *     prices  [###########...........]  46 %  1.23 M/s  0:12 left
 */
#ifndef STELE_CLI_PROGRESS_H
#define STELE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *label;
    uint64_t total; /* of what `done` counts; 0: nobody knows */
    bool terminal, drawn;
    double started_s, drawn_s;
};

/* `label` is kept. */
void progress_begin(struct progress *progress, const char *label, uint64_t total);
/* Cheap enough for every batch: draws ten times a second. `entries` makes the rate. */
void progress_update(struct progress *progress, uint64_t done, uint64_t entries);
/* Takes the line away: before other messages, and at the end. */
void progress_clear(struct progress *progress);
double progress_seconds(const struct progress *progress); /* since it began */

#define PROGRESS_LINE_BYTES 160u
/* The line itself. Pure. */
void progress_format(char out[PROGRESS_LINE_BYTES], const char *label, uint64_t done,
                     uint64_t total, uint64_t entries, double seconds);

#endif
