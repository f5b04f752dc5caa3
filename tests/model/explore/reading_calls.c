/* The lookups of reading.h, for each form of table. */
#include "reading_parts.h"

static uint64_t word_key(const struct explore_reading *reading, unsigned key)
{
    return reading->stage->key[key].bytes[0];
}

/* ---- get ---------------------------------------------------------------------------------- */

/* All elements by the one call that takes and copies. */
static enum stele_status get_list(struct explore_reading *reading, unsigned key, size_t *bytes)
{
    const struct explore_key *k = &reading->stage->key[key];
    const struct stele_table *table = &reading->words.table;
    uint64_t capacity = READING_BUFFER_BYTES / 8, got = 0, count = 0;
    enum stele_status status =
        table->form == STELEI_FORM_WORD_LISTS
            ? stele_words_list_get(&reading->words, word_key(reading, key), 0, reading->buffer,
                                   capacity, &got, &count)
            : stele_list_get(table, k->bytes, k->length, 0, reading->buffer, capacity, &got,
                             &count);
    if (status == STELE_OK && got != count)
        explore_fail(reading->search, "key %ld: %ld elements of a list of %ld", (long)key,
                     (long)got, (long)count);
    *bytes = (size_t)got * stele_type_element_bytes(&table->type);
    return status;
}

enum stele_status explore_read_value(struct explore_reading *reading, unsigned key, size_t *bytes)
{
    const struct explore_key *k = &reading->stage->key[key];
    uint64_t word = 0;
    enum stele_status status;
    switch (reading->words.table.form) {
    case STELEI_FORM_WORDS:
        status = stele_words_get(&reading->words, word_key(reading, key), &word);
        memcpy(reading->buffer, &word, sizeof word);
        *bytes = sizeof word;
        return status;
    case STELEI_FORM_WORD_RECORDS:
        return stele_words_get_bytes(&reading->words, word_key(reading, key), reading->buffer,
                                     READING_BUFFER_BYTES, bytes);
    case STELEI_FORM_BYTES:
        return stele_get(&reading->words.table, k->bytes, k->length, reading->buffer,
                         READING_BUFFER_BYTES, bytes);
    default:
        return get_list(reading, key, bytes);
    }
}

uint32_t explore_call_get(struct explore_reading *reading, unsigned key, uint32_t lower)
{
    size_t bytes = 0;
    explore_begin_call(reading, NULL);
    enum stele_status status = explore_read_value(reading, key, &bytes);
    int value = explore_result_of(reading, key, status, reading->buffer, bytes);
    return explore_judge(reading, key, value, lower, explore_upper_bound(reading->search, lower));
}

uint32_t explore_call_contains(struct explore_reading *reading, unsigned key, uint32_t lower)
{
    const struct explore_key *k = &reading->stage->key[key];
    explore_begin_call(reading, NULL);
    enum stele_status status = stele_type_has_word_keys(&reading->stage->type)
                                   ? stele_words_contains(&reading->words, word_key(reading, key))
                                   : stele_contains(&reading->words.table, k->bytes, k->length);
    uint32_t upper = explore_upper_bound(reading->search, lower);
    if (status != STELE_OK && status != STELE_ENOTFOUND)
        return explore_judge(reading, key, explore_result_of(reading, key, status, NULL, 0), lower,
                             upper);
    return explore_judge_presence(reading, key, status == STELE_OK, lower, upper);
}

/* ---- batches ------------------------------------------------------------------------------ */

/* What a batch returned of one key. */
struct many_result {
    enum stele_status status;
    const void *data;
    size_t bytes;
};

static uint8_t *many_buffer(const struct explore_reading *reading, unsigned i)
{
    return reading->buffer + i * (READING_BUFFER_BYTES / EXPLORE_KEYS);
}

