/*
 * buffer.h - a byte string that grows. Pure; one thread at a time.
 *
 * used <= capacity. Growing fails only for want of memory: false, and nothing has changed.
 */
#ifndef STELE_CLI_BUFFER_H
#define STELE_CLI_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *bytes; /* owned; NULL with capacity 0 */
    size_t used, capacity;
};

void buffer_init(struct buffer *buffer);
void buffer_fini(struct buffer *buffer);
/* Empties it, keeping the memory. */
void buffer_reset(struct buffer *buffer);
/* Makes capacity >= `capacity`. */
bool buffer_reserve(struct buffer *buffer, size_t capacity);
bool buffer_append(struct buffer *buffer, const void *bytes, size_t count);
bool buffer_append_byte(struct buffer *buffer, char byte);
bool buffer_append_text(struct buffer *buffer, const char *text);
/* A zero behind the last byte, not counted in `used`. */
bool buffer_terminate(struct buffer *buffer);

#endif
