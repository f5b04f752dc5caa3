/* The wire as daemon/gateway/README.md has it: exact bytes of every command and every reply. */
#include "wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

START_TEST(golden_entries)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = wire_begin(world);
    SEND(fd, "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x02\0\0\0\x01\0\0\0kvw"); /* PUT */
    EXPECT(fd, "\x04\0\0\0\x90\0\0\0\x02\0\0\0\0\0\0\0");
    SEND(fd, "\x09\0\0\0\x16\0" HANDLE "\x03\0\0\0\0\x10\0\0\x01\0\0\0k"); /* GET */
    EXPECT(fd, "\x0a\0\0\0\x96\0\0\0\x03\0\0\0\0\0\0\0\x02\0\0\0vw");
    SEND(fd, "\x09\0\0\0\x16\0" HANDLE "\x03\0\0\0\x01\0\0\0\x01\0\0\0k"); /* at most one byte */
    EXPECT(fd, "\x08\0\0\0\x96\0\0\0\x03\0\0\0\x04\0\0\0\x02\0\0\0");
    SEND(fd, "\x09\0\0\0\x16\0" HANDLE "\x03\0\0\0\x01\0\0\0\x01\0\0\0x"); /* absent */
    EXPECT(fd, "\x04\0\0\0\x96\0\0\0\x03\0\0\0\x01\0\0\0");
    SEND(fd, "\x0a\0\0\0\x12\0" HANDLE "\x04\0\0\0\x01\0\0\0\x01\0\0\0kx"); /* INSERT */
    EXPECT(fd, "\x04\0\0\0\x92\0\0\0\x04\0\0\0\x02\0\0\0");
    SEND(fd, "\x0a\0\0\0\x12\0" HANDLE "\x04\0\0\0\x01\0\0\0\x01\0\0\0n7");
    EXPECT(fd, "\x04\0\0\0\x92\0\0\0\x04\0\0\0\0\0\0\0");
    SEND(fd, "\x0a\0\0\0\x13\0" HANDLE "\x05\0\0\0\x01\0\0\0\x01\0\0\0kx"); /* REPLACE */
    EXPECT(fd, "\x04\0\0\0\x93\0\0\0\x05\0\0\0\0\0\0\0");
    SEND(fd, "\x0a\0\0\0\x13\0" HANDLE "\x05\0\0\0\x01\0\0\0\x01\0\0\0zx");
    EXPECT(fd, "\x04\0\0\0\x93\0\0\0\x05\0\0\0\x01\0\0\0");
    SEND(fd, "\x14\0\0\0\x14\0" HANDLE "\x06\0\0\0" /* CAS "k" from "x" to "yz" */
             "\x02\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0kxyz");
    EXPECT(fd, "\x04\0\0\0\x94\0\0\0\x06\0\0\0\0\0\0\0");
    SEND(fd, "\x14\0\0\0\x14\0" HANDLE "\x06\0\0\0" /* again: it holds "yz" by now */
             "\x02\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0kxyz");
    EXPECT(fd, "\x04\0\0\0\x94\0\0\0\x06\0\0\0\x1b\0\0\0");
    SEND(fd, "\x11\0\0\0\x15\0" HANDLE "\x07\0\0\0" /* INCR "n" by -9 */
             "\xf7\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0\0\0\0n");
    EXPECT(fd, "\x10\0\0\0\x95\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff");
    SEND(fd, "\x11\0\0\0\x15\0" HANDLE "\x07\0\0\0" /* INCR "k" */
             "\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0k");
    EXPECT(fd, "\x04\0\0\0\x95\0\0\0\x07\0\0\0\x1c\0\0\0");
    SEND(fd, "\x11\0\0\0\x15\0" HANDLE "\x07\0\0\0" /* INCR "n" by the lowest */
             "\0\0\0\0\0\0\0\x80\x01\0\0\0\0\0\0\0n");
    EXPECT(fd, "\x04\0\0\0\x95\0\0\0\x07\0\0\0\x1d\0\0\0");
    SEND(fd, "\x05\0\0\0\x11\0" HANDLE "\x08\0\0\0\x01\0\0\0k"); /* ERASE, twice */
    EXPECT(fd, "\x04\0\0\0\x91\0\0\0\x08\0\0\0\0\0\0\0");
    SEND(fd, "\x05\0\0\0\x11\0" HANDLE "\x08\0\0\0\x01\0\0\0k");
    EXPECT(fd, "\x04\0\0\0\x91\0\0\0\x08\0\0\0\x01\0\0\0");
    SEND(fd, PING);
    EXPECT(fd, PONG);
    close(fd);
}
END_TEST

