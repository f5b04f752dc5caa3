/*
 * w1_sync.c - W1: one put at a time over one connection: the time from the call to the reply.
 *
 *   blocking                 both ends sleep while they wait; on two processors, where a wake-up of
 *                            the other one is most of the time
 *   blocking, one processor  both ends on the same one: nothing to wake up, but they take turns
 *   spinning                 both ends ask again and again, on two processors
 *
 * Against a ping-pong of the same bytes, and Redis, by the same client; "stele channel" is what a
 * user of channel.h gets. Overwrites of random keys of a loaded table.
 */
#include "workload.h"

#include <stdio.h>
#include <string.h>

#include "harness/clock.h"
#include "socket/client.h"
#include "socket/daemon.h"
#include "socket/floors.h"

#define ID            "W1"
#define REACH         1.15
#define REACH_REDIS   1.0
#define SPIN_US       100 /* longer than any round trip: a spinning end never sleeps between two */
#define PUTS_BLOCKING 2000u
#define PUTS_SPINNING 10000u
#define WARM_UP_SHARE 8u

struct mode {
    const char *variant, *p99;
    bool spin;
    bool together; /* both ends on one processor */
};

static const struct mode modes[] = {
    {"blocking", "blocking, p99", false, false},
    {"blocking, one processor", "blocking, one processor, p99", false, true},
    {"spinning", "spinning, p99", true, false},
};
#define MODES (sizeof modes / sizeof modes[0])

enum side { PING_PONG, STELE, STELE_CHANNEL, REDIS, SIDES };
static const char *const side_names[SIDES] = {"ping-pong", "stele", "stele channel", "redis"};

/* One server of each kind, blocking [0] and spinning [1]; Redis knows only the former. */
struct sync {
    struct session *session;
    struct place place;
    struct bench_dataset dataset;
    struct server floors[2];
    struct daemon daemons[2];
    struct server redis;
    struct client clients[SIDES][2];
    struct histogram latency;
    uint64_t serial;
};

static const struct machine *machine_of(const struct sync *sync)
{
    return sync->session->machine;
}

/* ---- starting ------------------------------------------------------------------------------- */

static enum stele_status start_floors(struct sync *sync)
{
    int cpu = machine_of(sync)->writer_cpu;
    enum stele_status status =
        server_fork(&sync->floors[0], &sync->place, "pong", cpu, floors_ping_pong, 1);
    if (status == STELE_OK)
        status =
            server_fork(&sync->floors[1], &sync->place, "spin", cpu, floors_ping_pong_spinning, 1);
    for (unsigned spin = 0; spin < 2 && status == STELE_OK; spin++)
        status = client_open(&sync->clients[PING_PONG][spin], &wire_native,
                             sync->floors[spin].socket, 1);
    return status;
}

static enum stele_status start_daemon(struct sync *sync, unsigned spin, int spin_us)
{
    struct daemon *daemon = &sync->daemons[spin];
    struct client *client = &sync->clients[STELE][spin];
    struct daemon_setup setup = {.name = spin ? "w1spin" : "w1",
                                 .program = sync->session->steled,
                                 .entries = sync->dataset.n,
                                 .small_pages = sync->session->pages == PEER_PAGES_4K,
                                 .spin_us = spin_us,
                                 .cpu = machine_of(sync)->writer_cpu};
    enum stele_status status = daemon_open(daemon, &sync->place, &setup);
    if (status == STELE_OK)
        status = daemon_load_by_vectors(daemon, 0, sync->dataset.n, 0);
    if (status == STELE_OK)
        status = client_open(client, &wire_native, daemon->server.socket, 1);
    client->table = daemon->table;
    return status;
}

/* A daemon that does not know --spin-us does not spin. */
static enum stele_status start_daemons(struct sync *sync)
{
    enum stele_status status = start_daemon(sync, 0, 0);
    if (status == STELE_ENOSYS)
        status = start_daemon(sync, 0, -1);
    if (status != STELE_OK || machine_of(sync)->cores < 2)
        return status;
    status = start_daemon(sync, 1, SPIN_US);
    if (status != STELE_ENOSYS)
        return status;
    results_note(sync->session->results, ID, "this steled does not know --spin-us: not spinning");
    return STELE_OK;
}

static void start_redis(struct sync *sync)
{
    enum stele_status status = STELE_ENOSYS;
    if (sync->session->local)
        return;
    status = server_start_redis(&sync->redis, &sync->place, "redis", machine_of(sync)->writer_cpu);
    for (unsigned spin = 0; spin < 2 && status == STELE_OK; spin++)
        status = client_open(&sync->clients[REDIS][spin], &wire_resp, sync->redis.socket, 1);
    if (status != STELE_OK)
        results_note(sync->session->results, ID, "without redis: it could not be started");
}

/* ---- measuring ------------------------------------------------------------------------------ */

static bool runs(const struct sync *sync, const struct mode *mode, enum side side)
{
    if (mode->spin && machine_of(sync)->cores < 2)
        return false;
    if (side == STELE_CHANNEL)
        return sync->daemons[mode->spin].server.pid > 0;
    return sync->clients[side][mode->spin].count > 0;
}

