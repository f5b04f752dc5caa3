/*
 * s2_usize_kv.c - S2: usize-kv's work against `steled --usize-kv`: one request, one reply, over one
 * TCP connection. Appends of new keys and reads of held ones, of tables
 *
 *   100 K   keys 0, 1, 2, ...             10 M (quick: 1 M)   the same, a hundred times as many
 *   100 K   keys 0, 1 << 20, 2 << 20 ...  10 M                those, where an identity hash collides
 *
 * each in a daemon of its own, loaded by pipelined appends. Blocking: both ends sleep while they wait;
 * spinning: neither does. Against an echo of the same bytes: the value of a request, which a read does
 * not use, is what the floor answers a read by. What was appended is read back, checked and removed
 * after each repetition, not timed, so that tables keep their size.
 */
#include "workload.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stele/store.h>

#include "harness/clock.h"
#include "harness/timing.h"
#include "socket/exact.h"
#include "socket/server.h"

#define ID              "S2"
#define SMALL           UINT64_C(100000)
#define LARGE           UINT64_C(10000000)
#define LARGE_QUICK     UINT64_C(1000000)
#define SHIFT           20u
#define SPIN_US         "1000" /* as long as the floor: no end sleeps between two requests */
#define BLOCKING_ROUNDS 2000u
#define SPINNING_ROUNDS 10000u
#define REPETITIONS     9u
#define PIPELINE        512u
#define REACH_FLOOR     1.15
#define REACH_SAME      1.1

enum command { READ = 0, APPEND = 1, REMOVE = 3 };

enum table { FLOOR, SEQUENTIAL, SHIFTED, SEQUENTIAL_LARGE, SHIFTED_LARGE, TABLES };
enum mode { BLOCKING, SPINNING, MODES };
enum work { WORK_APPEND, WORK_READ, WORKS };

static const char *const subjects[TABLES] = {
    "echo", "stele, i", "stele, i << 20", "stele, i, large table", "stele, i << 20, large table"};
static const char *const names[WORKS][MODES][2] = {
    {{"APPEND, blocking", "APPEND, blocking, p99"}, {"APPEND, spinning", "APPEND, spinning, p99"}},
    {{"READ, blocking", "READ, blocking, p99"}, {"READ, spinning", "READ, spinning, p99"}}};

struct end {
    struct server server;
    char segment[64];
    int fd; /* connected; -1 */
    bool spin;
    uint64_t entries;
    unsigned shift;
};

struct s2 {
    struct session *session;
    struct place place;
    struct end ends[TABLES][MODES];
    struct timing timing;
};

/* ---- the protocol ---------------------------------------------------------------------------- */

struct request {
    uint64_t word[3]; /* big-endian */
};

static uint64_t big_endian(uint64_t x)
{
    return (uint64_t)htonl((uint32_t)x) << 32 | htonl((uint32_t)(x >> 32));
}

static uint64_t key_of(const struct end *end, uint64_t i)
{
    return i << end->shift;
}
static uint64_t value_of(uint64_t i)
{
    return dataset_mix(i);
}

static struct request request_of(const struct end *end, enum command command, uint64_t i)
{
    struct request request = {
        {big_endian(command), big_endian(key_of(end, i)), big_endian(value_of(i))}};
    return request;
}

static size_t reply_bytes(enum command command)
{
    return command == READ ? sizeof(uint64_t) : 1;
}

static bool right(enum command command, uint64_t i, const uint8_t *reply)
{
    uint64_t value;
    if (command != READ)
        return reply[0] == 0;
    memcpy(&value, reply, sizeof value);
    return big_endian(value) == value_of(i);
}

/* ---- the floor ------------------------------------------------------------------------------- */

static void echo(int listener, bool spin)
{
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
        struct request request;
        exact_no_delay(fd);
        while (exact_receive(fd, &request, sizeof request, spin)) {
            bool read = request.word[0] == big_endian(READ);
            uint64_t answer = read ? request.word[2] : 0;
            if (!exact_send(fd, &answer, read ? sizeof answer : 1))
                break;
        }
    }
}
static void echo_blocking(int listener, unsigned connections)
{
    (void)connections;
    echo(listener, false);
}
static void echo_spinning(int listener, unsigned connections)
{
    (void)connections;
    echo(listener, true);
}

/* ---- starting -------------------------------------------------------------------------------- */

