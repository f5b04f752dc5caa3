/*
 * lookup.h - the lookup by a byte string: from a hash to a record that is validated afterwards. No
 * system call, no lock, no store to shared memory, no allocation.
 */
#ifndef STELE_DETAIL_LOOKUP_H
#define STELE_DETAIL_LOOKUP_H

#include "table.h"

/* HIT: the record at `off` lies inside `limit` and holds the key. MISS: it holds another. */
STELEI_INLINE enum stelei_outcome stelei_record_match(const struct stelei_map *map, uint64_t off,
                                                      uint64_t limit, const void *key,
                                                      uint32_t key_bytes,
                                                      struct stelei_probe *probe)
{
    if (STELEI_UNLIKELY(off + 8 > limit))
        return STELEI_SUSPECT;
    const uint64_t *record = STELEI_CAST(const uint64_t *, stelei_map_at(map, off));
    uint64_t meta = stelei_load64(record);
    if (STELEI_UNLIKELY(stelei_record_key_bytes(meta) != key_bytes))
        return STELEI_MISS;
    uint64_t end = off + stelei_record_bytes(meta);
    if (STELEI_UNLIKELY(end > limit))
        return STELEI_SUSPECT;
    probe->key = record + stelei_record_key_off(meta) / 8;
    probe->meta = meta;
    if (STELEI_UNLIKELY(
            !stelei_key_equal(probe->key, STELEI_CAST(const uint8_t *, key), key_bytes)))
        return STELEI_MISS;
    return STELEI_HIT;
}

/*
 * Searches the chain that starts at probe->place. The limit is loaded again before an offset beyond
 * it is called suspect: it may have grown after the caller loaded it, never after the ref was
 * published.
 */
__attribute__((noinline, unused)) static enum stelei_outcome
stelei_search(const struct stele_table *table, uint64_t limit, const void *key, uint32_t key_bytes,
              uint64_t hash, struct stelei_probe *probe)
{
    const struct stelei_map *map = &table->map;
    const struct stelei_bucket *line = probe->place.head, *met = line;
    uint64_t valid = probe->place.word;
    for (uint64_t lines = 1, again = STELEI_LINES_PER_CHECK;; lines++) {
        uint64_t match = stelei_line_match(line, valid, stelei_hash_tag(hash));
        for (; match; match &= match - 1) {
            uint32_t ref = stelei_load32_dependent(&line->ref[__builtin_ctzll(match)]);
            uint64_t off = stelei_ref_off(map, ref);
            enum stelei_outcome outcome =
                stelei_record_match(map, off, limit, key, key_bytes, probe);
            if (STELEI_UNLIKELY(outcome == STELEI_SUSPECT)) {
                stelei_nop_read();
                limit = stelei_map_limit(map);
                outcome = stelei_record_match(map, off, limit, key, key_bytes, probe);
            }
            if (STELEI_LIKELY(outcome != STELEI_MISS))
                return outcome;
        }
        uint64_t next = stelei_ref_off(map, stelei_load32_dependent(&line->link));
        if (STELEI_LIKELY(next == 0))
            return STELEI_MISS;
        if (STELEI_UNLIKELY(next + STELEI_BUCKET_BYTES > limit)) {
            stelei_nop_read();
            limit = stelei_map_limit(map);
            if (next + STELEI_BUCKET_BYTES > limit)
                return STELEI_SUSPECT;
        }
        if (STELEI_UNLIKELY(lines % STELEI_LINES_PER_CHECK == 0) &&
            !stelei_probe_unchanged(table, probe))
            return STELEI_RETRY;
        line = stelei_bucket_at(map, next);
        if (STELEI_UNLIKELY(line == met))
            return STELEI_SUSPECT; /* a ring (Brent's test) */
        if (STELEI_UNLIKELY(lines == again)) {
            met = line;
            again *= 2;
        }
        valid = stelei_load64_acquire(&line->sequence);
    }
}

/*
 * The usual record: no optional words, so that one comparison of the low half of its first word
 * tells that it has the key's length and its parts stand where the length says. false: look closer.
 */
