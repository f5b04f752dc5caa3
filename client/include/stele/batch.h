/*
 * batch.h - many lookups with their cache misses side by side. What reader.h promises of a lookup
 * (threads, fork, signals, ordering, progress) holds for each of them.
 *
 * A pipeline of four stages, each some keys behind the one before and asking for the lines that the
 * next one needs: buckets, overflow lines, records, values. Source of the idea: Chen et al.,
 * "Improving Hash Join Performance through Prefetching", ICDE 2004 (software-pipelined
 * prefetching).
 */
#ifndef STELE_BATCH_H
#define STELE_BATCH_H

#include "reader.h"

/* One key of a batch. */
struct stele_lookup {
    const void *key; /* in */
    size_t key_bytes;
    void *buffer;
    size_t capacity;
    size_t value_bytes;       /* out, as in stele_get() */
    enum stele_status status; /* out: each key is a lookup of its own */
};

/* How many keys behind the first stage the others follow. Measured on 4 M keys against stages over
 * whole groups of 16: 41 instead of 49 ns a key in batches of 32, 47 instead of 48 in batches
 * of 16. */
#define STELEI_HEAD_BEHIND   12u
#define STELEI_LINE_BEHIND   15u
#define STELEI_FINISH_BEHIND 24u
#define STELEI_AHEAD_RING    32u

/* Keys between two looks at the table word and the geometry. */
#define STELEI_GROUP 1024u

/* What one stage of a batch leaves to the next. */
struct stelei_ahead {
    uint64_t hash;
    struct stelei_aim aim;
    struct stelei_probe probe;        /* head NULL: left to stele_get() */
    const struct stelei_bucket *line; /* the overflow line to be searched, or NULL */
    uint64_t off;                     /* of the record that may be it; 0 = none has the tag */
};

/* Stage 1: where the key's bucket should be; asks for its line. */
STELEI_INLINE void stelei_ahead_bucket(const struct stele_table *table, uint64_t geometry,
                                       uint64_t limit, const struct stele_lookup *lookup,
                                       struct stelei_ahead *ahead)
{
    ahead->probe.place.head = STELEI_NULL;
    if (STELEI_UNLIKELY(lookup->key_bytes > STELEI_KEY_MAX_BYTES))
        return;
    ahead->hash = stelei_hash(lookup->key, lookup->key_bytes, table->map.hash_seed);
    ahead->aim = stelei_geometry_aim(geometry, ahead->hash);
    uint64_t off = stelei_bucket_off(&table->map, table->root, ahead->aim.bucket, limit);
    if (STELEI_UNLIKELY(off == 0))
        return;
    ahead->probe.place.head = stelei_bucket_at(&table->map, off);
    __builtin_prefetch(ahead->probe.place.head);
}

STELEI_INLINE void stelei_ahead_fetch(const struct stele_table *table, uint64_t off, uint64_t limit)
{
    if (STELEI_LIKELY(off + 8 <= limit)) {
        __builtin_prefetch(table->map.base + off);
        __builtin_prefetch(table->map.base + off + 55); /* a small record seldom fits one line */
    }
}

/* The records of a line that have the tag: asks for them. False: none has. */
STELEI_INLINE bool stelei_ahead_match(const struct stele_table *table, uint64_t limit,
                                      const struct stelei_bucket *line, uint64_t word,
                                      struct stelei_ahead *ahead)
{
    uint64_t match = stelei_line_match(line, word, stelei_hash_tag(ahead->hash));
    if (match == 0)
        return false;
    uint32_t ref = stelei_load32_dependent(&line->ref[__builtin_ctzll(match)]);
    ahead->off = stelei_ref_off(&table->map, ref);
    stelei_ahead_fetch(table, ahead->off, limit);
    if (STELEI_UNLIKELY(match & (match - 1))) { /* another one, for stele_get() */
        ref = stelei_load32_dependent(&line->ref[__builtin_ctzll(match & (match - 1))]);
        stelei_ahead_fetch(table, stelei_ref_off(&table->map, ref), limit);
    }
    return true;
}

/* Stage 2: the record in the first line that may be it; or asks for the first overflow line. */
STELEI_INLINE void stelei_ahead_head(const struct stele_table *table, uint64_t limit,
                                     struct stelei_ahead *ahead)
{
    const struct stelei_bucket *head = ahead->probe.place.head;
    ahead->off = 0;
    ahead->line = STELEI_NULL;
    if (STELEI_UNLIKELY(!head))
        return;
    uint64_t word = stelei_sequence_begin(&head->sequence);
    ahead->probe.place.word = word;
    if (STELEI_UNLIKELY(!stelei_aim_hits(&ahead->aim, word))) {
        ahead->probe.place.head = STELEI_NULL;
        return;
    }
    if (stelei_ahead_match(table, limit, head, word, ahead))
        return;
    uint64_t next = stelei_ref_off(&table->map, stelei_load32_dependent(&head->link));
    if (next == 0)
        return;
    if (STELEI_UNLIKELY(next + STELEI_BUCKET_BYTES > limit)) {
        ahead->probe.place.head = STELEI_NULL;
        return;
    }
    ahead->line = stelei_bucket_at(&table->map, next);
    __builtin_prefetch(ahead->line);
}

