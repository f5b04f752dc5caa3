/*
 * harness.h - a real daemon for a test: its own segment name and directory, started, killed and
 * looked at from outside. One world per test; Check forks for each, so statics are fresh.
 */
#ifndef STELE_TESTS_E2E_HARNESS_H
#define STELE_TESTS_E2E_HARNESS_H

#include <check.h>
#include <stele/stele.h>
#include <sys/types.h>

/* Milliseconds that nothing here needs: reaching it means that something hangs. */
#define E2E_PATIENCE_MS 30000

struct e2e_world {
    char name[64];
    char directory[96];
    char socket_path[107];
    char log_path[128];
    pid_t pid; /* of the daemon; 0 = none */
    /* how the next daemon is started; all zero as set up */
    bool bare;     /* with the caller's arguments alone: no --name, --socket, --max-bytes */
    int listen_fd; /* handed over as a service manager does (LISTEN_FDS); 0: none */
    int stdout_fd; /* its standard output; 0: none */
    int terminal_fd; /* of a session of its own, its terminal and standard error; 0: none */
    uint64_t file_max_bytes; /* RLIMIT_FSIZE; 0: as it is */
    bool threadless;         /* RLIMIT_NPROC is 0, which means something to others than root */
    uid_t uid;     /* as this user and the group of the same number, without others; 0: as we are */
};

/* Runs the suite: argv[1] is the daemon's path. Returns the process's exit code, and removes what
 * crashed tests have left. */
int e2e_run(Suite *suite, int argc, char **argv);

/* Checked fixture: an empty world, and its end (daemon killed, segment and files removed). */
struct e2e_world *e2e_world(void);
void e2e_setup(void);
void e2e_teardown(void);

/* Starts the daemon with further arguments (NULL-terminated list, may be NULL) and waits until it
 * answers. */
void e2e_start(struct e2e_world *world, const char *const *arguments);
/* The same without waiting; `descriptors` bounds RLIMIT_NOFILE, 0 = as it is. */
void e2e_spawn(struct e2e_world *world, const char *const *arguments, unsigned descriptors);
void e2e_wait_ready(struct e2e_world *world);
/* Sends the signal and waits for the end; returns what waitpid() says. */
int e2e_stop(struct e2e_world *world, int signal);
/* Waits for the daemon to end by itself. */
int e2e_wait_end(struct e2e_world *world);
bool e2e_alive(struct e2e_world *world);
/* Whether the daemon's log, so far, has a line with this text. */
bool e2e_logged(const struct e2e_world *world, const char *text);
/* Waits for such a line; fails the test when none comes. */
void e2e_wait_logged(const struct e2e_world *world, const char *text);

/* Connects, or fails the test. */
void e2e_connect(struct e2e_world *world, struct stele_channel *channel);
/* A raw connected stream socket. */
int e2e_raw(struct e2e_world *world);
/* Sends all / receives exactly `bytes`; the latter returns what came before the end. */
void e2e_raw_send(int fd, const void *bytes, size_t count);
size_t e2e_raw_receive(int fd, void *bytes, size_t count);

/* Asserts STELE_OK, naming what came instead. */
#define e2e_ok(call)                                                                               \
    do {                                                                                           \
        enum stele_status e2e_status_ = (call);                                                    \
        ck_assert_msg(e2e_status_ == STELE_OK, "%s: %s", #call, stele_status_name(e2e_status_));   \
    } while (0)
#define e2e_is(call, wanted)                                                                       \
    do {                                                                                           \
        enum stele_status e2e_status_ = (call);                                                    \
        ck_assert_msg(e2e_status_ == (wanted), "%s: %s", #call, stele_status_name(e2e_status_));   \
    } while (0)

/* How much longer than by default a test with a budget shall run. */
double e2e_scale(void);

#endif
