/* The wire as a stranger sees it: exact bytes, halves, garbage, floods (promise G). */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define HELLO "\x08\0\0\0\x01\0\0\0\x07\0\0\0STL1\x01\0\x01\0"
#define PING  "\0\0\0\0\x02\0\0\0\x09\0\0\0"

/* A literal without its terminating zero. */
#define SEND(fd, literal) e2e_raw_send(fd, literal, sizeof(literal) - 1)
#define EXPECT(fd, literal)                                                                        \
    do {                                                                                           \
        char got_[sizeof(literal)];                                                                \
        ck_assert_uint_eq(e2e_raw_receive(fd, got_, sizeof(literal) - 1), sizeof(literal) - 1);    \
        ck_assert_mem_eq(got_, literal, sizeof(literal) - 1);                                      \
    } while (0)

static void expect_end(int fd)
{
    char byte;
    ck_assert_uint_eq(e2e_raw_receive(fd, &byte, 1), 0);
    close(fd);
}

static void expect_welcome(struct e2e_world *world, int fd)
{
    uint8_t reply[12 + 48 + 64];
    size_t bytes = 12 + 48 + strlen(world->name);
    ck_assert_uint_eq(e2e_raw_receive(fd, reply, bytes), bytes);
    ck_assert_uint_eq(reply[4], 0x81);
    ck_assert_uint_eq(reply[12], 0);
    ck_assert_mem_eq(reply + 60, world->name, strlen(world->name));
}

/* Connected, and HELLO exchanged. */
static int greet(struct e2e_world *world)
{
    int fd = e2e_raw(world);
    SEND(fd, HELLO);
    expect_welcome(world, fd);
    return fd;
}

static void expect_alive(struct e2e_world *world)
{
    ck_assert(e2e_alive(world));
    int fd = greet(world);
    SEND(fd, PING);
    EXPECT(fd, "\x04\0\0\0\x82\0\0\0\x09\0\0\0\0\0\0\0");
    close(fd);
}

/* The handle of the first table of the first daemon of a segment: descriptor 0, uses = epoch 1. */
#define HANDLE "\0\x02"
#define CREATE "\x05\0\0\0\x20\0\0\0\x01\0\0\0\0\0\0\x01t"

START_TEST(golden_bytes)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = greet(world);
    SEND(fd, CREATE);
    EXPECT(fd, "\x04\0\0\0\xa0\0" HANDLE "\x01\0\0\0\0\0\0\0");
    SEND(fd, "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x02\0\0\0\x01\0\0\0kvw"); /* put */
    EXPECT(fd, "\x04\0\0\0\x90\0\0\0\x02\0\0\0\0\0\0\0");
    SEND(fd, "\x05\0\0\0\x11\0" HANDLE "\x03\0\0\0\x01\0\0\0k"); /* erase, twice */
    SEND(fd, "\x05\0\0\0\x11\0" HANDLE "\x04\0\0\0\x01\0\0\0k");
    EXPECT(fd, "\x04\0\0\0\x91\0\0\0\x03\0\0\0\0\0\0\0");
    EXPECT(fd, "\x04\0\0\0\x91\0\0\0\x04\0\0\0\x01\0\0\0");
    SEND(fd, "\x24\0\0\0\x18\0\0\0\x05\0\0\0\x02\0\0\0"
             "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x01\0\0\0kvw"
             "\x05\0\0\0\x11\0\x01\0\x01\0\0\0x");
    EXPECT(fd, "\x0c\0\0\0\x98\0\0\0\x05\0\0\0\0\0\0\0\x02\0\0\0\0\0\x09\0");
    SEND(fd, "\x01\0\0\0\x21\0\0\0\x06\0\0\0t"); /* find, clear, drop, find */
    EXPECT(fd, "\x04\0\0\0\xa1\0" HANDLE "\x06\0\0\0\0\0\0\0");
    SEND(fd, "\0\0\0\0\x23\0" HANDLE "\x07\0\0\0");
    EXPECT(fd, "\x04\0\0\0\xa3\0\0\0\x07\0\0\0\0\0\0\0");
    SEND(fd, "\0\0\0\0\x22\0" HANDLE "\x08\0\0\0");
    EXPECT(fd, "\x04\0\0\0\xa2\0\0\0\x08\0\0\0\0\0\0\0");
    SEND(fd, "\x01\0\0\0\x21\0\0\0\x09\0\0\0t");
    EXPECT(fd, "\x04\0\0\0\xa1\0\0\0\x09\0\0\0\x09\0\0\0");
    SEND(fd, PING);
    EXPECT(fd, "\x04\0\0\0\x82\0\0\0\x09\0\0\0\0\0\0\0");
    close(fd);
}
END_TEST

