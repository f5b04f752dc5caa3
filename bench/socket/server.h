/*
 * server.h - a server under test: a process of its own, pinned, with a socket in the run's place.
 * Started by exec() or from a function of this program; killed by its process id.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <stele/status.h>

#include "harness/memory.h"
#include "place.h"

#define SERVER_ANY_CPU (-1)

struct server {
    pid_t pid; /* 0: not running */
    char socket[96];
    uint64_t exec_ns; /* clock_now_ns() just before exec() */
};

/*
 * Starts `argv`, its output going to NAME.log, and waits until its socket, NAME.sock in the place,
 * takes connections. Dies with the coordinator. `server` is zeroed on failure.
 *   STELE_ENOSYS  no such program, or it does not know an option (exit status 2)
 *   STELE_EIO     it ended, or did not listen within a minute; what it said is on stderr
 */
enum stele_status server_start(struct server *server, const struct place *place, const char *name,
                               int cpu, const char *const argv[]);

/* Runs a function in a process of its own; it serves what connects to the listening `fd`. The
 * socket takes connections when this returns. */
enum stele_status server_fork(struct server *server, const struct place *place, const char *name,
                              int cpu, void (*serve)(int fd, unsigned connections),
                              unsigned connections);

/* The same for a listening socket of the caller's, which is closed here. */
enum stele_status server_fork_at(struct server *server, const struct place *place, int fd, int cpu,
                                 void (*serve)(int fd, unsigned connections), unsigned connections);

/* SIGKILL, and waits for its end. One that does not run is allowed. */
void server_kill(struct server *server);

/* CPU time used so far by all its threads, in ns. */
uint64_t server_cpu_ns(const struct server *server);

/* What it has resident, and how much of it on 2 MiB pages. */
struct memory_pages server_pages(const struct server *server);

/* ---- those that are measured --------------------------------------------------------------- */

/* stele's daemon. `spin_us` < 0: as it comes. STELE_ENOSYS: it does not know --spin-us. */
struct server_steled {
    const char *program;
    const char *segment;
    uint64_t max_bytes;
    bool small_pages;
    int spin_us;
};
enum stele_status server_start_steled(struct server *server, const struct place *place,
                                      const char *name, int cpu,
                                      const struct server_steled *steled);

/* Redis with no persistence of its own accord; its files lie in the place. */
enum stele_status server_start_redis(struct server *server, const struct place *place,
                                     const char *name, int cpu);

/* memcached with room for `mib`; `threads` 0: its default. */
enum stele_status server_start_memcached(struct server *server, const struct place *place,
                                         const char *name, int cpu, unsigned threads, unsigned mib);

#endif
