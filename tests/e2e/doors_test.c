/* Where the older protocols are served: sockets' files, addresses that are somebody else's, rights. */
#include "older.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define NOBODY 65534

/* Starts a daemon that is expected to end by itself, and forgets what was logged before. */
static void expect_refusal(struct e2e_world *world, const char *const *arguments,
                           const char *const *texts)
{
    unlink(world->log_path);
    e2e_spawn(world, arguments, 0);
    int status = e2e_wait_end(world);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    for (; *texts; texts++)
        ck_assert_msg(e2e_logged(world, *texts), "the log does not say: %s", *texts);
}

static bool segment_exists(const struct e2e_world *world)
{
    char path[128];
    snprintf(path, sizeof(path), "/dev/shm/stele.%.60s", world->name);
    return access(path, F_OK) == 0;
}

/* Somebody else's server, which answers nothing. */
static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 1024), 0); /* the daemon looks in more than once */
    return fd;
}

/* ---- the socket's file ---------------------------------------------------------------------- */

START_TEST(file_comes_and_goes)
{
    struct e2e_world *world = e2e_world();
    struct stat found;
    char path[107];
    older_path(world, path);
    umask(0077);
    older_start(world, NULL);
    ck_assert_int_eq(stat(path, &found), 0);
    ck_assert(S_ISSOCK(found.st_mode));
    ck_assert_uint_eq(found.st_mode & 0777, 0660); /* as the segment: nothing for others */
    int status = e2e_stop(world, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_int_ne(access(path, F_OK), 0);
    older_start(world, (const char *const[]){"--mode", "0644", NULL});
    ck_assert_int_eq(stat(path, &found), 0);
    ck_assert_uint_eq(found.st_mode & 0777, 0666); /* anybody may read, so anybody may knock */
    e2e_stop(world, SIGKILL);
    ck_assert_int_eq(access(path, F_OK), 0); /* left behind by a dead one */
    older_start(world, (const char *const[]){"--mode", "0600", NULL});
    ck_assert_int_eq(stat(path, &found), 0);
    ck_assert_uint_eq(found.st_mode & 0777, 0600);
    int fd = older_map8x32(world);
    older_send(fd, GET, 1, 0);
    older_expect(fd, 0);
    close(fd);
}
END_TEST

START_TEST(live_servers_are_left_alone)
{
    struct e2e_world *world = e2e_world();
    char path[107], named[256];
    older_path(world, path);
    const char *const arguments[] = {"--map8x32", path, NULL};
    int server = listen_at(path), peer;
    snprintf(named, sizeof(named),
             "error: socket %s: somebody listens there (stop that server, or give "
             "another --map8x32)",
             path);
    expect_refusal(world, arguments, (const char *const[]){named, NULL});
    ck_assert(!segment_exists(world)); /* before anything was made */
    peer = older_map8x32(world);       /* it is still there */
    close(peer);
    close(server);
    e2e_start(world, arguments); /* what it has left behind is not */
    peer = older_map8x32(world);
    older_send(peer, SET, 1, 2);
    older_expect(peer, 1);
    close(peer);
}
END_TEST

/* Of two daemons the second is told, too. */
START_TEST(second_daemon_is_refused)
{
    struct e2e_world *world = e2e_world();
    struct e2e_world second = *world;
    char path[107], port[16], named[128];
    older_path(world, path);
    older_start(world, NULL);
    snprintf(second.name, sizeof(second.name), "%.50s-b", world->name);
    snprintf(second.socket_path, sizeof(second.socket_path), "%.90s/t", world->directory);
    snprintf(second.log_path, sizeof(second.log_path), "%.90s/second.log", world->directory);
    expect_refusal(&second, (const char *const[]){"--map8x32", path, NULL},
                   (const char *const[]){path, "give another --map8x32", NULL});
    snprintf(port, sizeof(port), "%u", older_port(world));
    snprintf(named, sizeof(named),
             "error: address 127.0.0.1:%s: somebody listens there (stop that server, or give another "
             "--usize-kv)",
             port);
    expect_refusal(&second, (const char *const[]){"--usize-kv", port, NULL},
                   (const char *const[]){named, NULL});
    ck_assert(!segment_exists(&second));
    int fd = older_map8x32(world);
    older_send(fd, SET, 1, 2);
    older_expect(fd, 1);
    close(fd);
}
END_TEST

START_TEST(places_that_cannot_be)
{
    struct e2e_world *world = e2e_world();
    char file[107], none[107];
    snprintf(file, sizeof(file), "%.80s/file", world->directory);
    snprintf(none, sizeof(none), "%.80s/none/s", world->directory);
    fclose(fopen(file, "w"));
    expect_refusal(world, (const char *const[]){"--map8x32", file, NULL},
                   (const char *const[]){"exists and is not a socket", "another --map8x32", NULL});
    ck_assert_int_eq(access(file, F_OK), 0);
    expect_refusal(world, (const char *const[]){"--map8x32", none, NULL},
                   (const char *const[]){"there is no directory", "another --map8x32", NULL});
    expect_refusal(world, (const char *const[]){"--map8x32", world->socket_path, NULL},
                   (const char *const[]){"each protocol wants a path of its own", NULL});
    expect_refusal(
        world, (const char *const[]){"--usize-kv", "192.0.2.1:9123", NULL},
        (const char *const[]){"error: address 192.0.2.1:9123: ", "give another --usize-kv", NULL});
    expect_refusal(world, (const char *const[]){"--usize-kv", "localhost:9123", NULL},
                   (const char *const[]){"steled: --usize-kv 'localhost:9123': want PORT", NULL});
    ck_assert(!segment_exists(world));
}
END_TEST

/* ---- the address ---------------------------------------------------------------------------- */

START_TEST(port_is_free_again_at_once)
{
    struct e2e_world *world = e2e_world();
    char port[16];
    older_start(world, NULL);
    snprintf(port, sizeof(port), "%u", older_port(world));
    for (int round = 0; round < 4; round++) {
        int fd = older_usize_kv(world, 0);
        older_do(fd, APPEND, 1, (uint64_t)round);
        e2e_stop(world, round % 2 ? SIGKILL : SIGTERM); /* it closes first: the port lingers */
        char byte;
        ck_assert_uint_eq(e2e_raw_receive(fd, &byte, 1), 0);
        close(fd);
        e2e_start(world, (const char *const[]){"--usize-kv", port, NULL});
    }
    int fd = older_usize_kv(world, 0);
    older_read(fd, 1, (const uint64_t[]){0, 1, 2, 3}, 4);
    close(fd);
}
END_TEST

START_TEST(other_machines_only_when_asked_for)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, (const char *const[]){"--usize-kv", "0", NULL});
    ck_assert(e2e_logged(world, ", usize-kv at 127.0.0.1:"));
    ck_assert(!e2e_logged(world, "from other machines"));
    e2e_stop(world, SIGTERM);
    e2e_start(world, (const char *const[]){"--usize-kv", "0.0.0.0:0", NULL});
    ck_assert(e2e_logged(world, "warning: --usize-kv 0.0.0.0:0: whoever reaches this address, from other "
                                "machines too, may read and write"));
}
END_TEST

