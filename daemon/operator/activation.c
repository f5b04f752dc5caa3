#include "operator/activation.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "operator/values.h"

void activation_init(struct activation *activation, const char *listen_pid, const char *listen_fds,
                     pid_t self)
{
    uint64_t pid, count;
    memset(activation, 0, sizeof(*activation));
    if (!listen_pid || !listen_fds || !values_parse_number(listen_pid, INT32_MAX, &pid) ||
        (pid_t)pid != self)
        return;
    if (!values_parse_number(listen_fds, UINT32_MAX, &count))
        count = UINT32_MAX;
    activation->given = count > 0;
    activation->count = (uint32_t)count;
}

static int activation_option(int fd, int option)
{
    int value = -1;
    socklen_t bytes = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &bytes) == 0 ? value : -1;
}

/* What is wrong with it, or NULL. */
static const char *activation_complaint(int fd)
{
    if (fcntl(fd, F_GETFD) < 0)
        return "is not open";
    int domain = activation_option(fd, SO_DOMAIN);
    if (domain < 0)
        return "is not a socket";
    if (domain != AF_UNIX || activation_option(fd, SO_TYPE) != SOCK_STREAM)
        return "is not a Unix stream socket";
    return activation_option(fd, SO_ACCEPTCONN) == 1 ? NULL : "is not listening";
}

enum stele_status activation_take(const struct activation *activation, int *fd, char *detail,
                                  size_t detail_bytes)
{
    if (!activation->given) {
        *fd = -1;
        return STELE_OK;
    }
    if (activation->count != 1) {
        snprintf(detail, detail_bytes,
                 "LISTEN_FDS: want exactly one descriptor, a listening Unix stream socket (one "
                 "ListenStream= in the socket unit)");
        return STELE_EINVAL;
    }
    const char *complaint = activation_complaint(ACTIVATION_FD);
    if (complaint) {
        snprintf(detail, detail_bytes,
                 "LISTEN_FDS: descriptor %d %s; want a listening Unix stream socket "
                 "(ListenStream=/path in the socket unit, Accept=no)",
                 ACTIVATION_FD, complaint);
        return STELE_EINVAL;
    }
    fcntl(ACTIVATION_FD, F_SETFD, FD_CLOEXEC);
    fcntl(ACTIVATION_FD, F_SETFL, fcntl(ACTIVATION_FD, F_GETFL) | O_NONBLOCK);
    *fd = ACTIVATION_FD;
    return STELE_OK;
}