static enum stele_status put_by_channel(struct sync *sync, struct daemon *daemon, bool spin,
                                        const struct client_job *job, uint64_t *elapsed_ns)
{
    enum stele_status status = STELE_OK;
    daemon->channel.spin.limit_us = spin ? SPIN_US : 0;
    uint64_t begun = clock_now_ns(), before = begun;
    for (uint64_t i = 0; i < job->count && status == STELE_OK; i++) {
        const struct bench_key *key = &job->keys[(job->first + i) % job->n];
        struct bench_value value = dataset_value(*key, job->serial);
        status = stele_channel_put(&daemon->channel, daemon->table, key, sizeof *key, &value,
                                   sizeof value, DAEMON_WAIT_MS);
        uint64_t now = clock_now_ns();
        histogram_record(&sync->latency, now - before);
        before = now;
    }
    *elapsed_ns = clock_now_ns() - begun;
    return status;
}

static enum stele_status put_some(struct sync *sync, const struct mode *mode, enum side side,
                                  uint64_t first, uint64_t count, uint64_t *elapsed_ns)
{
    struct wire_tally tally = {0};
    struct client_job job = {.keys = sync->dataset.queries,
                             .n = sync->dataset.n,
                             .first = first,
                             .count = count,
                             .depth = 1,
                             .serial = ++sync->serial,
                             .latency = &sync->latency};
    histogram_reset(&sync->latency);
    if (side == STELE_CHANNEL)
        return put_by_channel(sync, &sync->daemons[mode->spin], mode->spin, &job, elapsed_ns);
    struct client *client = &sync->clients[side][mode->spin];
    client->spin = mode->spin;
    enum stele_status status = client_run(client, &job, elapsed_ns, &tally);
    return status == STELE_OK && tally.refused ? STELE_EIO : status;
}

static enum stele_status sample(struct sync *sync, const struct mode *mode, enum side side,
                                unsigned repetition)
{
    struct session *session = sync->session;
    struct results_key median = {ID, session->n, mode->variant, side_names[side]};
    struct results_key p99 = {ID, session->n, mode->p99, side_names[side]};
    uint64_t count = mode->spin ? PUTS_SPINNING : PUTS_BLOCKING, elapsed_ns = 0;
    uint64_t first = (uint64_t)repetition * count;
    machine_pin(mode->together ? session->machine->writer_cpu : session->machine->reader_cpu);
    enum stele_status status =
        put_some(sync, mode, side, first, count / WARM_UP_SHARE, &elapsed_ns);
    if (status == STELE_OK)
        status = put_some(sync, mode, side, first, count, &elapsed_ns);
    if (status != STELE_OK)
        return status;
    results_measure(session->results, median, "us",
                    (double)histogram_quantile(&sync->latency, 0.5) / 1000.0);
    results_measure(session->results, p99, "us",
                    (double)histogram_quantile(&sync->latency, 0.99) / 1000.0);
    return STELE_OK;
}

/* Each repetition begins with another side: how the processors sleep depends on what was before. */
static enum stele_status measure(struct sync *sync)
{
    unsigned repetitions = session_socket_repetitions(sync->session);
    for (unsigned repetition = 0; repetition < repetitions; repetition++)
        for (size_t m = 0; m < MODES; m++)
            for (unsigned i = 0; i < SIDES; i++) {
                enum side side = (enum side)((repetition + i) % SIDES);
                enum stele_status status = STELE_OK;
                if (runs(sync, &modes[m], side))
                    status = sample(sync, &modes[m], side, repetition);
                if (status != STELE_OK)
                    return status;
            }
    return STELE_OK;
}

static void compare(struct session *session)
{
    for (size_t m = 0; m < MODES; m++)
        for (enum side ours = STELE; ours <= STELE_CHANNEL; ours++)
            for (enum side theirs = PING_PONG; theirs < SIDES; theirs++) {
                struct results_key a = {ID, session->n, modes[m].variant, side_names[ours]};
                struct results_key b = {ID, session->n, modes[m].variant, side_names[theirs]};
                char what[96];
                if (theirs != PING_PONG && theirs != REDIS)
                    continue;
                snprintf(what, sizeof what, "put, %s: %s / %s", modes[m].variant, side_names[ours],
                         side_names[theirs]);
                results_ratio(session->results, a, b, what,
                              theirs == PING_PONG ? REACH : REACH_REDIS);
            }
}

static enum stele_status run(struct sync *sync)
{
    enum stele_status status = start_floors(sync);
    if (status == STELE_OK)
        status = start_daemons(sync);
    if (status != STELE_OK)
        return status;
    start_redis(sync);
    status = measure(sync);
    for (unsigned spin = 0; spin < 2 && status == STELE_OK; spin++)
        if (sync->daemons[spin].server.pid > 0)
            status = daemon_check(&sync->daemons[spin], sync->dataset.n);
    return status;
}

static void stop(struct sync *sync)
{
    for (unsigned spin = 0; spin < 2; spin++) {
        for (enum side side = 0; side < SIDES; side++)
            client_close(&sync->clients[side][spin]);
        daemon_close(&sync->daemons[spin]);
        server_kill(&sync->floors[spin]);
    }
    server_kill(&sync->redis);
}

void workload_w1(struct session *session)
{
    struct sync sync = {.session = session};
    if (!session->steled) {
        results_note(session->results, ID, "not measured: there is no steled");
        return;
    }
    enum stele_status status = place_open(&sync.place, session->machine);
    if (status == STELE_OK) {
        status = dataset_init(&sync.dataset, session->n);
        if (status == STELE_OK) {
            status = run(&sync);
            dataset_fini(&sync.dataset);
        }
        machine_unpin(session->machine);
        stop(&sync);
        place_close(&sync.place);
    }
    if (status == STELE_OK)
        compare(session);
    else
        session_fail(session, ID, status);
}
