#include "net/buffer.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST_BYTES 4096u
#define BUFFER_WASTE       8u /* capacity over held bytes at which shrinking pays */

void net_buffer_init(struct net_buffer *buffer)
{
    buffer->bytes = NULL;
    buffer->head = buffer->tail = buffer->capacity = 0;
}

void net_buffer_fini(struct net_buffer *buffer)
{
    free(buffer->bytes);
    net_buffer_init(buffer);
}

enum stele_status net_buffer_reserve(struct net_buffer *buffer, size_t bytes)
{
    size_t held = net_buffer_held(buffer);
    if (net_buffer_free(buffer) >= bytes)
        return STELE_OK;
    /* moving is worth it only when it frees as much as it moves */
    if (buffer->head >= held && buffer->capacity - held >= bytes) {
        memmove(buffer->bytes, buffer->bytes + buffer->head, held);
        buffer->head = 0;
        buffer->tail = held;
        return STELE_OK;
    }
    size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST_BYTES;
    while (capacity < buffer->tail + bytes)
        capacity *= 2;
    uint8_t *grown = realloc(buffer->bytes, capacity);
    if (!grown)
        return STELE_ENOMEM;
    buffer->bytes = grown;
    buffer->capacity = capacity;
    return STELE_OK;
}

void net_buffer_trim(struct net_buffer *buffer, size_t keep_bytes)
{
    if (net_buffer_held(buffer) > 0)
        return;
    buffer->head = buffer->tail = 0;
    if (buffer->capacity > keep_bytes)
        net_buffer_fini(buffer);
}

void net_buffer_shrink(struct net_buffer *buffer, size_t keep_bytes)
{
    size_t held = net_buffer_held(buffer);
    size_t capacity = keep_bytes > BUFFER_FIRST_BYTES ? keep_bytes : BUFFER_FIRST_BYTES;
    net_buffer_trim(buffer, keep_bytes);
    if (buffer->capacity <= keep_bytes || held >= buffer->capacity / BUFFER_WASTE)
        return;
    while (capacity < held * 2)
        capacity *= 2;
    uint8_t *smaller = malloc(capacity);
    if (!smaller)
        return; /* the large one goes on serving */
    memcpy(smaller, buffer->bytes + buffer->head, held);
    free(buffer->bytes);
    buffer->bytes = smaller;
    buffer->head = 0;
    buffer->tail = held;
    buffer->capacity = capacity;
}
