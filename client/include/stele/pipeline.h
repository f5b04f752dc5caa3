/*
 * pipeline.h - many commands under way at once on one channel: submit, flush, collect. What
 * channel.h says of outcomes, threads and forks goes for these too.
 *
 * Submitted commands run in the order of submission. Key and value may be reused when the call
 * returns. *request (may be NULL) is what the completion will name. A submit may send, and wait up
 * to channel->timeout_ms, when the buffer of 64 KiB is full. Replies outstanding are bounded by
 * 1 MiB, which is 65,536 of the short ones: STELE_EBUSY beyond, collect first. A get counts with its
 * capacity until all replies have been collected; one get alone may be of any size.
 */
#ifndef STELE_PIPELINE_H
#define STELE_PIPELINE_H

#include "channel.h"
#include "vector.h"

/* The reply to one submitted command or vector. `value` and `vector` point into the channel and are
 * valid until its next call. */
struct stele_completion {
    uint32_t request;
    enum stele_status status; /* of a vector: STELE_OK when its commands ran, each with a status */
    uint16_t table;
    const void *value;  /* of a get */
    size_t value_bytes; /* of a get: with STELE_OK, and with STELE_ESHORT what is needed */
    int64_t number;     /* of an increment: the sum; of an append to a list: how many were added */
    struct stelei_vector_reply vector; /* count 0: no vector */
};

/* ---- submitting: the meaning of each is that of the waiting call in channel.h ---------------- */

/* The clock is asked only where the command will have to be sent now. */
STELEI_INLINE enum stele_status stelei_channel_queue(struct stele_channel *channel,
                                                     const struct stelei_command *command,
                                                     uint32_t *request)
{
    bool fits = stelei_command_bytes(command) <= STELEI_CHANNEL_OUT_BYTES - channel->out_tail;
    int64_t deadline =
        STELEI_LIKELY(fits) ? STELEI_NO_DEADLINE : stelei_io_deadline(channel->timeout_ms);
    return stelei_channel_submit(channel, command, deadline, request);
}

STELEI_INLINE enum stele_status stelei_channel_submit_store(struct stele_channel *channel,
                                                            unsigned opcode, uint16_t table,
                                                            const void *key, size_t key_bytes,
                                                            const void *value, size_t value_bytes,
                                                            uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, value_bytes);
    if (status != STELE_OK)
        return status;
    stelei_command_put(&command, channel->next_request, opcode, table, key, key_bytes, value,
                       value_bytes);
    return stelei_channel_queue(channel, &command, request);
}

static inline enum stele_status stele_channel_submit_put(struct stele_channel *channel,
                                                         uint16_t table, const void *key,
                                                         size_t key_bytes, const void *value,
                                                         size_t value_bytes, uint32_t *request)
{
    return stelei_channel_submit_store(channel, STELEI_OP_PUT, table, key, key_bytes, value,
                                       value_bytes, request);
}

static inline enum stele_status stele_channel_submit_insert(struct stele_channel *channel,
                                                            uint16_t table, const void *key,
                                                            size_t key_bytes, const void *value,
                                                            size_t value_bytes, uint32_t *request)
{
    return stelei_channel_submit_store(channel, STELEI_OP_INSERT, table, key, key_bytes, value,
                                       value_bytes, request);
}

static inline enum stele_status stele_channel_submit_replace(struct stele_channel *channel,
                                                             uint16_t table, const void *key,
                                                             size_t key_bytes, const void *value,
                                                             size_t value_bytes, uint32_t *request)
{
    return stelei_channel_submit_store(channel, STELEI_OP_REPLACE, table, key, key_bytes, value,
                                       value_bytes, request);
}

static inline enum stele_status stele_channel_submit_erase(struct stele_channel *channel,
                                                           uint16_t table, const void *key,
                                                           size_t key_bytes, uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_erase(&command, channel->next_request, STELEI_OP_ERASE, table, key, key_bytes);
    return stelei_channel_queue(channel, &command, request);
}

static inline enum stele_status stele_channel_submit_cas(struct stele_channel *channel,
                                                         uint16_t table, const void *key,
                                                         size_t key_bytes, const void *expected,
                                                         size_t expected_bytes, const void *value,
                                                         size_t value_bytes, uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(
        channel, key_bytes, value_bytes > expected_bytes ? value_bytes : expected_bytes);
    if (status != STELE_OK)
        return status;
    stelei_command_cas(&command, channel->next_request, table, key, key_bytes, expected,
                       expected_bytes, value, value_bytes);
    return stelei_channel_queue(channel, &command, request);
}

/* The sum is the completion's `number`. */
static inline enum stele_status stele_channel_submit_incr(struct stele_channel *channel,
                                                          uint16_t table, const void *key,
                                                          size_t key_bytes, int64_t delta,
                                                          uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_incr(&command, channel->next_request, table, key, key_bytes, delta);
    return stelei_channel_queue(channel, &command, request);
}

/* The value is in the completion; `capacity` is the longest that is wanted. */
static inline enum stele_status stele_channel_submit_get(struct stele_channel *channel,
                                                         uint16_t table, const void *key,
                                                         size_t key_bytes, size_t capacity,
                                                         uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_get(&command, channel->next_request, table, key, key_bytes, capacity);
    return stelei_channel_queue(channel, &command, request);
}

