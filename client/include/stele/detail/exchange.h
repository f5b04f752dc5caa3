/*
 * exchange.h - a channel's insides: buffers, sending while receiving, matching replies to commands.
 * Knows frames, but not what they mean. For channel.h only; one thread at a time.
 */
#ifndef STELE_DETAIL_EXCHANGE_H
#define STELE_DETAIL_EXCHANGE_H

#include <stdlib.h>

#include <stele/detail/codec.h>
#include <stele/status.h>

#include "io.h"

#define STELEI_CHANNEL_OUT_BYTES   (size_t)(64u << 10)
#define STELEI_CHANNEL_IN_BYTES    (size_t)(64u << 10)
#define STELEI_CHANNEL_IN_MAX      (size_t)(1u << 20) /* replies outstanding, in bytes */
#define STELEI_CHANNEL_REPLY_BYTES (size_t)(STELEI_FRAME_HEAD_BYTES + 4u)

/* What the daemon said of itself at HELLO. */
struct stele_channel_info {
    char name[STELEI_WIRE_NAME_MAX + 1]; /* of the segment: for stele_reader_attach() */
    uint64_t epoch;                      /* one more with every daemon that served the segment */
    uint64_t segment_bytes;
    uint32_t frame_max_bytes;
    uint32_t key_max_bytes;
    uint32_t value_max_bytes; /* fits together with any key */
    uint32_t vector_max_count;
    bool may_write;
};

/*
 * Replies outstanding = abandoned + pending, in this order, with consecutive request ids that end
 * before next_request. Invariant: reserved_bytes of replies fit into `in`.
 */
struct stele_channel {
    int fd;
    int segment_fd;           /* came with a HELLO and was not fetched yet; -1 = none */
    enum stele_status broken; /* nothing more can be sent; STELE_OK while all is well */
    bool ended;               /* nothing more can be received */
    int timeout_ms;           /* of submits and flushes; set by connect, change it at will */
    uint32_t next_request;
    uint32_t pending;   /* submitted, to be collected */
    uint32_t abandoned; /* of waiting calls that timed out: dropped when they come */
    size_t reserved_bytes;
    uint8_t *out;
    size_t out_head, out_tail;
    uint8_t *in;
    size_t in_head, in_tail, in_capacity;
    struct stele_channel_info info;
};

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
 * Sends all parts, receiving meanwhile: the daemon stops reading from a peer that does not.
 * *left_bytes (in: the sum) is what was not sent. The parts are consumed.
 */
static inline enum stele_status stelei_channel_send(struct stele_channel *channel,
                                                    struct iovec *parts, size_t part_count,
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
            parts->iov_base = (uint8_t *)parts->iov_base + sent;
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
    if (channel->broken != STELE_OK)
        return channel->broken;
    part.iov_base = channel->out + channel->out_head;
    part.iov_len = left;
    enum stele_status status = stelei_channel_send(channel, &part, 1, deadline, &left);
    channel->out_head = channel->out_tail - left;
    if (left == 0)
        channel->out_head = channel->out_tail = 0;
    return status;
}

/* Sets room aside for one more reply, before its command is sent. */
static inline enum stele_status stelei_channel_reserve(struct stele_channel *channel, size_t bytes)
{
    /* A refused vector is answered with fewer bytes than were reserved; this forgets the rest. */
    if (channel->pending + channel->abandoned == 0)
        channel->reserved_bytes = 0;
    size_t needed = channel->reserved_bytes + bytes;
    if (needed > STELEI_CHANNEL_IN_MAX)
        return STELE_EBUSY;
    if (needed > channel->in_capacity) {
        size_t capacity = channel->in_capacity;
        while (capacity < needed)
            capacity *= 2;
        uint8_t *grown = (uint8_t *)realloc(channel->in, capacity);
        if (!grown)
            return STELE_ENOMEM;
        channel->in = grown;
        channel->in_capacity = capacity;
    }
    channel->reserved_bytes = needed;
    return STELE_OK;
}

