/*
 * channel.h - write through the daemon: commands over its Unix socket. Reading needs none of this.
 *
 *     struct stele_channel channel;
 *     uint16_t prices;
 *     if (stele_channel_connect(&channel, "default", 1000) == STELE_OK) {
 *         stele_channel_table_create(&channel, "prices", &prices, 1000);
 *         stele_channel_put(&channel, prices, "EURUSD", 6, "1.0842", 6, 1000);
 *         stele_channel_close(&channel);
 *     }
 *
 * Three ways to send, on one channel: a call that waits for its reply (here; lists in
 * channel_lists.h, numbers in channel_words.h, tables, statistics and shutdown in admin.h); a pipeline of many commands (submit, flush, collect: pipeline.h), whose
 * replies come in order; a vector of many commands in one frame (vector.h).
 *
 * Threads: one at a time per channel. Signals: not from handlers. Memory: two buffers from malloc(),
 * about 128 KiB, and a page; more only while the reply to a get of a large value is outstanding.
 *
 * Fork: a channel stays with the process that connected it. In a child every call is refused with
 * STELE_EFORKED and sends nothing; the child may close it, which does not disturb the parent, or
 * reconnect, which gives it a connection of its own.
 *
 * Visibility (promise D): when a reply says STELE_OK the change is visible to every process.
 *
 * Outcomes. A status that the daemon sent says what happened. These do not, and mean that the
 * command may have run or not:
 *   STELE_ECLOSED    the connection ended: stele_channel_reconnect(), then find tables again
 *   STELE_ETIMEDOUT  no reply in time; the channel goes on, unless half a frame was sent: then it
 *                    is broken and every later command is refused with the same status
 *   STELE_EPROTO     the daemon's bytes make no sense; the channel is broken
 * A channel never sends anything twice by itself.
 *
 * Commands that were not sent at all, so surely have not run:
 *
 *   STELE_EBUSY      too many replies are outstanding, or a waiting call came before they were
 *                    collected: collect first
 *   STELE_ETOOBIG    over a limit of `info`
 *   STELE_EINVAL     an argument makes no sense
 *   STELE_ENOMEM     no memory for the reply
 *   STELE_EFORKED    see above
 *
 * From the daemon: STELE_EPERM this user may not do that; STELE_ENOTABLE no such table, or the
 * handle is from before a drop or a restart; STELE_ENOSPC; STELE_ENOSYS an older daemon. STELE_ETYPE a
 * length that the table's type does not have (type.h), or a command that is not for such a table;
 * STELE_EFULL the key is absent and the table has its maximum of entries.
 *
 * Timeouts are milliseconds; negative waits for ever, 0 takes what is there.
 *
 * Waiting: for up to channel->spin.limit_us (20; 0 on one processor) a reply is asked for again and
 * again before the thread goes to sleep, as long as that helped of late. Set it to 0 where processor
 * time is dearer than a few microseconds.
 */
#ifndef STELE_CHANNEL_H
#define STELE_CHANNEL_H

#include "connect.h"

/* ---- calls that wait for the reply ---------------------------------------------------------
 * One round trip each. STELE_EBUSY while submitted commands have not been collected.
 * Key 0..65,535 bytes, value 0..info.value_max_bytes.
 */

/* The daemon is there and takes commands. */
static inline enum stele_status stele_channel_ping(struct stele_channel *channel, int timeout_ms)
{
    struct stelei_command command;
    stelei_command_bare(&command, channel->next_request, STELEI_OP_PING, 0);
    return stelei_channel_simple(channel, &command, timeout_ms, STELEI_NULL);
}

static inline enum stele_status stelei_channel_store(struct stele_channel *channel, unsigned opcode,
                                                     uint16_t table, const void *key,
                                                     size_t key_bytes, const void *value,
                                                     size_t value_bytes, int timeout_ms)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, value_bytes);
    if (status != STELE_OK)
        return status;
    stelei_command_put(&command, channel->next_request, opcode, table, key, key_bytes, value,
                       value_bytes);
    return stelei_channel_simple(channel, &command, timeout_ms, STELEI_NULL);
}

/* Inserts, or replaces what the key held. */
static inline enum stele_status stele_channel_put(struct stele_channel *channel, uint16_t table,
                                                  const void *key, size_t key_bytes,
                                                  const void *value, size_t value_bytes,
                                                  int timeout_ms)
{
    return stelei_channel_store(channel, STELEI_OP_PUT, table, key, key_bytes, value, value_bytes,
                                timeout_ms);
}

