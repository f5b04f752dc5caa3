/* What an operator gives steled and is told: options and their complaints, defaults, places, an idle
 * daemon's appetite. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define NOBODY 65534

static const char *const small[] = {"--max-bytes", "64M", NULL};

/* Starts a daemon that is expected to end by itself, and forgets what was logged before. */
static int run_to_end(struct e2e_world *world, const char *const *arguments)
{
    unlink(world->log_path);
    e2e_spawn(world, arguments, 0);
    int status = e2e_wait_end(world);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect_log(const struct e2e_world *world, const char *text)
{
    ck_assert_msg(e2e_logged(world, text), "the log does not say: %s", text);
}

static mode_t mode_of(const char *path)
{
    struct stat found;
    ck_assert_msg(stat(path, &found) == 0, "%s: %s", path, strerror(errno));
    return found.st_mode & 0777;
}

static void segment_path(const struct e2e_world *world, char *path, size_t bytes)
{
    snprintf(path, bytes, "/dev/shm/stele.%.60s", world->name);
}

START_TEST(wrong_options_are_named)
{
    static const struct {
        const char *option, *value;
        const char *want; /* what the complaint must say besides both */
    } cases[] = {
        {"--name", "bad/name", "want 1..63 letters"},
        {"--name", "", "want 1..63 letters"},
        {"--socket", "", "want a path of 1..107 bytes"},
        {"--max-bytes", "12Q", "want a size such as"},
        {"--max-bytes", "-1", "want a size such as"},
        {"--max-bytes", "0", "from 4M to"},
        {"--max-bytes", "3M", "from 4M to"},
        {"--max-bytes", "99999999999G", "want a size such as"},
        {"--mode", "0999", "want an octal mode"},
        {"--mode", "0666", "nobody else writes"},
        {"--mode", "0040", "the owner reads and writes"},
        {"--mode", "", "want an octal mode"},
        {"--group", "no-such-group", "no such group"},
        {"--group", "4294967295", "no such group"},
        {"--allow-uid", "no-such-user", "no such user"},
        {"--allow-uid", "0:boss", "want USER or USER:admin"},
        {"--allow-uid", ":admin", "no such user"},
        {"--allow-gid", "no-such-group:admin", "no such group"},
        {"--spin-us", "10001", "0..10000"},
        {"--spin-us", "-1", "0..10000"},
        {"--max-frame", "1K", "from 128K to 512M"},
        {"--max-frame", "1G", "from 128K to 512M"},
        {"--log-level", "loud", "want error, warning"},
    };
    struct e2e_world *world = e2e_world();
    world->bare = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const arguments[] = {cases[i].option, cases[i].value, NULL};
        char said[128];
        ck_assert_msg(run_to_end(world, arguments) == 2, "%s %s", cases[i].option, cases[i].value);
        snprintf(said, sizeof(said), "steled: %s '%s': ", cases[i].option, cases[i].value);
        expect_log(world, said);
        expect_log(world, cases[i].want);
    }
}
END_TEST

START_TEST(wrong_command_lines_point_to_help)
{
    static const char *const lines[][3] = {{"--nonsense", NULL},
                                           {"stray", NULL},
                                           {"--mode", NULL},
                                           {"--replace=yes", NULL},
                                           {"--max", "1G", NULL}};
    struct e2e_world *world = e2e_world();
    world->bare = true;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_msg(run_to_end(world, lines[i]) == 2, "%s", lines[i][0]);
        expect_log(world, "try --help");
    }
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--help", NULL}), 0);
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--version", NULL}), 0);
}
END_TEST

START_TEST(allowed_users_are_limited)
{
    const char *arguments[2 * 65 + 1] = {NULL};
    struct e2e_world *world = e2e_world();
    world->bare = true;
    for (int i = 0; i < 65; i++) {
        arguments[2 * i] = i % 2 ? "--allow-gid" : "--allow-uid";
        arguments[2 * i + 1] = "1";
    }
    ck_assert_int_eq(run_to_end(world, arguments), 2);
    expect_log(world, "at most 64");
}
END_TEST

START_TEST(too_long_paths_are_refused)
{
    char path[160];
    struct e2e_world *world = e2e_world();
    world->bare = true;
    memset(path, 'p', sizeof(path));
    memcpy(path, "/tmp/", 5);
    path[108] = 0;
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--socket", path, NULL}), 2);
    expect_log(world, "want a path of 1..107 bytes");
    path[100] = 0; /* fits, but not with what comes after it */
    setenv("XDG_RUNTIME_DIR", path, 1);
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--name", world->name, NULL}), 2);
    expect_log(world, "more than 107 bytes");
}
END_TEST