START_TEST(over_ipv6)
{
    struct e2e_world *world = e2e_world();
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    char line[1024], place[32];
    unsigned port = 0;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        printf("skipped: over_ipv6: this machine has no ::1\n");
        return;
    }
    close(fd);
    e2e_start(world, (const char *const[]){"--usize-kv", "[::1]:0", NULL});
    FILE *log = fopen(world->log_path, "r");
    while (fgets(line, sizeof(line), log))
        if (strstr(line, "usize-kv at [::1]:"))
            port = (unsigned)strtoul(strstr(line, "[::1]:") + 6, NULL, 10);
    fclose(log);
    address.sin6_port = htons((uint16_t)port);
    fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    older_do(fd, APPEND, 1, 2);
    older_read(fd, 1, (const uint64_t[]){2}, 1);
    snprintf(place, sizeof(place), "connection of [::1]:");
    ck_assert(e2e_logged(world, place));
    close(fd);
}
END_TEST

/* ---- rights --------------------------------------------------------------------------------- */

/* What another user is told, by a process of its own: SET, GET and what comes after. */
static int ask_as(const struct e2e_world *world, uid_t uid, uint8_t told[2])
{
    int pair[2], status = -1;
    ck_assert_int_eq(pipe(pair), 0);
    pid_t child = fork();
    if (child == 0) {
        struct e2e_world door = *world;
        uint8_t got[3] = {0x5a, 0x5a, 0};
        older_path(world, door.socket_path);
        if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
            setresuid(uid, uid, uid) != 0)
            _exit(99);
        int fd = e2e_raw(&door);
        e2e_raw_send(fd, "\x01\x07\x01\0\0\0", 6);
        if (e2e_raw_receive(fd, got, 1) != 1)
            _exit(98);
        bool goes_on = send(fd, "\x03\x07\0\0\0\0", 6, MSG_NOSIGNAL) == 6 &&
                       e2e_raw_receive(fd, got + 1, 1) == 1;
        _exit(write(pair[1], got, 2) == 2 ? goes_on : 97);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    ck_assert_int_eq(read(pair[0], told, 2), 2);
    close(pair[0]);
    close(pair[1]);
    return WEXITSTATUS(status);
}

