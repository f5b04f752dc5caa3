/* The clients of usize-kv at a real daemon: exact bytes, what they may leave behind, and DUMP on the
 * daemon's standard output. */
#include "older.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

static int begin(struct e2e_world *world)
{
    older_start(world, NULL);
    return older_usize_kv(world, 0);
}

/* ---- byte for byte -------------------------------------------------------------------------- */

#define W(n) "\0\0\0\0\0\0\0" n

START_TEST(transcript)
{
    int fd = begin(e2e_world());
    SEND(fd, W("\0") W("\x01") W("\0") W("\x09") W("\0") W("\0")); /* READ 1: nothing; REBUILD */
    EXPECT(fd, "\0");
    SEND(fd, W("\x01") W("\x01") W("\x02")); /* APPEND 1:2 */
    EXPECT(fd, "\0");
    SEND(fd, W("\x01") W("\x01") W("\x03"));
    EXPECT(fd, "\0");
    SEND(fd, W("\x01") W("\x01") W("\x02"));
    EXPECT(fd, "\0");
    SEND(fd, W("\0") W("\x01") W("\x63")); /* READ 1; its value is ignored */
    EXPECT(fd, W("\x02") W("\x03") W("\x02"));
    SEND(fd, W("\x02") W("\x01") W("\x09")); /* UPDATE 1,9: absent, so a plain append */
    EXPECT(fd, "\0");
    SEND(fd, W("\0") W("\x01") W("\0"));
    EXPECT(fd, W("\x02") W("\x03") W("\x02") W("\x09"));
    SEND(fd, W("\x02") W("\x01") W("\x02")); /* UPDATE 1,2: the first one goes to the end */
    EXPECT(fd, "\0");
    SEND(fd, W("\0") W("\x01") W("\0"));
    EXPECT(fd, W("\x03") W("\x02") W("\x09") W("\x02"));
    SEND(fd,
         W("\x03") W("\x01") W("\x02")); /* REMOVE: the first one, and the rest keeps its order */
    EXPECT(fd, "\0");
    SEND(fd, W("\0") W("\x01") W("\0"));
    EXPECT(fd, W("\x03") W("\x09") W("\x02"));
    SEND(fd, W("\x03") W("\x01") W("\x4d") W("\x03") W("\x58") W("\x01")); /* REMOVE of nothing */
    EXPECT(fd, "\0\0");
    SEND(fd, W("\x06") W("\x01") W("\0")); /* unknown */
    EXPECT(fd, "\xff\xff");
    SEND(fd, "\0\0\0\0\0\0\x01\xff" W("\x01") W("\0"));
    EXPECT(fd, "\xff\xff");
    SEND(fd, "\xff\xff\xff\xff\xff\xff\xff\0" W("\x01") W("\0")); /* the lowest byte says READ */
    EXPECT(fd, W("\x03") W("\x09") W("\x02"));
    SEND(fd, "\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04\x05\x06\x07\x08" W("\0"));
    EXPECT(fd, "\xff\xff");
    SEND(fd, W("\x01") "\x01\x02\x03\x04\x05\x06\x07\x08"
                       "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8");
    EXPECT(fd, "\0");
    SEND(fd, W("\0") "\x01\x02\x03\x04\x05\x06\x07\x08" W("\0"));
    EXPECT(fd, "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8");
    SEND(fd, W("\x04") W("\0") W("\0")); /* EMPTY */
    EXPECT(fd, "\0");
    SEND(fd, W("\0") W("\x01") W("\0") W("\x09") W("\0") W("\0"));
    EXPECT(fd, "\0");
    close(fd);
}
END_TEST

START_TEST(frames_cut)
{
    struct e2e_world *world = e2e_world();
    uint8_t frames[72];
    int fd = begin(world);
    older_frame(frames, APPEND, 5, 6);
    older_frame(frames + 24, READ, 5, 0);
    older_frame(frames + 48, REMOVE, 5, 6);
    for (size_t cut = 0; cut <= 72; cut++) {
        e2e_raw_send(fd, frames, cut);
        poll(NULL, 0, 2); /* likely a turn of its own; either way is right */
        e2e_raw_send(fd, frames + cut, 72 - cut);
        EXPECT(fd, "\0" W("\x06") "\0");
    }
    for (size_t cut = 0; cut < 24; cut++) { /* and then the end: nothing is half done */
        int short_one = older_usize_kv(world, 0);
        char byte;
        e2e_raw_send(short_one, frames, cut);
        shutdown(short_one, SHUT_WR);
        ck_assert_uint_eq(e2e_raw_receive(short_one, &byte, 1), 0);
        close(short_one);
    }
    older_read(fd, 5, NULL, 0);
    close(fd);
}
END_TEST

