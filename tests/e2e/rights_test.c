/* Who may do what: the real daemon, and clients that really are other users. Needs root; without it
 * only what the own user may do is looked at. */
#include "harness.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Numbers that need no entry in the system's databases. */
#define USER  61001
#define GROUP 61002
#define OTHER 61003

/* A client, as it wants to be judged. */
struct person {
    uid_t uid;
    gid_t gid;
    gid_t groups[64];
    size_t group_count;
};

/* What one found out, as a set of bits: it becomes an exit status. */
enum found { CONNECTED = 1, READS = 2, WRITES = 4, ADMINISTERS = 8, HAS_MAP = 16, WRONG = 64 };

static bool needs_root(const char *test)
{
    if (geteuid() == 0)
        return true;
    printf("skipped: %s: needs root to be somebody else\n", test);
    return false;
}

/* Whether a status is one of the two that may come. */
static int judge(enum stele_status status, int bit)
{
    return status == STELE_OK ? bit : status == STELE_EPERM ? 0 : WRONG;
}

/* Tries everything once. */
static int try_all(const char *socket_path)
{
    struct stele_channel channel;
    uint16_t id = 0;
    int found = CONNECTED, fd = -1;
    enum stele_status status = stele_channel_connect(&channel, socket_path, E2E_PATIENCE_MS);
    if (status != STELE_OK) /* the daemon's word, or the file's mode */
        return status == STELE_EPERM || status == STELE_EACCES ? 0 : WRONG;
    found |= judge(stele_channel_table_find(&channel, "t", &id, -1), READS);
    found |= judge(stele_channel_put(&channel, id, "k", 1, "v", 1, -1), WRITES);
    found |= judge(stele_channel_table_clear(&channel, id, -1), ADMINISTERS);
    found |= judge(stele_channel_segment_fd(&channel, -1, &fd), HAS_MAP);
    if (fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
        found |= WRONG;
    if (((channel.info.rights & STELEI_RIGHT_READ) != 0) != ((found & READS) != 0) ||
        channel.info.may_write != ((found & WRITES) != 0) ||
        channel.info.may_admin != ((found & ADMINISTERS) != 0))
        found |= WRONG;
    stele_channel_close(&channel);
    return found;
}

static int try_as(const struct e2e_world *world, const struct person *person)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (setgroups(person->group_count, person->groups) != 0 ||
            setresgid(person->gid, person->gid, person->gid) != 0 ||
            setresuid(person->uid, person->uid, person->uid) != 0)
            _exit(WRONG | 32);
        _exit(try_all(world->socket_path));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "the client ended with %x", (unsigned)status);
    return WEXITSTATUS(status);
}

/* A daemon with a table to find. */
static void start_with_table(struct e2e_world *world, const char *const *arguments)
{
    struct stele_channel channel;
    uint16_t id = 0;
    e2e_start(world, arguments);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
    stele_channel_close(&channel);
}

static mode_t socket_mode(const struct e2e_world *world)
{
    struct stat found;
    ck_assert_int_eq(stat(world->socket_path, &found), 0);
    return found.st_mode & 0777;
}

static unsigned lines_logged(const struct e2e_world *world, const char *text)
{
    char line[1024];
    unsigned count = 0;
    FILE *log = fopen(world->log_path, "r");
    while (log && fgets(line, sizeof(line), log))
        count += strstr(line, text) != NULL;
    if (log)
        fclose(log);
    return count;
}

static const int all = CONNECTED | READS | WRITES | ADMINISTERS | HAS_MAP;
static const int reading = CONNECTED | READS | HAS_MAP;
static const struct person stranger = {.uid = OTHER, .gid = OTHER};

START_TEST(owner_may_do_everything)
{
    struct e2e_world *world = e2e_world();
    start_with_table(world, NULL);
    ck_assert_int_eq(try_all(world->socket_path), all);
}
END_TEST

START_TEST(strangers_stay_outside)
{
    struct e2e_world *world = e2e_world();
    if (!needs_root("strangers_stay_outside"))
        return;
    start_with_table(world, NULL);
    ck_assert_int_eq(try_as(world, &stranger), 0);
}
END_TEST

