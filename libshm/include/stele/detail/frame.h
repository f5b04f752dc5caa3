/*
 * frame.h - THE WIRE. What a channel and the daemon's native gateway say to each other, byte by
 * byte. Both ends include it; it knows no socket and no store. A change of anything here moves
 * STELEI_WIRE_VERSION and adds golden bytes to tests/unit/libshm/detail/encode_test.c and
 * tests/e2e/protocol_test.c. The prose, with examples, is in daemon/gateway/README.md.
 *
 * All numbers are little-endian. A stream is a sequence of frames, without padding between them:
 *
 *   0          4        5       6        8            12                 12 + length
 *   +----------+--------+-------+--------+------------+---- ... ---------+
 *   | length   | opcode | flags | table  | request id | body             |
 *   | u32      | u8     | u8    | u16    | u32        | `length` bytes   |
 *   +----------+--------+-------+--------+------------+---- ... ---------+
 *
 *   length  bytes of the body; the header is not counted
 *   opcode  enum stelei_opcode; a reply carries the command's opcode with bit 7 set
 *   flags   0 unless the opcode defines some; an unknown bit is answered with STELE_ENOSYS
 *   table   a table handle (opaque, from TABLE_CREATE or TABLE_FIND); 0 where none is meant
 *   request chosen by the sender of a command, echoed by its reply
 *
 * Replies come in the order of the commands, one to each frame; each body starts with
 * `status u32` (enum stele_status). A status other than STELE_OK may cut the body after it.
 */
#ifndef STELE_DETAIL_FRAME_H
#define STELE_DETAIL_FRAME_H

#include "base.h"

#define STELEI_WIRE_MAGIC   UINT32_C(0x314c5453) /* bytes 'S' 'T' 'L' '1' */
#define STELEI_WIRE_VERSION 2u

#define STELEI_FRAME_HEAD_BYTES 12u
#define STELEI_REPLY_BIT        0x80u

/* Limits of the body. The daemon's own limit (--max-frame) stands in its answer to HELLO. */
#define STELEI_FRAME_DEFAULT_BYTES (UINT32_C(64) << 20)
#define STELEI_FRAME_MIN_BYTES     (UINT32_C(128) << 10)
#define STELEI_FRAME_MAX_BYTES     ((UINT32_C(512) << 20) + STELEI_FRAME_MIN_BYTES)
#define STELEI_VECTOR_MAX_COUNT    65536u
#define STELEI_WIRE_NAME_MAX       63u

/* Numbers are part of the wire format: never renumber, only append. */
enum stelei_opcode {
    STELEI_OP_HELLO = 0x01,        /* hello             -> welcome, name */
    STELEI_OP_PING = 0x02,         /* empty             -> status */
    STELEI_OP_PUT = 0x10,          /* put, key, value   -> status */
    STELEI_OP_ERASE = 0x11,        /* erase, key        -> status */
    STELEI_OP_INSERT = 0x12,       /* put, key, value   -> status; only if the key is absent */
    STELEI_OP_REPLACE = 0x13,      /* put, key, value   -> status; only if it is present */
    STELEI_OP_CAS = 0x14,          /* cas, key, expected, value -> status */
    STELEI_OP_INCR = 0x15,         /* incr, key         -> status, 0 u32, new value i64 */
    STELEI_OP_GET = 0x16,          /* get, key          -> status, value_bytes u32, value */
    STELEI_OP_VECTOR = 0x18,       /* vector, entries   -> status, count u32, count x u16 status */
    STELEI_OP_TABLE_CREATE = 0x20, /* create, name      -> status; handle in the header */
    STELEI_OP_TABLE_FIND = 0x21,   /* name              -> status; handle in the header */
    STELEI_OP_TABLE_DROP = 0x22,   /* empty             -> status */
    STELEI_OP_TABLE_CLEAR = 0x23,  /* empty             -> status */
    STELEI_OP_TABLE_LIST = 0x24,   /* empty             -> status, count u32, listed tables */
    STELEI_OP_STATS = 0x30,       /* empty             -> status, count u32, count x u64: stats.h */
    STELEI_OP_SHUTDOWN = 0x31,    /* empty             -> status; then the daemon stops */
    STELEI_OP_LIST_APPEND = 0x40, /* put, key, elements -> status, 0 u32, added u64 */
    STELEI_OP_LIST_REMOVE = 0x41, /* remove, key       -> status */
    STELEI_OP_LIST_REPLACE = 0x42, /* swap, key         -> status */
    STELEI_OP_LIST_POP = 0x43,     /* erase, key        -> status, 0 u32, element u64 */
    STELEI_OP_LIST_COUNT = 0x44,   /* erase, key        -> status, 0 u32, count u64 */
    STELEI_OP_LIST_READ = 0x45,    /* read, key         -> told, elements */
    STELEI_OP_LIST_ALL = 0x46      /* all               -> told, lists with their elements */
};

/* Flags of HELLO: pass a read-only descriptor of the segment with the reply (SCM_RIGHTS). */
#define STELEI_HELLO_DESCRIPTOR 0x01u

