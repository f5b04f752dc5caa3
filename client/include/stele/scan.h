/*
 * scan.h - walk all entries of a table, while it is written to, without the daemon.
 *
 * Guarantee: every key that is present from the first call to the last is returned at least once
 * (a table that is cleared meanwhile has none, and ends the scan),
 * with a value that it held meanwhile. A key that is written, comes or goes meanwhile may be
 * returned or not; a key may be returned twice when its bucket splits. Entries come in no order.
 *
 * The scan's position is (bucket, last hash, tie): entries of a bucket are returned in the order of
 * their hashes, keys with one hash in an order of their own, so that a bucket which changes is taken
 * up again after the last entry returned. Keys only move to higher bucket numbers; an ascending walk
 * misses none. The position is five words that outlive the scan, the reader and the process: see
 * struct stele_scan_cursor.
 *
 * Every type of table can be scanned (open it by any function, and scan &words.table of words).
 * A word has as many bytes as its kind, little-endian; a list, as a value, its elements, packed.
 *
 * Threads: a scan belongs to one thread; its table may be shared. No system call, lock, allocation.
 * Statuses of all stele_scan_next functions:
 *   STELE_OK      an entry
 *   STELE_EEND    there are no more entries
 *   STELE_ESHORT  a buffer is too short: the lengths are set, the position stays: call again.
 *                 stele_scan_skip() goes past it instead
 *   STELE_EBUSY   the bucket changes faster than it can be read; the position stays
 *   STELE_ETYPE   not for tables of this type
 *   STELE_EDROPPED, STELE_EMOVED, STELE_ECORRUPT  as in reader.h; STELE_EDROPPED too where the handle
 *                 was opened anew, for another table, since the scan was begun
 *   STELE_EINVAL  the handle is not open, or the scan was never begun (all zero)
 */
#ifndef STELE_SCAN_H
#define STELE_SCAN_H

#include "detail/scan_collect.h"
#include "list.h"

/* Starts at the beginning. The table handle must outlive the scan. */
static inline void stele_scan_begin(struct stele_scan *scan, const struct stele_table *table)
{
    memset(scan, 0, sizeof *scan);
    scan->table = table;
    scan->incarnation = table->incarnation;
}

/*
 * The same for the keys that begin with these bytes, which must outlive the scan too. It looks at all
 * entries all the same (hashing leaves no order), but copies only these.
 *   STELE_ETYPE  words have no prefix   STELE_ETOOBIG  longer than keys can be
 */
static inline enum stele_status stele_scan_begin_prefix(struct stele_scan *scan,
                                                        const struct stele_table *table,
                                                        const void *prefix, size_t prefix_bytes)
{
    if (table->form == STELEI_FORM_NONE || table->form >= STELEI_FORM_WORDS)
        return stelei_not_for(table);
    if (prefix_bytes > STELEI_KEY_MAX_BYTES)
        return STELE_ETOOBIG;
    stele_scan_begin(scan, table);
    scan->prefix = STELEI_CAST(const uint8_t *, prefix);
    scan->prefix_bytes = STELEI_CAST(uint32_t, prefix_bytes);
    return STELE_OK;
}

/* ---- to be continued ---------------------------------------------------------------------- */

/*
 * Where a scan stands: six words to be stored anywhere and for as long as the table lives. Zeros
 * stand for the beginning. Good for another scan of the same table in another process, too, with
 * another prefix or none; the guarantee holds for what was present from the first scan's begin on.
 */
struct stele_scan_cursor {
    uint64_t table_word; /* which life of the table: a clear ends the scan */
    uint64_t bucket;
    uint64_t hash; /* of the last entry returned from that bucket */
    uint64_t tie;
    uint64_t after; /* 1: there was one */
    uint64_t incarnation; /* which table, of which segment */
};

static inline void stele_scan_save(const struct stele_scan *scan, struct stele_scan_cursor *cursor)
{
    cursor->table_word = scan->word;
    cursor->bucket = scan->bucket;
    cursor->hash = scan->last_hash;
    cursor->tie = scan->last_tie;
    cursor->after = scan->after_last;
    cursor->incarnation = scan->incarnation;
}

/*
 * Lets a scan that was begun go on behind the last entry that was returned before the save.
 *   STELE_EDROPPED  the cursor is of another table: of one that was dropped, or of the same name in a
 *   segment that was replaced. The scan stays where it is, at its beginning
 */