START_TEST(rights_are_those_of_the_native_socket)
{
    struct e2e_world *world = e2e_world();
    uint8_t told[2];
    if (geteuid() != 0) {
        printf("skipped: rights_are_those_of_the_native_socket: needs root to be somebody else\n");
        return;
    }
    /* may read the segment, so may read here */
    older_start(world, (const char *const[]){"--mode", "0644", NULL});
    ck_assert_int_eq(ask_as(world, NOBODY, told), 1);
    ck_assert(told[0] == 2 && told[1] == 2);
    e2e_stop(world, SIGTERM);
    /* may write, which is all that these need: no admin */
    older_start(world, (const char *const[]){"--mode", "0640", "--allow-uid", "65534", NULL});
    ck_assert_int_eq(ask_as(world, NOBODY, told), 1);
    ck_assert(told[0] == 1 && told[1] == 1);
    /* may knock, as another one must be able to, and nothing else: told so, then hung up on */
    ck_assert_int_eq(ask_as(world, NOBODY - 1, told), 0);
    ck_assert(told[0] == 2);
    e2e_wait_logged(world, "may neither read nor write");
}
END_TEST

START_TEST(writers_may_empty_without_being_administrators)
{
    struct e2e_world *world = e2e_world();
    struct stele_table_info info;
    older_start(world, NULL);
    int fd = older_map8x32(world), tcp = older_usize_kv(world, 0);
    older_send(fd, SET, 1, 2);
    older_expect(fd, 1);
    older_do(tcp, APPEND, 1, 2);
    older_info(world, "map8x32", &info);
    ck_assert_uint_eq(info.entries, 1);
    older_send(fd, DELETE_ALL, 0, 0);
    older_expect(fd, 1);
    older_do(tcp, EMPTY, 0, 0);
    older_info(world, "map8x32", &info);
    ck_assert_uint_eq(info.entries, 0);
    older_info(world, "usize-kv", &info);
    ck_assert_uint_eq(info.entries, 0);
    close(fd);
    close(tcp);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("doors");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 180 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, file_comes_and_goes);
    tcase_add_test(all, live_servers_are_left_alone);
    tcase_add_test(all, second_daemon_is_refused);
    tcase_add_test(all, places_that_cannot_be);
    tcase_add_test(all, port_is_free_again_at_once);
    tcase_add_test(all, other_machines_only_when_asked_for);
    tcase_add_test(all, over_ipv6);
    tcase_add_test(all, rights_are_those_of_the_native_socket);
    tcase_add_test(all, writers_may_empty_without_being_administrators);
    return e2e_run(suite, argc, argv);
}
