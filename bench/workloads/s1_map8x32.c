/*
 * s1_map8x32.c - S1: Map8x32's own benchmark against `steled --map8x32`: one connection for each
 * operation, one after the other; then twenty workers at once; then the same over a connection that
 * stays.
 *
 *   floor           a server that takes a connection, answers the same bytes and knows no map
 *   stele           as it comes: looks for work a while before it sleeps
 *   stele blocking  --spin-us 0
 *   stele spinning  --spin-us 1000: does not sleep between two connections
 *
 * A phase of all sides comes before the next phase. Key i % 256 gets the value i, so that what a get
 * must return is known to the byte, and the floor can answer it without a map: a request's value,
 * which a get does not use, says how many values are wanted.
 */
#include "workload.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stele/store.h>

#include "harness/clock.h"
#include "harness/timing.h"
#include "socket/client.h"
#include "socket/daemon.h"
#include "socket/exact.h"

#define ID            "S1"
#define KEYS          256u
#define ROUNDS        50000u
#define LISTS         50u
#define WORKERS       20u
#define WORKER_ROUNDS 100u
#define QUICK_SHARE   10u
#define REPETITIONS   5u /* each takes seconds */
#define MAX_VALUES    ((ROUNDS + KEYS - 1) / KEYS)
#define REPLY_BYTES   (5 + 4 * MAX_VALUES)
#define REACH_FLOOR   1.2
#define MAX_BYTES     (UINT64_C(64) << 20)

enum op { SET = 1, GET = 2, DELETE = 3, DELETE_ALL = 4, LIST = 5 };

enum phase {
    PHASE_SET,
    PHASE_GET,
    PHASE_DELETE,
    PHASE_LIST,
    PHASE_PAIR,
    PHASE_STAY_SET,
    PHASE_STAY_GET,
    PHASES
};
enum figure { MEAN, MEDIAN, MIN, MAX, P99, RATE, FIGURES };

static const char *const names[PHASES][FIGURES] = {
    {"SET", "SET, median", "SET, min", "SET, max", "SET, p99", "SET, rate"},
    {"GET", "GET, median", "GET, min", "GET, max", "GET, p99", "GET, rate"},
    {"DELETE", "DELETE, median", "DELETE, min", "DELETE, max", "DELETE, p99", "DELETE, rate"},
    {"LIST, empty", "LIST, median", "LIST, min", "LIST, max", "LIST, p99", "LIST, rate"},
    {"SET + GET, 20 workers", "SET + GET, 20 workers, median", "SET + GET, 20 workers, min",
     "SET + GET, 20 workers, max", "SET + GET, 20 workers, p99", "SET + GET, 20 workers, rate"},
    {"SET, one connection", "SET, one connection, median", "SET, one connection, min",
     "SET, one connection, max", "SET, one connection, p99", "SET, one connection, rate"},
    {"GET, one connection", "GET, one connection, median", "GET, one connection, min",
     "GET, one connection, max", "GET, one connection, p99", "GET, one connection, rate"},
};

enum side { FLOOR, STELE, STELE_BLOCKING, STELE_SPINNING, SIDES };
static const char *const side_names[SIDES] = {"floor", "stele", "stele blocking", "stele spinning"};

struct s1 {
    struct session *session;
    struct place place;
    struct server servers[SIDES];
    char segments[SIDES][64];
    char sockets[SIDES][96];
    uint32_t rounds, worker_rounds;
    struct timing timing;
};

/* ---- the protocol ---------------------------------------------------------------------------- */

struct request {
    uint8_t bytes[6];
};

static struct request request_of(enum op op, uint32_t key, uint32_t value)
{
    struct request request = {{(uint8_t)op, (uint8_t)key, (uint8_t)value, (uint8_t)(value >> 8),
                               (uint8_t)(value >> 16), (uint8_t)(value >> 24)}};
    return request;
}

static size_t put_word(uint8_t *out, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(word >> 8 * i);
    return 4;
}

