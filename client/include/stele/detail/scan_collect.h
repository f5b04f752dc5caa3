/*
 * scan_collect.h - the entries of one bucket after a position, all from one instant, in the order in
 * which scan.h returns them. Knows every form of table; copies no value.
 *
 * The order is (hash, tie): keys whose hashes are equal must be told apart, or a bucket that is taken
 * up again would lose those that were not returned yet. The tie is the key itself where it is a word.
 * For byte strings it is their XXH3, and 0 where that is the hash: the seed makes two keys with one
 * 64-bit hash unconstructible.
 */
#ifndef STELE_DETAIL_SCAN_COLLECT_H
#define STELE_DETAIL_SCAN_COLLECT_H

#include "list_read.h"

#define STELEI_SCAN_ENTRIES 32u

struct stelei_scan_entry {
    uint64_t hash;
    uint64_t tie;
    uint64_t value;         /* of a slot of words: the word, or a ref */
    const uint64_t *record; /* NULL where there is none */
    uint64_t meta;
};

/* Private, but for being copied and thrown away as its user likes. */
struct stele_scan {
    const struct stele_table *table;
    uint64_t incarnation;  /* the table's when it was begun */
    const uint8_t *prefix; /* the caller's */
    uint32_t prefix_bytes;
    uint64_t word;   /* the table's at the first bucket; 0 = not begun */
    uint64_t bucket; /* the position: this bucket, after these two */
    uint64_t last_hash;
    uint64_t last_tie;
    bool after_last; /* entries up to (last_hash, last_tie) were returned */
    bool more;       /* the bucket has more entries than `entry` holds */
    bool loaded;
    unsigned count, next;
    uint64_t clock;
    struct stelei_probe probe;
    struct stelei_scan_entry entry[STELEI_SCAN_ENTRIES]; /* in order */
};

STELEI_INLINE bool stelei_scan_after(const struct stelei_scan_entry *entry, uint64_t hash,
                                     uint64_t tie)
{
    return entry->hash > hash || (entry->hash == hash && entry->tie > tie);
}

/* Keeps the first entries after the position; what does not fit is left for another round. */
static inline void stelei_scan_keep(struct stele_scan *scan, const struct stelei_scan_entry *entry)
{
    if (scan->after_last && !stelei_scan_after(entry, scan->last_hash, scan->last_tie))
        return;
    unsigned at = scan->count;
    while (at > 0 && stelei_scan_after(&scan->entry[at - 1], entry->hash, entry->tie))
        at--;
    if (scan->count == STELEI_SCAN_ENTRIES) {
        scan->more = true;
        if (at == STELEI_SCAN_ENTRIES)
            return;
        scan->count--;
    }
    memmove(&scan->entry[at + 1], &scan->entry[at], (scan->count - at) * sizeof scan->entry[0]);
    scan->entry[at] = *entry;
    scan->count++;
}

/* ---- byte strings as keys ------------------------------------------------------------------- */

/* The hash and tie of a key in shared memory: keys up to 256 bytes are copied first, longer ones
 * hashed in place; either way a torn hash is thrown away by the validation that follows. */
static inline void stelei_scan_hash(const struct stele_table *table,
                                    struct stelei_scan_entry *entry)
{
    const uint64_t *key = entry->record + stelei_record_key_off(entry->meta) / 8;
    uint32_t bytes = stelei_record_key_bytes(entry->meta);
    uint64_t copy[STELEI_WORD_COPY_BYTES / 8];
    if (bytes <= sizeof copy) {
        stelei_copy_out(copy, key, bytes);
        key = copy;
    } else {
        __asm__ volatile("" ::: "memory");
    }
    entry->hash = stelei_table_hash(table, key, bytes);
    entry->tie =
        table->type.hash_id == STELE_HASH_XXH3 ? 0 : stelei_hash(key, bytes, table->map.hash_seed);
}

