#include "net/connection.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CONNECTION_FILL_BYTES  (256u << 10)
#define CONNECTION_FIRST_BYTES (16u << 10)

enum stele_status net_connection_open(struct net_connection *connection, struct loop *loop, int fd,
                                      const struct net_peer *peer, size_t out_cap_bytes,
                                      struct net_totals *totals,
                                      void (*ready)(struct loop_source *, unsigned), void *context)
{
    memset(connection, 0, sizeof(*connection));
    connection->loop = loop;
    connection->totals = totals;
    connection->peer = *peer;
    connection->out_cap_bytes = out_cap_bytes;
    connection->pass_fd = -1;
    net_buffer_init(&connection->in);
    net_buffer_init(&connection->out);
    connection->source =
        (struct loop_source){.fd = fd, .events = LOOP_READ, .ready = ready, .context = context};
    enum stele_status status = loop_add(loop, &connection->source);
    if (status != STELE_OK)
        close(fd);
    return status;
}

void net_connection_close(struct net_connection *connection)
{
    loop_remove(connection->loop, &connection->source);
    close(connection->source.fd);
    net_buffer_fini(&connection->in);
    net_buffer_fini(&connection->out);
    net_connection_count(connection);
}

static uint64_t connection_large(const struct net_buffer *buffer)
{
    return buffer->capacity > NET_SMALL_BYTES ? buffer->capacity - NET_SMALL_BYTES : 0;
}

void net_connection_count(struct net_connection *connection)
{
    struct net_totals *totals = connection->totals;
    uint64_t bytes = connection->in.capacity + connection->out.capacity;
    uint64_t large = connection_large(&connection->in) + connection_large(&connection->out);
    totals->buffer_bytes += bytes - connection->counted_bytes;
    totals->large_bytes += large - connection->counted_large_bytes;
    connection->counted_bytes = bytes;
    connection->counted_large_bytes = large;
}

/*
 * Room for the next receive: some at first; then as much again as has arrived, so that a length
 * field alone never makes us allocate, up to what the frame needs.
 */
static enum stele_status connection_make_room(struct net_connection *connection, size_t need_bytes)
{
    struct net_buffer *in = &connection->in;
    size_t held = net_buffer_held(in);
    size_t room = held < CONNECTION_FIRST_BYTES ? CONNECTION_FIRST_BYTES : held;
    if (need_bytes > held && room > need_bytes - held)
        room = need_bytes - held;
    if (room < CONNECTION_FIRST_BYTES)
        room = CONNECTION_FIRST_BYTES;
    return net_buffer_free(in) >= CONNECTION_FIRST_BYTES ? STELE_OK : net_buffer_reserve(in, room);
}

void net_connection_lose(struct net_connection *connection)
{
    if (connection->finishes)
        connection->deaf = true;
    else
        connection->dead = true;
}

void net_connection_fill(struct net_connection *connection, size_t need_bytes)
{
    struct net_buffer *in = &connection->in;
    net_buffer_trim(in, NET_SMALL_BYTES);
    if (connection_make_room(connection, need_bytes) != STELE_OK) {
        connection->dead = true;
        return;
    }
    size_t room = net_buffer_free(in);
    if (room > CONNECTION_FILL_BYTES)
        room = CONNECTION_FILL_BYTES;
    ssize_t count = recv(connection->source.fd, net_buffer_tail(in), room, MSG_DONTWAIT);
    if (count > 0) {
        net_buffer_produced(in, (size_t)count);
        connection->totals->in_bytes += (uint64_t)count;
    } else if (count == 0) {
        connection->ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        connection->ended = true;
        net_connection_lose(connection);
    }
}

bool net_connection_pass(struct net_connection *connection, int fd)
{
    if (connection->pass_fd >= 0)
        return false;
    connection->pass_fd = fd;
    connection->pass_at = net_buffer_held(&connection->out);
    return true;
}

static ssize_t connection_send(struct net_connection *connection, size_t bytes, int pass_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = connection->out.bytes + connection->out.head,
                         .iov_len = bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (pass_fd >= 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &pass_fd, sizeof(int));
    }
    return sendmsg(connection->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void connection_send_held(struct net_connection *connection)
{
    struct net_buffer *out = &connection->out;
    while (net_buffer_held(out) > 0 && !connection->dead && !connection->deaf) {
        bool passing = connection->pass_fd >= 0 && connection->pass_at == 0;
        size_t bytes = net_buffer_held(out);
        if (connection->pass_fd >= 0 && !passing)
            bytes = connection->pass_at;
        ssize_t sent = connection_send(connection, bytes, passing ? connection->pass_fd : -1);
        if (sent < 0) {
            if (errno == EAGAIN)
                return;
            if (errno != EINTR)
                net_connection_lose(connection);
            continue;
        }
        net_buffer_consume(out, (size_t)sent);
        connection->totals->out_bytes += (uint64_t)sent;
        if (passing)
            connection->pass_fd = -1;
        else if (connection->pass_fd >= 0)
            connection->pass_at -= (size_t)sent;
        else if ((size_t)sent < bytes)
            return; /* the socket is full */
    }
}

void net_connection_flush(struct net_connection *connection)
{
    connection_send_held(connection);
    if (connection->deaf)
        net_buffer_consume(&connection->out, net_buffer_held(&connection->out));
    net_buffer_trim(&connection->in, NET_SMALL_BYTES);
    net_buffer_trim(&connection->out, NET_SMALL_BYTES);
    net_connection_count(connection);
}

void net_connection_shrink(struct net_connection *connection)
{
    net_buffer_shrink(&connection->in, NET_SMALL_BYTES);
    net_buffer_shrink(&connection->out, NET_SMALL_BYTES);
    net_connection_count(connection);
}

void net_connection_wait(struct net_connection *connection)
{
    unsigned events = 0;
    if (!connection->ended && !connection->closing && !net_connection_stalled(connection))
        events |= LOOP_READ;
    if (net_buffer_held(&connection->out) > 0)
        events |= LOOP_WRITE;
    loop_change(connection->loop, &connection->source, events);
}

void net_connection_pause(struct net_connection *connection)
{
    unsigned events = net_buffer_held(&connection->out) > 0 ? (unsigned)LOOP_WRITE : 0u;
    loop_change(connection->loop, &connection->source, events);
}
