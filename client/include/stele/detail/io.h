/*
 * io.h - a client's Unix socket: deadlines, connecting, sending and receiving without blocking
 * longer than told. The only file of the client that makes socket calls; it knows no protocol.
 *
 * Any thread may call; a descriptor is used by one thread at a time. Never raises SIGPIPE.
 * errno is translated here: STELE_ECLOSED the peer is gone, STELE_EBUSY would block,
 * STELE_ETIMEDOUT, STELE_EACCES, STELE_EINVAL, STELE_ENOMEM, STELE_EIO.
 */
#ifndef STELE_DETAIL_IO_H
#define STELE_DETAIL_IO_H

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <stele/detail/base.h>
#include <stele/detail/descriptor.h>
#include <stele/status.h>

static inline enum stele_status stelei_io_errno(int error)
{
    switch (error) {
    case EAGAIN:
        return STELE_EBUSY;
    case ENOENT: /* nobody bound the path, or nobody listens there any more */
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
        return STELE_ECLOSED;
    case EACCES:
    case EPERM:
        return STELE_EACCES;
    case ENOMEM:
    case ENOBUFS:
        return STELE_ENOMEM;
    default:
        return STELE_EIO;
    }
}

/* ---- deadlines: milliseconds of CLOCK_MONOTONIC -------------------------------------------- */

#define STELEI_NO_DEADLINE INT64_MAX

static inline int64_t stelei_io_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t stelei_io_now_ms(void)
{
    return stelei_io_now_ns() / 1000000;
}

/* Negative: none. */
static inline int64_t stelei_io_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? STELEI_NO_DEADLINE : stelei_io_now_ms() + timeout_ms;
}

/* What poll() wants: -1 = no limit, 0 = passed. */
static inline int stelei_io_left_ms(int64_t deadline)
{
    if (deadline == STELEI_NO_DEADLINE)
        return -1;
    int64_t left = deadline - stelei_io_now_ms();
    return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : STELEI_CAST(int, left);
}

/*
 * Waits until one of `events` (POLLIN, POLLOUT), a hang-up or an error; *ready tells which.
 * STELE_ETIMEDOUT when the deadline passes first; a deadline in the past still looks once.
 */
static inline enum stele_status stelei_io_wait(int fd, short events, int64_t deadline, short *ready)
{
    struct pollfd poll_fd;
    for (;;) {
        poll_fd.fd = fd;
        poll_fd.events = events;
        poll_fd.revents = 0;
        int count = poll(&poll_fd, 1, stelei_io_left_ms(deadline));
        if (count > 0) {
            *ready = poll_fd.revents;
            return STELE_OK;
        }
        if (count == 0)
            return STELE_ETIMEDOUT;
        if (errno != EINTR)
            return stelei_io_errno(errno);
    }
}

/*
 * Connects to the socket at `path`; *fd is close-on-exec and non-blocking.
 *   STELE_EINVAL  empty path, or longer than a socket address holds (107 bytes)
 *   STELE_ECLOSED nobody listens there     STELE_EACCES   the socket's mode forbids it
 *   STELE_ETIMEDOUT its backlog stayed full until the deadline
 *   STELE_EIO     what else the system said, such as EMFILE: no descriptor is left
 * errno is the system's, then.
 */
static inline enum stele_status stelei_io_connect(const char *path, int64_t deadline, int *fd)
{
    struct sockaddr_un address;
    size_t bytes = path ? strlen(path) : 0;
    if (bytes == 0 || bytes >= sizeof(address.sun_path))
        return STELE_EINVAL;
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, bytes);
    int made = stelei_descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (made < 0)
        return stelei_io_errno(errno);
    while (connect(made, STELEI_AS(const struct sockaddr *, &address), sizeof(address)) != 0) {
        enum stele_status status = errno == EINTR ? STELE_EBUSY : stelei_io_errno(errno);
        if (status == STELE_EBUSY && stelei_io_left_ms(deadline) == 0)
            status = STELE_ETIMEDOUT;
        if (status != STELE_EBUSY) {
            int error = errno;
            close(made);
            errno = error;
            return status;
        }
        poll(STELEI_NULL, 0, 1); /* a full backlog cannot be polled for */
    }
    *fd = made;
    return STELE_OK;
}

/* Sends what the socket takes now, at least one byte of the non-empty `parts`. */
static inline enum stele_status stelei_io_send(int fd, struct iovec *parts, uint16_t part_count,
                                               size_t *sent_bytes)
{
    struct msghdr message;
    memset(&message, 0, sizeof(message));
    message.msg_iov = parts;
    message.msg_iovlen = part_count;
    for (;;) {
        ssize_t count = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            *sent_bytes = STELEI_CAST(size_t, count);
            return STELE_OK;
        }
        if (errno != EINTR)
            return stelei_io_errno(errno);
    }
}

/*
 * Receives what is there now, at least one byte. A descriptor that came along replaces
 * *passed_fd (the former one is closed; -1 = none). STELE_ECLOSED at the end of the stream.
 */
static inline enum stele_status stelei_io_receive(int fd, void *buffer, size_t capacity,
                                                  size_t *received_bytes, int *passed_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message;
    struct iovec part;
    ssize_t count;
    part.iov_base = buffer;
    part.iov_len = capacity;
    memset(&message, 0, sizeof(message));
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    do {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_LEN(sizeof(int)); /* CMSG_SPACE would let two in */
        count = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return stelei_io_errno(errno);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(int))) {
        if (*passed_fd >= 0)
            close(*passed_fd);
        memcpy(passed_fd, CMSG_DATA(head), sizeof(int));
        *passed_fd = stelei_descriptor(*passed_fd);
    }
    if (count == 0)
        return STELE_ECLOSED;
    *received_bytes = STELEI_CAST(size_t, count);
    return STELE_OK;
}

#endif
