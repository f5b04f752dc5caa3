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

#include <stele/stats.h>
#include <stele/status.h>
#include <stele/type.h>

/* In any order: traits.c says what each is. */
enum command_kind {
    COMMAND_REFUSE = 0, /* what came makes no sense or is not known: answer `refusal` */
    COMMAND_HELLO,
    COMMAND_PING,
    COMMAND_STATS,
    COMMAND_SHUTDOWN,
    COMMAND_TABLE_FIND,
    COMMAND_TABLE_LIST,
    COMMAND_TABLE_CREATE,
    COMMAND_TABLE_DROP,
    COMMAND_TABLE_CLEAR,
    COMMAND_GET,
    COMMAND_PUT,
    COMMAND_INSERT,
    COMMAND_REPLACE,
    COMMAND_CAS,
    COMMAND_INCR,
    COMMAND_ERASE,        /* of a value or of a whole list */
    COMMAND_LIST_COUNT,   /* how many elements the key's list has */
    COMMAND_LIST_READ,    /* elements [from, from + most) of a key's list */
    COMMAND_LIST_ALL,     /* all keys of a table of lists with their elements, of one instant */
    COMMAND_LIST_APPEND,  /* `value`: elements, packed */
    COMMAND_LIST_REMOVE,  /* the first one equal to `element` */
    COMMAND_LIST_REPLACE, /* the same if there is one, then append `value`: one element, by its bytes
                             or widened to eight */
    COMMAND_LIST_POP,     /* the last one */
    COMMAND_KINDS         /* how many there are */
};

/* How many commands a caller may look at before it runs them. (Pipelined puts over 1 M keys: 1.1 M/s
 * one by one, 1.7 M/s in batches of 16; with 32 another 6 %.) */
#define COMMAND_BATCH_MAX 32u

/* Rights of a connection. */
#define COMMAND_MAY_WRITE 1u /* change entries, create tables */
#define COMMAND_MAY_ADMIN 2u /* drop and clear tables, shut down */
#define COMMAND_MAY_READ  4u /* everything else */

/* The gateway's own, carried from the command to its reply. */
struct command_tag {
    uint32_t request;
    uint32_t vector_count; /* 0: a command by itself */
    uint32_t vector_index;
    uint8_t opcode;
};

struct command {
    enum command_kind kind;
    enum stele_status refusal;
    bool hang_up;           /* after the reply: the bytes that follow cannot be trusted */
    bool want_descriptor;   /* HELLO */
    struct stele_type type; /* TABLE_CREATE */
    uint64_t max_entries;   /* TABLE_CREATE */
    uint64_t element;       /* LIST_REMOVE, LIST_REPLACE */
    uint64_t from;          /* LIST_READ */
    uint64_t most;
    uint32_t table;  /* handle */
    const void *key; /* or the name of a table */
    const void *value;
    const void *expected; /* CAS */
    int64_t delta;        /* INCR */
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint32_t expected_bytes;
    /* GET: a longer value is not wanted. LIST_READ: more elements are not told, LIST_ALL: more of keys
     * and elements is not wanted; 0: as much as there is. */
    uint32_t max_bytes;
    /* Key and value may point here: for gateways whose bytes are not those of a table. Such a
     * command stays where it was made. */
    uint64_t own[2];
    struct command_tag tag;
};

/* What the loop counts, for STATS. */
struct command_counters {
    uint64_t connections;
    uint64_t connections_accepted;
    uint64_t connections_refused;
    uint64_t turns;
    uint64_t commands;
    uint64_t commands_read;
    uint64_t commands_full;
    uint64_t commands_denied;
    uint64_t protocol_errors;
    uint64_t in_bytes;
    uint64_t out_bytes;
    uint64_t buffer_bytes;
    uint64_t started_ms; /* of the same clock as now_ms */
    uint64_t now_ms;     /* as of the last tick */
    uint64_t full;       /* likewise; what stats.h says */
    uint64_t detached;
};

/* Consecutive elements of a list. */
struct command_span {
    const void *key; /* of the list, by its bytes */
    uint32_t key_bytes;
    uint32_t element_bytes;
    uint64_t list_count;  /* elements of the whole list */
    const void *elements; /* `count` of them, packed, in the segment */
    uint64_t count;
    bool first; /* of its list */
};

/*
 * What LIST_READ and LIST_ALL tell, span by span. How much it will be is known before; next() is
 * false at the end. Borrowed: what it tells is there until the next command.
 */
struct command_spans {
    bool (*next)(struct command_spans *spans, struct command_span *span);
    uint64_t lists;         /* LIST_ALL: how many keys */
    uint64_t keys_bytes;    /* LIST_ALL: of all of them together */
    uint64_t element_count; /* in all spans together */
    uint32_t element_bytes;
    uint64_t private_words[16]; /* of the command room */
};

/*
 * `value`, `listed`, `stats` and `spans` are borrowed from the store or the context until the next command:
 * a gateway copies what it needs.
 */
struct command_reply {
    enum stele_status status;
    uint32_t table;       /* handle: TABLE_CREATE (also with STELE_EEXIST), TABLE_FIND */
    bool pass_descriptor; /* HELLO: the segment's goes along */
    bool shut_down;       /* SHUTDOWN: stop serving after this turn */
    const void *value;    /* GET */
    uint32_t value_bytes; /* GET; also with STELE_ESHORT */
    uint32_t listed_count;
    int64_t number; /* INCR: what the key holds now (f64: its bits); LIST_POP: the element */
    /* LIST_COUNT, LIST_READ: elements of the whole list; LIST_APPEND: added; LIST_ALL with
     * STELE_ESHORT: bytes of keys and elements */
    uint64_t count;
    struct command_spans *spans; /* LIST_READ, LIST_ALL; with STELE_ESHORT `lists` alone is set */
    const struct stele_table_info *listed;  /* TABLE_LIST */
    const struct stele_daemon_stats *stats; /* STATS */
};

/* What a peer is told of the daemon; constant while it runs. */
struct command_facts {
    const char *name; /* of the segment */
    uint64_t epoch;
    uint64_t segment_bytes;
};

#endif
