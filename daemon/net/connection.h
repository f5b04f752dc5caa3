/*
 * connection.h - the daemon's end of one connection: a socket and its two buffers. The loop's
 * thread only. It knows no protocol: the server asks it to fill `in`, puts replies into `out`, and
 * asks it to flush.
 *
 * Backpressure: while `out` holds its cap or more, net_connection_wait() does not ask for reading,
 * so a peer that does not read its replies soon cannot send either. Memory per connection is bounded
 * by the largest frame, the output cap and one reply, and grows only with bytes that did arrive.
 */
#ifndef STELE_DAEMON_NET_CONNECTION_H
#define STELE_DAEMON_NET_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "net/buffer.h"
#include "net/listener.h"

/* Of all connections of one owner together; kept by the connections. */
struct net_totals {
    uint64_t in_bytes; /* moved since the start */
    uint64_t out_bytes;
    uint64_t buffer_bytes; /* memory of the buffers now */
    uint64_t large_bytes;  /* of these, what connections have beyond NET_SMALL_BYTES each way */
};

/* What a buffer keeps while it is empty: enough for a turn of ordinary commands. */
#define NET_SMALL_BYTES ((size_t)64 << 10)

struct net_connection {
    struct loop *loop;
    struct net_totals *totals;
    uint64_t counted_bytes, counted_large_bytes; /* this one's part of the totals */
    struct loop_source source;
    struct net_buffer in, out;
    size_t out_cap_bytes;
    size_t pass_at; /* held bytes of `out` before those that carry the descriptor */
    int pass_fd;    /* borrowed; -1 = none */
    bool ended;     /* the peer sends no more */
    bool closing;   /* we read no more: close when `out` is empty */
    bool dead;      /* the socket is of no use: close at once */
    bool finishes;  /* set by the owner: what the peer has sent is received, though it has gone */
    bool deaf;      /* it takes no replies any more: they are dropped */
    struct net_peer peer;
};

/* Takes over `fd`, also on failure (then it is closed). `ready` is called with the source whose
 * context is `context`. */
enum stele_status net_connection_open(struct net_connection *connection, struct loop *loop, int fd,
                                      const struct net_peer *peer, size_t out_cap_bytes,
                                      struct net_totals *totals,
                                      void (*ready)(struct loop_source *, unsigned), void *context);
void net_connection_close(struct net_connection *connection);

/*
 * One receive into `in`, of up to 256 KiB. `need_bytes`: what the protocol needs to hold at once
 * (0 = does not know); the buffer grows towards it by doubling, as bytes arrive. Sets `ended` or
 * `dead`; with `finishes` a reset is an end.
 */
void net_connection_fill(struct net_connection *connection, size_t need_bytes);

/* The peer has gone and takes no replies: sets `dead`, or `deaf` where that is not the end. */
void net_connection_lose(struct net_connection *connection);

/* Brings the totals up to date after `out` was appended to. */
void net_connection_count(struct net_connection *connection);

/* True when replies have to wait: nothing more should be executed for it now. */
static inline bool net_connection_stalled(const struct net_connection *connection)
{
    return net_buffer_held(&connection->out) >= connection->out_cap_bytes;
}

/* Passes the descriptor along with the bytes that are appended to `out` next. One at a time: false
 * while another waits. */
bool net_connection_pass(struct net_connection *connection, int fd);

/* Ends a turn: sends what the socket takes, in one call unless a descriptor goes along, and gives
 * back what empty buffers need no more. Bytes consumed from `in` are gone. Sets `dead` or `deaf`. */
void net_connection_flush(struct net_connection *connection);

/* Gives back what buffers that hold little need no more; now and then, between turns. */
void net_connection_shrink(struct net_connection *connection);

/* Tells the loop what to wait for next, from the state of the buffers. */
void net_connection_wait(struct net_connection *connection);

/* Waits for nothing but the chance to send what is held. */
void net_connection_pause(struct net_connection *connection);

/* True when nothing is left to be done for it. */
static inline bool net_connection_finished(const struct net_connection *connection)
{
    return connection->dead || (connection->closing && net_buffer_held(&connection->out) == 0);
}

#endif
