/*
 * table.h - one table as its writer sees it: find, put, erase. With split.c the only stores to
 * slots. Private counts beside the shared root; adoption derives them again.
 *
 * Every store that a reader can see follows the ordering rule (PROTOCOL.md, section 2); each is marked in
 * the source with what it publishes.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "arena.h"
#include <stele/detail/hash.h>
#include <stele/detail/record.h>

/* What stands behind a valid slot. */
enum table_form {
    TABLE_RECORDS, /* a record: with byte keys, or without a key beside a word key */
    TABLE_WORDS,   /* nothing: word key and word value are in the slot */
    TABLE_LISTS    /* a list; with byte keys its ref is the value of the key's record */
};

/* What adoption still has to do for a table. */
struct table_adoption {
    uint64_t *done; /* one bit per bucket that was born before; NULL: the table needs no pass */
    uint64_t buckets;
    uint64_t cursor;
    uint64_t entries; /* by the former writer's count and what came and went since */
};

struct table {
    uint8_t *base; /* of the segment, to store to */
    struct arena *arena;
    struct stelei_map *map;
    struct stelei_root *root;
    uint64_t root_off;
    /* derived from the type, constant */
    struct stele_type type;
    stele_hash_function own_hash;
    uint64_t max_entries; /* 0: no limit */
    uint64_t slots_mask;
    uint32_t slots; /* of a line */
    uint32_t link_off;
    enum table_form form;
    bool word_keys;
    uint64_t key_beyond;   /* bits that no word key has: 0 for 64-bit kinds, all for byte keys */
    uint64_t value_beyond; /* bits that no word as value has, likewise */
    uint32_t word_bytes;   /* of a word key and of a word as value, by their kinds; 0 for others */
    unsigned element_shift; /* of lists: log2 of an element's bytes */
    uint64_t buckets;   /* born */
    uint64_t published; /* as the geometry word says */
    uint64_t entries;
    uint64_t lines;
    uint64_t overflow;
    uint64_t record_bytes;
    uint64_t payload_bytes;
    struct table_adoption adoption;
    struct arena_marks *marks; /* of the adoption under way, or NULL */
    bool live;
};

enum table_mode { TABLE_PUT, TABLE_INSERT, TABLE_REPLACE };

/* Where a key stands. */
struct table_spot {
    uint64_t bucket;
    struct stelei_bucket *head;
    struct stelei_bucket *line;     /* head, or an overflow line */
    struct stelei_bucket *previous; /* the line that links to `line`; NULL at the head */
    unsigned slot;
    uint64_t record_off; /* where there is a record, and its first word */
    uint64_t meta;
};

/*
 * Keys are bytes here. A word key is the eight bytes of the word, whatever its kind; a word as value
 * next to it likewise. Checking lengths against the table's type is the facade's job.
 * Statuses as in store.h. Nothing is changed unless STELE_OK.
 */
enum stele_status table_write(struct table *table, enum table_mode mode, const void *key,
                              uint32_t key_bytes, const void *value, uint32_t value_bytes);
/* Replaces or inserts, by what table_find() told about the key. */
enum stele_status table_put_at(struct table *table, const struct table_spot *spot, bool there,
                               uint64_t hash, const void *key, uint32_t key_bytes,
                               const void *value, uint32_t value_bytes);
enum stele_status table_erase(struct table *table, const void *key, uint32_t key_bytes);
bool table_find(struct table *table, const void *key, uint32_t key_bytes, uint64_t hash,
                struct table_spot *spot);
/* The word of an entry that table_find() found, TABLE_WORDS only. */
void table_replace_word(const struct table_spot *spot, uint64_t word);
/* The entry that table_find() found goes. */
void table_erase_spot(struct table *table, const struct table_spot *spot);

/* ---- used by the other rooms of the writer --------------------------------------------------- */

/* Sets what is derived from the type. */
void table_set_type(struct table *table, const struct stele_type *type);

STELEI_INLINE uint64_t table_hash(const struct table *table, const void *key, size_t key_bytes)
{
    return stelei_hash_by(table->type.hash_id, table->own_hash, key, key_bytes,
                          table->map->hash_seed);
}

STELEI_INLINE uint64_t table_ref_off(const struct table *table, uint32_t ref)
{
    return stelei_ref_off(table->map, ref);
}
STELEI_INLINE uint32_t table_ref_of(const struct table *table, uint64_t off)
{
    return (uint32_t)(off >> table->map->granule_shift);
}
STELEI_INLINE void *table_at(const struct table *table, uint64_t off)
{
    return table->base + off;
}
STELEI_INLINE struct stelei_bucket *table_line(const struct table *table, uint32_t ref)
{
    return ref ? (struct stelei_bucket *)table_at(table, table_ref_off(table, ref)) : NULL;
}
STELEI_INLINE uint64_t *table_record(const struct table *table, uint32_t ref)
{
    return (uint64_t *)table_at(table, table_ref_off(table, ref));
}
uint64_t table_record_hash(const struct table *table, const uint64_t *record);

/*
 * An entry for a key that is not there: `last` is the spot that table_find() left. `value` is what
 * stands behind the key: the bytes of a record, a word, or the ref of a list (eight bytes). Then
 * splits as the load demands. STELE_EFULL: the table's maximum.
 */
enum stele_status table_insert(struct table *table, const struct table_spot *last, uint64_t hash,
                               const void *key, uint32_t key_bytes, const void *value,
                               uint32_t value_bytes);

/* A block of so many bytes behind an entry, into the table's count or out of it. */
void table_count_block(struct table *table, uint64_t bytes, bool in);

/* After slots of the chain were cleared: unlinks lines that are empty now (release), moves the
 * head's version, and only then gives the lines back. */
void table_settle_chain(struct table *table, struct stelei_bucket *head);

/* Copies the private counts to the root (relaxed; statistics). */
void table_publish_counts(struct table *table);

#endif