static uint32_t take_word(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* What a get returns after key, key + 256, ... have been set. */
static size_t expected_get(uint8_t *out, uint32_t key, uint32_t count)
{
    size_t at = 1;
    out[0] = 1;
    at += put_word(out + at, count);
    for (uint32_t i = 0; i < count; i++)
        at += put_word(out + at, key + i * KEYS);
    return at;
}

/* How many of 0 .. rounds - 1 fall to a key. */
static uint32_t count_of(uint32_t key, uint32_t rounds)
{
    return rounds / KEYS + (key < rounds % KEYS);
}

/* ---- the floor ------------------------------------------------------------------------------- */

static size_t floor_answer(const uint8_t *in, uint8_t *out)
{
    uint32_t count = take_word(in + 2);
    if (in[0] == GET)
        return expected_get(out, in[1], count < MAX_VALUES ? count : MAX_VALUES);
    out[0] = 1;
    return in[0] == LIST ? 1 + put_word(out + 1, 0) : 1;
}

static void serve_floor(int listener, unsigned connections)
{
    (void)connections;
    uint8_t in[sizeof(struct request)], out[REPLY_BYTES];
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd))
        while (exact_receive(fd, in, sizeof in, false))
            if (!exact_send(fd, out, floor_answer(in, out)))
                break;
}

/* ---- starting -------------------------------------------------------------------------------- */

static enum stele_status start_daemon(struct s1 *s1, enum side side, const char *name,
                                      const char *spin_us)
{
    char file[32], path[96], bytes[32];
    snprintf(file, sizeof file, "%s.sock", name);
    place_path(&s1->place, file, path, sizeof path);
    snprintf(file, sizeof file, "%s.map", name);
    place_path(&s1->place, file, s1->sockets[side], sizeof s1->sockets[side]);
    place_segment(&s1->place, name, s1->segments[side], sizeof s1->segments[side]);
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)MAX_BYTES);
    const char *argv[] = {s1->session->steled,
                          "--name",
                          s1->segments[side],
                          "--socket",
                          path,
                          "--map8x32",
                          s1->sockets[side],
                          "--max-bytes",
                          bytes,
                          spin_us ? "--spin-us" : NULL,
                          spin_us,
                          NULL};
    return server_start(&s1->servers[side], &s1->place, name, s1->session->machine->writer_cpu,
                        argv);
}

static enum stele_status start(struct s1 *s1)
{
    enum stele_status status = server_fork(&s1->servers[FLOOR], &s1->place, "s1floor",
                                           s1->session->machine->writer_cpu, serve_floor, 1);
    snprintf(s1->sockets[FLOOR], sizeof s1->sockets[FLOOR], "%s", s1->servers[FLOOR].socket);
    if (status == STELE_OK)
        status = start_daemon(s1, STELE, "s1", NULL);
    if (status == STELE_OK)
        status = start_daemon(s1, STELE_BLOCKING, "s1block", "0");
    if (status == STELE_OK)
        status = start_daemon(s1, STELE_SPINNING, "s1spin", "1000");
    return status;
}

static void stop(struct s1 *s1)
{
    for (unsigned side = 0; side < SIDES; side++) {
        server_kill(&s1->servers[side]);
        if (s1->segments[side][0])
            (void)stele_store_unlink(s1->segments[side]);
    }
}

/* ---- operations ------------------------------------------------------------------------------ */

/* One request over a connection of its own, which is part of the time. */
static bool ask_once(const char *path, struct request request, uint8_t *reply, size_t bytes)
{
    int fd = client_connect(path);
    if (fd < 0)
        return false;
    bool good = exact_send(fd, &request, sizeof request) && exact_receive(fd, reply, bytes, false);
    close(fd);
    return good;
}

/* What operation number i of a phase asks for and must be answered. Returns the answer's length. */
static size_t plan(enum phase phase, uint32_t rounds, uint32_t i, struct request *request,
                   uint8_t *expected)
{
    uint32_t key = i % KEYS;
    expected[0] = 1;
    switch (phase) {
    case PHASE_GET:
    case PHASE_STAY_GET:
        *request = request_of(GET, key, count_of(key, rounds));
        return expected_get(expected, key, count_of(key, rounds));
    case PHASE_DELETE: /* only the first of each key finds something */
        *request = request_of(DELETE, key, 0);
        expected[0] = i < KEYS;
        return 1;
    case PHASE_LIST:
        *request = request_of(LIST, 0, 0);
        return 1 + put_word(expected + 1, 0);
    default:
        *request = request_of(SET, key, i);
        return 1;
    }
}

/* The floor knows nothing of keys that are gone. */
static bool right(enum phase phase, enum side side, const uint8_t *reply, const uint8_t *expected,
                  size_t bytes)
{
    if (phase == PHASE_DELETE && side == FLOOR)
        return reply[0] == 1;
    return memcmp(reply, expected, bytes) == 0;
}

