/* Peers that mean no good, or know no better: halves, garbage, resets, floods (promise G). */
#include "wire.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* A stream of good frames, and how many bytes answer it. */
static const char stream[] =
    CREATE "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x02\0\0\0\x01\0\0\0kvw"
           "\x14\0\0\0\x14\0" HANDLE "\x06\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0kvw1"
           "\x11\0\0\0\x15\0" HANDLE "\x07\0\0\0\xf7\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0\0\0\0k"
           "\x09\0\0\0\x16\0" HANDLE "\x03\0\0\0\0\x10\0\0\x01\0\0\0k"
           "\x24\0\0\0\x18\0\0\0\x05\0\0\0\x02\0\0\0"
           "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x01\0\0\0kvw"
           "\x05\0\0\0\x11\0\x01\0\x01\0\0\0x" PING;

/* Ends of the frames in it, and of their replies. */
static const size_t stream_ends[] = {37, 60, 92, 121, 142, 190, 202};
static const size_t reply_ends[] = {16, 32, 48, 76, 98, 122, 138};
#define STREAM_FRAMES (sizeof(stream_ends) / sizeof(stream_ends[0]))

static size_t replies_to(size_t bytes)
{
    size_t replies = 0;
    for (size_t i = 0; i < STREAM_FRAMES && stream_ends[i] <= bytes; i++)
        replies = reply_ends[i];
    return replies;
}

/* Everything that comes until the end of the connection. */
static size_t drain(int fd)
{
    uint8_t bytes[512];
    size_t total = 0, got;
    while ((got = e2e_raw_receive(fd, bytes, sizeof(bytes))) > 0)
        total += got;
    return total;
}

/* Cut at every byte: whole frames are answered, halves have no effect, the daemon hangs up. */
START_TEST(halves_and_then_the_end)
{
    struct e2e_world *world = e2e_world();
    size_t longest = replies_to(sizeof(stream) - 1);
    e2e_start(world, NULL);
    ck_assert_uint_eq(stream_ends[STREAM_FRAMES - 1], sizeof(stream) - 1);
    for (size_t count = 0; count < sizeof(stream); count++) {
        int fd = wire_greet(world);
        e2e_raw_send(fd, stream, count);
        shutdown(fd, SHUT_WR);
        size_t got = drain(fd);
        ck_assert_msg(got == replies_to(count), "%zu bytes: %zu of replies", count, got);
        ck_assert_uint_le(got, longest);
        close(fd);
    }
    wire_expect_alive(world);
}
END_TEST

/* The same without a word of farewell: replies stay unread, which is a reset. */
START_TEST(halves_and_then_nothing)
{
    struct e2e_world *world = e2e_world();
    int fds[sizeof(stream)];
    e2e_start(world, NULL);
    for (size_t count = 0; count < sizeof(stream); count++) {
        fds[count] = wire_greet(world);
        e2e_raw_send(fds[count], stream, count);
    }
    wire_expect_alive(world); /* while they all wait for the rest */
    for (size_t count = 0; count < sizeof(stream); count++)
        close(fds[count]);
    wire_expect_alive(world);
}
END_TEST

START_TEST(bytes_one_by_one)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = e2e_raw(world);
    for (size_t i = 0; i < sizeof(HELLO) - 1; i++)
        e2e_raw_send(fd, &HELLO[i], 1);
    wire_expect_welcome(world, fd);
    for (size_t i = 0; i < sizeof(stream) - 1; i++) {
        e2e_raw_send(fd, stream + i, 1);
        poll(NULL, 0, i % 8 == 0); /* now and then a turn of its own */
    }
    uint8_t replies[138];
    ck_assert_uint_eq(e2e_raw_receive(fd, replies, sizeof(replies)), sizeof(replies));
    ck_assert_mem_eq(replies + 122, PONG, 16);
    close(fd);
    wire_expect_alive(world);
}
END_TEST

