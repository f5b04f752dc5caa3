/*
 * native.c - the binary protocol of frame.h. README.md has it byte by byte.
 */
#include <stele/detail/codec.h>
#include <stele/detail/format.h>

#include "gateway/gateway.h"

struct native_session {
    const struct command_facts *facts;
    uint32_t frame_max_bytes;
    uint32_t rights;
    uint32_t version; /* 0: no HELLO yet */
    /* a vector that is being taken apart; its frame was checked whole */
    uint32_t vector_count;
    uint32_t vector_index;
    uint32_t vector_request;
};
STELEI_STATIC_ASSERT(sizeof(struct native_session) <= GATEWAY_SESSION_BYTES, "session fits");

static void native_open(void *memory, const struct gateway_limits *limits)
{
    struct native_session *session = memory;
    memset(session, 0, sizeof(*session));
    session->facts = limits->facts;
    session->frame_max_bytes = limits->frame_max_bytes;
    session->rights = limits->rights;
}

static void native_refuse(struct command *command, enum stele_status status, bool hang_up)
{
    command->kind = COMMAND_REFUSE;
    command->refusal = status;
    command->hang_up = hang_up;
}

static void native_set_put(struct command *command, enum command_kind kind,
                           const struct stelei_put *put)
{
    command->kind = kind;
    command->key = put->key;
    command->key_bytes = put->key_bytes;
    command->value = put->value;
    command->value_bytes = put->value_bytes;
}

static void native_set_name(struct command *command, enum command_kind kind,
                            const struct stelei_name *name)
{
    command->kind = kind;
    command->key = name->bytes;
    command->key_bytes = name->count;
}

static void native_hello(struct native_session *session, const struct stelei_frame *frame,
                         const uint8_t *body, struct command *command)
{
    struct stelei_wire_hello hello;
    if (!stelei_decode_hello(body, frame->length, &hello) || frame->table != 0) {
        native_refuse(command, STELE_EPROTO, true);
    } else if (hello.version_min > STELEI_WIRE_VERSION || hello.version_max < STELEI_WIRE_VERSION) {
        native_refuse(command, STELE_EVERSION, true);
    } else {
        session->version = STELEI_WIRE_VERSION;
        command->kind = COMMAND_HELLO;
        command->want_descriptor = (frame->flags & STELEI_HELLO_DESCRIPTOR) != 0;
    }
}

/* True when `count` entries fill the body exactly and each is one that a vector may hold. */
static enum stele_status native_check_vector(const uint8_t *body, uint32_t length, uint32_t *count)
{
    struct stelei_cursor cursor = stelei_cursor_over(body, length);
    enum stele_status status = STELE_OK;
    stelei_cursor_copy(&cursor, count, sizeof(*count));
    stelei_cursor_require(&cursor, *count > 0);
    if (*count > STELEI_VECTOR_MAX_COUNT)
        return STELE_ETOOBIG;
    for (uint32_t i = 0; i < *count && !cursor.failed; i++) {
        struct stelei_wire_entry entry;
        struct stelei_put put;
        const uint8_t *entry_body = stelei_cursor_entry(&cursor, &entry);
        if (cursor.failed)
            break;
        if (entry.flags != 0)
            status = STELE_ENOSYS;
        else if (entry.opcode == STELEI_OP_PUT)
            stelei_cursor_require(&cursor, stelei_decode_put(entry_body, entry.length, &put));
        else if (entry.opcode == STELEI_OP_ERASE)
            stelei_cursor_require(&cursor, stelei_decode_erase(entry_body, entry.length, &put));
        else
            status = STELE_ENOSYS;
    }
    return stelei_cursor_finished(&cursor) ? status : STELE_EPROTO;
}