/* `stay` >= 0: over this connection. */
static bool run_sequence(struct s1 *s1, enum phase phase, enum side side, uint32_t count, int stay)
{
    uint8_t reply[REPLY_BYTES], expected[REPLY_BYTES];
    for (uint32_t i = 0; i < count; i++) {
        struct request request;
        size_t bytes = plan(phase, s1->rounds, i, &request, expected);
        uint64_t before = clock_now_ns();
        bool good = stay >= 0 ? exact_send(stay, &request, sizeof request) &&
                                    exact_receive(stay, reply, bytes, false)
                              : ask_once(s1->sockets[side], request, reply, bytes);
        timing_record(&s1->timing, clock_now_ns() - before);
        if (!good || !right(phase, side, reply, expected, bytes))
            return false;
    }
    return true;
}

static bool run_staying(struct s1 *s1, enum phase phase, enum side side)
{
    int fd = client_connect(s1->sockets[side]);
    bool good = fd >= 0 && run_sequence(s1, phase, side, s1->rounds, fd);
    if (fd >= 0)
        close(fd);
    return good;
}

static bool delete_all(const struct s1 *s1, enum side side)
{
    uint8_t reply;
    return ask_once(s1->sockets[side], request_of(DELETE_ALL, 0, 0), &reply, 1) && reply == 1;
}

/* SET 42 12345 comes first in what GET returns; after DELETE there is nothing. */
static bool consistent(const struct s1 *s1, enum side side)
{
    static const uint8_t one[9] = {1, 1, 0, 0, 0, 0x39, 0x30, 0, 0};
    uint8_t reply[sizeof one];
    const char *path = s1->sockets[side];
    return ask_once(path, request_of(SET, 42, 12345), reply, 1) && reply[0] == 1 &&
           ask_once(path, request_of(GET, 42, 0), reply, sizeof one) &&
           memcmp(reply, one, sizeof one) == 0 &&
           ask_once(path, request_of(DELETE, 42, 0), reply, 1) && reply[0] == 1 &&
           ask_once(path, request_of(GET, 42, 0), reply, 1) && reply[0] == 0;
}

/* ---- twenty workers -------------------------------------------------------------------------- */

struct worker {
    const struct s1 *s1;
    enum side side;
    uint32_t number;
    bool good;
    pthread_t thread;
    uint64_t took_ns[WORKER_ROUNDS];
};

/* Whatever the others did meanwhile: a key's values all belong to it, and ours is among them. */
static bool get_own(const char *path, uint32_t key, uint32_t value)
{
    uint8_t reply[REPLY_BYTES];
    struct request request = request_of(GET, key, 0);
    int fd = client_connect(path);
    bool good = fd >= 0 && exact_send(fd, &request, sizeof request) &&
                exact_receive(fd, reply, 5, false) && reply[0] == 1;
    uint32_t count = good ? take_word(reply + 1) : 0;
    bool seen = false;
    good = good && count > 0 && count <= MAX_VALUES &&
           exact_receive(fd, reply, 4 * (size_t)count, false);
    for (uint32_t i = 0; good && i < count; i++) {
        uint32_t found = take_word(reply + 4 * (size_t)i);
        good = found % KEYS == key;
        seen = seen || found == value;
    }
    if (fd >= 0)
        close(fd);
    return good && seen;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    const char *path = worker->s1->sockets[worker->side];
    worker->good = true;
    for (uint32_t i = 0; i < worker->s1->worker_rounds && worker->good; i++) {
        uint32_t value = worker->number * WORKER_ROUNDS + i;
        uint8_t reply = 0;
        uint64_t before = clock_now_ns();
        worker->good = ask_once(path, request_of(SET, value % KEYS, value), &reply, 1) &&
                       reply == 1 && get_own(path, value % KEYS, value);
        worker->took_ns[i] = clock_now_ns() - before;
    }
    return NULL;
}

