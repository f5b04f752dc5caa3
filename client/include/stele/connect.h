/*
 * connect.h - opening, reopening and closing a channel. channel.h says how one is used.
 */
#ifndef STELE_CONNECT_H
#define STELE_CONNECT_H

#include <stele/detail/address.h>
#include <stele/detail/object.h>

#include "detail/request.h"

static inline enum stele_status stelei_channel_hello(struct stele_channel *channel, unsigned flags,
                                                     int64_t deadline)
{
    struct stelei_command command;
    struct stelei_reply reply;
    struct stelei_wire_welcome welcome;
    struct stelei_name name;
    stelei_command_init(&command);
    command.head_bytes = stelei_encode_hello(command.head, channel->next_request, flags,
                                             STELEI_WIRE_VERSION, STELEI_WIRE_VERSION);
    command.reply_bytes = STELEI_FRAME_HEAD_BYTES + sizeof(welcome) + STELEI_WIRE_NAME_MAX;
    enum stele_status status = stelei_channel_call(channel, &command, deadline, &reply);
    if (status != STELE_OK)
        return status;
    if (reply.status != STELE_OK)
        return reply.status;
    if (!stelei_decode_welcome(reply.body, reply.frame.length, &welcome, &name))
        return channel->broken = STELE_EPROTO;
    memset(&channel->info, 0, sizeof(channel->info));
    memcpy(channel->info.name, name.bytes, name.count);
    channel->info.epoch = welcome.epoch;
    channel->info.segment_bytes = welcome.segment_bytes;
    channel->info.frame_max_bytes = welcome.frame_max_bytes;
    channel->info.key_max_bytes = welcome.key_max_bytes;
    channel->info.value_max_bytes = welcome.value_max_bytes;
    channel->info.vector_max_count = welcome.vector_max_count;
    channel->info.rights = welcome.rights;
    channel->info.may_write = (welcome.rights & STELEI_RIGHT_WRITE) != 0;
    channel->info.may_admin = (welcome.rights & STELEI_RIGHT_ADMIN) != 0;
    return STELE_OK;
}

/* Ends the connection; buffers, path and settings stay. */
static inline void stelei_channel_disconnect(struct stele_channel *channel)
{
    if (channel->fd >= 0)
        close(channel->fd);
    if (channel->segment_fd >= 0)
        close(channel->segment_fd);
    channel->fd = channel->segment_fd = -1;
    channel->out_head = channel->out_tail = channel->in_head = channel->in_tail = 0;
    channel->reserved_bytes = 0;
    channel->pending = channel->abandoned = 0;
    channel->broken = STELE_ECLOSED;
    channel->ended = true;
}

/* Closes the connection and frees the buffers. Pending commands may have run or not. Calling it
 * again, or on a channel that is all zero or whose connect failed, does nothing. */
static inline void stele_channel_close(struct stele_channel *channel)
{
    if (!channel->mark.page) /* descriptors of zero would be somebody else's */
        channel->fd = channel->segment_fd = -1;
    stelei_channel_disconnect(channel);
    stelei_fork_mark_fini(&channel->mark);
    free(channel->out);
    free(channel->in);
    channel->out = channel->in = STELEI_NULL;
    channel->in_capacity = 0;
}

/* Connects to channel->path and shakes hands; the channel is disconnected before and on failure. */
static inline enum stele_status stelei_channel_dial(struct stele_channel *channel, int64_t deadline)
{
    enum stele_status status = stelei_io_connect(channel->path, deadline, &channel->fd);
    channel->system_error = status == STELE_OK ? 0 : errno;
    if (status != STELE_OK)
        return status;
    channel->broken = STELE_OK;
    channel->ended = false;
    channel->info.frame_max_bytes = STELEI_FRAME_MIN_BYTES; /* until the daemon says its own */
    status = stelei_channel_hello(channel, 0, deadline);
    if (status != STELE_OK)
        stelei_channel_disconnect(channel);
    return status;
}

/*
 * Where the segment of that name says that its daemon listens, for one that was given a --socket of its own.
 * Believed only of a segment that belongs to root or to this user and that nobody else can write.
 */
static inline bool stelei_channel_told(const char *name, char path[STELEI_ADDRESS_BYTES])
{
    struct stelei_object object;
    if (!stelei_address_name_valid(name))
        return false;
    stelei_object_find(&object, name, O_RDONLY, geteuid()); /* root's too, nobody else's */
    stelei_object_close(&object);
    if (object.fault != STELEI_OBJECT_SOUND)
        return false;
    memcpy(path, object.header.socket_path, STELEI_ADDRESS_BYTES);
    return path[0] == '/' && strnlen(path, STELEI_ADDRESS_BYTES) < STELEI_ADDRESS_BYTES;
}

/* Tries that place; the daemon there has to serve the segment. False: all is as before. */
static inline bool stelei_channel_follow(struct stele_channel *channel, const char *name,
                                         int64_t deadline)
{
    char before[STELEI_ADDRESS_BYTES], told[STELEI_ADDRESS_BYTES];
    int error = channel->system_error;
    if (!stelei_channel_told(name, told))
        return false;
    memcpy(before, channel->path, sizeof(before));
    memcpy(channel->path, told, sizeof(told));
    if (stelei_channel_dial(channel, deadline) == STELE_OK) {
        if (strcmp(channel->info.name, name) == 0)
            return true;
        stelei_channel_disconnect(channel);
    }
    memcpy(channel->path, before, sizeof(before));
    channel->system_error = error;
    return false;
}

/* A name is looked for where daemons listen by default: the user's directory, then the system's, then where
 * the segment says. */
