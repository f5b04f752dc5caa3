#include "serve/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <stele/store.h>

#include "command/evaluate.h"
#include "operator/counters.h"
#include "serve/doors.h"
#include "loop/loop.h"
#include "operator/place.h"
#include "operator/policy.h"
#include "operator/printer.h"
#include "serve/turn.h"
#include "serve/watch.h"
#include "worker/worker.h"

#define SERVER_TICK_MS       100u
#define SERVER_LOCK_WAIT_MS  2000 /* a killed daemon's memory takes the kernel a while to undo */
#define SERVER_LOCK_RETRY_MS 5
#define SERVER_STOP_MS       1000
#define SERVER_LINGER_TICKS  50u
/* Of the store's housekeeping, a turn. How long a unit takes depends on the page size: the budget
 * follows the time, so that nobody waits for a slice for long. */
#define SERVER_STEP_UNITS_MIN  8u
#define SERVER_STEP_UNITS_MAX  1024u
#define SERVER_STEP_MS         0.2
#define SERVER_CHUNKS_AHEAD    4u
#define SERVER_POPULATE_BYTES  (UINT64_C(256) << 10)
#define SERVER_DESCRIPTORS_MAX 65536u
#define SERVER_DETAIL_BYTES    320
#define SERVER_EXIT_DETACHED   3

enum server_task { SERVER_POPULATE = 0 };

struct server {
    const struct options *options;
    const struct server_surroundings *surroundings;
    const struct log *log;
    int given_fd; /* a listening socket from the service manager, or -1 */
    struct policy policy;
    struct command_facts facts;
    struct stele_store *store;
    struct loop *loop;
    struct worker *worker;
    struct command_context commands;
    struct turn turn;
    struct printer printer;
    struct doors doors;
    bool stopping;
    uint64_t populated_bytes; /* commands.applied_bytes when the helper was last woken */
    uint32_t step_units;
    double watchdog_ms; /* when the service manager was last told that we live */
    struct watch watch;
};