/* Only where the key is absent. STELE_EEXIST: it is present, and was left alone. */
static inline enum stele_status stele_channel_insert(struct stele_channel *channel, uint16_t table,
                                                     const void *key, size_t key_bytes,
                                                     const void *value, size_t value_bytes,
                                                     int timeout_ms)
{
    return stelei_channel_store(channel, STELEI_OP_INSERT, table, key, key_bytes, value,
                                value_bytes, timeout_ms);
}

/* Only where the key is present. STELE_ENOTFOUND: it is absent. */
static inline enum stele_status stele_channel_replace(struct stele_channel *channel, uint16_t table,
                                                      const void *key, size_t key_bytes,
                                                      const void *value, size_t value_bytes,
                                                      int timeout_ms)
{
    return stelei_channel_store(channel, STELEI_OP_REPLACE, table, key, key_bytes, value,
                                value_bytes, timeout_ms);
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
    stelei_command_erase(&command, channel->next_request, STELEI_OP_ERASE, table, key, key_bytes);
    return stelei_channel_simple(channel, &command, timeout_ms, STELEI_NULL);
}

/*
 * Replaces the value if it is, byte for byte, `expected`. Read the value from the segment, compute
 * the new one, and try again when somebody was faster:
 *   STELE_EDIFFERS  the key holds another value      STELE_ENOTFOUND  the key is absent
 * After an unknown outcome the value in the segment tells which it was, if values never come back.
 */
static inline enum stele_status stele_channel_cas(struct stele_channel *channel, uint16_t table,
                                                  const void *key, size_t key_bytes,
                                                  const void *expected, size_t expected_bytes,
                                                  const void *value, size_t value_bytes,
                                                  int timeout_ms)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, value_bytes);
    if (status != STELE_OK)
        return status;
    if (expected_bytes > STELEI_VALUE_MAX_BYTES)
        return STELE_ETOOBIG;
    stelei_command_cas(&command, channel->next_request, table, key, key_bytes, expected,
                       expected_bytes, value, value_bytes);
    return stelei_channel_simple(channel, &command, timeout_ms, STELEI_NULL);
}

/*
 * Adds `delta` to a value that is the decimal text of a signed 64-bit integer, as Redis spells it
 * ("-12"; no '+', no leading zeros, no blanks); an absent key counts as 0. *number (may be NULL) is
 * the sum, which the key holds from now on as text. In a table of words: see channel_words.h.
 *   STELE_ENOTNUMBER  the value is no such text      STELE_ERANGE  the sum does not fit
 */
static inline enum stele_status stele_channel_incr(struct stele_channel *channel, uint16_t table,
                                                   const void *key, size_t key_bytes, int64_t delta,
                                                   int64_t *number, int timeout_ms)
{
    struct stelei_command command;
    uint64_t sum;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_incr(&command, channel->next_request, table, key, key_bytes, delta);
    status = stelei_channel_number(channel, &command, timeout_ms, &sum);
    if (status == STELE_OK && number)
        *number = STELEI_CAST(int64_t, sum);
    return status;
}

/*
 * Asks the daemon what a key holds. stele_get() of reader.h is the way to read: many times as
 * fast. This one is for processes that have no mapping, and for stele_get_or_ask() in ask.h.
 * *value_bytes is set with STELE_OK, and with STELE_ESHORT to the length that is needed.
 * STELE_ENOTFOUND no such key; STELE_EBUSY the daemon's buffers are full of large values, try again.
 */
static inline enum stele_status stele_channel_get(struct stele_channel *channel, uint16_t table,
                                                  const void *key, size_t key_bytes, void *buffer,
                                                  size_t capacity, size_t *value_bytes,
                                                  int timeout_ms)
{
    struct stelei_command command;
    struct stelei_reply reply;
    const uint8_t *value;
    uint32_t bytes;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_get(&command, channel->next_request, table, key, key_bytes, capacity);
    status = stelei_channel_call(channel, &command, stelei_io_deadline(timeout_ms), &reply);
    if (status != STELE_OK)
        return status;
    if (reply.status != STELE_OK && reply.status != STELE_ESHORT)
        return reply.status;
    if (!stelei_decode_get_reply(reply.body, reply.frame.length, &value, &bytes) ||
        (reply.status == STELE_OK && bytes > capacity))
        return channel->broken = STELE_EPROTO;
    if (reply.status == STELE_OK && capacity > 0 && bytes > 0) /* an empty buffer may be NULL */
        memcpy(buffer, value, bytes);
    *value_bytes = bytes;
    return reply.status;
}

#endif
