/*
 * request.h - commands as a channel sends them: an encoded head and the caller's bytes. For
 * channel.h, admin.h and pipeline.h. Knows no socket.
 */
#ifndef STELE_DETAIL_REQUEST_H
#define STELE_DETAIL_REQUEST_H

#include <stele/detail/format.h>

#include "call.h"

/* Whether key and value may be sent at all. */
STELEI_INLINE enum stele_status stelei_channel_check(const struct stele_channel *channel,
                                                     size_t key_bytes, size_t value_bytes)
{
    if (STELEI_UNLIKELY(key_bytes > STELEI_KEY_MAX_BYTES || value_bytes > STELEI_VALUE_MAX_BYTES))
        return STELE_ETOOBIG;
    return stelei_channel_usable(channel);
}

/* PUT, INSERT, REPLACE and LIST_APPEND. */
STELEI_INLINE void stelei_command_put(struct stelei_command *command, uint32_t request,
                                      unsigned opcode, uint16_t table, const void *key,
                                      size_t key_bytes, const void *value, size_t value_bytes)
{
    stelei_command_init(command);
    stelei_command_part(command, 0, key, key_bytes);
    stelei_command_part(command, 1, value, value_bytes);
    command->head_bytes =
        stelei_encode_put(command->head, request, opcode, table, STELEI_CAST(uint32_t, key_bytes),
                          STELEI_CAST(uint32_t, value_bytes));
}

/* ERASE, LIST_POP and LIST_COUNT. */
STELEI_INLINE void stelei_command_erase(struct stelei_command *command, uint32_t request,
                                        unsigned opcode, uint16_t table, const void *key,
                                        size_t key_bytes)
{
    stelei_command_init(command);
    stelei_command_part(command, 0, key, key_bytes);
    command->head_bytes = stelei_encode_erase(command->head, request, opcode, table,
                                              STELEI_CAST(uint32_t, key_bytes));
}

STELEI_INLINE void stelei_command_cas(struct stelei_command *command, uint32_t request,
                                      uint16_t table, const void *key, size_t key_bytes,
                                      const void *expected, size_t expected_bytes,
                                      const void *value, size_t value_bytes)
{
    stelei_command_init(command);
    stelei_command_part(command, 0, key, key_bytes);
    stelei_command_part(command, 1, expected, expected_bytes);
    stelei_command_part(command, 2, value, value_bytes);
    command->head_bytes = stelei_encode_cas(
        command->head, request, table, STELEI_CAST(uint32_t, key_bytes),
        STELEI_CAST(uint32_t, expected_bytes), STELEI_CAST(uint32_t, value_bytes));
}

STELEI_INLINE void stelei_command_incr(struct stelei_command *command, uint32_t request,
                                       uint16_t table, const void *key, size_t key_bytes,
                                       int64_t delta)
{
    stelei_command_init(command);
    stelei_command_part(command, 0, key, key_bytes);
    command->head_bytes =
        stelei_encode_incr(command->head, request, table, STELEI_CAST(uint32_t, key_bytes), delta);
    command->reply_bytes = STELEI_CHANNEL_NUMBER_BYTES;
}

/* `capacity`: the longest value that the caller can take. */
STELEI_INLINE void stelei_command_get(struct stelei_command *command, uint32_t request,
                                      uint16_t table, const void *key, size_t key_bytes,
                                      size_t capacity)
{
    if (capacity > STELEI_VALUE_MAX_BYTES)
        capacity = STELEI_VALUE_MAX_BYTES;
    stelei_command_init(command);
    stelei_command_part(command, 0, key, key_bytes);
    command->head_bytes =
        stelei_encode_get(command->head, request, table, STELEI_CAST(uint32_t, key_bytes),
                          STELEI_CAST(uint32_t, capacity));
    command->reply_bytes = STELEI_FRAME_HEAD_BYTES + 8u + capacity;
}

STELEI_INLINE void stelei_command_remove(struct stelei_command *command, uint32_t request,
                                         uint16_t table, const void *key, size_t key_bytes,
                                         uint64_t element)
{
    stelei_command_init(command);
    stelei_command_part(command, 0, key, key_bytes);
    command->head_bytes = stelei_encode_remove(command->head, request, table,
                                               STELEI_CAST(uint32_t, key_bytes), element);
}

/* LIST_REPLACE. */
STELEI_INLINE void stelei_command_swap(struct stelei_command *command, uint32_t request,
                                       uint16_t table, const void *key, size_t key_bytes,
                                       uint64_t old, uint64_t element)
{
    stelei_command_init(command);
    stelei_command_part(command, 0, key, key_bytes);
    command->head_bytes = stelei_encode_swap(command->head, request, table,
                                             STELEI_CAST(uint32_t, key_bytes), old, element);
}

/* A command of nothing but its header. */
STELEI_INLINE void stelei_command_bare(struct stelei_command *command, uint32_t request,
                                       unsigned opcode, uint16_t table)
{
    stelei_command_init(command);
    command->head_bytes = stelei_encode_frame(command->head, 0, opcode, 0, table, request);
}

#endif
