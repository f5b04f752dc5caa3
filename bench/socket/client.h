/*
 * client.h - one pipelining client for all servers: the same loop, buffers and system calls,
 * whatever the protocol. One thread; with several connections it waits for all of them by poll().
 *
 * A pipeline of depth D: each connection sends D commands by one write, waits until all D replies
 * have been counted, and sends the next D (as redis-benchmark -P does).
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stele/status.h>

#include "harness/histogram.h"
#include "wire.h"

#define CLIENT_MAX_CONNECTIONS 20u
#define CLIENT_MAX_DEPTH       1024u

struct client_connection;

struct client {
    const struct wire *wire;
    unsigned table;
    bool spin; /* one connection: asks again and again instead of sleeping in recv() */
    unsigned count;
    struct client_connection *connections;
};

/* What to do: `count` commands (a multiple of depth times connections) over the keys of a dataset
 * from number `first` on, round its end. */
struct client_job {
    const struct bench_key *keys;
    uint64_t n;
    uint64_t first;
    uint64_t count;
    unsigned depth;
    bool get;                  /* gets whose values are checked, instead of puts */
    uint64_t serial;           /* of the values put */
    struct histogram *latency; /* of each batch; NULL: not wanted */
};

/* Connects all, then greets. STELE_ECLOSED: nobody listens there; STELE_EIO, STELE_ENOMEM. */
enum stele_status client_open(struct client *client, const struct wire *wire, const char *path,
                              unsigned connections);
/* A client that was never opened, zeroed, is allowed. */
void client_close(struct client *client);

/* STELE_ECLOSED, STELE_EPROTO: the connections are of no more use. `tally` is added to. */
enum stele_status client_run(struct client *client, const struct client_job *job,
                             uint64_t *elapsed_ns, struct wire_tally *tally);

/* A connected, blocking Unix socket, or -1 with errno set. */
int client_connect(const char *path);

/* The server's answer, a line or frame of up to `capacity` bytes, to bytes sent as they are. False:
 * the connection ended. */
bool client_ask(int fd, const void *bytes, size_t count, void *answer, size_t capacity,
                size_t *answer_bytes);

#endif
