/* What connections cost the daemon: idle ones, ones that do not read, ones that promise and do not
 * keep it. */
#include "older.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "suite.h"

#define MIB ((size_t)1 << 20)

/* Private memory of the daemon that is resident: the segment does not count. A sanitizer's shadow
 * would, so there the bounds mean nothing and only the rest of each test is left. */
static size_t private_bytes(const struct e2e_world *world)
{
    char path[64], line[128];
    unsigned long kib = 0;
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)world->pid);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file))
        found |= sscanf(line, "RssAnon: %lu kB", &kib) == 1;
    fclose(file);
    ck_assert(found);
    return kib * 1024;
}

static void expect_growth(const struct e2e_world *world, size_t before, size_t limit)
{
    size_t now = private_bytes(world);
    size_t growth = now > before ? now - before : 0;
#ifdef SUITE_SANITIZED
    (void)limit;
    (void)growth;
#else
    ck_assert_msg(growth <= limit, "%zu bytes more, and not %zu at most", growth, limit);
#endif
}

static struct stele_daemon_stats stats_of(struct stele_channel *channel)
{
    struct stele_daemon_stats stats;
    e2e_ok(stele_channel_stats(channel, &stats, E2E_PATIENCE_MS));
    return stats;
}

/* Waits until only this channel makes the daemon run commands: everybody else is stalled. */
static void wait_for_quiet(struct stele_channel *channel)
{
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    struct stele_daemon_stats before = stats_of(channel), now;
    for (unsigned quiet = 0; quiet < 5;) {
        poll(NULL, 0, 50);
        now = stats_of(channel);
        bool same = now.commands == before.commands + 1 && now.in_bytes == before.in_bytes + 12;
        quiet = same ? quiet + 1 : 0;
        before = now;
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "it never comes to rest");
    }
}

/* The table "t", with HANDLE; a channel that uses it. */
static uint16_t begin(struct e2e_world *world, struct stele_channel *channel)
{
    uint16_t id = 0;
    e2e_connect(world, channel);
    e2e_ok(stele_channel_table_create(channel, "t", &id, -1));
    ck_assert_uint_eq(id, 0x200);
    return id;
}

/* A length alone must not cost memory, however many say it. */
START_TEST(promised_lengths_cost_nothing)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    int fds[100];
    e2e_start(world, NULL);
    begin(world, &channel);
    size_t before = private_bytes(world);
    for (int i = 0; i < 100; i++) {
        fds[i] = wire_greet(world);
        SEND(fds[i], "\0\0\0\x04\x10\0\0\0\x01\0\0\0"); /* 64 MiB to come */
    }
    wait_for_quiet(&channel); /* it has seen the headers */
    for (int i = 0; i < 100; i++)
        SEND(fds[i], "x"); /* it receives again, now knowing what it needs */
    wait_for_quiet(&channel);
    expect_growth(world, before, 4 * MIB);
    for (int i = 0; i < 100; i++)
        close(fds[i]);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(idle_connections_are_cheap)
{
    enum { COUNT = 1000 };
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct rlimit limit = {COUNT + 100, COUNT + 100};
    static int fds[COUNT];
    e2e_start(world, NULL);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = COUNT + 100;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    begin(world, &channel);
    size_t before = private_bytes(world);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = wire_greet(world);
        SEND(fds[i], PING);
        EXPECT(fds[i], PONG);
    }
    expect_growth(world, before, COUNT * (size_t)(16 << 10));
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    stele_channel_close(&channel);
}
END_TEST

/* ---- replies that nobody reads -------------------------------------------------------------- */

#define READERS     10
#define READER_GETS 200

static uint8_t value_byte(size_t i)
{
    return (uint8_t)(i * 2654435761u >> 15);
}

