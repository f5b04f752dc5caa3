/*
 * facade.h - the insides of store.h: one mutex, one lsn, and the rooms below in the right order. For
 * the files store*.c.
 */
#ifndef STORE_FACADE_H
#define STORE_FACADE_H

#include <stele/detail/fork.h>
#include <stele/store.h>

#include "adopt.h"
#include "catalog.h"
#include "evacuate.h"
#include "keep.h"
#include "list.h"
#include "names.h"
#include "reclaim.h"

struct stele_store {
    struct segment segment;
    struct names names;
    struct arena arena;
    struct reclaim reclaim;
    struct catalog catalog;
    struct adopt adopt;
    struct evacuate evacuate;
    struct stelei_fork_mark mark;
    pthread_mutex_t mutex;
    bool unlocked;
};

/* STELE_EINVAL: no store. STELE_EFORKED: our parent's, whose mutex a thread of its may have held when
 * we were forked: nothing of the store's is touched. */
STELEI_INLINE enum stele_status facade_ours(const struct stele_store *store)
{
    if (STELEI_UNLIKELY(!store))
        return STELE_EINVAL;
    return STELEI_UNLIKELY(stelei_fork_happened(&store->mark)) ? STELE_EFORKED : STELE_OK;
}

/* names_check() without a message. */
enum stele_status facade_look_for_names(struct stele_store *store);

/* Begins each call; the mutex is held if STELE_OK, and facade_leave() is due. */
STELEI_INLINE enum stele_status facade_enter(struct stele_store *store)
{
    enum stele_status status = facade_ours(store);
    if (STELEI_LIKELY(status == STELE_OK) && !store->unlocked)
        pthread_mutex_lock(&store->mutex);
    return status;
}
STELEI_INLINE void facade_leave(struct stele_store *store)
{
    if (!store->unlocked)
        pthread_mutex_unlock(&store->mutex);
}

/* The same for a call that changes something. STELE_EDETACHED: what it would change, nobody finds. */
STELEI_INLINE enum stele_status facade_enter_change(struct stele_store *store)
{
    enum stele_status status = facade_enter(store);
    if (STELEI_UNLIKELY(status != STELE_OK))
        return status;
    if (STELEI_LIKELY(++store->names.changes < NAMES_CHANGES && !store->names.detached))
        return STELE_OK;
    status = facade_look_for_names(store);
    if (status != STELE_OK)
        facade_leave(store);
    return status;
}

/* ---- keys and values as callers pass them --------------------------------------------------- */

/* A key as table.h takes it; `bytes` points to `word` where the table has word keys. */
struct facade_key {
    const void *bytes;
    uint32_t count;
    uint64_t word;
};

/* STELE_ETYPE, STELE_ETOOBIG. */
enum stele_status facade_key(const struct table *table, const void *key, uint32_t key_bytes,
                             struct facade_key *made);
/* A word is widened into *word, and *value and *value_bytes then mean that. STELE_ETYPE (also for a
 * table of lists), STELE_ETOOBIG. */
enum stele_status facade_value(const struct table *table, const void **value, uint32_t *value_bytes,
                               uint64_t *word);
/* The value behind a key that was found, by its bytes. */
const void *facade_found(const struct table *table, const struct table_spot *spot,
                         uint32_t *value_bytes);

/* A list as store.h tells it. */
void facade_tell_list(const struct table *table, const struct stelei_list *record,
                      struct stele_store_list *list);

/* ---- a change --------------------------------------------------------------------------------
 * facade_enter_change(), the change, facade_again() and then the change once more if it says so,
 * facade_done(), facade_leave(). Until the change is made nothing moves; facade_again() moves records,
 * those too that the caller's key and value may stand in: facade_make_room() is for these.
 */

/* STELE_ENOSPC: memory that the former writer or a dropped table left is not free yet, or slabs of
 * other classes hold it: takes the pause. True: worth another try. */
bool facade_again(struct stele_store *store, enum stele_status status);
/* The same after STELE_ENOSPC, for a key and a value (or elements; of 0 bytes: none) that may stand in
 * the segment: these are copies then, which keep_fini() frees after the change. */
bool facade_make_room(struct stele_store *store, struct keep *keep, const void **key,
                      uint64_t key_bytes, const void **value, uint64_t value_bytes);
/* The lsn of the next change that comes without one. */
uint64_t facade_next_lsn(const struct stele_store *store);
/* Housekeeping that each write pays for; where the write was done, its lsn is applied (0: the next). */
void facade_done(struct stele_store *store, enum stele_status status, uint64_t lsn);

/* Adoption and what dropped tables left, to the end. */
void facade_settle(struct stele_store *store);

/* ---- effects, for store.c ---------------------------------------------------------------------- */

enum stele_status facade_apply_table(struct stele_store *store, const struct stelei_effect *effect);
enum stele_status facade_apply_list(struct stele_store *store, const struct stelei_effect *effect);

#endif