/* What a connection may do, as told by the welcome. */
#define STELEI_RIGHT_WRITE 0x01u /* change entries, create tables */
#define STELEI_RIGHT_ADMIN 0x02u /* drop and clear tables, shut down */
#define STELEI_RIGHT_READ  0x04u /* everything else */

struct stelei_frame {
    uint32_t length;
    uint8_t opcode;
    uint8_t flags;
    uint16_t table;
    uint32_t request;
};

struct stelei_wire_hello {
    uint32_t magic;
    uint16_t version_min; /* the versions that the sender speaks */
    uint16_t version_max;
};

struct stelei_wire_welcome {
    uint32_t status;
    uint16_t version;    /* chosen */
    uint16_t name_bytes; /* of the segment's name, which follows */
    uint32_t frame_max_bytes;
    uint32_t key_max_bytes;
    uint32_t value_max_bytes; /* fits into a frame together with any key */
    uint32_t vector_max_count;
    uint64_t epoch; /* incarnation of the writer */
    uint64_t segment_bytes;
    uint32_t rights; /* STELEI_RIGHT_... */
    uint32_t zero;
};

struct stelei_wire_put {
    uint32_t value_bytes;
    uint16_t key_bytes;
    uint16_t zero;
};

struct stelei_wire_erase {
    uint16_t key_bytes;
    uint16_t zero;
};

/* `expected_bytes` of expected value stand between key and value. */
struct stelei_wire_cas {
    uint32_t value_bytes;
    uint16_t key_bytes;
    uint16_t zero;
    uint32_t expected_bytes;
    uint32_t zero_too;
};

struct stelei_wire_incr {
    int64_t delta;
    uint16_t key_bytes;
    uint16_t zero[3];
};

struct stelei_wire_get {
    uint32_t max_bytes; /* a longer value is answered with STELE_ESHORT and its length */
    uint16_t key_bytes;
    uint16_t zero;
};

/* Elements are words of the table's kind: here widened with zeros to 64 bits. */
struct stelei_wire_remove {
    uint64_t element;
    uint16_t key_bytes;
    uint16_t zero[3];
};

struct stelei_wire_swap {
    uint64_t old;     /* the first one equal to it goes */
    uint64_t element; /* and this one is appended */
    uint16_t key_bytes;
    uint16_t zero[3];
};

struct stelei_wire_read {
    uint64_t from;      /* number of the first element that is wanted */
    uint32_t max_bytes; /* of elements: as many whole ones as it holds */
    uint16_t key_bytes;
    uint16_t zero;
};

struct stelei_wire_all {
    uint32_t max_bytes; /* of what follows the reply's head; more is STELE_ESHORT */
    uint32_t zero;
};

/* Start of the replies to LIST_READ and LIST_ALL, status included. */
struct stelei_wire_told {
    uint32_t status;
    uint32_t element_bytes; /* what follows has elements so wide, packed */
    /* LIST_READ: elements of the whole list. LIST_ALL: how many lists follow; with STELE_ESHORT the
     * bytes that would have followed. */
    uint64_t count;
};

/* One list in a reply to LIST_ALL; its key and its elements follow, without padding. */
struct stelei_wire_list {
    uint64_t count; /* of elements */
    uint16_t key_bytes;
    uint16_t zero[3];
};

struct stelei_wire_create {
    uint64_t type;        /* stele_type_word() */
    uint64_t max_entries; /* 0: no limit */
    uint8_t name_bytes;
    uint8_t zero[7];
};

/* One table in a reply to TABLE_LIST; its name follows, without padding. */
struct stelei_wire_table {
    uint64_t entries;
    uint64_t buckets;
    uint64_t lines;    /* overflow lines */
    uint64_t overflow; /* entries outside the first line of their bucket */
    uint64_t index_bytes;
    uint64_t record_bytes; /* with their rounding */
    uint64_t payload_bytes;
    uint64_t type; /* stele_type_word() */
    uint64_t max_entries;
    uint16_t table; /* handle */
    uint8_t name_bytes;
    uint8_t zero[5];
};

/* A vector: `count u32`, then so many entries, each with the body that its opcode has in a frame.
 * PUT, ERASE, INSERT, REPLACE, CAS, INCR, LIST_APPEND, LIST_REMOVE and LIST_REPLACE. They run in
 * order; each has a status of its own. */
struct stelei_wire_entry {
    uint32_t length; /* of the entry's body */
    uint8_t opcode;
    uint8_t flags;
    uint16_t table;
};

