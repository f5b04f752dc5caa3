#include "buffer.h"

#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *buffer)
{
    memset(buffer, 0, sizeof(*buffer));
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->bytes);
    buffer_init(buffer);
}

void buffer_reset(struct buffer *buffer)
{
    buffer->used = 0;
}

bool buffer_reserve(struct buffer *buffer, size_t capacity)
{
    size_t wanted = buffer->capacity ? buffer->capacity : 256;
    if (capacity <= buffer->capacity)
        return true;
    if (capacity > (size_t)-1 / 4)
        return false;
    while (wanted < capacity)
        wanted *= 2;
    char *grown = realloc(buffer->bytes, wanted);
    if (!grown)
        return false;
    buffer->bytes = grown;
    buffer->capacity = wanted;
    return true;
}

bool buffer_append(struct buffer *buffer, const void *bytes, size_t count)
{
    if (!buffer_reserve(buffer, buffer->used + count))
        return false;
    if (count > 0)
        memcpy(buffer->bytes + buffer->used, bytes, count);
    buffer->used += count;
    return true;
}

bool buffer_append_byte(struct buffer *buffer, char byte)
{
    if (buffer->used == buffer->capacity && !buffer_reserve(buffer, buffer->used + 1))
        return false;
    buffer->bytes[buffer->used++] = byte;
    return true;
}

bool buffer_append_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

bool buffer_terminate(struct buffer *buffer)
{
    if (!buffer_append_byte(buffer, 0))
        return false;
    buffer->used--;
    return true;
}
