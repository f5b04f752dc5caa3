/*
 * notify.h - tells a service manager how far the daemon is (the sd_notify protocol). Any thread;
 * never blocks; does nothing without a service manager.
 */
#ifndef STELE_DAEMON_NOTIFY_H
#define STELE_DAEMON_NOTIFY_H

/* `address`: the value of NOTIFY_SOCKET, or NULL. `state`: "READY=1", "STOPPING=1". */
void notify_send(const char *address, const char *state);

#endif
