#include "states_parts.h"

#include <stdlib.h>

#define LONGEST     4000u      /* elements: then lists only lose some */
#define START_BELOW (1u << 20) /* where a list begins */

const char *states_name(enum states_kind kind)
{
    static const char *const names[] = {"words", "lists", "named lists", "records", "strings"};
    return names[kind];
}

struct stele_type states_type(enum states_kind kind)
{
    if (kind == STATES_WORDS)
        return stele_type_of(STELE_U64, STELE_U64);
    if (kind == STATES_RECORDS || kind == STATES_STRINGS)
        return stele_type_of(kind == STATES_RECORDS ? STELE_U64 : STELE_BYTES, STELE_BYTES);
    return kind == STATES_LISTS ? stele_type_of(STELE_U64, STELE_LIST + STELE_U32)
                                : stele_type_of(STELE_BYTES, STELE_LIST + STELE_U64);
}

bool states_named(enum states_kind kind)
{
    return kind == STATES_NAMED_LISTS || kind == STATES_STRINGS;
}

bool states_batched(enum states_kind kind)
{
    return !is_list(kind);
}

/* ---- the writer ------------------------------------------------------------------------------ */

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

static enum stele_status put_record(struct states_writer *writer, unsigned key, const void *name,
                                    uint32_t name_bytes, uint64_t state)
{
    uint8_t value[VALUE_MIN_BYTES + 5200];
    uint32_t bytes = record_bytes(writer->kind, state);
    value_make(value, bytes, key, state);
    return stele_store_put(writer->store, writer->table, name, name_bytes, value, bytes);
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
    if (is_record(writer->kind))
        return to == STATES_ABSENT ? stele_store_erase(writer->store, writer->table, name, bytes)
                                   : put_record(writer, key, name, bytes, to);
    if (to == STATES_ABSENT)
        return stele_store_word_erase(writer->store, writer->table, number, NULL);
    return stele_store_word_put(writer->store, writer->table, number, to, NULL, NULL);
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
    if (is_record(writer->kind)) {
        const void *value;
        uint32_t value_bytes;
        return stele_store_find(writer->store, writer->table, name, bytes, &value, &value_bytes) !=
                   STELE_OK ||
               record_seen(writer->kind, key, value, value_bytes, state);
    }
    return stele_store_word_find(writer->store, writer->table, writer->number[key], &word) !=
               STELE_OK ||
           word_seen(key, word, state);
}
