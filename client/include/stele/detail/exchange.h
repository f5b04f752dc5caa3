/*
 * exchange.h - a channel's insides: its buffers, and sending while receiving. Knows no frames; what
 * is above it does (call.h). One thread at a time.
 */
#ifndef STELE_DETAIL_EXCHANGE_H
#define STELE_DETAIL_EXCHANGE_H

#include <stdlib.h>

#include <stele/detail/address.h>
#include <stele/detail/codec.h>
#include <stele/detail/fork.h>
#include <stele/status.h>

#include "io.h"
#include "spin.h"

#define STELEI_CHANNEL_OUT_BYTES   (UINT64_C(64) << 10)
#define STELEI_CHANNEL_IN_BYTES    (UINT64_C(64) << 10)
#define STELEI_CHANNEL_IN_MAX      (UINT64_C(1) << 20) /* replies outstanding, in bytes */
#define STELEI_CHANNEL_REPLY_BYTES (STELEI_FRAME_HEAD_BYTES + UINT64_C(4))
#define STELEI_CHANNEL_NUMBER_BYTES                                                                \
    (STELEI_FRAME_HEAD_BYTES + UINT64_C(16)) /* one that tells a number */

/* What the daemon said of itself at HELLO. */
struct stele_channel_info {
    char name[STELEI_WIRE_NAME_MAX + 1]; /* of the segment: for stele_reader_attach() */
    uint64_t epoch;                      /* one more with every daemon that served the segment */
    uint64_t segment_bytes;
    uint32_t frame_max_bytes;
    uint32_t key_max_bytes;
    uint32_t value_max_bytes; /* fits together with any key */
    uint32_t vector_max_count;
    uint32_t rights; /* STELEI_RIGHT_... */
    bool may_write;
    bool may_admin;
};

/*
 * Replies outstanding = abandoned + pending, in this order, with consecutive request ids that end
 * before next_request. Invariant: reserved_bytes of replies fit into `in`.
 */
struct stele_channel {
    struct stelei_fork_mark mark;
    int fd;
    int segment_fd;           /* came with a HELLO and was not fetched yet; -1 = none */
    enum stele_status broken; /* nothing more can be sent; STELE_OK while all is well */
    bool ended;               /* nothing more can be received */
    int timeout_ms;           /* of submits and flushes; set by connect, change it at will */
    struct stelei_spin spin;  /* spin.limit_us: change it at will, 0 = never */
    uint32_t next_request;
    uint32_t pending;   /* submitted, to be collected */
    uint32_t abandoned; /* of waiting calls that timed out: dropped when they come */
    size_t reserved_bytes;
    uint8_t *out;
    size_t out_head, out_tail;
    uint8_t *in;
    size_t in_head, in_tail, in_capacity;
    struct stele_channel_info info;
    char path[STELEI_ADDRESS_BYTES]; /* what reconnecting connects to */
    /* errno of the system call that connecting ended with, where it did not succeed; 0: somebody listened,
     * and hung up or answered */
    int system_error;
};

/* Why nothing can be sent; STELE_OK when it can. Without a mark it is all zero, or was closed. */
STELEI_INLINE enum stele_status stelei_channel_usable(const struct stele_channel *channel)
{
    if (STELEI_UNLIKELY(!channel->mark.page))
        return STELE_ECLOSED;
    return STELEI_UNLIKELY(stelei_fork_happened(&channel->mark)) ? STELE_EFORKED : channel->broken;
}

/* ---- moving bytes ------------------------------------------------------------------------- */

/* Receives once. `in` has room for all replies outstanding, so a full buffer is a peer's lie. */
static inline enum stele_status stelei_channel_receive(struct stele_channel *channel)
{
    size_t bytes = 0;
    if (channel->ended)
        return STELE_ECLOSED;
    if (channel->in_head > 0) {
        memmove(channel->in, channel->in + channel->in_head, channel->in_tail - channel->in_head);
        channel->in_tail -= channel->in_head;
        channel->in_head = 0;
    }
    if (channel->in_tail == channel->in_capacity)
        return channel->broken = STELE_EPROTO;
    enum stele_status status =
        stelei_io_receive(channel->fd, channel->in + channel->in_tail,
                          channel->in_capacity - channel->in_tail, &bytes, &channel->segment_fd);
    if (status == STELE_OK)
        channel->in_tail += bytes;
    else if (status != STELE_EBUSY) {
        channel->ended = true;
        if (channel->broken == STELE_OK)
            channel->broken = STELE_ECLOSED;
    }
    return status;
}

/*
 * Asks again and again for a little while, because a reply that is a few microseconds away costs
 * less so than a wake-up. STELE_EBUSY: nothing came, go to sleep.
 */