/* 200 gets of 1 MiB by each of ten that read nothing: the promise is 16 MiB. */
START_TEST(unread_replies_are_bounded)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    int fds[READERS];
    uint8_t *value = malloc(MIB), *got = malloc(20 + MIB);
    for (size_t i = 0; i < MIB; i++)
        value[i] = value_byte(i);
    e2e_start(world, NULL);
    uint16_t id = begin(world, &channel);
    e2e_ok(stele_channel_put(&channel, id, "k", 1, value, MIB, -1));
    size_t before = private_bytes(world);
    for (int r = 0; r < READERS; r++) {
        fds[r] = wire_greet(world);
        for (int i = 0; i < READER_GETS; i++)
            SEND(fds[r], "\x09\0\0\0\x16\0" HANDLE "\x03\0\0\0\0\0\x10\0\x01\0\0\0k");
    }
    wait_for_quiet(&channel);
    expect_growth(world, before, 16 * MIB);
    e2e_ok(stele_channel_put(&channel, id, "other", 5, value, 1000, -1)); /* others are served */
    for (int i = 0; i < READER_GETS; i++)
        for (int r = 0; r < READERS; r++) {
            ck_assert_uint_eq(e2e_raw_receive(fds[r], got, 20 + MIB), 20 + MIB);
            if (memcmp(got, "\x08\0\x10\0\x96\0\0\0\x03\0\0\0\0\0\0\0\0\0\x10\0", 20) != 0 ||
                memcmp(got + 20, value, MIB) != 0)
                ck_abort_msg("reply %d of reader %d is another one", i, r);
        }
    wait_for_quiet(&channel);
    expect_growth(world, before, 16 * MIB);
    for (int r = 0; r < READERS; r++)
        close(fds[r]);
    free(value);
    free(got);
    stele_channel_close(&channel);
}
END_TEST

/* Many small replies are the same in another shape. */
START_TEST(unread_small_replies_are_bounded)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    int fds[READERS];
    e2e_start(world, NULL);
    begin(world, &channel);
    size_t before = private_bytes(world);
    for (int r = 0; r < READERS; r++) {
        char pings[1024 * 12];
        fds[r] = wire_greet(world);
        for (int i = 0; i < 1024; i++)
            memcpy(pings + i * 12, PING, 12);
        fcntl(fds[r], F_SETFL, O_NONBLOCK);
        struct pollfd writable = {.fd = fds[r], .events = POLLOUT};
        while (poll(&writable, 1, 300) == 1) /* until the daemon stops reading */
            ck_assert_int_gt(send(fds[r], pings, sizeof(pings), MSG_NOSIGNAL), 0);
    }
    wait_for_quiet(&channel);
    expect_growth(world, before, 16 * MIB);
    for (int r = 0; r < READERS; r++)
        close(fds[r]);
    stele_channel_close(&channel);
}
END_TEST

/* ---- large frames --------------------------------------------------------------------------- */

#define HALVES      12
#define HALF_FRAME  (64 * MIB)
#define HALF_SENDS  (40 * MIB)
#define LARGE_BOUND (512 * MIB) /* twice what turn.h allows before it lets them wait */

/* Sends what the socket takes now of up to `limit` bytes; true while it takes some. */
static bool send_some(int fd, const uint8_t *bytes, size_t *sent, size_t limit)
{
    size_t count = limit - *sent < MIB ? limit - *sent : MIB;
    ssize_t took = count > 0 ? send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
    if (took > 0)
        *sent += (size_t)took;
    return took > 0;
}

/* Each begins a frame of 64 MiB and sends 40 MiB of it, or as much as the daemon takes. */
static void begin_halves(struct e2e_world *world, int *fds)
{
    uint8_t *bytes = calloc(1, MIB);
    size_t sent[HALVES] = {0};
    for (int i = 0; i < HALVES; i++) {
        fds[i] = wire_greet(world);
        SEND(fds[i], "\0\0\0\x04\x10\0" HANDLE "\x01\0\0\0\xf7\xff\xff\x03\x01\0\0\0k");
    }
    for (int idle = 0; idle < 10;) {
        bool moved = false;
        for (int i = 0; i < HALVES; i++)
            moved |= send_some(fds[i], bytes, &sent[i], HALF_SENDS);
        idle = moved ? 0 : idle + 1;
        if (!moved)
            poll(NULL, 0, 50);
    }
    free(bytes);
}

