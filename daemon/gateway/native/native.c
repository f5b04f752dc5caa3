/*
 * native.c - the binary protocol of frame.h: bytes into commands. README.md has it byte by byte.
 */
#include <string.h>

#include "gateway/native/native.h"

STELEI_STATIC_ASSERT(sizeof(struct native_parse) <= GATEWAY_PARSE_BYTES, "it fits");

/* The bits of rights are the same on the wire and inside. */
STELEI_STATIC_ASSERT(COMMAND_MAY_WRITE == STELEI_RIGHT_WRITE &&
                         COMMAND_MAY_ADMIN == STELEI_RIGHT_ADMIN &&
                         COMMAND_MAY_READ == STELEI_RIGHT_READ,
                     "rights");

static struct native_parse *native_parsing(struct gateway_session *session)
{
    return (struct native_parse *)(void *)session->parse;
}

static void native_refuse(struct command *command, enum stele_status status, bool hang_up)
{
    command->kind = COMMAND_REFUSE;
    command->refusal = status;
    command->hang_up = hang_up;
}

/* Of LIST_ALL. Nothing at all is less than any list has, and 0 would be no limit; more than a frame
 * holds never comes. */
static uint32_t native_all_max(uint32_t max_bytes)
{
    if (max_bytes == 0)
        return 1;
    return max_bytes < STELEI_FRAME_MAX_BYTES ? max_bytes : STELEI_FRAME_MAX_BYTES;
}

static void native_set_change(struct command *command, const struct native_shape *shape,
                              const struct stelei_change *change)
{
    command->kind = shape->kind;
    command->key = change->key;
    command->key_bytes = change->key_bytes;
    command->value = change->value;
    command->value_bytes = change->value_bytes;
    command->expected = change->expected;
    command->expected_bytes = change->expected_bytes;
    command->delta = change->delta;
    command->element = change->element;
    command->from = change->from;
    command->most = change->max_bytes; /* elements have at least a byte */
    command->max_bytes =
        shape->kind == COMMAND_LIST_ALL ? native_all_max(change->max_bytes) : change->max_bytes;
}

static void native_set_name(struct command *command, enum command_kind kind,
                            const struct stelei_name *name)
{
    command->kind = kind;
    command->key = name->bytes;
    command->key_bytes = name->count;
}

/* ---- bodies that are no change -------------------------------------------------------------- */

static void native_hello(struct gateway_session *session, const struct stelei_frame *frame,
                         const uint8_t *body, struct command *command)
{
    struct stelei_wire_hello hello;
    if (!stelei_decode_hello(body, frame->length, &hello)) {
        native_refuse(command, STELE_EPROTO, true);
    } else if (hello.version_min > STELEI_WIRE_VERSION || hello.version_max < STELEI_WIRE_VERSION) {
        native_refuse(command, STELE_EVERSION, true);
    } else if (session->limits.rights == 0) {
        native_refuse(command, STELE_EPERM, true);
    } else {
        native_parsing(session)->greeted = true;
        command->kind = COMMAND_HELLO;
        command->want_descriptor = (frame->flags & STELEI_HELLO_DESCRIPTOR) != 0;
    }
}

static void native_find(struct gateway_session *session, const struct stelei_frame *frame,
                        const uint8_t *body, struct command *command)
{
    struct stelei_name name;
    (void)session;
    if (stelei_decode_name(body, frame->length, &name))
        native_set_name(command, COMMAND_TABLE_FIND, &name);
    else
        native_refuse(command, STELE_EPROTO, true);
}

static void native_create(struct gateway_session *session, const struct stelei_frame *frame,
                          const uint8_t *body, struct command *command)
{
    struct stelei_wire_create create;
    struct stelei_name name;
    (void)session;
    if (!stelei_decode_create(body, frame->length, &create, &name)) {
        native_refuse(command, STELE_EPROTO, true);
        return;
    }
    native_set_name(command, COMMAND_TABLE_CREATE, &name);
    command->type = stele_type_from_word(create.type);
    command->max_entries = create.max_entries;
}

