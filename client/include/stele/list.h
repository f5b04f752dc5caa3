/*
 * list.h - one key, many words: lists, read without copying where that helps, while they are
 * appended to.
 *
 *     uint32_t articles[64];
 *     uint64_t got, count;
 *     if (stele_list_get(&index, "granite", 7, 0, articles, 64, &got, &count) == STELE_OK)
 *         ...                               (elements 0 .. got-1 of `count`)
 *
 *     struct stele_list list;               (or in place, chunk by chunk)
 *     const void *elements;
 *     uint64_t n, from = 0;
 *     if (stele_list_take(&index, "granite", 7, &list) == STELE_OK)
 *         while (stele_list_span(&list, from, &elements, &n) == STELE_OK) {
 *             ... look at them, then believe it if stele_list_valid(&list) ...
 *             from += n;
 *         }
 *
 * A list that was taken stays what it was at that instant: what is appended later does not show, and
 * makes nobody read again, be the list as long as it may. Everything else that becomes of it (elements
 * removed, the key erased) leaves the elements readable for as long as the quarantine lasts; after
 * that, reads say STELE_EBUSY: take it again.
 *
 * Elements are u8, u16, u32 or u64, packed, little-endian, in the order in which they were appended;
 * all numbers and capacities count elements. A list has at least one. The functions stele_list_* are
 * for keys that are byte strings (open the table by stele_table_open_as()), stele_words_list_* for
 * words (stele_words_open() with STELE_LIST + the elements' kind); STELE_ETYPE: not such a table.
 *
 * What reader.h promises of a lookup (threads, fork, signals, ordering, progress) holds for each
 * call, and so do its common outcomes. Taking costs a lookup and two lines; a long read takes time by
 * its length.
 */
#ifndef STELE_LIST_H
#define STELE_LIST_H

#include "detail/list_read.h"
#include "words.h"

/* ---- taking --------------------------------------------------------------------------------- */

static inline enum stele_status stelei_list_key_bytes(const struct stele_table *table,
                                                      const void *key, size_t key_bytes,
                                                      struct stelei_list_key *made)
{
    if (STELEI_UNLIKELY(table->form != STELEI_FORM_BYTES_LISTS))
        return stelei_not_for(table);
    if (STELEI_UNLIKELY(key_bytes > STELEI_KEY_MAX_BYTES))
        return STELE_ETOOBIG;
    made->bytes = key;
    made->byte_count = STELEI_CAST(uint32_t, key_bytes);
    made->word = 0;
    made->hash = stelei_table_hash(table, key, key_bytes);
    return STELE_OK;
}

static inline enum stele_status stelei_list_key_word(const struct stele_table *table, uint64_t key,
                                                     struct stelei_list_key *made)
{
    if (STELEI_UNLIKELY(table->form != STELEI_FORM_WORD_LISTS))
        return stelei_not_for(table);
    made->bytes = STELEI_NULL;
    made->byte_count = 0;
    made->word = key;
    made->hash = stelei_table_hash_word(table, key);
    return STELE_OK;
}

/*
 * The list of a key as it is now. The caller's own, holds nothing; `table` must outlive it. Read it
 * only while the reader is attached.
 */
static inline enum stele_status stele_list_take(const struct stele_table *table, const void *key,
                                                size_t key_bytes, struct stele_list *list)
{
    struct stelei_list_key made;
    struct stele_list taken;
    unsigned attempts = 0;
    enum stele_status status = stelei_list_key_bytes(table, key, key_bytes, &made);
    if (status == STELE_OK)
        status = stelei_list_settle(table, &made, &taken, &attempts);
    if (status == STELE_OK)
        *list = taken;
    return status;
}

static inline enum stele_status stele_words_list_take(const struct stele_words *words, uint64_t key,
                                                      struct stele_list *list)
{
    struct stelei_list_key made;
    struct stele_list taken;
    unsigned attempts = 0;
    enum stele_status status = stelei_list_key_word(&words->table, key, &made);
    if (status == STELE_OK)
        status = stelei_list_settle(&words->table, &made, &taken, &attempts);
    if (status == STELE_OK)
        *list = taken;
    return status;
}

/* ---- of a list that was taken --------------------------------------------------------------- */

/* How many elements it had. */
static inline uint64_t stele_list_length(const struct stele_list *list)
{
    return list->count;
}

/*
 * Changes with everything that becomes of a list but appends. Two lists of one key with the same
 * generation begin with the same elements: the longer one has only been appended to, and what is
 * new in it begins at the shorter one's length.
 */
static inline uint64_t stele_list_generation(const struct stele_list *list)
{
    return stelei_list_generation(list->head);
}

/*
 * Copies elements from number `from` on into `out` (any alignment), up to `capacity` of them; *got
 * says how many: 0 at or after the end.
 *   STELE_EBUSY  the list is gone for too long, or its table was opened anew; take it again. `out` may
 *                have been scribbled on   STELE_EINVAL  all zero: never taken
 */