STELEI_INLINE bool stelei_record_plain(const struct stelei_map *map, uint64_t off, uint64_t limit,
                                       const void *key, uint32_t key_bytes,
                                       struct stelei_probe *probe)
{
    uint64_t value_off = 8 + stelei_round_up(key_bytes, 8);
    if (STELEI_UNLIKELY(off + 8 > limit))
        return false;
    const uint64_t *record = STELEI_CAST(const uint64_t *, stelei_map_at(map, off));
    probe->meta = stelei_load64(record);
    probe->key = record + 1;
    /* offsets and the limit are multiples of eight: a value that fits, fits with its padding */
    return STELEI_LIKELY(STELEI_CAST(uint32_t, probe->meta) == key_bytes) &&
           STELEI_LIKELY(off + value_off + stelei_record_value_bytes(probe->meta) <= limit) &&
           STELEI_LIKELY(
               stelei_key_equal(record + 1, STELEI_CAST(const uint8_t *, key), key_bytes));
}

/*
 * One attempt; the caller validates with stelei_probe_unchanged(), a miss as well as a hit. In line
 * is what most lookups need, the first record of the first line whose tag fits (9 of 10 entries
 * stand in the first line); the rest is a call. What decides the time of a large table is how many
 * lookups the processor can have under way at once, so how few instructions wait for a line.
 */
STELEI_INLINE enum stelei_outcome stelei_find(const struct stele_table *table, const void *key,
                                              uint32_t key_bytes, uint64_t hash,
                                              struct stelei_probe *probe)
{
    uint64_t limit;
    enum stelei_outcome outcome = STELEI_RETRY; /* for compilers that cannot see that it is set */
    if (STELEI_UNLIKELY(!stelei_enter(table, hash, probe, &limit, &outcome)))
        return outcome;
    const struct stelei_bucket *head = probe->place.head;
    uint64_t match = stelei_line_match(head, probe->place.word, stelei_hash_tag(hash));
    if (STELEI_LIKELY(match != 0)) {
        uint32_t ref = stelei_load32_dependent(&head->ref[__builtin_ctzll(match)]);
        if (stelei_record_plain(&table->map, stelei_ref_off(&table->map, ref), limit, key,
                                key_bytes, probe))
            return STELEI_HIT;
    } else if (stelei_load32_dependent(&head->link) == 0) {
        return STELEI_MISS;
    }
    struct stelei_probe copy = *probe; /* for the call: *probe stays in registers */
    outcome = stelei_search(table, limit, key, key_bytes, hash, &copy);
    *probe = copy;
    return outcome;
}

/* After a hit; the record's key has the length that was asked for. */
STELEI_INLINE const uint64_t *stelei_probe_value(const struct stelei_probe *probe, size_t key_bytes)
{
    return probe->key + (key_bytes + 7) / 8;
}

/*
 * Attempts until a probe validates, with the clock begun before its validation.
 * STELE_OK: a hit, *clock is set. STELE_ENOTFOUND, STELE_EBUSY, STELE_ECORRUPT, STELE_EDROPPED,
 * STELE_EMOVED otherwise. *attempts is counted on, so that callers which loop stay bounded.
 */
static inline enum stele_status stelei_settle(const struct stele_table *table, const void *key,
                                              uint32_t key_bytes, uint64_t hash,
                                              struct stelei_probe *probe, uint64_t *clock,
                                              unsigned *attempts)
{
    memset(probe, 0, sizeof *probe); /* for compilers that cannot see that a hit fills it */
    while ((*attempts)++ < STELEI_ATTEMPTS) {
        enum stelei_outcome outcome = stelei_find(table, key, key_bytes, hash, probe);
        if (outcome == STELEI_GONE)
            return stelei_gone(table);
        if (outcome == STELEI_RETRY)
            continue;
        *clock = stelei_clock_begin(table);
        if (!stelei_probe_unchanged(table, probe))
            continue;
        if (outcome == STELEI_HIT)
            return STELE_OK;
        return outcome == STELEI_MISS ? STELE_ENOTFOUND : STELE_ECORRUPT;
    }
    return STELE_EBUSY;
}

#endif