/* ---- opcodes -------------------------------------------------------------------------------- */

/* All of them but VECTOR, whose entries are commands. */
static const struct native_shape native_shapes[] = {
    [STELEI_OP_HELLO] = {COMMAND_HELLO, .take = native_hello, .flags = STELEI_HELLO_DESCRIPTOR,
                         .reply = native_reply_welcome},
    [STELEI_OP_PING] = {.kind = COMMAND_PING},
    [STELEI_OP_STATS] = {COMMAND_STATS, .reply = native_reply_stats},
    [STELEI_OP_SHUTDOWN] = {.kind = COMMAND_SHUTDOWN},

    [STELEI_OP_TABLE_FIND] = {COMMAND_TABLE_FIND, .take = native_find},
    [STELEI_OP_TABLE_LIST] = {COMMAND_TABLE_LIST, .reply = native_reply_listed},
    [STELEI_OP_TABLE_CREATE] = {COMMAND_TABLE_CREATE, .take = native_create},
    [STELEI_OP_TABLE_DROP] = {COMMAND_TABLE_DROP, .table = true},
    [STELEI_OP_TABLE_CLEAR] = {COMMAND_TABLE_CLEAR, .table = true},

    [STELEI_OP_GET] = {COMMAND_GET, true, false, .decode = stelei_decode_get,
                       .reply = native_reply_value},
    [STELEI_OP_PUT] = {COMMAND_PUT, true, true, .decode = stelei_decode_put},
    [STELEI_OP_INSERT] = {COMMAND_INSERT, true, true, .decode = stelei_decode_put},
    [STELEI_OP_REPLACE] = {COMMAND_REPLACE, true, true, .decode = stelei_decode_put},
    [STELEI_OP_CAS] = {COMMAND_CAS, true, true, .decode = stelei_decode_cas},
    [STELEI_OP_INCR] = {COMMAND_INCR, true, true, .decode = stelei_decode_incr,
                        .reply = native_reply_number},
    [STELEI_OP_ERASE] = {COMMAND_ERASE, true, true, .decode = stelei_decode_erase},

    [STELEI_OP_LIST_COUNT] = {COMMAND_LIST_COUNT, true, false, .decode = stelei_decode_erase,
                              .reply = native_reply_count},
    [STELEI_OP_LIST_READ] = {COMMAND_LIST_READ, true, false, .decode = stelei_decode_read,
                             .reply = native_reply_told},
    [STELEI_OP_LIST_ALL] = {COMMAND_LIST_ALL, true, false, .decode = stelei_decode_all,
                            .reply = native_reply_told},
    [STELEI_OP_LIST_APPEND] = {COMMAND_LIST_APPEND, true, true, .decode = stelei_decode_put,
                               .reply = native_reply_count},
    [STELEI_OP_LIST_REMOVE] = {COMMAND_LIST_REMOVE, true, true, .decode = stelei_decode_remove},
    [STELEI_OP_LIST_REPLACE] = {COMMAND_LIST_REPLACE, true, true, .decode = stelei_decode_swap},
    [STELEI_OP_LIST_POP] = {COMMAND_LIST_POP, true, false, .decode = stelei_decode_erase,
                            .reply = native_reply_number},
};

const struct native_shape *native_shape(unsigned opcode)
{
    if (opcode >= sizeof(native_shapes) / sizeof(native_shapes[0]) ||
        native_shapes[opcode].kind == COMMAND_REFUSE)
        return NULL;
    return &native_shapes[opcode];
}

/* ---- vectors -------------------------------------------------------------------------------- */

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
        struct stelei_change change;
        const uint8_t *entry_body = stelei_cursor_entry(&cursor, &entry);
        const struct native_shape *shape = native_shape(entry.opcode);
        if (cursor.failed)
            break;
        if (entry.flags != 0 || !shape || !shape->vector)
            status = STELE_ENOSYS;
        else
            stelei_cursor_require(&cursor, shape->decode(entry_body, entry.length, &change));
    }
    return stelei_cursor_finished(&cursor) ? status : STELE_EPROTO;
}

