/*
 * a1_peers.h - A1 for servers that keep their data in themselves: killed and started again.
 */
#ifndef BENCH_A1_PEERS_H
#define BENCH_A1_PEERS_H

#include "socket/place.h"
#include "workload.h"

/* memcached, which comes back empty, and Redis, which reloads a snapshot of the same entries from
 * memory. One that is not installed is noted. */
enum stele_status a1_peers(struct session *session, const struct place *place);

#endif
