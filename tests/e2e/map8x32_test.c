/* The clients of Map8x32 at a real daemon: exact bytes, their benchmark's ways, what other protocols see
 * of their table, and the socket's file. */
#include "older.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define NOBODY 65534

/* ---- byte for byte -------------------------------------------------------------------------- */

static int begin(struct e2e_world *world)
{
    older_start(world, NULL);
    return older_map8x32(world);
}

START_TEST(transcript)
{
    /* the entries, whichever comes first */
    static const struct {
        const char *bytes;
        size_t count;
    } entries[] = {{"\x2a\x03\0\0\0\x39\x05\0\0\x07\0\0\0\x39\x05\0\0", 17},
                   {"\xc8\x01\0\0\0\0\0\0\0", 9},
                   {"\x03\x01\0\0\0\xff\xff\xff\xff", 9}};
    char list[5 + 17 + 9 + 9];
    bool seen[3] = {false};
    int fd = begin(e2e_world());
    SEND(fd, "\x05\0\0\0\0\0"); /* LIST of nothing */
    EXPECT(fd, "\x01\0\0\0\0");
    SEND(fd, "\x01\x2a\x39\x05\0\0"); /* SET 42 1337 */
    EXPECT(fd, "\x01");
    SEND(fd, "\x01\x2a\x07\0\0\0"); /* SET 42 7 */
    EXPECT(fd, "\x01");
    SEND(fd, "\x01\x2a\x39\x05\0\0");
    EXPECT(fd, "\x01");
    SEND(fd, "\x02\x2a\xff\xff\xff\xff"); /* GET 42; its value is ignored */
    EXPECT(fd, "\x01\x03\0\0\0\x39\x05\0\0\x07\0\0\0\x39\x05\0\0");
    SEND(fd, "\x01\xc8\0\0\0\0"); /* SET 200 0 */
    EXPECT(fd, "\x01");
    SEND(fd, "\x01\x03\xff\xff\xff\xff"); /* SET 3 0xffffffff */
    EXPECT(fd, "\x01");
    SEND(fd, "\x05\xff\xff\xff\xff\xff"); /* LIST */
    ck_assert_uint_eq(e2e_raw_receive(fd, list, sizeof(list)), sizeof(list));
    ck_assert_mem_eq(list, "\x01\x03\0\0\0", 5);
    for (size_t at = 5, i; at < sizeof(list); at += entries[i].count) {
        for (i = 0; i < 3; i++)
            if (!seen[i] && memcmp(list + at, entries[i].bytes, entries[i].count) == 0)
                break;
        ck_assert_msg(i < 3, "an entry that is not there");
        seen[i] = true;
    }
    SEND(fd, "\x03\x2a\0\0\0\0"); /* DELETE 42 */
    EXPECT(fd, "\x01");
    SEND(fd, "\x02\x2a\0\0\0\0");
    EXPECT(fd, "\0");
    SEND(fd, "\x03\x2a\0\0\0\0");
    EXPECT(fd, "\0");
    SEND(fd, "\0\x2a\0\0\0\0\x06\x2a\0\0\0\0\xff\xff\xff\xff\xff\xff"); /* unknown */
    EXPECT(fd, "\x02\x02\x02");
    SEND(fd, "\x02\xc8\0\0\0\0"); /* still understood */
    EXPECT(fd, "\x01\x01\0\0\0\0\0\0\0");
    SEND(fd, "\x04\0\0\0\0\0"); /* DELETE ALL */
    EXPECT(fd, "\x01");
    SEND(fd, "\x04\0\0\0\0\0");
    EXPECT(fd, "\x01");
    SEND(fd, "\x02\xc8\0\0\0\0\x05\0\0\0\0\0");
    EXPECT(fd, "\0\x01\0\0\0\0");
    close(fd);
}
END_TEST

START_TEST(pipelined_halves)
{
    static const char frames[] = "\x01\x05\x01\0\0\0\x02\x05\0\0\0\0\x01\x05\x02\0\0\0";
    struct e2e_world *world = e2e_world();
    int fd = begin(world);
    e2e_raw_send(fd, frames, 15); /* SET 5 1, GET 5, the first half of SET 5 2 */
    EXPECT(fd, "\x01\x01\x01\0\0\0\x01\0\0\0");
    e2e_raw_send(fd, frames + 15, 3);
    EXPECT(fd, "\x01");
    SEND(fd, "\x03\x05\0\0\0\0");
    EXPECT(fd, "\x01");
    for (size_t cut = 0; cut <= 18; cut++) { /* at every byte */
        e2e_raw_send(fd, frames, cut);
        poll(NULL, 0, 2); /* likely a turn of its own; either way is right */
        e2e_raw_send(fd, frames + cut, 18 - cut);
        EXPECT(fd, "\x01\x01\x01\0\0\0\x01\0\0\0\x01");
        SEND(fd, "\x03\x05\0\0\0\0");
        EXPECT(fd, "\x01");
    }
    close(fd);
}
END_TEST

