/*
 * admin.h - a channel's calls on whole tables and on the daemon. Everything that channel.h says of
 * waiting calls goes for these.
 */
#ifndef STELE_ADMIN_H
#define STELE_ADMIN_H

#include <stele/stats.h>

#include "channel.h"

/* ---- tables ------------------------------------------------------------------------------- */

static inline enum stele_status stelei_channel_named(struct stele_channel *channel, unsigned opcode,
                                                     const char *name, uint16_t *table,
                                                     int timeout_ms)
{
    struct stelei_command command;
    size_t bytes = name ? strlen(name) : 0;
    if (bytes == 0 || bytes > STELEI_WIRE_NAME_MAX)
        return STELE_EINVAL;
    stelei_command_init(&command);
    stelei_command_part(&command, 0, name, bytes);
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

/* Removes the table and all it holds; every handle of it ends. Administrators only. */
static inline enum stele_status stele_channel_table_drop(struct stele_channel *channel,
                                                         uint16_t table, int timeout_ms)
{
    struct stelei_command command;
    stelei_command_bare(&command, channel->next_request, STELEI_OP_TABLE_DROP, table);
    return stelei_channel_simple(channel, &command, timeout_ms, NULL);
}

/* Removes all entries at once; handles stay good. Administrators only. */
static inline enum stele_status stele_channel_table_clear(struct stele_channel *channel,
                                                          uint16_t table, int timeout_ms)
{
    struct stelei_command command;
    stelei_command_bare(&command, channel->next_request, STELEI_OP_TABLE_CLEAR, table);
    return stelei_channel_simple(channel, &command, timeout_ms, NULL);
}

static inline void stelei_table_info_fill(const struct stelei_listed *listed,
                                          struct stele_table_info *info)
{
    memset(info, 0, sizeof(*info));
    memcpy(info->name, listed->name.bytes, listed->name.count);
    info->table = listed->facts.table;
    info->key_kind = listed->facts.key_kind;
    info->value_kind = listed->facts.value_kind;
    info->hash_id = listed->facts.hash_id;
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
    return stelei_channel_simple(channel, &command, timeout_ms, NULL);
}

#endif