START_TEST(socket_is_found_by_name)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    char directory[128];
    setenv("XDG_RUNTIME_DIR", world->directory, 1);
    umask(0077);
    e2e_ok(stelei_address_socket(world->directory, world->name, world->socket_path,
                                 sizeof(world->socket_path)));
    snprintf(directory, sizeof(directory), "%.90s/stele", world->directory);
    world->bare = true;
    for (int round = 0; round < 2; round++) { /* the directory is made, then found */
        e2e_start(world, (const char *const[]){"--name", world->name, "--max-bytes", "64M", NULL});
        ck_assert_uint_eq(mode_of(directory), 0700);
        ck_assert_uint_eq(mode_of(world->socket_path), 0660);
        e2e_ok(stele_channel_connect(&channel, world->name, E2E_PATIENCE_MS));
        ck_assert_str_eq(channel.info.name, world->name);
        stele_channel_close(&channel);
        int status = e2e_stop(world, SIGINT);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        ck_assert_int_ne(access(world->socket_path, F_OK), 0);
    }
}
END_TEST

START_TEST(name_has_a_default)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    if (access("/dev/shm/stele.default", F_OK) == 0 ||
        access("/dev/shm/stele.default.lock", F_OK) == 0) {
        printf("skipped: name_has_a_default: there is a segment of that name\n");
        return;
    }
    setenv("XDG_RUNTIME_DIR", world->directory, 1);
    world->bare = true;
    snprintf(world->socket_path, sizeof(world->socket_path), "%.80s/stele/default.sock",
             world->directory);
    e2e_start(world, small);
    e2e_ok(stele_channel_connect(&channel, "default", E2E_PATIENCE_MS));
    ck_assert_str_eq(channel.info.name, "default");
    stele_channel_close(&channel);
    e2e_stop(world, SIGTERM);
    unlink("/dev/shm/stele.default");
    unlink("/dev/shm/stele.default.lock");
}
END_TEST

START_TEST(missing_places_are_named)
{
    struct e2e_world *world = e2e_world();
    char object[128], path[107], file[128];
    segment_path(world, object, sizeof(object));
    snprintf(path, sizeof(path), "%.80s/none/s", world->directory);
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--socket", path, NULL}), 1);
    expect_log(world, "error: socket ");
    expect_log(world, "/none; create it or give another --socket");
    snprintf(file, sizeof(file), "%.80s/file", world->directory);
    fclose(fopen(file, "w"));
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--socket", file, NULL}), 1);
    expect_log(world, "exists and is not a socket; remove it");
    snprintf(path, sizeof(path), "%.80s/file/s", world->directory);
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--socket", path, NULL}), 1);
    expect_log(world, "there is no directory ");
    /* the default's parent is missing */
    world->bare = true;
    setenv("XDG_RUNTIME_DIR", path, 1);
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--name", world->name, NULL}), 1);
    expect_log(world, "cannot make the socket's directory ");
    expect_log(world, "or give --socket");
    ck_assert_int_ne(access(object, F_OK), 0); /* all of that before a segment was made */
}
END_TEST

START_TEST(forbidden_places_are_named)
{
    struct e2e_world *world = e2e_world();
    char private_dir[107], path[107], log[128];
    if (geteuid() != 0) {
        printf("skipped: forbidden_places_are_named: needs root to be somebody else\n");
        return;
    }
    world->uid = NOBODY;
    snprintf(private_dir, sizeof(private_dir), "%.80s/private", world->directory);
    ck_assert_int_eq(mkdir(private_dir, 0755), 0);
    snprintf(path, sizeof(path), "%.90s/s", private_dir);
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--socket", path, NULL}), 1);
    expect_log(world, "uid 65534 may not create files in ");
    expect_log(world, "Permission denied");
    world->bare = true;
    setenv("XDG_RUNTIME_DIR", private_dir, 1);
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--name", world->name, NULL}), 1);
    expect_log(world, "cannot make the socket's directory ");
    /* a group that is not this user's, and a segment that is another one's */
    world->bare = false;
    ck_assert_int_eq(chmod(world->directory, 0777), 0);
    ck_assert_int_eq(run_to_end(world, (const char *const[]){"--group", "0", NULL}), 1);
    expect_log(world, "(--group wants a group of the daemon's user)");
    snprintf(log, sizeof(log), "/dev/shm/stele.%.60s.lock", world->name);
    unlink(log);
    world->uid = 0;
    e2e_start(world, small);
    e2e_stop(world, SIGTERM);
    world->uid = NOBODY;
    ck_assert_int_eq(run_to_end(world, small), 1);
    expect_log(world, "give another --name");
}
END_TEST

