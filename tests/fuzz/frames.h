/*
 * frames.h - command frames whose outer lengths are right, made from fuzzed bytes, so that a fuzzer
 * need not guess lengths before it gets anywhere. What is inside stays as wrong as the input says.
 *
 *   input  {opcode u8, how u8, bytes u16, bytes...} again and again
 *   how    0x01 table: the first table's handle, else a number made of `how`
 *          0x02 the body is made to fit its opcode: the first bytes say how it is divided
 *          0x04 the flags are how >> 4, else 0
 */
#ifndef FUZZ_FRAMES_H
#define FUZZ_FRAMES_H

#include <stele/detail/codec.h>
#include <stele/type.h>

#include "fuzz.h"

#define FRAMES_BYTES (64u << 10)

struct frames {
    uint8_t bytes[FRAMES_BYTES];
    size_t count;
    uint32_t request;
    uint32_t table; /* of 0x01 */
};

static inline void frames_append(struct frames *frames, const void *bytes, size_t count)
{
    if (count > 0)
        memcpy(frames->bytes + frames->count, bytes, count);
    frames->count += count;
}

/* One of 32 types, byte strings -> byte strings among them, as the word that the wire has. */
static inline uint64_t frames_type(unsigned choice)
{
    static const uint8_t keys[] = {STELE_BYTES, STELE_BYTES, STELE_U8, STELE_U64};
    static const uint8_t values[] = {STELE_BYTES,
                                     STELE_U8,
                                     STELE_I64,
                                     STELE_F64,
                                     STELE_STRUCT,
                                     STELE_LIST + STELE_U8,
                                     STELE_LIST + STELE_U32,
                                     STELE_LIST + STELE_U64};
    struct stele_type type = stele_type_of(keys[choice % 4], values[choice / 4 % 8]);
    if (type.value_kind == STELE_STRUCT)
        type.value_bytes = 3;
    if (stele_type_has_lists(&type) && choice & 0x80)
        type.flags = STELE_TYPE_SET;
    return stele_type_word(&type);
}

/* A body of this opcode, of about `from`: heads with lengths that agree. */
static inline void frames_body(struct frames *frames, unsigned opcode, struct fuzz_input *from)
{
    uint8_t head[STELEI_ENCODED_MAX_BYTES];
    uint32_t first = fuzz_byte(from), second = fuzz_byte(from), left = (uint32_t)from->left;
    uint32_t key = left ? first % (left + 1) : 0, rest = left - key;
    uint32_t expected = rest ? second % (rest + 1) : 0;
    size_t bytes = 0;
    switch (opcode) {
    case STELEI_OP_PUT:
    case STELEI_OP_INSERT:
    case STELEI_OP_REPLACE:
    case STELEI_OP_LIST_APPEND:
        bytes = stelei_encode_put_body(head, key, rest);
        break;
    case STELEI_OP_ERASE:
    case STELEI_OP_LIST_POP:
    case STELEI_OP_LIST_COUNT:
        bytes = stelei_encode_erase_body(head, left);
        break;
    case STELEI_OP_CAS:
        bytes = stelei_encode_cas_body(head, key, expected, rest - expected);
        break;
    case STELEI_OP_INCR:
        bytes = stelei_encode_incr_body(head, left,
                                        (int64_t)(((uint64_t)first - second) << second % 64));
        break;
    case STELEI_OP_GET:
        bytes = stelei_encode_get(head, 0, 0, left, first << second % 16) - STELEI_FRAME_HEAD_BYTES;
        memmove(head, head + STELEI_FRAME_HEAD_BYTES, bytes);
        break;
    case STELEI_OP_LIST_REMOVE:
        bytes = stelei_encode_remove_body(head, left, (uint64_t)first << second % 64);
        break;
    case STELEI_OP_LIST_REPLACE:
        bytes = stelei_encode_swap_body(head, left, first, second);
        break;
    case STELEI_OP_LIST_READ:
        bytes = stelei_encode_read(head, 0, 0, left, first, second) - STELEI_FRAME_HEAD_BYTES;
        memmove(head, head + STELEI_FRAME_HEAD_BYTES, bytes);
        break;
    case STELEI_OP_LIST_ALL:
        bytes = stelei_encode_all(head, 0, 0, first << second % 16) - STELEI_FRAME_HEAD_BYTES;
        memmove(head, head + STELEI_FRAME_HEAD_BYTES, bytes);
        break;
    case STELEI_OP_TABLE_CREATE: { /* the first byte says the type, the second how many entries */
        struct stelei_wire_create create = {frames_type(first), second % 16, (uint8_t)left, {0}};
        memcpy(head, &create, sizeof create);
        bytes = sizeof create;
        break;
    }
    default:
        break;
    }
    frames_append(frames, head, bytes);
    frames_append(frames, from->at, left);
}

static inline uint32_t frames_table(const struct frames *frames, unsigned how)
{
    return how & 1 ? frames->table : (how >> 3) * 0x101u;
}

/* A vector's entries: {opcode, how, bytes u8, bytes...} again and again. */
static inline void frames_vector(struct frames *frames, struct fuzz_input *from)
{
    size_t at = frames->count;
    uint32_t count = 0;
    frames_append(frames, &count, sizeof count);
    while (from->left > 0 && frames->count < FRAMES_BYTES / 2) {
        unsigned opcode = fuzz_byte(from), how = fuzz_byte(from);
        size_t bytes = fuzz_byte(from), entry = frames->count;
        struct fuzz_input body = {NULL, 0};
        body.at = fuzz_take(from, &bytes);
        body.left = bytes;
        frames->count += sizeof(struct stelei_wire_entry);
        if (how & 2)
            frames_body(frames, opcode, &body);
        else
            frames_append(frames, body.at, body.left);
        stelei_encode_entry(frames->bytes + entry,
                            (uint32_t)(frames->count - entry - sizeof(struct stelei_wire_entry)),
                            opcode, frames_table(frames, how));
        count++;
    }
    memcpy(frames->bytes + at, &count, sizeof count);
}

static inline void frames_add(struct frames *frames, struct fuzz_input *input)
{
    unsigned opcode = fuzz_byte(input), how = fuzz_byte(input);
    size_t bytes = fuzz_short(input) % FUZZ_INPUT_MAX, at = frames->count;
    struct fuzz_input body = {NULL, 0};
    body.at = fuzz_take(input, &bytes);
    body.left = bytes;
    frames->count += STELEI_FRAME_HEAD_BYTES;
    if (!(how & 2))
        frames_append(frames, body.at, body.left);
    else if (opcode == STELEI_OP_VECTOR)
        frames_vector(frames, &body);
    else
        frames_body(frames, opcode, &body);
    bool named = opcode >= STELEI_OP_PUT && opcode != STELEI_OP_VECTOR &&
                 opcode != STELEI_OP_TABLE_CREATE && opcode != STELEI_OP_TABLE_FIND;
    stelei_encode_frame(frames->bytes + at,
                        (uint32_t)(frames->count - at - STELEI_FRAME_HEAD_BYTES), opcode,
                        how & 4 ? how >> 4 : 0, named || !(how & 1) ? frames_table(frames, how) : 0,
                        frames->request++);
}

/* All of the input, as far as there is room. */
static inline void frames_make(struct frames *frames, struct fuzz_input *input)
{
    while (input->left > 0 && frames->count < FRAMES_BYTES / 2)
        frames_add(frames, input);
}

#endif