/* Whether a key in shared memory begins with the scan's prefix; validated later, like the hash. */
static inline bool stelei_scan_wanted(const struct stele_scan *scan,
                                      const struct stelei_scan_entry *entry)
{
    const uint64_t *key = entry->record + stelei_record_key_off(entry->meta) / 8;
    uint32_t whole = scan->prefix_bytes / 8, rest = scan->prefix_bytes % 8;
    uint64_t word = 0;
    if (stelei_record_key_bytes(entry->meta) < scan->prefix_bytes)
        return false;
    for (uint32_t i = 0; i < whole; i++) {
        memcpy(&word, scan->prefix + 8 * i, 8);
        if (stelei_load64(key + i) != word)
            return false;
    }
    if (rest == 0)
        return true;
    word = 0;
    memcpy(&word, scan->prefix + 8 * whole, rest);
    return (stelei_load64(key + whole) & ((UINT64_C(1) << 8 * rest) - 1)) == word;
}

/* Collects from one line. false: a ref leads nowhere. */
static inline bool stelei_scan_line(struct stele_scan *scan, const struct stelei_bucket *line,
                                    uint64_t valid)
{
    const struct stele_table *table = scan->table;
    unsigned depth = stelei_sequence_depth(scan->probe.place.word);
    for (unsigned slot = 0; slot < STELEI_BYTES_SLOTS; slot++) {
        struct stelei_scan_entry entry = {0, 0, 0, STELEI_NULL, 0};
        if (!(valid >> slot & 1))
            continue;
        uint64_t off = stelei_ref_off(&table->map, stelei_load32_dependent(&line->ref[slot]));
        stelei_nop_read();
        uint64_t limit = stelei_map_limit(&table->map);
        if (off == 0 || off + 8 > limit)
            return false;
        entry.record = STELEI_CAST(const uint64_t *, stelei_map_at(&table->map, off));
        entry.meta = stelei_load64(entry.record);
        if (off + stelei_record_bytes(entry.meta) > limit)
            return false;
        if (table->form == STELEI_FORM_BYTES_LISTS &&
            stelei_record_value_bytes(entry.meta) != sizeof(uint64_t))
            return false;
        if (scan->prefix_bytes && !stelei_scan_wanted(scan, &entry))
            continue;
        stelei_scan_hash(table, &entry);
        /* a moved entry that still stands here is returned by its new bucket */
        if (stelei_depth_bucket(entry.hash, depth) == scan->bucket)
            stelei_scan_keep(scan, &entry);
    }
    return true;
}

/* ---- words as keys -------------------------------------------------------------------------- */

/* The same for a line of words. */
static inline bool stelei_scan_word_line(struct stele_scan *scan, const struct stelei_bucket *line,
                                         uint64_t valid)
{
    const struct stele_table *table = scan->table;
    unsigned depth = stelei_sequence_depth(scan->probe.place.word);
    for (unsigned slot = 0; slot < STELEI_WORD_SLOTS; slot++) {
        struct stelei_scan_entry entry = {0, 0, 0, STELEI_NULL, 0};
        struct stelei_probe record;
        if (!(valid >> slot & 1))
            continue;
        entry.tie = stelei_load64(&stelei_word_line(line)->slot[slot].key);
        entry.value = stelei_load64_acquire(&stelei_word_line(line)->slot[slot].value);
        entry.hash = stelei_table_hash_word(table, entry.tie);
        if (stelei_depth_bucket(entry.hash, depth) != scan->bucket)
            continue;
        if (table->form == STELEI_FORM_WORD_RECORDS) {
            if (stelei_word_record(table, entry.value, &record) != STELEI_HIT)
                return false;
            entry.record = record.key; /* where the value begins */
            entry.meta = record.meta;
        }
        stelei_scan_keep(scan, &entry);
    }
    return true;
}

/* ---- the bucket ----------------------------------------------------------------------------- */

/* Collects the bucket's chain, not validated. */
static inline enum stelei_outcome stelei_scan_chain(struct stele_scan *scan)
{
    const struct stele_table *table = scan->table;
    const struct stelei_bucket *line = scan->probe.place.head, *met = line;
    uint64_t valid = scan->probe.place.word;
    bool words = table->form >= STELEI_FORM_WORDS;
    scan->count = scan->next = 0;
    scan->more = false;
    for (uint64_t lines = 1, again = STELEI_LINES_PER_CHECK;; lines++) {
        if (!(words ? stelei_scan_word_line(scan, line, valid)
                    : stelei_scan_line(scan, line, valid)))
            return STELEI_SUSPECT;
        uint64_t next = stelei_ref_off(
            &table->map,
            stelei_load32_dependent(words ? &stelei_word_line(line)->link : &line->link));
        if (next == 0)
            return STELEI_HIT;
        stelei_nop_read();
        uint64_t limit = stelei_map_limit(&table->map);
        if (next + STELEI_BUCKET_BYTES > limit)
            return STELEI_SUSPECT;
        if (lines % STELEI_LINES_PER_CHECK == 0 && !stelei_probe_unchanged(table, &scan->probe))
            return STELEI_RETRY;
        line = stelei_bucket_at(&table->map, next);
        if (line == met)
            return STELEI_SUSPECT; /* a ring (Brent's test) */
        if (lines == again) {
            met = line;
            again *= 2;
        }
        valid = stelei_load64_acquire(&line->sequence);
    }
}

