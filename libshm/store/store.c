/* The facade: one mutex, one lsn, and the rooms below in the right order. */
#include <stele/store.h>

#include "adopt.h"
#include "catalog.h"
#include "evacuate.h"
#include "prefetch.h"
#include "reclaim.h"
#include "statistics.h"
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>

struct stele_store {
    struct segment segment;
    struct arena arena;
    struct reclaim reclaim;
    struct catalog catalog;
    struct adopt adopt;
    struct evacuate evacuate;
    pthread_mutex_t mutex;
    bool unlocked;
};

#ifndef STELE_OWN_ASSERT /* tests bring their own */
void stelei_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "<2>stele: broken invariant: %s (%s:%d)\n", condition, file, line);
    abort();
}
#endif

static void enter(struct stele_store *store)
{
    if (!store->unlocked)
        pthread_mutex_lock(&store->mutex);
}

static void leave(struct stele_store *store)
{
    if (!store->unlocked)
        pthread_mutex_unlock(&store->mutex);
}

/* ---- open and close ------------------------------------------------------------------------ */

static enum stele_status start(struct stele_store *store, const struct segment_message *message)
{
    enum stele_status status = arena_init(&store->arena, &store->segment);
    if (status != STELE_OK)
        return status;
    catalog_init(&store->catalog, &store->arena, &store->reclaim);
    if (!store->segment.adopted)
        return STELE_OK;
    status = adopt_begin(&store->adopt, &store->catalog);
    if (status == STELE_ECORRUPT)
        segment_say(message, "a table of the segment is corrupt; remedy: start with --replace "
                             "(its contents are lost)");
    return status;
}

static void stop(struct stele_store *store, bool clean)
{
    adopt_fini(&store->adopt);
    reclaim_fini(&store->reclaim);
    catalog_fini(&store->catalog);
    arena_fini(&store->arena);
    segment_close(&store->segment, clean);
}

enum stele_status stele_store_open(const struct stele_store_options *options,
                                   struct stele_store **store, char *detail, size_t detail_bytes)
{
    struct segment_message message = {detail, detail_bytes};
    struct stele_store *opened = calloc(1, sizeof *opened);
    if (!opened)
        return STELE_ENOMEM;
    if (detail && detail_bytes)
        detail[0] = 0;
    enum stele_status status = segment_open(&opened->segment, options, &message);
    if (status == STELE_OK) {
        status = start(opened, &message);
        if (status == STELE_ECORRUPT && options->replace) {
            /* the header was right, what it leads to is not: nothing can be saved */
            stop(opened, false);
            memset(opened, 0, sizeof *opened);
            segment_unlink(options->name);
            status = segment_open(&opened->segment, options, &message);
            if (status == STELE_OK)
                status = start(opened, &message);
        }
    }
    if (status != STELE_OK) {
        if (opened->segment.base)
            stop(opened, false);
        free(opened);
        if (detail && detail_bytes && detail[0] == 0)
            snprintf(detail, detail_bytes, "%s", stele_status_text(status));
        return status;
    }
    opened->unlocked = options->unlocked;
    pthread_mutex_init(&opened->mutex, NULL);
    *store = opened;
    return STELE_OK;
}

