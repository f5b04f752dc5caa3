/*
 * effect.h - the one vocabulary of change. What a command does to a segment is said as effects; the
 * store applies them, the log writes them, replay reads them and the feed tells them. They carry
 * results, not intentions: applying one needs no decision and may be repeated.
 *
 * An effect borrows its bytes: key, value and name must live until it was applied or written.
 */
#ifndef STELE_DETAIL_EFFECT_H
#define STELE_DETAIL_EFFECT_H

#include "base.h"

#include <stele/type.h>

/* Numbers stand in logs: never renumber, only append. */
enum stelei_effect_kind {
    STELEI_EFFECT_PUT = 1,          /* the key holds this value from now on */
    STELEI_EFFECT_ERASE = 2,        /* the key is absent from now on */
    STELEI_EFFECT_TABLE_CREATE = 3, /* descriptor `table` belongs to the table `key` (its name) */
    STELEI_EFFECT_TABLE_DROP = 4,
    STELEI_EFFECT_TABLE_CLEAR = 5,
    /* `value` holds elements, packed; index 0 makes the list, with this effect's lsn as its generation.
     * Applies where the list has this generation and `index` elements. */
    STELEI_EFFECT_LIST_APPEND = 6,
    /* The element `index` goes, the generation becomes the effect's lsn; with the last one goes the
     * key. Applies where the generation matches. */
    STELEI_EFFECT_LIST_REMOVE = 7,
    /* The same, and `value` is appended, as one change. */
    STELEI_EFFECT_LIST_REPLACE = 8
};

struct stelei_effect {
    uint64_t lsn;
    uint64_t expiry_ms;  /* 0 = never */
    uint64_t generation; /* of the list that was looked at */
    uint64_t index;      /* in it */
    const void *key;
    const void *value;
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint32_t table;   /* descriptor number; TABLE_CREATE: UINT32_MAX = any that is free */
    uint8_t kind;     /* enum stelei_effect_kind */
    struct stele_type type;      /* TABLE_CREATE */
    uint64_t max_entries;        /* TABLE_CREATE; 0 = no limit */
};

#endif