/* The end inside a frame: what was whole has run, the rest is as if it had not been sent. */
START_TEST(end_inside_a_frame)
{
    struct e2e_world *world = e2e_world();
    int fd = begin(world), other = older_map8x32(world);
    for (size_t count = 0; count < SET_BYTES; count++) {
        uint8_t frame[SET_BYTES], replies[3];
        int short_one = older_map8x32(world);
        older_send(short_one, SET, 9, (uint32_t)count);
        older_make(frame, SET, 9, 99);
        e2e_raw_send(short_one, frame, count);
        shutdown(short_one, SHUT_WR);
        ck_assert_uint_eq(e2e_raw_receive(short_one, replies, 3), 1);
        ck_assert_uint_eq(replies[0], 1);
        close(short_one);
    }
    uint32_t values[8];
    ck_assert_uint_eq(older_get(fd, 9, values, 8), 6);
    for (uint32_t i = 0; i < 6; i++)
        ck_assert_uint_eq(values[i], i);
    older_send(other, GET, 10, 0);
    older_expect(other, 0);
    ck_assert(!e2e_logged(world, "is closed:")); /* and there is nothing to complain about */
    close(fd);
    close(other);
}
END_TEST

/* ---- its benchmark's ways ------------------------------------------------------------------- */

/* One connection per operation. */
static void set_once(const struct e2e_world *world, unsigned key, uint32_t value)
{
    int fd = older_map8x32(world);
    older_send(fd, SET, key, value);
    older_expect(fd, 1);
    close(fd);
}

static uint32_t get_once(const struct e2e_world *world, unsigned key, uint32_t *values,
                         uint32_t most)
{
    int fd = older_map8x32(world);
    uint32_t count = older_get(fd, key, values, most);
    close(fd);
    return count;
}

START_TEST(one_connection_per_operation)
{
    enum { OPERATIONS = 2000 };
    struct e2e_world *world = e2e_world();
    uint32_t values[64];
    close(begin(world));
    for (uint32_t i = 0; i < OPERATIONS; i++)
        set_once(world, i % 256, i);
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        uint32_t key = i % 256, count = get_once(world, key, values, 64);
        ck_assert_uint_eq(count, (OPERATIONS - key + 255) / 256);
        for (uint32_t k = 0; k < count; k++)
            if (values[k] != k * 256 + key)
                ck_abort_msg("value %u of key %u is %u", k, key, values[k]);
    }
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        int fd = older_map8x32(world);
        older_send(fd, DELETE, i % 256, 0);
        older_expect(fd, i < 256);
        close(fd);
    }
    for (int i = 0; i < 50; i++) {
        int fd = older_map8x32(world);
        older_send(fd, LIST, 0, 0);
        EXPECT(fd, "\x01\0\0\0\0");
        close(fd);
    }
    /* its consistency check */
    set_once(world, 42, 12345);
    ck_assert_uint_eq(get_once(world, 42, values, 64), 1);
    ck_assert_uint_eq(values[0], 12345);
}
END_TEST

#define WORKERS      20
#define WORKER_PAIRS 100

/* A worker's own values are there, in its order, among those of the others. */
static void expect_own(const uint32_t *values, uint32_t count, unsigned worker, uint32_t last)
{
    uint32_t found = 0, before = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] / 1000 != worker)
            continue;
        ck_assert(found == 0 || values[i] > before);
        before = values[i];
        found++;
    }
    ck_assert(found > 0 && before == worker * 1000 + last);
}

START_TEST(twenty_workers)
{
    struct e2e_world *world = e2e_world();
    static uint32_t values[WORKERS * WORKER_PAIRS];
    pid_t workers[WORKERS];
    uint32_t total = 0;
    close(begin(world));
    for (unsigned w = 0; w < WORKERS; w++) {
        workers[w] = fork();
        ck_assert_int_ge(workers[w], 0);
        if (workers[w] > 0)
            continue;
        for (uint32_t i = 0; i < WORKER_PAIRS; i++) {
            unsigned key = (w * 100 + i) % 256;
            set_once(world, key, w * 1000 + i);
            uint32_t count = get_once(world, key, values, WORKERS * WORKER_PAIRS);
            expect_own(values, count, w, i);
        }
        _exit(0);
    }
    for (unsigned w = 0; w < WORKERS; w++) {
        int status = -1;
        ck_assert_int_eq(waitpid(workers[w], &status, 0), workers[w]);
        ck_assert_int_eq(status, 0);
    }
    for (unsigned key = 0; key < 256; key++)
        total += get_once(world, key, values, WORKERS * WORKER_PAIRS);
    ck_assert_uint_eq(total, WORKERS * WORKER_PAIRS);
}
END_TEST