/* One command: the encoded head and up to two parts of the caller's bytes. */
struct stelei_command {
    uint8_t head[STELEI_ENCODED_MAX_BYTES];
    size_t head_bytes;
    const void *part[2];
    size_t part_bytes[2];
    size_t reply_bytes;
};

STELEI_INLINE void stelei_command_init(struct stelei_command *command, const void *first,
                                       size_t first_bytes, const void *second, size_t second_bytes)
{
    command->head_bytes = 0;
    command->part[0] = first;
    command->part_bytes[0] = first_bytes;
    command->part[1] = second;
    command->part_bytes[1] = second_bytes;
    command->reply_bytes = STELEI_CHANNEL_REPLY_BYTES;
}

/* Sends a frame that the buffer does not hold, straight from the caller's memory. */
static inline enum stele_status stelei_channel_send_large(struct stele_channel *channel,
                                                          const struct stelei_command *command,
                                                          int64_t deadline)
{
    struct iovec parts[3];
    size_t total = command->head_bytes + command->part_bytes[0] + command->part_bytes[1];
    size_t left = total;
    parts[0].iov_base = (void *)command->head;
    parts[0].iov_len = command->head_bytes;
    for (unsigned i = 0; i < 2; i++) {
        parts[i + 1].iov_base = (void *)command->part[i];
        parts[i + 1].iov_len = command->part_bytes[i];
    }
    enum stele_status status = stelei_channel_send(channel, parts, 3, deadline, &left);
    if (status != STELE_OK && left < total)
        channel->broken = status; /* half a frame: the rest of it can never follow */
    return status;
}

STELEI_INLINE void stelei_channel_append(struct stele_channel *channel, const void *bytes,
                                         size_t count)
{
    if (count > 0) /* an empty key may be NULL */
        memcpy(channel->out + channel->out_tail, bytes, count);
    channel->out_tail += count;
}

/* Of a submit: the clock is asked only where the command will have to be sent now. */
STELEI_INLINE int64_t stelei_channel_deadline(const struct stele_channel *channel,
                                              const struct stelei_command *command)
{
    size_t bytes = command->head_bytes + command->part_bytes[0] + command->part_bytes[1];
    return STELEI_LIKELY(bytes <= STELEI_CHANNEL_OUT_BYTES - channel->out_tail)
               ? STELEI_NO_DEADLINE
               : stelei_io_deadline(channel->timeout_ms);
}

/* Buffers or sends a command whose head was encoded with channel->next_request. */
static inline enum stele_status stelei_channel_submit(struct stele_channel *channel,
                                                      const struct stelei_command *command,
                                                      int64_t deadline, uint32_t *request)
{
    size_t bytes = command->head_bytes + command->part_bytes[0] + command->part_bytes[1];
    enum stele_status status = STELE_OK;
    if (channel->broken != STELE_OK)
        return channel->broken;
    if (bytes - STELEI_FRAME_HEAD_BYTES > channel->info.frame_max_bytes)
        return STELE_ETOOBIG;
    status = stelei_channel_reserve(channel, command->reply_bytes);
    if (status != STELE_OK)
        return status;
    if (bytes > STELEI_CHANNEL_OUT_BYTES - channel->out_tail)
        status = stelei_channel_flush(channel, deadline);
    if (status == STELE_OK && bytes > STELEI_CHANNEL_OUT_BYTES)
        status = stelei_channel_send_large(channel, command, deadline);
    else if (status == STELE_OK) {
        stelei_channel_append(channel, command->head, command->head_bytes);
        stelei_channel_append(channel, command->part[0], command->part_bytes[0]);
        stelei_channel_append(channel, command->part[1], command->part_bytes[1]);
    }
    if (status != STELE_OK) {
        channel->reserved_bytes -= command->reply_bytes;
        return status;
    }
    if (request)
        *request = channel->next_request;
    channel->next_request++;
    channel->pending++;
    return STELE_OK;
}

/* ---- replies ------------------------------------------------------------------------------ */

struct stelei_reply {
    struct stelei_frame frame;
    const uint8_t *body; /* at least its status; in `in`, valid until the next receive */
    enum stele_status status;
};