static inline enum stele_status stele_scan_resume(struct stele_scan *scan,
                                                  const struct stele_scan_cursor *cursor)
{
    if (cursor->incarnation != scan->incarnation && (cursor->incarnation | cursor->table_word) != 0)
        return STELE_EDROPPED;
    scan->word = cursor->table_word;
    scan->bucket = cursor->bucket;
    scan->last_hash = cursor->hash;
    scan->last_tie = cursor->tie;
    scan->after_last = cursor->after != 0;
    scan->loaded = false;
    return STELE_OK;
}

/* Goes past the entry for which a stele_scan_next function returned STELE_ESHORT. */
static inline void stele_scan_skip(struct stele_scan *scan)
{
    if (scan->loaded && scan->next < scan->count)
        stelei_scan_pass(scan);
}

/* Whether the handle is open, and still of the table that the scan was begun with. */
STELEI_INLINE enum stele_status stelei_scan_ready(const struct stele_scan *scan)
{
    if (STELEI_UNLIKELY(!scan->table || scan->table->form == STELEI_FORM_NONE))
        return STELE_EINVAL;
    return STELEI_LIKELY(scan->table->incarnation == scan->incarnation) ? STELE_OK : STELE_EDROPPED;
}

/* ---- the parts of an entry ---------------------------------------------------------------- */

static inline size_t stelei_scan_key_bytes(const struct stele_scan *scan,
                                           const struct stelei_scan_entry *entry)
{
    return scan->table->form >= STELEI_FORM_WORDS ? stele_kind_bytes(scan->table->type.key_kind)
                                                  : stelei_record_key_bytes(entry->meta);
}

static inline void stelei_scan_copy_key(const struct stele_scan *scan,
                                        const struct stelei_scan_entry *entry, void *key,
                                        size_t key_bytes)
{
    if (scan->table->form >= STELEI_FORM_WORDS)
        memcpy(key, &entry->tie, key_bytes);
    else
        stelei_copy_out(key, entry->record + stelei_record_key_off(entry->meta) / 8, key_bytes);
}

/* The list of the entry as it is now, under the bucket that the scan looked at. STELE_EBUSY: that has
 * changed. */
static inline enum stele_status stelei_scan_list(const struct stele_scan *scan,
                                                 const struct stelei_scan_entry *entry,
                                                 struct stele_list *list)
{
    const struct stele_table *table = scan->table;
    uint64_t ref = entry->value;
    if (table->form == STELEI_FORM_BYTES_LISTS)
        ref = stelei_load64_acquire(entry->record + stelei_record_value_off(entry->meta) / 8);
    memset(list, 0, sizeof *list);
    bool there = stelei_list_load(table, ref, list);
    list->token = scan->probe;
    list->clock = stelei_clock_begin(table);
    if (!stelei_probe_unchanged(table, &scan->probe))
        return STELE_EBUSY;
    return there ? STELE_OK : STELE_ECORRUPT;
}

/* The bytes of a value that is not a list. */
static inline size_t stelei_scan_value_bytes(const struct stele_scan *scan,
                                             const struct stelei_scan_entry *entry)
{
    return scan->table->form == STELEI_FORM_WORDS ? stele_kind_bytes(scan->table->type.value_kind)
                                                  : stelei_record_value_bytes(entry->meta);
}

static inline void stelei_scan_copy_value(const struct stele_scan *scan,
                                          const struct stelei_scan_entry *entry, void *value,
                                          size_t value_bytes)
{
    if (scan->table->form == STELEI_FORM_WORDS)
        memcpy(value, &entry->value, value_bytes);
    else if (scan->table->form == STELEI_FORM_WORD_RECORDS)
        stelei_copy_out(value, entry->record, value_bytes);
    else
        stelei_copy_out(value, entry->record + stelei_record_value_off(entry->meta) / 8,
                        value_bytes);
}

/* Whether what was copied of an entry is to be believed; if not, the rest of the bucket is collected
 * anew. */
static inline bool stelei_scan_valid(struct stele_scan *scan)
{
    if (stelei_clock_untouched(scan->table, scan->clock) ||
        stelei_probe_unchanged(scan->table, &scan->probe))
        return true;
    scan->loaded = false;
    return false;
}

/* ---- the next entry ----------------------------------------------------------------------- */

/*
 * Copies the next entry out. Buffers may be NULL with capacity 0 (but see STELE_ESHORT). *key_bytes
 * and *value_bytes are set with STELE_OK and STELE_ESHORT.
 */
