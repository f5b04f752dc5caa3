/* The readers of states.h. */
#include "states_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)256 << 10)

uint8_t *states_buffer(void)
{
    uint8_t *buffer = malloc(BUFFER_BYTES);
    if (!buffer)
        abort();
    return buffer;
}

enum stele_status states_attach(struct states_reader *reader, const char *segment,
                                const char *table)
{
    enum stele_status status = stele_reader_attach(&reader->reader, segment);
    if (status == STELE_OK)
        status = stele_table_open_any(&reader->reader, table, &reader->words.table);
    reader->buffer = states_buffer();
    return status;
}

void states_detach(struct states_reader *reader)
{
    free(reader->buffer);
    stele_reader_detach(&reader->reader);
}

static enum states_outcome wrong(struct states_reader *reader, const char *call, unsigned key,
                                 enum stele_status status)
{
    snprintf(reader->text, sizeof reader->text, "%s of %s key %u: %s", call,
             states_name(reader->kind), key,
             status == STELE_OK ? "torn, or another key's" : stele_status_name(status));
    return STATES_WRONG;
}

/* A status that is not STELE_OK. */
static enum states_outcome outcome_of(struct states_reader *reader, const char *call, unsigned key,
                                      enum stele_status status, uint64_t *state)
{
    *state = STATES_ABSENT;
    if (status == STELE_ENOTFOUND)
        return STATES_SEEN;
    return status == STELE_EBUSY ? STATES_BUSY : wrong(reader, call, key, status);
}

static enum states_outcome judge_elements(struct states_reader *reader, const char *call,
                                          unsigned key, uint64_t count, uint64_t *state)
{
    if (list_seen(reader->kind, key, reader->buffer, count, state))
        return STATES_SEEN;
    return wrong(reader, call, key, STELE_OK);
}

static enum states_outcome get_list(struct states_reader *reader, unsigned key, const void *name,
                                    uint32_t name_bytes, uint64_t *state)
{
    uint64_t got = 0, count = 0, capacity = BUFFER_BYTES / 8;
    enum stele_status status = reader->kind == STATES_LISTS
                                   ? stele_words_list_get(&reader->words, reader->number[key], 0,
                                                          reader->buffer, capacity, &got, &count)
                                   : stele_list_get(&reader->words.table, name, name_bytes, 0,
                                                    reader->buffer, capacity, &got, &count);
    if (status != STELE_OK)
        return outcome_of(reader, "list_get", key, status, state);
    if (got != count)
        return wrong(reader, "list_get, its count", key, STELE_OK);
    return judge_elements(reader, "list_get", key, count, state);
}

/* Copies what was taken: in place, run by run, or by two reads. */
static enum stele_status copy_taken(struct states_reader *reader, const struct stele_list *list)
{
    const void *elements;
    uint64_t n, got = 0, length = stele_list_length(list), bytes = list->element_bytes;
    if (random_below(&reader->random, 2)) {
        uint64_t half = length / 2, rest = length - half;
        enum stele_status status =
            stele_list_read(list, half, reader->buffer + half * bytes, rest, &got);
        if (status == STELE_OK && got == rest)
            status = stele_list_read(list, 0, reader->buffer, half, &got);
        return status == STELE_OK && got != half ? STELE_ECORRUPT : status;
    }
    for (uint64_t from = 0; from < length; from += n) {
        enum stele_status status = stele_list_span(list, from, &elements, &n);
        if (status != STELE_OK)
            return status;
        stelei_copy_out(reader->buffer + from * bytes, elements, (size_t)(n * bytes));
    }
    return stele_list_valid(list) ? STELE_OK : STELE_EBUSY;
}