START_TEST(golden_vectors)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = wire_begin(world);
    SEND(fd, "\x24\0\0\0\x18\0\0\0\x05\0\0\0\x02\0\0\0"
             "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x01\0\0\0kvw"
             "\x05\0\0\0\x11\0\x01\0\x01\0\0\0x");
    EXPECT(fd, "\x0c\0\0\0\x98\0\0\0\x05\0\0\0\0\0\0\0\x02\0\0\0\0\0\x09\0");
    SEND(fd, "\x7b\0\0\0\x18\0\0\0\x06\0\0\0\x06\0\0\0" /* one of each, on the same key */
             "\x05\0\0\0\x11\0" HANDLE "\x01\0\0\0k"
             "\x0a\0\0\0\x12\0" HANDLE "\x01\0\0\0\x01\0\0\0k1"
             "\x11\0\0\0\x15\0" HANDLE "\x05\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0k"
             "\x13\0\0\0\x14\0" HANDLE "\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0k69"
             "\x0a\0\0\0\x13\0" HANDLE "\x01\0\0\0\x01\0\0\0kx"
             "\x0a\0\0\0\x10\0" HANDLE "\x01\0\0\0\x01\0\0\0ky");
    EXPECT(fd, "\x14\0\0\0\x98\0\0\0\x06\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    SEND(fd, "\x09\0\0\0\x16\0" HANDLE "\x03\0\0\0\x01\0\0\0\x01\0\0\0k");
    EXPECT(fd, "\x09\0\0\0\x96\0\0\0\x03\0\0\0\0\0\0\0\x01\0\0\0y");
    close(fd);
}
END_TEST

START_TEST(golden_tables)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = wire_greet(world);
    SEND(fd, "\0\0\0\0\x24\0\0\0\x02\0\0\0"); /* TABLE_LIST: none */
    EXPECT(fd, "\x08\0\0\0\xa4\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0");
    SEND(fd, CREATE);
    EXPECT(fd, CREATED);
    SEND(fd, CREATE);
    EXPECT(fd, "\x04\0\0\0\xa0\0" HANDLE "\x01\0\0\0\x02\0\0\0"); /* it exists */
    SEND(fd, "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x02\0\0\0\x01\0\0\0kvw");
    EXPECT(fd, "\x04\0\0\0\x90\0\0\0\x02\0\0\0\0\0\0\0");
    SEND(fd, "\0\0\0\0\x24\0\0\0\x03\0\0\0");
    EXPECT(fd, "\x59\0\0\0\xa4\0\0\0\x03\0\0\0\0\0\0\0\x01\0\0\0" /* one table, one entry */
               "\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    uint8_t rest[2 * 8];
    ck_assert_uint_eq(e2e_raw_receive(fd, rest, sizeof(rest)), sizeof(rest)); /* bytes of memory */
    EXPECT(fd, "\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" HANDLE "\x01\0\0\0\0\0t");
    SEND(fd, "\x01\0\0\0\x21\0\0\0\x06\0\0\0t"); /* FIND, CLEAR, DROP, FIND */
    EXPECT(fd, "\x04\0\0\0\xa1\0" HANDLE "\x06\0\0\0\0\0\0\0");
    SEND(fd, "\0\0\0\0\x23\0" HANDLE "\x07\0\0\0");
    EXPECT(fd, "\x04\0\0\0\xa3\0\0\0\x07\0\0\0\0\0\0\0");
    SEND(fd, "\0\0\0\0\x22\0" HANDLE "\x08\0\0\0");
    EXPECT(fd, "\x04\0\0\0\xa2\0\0\0\x08\0\0\0\0\0\0\0");
    SEND(fd, "\x01\0\0\0\x21\0\0\0\x09\0\0\0t");
    EXPECT(fd, "\x04\0\0\0\xa1\0\0\0\x09\0\0\0\x09\0\0\0");
    close(fd);
}
END_TEST

