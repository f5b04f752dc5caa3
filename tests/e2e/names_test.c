/* Names that are removed under a living daemon: the segment's, the lock's, the socket's. Either they are
 * put back, or nothing is acknowledged any more and everybody is told. */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <stele/store.h>

static const char *const small[] = {"--max-bytes", "16M", NULL};
static char segment[128], lock[128];
static struct stele_channel channel;
static uint16_t table;

static void begin(struct e2e_world *world)
{
    snprintf(segment, sizeof(segment), "/dev/shm/stele.%.60s", world->name);
    snprintf(lock, sizeof(lock), "/dev/shm/stele.%.60s.lock", world->name);
    e2e_start(world, small);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &table, E2E_PATIENCE_MS));
    e2e_ok(stele_channel_put(&channel, table, "k", 1, "v1", 2, E2E_PATIENCE_MS));
}

static enum stele_status put(void)
{
    return stele_channel_put(&channel, table, "k", 1, "v2", 2, E2E_PATIENCE_MS);
}

static void expect_detached(struct e2e_world *world)
{
    struct stele_daemon_stats stats;
    char value[8];
    size_t bytes = 0;
    uint16_t id = 0;
    ck_assert_str_eq(stele_status_name(put()), "STELE_EDETACHED");
    e2e_is(stele_channel_table_create(&channel, "u", &id, E2E_PATIENCE_MS), STELE_EDETACHED);
    e2e_is(stele_channel_erase(&channel, table, "k", 1, E2E_PATIENCE_MS), STELE_EDETACHED);
    e2e_ok(stele_channel_get(&channel, table, "k", 1, value, sizeof(value), &bytes, E2E_PATIENCE_MS));
    e2e_ok(stele_channel_stats(&channel, &stats, E2E_PATIENCE_MS));
    ck_assert_uint_eq(stats.detached, 1);
    stele_channel_close(&channel);
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 3);
}

static bool held(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool taken = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    if (fd >= 0)
        close(fd);
    return taken;
}

/* A second daemon of this name at another socket; returns its exit status. */
static int second_daemon(const struct e2e_world *world)
{
    struct e2e_world second = *world;
    snprintf(second.log_path, sizeof(second.log_path), "%.90s/second.log", world->directory);
    snprintf(second.socket_path, sizeof(second.socket_path), "%.90s/second", world->directory);
    unlink(second.log_path);
    e2e_spawn(&second, small, 0);
    int status = e2e_wait_end(&second);
    ck_assert(WIFEXITED(status));
    ck_assert(e2e_logged(&second, "is a daemon of this name running?") ||
              e2e_logged(&second, "Is a daemon of this name running?"));
    return WEXITSTATUS(status);
}

START_TEST(both_removed)
{
    struct e2e_world *world = e2e_world();
    begin(world);
    ck_assert_int_eq(unlink(segment), 0);
    ck_assert_int_eq(unlink(lock), 0);
    e2e_wait_logged(world, " was removed: nobody can find the segment any more");
    expect_detached(world);
}
END_TEST

START_TEST(the_segment_removed)
{
    struct e2e_world *world = e2e_world();
    struct stele_reader reader;
    begin(world);
    e2e_ok(stele_reader_attach(&reader, world->name));
    ck_assert_int_eq(unlink(segment), 0);
    e2e_wait_logged(world, " was removed: nobody can find the segment any more");
    ck_assert_int_eq(second_daemon(world), 1);
    expect_detached(world);
    /* who has it mapped is told where it ended */
    ck_assert_uint_eq(stelei_load64(&stelei_map_header(&reader.map)->state), STELEI_STATE_MOVED);
    stele_reader_detach(&reader);
    e2e_start(world, small); /* starts empty, and is whole */
    e2e_connect(world, &channel);
    e2e_is(stele_channel_table_find(&channel, "t", &table, E2E_PATIENCE_MS), STELE_ENOTABLE);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(the_segment_replaced)
{
    struct e2e_world *world = e2e_world();
    begin(world);
    ck_assert_int_eq(unlink(segment), 0);
    int fd = open(segment, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    e2e_wait_logged(world, ": nobody can find the segment any more");
    expect_detached(world);
    ck_assert_int_eq(access(segment, F_OK), 0); /* was left alone */
}
END_TEST

START_TEST(the_segment_moved_away)
{
    struct e2e_world *world = e2e_world();
    char elsewhere[160];
    begin(world);
    snprintf(elsewhere, sizeof(elsewhere), "%s.moved", segment);
    ck_assert_int_eq(rename(segment, elsewhere), 0);
    e2e_wait_logged(world, " had been moved away, and has its name again");
    ck_assert_int_eq(unlink(elsewhere), 0);
    e2e_ok(put());
    stele_channel_close(&channel);
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    e2e_start(world, small);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_find(&channel, "t", &table, E2E_PATIENCE_MS));
    stele_channel_close(&channel);
}
END_TEST

START_TEST(the_lock_removed)
{
    struct e2e_world *world = e2e_world();
    begin(world);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(unlink(lock), 0);
        ck_assert_int_eq(second_daemon(world), 1); /* whoever comes first */
        int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
        while (!held(lock) && stelei_io_left_ms(deadline) > 0)
            poll(NULL, 0, 2);
        ck_assert(held(lock));
        e2e_ok(put());
    }
    stele_channel_close(&channel);
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

/* While the daemon stands still the lock's name is gone: the segment's own lock keeps others out. */
START_TEST(the_lock_removed_under_a_stopped_daemon)
{
    struct e2e_world *world = e2e_world();
    int status;
    begin(world);
    kill(world->pid, SIGSTOP);
    ck_assert_int_eq(waitpid(world->pid, &status, WUNTRACED), world->pid);
    ck_assert_int_eq(unlink(lock), 0);
    ck_assert_int_eq(second_daemon(world), 1);
    kill(world->pid, SIGCONT);
    e2e_wait_logged(world, " had been removed, and was made again");
    e2e_ok(put());
    stele_channel_close(&channel);
}
END_TEST

/* ---- the socket ------------------------------------------------------------------------------ */

START_TEST(the_socket_removed)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel other;
    begin(world);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(unlink(world->socket_path), 0);
        e2e_wait_ready(world); /* connects by the path */
        e2e_connect(world, &other);
        e2e_ok(stele_channel_ping(&other, E2E_PATIENCE_MS));
        stele_channel_close(&other);
        e2e_ok(put()); /* who was connected goes on */
    }
    ck_assert(e2e_logged(world, " had been removed, and was made again"));
    stele_channel_close(&channel);
    e2e_stop(world, SIGTERM);
    ck_assert_int_ne(access(world->socket_path, F_OK), 0);
}
END_TEST