/* Removals are seen at once by everybody, and are not undone. */
START_TEST(removals_stay)
{
    struct e2e_world *world = e2e_world();
    static const uint64_t rest[] = {1, 3, 4};
    int fd = begin(world), other = older_usize_kv(world, 0);
    for (uint64_t i = 1; i <= 4; i++)
        older_do(fd, APPEND, UINT64_MAX, i);
    older_do(fd, REMOVE, UINT64_MAX, 2);
    older_read(other, UINT64_MAX, rest, 3);
    older_do(fd, APPEND, 0, 1);
    older_do(fd, REMOVE, 0, 1);
    older_read(other, 0, NULL, 0); /* an emptied key is none */
    close(fd);
    close(other);
    e2e_stop(world, SIGKILL);
    fd = begin(world); /* adopts what there was */
    older_read(fd, UINT64_MAX, rest, 3);
    older_read(fd, 0, NULL, 0);
    older_do(fd, UPDATE, UINT64_MAX, 1);
    older_read(fd, UINT64_MAX, (const uint64_t[]){3, 4, 1}, 3);
    close(fd);
}
END_TEST

/* Keys whose low bits are equal were slow; a long list is as any other. */
START_TEST(many_keys_and_one_long_list)
{
    enum { KEYS = 20000, BATCH = 1000 };
    static uint8_t frames[BATCH * 24], replies[BATCH];
    struct e2e_world *world = e2e_world();
    int fd = begin(world);
    for (uint64_t from = 0; from < KEYS; from += BATCH) {
        for (uint64_t i = 0; i < BATCH; i++)
            older_frame(frames + i * 24, APPEND, (from + i) << 20, from + i);
        e2e_raw_send(fd, frames, sizeof(frames));
        ck_assert_uint_eq(e2e_raw_receive(fd, replies, BATCH), BATCH);
        for (int i = 0; i < BATCH; i++)
            ck_assert(replies[i] == 0);
    }
    for (uint64_t i = 0; i < KEYS; i += 997)
        older_read(fd, i << 20, &i, 1);
    enum { COUNT = 1000000 };
    uint64_t *values = malloc(COUNT * 8u), key = 1;
    for (uint64_t i = 0; i < COUNT; i++)
        values[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    older_append(world, "usize-kv", &key, 8, values, COUNT * 8u);
    older_read(fd, 1, values, COUNT);
    older_do(fd, REMOVE, 1, values[0]);
    older_read(fd, 1, values + 1, COUNT - 1);
    free(values);
    close(fd);
}
END_TEST

/* ---- peers that go -------------------------------------------------------------------------- */

/* Waits until the key has `count` values: 0, 1, 2 ... */
static void wait_for_values(const struct e2e_world *world, uint64_t key, uint64_t count)
{
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    size_t room = (size_t)(count + 1) * 8, got = 0;
    uint64_t *words = malloc(room);
    do { /* a connection each: its end is the end of the reply */
        int fd = older_usize_kv(world, 0);
        older_call(fd, READ, key, 0);
        shutdown(fd, SHUT_WR);
        got = e2e_raw_receive(fd, words, room);
        close(fd);
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "%zu bytes of values", got);
    } while (got < count * 8);
    ck_assert_uint_eq(got, count * 8);
    for (uint64_t i = 0; i < count; i++)
        ck_assert(__builtin_bswap64(words[i]) == i);
    free(words);
}

/* Everything has arrived at the other end, though it need not have been looked at. */
static void wait_for_arrival(int fd)
{
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    int unsent = 1;
    while (unsent > 0) {
        ck_assert_int_eq(ioctl(fd, SIOCOUTQ, &unsent), 0);
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "%d bytes do not get through", unsent);
        poll(NULL, 0, 1);
    }
}