/* HELLO with what a fresh daemon says, byte for byte; the segment's name differs from run to run. */
START_TEST(golden_welcome)
{
    struct e2e_world *world = e2e_world();
    uint8_t reply[12 + 48];
    char name[64];
    size_t name_bytes = strlen(world->name);
    e2e_start(world, (const char *const[]){"--max-bytes", "64M", NULL});
    int fd = e2e_raw(world);
    SEND(fd, HELLO);
    ck_assert_uint_eq(e2e_raw_receive(fd, reply, sizeof(reply)), sizeof(reply));
    ck_assert_uint_eq(reply[0], 48 + name_bytes);
    ck_assert_uint_eq(reply[18], name_bytes);
    reply[0] = reply[18] = 0;
    ck_assert_mem_eq(reply,
                     "\0\0\0\0\x81\0\0\0\x07\0\0\0"
                     "\0\0\0\0\x02\0\0\0\0\0\0\x04\xff\xff\0\0\xf9\xff\xfe\x03\0\0\x01\0"
                     "\x01\0\0\0\0\0\0\0\0\0\0\x04\0\0\0\0\x07\0\0\0\0\0\0\0",
                     sizeof(reply));
    ck_assert_uint_eq(e2e_raw_receive(fd, name, name_bytes), name_bytes);
    ck_assert_mem_eq(name, world->name, name_bytes);
    close(fd);
}
END_TEST

START_TEST(golden_statistics_and_shutdown)
{
    struct e2e_world *world = e2e_world();
    uint64_t numbers[31];
    e2e_start(world, NULL);
    int fd = wire_begin(world);
    SEND(fd, "\0\0\0\0\x30\0\0\0\x02\0\0\0"); /* STATS */
    EXPECT(fd, "\0\x01\0\0\xb0\0\0\0\x02\0\0\0\0\0\0\0\x1f\0\0\0");
    ck_assert_uint_eq(e2e_raw_receive(fd, numbers, sizeof(numbers)), sizeof(numbers));
    ck_assert_uint_eq(numbers[14], UINT64_C(256) << 20); /* max_bytes */
    ck_assert_uint_eq(numbers[20], 1);                   /* epoch */
    ck_assert_uint_eq(numbers[22], 1);                   /* tables */
    SEND(fd, "\0\0\0\0\x31\0\0\0\x03\0\0\0");            /* SHUTDOWN */
    EXPECT(fd, "\x04\0\0\0\xb1\0\0\0\x03\0\0\0\0\0\0\0");
    wire_expect_end(fd);
    ck_assert_int_eq(e2e_wait_end(world), 0);
}
END_TEST

/* The descriptor travels with the reply's first byte. One at a time. */
START_TEST(descriptor_goes_along)
{
    struct e2e_world *world = e2e_world();
    uint8_t first;
    size_t received = 0;
    int passed = -1;
    e2e_start(world, NULL);
    int fd = wire_greet(world);
    SEND(fd, PING "\x08\0\0\0\x01\x01\0\0\x07\0\0\0STL1\x02\0\x02\0");
    EXPECT(fd, PONG);
    e2e_ok(stelei_io_wait(fd, POLLIN, stelei_io_deadline(E2E_PATIENCE_MS), &(short){0}));
    e2e_ok(stelei_io_receive(fd, &first, 1, &received, &passed));
    ck_assert_int_ge(passed, 0);
    ck_assert_int_eq(fcntl(passed, F_GETFL) & O_ACCMODE, O_RDONLY);
    close(passed);
    close(fd);
    /* two that arrive at once: the second comes while the reply to the first waits */
    fd = wire_greet(world);
    SEND(fd, "\x08\0\0\0\x01\x01\0\0\x07\0\0\0STL1\x02\0\x02\0"
             "\x08\0\0\0\x01\x01\0\0\x08\0\0\0STL1\x02\0\x02\0");
    wire_expect_welcome(world, fd);
    EXPECT(fd, "\x04\0\0\0\x81\0\0\0\x08\0\0\0\x05\0\0\0");
    close(fd);
    wire_expect_alive(world);
}
END_TEST

struct refused {
    const char *bytes;
    size_t count;
    uint8_t opcode;
    uint8_t status;
};

