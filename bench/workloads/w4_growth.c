/*
 * w4_growth.c - W4: the latency of each insert while a table grows from empty to N, in time order.
 *
 *   writer   pinned to its processor; a helper thread populates memory ahead of it
 *   helper   pinned to the other processor
 *   control  another process on the other processor, that does nothing but read the clock: its gaps
 *            are what this machine does to any program
 *
 * Writes growth.dat for gnuplot: entries, seconds, p50, p99, p99.99 and max (ns) of each window.
 */
#include "workload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stele/store.h>

#include "harness/gap.h"

#define WINDOWS           200u
#define CHUNKS_AHEAD      8u
#define EDGE_ENTRIES      UINT64_C(1000000)
#define HELPER_NAP_NS     200000
#define CONTROL_MARGIN_NS UINT64_C(1000000)

struct window {
    uint64_t entries, elapsed_ns, p50, p99, p9999, max;
};

struct growth {
    int stop; /* accessed atomically */
    enum stele_status status;
    uint64_t elapsed_ns;
    struct gap_meter inserts, control;
    struct histogram first, last, window_inserts; /* first and last million; the current window */
    struct window windows[WINDOWS];
};

struct helper {
    struct stele_store *store;
    struct growth *growth;
    int cpu;
};

static bool stopped(const struct growth *growth)
{
    return __atomic_load_n(&growth->stop, __ATOMIC_RELAXED) != 0;
}

static void *populate_ahead(void *argument)
{
    const struct helper *helper = argument;
    const struct timespec nap = {0, HELPER_NAP_NS};
    machine_pin(helper->cpu);
    while (!stopped(helper->growth)) {
        (void)stele_store_populate(helper->store, CHUNKS_AHEAD);
        nanosleep(&nap, NULL);
    }
    return NULL;
}

static void run_control(struct growth *growth, int cpu)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    machine_pin(cpu);
    gap_begin(&growth->control);
    uint64_t before = clock_now_ns();
    while (!stopped(growth)) {
        uint64_t now = clock_now_ns();
        gap_record(&growth->control, now - before);
        before = now;
    }
    _exit(0);
}

static void close_window(struct growth *growth, unsigned index, uint64_t entries, uint64_t begun)
{
    struct window *window = &growth->windows[index];
    const struct histogram *inserts = &growth->window_inserts;
    window->entries = entries;
    window->elapsed_ns = clock_now_ns() - begun;
    window->p50 = histogram_quantile(inserts, 0.5);
    window->p99 = histogram_quantile(inserts, 0.99);
    window->p9999 = histogram_quantile(inserts, 0.9999);
    window->max = inserts->max;
    histogram_reset(&growth->window_inserts);
}

static enum stele_status insert_all(struct growth *growth, struct stele_store *store,
                                    uint32_t table, uint64_t n)
{
    enum stele_status status = STELE_OK;
    unsigned window = 0;
    uint64_t begun = clock_now_ns();
    gap_begin(&growth->inserts);
    for (uint64_t i = 0; i < n && status == STELE_OK; i++) {
        struct bench_key key = dataset_key(i);
        struct bench_value value = dataset_value(key, 0);
        uint64_t before = clock_now_ns();
        status = stele_store_insert(store, table, &key, sizeof key, &value, sizeof value);
        uint64_t took = clock_now_ns() - before;
        gap_record(&growth->inserts, took);
        histogram_record(&growth->window_inserts, took);
        if (i < EDGE_ENTRIES)
            histogram_record(&growth->first, took);
        if (n - i <= EDGE_ENTRIES)
            histogram_record(&growth->last, took);
        if (i + 1 == n * (window + 1) / WINDOWS)
            close_window(growth, window++, i + 1, begun);
    }
    growth->elapsed_ns = clock_now_ns() - begun;
    return status;
}