START_TEST(mode_and_group_let_read)
{
    struct e2e_world *world = e2e_world();
    const struct person primary = {.uid = USER, .gid = GROUP};
    struct person member = {.uid = USER, .gid = OTHER, .group_count = 64};
    if (!needs_root("mode_and_group_let_read"))
        return;
    for (size_t i = 0; i < 64; i++)
        member.groups[i] = (gid_t)(62000 + i);
    member.groups[40] = GROUP;
    start_with_table(world, (const char *const[]){"--group", "61002", NULL});
    ck_assert_int_eq(try_as(world, &primary), reading);
    ck_assert_int_eq(try_as(world, &member), reading);
    ck_assert_int_eq(try_as(world, &stranger), 0);
    e2e_stop(world, SIGTERM);
    e2e_start(world, (const char *const[]){"--mode", "0644", NULL}); /* group as adopted */
    ck_assert_int_eq(try_as(world, &stranger), reading);
    e2e_stop(world, SIGTERM);
    /* as the kernel: who is in the group has the group's bits, which are none */
    e2e_start(world, (const char *const[]){"--mode", "0604", NULL});
    ck_assert_int_eq(try_as(world, &stranger), reading);
    ck_assert_int_eq(try_as(world, &member), 0);
}
END_TEST

START_TEST(allowed_users_write)
{
    struct e2e_world *world = e2e_world();
    const struct person user = {.uid = USER, .gid = OTHER};
    const struct person second = {.uid = OTHER, .gid = OTHER};
    const struct person third = {.uid = GROUP, .gid = OTHER};
    if (!needs_root("allowed_users_write"))
        return;
    start_with_table(world, (const char *const[]){"--allow-uid", "61001", "--allow-uid",
                                                  "61003:admin", "--mode", "0600", NULL});
    ck_assert_uint_eq(socket_mode(world), 0666); /* they must be able to knock */
    ck_assert_int_eq(try_as(world, &user), all & ~ADMINISTERS);
    ck_assert_int_eq(try_as(world, &second), all);
    ck_assert_int_eq(try_as(world, &third), 0);
    e2e_wait_logged(world, "1 connections closed, the last of uid 61002");
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(try_as(world, &third), 0);
    ck_assert_int_eq(try_all(world->socket_path), all);
    ck_assert_uint_lt(lines_logged(world, " connections closed, "), 20); /* not a line each */
}
END_TEST

START_TEST(allowed_groups_write)
{
    struct e2e_world *world = e2e_world();
    const struct person primary = {.uid = USER, .gid = GROUP};
    const struct person member = {.uid = USER, .gid = USER, .groups = {7, GROUP}, .group_count = 2};
    const struct person both = {.uid = OTHER, .gid = GROUP};
    if (!needs_root("allowed_groups_write"))
        return;
    start_with_table(
        world, (const char *const[]){"--allow-gid", "61002", "--allow-uid", "61003:admin", NULL});
    ck_assert_int_eq(try_as(world, &primary), all & ~ADMINISTERS);
    ck_assert_int_eq(try_as(world, &member), all & ~ADMINISTERS);
    ck_assert_int_eq(try_as(world, &both), all);
    e2e_stop(world, SIGTERM);
    e2e_start(world, (const char *const[]){"--allow-gid", "61002:admin", "--group", "61002", NULL});
    ck_assert_uint_eq(socket_mode(world), 0660); /* the file's own group says it all */
    ck_assert_int_eq(try_as(world, &member), all);
    ck_assert_int_eq(try_as(world, &stranger), 0);
}
END_TEST

START_TEST(daemon_of_another_user)
{
    struct e2e_world *world = e2e_world();
    const struct person owner = {.uid = USER, .gid = OTHER};
    const struct person namesake = {.uid = OTHER, .gid = USER}; /* in the segment's group */
    if (!needs_root("daemon_of_another_user"))
        return;
    ck_assert_int_eq(chmod(world->directory, 0777), 0);
    world->uid = USER;
    start_with_table(world, NULL); /* root may, too */
    ck_assert_int_eq(try_all(world->socket_path), all);
    ck_assert_int_eq(try_as(world, &owner), all);
    ck_assert_int_eq(try_as(world, &namesake), reading);
    ck_assert_int_eq(try_as(world, &stranger), 0);
    e2e_stop(world, SIGTERM);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("rights");
    TCase *tcase = tcase_create("rights");
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 120 * e2e_scale());
    tcase_add_checked_fixture(tcase, e2e_setup, e2e_teardown);
    tcase_add_test(tcase, owner_may_do_everything);
    tcase_add_test(tcase, strangers_stay_outside);
    tcase_add_test(tcase, mode_and_group_let_read);
    tcase_add_test(tcase, allowed_users_write);
    tcase_add_test(tcase, allowed_groups_write);
    tcase_add_test(tcase, daemon_of_another_user);
    return e2e_run(suite, argc, argv);
}
