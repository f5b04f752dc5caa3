/*
 * w3_load.c - W3: N entries into an empty table, keys in random order.
 *
 *   embedded             stele_store_put() by a program that is the writer itself
 *   ..., helped          the same with a thread that populates memory ahead, on the other processor
 *   ..., 4 KiB pages     the same without 2 MiB pages, as LMDB's file on tmpfs comes
 *   vectors, pipeline    through the daemon's socket, by channel.h
 *   lmdb                 MDB_APPEND of keys that were sorted beforehand; and with the time of qsort()
 *
 * Each load is made anew in a process of its own and checked as a whole; the clocks run over the
 * puts alone: wall time, and CPU time where one thread did all of it, which other programs on the
 * machine disturb less.
 */
#include "workload.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stele/store.h>

#include "harness/clock.h"
#include "socket/daemon.h"

#define ID            "W3"
#define WALL          "load"
#define CPU           "load, CPU time"
#define REACH         0.8
#define REPETITIONS   3u
#define ONCE_FROM_N   UINT64_C(50000000)
#define CHUNKS_AHEAD  8u
#define HELPER_NAP_NS 200000
#define LMDB_NAME     "w3"
#define LMDB_SORTING  "lmdb, with the sorting"

struct loading {
    const struct session *session;
    const struct place *place;
    const struct bench_key *sorted; /* NULL: there is no LMDB */
    uint64_t sort_ns;               /* what sorting took */
    /* written by the process that loads */
    enum stele_status status;
    uint64_t elapsed_ns;
    uint64_t cpu_ns; /* 0: others worked as well, or it waited for them */
};

typedef enum stele_status load_fn(struct loading *loading);

/* ---- embedded ------------------------------------------------------------------------------- */

struct helper {
    struct stele_store *store;
    int cpu;
    int stop; /* accessed atomically */
};

static void *populate_ahead(void *argument)
{
    struct helper *helper = argument;
    const struct timespec nap = {0, HELPER_NAP_NS};
    machine_pin(helper->cpu);
    while (!__atomic_load_n(&helper->stop, __ATOMIC_RELAXED)) {
        (void)stele_store_populate(helper->store, CHUNKS_AHEAD);
        nanosleep(&nap, NULL);
    }
    return NULL;
}

static enum stele_status put_all(struct stele_store *store, uint32_t table, uint64_t n)
{
    enum stele_status status = STELE_OK;
    for (uint64_t i = 0; i < n && status == STELE_OK; i++) {
        struct bench_key key = dataset_key(i);
        struct bench_value value = dataset_value(key, 0);
        status = stele_store_put(store, table, &key, sizeof key, &value, sizeof value);
    }
    return status;
}

static enum stele_status find_all(struct stele_store *store, uint32_t table, uint64_t n)
{
    enum stele_status status = STELE_OK;
    for (uint64_t i = 0; i < n && status == STELE_OK; i++) {
        struct bench_key key = dataset_key(i);
        const void *value;
        uint32_t bytes;
        status = stele_store_find(store, table, &key, sizeof key, &value, &bytes);
        if (status == STELE_OK && (bytes != BENCH_VALUE_BYTES || !dataset_check(&key, value)))
            status = STELE_ECORRUPT;
    }
    return status;
}

