/*
 * format.h - THE MEMORY. What stands where in a segment, bit by bit. Everything that maps a segment
 * includes it; it knows no algorithm. A change of anything here moves STELEI_FORMAT_MAJOR (or sets
 * a compat/incompat bit) and the golden bytes in the tests.
 *
 * A segment is one shared object of `max_bytes`, sparse, cut into chunks of 2 MiB:
 *
 *   0          4 KiB              +128 KiB        +1/65536           2 MiB     4 MiB   committed
 *   +----------+------------------+---------------+------------------+---------+-- ... --+- - - -+
 *   | header   | 512 table        | class of each | slabs and runs   | chunk 1 | chunk 2 | not   |
 *   |          | descriptors      | 64 KiB unit   |                  |         |         | there |
 *   +----------+------------------+---------------+------------------+---------+-- ... --+- - - -+
 *
 *   A unit of 64 KiB is a slab of equal blocks (class 1..n), part of runs of 4 KiB pages (RUN), part of
 *   a chunk of buckets (INDEX), or free (0). Runs and index chunks may span units and chunks.
 *
 *   ref    32 bits, an offset counted in granules of 2^granule_shift bytes; 0 = none
 *   table  descriptor.word {generation, root ref} -> root -> directory -> buckets -> records
 *
 *   descriptor (256 B)            root (256 B)                      bucket (64 B)
 *   +------------------+   +-->   +-----------------------+   +-->  +--------------------------+
 *   | word  gen | root-+---+      | geometry  mask | n    |   |     | sequence word            |
 *   | incarnation      |          | directory ref  -------+-+ |     | tags 0..7                |
 *   | types, options   |          | small[0..14]   -------+-|-+     | tags 8,9 | spare | link -+-> line
 *   | name             |          | counts                | | ^     | 10 refs -----------------+-> records
 *   +------------------+          +-----------------------+ | |     +--------------------------+
 *                                                           | |
 *                    directory (512 B)     leaf (4 KiB)     | |     Buckets 0..32767 stand in 15 blocks of
 *                    +---------------+     +----------------|-+-+   doubling size: block 0 holds buckets 0
 *                    | 128 leaf refs-+---->| 1024 chunk     | | |   and 1, block b >= 1 the buckets
 *                    +---------------+     | numbers -------|-+ |   2^b .. 2^(b+1)-1. Bucket i above stands in
 *                            ^             +----------------|---+   chunk leaf[i >> 15], of leaf i >> 25.
 *                            +------------------------------+
 *
 *   record, immutable once published; optional words only where `flags` says so
 *   +------+-------+------+-----------+-------+---------------+---------------+
 *   | klen | flags | vlen | [expiry]  | [lsn] | key, pad to 8 | value, pad 8  |
 *   +------+-------+------+-----------+-------+---------------+---------------+
 *
 * Who writes what: only the holder of the lock writes. All words below are stored by it through
 * atomic.h; readers map PROT_READ.
 */
#ifndef STELE_DETAIL_FORMAT_H
#define STELE_DETAIL_FORMAT_H

#include "base.h"

#include <stele/type.h>

#define STELEI_MAGIC        UINT64_C(0x31304c45544553aa) /* bytes aa 'S' 'E' 'T' 'E' 'L' '0' '1' */
#define STELEI_FORMAT_MAJOR 3u
#define STELEI_FORMAT_MINOR 0u

/* Features a reader may ignore / must refuse when it does not know the bit. None is defined yet. */
#define STELEI_COMPAT_KNOWN   0u
#define STELEI_INCOMPAT_KNOWN 0u

#define STELEI_PAGE_SHIFT  12u
#define STELEI_UNIT_SHIFT  16u
#define STELEI_CHUNK_SHIFT 21u
#define STELEI_PAGE_BYTES  (UINT64_C(1) << STELEI_PAGE_SHIFT)
#define STELEI_UNIT_BYTES  (UINT64_C(1) << STELEI_UNIT_SHIFT)
#define STELEI_CHUNK_BYTES (UINT64_C(1) << STELEI_CHUNK_SHIFT)

#define STELEI_MIN_BYTES (2 * STELEI_CHUNK_BYTES)
#define STELEI_MAX_BYTES (UINT64_C(1) << 43) /* 32-bit refs of 2 KiB granules */

