#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Set once by e2e_run(), before any test. */
static const char *daemon_path;
static pid_t runner;
static struct e2e_world the_world;

/* A directory as e2e_setup() and the tests make it, two levels of directories in it at most. */
static void remove_directory(const char *path, int levels)
{
    DIR *entries = opendir(path);
    struct dirent *entry;
    char inner[512];
    while (entries && (entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof(inner), "%.200s/%s", path, entry->d_name);
        if (unlink(inner) != 0 && levels > 0)
            remove_directory(inner, levels - 1);
    }
    if (entries)
        closedir(entries);
    rmdir(path);
}

/* What stands in /tmp and /dev/shm under names that only we give. `prefix` is never empty. */
static void remove_leftovers(const char *parent, const char *prefix)
{
    DIR *entries = opendir(parent);
    struct dirent *entry;
    char path[512];
    while (entries && (entry = readdir(entries)) != NULL) {
        if (strncmp(entry->d_name, "stele.e2e-", 10) != 0 ||
            strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", parent, entry->d_name);
        if (unlinkat(dirfd(entries), entry->d_name, 0) != 0)
            remove_directory(path, 2);
    }
    if (entries)
        closedir(entries);
}

int e2e_run(Suite *suite, int argc, char **argv)
{
    char prefix[64];
    if (argc < 2) {
        fprintf(stderr, "usage: %s PATH-OF-STELED\n", argv[0]);
        return 2;
    }
    daemon_path = argv[1];
    runner = getpid();
    SRunner *srunner = srunner_create(suite);
    srunner_run_all(srunner, CK_ENV);
    int failed = srunner_ntests_failed(srunner);
    srunner_free(srunner);
    snprintf(prefix, sizeof(prefix), "stele.e2e-%d-", (int)runner);
    remove_leftovers("/dev/shm", prefix);
    remove_leftovers("/tmp", prefix);
    return failed == 0 ? 0 : 1;
}

struct e2e_world *e2e_world(void)
{
    return &the_world;
}

void e2e_setup(void)
{
    struct e2e_world *world = &the_world;
    memset(world, 0, sizeof(*world));
    snprintf(world->name, sizeof(world->name), "e2e-%d-%d", (int)runner, (int)getpid());
    snprintf(world->directory, sizeof(world->directory), "/tmp/stele.%.60s", world->name);
    snprintf(world->socket_path, sizeof(world->socket_path), "%.90s/s", world->directory);
    snprintf(world->log_path, sizeof(world->log_path), "%.90s/log", world->directory);
    ck_assert_int_eq(mkdir(world->directory, 0755), 0);
}

void e2e_teardown(void)
{
    struct e2e_world *world = &the_world;
    if (world->pid > 0)
        e2e_stop(world, SIGKILL);
    char object[96];
    snprintf(object, sizeof(object), "stele.%.60s", world->name);
    remove_leftovers("/dev/shm", object);
    remove_directory(world->directory, 2);
}

/* As another user, who need not be able to reach the daemon's file. */
static void become_user(const struct e2e_world *world, char *const *argv)
{
    int fd = open(daemon_path, O_RDONLY | O_CLOEXEC);
    gid_t gid = world->uid;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(world->uid, world->uid, world->uid) != 0)
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* setresuid() has cleared it */
    fexecve(fd, argv, environ);
}

static void hand_over(int fd)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", "1", 1);
    if (fd == 3)
        fcntl(fd, F_SETFD, 0);
    else
        dup2(fd, 3);
}

