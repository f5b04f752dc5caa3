/*
 * a1_adopt.c - A1: the daemon is killed with SIGKILL while puts are under way, and started again on
 * its segment of N entries, with 2 MiB and with 4 KiB pages:
 *
 *   kill --> lock free    exec --> first accepted write --> end of the marking pass
 *   |--- the kernel's --|  |--- a client connects again and again, then asks for statistics ------|
 *
 * A reader process gets random keys all the time and checks each: it must not notice. Its latencies
 * are counted in two phases, with a daemon that is at rest and from the kill to the end of the pass.
 * The daemon and the client share a processor, the reader has another.
 *
 * The peers of a1_peers.c are started again as well.
 */
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "a1_peers.h"
#include "harness/clock.h"
#include "harness/histogram.h"
#include "socket/daemon.h"

#define ID            "A1"
#define REPETITIONS   5u
#define BURST_PUTS    1000u
#define NAP_NS        100000
#define REST_NS       UINT64_C(1000000000)
#define REST_QUICK_NS UINT64_C(300000000)
#define PASS_NS       UINT64_C(120000000000)
#define REACH_WRITE   50.0   /* ms */
#define REACH_PASS    2000.0 /* ms, at 10 M */
#define REACH_READER  1.1
#define REACH_N       UINT64_C(10000000)

enum phase { AT_REST, ADOPTING, PHASES };

/* Shared with the reader. */
struct watch {
    int phase; /* accessed atomically; PHASES: stop */
    int attached;
    uint64_t reads, missing, wrong, failed;
    struct histogram latency[PHASES];
};

/* The series of one page size. */
struct names {
    const char *pages;
    const char *daemon; /* short */
    bool small;
    const char *lock, *write, *pass, *answer, *reader[PHASES];
};

#define NAMES(pages, daemon, small)                                                                \
    {                                                                                              \
        pages, daemon, small, "SIGKILL to lock free, " pages, "exec to first write, " pages,       \
            "exec to end of pass, " pages, "longest answer in the pass, " pages,                   \
        {                                                                                          \
            "reader p99.9, daemon at rest, " pages, "reader p99.9, killed and adopting, " pages    \
        }                                                                                          \
    }
static const struct names page_sizes[] = {
    NAMES("2 MiB pages", "a1", false),
    NAMES("4 KiB pages", "a1small", true),
};

struct adoption {
    struct session *session;
    const struct place *place;
    const struct names *names;
    struct daemon daemon;
    struct watch *watch;
    pid_t reader;
    uint64_t serial;
};

static void nap(uint64_t ns)
{
    const struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    nanosleep(&time, NULL);
}

/* ---- the reader ----------------------------------------------------------------------------- */

static void read_one(struct watch *watch, const struct stele_table *table, uint64_t number,
                     enum phase phase)
{
    struct bench_key key = dataset_key(number);
    struct bench_value value;
    size_t bytes = 0;
    uint64_t before = clock_now_ns();
    enum stele_status status = stele_get(table, &key, sizeof key, &value, sizeof value, &bytes);
    histogram_record(&watch->latency[phase], clock_now_ns() - before);
    watch->reads++;
    if (status == STELE_ENOTFOUND)
        watch->missing++;
    else if (status != STELE_OK)
        watch->failed++;
    else if (bytes != sizeof value || !dataset_check(&key, &value))
        watch->wrong++;
}

static void run_reader(const struct adoption *adoption)
{
    struct watch *watch = adoption->watch;
    struct stele_reader reader;
    struct stele_table table;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    machine_pin(adoption->session->machine->reader_cpu);
    if (stele_reader_attach(&reader, adoption->daemon.segment) != STELE_OK ||
        stele_table_open(&reader, DAEMON_TABLE, &table) != STELE_OK)
        _exit(1);
    /* no page fault shall count as a slow get */
    memory_prefault(reader.map.base, adoption->daemon.options.max_bytes);
    __atomic_store_n(&watch->attached, 1, __ATOMIC_RELEASE);
    for (uint64_t i = 0;; i++) {
        int phase = __atomic_load_n(&watch->phase, __ATOMIC_RELAXED);
        if (phase == PHASES)
            _exit(0);
        read_one(watch, &table, dataset_mix(i) % adoption->session->n, (enum phase)phase);
    }
}

static void set_phase(struct adoption *adoption, int phase)
{
    __atomic_store_n(&adoption->watch->phase, phase, __ATOMIC_RELAXED);
}