/* Stage 3: the same in that overflow line, for the one key in ten that stands in one. */
STELEI_INLINE void stelei_ahead_line(const struct stele_table *table, uint64_t limit,
                                     struct stelei_ahead *ahead)
{
    if (STELEI_UNLIKELY(ahead->line != NULL))
        stelei_ahead_match(table, limit, ahead->line, stelei_load64_acquire(&ahead->line->sequence),
                           ahead);
}

/* Stage 4: as stele_get(), from where the stages have come. false: not settled by them. */
STELEI_INLINE bool stelei_ahead_finish(const struct stele_table *table, uint64_t limit,
                                       struct stelei_ahead *ahead, struct stele_lookup *lookup)
{
    struct stelei_probe *probe = &ahead->probe;
    if (STELEI_UNLIKELY(!probe->place.head))
        return false;
    if (ahead->off == 0) {
        lookup->status = STELE_ENOTFOUND; /* there was no overflow line either */
        return !ahead->line && stelei_probe_unchanged(table, probe);
    }
    if (STELEI_UNLIKELY(!stelei_record_plain(&table->map, ahead->off, limit, lookup->key,
                                             STELEI_CAST(uint32_t, lookup->key_bytes), probe)))
        return false;
    size_t bytes = stelei_record_value_bytes(probe->meta);
    if (STELEI_UNLIKELY(bytes > lookup->capacity || bytes > STELEI_LARGE_BYTES))
        return false;
    stelei_copy_out(lookup->buffer, stelei_probe_value(probe, lookup->key_bytes), bytes);
    lookup->value_bytes = bytes;
    lookup->status = STELE_OK;
    return stelei_probe_unchanged(table, probe);
}

/* Up to STELEI_GROUP keys, in stages, under the table word that the handle was opened with. */
static inline void stelei_get_staged(const struct stele_table *table, uint64_t word,
                                     struct stele_lookup *lookups, size_t n)
{
    struct stelei_ahead ring[STELEI_AHEAD_RING];
    uint64_t limit = stelei_map_limit(&table->map);
    uint64_t geometry = stelei_load64_acquire(&table->root->geometry);
    for (size_t i = 0; i < n + STELEI_FINISH_BEHIND; i++) {
        if (i < n)
            stelei_ahead_bucket(table, geometry, limit, &lookups[i], &ring[i % STELEI_AHEAD_RING]);
        size_t at = i - STELEI_HEAD_BEHIND; /* before the first: wraps, and is not below n */
        if (at < n)
            stelei_ahead_head(table, limit, &ring[at % STELEI_AHEAD_RING]);
        at = i - STELEI_LINE_BEHIND;
        if (at < n)
            stelei_ahead_line(table, limit, &ring[at % STELEI_AHEAD_RING]);
        at = i - STELEI_FINISH_BEHIND;
        if (at < n) {
            struct stelei_ahead *ahead = &ring[at % STELEI_AHEAD_RING];
            struct stele_lookup *l = &lookups[at];
            ahead->probe.table_word = word;
            if (STELEI_UNLIKELY(!stelei_ahead_finish(table, limit, ahead, l)))
                l->status =
                    stele_get(table, l->key, l->key_bytes, l->buffer, l->capacity, &l->value_bytes);
        }
    }
}

/*
 * Looks up n keys with their cache misses side by side. Every key is a lookup of its own (no common
 * instant). Returns how many were found; each lookup's status says the rest (STELE_ETOOBIG for a
 * key that is too long). Any n is allowed; the more, the better the misses overlap.
 */
static inline size_t stele_get_many(const struct stele_table *table, struct stele_lookup *lookups,
                                    size_t n)
{
    size_t found = 0;
    for (size_t done = 0; done < n;) {
        size_t group = n - done < STELEI_GROUP ? n - done : STELEI_GROUP;
        struct stele_lookup *l = &lookups[done];
        if (STELEI_LIKELY(table->usual_key_end != 0 &&
                          stelei_load64_acquire(&table->shared->word) == table->word))
            stelei_get_staged(table, table->word, l, group);
        else /* cleared since it was opened, or hashed otherwise: key by key */
            for (size_t i = 0; i < group; i++)
                l[i].status = stele_get(table, l[i].key, l[i].key_bytes, l[i].buffer, l[i].capacity,
                                        &l[i].value_bytes);
        for (size_t i = 0; i < group; i++)
            found += l[i].status == STELE_OK;
        done += group;
    }
    return found;
}

#endif
