/*
 * call.h - commands out of a channel and replies matched to them. Knows frames, but not what they
 * mean. For request.h and what includes it; one thread at a time.
 */
#ifndef STELE_DETAIL_CALL_H
#define STELE_DETAIL_CALL_H

#include "exchange.h"

/* One command: the encoded head and up to three parts of the caller's bytes. */
#define STELEI_COMMAND_PARTS 3u
struct stelei_command {
    uint8_t head[STELEI_ENCODED_MAX_BYTES];
    size_t head_bytes;
    const void *part[STELEI_COMMAND_PARTS];
    size_t part_bytes[STELEI_COMMAND_PARTS];
    size_t reply_bytes;
};

STELEI_INLINE void stelei_command_init(struct stelei_command *command)
{
    command->head_bytes = 0;
    for (unsigned i = 0; i < STELEI_COMMAND_PARTS; i++) {
        command->part[i] = STELEI_NULL;
        command->part_bytes[i] = 0;
    }
    command->reply_bytes = STELEI_CHANNEL_REPLY_BYTES;
}

STELEI_INLINE void stelei_command_part(struct stelei_command *command, unsigned index,
                                       const void *bytes, size_t count)
{
    command->part[index] = bytes;
    command->part_bytes[index] = count;
}

STELEI_INLINE size_t stelei_command_bytes(const struct stelei_command *command)
{
    size_t bytes = command->head_bytes;
    for (unsigned i = 0; i < STELEI_COMMAND_PARTS; i++)
        bytes += command->part_bytes[i];
    return bytes;
}

/* Sends a frame that the buffer does not hold, straight from the caller's memory. */
static inline enum stele_status stelei_channel_send_large(struct stele_channel *channel,
                                                          const struct stelei_command *command,
                                                          int64_t deadline)
{
    struct iovec parts[1 + STELEI_COMMAND_PARTS];
    size_t total = stelei_command_bytes(command);
    size_t left = total;
    parts[0].iov_base = STELEI_UNCONST(uint8_t *, command->head);
    parts[0].iov_len = command->head_bytes;
    for (unsigned i = 0; i < STELEI_COMMAND_PARTS; i++) {
        parts[i + 1].iov_base = STELEI_UNCONST(void *, command->part[i]);
        parts[i + 1].iov_len = command->part_bytes[i];
    }
    enum stele_status status =
        stelei_channel_send(channel, parts, 1 + STELEI_COMMAND_PARTS, deadline, &left);
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

/* Buffers or sends a command whose head was encoded with channel->next_request. */
static inline enum stele_status stelei_channel_submit(struct stele_channel *channel,
                                                      const struct stelei_command *command,
                                                      int64_t deadline, uint32_t *request)
{
    size_t bytes = stelei_command_bytes(command);
    enum stele_status status = stelei_channel_usable(channel);
    if (status != STELE_OK)
        return status;
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
        for (unsigned i = 0; i < STELEI_COMMAND_PARTS; i++)
            stelei_channel_append(channel, command->part[i], command->part_bytes[i]);
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
    size_t whole = STELEI_FRAME_HEAD_BYTES + STELEI_CAST(size_t, reply->frame.length);
    if (held < whole)
        return STELE_EBUSY;
    reply->body = bytes + STELEI_FRAME_HEAD_BYTES;
    reply->status = STELEI_CAST(enum stele_status, status);
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
            status = stelei_channel_spin(channel, deadline);
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
    enum stele_status status = stelei_channel_usable(channel);
    if (status != STELE_OK)
        return status;
    if (channel->pending > 0)
        return STELE_EBUSY;
    status = stelei_channel_submit(channel, command, deadline, STELEI_NULL);
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
    if (table &&
        (reply.status == STELE_OK || reply.status == STELE_EEXIST || reply.status == STELE_ETYPE))
        *table = reply.frame.table;
    return reply.status;
}

/* The same where the reply is its status and, with STELE_OK, one number, which may be NULL. */
static inline enum stele_status stelei_channel_number(struct stele_channel *channel,
                                                      struct stelei_command *command,
                                                      int timeout_ms, uint64_t *number)
{
    struct stelei_reply reply;
    uint64_t told;
    command->reply_bytes = STELEI_CHANNEL_NUMBER_BYTES;
    enum stele_status status =
        stelei_channel_call(channel, command, stelei_io_deadline(timeout_ms), &reply);
    if (status != STELE_OK)
        return status;
    if (reply.status != STELE_OK)
        return reply.status;
    if (!stelei_decode_number(reply.body, reply.frame.length, &told))
        return channel->broken = STELE_EPROTO;
    if (number)
        *number = told;
    return STELE_OK;
}

#endif