void stele_store_close(struct stele_store *store)
{
    if (!store)
        return;
    stop(store, true);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

enum stele_status stele_store_unlink(const char *name)
{
    return segment_unlink(name);
}

enum stele_store_origin stele_store_get_origin(const struct stele_store *store)
{
    return store->segment.adopted ? STELE_STORE_ADOPTED : STELE_STORE_CREATED;
}

int stele_store_fd(const struct stele_store *store)
{
    return store->segment.read_fd;
}

/* ---- housekeeping -------------------------------------------------------------------------- */

/* Adoption before reclaim: nothing is given out again until the pass is over. */
static bool step(struct stele_store *store, uint32_t *budget)
{
    if (store->adopt.phase != ADOPT_IDLE && adopt_step(&store->adopt, &store->catalog, budget))
        return true;
    return store->reclaim.first && reclaim_step(&store->reclaim, budget);
}

/* Sparse slabs last: those of dropped tables empty by themselves. */
static bool step_evacuation(struct stele_store *store, uint32_t *budget)
{
    struct evacuate *evacuate = &store->evacuate;
    if (evacuate->phase == EVACUATE_IDLE) {
        if (!store->arena.pressed)
            return false;
        store->arena.pressed = false;
        evacuate_begin(evacuate);
    }
    return evacuate_step(evacuate, &store->catalog, budget);
}

static void step_to_end(struct stele_store *store)
{
    uint32_t budget = UINT32_MAX;
    while (step(store, &budget))
        budget = UINT32_MAX;
}

static void pack(struct stele_store *store)
{
    uint32_t budget = UINT32_MAX;
    store->arena.pressed |= store->evacuate.phase == EVACUATE_IDLE;
    while (step_evacuation(store, &budget))
        budget = UINT32_MAX;
}

bool stele_store_step(struct stele_store *store, uint32_t budget)
{
    enter(store);
    budget = budget ? budget : UINT32_MAX;
    bool more = step(store, &budget) || step_evacuation(store, &budget);
    leave(store);
    return more;
}

bool stele_store_adopting(const struct stele_store *store)
{
    return store->adopt.phase != ADOPT_IDLE;
}

enum stele_status stele_store_populate(struct stele_store *store, uint32_t chunks)
{
    uint64_t upto =
        stelei_load64_acquire(&store->segment.header->committed) + chunks * STELEI_CHUNK_BYTES;
    bool all = upto <= store->segment.map.length;
    enum stele_status status =
        segment_populate(&store->segment, all ? upto : store->segment.map.length);
    return status == STELE_OK && !all ? STELE_ENOSPC : status;
}

void stele_store_heartbeat(struct stele_store *store, uint64_t now_ms)
{
    stelei_store64(&store->segment.header->heartbeat_ms, now_ms);
}

void stele_store_fence(void)
{
    stelei_nop_full();
}

/* ---- writes -------------------------------------------------------------------------------- */

struct write {
    enum { WRITE_PUT, WRITE_INSERT, WRITE_REPLACE, WRITE_ERASE } kind;
    uint32_t table;
    const void *key, *value;
    uint32_t key_bytes, value_bytes;
};

static enum stele_status write_once(struct stele_store *store, const struct write *write)
{
    struct table *table = catalog_table(&store->catalog, write->table);
    if (!table)
        return STELE_ENOTABLE;
    if (write->kind == WRITE_ERASE)
        return table_erase(table, write->key, write->key_bytes);
    enum table_mode mode = write->kind == WRITE_INSERT    ? TABLE_INSERT
                           : write->kind == WRITE_REPLACE ? TABLE_REPLACE
                                                          : TABLE_PUT;
    return table_write(table, mode, write->key, write->key_bytes, write->value, write->value_bytes);
}

/* Memory that the former writer or a dropped table left is not free yet, or slabs of other classes
 * hold it: takes the pause, once. */
static bool worth_another_try(struct stele_store *store, enum stele_status status)
{
    if (status != STELE_ENOSPC)
        return false;
    bool worth = store->adopt.phase != ADOPT_IDLE || store->reclaim.first;
    step_to_end(store);
    if (store->evacuate.phase != EVACUATE_IDLE || arena_worth_packing(&store->arena)) {
        pack(store);
        worth = true;
    }
    return worth;
}

/* A writer that never steps empties its sparse slabs all the same, a little with each write. */
static void after_write(struct stele_store *store)
{
    uint32_t budget = EVACUATE_PER_WRITE;
    if (store->adopt.phase == ADOPT_IDLE)
        step_evacuation(store, &budget);
}

static enum stele_status write_locked(struct stele_store *store, const struct write *write)
{
    if (write->key_bytes > STELEI_KEY_MAX_BYTES || write->value_bytes > STELEI_VALUE_MAX_BYTES)
        return STELE_ETOOBIG;
    enum stele_status status = write_once(store, write);
    if (worth_another_try(store, status))
        status = write_once(store, write);
    if (STELEI_UNLIKELY(store->arena.pressed || store->evacuate.phase != EVACUATE_IDLE))
        after_write(store);
    return status;
}

static enum stele_status create_locked(struct stele_store *store, const char *name, uint32_t at,
                                       uint32_t *id)
{
    enum stele_status status = catalog_create(&store->catalog, name, at, id);
    return worth_another_try(store, status) ? catalog_create(&store->catalog, name, at, id)
                                            : status;
}

static enum stele_status clear_locked(struct stele_store *store, uint32_t id)
{
    enum stele_status status = catalog_clear(&store->catalog, id);
    return worth_another_try(store, status) ? catalog_clear(&store->catalog, id) : status;
}

/* Writes that come without an lsn of their own take the next one. */
static void applied(struct stele_store *store, uint64_t lsn)
{
    uint64_t *word = &store->segment.header->applied_lsn;
    stelei_store64_release(word, lsn ? lsn : stelei_load64(word) + 1);
}

static enum stele_status write_entry(struct stele_store *store, const struct write *write)
{
    enter(store);
    enum stele_status status = write_locked(store, write);
    if (status == STELE_OK)
        applied(store, 0);
    leave(store);
    return status;
}

enum stele_status stele_store_put(struct stele_store *store, uint32_t table, const void *key,
                                  uint32_t key_bytes, const void *value, uint32_t value_bytes)
{
    struct write write = {WRITE_PUT, table, key, value, key_bytes, value_bytes};
    return write_entry(store, &write);
}

enum stele_status stele_store_insert(struct stele_store *store, uint32_t table, const void *key,
                                     uint32_t key_bytes, const void *value, uint32_t value_bytes)
{
    struct write write = {WRITE_INSERT, table, key, value, key_bytes, value_bytes};
    return write_entry(store, &write);
}

enum stele_status stele_store_replace(struct stele_store *store, uint32_t table, const void *key,
                                      uint32_t key_bytes, const void *value, uint32_t value_bytes)
{
    struct write write = {WRITE_REPLACE, table, key, value, key_bytes, value_bytes};
    return write_entry(store, &write);
}

enum stele_status stele_store_erase(struct stele_store *store, uint32_t table, const void *key,
                                    uint32_t key_bytes)
{
    struct write write = {WRITE_ERASE, table, key, NULL, key_bytes, 0};
    return write_entry(store, &write);
}

enum stele_status stele_store_find(struct stele_store *store, uint32_t table, const void *key,
                                   uint32_t key_bytes, const void **value, uint32_t *value_bytes)
{
    struct table_spot spot;
    enum stele_status status = STELE_ENOTFOUND;
    if (key_bytes > STELEI_KEY_MAX_BYTES)
        return STELE_ETOOBIG;
    enter(store);
    struct table *found = catalog_table(&store->catalog, table);
    uint64_t hash = stelei_hash(key, key_bytes, store->segment.map.hash_seed);
    if (!found) {
        status = STELE_ENOTABLE;
    } else if (table_find(found, key, key_bytes, hash, &spot)) {
        *value = store->segment.base + spot.record_off + stelei_record_value_off(spot.meta);
        *value_bytes = stelei_record_value_bytes(spot.meta);
        status = STELE_OK;
    }
    leave(store);
    return status;
}

void stele_store_prefetch(struct stele_store *store, const struct stele_store_hint *hints,
                          uint32_t count)
{
    struct prefetch_key keys[PREFETCH_MAX];
    uint32_t known = 0;
    enter(store);
    for (uint32_t i = 0; i < count && known < PREFETCH_MAX; i++) {
        keys[known].table = catalog_table(&store->catalog, hints[i].table);
        keys[known].key = hints[i].key;
        keys[known].key_bytes = hints[i].key_bytes;
        if (keys[known].table && hints[i].key_bytes <= STELEI_KEY_MAX_BYTES)
            known++;
    }
    prefetch_keys(keys, known);
    leave(store);
}

/* ---- tables -------------------------------------------------------------------------------- */

enum stele_status stele_store_table_find(struct stele_store *store, const char *name, uint32_t *id)
{
    enter(store);
    enum stele_status status = catalog_find(&store->catalog, name, id);
    leave(store);
    return status;
}

enum stele_status stele_store_table_create(struct stele_store *store, const char *name,
                                           const struct stele_table_options *options, uint32_t *id)
{
    (void)options;
    enter(store);
    enum stele_status status = create_locked(store, name, CATALOG_ANY, id);
    if (status == STELE_OK)
        applied(store, 0);
    leave(store);
    return status;
}

enum stele_status stele_store_table_drop(struct stele_store *store, uint32_t id)
{
    enter(store);
    enum stele_status status = catalog_drop(&store->catalog, id);
    if (status == STELE_OK)
        applied(store, 0);
    leave(store);
    return status;
}

enum stele_status stele_store_table_clear(struct stele_store *store, uint32_t id)
{
    enter(store);
    enum stele_status status = clear_locked(store, id);
    if (status == STELE_OK)
        applied(store, 0);
    leave(store);
    return status;
}

/* ---- effects ------------------------------------------------------------------------------- */

static enum stele_status apply_create(struct stele_store *store, const struct stelei_effect *effect)
{
    char name[STELEI_NAME_BYTES] = {0};
    uint32_t id = CATALOG_ANY;
    if (effect->key_bytes == 0 || effect->key_bytes >= sizeof name ||
        memchr(effect->key, 0, effect->key_bytes))
        return STELE_EINVAL;
    if (stele_type_word(&effect->type) != 0)
        return STELE_ETYPE;
    memcpy(name, effect->key, effect->key_bytes);
    enum stele_status status = create_locked(store, name, effect->table, &id);
    return status == STELE_EEXIST && id == effect->table ? STELE_OK : status;
}

static enum stele_status apply_locked(struct stele_store *store, const struct stelei_effect *effect)
{
    struct write write = {WRITE_PUT,     effect->table,     effect->key,
                          effect->value, effect->key_bytes, effect->value_bytes};
    enum stele_status status;
    switch (effect->kind) {
    case STELEI_EFFECT_PUT:
        return write_locked(store, &write);
    case STELEI_EFFECT_ERASE:
        write.kind = WRITE_ERASE;
        write.value_bytes = 0;
        status = write_locked(store, &write);
        return status == STELE_ENOTFOUND ? STELE_OK : status;
    case STELEI_EFFECT_TABLE_CREATE:
        return apply_create(store, effect);
    case STELEI_EFFECT_TABLE_DROP:
        return catalog_drop(&store->catalog, effect->table);
    case STELEI_EFFECT_TABLE_CLEAR:
        return clear_locked(store, effect->table);
    default:
        return STELE_EINVAL;
    }
}

enum stele_status stele_store_apply(struct stele_store *store, const struct stelei_effect *effect)
{
    enter(store);
    enum stele_status status = apply_locked(store, effect);
    if (status == STELE_OK)
        applied(store, effect->lsn);
    leave(store);
    return status;
}

/* ---- statistics ---------------------------------------------------------------------------- */

void stele_store_get_stats(struct stele_store *store, struct stele_store_stats *stats)
{
    enter(store);
    const struct stelei_header *header = store->segment.header;
    stats->max_bytes = store->segment.map.length;
    stats->committed_bytes = stelei_load64(&header->committed);
    stats->huge_bytes = stelei_load64(&store->segment.header->huge_bytes);
    stats->used_bytes = arena_used_bytes(&store->arena);
    stats->free_bytes = arena_free_bytes(&store->arena);
    stats->quarantine_bytes = store->arena.quarantine_bytes;
    stats->epoch = stelei_load64(&header->epoch);
    stats->applied_lsn = stelei_load64(&header->applied_lsn);
    stats->tables = store->catalog.live;
    stats->evacuations = store->evacuate.passes;
    stats->moved_bytes = store->evacuate.moved_bytes;
    stats->adoption_dropped = store->adopt.marks.dropped;
    leave(store);
}

enum stele_status stele_store_get_table_stats(struct stele_store *store, uint32_t table,
                                              struct stele_store_table_stats *stats)
{
    enter(store);
    const struct table *found = catalog_table(&store->catalog, table);
    if (found)
        statistics_of_table(&store->catalog, found, stats);
    leave(store);
    return found ? STELE_OK : STELE_ENOTABLE;
}

enum stele_status stele_store_verify(struct stele_store *store, char *text, size_t text_bytes)
{
    enter(store);
    step_to_end(store);
    enum stele_status status = verify_all(&store->catalog, text, text_bytes);
    leave(store);
    return status;
}
