#include "states.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)256 << 10)
#define LONGEST      4000u /* elements: then lists only lose some */
#define INDEX_BITS   24u
#define START_BELOW  (1u << 20) /* where a list begins */

const char *states_name(enum states_kind kind)
{
    static const char *const names[] = {"words", "lists", "named lists", "records"};
    return names[kind];
}

struct stele_type states_type(enum states_kind kind)
{
    if (kind == STATES_WORDS)
        return stele_type_of(STELE_U64, STELE_U64);
    if (kind == STATES_RECORDS)
        return stele_type_of(STELE_U64, STELE_BYTES);
    return kind == STATES_LISTS ? stele_type_of(STELE_U64, STELE_LIST + STELE_U32)
                                : stele_type_of(STELE_BYTES, STELE_LIST + STELE_U64);
}

static bool is_list(enum states_kind kind)
{
    return kind == STATES_LISTS || kind == STATES_NAMED_LISTS;
}

bool states_batched(enum states_kind kind)
{
    return !is_list(kind);
}

/* ---- states ---------------------------------------------------------------------------------- */

static uint64_t lo_of(uint64_t state)
{
    return state >> 32;
}
static uint64_t hi_of(uint64_t state)
{
    return state & UINT32_MAX;
}
static uint64_t list_state(uint64_t lo, uint64_t hi)
{
    return lo == hi ? STATES_ABSENT : lo << 32 | hi;
}

/* Bytes of the record of a state: small, but for some that go by the quarantine clock. */
static uint32_t record_bytes(uint64_t state)
{
    return VALUE_MIN_BYTES + (uint32_t)(state % 200) + (state % 32 == 0 ? 5000 : 0);
}

/* The element of this index: 32 bits, or all 64. */
static uint64_t element_of(enum states_kind kind, unsigned key, uint64_t index)
{
    uint64_t element = (uint64_t)key << INDEX_BITS | index;
    return kind == STATES_LISTS ? element : element | random_mix(element) << 32;
}

/* ---- the writer ------------------------------------------------------------------------------ */

/* The key as the store takes it; `space` has room for it. */
static const void *key_of(enum states_kind kind, uint64_t number, uint8_t space[KEY_MAX_BYTES],
                          uint32_t *bytes)
{
    *bytes = 8;
    if (kind == STATES_NAMED_LISTS)
        *bytes = key_make(number, space);
    else
        memcpy(space, &number, 8);
    return space;
}

static uint64_t next_list(struct random *random, uint64_t state)
{
    uint64_t lo = lo_of(state), hi = hi_of(state), more = 1;
    if (state == STATES_ABSENT) {
        lo = hi = random_below(random, START_BELOW);
        return list_state(lo, hi + 1 + random_below(random, 8));
    }
    if (random_below(random, 64) == 0)
        more = random_below(random, 700); /* several chunks at once */
    if (hi - lo > LONGEST)
        return list_state(lo + 1, hi);
    switch (random_below(random, 8)) {
    case 0:
    case 1:
        return list_state(lo + 1, hi);
    case 2:
        return list_state(lo + 1, hi + 1);
    case 3:
        return list_state(lo, hi - 1);
    default:
        return list_state(lo, hi + (more ? more : 1));
    }
}

uint64_t states_next(struct states_writer *writer, unsigned key, uint64_t state)
{
    if (state != STATES_ABSENT && random_below(&writer->random, writer->erase_every) == 0)
        return STATES_ABSENT;
    if (!is_list(writer->kind))
        return (uint64_t)key << 48 | (random_next(&writer->random) >> 17);
    return next_list(&writer->random, state);
}

static enum stele_status append(struct states_writer *writer, unsigned key, const void *name,
                                uint32_t name_bytes, uint64_t from, uint64_t to)
{
    uint64_t count = to - from;
    uint64_t *wide = malloc(count * sizeof *wide);
    uint32_t *narrow = (uint32_t *)(void *)wide;
    if (!wide)
        return STELE_ENOMEM;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t element = element_of(writer->kind, key, from + i);
        if (writer->kind == STATES_LISTS)
            narrow[i] = (uint32_t)element;
        else
            wide[i] = element;
    }
    enum stele_status status =
        stele_store_list_append(writer->store, writer->table, name, name_bytes, wide, count, NULL);
    free(wide);
    return status;
}