START_TEST(second_daemon_is_told_what_to_do)
{
    struct e2e_world *world = e2e_world();
    struct e2e_world second = *world;
    e2e_start(world, small);
    snprintf(second.log_path, sizeof(second.log_path), "%.90s/second.log", world->directory);
    ck_assert_int_eq(run_to_end(&second, small), 1);
    expect_log(&second, "somebody listens there (stop that daemon, or give another --name");
    snprintf(second.socket_path, sizeof(second.socket_path), "%.90s/other", world->directory);
    ck_assert_int_eq(run_to_end(&second, small), 1);
    expect_log(&second, "another writer holds /dev/shm/stele.e2e-");
    expect_log(&second, "(stop that daemon, or give another --name");
    ck_assert(e2e_alive(world));
}
END_TEST

START_TEST(segment_has_the_mode_and_group_asked_for)
{
    struct e2e_world *world = e2e_world();
    struct stat found;
    char object[128];
    segment_path(world, object, sizeof(object));
    umask(0077);
    e2e_start(world, (const char *const[]){"--mode", "0604", NULL});
    ck_assert_uint_eq(mode_of(object), 0604);
    ck_assert_uint_eq(mode_of(world->socket_path), 0666);
    e2e_stop(world, SIGTERM);
    e2e_start(world, small); /* nothing was asked for: it stays */
    ck_assert_uint_eq(mode_of(object), 0604);
    e2e_stop(world, SIGTERM);
    e2e_start(world, (const char *const[]){"--mode", "0600", NULL}); /* of an adopted one too */
    ck_assert_uint_eq(mode_of(object), 0600);
    ck_assert_uint_eq(mode_of(world->socket_path), 0600);
    e2e_stop(world, SIGTERM);
    if (geteuid() != 0) {
        printf("skipped: the group's part: needs root\n");
        return;
    }
    e2e_start(world, (const char *const[]){"--mode", "0640", "--group", "65534", NULL});
    ck_assert_uint_eq(mode_of(world->socket_path), 0660);
    ck_assert_int_eq(stat(world->socket_path, &found), 0);
    ck_assert_uint_eq(found.st_gid, 65534);
    ck_assert_int_eq(stat(object, &found), 0);
    ck_assert_uint_eq(found.st_gid, 65534);
    ck_assert_uint_eq(found.st_mode & 0777, 0640);
}
END_TEST

/* Clock ticks of processor time that the daemon has used. */
static unsigned long used_ticks(pid_t pid)
{
    char path[64], text[1024] = "";
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
    fclose(file);
    const char *after_name = strrchr(text, ')');
    ck_assert_int_eq(sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                            &user, &system),
                     2);
    return user + system;
}

/* A resource count: 10 ms of spinning after each of the 20 ticks would make 200 ms. */
START_TEST(idle_daemon_uses_no_processor)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    uint16_t id = 0;
    e2e_start(world, (const char *const[]){"--spin-us", "10000", "--max-bytes", "64M", NULL});
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
    for (int i = 0; i < 2000; i++) /* a pace that makes it spin */
        e2e_ok(stele_channel_put(&channel, id, &i, sizeof(i), "v", 1, -1));
    poll(NULL, 0, 300);
    unsigned long before = used_ticks(world->pid);
    poll(NULL, 0, 2000);
    unsigned long used = used_ticks(world->pid) - before;
    ck_assert_uint_le(used, (unsigned long)sysconf(_SC_CLK_TCK) / 20); /* 50 ms of the two s */
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("operate");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, wrong_options_are_named);
    tcase_add_test(all, wrong_command_lines_point_to_help);
    tcase_add_test(all, allowed_users_are_limited);
    tcase_add_test(all, too_long_paths_are_refused);
    tcase_add_test(all, socket_is_found_by_name);
    tcase_add_test(all, name_has_a_default);
    tcase_add_test(all, missing_places_are_named);
    tcase_add_test(all, forbidden_places_are_named);
    tcase_add_test(all, second_daemon_is_told_what_to_do);
    tcase_add_test(all, segment_has_the_mode_and_group_asked_for);
    tcase_add_test(all, idle_daemon_uses_no_processor);
    return e2e_run(suite, argc, argv);
}
