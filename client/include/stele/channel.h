/*
 * channel.h - write through the daemon: commands over its Unix socket. Reading needs none of this.
 *
 *     struct stele_channel channel;
 *     uint16_t prices;
 *     if (stele_channel_connect(&channel, "/run/stele/default", 1000) == STELE_OK) {
 *         stele_channel_table_create(&channel, "prices", &prices, 1000);
 *         stele_channel_put(&channel, prices, "EURUSD", 6, "1.0842", 6, 1000);
 *         stele_channel_close(&channel);
 *     }
 *
 * Three ways to send, on one channel: a call that waits for its reply; a pipeline of many commands
 * (submit, flush, collect), whose replies come in order; a vector of many commands in one frame.
 *
 * Threads: one at a time per channel. Fork: the child may only close() the descriptor. Signals: not
 * from handlers. Memory: two buffers from malloc(), about 128 KiB; bounded however much is sent.
 *
 * Visibility (promise D): when a reply says STELE_OK the change is visible to every process.
 *
 * Outcomes. A status that the daemon sent says what happened. These do not, and mean that the
 * command may have run or not:
 *   STELE_ECLOSED    the connection ended: close the channel, connect again, find tables again
 *   STELE_ETIMEDOUT  no reply in time; the channel goes on, unless half a frame was sent: then it
 *                    is broken and every later command is refused with the same status
 *   STELE_EPROTO     the daemon's bytes make no sense; the channel is broken
 *
 * Commands that were not sent at all, so surely have not run:
 *
 *   STELE_EBUSY      too many replies are outstanding, or a waiting call came before they were
 *                    collected: collect first
 *   STELE_ETOOBIG    over a limit of `info`
 *   STELE_EINVAL     an argument makes no sense
 *   STELE_ENOMEM     no memory for the reply
 *
 * From the daemon: STELE_EPERM this user may not write; STELE_ENOTABLE no such table, or the handle
 * is from before a drop or a restart; STELE_ENOSPC; STELE_ENOSYS an older daemon.
 *
 * Timeouts are milliseconds; negative waits for ever, 0 takes what is there.
 */
#ifndef STELE_CHANNEL_H
#define STELE_CHANNEL_H

#include <stele/detail/format.h>

#include "detail/exchange.h"
#include "vector.h"

/* The reply to one submitted command or vector. */
struct stele_completion {
    uint32_t request;
    enum stele_status status; /* of a vector: STELE_OK when its commands ran, each with a status */
    uint16_t table;
    struct stelei_vector_reply vector; /* valid until the channel's next call; count 0: no vector */
};

/* ---- opening and closing ------------------------------------------------------------------ */

static inline enum stele_status stelei_channel_hello(struct stele_channel *channel, unsigned flags,
                                                     int64_t deadline)
{
    struct stelei_command command;
    struct stelei_reply reply;
    struct stelei_wire_welcome welcome;
    struct stelei_name name;
    stelei_command_init(&command, NULL, 0, NULL, 0);
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
    channel->info.may_write = (welcome.rights & STELEI_RIGHT_WRITE) != 0;
    return STELE_OK;
}

/* Closes the connection and frees the buffers. Pending commands may have run or not. Calling it
 * again, or on a channel whose connect failed, does nothing. */
static inline void stele_channel_close(struct stele_channel *channel)
{
    if (channel->fd >= 0)
        close(channel->fd);
    if (channel->segment_fd >= 0)
        close(channel->segment_fd);
    free(channel->out);
    free(channel->in);
    channel->fd = channel->segment_fd = -1;
    channel->out = channel->in = NULL;
    channel->out_head = channel->out_tail = channel->in_head = channel->in_tail = 0;
    channel->in_capacity = channel->reserved_bytes = 0;
    channel->pending = channel->abandoned = 0;
    channel->broken = STELE_ECLOSED;
    channel->ended = true;
}

/*
 * Connects to the daemon that listens at `path` and shakes hands; on failure nothing is left open.
 * `timeout_ms` bounds the whole and becomes channel->timeout_ms.
 *   STELE_ECLOSED nobody listens, or the daemon hung up   STELE_EACCES the socket's mode forbids it
 *   STELE_EINVAL  path empty or over 107 bytes            STELE_EVERSION no protocol in common
 *   STELE_ETIMEDOUT, STELE_EPROTO, STELE_ENOMEM, STELE_EIO
 */
static inline enum stele_status stele_channel_connect(struct stele_channel *channel,
                                                      const char *path, int timeout_ms)
{
    int64_t deadline = stelei_io_deadline(timeout_ms);
    memset(channel, 0, sizeof(*channel));
    channel->fd = channel->segment_fd = -1;
    channel->timeout_ms = timeout_ms;
    channel->next_request = 1;
    channel->in_capacity = STELEI_CHANNEL_IN_BYTES;
    channel->info.frame_max_bytes = STELEI_FRAME_MIN_BYTES; /* until the daemon says its own */
    channel->out = (uint8_t *)malloc(STELEI_CHANNEL_OUT_BYTES);
    channel->in = (uint8_t *)malloc(channel->in_capacity);
    enum stele_status status = STELE_ENOMEM;
    if (channel->out && channel->in)
        status = stelei_io_connect(path, deadline, &channel->fd);
    if (status == STELE_OK)
        status = stelei_channel_hello(channel, 0, deadline);
    if (status != STELE_OK)
        stele_channel_close(channel);
    return status;
}

