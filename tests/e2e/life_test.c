/* Start, stop, SIGKILL and adoption of the real daemon. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static const char *const small[] = {"--max-bytes", "64M", NULL};

static bool socket_exists(const struct e2e_world *world)
{
    struct stat found;
    return lstat(world->socket_path, &found) == 0;
}

static void put_one(struct e2e_world *world, const char *key, const char *value)
{
    struct stele_channel channel;
    uint16_t id = 0;
    e2e_connect(world, &channel);
    enum stele_status status = stele_channel_table_create(&channel, "t", &id, -1);
    ck_assert(status == STELE_OK || status == STELE_EEXIST);
    e2e_ok(stele_channel_put(&channel, id, key, strlen(key), value, strlen(value), -1));
    stele_channel_close(&channel);
}

static void expect_one(struct e2e_world *world, const char *key, const char *value)
{
    struct stele_reader reader;
    struct stele_table table;
    char found[64];
    size_t bytes = 0;
    e2e_ok(stele_reader_attach(&reader, world->name));
    e2e_ok(stele_table_open(&reader, "t", &table));
    e2e_ok(stele_get(&table, key, strlen(key), found, sizeof(found), &bytes));
    ck_assert_uint_eq(bytes, strlen(value));
    ck_assert_int_eq(memcmp(found, value, bytes), 0);
    stele_reader_detach(&reader);
}

START_TEST(clean_stop_keeps_the_data)
{
    struct e2e_world *world = e2e_world();
    for (int round = 0; round < 2; round++) {
        int signal = round == 0 ? SIGTERM : SIGINT;
        e2e_start(world, small);
        ck_assert(e2e_logged(world, round == 0 ? " created in " : " adopted in "));
        put_one(world, round == 0 ? "a" : "b", "1");
        int status = e2e_stop(world, signal);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        ck_assert(!socket_exists(world));
        expect_one(world, "a", "1"); /* readers need no daemon */
    }
    expect_one(world, "b", "1");
    ck_assert(e2e_logged(world, "info: stopped"));
}
END_TEST

START_TEST(stop_finishes_replies)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_completion completion;
    uint16_t id = 0;
    e2e_start(world, small);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
    for (int i = 0; i < 100; i++)
        e2e_ok(stele_channel_submit_put(&channel, id, &i, 4, "v", 1, NULL));
    e2e_ok(stele_channel_collect(&channel, &completion, -1)); /* all 100 came in one turn */
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 1; i < 100; i++) {
        e2e_ok(stele_channel_collect(&channel, &completion, -1));
        e2e_ok(completion.status);
    }
    stele_channel_close(&channel);
}
END_TEST

START_TEST(second_daemon_is_refused)
{
    struct e2e_world *world = e2e_world();
    struct e2e_world second = *world;
    e2e_start(world, small);
    /* the same segment, another socket */
    snprintf(second.socket_path, sizeof(second.socket_path), "%.90s/other", world->directory);
    snprintf(second.log_path, sizeof(second.log_path), "%.90s/other.log", world->directory);
    e2e_spawn(&second, small, 0);
    int status = e2e_wait_end(&second);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    ck_assert(e2e_logged(&second, "lock"));
    /* another segment, the same socket */
    second = *world;
    snprintf(second.name, sizeof(second.name), "%.60s-b", world->name);
    snprintf(second.log_path, sizeof(second.log_path), "%.90s/third.log", world->directory);
    e2e_spawn(&second, small, 0);
    status = e2e_wait_end(&second);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    ck_assert(e2e_logged(&second, "somebody listens there"));
    put_one(world, "still", "here");
}
END_TEST

START_TEST(socket_files)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, small);
    e2e_stop(world, SIGKILL);
    ck_assert(socket_exists(world));
    e2e_start(world, small); /* stale: replaced */
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    FILE *file = fopen(world->socket_path, "w"); /* somebody's file: left alone */
    fputs("precious", file);
    fclose(file);
    e2e_spawn(world, small, 0);
    status = e2e_wait_end(world);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    struct stat found;
    ck_assert_int_eq(stat(world->socket_path, &found), 0);
    ck_assert_int_eq(found.st_size, 8);
    /* one that was taken from us is not ours to remove */
    unlink(world->socket_path);
    e2e_start(world, small);
    unlink(world->socket_path);
    file = fopen(world->socket_path, "w");
    fclose(file);
    status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert(socket_exists(world));
}
END_TEST

/* ---- SIGKILL in the middle of a stream ----------------------------------------------------- */

#define KEYS 50000u

struct kill_run {
    struct e2e_world *world;
    struct stele_reader reader;
    struct stele_table table;
    uint32_t acknowledged[KEYS]; /* the last count that was, per key */
    uint32_t sent[KEYS];         /* the last that was submitted */
    uint32_t next;               /* commands, all runs together */
    uint32_t queue[256];         /* keys of the pending commands, in order */
    uint32_t queue_head, queue_tail;
};

/* A value that cannot be mistaken: its size varies, all of it says which write it is. */
static size_t make_value(uint32_t key, uint32_t count, uint32_t *words)
{
    size_t n = 2 + (key * 7 + count * 13) % 60;
    for (size_t i = 0; i < n; i++)
        words[i] = i == 0 ? count : count * 2654435761u + key + (uint32_t)i;
    return n * 4;
}