#define STELEI_SOCKET_BYTES 112u /* of the writer's socket, with the terminating zero */

#define STELEI_TABLE_CAPACITY 512u
#define STELEI_NAME_BYTES     64u /* with the terminating zero: names have 1..63 bytes */

#define STELEI_BUCKET_BYTES      64u
#define STELEI_BYTES_SLOTS       10u
#define STELEI_SLOTS_MASK        ((UINT64_C(1) << STELEI_BYTES_SLOTS) - 1)
#define STELEI_WORD_SLOTS        3u
#define STELEI_EXPIRY_SLOTS      2u
#define STELEI_SMALL_BLOCKS      15u
#define STELEI_SMALL_BUCKETS     32768u
#define STELEI_CHUNK_BUCKET_BITS 15u
/* Two levels, so that none costs in proportion to the segment's maximum: a directory has a leaf for each
 * bucket number of 32 bits, and gets it when its first bucket is born. */
#define STELEI_DIRECTORY_LEAVES  128u
#define STELEI_LEAF_CHUNKS       1024u
#define STELEI_LEAF_BUCKET_BITS  25u

#define STELEI_KEY_MAX_BYTES   65535u
#define STELEI_VALUE_MAX_BYTES (UINT32_C(512) << 20)

/* Values above this are always accepted by the quarantine clock (see reader.h). */
#define STELEI_LARGE_BYTES 4096u

enum stelei_state {
    STELEI_STATE_NEW = 0,   /* being made */
    STELEI_STATE_OPEN = 1,  /* a writer serves it, or was killed while it did */
    STELEI_STATE_CLEAN = 2, /* its writer closed it */
    STELEI_STATE_MOVED = 3  /* `moved_to` names the successor */
};

enum stelei_record_flags {
    STELEI_RECORD_EXPIRY = 1, /* a word of wall-clock milliseconds follows the first word */
    STELEI_RECORD_LSN = 2     /* the lsn of the write follows */
};

/* Class of a 64 KiB unit; 1..STELEI_CLASS_COUNT are slab classes (see stelei_class_bytes()). */
#define STELEI_CLASS_FREE  0u
#define STELEI_CLASS_RUN   254u
#define STELEI_CLASS_INDEX 255u

/* The first page. Words that move often have 128-byte lines of their own (adjacent-line prefetch).
 */
struct stelei_header {
    /* 0: constant from the moment `magic` is stored (last, release) */
    uint64_t magic;
    uint16_t major;
    uint16_t minor;
    uint32_t compat;
    uint32_t incompat;
    uint32_t table_capacity;
    uint64_t max_bytes;
    uint64_t tables_off;
    uint64_t classes_off;
    uint64_t data_off; /* first byte that the arena may hand out, unit-aligned */
    uint64_t hash_seed;
    uint8_t granule_shift;
    uint8_t pad0[7];
    uint8_t boot_id[16];
    uint8_t instance_id[16];
    uint8_t pad1[24];

    /* 128: moves seldom; every lookup loads `committed` */
    uint64_t committed;      /* every byte below is populated; grows by chunks, release */
    uint64_t epoch;          /* incarnation of the writer, +1 at each adoption */
    uint64_t state;          /* enum stelei_state */
    uint64_t moved_to;       /* instance number of the successor's name suffix; 0 = not moved */
    uint64_t intent;         /* ref of a standing multi-key intent record; 0 = none */
    uint64_t tables_changed; /* counts create, drop and clear */
    uint8_t pad2[80];

    /* 256 */
    uint64_t applied_lsn; /* the last effect whose change is visible */
    uint8_t pad3[120];

    /* 384: the quarantine clock; one FIFO, counted in and out */
    uint64_t retired;
    uint8_t pad4[120];
    /* 512 */
    uint64_t recycled;
    uint8_t pad5[120];

    /* 640 */
    uint64_t heartbeat_ms; /* wall clock, stored by the writer's loop */
    uint64_t huge_bytes;   /* populated on 2 MiB pages, what lies ready ahead included; statistics,
                              kept by whoever populates */
    uint8_t pad6[112];

