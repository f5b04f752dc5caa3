/* Which limit a segment meets first, and that it is named: the maximum, the tmpfs, the control group. */
#include "harness.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>

#define MIB (UINT64_C(1) << 20)

/* A /dev/shm of this test's own. False, with a word, where that is not permitted. */
static bool own_tmpfs(const char *options)
{
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("none", "/dev/shm", "tmpfs", 0, options) == 0)
        return true;
    printf("skipped: a tmpfs of one's own: %s\n", strerror(errno));
    return false;
}

static void get_stats(struct stele_channel *channel, struct stele_daemon_stats *stats)
{
    e2e_ok(stele_channel_stats(channel, stats, E2E_PATIENCE_MS));
}

/* Puts values of 1 MiB until one is refused; then waits until the daemon says what is full. */
static void fill(struct stele_channel *channel, struct stele_daemon_stats *stats)
{
    uint16_t id = 0;
    enum stele_status status = STELE_OK;
    char *value = calloc(1, MIB);
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    e2e_ok(stele_channel_table_create(channel, "t", &id, E2E_PATIENCE_MS));
    for (int i = 0; status == STELE_OK; i++)
        status = stele_channel_put(channel, id, &i, sizeof(i), value, MIB, E2E_PATIENCE_MS);
    ck_assert_str_eq(stele_status_name(status), "STELE_ENOSPC");
    free(value);
    do {
        get_stats(channel, stats);
    } while (stats->full == 0 && stelei_io_left_ms(deadline) > 0);
}

START_TEST(the_maximum_is_named)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_daemon_stats stats;
    e2e_start(world, (const char *const[]){"--max-bytes", "16M", NULL});
    e2e_connect(world, &channel);
    get_stats(&channel, &stats);
    ck_assert_uint_eq(stats.full, 0);
    fill(&channel, &stats);
    ck_assert_uint_eq(stats.full, 1);
    ck_assert_uint_eq(stats.max_bytes, 16 * MIB);
    e2e_wait_logged(world, " MiB of its maximum of 16 (--max-bytes) are in use");
    stele_channel_close(&channel);
}
END_TEST

START_TEST(a_tmpfs_that_is_full_before_is_named)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_daemon_stats stats;
    if (!own_tmpfs("size=16m"))
        return;
    e2e_start(world, (const char *const[]){"--max-bytes", "1G", "--small-pages", NULL});
    ck_assert(e2e_logged(world, "warning: the tmpfs of /dev/shm has 16 MiB, "));
    ck_assert(e2e_logged(world, "less than the segment's maximum of 1024"));
    e2e_connect(world, &channel);
    fill(&channel, &stats);
    ck_assert_uint_eq(stats.full, 2);
    ck_assert_uint_eq(stats.tmpfs_bytes, 16 * MIB);
    ck_assert_uint_lt(stats.tmpfs_free_bytes, 2 * MIB);
    e2e_wait_logged(world, "the tmpfs of /dev/shm is full: 16 MiB, ");
    stele_channel_close(&channel);
}
END_TEST

START_TEST(the_default_fits_the_tmpfs)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_daemon_stats stats;
    if (!own_tmpfs("size=24m"))
        return;
    world->bare = true;
    e2e_start(world, (const char *const[]){"--name", world->name, "--socket", world->socket_path, NULL});
    ck_assert(!e2e_logged(world, "warning: "));
    e2e_connect(world, &channel);
    get_stats(&channel, &stats);
    ck_assert_uint_eq(stats.max_bytes, 24 * MIB);
    stele_channel_close(&channel);
}
END_TEST

/* ---- a control group's limit ------------------------------------------------------------------ */

static char group[128], group_parent[96];

static bool write_text(const char *directory, const char *file, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return written;
}

/* A group inside of one that has a limit, where there is a tree of version 1 or 2 to make it in. */
static bool make_group(const char *tree, const char *file, const char *limit)
{
    snprintf(group_parent, sizeof(group_parent), "%s/stele-e2e-%d", tree, (int)getpid());
    snprintf(group, sizeof(group), "%s/inner", group_parent);
    if (mkdir(group_parent, 0755) != 0)
        return false;
    if (write_text(group_parent, file, limit) && mkdir(group, 0755) == 0)
        return true;
    rmdir(group_parent);
    return false;
}

START_TEST(the_default_fits_the_control_group)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_daemon_stats stats;
    char pid[16];
    if (!make_group("/sys/fs/cgroup", "memory.max", "96M") &&
        !make_group("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "96M")) {
        printf("skipped: the_default_fits_the_control_group: none can be made here\n");
        return;
    }
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    ck_assert(write_text(group, "cgroup.procs", pid));
    world->bare = true;
    e2e_spawn(world, (const char *const[]){"--name", world->name, "--socket", world->socket_path, NULL},
              0);
    write_text(group_parent, "../cgroup.procs", pid);
    e2e_wait_ready(world);
    e2e_connect(world, &channel);
    get_stats(&channel, &stats);
    stele_channel_close(&channel);
    e2e_stop(world, SIGKILL);
    rmdir(group);
    rmdir(group_parent);
    ck_assert_uint_eq(stats.max_bytes, 72 * MIB);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("room");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, the_maximum_is_named);
    tcase_add_test(all, a_tmpfs_that_is_full_before_is_named);
    tcase_add_test(all, the_default_fits_the_tmpfs);
    tcase_add_test(all, the_default_fits_the_control_group);
    return e2e_run(suite, argc, argv);
}