static enum stele_status load_store(struct loading *loading, struct stele_store *store, bool helped)
{
    uint64_t n = loading->session->n;
    struct helper helper = {store, loading->session->machine->reader_cpu, 0};
    pthread_t thread;
    uint32_t table;
    enum stele_status status = stele_store_table_create(store, DAEMON_TABLE, NULL, &table);
    if (status != STELE_OK)
        return status;
    if (helped && pthread_create(&thread, NULL, populate_ahead, &helper) != 0)
        return STELE_ENOMEM;
    uint64_t begun = clock_now_ns(), cpu_begun = clock_cpu_ns();
    status = put_all(store, table, n);
    loading->cpu_ns = helped ? 0 : clock_cpu_ns() - cpu_begun;
    loading->elapsed_ns = clock_now_ns() - begun;
    if (helped) {
        __atomic_store_n(&helper.stop, 1, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
    }
    return status == STELE_OK ? find_all(store, table, n) : status;
}

static enum stele_status load_embedded(struct loading *loading, bool helped, bool small_pages)
{
    char segment[64];
    struct stele_store *store = NULL;
    place_segment(loading->place, "w3", segment, sizeof segment);
    struct stele_store_options options = {.name = segment,
                                          .max_bytes =
                                              ((UINT64_C(256) << 20) + loading->session->n * 128) &
                                              ~(uint64_t)(MEMORY_HUGE_BYTES - 1),
                                          .unlocked = true,
                                          .small_pages = small_pages};
    machine_pin(loading->session->machine->writer_cpu);
    enum stele_status status = stele_store_open(&options, &store, NULL, 0);
    if (status == STELE_OK)
        status = load_store(loading, store, helped);
    stele_store_close(store);
    (void)stele_store_unlink(segment);
    return status;
}

static bool small_pages(const struct loading *loading)
{
    return loading->session->pages == PEER_PAGES_4K;
}

static enum stele_status load_alone(struct loading *loading)
{
    return load_embedded(loading, false, small_pages(loading));
}

static enum stele_status load_helped(struct loading *loading)
{
    return load_embedded(loading, true, small_pages(loading));
}

static enum stele_status load_small(struct loading *loading)
{
    return load_embedded(loading, false, true);
}

/* ---- through the socket --------------------------------------------------------------------- */

static enum stele_status load_daemon(struct loading *loading, bool by_vectors)
{
    const struct session *session = loading->session;
    struct daemon daemon;
    struct daemon_setup setup = {.name = "w3d",
                                 .program = session->steled,
                                 .entries = session->n,
                                 .small_pages = small_pages(loading),
                                 .spin_us = -1,
                                 .cpu = SERVER_ANY_CPU};
    enum stele_status status = daemon_open(&daemon, loading->place, &setup);
    if (status != STELE_OK)
        return status;
    machine_pin(session->machine->reader_cpu);
    uint64_t begun = clock_now_ns();
    status = by_vectors ? daemon_load_by_vectors(&daemon, 0, session->n, 0)
                        : daemon_load_by_pipeline(&daemon, 0, session->n, 0);
    loading->elapsed_ns = clock_now_ns() - begun;
    if (status == STELE_OK)
        status = daemon_check(&daemon, session->n);
    daemon_close(&daemon);
    return status;
}

static enum stele_status load_by_vectors(struct loading *loading)
{
    return load_daemon(loading, true);
}

static enum stele_status load_by_pipeline(struct loading *loading)
{
    return load_daemon(loading, false);
}

/* ---- LMDB ----------------------------------------------------------------------------------- */

static enum stele_status load_lmdb(struct loading *loading)
{
#ifdef BENCH_HAVE_LMDB
    char name[64];
    place_segment(loading->place, LMDB_NAME, name, sizeof name);
    machine_pin(loading->session->machine->writer_cpu);
    return peer_lmdb.append_sorted(name, loading->sorted, loading->session->n, &loading->elapsed_ns,
                                   &loading->cpu_ns);
#else
    (void)loading;
    return STELE_ENOSYS;
#endif
}

#ifdef BENCH_HAVE_LMDB
static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct bench_key));
}
#endif

/* NULL: no LMDB is wanted, or there is no memory for the keys. */
static struct bench_key *sort_keys(const struct session *session, uint64_t *cpu_ns)
{
#ifdef BENCH_HAVE_LMDB
    struct bench_key *keys =
        session->local ? NULL : memory_shared((size_t)session->n * sizeof *keys);
    for (uint64_t i = 0; keys && i < session->n; i++)
        keys[i] = dataset_key(i);
    uint64_t begun = clock_cpu_ns();
    if (keys)
        qsort(keys, (size_t)session->n, sizeof *keys, compare_keys);
    *cpu_ns = clock_cpu_ns() - begun;
    return keys;
#else
    (void)session;
    (void)cpu_ns;
    return NULL;
#endif
}

/* ---- all of them ---------------------------------------------------------------------------- */

struct way {
    const char *subject;
    load_fn *load;
};