    /* 768: the change ring, not used by this version */
    uint64_t ring_off;
    uint64_t ring_entries;
    uint64_t ring_head;
    uint8_t pad7[104];

    /* 896: where the writer takes commands: an absolute path and a zero; all zero: not known, or nowhere.
     * A hint that may be out of date or half written: who follows it asks there for the segment's name. */
    uint64_t socket_path[STELEI_SOCKET_BYTES / 8];

    uint8_t spare[3088];
};

/* The table word: the one store that creates, clears or drops a table. root ref 0 = dropped. */
#define STELEI_TABLE_GENERATION_SHIFT 32u

struct stelei_table {
    /* 0: constant while the table lives, but for `word` */
    uint64_t word;        /* {generation 32, root ref 32} */
    uint64_t incarnation; /* of the table: no other has it, here or in another segment; not 0 */
    uint64_t type;        /* stele_type_word() */
    uint64_t max_entries; /* 0 = no limit */
    uint64_t hash_check;  /* what the table's hash makes of STELEI_HASH_PROBE: two programs that mean
                             different functions by one id find out */
    uint8_t pad0[24];
    /* 64 */
    uint64_t name[STELEI_NAME_BYTES / 8];
    /* 128: moves with every change */
    uint32_t changes; /* futex word of watchers */
    uint32_t pad1;
    uint64_t change_lsn;
    uint8_t pad2[112];
};

/* Geometry word: {mask 32, bucket count 32}; mask = 2^(L+1)-1 for 2^L <= count < 2^(L+1). */
struct stelei_root {
    /* 0: what a lookup loads */
    uint64_t geometry;
    uint32_t directory; /* ref of uint32_t[STELEI_DIRECTORY_LEAVES], refs of leaves; 0 = none yet */
    uint32_t pad0;
    uint32_t small[STELEI_SMALL_BLOCKS];
    uint32_t pad1;
    uint8_t pad2[48];
    /* 128: the writer's counts, relaxed, for statistics; adopt.c derives them again */
    uint64_t entries;
    uint64_t lines;         /* overflow lines */
    uint64_t overflow;      /* entries that stand in overflow lines */
    uint64_t record_bytes;  /* blocks of records */
    uint64_t payload_bytes; /* keys and values */
    uint64_t buckets;       /* born buckets, at or ahead of geometry */
    uint8_t pad3[80];
};

/* A bucket of a table whose values are records. An overflow line has the same shape. */
struct stelei_bucket {
    uint64_t sequence;
    uint64_t tags;      /* of slots 0..7, slot 0 in the lowest byte */
    uint32_t tags_high; /* of slots 8 and 9 in the two lowest bytes; two bytes spare */
    uint32_t link;      /* ref of the next overflow line */
    uint32_t ref[STELEI_BYTES_SLOTS];
};

/*
 * A bucket of a table with word keys; an overflow line has the same shape. A key that is narrower
 * than 64 bits is widened with zeros. The value is the word itself (narrower ones widened with zeros,
 * i64 and f64 by their bits); or, low half, the ref of a record without a key; or that of a list.
 */
struct stelei_word_slot {
    uint64_t key;
    uint64_t value;
};

struct stelei_word_bucket {
    uint64_t sequence;
    uint32_t link;
    uint32_t pad;
    struct stelei_word_slot slot[STELEI_WORD_SLOTS];
};

struct stelei_expiry_slot {
    uint64_t key;
    uint64_t value;
    uint64_t expiry_ms;
};

struct stelei_expiry_bucket {
    uint64_t sequence;
    uint32_t link;
    uint32_t pad;
    struct stelei_expiry_slot slot[STELEI_EXPIRY_SLOTS];
};