/* In the child. */
static void become_daemon(const struct e2e_world *world, const char *const *arguments,
                          unsigned descriptors)
{
    const char *argv[160] = {daemon_path,        "--name",      world->name, "--socket",
                             world->socket_path, "--log-level", "debug"};
    int argc = world->bare ? 1 : 7;
    bool sized = world->bare;
    for (int i = 0; arguments && arguments[i] && argc < 156; i++) {
        argv[argc++] = arguments[i];
        sized |= strcmp(arguments[i], "--max-bytes") == 0;
    }
    if (!sized) {
        argv[argc++] = "--max-bytes";
        argv[argc++] = "256M";
    }
    argv[argc] = NULL;
    int log_fd = open(world->log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    int null_fd = open("/dev/null", O_WRONLY); /* the output of --help is not ours to show */
    dup2(world->stdout_fd > 0 ? world->stdout_fd : null_fd, STDOUT_FILENO);
    dup2(world->terminal_fd > 0 ? world->terminal_fd : log_fd, STDERR_FILENO);
    if (world->terminal_fd > 0) {
        setsid();
        ioctl(STDERR_FILENO, TIOCSCTTY, 0);
    }
    close(null_fd);
    close(log_fd);
    if (descriptors) {
        struct rlimit limit = {descriptors, descriptors};
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (world->file_max_bytes) {
        struct rlimit limit = {world->file_max_bytes, world->file_max_bytes};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    if (world->threadless)
        setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0});
    if (world->listen_fd > 0)
        hand_over(world->listen_fd);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (world->uid != 0)
        become_user(world, (char *const *)argv);
    else
        execv(daemon_path, (char *const *)argv);
    _exit(127);
}

void e2e_spawn(struct e2e_world *world, const char *const *arguments, unsigned descriptors)
{
    world->pid = fork();
    ck_assert_int_ge(world->pid, 0);
    if (world->pid == 0)
        become_daemon(world, arguments, descriptors);
}

void e2e_wait_ready(struct e2e_world *world)
{
    struct stele_channel channel;
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    while (stele_channel_connect(&channel, world->socket_path, 1000) != STELE_OK) {
        ck_assert_msg(e2e_alive(world), "the daemon ended instead of getting ready");
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "the daemon does not get ready");
        poll(NULL, 0, 2);
    }
    stele_channel_close(&channel);
}

void e2e_start(struct e2e_world *world, const char *const *arguments)
{
    e2e_spawn(world, arguments, 0);
    e2e_wait_ready(world);
}

int e2e_wait_end(struct e2e_world *world)
{
    int status = 0;
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    pid_t got;
    while ((got = waitpid(world->pid, &status, WNOHANG)) == 0) {
        if (stelei_io_left_ms(deadline) == 0) {
            kill(world->pid, SIGKILL);
            waitpid(world->pid, &status, 0);
            world->pid = 0;
            ck_abort_msg("the daemon does not end");
        }
        poll(NULL, 0, 2);
    }
    world->pid = 0;
    return got > 0 ? status : -1;
}

int e2e_stop(struct e2e_world *world, int signal)
{
    kill(world->pid, signal);
    return e2e_wait_end(world);
}

bool e2e_alive(struct e2e_world *world)
{
    int status;
    if (world->pid > 0 && waitpid(world->pid, &status, WNOHANG) == world->pid)
        world->pid = 0;
    return world->pid > 0;
}

bool e2e_logged(const struct e2e_world *world, const char *text)
{
    char line[1024];
    bool found = false;
    FILE *log = fopen(world->log_path, "r");
    while (log && fgets(line, sizeof(line), log))
        found |= strstr(line, text) != NULL;
    if (log)
        fclose(log);
    return found;
}

void e2e_wait_logged(const struct e2e_world *world, const char *text)
{
    int64_t deadline = stelei_io_deadline(E2E_PATIENCE_MS);
    while (!e2e_logged(world, text)) {
        ck_assert_msg(stelei_io_left_ms(deadline) > 0, "the log does not say: %s", text);
        poll(NULL, 0, 5);
    }
}

void e2e_connect(struct e2e_world *world, struct stele_channel *channel)
{
    e2e_ok(stele_channel_connect(channel, world->socket_path, E2E_PATIENCE_MS));
}

int e2e_raw(struct e2e_world *world)
{
    int fd = -1;
    e2e_ok(stelei_io_connect(world->socket_path, stelei_io_deadline(E2E_PATIENCE_MS), &fd));
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    struct timeval patience = {E2E_PATIENCE_MS / 1000, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

void e2e_raw_send(int fd, const void *bytes, size_t count)
{
    const char *at = bytes;
    while (count > 0) {
        ssize_t sent = send(fd, at, count, MSG_NOSIGNAL);
        ck_assert_int_gt(sent, 0);
        at += sent;
        count -= (size_t)sent;
    }
}

size_t e2e_raw_receive(int fd, void *bytes, size_t count)
{
    size_t received = 0;
    while (received < count) {
        ssize_t got = recv(fd, (char *)bytes + received, count - received, 0);
        ck_assert_msg(got >= 0 || errno == ECONNRESET, "recv: %s", strerror(errno));
        if (got <= 0)
            break;
        received += (size_t)got;
    }
    return received;
}

double e2e_scale(void)
{
    const char *text = getenv("STELE_TEST_SCALE");
    double scale = text ? atof(text) : 1.0;
    return scale > 0 ? scale : 1.0;
}