/*
 * Fetches a read-only descriptor of the segment for stele_reader_attach_fd(); it is the caller's to
 * close. For processes that cannot open the segment by name (another mount of /dev/shm).
 * STELE_EPROTO: the reply came without one.
 */
static inline enum stele_status stele_channel_segment_fd(struct stele_channel *channel,
                                                         int timeout_ms, int *fd)
{
    if (channel->segment_fd >= 0) /* late, of a call that timed out */
        close(channel->segment_fd);
    channel->segment_fd = -1;
    enum stele_status status =
        stelei_channel_hello(channel, STELEI_HELLO_DESCRIPTOR, stelei_io_deadline(timeout_ms));
    if (status != STELE_OK)
        return status;
    if (channel->segment_fd < 0)
        return STELE_EPROTO;
    *fd = channel->segment_fd;
    channel->segment_fd = -1;
    return STELE_OK;
}

/* ---- encoding of the commands -------------------------------------------------------------- */

STELEI_INLINE enum stele_status stelei_channel_check(const struct stele_channel *channel,
                                                     size_t key_bytes, size_t value_bytes)
{
    if (STELEI_UNLIKELY(key_bytes > STELEI_KEY_MAX_BYTES || value_bytes > STELEI_VALUE_MAX_BYTES))
        return STELE_ETOOBIG;
    return channel->broken;
}

STELEI_INLINE void stelei_command_put(struct stelei_command *command, uint32_t request,
                                      uint16_t table, const void *key, size_t key_bytes,
                                      const void *value, size_t value_bytes)
{
    stelei_command_init(command, key, key_bytes, value, value_bytes);
    command->head_bytes = stelei_encode_put(command->head, request, table, (uint32_t)key_bytes,
                                            (uint32_t)value_bytes);
}

STELEI_INLINE void stelei_command_erase(struct stelei_command *command, uint32_t request,
                                        uint16_t table, const void *key, size_t key_bytes)
{
    stelei_command_init(command, key, key_bytes, NULL, 0);
    command->head_bytes = stelei_encode_erase(command->head, request, table, (uint32_t)key_bytes);
}

/* A command of nothing but its header. */
STELEI_INLINE void stelei_command_bare(struct stelei_command *command, uint32_t request,
                                       unsigned opcode, uint16_t table)
{
    stelei_command_init(command, NULL, 0, NULL, 0);
    command->head_bytes = stelei_encode_frame(command->head, 0, opcode, 0, table, request);
}

/* ---- calls that wait for the reply ---------------------------------------------------------
 * One round trip each. STELE_EBUSY while submitted commands have not been collected.
 */

/* The daemon is there and takes commands. */
static inline enum stele_status stele_channel_ping(struct stele_channel *channel, int timeout_ms)
{
    struct stelei_command command;
    stelei_command_bare(&command, channel->next_request, STELEI_OP_PING, 0);
    return stelei_channel_simple(channel, &command, timeout_ms, NULL);
}

/* Inserts, or replaces what the key held. Key 0..65,535 bytes, value 0..info.value_max_bytes. */
static inline enum stele_status stele_channel_put(struct stele_channel *channel, uint16_t table,
                                                  const void *key, size_t key_bytes,
                                                  const void *value, size_t value_bytes,
                                                  int timeout_ms)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, value_bytes);
    if (status != STELE_OK)
        return status;
    stelei_command_put(&command, channel->next_request, table, key, key_bytes, value, value_bytes);
    return stelei_channel_simple(channel, &command, timeout_ms, NULL);
}

/* STELE_ENOTFOUND: the key was absent. */
static inline enum stele_status stele_channel_erase(struct stele_channel *channel, uint16_t table,
                                                    const void *key, size_t key_bytes,
                                                    int timeout_ms)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_erase(&command, channel->next_request, table, key, key_bytes);
    return stelei_channel_simple(channel, &command, timeout_ms, NULL);
}

static inline enum stele_status stelei_channel_named(struct stele_channel *channel, unsigned opcode,
                                                     const char *name, uint16_t *table,
                                                     int timeout_ms)
{
    struct stelei_command command;
    size_t bytes = name ? strlen(name) : 0;
    if (bytes == 0 || bytes > STELEI_WIRE_NAME_MAX)
        return STELE_EINVAL;
    stelei_command_init(&command, name, bytes, NULL, 0);
    if (opcode == STELEI_OP_TABLE_CREATE) {
        struct stelei_wire_create create;
        create.key_kind = STELEI_KIND_BYTES;
        create.value_kind = STELEI_KIND_BYTES;
        create.hash_id = STELEI_HASH_XXH3;
        create.name_bytes = (uint8_t)bytes;
        command.head_bytes = stelei_encode_create(command.head, channel->next_request, &create);
    } else {
        command.head_bytes =
            stelei_encode_frame(command.head, (uint32_t)bytes, opcode, 0, 0, channel->next_request);
    }
    return stelei_channel_simple(channel, &command, timeout_ms, table);
}

