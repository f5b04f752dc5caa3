/*
 * words.h - look words up: tables whose keys are numbers of 8 to 64 bits.
 *
 *     struct stele_words stock;
 *     uint64_t pieces;
 *     if (stele_words_open(&reader, "stock", STELE_U64, STELE_U32, &stock) == STELE_OK &&
 *         stele_words_get(&stock, article, &pieces) == STELE_OK)
 *         ...
 *
 * What reader.h promises of a lookup (threads, fork, signals, ordering, progress) holds for these,
 * and so do its common outcomes. Keys and values are passed as uint64_t whatever their kind: a
 * narrower one is widened with zeros, an i64 is its two's complement, an f64 its bits. A key that is
 * too large for its kind is not there.
 *
 * A table of words needs one cache line a lookup (two for the one key in six that stands in an
 * overflow line); byte strings and structs as values one or two more.
 */
#ifndef STELE_WORDS_H
#define STELE_WORDS_H

#include "detail/word_lookup.h"
#include "reader.h"

/* A table with word keys. A type of its own, so that the compiler tells it from one of byte strings;
 * `table` is for what works on any table, such as scans and stele_table_count(). */
struct stele_words {
    struct stele_table table;
};

static inline bool stelei_expects_words(const struct stele_table *table,
                                        const struct stele_type *type)
{
    return table->type.key_kind == type->key_kind && table->type.value_kind == type->value_kind;
}

/*
 * Opens a table with keys of `key_kind` (STELE_U8 .. STELE_U64) and values of `value_kind` (any;
 * lists: STELE_LIST + the kind of their elements, see list.h), whatever its hash. How large a struct
 * is says words->table.type.value_bytes. Statuses as stele_table_open(); STELE_EINVAL: byte strings
 * are no word keys.
 */
static inline enum stele_status stele_words_open(const struct stele_reader *reader,
                                                 const char *name, unsigned key_kind,
                                                 unsigned value_kind, struct stele_words *words)
{
    struct stele_type type = stele_type_of(key_kind, value_kind);
    memset(words, 0, sizeof *words);
    if (!stele_type_has_word_keys(&type))
        return STELE_EINVAL;
    return stelei_table_open(reader, name, stelei_expects_words, &type, &words->table);
}

/* ---- words as values ---------------------------------------------------------------------- */

/* The general case of stele_words_get(): whatever did not settle at once. */
STELEI_COLD static enum stele_status stelei_words_get_again(const struct stele_table *table,
                                                            uint64_t key, uint64_t *value)
{
    struct stelei_probe probe;
    uint64_t clock = 0, found = 0, hash = stelei_table_hash_word(table, key);
    unsigned attempts = 0;
    if (table->form != STELEI_FORM_WORDS)
        return stelei_not_for(table);
    enum stele_status status =
        stelei_word_settle(table, key, hash, &probe, &found, &clock, &attempts);
    if (status == STELE_OK)
        *value = found;
    return status;
}

/* The value of a key. STELE_ETYPE: values are no words. */
STELEI_INLINE enum stele_status stele_words_get(const struct stele_words *words, uint64_t key,
                                                uint64_t *value)
{
    const struct stele_table *table = &words->table;
    if (STELEI_LIKELY(table->form == STELEI_FORM_WORDS)) {
        struct stelei_probe probe;
        uint64_t found = 0, hash = stelei_table_hash_word(table, key);
        enum stelei_outcome outcome = stelei_word_find(table, key, hash, false, &probe, &found);
        if (STELEI_LIKELY(outcome <= STELEI_MISS) &&
            STELEI_LIKELY(stelei_probe_unchanged(table, &probe))) {
            if (STELEI_UNLIKELY(outcome == STELEI_MISS))
                return STELE_ENOTFOUND;
            *value = found;
            return STELE_OK;
        }
    }
    return stelei_words_get_again(table, key, value);
}

/* STELE_OK if the key is present, STELE_ENOTFOUND if not. For every kind of value. */
static inline enum stele_status stele_words_contains(const struct stele_words *words, uint64_t key)
{
    const struct stele_table *table = &words->table;
    struct stelei_probe probe;
    uint64_t clock = 0, value = 0;
    unsigned attempts = 0;
    if (STELEI_UNLIKELY(table->form < STELEI_FORM_WORDS))
        return stelei_not_for(table);
    return stelei_word_settle(table, key, stelei_table_hash_word(table, key), &probe, &value,
                              &clock, &attempts);
}

