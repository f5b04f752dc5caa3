#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <stele/detail/descriptor.h>

#define LISTENER_BACKLOG      128
#define LISTENER_ACCEPTS_TURN 64

static enum stele_status listener_errno(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
        return STELE_EACCES;
    case EINVAL:
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EADDRNOTAVAIL:
        return STELE_EINVAL;
    case EADDRINUSE:
        return STELE_ELOCKED;
    case ENOMEM:
    case ENOBUFS:
        return STELE_ENOMEM;
    default:
        return STELE_EIO;
    }
}

static bool listener_address(const char *path, struct sockaddr_un *address)
{
    size_t bytes = strlen(path);
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (bytes == 0 || bytes >= sizeof(address->sun_path))
        return false;
    memcpy(address->sun_path, path, bytes);
    return true;
}

enum stele_status net_listener_probe(const char *path)
{
    struct sockaddr_un address;
    if (!listener_address(path, &address))
        return STELE_EINVAL;
    int fd = stelei_descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0)
        return listener_errno(errno);
    int error = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
    close(fd);
    /* a full backlog (EAGAIN) and a socket that is not ours to use (EACCES) are somebody's too */
    if (error == 0 || error == EAGAIN || error == EACCES || error == EPERM)
        return STELE_ELOCKED;
    return error == ENOENT || error == ECONNREFUSED ? STELE_OK : STELE_EINVAL;
}

static enum stele_status listener_fail(enum stele_status status, const char *path, const char *what,
                                       int error, char *detail, size_t detail_bytes)
{
    if (error)
        snprintf(detail, detail_bytes, "socket %s: %s: %s", path, what, strerror(error));
    else
        snprintf(detail, detail_bytes, "socket %s: %s", path, what);
    return status;
}

/* Removes a socket file at which nobody listens; anything else is left alone. */
static enum stele_status listener_remove_stale(const char *path, char *detail, size_t detail_bytes)
{
    struct stat found;
    if (lstat(path, &found) != 0)
        return errno == ENOENT ? STELE_OK
                               : listener_fail(listener_errno(errno), path, "stat", errno, detail,
                                               detail_bytes);
    if (!S_ISSOCK(found.st_mode))
        return listener_fail(STELE_EINVAL, path, "exists and is not a socket", 0, detail,
                             detail_bytes);
    enum stele_status status = net_listener_probe(path);
    if (status != STELE_OK)
        return listener_fail(status, path, "somebody listens there; stop that daemon first", 0,
                             detail, detail_bytes);
    if (unlink(path) != 0 && errno != ENOENT)
        return listener_fail(listener_errno(errno), path, "cannot remove the stale file", errno,
                             detail, detail_bytes);
    return STELE_OK;
}

/* The file has its final mode from its first instant, as far as `mode` narrows it. */
static int listener_bind(int fd, const struct sockaddr_un *address, mode_t mode)
{
    mode_t before = umask((mode_t)(~mode & 0777));
    int error = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
    umask(before);
    return error;
}

static struct net_peer listener_peer(const struct net_listener *listener, int fd,
                                     const struct net_address *from)
{
    struct ucred credentials;
    socklen_t bytes = sizeof(credentials);
    struct net_peer peer = {.uid = (uid_t)-1, .gid = (gid_t)-1, .pid = 0};
    if (listener->tcp) {
        peer.from = *from;
    } else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) == 0) {
        peer.uid = credentials.uid;
        peer.gid = credentials.gid;
        peer.pid = credentials.pid;
    }
    return peer;
}

const char *net_peer_text(const struct net_peer *peer, char text[NET_PEER_TEXT_BYTES])
{
    if (peer->from.is.any.sa_family == 0)
        snprintf(text, NET_PEER_TEXT_BYTES, "uid %u, pid %d", (unsigned)peer->uid, (int)peer->pid);
    else
        net_address_format(&peer->from, text);
    return text;
}

