/*
 * input.h - a file or pipe read line by line, any bytes, any length up to a limit; an interrupt ends
 * the waiting. One thread.
 */
#ifndef STELE_CLI_INPUT_H
#define STELE_CLI_INPUT_H

#include <stdint.h>

#include "buffer.h"
#include "interrupt.h"

struct input {
    int fd;
    struct interrupt *interrupt; /* NULL: none */
    struct buffer buffer;
    size_t at;       /* the next line starts here */
    size_t searched; /* no newline from `at` up to here */
    size_t limit;    /* of a line, in bytes */
    uint64_t line;   /* number of the line returned last, from 1 */
    uint64_t taken;  /* bytes of all lines returned */
    bool ended;      /* read() said so */
    bool skipping;   /* inside a line that is too long */
    bool idle;       /* said so since it read last */
};

enum input_outcome {
    INPUT_LINE,
    INPUT_END,
    INPUT_TOO_LONG, /* the line was passed over */
    INPUT_IDLE,     /* nothing can be read now; the next call waits */
    INPUT_INTERRUPTED,
    INPUT_FAILED /* errno says why; ENOMEM too */
};

/* The descriptor stays the caller's. */
void input_init(struct input *input, int fd, size_t limit, struct interrupt *interrupt);
void input_fini(struct input *input);
/* *text is good until the next call. The last line may lack its newline. INPUT_IDLE: only where there is
 * an interrupt to wait for too. */
enum input_outcome input_line(struct input *input, const char **text, size_t *count);
/* All that is left, appended; more than `limit` bytes: INPUT_TOO_LONG. */
enum input_outcome input_rest(struct input *input, struct buffer *out);

#endif
