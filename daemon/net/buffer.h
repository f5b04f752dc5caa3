/*
 * buffer.h - bytes on their way in or out: appended at the tail, consumed at the head.
 * Owned by one connection; the loop's thread only. It knows neither sockets nor protocols.
 *
 *   0        head            tail          capacity
 *   |  gone  |  held bytes   |   free      |            head <= tail <= capacity
 */
#ifndef STELE_DAEMON_NET_BUFFER_H
#define STELE_DAEMON_NET_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include <stele/status.h>

struct net_buffer {
    uint8_t *bytes;
    size_t head, tail, capacity;
};

/* Holds nothing and allocates nothing. */
void net_buffer_init(struct net_buffer *buffer);
void net_buffer_fini(struct net_buffer *buffer);

static inline size_t net_buffer_held(const struct net_buffer *buffer)
{
    return buffer->tail - buffer->head;
}
static inline const uint8_t *net_buffer_data(const struct net_buffer *buffer)
{
    return buffer->bytes + buffer->head;
}
static inline size_t net_buffer_free(const struct net_buffer *buffer)
{
    return buffer->capacity - buffer->tail;
}

/* Makes room for `bytes` more at the tail, moving what is held if need be, growing by doubling.
 * Pointers into the buffer end. STELE_ENOMEM: unchanged. */
enum stele_status net_buffer_reserve(struct net_buffer *buffer, size_t bytes);

/* Reserved before. */
static inline uint8_t *net_buffer_tail(struct net_buffer *buffer)
{
    return buffer->bytes + buffer->tail;
}
static inline void net_buffer_produced(struct net_buffer *buffer, size_t bytes)
{
    buffer->tail += bytes;
}

/* Forgets bytes at the head; they stay in place until the next reserve or trim. */
static inline void net_buffer_consume(struct net_buffer *buffer, size_t bytes)
{
    buffer->head += bytes;
}

/* Takes the last so many consumed bytes back, when nothing else has happened since. */
static inline void net_buffer_restore(struct net_buffer *buffer, size_t bytes)
{
    buffer->head -= bytes;
}

/* Once empty: starts over at the front, and gives back memory beyond `keep_bytes`. */
void net_buffer_trim(struct net_buffer *buffer, size_t keep_bytes);

/*
 * Also where a little is held: gives back what exceeds eight times that, or thereabouts, so that one
 * byte left behind does not hold on to what a large frame has needed. It copies what is held, so call
 * it now and then, not after each frame. Pointers into the buffer end.
 */
void net_buffer_shrink(struct net_buffer *buffer, size_t keep_bytes);

#endif