/* After HELLO; each is answered once, and the connection closed. */
START_TEST(refused_and_closed)
{
    static const struct refused cases[] = {
#define CASE(literal, opcode, status) {literal, sizeof(literal) - 1, opcode, status}
        CASE("\xff\xff\xff\xff\x10\0\0\0\x01\0\0\0", 0x90, STELE_ETOOBIG), /* huge length */
        CASE("\x01\0\0\x04\x10\0\0\0\x01\0\0\0", 0x90, STELE_ETOOBIG),     /* limit + 1 */
        CASE("\0\0\0\0\x82\0\0\0\x01\0\0\0", 0x82, STELE_EPROTO),          /* a reply */
        CASE("\x01\0\0\0\x02\0\0\0\x01\0\0\0x", 0x82, STELE_EPROTO),       /* a body too many */
        CASE("\x01\0\0\0\x24\0\0\0\x01\0\0\0x", 0xa4, STELE_EPROTO),
        CASE("\x01\0\0\0\x30\0\0\0\x01\0\0\0x", 0xb0, STELE_EPROTO),
        CASE("\x01\0\0\0\x31\0\0\0\x01\0\0\0x", 0xb1, STELE_EPROTO),
        CASE("\0\0\0\0\x02\0\x01\0\x01\0\0\0", 0x82, STELE_EPROTO), /* a table too many */
        CASE("\0\0\0\0\x24\0\x01\0\x01\0\0\0", 0xa4, STELE_EPROTO),
        CASE("\0\0\0\0\x30\0\x01\0\x01\0\0\0", 0xb0, STELE_EPROTO),
        CASE("\0\0\0\0\x31\0\x01\0\x01\0\0\0", 0xb1, STELE_EPROTO),
        CASE("\x07\0\0\0\x10\0\0\0\x01\0\0\0\0\0\0\0\0\0\0", 0x90, STELE_EPROTO), /* short body */
        CASE("\x08\0\0\0\x10\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0", 0x90, STELE_EPROTO),
        CASE("\x08\0\0\0\x10\0\0\0\x01\0\0\0\0\0\0\0\0\0\x01\0", 0x90, STELE_EPROTO), /* padding */
        CASE("\x08\0\0\0\x12\0\0\0\x01\0\0\0\0\0\0\0\0\0\x01\0", 0x92, STELE_EPROTO),
        CASE("\x08\0\0\0\x13\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\x01", 0x93, STELE_EPROTO),
        CASE("\x08\0\0\0\x16\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\x01", 0x96, STELE_EPROTO),
        CASE("\x10\0\0\0\x14\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 0x94,
             STELE_EPROTO),
        CASE("\x10\0\0\0\x15\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0", 0x95,
             STELE_EPROTO),
        CASE("\x09\0\0\0\x12\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0x", 0x92, STELE_EPROTO), /* trailing */
        CASE("\x09\0\0\0\x16\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0x", 0x96, STELE_EPROTO),
        CASE("\x04\0\0\0\x11\0\0\0\x01\0\0\0\x01\0\0\0", 0x91, STELE_EPROTO),
        CASE("\0\0\0\0\x20\0\0\0\x01\0\0\0", 0xa0, STELE_EPROTO),
        CASE("\x05\0\0\0\x20\0\0\0\x01\0\0\0\0\0\0\x01t", 0xa0, STELE_EPROTO), /* of version 1 */
#define NO_TYPE "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        CASE("\x18\0\0\0\x20\0\0\0\x01\0\0\0" NO_TYPE "\0\0\0\0\0\0\0\0", 0xa0,
             STELE_EPROTO), /* empty name */
        CASE("\x19\0\0\0\x20\0\0\0\x01\0\0\0" NO_TYPE "\x01\0\0\0\0\0\0\0\0", 0xa0, STELE_EPROTO),
        CASE("\x19\0\0\0\x20\0\0\0\x01\0\0\0" NO_TYPE "\x01\0\0\0\0\0\0\x01t", 0xa0,
             STELE_EPROTO), /* padding */
        CASE("\x0c\0\0\0\x40\0\0\0\x01\0\0\0\x04\0\0\0\x01\0\0\0kabc", 0xc0, STELE_EPROTO),
        CASE("\x11\0\0\0\x41\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01k", 0xc1,
             STELE_EPROTO),
        CASE("\x11\0\0\0\x42\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0k", 0xc2,
             STELE_EPROTO), /* a short body */
        CASE("\x04\0\0\0\x43\0\0\0\x01\0\0\0\x01\0\0\0", 0xc3, STELE_EPROTO),
        CASE("\x05\0\0\0\x44\0\0\0\x01\0\0\0\0\0\0\0k", 0xc4, STELE_EPROTO),
        CASE("\x10\0\0\0\x45\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0", 0xc5,
             STELE_EPROTO),
        CASE("\0\0\0\0\x46\0\0\0\x01\0\0\0", 0xc6, STELE_EPROTO),
        CASE("\x08\0\0\0\x46\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0", 0xc6, STELE_EPROTO),
        CASE("\0\0\0\0\x21\0\0\0\x01\0\0\0", 0xa1, STELE_EPROTO),
        CASE("\0\0\0\0\x18\0\0\0\x01\0\0\0", 0x98, STELE_EPROTO),
        CASE("\x04\0\0\0\x18\0\0\0\x01\0\0\0\0\0\0\0", 0x98, STELE_EPROTO), /* empty vector */
        CASE("\x04\0\0\0\x18\0\0\0\x01\0\0\0\x01\0\0\0", 0x98, STELE_EPROTO),
        CASE("\x05\0\0\0\x18\0\0\0\x01\0\0\0\x01\0\0\0x", 0x98, STELE_EPROTO),
        CASE("\x08\0\0\0\x01\0\0\0\x01\0\0\0NOPE\x02\0\x02\0", 0x81, STELE_EPROTO),
        CASE("\x08\0\0\0\x01\0\0\0\x01\0\0\0STL1\x01\0\x01\0", 0x81, STELE_EVERSION),
        CASE("\x08\0\0\0\x01\0\0\0\x01\0\0\0STL1\x03\0\x09\0", 0x81, STELE_EVERSION),
        CASE("\x08\0\0\0\x01\0\0\0\x01\0\0\0STL1\x03\0\x02\0", 0x81, STELE_EPROTO),
#undef CASE
    };
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t reply[16];
        int fd = wire_greet(world);
        e2e_raw_send(fd, cases[i].bytes, cases[i].count);
        ck_assert_msg(e2e_raw_receive(fd, reply, 16) == 16, "case %zu: no answer", i);
        ck_assert_msg(reply[4] == cases[i].opcode && reply[12] == cases[i].status,
                      "case %zu: opcode %x status %u", i, reply[4], reply[12]);
        ck_assert_mem_eq(reply + 8, "\x01\0\0\0", 4);
        wire_expect_end(fd);
    }
    /* no HELLO at all */
    int fd = e2e_raw(world);
    SEND(fd, PING);
    EXPECT(fd, "\x04\0\0\0\x82\0\0\0\x09\0\0\0\x15\0\0\0");
    wire_expect_end(fd);
    fd = e2e_raw(world);
    SEND(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT(fd, "\x04\0\0\0\xaf"); /* the bytes say what they say */
    close(fd);
    wire_expect_alive(world);
}
END_TEST