static enum stele_status start_floor(struct s2 *s2, enum mode mode)
{
    struct end *end = &s2->ends[FLOOR][mode];
    uint16_t port = 0;
    int listener = exact_listen_tcp(&port);
    if (listener < 0)
        return STELE_EIO;
    enum stele_status status =
        server_fork_at(&end->server, &s2->place, listener, s2->session->machine->writer_cpu,
                       mode == SPINNING ? echo_spinning : echo_blocking, 1);
    if (status == STELE_OK && (end->fd = exact_connect_tcp(port)) < 0)
        status = STELE_EIO;
    return status;
}

/* One that was free a moment ago. */
static uint16_t free_port(void)
{
    uint16_t port = 0;
    int fd = exact_listen_tcp(&port);
    if (fd >= 0)
        close(fd);
    return port;
}

static enum stele_status start_daemon(struct s2 *s2, enum table table, enum mode mode)
{
    struct end *end = &s2->ends[table][mode];
    char name[16], file[32], path[96], bytes[32], address[32];
    uint16_t port = free_port();
    uint64_t room =
        ((UINT64_C(256) << 20) + end->entries * 160) & ~(uint64_t)(MEMORY_HUGE_BYTES - 1);
    snprintf(name, sizeof name, "s2-%u-%u", (unsigned)table, (unsigned)mode);
    snprintf(file, sizeof file, "%s.sock", name);
    place_path(&s2->place, file, path, sizeof path);
    place_segment(&s2->place, name, end->segment, sizeof end->segment);
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)room);
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)port);
    const char *argv[] = {s2->session->steled,
                          "--name",
                          end->segment,
                          "--socket",
                          path,
                          "--usize-kv",
                          address,
                          "--max-bytes",
                          bytes,
                          "--spin-us",
                          mode == SPINNING ? SPIN_US : "0",
                          NULL};
    enum stele_status status =
        server_start(&end->server, &s2->place, name, s2->session->machine->writer_cpu, argv);
    if (status == STELE_OK && (end->fd = exact_connect_tcp(port)) < 0)
        status = STELE_EIO;
    return status;
}

/* ---- without timing -------------------------------------------------------------------------- */

/* Commands about keys [from, from + count), many at a time. */
static bool pipeline(const struct end *end, enum command command, uint64_t from, uint64_t count)
{
    struct request requests[PIPELINE];
    uint8_t replies[PIPELINE * sizeof(uint64_t)];
    size_t bytes = reply_bytes(command);
    for (uint64_t done = 0; done < count;) {
        uint64_t n = count - done < PIPELINE ? count - done : PIPELINE;
        for (uint64_t i = 0; i < n; i++)
            requests[i] = request_of(end, command, from + done + i);
        if (!exact_send(end->fd, requests, n * sizeof *requests) ||
            !exact_receive(end->fd, replies, n * bytes, false))
            return false;
        for (uint64_t i = 0; i < n; i++)
            if (!right(command, from + done + i, replies + i * bytes))
                return false;
        done += n;
    }
    return true;
}

static enum stele_status start(struct s2 *s2)
{
    enum stele_status status = STELE_OK;
    for (enum mode mode = 0; mode < MODES && status == STELE_OK; mode++) {
        status = start_floor(s2, mode);
        for (enum table table = SEQUENTIAL; table < TABLES && status == STELE_OK; table++) {
            status = start_daemon(s2, table, mode);
            if (status == STELE_OK &&
                !pipeline(&s2->ends[table][mode], APPEND, 0, s2->ends[table][mode].entries))
                status = STELE_ECORRUPT;
        }
    }
    return status;
}