START_TEST(bytes_one_by_one)
{
    struct e2e_world *world = e2e_world();
    static const char stream[] =
        HELLO CREATE "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x02\0\0\0\x01\0\0\0kvw" PING;
    e2e_start(world, NULL);
    int fd = e2e_raw(world);
    for (size_t i = 0; i < sizeof(stream) - 1; i++) {
        e2e_raw_send(fd, stream + i, 1);
        poll(NULL, 0, i % 8 == 0); /* now and then a turn of its own */
    }
    expect_welcome(world, fd);
    EXPECT(fd, "\x04\0\0\0\xa0\0" HANDLE "\x01\0\0\0\0\0\0\0");
    EXPECT(fd, "\x04\0\0\0\x90\0\0\0\x02\0\0\0\0\0\0\0");
    EXPECT(fd, "\x04\0\0\0\x82\0\0\0\x09\0\0\0\0\0\0\0");
    /* half a frame at the end: what came before is answered */
    SEND(fd, PING "\x0b\0\0\0\x10\0");
    shutdown(fd, SHUT_WR);
    EXPECT(fd, "\x04\0\0\0\x82\0\0\0\x09\0\0\0\0\0\0\0");
    expect_end(fd);
    expect_alive(world);
}
END_TEST

START_TEST(refused_and_closed)
{
    /* after HELLO; each is answered once, and the connection closed */
    static const struct {
        const char *bytes;
        size_t count;
        uint8_t opcode;
        uint8_t status;
    } cases[] = {
#define CASE(literal, opcode, status) {literal, sizeof(literal) - 1, opcode, status}
        CASE("\xff\xff\xff\xff\x10\0\0\0\x01\0\0\0", 0x90, STELE_ETOOBIG), /* huge length */
        CASE("\x01\0\0\x04\x10\0\0\0\x01\0\0\0", 0x90, STELE_ETOOBIG),     /* limit + 1 */
        CASE("\0\0\0\0\x82\0\0\0\x01\0\0\0", 0x82, STELE_EPROTO),          /* a reply */
        CASE("\x01\0\0\0\x02\0\0\0\x01\0\0\0x", 0x82, STELE_EPROTO),       /* a body too many */
        CASE("\0\0\0\0\x02\0\x01\0\x01\0\0\0", 0x82, STELE_EPROTO),        /* a table too many */
        CASE("\x07\0\0\0\x10\0\0\0\x01\0\0\0\0\0\0\0\0\0\0", 0x90, STELE_EPROTO), /* short body */
        CASE("\x08\0\0\0\x10\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0", 0x90, STELE_EPROTO),
        CASE("\x08\0\0\0\x10\0\0\0\x01\0\0\0\0\0\0\0\0\0\x01\0", 0x90, STELE_EPROTO), /* padding */
        CASE("\x04\0\0\0\x11\0\0\0\x01\0\0\0\x01\0\0\0", 0x91, STELE_EPROTO),
        CASE("\0\0\0\0\x20\0\0\0\x01\0\0\0", 0xa0, STELE_EPROTO),
        CASE("\x04\0\0\0\x20\0\0\0\x01\0\0\0\0\0\0\0", 0xa0, STELE_EPROTO), /* empty name */
        CASE("\x05\0\0\0\x20\0\0\0\x01\0\0\0\0\0\0\x01\0", 0xa0, STELE_EPROTO),
        CASE("\0\0\0\0\x21\0\0\0\x01\0\0\0", 0xa1, STELE_EPROTO),
        CASE("\0\0\0\0\x18\0\0\0\x01\0\0\0", 0x98, STELE_EPROTO),
        CASE("\x04\0\0\0\x18\0\0\0\x01\0\0\0\0\0\0\0", 0x98, STELE_EPROTO), /* empty vector */
        CASE("\x04\0\0\0\x18\0\0\0\x01\0\0\0\x01\0\0\0", 0x98, STELE_EPROTO),
        CASE("\x05\0\0\0\x18\0\0\0\x01\0\0\0\x01\0\0\0x", 0x98, STELE_EPROTO),
        CASE("\x08\0\0\0\x01\0\0\0\x01\0\0\0NOPE\x01\0\x01\0", 0x81, STELE_EPROTO),
        CASE("\x08\0\0\0\x01\0\0\0\x01\0\0\0STL1\x02\0\x09\0", 0x81, STELE_EVERSION),
        CASE("\x08\0\0\0\x01\0\0\0\x01\0\0\0STL1\x02\0\x01\0", 0x81, STELE_EPROTO),
#undef CASE
    };
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t reply[16];
        int fd = greet(world);
        e2e_raw_send(fd, cases[i].bytes, cases[i].count);
        ck_assert_msg(e2e_raw_receive(fd, reply, 16) == 16, "case %zu: no answer", i);
        ck_assert_msg(reply[4] == cases[i].opcode && reply[12] == cases[i].status,
                      "case %zu: opcode %x status %u", i, reply[4], reply[12]);
        ck_assert_mem_eq(reply + 8, "\x01\0\0\0", 4);
        expect_end(fd);
    }
    /* no HELLO at all */
    int fd = e2e_raw(world);
    SEND(fd, PING);
    EXPECT(fd, "\x04\0\0\0\x82\0\0\0\x09\0\0\0\x15\0\0\0");
    expect_end(fd);
    fd = e2e_raw(world);
    SEND(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT(fd, "\x04\0\0\0\xaf"); /* the bytes say what they say */
    close(fd);
    expect_alive(world);
}
END_TEST

