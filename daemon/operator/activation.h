/*
 * activation.h - a listening socket that the service manager has opened for us (LISTEN_FDS). Main's
 * thread, at the start.
 */
#ifndef STELE_DAEMON_ACTIVATION_H
#define STELE_DAEMON_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <stele/status.h>

#define ACTIVATION_FD 3 /* where the protocol puts the first one */

struct activation {
    bool given; /* descriptors were passed, and to this process */
    uint32_t count;
};

/* From the values of LISTEN_PID and LISTEN_FDS, NULL where not set. Those of another process, which
 * were inherited by mistake, count as not set. */
void activation_init(struct activation *activation, const char *listen_pid, const char *listen_fds,
                     pid_t self);

/*
 * The descriptor to listen at, from now on close-on-exec and non-blocking; -1 when none was passed.
 * STELE_EINVAL: not exactly one, or not a listening Unix stream socket; `detail` says which.
 */
enum stele_status activation_take(const struct activation *activation, int *fd, char *detail,
                                  size_t detail_bytes);

#endif
