/*
 * subject.h - a peer at work: one process that owns the store and one that reads it, both driven by
 * commands, so that the coordinator can interleave the repetitions of all subjects.
 *
 *   coordinator --command--> owner   pinned to the writer's processor: load, overwrite, bytes
 *               --command--> reader  pinned to the reader's processor: loops of lookups
 *
 * At any time one reader loops, and at most one owner beside it; all others wait in read().
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <sys/types.h>

#include "peers/peer.h"
#include "machine.h"

struct subject_control;

struct subject {
    const struct peer *peer;
    struct memory_pages pages; /* as the reader maps them */
    double load_seconds;
    /* private */
    pid_t owner, reader;
    int owner_fd, reader_fd;
    struct subject_control *control;
    char name[64];
};

struct subject_result {
    uint64_t elapsed_ns; /* CPU time: what else runs here takes turns with us, but is not counted */
    uint64_t count;
    struct peer_tally tally;
};

/* Starts both processes, loads, attaches and warms up. STELE_EIO when either fails; it says why. */
enum stele_status subject_start(struct subject *subject, const struct peer *peer,
                                const struct bench_dataset *dataset, enum peer_pages pages,
                                const struct machine *machine);
void subject_stop(struct subject *subject);

/* One repetition: `count` lookups from query `first` on, round the end; a quarter of them are done
 * once more beforehand, unmeasured. batch 0: one by one. */
enum stele_status subject_read(struct subject *subject, bool misses, unsigned batch, uint64_t first,
                               uint64_t count, struct subject_result *result);

/* Lets the owner overwrite random keys, with checkable values of 32 bytes, until told to stop. */
enum stele_status subject_overwrite_start(struct subject *subject);
enum stele_status subject_overwrite_stop(struct subject *subject, struct subject_result *result);

/* Rounds of n overwrites each, of keys drawn at random, by values of 1..63 bytes (32 on average).
 */
enum stele_status subject_churn(struct subject *subject, unsigned rounds);

/* Bytes of memory, and of these in use, see peer.h; 0 where the peer does not know. */
enum stele_status subject_bytes(struct subject *subject, uint64_t *bytes, uint64_t *used_bytes);

#endif