static void many_words(struct explore_reading *reading, struct many_result *result)
{
    uint64_t keys[EXPLORE_KEYS], *values = (uint64_t *)(void *)reading->buffer;
    enum stele_status statuses[EXPLORE_KEYS];
    for (unsigned i = 0; i < reading->watches; i++)
        keys[i] = word_key(reading, reading->watched[i]);
    stele_words_get_many(&reading->words, keys, values, statuses, reading->watches);
    for (unsigned i = 0; i < reading->watches; i++)
        result[i] = (struct many_result){statuses[i], &values[i], sizeof values[i]};
}

static void many_word_records(struct explore_reading *reading, struct many_result *result)
{
    struct stele_words_lookup lookup[EXPLORE_KEYS];
    memset(lookup, 0, sizeof lookup);
    for (unsigned i = 0; i < reading->watches; i++) {
        lookup[i].key = word_key(reading, reading->watched[i]);
        lookup[i].buffer = many_buffer(reading, i);
        lookup[i].capacity = READING_BUFFER_BYTES / EXPLORE_KEYS;
    }
    stele_words_get_bytes_many(&reading->words, lookup, reading->watches);
    for (unsigned i = 0; i < reading->watches; i++)
        result[i] = (struct many_result){lookup[i].status, lookup[i].buffer, lookup[i].value_bytes};
}

static void many_bytes(struct explore_reading *reading, struct many_result *result)
{
    struct stele_lookup lookup[EXPLORE_KEYS];
    memset(lookup, 0, sizeof lookup);
    for (unsigned i = 0; i < reading->watches; i++) {
        const struct explore_key *k = &reading->stage->key[reading->watched[i]];
        lookup[i].key = k->bytes;
        lookup[i].key_bytes = k->length;
        lookup[i].buffer = many_buffer(reading, i);
        lookup[i].capacity = READING_BUFFER_BYTES / EXPLORE_KEYS;
    }
    stele_get_many(&reading->words.table, lookup, reading->watches);
    for (unsigned i = 0; i < reading->watches; i++)
        result[i] = (struct many_result){lookup[i].status, lookup[i].buffer, lookup[i].value_bytes};
}

uint32_t explore_call_many(struct explore_reading *reading, uint32_t lower)
{
    struct many_result result[EXPLORE_KEYS];
    uint32_t first = lower;
    explore_begin_call(reading, NULL);
    unsigned attempts = reading->attempts;
    reading->attempts = 1 + attempts * reading->watches; /* one for the group */
    if (reading->words.table.form == STELEI_FORM_WORDS)
        many_words(reading, result);
    else if (reading->words.table.form == STELEI_FORM_WORD_RECORDS)
        many_word_records(reading, result);
    else
        many_bytes(reading, result);
    reading->attempts = attempts;
    for (unsigned i = 0; i < reading->watches; i++) {
        unsigned key = reading->watched[i];
        int value =
            explore_result_of(reading, key, result[i].status, result[i].data, result[i].bytes);
        uint32_t at =
            explore_judge(reading, key, value, lower, explore_upper_bound(reading->search, lower));
        first = at > first ? at : first;
    }
    return first;
}

/* ---- in place ----------------------------------------------------------------------------- */

/* A value, or a list, that was taken. */
struct taken {
    struct stele_view view;
    struct stele_list list;
    uint32_t upper; /* bound of the instant when it was taken */
};

static enum stele_status take(struct explore_reading *reading, unsigned key, struct taken *taken)
{
    const struct explore_key *k = &reading->stage->key[key];
    memset(taken, 0, sizeof *taken);
    switch (reading->words.table.form) {
    case STELEI_FORM_WORD_RECORDS:
        return stele_words_view_take(&reading->words, word_key(reading, key), &taken->view);
    case STELEI_FORM_WORD_LISTS:
        return stele_words_list_take(&reading->words, word_key(reading, key), &taken->list);
    case STELEI_FORM_BYTES_LISTS:
        return stele_list_take(&reading->words.table, k->bytes, k->length, &taken->list);
    default:
        return stele_view_take(&reading->words.table, k->bytes, k->length, &taken->view);
    }
}

