/* The daemon under a service manager: sockets handed over, READY, STATUS, WATCHDOG, STOPPING. */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static const char *const small[] = {"--max-bytes", "64M", NULL};

static void fill_address(struct sockaddr_un *address, const char *path)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
}

static int listen_at(const char *path, int type)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    fill_address(&address, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (type != SOCK_DGRAM)
        ck_assert_int_eq(listen(fd, 16), 0);
    return fd;
}

/* ---- a socket handed over ------------------------------------------------------------------ */

static void write_once(struct e2e_world *world, const char *path)
{
    struct stele_channel channel;
    uint16_t id = 0;
    e2e_ok(stele_channel_connect(&channel, path, E2E_PATIENCE_MS));
    enum stele_status status = stele_channel_table_create(&channel, "t", &id, -1);
    ck_assert(status == STELE_OK || status == STELE_EEXIST);
    e2e_ok(stele_channel_put(&channel, id, "k", 1, "v", 1, -1));
    ck_assert_str_eq(channel.info.name, world->name);
    stele_channel_close(&channel);
}

START_TEST(socket_is_taken_over)
{
    struct e2e_world *world = e2e_world();
    char given[107];
    snprintf(given, sizeof(given), "%.90s/given", world->directory);
    world->listen_fd = listen_at(given, SOCK_STREAM);
    for (int round = 0; round < 2; round++) { /* outlives the daemon, as does who waits there */
        e2e_spawn(world, small, 0);
        write_once(world, given);
        ck_assert_int_ne(access(world->socket_path, F_OK), 0); /* --socket means nothing now */
        int status = e2e_stop(world, round == 0 ? SIGKILL : SIGTERM);
        ck_assert(round == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
        ck_assert_int_eq(access(given, F_OK), 0); /* nor is the file ours to remove */
    }
    ck_assert(e2e_logged(world, "listening at the service manager's socket"));
    close(world->listen_fd);
}
END_TEST

/* Expects the daemon to refuse what it is handed. */
static void expect_refusal(struct e2e_world *world, const char *text)
{
    unlink(world->log_path);
    e2e_spawn(world, small, 0);
    int status = e2e_wait_end(world);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    ck_assert_msg(e2e_logged(world, "error: LISTEN_FDS: "), "no complaint");
    ck_assert_msg(e2e_logged(world, text), "the log does not say: %s", text);
}

START_TEST(other_descriptors_are_refused)
{
    struct e2e_world *world = e2e_world();
    char path[107];
    int pair[2];
    world->listen_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    expect_refusal(world, "descriptor 3 is not a socket; want a listening Unix stream socket");
    close(world->listen_fd);
    snprintf(path, sizeof(path), "%.90s/datagrams", world->directory);
    world->listen_fd = listen_at(path, SOCK_DGRAM);
    expect_refusal(world, "descriptor 3 is not a Unix stream socket");
    close(world->listen_fd);
    world->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(world->listen_fd, 0);
    expect_refusal(world, "descriptor 3 is not a Unix stream socket");
    close(world->listen_fd);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    world->listen_fd = pair[0]; /* Accept=yes */
    expect_refusal(world, "descriptor 3 is not listening");
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(variables_of_another_process_mean_nothing)
{
    struct e2e_world *world = e2e_world();
    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDS", "1", 1);
    e2e_start(world, small);
    write_once(world, world->socket_path);
}
END_TEST

/* ---- what the manager is told -------------------------------------------------------------- */

static int open_manager(struct e2e_world *world)
{
    char path[107];
    struct timeval patience = {E2E_PATIENCE_MS / 1000, 0};
    snprintf(path, sizeof(path), "%.90s/notify", world->directory);
    int fd = listen_at(path, SOCK_DGRAM);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setenv("NOTIFY_SOCKET", path, 1);
    return fd;
}

static const char *next_state(int fd)
{
    static char state[512];
    ssize_t got = recv(fd, state, sizeof(state) - 1, 0);
    ck_assert_msg(got > 0, "nothing was said");
    state[got] = 0;
    return state;
}

START_TEST(manager_is_told)
{
    struct e2e_world *world = e2e_world();
    int fd = open_manager(world);
    char expected[128];
    for (int round = 0; round < 2; round++) {
        e2e_spawn(world, small, 0);
        const char *state = next_state(fd);
        snprintf(expected, sizeof(expected), "READY=1\nSTATUS=segment %.60s %s in ", world->name,
                 round == 0 ? "created" : "adopted");
        ck_assert_msg(strncmp(state, expected, strlen(expected)) == 0, "said: %s", state);
        ck_assert_ptr_nonnull(strstr(state, world->socket_path));
        write_once(world, world->socket_path); /* no waiting: it said so */
        int status = e2e_stop(world, SIGTERM);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        ck_assert_str_eq(next_state(fd), "STOPPING=1\nSTATUS=stopping");
    }
    close(fd);
}
END_TEST

START_TEST(watchdog_is_fed)
{
    struct e2e_world *world = e2e_world();
    int fd = open_manager(world);
    setenv("WATCHDOG_USEC", "400000", 1);
    e2e_spawn(world, small, 0);
    ck_assert_ptr_nonnull(strstr(next_state(fd), "READY=1"));
    for (int i = 0; i < 5; i++)
        ck_assert_str_eq(next_state(fd), "WATCHDOG=1");
    int status;
    kill(world->pid, SIGSTOP); /* a daemon that hangs says nothing */
    ck_assert_int_eq(waitpid(world->pid, &status, WUNTRACED), world->pid);
    ck_assert(WIFSTOPPED(status));
    while (recv(fd, (char[16]){0}, 16, MSG_DONTWAIT) > 0)
        continue;
    poll(NULL, 0, 500);
    ck_assert_int_lt(recv(fd, (char[16]){0}, 16, MSG_DONTWAIT), 0);
    kill(world->pid, SIGCONT);
    ck_assert_str_eq(next_state(fd), "WATCHDOG=1");
    e2e_stop(world, SIGKILL);
    close(fd);
}
END_TEST

START_TEST(watchdog_of_another_process_means_nothing)
{
    struct e2e_world *world = e2e_world();
    int fd = open_manager(world);
    setenv("WATCHDOG_USEC", "1000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    e2e_spawn(world, small, 0);
    ck_assert_ptr_nonnull(strstr(next_state(fd), "READY=1"));
    poll(NULL, 0, 500);
    e2e_stop(world, SIGTERM);
    ck_assert_ptr_nonnull(strstr(next_state(fd), "STOPPING=1"));
    close(fd);
}
END_TEST

START_TEST(manager_in_the_abstract_namespace)
{
    struct e2e_world *world = e2e_world();
    struct sockaddr_un address;
    char name[80];
    struct timeval patience = {E2E_PATIENCE_MS / 1000, 0};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(name, sizeof(name), "@stele.%.60s", world->name);
    fill_address(&address, name);
    address.sun_path[0] = 0;
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, bytes), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setenv("NOTIFY_SOCKET", name, 1);
    e2e_spawn(world, small, 0);
    ck_assert_ptr_nonnull(strstr(next_state(fd), "READY=1"));
    e2e_stop(world, SIGTERM);
    close(fd);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("service");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, socket_is_taken_over);
    tcase_add_test(all, other_descriptors_are_refused);
    tcase_add_test(all, variables_of_another_process_mean_nothing);
    tcase_add_test(all, manager_is_told);
    tcase_add_test(all, watchdog_is_fed);
    tcase_add_test(all, watchdog_of_another_process_means_nothing);
    tcase_add_test(all, manager_in_the_abstract_namespace);
    return e2e_run(suite, argc, argv);
}
