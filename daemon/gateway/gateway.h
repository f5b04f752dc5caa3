/*
 * gateway.h - a protocol: bytes into commands, replies into bytes. One constant of this type per
 * protocol; only server.c knows them all. A gateway knows neither the store nor the socket.
 *
 * The loop's thread only. All state is in the session, one per connection, which the server keeps.
 */
#ifndef STELE_DAEMON_GATEWAY_H
#define STELE_DAEMON_GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#include "command/command.h"
#include "net/buffer.h"

#define GATEWAY_SESSION_BYTES   64u   /* a session fits, aligned to 8 */
#define GATEWAY_REPLY_MAX_BYTES 1024u /* reserved for each reply before its command runs */

/* What a session is opened with; `facts` outlives it. */
struct gateway_limits {
    uint32_t frame_max_bytes;
    uint32_t rights; /* COMMAND_MAY_..., to be told to the peer */
    const struct command_facts *facts;
};

enum gateway_progress {
    GATEWAY_COMMAND, /* *command is set, *used_bytes may be forgotten at the end of the turn */
    GATEWAY_MORE     /* not whole yet: call again when *need_bytes are held */
};

struct gateway {
    const char *name;
    void (*open)(void *session, const struct gateway_limits *limits);
    /*
     * Takes the next command from `bytes`. Lengths are checked against the limits before they are
     * reported as needed. Bytes that make no sense become COMMAND_REFUSE, with hang_up where what
     * follows cannot be understood. Called again with what was not used.
     */
    enum gateway_progress (*parse)(void *session, const uint8_t *bytes, size_t held_bytes,
                                   size_t *used_bytes, size_t *need_bytes, struct command *command);
    /* Appends the reply to `out`, where GATEWAY_REPLY_MAX_BYTES are reserved. One that may need more
     * (it belongs to a command that changed nothing) reserves it, or says STELE_ENOMEM. Replies come
     * in the order of the commands. */
    void (*reply)(void *session, const struct command *command, const struct command_reply *reply,
                  struct net_buffer *out);
};

extern const struct gateway gateway_native;

#endif