/* Copies the runs of a list. False: they are not to be had any more. */
static bool copy_runs(struct explore_reading *reading, unsigned key, const struct stele_list *list,
                      size_t *bytes)
{
    const void *elements;
    uint64_t n, from = 0;
    enum stele_status status;
    *bytes = (size_t)stele_list_length(list) << list->element_shift;
    if (*bytes > READING_BUFFER_BYTES)
        explore_fail(reading->search, "key %ld: a list of %ld bytes", (long)key, (long)*bytes, 0);
    while ((status = stele_list_span(list, from, &elements, &n)) == STELE_OK) {
        stelei_copy_out(reading->buffer + (from << list->element_shift), elements,
                        (size_t)(n << list->element_shift));
        from += n;
    }
    if (status != STELE_EEND && status != STELE_EBUSY)
        explore_fail(reading->search, "key %ld: a run of a list: status %ld", (long)key,
                     (long)status, 0);
    return status == STELE_EEND && stele_list_valid(list);
}

/* Copies what was taken, and goes on only if that is valid. */
static size_t copy_taken(struct explore_reading *reading, unsigned key, const struct taken *taken)
{
    size_t bytes = taken->view.bytes;
    bool valid;
    if (stele_type_has_lists(&reading->stage->type)) {
        valid = copy_runs(reading, key, &taken->list, &bytes);
    } else {
        if (bytes > READING_BUFFER_BYTES)
            explore_fail(reading->search, "key %ld: a view of %ld bytes", (long)key, (long)bytes,
                         0);
        stelei_copy_out(reading->buffer, taken->view.data, bytes);
        valid = stele_view_valid(&reading->words.table, &taken->view);
    }
    if (!valid && reading->search->alone)
        explore_fail(reading->search, "key %ld: a view is not valid although nobody writes",
                     (long)key, 0, 0);
    if (!valid)
        explore_prune(reading->search);
    return bytes;
}

/* Takes, copies and judges. True: something was there. */
static bool view(struct explore_reading *reading, unsigned key, uint32_t lower, uint32_t *at,
                 struct taken *taken, int *value)
{
    size_t bytes = 0;
    explore_begin_call(reading, NULL);
    enum stele_status status = take(reading, key, taken);
    uint32_t upper = explore_upper_bound(reading->search, lower);
    if (status == STELE_OK)
        bytes = copy_taken(reading, key, taken);
    *value = explore_result_of(reading, key, status, reading->buffer, bytes);
    *at = explore_judge(reading, key, *value, lower, upper);
    return status == STELE_OK;
}

uint32_t explore_call_view(struct explore_reading *reading, unsigned key, uint32_t lower)
{
    struct taken taken;
    uint32_t at;
    int value;
    view(reading, key, lower, &at, &taken, &value);
    return at;
}

/* The last operation that was acknowledged by then: a change that a killed writer left need not be
 * told of. */
static uint32_t acknowledged_by(const struct explore_reading *reading, uint32_t index)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < reading->memory->acks && reading->memory->ack[i] <= index; i++)
        if (!(reading->stage->crash_acks >> i & 1))
            last = reading->memory->ack[i];
    return last;
}

uint32_t explore_call_current(struct explore_reading *reading, unsigned key, uint32_t lower)
{
    struct taken taken;
    uint32_t at;
    int value;
    if (!view(reading, key, lower, &at, &taken, &value))
        return at;
    uint32_t heard = acknowledged_by(reading, explore_hear(reading->search));
    uint32_t since = heard > at ? heard : at;
    bool current = stele_type_has_lists(&reading->stage->type)
                       ? stele_list_current(&taken.list)
                       : stele_view_current(&reading->words.table, &taken.view);
    if (!current && reading->search->alone)
        explore_fail(reading->search, "key %ld: not current although nobody writes", (long)key, 0,
                     0);
    if (!current)
        return since;
    explore_note(reading->search, "key %ld is said to be current", (long)key, 0, 0);
    return explore_judge(reading, key, value, since, explore_upper_bound(reading->search, since));
}