/* ---- byte strings and structs as values --------------------------------------------------- */

/* The general case of stele_words_get_bytes(). */
STELEI_COLD static enum stele_status stelei_words_copy_again(const struct stele_table *table,
                                                             uint64_t key, uint64_t hash,
                                                             void *buffer, size_t capacity,
                                                             size_t *value_bytes)
{
    struct stelei_probe probe;
    uint64_t clock = 0, ref = 0;
    unsigned attempts = 0;
    if (table->form != STELEI_FORM_WORD_RECORDS)
        return stelei_not_for(table);
    for (;;) {
        enum stele_status status =
            stelei_word_settle(table, key, hash, &probe, &ref, &clock, &attempts);
        if (status != STELE_OK)
            return status;
        size_t bytes = stelei_record_value_bytes(probe.meta);
        if (bytes > capacity) {
            *value_bytes = bytes;
            return STELE_ESHORT;
        }
        stelei_copy_out(buffer, probe.key, bytes);
        if (stelei_clock_untouched(table, clock) || stelei_probe_unchanged(table, &probe)) {
            *value_bytes = bytes;
            return STELE_OK;
        }
    }
}

/*
 * Copies the value of a key into `buffer` (any alignment, NULL only with capacity 0). *value_bytes
 * as in stele_get(). STELE_ETYPE: values are neither byte strings nor structs.
 */
STELEI_INLINE enum stele_status stele_words_get_bytes(const struct stele_words *words, uint64_t key,
                                                      void *buffer, size_t capacity,
                                                      size_t *value_bytes)
{
    const struct stele_table *table = &words->table;
    uint64_t hash = stelei_table_hash_word(table, key), ref = 0;
    if (STELEI_LIKELY(table->form == STELEI_FORM_WORD_RECORDS)) {
        struct stelei_probe probe;
        enum stelei_outcome outcome = stelei_word_find(table, key, hash, true, &probe, &ref);
        if (outcome == STELEI_HIT &&
            STELEI_LIKELY(stelei_word_record(table, ref, &probe) == STELEI_HIT)) {
            size_t bytes = stelei_record_value_bytes(probe.meta);
            if (STELEI_LIKELY(bytes <= capacity && bytes <= STELEI_LARGE_BYTES)) {
                stelei_copy_out(buffer, probe.key, bytes);
                if (STELEI_LIKELY(stelei_probe_unchanged(table, &probe))) {
                    *value_bytes = bytes;
                    return STELE_OK;
                }
            }
        } else if (outcome == STELEI_MISS && STELEI_LIKELY(stelei_probe_unchanged(table, &probe))) {
            return STELE_ENOTFOUND;
        }
    }
    return stelei_words_copy_again(table, key, hash, buffer, capacity, value_bytes);
}

/* The value in place, as stele_view_take(): of a struct `data` points to one, eight-byte aligned. */
static inline enum stele_status stele_words_view_take(const struct stele_words *words, uint64_t key,
                                                      struct stele_view *view)
{
    memset(view, 0, sizeof *view);
    const struct stele_table *table = &words->table;
    struct stelei_probe probe;
    uint64_t clock = 0, ref = 0;
    unsigned attempts = 0;
    if (STELEI_UNLIKELY(table->form != STELEI_FORM_WORD_RECORDS))
        return stelei_not_for(table);
    enum stele_status status = stelei_word_settle(table, key, stelei_table_hash_word(table, key),
                                                  &probe, &ref, &clock, &attempts);
    if (status != STELE_OK)
        return status;
    view->data = probe.key;
    view->bytes = stelei_record_value_bytes(probe.meta);
    view->token = probe;
    view->clock = clock;
    view->incarnation = table->incarnation;
    return STELE_OK;
}

/* As stele_view_valid() and stele_view_current(). */
static inline bool stele_words_view_valid(const struct stele_words *words,
                                          const struct stele_view *view)
{
    return stele_view_valid(&words->table, view);
}
static inline bool stele_words_view_current(const struct stele_words *words,
                                            const struct stele_view *view)
{
    return stele_view_current(&words->table, view);
}

#endif