/* The next entry of a checked vector; the bytes are those that the check saw. */
static void native_next_entry(struct native_parse *parse, const uint8_t *bytes, size_t held_bytes,
                              size_t *used_bytes, struct command *command)
{
    struct stelei_cursor cursor = stelei_cursor_over(bytes, held_bytes);
    struct stelei_wire_entry entry;
    struct stelei_change change;
    const uint8_t *body = stelei_cursor_entry(&cursor, &entry);
    const struct native_shape *shape = native_shape(entry.opcode);
    STELE_ASSERT(!cursor.failed && shape && shape->vector);
    bool good = shape->decode(body, entry.length, &change);
    STELE_ASSERT(good);
    native_set_change(command, shape, &change);
    command->table = entry.table;
    command->tag.opcode = STELEI_OP_VECTOR;
    command->tag.request = parse->vector_request;
    command->tag.vector_count = parse->vector_count;
    command->tag.vector_index = parse->vector_index;
    *used_bytes = held_bytes - cursor.left;
    if (++parse->vector_index == parse->vector_count)
        parse->vector_count = parse->vector_index = 0;
}

static void native_vector(struct native_parse *parse, const struct stelei_frame *frame,
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
    parse->vector_count = count;
    parse->vector_index = 0;
    parse->vector_request = frame->request;
    native_next_entry(parse, body + sizeof(count), frame->length - sizeof(count), used_bytes,
                      command);
    *used_bytes += STELEI_FRAME_HEAD_BYTES + sizeof(count);
}

/* ---- frames --------------------------------------------------------------------------------- */

/* A whole frame other than VECTOR. Table 0 where none is meant: what is not checked today cannot be
 * given a meaning tomorrow. */
static void native_decode(struct gateway_session *session, const struct stelei_frame *frame,
                          const uint8_t *body, struct command *command)
{
    const struct native_shape *shape = native_shape(frame->opcode);
    struct stelei_change change;
    memset(&change, 0, sizeof(change));
    if (!shape || (frame->flags & ~shape->flags))
        native_refuse(command, STELE_ENOSYS, false);
    else if (frame->table != 0 && !shape->table)
        native_refuse(command, STELE_EPROTO, true);
    else if (shape->take)
        shape->take(session, frame, body, command);
    else if (shape->decode ? shape->decode(body, frame->length, &change) : frame->length == 0)
        native_set_change(command, shape, &change);
    else
        native_refuse(command, STELE_EPROTO, true);
}

/* What can be said against a frame from its header alone, before anything of it is kept. */
static enum stele_status native_check_head(struct gateway_session *session,
                                           const struct stelei_frame *frame)
{
    if (frame->opcode & STELEI_REPLY_BIT)
        return STELE_EPROTO;
    if (!native_parsing(session)->greeted && frame->opcode != STELEI_OP_HELLO)
        return STELE_EPROTO;
    if (frame->length > session->limits.frame_max_bytes)
        return STELE_ETOOBIG;
    return STELE_OK;
}

static enum gateway_progress native_parse(struct gateway_session *session, const uint8_t *bytes,
                                          size_t held_bytes, size_t *used_bytes, size_t *need_bytes,
                                          struct command *command)
{
    struct native_parse *parse = native_parsing(session);
    struct stelei_frame frame;
    memset(command, 0, sizeof(*command));
    if (parse->vector_count > 0) {
        native_next_entry(parse, bytes, held_bytes, used_bytes, command);
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
    if (frame.opcode == STELEI_OP_VECTOR && frame.flags == 0)
        native_vector(parse, &frame, body, used_bytes, command);
    else
        native_decode(session, &frame, body, command);
    return GATEWAY_COMMAND;
}

const struct gateway gateway_native = {
    .name = "native", .greets = true, .parse = native_parse, .reply = native_reply};
