/*
 * gateway.h - a protocol: bytes into commands, replies into bytes. One constant of this type per
 * protocol; only doors.c knows them all. A gateway knows neither the store nor the socket.
 *
 * The loop's thread only. All state is in the session, one per connection, which the turn keeps.
 */
#ifndef STELE_DAEMON_GATEWAY_H
#define STELE_DAEMON_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "command/command.h"
#include "net/buffer.h"

#define GATEWAY_PARSE_BYTES     32u   /* what parse() keeps between commands fits, aligned to 8 */
#define GATEWAY_REPLY_MAX_BYTES 1024u /* reserved for each reply before its command runs */

/* The largest reply of the protocols that serve one table. Their lists have no limit, and a buffer
 * for all of one should not be what the daemon dies of. */
#define GATEWAY_LARGE_MAX_BYTES (UINT64_C(512) << 20)

/* Where a protocol prints that has commands to print something. */
struct gateway_printer {
    /* Takes whole lines, in pieces as they come; `last`: that was all. False: takes no more of this,
     * what was given of the line is forgotten. Never blocks. */
    bool (*print)(void *context, const char *text, size_t bytes, bool last);
    void *context;
};

/* What a session is opened with; what the pointers point to outlives it. */
struct gateway_limits {
    uint32_t frame_max_bytes;
    uint32_t rights; /* COMMAND_MAY_..., to be told to the peer */
    const struct command_facts *facts;
    /* Of a protocol that serves certain tables: their handles, as they are whenever a command is
     * parsed, in the order of the door's rows. */
    const uint32_t *tables;
    const struct gateway_printer *printer;
};

/*
 * What a connection's protocol is told and keeps. Commands that were parsed may be put back unanswered:
 * then `parse` becomes what it was before them, and they are parsed again. So what a reply depends on
 * goes along with its command (struct command_tag), and reply() changes nothing here.
 */
struct gateway_session {
    struct gateway_limits limits;
    uint64_t parse[GATEWAY_PARSE_BYTES / 8]; /* zeros at first; parse() alone changes it */
};

static inline void gateway_open(struct gateway_session *session,
                                const struct gateway_limits *limits)
{
    memset(session, 0, sizeof(*session));
    session->limits = *limits;
}

enum gateway_progress {
    GATEWAY_COMMAND, /* *command is set, *used_bytes may be forgotten at the end of the turn */
    GATEWAY_MORE     /* not whole yet: call again when *need_bytes are held */
};

struct gateway {
    const char *name;
    /* A peer says something as soon as it has connected: one that does not is closed after a while. */
    bool greets;
    /* Its replies cannot say why something failed. So a command whose long reply finds no memory waits
     * for some instead of being refused, and other failures are logged. */
    bool terse;
    /* Commands that were sent run, also when the peer has gone and takes no replies. */
    bool finishes;
    /*
     * Takes the next command from `bytes`. Lengths are checked against the limits before they are
     * reported as needed. Bytes that make no sense become COMMAND_REFUSE, with hang_up where what
     * follows cannot be understood. Called again with what was not used.
     */
    enum gateway_progress (*parse)(struct gateway_session *session, const uint8_t *bytes,
                                   size_t held_bytes, size_t *used_bytes, size_t *need_bytes,
                                   struct command *command);
    /* Appends the reply to `out`, where GATEWAY_REPLY_MAX_BYTES are reserved. One that may need more
     * (it belongs to a command that changed nothing) reserves it, or says STELE_ENOMEM. Replies come
     * in the order of the commands. */
    void (*reply)(const struct gateway_session *session, const struct command *command,
                  const struct command_reply *reply, struct net_buffer *out);
};

/* Room for a reply of so many bytes, its own GATEWAY_REPLY_MAX_BYTES included; NULL: there is none. */
static inline uint8_t *gateway_room(struct net_buffer *out, uint64_t bytes)
{
    if (bytes > GATEWAY_LARGE_MAX_BYTES || net_buffer_reserve(out, (size_t)bytes) != STELE_OK)
        return NULL;
    return net_buffer_tail(out);
}

extern const struct gateway gateway_native;
extern const struct gateway gateway_map8x32;
extern const struct gateway gateway_usize_kv;

#endif