START_TEST(resets)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    for (int i = 0; i < 1000; i++) {
        int fd = e2e_raw(world);
        if (i % 4 > 0)
            SEND(fd, HELLO);
        if (i % 4 > 1)
            SEND(fd, PING PING PING);
        if (i % 4 > 2)
            SEND(fd, "\x0b\0\0\0\x10\0\0\0\x02");
        close(fd); /* with replies unread: a reset */
    }
    wire_expect_alive(world);
}
END_TEST

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static size_t make_garbage(uint64_t *random, bool plausible, char *bytes)
{
    /* all but SHUTDOWN, which would be obeyed */
    static const uint8_t opcodes[] = {0x01, 0x02, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
                                      0x16, 0x18, 0x20, 0x21, 0x22, 0x23, 0x24, 0x30};
    size_t count = sizeof(stream) - 1;
    if (!plausible) { /* a good stream with a few bits flipped */
        memcpy(bytes, stream, count);
        for (uint32_t flips = 1 + next_random(random) % 4; flips > 0; flips--)
            bytes[next_random(random) % count] ^= (char)(1u << next_random(random) % 8);
        return count;
    }
    count = 12 + next_random(random) % 64;
    for (size_t i = 0; i < count; i++)
        bytes[i] = (char)next_random(random);
    bytes[0] = (char)(count - 12);
    bytes[1] = bytes[2] = bytes[3] = bytes[5] = 0;
    bytes[4] = (char)opcodes[next_random(random) % sizeof(opcodes)];
    return count;
}

START_TEST(garbage)
{
    struct e2e_world *world = e2e_world();
    uint64_t random = 20240607;
    e2e_start(world, NULL);
    unsigned rounds = (unsigned)(2000 * e2e_scale());
    for (unsigned round = 0; round < rounds; round++) {
        char bytes[sizeof(stream) + 64];
        size_t count = make_garbage(&random, round % 2, bytes);
        int fd = wire_greet(world);
        e2e_raw_send(fd, bytes, count);
        shutdown(fd, SHUT_WR);
        drain(fd); /* whatever it says: it must come to an end */
        close(fd);
    }
    wire_expect_alive(world);
    ck_assert_int_eq(e2e_stop(world, SIGTERM), 0);
}
END_TEST

/* Sends pings until the daemon stops reading for good; returns how many bytes it took. */
static size_t flood(int fd, size_t limit)
{
    enum { BATCH = 512 };
    char pings[BATCH * 12];
    size_t sent = 0;
    for (int i = 0; i < BATCH; i++)
        memcpy(pings + i * 12, PING, 12);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (sent < limit) {
        size_t at = sent % sizeof(pings);
        ssize_t count = send(fd, pings + at, sizeof(pings) - at, MSG_NOSIGNAL);
        struct pollfd writable = {.fd = fd, .events = POLLOUT};
        if (count > 0)
            sent += (size_t)count;
        else if (poll(&writable, 1, 500) == 0)
            break;
    }
    fcntl(fd, F_SETFL, 0);
    return sent;
}

START_TEST(slow_reader_is_held_up_and_nobody_else)
{
    struct e2e_world *world = e2e_world();
    char reply[16];
    size_t limit = 64u << 20;
    e2e_start(world, NULL);
    int fd = wire_greet(world);
    size_t sent = flood(fd, limit);
    ck_assert_msg(sent < limit, "nothing holds the sender back");
    wire_expect_alive(world); /* others are served */
    for (size_t i = 0; i < sent / 12; i++) {
        ck_assert_uint_eq(e2e_raw_receive(fd, reply, 16), 16);
        if (memcmp(reply, PONG, 16) != 0)
            ck_abort_msg("reply %zu is another one", i);
    }
    close(fd);
    wire_expect_alive(world);
}
END_TEST

/* One that is hung up on, but does not take what waits for it, is not kept for ever. */
START_TEST(closed_ones_do_not_linger)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_daemon_stats stats;
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    int fd = wire_greet(world);
    /* more replies than a socket takes, fewer than the daemon stops reading at; then nonsense */
    ck_assert_uint_eq(flood(fd, 35 * 512 * 12), 35 * 512 * 12);
    SEND(fd, "\xff\xff\xff\xff\x10\0\0\0\x01\0\0\0");
    do {
        e2e_ok(stele_channel_stats(&channel, &stats, -1));
        ck_assert_int_gt(stelei_io_left_ms(deadline), 0);
    } while (stats.protocol_errors == 0);
    ck_assert_uint_eq(stats.connections, 2); /* it still has the chance to read */
    while (stats.connections > 1) {
        e2e_ok(stele_channel_stats(&channel, &stats, -1));
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "it is kept");
        poll(NULL, 0, 50);
    }
    close(fd);
    stele_channel_close(&channel);
}
END_TEST

/* Whoever connects and says nothing, or nothing whole, does not hold a descriptor for ever. */
START_TEST(silent_ones_are_closed)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int silent = e2e_raw(world);
    int half = e2e_raw(world);
    int idle = wire_greet(world);
    e2e_raw_send(half, HELLO, 19);
    wire_expect_end(silent);
    wire_expect_end(half);
    SEND(idle, PING); /* one that has said hello may be as idle as it likes */
    EXPECT(idle, PONG);
    close(idle);
}
END_TEST

