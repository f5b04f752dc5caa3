/* Signals and limits that end a program which does not expect them: the daemon says something, or
 * nothing, and goes on. */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static const char *const small[] = {"--max-bytes", "64M", NULL};

static void write_one(struct e2e_world *world, const char *key)
{
    struct stele_channel channel;
    uint16_t id = 0;
    e2e_connect(world, &channel);
    enum stele_status status = stele_channel_table_create(&channel, "t", &id, E2E_PATIENCE_MS);
    ck_assert(status == STELE_OK || status == STELE_EEXIST);
    e2e_ok(stele_channel_put(&channel, id, key, (uint32_t)strlen(key), "v", 1, E2E_PATIENCE_MS));
    stele_channel_close(&channel);
}

START_TEST(signals_of_other_daemons_do_not_end_it)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, small);
    write_one(world, "k");
    kill(world->pid, SIGHUP);
    e2e_wait_logged(world, "SIGHUP: there is nothing to read again");
    kill(world->pid, SIGUSR2);
    e2e_wait_logged(world, "SIGUSR2: means nothing here");
    kill(world->pid, SIGUSR1);
    e2e_wait_logged(world, " tmpfs_free_bytes ");
    ck_assert(e2e_logged(world, "notice: counters: uptime_ms "));
    ck_assert(e2e_logged(world, " commands_applied 2"));
    write_one(world, "l");
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

/* nohup, and whoever starts it with signals ignored or blocked. */
START_TEST(what_it_inherits_does_not_matter)
{
    struct e2e_world *world = e2e_world();
    sigset_t all, before;
    signal(SIGHUP, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    e2e_start(world, small);
    sigprocmask(SIG_SETMASK, &before, NULL);
    kill(world->pid, SIGHUP);
    kill(world->pid, SIGUSR1);
    e2e_wait_logged(world, "counters: ");
    write_one(world, "k");
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(a_closed_terminal_does_not_end_it)
{
    struct e2e_world *world = e2e_world();
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        printf("skipped: a_closed_terminal_does_not_end_it: there are no terminals here\n");
        return;
    }
    world->terminal_fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(world->terminal_fd, 0);
    e2e_start(world, small);
    close(world->terminal_fd);
    close(master); /* SIGHUP, and every write to standard error fails from now on */
    for (int i = 0; i < 3; i++) {
        kill(world->pid, SIGUSR1);
        write_one(world, "k");
    }
    ck_assert(e2e_alive(world));
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

/* ---- RLIMIT_FSIZE ---------------------------------------------------------------------------- */

START_TEST(a_segment_over_the_file_limit_is_refused_by_name)
{
    struct e2e_world *world = e2e_world();
    char path[128];
    world->file_max_bytes = 1 << 20;
    e2e_spawn(world, small, 0);
    int status = e2e_wait_end(world);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    ck_assert(e2e_logged(world, "RLIMIT_FSIZE (ulimit -f) lets this process make files of 1048576"));
    snprintf(path, sizeof(path), "/dev/shm/stele.%.60s", world->name);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* What is there keeps its length: it is adopted and filled under any limit, also of the log's file. */
START_TEST(an_adopted_segment_grows_under_the_file_limit)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    uint16_t id = 0;
    char *value = calloc(1, 1 << 20);
    ck_assert_ptr_nonnull(value);
    e2e_start(world, small);
    write_one(world, "k");
    e2e_stop(world, SIGKILL);
    world->file_max_bytes = 4096;
    e2e_start(world, small);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_find(&channel, "t", &id, E2E_PATIENCE_MS));
    for (int i = 0; i < 20; i++)
        e2e_ok(stele_channel_put(&channel, id, &i, sizeof(i), value, 1 << 20, E2E_PATIENCE_MS));
    for (int i = 0; i < 20; i++) {
        kill(world->pid, SIGUSR1); /* the log is over its limit by now */
        e2e_ok(stele_channel_ping(&channel, E2E_PATIENCE_MS));
    }
    stele_channel_close(&channel);
    ck_assert(e2e_alive(world));
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    free(value);
}
END_TEST

/* ---- RLIMIT_NPROC ---------------------------------------------------------------------------- */

START_TEST(a_thread_that_cannot_be_started_is_named)
{
    struct e2e_world *world = e2e_world();
    if (geteuid() != 0) {
        printf("skipped: a_thread_that_cannot_be_started_is_named: needs root to be somebody else\n");
        return;
    }
    ck_assert_int_eq(chmod(world->directory, 0777), 0);
    world->uid = 65534;
    world->threadless = true;
    e2e_spawn(world, small, 0);
    int status = e2e_wait_end(world);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    ck_assert(e2e_logged(world, "see RLIMIT_NPROC (ulimit -u)"));
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("signals");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, signals_of_other_daemons_do_not_end_it);
    tcase_add_test(all, what_it_inherits_does_not_matter);
    tcase_add_test(all, a_closed_terminal_does_not_end_it);
    tcase_add_test(all, a_segment_over_the_file_limit_is_refused_by_name);
    tcase_add_test(all, an_adopted_segment_grows_under_the_file_limit);
    tcase_add_test(all, a_thread_that_cannot_be_started_is_named);
    return e2e_run(suite, argc, argv);
}
