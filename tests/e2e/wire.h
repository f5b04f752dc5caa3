/*
 * wire.h - the protocol as raw bytes, for tests that send and expect exact ones or no good ones.
 */
#ifndef STELE_TESTS_E2E_WIRE_H
#define STELE_TESTS_E2E_WIRE_H

#include "harness.h"

#define HELLO "\x08\0\0\0\x01\0\0\0\x07\0\0\0STL1\x02\0\x02\0"
#define PING  "\0\0\0\0\x02\0\0\0\x09\0\0\0"
#define PONG  "\x04\0\0\0\x82\0\0\0\x09\0\0\0\0\0\0\0"

/* The handle of the first table of the first daemon of a segment: descriptor 0, uses = epoch 1. */
#define HANDLE "\0\x02"
/* Byte strings -> byte strings, no limit. */
#define CREATE  "\x19\0\0\0\x20\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0t"
#define CREATED "\x04\0\0\0\xa0\0" HANDLE "\x01\0\0\0\0\0\0\0"

/* A literal without its terminating zero. */
#define SEND(fd, literal) e2e_raw_send(fd, literal, sizeof(literal) - 1)
#define EXPECT(fd, literal)                                                                        \
    do {                                                                                           \
        char got_[sizeof(literal)];                                                                \
        ck_assert_uint_eq(e2e_raw_receive(fd, got_, sizeof(literal) - 1), sizeof(literal) - 1);    \
        ck_assert_mem_eq(got_, literal, sizeof(literal) - 1);                                      \
    } while (0)

/* The daemon hangs up; closes our end too. */
static inline void wire_expect_end(int fd)
{
    char byte;
    ck_assert_uint_eq(e2e_raw_receive(fd, &byte, 1), 0);
    close(fd);
}

static inline void wire_expect_welcome(struct e2e_world *world, int fd)
{
    uint8_t reply[12 + 48 + 64];
    size_t bytes = 12 + 48 + strlen(world->name);
    ck_assert_uint_eq(e2e_raw_receive(fd, reply, bytes), bytes);
    ck_assert_uint_eq(reply[4], 0x81);
    ck_assert_uint_eq(reply[12], 0);
    ck_assert_mem_eq(reply + 60, world->name, strlen(world->name));
}

/* Connected, and HELLO exchanged. */
static inline int wire_greet(struct e2e_world *world)
{
    int fd = e2e_raw(world);
    SEND(fd, HELLO);
    wire_expect_welcome(world, fd);
    return fd;
}

/* The same, with the table "t" created: HANDLE means it. */
static inline int wire_begin(struct e2e_world *world)
{
    int fd = wire_greet(world);
    SEND(fd, CREATE);
    EXPECT(fd, CREATED);
    return fd;
}

/* The daemon lives and serves somebody new. */
static inline void wire_expect_alive(struct e2e_world *world)
{
    ck_assert(e2e_alive(world));
    int fd = wire_greet(world);
    SEND(fd, PING);
    EXPECT(fd, PONG);
    close(fd);
}

#endif