START_TEST(gone_before_the_replies)
{
    enum { COUNT = 5000 };
    static uint8_t frames[COUNT * 24];
    struct e2e_world *world = e2e_world();
    int fd = begin(world);
    for (uint64_t i = 0; i < COUNT; i++)
        older_frame(frames + i * 24, APPEND, 1, i);
    e2e_raw_send(fd, frames, sizeof(frames));
    shutdown(fd, SHUT_WR); /* politely: it still listens */
    static uint8_t replies[COUNT + 1];
    ck_assert_uint_eq(e2e_raw_receive(fd, replies, COUNT + 1), COUNT);
    close(fd);
    wait_for_values(world, 1, COUNT);
    for (uint64_t i = 0; i < COUNT; i++)
        older_frame(frames + i * 24, APPEND, 2, i);
    fd = older_usize_kv(world, 0);
    e2e_raw_send(fd, frames, sizeof(frames));
    wait_for_arrival(fd);
    close(fd); /* with replies unread, it is a reset */
    wait_for_values(world, 2, COUNT);
}
END_TEST

/* The same while the daemon does not read from it, as it takes no replies. */
START_TEST(gone_while_held_up)
{
    enum { VALUES = 100000, READS = 40, COUNT = 500 };
    static uint8_t frames[COUNT * 24];
    struct e2e_world *world = e2e_world();
    uint64_t *values = calloc(VALUES, 8), key = 7;
    older_start(world, NULL);
    older_append(world, "usize-kv", &key, 8, values, VALUES * 8u);
    int fd = older_usize_kv(world, 4096);
    for (int i = 0; i < READS; i++)
        older_call(fd, READ, 7, 0); /* 32 MB of replies, and nobody takes them */
    for (uint64_t i = 0; i < COUNT; i++)
        older_frame(frames + i * 24, APPEND, 3, i);
    e2e_raw_send(fd, frames, sizeof(frames));
    wait_for_arrival(fd);
    older_read(older_usize_kv(world, 0), 3, NULL, 0); /* not yet: it is held up */
    close(fd);
    wait_for_values(world, 3, COUNT);
    free(values);
}
END_TEST

/* A storm of them leaves nothing behind. */
START_TEST(gone_again_and_again)
{
    enum { ROUNDS = 300 };
    struct e2e_world *world = e2e_world();
    struct stele_daemon_stats stats;
    struct stele_channel channel;
    uint8_t frames[72];
    close(begin(world));
    for (uint64_t round = 0; round < ROUNDS; round++) {
        int fd = older_usize_kv(world, 0);
        older_frame(frames, APPEND, 4, round);
        older_frame(frames + 24, READ, 4, 0);
        older_frame(frames + 48, DUMP, 0, 0);
        e2e_raw_send(fd, frames, 72);
        wait_for_arrival(fd);
        close(fd);
    }
    wait_for_values(world, 4, ROUNDS);
    e2e_connect(world, &channel);
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    do {
        e2e_ok(stele_channel_stats(&channel, &stats, -1));
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "they are never given up");
    } while (stats.connections > 1);
    stele_channel_close(&channel);
    ck_assert(!e2e_logged(world, "is closed:"));
}
END_TEST

/* ---- DUMP ----------------------------------------------------------------------------------- */

static int output_file(struct e2e_world *world, char path[128])
{
    snprintf(path, 128, "%.90s/out", world->directory);
    world->stdout_fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0644);
    ck_assert_int_gt(world->stdout_fd, 0);
    return world->stdout_fd;
}

static size_t file_text(int fd, char *text, size_t bytes)
{
    ssize_t got = pread(fd, text, bytes - 1, 0);
    ck_assert_int_ge(got, 0);
    text[got] = 0;
    return (size_t)got;
}

START_TEST(dump_is_on_standard_output)
{
    struct e2e_world *world = e2e_world();
    char path[128], text[256];
    int out = output_file(world, path), fd = begin(world);
    older_call(fd, DUMP, 0, 0);
    older_do(fd, REBUILD, 0, 0); /* whose answer comes after what DUMP has printed */
    ck_assert_uint_eq(file_text(out, text, sizeof(text)), 0);
    older_do(fd, APPEND, 1, 2);
    older_do(fd, APPEND, 1, 3);
    older_do(fd, APPEND, 1, 2);
    older_do(fd, APPEND, 0, UINT64_MAX);
    older_do(fd, APPEND, 5, 5);
    older_do(fd, REMOVE, 5, 5); /* an emptied key has no line */
    older_call(fd, DUMP, 77, 88);
    older_do(fd, REBUILD, 0, 0);
    static const char one[] = "1 : [2, 3, 2]\n", zero[] = "0 : [18446744073709551615]\n";
    ck_assert_uint_eq(file_text(out, text, sizeof(text)), strlen(one) + strlen(zero));
    const char *at = strstr(text, zero);
    ck_assert(strncmp(text, one, strlen(one)) == 0 || strncmp(text, zero, strlen(zero)) == 0);
    ck_assert(at && strstr(text, one));
    close(fd);
    close(out);
}
END_TEST

