#include "operator/notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <stele/detail/descriptor.h>

#include "operator/values.h"

void notify_init(struct notify *notify, const char *address, const char *watchdog_pid,
                 const char *watchdog_usec, pid_t self)
{
    size_t bytes = address ? strlen(address) : 0;
    uint64_t pid, usec;
    memset(notify, 0, sizeof(*notify));
    if (bytes < 2 || bytes >= sizeof(notify->address) || (address[0] != '/' && address[0] != '@'))
        return;
    memcpy(notify->address, address, bytes);
    if (watchdog_pid && (!values_parse_number(watchdog_pid, INT32_MAX, &pid) || (pid_t)pid != self))
        return;
    if (watchdog_usec && values_parse_number(watchdog_usec, UINT64_MAX, &usec) && usec > 0) {
        uint64_t half_ms = usec / 2000;
        notify->watchdog_ms = half_ms == 0           ? 1
                              : half_ms > UINT32_MAX ? UINT32_MAX
                                                     : (uint32_t)half_ms;
    }
}

void notify_send(const struct notify *notify, const char *state)
{
    struct sockaddr_un to;
    size_t bytes = strlen(notify->address);
    if (bytes == 0)
        return;
    memset(&to, 0, sizeof(to));
    to.sun_family = AF_UNIX;
    memcpy(to.sun_path, notify->address, bytes);
    if (to.sun_path[0] == '@') /* the abstract namespace */
        to.sun_path[0] = 0;
    int fd = stelei_descriptor(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0)
        return;
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes));
    close(fd);
}