/* Only its number counts. It wants no file: there may be no /dev/null here. */
static int listener_spare(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static void listener_pause(struct net_listener *listener)
{
    listener->paused = true;
    loop_change(listener->loop, &listener->source, 0);
}

/* No descriptor is left: takes one connection with the spare one and closes it, so that its peer
 * learns of it and the backlog does not keep the loop awake. */
static void listener_turn_away(struct net_listener *listener)
{
    listener->turned_away++;
    if (listener->spare_fd < 0) {
        listener_pause(listener);
        return;
    }
    close(listener->spare_fd);
    int fd = stelei_descriptor(accept4(listener->source.fd, NULL, NULL, SOCK_CLOEXEC));
    if (fd >= 0)
        close(fd);
    listener->spare_fd = listener_spare(listener->source.fd);
}

static void listener_ready(struct loop_source *source, unsigned events)
{
    struct net_listener *listener = source->context;
    (void)events;
    for (int i = 0; i < LISTENER_ACCEPTS_TURN && !listener->paused; i++) {
        struct net_address from;
        socklen_t bytes = sizeof(from);
        int fd =
            stelei_descriptor(accept4(source->fd, listener->tcp ? &from.is.any : NULL,
                                      listener->tcp ? &bytes : NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (fd >= 0) {
            struct net_peer peer = listener_peer(listener, fd, &from);
            listener->accepted(listener->context, fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE) {
            listener_turn_away(listener);
        } else if (errno == ENOMEM || errno == ENOBUFS) {
            listener_pause(listener);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* From the bound descriptor on, wherever it comes from. */
static enum stele_status listener_begin(struct net_listener *listener, struct loop *loop, int fd)
{
    listener->loop = loop;
    listener->paused = false;
    listener->turned_away = 0;
    listener->spare_fd = listener_spare(fd);
    listener->source = (struct loop_source){
        .fd = fd, .events = LOOP_READ, .ready = listener_ready, .context = listener};
    return loop_add(loop, &listener->source);
}

/* Gives the file to the group that its mode speaks of. For the instant before, the process's own
 * group can connect; who may do what is decided later, by credentials. */
static enum stele_status listener_settle(struct net_listener *listener, const struct net_file *file,
                                         char *detail, size_t detail_bytes)
{
    struct stat bound;
    if (lstat(file->path, &bound) != 0)
        return listener_fail(listener_errno(errno), file->path, "stat", errno, detail,
                             detail_bytes);
    listener->path = file->path;
    listener->tcp = false;
    listener->device = bound.st_dev;
    listener->inode = bound.st_ino;
    if ((file->mode & 0070) == 0 || (file->mode & 0007) != 0 || bound.st_gid == file->group ||
        lchown(file->path, (uid_t)-1, file->group) == 0)
        return STELE_OK;
    snprintf(detail, detail_bytes,
             "socket %s: cannot give it to group %u, the segment's: %s; give --group one of uid "
             "%u's groups",
             file->path, (unsigned)file->group, strerror(errno), (unsigned)geteuid());
    return STELE_EACCES;
}

/* A socket that listens at the path, in *fd. */
static enum stele_status listener_make(const struct net_file *file, int *fd, char *detail,
                                       size_t detail_bytes)
{
    struct sockaddr_un address;
    if (!listener_address(file->path, &address))
        return listener_fail(STELE_EINVAL, file->path, "the path must have 1..107 bytes", 0, detail,
                             detail_bytes);
    enum stele_status status = listener_remove_stale(file->path, detail, detail_bytes);
    if (status != STELE_OK)
        return status;
    int made = stelei_descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (made < 0)
        return listener_fail(listener_errno(errno), file->path, "socket", errno, detail,
                             detail_bytes);
    int error = listener_bind(made, &address, file->mode);
    if (error == 0 && listen(made, LISTENER_BACKLOG) != 0)
        error = errno;
    if (error != 0) {
        close(made);
        return listener_fail(listener_errno(error), file->path, "cannot listen", error, detail,
                             detail_bytes);
    }
    *fd = made;
    return STELE_OK;
}

enum stele_status net_listener_open(struct net_listener *listener, struct loop *loop,
                                    const struct net_file *file, char *detail, size_t detail_bytes)
{
    int fd = -1;
    enum stele_status status = listener_make(file, &fd, detail, detail_bytes);
    if (status != STELE_OK)
        return status;
    status = listener_settle(listener, file, detail, detail_bytes);
    enum stele_status begun = listener_begin(listener, loop, fd);
    if (status == STELE_OK && begun != STELE_OK)
        status = listener_fail(begun, file->path, "cannot wait for connections", 0, detail,
                               detail_bytes);
    if (status != STELE_OK)
        net_listener_close(listener);
    return status;
}

/* Whether clients still reach us by the path. Where the system does not tell, they may. */
static bool listener_reached(const struct net_listener *listener)
{
    struct stat found;
    if (lstat(listener->path, &found) != 0)
        return errno != ENOENT;
    return found.st_dev == listener->device && found.st_ino == listener->inode;
}

enum stele_status net_listener_mend(struct net_listener *listener, const struct net_file *file,
                                    bool *mended, char *detail, size_t detail_bytes)
{
    struct loop_source *source = &listener->source;
    int fd = -1;
    *mended = false;
    if (source->fd < 0 || !listener->path || listener_reached(listener))
        return STELE_OK;
    enum stele_status status = listener_make(file, &fd, detail, detail_bytes);
    if (status != STELE_OK)
        return status;
    /* who stands in the old socket's queue has connected, and is taken */
    for (int i = 0; i < LISTENER_BACKLOG / LISTENER_ACCEPTS_TURN + 1; i++)
        listener_ready(source, LOOP_READ);
    loop_remove(listener->loop, source);
    close(source->fd);
    source->fd = fd;
    listener->paused = false;
    source->events = LOOP_READ;
    *mended = true;
    status = loop_add(listener->loop, source);
    if (status != STELE_OK)
        return listener_fail(status, file->path, "cannot wait for connections", 0, detail,
                             detail_bytes);
    return listener_settle(listener, file, detail, detail_bytes);
}

enum stele_status net_listener_take(struct net_listener *listener, struct loop *loop, int fd,
                                    char *detail, size_t detail_bytes)
{
    listener->path = NULL;
    listener->tcp = false;
    enum stele_status status = listener_begin(listener, loop, fd);
    if (status != STELE_OK) {
        snprintf(detail, detail_bytes, "the socket given: cannot wait for connections");
        net_listener_close(listener);
    }
    return status;
}

/* ---- TCP ------------------------------------------------------------------------------------ */

/* A socket bound to the address, or -1. Connections inherit its options. */
static int listener_bind_tcp(const struct net_address *address)
{
    int family = address->is.any.sa_family, on = 1;
    int fd = stelei_descriptor(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0)
        return -1;
    /* connections of a former daemon may still linger there; somebody who listens is found out */
    bool set = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
               setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
               setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
    /* "[::]" and "0.0.0.0" are two listeners, not one and a half */
    if (family == AF_INET6)
        set = set && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
    if (set && bind(fd, &address->is.any, net_address_bytes(address)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static enum stele_status listener_fail_tcp(const struct net_address *address, int error,
                                           char *detail, size_t detail_bytes)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    net_address_format(address, text);
    snprintf(detail, detail_bytes, "address %s: %s", text,
             error == EADDRINUSE ? "somebody listens there" : strerror(error));
    return listener_errno(error);
}

enum stele_status net_listener_probe_tcp(const struct net_address *address, char *detail,
                                         size_t detail_bytes)
{
    int fd = listener_bind_tcp(address);
    if (fd < 0)
        return listener_fail_tcp(address, errno, detail, detail_bytes);
    close(fd);
    return STELE_OK;
}

enum stele_status net_listener_open_tcp(struct net_listener *listener, struct loop *loop,
                                        const struct net_address *address, char *detail,
                                        size_t detail_bytes)
{
    int fd = listener_bind_tcp(address);
    if (fd < 0)
        return listener_fail_tcp(address, errno, detail, detail_bytes);
    if (listen(fd, LISTENER_BACKLOG) != 0) {
        enum stele_status failed = listener_fail_tcp(address, errno, detail, detail_bytes);
        close(fd);
        return failed;
    }
    listener->path = NULL;
    listener->tcp = true;
    enum stele_status status = listener_begin(listener, loop, fd);
    if (status != STELE_OK) {
        snprintf(detail, detail_bytes, "the TCP socket: cannot wait for connections");
        net_listener_close(listener);
    }
    return status;
}

struct net_address net_listener_address(const struct net_listener *listener)
{
    struct net_address address;
    socklen_t bytes = sizeof(address);
    memset(&address, 0, sizeof(address));
    if (listener->tcp)
        getsockname(listener->source.fd, &address.is.any, &bytes);
    return address;
}

bool net_listener_path(const struct net_listener *listener, char *path, size_t path_bytes)
{
    struct sockaddr_un address;
    socklen_t bytes = sizeof(address);
    char *here = NULL;
    memset(&address, 0, sizeof(address));
    if (listener->tcp ||
        getsockname(listener->source.fd, (struct sockaddr *)&address, &bytes) != 0 ||
        address.sun_path[0] == 0)
        return false;
    if (address.sun_path[0] != '/' && !(here = getcwd(NULL, 0)))
        return false;
    int length = snprintf(path, path_bytes, "%s%s%.*s", here ? here : "", here ? "/" : "",
                          (int)sizeof(address.sun_path), address.sun_path);
    free(here);
    return length > 0 && (size_t)length < path_bytes;
}

void net_listener_close(struct net_listener *listener)
{
    struct stat found;
    if (listener->source.fd < 0)
        return;
    loop_remove(listener->loop, &listener->source);
    if (listener->path && lstat(listener->path, &found) == 0 && found.st_dev == listener->device &&
        found.st_ino == listener->inode)
        unlink(listener->path);
    close(listener->source.fd);
    if (listener->spare_fd >= 0)
        close(listener->spare_fd);
    free(listener->groups);
    listener->groups = NULL;
    listener->groups_capacity = 0;
    listener->source.fd = listener->spare_fd = -1;
}

uint32_t net_listener_groups(struct net_listener *listener, int fd, const gid_t **groups)
{
    for (int tries = 0; tries < 2; tries++) {
        socklen_t bytes = (socklen_t)(listener->groups_capacity * sizeof(gid_t));
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, listener->groups, &bytes) == 0) {
            *groups = listener->groups;
            return (uint32_t)(bytes / sizeof(gid_t));
        }
        if (errno != ERANGE) /* `bytes` says how many there are */
            break;
        gid_t *grown = realloc(listener->groups, bytes);
        if (!grown)
            break;
        listener->groups = grown;
        listener->groups_capacity = (uint32_t)(bytes / sizeof(gid_t));
    }
    *groups = NULL;
    return 0;
}

void net_listener_resume(struct net_listener *listener)
{
    if (listener->source.fd < 0)
        return;
    if (listener->spare_fd < 0)
        listener->spare_fd = listener_spare(listener->source.fd);
    if (listener->paused) {
        listener->paused = false;
        loop_change(listener->loop, &listener->source, LOOP_READ);
    }
}
