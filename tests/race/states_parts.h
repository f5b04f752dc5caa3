/*
 * states_parts.h - the insides of states.h, for the files states*.c: how a number stands for a word, a
 * record or a list, and what key it has.
 */
#ifndef RACE_STATES_PARTS_H
#define RACE_STATES_PARTS_H

#include "states.h"

#define INDEX_BITS 24u

static inline bool is_list(enum states_kind kind)
{
    return kind == STATES_LISTS || kind == STATES_NAMED_LISTS;
}

static inline bool is_record(enum states_kind kind)
{
    return kind == STATES_RECORDS || kind == STATES_STRINGS;
}

/* ---- states ---------------------------------------------------------------------------------- */

static inline uint64_t lo_of(uint64_t state)
{
    return state >> 32;
}
static inline uint64_t hi_of(uint64_t state)
{
    return state & UINT32_MAX;
}
static inline uint64_t list_state(uint64_t lo, uint64_t hi)
{
    return lo == hi ? STATES_ABSENT : lo << 32 | hi;
}

/* Bytes of the record of a state: small, but for some that go by the quarantine clock; of a string,
 * small or of any class up to 2000 bytes. */
static inline uint32_t record_bytes(enum states_kind kind, uint64_t state)
{
    if (kind == STATES_STRINGS)
        return VALUE_MIN_BYTES + (uint32_t)(state % (state % 2 ? 177 : 1977));
    return VALUE_MIN_BYTES + (uint32_t)(state % 200) + (state % 32 == 0 ? 5000 : 0);
}

/* The element of this index: 32 bits, or all 64. */
static inline uint64_t element_of(enum states_kind kind, unsigned key, uint64_t index)
{
    uint64_t element = (uint64_t)key << INDEX_BITS | index;
    return kind == STATES_LISTS ? element : element | random_mix(element) << 32;
}

/* The key as the store takes it; `space` has room for it. */
static inline const void *key_of(enum states_kind kind, uint64_t number,
                                 uint8_t space[KEY_MAX_BYTES], uint32_t *bytes)
{
    *bytes = 8;
    if (states_named(kind))
        *bytes = key_make(number, space);
    else
        memcpy(space, &number, 8);
    return space;
}

/* ---- elements as states ------------------------------------------------------------------------ */

/* A list that was copied. False: not one of this key. */
static inline bool list_seen(enum states_kind kind, unsigned key, const uint8_t *elements,
                             uint64_t count, uint64_t *state)
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

static inline bool word_seen(unsigned key, uint64_t word, uint64_t *state)
{
    *state = word;
    return word >> 48 == key;
}

static inline bool record_seen(enum states_kind kind, unsigned key, const uint8_t *value,
                               size_t bytes, uint64_t *state)
{
    return value_check(value, bytes, key, state) && bytes == record_bytes(kind, *state);
}

#endif