static inline enum stele_status stelei_channel_find(struct stele_channel *channel,
                                                    const char *target, int64_t deadline)
{
    const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
    enum stele_status status;
    if (strchr(target, '/')) {
        if (strlen(target) >= sizeof(channel->path))
            return STELE_EINVAL;
        memcpy(channel->path, target, strlen(target) + 1);
        return stelei_channel_dial(channel, deadline);
    }
    if (runtime_dir && runtime_dir[0]) {
        status = stelei_address_socket(runtime_dir, target, channel->path, sizeof(channel->path));
        if (status == STELE_OK)
            status = stelei_channel_dial(channel, deadline);
        if (status != STELE_ECLOSED && status != STELE_ETOOBIG)
            return status;
    }
    status = stelei_address_socket(STELEI_NULL, target, channel->path, sizeof(channel->path));
    if (status == STELE_OK)
        status = stelei_channel_dial(channel, deadline);
    if (status == STELE_ECLOSED && stelei_channel_follow(channel, target, deadline))
        return STELE_OK;
    return status;
}

/*
 * Connects to a daemon and shakes hands; on failure nothing is left open. `target` is the path of
 * its socket, with at least one '/', or the name of its segment: then the socket is looked for in
 * $XDG_RUNTIME_DIR/stele, in /run/stele, and where the segment says that its daemon listens (believed of
 * one that is root's or this user's; that daemon must serve it). `timeout_ms` bounds the whole and becomes
 * channel->timeout_ms.
 *   STELE_ECLOSED nobody listens, or the daemon hung up, as it does while it is out of descriptors
 *   STELE_EACCES  the socket's mode forbids it            STELE_EPERM    no rights, as this user
 *   STELE_EINVAL  no such name; path empty or too long    STELE_EVERSION no protocol in common
 *   STELE_ETIMEDOUT (also: so many wait to connect that its queue is full), STELE_EPROTO, STELE_ENOMEM
 *   STELE_EIO     what else the system said: EMFILE and ENFILE, no descriptor is left here, and the like
 * channel->system_error has the errno of a connect() that failed, 0 where the daemon hung up.
 */
static inline enum stele_status stele_channel_connect(struct stele_channel *channel,
                                                      const char *target, int timeout_ms)
{
    int64_t deadline = stelei_io_deadline(timeout_ms);
    memset(channel, 0, sizeof(*channel));
    channel->fd = channel->segment_fd = -1;
    channel->timeout_ms = timeout_ms;
    channel->next_request = 1;
    channel->in_capacity = STELEI_CHANNEL_IN_BYTES;
    stelei_spin_init(&channel->spin, sysconf(_SC_NPROCESSORS_ONLN) < 2);
    channel->out = STELEI_CAST(uint8_t *, malloc(STELEI_CHANNEL_OUT_BYTES));
    channel->in = STELEI_CAST(uint8_t *, malloc(channel->in_capacity));
    enum stele_status status = STELE_ENOMEM;
    if (channel->out && channel->in)
        status = stelei_fork_mark_init(&channel->mark);
    if (status == STELE_OK)
        status = target ? stelei_channel_find(channel, target, deadline) : STELE_EINVAL;
    if (status != STELE_OK)
        stele_channel_close(channel);
    return status;
}

/*
 * Ends the connection and makes a new one to the same socket, trying until the deadline while nobody
 * listens there: a daemon that is being restarted takes milliseconds. Works on a broken channel, in
 * a child after a fork, and again after it failed; not after stele_channel_close().
 *
 * *unknown (may be NULL) is how many commands had been submitted and not collected: each may have
 * run or not, and none of them is sent again. A waiting call that ended with STELE_ECLOSED or
 * STELE_ETIMEDOUT is not among them: its caller knows already. Set in any case.
 *
 * Table handles end with the daemon: find tables again. info.epoch tells whether it was another one.
 * Statuses as of connect; STELE_ECLOSED: nobody listened until the deadline. STELE_EINVAL: closed.
 */
static inline enum stele_status stele_channel_reconnect(struct stele_channel *channel,
                                                        int timeout_ms, uint32_t *unknown)
{
    int64_t deadline = stelei_io_deadline(timeout_ms);
    if (unknown)
        *unknown = channel->pending;
    if (!channel->in)
        return STELE_EINVAL;
    stelei_channel_disconnect(channel);
    *channel->mark.page = 1;
    for (;;) {
        enum stele_status status = stelei_channel_dial(channel, deadline);
        if (status != STELE_ECLOSED || stelei_io_left_ms(deadline) == 0)
            return status;
        poll(STELEI_NULL, 0, 2);
    }
}

/*
 * Fetches a read-only descriptor of the segment for stele_reader_attach_fd(); it is the caller's to
 * close. For processes that cannot open the segment by name (another mount of /dev/shm).
 * STELE_EPROTO: the reply came without one.
 */
static inline enum stele_status stele_channel_segment_fd(struct stele_channel *channel,
                                                         int timeout_ms, int *fd)
{
    enum stele_status status = stelei_channel_usable(channel);
    if (status != STELE_OK)
        return status;
    if (channel->segment_fd >= 0) /* late, of a call that timed out */
        close(channel->segment_fd);
    channel->segment_fd = -1;
    status = stelei_channel_hello(channel, STELEI_HELLO_DESCRIPTOR, stelei_io_deadline(timeout_ms));
    if (status != STELE_OK)
        return status;
    if (channel->segment_fd < 0)
        return STELE_EPROTO;
    *fd = channel->segment_fd;
    channel->segment_fd = -1;
    return STELE_OK;
}

#endif