static enum states_outcome take_list(struct states_reader *reader, unsigned key, const void *name,
                                     uint32_t name_bytes, uint64_t *state)
{
    struct stele_list list;
    enum stele_status status =
        reader->kind == STATES_LISTS
            ? stele_words_list_take(&reader->words, reader->number[key], &list)
            : stele_list_take(&reader->words.table, name, name_bytes, &list);
    if (status != STELE_OK)
        return outcome_of(reader, "list_take", key, status, state);
    if (stele_list_length(&list) * list.element_bytes > BUFFER_BYTES)
        return wrong(reader, "list_take, its count", key, STELE_OK);
    if (random_below(&reader->random, 256) == 0)
        usleep(100); /* let the writer come far */
    status = copy_taken(reader, &list);
    if (status == STELE_EBUSY)
        return STATES_STALE;
    if (status != STELE_OK)
        return wrong(reader, "list_read", key, status);
    return judge_elements(reader, "list_read", key, stele_list_length(&list), state);
}

static enum states_outcome judge_record(struct states_reader *reader, const char *call,
                                        unsigned key, enum stele_status status, const void *value,
                                        size_t bytes, uint64_t *state)
{
    if (status != STELE_OK)
        return outcome_of(reader, call, key, status, state);
    return record_seen(reader->kind, key, value, bytes, state) ? STATES_SEEN
                                                               : wrong(reader, call, key, STELE_OK);
}

/* Copied by the call, or a view copied by us. */
static enum states_outcome read_record(struct states_reader *reader, unsigned key, const void *name,
                                       uint32_t name_bytes, uint64_t *state)
{
    uint64_t number = reader->number[key];
    bool strings = reader->kind == STATES_STRINGS;
    const struct stele_table *table = &reader->words.table;
    struct stele_view view;
    size_t bytes = 0;
    enum stele_status status;
    memset(&view, 0, sizeof view);
    if (random_below(&reader->random, 2)) {
        status = strings ? stele_get(table, name, name_bytes, reader->buffer, BUFFER_BYTES, &bytes)
                         : stele_words_get_bytes(&reader->words, number, reader->buffer,
                                                 BUFFER_BYTES, &bytes);
    } else {
        status = strings ? stele_view_take(table, name, name_bytes, &view)
                         : stele_words_view_take(&reader->words, number, &view);
        bytes = view.bytes;
        if (status == STELE_OK && bytes > BUFFER_BYTES)
            return wrong(reader, "view, its length", key, STELE_OK);
        if (status == STELE_OK)
            stelei_copy_out(reader->buffer, view.data, bytes);
        if (status == STELE_OK && !(strings ? stele_view_valid(table, &view)
                                            : stele_words_view_valid(&reader->words, &view)))
            return STATES_STALE;
    }
    return judge_record(reader, "record", key, status, reader->buffer, bytes, state);
}

enum states_outcome states_read(struct states_reader *reader, unsigned key, uint64_t *state)
{
    uint8_t space[KEY_MAX_BYTES];
    uint32_t bytes;
    uint64_t word = 0;
    const void *name = key_of(reader->kind, reader->number[key], space, &bytes);
    if (is_record(reader->kind))
        return read_record(reader, key, name, bytes, state);
    if (reader->kind != STATES_WORDS)
        return random_below(&reader->random, 2) ? take_list(reader, key, name, bytes, state)
                                                : get_list(reader, key, name, bytes, state);
    enum stele_status status = stele_words_get(&reader->words, reader->number[key], &word);
    if (status != STELE_OK)
        return outcome_of(reader, "get", key, status, state);
    return word_seen(key, word, state) ? STATES_SEEN : wrong(reader, "get", key, STELE_OK);
}

#define ROOM (BUFFER_BYTES / STATES_MANY) /* of the buffer for one of many */

