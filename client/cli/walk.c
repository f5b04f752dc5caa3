#include "walk.h"

#include <string.h>
#include <time.h>

#define WALK_PAUSES 1000u

void walk_begin(struct walk *walk, const struct stele_table *table)
{
    stele_scan_begin(&walk->scan, table);
    buffer_init(&walk->key);
    buffer_init(&walk->value);
}

enum stele_status walk_begin_prefix(struct walk *walk, const struct stele_table *table,
                                    const struct buffer *prefix)
{
    walk_begin(walk, table);
    if (prefix->used == 0 && !stele_type_has_word_keys(&table->type))
        return STELE_OK;
    return stele_scan_begin_prefix(&walk->scan, table, prefix->bytes, prefix->used);
}

void walk_end(struct walk *walk)
{
    buffer_fini(&walk->key);
    buffer_fini(&walk->value);
}

/* Whether to try again: after a pause, as long as there are any left. */
static bool walk_pause(enum stele_status status, unsigned *pauses)
{
    struct timespec pause = {0, 1000000};
    if (status != STELE_EBUSY || (*pauses)++ >= WALK_PAUSES)
        return false;
    nanosleep(&pause, NULL);
    return true;
}

enum stele_status walk_next(struct walk *walk)
{
    struct buffer *key = &walk->key, *value = &walk->value;
    unsigned pauses = 0;
    for (;;) {
        enum stele_status status =
            stele_scan_next(&walk->scan, key->bytes, key->capacity, &key->used, value->bytes,
                            value->capacity, &value->used);
        if (walk_pause(status, &pauses))
            continue;
        if (status != STELE_ESHORT)
            return status;
        if (!buffer_reserve(key, key->used) || !buffer_reserve(value, value->used))
            return STELE_ENOMEM;
    }
}

enum stele_status walk_next_key(struct walk *walk)
{
    struct buffer *key = &walk->key;
    unsigned pauses = 0;
    for (;;) {
        enum stele_status status =
            stele_scan_next_key(&walk->scan, key->bytes, key->capacity, &key->used);
        if (walk_pause(status, &pauses))
            continue;
        if (status != STELE_ESHORT)
            return status;
        if (!buffer_reserve(key, key->used))
            return STELE_ENOMEM;
    }
}

/* ---- lookups ------------------------------------------------------------------------------ */

/* A key of another length is not there. */
static bool walk_word_key(const struct stele_table *table, const void *key, size_t key_bytes,
                          uint64_t *word)
{
    *word = 0;
    if (key_bytes != stele_kind_bytes(table->type.key_kind))
        return false;
    memcpy(word, key, key_bytes);
    return true;
}

/* Of a table with words as keys, and no lists. */
static enum stele_status walk_get_by_word(const struct stele_table *table, const void *key,
                                          size_t key_bytes, struct buffer *value, size_t *bytes)
{
    struct stele_words words = {*table};
    uint64_t word, found;
    *bytes = stele_kind_bytes(table->type.value_kind);
    if (!walk_word_key(table, key, key_bytes, &word))
        return STELE_ENOTFOUND;
    if (*bytes == 0)
        return stele_words_get_bytes(&words, word, value->bytes, value->capacity, bytes);
    if (*bytes > value->capacity)
        return STELE_ESHORT;
    enum stele_status status = stele_words_get(&words, word, &found);
    if (status == STELE_OK)
        memcpy(value->bytes, &found, *bytes);
    return status;
}

enum stele_status walk_get(const struct stele_table *table, const void *key, size_t key_bytes,
                           struct buffer *value)
{
    bool words = stele_type_has_word_keys(&table->type);
    unsigned pauses = 0;
    uint64_t count;
    if (stele_type_has_lists(&table->type))
        return walk_get_list(table, key, key_bytes, 0, UINT64_MAX, value, &count);
    for (;;) {
        size_t bytes = 0;
        enum stele_status status =
            words ? walk_get_by_word(table, key, key_bytes, value, &bytes)
                  : stele_get(table, key, key_bytes, value->bytes, value->capacity, &bytes);
        if (status == STELE_OK)
            value->used = bytes;
        if (walk_pause(status, &pauses))
            continue;
        if (status != STELE_ESHORT)
            return status;
        if (!buffer_reserve(value, bytes))
            return STELE_ENOMEM;
    }
}

/* `words`, the table as one of word keys, has to outlive the list. */
static enum stele_status walk_take_list(const struct stele_words *words, const void *key,
                                        size_t key_bytes, struct stele_list *list)
{
    const struct stele_table *table = &words->table;
    uint64_t word;
    if (!stele_type_has_word_keys(&table->type))
        return stele_list_take(table, key, key_bytes, list);
    if (!walk_word_key(table, key, key_bytes, &word))
        return STELE_ENOTFOUND;
    return stele_words_list_take(words, word, list);
}

enum stele_status walk_get_list(const struct stele_table *table, const void *key, size_t key_bytes,
                                uint64_t from, uint64_t most, struct buffer *value, uint64_t *count)
{
    struct stele_words words = {*table};
    unsigned pauses = 0, element_bytes = stele_type_element_bytes(&table->type);
    for (;;) {
        struct stele_list list;
        uint64_t got = 0;
        enum stele_status status = walk_take_list(&words, key, key_bytes, &list);
        if (status == STELE_OK) {
            uint64_t length = stele_list_length(&list), left = from < length ? length - from : 0;
            uint64_t wanted = left < most ? left : most;
            if (!buffer_reserve(value, (size_t)wanted * element_bytes))
                return STELE_ENOMEM;
            status = stele_list_read(&list, from, value->bytes, wanted, &got);
            *count = length;
        }
        if (status == STELE_OK)
            value->used = (size_t)got * element_bytes;
        if (!walk_pause(status, &pauses))
            return status;
    }
}
