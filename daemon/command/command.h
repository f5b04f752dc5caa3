/*
 * command.h - what a peer may ask for and what it is told, free of any protocol and of the store.
 * Gateways make commands out of bytes and bytes out of replies; evaluate.h answers them. Plain
 * data; a command borrows its bytes from the connection's input until the turn ends.
 */
#ifndef STELE_DAEMON_COMMAND_H
#define STELE_DAEMON_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stele/status.h>

enum command_kind {
    COMMAND_REFUSE = 0, /* what came makes no sense or is not known: answer `refusal` */
    COMMAND_HELLO,
    COMMAND_PING,
    COMMAND_PUT,
    COMMAND_ERASE,
    COMMAND_TABLE_CREATE,
    COMMAND_TABLE_FIND,
    COMMAND_TABLE_DROP,
    COMMAND_TABLE_CLEAR
};

/* Rights of a connection. */
#define COMMAND_MAY_WRITE 1u

/* The gateway's own, carried from the command to its reply. */
struct command_tag {
    uint32_t request;
    uint32_t vector_count; /* 0: a command by itself */
    uint32_t vector_index;
    uint8_t opcode;
    uint8_t version;
};

struct command {
    enum command_kind kind;
    enum stele_status refusal;
    bool hang_up;         /* after the reply: the bytes that follow cannot be trusted */
    bool want_descriptor; /* HELLO */
    uint8_t key_kind;     /* TABLE_CREATE */
    uint8_t value_kind;
    uint8_t hash_id;
    uint32_t table;  /* handle */
    const void *key; /* or the name of a table */
    const void *value;
    uint32_t key_bytes;
    uint32_t value_bytes;
    struct command_tag tag;
};

struct command_reply {
    enum stele_status status;
    uint32_t table;       /* handle: TABLE_CREATE (also with STELE_EEXIST), TABLE_FIND */
    bool pass_descriptor; /* HELLO: the segment's goes along */
};

/* What a peer is told of the daemon; constant while it runs. */
struct command_facts {
    const char *name; /* of the segment */
    uint64_t epoch;
    uint64_t segment_bytes;
};

#endif
