/*
 * admin.h - a channel's calls on whole tables and on the daemon. Everything that channel.h says of
 * waiting calls goes for these.
 */
#ifndef STELE_ADMIN_H
#define STELE_ADMIN_H

#include <stele/stats.h>

#include "channel.h"

/* ---- tables ------------------------------------------------------------------------------- */

/* A command whose only part is a name. STELE_EINVAL: not of 1..63 bytes. */
STELEI_INLINE enum stele_status stelei_command_name(struct stelei_command *command,
                                                    const char *name, size_t *bytes)
{
    *bytes = name ? strlen(name) : 0;
    if (*bytes == 0 || *bytes > STELEI_WIRE_NAME_MAX)
        return STELE_EINVAL;
    stelei_command_init(command);
    stelei_command_part(command, 0, name, *bytes);
    return STELE_OK;
}

/*
 * Creates a table of this type (type.h) and maximum of entries (0: none). *table is the handle for
 * commands of this connection's daemon: it ends with the table, and with the daemon.
 *   STELE_EEXIST  (and *table) there is one of that name and type
 *   STELE_ETYPE   (and *table) there is one of that name and another type or maximum
 *   STELE_ETABLES there are 512 tables        STELE_EINVAL  name not of 1..63 bytes
 *   STELE_ENOSYS  the daemon does not know such a type
 */
static inline enum stele_status stele_channel_table_create_as(struct stele_channel *channel,
                                                              const char *name,
                                                              const struct stele_type *type,
                                                              uint64_t max_entries, uint16_t *table,
                                                              int timeout_ms)
{
    struct stelei_command command;
    struct stelei_wire_create create;
    size_t bytes;
    if (stelei_command_name(&command, name, &bytes) != STELE_OK)
        return STELE_EINVAL;
    memset(&create, 0, sizeof(create));
    create.type = stele_type_word(type);
    create.max_entries = max_entries;
    create.name_bytes = STELEI_CAST(uint8_t, bytes);
    command.head_bytes = stelei_encode_create(command.head, channel->next_request, &create);
    return stelei_channel_simple(channel, &command, timeout_ms, table);
}

/* The same for byte strings -> byte strings without a limit. */
static inline enum stele_status stele_channel_table_create(struct stele_channel *channel,
                                                           const char *name, uint16_t *table,
                                                           int timeout_ms)
{
    struct stele_type type = stele_type_of(STELE_BYTES, STELE_BYTES);
    return stele_channel_table_create_as(channel, name, &type, 0, table, timeout_ms);
}

/* STELE_ENOTABLE: none of that name. */
static inline enum stele_status stele_channel_table_find(struct stele_channel *channel,
                                                         const char *name, uint16_t *table,
                                                         int timeout_ms)
{
    struct stelei_command command;
    size_t bytes;
    if (stelei_command_name(&command, name, &bytes) != STELE_OK)
        return STELE_EINVAL;
    command.head_bytes = stelei_encode_frame(command.head, STELEI_CAST(uint32_t, bytes),
                                             STELEI_OP_TABLE_FIND, 0, 0, channel->next_request);
    return stelei_channel_simple(channel, &command, timeout_ms, table);
}

/* Removes the table and all it holds; every handle of it ends. Administrators only. */
static inline enum stele_status stele_channel_table_drop(struct stele_channel *channel,
                                                         uint16_t table, int timeout_ms)
{
    struct stelei_command command;
    stelei_command_bare(&command, channel->next_request, STELEI_OP_TABLE_DROP, table);
    return stelei_channel_simple(channel, &command, timeout_ms, STELEI_NULL);
}

/* Removes all entries at once; handles stay good. Administrators only. */
static inline enum stele_status stele_channel_table_clear(struct stele_channel *channel,
                                                          uint16_t table, int timeout_ms)
{
    struct stelei_command command;
    stelei_command_bare(&command, channel->next_request, STELEI_OP_TABLE_CLEAR, table);
    return stelei_channel_simple(channel, &command, timeout_ms, STELEI_NULL);
}