/* ---- many of them --------------------------------------------------------------------------- */

#define MANY 1000

static void raise_descriptors(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_msg(limit.rlim_max >= MANY + 100, "this test needs %d descriptors", MANY + 100);
    limit.rlim_cur = MANY + 100;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(a_thousand_connections)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_daemon_stats stats;
    static int fds[MANY];
    e2e_start(world, NULL);
    raise_descriptors();
    e2e_connect(world, &channel);
    for (int i = 0; i < MANY; i++)
        fds[i] = wire_greet(world);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) /* all at once */
            SEND(fds[i], PING);
        for (int i = 0; i < MANY; i++)
            EXPECT(fds[i], PONG);
    }
    e2e_ok(stele_channel_stats(&channel, &stats, -1));
    ck_assert_uint_eq(stats.connections, MANY + 1);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    do {
        e2e_ok(stele_channel_stats(&channel, &stats, -1));
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "they are never given up");
    } while (stats.connections > 1);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(descriptors_run_out)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel, late;
    struct stele_daemon_stats stats;
    int fds[64];
    char byte;
    e2e_spawn(world, NULL, 32);
    e2e_wait_ready(world);
    e2e_connect(world, &channel);
    for (int i = 0; i < 64; i++)
        fds[i] = e2e_raw(world);
    e2e_ok(stele_channel_ping(&channel, -1));                 /* who is in stays in */
    ck_assert_uint_eq(e2e_raw_receive(fds[63], &byte, 1), 0); /* who is not is told */
    SEND(fds[0], HELLO);
    wire_expect_welcome(world, fds[0]);
    for (int i = 0; i < 64; i++)
        close(fds[i]);
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    while (stele_channel_connect(&late, world->socket_path, 1000) != STELE_OK)
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "no connection after the shortage");
    stele_channel_close(&late);
    do {
        e2e_ok(stele_channel_stats(&channel, &stats, -1));
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "those turned away are not counted");
    } while (stats.connections_refused == 0);
    stele_channel_close(&channel);
}
END_TEST

/* Puts as fast as it can, until it is killed. */
static void pipeline_for_ever(const char *path)
{
    struct stele_channel channel;
    struct stele_completion completion;
    uint16_t id = 0;
    if (stele_channel_connect(&channel, path, E2E_PATIENCE_MS) != STELE_OK ||
        stele_channel_table_find(&channel, "t", &id, -1) != STELE_OK)
        _exit(2);
    for (uint64_t i = 0;; i++) {
        if (stele_channel_pending(&channel) >= 20000)
            while (stele_channel_pending(&channel) > 10000)
                if (stele_channel_collect(&channel, &completion, -1) != STELE_OK)
                    _exit(3);
        if (stele_channel_submit_put(&channel, id, &i, 2, &i, sizeof(i), NULL) != STELE_OK)
            _exit(4);
    }
}

START_TEST(a_flood_leaves_room_for_others)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_daemon_stats before, after;
    uint16_t id = 0;
    pid_t children[3];
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0)
            pipeline_for_ever(world->socket_path);
    }
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    do { /* until it has begun */
        e2e_ok(stele_channel_stats(&channel, &before, -1));
        ck_assert_int_gt(stelei_io_left_ms(deadline), 0);
    } while (before.commands < 100000);
    for (int i = 0; i < 200; i++)
        e2e_ok(stele_channel_put(&channel, id, "mine", 4, &i, sizeof(i), E2E_PATIENCE_MS));
    e2e_ok(stele_channel_stats(&channel, &after, -1));
    ck_assert_uint_gt(after.commands - before.commands, 10000); /* it did go on meanwhile */
    for (int i = 0; i < 3; i++) {
        int status = 0;
        kill(children[i], SIGKILL);
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert(WIFSIGNALED(status)); /* and had not ended before */
    }
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("hostile");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, halves_and_then_the_end);
    tcase_add_test(all, halves_and_then_nothing);
    tcase_add_test(all, bytes_one_by_one);
    tcase_add_test(all, resets);
    tcase_add_test(all, garbage);
    tcase_add_test(all, slow_reader_is_held_up_and_nobody_else);
    tcase_add_test(all, closed_ones_do_not_linger);
    tcase_add_test(all, silent_ones_are_closed);
    tcase_add_test(all, a_thousand_connections);
    tcase_add_test(all, descriptors_run_out);
    tcase_add_test(all, a_flood_leaves_room_for_others);
    return e2e_run(suite, argc, argv);
}