static inline enum stele_status stelei_channel_spin(struct stele_channel *channel, int64_t deadline)
{
    enum stele_status status = STELE_EBUSY;
    if (!stelei_spin_wanted(&channel->spin))
        return status;
    int64_t end_ns = stelei_io_now_ns() + STELEI_CAST(int64_t, channel->spin.limit_us) * 1000;
    bool whole = deadline >= end_ns / 1000000; /* one that is cut short teaches nothing */
    if (!whole)
        end_ns = deadline * 1000000;
    do {
        status = stelei_channel_receive(channel);
    } while (status == STELE_EBUSY && stelei_io_now_ns() < end_ns);
    if (whole || status != STELE_EBUSY)
        stelei_spin_learn(&channel->spin, status != STELE_EBUSY);
    return status;
}

/*
 * Sends all parts, receiving meanwhile: the daemon stops reading from a peer that does not.
 * *left_bytes (in: the sum) is what was not sent. The parts are consumed.
 */
static inline enum stele_status stelei_channel_send(struct stele_channel *channel,
                                                    struct iovec *parts, uint16_t part_count,
                                                    int64_t deadline, size_t *left_bytes)
{
    while (*left_bytes > 0) {
        size_t sent = 0;
        short ready = 0;
        enum stele_status status = stelei_io_send(channel->fd, parts, part_count, &sent);
        *left_bytes -= sent;
        for (; part_count > 0 && sent >= parts->iov_len; parts++, part_count--)
            sent -= parts->iov_len;
        if (part_count > 0) {
            parts->iov_base = STELEI_CAST(uint8_t *, parts->iov_base) + sent;
            parts->iov_len -= sent;
        }
        if (status == STELE_OK)
            continue;
        if (status != STELE_EBUSY)
            return channel->broken = status;
        status = stelei_io_wait(channel->fd, POLLIN | POLLOUT, deadline, &ready);
        if (status != STELE_OK)
            return status;
        if (ready & POLLIN)
            stelei_channel_receive(channel);
        if (channel->broken != STELE_OK)
            return channel->broken;
    }
    return STELE_OK;
}

static inline enum stele_status stelei_channel_flush(struct stele_channel *channel,
                                                     int64_t deadline)
{
    struct iovec part;
    size_t left = channel->out_tail - channel->out_head;
    if (left == 0)
        return STELE_OK;
    if (stelei_channel_usable(channel) != STELE_OK)
        return stelei_channel_usable(channel);
    part.iov_base = channel->out + channel->out_head;
    part.iov_len = left;
    enum stele_status status = stelei_channel_send(channel, &part, 1, deadline, &left);
    channel->out_head = channel->out_tail - left;
    if (left == 0)
        channel->out_head = channel->out_tail = 0;
    return status;
}

/* Another size of `in`, at least `bytes` and whatever it holds. */
static inline enum stele_status stelei_channel_resize(struct stele_channel *channel, size_t bytes)
{
    size_t capacity = STELEI_CHANNEL_IN_BYTES;
    while (capacity < bytes || capacity < channel->in_tail)
        capacity *= 2;
    uint8_t *resized = STELEI_CAST(uint8_t *, realloc(channel->in, capacity));
    if (!resized)
        return STELE_ENOMEM;
    channel->in = resized;
    channel->in_capacity = capacity;
    return STELE_OK;
}

/*
 * Sets room aside for one more reply, before its command is sent: replies are received while
 * commands are sent, so neither end ever waits for the other in a circle. One reply alone may be of
 * any size; memory for a large one is given back later.
 */
static inline enum stele_status stelei_channel_reserve(struct stele_channel *channel, size_t bytes)
{
    /* A refused vector is answered with fewer bytes than were reserved; this forgets the rest. */
    if (channel->pending + channel->abandoned == 0)
        channel->reserved_bytes = 0;
    size_t needed = channel->reserved_bytes + bytes;
    if (needed > STELEI_CHANNEL_IN_MAX && channel->reserved_bytes > 0)
        return STELE_EBUSY;
    bool idle = channel->reserved_bytes == 0 && channel->in_head == channel->in_tail;
    enum stele_status status = STELE_OK;
    if (needed > channel->in_capacity)
        status = stelei_channel_resize(channel, needed);
    else if (STELEI_UNLIKELY(idle && channel->in_capacity > STELEI_CHANNEL_IN_MAX &&
                             needed <= STELEI_CHANNEL_IN_BYTES))
        status = stelei_channel_resize(channel, STELEI_CHANNEL_IN_BYTES);
    if (status == STELE_OK)
        channel->reserved_bytes = needed;
    return status;
}

#endif
