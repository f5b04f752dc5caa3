/*
 * older.h - the protocols of Map8x32 and usize-kv as raw bytes: connections, frames, and replies that
 * are the expected ones. Beside wire.h, which has the native protocol.
 */
#ifndef STELE_TESTS_E2E_OLDER_H
#define STELE_TESTS_E2E_OLDER_H

#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- where they are ------------------------------------------------------------------------- */

/* Of the world's map8x32 socket. */
static inline void older_path(const struct e2e_world *world, char path[107])
{
    snprintf(path, 107, "%.90s/map8x32", world->directory);
}

/* A daemon with both, and what else `more` says (may be NULL). */
static inline void older_start(struct e2e_world *world, const char *const *more)
{
    char path[107];
    const char *arguments[16] = {"--map8x32", path, "--usize-kv", "0"};
    older_path(world, path);
    for (int i = 0; more && more[i]; i++)
        arguments[4 + i] = more[i];
    e2e_start(world, arguments);
}

static inline int older_map8x32(const struct e2e_world *world)
{
    struct e2e_world door = *world;
    older_path(world, door.socket_path);
    return e2e_raw(&door);
}

/* The port that the daemon says it found free, the last one if it was started again. */
static inline uint16_t older_port(const struct e2e_world *world)
{
    char line[1024];
    unsigned port = 0;
    FILE *log = fopen(world->log_path, "r");
    ck_assert_ptr_nonnull(log);
    while (fgets(line, sizeof(line), log)) {
        const char *at = strstr(line, "usize-kv at 127.0.0.1:");
        if (at)
            port = (unsigned)strtoul(at + 22, NULL, 10);
    }
    fclose(log);
    ck_assert_msg(port > 0 && port < 65536, "the log names no port");
    return (uint16_t)port;
}

/* `receive_bytes`: of the socket's buffer, 0 = as it is. */
static inline int older_usize_kv(const struct e2e_world *world, int receive_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(older_port(world))};
    struct timeval patience = {E2E_PATIENCE_MS / 1000, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (receive_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* ---- frames --------------------------------------------------------------------------------- */

enum older_map8x32 { SET = 1, GET = 2, DELETE = 3, DELETE_ALL = 4, LIST = 5 };

#define SET_BYTES 6u

static inline void older_make(uint8_t *frame, unsigned op, unsigned key, uint32_t value)
{
    frame[0] = (uint8_t)op;
    frame[1] = (uint8_t)key;
    memcpy(frame + 2, &value, 4);
}

static inline void older_send(int fd, unsigned op, unsigned key, uint32_t value)
{
    uint8_t frame[SET_BYTES];
    older_make(frame, op, key, value);
    e2e_raw_send(fd, frame, sizeof(frame));
}

/* The single byte that answers a command. */
static inline void older_expect(int fd, uint8_t wanted)
{
    uint8_t byte = 0x5a;
    ck_assert_uint_eq(e2e_raw_receive(fd, &byte, 1), 1);
    if (byte != wanted)
        ck_abort_msg("%u instead of %u", byte, wanted);
}

static inline uint32_t older_receive_count(int fd)
{
    uint32_t count = 0;
    ck_assert_uint_eq(e2e_raw_receive(fd, &count, 4), 4);
    return count;
}

/* GET of a key that must be there: its values, at most `most`. */
static inline uint32_t older_get(int fd, unsigned key, uint32_t *values, uint32_t most)
{
    older_send(fd, GET, key, 0);
    older_expect(fd, 1);
    uint32_t count = older_receive_count(fd);
    ck_assert_uint_le(count, most);
    ck_assert_uint_eq(e2e_raw_receive(fd, values, count * 4u), count * 4u);
    return count;
}

enum older_usize_kv { READ, APPEND, UPDATE, REMOVE, EMPTY, DUMP, REBUILD = 9 };

static inline void older_frame(uint8_t frame[24], uint64_t cmd, uint64_t key, uint64_t value)
{
    uint64_t words[3] = {__builtin_bswap64(cmd), __builtin_bswap64(key), __builtin_bswap64(value)};
    memcpy(frame, words, 24);
}

static inline void older_call(int fd, uint64_t cmd, uint64_t key, uint64_t value)
{
    uint8_t frame[24];
    older_frame(frame, cmd, key, value);
    e2e_raw_send(fd, frame, 24);
}

/* A command that is answered with 00. */
static inline void older_do(int fd, uint64_t cmd, uint64_t key, uint64_t value)
{
    older_call(fd, cmd, key, value);
    older_expect(fd, 0);
}

/* Replies have no length: what comes before the 00 of a REBUILD. Returns how many, at most `most`;
 * their number must be known to be that. */
static inline void older_read(int fd, uint64_t key, const uint64_t *wanted, size_t count)
{
    older_call(fd, READ, key, 0);
    older_call(fd, REBUILD, 0, 0);
    for (size_t i = 0; i < count; i++) {
        uint64_t word = 0;
        ck_assert_uint_eq(e2e_raw_receive(fd, &word, 8), 8);
        if (__builtin_bswap64(word) != wanted[i])
            ck_abort_msg("value %zu is %llu instead of %llu", i,
                         (unsigned long long)__builtin_bswap64(word),
                         (unsigned long long)wanted[i]);
    }
    older_expect(fd, 0);
}

/* ---- the native side ------------------------------------------------------------------------ */

static inline void older_info(struct e2e_world *world, const char *name,
                              struct stele_table_info *info)
{
    struct stele_table_info infos[16];
    struct stele_channel channel;
    uint32_t count = 0;
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_list(&channel, infos, 16, &count, -1));
    stele_channel_close(&channel);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(infos[i].name, name) == 0) {
            *info = infos[i];
            return;
        }
    ck_abort_msg("there is no table %s", name);
}

static inline void older_drop(struct e2e_world *world, const char *name)
{
    struct stele_channel channel;
    uint16_t id = 0;
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_find(&channel, name, &id, -1));
    e2e_ok(stele_channel_table_drop(&channel, id, -1));
    stele_channel_close(&channel);
}

/* Appends many elements in one frame: opcode 0x40, {value_bytes u32, key_bytes u16, 0 u16, key,
 * elements}. */
static inline void older_append(struct e2e_world *world, const char *name, const void *key,
                                uint16_t key_bytes, const void *elements, uint32_t bytes)
{
    struct stele_table_info info;
    uint8_t head[20] = {0}, reply[28];
    uint32_t length = 8u + key_bytes + bytes;
    older_info(world, name, &info);
    memcpy(head, &length, 4);
    head[4] = 0x40;
    memcpy(head + 6, &info.table, 2);
    memcpy(head + 12, &bytes, 4);
    memcpy(head + 16, &key_bytes, 2);
    int fd = wire_greet(world);
    e2e_raw_send(fd, head, sizeof(head));
    e2e_raw_send(fd, key, key_bytes);
    e2e_raw_send(fd, elements, bytes);
    ck_assert_uint_eq(e2e_raw_receive(fd, reply, sizeof(reply)), sizeof(reply));
    ck_assert_mem_eq(reply + 12, "\0\0\0\0", 4);
    close(fd);
}

#endif
