/*
 * list_read.h - a list as it stood at one instant: loading its record, finding the chunk of an
 * element, copying elements out. Used by list.h and by scans.
 *
 * `count` is the list's only publish word. It is loaded (acquire) before anything behind it, once;
 * what it covers is constant while the record is reachable, and readable until the quarantine gives
 * its blocks out again. Entries of chunks that the count does not cover are the writer's: a killed
 * one may have left anything at or above the count in them.
 */
#ifndef STELE_DETAIL_LIST_READ_H
#define STELE_DETAIL_LIST_READ_H

#include "lookup.h"
#include "word_lookup.h"

/* A list as it was at the instant when it was taken. Private; a plain value, holds nothing. */
struct stele_list {
    const struct stele_table *table;
    const struct stelei_list *record;
    uint64_t head;  /* the record's first word */
    uint64_t count; /* of elements */
    uint32_t element_bytes;
    uint32_t element_shift;
    struct stelei_probe token;
    uint64_t clock;
    uint64_t incarnation; /* of its table */
};

/* Elements side by side: number `at` of the block at `words` and those that follow. */
struct stelei_list_run {
    const uint64_t *words;
    uint64_t at;
    uint64_t count;
};

STELEI_INLINE const struct stelei_list_chunk *stelei_list_entry(const struct stelei_list *record,
                                                                uint64_t i)
{
    return STELEI_CAST(const struct stelei_list_chunk *, STELEI_CAST(const void *, record + 1)) + i;
}

/* The end of what may be read, as far as is needed for `end`: loaded again before it is called too
 * far, as in stelei_search(). */
STELEI_INLINE bool stelei_list_within(const struct stele_table *table, uint64_t end)
{
    if (STELEI_LIKELY(end <= stelei_map_limit(&table->map)))
        return true;
    stelei_nop_read();
    return end <= stelei_map_limit(&table->map);
}

/* Loads what a ref leads to. False: no list can be there. To be validated. */
STELEI_INLINE bool stelei_list_load(const struct stele_table *table, uint64_t ref,
                                    struct stele_list *list)
{
    uint64_t off = stelei_ref_off(&table->map, STELEI_CAST(uint32_t, ref));
    if (STELEI_UNLIKELY(off == 0 || !stelei_list_within(table, off + sizeof(struct stelei_list))))
        return false;
    list->table = table;
    list->incarnation = table->incarnation;
    list->record = STELEI_CAST(const struct stelei_list *, stelei_map_at(&table->map, off));
    list->head = stelei_load64(&list->record->head);
    list->count = stelei_load64_acquire(&list->record->count);
    list->element_bytes = stele_type_element_bytes(&table->type);
    list->element_shift = stelei_top_bit(list->element_bytes);
    uint64_t most = stelei_list_size(list->head) * 8 >> list->element_shift;
    return STELEI_LIKELY(stelei_list_within(table, off + stelei_list_bytes(list->head))) &&
           (stelei_list_is_long(list->head) || STELEI_LIKELY(list->count <= most));
}

/* STELE_EINVAL: never taken. STELE_EBUSY: of another table than the handle has become since. */
STELEI_INLINE enum stele_status stelei_list_at_hand(const struct stele_list *list)
{
    if (STELEI_UNLIKELY(!list->table))
        return STELE_EINVAL;
    return STELEI_LIKELY(list->incarnation == list->table->incarnation) ? STELE_OK : STELE_EBUSY;
}

/* Whether all that was loaded of the list up to now was of one list that the key held. */
STELEI_INLINE bool stelei_list_untouched(const struct stele_list *list)
{
    return stelei_clock_untouched(list->table, list->clock) ||
           stelei_probe_unchanged(list->table, &list->token);
}

/* The entry that has element `from`, which is below the count: the last that starts at or below it.
 * Those beyond the count start above it, or at UINT64_MAX. */
static inline const struct stelei_list_chunk *stelei_list_entry_of(const struct stele_list *list,
                                                                   uint64_t from)
{
    uint64_t low = 0, high = stelei_list_size(list->head);
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (stelei_load64(&stelei_list_entry(list->record, middle)->start) <= from)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? stelei_list_entry(list->record, low - 1) : STELEI_NULL;
}

