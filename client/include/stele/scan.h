/*
 * scan.h - walk all entries of a table, while it is written to, without the daemon.
 *
 * Guarantee: every key that is present from the first call to the last is returned at least once
 * (a table that is cleared meanwhile has none, and ends the scan),
 * with a value that it held meanwhile. A key that is written, comes or goes meanwhile may be
 * returned or not; a key may be returned twice when its bucket splits. Entries come in no order.
 *
 * The scan's position is (bucket, last hash): entries of a bucket are returned by ascending hash,
 * so that a bucket which changes is taken up again after the last entry returned. Keys only move to
 * higher bucket numbers; an ascending walk misses none. (Two keys of one bucket whose 64-bit hashes
 * are equal could be told apart only by luck of timing; the seed makes such pairs unconstructible.)
 *
 * Threads: a scan belongs to one thread; its table may be shared. No system call, lock, allocation.
 */
#ifndef STELE_SCAN_H
#define STELE_SCAN_H

#include "reader.h"

#define STELEI_SCAN_ENTRIES 32u

struct stelei_scan_entry {
    uint64_t hash;
    const uint64_t *record;
    uint64_t meta;
};

struct stele_scan {
    const struct stele_table *table;
    uint64_t word;   /* the table's at the first bucket; 0 = not begun */
    uint64_t bucket; /* the position: resumable by copying word, bucket and these two */
    uint64_t last_hash;
    bool after_last; /* entries up to last_hash were returned */
    bool more;       /* the bucket has more entries than `entry` holds */
    bool loaded;
    unsigned count, next;
    uint64_t clock;
    struct stelei_probe probe;
    struct stelei_scan_entry entry[STELEI_SCAN_ENTRIES]; /* ascending by hash */
};

/* Starts at the beginning. The table handle must outlive the scan. */
static inline void stele_scan_begin(struct stele_scan *scan, const struct stele_table *table)
{
    memset(scan, 0, sizeof *scan);
    scan->table = table;
}

/* Keeps the smallest hashes after the position; what does not fit is left for another round. */
static inline void stelei_scan_keep(struct stele_scan *scan, uint64_t hash, const uint64_t *record,
                                    uint64_t meta)
{
    if (scan->after_last && hash <= scan->last_hash)
        return;
    unsigned at = scan->count;
    while (at > 0 && scan->entry[at - 1].hash > hash)
        at--;
    if (scan->count == STELEI_SCAN_ENTRIES) {
        scan->more = true;
        if (at == STELEI_SCAN_ENTRIES)
            return;
        scan->count--;
    }
    memmove(&scan->entry[at + 1], &scan->entry[at], (scan->count - at) * sizeof scan->entry[0]);
    scan->entry[at].hash = hash;
    scan->entry[at].record = record;
    scan->entry[at].meta = meta;
    scan->count++;
}

/* The hash of a key in shared memory: keys up to 256 bytes are copied first, longer ones hashed in
 * place; either way a torn hash is thrown away by the validation that follows. */
static inline uint64_t stelei_scan_hash(const struct stele_table *table, const uint64_t *record,
                                        uint64_t meta)
{
    const uint64_t *key = record + stelei_record_key_off(meta) / 8;
    uint32_t bytes = stelei_record_key_bytes(meta);
    uint64_t copy[STELEI_WORD_COPY_BYTES / 8];
    if (bytes > sizeof copy) {
        __asm__ volatile("" ::: "memory");
        return stelei_table_hash(table, key, bytes);
    }
    stelei_copy_out(copy, key, bytes);
    return stelei_table_hash(table, copy, bytes);
}

/* Collects from one line. false: a ref leads nowhere. */
static inline bool stelei_scan_line(struct stele_scan *scan, const struct stelei_bucket *line,
                                    uint64_t valid)
{
    const struct stele_table *table = scan->table;
    unsigned depth = stelei_sequence_depth(scan->probe.place.word);
    for (unsigned slot = 0; slot < STELEI_BYTES_SLOTS; slot++) {
        if (!(valid >> slot & 1))
            continue;
        uint64_t off = stelei_ref_off(&table->map, stelei_load32_dependent(&line->ref[slot]));
        stelei_nop_read();
        uint64_t limit = stelei_map_limit(&table->map);
        if (off == 0 || off + 8 > limit)
            return false;
        const uint64_t *record = (const uint64_t *)(const void *)(table->map.base + off);
        uint64_t meta = stelei_load64(record);
        if (off + stelei_record_bytes(meta) > limit)
            return false;
        uint64_t hash = stelei_scan_hash(table, record, meta);
        /* a moved entry that still stands here is returned by its new bucket */
        if (stelei_depth_bucket(hash, depth) == scan->bucket)
            stelei_scan_keep(scan, hash, record, meta);
    }
    return true;
}

/* Collects the bucket's chain, not validated. */
static inline enum stelei_outcome stelei_scan_chain(struct stele_scan *scan)
{
    const struct stele_table *table = scan->table;
    const struct stelei_bucket *line = scan->probe.place.head, *met = line;
    uint64_t valid = scan->probe.place.word;
    scan->count = scan->next = 0;
    scan->more = false;
    for (uint64_t lines = 1, again = STELEI_LINES_PER_CHECK;; lines++) {
        if (!stelei_scan_line(scan, line, valid))
            return STELEI_SUSPECT;
        uint64_t next = stelei_ref_off(&table->map, stelei_load32_dependent(&line->link));
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

/*
 * Copies the next entry out. Buffers may be NULL with capacity 0 (but see STELE_ESHORT).
 *   STELE_OK      *key_bytes and *value_bytes are set
 *   STELE_EEND    there are no more entries
 *   STELE_ESHORT  a buffer is too short: both lengths are set, the position stays: call again.
 *                 stele_scan_skip() goes past it instead
 *   STELE_EBUSY   the bucket changes faster than it can be read; the position stays
 *   STELE_EDROPPED, STELE_EMOVED, STELE_ECORRUPT  as in reader.h
 */
static inline enum stele_status stele_scan_next(struct stele_scan *scan, void *key,
                                                size_t key_capacity, size_t *key_bytes, void *value,
                                                size_t value_capacity, size_t *value_bytes)
{
    unsigned attempts = 0;
    for (;;) {
        enum stele_status status = stelei_scan_advance(scan, &attempts);
        if (status != STELE_OK)
            return status;
        const struct stelei_scan_entry *entry = &scan->entry[scan->next];
        size_t klen = stelei_record_key_bytes(entry->meta);
        size_t vlen = stelei_record_value_bytes(entry->meta);
        bool fits = klen <= key_capacity && vlen <= value_capacity;
        if (fits) {
            stelei_copy_out(key, entry->record + stelei_record_key_off(entry->meta) / 8, klen);
            stelei_copy_out(value, entry->record + stelei_record_value_off(entry->meta) / 8, vlen);
            if (!stelei_clock_untouched(scan->table, scan->clock) &&
                !stelei_probe_unchanged(scan->table, &scan->probe)) {
                scan->loaded = false; /* collect the rest of the bucket anew */
                continue;
            }
            scan->last_hash = entry->hash;
            scan->after_last = true;
            scan->next++;
        }
        *key_bytes = klen;
        *value_bytes = vlen;
        return fits ? STELE_OK : STELE_ESHORT;
    }
}

/* Goes past the entry for which stele_scan_next() returned STELE_ESHORT. */
static inline void stele_scan_skip(struct stele_scan *scan)
{
    if (scan->loaded && scan->next < scan->count) {
        scan->last_hash = scan->entry[scan->next].hash;
        scan->after_last = true;
        scan->next++;
    }
}

#endif