START_TEST(refused_and_going_on)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = greet(world);
    SEND(fd, "\x03\0\0\0\x7f\0\0\0\x01\0\0\0xyz"); /* an opcode of tomorrow */
    EXPECT(fd, "\x04\0\0\0\xff\0\0\0\x01\0\0\0\x1a\0\0\0");
    SEND(fd, "\0\0\0\0\x02\x80\0\0\x02\0\0\0"); /* a flag of tomorrow */
    EXPECT(fd, "\x04\0\0\0\x82\0\0\0\x02\0\0\0\x1a\0\0\0");
    SEND(fd, "\x05\0\0\0\x20\0\0\0\x03\0\0\0\x04\0\0\x01t"); /* a kind of tomorrow */
    EXPECT(fd, "\x04\0\0\0\xa0\0\0\0\x03\0\0\0\x1a\0\0\0");
    SEND(fd, "\x0c\0\0\0\x18\0\0\0\x04\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0"); /* ping in a vector */
    EXPECT(fd, "\x04\0\0\0\x98\0\0\0\x04\0\0\0\x1a\0\0\0");
    SEND(fd, "\x04\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\x01\0"); /* more than a vector holds */
    EXPECT(fd, "\x04\0\0\0\x98\0\0\0\x05\0\0\0\x07\0\0\0");
    SEND(fd, HELLO); /* once more: as good as any command */
    expect_welcome(world, fd);
    SEND(fd, PING);
    EXPECT(fd, "\x04\0\0\0\x82\0\0\0\x09\0\0\0\0\0\0\0");
    close(fd);
}
END_TEST

START_TEST(malformed_vector_runs_nothing)
{
    struct e2e_world *world = e2e_world();
    struct stele_reader reader;
    struct stele_table table;
    e2e_start(world, NULL);
    int fd = greet(world);
    SEND(fd, CREATE);
    EXPECT(fd, "\x04\0\0\0\xa0\0" HANDLE "\x01\0\0\0\0\0\0\0");
    /* a good put, then an entry whose key does not fit */
    SEND(fd, "\x24\0\0\0\x18\0\0\0\x05\0\0\0\x02\0\0\0"
             "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x01\0\0\0kvw"
             "\x05\0\0\0\x11\0" HANDLE "\x02\0\0\0x");
    EXPECT(fd, "\x04\0\0\0\x98\0\0\0\x05\0\0\0\x15\0\0\0");
    expect_end(fd);
    e2e_ok(stele_reader_attach(&reader, world->name));
    e2e_ok(stele_table_open(&reader, "t", &table));
    e2e_is(stele_contains(&table, "k", 1), STELE_ENOTFOUND);
}
END_TEST

/* Private writable memory, touched or not: the segment does not count. */
static size_t private_bytes(pid_t pid)
{
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "r");
    int fields = file ? fscanf(file, "%*u %*u %*u %*u %*u %lu", &pages) : 0;
    if (file)
        fclose(file);
    ck_assert_int_eq(fields, 1);
    return pages * 4096;
}

/* A length alone must not cost memory, however many say it. */
START_TEST(promised_lengths_cost_nothing)
{
    struct e2e_world *world = e2e_world();
    int fds[100];
    e2e_start(world, NULL);
    size_t before = private_bytes(world->pid);
    for (int i = 0; i < 100; i++) {
        fds[i] = greet(world);
        SEND(fds[i], "\0\0\0\x04\x10\0\0\0\x01\0\0\0"); /* 64 MiB to come */
    }
    expect_alive(world); /* it has seen the headers */
    for (int i = 0; i < 100; i++)
        SEND(fds[i], "x"); /* it receives again, now knowing what it needs */
    expect_alive(world);
    size_t after = private_bytes(world->pid);
    ck_assert_msg(after < before + (32u << 20), "%zu bytes more", after - before);
    for (int i = 0; i < 100; i++)
        close(fds[i]);
}
END_TEST

