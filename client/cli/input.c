#include "input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define INPUT_READ_BYTES (size_t)(256u << 10)

void input_init(struct input *input, int fd, size_t limit, struct interrupt *interrupt)
{
    memset(input, 0, sizeof(*input));
    input->fd = fd;
    input->limit = limit;
    input->interrupt = interrupt;
}

void input_fini(struct input *input)
{
    buffer_fini(&input->buffer);
}

/*
 * Waits until there is something to read, or an interrupt: INPUT_LINE, INPUT_INTERRUPTED. Before it
 * waits it says so, once: INPUT_IDLE.
 */
static enum input_outcome input_wait(struct input *input)
{
    struct pollfd wait[2] = {{.fd = input->fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    if (!input->interrupt || input->interrupt->fd < 0)
        return INPUT_LINE;
    wait[1].fd = input->interrupt->fd;
    while (!interrupt_seen(input->interrupt)) {
        int ready = poll(wait, 2, input->idle ? -1 : 0);
        if ((ready < 0 && errno != EINTR) || (ready > 0 && wait[0].revents))
            return INPUT_LINE;
        if (ready == 0) {
            input->idle = true;
            return INPUT_IDLE;
        }
    }
    return INPUT_INTERRUPTED;
}

/* Reads once, behind what is there. INPUT_LINE: something came. */
static enum input_outcome input_fill(struct input *input)
{
    struct buffer *buffer = &input->buffer;
    if (input->at > 0) {
        memmove(buffer->bytes, buffer->bytes + input->at, buffer->used - input->at);
        buffer->used -= input->at;
        input->searched -= input->at;
        input->at = 0;
    }
    if (!buffer_reserve(buffer, buffer->used + INPUT_READ_BYTES)) {
        errno = ENOMEM;
        return INPUT_FAILED;
    }
    enum input_outcome waited = input_wait(input);
    if (waited != INPUT_LINE)
        return waited;
    input->idle = false;
    ssize_t got;
    do {
        got = read(input->fd, buffer->bytes + buffer->used, buffer->capacity - buffer->used);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return INPUT_FAILED;
    input->ended = got == 0;
    buffer->used += (size_t)got;
    return got == 0 ? INPUT_END : INPUT_LINE;
}

/* The line of `count` bytes that starts at `at`, followed by `newline` (0 or 1) bytes. */
static enum input_outcome input_take(struct input *input, size_t count, size_t newline,
                                     const char **text, size_t *length)
{
    bool long_line = input->skipping || count > input->limit;
    *text = input->buffer.bytes + input->at;
    *length = count;
    input->at += count + newline;
    input->searched = input->at;
    input->taken += count + newline;
    input->line++;
    input->skipping = false;
    return long_line ? INPUT_TOO_LONG : INPUT_LINE;
}

enum input_outcome input_line(struct input *input, const char **text, size_t *count)
{
    for (;;) {
        const char *bytes = input->buffer.bytes;
        size_t left = input->buffer.used - input->searched;
        const char *newline = left ? memchr(bytes + input->searched, '\n', left) : NULL;
        if (newline)
            return input_take(input, (size_t)(newline - bytes) - input->at, 1, text, count);
        input->searched = input->buffer.used;
        if (input->ended && input->searched == input->at && !input->skipping)
            return INPUT_END;
        if (input->ended)
            return input_take(input, input->searched - input->at, 0, text, count);
        if (input->searched - input->at > input->limit) {
            input->skipping = true;
            input->taken += input->searched - input->at;
            input->at = input->searched;
        }
        enum input_outcome outcome = input_fill(input);
        if (outcome != INPUT_LINE && outcome != INPUT_END)
            return outcome;
    }
}

enum input_outcome input_rest(struct input *input, struct buffer *out)
{
    for (;;) {
        size_t left = input->buffer.used - input->at;
        if (out->used + left > input->limit)
            return INPUT_TOO_LONG;
        if (left > 0 && !buffer_append(out, input->buffer.bytes + input->at, left)) {
            errno = ENOMEM;
            return INPUT_FAILED;
        }
        input->at = input->searched = input->buffer.used;
        if (input->ended)
            return INPUT_END;
        enum input_outcome outcome = input_fill(input);
        if (outcome == INPUT_FAILED || outcome == INPUT_INTERRUPTED)
            return outcome;
    }
}