START_TEST(refused_and_going_on)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = wire_greet(world);
    SEND(fd, "\x03\0\0\0\x7f\0\0\0\x01\0\0\0xyz"); /* an opcode of tomorrow */
    EXPECT(fd, "\x04\0\0\0\xff\0\0\0\x01\0\0\0\x1a\0\0\0");
    SEND(fd, "\0\0\0\0\x02\x80\0\0\x02\0\0\0"); /* a flag of tomorrow */
    EXPECT(fd, "\x04\0\0\0\x82\0\0\0\x02\0\0\0\x1a\0\0\0");
    SEND(fd, "\x19\0\0\0\x20\0\0\0\x03\0\0\0\x00\x0e\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
             "\x01\0\0\0\0\0\0\0t"); /* a kind of tomorrow */
    EXPECT(fd, "\x04\0\0\0\xa0\0\0\0\x03\0\0\0\x1a\0\0\0");
    SEND(fd, "\x0c\0\0\0\x18\0\0\0\x04\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0"); /* ping in a vector */
    EXPECT(fd, "\x04\0\0\0\x98\0\0\0\x04\0\0\0\x1a\0\0\0");
    SEND(fd, "\x14\0\0\0\x18\0\0\0\x04\0\0\0\x01\0\0\0" /* and a get */
             "\x08\0\0\0\x16\0" HANDLE "\0\0\0\0\0\0\0\0");
    EXPECT(fd, "\x04\0\0\0\x98\0\0\0\x04\0\0\0\x1a\0\0\0");
    SEND(fd, "\x04\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\x01\0"); /* more than a vector holds */
    EXPECT(fd, "\x04\0\0\0\x98\0\0\0\x05\0\0\0\x07\0\0\0");
    SEND(fd, HELLO); /* once more: as good as any command */
    wire_expect_welcome(world, fd);
    SEND(fd, PING);
    EXPECT(fd, PONG);
    close(fd);
}
END_TEST