/* The run that begins with element `from`, which is below the count. False: torn, or corrupt. */
static inline bool stelei_list_run_at(const struct stele_list *list, uint64_t from,
                                      struct stelei_list_run *run)
{
    const struct stele_table *table = list->table;
    if (!stelei_list_is_long(list->head)) {
        run->words = STELEI_CAST(const uint64_t *, STELEI_CAST(const void *, list->record + 1));
        run->at = from;
        run->count = list->count - from;
        return true;
    }
    const struct stelei_list_chunk *entry = stelei_list_entry_of(list, from);
    if (!entry)
        return false;
    uint64_t at = from - stelei_load64(&entry->start);
    uint64_t off = stelei_ref_off(&table->map, stelei_load32_dependent(&entry->ref));
    uint64_t capacity = stelei_load32(&entry->capacity);
    uint64_t bytes = stelei_round_up(capacity << list->element_shift, 8);
    if (at >= capacity || off == 0 || !stelei_list_within(table, off + bytes))
        return false;
    uint64_t left = list->count - from;
    run->words = STELEI_CAST(const uint64_t *, stelei_map_at(&table->map, off));
    run->at = at;
    run->count = capacity - at < left ? capacity - at : left;
    return true;
}

/* Copies `bytes` that begin at any byte of a block: whole words are loaded, as everywhere. */
STELEI_INLINE void stelei_list_copy(void *to, const uint64_t *words, uint64_t at, size_t bytes)
{
    unsigned char *out = STELEI_CAST(unsigned char *, to);
    unsigned skip = at % 8;
    words += at / 8;
    if (skip) {
        uint64_t word = stelei_load64(words++) >> 8 * skip;
        for (; skip < 8 && bytes; skip++, bytes--, word >>= 8)
            *out++ = STELEI_CAST(unsigned char, word);
    }
    stelei_copy_out(out, words, bytes);
}

/* Copies elements [from, from + n), which the count covers, to `to`. False: torn, or corrupt. */
static inline bool stelei_list_copy_out(const struct stele_list *list, uint64_t from, uint64_t n,
                                        void *to)
{
    unsigned char *out = STELEI_CAST(unsigned char *, to);
    while (n > 0) {
        struct stelei_list_run run;
        if (!stelei_list_run_at(list, from, &run))
            return false;
        uint64_t part = run.count < n ? run.count : n;
        stelei_list_copy(out, run.words, run.at << list->element_shift,
                         part << list->element_shift);
        out += part << list->element_shift;
        from += part;
        n -= part;
    }
    return true;
}

/* ---- finding it ----------------------------------------------------------------------------- */

/* Whose list: a byte string, or a word. */
struct stelei_list_key {
    const void *bytes;
    uint32_t byte_count;
    uint64_t word;
    uint64_t hash;
};

STELEI_INLINE enum stelei_outcome stelei_list_find(const struct stele_table *table,
                                                   const struct stelei_list_key *key,
                                                   struct stele_list *list)
{
    uint64_t ref = 0;
    enum stelei_outcome outcome = STELEI_RETRY;
    if (table->form == STELEI_FORM_WORD_LISTS) {
        outcome = stelei_word_find(table, key->word, key->hash, true, &list->token, &ref);
    } else {
        outcome = stelei_find(table, key->bytes, key->byte_count, key->hash, &list->token);
        if (outcome == STELEI_HIT) {
            if (STELEI_UNLIKELY(stelei_record_value_bytes(list->token.meta) != sizeof ref))
                return STELEI_SUSPECT;
            /* the one part of a record that is stored in place */
            ref = stelei_load64_acquire(stelei_probe_value(&list->token, key->byte_count));
        }
    }
    return outcome == STELEI_HIT && !stelei_list_load(table, ref, list) ? STELEI_SUSPECT : outcome;
}

/* Attempts until the list is one that the key held, with the clock begun before the validation; all
 * that is read of it later rests on these two. Statuses as stelei_settle(). */
static inline enum stele_status stelei_list_settle(const struct stele_table *table,
                                                   const struct stelei_list_key *key,
                                                   struct stele_list *list, unsigned *attempts)
{
    memset(list, 0, sizeof *list); /* for compilers that cannot see that a hit fills it */
    while ((*attempts)++ < STELEI_ATTEMPTS) {
        enum stelei_outcome outcome = stelei_list_find(table, key, list);
        if (outcome == STELEI_GONE)
            return stelei_gone(table);
        if (outcome == STELEI_RETRY)
            continue;
        list->clock = stelei_clock_begin(table);
        if (!stelei_probe_unchanged(table, &list->token))
            continue;
        if (outcome == STELEI_HIT)
            return STELE_OK;
        return outcome == STELEI_MISS ? STELE_ENOTFOUND : STELE_ECORRUPT;
    }
    return STELE_EBUSY;
}

#endif