static void run_writer(struct growth *growth, const struct session *session)
{
    const struct machine *machine = session->machine;
    uint64_t n = session->n;
    struct stele_store_options options = {.max_bytes = ((UINT64_C(256) << 20) + n * 128) &
                                                       ~(uint64_t)(MEMORY_HUGE_BYTES - 1),
                                          .unlocked = true,
                                          .small_pages = session->pages == PEER_PAGES_4K};
    struct stele_store *store = NULL;
    uint32_t table = 0;
    pthread_t thread;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    growth->status = stele_store_open(&options, &store, NULL, 0);
    if (growth->status != STELE_OK)
        _exit(0);
    growth->status = stele_store_table_create(store, "growth", NULL, &table);
    struct helper helper = {store, growth, machine->reader_cpu};
    if (growth->status != STELE_OK || pthread_create(&thread, NULL, populate_ahead, &helper) != 0)
        _exit(1);
    machine_pin(machine->writer_cpu);
    usleep(50000); /* a head start for the helper */
    growth->status = insert_all(growth, store, table, n);
    __atomic_store_n(&growth->stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    for (uint64_t i = 0; i < n && growth->status == STELE_OK; i++) {
        struct bench_key key = dataset_key(i);
        const void *value;
        uint32_t bytes;
        growth->status = stele_store_find(store, table, &key, sizeof key, &value, &bytes);
        if (growth->status == STELE_OK &&
            (bytes != BENCH_VALUE_BYTES || !dataset_check(&key, value)))
            growth->status = STELE_ECORRUPT;
    }
    stele_store_close(store);
    _exit(0);
}

static void write_windows(const struct session *session, const struct growth *growth)
{
    char path[512];
    snprintf(path, sizeof path, "%s/growth.dat", session->directory);
    FILE *out = fopen(path, "w");
    if (!out) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return;
    }
    fprintf(out, "# entries seconds p50 p99 p99.99 max\n");
    for (unsigned i = 0; i < WINDOWS; i++) {
        const struct window *w = &growth->windows[i];
        fprintf(out, "%llu %.3f %llu %llu %llu %llu\n", (unsigned long long)w->entries,
                (double)w->elapsed_ns * 1e-9, (unsigned long long)w->p50,
                (unsigned long long)w->p99, (unsigned long long)w->p9999,
                (unsigned long long)w->max);
    }
    fclose(out);
}

static void add(struct session *session, const char *what, uint64_t value_ns, double reach_us)
{
    results_value(session->results, "W4", session->n, what, "us", (double)value_ns / 1000.0,
                  reach_us);
}

static void add_verdicts(struct session *session, const struct growth *growth)
{
    const struct gap_meter *inserts = &growth->inserts, *control = &growth->control;
    add(session, "insert p50", histogram_quantile(&inserts->all, 0.5), RESULTS_NO_REACH);
    add(session, "insert p99", histogram_quantile(&inserts->all, 0.99), RESULTS_NO_REACH);
    add(session, "insert p99.99", histogram_quantile(&inserts->all, 0.9999), 50.0);
    add(session, "insert p99.99, first million", histogram_quantile(&growth->first, 0.9999), 50.0);
    add(session, "insert p99.99, last million", histogram_quantile(&growth->last, 0.9999), 50.0);
    add(session, "insert max (reach: control's gap + 1 ms)", inserts->all.max,
        (double)(control->all.max + CONTROL_MARGIN_NS) / 1000.0);
    add(session, "insert max while on the CPU", inserts->max_on_cpu_ns, RESULTS_NO_REACH);
    add(session, "control gap p99.99", histogram_quantile(&control->all, 0.9999), RESULTS_NO_REACH);
    add(session, "control gap max", control->all.max, RESULTS_NO_REACH);
    add(session, "control gap max while on the CPU", control->max_on_cpu_ns, RESULTS_NO_REACH);
    results_value(session->results, "W4", session->n, "inserts over 50 us", "",
                  (double)inserts->long_count, RESULTS_NO_REACH);
    results_value(session->results, "W4", session->n, "inserts over 50 us, off the CPU", "",
                  (double)inserts->long_off_cpu, RESULTS_NO_REACH);
    results_value(session->results, "W4", session->n, "control gaps over 50 us", "",
                  (double)control->long_count, RESULTS_NO_REACH);
    results_value(session->results, "W4", session->n, "mean of an insert, clock included", "ns",
                  (double)growth->elapsed_ns / (double)session->n, RESULTS_NO_REACH);
}

void workload_w4(struct session *session)
{
    struct growth *growth = memory_shared(sizeof *growth);
    if (!growth) {
        session_fail(session, "W4", STELE_ENOMEM);
        return;
    }
    growth->status = STELE_EIO; /* unless the writer says otherwise */
    fflush(NULL);
    pid_t control = fork();
    if (control == 0)
        run_control(growth, session->machine->reader_cpu);
    pid_t writer = fork();
    if (writer == 0)
        run_writer(growth, session);
    if (writer > 0)
        waitpid(writer, NULL, 0);
    __atomic_store_n(&growth->stop, 1, __ATOMIC_RELAXED);
    if (control > 0)
        waitpid(control, NULL, 0);
    if (growth->status == STELE_OK) {
        add_verdicts(session, growth);
        write_windows(session, growth);
    } else {
        session_fail(session, "W4", growth->status);
    }
    memory_release(growth, sizeof *growth);
}
