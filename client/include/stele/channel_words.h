/*
 * channel_words.h - a channel's calls on tables of words -> words, by their numbers instead of their
 * bytes. Everything that channel.h says of waiting calls, outcomes, threads and forks goes for these;
 * what pipeline.h says, for the submits.
 *
 *     struct stele_type type = stele_type_of(STELE_U32, STELE_I64);
 *     stele_channel_table_create_as(&channel, "balance", &type, 0, &balance, 1000);
 *     stele_channel_word_incr(&channel, balance, &type, 17, -5, &left, 1000);
 *
 * `type` is what the table was created with, or the reader's word of it. STELE_ETYPE, also without
 * asking the daemon: not words -> words, or a number that the kind does not hold. A narrower word is
 * widened with zeros; i64 and f64 are passed by their bits.
 */
#ifndef STELE_CHANNEL_WORDS_H
#define STELE_CHANNEL_WORDS_H

#include <stele/type.h>

#include "pipeline.h"

/* Whether a word of this kind can be so large. */
STELEI_INLINE bool stelei_channel_word_fits(unsigned kind, uint64_t word)
{
    unsigned bytes = stele_kind_bytes(kind);
    return bytes == 8 || (bytes > 0 && word >> (8 * bytes) == 0);
}

/* Key and value; their bytes, little-endian, begin where they stand. */
struct stelei_channel_word {
    uint64_t key, value;
    unsigned key_bytes, value_bytes;
};

STELEI_INLINE enum stele_status stelei_channel_word_make(const struct stele_type *type,
                                                         uint64_t key, uint64_t value,
                                                         struct stelei_channel_word *word)
{
    if (!stelei_channel_word_fits(type->key_kind, key) ||
        !stelei_channel_word_fits(type->value_kind, value))
        return STELE_ETYPE;
    word->key = key;
    word->value = value;
    word->key_bytes = stele_kind_bytes(type->key_kind);
    word->value_bytes = stele_kind_bytes(type->value_kind);
    return STELE_OK;
}

STELEI_INLINE enum stele_status stelei_channel_word_store(struct stele_channel *channel,
                                                          unsigned opcode, uint16_t table,
                                                          const struct stele_type *type,
                                                          uint64_t key, uint64_t value,
                                                          int timeout_ms)
{
    struct stelei_channel_word word;
    enum stele_status status = stelei_channel_word_make(type, key, value, &word);
    if (status != STELE_OK)
        return status;
    return stelei_channel_store(channel, opcode, table, &word.key, word.key_bytes, &word.value,
                                word.value_bytes, timeout_ms);
}

/* Inserts, or replaces what the key held. */
static inline enum stele_status stele_channel_word_put(struct stele_channel *channel,
                                                       uint16_t table,
                                                       const struct stele_type *type, uint64_t key,
                                                       uint64_t value, int timeout_ms)
{
    return stelei_channel_word_store(channel, STELEI_OP_PUT, table, type, key, value, timeout_ms);
}

/* Only where the key is absent. STELE_EEXIST: it is present, and was left alone. */
static inline enum stele_status stele_channel_word_insert(struct stele_channel *channel,
                                                          uint16_t table,
                                                          const struct stele_type *type,
                                                          uint64_t key, uint64_t value,
                                                          int timeout_ms)
{
    return stelei_channel_word_store(channel, STELEI_OP_INSERT, table, type, key, value,
                                     timeout_ms);
}

/* STELE_ENOTFOUND: the key was absent. */
static inline enum stele_status stele_channel_word_erase(struct stele_channel *channel,
                                                         uint16_t table,
                                                         const struct stele_type *type,
                                                         uint64_t key, int timeout_ms)
{
    struct stelei_channel_word word;
    enum stele_status status = stelei_channel_word_make(type, key, 0, &word);
    if (status != STELE_OK)
        return status;
    return stele_channel_erase(channel, table, &word.key, word.key_bytes, timeout_ms);
}

/* Asks the daemon what a key holds; a reader looks it up many times as fast. STELE_ENOTFOUND. */
static inline enum stele_status stele_channel_word_get(struct stele_channel *channel,
                                                       uint16_t table,
                                                       const struct stele_type *type, uint64_t key,
                                                       uint64_t *value, int timeout_ms)
{
    struct stelei_channel_word word;
    size_t bytes = 0;
    enum stele_status status = stelei_channel_word_make(type, key, 0, &word);
    if (status != STELE_OK)
        return status;
    status = stele_channel_get(channel, table, &word.key, word.key_bytes, &word.value,
                               word.value_bytes, &bytes, timeout_ms);
    if (status == STELE_ESHORT || (status == STELE_OK && bytes != word.value_bytes))
        return STELE_ETYPE; /* of another table than `type` says */
    if (status == STELE_OK)
        *value = word.value;
    return status;
}

/*
 * Adds `delta` in the word's own width, with a sign if its kind is STELE_I64; an absent key counts as
 * 0. *value (may be NULL) is the sum, which the key holds from now on.
 *   STELE_ERANGE  the sum does not fit into the word      STELE_ENOTNUMBER  not for STELE_F64
 */
static inline enum stele_status stele_channel_word_incr(struct stele_channel *channel,
                                                        uint16_t table,
                                                        const struct stele_type *type, uint64_t key,
                                                        int64_t delta, uint64_t *value,
                                                        int timeout_ms)
{
    struct stelei_channel_word word;
    int64_t sum = 0;
    enum stele_status status = stelei_channel_word_make(type, key, 0, &word);
    if (status != STELE_OK)
        return status;
    status = stele_channel_incr(channel, table, &word.key, word.key_bytes, delta, &sum, timeout_ms);
    if (status == STELE_OK && value)
        *value = STELEI_CAST(uint64_t, sum);
    return status;
}

/* ---- submitting ----------------------------------------------------------------------------- */

static inline enum stele_status stele_channel_submit_word_put(struct stele_channel *channel,
                                                              uint16_t table,
                                                              const struct stele_type *type,
                                                              uint64_t key, uint64_t value,
                                                              uint32_t *request)
{
    struct stelei_channel_word word;
    enum stele_status status = stelei_channel_word_make(type, key, value, &word);
    if (status != STELE_OK)
        return status;
    return stele_channel_submit_put(channel, table, &word.key, word.key_bytes, &word.value,
                                    word.value_bytes, request);
}

static inline enum stele_status stele_channel_submit_word_erase(struct stele_channel *channel,
                                                                uint16_t table,
                                                                const struct stele_type *type,
                                                                uint64_t key, uint32_t *request)
{
    struct stelei_channel_word word;
    enum stele_status status = stelei_channel_word_make(type, key, 0, &word);
    if (status != STELE_OK)
        return status;
    return stele_channel_submit_erase(channel, table, &word.key, word.key_bytes, request);
}

#endif