static enum stele_status change_list(struct states_writer *writer, unsigned key, const void *name,
                                     uint32_t name_bytes, uint64_t from, uint64_t to)
{
    struct stele_store *store = writer->store;
    uint64_t lo = lo_of(from), hi = hi_of(from), popped;
    uint64_t first = element_of(writer->kind, key, lo);
    if (from == STATES_ABSENT)
        return append(writer, key, name, name_bytes, lo_of(to), hi_of(to));
    if (to == STATES_ABSENT && hi - lo > 1)
        return stele_store_erase(store, writer->table, name, name_bytes);
    if (to == STATES_ABSENT || (lo_of(to) == lo + 1 && hi_of(to) == hi))
        return stele_store_list_remove(store, writer->table, name, name_bytes, first);
    if (lo_of(to) == lo + 1)
        return stele_store_list_replace(store, writer->table, name, name_bytes, first,
                                        element_of(writer->kind, key, hi));
    if (hi_of(to) < hi)
        return stele_store_list_pop(store, writer->table, name, name_bytes, &popped);
    return append(writer, key, name, name_bytes, hi, hi_of(to));
}

static enum stele_status put_record(struct states_writer *writer, unsigned key, uint64_t state)
{
    uint8_t value[VALUE_MIN_BYTES + 5200];
    value_make(value, record_bytes(state), key, state);
    return stele_store_put(writer->store, writer->table, &writer->number[key], sizeof(uint64_t),
                           value, record_bytes(state));
}

enum stele_status states_change(struct states_writer *writer, unsigned key, uint64_t from,
                                uint64_t to)
{
    uint8_t space[KEY_MAX_BYTES];
    uint32_t bytes;
    uint64_t number = writer->number[key];
    const void *name = key_of(writer->kind, number, space, &bytes);
    if (is_list(writer->kind))
        return change_list(writer, key, name, bytes, from, to);
    if (writer->kind == STATES_RECORDS)
        return to == STATES_ABSENT ? stele_store_erase(writer->store, writer->table, name, bytes)
                                   : put_record(writer, key, to);
    if (to == STATES_ABSENT)
        return stele_store_word_erase(writer->store, writer->table, number, NULL);
    return stele_store_word_put(writer->store, writer->table, number, to, NULL, NULL);
}

/* ---- elements as states ------------------------------------------------------------------------ */

/* A list that was copied. False: not one of this key. */
static bool list_seen(enum states_kind kind, unsigned key, const uint8_t *elements, uint64_t count,
                      uint64_t *state)
{
    unsigned bytes = kind == STATES_LISTS ? 4 : 8;
    uint64_t lo = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t element = 0;
        memcpy(&element, elements + i * bytes, bytes);
        if (i == 0)
            lo = element & ((1u << INDEX_BITS) - 1);
        if (element != element_of(kind, key, lo + i))
            return false;
    }
    *state = list_state(lo, lo + count);
    return count > 0;
}

static bool word_seen(unsigned key, uint64_t word, uint64_t *state)
{
    *state = word;
    return word >> 48 == key;
}

static bool record_seen(unsigned key, const uint8_t *value, size_t bytes, uint64_t *state)
{
    return value_check(value, bytes, key, state) && bytes == record_bytes(*state);
}

static bool held_list(struct states_writer *writer, unsigned key, const void *name,
                      uint32_t name_bytes, uint64_t *state)
{
    struct stele_store_list list;
    const void *elements;
    uint64_t count, from = 0;
    *state = STATES_ABSENT;
    if (stele_store_list_find(writer->store, writer->table, name, name_bytes, &list) != STELE_OK)
        return true;
    uint8_t *copy = malloc((size_t)(list.count * list.element_bytes));
    if (!copy)
        return false;
    for (; stele_store_list_span(writer->store, &list, from, &elements, &count); from += count)
        memcpy(copy + from * list.element_bytes, elements, (size_t)(count * list.element_bytes));
    bool right = from == list.count && list_seen(writer->kind, key, copy, list.count, state);
    free(copy);
    return right;
}