/*
 * One-to-many. A slot of a word table holds the list's ref as its value; in a table of byte keys it
 * stands in the value of the key's record, eight bytes, which are stored in place.
 *
 *   small list                          long list
 *   +------+-------+------ ... --+      +------+-------+-----------------------+-- ... --+
 *   | head | count | elements    |      | head | count | start, ref, capacity  | x size  |
 *   +------+-------+------ ... --+      +------+-------+----------|------------+-- ... --+
 *                                                                 +--> elements [start, start+capacity)
 *
 * `count` is the list's only publish word: a reader loads it (acquire) before anything behind it.
 * What it covers never changes while the record is reachable, what lies beyond is the writer's. An
 * append stores the element, perhaps an entry for a new chunk, and the count (release). Everything
 * else makes a new record, which shares the chunks that stay as they are, swaps the ref (release) and
 * moves the head's version. Elements are packed: eight bytes hold eight u8 or one u64.
 *
 * Chunks grow with the list, by a quarter of it (STELEI_LIST_GROWTH), from 512 bytes to 256 KiB: of
 * the chunks of a list that only grew, from 1.5 K on, at most a quarter is empty, and a removal copies
 * one chunk, or closes the last one. What is appended behind a closed chunk stands in chunks that begin
 * with 512 bytes again and double: a stack that goes up and down costs what it moves. (Chunks of 1 MiB, as
 * first designed, would make that copy four times as large, and save 4 KiB of refs on 10 M elements.)
 */
struct stelei_list {
    uint64_t head;  /* {generation 48, long 1, size 15}, constant while the record is published */
    uint64_t count; /* of elements */
};
struct stelei_list_chunk {
    uint64_t start; /* number of its first element */
    uint32_t ref;
    uint32_t capacity; /* in elements; fewer than its block holds where a removal closed it */
    uint32_t bytes;    /* of its block */
    uint32_t closed;   /* the writer's: the list ended here after a removal; what follows starts small */
};

#define STELEI_LIST_SIZE_MASK   UINT64_C(0x7fff) /* words of elements, or entries for chunks */
#define STELEI_LIST_LONG        UINT64_C(0x8000)
#define STELEI_LIST_GENERATION_SHIFT 16u
#define STELEI_LIST_SMALL_WORDS 32u /* a small list holds up to so many words */
#define STELEI_LIST_CHUNK_MIN   512u
#define STELEI_LIST_CHUNK_MAX   (UINT32_C(256) << 10)
#define STELEI_LIST_GROWTH      4u

STELEI_INLINE bool stelei_list_is_long(uint64_t head)
{
    return (head & STELEI_LIST_LONG) != 0;
}
STELEI_INLINE uint64_t stelei_list_size(uint64_t head)
{
    return head & STELEI_LIST_SIZE_MASK;
}
STELEI_INLINE uint64_t stelei_list_generation(uint64_t head)
{
    return head >> STELEI_LIST_GENERATION_SHIFT;
}
STELEI_INLINE uint64_t stelei_list_bytes(uint64_t head)
{
    uint64_t each = stelei_list_is_long(head) ? sizeof(struct stelei_list_chunk) : 8;
    return sizeof(struct stelei_list) + stelei_list_size(head) * each;
}

/* What a multi-key commit is about to do; a standing one is redone by adoption. */
struct stelei_intent_slot {
    uint64_t bucket;
    uint32_t table;
    uint32_t old_ref;
    uint32_t new_ref;
    uint32_t op;
};
struct stelei_intent {
    uint64_t lsn;
    uint64_t slot_count;
};