static inline void stelei_table_info_fill(const struct stelei_listed *listed,
                                          struct stele_table_info *info)
{
    memset(info, 0, sizeof(*info));
    memcpy(info->name, listed->name.bytes, listed->name.count);
    info->table = listed->facts.table;
    info->type = stele_type_from_word(listed->facts.type);
    info->max_entries = listed->facts.max_entries;
    info->entries = listed->facts.entries;
    info->buckets = listed->facts.buckets;
    info->lines = listed->facts.lines;
    info->overflow = listed->facts.overflow;
    info->index_bytes = listed->facts.index_bytes;
    info->record_bytes = listed->facts.record_bytes;
    info->payload_bytes = listed->facts.payload_bytes;
}

/*
 * Fills up to `capacity` elements of `infos` and sets *count to how many tables there are, which may
 * be more: STELE_ESHORT, with the first `capacity` filled in. There are at most 512.
 */
static inline enum stele_status stele_channel_table_list(struct stele_channel *channel,
                                                         struct stele_table_info *infos,
                                                         uint32_t capacity, uint32_t *count,
                                                         int timeout_ms)
{
    struct stelei_command command;
    struct stelei_reply reply;
    uint32_t head[2];
    stelei_command_bare(&command, channel->next_request, STELEI_OP_TABLE_LIST, 0);
    command.reply_bytes =
        STELEI_FRAME_HEAD_BYTES + sizeof(head) +
        STELEI_TABLE_CAPACITY * (sizeof(struct stelei_wire_table) + STELEI_WIRE_NAME_MAX);
    enum stele_status status =
        stelei_channel_call(channel, &command, stelei_io_deadline(timeout_ms), &reply);
    if (status != STELE_OK)
        return status;
    if (reply.status != STELE_OK)
        return reply.status;
    struct stelei_cursor cursor = stelei_cursor_over(reply.body, reply.frame.length);
    stelei_cursor_copy(&cursor, head, sizeof(head));
    for (uint32_t i = 0; i < head[1]; i++) {
        struct stelei_listed listed;
        if (!stelei_decode_listed(&cursor, &listed))
            return channel->broken = STELE_EPROTO;
        if (i < capacity)
            stelei_table_info_fill(&listed, &infos[i]);
    }
    if (!stelei_cursor_finished(&cursor))
        return channel->broken = STELE_EPROTO;
    *count = head[1];
    return head[1] > capacity ? STELE_ESHORT : STELE_OK;
}

/* ---- the daemon --------------------------------------------------------------------------- */

/* What it has counted. Numbers that an older daemon does not tell are 0. */
static inline enum stele_status
stele_channel_stats(struct stele_channel *channel, struct stele_daemon_stats *stats, int timeout_ms)
{
    struct stelei_command command;
    struct stelei_reply reply;
    uint64_t numbers[STELE_DAEMON_STATS_COUNT];
    stelei_command_bare(&command, channel->next_request, STELEI_OP_STATS, 0);
    command.reply_bytes = STELEI_FRAME_HEAD_BYTES + 8u + 4096u; /* a later daemon tells more */
    enum stele_status status =
        stelei_channel_call(channel, &command, stelei_io_deadline(timeout_ms), &reply);
    if (status != STELE_OK)
        return status;
    if (reply.status != STELE_OK)
        return reply.status;
    if (!stelei_decode_stats(reply.body, reply.frame.length, numbers, STELE_DAEMON_STATS_COUNT))
        return channel->broken = STELE_EPROTO;
    memcpy(stats, numbers, sizeof(*stats));
    return STELE_OK;
}

/* Asks the daemon to stop as SIGTERM would: connections get their replies, the segment is closed in
 * order and stays readable. Administrators only. */
static inline enum stele_status stele_channel_shutdown(struct stele_channel *channel,
                                                       int timeout_ms)
{
    struct stelei_command command;
    stelei_command_bare(&command, channel->next_request, STELEI_OP_SHUTDOWN, 0);
    return stelei_channel_simple(channel, &command, timeout_ms, STELEI_NULL);
}

#endif