#define STELEI_WIRE_AT(type, member, offset)                                                       \
    STELEI_STATIC_ASSERT(offsetof(struct type, member) == (offset), #type "." #member)
#define STELEI_WIRE_SIZE(type, bytes) STELEI_STATIC_ASSERT(sizeof(struct type) == (bytes), #type)

STELEI_WIRE_SIZE(stelei_frame, STELEI_FRAME_HEAD_BYTES);
STELEI_WIRE_AT(stelei_frame, opcode, 4);
STELEI_WIRE_AT(stelei_frame, flags, 5);
STELEI_WIRE_AT(stelei_frame, table, 6);
STELEI_WIRE_AT(stelei_frame, request, 8);
STELEI_WIRE_SIZE(stelei_wire_hello, 8);
STELEI_WIRE_AT(stelei_wire_hello, version_min, 4);
STELEI_WIRE_AT(stelei_wire_hello, version_max, 6);
STELEI_WIRE_SIZE(stelei_wire_welcome, 48);
STELEI_WIRE_AT(stelei_wire_welcome, version, 4);
STELEI_WIRE_AT(stelei_wire_welcome, name_bytes, 6);
STELEI_WIRE_AT(stelei_wire_welcome, frame_max_bytes, 8);
STELEI_WIRE_AT(stelei_wire_welcome, key_max_bytes, 12);
STELEI_WIRE_AT(stelei_wire_welcome, value_max_bytes, 16);
STELEI_WIRE_AT(stelei_wire_welcome, vector_max_count, 20);
STELEI_WIRE_AT(stelei_wire_welcome, epoch, 24);
STELEI_WIRE_AT(stelei_wire_welcome, segment_bytes, 32);
STELEI_WIRE_AT(stelei_wire_welcome, rights, 40);
STELEI_WIRE_SIZE(stelei_wire_put, 8);
STELEI_WIRE_AT(stelei_wire_put, key_bytes, 4);
STELEI_WIRE_AT(stelei_wire_put, zero, 6);
STELEI_WIRE_SIZE(stelei_wire_erase, 4);
STELEI_WIRE_AT(stelei_wire_erase, zero, 2);
STELEI_WIRE_SIZE(stelei_wire_cas, 16);
STELEI_WIRE_AT(stelei_wire_cas, key_bytes, 4);
STELEI_WIRE_AT(stelei_wire_cas, zero, 6);
STELEI_WIRE_AT(stelei_wire_cas, expected_bytes, 8);
STELEI_WIRE_AT(stelei_wire_cas, zero_too, 12);
STELEI_WIRE_SIZE(stelei_wire_incr, 16);
STELEI_WIRE_AT(stelei_wire_incr, key_bytes, 8);
STELEI_WIRE_AT(stelei_wire_incr, zero, 10);
STELEI_WIRE_SIZE(stelei_wire_get, 8);
STELEI_WIRE_AT(stelei_wire_get, key_bytes, 4);
STELEI_WIRE_AT(stelei_wire_get, zero, 6);
STELEI_WIRE_SIZE(stelei_wire_remove, 16);
STELEI_WIRE_AT(stelei_wire_remove, key_bytes, 8);
STELEI_WIRE_AT(stelei_wire_remove, zero, 10);
STELEI_WIRE_SIZE(stelei_wire_swap, 24);
STELEI_WIRE_AT(stelei_wire_swap, element, 8);
STELEI_WIRE_AT(stelei_wire_swap, key_bytes, 16);
STELEI_WIRE_AT(stelei_wire_swap, zero, 18);
STELEI_WIRE_SIZE(stelei_wire_read, 16);
STELEI_WIRE_AT(stelei_wire_read, max_bytes, 8);
STELEI_WIRE_AT(stelei_wire_read, key_bytes, 12);
STELEI_WIRE_AT(stelei_wire_read, zero, 14);
STELEI_WIRE_SIZE(stelei_wire_all, 8);
STELEI_WIRE_AT(stelei_wire_all, zero, 4);
STELEI_WIRE_SIZE(stelei_wire_told, 16);
STELEI_WIRE_AT(stelei_wire_told, element_bytes, 4);
STELEI_WIRE_AT(stelei_wire_told, count, 8);
STELEI_WIRE_SIZE(stelei_wire_list, 16);
STELEI_WIRE_AT(stelei_wire_list, key_bytes, 8);
STELEI_WIRE_AT(stelei_wire_list, zero, 10);
STELEI_WIRE_SIZE(stelei_wire_table, 80);
STELEI_WIRE_AT(stelei_wire_table, payload_bytes, 48);
STELEI_WIRE_AT(stelei_wire_table, type, 56);
STELEI_WIRE_AT(stelei_wire_table, max_entries, 64);
STELEI_WIRE_AT(stelei_wire_table, table, 72);
STELEI_WIRE_AT(stelei_wire_table, name_bytes, 74);
STELEI_WIRE_AT(stelei_wire_table, zero, 75);
STELEI_WIRE_SIZE(stelei_wire_create, 24);
STELEI_WIRE_AT(stelei_wire_create, max_entries, 8);
STELEI_WIRE_AT(stelei_wire_create, name_bytes, 16);
STELEI_WIRE_AT(stelei_wire_create, zero, 17);
STELEI_WIRE_SIZE(stelei_wire_entry, 8);
STELEI_WIRE_AT(stelei_wire_entry, opcode, 4);
STELEI_WIRE_AT(stelei_wire_entry, flags, 5);
STELEI_WIRE_AT(stelei_wire_entry, table, 6);

#endif
