/*
 * table.h - a table as one reader sees it: the handle, its hash, the way into a chain, and how a read
 * is validated. What stands in a chain is the matter of lookup.h (byte keys) and word_lookup.h.
 *
 * Every load of shared memory goes through atomic.h; every offset is checked against the end of the
 * populated memory before it is followed (promise G).
 */
#ifndef STELE_DETAIL_TABLE_H
#define STELE_DETAIL_TABLE_H

#include <stele/status.h>
#include <stele/detail/hash.h>
#include <stele/detail/locate.h>
#include <stele/detail/record.h>

/* Attempts before a call gives up with STELE_EBUSY; counted on the retry path only. */
#define STELEI_ATTEMPTS 64u

/* Lines of a chain between two looks at the head: links may be stale. */
#define STELEI_LINES_PER_CHECK 8u

/* What the type of a table makes of its slots and of what stands behind them. */
enum stelei_form {
    STELEI_FORM_NONE,         /* all zero: not open */
    STELEI_FORM_BYTES,        /* byte keys; the record holds the value's bytes, whatever its kind */
    STELEI_FORM_BYTES_LISTS,  /* byte keys; the record holds the ref of a list */
    STELEI_FORM_WORDS,        /* word keys; the slot holds the word */
    STELEI_FORM_WORD_RECORDS, /* word keys; the slot holds the ref of a record without a key */
    STELEI_FORM_WORD_LISTS    /* word keys; the slot holds the ref of a list */
};

/* A table as one reader sees it: private, constant once opened. All zero: closed, which every call
 * tells by STELE_EINVAL. */
struct stele_table {
    struct stelei_map map;
    const struct stelei_table *shared;
    const struct stelei_root *root; /* what `word` leads to */
    uint64_t word;                  /* the table word when opened; a later one is followed anew */
    uint64_t incarnation;
    stele_hash_function own_hash; /* for ids from STELE_HASH_OWN on */
    struct stele_type type;
    uint8_t form; /* enum stelei_form */
    /* Keys shorter than this are looked up in line by stele_get(): all where the form is
     * STELEI_FORM_BYTES and the hash XXH3, none otherwise. One comparison tells both. */
    uint64_t usual_key_end;
};

enum stelei_outcome {
    STELEI_HIT,
    STELEI_MISS,
    STELEI_RETRY,   /* the writer moved underneath */
    STELEI_SUSPECT, /* an offset leads nowhere: torn, or corrupt if it validates */
    STELEI_GONE     /* dropped, or the segment moved */
};

struct stelei_probe {
    struct stelei_place place;
    uint64_t table_word;
    const uint64_t *key; /* in the record */
    uint64_t meta;       /* the record's first word */
};

STELEI_INLINE const struct stelei_header *stelei_header_of(const struct stele_table *table)
{
    return stelei_map_header(&table->map);
}

/*
 * Nothing that the probe rests on has changed: neither the head of its chain nor the table. Pairs,
 * like stelei_sequence_unchanged(), with the writer's fence before memory is used again.
 */
STELEI_INLINE bool stelei_probe_unchanged(const struct stele_table *table,
                                          const struct stelei_probe *probe)
{
    if (STELEI_UNLIKELY(
            !stelei_sequence_unchanged(&probe->place.head->sequence, probe->place.word)))
        return false;
    return STELEI_LIKELY(stelei_load64(&table->shared->word) == probe->table_word);
}

/* ---- hashes --------------------------------------------------------------------------------- */

STELEI_COLD static uint64_t stelei_table_hash_other(const struct stele_table *table,
                                                    const void *key, size_t key_bytes)
{
    return stelei_hash_by(table->type.hash_id, table->own_hash, key, key_bytes,
                          table->map.hash_seed);
}

