/*
 * server.h - the daemon as a whole: owns the store, the loop, the helper thread, the doors and the
 * connections, and knows the order in which they start and stop. Main's thread.
 */
#ifndef STELE_DAEMON_SERVER_H
#define STELE_DAEMON_SERVER_H

#include "operator/activation.h"
#include "operator/log.h"
#include "operator/notify.h"
#include "operator/options.h"

/* What a service manager gives and wants to be told. */
struct server_surroundings {
    struct activation activation;
    struct notify notify;
};

/*
 * Serves until SIGTERM, SIGINT or an administrator's SHUTDOWN. Start: signals, the socket's
 * directory, store (created or adopted), helper thread, doors, ready. Stop: doors, replies (up
 * to a second), helper thread, store. Returns what the process should exit with: 0 after a clean
 * stop, 1 when something failed (which was logged), 3 when the segment had lost its name.
 */
int server_run(const struct options *options, const struct server_surroundings *surroundings,
               const struct log *log);

#endif