/* ---- LIST ----------------------------------------------------------------------------------- */

/* Sets 0, 1, 2 ... for the keys in a circle, as fast as it can, until it is killed. */
static void set_for_ever(int fd)
{
    enum { BATCH = 1024 };
    static uint8_t frames[BATCH * SET_BYTES], replies[BATCH];
    for (uint32_t n = 0;; n += BATCH) {
        for (uint32_t i = 0; i < BATCH; i++)
            older_make(frames + i * SET_BYTES, SET, (n + i) % 256, (n + i) / 256);
        e2e_raw_send(fd, frames, sizeof(frames));
        if (e2e_raw_receive(fd, replies, BATCH) != BATCH)
            _exit(2);
    }
}

/* What the reply to LIST holds is a state that there was: the writer's first so many sets, no more and
 * no less. Returns how many. */
static uint32_t expect_snapshot(int fd)
{
    static uint32_t values[1 << 20];
    uint32_t counts[256] = {0}, total = 0;
    older_send(fd, LIST, 0, 0);
    older_expect(fd, 1);
    uint32_t keys = older_receive_count(fd);
    ck_assert_uint_le(keys, 256);
    for (uint32_t k = 0; k < keys; k++) {
        uint8_t key;
        ck_assert_uint_eq(e2e_raw_receive(fd, &key, 1), 1);
        uint32_t count = older_receive_count(fd);
        ck_assert(counts[key] == 0 && count > 0 && count <= 1 << 20);
        ck_assert_uint_eq(e2e_raw_receive(fd, values, count * 4u), count * 4u);
        for (uint32_t i = 0; i < count; i++)
            if (values[i] != i)
                ck_abort_msg("key %u: value %u is %u", key, i, values[i]);
        counts[key] = count;
        total += count;
    }
    for (uint32_t k = 0; k < 256; k++)
        ck_assert_uint_eq(counts[k], total / 256 + (k < total % 256));
    return total;
}

START_TEST(list_is_one_snapshot)
{
    struct e2e_world *world = e2e_world();
    int fd = begin(world);
    pid_t writer = fork();
    ck_assert_int_ge(writer, 0);
    if (writer == 0)
        set_for_ever(older_map8x32(world));
    uint32_t moved = 0, before = 0;
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    while (moved < 100) {
        uint32_t total = expect_snapshot(fd);
        ck_assert_uint_ge(total, before);
        moved += total > before;
        before = total;
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "nothing moves");
    }
    int status = 0;
    kill(writer, SIGKILL);
    ck_assert_int_eq(waitpid(writer, &status, 0), writer);
    ck_assert(WIFSIGNALED(status)); /* and had not ended before */
    close(fd);
}
END_TEST

/* ---- much of it ----------------------------------------------------------------------------- */

