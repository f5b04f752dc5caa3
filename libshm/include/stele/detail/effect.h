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

/* Numbers stand in logs: never renumber, only append. */
enum stelei_effect_kind {
    STELEI_EFFECT_PUT = 1,          /* the key holds this value from now on */
    STELEI_EFFECT_ERASE = 2,        /* the key is absent from now on */
    STELEI_EFFECT_TABLE_CREATE = 3, /* descriptor `table` belongs to the table `key` (its name) */
    STELEI_EFFECT_TABLE_DROP = 4,
    STELEI_EFFECT_TABLE_CLEAR = 5,
    STELEI_EFFECT_LIST_APPEND = 6, /* applies where generation matches and count == index */
    STELEI_EFFECT_LIST_REMOVE = 7  /* applies where generation matches */
};

struct stelei_effect {
    uint64_t lsn;
    uint64_t expiry_ms;  /* 0 = never */
    uint64_t generation; /* of the list */
    uint64_t index;      /* in the list */
    const void *key;
    const void *value;
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint32_t table;   /* descriptor number; TABLE_CREATE: UINT32_MAX = any that is free */
    uint8_t kind;     /* enum stelei_effect_kind */
    uint8_t key_kind; /* TABLE_CREATE */
    uint8_t value_kind;
    uint8_t hash_id;
};

#endif
