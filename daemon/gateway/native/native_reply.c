/*
 * native_reply.c - the binary protocol of frame.h: replies into bytes.
 */
#include <string.h>

#include <stele/detail/encode.h>
#include <stele/detail/format.h>

#include "gateway/native/native.h"

size_t native_reply_welcome(const struct native_answer *answer)
{
    const struct gateway_limits *limits = &answer->session->limits;
    const struct command_facts *facts = limits->facts;
    uint8_t *out = net_buffer_tail(answer->out);
    size_t name_bytes = strlen(facts->name);
    uint32_t overhead = (uint32_t)sizeof(struct stelei_wire_put) + STELEI_KEY_MAX_BYTES;
    uint32_t value_max = limits->frame_max_bytes - overhead;
    struct stelei_wire_welcome welcome;
    memset(&welcome, 0, sizeof(welcome));
    welcome.status = STELE_OK;
    welcome.version = STELEI_WIRE_VERSION; /* HELLO was refused otherwise */
    welcome.name_bytes = (uint16_t)name_bytes;
    welcome.frame_max_bytes = limits->frame_max_bytes;
    welcome.key_max_bytes = STELEI_KEY_MAX_BYTES;
    welcome.value_max_bytes =
        value_max < STELEI_VALUE_MAX_BYTES ? value_max : STELEI_VALUE_MAX_BYTES;
    welcome.vector_max_count = STELEI_VECTOR_MAX_COUNT;
    welcome.epoch = facts->epoch;
    welcome.segment_bytes = facts->segment_bytes;
    welcome.rights = limits->rights;
    size_t at = stelei_encode_welcome(out, answer->command->tag.request, &welcome);
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

size_t native_reply_value(const struct native_answer *answer)
{
    const struct command_tag *tag = &answer->command->tag;
    const struct command_reply *reply = answer->reply;
    uint32_t tail_bytes = reply->status == STELE_OK ? reply->value_bytes : 0;
    uint8_t *tail = native_room(answer->out, GATEWAY_REPLY_MAX_BYTES + (size_t)tail_bytes);
    if (!tail)
        return 0;
    size_t at = stelei_encode_reply(tail, tag->opcode, tag->request, reply->status,
                                    reply->value_bytes, tail_bytes);
    if (tail_bytes > 0)
        memcpy(tail + at, reply->value, tail_bytes);
    return at + tail_bytes;
}

static size_t native_number(const struct native_answer *answer, uint64_t number)
{
    const struct command_tag *tag = &answer->command->tag;
    return stelei_encode_number(net_buffer_tail(answer->out), tag->opcode, tag->request, number);
}

size_t native_reply_number(const struct native_answer *answer)
{
    return native_number(answer, (uint64_t)answer->reply->number);
}

size_t native_reply_count(const struct native_answer *answer)
{
    return native_number(answer, answer->reply->count);
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* Elements of a list, from `at` on; in a reply to LIST_ALL with the heads of lists between them. */
static void native_spans(struct command_spans *spans, bool heads, uint8_t *at)
{
    struct command_span span;
    while (spans->next(spans, &span)) {
        if (heads && span.first) {
            at += stelei_encode_list(at, span.key_bytes, span.list_count);
            memcpy(at, span.key, span.key_bytes);
            at += span.key_bytes;
        }
        size_t bytes = (size_t)span.count * span.element_bytes;
        memcpy(at, span.elements, bytes);
        at += bytes;
    }
}

/* What follows the head of a reply to LIST_READ or LIST_ALL. */
static uint64_t native_told_bytes(const struct command *command, const struct command_reply *reply)
{
    const struct command_spans *spans = reply->spans;
    uint64_t bytes = spans->element_count * spans->element_bytes + spans->keys_bytes;
    if (command->kind == COMMAND_LIST_READ)
        return bytes;
    if (reply->status == STELE_ESHORT)
        bytes = reply->count;
    return bytes + spans->lists * sizeof(struct stelei_wire_list);
}

/* A reply has at most STELEI_FRAME_MAX_BYTES: what is more is to be read in parts. */
size_t native_reply_told(const struct native_answer *answer)
{
    const struct command *command = answer->command;
    const struct command_reply *reply = answer->reply;
    struct net_buffer *out = answer->out;
    const struct command_tag *tag = &command->tag;
    struct command_spans *spans = reply->spans;
    bool all = command->kind == COMMAND_LIST_ALL;
    uint64_t bytes = native_told_bytes(command, reply);
    bool brief = all && bytes > command->max_bytes;
    struct stelei_wire_told told = {.status = brief ? STELE_ESHORT : STELE_OK,
                                    .element_bytes = spans->element_bytes};
    if (bytes > STELEI_FRAME_MAX_BYTES - sizeof(told))
        return stelei_encode_status(net_buffer_tail(out), tag->opcode, 0, tag->request,
                                    STELE_ETOOBIG);
    told.count = brief ? bytes : all ? spans->lists : reply->count;
    uint8_t *tail = native_room(out, GATEWAY_REPLY_MAX_BYTES + (brief ? 0 : (size_t)bytes));
    if (!tail)
        return 0;
    size_t at =
        stelei_encode_told(tail, tag->opcode, tag->request, &told, brief ? 0 : (uint32_t)bytes);
    if (brief)
        return at;
    native_spans(spans, all, tail + at);
    return at + (size_t)bytes;
}

/* ---- the daemon and its tables -------------------------------------------------------------- */

size_t native_reply_stats(const struct native_answer *answer)
{
    const struct command_tag *tag = &answer->command->tag;
    const struct stele_daemon_stats *stats = answer->reply->stats;
    uint8_t *out = net_buffer_tail(answer->out);
    STELEI_STATIC_ASSERT(sizeof(*stats) + 64 <= GATEWAY_REPLY_MAX_BYTES, "counters fit");
    size_t at = stelei_encode_reply(out, tag->opcode, tag->request, STELE_OK,
                                    STELE_DAEMON_STATS_COUNT, (uint32_t)sizeof(*stats));
    memcpy(out + at, stats, sizeof(*stats));
    return at + sizeof(*stats);
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

size_t native_reply_listed(const struct native_answer *answer)
{
    const struct command_tag *tag = &answer->command->tag;
    const struct command_reply *reply = answer->reply;
    size_t most = sizeof(struct stelei_wire_table) + STELEI_WIRE_NAME_MAX;
    uint8_t *tail = native_room(answer->out, GATEWAY_REPLY_MAX_BYTES + reply->listed_count * most);
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

/* ---- all of them ---------------------------------------------------------------------------- */

/* With more than the status where the opcode has more to say and there is memory for it. */
static size_t native_answered(const struct native_answer *answer)
{
    const struct command_tag *tag = &answer->command->tag;
    const struct native_shape *shape = native_shape(tag->opcode);
    enum stele_status status = answer->reply->status;
    if (shape && shape->reply && (status == STELE_OK || status == STELE_ESHORT)) {
        size_t bytes = shape->reply(answer);
        if (bytes > 0)
            return bytes;
        status = STELE_ENOMEM;
    }
    return stelei_encode_status(net_buffer_tail(answer->out), tag->opcode, answer->reply->table,
                                tag->request, status);
}

void native_reply(const struct gateway_session *session, const struct command *command,
                  const struct command_reply *reply, struct net_buffer *out)
{
    const struct command_tag *tag = &command->tag;
    const struct native_answer answer = {session, command, reply, out};
    size_t bytes = tag->vector_count > 0
                       ? native_vector_status(tag, reply->status, net_buffer_tail(out))
                       : native_answered(&answer);
    net_buffer_produced(out, bytes);
}