START_TEST(malformed_vector_runs_nothing)
{
    struct e2e_world *world = e2e_world();
    struct stele_reader reader;
    struct stele_table table;
    e2e_start(world, NULL);
    int fd = wire_begin(world);
    /* a good put, then an entry whose key does not fit */
    SEND(fd, "\x24\0\0\0\x18\0\0\0\x05\0\0\0\x02\0\0\0"
             "\x0b\0\0\0\x10\0" HANDLE "\x02\0\0\0\x01\0\0\0kvw"
             "\x05\0\0\0\x11\0" HANDLE "\x02\0\0\0x");
    EXPECT(fd, "\x04\0\0\0\x98\0\0\0\x05\0\0\0\x15\0\0\0");
    wire_expect_end(fd);
    e2e_ok(stele_reader_attach(&reader, world->name));
    e2e_ok(stele_table_open(&reader, "t", &table));
    e2e_is(stele_contains(&table, "k", 1), STELE_ENOTFOUND);
}
END_TEST

static const char *readme_path; /* set once by main() */

/* The bytes of a line, "08 00  01 text": up to the first word that is not two hexadecimal digits. */
static size_t line_bytes(const char *line, uint8_t *bytes, size_t capacity)
{
    size_t count = 0;
    char word[3];
    int used = 0;
    while (sscanf(line, " %2[0-9a-f]%n", word, &used) == 1 && strlen(word) == 2 &&
           (line[used] == ' ' || line[used] == '\n')) {
        ck_assert_uint_lt(count, capacity);
        bytes[count++] = (uint8_t)strtoul(word, NULL, 16);
        line += used;
    }
    return count;
}

/* The examples in the README, as they stand there: "> bytes" is sent and "< bytes" is received. */
START_TEST(examples_of_the_readme)
{
    struct e2e_world *world = e2e_world();
    char line[512];
    unsigned sent = 0, received = 0;
    e2e_start(world, NULL);
    int fd = e2e_raw(world);
    FILE *readme = fopen(readme_path, "r");
    ck_assert_msg(readme != NULL, "%s: %s", readme_path, strerror(errno));
    while (fgets(line, sizeof(line), readme)) {
        uint8_t bytes[256], got[256];
        const char *at = line + strspn(line, " ");
        if ((at[0] != '>' && at[0] != '<') || at - line != 4)
            continue;
        size_t count = line_bytes(at + 1, bytes, sizeof(bytes));
        if (at[0] == '>') {
            ck_assert_msg(count > 0, "no bytes: %s", line);
            e2e_raw_send(fd, bytes, count);
            sent++;
        } else if (count == 0) { /* the welcome, which names the segment */
            wire_expect_welcome(world, fd);
        } else {
            ck_assert_msg(e2e_raw_receive(fd, got, count) == count, "no answer: %s", line);
            ck_assert_msg(memcmp(got, bytes, count) == 0, "another answer: %s", line);
            received++;
        }
    }
    fclose(readme);
    ck_assert_uint_gt(sent, 10);
    ck_assert_uint_gt(received, 10);
    wire_expect_end(fd); /* as the last one says, and nothing is left over */
    wire_expect_alive(world);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s PATH-OF-STELED PATH-OF-README\n", argv[0]);
        return 2;
    }
    readme_path = argv[2];
    Suite *suite = suite_create("protocol");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, golden_entries);
    tcase_add_test(all, golden_vectors);
    tcase_add_test(all, golden_tables);
    tcase_add_test(all, golden_welcome);
    tcase_add_test(all, golden_statistics_and_shutdown);
    tcase_add_test(all, descriptor_goes_along);
    tcase_add_test(all, refused_and_closed);
    tcase_add_test(all, refused_and_going_on);
    tcase_add_test(all, malformed_vector_runs_nothing);
    tcase_add_test(all, examples_of_the_readme);
    return e2e_run(suite, argc, argv);
}
