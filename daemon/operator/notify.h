/*
 * notify.h - tells a service manager how far the daemon is and that it lives (the sd_notify
 * protocol). Any thread; never blocks; does nothing without a service manager.
 */
#ifndef STELE_DAEMON_NOTIFY_H
#define STELE_DAEMON_NOTIFY_H

#include <stdint.h>
#include <sys/types.h>

struct notify {
    char address[108];    /* empty: nobody to tell */
    uint32_t watchdog_ms; /* how often to say WATCHDOG=1: half of what was asked for; 0: never */
};

/* From the values of NOTIFY_SOCKET, WATCHDOG_PID and WATCHDOG_USEC (NULL where not set), which are
 * copied. Values that make no sense count as not set. `self` is this process. */
void notify_init(struct notify *notify, const char *address, const char *watchdog_pid,
                 const char *watchdog_usec, pid_t self);

/* `state`: lines such as "READY=1" and "STATUS=...". */
void notify_send(const struct notify *notify, const char *state);

#endif