START_TEST(halves_of_large_frames_are_bounded)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_completion completion;
    enum stele_status status;
    int fds[HALVES];
    uint8_t *value = calloc(1, 8 * MIB);
    size_t got = 0;
    e2e_start(world, (const char *const[]){"--max-bytes", "512M", NULL});
    uint16_t id = begin(world, &channel);
    channel.timeout_ms = -1;
    e2e_ok(stele_channel_put(&channel, id, "large", 5, value, 8 * MIB, -1));
    size_t before = private_bytes(world);
    begin_halves(world, fds);
    expect_growth(world, before, LARGE_BOUND);
    /* ordinary commands go on; a large value cannot be had for the moment */
    e2e_ok(stele_channel_put(&channel, id, "small", 5, "v", 1, E2E_PATIENCE_MS));
    e2e_ok(stele_channel_get(&channel, id, "small", 5, value, 10, &got, E2E_PATIENCE_MS));
    e2e_is(stele_channel_get(&channel, id, "large", 5, value, 8 * MIB, &got, E2E_PATIENCE_MS),
           STELE_EBUSY);
    /* and a large frame gets its turn, at the latest when those that are stuck have lost theirs */
    e2e_ok(stele_channel_submit_put(&channel, id, "mine", 4, value, 8 * MIB, NULL));
    int64_t deadline = stelei_io_deadline(4 * E2E_PATIENCE_MS);
    while ((status = stele_channel_collect(&channel, &completion, 50)) == STELE_ETIMEDOUT) {
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "it never gets its turn");
        for (int i = 0; i < HALVES; i++) /* a byte now and then must not keep them their place */
            send(fds[i], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    e2e_ok(status);
    e2e_ok(completion.status);
    ck_assert(e2e_logged(world, "does not send the rest"));
    expect_growth(world, before, LARGE_BOUND);
    for (int i = 0; i < HALVES; i++)
        close(fds[i]);
    wait_for_quiet(&channel);
    e2e_ok(stele_channel_get(&channel, id, "large", 5, value, 8 * MIB, &got, E2E_PATIENCE_MS));
    expect_growth(world, before, 32 * MIB); /* all of it was given back */
    free(value);
    stele_channel_close(&channel);
}
END_TEST

/* Large values that nobody takes: others are refused theirs for the moment, and nothing else. */
START_TEST(unread_large_values_are_bounded)
{
    enum { COUNT = 16 };
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    int fds[COUNT];
    size_t got = 0, bytes = 48 * MIB;
    uint8_t *value = calloc(1, bytes);
    e2e_start(world, (const char *const[]){"--max-bytes", "512M", NULL});
    uint16_t id = begin(world, &channel);
    e2e_ok(stele_channel_put(&channel, id, "k", 1, value, bytes, -1));
    size_t before = private_bytes(world);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = wire_greet(world);
        SEND(fds[i], "\x09\0\0\0\x16\0" HANDLE "\x03\0\0\0\0\0\0\x03\x01\0\0\0k");
    }
    wait_for_quiet(&channel);
    expect_growth(world, before, LARGE_BOUND);
    EXPECT(fds[COUNT - 1], "\x04\0\0\0\x96\0\0\0\x03\0\0\0\x05\0\0\0"); /* STELE_EBUSY */
    e2e_is(stele_channel_get(&channel, id, "k", 1, value, bytes, &got, -1), STELE_EBUSY);
    e2e_is(stele_channel_get(&channel, id, "k", 1, value, 1, &got, -1), STELE_ESHORT);
    ck_assert_uint_eq(got, bytes);
    e2e_ok(stele_channel_put(&channel, id, "small", 5, "v", 1, E2E_PATIENCE_MS));
    e2e_ok(stele_channel_put(&channel, id, "large", 5, value, 8 * MIB, E2E_PATIENCE_MS));
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    wait_for_quiet(&channel);
    e2e_ok(stele_channel_get(&channel, id, "k", 1, value, bytes, &got, E2E_PATIENCE_MS));
    expect_growth(world, before, 32 * MIB);
    free(value);
    stele_channel_close(&channel);
}
END_TEST