/* One attempt at the bucket. MISS: it is not born, the table ends here. */
static inline enum stelei_outcome stelei_scan_bucket(struct stele_scan *scan)
{
    const struct stele_table *table = scan->table;
    const struct stelei_root *root = table->root;
    scan->probe.table_word = stelei_load64_acquire(&table->shared->word);
    if (scan->probe.table_word != table->word) {
        root = stelei_root_follow(table, scan->probe.table_word, stelei_map_limit(&table->map));
        if (!root)
            return STELEI_GONE;
    }
    if (scan->word == 0)
        scan->word = scan->probe.table_word;
    /* Cleared since: no key was present throughout, and the new index may end before our bucket, in
     * memory that nobody has prepared to be read as buckets. No index is larger than the segment.
     */
    if (scan->word != scan->probe.table_word ||
        scan->bucket >= stelei_map_limit(&table->map) / STELEI_BUCKET_BYTES)
        return STELEI_MISS;
    uint64_t off =
        stelei_bucket_off(&table->map, root, scan->bucket, stelei_map_limit(&table->map));
    if (off == 0) {
        /* no memory yet: make sure that it was not our limit that was old */
        stelei_nop_read();
        off = stelei_bucket_off(&table->map, root, scan->bucket, stelei_map_limit(&table->map));
        if (off == 0)
            return STELEI_MISS;
    }
    scan->probe.place.head = stelei_bucket_at(&table->map, off);
    scan->probe.place.word = stelei_sequence_begin(&scan->probe.place.head->sequence);
    if (stelei_sequence_depth(scan->probe.place.word) == 0)
        return STELEI_MISS;
    return stelei_scan_chain(scan);
}

/* Collects the entries after the position from its bucket, all from one instant. STELE_EEND: done.
 */
static inline enum stele_status stelei_scan_load(struct stele_scan *scan, unsigned *attempts)
{
    while ((*attempts)++ < STELEI_ATTEMPTS) {
        scan->loaded = false;
        enum stelei_outcome outcome = stelei_scan_bucket(scan);
        if (outcome == STELEI_GONE)
            return stelei_gone(scan->table);
        if (outcome == STELEI_MISS) {
            stelei_nop_read();
            if (stelei_load64(&scan->table->shared->word) != scan->probe.table_word)
                continue; /* not the end: the index is another table's memory by now */
            return STELE_EEND;
        }
        if (outcome == STELEI_RETRY)
            continue;
        scan->clock = stelei_clock_begin(scan->table);
        if (!stelei_probe_unchanged(scan->table, &scan->probe))
            continue;
        if (outcome == STELEI_SUSPECT)
            return STELE_ECORRUPT;
        scan->loaded = true;
        return STELE_OK;
    }
    return STELE_EBUSY;
}

/* Brings the next entry to scan->entry[scan->next]. */
static inline enum stele_status stelei_scan_advance(struct stele_scan *scan, unsigned *attempts)
{
    for (;;) {
        if (scan->loaded && scan->next < scan->count)
            return STELE_OK;
        if (scan->loaded && !scan->more) {
            scan->bucket++;
            scan->after_last = false;
            scan->loaded = false;
            *attempts = 0;
        }
        enum stele_status status = stelei_scan_load(scan, attempts);
        if (status != STELE_OK)
            return status;
    }
}

/* The entry was returned, or is passed over. */
STELEI_INLINE void stelei_scan_pass(struct stele_scan *scan)
{
    scan->last_hash = scan->entry[scan->next].hash;
    scan->last_tie = scan->entry[scan->next].tie;
    scan->after_last = true;
    scan->next++;
}

#endif
