#include "a1_peers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/clock.h"
#include "socket/client.h"
#include "socket/server.h"

#define ID           "A1"
#define REPETITIONS  3u
#define LOAD_DEPTH   256u
#define LOAD_KEYS    (LOAD_DEPTH * 1024u)
#define CHECKED_KEYS 10000u
#define ENTRY_BYTES  192u /* of memcached's memory, amply */
#define NAP_NS       200000

/* A peer of this workload. */
struct survivor {
    const char *name;
    const struct wire *wire;
    const char *write, *kept; /* names of series */
    bool snapshot;            /* told to write one before it is killed */
};

static const struct survivor survivors[] = {
    {"memcached", &wire_memcached, "exec to first write", "entries kept", false},
    {"redis", &wire_resp, "exec to first write", "entries kept", true},
};

struct revival {
    struct session *session;
    const struct place *place;
    const struct survivor *survivor;
    struct server server;
    struct bench_key *keys; /* LOAD_KEYS of them */
};

static enum stele_status start(struct revival *revival)
{
    const struct session *session = revival->session;
    int cpu = session->machine->writer_cpu;
    if (revival->survivor->snapshot)
        return server_start_redis(&revival->server, revival->place, "redis", cpu);
    return server_start_memcached(&revival->server, revival->place, "mem", cpu, 1,
                                  (unsigned)(64 + session->n * ENTRY_BYTES / (1024 * 1024)));
}

static enum stele_status load(struct revival *revival)
{
    struct client client;
    struct wire_tally tally = {0};
    uint64_t n = revival->session->n, ns;
    enum stele_status status =
        client_open(&client, revival->survivor->wire, revival->server.socket, 1);
    for (uint64_t done = 0; done < n && status == STELE_OK; done += LOAD_KEYS) {
        uint64_t count = n - done < LOAD_KEYS ? n - done : LOAD_KEYS;
        uint64_t whole = count / LOAD_DEPTH * LOAD_DEPTH;
        for (uint64_t i = 0; i < count; i++)
            revival->keys[i] = dataset_key(done + i);
        struct client_job job = {
            .keys = revival->keys, .n = LOAD_KEYS, .count = whole, .depth = LOAD_DEPTH};
        status = client_run(&client, &job, &ns, &tally);
        job.first = whole;
        job.count = count - whole;
        job.depth = 1;
        if (status == STELE_OK)
            status = client_run(&client, &job, &ns, &tally);
    }
    client_close(&client);
    return status == STELE_OK && (tally.done != n || tally.refused) ? STELE_ENOSPC : status;
}

/* Has Redis write its snapshot, and waits for it. */
static enum stele_status save(struct revival *revival)
{
    static const char command[] = "*1\r\n$4\r\nSAVE\r\n";
    char answer[256];
    size_t bytes = 0;
    int fd = client_connect(revival->server.socket);
    if (fd < 0)
        return STELE_ECLOSED;
    bool good = client_ask(fd, command, sizeof command - 1, answer, sizeof answer, &bytes);
    close(fd);
    return good && bytes && answer[0] == '+' ? STELE_OK : STELE_EIO;
}

/* Until a put is accepted. */
static enum stele_status write_first(struct revival *revival, struct client *client)
{
    const struct timespec nap = {0, NAP_NS};
    revival->keys[0] = dataset_key(0);
    for (;;) {
        struct wire_tally tally = {0};
        struct client_job job = {.keys = revival->keys, .n = 1, .count = 1, .depth = 1};
        uint64_t ns;
        enum stele_status status = client_run(client, &job, &ns, &tally);
        if (status != STELE_OK || tally.refused == 0)
            return status;
        nanosleep(&nap, NULL);
    }
}

/* Of keys that nobody wrote since: the share that is still there. */
static enum stele_status count_kept(struct revival *revival, struct client *client, double *kept)
{
    uint64_t n = revival->session->n, ns;
    uint64_t count = n - 1 < CHECKED_KEYS ? n - 1 : CHECKED_KEYS;
    struct wire_tally tally = {0};
    for (uint64_t i = 0; i < count; i++)
        revival->keys[i] = dataset_key(1 + dataset_mix(i) % (n - 1));
    struct client_job job = {
        .keys = revival->keys, .n = LOAD_KEYS, .count = count, .depth = 1, .get = true};
    enum stele_status status = client_run(client, &job, &ns, &tally);
    if (status == STELE_OK && (tally.wrong || tally.refused))
        return STELE_ECORRUPT;
    *kept = 100.0 * (double)(count - tally.missing) / (double)count;
    return status;
}

static enum stele_status revive(struct revival *revival)
{
    const struct survivor *survivor = revival->survivor;
    struct results *results = revival->session->results;
    struct results_key write = {ID, revival->session->n, survivor->write, survivor->name};
    struct results_key kept = {ID, revival->session->n, survivor->kept, survivor->name};
    struct client client = {0};
    double percent = 0;
    server_kill(&revival->server);
    enum stele_status status = start(revival);
    if (status == STELE_OK)
        status = client_open(&client, survivor->wire, revival->server.socket, 1);
    if (status == STELE_OK)
        status = write_first(revival, &client);
    uint64_t elapsed_ns = clock_now_ns() - revival->server.exec_ns;
    if (status == STELE_OK)
        status = count_kept(revival, &client, &percent);
    client_close(&client);
    if (status == STELE_OK) {
        results_measure(results, write, "ms", (double)elapsed_ns / 1e6);
        results_measure(results, kept, "%", percent);
    }
    return status;
}

static void report(const struct revival *revival)
{
    const struct survivor *survivor = revival->survivor;
    struct session *session = revival->session;
    struct results_key write = {ID, session->n, survivor->write, survivor->name};
    struct results_key kept = {ID, session->n, survivor->kept, survivor->name};
    char what[96];
    snprintf(what, sizeof what, "%s: exec to first write", survivor->name);
    results_median(session->results, write, what, RESULTS_NO_REACH);
    snprintf(what, sizeof what, "%s: entries kept", survivor->name);
    results_median(session->results, kept, what, RESULTS_NO_REACH);
}

static enum stele_status run(struct revival *revival)
{
    struct session *session = revival->session;
    unsigned repetitions = session->repetitions < REPETITIONS ? session->repetitions : REPETITIONS;
    char text[96];
    enum stele_status status = start(revival);
    if (status == STELE_ENOSYS) {
        snprintf(text, sizeof text, "without %s: it could not be started", revival->survivor->name);
        results_note(session->results, ID, text);
        return STELE_OK;
    }
    machine_pin(session->machine->reader_cpu);
    if (status == STELE_OK)
        status = load(revival);
    if (status == STELE_OK && revival->survivor->snapshot)
        status = save(revival);
    for (unsigned r = 0; r < repetitions && status == STELE_OK; r++)
        status = revive(revival);
    server_kill(&revival->server);
    machine_unpin(session->machine);
    if (status == STELE_OK)
        report(revival);
    return status;
}

enum stele_status a1_peers(struct session *session, const struct place *place)
{
    enum stele_status status = STELE_OK;
    size_t bytes = LOAD_KEYS * sizeof(struct bench_key);
    struct bench_key *keys = memory_shared(bytes);
    if (!keys)
        return STELE_ENOMEM;
    for (size_t i = 0; i < sizeof survivors / sizeof survivors[0] && status == STELE_OK; i++) {
        struct revival revival = {
            .session = session, .place = place, .survivor = &survivors[i], .keys = keys};
        status = run(&revival);
    }
    memory_release(keys, bytes);
    return status;
}