/* The next entry of a checked vector; the bytes are those that the check saw. */
static void native_next_entry(struct native_session *session, const uint8_t *bytes,
                              size_t held_bytes, size_t *used_bytes, struct command *command)
{
    struct stelei_cursor cursor = stelei_cursor_over(bytes, held_bytes);
    struct stelei_wire_entry entry;
    struct stelei_put put;
    const uint8_t *body = stelei_cursor_entry(&cursor, &entry);
    STELE_ASSERT(!cursor.failed);
    bool is_put = entry.opcode == STELEI_OP_PUT;
    bool good = is_put ? stelei_decode_put(body, entry.length, &put)
                       : stelei_decode_erase(body, entry.length, &put);
    STELE_ASSERT(good);
    native_set_put(command, is_put ? COMMAND_PUT : COMMAND_ERASE, &put);
    command->table = entry.table;
    command->tag.opcode = STELEI_OP_VECTOR;
    command->tag.request = session->vector_request;
    command->tag.vector_count = session->vector_count;
    command->tag.vector_index = session->vector_index;
    *used_bytes = held_bytes - cursor.left;
    if (++session->vector_index == session->vector_count)
        session->vector_count = session->vector_index = 0;
}

static void native_create(const struct stelei_frame *frame, const uint8_t *body,
                          struct command *command)
{
    struct stelei_wire_create create;
    struct stelei_name name;
    if (!stelei_decode_create(body, frame->length, &create, &name)) {
        native_refuse(command, STELE_EPROTO, true);
        return;
    }
    native_set_name(command, COMMAND_TABLE_CREATE, &name);
    command->key_kind = create.key_kind;
    command->value_kind = create.value_kind;
    command->hash_id = create.hash_id;
}

/* Table 0 where none is meant: what is not checked today cannot be given a meaning tomorrow. */
static bool native_takes_table(uint8_t opcode)
{
    return opcode == STELEI_OP_PUT || opcode == STELEI_OP_ERASE || opcode == STELEI_OP_TABLE_DROP ||
           opcode == STELEI_OP_TABLE_CLEAR;
}

/* A whole frame other than HELLO and VECTOR. */
static void native_decode(const struct stelei_frame *frame, const uint8_t *body,
                          struct command *command)
{
    struct stelei_put put;
    struct stelei_name name;
    bool good = true;
    switch (frame->opcode) {
    case STELEI_OP_PUT:
        good = stelei_decode_put(body, frame->length, &put);
        if (good)
            native_set_put(command, COMMAND_PUT, &put);
        break;
    case STELEI_OP_ERASE:
        good = stelei_decode_erase(body, frame->length, &put);
        if (good)
            native_set_put(command, COMMAND_ERASE, &put);
        break;
    case STELEI_OP_PING:
        good = frame->length == 0;
        command->kind = COMMAND_PING;
        break;
    case STELEI_OP_TABLE_CREATE:
        native_create(frame, body, command);
        break;
    case STELEI_OP_TABLE_FIND:
        good = stelei_decode_name(body, frame->length, &name);
        if (good)
            native_set_name(command, COMMAND_TABLE_FIND, &name);
        break;
    case STELEI_OP_TABLE_DROP:
    case STELEI_OP_TABLE_CLEAR:
        good = frame->length == 0;
        command->kind =
            frame->opcode == STELEI_OP_TABLE_DROP ? COMMAND_TABLE_DROP : COMMAND_TABLE_CLEAR;
        break;
    default:
        native_refuse(command, STELE_ENOSYS, false);
        return;
    }
    if (!good || (frame->table != 0 && !native_takes_table(frame->opcode)))
        native_refuse(command, STELE_EPROTO, true);
}

/* What can be said against a frame from its header alone, before anything of it is kept. */
static enum stele_status native_check_head(const struct native_session *session,
                                           const struct stelei_frame *frame)
{
    if (frame->opcode & STELEI_REPLY_BIT)
        return STELE_EPROTO;
    if (session->version == 0 && frame->opcode != STELEI_OP_HELLO)
        return STELE_EPROTO;
    if (frame->length > session->frame_max_bytes)
        return STELE_ETOOBIG;
    return STELE_OK;
}