static bool run_workers(struct s1 *s1, enum side side)
{
    struct worker *workers = calloc(WORKERS, sizeof *workers);
    uint32_t begun = 0;
    bool good = workers != NULL;
    machine_unpin(s1->session->machine);
    for (; good && begun < WORKERS; begun += good) {
        struct worker *worker = &workers[begun];
        worker->s1 = s1;
        worker->side = side;
        worker->number = begun;
        good = pthread_create(&worker->thread, NULL, work, worker) == 0;
    }
    for (uint32_t i = 0; i < begun; i++) {
        pthread_join(workers[i].thread, NULL);
        good = good && workers[i].good;
        for (uint32_t j = 0; j < s1->worker_rounds; j++)
            timing_record(&s1->timing, workers[i].took_ns[j]);
    }
    machine_pin(s1->session->machine->reader_cpu);
    free(workers);
    return good;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static bool run_phase(struct s1 *s1, enum phase phase, enum side side)
{
    switch (phase) {
    case PHASE_LIST:
        return run_sequence(s1, phase, side, LISTS, -1) && (side == FLOOR || consistent(s1, side));
    case PHASE_PAIR:
        return run_workers(s1, side) && delete_all(s1, side);
    case PHASE_STAY_SET:
        return run_staying(s1, phase, side);
    case PHASE_STAY_GET:
        return run_staying(s1, phase, side) && delete_all(s1, side);
    default:
        return run_sequence(s1, phase, side, s1->rounds, -1);
    }
}

static void add_sample(struct s1 *s1, enum phase phase, enum side side, uint64_t elapsed_ns)
{
    const struct timing *timing = &s1->timing;
    const double values[FIGURES] = {timing_mean_us(timing),
                                    (double)histogram_quantile(&timing->all, 0.5) / 1000.0,
                                    (double)timing->min_ns / 1000.0,
                                    (double)timing->all.max / 1000.0,
                                    (double)histogram_quantile(&timing->all, 0.99) / 1000.0,
                                    (double)timing->all.total * 1e9 / (double)elapsed_ns};
    for (unsigned figure = 0; figure < FIGURES; figure++) {
        struct results_key key = {ID, s1->rounds, names[phase][figure], side_names[side]};
        results_measure(s1->session->results, key, figure == RATE ? "1/s" : "us", values[figure]);
    }
}

/* Each repetition begins with another side. */
static enum stele_status measure(struct s1 *s1)
{
    unsigned repetitions = session_socket_repetitions(s1->session);
    if (repetitions > REPETITIONS)
        repetitions = REPETITIONS;
    for (unsigned repetition = 0; repetition < repetitions; repetition++)
        for (enum phase phase = 0; phase < PHASES; phase++)
            for (unsigned i = 0; i < SIDES; i++) {
                enum side side = (enum side)((repetition + i) % SIDES);
                if (phase == PHASE_PAIR && side == FLOOR)
                    continue; /* takes one connection after the other: no floor for many */
                timing_reset(&s1->timing);
                uint64_t begun = clock_now_ns();
                if (!run_phase(s1, phase, side)) {
                    fprintf(stderr, ID ": %s: %s: wrong answer\n", side_names[side],
                            names[phase][MEAN]);
                    return STELE_ECORRUPT;
                }
                add_sample(s1, phase, side, clock_now_ns() - begun);
            }
    return STELE_OK;
}

static void compare(struct s1 *s1)
{
    struct results *results = s1->session->results;
    for (enum phase phase = 0; phase < PHASES; phase++)
        for (enum side side = STELE; side < SIDES; side++) {
            struct results_key a = {ID, s1->rounds, names[phase][MEDIAN], side_names[side]};
            struct results_key b = {ID, s1->rounds, names[phase][MEDIAN], side_names[FLOOR]};
            char what[96];
            snprintf(what, sizeof what, "%s: %s / floor", names[phase][MEDIAN], side_names[side]);
            results_ratio(results, a, b, what, REACH_FLOOR);
        }
    results_note(
        results, ID,
        "for information: the original, by its own client at other times: SET 61-141 us, GET "
        "523-896, DELETE 54-123, 20 workers 675-1474");
}

void workload_s1(struct session *session)
{
    if (!session->steled) {
        results_note(session->results, ID, "not measured: there is no steled");
        return;
    }
    struct s1 *s1 = calloc(1, sizeof *s1);
    if (!s1) {
        session_fail(session, ID, STELE_ENOMEM);
        return;
    }
    s1->session = session;
    s1->rounds = session->quick ? ROUNDS / QUICK_SHARE : ROUNDS;
    s1->worker_rounds = session->quick ? WORKER_ROUNDS / QUICK_SHARE : WORKER_ROUNDS;
    enum stele_status status = place_open(&s1->place, session->machine);
    if (status == STELE_OK) {
        status = start(s1);
        machine_pin(session->machine->reader_cpu);
        if (status == STELE_OK)
            status = measure(s1);
        machine_unpin(session->machine);
        stop(s1);
        place_close(&s1->place);
    }
    if (status == STELE_OK)
        compare(s1);
    else
        session_fail(session, ID, status);
    free(s1);
}