/* The two that lookups of words are made for stand in line. */
STELEI_INLINE uint64_t stelei_table_hash_word(const struct stele_table *table, uint64_t key)
{
    if (STELEI_LIKELY(table->type.hash_id == STELE_HASH_XXH3))
        return stelei_hash(&key, sizeof key, table->map.hash_seed);
    if (STELEI_LIKELY(table->type.hash_id == STELE_HASH_IDENTITY))
        return key;
    return stelei_table_hash_other(table, &key, sizeof key);
}

STELEI_INLINE uint64_t stelei_table_hash(const struct stele_table *table, const void *key,
                                         size_t key_bytes)
{
    if (STELEI_LIKELY(table->type.hash_id == STELE_HASH_XXH3))
        return stelei_hash(key, key_bytes, table->map.hash_seed);
    return stelei_table_hash_other(table, key, key_bytes);
}

/* ---- the way in ----------------------------------------------------------------------------- */

/*
 * The root that a table word leads to; NULL when the table was dropped or the ref leads nowhere.
 * Loading the word with acquire makes the root's contents visible.
 */
STELEI_COLD static const struct stelei_root *stelei_root_follow(const struct stele_table *table,
                                                                uint64_t word, uint64_t limit)
{
    uint64_t off = stelei_table_root_off(&table->map, word);
    if (off == 0 || stelei_load64(&table->shared->incarnation) != table->incarnation)
        return STELEI_NULL;
    if (off + sizeof(struct stelei_root) > limit) {
        limit = stelei_map_limit(&table->map);
        if (off + sizeof(struct stelei_root) > limit)
            return STELEI_NULL;
    }
    return STELEI_CAST(const struct stelei_root *, stelei_map_at(&table->map, off));
}

/* Finds the chain of a hash. false: outcome says why not. */
STELEI_INLINE bool stelei_enter(const struct stele_table *table, uint64_t hash,
                                struct stelei_probe *probe, uint64_t *limit,
                                enum stelei_outcome *outcome)
{
    const struct stelei_root *root = table->root;
    /* acquire: the root, its directory and its first buckets are those of this generation */
    probe->table_word = stelei_load64_acquire(&table->shared->word);
    *limit = stelei_map_limit(&table->map);
    if (STELEI_UNLIKELY(probe->table_word != table->word)) {
        root = stelei_root_follow(table, probe->table_word, *limit);
        if (!root) {
            *outcome = STELEI_GONE;
            return false;
        }
    }
    if (STELEI_UNLIKELY(!stelei_locate(&table->map, root, hash, *limit, &probe->place))) {
        *outcome = STELEI_RETRY;
        return false;
    }
    return true;
}

/* ---- for reads that take long --------------------------------------------------------------- */

/*
 * The quarantine clock, for reads that may outlast a version of their bucket: large values, views,
 * and any read that had to be repeated. `retired` is loaded before the first validation: a record
 * that was live then is retired later and has a number of at least that; blocks are given out again
 * in the order of retirement; so while recycled <= retired-as-loaded its bytes are untouched.
 * The acquire pairs with the release in the writer's retire, the fence in stelei_clock_untouched()
 * with the fence between its store of `recycled` and the overwrite.
 */
STELEI_INLINE uint64_t stelei_clock_begin(const struct stele_table *table)
{
    return stelei_load64_acquire(&stelei_header_of(table)->retired);
}
STELEI_INLINE bool stelei_clock_untouched(const struct stele_table *table, uint64_t begun)
{
    stelei_nop_read();
    return stelei_load64(&stelei_header_of(table)->recycled) <= begun;
}

/* A call that a table of this form is not for, or a handle that is not open. */
STELEI_INLINE enum stele_status stelei_not_for(const struct stele_table *table)
{
    return table->form == STELEI_FORM_NONE ? STELE_EINVAL : STELE_ETYPE;
}

/* Why a table is gone. */
STELEI_COLD static enum stele_status stelei_gone(const struct stele_table *table)
{
    const struct stelei_header *header = stelei_header_of(table);
    return stelei_load64(&header->state) == STELEI_STATE_MOVED ? STELE_EMOVED : STELE_EDROPPED;
}

#endif
