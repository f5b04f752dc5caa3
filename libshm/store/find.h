/*
 * find.h - where a word key stands. Inline, for the writer's rooms that are fast because of it; all
 * others call table_find().
 */
#ifndef STORE_FIND_H
#define STORE_FIND_H

#include "adopt.h"
#include "index.h"
#include "slot.h"

/* As stelei_geometry_aim(): without a branch, which would be a coin toss. */
STELEI_INLINE uint64_t find_bucket(const struct table *table, uint64_t hash)
{
    uint64_t level = UINT64_C(1) << stelei_top_bit(table->buckets), i = hash & (level - 1);
    return i | (hash & level & (0 - (uint64_t)(i < table->buckets - level)));
}

/* The chain of a hash, at its head. */
STELEI_INLINE void find_head(struct table *table, uint64_t hash, struct table_spot *spot)
{
    spot->bucket = find_bucket(table, hash);
    spot->head = index_bucket(table, spot->bucket);
    spot->line = spot->head;
    spot->previous = NULL;
    adopt_bucket(table, spot->bucket);
}

/* One bit for each valid slot of the line that has the key. All three are compared: which of them it
 * is would be a branch that no processor predicts. */
STELEI_INLINE uint64_t find_match_words(struct stelei_bucket *line, uint64_t key)
{
    uint64_t match = (uint64_t)(stelei_load64(&slot_word(line, 0)->key) == key) |
                     (uint64_t)(stelei_load64(&slot_word(line, 1)->key) == key) << 1 |
                     (uint64_t)(stelei_load64(&slot_word(line, 2)->key) == key) << 2;
    return match & stelei_load64(&line->sequence);
}

/* As table_find() of a table of word keys, but for spot->record_off and spot->meta. */
STELEI_INLINE bool find_word(struct table *table, uint64_t key, uint64_t hash,
                             struct table_spot *spot)
{
    find_head(table, hash, spot);
    for (;;) {
        uint64_t match = find_match_words(spot->line, key);
        if (STELEI_LIKELY(match != 0)) {
            spot->slot = (unsigned)__builtin_ctzll(match);
            return true;
        }
        struct stelei_bucket *next = slot_next(table, spot->line);
        if (!next)
            return false; /* spot->line is the last one */
        spot->previous = spot->line;
        spot->line = next;
    }
}

#endif
