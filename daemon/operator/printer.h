/*
 * printer.h - text for the daemon's standard output, which may be a file, a pipe that nobody reads, a
 * terminal that was stopped, or closed. The loop's thread only; it never waits.
 *
 * What standard output does not take at once is held and leaves when it does: at most
 * PRINTER_HELD_MAX, beyond which text is refused, a whole line at least. What cannot be written at all
 * is dropped, counted and logged now and then; the next text is tried again.
 */
#ifndef STELE_DAEMON_PRINTER_H
#define STELE_DAEMON_PRINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "operator/log.h"
#include "loop/loop.h"
#include "net/buffer.h"

#define PRINTER_HELD_MAX ((size_t)256 << 20)

/* What kind of thing the text goes to, which decides how not to wait for it. */
enum printer_kind {
    PRINTER_FILE,   /* never full: written to directly */
    PRINTER_SOCKET, /* sent to, without waiting */
    PRINTER_OPENED, /* a pipe or terminal, opened again by us so that it does not wait */
    PRINTER_SHARED  /* one that may not be opened again: asked before each small write */
};

struct printer {
    struct loop *loop;
    const struct log *log;
    struct loop_source source;
    enum printer_kind kind;
    bool opened;  /* source.fd is ours */
    bool watched; /* the loop calls when it takes more */
    bool torn;    /* a line was cut off when the rest of it was dropped */
    struct net_buffer held;
    size_t whole_bytes; /* of what is held: up to the end of the last whole line */
    uint64_t lost;      /* texts refused or dropped */
    int error;          /* errno of the last that was dropped; 0: it was refused */
    struct log_rarely rarely;
};

/* `fd` stays the caller's. Does not fail: what cannot be printed to shows when it is. */
void printer_open(struct printer *printer, struct loop *loop, const struct log *log, int fd);
void printer_close(struct printer *printer);

/*
 * For a gateway (struct gateway_printer): takes text in pieces, `last` with the last one. Lines are
 * written when they are whole. False: refused or lost; it begins anew with the next line.
 */
bool printer_print(void *context, const char *text, size_t bytes, bool last);

/* True while text waits that standard output has not taken. */
static inline bool printer_holds(const struct printer *printer)
{
    return net_buffer_held(&printer->held) > 0;
}

/* Once a tick: tries again, and logs what was lost. */
void printer_tick(struct printer *printer);

#endif