static enum stele_status start_reader(struct adoption *adoption)
{
    fflush(NULL);
    adoption->reader = fork();
    if (adoption->reader == 0)
        run_reader(adoption);
    if (adoption->reader < 0)
        return STELE_ENOMEM;
    while (!__atomic_load_n(&adoption->watch->attached, __ATOMIC_ACQUIRE)) {
        if (waitpid(adoption->reader, NULL, WNOHANG) == adoption->reader) {
            adoption->reader = 0;
            return STELE_EIO;
        }
        nap(NAP_NS);
    }
    return STELE_OK;
}

static void stop_reader(struct adoption *adoption)
{
    set_phase(adoption, PHASES);
    if (adoption->reader > 0)
        waitpid(adoption->reader, NULL, 0);
    adoption->reader = 0;
}

/* ---- kill and start again ------------------------------------------------------------------- */

static void measured(struct adoption *adoption, const char *variant, uint64_t ns)
{
    struct results_key key = {ID, adoption->session->n, variant, "stele"};
    results_measure(adoption->session->results, key, "ms", (double)ns / 1e6);
}

/* Overwrites whose replies nobody waits for, so that the kill finds the daemon at work. */
static enum stele_status begin_burst(struct adoption *adoption)
{
    struct daemon *daemon = &adoption->daemon;
    enum stele_status status = STELE_OK;
    adoption->serial++;
    for (uint64_t i = 0; i < BURST_PUTS && status == STELE_OK; i++) {
        struct bench_key key =
            dataset_key(dataset_mix(adoption->serial * BURST_PUTS + i) % adoption->session->n);
        struct bench_value value = dataset_value(key, adoption->serial);
        status = stele_channel_submit_put(&daemon->channel, daemon->table, &key, sizeof key, &value,
                                          sizeof value, NULL);
    }
    return status == STELE_OK ? stele_channel_flush(&daemon->channel) : status;
}

/* Asks for the lock as the next daemon would, and gives it back at once. */
static bool lock_is_free(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool was_free = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0)
        close(fd);
    return was_free;
}

static enum stele_status kill_daemon(struct adoption *adoption)
{
    char lock[128];
    snprintf(lock, sizeof lock, "/dev/shm/stele.%s.lock", adoption->daemon.segment);
    enum stele_status status = begin_burst(adoption);
    if (status != STELE_OK)
        return status;
    uint64_t begun = clock_now_ns();
    kill(adoption->daemon.server.pid, SIGKILL);
    while (!lock_is_free(lock)) {
        if (clock_now_ns() - begun > PASS_NS)
            return STELE_ETIMEDOUT;
        nap(NAP_NS);
    }
    measured(adoption, adoption->names->lock, clock_now_ns() - begun);
    server_kill(&adoption->daemon.server);
    return STELE_OK;
}

static enum stele_status write_once(struct adoption *adoption)
{
    struct daemon *daemon = &adoption->daemon;
    struct bench_key key = dataset_key(0);
    struct bench_value value = dataset_value(key, ++adoption->serial);
    return stele_channel_put(&daemon->channel, daemon->table, &key, sizeof key, &value,
                             sizeof value, DAEMON_WAIT_MS);
}

static enum stele_status await_pass(struct adoption *adoption)
{
    struct stele_channel *channel = &adoption->daemon.channel;
    uint64_t begun = clock_now_ns(), longest = 0;
    for (;;) {
        struct stele_daemon_stats stats;
        uint64_t asked = clock_now_ns();
        enum stele_status status = stele_channel_stats(channel, &stats, DAEMON_WAIT_MS);
        if (status != STELE_OK)
            return status;
        uint64_t now = clock_now_ns();
        if (now - asked > longest)
            longest = now - asked;
        if (!stats.adopting)
            break;
        if (now - begun > PASS_NS)
            return STELE_ETIMEDOUT;
        nap(NAP_NS);
    }
    measured(adoption, adoption->names->answer, longest);
    return STELE_OK;
}

static enum stele_status adopt_once(struct adoption *adoption)
{
    struct daemon *daemon = &adoption->daemon;
    bool quick = adoption->session->quick;
    set_phase(adoption, AT_REST);
    nap(quick ? REST_QUICK_NS : REST_NS);
    set_phase(adoption, ADOPTING);
    enum stele_status status = kill_daemon(adoption);
    if (status == STELE_OK)
        status = daemon_restart(daemon);
    if (status == STELE_OK)
        status = daemon_reconnect(daemon, DAEMON_WAIT_MS);
    if (status == STELE_OK)
        status = write_once(adoption);
    if (status != STELE_OK)
        return status;
    measured(adoption, adoption->names->write, clock_now_ns() - daemon->server.exec_ns);
    status = await_pass(adoption);
    set_phase(adoption, AT_REST);
    if (status == STELE_OK)
        measured(adoption, adoption->names->pass, clock_now_ns() - daemon->server.exec_ns);
    return status;
}