static void stop(struct s2 *s2)
{
    for (unsigned table = 0; table < TABLES; table++)
        for (unsigned mode = 0; mode < MODES; mode++) {
            struct end *end = &s2->ends[table][mode];
            if (end->fd >= 0)
                close(end->fd);
            server_kill(&end->server);
            if (end->segment[0])
                (void)stele_store_unlink(end->segment);
        }
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* Appends go to the keys behind the loaded ones, reads to those, in random order. */
static bool run_work(struct s2 *s2, const struct end *end, enum work work, uint64_t first,
                     uint64_t count)
{
    enum command command = work == WORK_READ ? READ : APPEND;
    timing_reset(&s2->timing);
    for (uint64_t j = 0; j < count; j++) {
        uint64_t i = command == READ ? dataset_permute((first + j) % end->entries, end->entries)
                                     : end->entries + j;
        struct request request = request_of(end, command, i);
        uint8_t reply[sizeof(uint64_t)];
        uint64_t before = clock_now_ns();
        bool good = exact_send(end->fd, &request, sizeof request) &&
                    exact_receive(end->fd, reply, reply_bytes(command), end->spin);
        timing_record(&s2->timing, clock_now_ns() - before);
        if (!good || !right(command, i, reply))
            return false;
    }
    return command == READ ||
           (pipeline(end, READ, end->entries, count) && pipeline(end, REMOVE, end->entries, count));
}

static enum stele_status sample(struct s2 *s2, enum table table, enum mode mode, enum work work,
                                unsigned repetition)
{
    const struct end *end = &s2->ends[table][mode];
    uint64_t count = mode == SPINNING ? SPINNING_ROUNDS : BLOCKING_ROUNDS;
    if (!run_work(s2, end, work, repetition * count, count)) {
        fprintf(stderr, ID ": %s: %s: wrong answer\n", subjects[table], names[work][mode][0]);
        return STELE_ECORRUPT;
    }
    struct results_key median = {ID, s2->ends[SHIFTED_LARGE][0].entries, names[work][mode][0],
                                 subjects[table]};
    struct results_key p99 = median;
    p99.variant = names[work][mode][1];
    results_measure(s2->session->results, median, "us",
                    (double)histogram_quantile(&s2->timing.all, 0.5) / 1000.0);
    results_measure(s2->session->results, p99, "us",
                    (double)histogram_quantile(&s2->timing.all, 0.99) / 1000.0);
    return STELE_OK;
}

/* Each repetition begins with another table. */
static enum stele_status measure(struct s2 *s2)
{
    unsigned repetitions = session_socket_repetitions(s2->session);
    enum stele_status status = STELE_OK;
    if (repetitions > REPETITIONS)
        repetitions = REPETITIONS;
    for (unsigned repetition = 0; repetition < repetitions; repetition++)
        for (enum mode mode = 0; mode < MODES; mode++)
            for (enum work work = 0; work < WORKS; work++)
                for (unsigned i = 0; i < TABLES && status == STELE_OK; i++)
                    if (mode == BLOCKING || s2->session->machine->cores > 1)
                        status = sample(s2, (enum table)((repetition + i) % TABLES), mode, work,
                                        repetition);
    return status;
}

static void compare(struct s2 *s2)
{
    struct results *results = s2->session->results;
    uint64_t n = s2->ends[SHIFTED_LARGE][0].entries;
    static const char *const what_works[WORKS] = {"APPEND", "READ"};
    static const char *const what_modes[MODES] = {"blocking", "spinning"};
    for (enum work work = 0; work < WORKS; work++)
        for (enum mode mode = 0; mode < MODES; mode++)
            for (enum table table = SEQUENTIAL; table < TABLES; table++) {
                const char *variant = names[work][mode][0];
                struct results_key ours = {ID, n, variant, subjects[table]};
                struct results_key floor = {ID, n, variant, subjects[FLOOR]};
                struct results_key plain = {ID, n, variant, subjects[SEQUENTIAL]};
                char what[96];
                snprintf(what, sizeof what, "%s, %s: %s / echo", what_works[work], what_modes[mode],
                         subjects[table]);
                results_ratio(results, ours, floor, what, REACH_FLOOR);
                snprintf(what, sizeof what, "%s, %s: %s / 100 K keys, i", what_works[work],
                         what_modes[mode], subjects[table]);
                if (table != SEQUENTIAL)
                    results_ratio(results, ours, plain, what, REACH_SAME);
            }
    results_note(
        results, ID,
        "for information: the original, at other times: an append 67-83 us, of keys i << 20 "
        "476 us");
}

static void prepare(struct s2 *s2)
{
    uint64_t large = s2->session->quick ? LARGE_QUICK : LARGE;
    for (unsigned table = 0; table < TABLES; table++)
        for (unsigned mode = 0; mode < MODES; mode++) {
            struct end *end = &s2->ends[table][mode];
            end->fd = -1;
            end->spin = mode == SPINNING;
            end->entries = table >= SEQUENTIAL_LARGE ? large : SMALL;
            end->shift = table == SHIFTED || table == SHIFTED_LARGE ? SHIFT : 0;
        }
}

void workload_s2(struct session *session)
{
    if (!session->steled) {
        results_note(session->results, ID, "not measured: there is no steled");
        return;
    }
    struct s2 *s2 = calloc(1, sizeof *s2);
    if (!s2) {
        session_fail(session, ID, STELE_ENOMEM);
        return;
    }
    s2->session = session;
    prepare(s2);
    enum stele_status status = place_open(&s2->place, session->machine);
    if (status == STELE_OK) {
        machine_pin(session->machine->reader_cpu);
        status = start(s2);
        if (status == STELE_OK)
            status = measure(s2);
        machine_unpin(session->machine);
        stop(s2);
        place_close(&s2->place);
    }
    if (status == STELE_OK)
        compare(s2);
    else
        session_fail(session, ID, status);
    free(s2);
}