static uint32_t read_count(struct kill_run *run, uint32_t key)
{
    uint32_t words[64], wanted[64];
    size_t bytes = 0;
    enum stele_status status =
        stele_get(&run->table, &key, sizeof(key), words, sizeof(words), &bytes);
    if (status == STELE_ENOTFOUND)
        return 0;
    e2e_ok(status);
    ck_assert_uint_eq(bytes, make_value(key, words[0], wanted));
    ck_assert_int_eq(memcmp(words, wanted, bytes), 0);
    return words[0];
}

/* Writes until the connection is gone; the killer strikes somewhere in it. */
static void stream_until_killed(struct kill_run *run, pid_t victim, uint32_t kill_after)
{
    struct stele_channel channel;
    struct stele_completion completion;
    uint16_t id = 0;
    uint32_t words[64];
    enum stele_status status = STELE_OK;
    e2e_connect(run->world, &channel);
    status = stele_channel_table_create(&channel, "t", &id, -1);
    ck_assert(status == STELE_OK || status == STELE_EEXIST);
    run->queue_head = run->queue_tail = 0;
    for (uint32_t done = 0, submitted = 0;;) {
        while (run->queue_tail - run->queue_head < 64) {
            uint32_t key = run->next * 2654435761u % KEYS;
            size_t bytes = make_value(key, ++run->sent[key], words);
            run->next++;
            status = stele_channel_submit_put(&channel, id, &key, 4, words, bytes, NULL);
            if (status != STELE_OK)
                break;
            run->queue[run->queue_tail++ % 256] = key;
            if (++submitted == kill_after)
                kill(victim, SIGKILL); /* while commands are under way */
        }
        status = stele_channel_collect(&channel, &completion, -1);
        if (status != STELE_OK)
            break;
        e2e_ok(completion.status);
        uint32_t key = run->queue[run->queue_head++ % 256];
        run->acknowledged[key]++;
        if (++done % 16 == 0) /* promise D */
            ck_assert_uint_ge(read_count(run, key), run->acknowledged[key]);
    }
    e2e_is(status, STELE_ECLOSED);
    stele_channel_close(&channel);
}

START_TEST(killed_in_the_middle_nothing_acknowledged_is_missing)
{
    struct e2e_world *world = e2e_world();
    struct kill_run *run = calloc(1, sizeof(*run));
    unsigned rounds = (unsigned)(20 * e2e_scale());
    run->world = world;
    e2e_start(world, small);
    put_one(world, "first", "1");
    e2e_ok(stele_reader_attach(&run->reader, world->name)); /* once: lives through all of it */
    e2e_ok(stele_table_open(&run->reader, "t", &run->table));
    for (unsigned round = 0; round < (rounds ? rounds : 1); round++) {
        stream_until_killed(run, world->pid, 2000 + round * 977 % 20000);
        e2e_wait_end(world);
        for (unsigned pass = 0; pass < 2; pass++) { /* without a daemon, then with the next */
            for (uint32_t key = 0; key < KEYS; key++) {
                uint32_t count = read_count(run, key);
                ck_assert_uint_ge(count, run->acknowledged[key]);
                ck_assert_uint_le(count, run->sent[key]);
                if (pass == 1) { /* what was unknown is known now */
                    run->acknowledged[key] = run->sent[key] = count;
                }
            }
            if (pass == 0)
                e2e_start(world, small);
        }
        struct stele_reader_stats stats;
        stele_reader_get_stats(&run->reader, &stats);
        ck_assert_uint_eq(stats.epoch, round + 2);
    }
    expect_one(world, "first", "1");
    ck_assert_int_eq(e2e_stop(world, SIGTERM), 0);
    free(run);
}
END_TEST

START_TEST(heartbeat_tells_who_lives)
{
    struct e2e_world *world = e2e_world();
    struct stele_reader reader;
    struct stele_reader_stats before, after;
    e2e_start(world, small);
    e2e_ok(stele_reader_attach(&reader, world->name));
    stele_reader_get_stats(&reader, &before);
    ck_assert_uint_ne(before.heartbeat_ms, 0);
    ck_assert(!before.closed);
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    do {
        poll(NULL, 0, 10);
        stele_reader_get_stats(&reader, &after);
    } while (after.heartbeat_ms == before.heartbeat_ms && stelei_io_left_ms(deadline) > 0);
    ck_assert_uint_gt(after.heartbeat_ms, before.heartbeat_ms);
    e2e_stop(world, SIGTERM);
    stele_reader_get_stats(&reader, &after);
    ck_assert(after.closed);
    stele_reader_detach(&reader);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("life");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, clean_stop_keeps_the_data);
    tcase_add_test(all, stop_finishes_replies);
    tcase_add_test(all, second_daemon_is_refused);
    tcase_add_test(all, socket_files);
    tcase_add_test(all, killed_in_the_middle_nothing_acknowledged_is_missing);
    tcase_add_test(all, heartbeat_tells_who_lives);
    return e2e_run(suite, argc, argv);
}