/* ---- what it comes to ----------------------------------------------------------------------- */

static void report_reader(struct adoption *adoption)
{
    struct session *session = adoption->session;
    const struct watch *watch = adoption->watch;
    const struct names *names = adoption->names;
    struct results_key keys[PHASES];
    char what[96];
    for (unsigned phase = 0; phase < PHASES; phase++) {
        keys[phase] = (struct results_key){ID, session->n, names->reader[phase], "stele"};
        results_measure(session->results, keys[phase], "ns",
                        (double)histogram_quantile(&watch->latency[phase], 0.999));
    }
    snprintf(what, sizeof what, "reader p99.9, %s: adopting / at rest", names->pages);
    results_ratio(session->results, keys[ADOPTING], keys[AT_REST], what, REACH_READER);
    snprintf(what, sizeof what, "reads lost or wrong, of %.1f million, %s",
             (double)watch->reads / 1e6, names->pages);
    results_value(session->results, ID, session->n, what, "",
                  (double)(watch->missing + watch->wrong + watch->failed), 0.0);
}

static void report(struct adoption *adoption)
{
    struct session *session = adoption->session;
    const struct names *names = adoption->names;
    struct results_key lock = {ID, session->n, names->lock, "stele"};
    struct results_key write = {ID, session->n, names->write, "stele"};
    struct results_key pass = {ID, session->n, names->pass, "stele"};
    results_median(session->results, lock, names->lock, RESULTS_NO_REACH);
    results_median(session->results, write, names->write, REACH_WRITE);
    results_median(session->results, pass, names->pass,
                   session->n <= REACH_N ? REACH_PASS : RESULTS_NO_REACH);
    report_reader(adoption);
}

static enum stele_status measure(struct adoption *adoption)
{
    struct session *session = adoption->session;
    const struct watch *watch = adoption->watch;
    unsigned repetitions = session->repetitions < REPETITIONS ? session->repetitions : REPETITIONS;
    uint64_t begun = clock_now_ns();
    enum stele_status status = daemon_load_by_vectors(&adoption->daemon, 0, session->n, 0);
    struct results_subject line = {adoption->names->small ? "stele, A1, small pages" : "stele, A1",
                                   session->n, server_pages(&adoption->daemon.server),
                                   (double)(clock_now_ns() - begun) * 1e-9};
    if (status == STELE_OK)
        status = start_reader(adoption);
    for (unsigned r = 0; r < repetitions && status == STELE_OK; r++)
        status = adopt_once(adoption);
    stop_reader(adoption);
    if (status == STELE_OK && (watch->missing || watch->wrong || watch->failed))
        status = STELE_ECORRUPT;
    if (status == STELE_OK)
        status = daemon_check(&adoption->daemon, session->n);
    if (status == STELE_OK)
        results_subject(session->results, &line);
    return status;
}

static enum stele_status run_one(struct session *session, const struct place *place,
                                 const struct names *names)
{
    struct adoption adoption = {.session = session, .place = place, .names = names};
    struct daemon_setup setup = {.name = names->daemon,
                                 .program = session->steled,
                                 .entries = session->n,
                                 .small_pages = names->small,
                                 .spin_us = -1,
                                 .cpu = session->machine->writer_cpu};
    adoption.watch = memory_shared(sizeof *adoption.watch);
    if (!adoption.watch)
        return STELE_ENOMEM;
    machine_pin(session->machine->writer_cpu);
    enum stele_status status = daemon_open(&adoption.daemon, place, &setup);
    if (status == STELE_OK)
        status = measure(&adoption);
    if (status == STELE_OK)
        report(&adoption);
    daemon_close(&adoption.daemon);
    machine_unpin(session->machine);
    memory_release(adoption.watch, sizeof *adoption.watch);
    return status;
}

void workload_a1(struct session *session)
{
    struct place place;
    enum stele_status status = STELE_OK;
    if (!session->steled) {
        results_note(session->results, ID, "not measured: there is no steled");
        return;
    }
    status = place_open(&place, session->machine);
    if (status == STELE_OK) {
        for (size_t i = 0; i < sizeof page_sizes / sizeof page_sizes[0]; i++)
            if (status == STELE_OK)
                status = run_one(session, &place, &page_sizes[i]);
        if (status == STELE_OK && !session->local)
            status = a1_peers(session, &place);
        place_close(&place);
    }
    if (status != STELE_OK)
        session_fail(session, ID, status);
}
