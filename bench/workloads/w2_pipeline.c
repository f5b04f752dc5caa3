/*
 * w2_pipeline.c - W2: puts through pipelines of 1 to 1024 commands by the same client for all:
 * random keys of a table of N, overwritten.
 *
 *   1 connection    client and server on two processors; they take turns, batch by batch, and each
 *                   turn wakes the other processor up
 *   one processor   the same without that: both on one, so that the time is the work of both
 *   20 connections  one thread, one poll() for all; keeps both processors busy
 *
 * The floor is a server that reads the lengths of stele's frames, answers them and does nothing
 * else. "stele channel" and "stele vector" are what a user of channel.h gets, over one connection:
 * as many single commands submitted and collected, or one vector of them.
 */
#include "workload.h"

#include <stdio.h>
#include <string.h>

#include "harness/clock.h"
#include "socket/client.h"
#include "socket/daemon.h"
#include "socket/floors.h"

#define ID            "W2"
#define MANY          20u
#define REACH_FLOOR   1.5
#define REACH_REDIS   0.25 /* of the time: four times the throughput */
#define REACH_DEPTH   256u
#define FLOOR_DEPTH   64u
#define PUTS_A_BATCH  2000u /* batches in a repetition where they are small */
#define PUTS_MAX      100000u
#define WARM_UP_SHARE 8u
#define CHECKED_KEYS  10000u
#define MEMCACHED_MIB 4096u
#define LOAD_DEPTH    256u

struct shape {
    unsigned depth, connections;
    bool together; /* on one processor */
    const char *variant;
    const char *cpu; /* of the server; NULL: not shown */
};

#define SHAPE(depth, connections, together, place, cpu)                                            \
    {                                                                                              \
        depth, connections, together, "depth " #depth ", " place, cpu                              \
    }
#define SHAPES_OF(connections, together, place)                                                    \
    SHAPE(1, connections, together, place, NULL), SHAPE(4, connections, together, place, NULL),    \
        SHAPE(16, connections, together, place, NULL),                                             \
        SHAPE(64, connections, together, place, "server's CPU, depth 64, " place),                 \
        SHAPE(256, connections, together, place, "server's CPU, depth 256, " place),               \
        SHAPE(1024, connections, together, place, NULL)
