/*
 * native.h - this protocol's insides: what parsing keeps from one frame to the next, the table of opcodes,
 * and what they are answered with. For native.c and native_reply.c.
 */
#ifndef STELE_DAEMON_GATEWAY_NATIVE_H
#define STELE_DAEMON_GATEWAY_NATIVE_H

#include <stele/detail/decode.h>

#include "gateway/gateway.h"

struct native_parse {
    bool greeted; /* there was a HELLO */
    /* a vector that is being taken apart; its frame was checked whole */
    uint32_t vector_count;
    uint32_t vector_index;
    uint32_t vector_request;
};

/* What is to become of a command's reply. */
struct native_answer {
    const struct gateway_session *session;
    const struct command *command;
    const struct command_reply *reply;
    struct net_buffer *out;
};

/* What an opcode means: what its frames are made of, and what they are answered with. */
struct native_shape {
    enum command_kind kind;
    bool table;    /* the header names one */
    bool vector;   /* it may stand in a vector */
    uint8_t flags; /* those that are known */
    /* The body is a change; or it is read by a function of its own; neither: it is empty. */
    bool (*decode)(const void *body, size_t count, struct stelei_change *change);
    void (*take)(struct gateway_session *session, const struct stelei_frame *frame,
                 const uint8_t *body, struct command *command);
    /* The reply to a command that is done, or that would have too much to tell (STELE_ESHORT), and how
     * many bytes it has; 0: there is no memory for it. NULL: it is no more than the status. */
    size_t (*reply)(const struct native_answer *answer);
};

/* NULL: no such opcode, or VECTOR, whose frame is no command. */
const struct native_shape *native_shape(unsigned opcode);

size_t native_reply_welcome(const struct native_answer *answer);
size_t native_reply_value(const struct native_answer *answer);
size_t native_reply_number(const struct native_answer *answer);
size_t native_reply_count(const struct native_answer *answer);
size_t native_reply_told(const struct native_answer *answer);
size_t native_reply_stats(const struct native_answer *answer);
size_t native_reply_listed(const struct native_answer *answer);

/* As gateway.h says of `reply`. */
void native_reply(const struct gateway_session *session, const struct command *command,
                  const struct command_reply *reply, struct net_buffer *out);

#endif