static void read_many_records(struct states_reader *reader, const unsigned *keys, uint64_t *states,
                              enum states_outcome *outcomes)
{
    struct stele_words_lookup lookups[STATES_MANY];
    memset(lookups, 0, sizeof lookups);
    for (unsigned i = 0; i < STATES_MANY; i++) {
        lookups[i].key = reader->number[keys[i]];
        lookups[i].buffer = reader->buffer + i * ROOM;
        lookups[i].capacity = ROOM;
    }
    stele_words_get_bytes_many(&reader->words, lookups, STATES_MANY);
    for (unsigned i = 0; i < STATES_MANY; i++)
        outcomes[i] = judge_record(reader, "get_bytes_many", keys[i], lookups[i].status,
                                   lookups[i].buffer, lookups[i].value_bytes, &states[i]);
}

static void read_many_strings(struct states_reader *reader, const unsigned *keys, uint64_t *states,
                              enum states_outcome *outcomes)
{
    struct stele_lookup lookups[STATES_MANY];
    uint8_t names[STATES_MANY][KEY_MAX_BYTES];
    memset(lookups, 0, sizeof lookups);
    for (unsigned i = 0; i < STATES_MANY; i++) {
        lookups[i].key = names[i];
        lookups[i].key_bytes = key_make(reader->number[keys[i]], names[i]);
        lookups[i].buffer = reader->buffer + i * ROOM;
        lookups[i].capacity = ROOM;
    }
    stele_get_many(&reader->words.table, lookups, STATES_MANY);
    for (unsigned i = 0; i < STATES_MANY; i++)
        outcomes[i] = judge_record(reader, "get_many", keys[i], lookups[i].status,
                                   lookups[i].buffer, lookups[i].value_bytes, &states[i]);
}

void states_read_many(struct states_reader *reader, const unsigned *keys, uint64_t *states,
                      enum states_outcome *outcomes)
{
    if (is_record(reader->kind)) {
        (reader->kind == STATES_STRINGS ? read_many_strings : read_many_records)(reader, keys,
                                                                                 states, outcomes);
        return;
    }
    uint64_t numbers[STATES_MANY], words[STATES_MANY];
    enum stele_status statuses[STATES_MANY];
    for (unsigned i = 0; i < STATES_MANY; i++)
        numbers[i] = reader->number[keys[i]];
    stele_words_get_many(&reader->words, numbers, words, statuses, STATES_MANY);
    for (unsigned i = 0; i < STATES_MANY; i++) {
        if (statuses[i] != STELE_OK)
            outcomes[i] = outcome_of(reader, "get_many", keys[i], statuses[i], &states[i]);
        else if (word_seen(keys[i], words[i], &states[i]))
            outcomes[i] = STATES_SEEN;
        else
            outcomes[i] = wrong(reader, "get_many", keys[i], STELE_OK);
    }
}

enum stele_status states_scan(struct states_reader *reader, struct stele_scan *scan, unsigned keys,
                              unsigned *key, uint64_t *state, enum states_outcome *outcome)
{
    uint8_t name[KEY_MAX_BYTES];
    uint64_t number = 0;
    size_t name_bytes = 0, bytes = 0;
    enum stele_status status =
        stele_scan_next(scan, name, sizeof name, &name_bytes, reader->buffer, BUFFER_BYTES, &bytes);
    if (status != STELE_OK)
        return status;
    memcpy(&number, name, 8);
    for (*key = 0; *key < keys && reader->number[*key] != number; ++*key)
        ;
    if (*key == keys) {
        *outcome = wrong(reader, "scan, a key that nobody wrote", keys, STELE_OK);
        return STELE_OK;
    }
    if (is_record(reader->kind)) {
        *outcome = judge_record(reader, "scan", *key, STELE_OK, reader->buffer, bytes, state);
    } else if (reader->kind == STATES_WORDS) {
        uint64_t word;
        memcpy(&word, reader->buffer, 8);
        *outcome =
            word_seen(*key, word, state) ? STATES_SEEN : wrong(reader, "scan", *key, STELE_OK);
    } else {
        *outcome =
            judge_elements(reader, "scan", *key,
                           bytes / stele_type_element_bytes(&reader->words.table.type), state);
    }
    return STELE_OK;
}
