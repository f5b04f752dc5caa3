/*
 * native_reply.c - the binary protocol of frame.h: replies into bytes.
 */
#include <string.h>

#include <stele/detail/encode.h>
#include <stele/detail/format.h>

#include "gateway/native.h"

static size_t native_welcome(const struct native_session *session, uint32_t request, uint8_t *out)
{
    const struct command_facts *facts = session->facts;
    size_t name_bytes = strlen(facts->name);
    uint32_t overhead = (uint32_t)sizeof(struct stelei_wire_put) + STELEI_KEY_MAX_BYTES;
    uint32_t value_max = session->frame_max_bytes - overhead;
    struct stelei_wire_welcome welcome;
    memset(&welcome, 0, sizeof(welcome));
    welcome.status = STELE_OK;
    welcome.version = (uint16_t)session->version;
    welcome.name_bytes = (uint16_t)name_bytes;
    welcome.frame_max_bytes = session->frame_max_bytes;
    welcome.key_max_bytes = STELEI_KEY_MAX_BYTES;
    welcome.value_max_bytes =
        value_max < STELEI_VALUE_MAX_BYTES ? value_max : STELEI_VALUE_MAX_BYTES;
    welcome.vector_max_count = STELEI_VECTOR_MAX_COUNT;
    welcome.epoch = facts->epoch;
    welcome.segment_bytes = facts->segment_bytes;
    welcome.rights = session->rights;
    size_t at = stelei_encode_welcome(out, request, &welcome);
    memcpy(out + at, facts->name, name_bytes);
    return at + name_bytes;
}

/* The head of a vector's reply goes out with the first status. */
static size_t native_vector_status(const struct command_tag *tag, enum stele_status status,
                                   uint8_t *out)
{
    uint16_t wire = (uint16_t)status;
    size_t at = 0;
    if (tag->vector_index == 0)
        at = stelei_encode_reply(out, STELEI_OP_VECTOR, tag->request, STELE_OK, tag->vector_count,
                                 tag->vector_count * (uint32_t)sizeof(wire));
    memcpy(out + at, &wire, sizeof(wire));
    return at + sizeof(wire);
}

/* Room for a reply longer than what is always reserved; NULL: answer STELE_ENOMEM instead. */
static uint8_t *native_room(struct net_buffer *out, size_t bytes)
{
    return net_buffer_reserve(out, bytes) == STELE_OK ? net_buffer_tail(out) : NULL;
}

static size_t native_value(const struct command_tag *tag, const struct command_reply *reply,
                           struct net_buffer *out)
{
    uint32_t tail_bytes = reply->status == STELE_OK ? reply->value_bytes : 0;
    uint8_t *tail = native_room(out, GATEWAY_REPLY_MAX_BYTES + (size_t)tail_bytes);
    if (!tail)
        return 0;
    size_t at = stelei_encode_reply(tail, tag->opcode, tag->request, reply->status,
                                    reply->value_bytes, tail_bytes);
    if (tail_bytes > 0)
        memcpy(tail + at, reply->value, tail_bytes);
    return at + tail_bytes;
}

static size_t native_sum(const struct command_tag *tag, const struct command_reply *reply,
                         uint8_t *out)
{
    size_t at = stelei_encode_reply(out, tag->opcode, tag->request, STELE_OK, 0,
                                    (uint32_t)sizeof(reply->number));
    memcpy(out + at, &reply->number, sizeof(reply->number));
    return at + sizeof(reply->number);
}

static size_t native_stats(const struct command_tag *tag, const struct command_reply *reply,
                           uint8_t *out)
{
    uint32_t bytes = (uint32_t)sizeof(*reply->stats);
    STELEI_STATIC_ASSERT(sizeof(*reply->stats) + 64 <= GATEWAY_REPLY_MAX_BYTES, "counters fit");
    size_t at = stelei_encode_reply(out, tag->opcode, tag->request, STELE_OK,
                                    STELE_DAEMON_STATS_COUNT, bytes);
    memcpy(out + at, reply->stats, bytes);
    return at + bytes;
}

static size_t native_listed(const struct stele_table_info *listed, uint8_t *out)
{
    size_t name_bytes = strlen(listed->name);
    struct stelei_wire_table facts;
    memset(&facts, 0, sizeof(facts));
    facts.entries = listed->entries;
    facts.buckets = listed->buckets;
    facts.lines = listed->lines;
    facts.overflow = listed->overflow;
    facts.index_bytes = listed->index_bytes;
    facts.record_bytes = listed->record_bytes;
    facts.payload_bytes = listed->payload_bytes;
    facts.table = listed->table;
    facts.type = stele_type_word(&listed->type);
    facts.max_entries = listed->max_entries;
    facts.name_bytes = (uint8_t)name_bytes;
    size_t at = stelei_encode_listed(out, &facts);
    memcpy(out + at, listed->name, name_bytes);
    return at + name_bytes;
}

static size_t native_list(const struct command_tag *tag, const struct command_reply *reply,
                          struct net_buffer *out)
{
    size_t most = sizeof(struct stelei_wire_table) + STELEI_WIRE_NAME_MAX;
    uint8_t *tail = native_room(out, GATEWAY_REPLY_MAX_BYTES + reply->listed_count * most);
    if (!tail)
        return 0;
    size_t at =
        stelei_encode_reply(tail, tag->opcode, tag->request, STELE_OK, reply->listed_count, 0);
    for (uint32_t i = 0; i < reply->listed_count; i++)
        at += native_listed(&reply->listed[i], tail + at);
    uint32_t length = (uint32_t)(at - STELEI_FRAME_HEAD_BYTES); /* known only now */
    memcpy(tail, &length, sizeof(length));
    return at;
}

/* Replies that carry more than their status; 0: this one does not, or there is no memory for it. */
static size_t native_rich(const struct native_session *session, const struct command *command,
                          const struct command_reply *reply, struct net_buffer *out)
{
    const struct command_tag *tag = &command->tag;
    if (command->kind == COMMAND_GET &&
        (reply->status == STELE_OK || reply->status == STELE_ESHORT))
        return native_value(tag, reply, out);
    if (reply->status != STELE_OK)
        return 0;
    switch (command->kind) {
    case COMMAND_HELLO:
        return native_welcome(session, tag->request, net_buffer_tail(out));
    case COMMAND_INCR:
        return native_sum(tag, reply, net_buffer_tail(out));
    case COMMAND_STATS:
        return native_stats(tag, reply, net_buffer_tail(out));
    case COMMAND_TABLE_LIST:
        return native_list(tag, reply, out);
    default:
        return 0;
    }
}

static bool native_is_rich(enum command_kind kind)
{
    return kind == COMMAND_GET || kind == COMMAND_TABLE_LIST;
}

void native_reply(void *memory, const struct command *command, const struct command_reply *reply,
                  struct net_buffer *out)
{
    const struct command_tag *tag = &command->tag;
    size_t bytes;
    if (tag->vector_count > 0) {
        bytes = native_vector_status(tag, reply->status, net_buffer_tail(out));
    } else {
        bytes = native_rich(memory, command, reply, out);
        if (bytes == 0) {
            bool poor = native_is_rich(command->kind) && reply->status == STELE_OK;
            bytes = stelei_encode_status(net_buffer_tail(out), tag->opcode, reply->table,
                                         tag->request, poor ? STELE_ENOMEM : reply->status);
        }
    }
    net_buffer_produced(out, bytes);
}
