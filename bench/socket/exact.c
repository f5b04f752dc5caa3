#include "exact.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/clock.h"

#define BACKLOG    64
#define SPIN_POLLS 16u /* receives between two looks at the clock */

bool exact_send(int fd, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    while (count > 0) {
        ssize_t sent = send(fd, at, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        count -= (size_t)sent;
    }
    return true;
}

static ssize_t receive_spinning(int fd, void *bytes, size_t count)
{
    uint64_t until = clock_now_ns() + EXACT_SPIN_NS;
    do {
        for (unsigned i = 0; i < SPIN_POLLS; i++) {
            ssize_t got = recv(fd, bytes, count, MSG_DONTWAIT);
            if (got >= 0 || errno != EAGAIN)
                return got;
        }
    } while (clock_now_ns() < until);
    return recv(fd, bytes, count, 0);
}

bool exact_receive(int fd, void *bytes, size_t count, bool spin)
{
    uint8_t *at = bytes;
    while (count > 0) {
        ssize_t got = spin ? receive_spinning(fd, at, count) : recv(fd, at, count, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        count -= (size_t)got;
    }
    return true;
}

void exact_no_delay(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int exact_connect_tcp(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int cause = errno;
        close(fd);
        errno = cause;
        return -1;
    }
    exact_no_delay(fd);
    return fd;
}

int exact_listen_tcp(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t bytes = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, bytes) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &bytes) != 0) {
        int cause = errno;
        close(fd);
        errno = cause;
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}