static double server_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void server_heartbeat(struct server *server)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    stele_store_heartbeat(server->store,
                          (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
}

/* ---- events -------------------------------------------------------------------------------- */

static void server_log_counters(struct server *server)
{
    struct command command;
    struct command_reply reply;
    memset(&command, 0, sizeof(command));
    command.kind = COMMAND_STATS;
    turn_count(&server->turn);
    command_execute(&server->commands, &command, COMMAND_MAY_READ, &reply);
    counters_log(server->log, reply.stats);
}

/* Signals that other daemons take for "read your configuration again" and the like are no reason to
 * end; nor is a terminal that was closed. */
static void server_signalled(void *context, int signal)
{
    struct server *server = context;
    switch (signal) {
    case SIGHUP:
        log_line(server->log, LOG_NOTICE,
                 "SIGHUP: there is nothing to read again and no file to reopen; going on");
        return;
    case SIGUSR1:
        server_log_counters(server);
        return;
    case SIGUSR2:
        log_line(server->log, LOG_NOTICE, "SIGUSR2: means nothing here; going on");
        return;
    default:
        log_line(server->log, LOG_INFO, "stopping on signal %d", signal);
        server->stopping = true;
    }
}

static void server_feed_watchdog(struct server *server)
{
    uint32_t period_ms = server->surroundings->notify.watchdog_ms;
    double now_ms = server_now_ms();
    /* half a tick early rather than a tick late */
    if (period_ms == 0 || now_ms - server->watchdog_ms + SERVER_TICK_MS / 2.0 < period_ms)
        return;
    server->watchdog_ms = now_ms;
    notify_send(&server->surroundings->notify, "WATCHDOG=1");
}

static void server_wake_worker(struct server *server, uint64_t after_bytes)
{
    uint64_t moved = server->commands.applied_bytes - server->populated_bytes;
    if (moved == 0 || moved < after_bytes)
        return;
    server->populated_bytes = server->commands.applied_bytes;
    worker_wake(server->worker, SERVER_POPULATE);
}

static void server_tick(void *context)
{
    struct server *server = context;
    server->commands.counters.now_ms = (uint64_t)server_now_ms();
    watch_tick(&server->watch);
    server_heartbeat(server);
    server_wake_worker(server, 0);
    doors_tick(&server->doors);
    turn_tick(&server->turn, SERVER_LINGER_TICKS);
    printer_tick(&server->printer);
    server_feed_watchdog(server);
}

/* On the helper thread. A full segment or tmpfs is the writes' to report. */
static void server_populate(void *context)
{
    struct server *server = context;
    stele_store_populate(server->store, SERVER_CHUNKS_AHEAD);
}

/* ---- start --------------------------------------------------------------------------------- */

static enum stele_status server_try_store(struct server *server, char *detail)
{
    const struct options *options = server->options;
    struct stele_store_options store_options;
    memset(&store_options, 0, sizeof(store_options));
    store_options.name = options->name;
    store_options.max_bytes = options->max_bytes;
    store_options.mode = options->mode;
    store_options.group = options->group;
    store_options.set_group = options->group_given;
    store_options.unlocked = true; /* the loop's thread alone calls it, but for populate */
    store_options.replace = options->replace;
    store_options.small_pages = options->small_pages;
    return stele_store_open(&store_options, &server->store, detail, SERVER_DETAIL_BYTES);
}

/* What to do about it, where the store does not say. */
static const char *server_remedy(const struct server *server, enum stele_status status)
{
    if (status == STELE_EACCES && !server->store && server->options->group_given)
        return " (--group wants a group of the daemon's user)";
    if (status == STELE_EOWNER)
        return " (run as its owner, or give another --name)";
    if (status == STELE_ELOCKED)
        return " (stop that daemon, or give another --name)";
    return "";
}

/* Neither the lock nor the sockets of a daemon that was just killed are free at once; one that lives
 * holds them for longer than we wait. */
static enum stele_status server_open_store(struct server *server, double *opened_ms)
{
    char detail[SERVER_DETAIL_BYTES] = "";
    double deadline = server_now_ms() + SERVER_LOCK_WAIT_MS;
    double began;
    bool taken; /* by another one, where we are to listen */
    enum stele_status status;
    for (;;) {
        began = server_now_ms();
        status = doors_probe(&server->doors, server->given_fd >= 0, detail, sizeof(detail));
        taken = status != STELE_OK;
        if (!taken)
            status = server_try_store(server, detail);
        if (status != STELE_ELOCKED || server_now_ms() > deadline)
            break;
        struct timespec pause = {.tv_sec = 0, .tv_nsec = SERVER_LOCK_RETRY_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    *opened_ms = server_now_ms() - began;
    if (status == STELE_OK)
        status = place_settle(server->options, stele_store_fd(server->store), &server->policy,
                              detail, sizeof(detail));
    if (taken)
        log_line(server->log, LOG_ERROR, "%s", detail);
    else if (status != STELE_OK)
        log_line(server->log, LOG_ERROR, "segment %s: %s%s", server->options->name,
                 detail[0] ? detail : stele_status_text(status), server_remedy(server, status));
    return status;
}

/* As many connections as the administrator's hard limit allows. */
static void server_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t wanted =
        limit.rlim_max < SERVER_DESCRIPTORS_MAX ? limit.rlim_max : (rlim_t)SERVER_DESCRIPTORS_MAX;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum stele_status server_open_loop(struct server *server)
{
    static const int heard[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    sigset_t signals;
    signal(SIGPIPE, SIG_IGN); /* stderr may be a pipe */
    signal(SIGXFSZ, SIG_IGN); /* or a file: a write beyond RLIMIT_FSIZE fails, and that is all */
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
        sigaddset(&signals, heard[i]);
    enum stele_status status = loop_open(&server->loop);
    if (status == STELE_OK)
        status = loop_set_signals(server->loop, &signals, server_signalled, server);
    if (status == STELE_OK)
        status = loop_set_timer(server->loop, SERVER_TICK_MS, server_tick, server);
    if (status == STELE_OK)
        loop_set_spin(server->loop, server->options->spin_us);
    if (status == STELE_OK)
        printer_open(&server->printer, server->loop, server->log, STDOUT_FILENO);
    if (status != STELE_OK)
        log_line(server->log, LOG_ERROR, "event loop: %s", stele_status_text(status));
    return status;
}

static void server_learn_facts(struct server *server)
{
    struct stele_store_stats stats;
    stele_store_get_stats(server->store, &stats);
    server->facts.name = server->options->name;
    server->facts.epoch = stats.epoch;
    server->facts.segment_bytes = stats.max_bytes;
    command_context_init(&server->commands, server->store);
    server->commands.counters.started_ms = (uint64_t)server_now_ms();
    server->commands.counters.now_ms = server->commands.counters.started_ms;
    turn_init(&server->turn, server->loop, server->log, &server->commands,
              stele_store_fd(server->store));
}

/* A segment keeps the size that it was made with. */
static void server_compare_size(const struct server *server)
{
    uint64_t wanted = server->options->max_bytes, is = server->facts.segment_bytes;
    if (wanted == 0 || stele_store_get_origin(server->store) != STELE_STORE_ADOPTED)
        return;
    if (is / STELEI_CHUNK_BYTES != wanted / STELEI_CHUNK_BYTES)
        log_line(
            server->log, LOG_NOTICE,
            "segment %s keeps its size of %llu MiB: --max-bytes is for new segments; to change "
            "it, dump the tables, remove /dev/shm/stele.%s and load them again",
            server->options->name, (unsigned long long)(is >> 20), server->options->name);
}

/* The socket that was given, and directories that others can be made in. */
static enum stele_status server_find_place(struct server *server)
{
    char detail[SERVER_DETAIL_BYTES] = "";
    enum stele_status status = activation_take(&server->surroundings->activation, &server->given_fd,
                                               detail, sizeof(detail));
    if (status == STELE_OK)
        status = place_prepare(server->options, server->given_fd >= 0, detail, sizeof(detail));
    if (status != STELE_OK)
        log_line(server->log, LOG_ERROR, "%s", detail);
    return status;
}

static enum stele_status server_listen(struct server *server)
{
    char detail[SERVER_DETAIL_BYTES] = "", path[STELEI_ADDRESS_BYTES];
    enum stele_status status =
        doors_open(&server->doors, server->loop, server->given_fd, detail, sizeof(detail));
    if (status != STELE_OK)
        log_line(server->log, LOG_ERROR, "%s", detail);
    else if (net_listener_path(&server->doors.door[DOORS_NATIVE].listener, path, sizeof(path)))
        stele_store_set_socket(server->store, path);
    return status;
}

static void server_say_ready(struct server *server, double opened_ms)
{
    char places[320], text[448], state[512];
    const char *origin =
        stele_store_get_origin(server->store) == STELE_STORE_ADOPTED ? "adopted" : "created";
    doors_describe(&server->doors, places, sizeof(places));
    snprintf(text, sizeof(text), "segment %s %s in %.1f ms, epoch %llu, %s", server->options->name,
             origin, opened_ms, (unsigned long long)server->facts.epoch, places);
    snprintf(state, sizeof(state), "READY=1\nSTATUS=%s", text);
    log_line(server->log, LOG_INFO, "ready: %s", text);
    server->watchdog_ms = server_now_ms();
    notify_send(&server->surroundings->notify, state);
}

static enum stele_status server_start(struct server *server)
{
    const struct worker_task tasks[] = {{server_populate, server}};
    double opened_ms = 0;
    server_raise_descriptors();
    enum stele_status status = server_find_place(server);
    if (status == STELE_OK)
        status = server_open_loop(server);
    if (status == STELE_OK)
        status = server_open_store(server, &opened_ms);
    if (status != STELE_OK)
        return status;
    server->step_units = SERVER_STEP_UNITS_MIN;
    server_learn_facts(server);
    server_compare_size(server);
    watch_begin(&server->watch, server->store, server->log, &server->surroundings->notify,
                &server->commands.counters);
    server_heartbeat(server);
    status = worker_open(tasks, 1, &server->worker);
    if (status != STELE_OK) {
        log_line(server->log, LOG_ERROR,
                 "the helper thread cannot be started: %s; see RLIMIT_NPROC (ulimit -u), RLIMIT_AS and "
                 "the control group's pids.max",
                 stele_status_name(status));
        return status;
    }
    worker_wake(server->worker, SERVER_POPULATE);
    status = server_listen(server);
    if (status == STELE_OK)
        server_say_ready(server, opened_ms);
    return status;
}

/* ---- serve and stop ------------------------------------------------------------------------ */

/* True while there is more. The clock is asked only while there is, not in every turn. */
static bool server_step(struct server *server, bool busy)
{
    double began = busy ? server_now_ms() : 0;
    if (!stele_store_step(server->store, server->step_units))
        return false;
    if (!busy)
        return true;
    double took = server_now_ms() - began;
    if (took > SERVER_STEP_MS && server->step_units > SERVER_STEP_UNITS_MIN)
        server->step_units /= 2;
    else if (took < SERVER_STEP_MS / 4 && server->step_units < SERVER_STEP_UNITS_MAX)
        server->step_units *= 2;
    return true;
}

/* Blocks only when neither a connection nor the store has work left. */
static enum stele_status server_serve(struct server *server)
{
    enum stele_status status = STELE_OK;
    bool store_busy = true;
    while (!server->stopping && !server->turn.shut_down && status == STELE_OK) {
        bool busy = store_busy || turn_pending(&server->turn);
        status = loop_turn(server->loop, busy ? 0 : -1);
        turn_run(&server->turn);
        store_busy = server_step(server, store_busy);
        server_wake_worker(server, SERVER_POPULATE_BYTES);
    }
    if (status != STELE_OK)
        log_line(server->log, LOG_ERROR, "event loop: %s", stele_status_text(status));
    return status;
}

/* No new connections, no new commands; replies that wait get a moment to leave. */
static void server_drain(struct server *server)
{
    double deadline = server_now_ms() + SERVER_STOP_MS;
    notify_send(&server->surroundings->notify, "STOPPING=1\nSTATUS=stopping");
    doors_close(&server->doors);
    turn_stop(&server->turn);
    turn_run(&server->turn);
    while ((server->turn.peer_count > 0 || printer_holds(&server->printer)) &&
           server_now_ms() < deadline) {
        if (loop_turn(server->loop, (int)SERVER_TICK_MS) != STELE_OK)
            break;
        turn_run(&server->turn);
    }
    if (server->turn.peer_count > 0)
        log_line(server->log, LOG_WARNING, "%u connections did not take their replies",
                 server->turn.peer_count);
}

static void server_close(struct server *server)
{
    if (server->turn.loop)
        turn_fini(&server->turn);
    doors_close(&server->doors);
    printer_close(&server->printer);
    worker_close(server->worker);
    stele_store_close(server->store);
    loop_close(server->loop);
}

static void server_init_doors(struct server *server)
{
    const struct doors_surroundings around = {.options = server->options,
                                              .log = server->log,
                                              .policy = &server->policy,
                                              .facts = &server->facts,
                                              .commands = &server->commands,
                                              .turn = &server->turn,
                                              .printer = &server->printer};
    doors_init(&server->doors, &around);
}

int server_run(const struct options *options, const struct server_surroundings *surroundings,
               const struct log *log)
{
    struct server server;
    memset(&server, 0, sizeof(server));
    server.options = options;
    server.surroundings = surroundings;
    server.log = log;
    server.given_fd = -1;
    server_init_doors(&server);
    enum stele_status status = server_start(&server);
    if (status == STELE_OK) {
        status = server_serve(&server);
        server_drain(&server);
    }
    server_close(&server);
    if (status != STELE_OK)
        return 1;
    if (server.commands.counters.detached) {
        log_line(log, LOG_ERROR, "stopped; the segment's name had been removed: what it held is gone");
        return SERVER_EXIT_DETACHED;
    }
    log_line(log, LOG_INFO, "stopped");
    return 0;
}
