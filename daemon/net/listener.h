/*
 * listener.h - a Unix socket that takes connections, and whose peers can be told apart.
 * The loop's thread only. It knows no protocol and decides nothing about rights.
 */
#ifndef STELE_DAEMON_NET_LISTENER_H
#define STELE_DAEMON_NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <stele/status.h>

#include "loop/loop.h"

/* Who is at the other end, as the kernel says (SO_PEERCRED at connect). */
struct net_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid; /* for logs only: it may be in another namespace, or gone */
};

struct net_listener {
    struct loop *loop;
    struct loop_source source;
    int spare_fd; /* given up to accept, and turn away, when descriptors run out */
    bool paused;  /* out of descriptors or memory: net_listener_resume() tries again */
    dev_t device; /* of the socket file that we bound */
    ino_t inode;
    const char *path;     /* the caller's; NULL: the socket was given to us, its file is not ours */
    unsigned turned_away; /* connections refused for want of descriptors, since the last look */
    gid_t *groups;        /* of the peer that was asked for last */
    uint32_t groups_capacity;
    void (*accepted)(void *context, int fd, const struct net_peer *peer);
    void *context;
};

/* STELE_ELOCKED somebody listens at `path`; STELE_OK nobody does; STELE_EINVAL no socket can be
 * there. Never blocks. */
enum stele_status net_listener_probe(const char *path);

/* The socket's file. `group` counts only where the mode gives the group something. */
struct net_file {
    const char *path;
    mode_t mode;
    gid_t group;
};

/*
 * Binds and listens. A socket file at which nobody listens is replaced.
 * `accepted` owns the descriptor (non-blocking, close-on-exec) that it is given. `detail` receives
 * one line on failure.
 *   STELE_ELOCKED somebody listens there   STELE_EINVAL path too long, or no socket stands there
 *   STELE_EACCES, STELE_EIO, STELE_ENOMEM
 */
enum stele_status net_listener_open(struct net_listener *listener, struct loop *loop,
                                    const struct net_file *file, char *detail, size_t detail_bytes);
/* The same with a non-blocking socket that listens already; it becomes the listener's, its file
 * does not. STELE_EIO, STELE_ENOMEM. */
enum stele_status net_listener_take(struct net_listener *listener, struct loop *loop, int fd,
                                    char *detail, size_t detail_bytes);
/* Stops listening and removes the file, if it is the one that was bound here. */
void net_listener_close(struct net_listener *listener);

/*
 * The supplementary groups of the peer at `fd`, as they were when it connected: *groups points to as
 * many as are returned, until the next call. None where memory is short or the kernel does not tell:
 * whoever is judged by them is then judged without.
 */
uint32_t net_listener_groups(struct net_listener *listener, int fd, const gid_t **groups);

/* Accepts again after a shortage; call it now and then. */
void net_listener_resume(struct net_listener *listener);

#endif