static inline enum stele_status stele_list_read(const struct stele_list *list, uint64_t from,
                                                void *out, uint64_t capacity, uint64_t *got)
{
    uint64_t n = from < list->count ? list->count - from : 0;
    enum stele_status status = stelei_list_at_hand(list);
    if (STELEI_UNLIKELY(status != STELE_OK))
        return status;
    if (n > capacity)
        n = capacity;
    bool whole = stelei_list_copy_out(list, from, n, out);
    if (!stelei_list_untouched(list))
        return STELE_EBUSY;
    if (!whole)
        return STELE_ECORRUPT;
    *got = n;
    return STELE_OK;
}

/*
 * The elements from number `from` on that stand side by side: *elements points to *n of them, in
 * place, aligned to their size. Look at them, then ask stele_list_valid(), and only then believe what
 * was seen; their bytes may change at any moment.
 *   STELE_EEND  there is no element `from`   STELE_EBUSY  take the list again
 */
static inline enum stele_status stele_list_span(const struct stele_list *list, uint64_t from,
                                                const void **elements, uint64_t *n)
{
    struct stelei_list_run run;
    enum stele_status status = stelei_list_at_hand(list);
    if (STELEI_UNLIKELY(status != STELE_OK))
        return status;
    if (from >= list->count)
        return STELE_EEND;
    if (!stelei_list_run_at(list, from, &run))
        return stelei_list_untouched(list) ? STELE_ECORRUPT : STELE_EBUSY;
    *elements = STELEI_AS(const uint8_t *, run.words) + (run.at << list->element_shift);
    *n = run.count;
    return STELE_OK;
}

/* True: everything that was seen of the list before this call was what it held when it was taken. */
static inline bool stele_list_valid(const struct stele_list *list)
{
    return stelei_list_at_hand(list) == STELE_OK && stelei_list_untouched(list);
}

/*
 * True: the key still has the very elements that the list was taken with, as far as anything else was
 * acknowledged before this call; a copy of them is up to date. What stele_view_current() says of changes
 * under way holds here. False: they may have changed, or their number has. Three loads, however long the
 * list.
 */
static inline bool stele_list_current(const struct stele_list *list)
{
    if (stelei_list_at_hand(list) != STELE_OK)
        return false;
    /* of another list, perhaps, or of no list: then the head has changed */
    bool same = stelei_load64_acquire(&list->record->count) == list->count;
    return same && stelei_probe_unchanged(list->table, &list->token);
}

/* ---- all in one ------------------------------------------------------------------------------ */

static inline enum stele_status stelei_list_get(const struct stele_table *table,
                                                const struct stelei_list_key *key, uint64_t from,
                                                void *out, uint64_t capacity, uint64_t *got,
                                                uint64_t *count)
{
    struct stele_list list;
    unsigned attempts = 0;
    for (;;) {
        enum stele_status status = stelei_list_settle(table, key, &list, &attempts);
        if (status == STELE_OK)
            status = stele_list_read(&list, from, out, capacity, got);
        if (status == STELE_EBUSY && attempts < STELEI_ATTEMPTS)
            continue;
        if (status == STELE_OK && count)
            *count = list.count;
        return status;
    }
}

/*
 * Takes a list and copies elements of it, as stele_list_read(); *count (may be NULL) becomes the
 * number of all that the list had at the same instant.
 *   STELE_EBUSY  64 times the elements were gone before they were copied
 */
static inline enum stele_status stele_list_get(const struct stele_table *table, const void *key,
                                               size_t key_bytes, uint64_t from, void *out,
                                               uint64_t capacity, uint64_t *got, uint64_t *count)
{
    struct stelei_list_key made;
    enum stele_status status = stelei_list_key_bytes(table, key, key_bytes, &made);
    return status == STELE_OK ? stelei_list_get(table, &made, from, out, capacity, got, count)
                              : status;
}

static inline enum stele_status stele_words_list_get(const struct stele_words *words, uint64_t key,
                                                     uint64_t from, void *out, uint64_t capacity,
                                                     uint64_t *got, uint64_t *count)
{
    struct stelei_list_key made;
    enum stele_status status = stelei_list_key_word(&words->table, key, &made);
    return status == STELE_OK
               ? stelei_list_get(&words->table, &made, from, out, capacity, got, count)
               : status;
}

/* How many elements the list of a key has. */
static inline enum stele_status stele_list_count(const struct stele_table *table, const void *key,
                                                 size_t key_bytes, uint64_t *count)
{
    struct stele_list list;
    enum stele_status status = stele_list_take(table, key, key_bytes, &list);
    if (status == STELE_OK)
        *count = list.count;
    return status;
}

static inline enum stele_status stele_words_list_count(const struct stele_words *words,
                                                       uint64_t key, uint64_t *count)
{
    struct stele_list list;
    enum stele_status status = stele_words_list_take(words, key, &list);
    if (status == STELE_OK)
        *count = list.count;
    return status;
}

#endif