static void native_vector(struct native_session *session, const struct stelei_frame *frame,
                          const uint8_t *body, size_t *used_bytes, struct command *command)
{
    uint32_t count = 0;
    enum stele_status status = native_check_vector(body, frame->length, &count);
    if (status == STELE_OK && frame->table != 0)
        status = STELE_EPROTO;
    if (status != STELE_OK) {
        native_refuse(command, status, status == STELE_EPROTO);
        return;
    }
    session->vector_count = count;
    session->vector_index = 0;
    session->vector_request = frame->request;
    native_next_entry(session, body + sizeof(count), frame->length - sizeof(count), used_bytes,
                      command);
    *used_bytes += STELEI_FRAME_HEAD_BYTES + sizeof(count);
}

static enum gateway_progress native_parse(void *memory, const uint8_t *bytes, size_t held_bytes,
                                          size_t *used_bytes, size_t *need_bytes,
                                          struct command *command)
{
    struct native_session *session = memory;
    struct stelei_frame frame;
    memset(command, 0, sizeof(*command));
    if (session->vector_count > 0) {
        native_next_entry(session, bytes, held_bytes, used_bytes, command);
        return GATEWAY_COMMAND;
    }
    *need_bytes = STELEI_FRAME_HEAD_BYTES;
    if (held_bytes < STELEI_FRAME_HEAD_BYTES)
        return GATEWAY_MORE;
    stelei_decode_frame(bytes, &frame);
    const uint8_t *body = bytes + STELEI_FRAME_HEAD_BYTES;
    command->table = frame.table;
    command->tag.opcode = frame.opcode;
    command->tag.request = frame.request;
    enum stele_status status = native_check_head(session, &frame);
    if (status != STELE_OK) {
        native_refuse(command, status, true);
        *used_bytes = held_bytes;
        return GATEWAY_COMMAND;
    }
    *need_bytes = STELEI_FRAME_HEAD_BYTES + (size_t)frame.length;
    if (held_bytes < *need_bytes)
        return GATEWAY_MORE;
    *used_bytes = *need_bytes;
    unsigned known_flags = frame.opcode == STELEI_OP_HELLO ? STELEI_HELLO_DESCRIPTOR : 0u;
    if (frame.flags & ~known_flags) {
        native_refuse(command, STELE_ENOSYS, false);
    } else if (frame.opcode == STELEI_OP_HELLO) {
        native_hello(session, &frame, body, command);
    } else if (frame.opcode == STELEI_OP_VECTOR) {
        native_vector(session, &frame, body, used_bytes, command);
    } else {
        native_decode(&frame, body, command);
    }
    return GATEWAY_COMMAND;
}

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
    welcome.rights = session->rights & COMMAND_MAY_WRITE ? STELEI_RIGHT_WRITE : 0u;
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
        at = stelei_encode_vector_reply(out, tag->request, tag->vector_count);
    memcpy(out + at, &wire, sizeof(wire));
    return at + sizeof(wire);
}

static void native_reply(void *memory, const struct command *command,
                         const struct command_reply *reply, struct net_buffer *out)
{
    const struct native_session *session = memory;
    const struct command_tag *tag = &command->tag;
    uint8_t *tail = net_buffer_tail(out);
    size_t bytes;
    if (tag->vector_count > 0)
        bytes = native_vector_status(tag, reply->status, tail);
    else if (command->kind == COMMAND_HELLO && reply->status == STELE_OK)
        bytes = native_welcome(session, tag->request, tail);
    else
        bytes = stelei_encode_status(tail, tag->opcode, reply->table, tag->request, reply->status);
    net_buffer_produced(out, bytes);
}

const struct gateway gateway_native = {
    .name = "native", .open = native_open, .parse = native_parse, .reply = native_reply};