START_TEST(the_socket_replaced)
{
    struct e2e_world *world = e2e_world();
    begin(world);
    ck_assert_int_eq(unlink(world->socket_path), 0);
    int fd = open(world->socket_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) { /* it has been made again in between */
        stele_channel_close(&channel);
        return;
    }
    close(fd);
    e2e_wait_logged(world, "the socket's file is gone, and clients do not find this daemon: ");
    ck_assert(e2e_logged(world, "exists and is not a socket"));
    ck_assert_int_eq(unlink(world->socket_path), 0); /* and is tried again */
    e2e_wait_ready(world);
    e2e_ok(put());
    stele_channel_close(&channel);
}
END_TEST

/* A client that knows the name alone finds a daemon that was given a place of its own. */
START_TEST(the_segment_says_where_its_daemon_listens)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel other;
    char nowhere[160];
    snprintf(nowhere, sizeof(nowhere), "%.90s/none", world->directory);
    setenv("XDG_RUNTIME_DIR", nowhere, 1);
    begin(world);
    e2e_ok(stele_channel_connect(&other, world->name, E2E_PATIENCE_MS));
    ck_assert_str_eq(other.path, world->socket_path);
    ck_assert_str_eq(other.info.name, world->name);
    stele_channel_close(&other);
    stele_channel_close(&channel);
    e2e_stop(world, SIGKILL); /* what it said is out of date */
    e2e_is(stele_channel_connect(&other, world->name, E2E_PATIENCE_MS), STELE_ECLOSED);
    ck_assert_str_ne(other.path, world->socket_path);
    ck_assert_int_eq(other.system_error, ENOENT);
    e2e_start(world, small);
    e2e_stop(world, SIGTERM);
    e2e_is(stele_channel_connect(&other, world->name, E2E_PATIENCE_MS), STELE_ECLOSED);
}
END_TEST

/* What the path says is no more than a hint: another daemon's is not taken for ours. */
START_TEST(a_wrong_hint_is_not_followed)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel other;
    struct stele_store *store;
    struct stele_store_options options = {.max_bytes = 8 << 20};
    char name[64];
    begin(world);
    snprintf(name, sizeof(name), "%.50s-x", world->name);
    options.name = name;
    e2e_ok(stele_store_open(&options, &store, NULL, 0));
    e2e_is(stele_channel_connect(&other, name, E2E_PATIENCE_MS), STELE_ECLOSED);
    stele_store_set_socket(store, world->socket_path);
    e2e_is(stele_channel_connect(&other, name, E2E_PATIENCE_MS), STELE_ECLOSED);
    stele_store_set_socket(store, "relative");
    e2e_is(stele_channel_connect(&other, name, E2E_PATIENCE_MS), STELE_ECLOSED);
    stele_store_close(store);
    e2e_ok(stele_store_unlink(name));
    stele_channel_close(&channel);
}
END_TEST

START_TEST(out_of_descriptors_is_not_nobody)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel other;
    struct rlimit limit, none = {0, 0};
    begin(world);
    getrlimit(RLIMIT_NOFILE, &limit);
    none.rlim_max = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    enum stele_status status = stele_channel_connect(&other, world->socket_path, E2E_PATIENCE_MS);
    setrlimit(RLIMIT_NOFILE, &limit);
    ck_assert_str_eq(stele_status_name(status), "STELE_EIO");
    ck_assert_int_eq(other.system_error, EMFILE);
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("names");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, both_removed);
    tcase_add_test(all, the_segment_removed);
    tcase_add_test(all, the_segment_replaced);
    tcase_add_test(all, the_segment_moved_away);
    tcase_add_test(all, the_lock_removed);
    tcase_add_test(all, the_lock_removed_under_a_stopped_daemon);
    tcase_add_test(all, the_socket_removed);
    tcase_add_test(all, the_socket_replaced);
    tcase_add_test(all, the_segment_says_where_its_daemon_listens);
    tcase_add_test(all, a_wrong_hint_is_not_followed);
    tcase_add_test(all, out_of_descriptors_is_not_nobody);
    return e2e_run(suite, argc, argv);
}