START_TEST(slow_reader_is_held_up_and_nobody_else)
{
    struct e2e_world *world = e2e_world();
    enum { BATCH = 512 };
    char pings[BATCH * 12], reply[16];
    size_t sent = 0, limit = 64u << 20;
    e2e_start(world, NULL);
    int fd = greet(world);
    size_t before = private_bytes(world->pid);
    for (int i = 0; i < BATCH; i++)
        memcpy(pings + i * 12, PING, 12);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (sent < limit) { /* until the daemon stops reading for good */
        size_t at = sent % sizeof(pings);
        ssize_t count = send(fd, pings + at, sizeof(pings) - at, MSG_NOSIGNAL);
        struct pollfd writable = {.fd = fd, .events = POLLOUT};
        if (count > 0)
            sent += (size_t)count;
        else if (poll(&writable, 1, 500) == 0)
            break;
    }
    ck_assert_msg(sent < limit, "nothing holds the sender back");
    ck_assert_uint_lt(private_bytes(world->pid), before + (32u << 20));
    expect_alive(world); /* others are served */
    fcntl(fd, F_SETFL, 0);
    for (size_t i = 0; i < sent / 12; i++) {
        ck_assert_uint_eq(e2e_raw_receive(fd, reply, 16), 16);
        ck_assert_mem_eq(reply, "\x04\0\0\0\x82\0\0\0\x09\0\0\0\0\0\0\0", 16);
    }
    close(fd);
    expect_alive(world);
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
    expect_alive(world);
}
END_TEST

START_TEST(descriptors_run_out)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    int fds[64];
    e2e_spawn(world, NULL, 32);
    e2e_wait_ready(world);
    e2e_connect(world, &channel);
    for (int i = 0; i < 64; i++)
        fds[i] = e2e_raw(world);
    e2e_ok(stele_channel_ping(&channel, -1)); /* who is in stays in */
    char byte;
    ck_assert_uint_eq(e2e_raw_receive(fds[63], &byte, 1), 0); /* who is not is told */
    for (int i = 0; i < 64; i++)
        close(fds[i]);
    struct stele_channel late;
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    while (stele_channel_connect(&late, world->socket_path, 1000) != STELE_OK)
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "no connection after the shortage");
    stele_channel_close(&late);
    e2e_ok(stele_channel_ping(&channel, -1));
    stele_channel_close(&channel);
}
END_TEST

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* Plausible frames with random bodies, and good streams with random bytes flipped. */
START_TEST(garbage)
{
    struct e2e_world *world = e2e_world();
    static const char good[] = CREATE "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x02\0\0\0\x01\0\0\0kvw"
                                      "\x24\0\0\0\x18\0\0\0\x05\0\0\0\x02\0\0\0"
                                      "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x01\0\0\0kvw"
                                      "\x05\0\0\0\x11\0\x01\0\x01\0\0\0x" PING;
    uint64_t random = 20240607;
    e2e_start(world, NULL);
    unsigned rounds = (unsigned)(2000 * e2e_scale());
    for (unsigned round = 0; round < rounds; round++) {
        char bytes[sizeof(good) + 64];
        size_t count = sizeof(good) - 1;
        int fd = greet(world);
        memcpy(bytes, good, count);
        if (round % 2) {
            for (uint32_t flips = 1 + next_random(&random) % 4; flips > 0; flips--)
                bytes[next_random(&random) % count] ^= (char)(1u << next_random(&random) % 8);
        } else {
            count = 12 + next_random(&random) % 64;
            for (size_t i = 0; i < count; i++)
                bytes[i] = (char)next_random(&random);
            bytes[0] = (char)(count - 12);
            bytes[1] = bytes[2] = bytes[3] = bytes[5] = 0;
            bytes[4] = "\x01\x02\x10\x11\x18\x20\x21\x22\x23"[next_random(&random) % 9];
        }
        e2e_raw_send(fd, bytes, count);
        shutdown(fd, SHUT_WR);
        char reply[512];
        while (recv(fd, reply, sizeof(reply), 0) > 0)
            ; /* whatever it says: it must come to an end */
        close(fd);
    }
    expect_alive(world);
    ck_assert_int_eq(e2e_stop(world, SIGTERM), 0);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("protocol");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, golden_bytes);
    tcase_add_test(all, bytes_one_by_one);
    tcase_add_test(all, refused_and_closed);
    tcase_add_test(all, refused_and_going_on);
    tcase_add_test(all, malformed_vector_runs_nothing);
    tcase_add_test(all, promised_lengths_cost_nothing);
    tcase_add_test(all, slow_reader_is_held_up_and_nobody_else);
    tcase_add_test(all, resets);
    tcase_add_test(all, descriptors_run_out);
    tcase_add_test(all, garbage);
    return e2e_run(suite, argc, argv);
}
