/*
 * listener.h - a socket that takes connections: a Unix one, whose peers can be told apart, or a TCP
 * one, whose peers cannot. The loop's thread only. It knows no protocol and decides nothing about
 * rights.
 */
#ifndef STELE_DAEMON_NET_LISTENER_H
#define STELE_DAEMON_NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <stele/status.h>

#include "loop/loop.h"
#include "net/address.h"

/* Who is at the other end: of a Unix socket what the kernel says (SO_PEERCRED at connect), of a TCP
 * one no more than where it is. */
struct net_peer {
    uid_t uid; /* (uid_t)-1, which is nobody's, where it is not known */
    gid_t gid;
    pid_t pid;               /* for logs only: it may be in another namespace, or gone */
    struct net_address from; /* of family 0 for Unix sockets */
};

#define NET_PEER_TEXT_BYTES 64u

/* For logs: "uid 5, pid 7" or "127.0.0.1:40000". Returns `text`. */
const char *net_peer_text(const struct net_peer *peer, char text[NET_PEER_TEXT_BYTES]);

struct net_listener {
    struct loop *loop;
    struct loop_source source;
    int spare_fd; /* given up to accept, and turn away, when descriptors run out */
    bool paused;  /* out of descriptors or memory: net_listener_resume() tries again */
    bool tcp;
    dev_t device; /* of the socket file that we bound */
    ino_t inode;
    const char *path;     /* the caller's; NULL: there is no file, or it is not ours */
    unsigned turned_away; /* connections refused for want of descriptors, since the last look */
    gid_t *groups;        /* of the peer that was asked for last */
    uint32_t groups_capacity;
    void (*accepted)(void *context, int fd, const struct net_peer *peer);
    void *context;
};

/* STELE_ELOCKED somebody listens at `path`; STELE_OK nobody does; STELE_EINVAL no socket can be
 * there. Never blocks. */
enum stele_status net_listener_probe(const char *path);

/* The same for a TCP address; STELE_EINVAL, STELE_EACCES, STELE_EIO: it cannot be listened at, and
 * `detail` says why. Binds it for a moment. */
enum stele_status net_listener_probe_tcp(const struct net_address *address, char *detail,
                                         size_t detail_bytes);

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
/*
 * Whether the file is still there, and ours. If not, listens at a new one; *mended says so, also with a
 * failure. Connections that were made go on, those that waited are taken. Nothing is done over a socket at
 * which somebody else listens, or another kind of file. Statuses as of opening.
 */
enum stele_status net_listener_mend(struct net_listener *listener, const struct net_file *file,
                                    bool *mended, char *detail, size_t detail_bytes);
/* As net_listener_open(), with a non-blocking socket that listens already; it becomes the listener's, its file
 * does not. STELE_EIO, STELE_ENOMEM. */
enum stele_status net_listener_take(struct net_listener *listener, struct loop *loop, int fd,
                                    char *detail, size_t detail_bytes);
/*
 * Listens at a TCP address; its connections send small replies at once (TCP_NODELAY), and peers that
 * vanish without a word are noticed in time (SO_KEEPALIVE).
 *   STELE_ELOCKED somebody listens there   STELE_EINVAL not an address of this machine
 *   STELE_EACCES (a port below 1024), STELE_EIO, STELE_ENOMEM
 */
enum stele_status net_listener_open_tcp(struct net_listener *listener, struct loop *loop,
                                        const struct net_address *address, char *detail,
                                        size_t detail_bytes);
/* Where it listens: the port that was free, for one. Family 0 unless TCP. */
struct net_address net_listener_address(const struct net_listener *listener);

/* The absolute path of a Unix socket; false: it is TCP's, has none, or one that does not fit. */
bool net_listener_path(const struct net_listener *listener, char *path, size_t path_bytes);

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
