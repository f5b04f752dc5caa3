/*
 * place.h - where a workload's servers live: a directory of its own in memory for sockets, logs and
 * files, and the prefix of its segments' names. All of it is gone at the end, however that comes:
 * a process of its own waits for the coordinator's end and removes what is left.
 */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

#include <stddef.h>
#include <sys/types.h>

#include <stele/status.h>

#include "harness/machine.h"

struct place {
    const struct machine *machine;
    char directory[64]; /* short: a socket's path has 107 bytes at most */
    char prefix[40];    /* of segments: "bench-PID-" */
    pid_t keeper;
    int leash; /* its other end is read by the keeper */
};

/* STELE_EIO, with the cause on stderr. */
enum stele_status place_open(struct place *place, const struct machine *machine);
/* Servers must have been stopped. */
void place_close(struct place *place);

/* "DIRECTORY/NAME" */
void place_path(const struct place *place, const char *name, char *path, size_t bytes);
/* The name of a segment. */
void place_segment(const struct place *place, const char *name, char *segment, size_t bytes);

#endif