static inline enum stele_status stele_scan_next(struct stele_scan *scan, void *key,
                                                size_t key_capacity, size_t *key_bytes, void *value,
                                                size_t value_capacity, size_t *value_bytes)
{
    enum stele_status status = stelei_scan_ready(scan);
    if (STELEI_UNLIKELY(status != STELE_OK))
        return status;
    bool lists = stele_type_has_lists(&scan->table->type);
    unsigned attempts = 0;
    for (;;) {
        struct stele_list list;
        status = stelei_scan_advance(scan, &attempts);
        if (status != STELE_OK)
            return status;
        const struct stelei_scan_entry *entry = &scan->entry[scan->next];
        if (lists)
            status = stelei_scan_list(scan, entry, &list);
        size_t klen = stelei_scan_key_bytes(scan, entry);
        size_t vlen =
            lists ? list.count << list.element_shift : stelei_scan_value_bytes(scan, entry);
        bool fits = klen <= key_capacity && vlen <= value_capacity;
        if (status == STELE_OK && fits) {
            stelei_scan_copy_key(scan, entry, key, klen);
            if (!lists)
                stelei_scan_copy_value(scan, entry, value, vlen);
            else if (!stelei_list_copy_out(&list, 0, list.count, value))
                status = STELE_ECORRUPT;
            if (!stelei_scan_valid(scan))
                continue;
        }
        if (status == STELE_EBUSY) {
            scan->loaded = false;
            continue;
        }
        if (status != STELE_OK)
            return status;
        if (fits)
            stelei_scan_pass(scan);
        *key_bytes = klen;
        *value_bytes = vlen;
        return fits ? STELE_OK : STELE_ESHORT;
    }
}

/* The key only: no value is looked at. */
static inline enum stele_status stele_scan_next_key(struct stele_scan *scan, void *key,
                                                    size_t key_capacity, size_t *key_bytes)
{
    unsigned attempts = 0;
    enum stele_status status = stelei_scan_ready(scan);
    if (STELEI_UNLIKELY(status != STELE_OK))
        return status;
    for (;;) {
        status = stelei_scan_advance(scan, &attempts);
        if (status != STELE_OK)
            return status;
        const struct stelei_scan_entry *entry = &scan->entry[scan->next];
        size_t klen = stelei_scan_key_bytes(scan, entry);
        bool fits = klen <= key_capacity;
        if (fits) {
            stelei_scan_copy_key(scan, entry, key, klen);
            if (!stelei_scan_valid(scan))
                continue;
            stelei_scan_pass(scan);
        }
        *key_bytes = klen;
        return fits ? STELE_OK : STELE_ESHORT;
    }
}

/* The key, and the list as it is now: read it by list.h. For tables of lists. */
static inline enum stele_status stele_scan_next_list(struct stele_scan *scan, void *key,
                                                     size_t key_capacity, size_t *key_bytes,
                                                     struct stele_list *list)
{
    unsigned attempts = 0;
    enum stele_status status = stelei_scan_ready(scan);
    if (STELEI_UNLIKELY(status != STELE_OK))
        return status;
    if (!stele_type_has_lists(&scan->table->type))
        return STELE_ETYPE;
    for (;;) {
        struct stele_list taken;
        status = stelei_scan_advance(scan, &attempts);
        if (status != STELE_OK)
            return status;
        const struct stelei_scan_entry *entry = &scan->entry[scan->next];
        size_t klen = stelei_scan_key_bytes(scan, entry);
        bool fits = klen <= key_capacity;
        if (fits) {
            stelei_scan_copy_key(scan, entry, key, klen);
            status = stelei_scan_list(scan, entry, &taken); /* validates the key too */
            if (status == STELE_EBUSY) {
                scan->loaded = false;
                continue;
            }
            if (status != STELE_OK)
                return status;
            *list = taken;
            stelei_scan_pass(scan);
        }
        *key_bytes = klen;
        return fits ? STELE_OK : STELE_ESHORT;
    }
}

/* The next entry of a table of words. */
static inline enum stele_status stele_scan_next_word(struct stele_scan *scan, uint64_t *key,
                                                     uint64_t *value)
{
    unsigned attempts = 0;
    enum stele_status status = stelei_scan_ready(scan);
    if (STELEI_UNLIKELY(status != STELE_OK))
        return status;
    if (scan->table->form != STELEI_FORM_WORDS)
        return STELE_ETYPE;
    status = stelei_scan_advance(scan, &attempts);
    if (status != STELE_OK)
        return status;
    *key = scan->entry[scan->next].tie; /* both were validated when they were collected */
    *value = scan->entry[scan->next].value;
    stelei_scan_pass(scan);
    return STELE_OK;
}

#endif
