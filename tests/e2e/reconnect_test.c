/* Finding a daemon, deadlines, and what a channel says when the connection is lost. */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static struct stele_channel channel;
static uint16_t id;

static void begin(void)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
}

/* What the segment itself holds; 0: no such key. */
static int64_t number_in_segment(const char *key)
{
    struct stele_reader reader;
    struct stele_table table;
    char text[32] = "";
    size_t bytes;
    e2e_ok(stele_reader_attach(&reader, e2e_world()->name));
    e2e_ok(stele_table_open(&reader, "t", &table));
    enum stele_status status = stele_get(&table, key, strlen(key), text, sizeof(text) - 1, &bytes);
    ck_assert(status == STELE_OK || status == STELE_ENOTFOUND);
    stele_reader_detach(&reader);
    return status == STELE_OK ? atoll(text) : 0;
}

/* ---- finding -------------------------------------------------------------------------------- */

START_TEST(by_name_and_by_path)
{
    struct e2e_world *world = e2e_world();
    char runtime[96], path[107];
    memcpy(runtime, world->directory, sizeof(runtime));
    snprintf(path, sizeof(path), "%.90s/stele", runtime);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    snprintf(world->socket_path, sizeof(world->socket_path), "%.40s/stele/%.40s.sock", runtime,
             world->name);
    e2e_start(world, NULL);
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    e2e_ok(stele_channel_connect(&channel, world->name, E2E_PATIENCE_MS));
    ck_assert_str_eq(channel.path, world->socket_path);
    ck_assert_str_eq(channel.info.name, world->name);
    e2e_ok(stele_channel_ping(&channel, -1));
    e2e_ok(stele_channel_reconnect(&channel, -1, NULL)); /* remembers where */
    stele_channel_close(&channel);
    e2e_ok(stele_channel_connect(&channel, world->socket_path, E2E_PATIENCE_MS));
    stele_channel_close(&channel);
    ck_assert_int_eq(chdir(path), 0);
    snprintf(path, sizeof(path), "./%.60s.sock", world->name);
    e2e_ok(stele_channel_connect(&channel, path, E2E_PATIENCE_MS)); /* a '/' makes it a path */
    stele_channel_close(&channel);
    ck_assert_int_eq(chdir("/"), 0);
    /* neither in the user's directory nor in the system's: the segment says where, while there is somebody */
    setenv("XDG_RUNTIME_DIR", "/nowhere/at/all", 1);
    e2e_ok(stele_channel_connect(&channel, world->name, E2E_PATIENCE_MS));
    ck_assert_str_eq(channel.path, world->socket_path);
    stele_channel_close(&channel);
    unsetenv("XDG_RUNTIME_DIR");
    e2e_ok(stele_channel_connect(&channel, world->name, E2E_PATIENCE_MS));
    stele_channel_close(&channel);
    ck_assert_int_eq(e2e_stop(world, SIGTERM), 0);
    e2e_is(stele_channel_connect(&channel, world->name, 1000), STELE_ECLOSED);
    snprintf(path, sizeof(path), "%.90s/stele", runtime);
    ck_assert_int_eq(rmdir(path), 0); /* the daemon has removed its socket */
}
END_TEST