/* Checks lines of "KEY : [VALUE, ...]" as fill_for_dump() makes them; returns how many. */
static unsigned check_lines(char *text, size_t bytes)
{
    unsigned lines = 0;
    for (char *at = text; at < text + bytes; lines++) {
        unsigned long key = strtoul(at, &at, 10);
        ck_assert(strncmp(at, " : [", 4) == 0);
        at += 4;
        for (unsigned i = 0; i < 1000; i++) {
            ck_assert(strtoul(at, &at, 10) == key * 1000 + i);
            ck_assert(strncmp(at, i < 999 ? ", " : "]\n", 2) == 0);
            at += 2;
        }
    }
    return lines;
}

static void fill_for_dump(struct e2e_world *world, uint64_t keys)
{
    for (uint64_t key = 1; key <= keys; key++) {
        uint64_t values[1000];
        for (uint64_t i = 0; i < 1000; i++)
            values[i] = key * 1000 + i;
        older_append(world, "usize-kv", &key, 8, values, sizeof(values));
    }
}

/* A pipe that nobody reads: everybody is served meanwhile; all of it comes out when somebody does. */
START_TEST(dump_into_a_full_pipe)
{
    enum { KEYS = 100, DUMPS = 3 };
    struct e2e_world *world = e2e_world();
    static char text[8 << 20];
    size_t bytes = 0;
    unsigned lines = 0;
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    world->stdout_fd = ends[1];
    int fd = begin(world);
    close(ends[1]);
    fill_for_dump(world, KEYS);
    for (int i = 0; i < DUMPS; i++)
        older_call(fd, DUMP, 0, 0);
    older_do(fd, APPEND, 1, 1); /* and is served itself */
    wire_expect_alive(world);
    while (lines < KEYS * DUMPS) {
        ssize_t got = read(ends[0], text + bytes, 1000);
        ck_assert_int_gt(got, 0);
        for (ssize_t i = 0; i < got; i++)
            lines += text[bytes + (size_t)i] == '\n';
        bytes += (size_t)got;
        ck_assert_uint_le(bytes, sizeof(text) - 1000);
    }
    ck_assert_uint_eq(check_lines(text, bytes), KEYS * DUMPS);
    close(ends[0]);
    older_call(fd, DUMP, 0, 0); /* nobody is there any more: no matter, and told */
    older_do(fd, APPEND, 1, 1);
    e2e_wait_logged(world, "for standard output lost: Broken pipe");
    ck_assert_int_eq(e2e_stop(world, SIGTERM), 0);
    close(fd);
}
END_TEST

START_TEST(dump_to_nowhere)
{
    struct e2e_world *world = e2e_world();
    int fd = begin(world); /* the harness gives it /dev/null */
    older_do(fd, APPEND, 1, 2);
    older_call(fd, DUMP, 0, 0);
    older_do(fd, REBUILD, 0, 0);
    close(fd);
    e2e_stop(world, SIGTERM);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_gt(full, 0);
    world->stdout_fd = full;
    fd = begin(world);
    older_call(fd, DUMP, 0, 0);
    older_do(fd, REBUILD, 0, 0);
    e2e_wait_logged(world, "for standard output lost: No space left");
    close(fd);
    close(full);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("usize_kv");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 180 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, transcript);
    tcase_add_test(all, frames_cut);
    tcase_add_test(all, removals_stay);
    tcase_add_test(all, many_keys_and_one_long_list);
    tcase_add_test(all, gone_before_the_replies);
    tcase_add_test(all, gone_while_held_up);
    tcase_add_test(all, gone_again_and_again);
    tcase_add_test(all, dump_is_on_standard_output);
    tcase_add_test(all, dump_into_a_full_pipe);
    tcase_add_test(all, dump_to_nowhere);
    return e2e_run(suite, argc, argv);
}
