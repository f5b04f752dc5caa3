/*
 * word_lookup.h - the lookup by a word: the key stands in the bucket itself, so that a table of words
 * costs one cache line a lookup. No system call, no lock, no store to shared memory, no allocation.
 *
 * A slot's key and value may be those of two entries while the writer changes them; the head's
 * version tells, as it does for everything else that is loaded here.
 */
#ifndef STELE_DETAIL_WORD_LOOKUP_H
#define STELE_DETAIL_WORD_LOOKUP_H

#include "table.h"

STELEI_INLINE const struct stelei_word_bucket *stelei_word_line(const struct stelei_bucket *line)
{
    return STELEI_CAST(const struct stelei_word_bucket *, STELEI_CAST(const void *, line));
}

/* One bit for each slot of a line that is valid in `word` and has the key. All three are compared:
 * which of them it is would be a branch that no processor predicts. */
STELEI_INLINE uint64_t stelei_word_match(const struct stelei_word_bucket *line, uint64_t word,
                                         uint64_t key)
{
    uint64_t match = STELEI_CAST(uint64_t, stelei_load64(&line->slot[0].key) == key) |
                     STELEI_CAST(uint64_t, stelei_load64(&line->slot[1].key) == key) << 1 |
                     STELEI_CAST(uint64_t, stelei_load64(&line->slot[2].key) == key) << 2;
    return match & word; /* whatever bits a line that is something else by now may show */
}

/* The value of the slot that matched. Acquire: it may be a ref, and what it leads to is loaded next.
 * A word needs none, and gets none where that costs anything. */
STELEI_INLINE uint64_t stelei_word_value(const struct stelei_word_bucket *line, uint64_t match,
                                         bool is_ref)
{
    const uint64_t *value = &line->slot[__builtin_ctzll(match)].value;
    return is_ref ? stelei_load64_acquire(value) : stelei_load64(value);
}

/*
 * Searches the chain that starts at probe->place, the head included. As stelei_search(): the limit is
 * loaded again before a link beyond it is called suspect, the head is looked at again now and then,
 * and a ring ends.
 */
__attribute__((noinline, unused)) static enum stelei_outcome
stelei_word_search(const struct stele_table *table, uint64_t limit, uint64_t key,
                   const struct stelei_probe *probe, uint64_t *value)
{
    const struct stelei_bucket *head = probe->place.head, *met = head;
    const struct stelei_word_bucket *line = stelei_word_line(head);
    uint64_t valid = probe->place.word;
    for (uint64_t lines = 1, again = STELEI_LINES_PER_CHECK;; lines++) {
        uint64_t match = stelei_word_match(line, valid, key);
        if (match) {
            *value = stelei_word_value(line, match, true);
            return STELEI_HIT;
        }
        uint64_t next = stelei_ref_off(&table->map, stelei_load32_dependent(&line->link));
        if (STELEI_LIKELY(next == 0))
            return STELEI_MISS;
        if (STELEI_UNLIKELY(next + STELEI_BUCKET_BYTES > limit)) {
            stelei_nop_read();
            limit = stelei_map_limit(&table->map);
            if (next + STELEI_BUCKET_BYTES > limit)
                return STELEI_SUSPECT;
        }
        if (STELEI_UNLIKELY(lines % STELEI_LINES_PER_CHECK == 0) &&
            !stelei_probe_unchanged(table, probe))
            return STELEI_RETRY;
        const struct stelei_bucket *at = stelei_bucket_at(&table->map, next);
        if (STELEI_UNLIKELY(at == met))
            return STELEI_SUSPECT; /* a ring (Brent's test) */
        if (STELEI_UNLIKELY(lines == again)) {
            met = at;
            again *= 2;
        }
        line = stelei_word_line(at);
        valid = stelei_load64_acquire(&line->sequence);
    }
}

/* One attempt; the caller validates with stelei_probe_unchanged(), a miss as well as a hit. In line
 * is the first line, where five of six entries stand. */
