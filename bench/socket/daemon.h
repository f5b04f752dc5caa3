/*
 * daemon.h - stele's daemon at work: a server process with a segment, one table in it, and a
 * channel to it. Loads the table as a user would, by vectors or by a pipeline, and checks through
 * the segment what it holds.
 */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include <stdbool.h>

#include <stele/admin.h>
#include <stele/stele.h>

#include "harness/dataset.h"
#include "server.h"

#define DAEMON_TABLE       "bench"
#define DAEMON_WAIT_MS     60000
#define DAEMON_VECTOR_PUTS 1024u

struct daemon {
    const struct place *place;
    struct server_steled options;
    char name[16];
    char segment[64];
    int cpu;
    struct server server;
    struct stele_channel channel;
    uint16_t table;
};

struct daemon_setup {
    const char *name;    /* short; unique in the place */
    const char *program; /* NULL: STELE_ENOSYS */
    uint64_t entries;    /* room is made for so many, overwritten now and then */
    bool small_pages;
    int spin_us; /* < 0: as it comes; STELE_ENOSYS when it does not know the option */
    int cpu;     /* or SERVER_ANY_CPU */
};

/* Starts it, connects and creates the table. All that failed is undone. */
enum stele_status daemon_open(struct daemon *daemon, const struct place *place,
                              const struct daemon_setup *setup);
/* Kills it and removes the segment. Zeroed memory is allowed. */
void daemon_close(struct daemon *daemon);

/* Starts one that was killed by server_kill() once more, on its segment; does not connect. */
enum stele_status daemon_restart(struct daemon *daemon);
/* Connects the channel once more and finds the table. */
enum stele_status daemon_reconnect(struct daemon *daemon, int timeout_ms);

/* Puts keys first .. first + count - 1 of the load order; every reply is looked at. Values carry
 * `serial`. Vectors of DAEMON_VECTOR_PUTS, a few of them under way; or single commands. */
enum stele_status daemon_load_by_vectors(struct daemon *daemon, uint64_t first, uint64_t count,
                                         uint64_t serial);
enum stele_status daemon_load_by_pipeline(struct daemon *daemon, uint64_t first, uint64_t count,
                                          uint64_t serial);

/* All `n` keys, through the segment: STELE_ECORRUPT when one is missing or has a wrong value. */
enum stele_status daemon_check(const struct daemon *daemon, uint64_t n);

#endif