static const struct shape shapes[] = {
    SHAPES_OF(1, false, "1 connection"),
    SHAPES_OF(1, true, "one processor"),
    SHAPES_OF(20, false, "20 connections"),
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

enum side { FLOOR, STELE, STELE_CHANNEL, STELE_VECTOR, REDIS, MEMCACHED_1, MEMCACHED, SIDES };
static const char *const side_names[SIDES] = {
    "floor", "stele", "stele channel", "stele vector", "redis", "memcached, 1 thread", "memcached"};

/* The same in the table of page sizes. */
static const char *const page_names[SIDES] = {
    [STELE] = "stele, W2",
    [REDIS] = "redis, W2",
    [MEMCACHED_1] = "memcached, 1 thread, W2",
    [MEMCACHED] = "memcached, W2",
};

struct pipeline {
    struct session *session;
    struct place place;
    struct bench_dataset dataset;
    struct server floors[2]; /* for one connection, for many */
    struct daemon daemon;
    struct server peers[SIDES];
    struct client clients[SIDES][2];
    struct stele_vector vector;
    uint64_t serial;
};

/* ---- starting ------------------------------------------------------------------------------- */

static enum stele_status connect_both(struct pipeline *pipeline, enum side side,
                                      const struct wire *wire, const char *path)
{
    enum stele_status status = client_open(&pipeline->clients[side][0], wire, path, 1);
    if (status == STELE_OK)
        status = client_open(&pipeline->clients[side][1], wire, path, MANY);
    return status;
}

static enum stele_status start_floors(struct pipeline *pipeline)
{
    static const char *const names[2] = {"floor1", "floor20"};
    enum stele_status status = STELE_OK;
    for (unsigned many = 0; many < 2 && status == STELE_OK; many++) {
        unsigned connections = many ? MANY : 1;
        status = server_fork(&pipeline->floors[many], &pipeline->place, names[many],
                             pipeline->session->machine->writer_cpu, floors_frames, connections);
        if (status == STELE_OK)
            status = client_open(&pipeline->clients[FLOOR][many], &wire_native,
                                 pipeline->floors[many].socket, connections);
    }
    return status;
}

static enum stele_status start_daemon(struct pipeline *pipeline)
{
    struct session *session = pipeline->session;
    struct daemon *daemon = &pipeline->daemon;
    struct daemon_setup setup = {.name = "w2",
                                 .program = session->steled,
                                 .entries = session->n,
                                 .small_pages = session->pages == PEER_PAGES_4K,
                                 .spin_us = -1,
                                 .cpu = session->machine->writer_cpu};
    enum stele_status status = daemon_open(daemon, &pipeline->place, &setup);
    if (status == STELE_OK)
        status = connect_both(pipeline, STELE, &wire_native, daemon->server.socket);
    for (unsigned many = 0; many < 2; many++)
        pipeline->clients[STELE][many].table = daemon->table;
    return status;
}

static void start_peer(struct pipeline *pipeline, enum side side)
{
    struct session *session = pipeline->session;
    struct server *server = &pipeline->peers[side];
    int cpu = session->machine->writer_cpu;
    enum stele_status status;
    char text[96];
    if (side == REDIS)
        status = server_start_redis(server, &pipeline->place, "redis", cpu);
    else if (side == MEMCACHED_1)
        status = server_start_memcached(server, &pipeline->place, "mem1", cpu, 1, MEMCACHED_MIB);
    else
        status = server_start_memcached(server, &pipeline->place, "mem", SERVER_ANY_CPU, 0,
                                        MEMCACHED_MIB);
    if (status == STELE_OK)
        status = connect_both(pipeline, side, side == REDIS ? &wire_resp : &wire_memcached,
                              server->socket);
    if (status == STELE_OK)
        return;
    client_close(&pipeline->clients[side][0]);
    snprintf(text, sizeof text, "without %s: it could not be started", side_names[side]);
    results_note(session->results, ID, text);
}

/* ---- measuring ------------------------------------------------------------------------------ */

static enum stele_status collect_all(struct stele_channel *channel)
{
    struct stele_completion completion;
    enum stele_status status = STELE_OK;
    while (stele_channel_pending(channel) && status == STELE_OK) {
        status = stele_channel_collect(channel, &completion, DAEMON_WAIT_MS);
        if (status == STELE_OK)
            status = completion.status;
        for (uint32_t i = 0; status == STELE_OK && i < completion.vector.count; i++)
            status = stele_completion_status(&completion, i);
    }
    return status;
}

static enum stele_status put_by_channel(struct pipeline *pipeline, const struct client_job *job,
                                        bool as_vector)
{
    struct stele_channel *channel = &pipeline->daemon.channel;
    uint16_t table = pipeline->daemon.table;
    enum stele_status status = STELE_OK;
    for (uint64_t done = 0; done < job->count && status == STELE_OK; done += job->depth) {
        stele_vector_reset(&pipeline->vector);
        for (unsigned i = 0; i < job->depth && status == STELE_OK; i++) {
            const struct bench_key *key = &job->keys[(job->first + done + i) % job->n];
            struct bench_value value = dataset_value(*key, job->serial);
            status = as_vector ? stele_vector_put(&pipeline->vector, table, key, sizeof *key,
                                                  &value, sizeof value)
                               : stele_channel_submit_put(channel, table, key, sizeof *key, &value,
                                                          sizeof value, NULL);
        }
        if (status == STELE_OK && as_vector)
            status = stele_channel_submit_vector(channel, &pipeline->vector, NULL);
        if (status == STELE_OK)
            status = collect_all(channel);
    }
    return status;
}

static enum stele_status run_job(struct pipeline *pipeline, enum side side, unsigned connections,
                                 const struct client_job *job, uint64_t *elapsed_ns)
{
    struct wire_tally tally = {0};
    if (side == STELE_CHANNEL || side == STELE_VECTOR) {
        uint64_t begun = clock_now_ns();
        enum stele_status status = put_by_channel(pipeline, job, side == STELE_VECTOR);
        *elapsed_ns = clock_now_ns() - begun;
        return status;
    }
    enum stele_status status =
        client_run(&pipeline->clients[side][connections > 1], job, elapsed_ns, &tally);
    if (status != STELE_OK)
        return status;
    return tally.refused || tally.done != job->count ? STELE_EIO : STELE_OK;
}

/* A multiple of what all connections send at once. */
static uint64_t puts_for(const struct shape *shape)
{
    uint64_t round = (uint64_t)shape->depth * shape->connections;
    uint64_t wanted = PUTS_A_BATCH * round < PUTS_MAX ? PUTS_A_BATCH * round : PUTS_MAX;
    return (wanted + round - 1) / round * round;
}

static const struct server *server_of(const struct pipeline *pipeline, enum side side, bool many)
{
    if (side == FLOOR)
        return &pipeline->floors[many];
    return side <= STELE_VECTOR ? &pipeline->daemon.server : &pipeline->peers[side];
}

static bool runs(const struct pipeline *pipeline, enum side side, const struct shape *shape)
{
    if (side == STELE_CHANNEL || side == STELE_VECTOR)
        return shape->connections == 1;
    if (side == MEMCACHED && shape->connections == 1)
        return false; /* one connection is served by one thread */
    return pipeline->clients[side][shape->connections > 1].count > 0;
}

static enum stele_status sample(struct pipeline *pipeline, enum side side,
                                const struct shape *shape, unsigned repetition)
{
    struct session *session = pipeline->session;
    struct results_key wall = {ID, session->n, shape->variant, side_names[side]};
    struct results_key cpu = {ID, session->n, shape->cpu, side_names[side]};
    const struct server *server = server_of(pipeline, side, shape->connections > 1);
    uint64_t count = puts_for(shape), elapsed_ns = 0;
    uint64_t round = (uint64_t)shape->depth * shape->connections;
    struct client_job job = {.keys = pipeline->dataset.queries,
                             .n = pipeline->dataset.n,
                             .first = (uint64_t)repetition * count,
                             .count = (count / WARM_UP_SHARE + round - 1) / round * round,
                             .depth = shape->depth,
                             .serial = ++pipeline->serial};
    machine_pin(shape->together ? session->machine->writer_cpu : session->machine->reader_cpu);
    enum stele_status status = run_job(pipeline, side, shape->connections, &job, &elapsed_ns);
    if (status != STELE_OK)
        return status;
    job.count = count;
    uint64_t cpu_before = server_cpu_ns(server);
    status = run_job(pipeline, side, shape->connections, &job, &elapsed_ns);
    if (status != STELE_OK)
        return status;
    double cpu_ns = (double)(server_cpu_ns(server) - cpu_before);
    results_measure(session->results, wall, "ns", (double)elapsed_ns / (double)count);
    if (shape->cpu)
        results_measure(session->results, cpu, "ns", cpu_ns / (double)count);
    return STELE_OK;
}

/* All keys once: what the repetitions overwrite. */
static enum stele_status load(struct pipeline *pipeline, enum side side)
{
    struct session *session = pipeline->session;
    uint64_t whole = session->n / LOAD_DEPTH * LOAD_DEPTH, elapsed_ns = 0, rest_ns = 0;
    struct client_job job = {.keys = pipeline->dataset.queries,
                             .n = pipeline->dataset.n,
                             .count = whole,
                             .depth = LOAD_DEPTH};
    struct client_job rest = {.keys = pipeline->dataset.queries,
                              .n = pipeline->dataset.n,
                              .first = whole,
                              .count = session->n - whole,
                              .depth = 1};
    enum stele_status status = run_job(pipeline, side, 1, &job, &elapsed_ns);
    if (status == STELE_OK)
        status = run_job(pipeline, side, 1, &rest, &rest_ns);
    struct results_subject line = {page_names[side], session->n,
                                   server_pages(server_of(pipeline, side, false)),
                                   (double)(elapsed_ns + rest_ns) * 1e-9};
    if (status == STELE_OK && page_names[side])
        results_subject(session->results, &line);
    return status;
}

/* Each repetition begins with another side: how the processors sleep depends on what was before. */
static enum stele_status measure(struct pipeline *pipeline)
{
    enum stele_status status = STELE_OK;
    for (enum side side = 0; side < SIDES && status == STELE_OK; side++)
        if (side != STELE_CHANNEL && side != STELE_VECTOR && pipeline->clients[side][0].count > 0)
            status = load(pipeline, side);
    unsigned repetitions = session_socket_repetitions(pipeline->session);
    for (unsigned repetition = 0; repetition < repetitions; repetition++)
        for (size_t i = 0; i < SHAPES; i++)
            for (unsigned j = 0; j < SIDES && status == STELE_OK; j++) {
                enum side side = (enum side)((repetition + j) % SIDES);
                if (runs(pipeline, side, &shapes[i]))
                    status = sample(pipeline, side, &shapes[i], repetition);
            }
    return status;
}

/* ---- checking and comparing ----------------------------------------------------------------- */

/* Peers are asked for some of their values by gets. */
static enum stele_status check(struct pipeline *pipeline)
{
    enum stele_status status = daemon_check(&pipeline->daemon, pipeline->dataset.n);
    for (enum side side = REDIS; side < SIDES && status == STELE_OK; side++) {
        struct wire_tally tally = {0};
        uint64_t elapsed_ns;
        struct client_job job = {.keys = pipeline->dataset.queries,
                                 .n = pipeline->dataset.n,
                                 .count = CHECKED_KEYS,
                                 .depth = 1,
                                 .get = true};
        if (pipeline->clients[side][0].count == 0)
            continue;
        status = client_run(&pipeline->clients[side][0], &job, &elapsed_ns, &tally);
        if (status == STELE_OK && (tally.refused || tally.missing || tally.wrong))
            status = STELE_ECORRUPT;
    }
    return status;
}

/* The verdicts that are shown; the rest can be read off the medians. */
static bool compared(enum side ours, enum side theirs, const struct shape *shape)
{
    if (theirs >= STELE && theirs <= STELE_VECTOR)
        return false;
    if (ours == STELE && (theirs == FLOOR || theirs == REDIS))
        return true;
    return shape->cpu && (ours == STELE || theirs == REDIS);
}

static double reach_of(enum side ours, enum side theirs, const struct shape *shape)
{
    if (ours != STELE)
        return RESULTS_NO_REACH;
    if (theirs == FLOOR && shape->depth == FLOOR_DEPTH && shape->connections == 1 &&
        !shape->together)
        return REACH_FLOOR;
    if (theirs == REDIS && (shape->depth >= REACH_DEPTH || shape->connections == MANY))
        return REACH_REDIS;
    return RESULTS_NO_REACH;
}

static void compare(struct session *session)
{
    for (size_t i = 0; i < SHAPES; i++)
        for (enum side ours = STELE; ours <= STELE_VECTOR; ours++)
            for (enum side theirs = FLOOR; theirs < SIDES; theirs++) {
                const struct shape *shape = &shapes[i];
                struct results_key a = {ID, session->n, shape->variant, side_names[ours]};
                struct results_key b = {ID, session->n, shape->variant, side_names[theirs]};
                char what[96];
                if (!compared(ours, theirs, shape))
                    continue;
                snprintf(what, sizeof what, "put, %s: %s / %s", shape->variant, side_names[ours],
                         side_names[theirs]);
                results_ratio(session->results, a, b, what, reach_of(ours, theirs, shape));
            }
}

static enum stele_status run(struct pipeline *pipeline)
{
    enum stele_status status = start_floors(pipeline);
    if (status == STELE_OK)
        status = start_daemon(pipeline);
    for (enum side side = REDIS; side < SIDES && status == STELE_OK; side++)
        if (!pipeline->session->local)
            start_peer(pipeline, side);
    machine_pin(pipeline->session->machine->reader_cpu);
    if (status == STELE_OK)
        status = measure(pipeline);
    return status == STELE_OK ? check(pipeline) : status;
}

static void stop(struct pipeline *pipeline)
{
    for (enum side side = 0; side < SIDES; side++) {
        client_close(&pipeline->clients[side][0]);
        client_close(&pipeline->clients[side][1]);
        server_kill(&pipeline->peers[side]);
    }
    server_kill(&pipeline->floors[0]);
    server_kill(&pipeline->floors[1]);
    daemon_close(&pipeline->daemon);
}

void workload_w2(struct session *session)
{
    struct pipeline pipeline = {.session = session};
    if (!session->steled) {
        results_note(session->results, ID, "not measured: there is no steled");
        return;
    }
    enum stele_status status = place_open(&pipeline.place, session->machine);
    if (status == STELE_OK) {
        stele_vector_init(&pipeline.vector, CLIENT_MAX_DEPTH * WIRE_COMMAND_MAX_BYTES);
        status = dataset_init(&pipeline.dataset, session->n);
        if (status == STELE_OK) {
            status = run(&pipeline);
            dataset_fini(&pipeline.dataset);
        }
        machine_unpin(session->machine);
        stop(&pipeline);
        stele_vector_fini(&pipeline.vector);
        place_close(&pipeline.place);
    }
    if (status == STELE_OK)
        compare(session);
    else
        session_fail(session, ID, status);
}
