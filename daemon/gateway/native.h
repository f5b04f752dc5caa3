/*
 * native.h - this protocol's insides: what a connection's session keeps from one frame to the next,
 * and the half that writes replies. For native.c and native_reply.c.
 */
#ifndef STELE_DAEMON_GATEWAY_NATIVE_H
#define STELE_DAEMON_GATEWAY_NATIVE_H

#include "gateway/gateway.h"

struct native_session {
    const struct command_facts *facts;
    uint32_t frame_max_bytes;
    uint32_t rights;
    uint32_t version; /* 0: no HELLO yet */
    /* a vector that is being taken apart; its frame was checked whole */
    uint32_t vector_count;
    uint32_t vector_index;
    uint32_t vector_request;
};

/* As gateway.h says of `reply`; `session` is a struct native_session. */
void native_reply(void *session, const struct command *command, const struct command_reply *reply,
                  struct net_buffer *out);

#endif