/*
 * A vector is the way with the fewest bytes and system calls: one frame, one reply. Its commands
 * run in order, each with a status of its own; it is no transaction.
 * Submits the vector as one command; its completion carries a status for each entry. The vector
 * may be reset when this returns. STELE_EINVAL: it is empty. STELE_ETOOBIG: over
 * info.frame_max_bytes or info.vector_max_count.
 */
static inline enum stele_status stele_channel_submit_vector(struct stele_channel *channel,
                                                            const struct stele_vector *vector,
                                                            uint32_t *request)
{
    struct stelei_command command;
    if (vector->count == 0)
        return STELE_EINVAL;
    if (vector->count > channel->info.vector_max_count ||
        vector->used + sizeof(uint32_t) > channel->info.frame_max_bytes)
        return STELE_ETOOBIG;
    stelei_command_init(&command);
    stelei_command_part(&command, 0, vector->bytes, vector->used);
    command.head_bytes = stelei_encode_vector(command.head, channel->next_request, vector->count,
                                              STELEI_CAST(uint32_t, vector->used));
    command.reply_bytes = STELEI_FRAME_HEAD_BYTES + 8 + STELEI_CAST(size_t, vector->count) * 2;
    return stelei_channel_queue(channel, &command, request);
}

/* ---- sending and collecting ---------------------------------------------------------------- */

/* Sends what was submitted. STELE_ETIMEDOUT: not all yet; call it again. */
static inline enum stele_status stele_channel_flush(struct stele_channel *channel)
{
    if (stelei_fork_happened(&channel->mark))
        return STELE_EFORKED;
    return stelei_channel_flush(channel, stelei_io_deadline(channel->timeout_ms));
}

/* Commands submitted and not collected. */
static inline uint32_t stele_channel_pending(const struct stele_channel *channel)
{
    return channel->pending;
}

static inline enum stele_status stelei_completion_fill(const struct stelei_reply *reply,
                                                       struct stele_completion *completion)
{
    const uint8_t *value = STELEI_NULL;
    uint32_t value_bytes = 0;
    uint64_t number = 0;
    unsigned opcode = reply->frame.opcode & ~STELEI_REPLY_BIT;
    bool good = true;
    completion->status = reply->status;
    completion->table = reply->frame.table;
    completion->vector.statuses = STELEI_NULL;
    completion->vector.count = 0;
    if (opcode == STELEI_OP_GET && (reply->status == STELE_OK || reply->status == STELE_ESHORT))
        good = stelei_decode_get_reply(reply->body, reply->frame.length, &value, &value_bytes);
    else if ((opcode == STELEI_OP_INCR || opcode == STELEI_OP_LIST_APPEND) &&
             reply->status == STELE_OK)
        good = stelei_decode_number(reply->body, reply->frame.length, &number);
    else if (opcode == STELEI_OP_VECTOR && reply->status == STELE_OK)
        good = stelei_decode_vector_reply(reply->body, reply->frame.length, &completion->vector);
    completion->number = STELEI_CAST(int64_t, number);
    completion->value = value;
    completion->value_bytes = value_bytes;
    return good ? STELE_OK : STELE_EPROTO;
}

/*
 * The next completion, in order of submission; sends first what was not sent yet.
 * STELE_EEND: nothing is pending. STELE_ETIMEDOUT: nothing came; collect again. STELE_ECLOSED: the
 * connection ended and all that is still pending may have run or not; replies that had arrived are
 * returned before that.
 */
static inline enum stele_status stele_channel_collect(struct stele_channel *channel,
                                                      struct stele_completion *completion,
                                                      int timeout_ms)
{
    struct stelei_reply reply;
    if (stelei_fork_happened(&channel->mark))
        return STELE_EFORKED;
    if (channel->pending == 0)
        return STELE_EEND;
    uint32_t request = channel->next_request - channel->pending;
    enum stele_status status = STELE_EBUSY;
    if (channel->abandoned == 0 && channel->out_head == channel->out_tail)
        status = stelei_channel_parse(channel, &reply); /* the usual case asks no clock */
    if (status == STELE_OK) {
        channel->pending--;
    } else {
        int64_t deadline = stelei_io_deadline(timeout_ms);
        status = stelei_channel_flush(channel, deadline);
        if (status != STELE_OK && channel->broken == STELE_OK)
            return status;
        status = stelei_channel_next(channel, deadline, &reply);
    }
    if (status != STELE_OK)
        return status;
    completion->request = request;
    status = stelei_completion_fill(&reply, completion);
    if (status != STELE_OK)
        channel->broken = status;
    return status;
}

/* Status of the index-th command of a collected vector, index < completion->vector.count. */
static inline enum stele_status stele_completion_status(const struct stele_completion *completion,
                                                        uint32_t index)
{
    uint16_t status = stelei_vector_status(&completion->vector, index);
    return status < STELE_STATUS_COUNT ? STELEI_CAST(enum stele_status, status) : STELE_EPROTO;
}

#endif