/* Long lists that nobody takes, asked for in a protocol that cannot be told to try again: they wait for
 * their turn, and all of them come whole. */
START_TEST(unread_long_lists_are_delayed)
{
    enum { COUNT = 16, VALUES = 12 << 20 };
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    int fds[COUNT], tcp;
    uint32_t *values = malloc(VALUES * 4u), *got = malloc(VALUES * 4u);
    for (uint32_t i = 0; i < VALUES; i++)
        values[i] = i * 2654435761u;
    older_start(world, (const char *const[]){"--max-bytes", "512M", NULL});
    older_append(world, "map8x32", "k", 1, values, VALUES * 4u);
    e2e_connect(world, &channel);
    wait_for_quiet(&channel);
    size_t before = private_bytes(world);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = older_map8x32(world);
        older_send(fds[i], GET, 'k', 0);
        older_send(fds[i], SET, 'l', (uint32_t)i); /* waits behind it */
    }
    wait_for_quiet(&channel);
    expect_growth(world, before, LARGE_BOUND);
    tcp = older_usize_kv(world, 0); /* others are served */
    older_do(tcp, APPEND, 1, 2);
    older_read(tcp, 1, (const uint64_t[]){2}, 1);
    close(tcp);
    for (int i = 0; i < COUNT; i++) { /* those that were first have theirs: who leaves it is dropped */
        older_expect(fds[i], 1);
        ck_assert_uint_eq(older_receive_count(fds[i]), VALUES);
        ck_assert_uint_eq(e2e_raw_receive(fds[i], got, VALUES * 4u), VALUES * 4u);
        ck_assert(memcmp(got, values, VALUES * 4u) == 0);
        older_expect(fds[i], 1);
    }
    ck_assert_uint_eq(older_get(fds[0], 'l', got, COUNT), COUNT);
    for (int i = 0; i < COUNT; i++) /* again, and gone without having taken any */
        older_send(fds[i], GET, 'k', 0);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    wait_for_quiet(&channel);
    expect_growth(world, before, 32 * MIB);
    free(values);
    free(got);
    stele_channel_close(&channel);
}
END_TEST

/* A byte of the next frame must not hold on to what a large one has needed. */
START_TEST(one_byte_left_behind)
{
    enum { COUNT = 8 };
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    int fds[COUNT];
    uint8_t *bytes = calloc(1, 24 * MIB);
    e2e_start(world, (const char *const[]){"--max-bytes", "512M", NULL});
    begin(world, &channel);
    size_t before = private_bytes(world);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = wire_greet(world);
        SEND(fds[i], "\x09\0\x80\x01\x10\0" HANDLE "\x01\0\0\0\0\0\x80\x01\x01\0\0\0k");
        e2e_raw_send(fds[i], bytes, 24 * MIB);
        e2e_raw_send(fds[i], bytes, 1);
        EXPECT(fds[i], "\x04\0\0\0\x90\0\0\0\x01\0\0\0\0\0\0\0");
    }
    wait_for_quiet(&channel);
    expect_growth(world, before, 32 * MIB);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    free(bytes);
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("memory");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 180 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, promised_lengths_cost_nothing);
    tcase_add_test(all, idle_connections_are_cheap);
    tcase_add_test(all, unread_replies_are_bounded);
    tcase_add_test(all, unread_small_replies_are_bounded);
    tcase_add_test(all, halves_of_large_frames_are_bounded);
    tcase_add_test(all, unread_large_values_are_bounded);
    tcase_add_test(all, unread_long_lists_are_delayed);
    tcase_add_test(all, one_byte_left_behind);
    return e2e_run(suite, argc, argv);
}
