/*
 * main.c - steled: reads the command line and runs the server.
 */
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operator/log.h"
#include "operator/options.h"
#include "serve/server.h"

#define MAIN_LARGE_BLOCK_BYTES (1 << 20)

/* What a library opens must never get number 2 and be logged to; what we open does not, /dev/null or
 * none. */
static void main_fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR); /* not to be moved: it is to be 0, 1 or 2 */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* Cores that this process may run on. More than the set holds (EINVAL) are certainly many. */
static uint32_t main_usable_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : CPU_SETSIZE;
}

/* The only place that asks for the environment. What was meant for this process alone is taken out
 * of it. */
static void main_look_around(struct options_surroundings *surroundings,
                             struct server_surroundings *server)
{
    memset(surroundings, 0, sizeof(*surroundings));
    memset(server, 0, sizeof(*server));
    surroundings->runtime_dir = getenv("XDG_RUNTIME_DIR");
    surroundings->usable_cores = main_usable_cores();
    activation_init(&server->activation, getenv("LISTEN_PID"), getenv("LISTEN_FDS"), getpid());
    notify_init(&server->notify, getenv("NOTIFY_SOCKET"), getenv("WATCHDOG_PID"),
                getenv("WATCHDOG_USEC"), getpid());
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

/* Buffers of large frames go back to the system when they are freed, in whatever order they were made:
 * left to itself, glibc raises the size from which it does so with each of them that it frees. */
static void main_return_large_blocks(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, MAIN_LARGE_BLOCK_BYTES);
#endif
}

int main(int argc, char **argv)
{
    struct options options;
    struct options_surroundings surroundings;
    struct server_surroundings server;
    struct log log;
    main_return_large_blocks();
    main_fill_standard_descriptors();
    main_look_around(&surroundings, &server);
    switch (options_parse(&options, &surroundings, argc, argv)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_WRONG:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    log_init(&log, options.log_level, getenv("JOURNAL_STREAM"));
    return server_run(&options, &server, &log);
}