STELEI_INLINE enum stelei_outcome stelei_word_find(const struct stele_table *table, uint64_t key,
                                                   uint64_t hash, bool is_ref,
                                                   struct stelei_probe *probe, uint64_t *value)
{
    uint64_t limit;
    enum stelei_outcome outcome = STELEI_RETRY; /* as in stelei_find() */
    if (STELEI_UNLIKELY(!stelei_enter(table, hash, probe, &limit, &outcome)))
        return outcome;
    const struct stelei_word_bucket *head = stelei_word_line(probe->place.head);
    uint64_t match = stelei_word_match(head, probe->place.word, key);
    if (STELEI_LIKELY(match != 0)) {
        *value = stelei_word_value(head, match, is_ref);
        return STELEI_HIT;
    }
    if (stelei_load32_dependent(&head->link) == 0)
        return STELEI_MISS;
    struct stelei_probe copy = *probe; /* for the call: *probe stays in registers */
    uint64_t found = 0;
    outcome = stelei_word_search(table, limit, key, &copy, &found);
    *value = found;
    return outcome;
}

/* ---- what a ref leads to -------------------------------------------------------------------- */

/* Whether a record without a key lies at `off`, of the size that the table's type demands. */
STELEI_INLINE bool stelei_word_record_at(const struct stele_table *table, uint64_t off,
                                         uint64_t limit, struct stelei_probe *probe)
{
    if (STELEI_UNLIKELY(off == 0 || off + 8 > limit))
        return false;
    const uint64_t *record = STELEI_CAST(const uint64_t *, stelei_map_at(&table->map, off));
    uint64_t meta = stelei_load64(record);
    probe->key = record + stelei_record_key_off(meta) / 8; /* where the value begins, too */
    probe->meta = meta;
    uint32_t fixed_bytes = table->type.value_bytes;
    return STELEI_LIKELY(stelei_record_key_bytes(meta) == 0) &&
           STELEI_LIKELY(off + stelei_record_bytes(meta) <= limit) &&
           (fixed_bytes == 0 || stelei_record_value_bytes(meta) == fixed_bytes);
}

/* HIT: probe->key is the value in the record, probe->meta its first word. */
STELEI_INLINE enum stelei_outcome stelei_word_record(const struct stele_table *table, uint64_t ref,
                                                     struct stelei_probe *probe)
{
    uint64_t off = stelei_ref_off(&table->map, STELEI_CAST(uint32_t, ref));
    if (STELEI_LIKELY(stelei_word_record_at(table, off, stelei_map_limit(&table->map), probe)))
        return STELEI_HIT;
    stelei_nop_read(); /* the limit may have been older than the ref */
    return stelei_word_record_at(table, off, stelei_map_limit(&table->map), probe) ? STELEI_HIT
                                                                                   : STELEI_SUSPECT;
}

/*
 * Attempts until a probe validates, with the clock begun before its validation; where the table has
 * records, up to the record. Statuses as stelei_settle().
 */
static inline enum stele_status stelei_word_settle(const struct stele_table *table, uint64_t key,
                                                   uint64_t hash, struct stelei_probe *probe,
                                                   uint64_t *value, uint64_t *clock,
                                                   unsigned *attempts)
{
    memset(probe, 0, sizeof *probe); /* for compilers that cannot see that a hit fills it */
    while ((*attempts)++ < STELEI_ATTEMPTS) {
        uint64_t found = 0;
        enum stelei_outcome outcome = stelei_word_find(table, key, hash, true, probe, &found);
        if (outcome == STELEI_HIT && table->form == STELEI_FORM_WORD_RECORDS)
            outcome = stelei_word_record(table, found, probe);
        if (outcome == STELEI_GONE)
            return stelei_gone(table);
        if (outcome == STELEI_RETRY)
            continue;
        *clock = stelei_clock_begin(table);
        if (!stelei_probe_unchanged(table, probe))
            continue;
        *value = found;
        if (outcome == STELEI_HIT)
            return STELE_OK;
        return outcome == STELEI_MISS ? STELE_ENOTFOUND : STELE_ECORRUPT;
    }
    return STELE_EBUSY;
}

#endif