#define STELEI_AT(type, member, offset)                                                            \
    STELEI_STATIC_ASSERT(offsetof(struct type, member) == (offset), #type "." #member)
#define STELEI_SIZE(type, bytes) STELEI_STATIC_ASSERT(sizeof(struct type) == (bytes), #type)

STELEI_SIZE(stelei_header, 4096);
STELEI_AT(stelei_header, major, 8);
STELEI_AT(stelei_header, incompat, 16);
STELEI_AT(stelei_header, max_bytes, 24);
STELEI_AT(stelei_header, tables_off, 32);
STELEI_AT(stelei_header, classes_off, 40);
STELEI_AT(stelei_header, data_off, 48);
STELEI_AT(stelei_header, hash_seed, 56);
STELEI_AT(stelei_header, granule_shift, 64);
STELEI_AT(stelei_header, boot_id, 72);
STELEI_AT(stelei_header, instance_id, 88);
STELEI_AT(stelei_header, committed, 128);
STELEI_AT(stelei_header, intent, 160);
STELEI_AT(stelei_header, applied_lsn, 256);
STELEI_AT(stelei_header, retired, 384);
STELEI_AT(stelei_header, recycled, 512);
STELEI_AT(stelei_header, heartbeat_ms, 640);
STELEI_AT(stelei_header, huge_bytes, 648);
STELEI_AT(stelei_header, ring_off, 768);
STELEI_AT(stelei_header, socket_path, 896);
STELEI_SIZE(stelei_table, 256);
STELEI_AT(stelei_table, incarnation, 8);
STELEI_AT(stelei_table, type, 16);
STELEI_AT(stelei_table, max_entries, 24);
STELEI_AT(stelei_table, hash_check, 32);
STELEI_AT(stelei_table, name, 64);
STELEI_AT(stelei_table, changes, 128);
STELEI_SIZE(stelei_root, 256);
STELEI_AT(stelei_root, directory, 8);
STELEI_AT(stelei_root, small, 16);
STELEI_AT(stelei_root, entries, 128);
STELEI_STATIC_ASSERT(STELEI_LEAF_CHUNKS << STELEI_CHUNK_BUCKET_BITS ==
                         UINT32_C(1) << STELEI_LEAF_BUCKET_BITS,
                     "a leaf");
STELEI_STATIC_ASSERT(UINT64_C(1) << (32 - STELEI_LEAF_BUCKET_BITS) == STELEI_DIRECTORY_LEAVES,
                     "every bucket number has a leaf");
STELEI_SIZE(stelei_bucket, STELEI_BUCKET_BYTES);
STELEI_AT(stelei_bucket, tags, 8);
STELEI_AT(stelei_bucket, tags_high, 16);
STELEI_AT(stelei_bucket, link, 20);
STELEI_AT(stelei_bucket, ref, 24);
STELEI_SIZE(stelei_word_bucket, STELEI_BUCKET_BYTES);
STELEI_AT(stelei_word_bucket, link, 8);
STELEI_AT(stelei_word_bucket, slot, 16);
STELEI_SIZE(stelei_expiry_bucket, STELEI_BUCKET_BYTES);
STELEI_SIZE(stelei_list, 16);
STELEI_AT(stelei_list, count, 8);
STELEI_SIZE(stelei_list_chunk, 24);
STELEI_AT(stelei_list_chunk, ref, 8);
STELEI_AT(stelei_list_chunk, capacity, 12);
STELEI_AT(stelei_list_chunk, bytes, 16);
STELEI_SIZE(stelei_intent_slot, 24);
STELEI_SIZE(stelei_intent, 16);

/*
 * Slab classes: 16, 24, .. 128 bytes by 8, then eight to a doubling (12.5 % apart) up to 8 KiB.
 * Class numbers start at 1; every power of two is a class, so blocks of such sizes are aligned to
 * themselves (up to 64 KiB) within their slab.
 */
#define STELEI_CLASS_COUNT    63u
#define STELEI_SLAB_MAX_BYTES 8192u

STELEI_INLINE uint32_t stelei_class_bytes(unsigned cls)
{
    if (cls <= 15)
        return 8u * (cls + 1);
    unsigned step = cls - 16;
    return (9u + step % 8) << (4 + step / 8);
}

/* Smallest class that holds `bytes`, 1..8192. */
STELEI_INLINE unsigned stelei_class_of(uint64_t bytes)
{
    if (bytes <= 128)
        return bytes <= 16 ? 1u : STELEI_CAST(unsigned, (bytes + 7) / 8) - 1u;
    unsigned octave = stelei_top_bit(bytes - 1); /* 7 for 129..256 */
    return 16u + (octave - 7) * 8 + STELEI_CAST(unsigned, (bytes - 1) >> (octave - 3) & 7);
}

/*
 * Bytes of the block that holds a request of `bytes`: a slab class, or whole pages above. Rounding
 * to the granule first makes every block a multiple of it (granules of up to 2 KiB checked by
 * test).
 */
STELEI_INLINE uint64_t stelei_block_bytes(uint64_t bytes, unsigned granule_shift)
{
    bytes = stelei_round_up(bytes, UINT64_C(1) << granule_shift);
    return bytes <= STELEI_SLAB_MAX_BYTES ? stelei_class_bytes(stelei_class_of(bytes))
                                          : stelei_round_up(bytes, STELEI_PAGE_BYTES);
}

#endif