START_TEST(targets_that_cannot_be)
{
    char path[200];
    static const char *const names[] = {"", "bad name", "a:b", "\xc3\xbc"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        e2e_is(stele_channel_connect(&channel, names[i], 1000), STELE_EINVAL);
    e2e_is(stele_channel_connect(&channel, NULL, 1000), STELE_EINVAL);
    memset(path, 'x', sizeof(path));
    path[64] = 0;
    e2e_is(stele_channel_connect(&channel, path, 1000), STELE_EINVAL); /* a name of 64 */
    path[64] = 'x';
    path[0] = '/';
    path[108] = 0;
    e2e_is(stele_channel_connect(&channel, path, 1000), STELE_EINVAL);
    path[107] = 0;
    e2e_is(stele_channel_connect(&channel, path, 1000), STELE_ECLOSED); /* could be, but is not */
    e2e_is(stele_channel_connect(&channel, "/nowhere/at/all", 1000), STELE_ECLOSED);
    stele_channel_close(&channel); /* of one that failed: nothing */
    e2e_is(stele_channel_reconnect(&channel, 10, NULL), STELE_EINVAL);
}
END_TEST

/* ---- deadlines ------------------------------------------------------------------------------ */

START_TEST(deadlines_leave_the_channel_usable)
{
    struct e2e_world *world = e2e_world();
    struct stele_daemon_stats stats;
    uint16_t other = 0;
    uint32_t count = 0;
    size_t bytes = 0;
    int64_t number = 0;
    int fd = -1;
    char value[8];
    begin();
    kill(world->pid, SIGSTOP);
    e2e_is(stele_channel_put(&channel, id, "k", 1, "5", 1, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_insert(&channel, id, "k", 1, "x", 1, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_replace(&channel, id, "k", 1, "6", 1, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_cas(&channel, id, "k", 1, "6", 1, "7", 1, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_incr(&channel, id, "k", 1, 10, &number, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_get(&channel, id, "k", 1, value, 8, &bytes, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_erase(&channel, id, "absent", 6, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_ping(&channel, 0), STELE_ETIMEDOUT);
    e2e_is(stele_channel_table_create(&channel, "u", &other, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_table_find(&channel, "t", &other, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_table_list(&channel, NULL, 0, &count, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_stats(&channel, &stats, 10), STELE_ETIMEDOUT);
    e2e_is(stele_channel_segment_fd(&channel, 10, &fd), STELE_ETIMEDOUT);
    ck_assert_uint_eq(channel.abandoned, 13);
    ck_assert(number == 0 && bytes == 0 && other == 0 && count == 0 && fd == -1);
    kill(world->pid, SIGCONT);
    e2e_ok(stele_channel_ping(&channel, -1)); /* not the answer to one of those */
    ck_assert_uint_eq(channel.abandoned, 0);
    ck_assert_int_eq(number_in_segment("k"), 17); /* each has run, once and in order */
    e2e_ok(stele_channel_incr(&channel, id, "k", 1, 1, &number, -1));
    ck_assert_int_eq(number, 18);
    e2e_ok(stele_channel_segment_fd(&channel, -1, &fd)); /* and not the late one, kept for ever */
    close(fd);
    ck_assert_int_eq(channel.segment_fd, -1);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(deadline_in_half_a_frame_breaks_the_channel)
{
    struct e2e_world *world = e2e_world();
    size_t bytes = 16u << 20;
    char *value = calloc(1, bytes);
    begin();
    kill(world->pid, SIGSTOP);
    e2e_is(stele_channel_put(&channel, id, "k", 1, value, bytes, 20), STELE_ETIMEDOUT);
    kill(world->pid, SIGCONT);
    e2e_is(stele_channel_ping(&channel, -1), STELE_ETIMEDOUT);
    e2e_ok(stele_channel_reconnect(&channel, E2E_PATIENCE_MS, NULL));
    e2e_ok(stele_channel_ping(&channel, -1));
    ck_assert_int_eq(number_in_segment("k"), 0);
    e2e_is(stele_channel_get(&channel, id, "k", 1, value, bytes, &bytes, -1), STELE_ENOTFOUND);
    free(value);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(connecting_has_a_deadline)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    kill(world->pid, SIGSTOP);
    e2e_is(stele_channel_connect(&channel, world->socket_path, 20), STELE_ETIMEDOUT);
    kill(world->pid, SIGCONT);
    e2e_connect(world, &channel);
    kill(world->pid, SIGSTOP);
    e2e_is(stele_channel_reconnect(&channel, 20, NULL), STELE_ETIMEDOUT);
    e2e_is(stele_channel_ping(&channel, 20), STELE_ECLOSED);
    kill(world->pid, SIGCONT);
    e2e_ok(stele_channel_reconnect(&channel, E2E_PATIENCE_MS, NULL)); /* again, after a failure */
    e2e_ok(stele_channel_ping(&channel, -1));
    stele_channel_close(&channel);
}
END_TEST

/* ---- losses --------------------------------------------------------------------------------- */

START_TEST(lost_connection_is_never_silent)
{
    struct e2e_world *world = e2e_world();
    struct stele_completion completion;
    uint32_t unknown = 99;
    begin();
    uint64_t epoch = channel.info.epoch;
    kill(world->pid, SIGSTOP);
    for (int i = 0; i < 10; i++)
        e2e_ok(stele_channel_submit_incr(&channel, id, "n", 1, 1, NULL));
    e2e_ok(stele_channel_flush(&channel));
    e2e_stop(world, SIGKILL);
    e2e_is(stele_channel_collect(&channel, &completion, -1), STELE_ECLOSED);
    ck_assert_uint_eq(stele_channel_pending(&channel), 10);
    e2e_is(stele_channel_submit_put(&channel, id, "k", 1, "v", 1, NULL), STELE_ECLOSED);
    e2e_is(stele_channel_reconnect(&channel, 20, &unknown), STELE_ECLOSED); /* nobody is there */
    ck_assert_uint_eq(unknown, 10);
    e2e_is(stele_channel_ping(&channel, -1), STELE_ECLOSED);
    e2e_spawn(world, NULL, 0); /* it waits until that one listens */
    e2e_ok(stele_channel_reconnect(&channel, E2E_PATIENCE_MS, &unknown));
    ck_assert_uint_eq(unknown, 0); /* they have been told */
    ck_assert_uint_eq(stele_channel_pending(&channel), 0);
    ck_assert_uint_gt(channel.info.epoch, epoch);
    /* nothing was sent twice: the daemon was stopped before it could run any */
    ck_assert_int_eq(number_in_segment("n"), 0);
    /* handles are from before */
    e2e_is(stele_channel_put(&channel, id, "k", 1, "v", 1, -1), STELE_ENOTABLE);
    e2e_is(stele_channel_get(&channel, id, "k", 1, NULL, 0, &(size_t){0}, -1), STELE_ENOTABLE);
    e2e_is(stele_channel_table_clear(&channel, id, -1), STELE_ENOTABLE);
    e2e_ok(stele_channel_table_find(&channel, "t", &id, -1));
    e2e_ok(stele_channel_put(&channel, id, "k", 1, "v", 1, -1));
    stele_channel_close(&channel);
    e2e_is(stele_channel_ping(&channel, -1), STELE_ECLOSED);
    e2e_is(stele_channel_reconnect(&channel, 10, &unknown), STELE_EINVAL);
}
END_TEST

/* Of a channel that is well: what was submitted and not collected is unknown, and may have run. */
START_TEST(unknown_ones_are_counted)
{
    struct stele_completion completion;
    uint32_t unknown = 99;
    begin();
    for (int i = 0; i < 7; i++)
        e2e_ok(stele_channel_submit_incr(&channel, id, "n", 1, 1, NULL));
    e2e_ok(stele_channel_collect(&channel, &completion, -1));
    ck_assert_int_eq(completion.number, 1);
    e2e_ok(stele_channel_submit_incr(&channel, id, "n", 1, 1, NULL)); /* buffered, never sent */
    e2e_ok(stele_channel_reconnect(&channel, E2E_PATIENCE_MS, &unknown));
    ck_assert_uint_eq(unknown, 7);
    e2e_is(stele_channel_collect(&channel, &completion, 0), STELE_EEND);
    int64_t number = 0;
    e2e_ok(
        stele_channel_incr(&channel, id, "n", 1, 0, &number, -1)); /* the same daemon: a handle */
    ck_assert_int_ge(number, 1);
    ck_assert_int_le(number, 7);
    e2e_ok(stele_channel_reconnect(&channel, E2E_PATIENCE_MS, &unknown));
    ck_assert_uint_eq(unknown, 0);
    stele_channel_close(&channel);
}
END_TEST

/* Replies that had arrived are given out before the loss is told. */
START_TEST(arrived_replies_are_not_lost)
{
    struct e2e_world *world = e2e_world();
    struct stele_completion completion;
    begin();
    for (int i = 0; i < 10; i++)
        e2e_ok(stele_channel_submit_incr(&channel, id, "n", 1, 1, NULL));
    e2e_ok(stele_channel_flush(&channel));
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    while (number_in_segment("n") < 10)
        ck_assert_int_gt(stelei_io_left_ms(deadline), 0);
    e2e_stop(world, SIGTERM); /* which delivers what waits */
    for (int i = 0; i < 10; i++) {
        e2e_ok(stele_channel_collect(&channel, &completion, -1));
        ck_assert_int_eq(completion.number, i + 1);
    }
    e2e_is(stele_channel_collect(&channel, &completion, -1), STELE_EEND);
    e2e_is(stele_channel_ping(&channel, -1), STELE_ECLOSED);
    stele_channel_close(&channel);
}
END_TEST

/* Killed in the middle of a pipeline, again and again: acknowledged ones are there. */
START_TEST(kills_under_way)
{
    struct e2e_world *world = e2e_world();
    struct stele_completion completion;
    uint32_t unknown;
    int64_t acknowledged = 0, most = 0;
    begin();
    for (int round = 0; round < 10; round++) {
        enum stele_status status;
        for (int i = 0; i < 500; i++)
            e2e_ok(stele_channel_submit_incr(&channel, id, "n", 1, 1, NULL));
        most += 500;
        for (int i = 0; i < 50 * round; i++) {
            e2e_ok(stele_channel_collect(&channel, &completion, -1));
            acknowledged = completion.number;
        }
        e2e_stop(world, SIGKILL);
        while ((status = stele_channel_collect(&channel, &completion, -1)) == STELE_OK)
            acknowledged = completion.number;
        ck_assert(status == STELE_ECLOSED || status == STELE_EEND);
        e2e_spawn(world, NULL, 0);
        uint32_t pending = stele_channel_pending(&channel);
        e2e_ok(stele_channel_reconnect(&channel, E2E_PATIENCE_MS, &unknown));
        ck_assert_uint_eq(unknown, pending);
        ck_assert_int_ge(number_in_segment("n"), acknowledged);
        ck_assert_int_le(number_in_segment("n"), most);
        e2e_ok(stele_channel_table_find(&channel, "t", &id, -1));
        e2e_ok(stele_channel_incr(&channel, id, "n", 1, 0, &most, -1));
    }
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("reconnect");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, by_name_and_by_path);
    tcase_add_test(all, targets_that_cannot_be);
    tcase_add_test(all, deadlines_leave_the_channel_usable);
    tcase_add_test(all, deadline_in_half_a_frame_breaks_the_channel);
    tcase_add_test(all, connecting_has_a_deadline);
    tcase_add_test(all, lost_connection_is_never_silent);
    tcase_add_test(all, unknown_ones_are_counted);
    tcase_add_test(all, arrived_replies_are_not_lost);
    tcase_add_test(all, kills_under_way);
    return e2e_run(suite, argc, argv);
}