static const struct way ways[] = {
    {"stele, embedded", load_alone},
    {"stele, embedded, helped", load_helped},
    {"stele, embedded, 4 KiB pages", load_small},
    {"stele, vectors", load_by_vectors},
    {"stele, pipeline", load_by_pipeline},
    {"lmdb", load_lmdb},
};
#define WAYS (sizeof ways / sizeof ways[0])

static bool runs(const struct loading *loading, const struct way *way)
{
    const struct session *session = loading->session;
    if (way->load == load_lmdb)
        return loading->sorted != NULL;
    if (way->load == load_by_vectors || way->load == load_by_pipeline)
        return session->steled != NULL;
    return way->load != load_small || session->pages != PEER_PAGES_4K;
}

static void add_sample(struct session *session, const char *variant, const char *subject,
                       uint64_t ns)
{
    struct results_key key = {ID, session->n, variant, subject};
    if (ns)
        results_measure(session->results, key, "ns", (double)ns / (double)session->n);
}

static enum stele_status sample(struct session *session, struct loading *loading,
                                const struct way *way)
{
    loading->status = STELE_EIO; /* unless the process says otherwise */
    loading->cpu_ns = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        loading->status = way->load(loading);
        _exit(0);
    }
    if (pid < 0)
        return STELE_ENOMEM;
    waitpid(pid, NULL, 0);
    if (loading->status != STELE_OK) {
        fprintf(stderr, "%s, %s: %s\n", ID, way->subject, stele_status_text(loading->status));
        return loading->status;
    }
    add_sample(session, WALL, way->subject, loading->elapsed_ns);
    add_sample(session, CPU, way->subject, loading->cpu_ns);
    if (way->load == load_lmdb)
        add_sample(session, CPU, LMDB_SORTING, loading->cpu_ns + loading->sort_ns);
    return STELE_OK;
}

static enum stele_status measure(struct session *session, struct loading *loading)
{
    unsigned most = session->n >= ONCE_FROM_N ? 1 : REPETITIONS;
    unsigned repetitions = session->repetitions < most ? session->repetitions : most;
    enum stele_status status = STELE_OK;
    for (unsigned repetition = 0; repetition < repetitions; repetition++)
        for (size_t i = 0; i < WAYS && status == STELE_OK; i++)
            if (runs(loading, &ways[i]))
                status = sample(session, loading, &ways[i]);
    return status;
}

static void compare(struct session *session)
{
    struct results_key wall = {ID, session->n, WALL, "lmdb"};
    struct results_key cpu[2] = {{ID, session->n, CPU, "lmdb"},
                                 {ID, session->n, CPU, LMDB_SORTING}};
    char what[96];
    for (size_t i = 0; i < WAYS; i++) {
        struct results_key a = {ID, session->n, WALL, ways[i].subject};
        struct results_key b = {ID, session->n, CPU, ways[i].subject};
        if (ways[i].load == load_lmdb)
            continue;
        snprintf(what, sizeof what, "%s, %s / lmdb", WALL, ways[i].subject);
        results_ratio(session->results, a, wall, what, RESULTS_NO_REACH);
        snprintf(what, sizeof what, "%s, %s / lmdb", CPU, ways[i].subject);
        results_ratio(session->results, b, cpu[0], what,
                      ways[i].load == load_alone ? REACH : RESULTS_NO_REACH);
        snprintf(what, sizeof what, "%s, %s / %s", CPU, ways[i].subject, LMDB_SORTING);
        results_ratio(session->results, b, cpu[1], what, RESULTS_NO_REACH);
    }
}

void workload_w3(struct session *session)
{
    struct place place;
    struct loading *loading = memory_shared(sizeof *loading);
    enum stele_status status = loading ? place_open(&place, session->machine) : STELE_ENOMEM;
    if (!session->steled)
        results_note(session->results, ID, "not through the socket: there is no steled");
    if (status == STELE_OK) {
        struct bench_key *sorted = sort_keys(session, &loading->sort_ns);
        loading->session = session;
        loading->place = &place;
        loading->sorted = sorted;
        status = measure(session, loading);
        memory_release(sorted, (size_t)session->n * sizeof *sorted);
        place_close(&place);
    }
    memory_release(loading, sizeof *loading);
    if (status == STELE_OK)
        compare(session);
    else
        session_fail(session, ID, status);
}