bool states_held(struct states_writer *writer, unsigned key, uint64_t *state)
{
    uint8_t space[KEY_MAX_BYTES];
    uint32_t bytes;
    uint64_t word = 0;
    const void *name = key_of(writer->kind, writer->number[key], space, &bytes);
    if (is_list(writer->kind))
        return held_list(writer, key, name, bytes, state);
    *state = STATES_ABSENT;
    if (writer->kind == STATES_RECORDS) {
        const void *value;
        uint32_t value_bytes;
        return stele_store_find(writer->store, writer->table, name, bytes, &value, &value_bytes) !=
                   STELE_OK ||
               record_seen(key, value, value_bytes, state);
    }
    return stele_store_word_find(writer->store, writer->table, writer->number[key], &word) !=
               STELE_OK ||
           word_seen(key, word, state);
}

/* ---- readers --------------------------------------------------------------------------------- */

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

/* Copied by the call, or a view copied by us. */
static enum states_outcome read_record(struct states_reader *reader, unsigned key, uint64_t *state)
{
    uint64_t number = reader->number[key];
    struct stele_view view;
    size_t bytes = 0;
    enum stele_status status;
    memset(&view, 0, sizeof view);
    if (random_below(&reader->random, 2)) {
        status =
            stele_words_get_bytes(&reader->words, number, reader->buffer, BUFFER_BYTES, &bytes);
    } else {
        status = stele_words_view_take(&reader->words, number, &view);
        bytes = view.bytes;
        if (status == STELE_OK && bytes > BUFFER_BYTES)
            return wrong(reader, "view, its length", key, STELE_OK);
        if (status == STELE_OK)
            stelei_copy_out(reader->buffer, view.data, bytes);
        if (status == STELE_OK && !stele_words_view_valid(&reader->words, &view))
            return STATES_STALE;
    }
    if (status != STELE_OK)
        return outcome_of(reader, "record", key, status, state);
    return record_seen(key, reader->buffer, bytes, state) ? STATES_SEEN
                                                          : wrong(reader, "record", key, STELE_OK);
}

enum states_outcome states_read(struct states_reader *reader, unsigned key, uint64_t *state)
{
    uint8_t space[KEY_MAX_BYTES];
    uint32_t bytes;
    uint64_t word = 0;
    const void *name = key_of(reader->kind, reader->number[key], space, &bytes);
    if (reader->kind == STATES_RECORDS)
        return read_record(reader, key, state);
    if (reader->kind != STATES_WORDS)
        return random_below(&reader->random, 2) ? take_list(reader, key, name, bytes, state)
                                                : get_list(reader, key, name, bytes, state);
    enum stele_status status = stele_words_get(&reader->words, reader->number[key], &word);
    if (status != STELE_OK)
        return outcome_of(reader, "get", key, status, state);
    return word_seen(key, word, state) ? STATES_SEEN : wrong(reader, "get", key, STELE_OK);
}

static void read_many_records(struct states_reader *reader, const unsigned *keys, uint64_t *states,
                              enum states_outcome *outcomes)
{
    struct stele_words_lookup lookups[STATES_MANY];
    memset(lookups, 0, sizeof lookups);
    for (unsigned i = 0; i < STATES_MANY; i++) {
        lookups[i].key = reader->number[keys[i]];
        lookups[i].buffer = reader->buffer + i * (BUFFER_BYTES / STATES_MANY);
        lookups[i].capacity = BUFFER_BYTES / STATES_MANY;
    }
    stele_words_get_bytes_many(&reader->words, lookups, STATES_MANY);
    for (unsigned i = 0; i < STATES_MANY; i++) {
        if (lookups[i].status != STELE_OK)
            outcomes[i] =
                outcome_of(reader, "get_bytes_many", keys[i], lookups[i].status, &states[i]);
        else if (record_seen(keys[i], lookups[i].buffer, lookups[i].value_bytes, &states[i]))
            outcomes[i] = STATES_SEEN;
        else
            outcomes[i] = wrong(reader, "get_bytes_many", keys[i], STELE_OK);
    }
}

void states_read_many(struct states_reader *reader, const unsigned *keys, uint64_t *states,
                      enum states_outcome *outcomes)
{
    if (reader->kind == STATES_RECORDS) {
        read_many_records(reader, keys, states, outcomes);
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
    if (reader->kind == STATES_RECORDS) {
        *outcome = record_seen(*key, reader->buffer, bytes, state)
                       ? STATES_SEEN
                       : wrong(reader, "scan", *key, STELE_OK);
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
