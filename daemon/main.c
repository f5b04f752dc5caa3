/*
 * main.c - steled: reads the command line and runs the server.
 */
#include <fcntl.h>
#include <unistd.h>

#include "log.h"
#include "options.h"
#include "server.h"

/* A socket must never get number 2 and be logged to. */
static int main_fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    return fd;
}

int main(int argc, char **argv)
{
    struct options options;
    struct log log;
    if (main_fill_standard_descriptors() < 0)
        return 1;
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_WRONG:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    log_init(&log, options.log_level);
    return server_run(&options, &log);
}