/* A pipeline of which no reply is read until all of it is sent, or the daemon stops reading. */
START_TEST(huge_pipelines)
{
    enum { COUNT = 200000 };
    struct e2e_world *world = e2e_world();
    static uint8_t frames[COUNT * SET_BYTES], replies[COUNT];
    int fd = begin(world);
    for (uint32_t i = 0; i < COUNT; i++)
        older_make(frames + i * SET_BYTES, SET, 7, i);
    e2e_raw_send(fd, frames, sizeof(frames)); /* replies fit in 256 KiB */
    ck_assert_uint_eq(e2e_raw_receive(fd, replies, COUNT), COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        if (replies[i] != 1)
            ck_abort_msg("reply %u is %u", i, replies[i]);
    static uint32_t values[COUNT];
    ck_assert_uint_eq(older_get(fd, 7, values, COUNT), COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        if (values[i] != i)
            ck_abort_msg("value %u is %u", i, values[i]);
    close(fd);
}
END_TEST

/* One that asks for much and takes little: it is held up, nobody else is, and nothing is lost. */
START_TEST(slow_readers)
{
    enum { VALUES = 10000, GETS = 1000 };
    struct e2e_world *world = e2e_world();
    static uint32_t values[VALUES], got[VALUES];
    static uint8_t frames[GETS * SET_BYTES];
    int fd = begin(world), other = older_map8x32(world);
    for (uint32_t i = 0; i < VALUES; i++)
        values[i] = i * 7;
    older_append(world, "map8x32", "\x2a", 1, values, sizeof(values));
    for (int i = 0; i < GETS; i++)
        older_make(frames + i * (int)SET_BYTES, GET, 42, 0);
    e2e_raw_send(fd, frames, sizeof(frames)); /* 40 MB of replies */
    for (uint32_t i = 0; i < 100; i++) {
        older_send(other, SET, 1, i);
        older_expect(other, 1);
    }
    for (int i = 0; i < GETS; i++) {
        older_expect(fd, 1);
        ck_assert_uint_eq(older_receive_count(fd), VALUES);
        ck_assert_uint_eq(e2e_raw_receive(fd, got, sizeof(got)), sizeof(got));
        ck_assert(memcmp(got, values, sizeof(got)) == 0);
    }
    close(fd);
    close(other);
}
END_TEST

/* Ten million elements under one key: 40 MB in one reply. */
START_TEST(a_very_long_list)
{
    enum { COUNT = 10000000 };
    struct e2e_world *world = e2e_world();
    uint32_t *values = malloc(COUNT * 4u), *got = malloc((COUNT + 1) * 4u);
    older_start(world, (const char *const[]){"--max-bytes", "512M", NULL});
    int fd = older_map8x32(world);
    for (uint32_t i = 0; i < COUNT; i++)
        values[i] = i * 2654435761u;
    older_append(world, "map8x32", "\xff", 1, values, COUNT * 4u);
    ck_assert_uint_eq(older_get(fd, 255, got, COUNT), COUNT);
    ck_assert(memcmp(got, values, COUNT * 4u) == 0);
    older_send(fd, SET, 255, 77); /* appending to it is no more work than to any other */
    older_expect(fd, 1);
    older_send(fd, LIST, 0, 0);
    EXPECT(fd, "\x01\x01\0\0\0\xff\x81\x96\x98\0");
    ck_assert_uint_eq(e2e_raw_receive(fd, got, (COUNT + 1) * 4u), (COUNT + 1) * 4u);
    ck_assert(memcmp(got, values, COUNT * 4u) == 0 && got[COUNT] == 77);
    older_send(fd, DELETE, 255, 0);
    older_expect(fd, 1);
    older_send(fd, GET, 255, 0);
    older_expect(fd, 0);
    free(values);
    free(got);
    close(fd);
}
END_TEST

/* It says much and is gone before it has heard anything: all of it has been done. */
START_TEST(gone_before_the_replies)
{
    enum { COUNT = 30000 };
    struct e2e_world *world = e2e_world();
    static uint8_t frames[COUNT * SET_BYTES];
    static uint32_t values[COUNT];
    int fd = begin(world);
    older_send(fd, SET, 9, 0); /* a first reply, left unread: a reset */
    for (uint32_t i = 0; i < COUNT; i++)
        older_make(frames + i * SET_BYTES, SET, 8, i);
    e2e_raw_send(fd, frames, sizeof(frames));
    close(fd);
    fd = older_map8x32(world);
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    for (;;) {
        uint32_t count = 0;
        older_send(fd, GET, 8, 0);
        uint8_t status;
        ck_assert_uint_eq(e2e_raw_receive(fd, &status, 1), 1);
        if (status == 1) {
            count = older_receive_count(fd);
            ck_assert_uint_eq(e2e_raw_receive(fd, values, count * 4u), count * 4u);
        }
        if (count == COUNT)
            break;
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "%u of them were done", count);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert(values[i] == i);
    close(fd);
}
END_TEST

/* Its clients are not asked to say anything: who connects early may speak late. */
START_TEST(silence_is_allowed)
{
    struct e2e_world *world = e2e_world();
    int silent = begin(world), half = older_map8x32(world);
    e2e_raw_send(half, "\x01\x05\x07", 3);
    int native = e2e_raw(world); /* is hung up on for the same, and later than they came */
    wire_expect_end(native);
    older_send(silent, SET, 5, 6);
    older_expect(silent, 1);
    e2e_raw_send(half, "\0\0\0", 3);
    older_expect(half, 1);
    close(silent);
    close(half);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("map8x32");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 180 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, transcript);
    tcase_add_test(all, pipelined_halves);
    tcase_add_test(all, end_inside_a_frame);
    tcase_add_test(all, one_connection_per_operation);
    tcase_add_test(all, twenty_workers);
    tcase_add_test(all, list_is_one_snapshot);
    tcase_add_test(all, huge_pipelines);
    tcase_add_test(all, slow_readers);
    tcase_add_test(all, a_very_long_list);
    tcase_add_test(all, gone_before_the_replies);
    tcase_add_test(all, silence_is_allowed);
    return e2e_run(suite, argc, argv);
}