/*
 * Creates a table of byte strings -> byte strings. *table is the handle for commands of this
 * connection's daemon: it ends with the table, and with the daemon. STELE_EEXIST sets it too, to
 * the table of that name. STELE_EFULL: there are 512 tables. STELE_EINVAL: name not of 1..63 bytes.
 */
static inline enum stele_status stele_channel_table_create(struct stele_channel *channel,
                                                           const char *name, uint16_t *table,
                                                           int timeout_ms)
{
    return stelei_channel_named(channel, STELEI_OP_TABLE_CREATE, name, table, timeout_ms);
}

/* STELE_ENOTABLE: none of that name. */
static inline enum stele_status stele_channel_table_find(struct stele_channel *channel,
                                                         const char *name, uint16_t *table,
                                                         int timeout_ms)
{
    return stelei_channel_named(channel, STELEI_OP_TABLE_FIND, name, table, timeout_ms);
}

/* Removes the table and all it holds; every handle of it ends. */
static inline enum stele_status stele_channel_table_drop(struct stele_channel *channel,
                                                         uint16_t table, int timeout_ms)
{
    struct stelei_command command;
    stelei_command_bare(&command, channel->next_request, STELEI_OP_TABLE_DROP, table);
    return stelei_channel_simple(channel, &command, timeout_ms, NULL);
}

/* Removes all entries at once; handles stay good. */
static inline enum stele_status stele_channel_table_clear(struct stele_channel *channel,
                                                          uint16_t table, int timeout_ms)
{
    struct stelei_command command;
    stelei_command_bare(&command, channel->next_request, STELEI_OP_TABLE_CLEAR, table);
    return stelei_channel_simple(channel, &command, timeout_ms, NULL);
}

/* ---- the pipeline --------------------------------------------------------------------------
 * Submitted commands run in the order of submission. Key and value may be reused when the call
 * returns. *request (may be NULL) is what the completion will name. A submit may send, and wait up
 * to channel->timeout_ms, when the buffer of 64 KiB is full. At most 65,536 puts and erases may be
 * outstanding: STELE_EBUSY beyond.
 */

static inline enum stele_status stele_channel_submit_put(struct stele_channel *channel,
                                                         uint16_t table, const void *key,
                                                         size_t key_bytes, const void *value,
                                                         size_t value_bytes, uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, value_bytes);
    if (status != STELE_OK)
        return status;
    stelei_command_put(&command, channel->next_request, table, key, key_bytes, value, value_bytes);
    return stelei_channel_submit(channel, &command, stelei_channel_deadline(channel, &command),
                                 request);
}

static inline enum stele_status stele_channel_submit_erase(struct stele_channel *channel,
                                                           uint16_t table, const void *key,
                                                           size_t key_bytes, uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_erase(&command, channel->next_request, table, key, key_bytes);
    return stelei_channel_submit(channel, &command, stelei_channel_deadline(channel, &command),
                                 request);
}

/* Sends what was submitted. STELE_ETIMEDOUT: not all yet; call it again. */
static inline enum stele_status stele_channel_flush(struct stele_channel *channel)
{
    return stelei_channel_flush(channel, stelei_io_deadline(channel->timeout_ms));
}

/* Commands submitted and not collected. */
static inline uint32_t stele_channel_pending(const struct stele_channel *channel)
{
    return channel->pending;
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
    struct stelei_vector_reply none;
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
    none.statuses = NULL;
    none.count = 0;
    completion->request = request;
    completion->status = reply.status;
    completion->table = reply.frame.table;
    completion->vector = none;
    if (reply.frame.opcode == (STELEI_OP_VECTOR | STELEI_REPLY_BIT) && reply.status == STELE_OK &&
        !stelei_decode_vector_reply(reply.body, reply.frame.length, &completion->vector))
        return channel->broken = STELE_EPROTO;
    return STELE_OK;
}

/* Status of the index-th command of a collected vector, index < completion->vector.count. */
static inline enum stele_status stele_completion_status(const struct stele_completion *completion,
                                                        uint32_t index)
{
    uint16_t status = stelei_vector_status(&completion->vector, index);
    return status < STELE_STATUS_COUNT ? (enum stele_status)status : STELE_EPROTO;
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
    stelei_command_init(&command, vector->bytes, vector->used, NULL, 0);
    command.head_bytes = stelei_encode_vector(command.head, channel->next_request, vector->count,
                                              (uint32_t)vector->used);
    command.reply_bytes = STELEI_FRAME_HEAD_BYTES + 8 + (size_t)vector->count * 2;
    return stelei_channel_submit(channel, &command, stelei_channel_deadline(channel, &command),
                                 request);
}

#endif