/*
 * The next reply, if the buffer holds it whole: STELE_OK, STELE_EBUSY (not yet) or STELE_EPROTO.
 */
static inline enum stele_status stelei_channel_parse(struct stele_channel *channel,
                                                     struct stelei_reply *reply)
{
    size_t held = channel->in_tail - channel->in_head;
    const uint8_t *bytes = channel->in + channel->in_head;
    uint32_t outstanding = channel->pending + channel->abandoned;
    uint32_t status;
    if (held < STELEI_CHANNEL_REPLY_BYTES)
        return STELE_EBUSY;
    stelei_decode_frame(bytes, &reply->frame);
    memcpy(&status, bytes + STELEI_FRAME_HEAD_BYTES, sizeof(status));
    if (!(reply->frame.opcode & STELEI_REPLY_BIT) || reply->frame.length < sizeof(status) ||
        reply->frame.length > channel->in_capacity - STELEI_FRAME_HEAD_BYTES ||
        reply->frame.request != channel->next_request - outstanding || outstanding == 0 ||
        status >= STELE_STATUS_COUNT)
        return channel->broken = STELE_EPROTO;
    size_t whole = STELEI_FRAME_HEAD_BYTES + (size_t)reply->frame.length;
    if (held < whole)
        return STELE_EBUSY;
    reply->body = bytes + STELEI_FRAME_HEAD_BYTES;
    reply->status = (enum stele_status)status;
    channel->in_head += whole;
    channel->reserved_bytes -= whole < channel->reserved_bytes ? whole : channel->reserved_bytes;
    return STELE_OK;
}

/* The reply to the oldest pending command; those of abandoned ones are dropped on the way. */
static inline enum stele_status stelei_channel_next(struct stele_channel *channel, int64_t deadline,
                                                    struct stelei_reply *reply)
{
    for (;;) {
        short ready = 0;
        enum stele_status status = stelei_channel_parse(channel, reply);
        if (status == STELE_OK && channel->abandoned > 0) {
            channel->abandoned--;
            continue;
        }
        if (status == STELE_OK)
            channel->pending--;
        if (status != STELE_EBUSY)
            return status;
        status = stelei_channel_receive(channel);
        if (status == STELE_EBUSY)
            status = stelei_io_wait(channel->fd, POLLIN, deadline, &ready);
        if (status != STELE_OK)
            return status;
    }
}

/* Waits for the reply to the one command just submitted; what comes too late is dropped. */
static inline enum stele_status stelei_channel_await(struct stele_channel *channel,
                                                     int64_t deadline, struct stelei_reply *reply)
{
    enum stele_status status = stelei_channel_flush(channel, deadline);
    if (status == STELE_OK || channel->broken != STELE_OK)
        status = stelei_channel_next(channel, deadline, reply);
    if (status != STELE_OK) {
        channel->pending--;
        channel->abandoned++;
    }
    return status;
}

/* A whole command with its reply. Refused while others are pending. */
static inline enum stele_status stelei_channel_call(struct stele_channel *channel,
                                                    const struct stelei_command *command,
                                                    int64_t deadline, struct stelei_reply *reply)
{
    if (channel->broken != STELE_OK)
        return channel->broken;
    if (channel->pending > 0)
        return STELE_EBUSY;
    enum stele_status status = stelei_channel_submit(channel, command, deadline, NULL);
    if (status == STELE_OK)
        status = stelei_channel_await(channel, deadline, reply);
    return status;
}

/* The same where the reply is its status and a table handle at most. */
static inline enum stele_status stelei_channel_simple(struct stele_channel *channel,
                                                      const struct stelei_command *command,
                                                      int timeout_ms, uint16_t *table)
{
    struct stelei_reply reply;
    enum stele_status status =
        stelei_channel_call(channel, command, stelei_io_deadline(timeout_ms), &reply);
    if (status != STELE_OK)
        return status;
    if (table && (reply.status == STELE_OK || reply.status == STELE_EEXIST))
        *table = reply.frame.table;
    return reply.status;
}

#endif
