/* store.h's part about entries as callers pass them: by bytes, as words, and decided under the lock. */
#include "facade.h"
#include "find.h"
#include "prefetch.h"

/* ---- keys and values ----------------------------------------------------------------------- */

enum stele_status facade_key(const struct table *table, const void *key, uint32_t key_bytes,
                             struct facade_key *made)
{
    made->bytes = key;
    made->count = key_bytes;
    if (STELEI_UNLIKELY(table->word_keys)) {
        if (key_bytes != stele_kind_bytes(table->type.key_kind))
            return STELE_ETYPE;
        made->word = 0;
        memcpy(&made->word, key, key_bytes);
        made->bytes = &made->word;
        made->count = sizeof made->word;
    } else if (STELEI_UNLIKELY(key_bytes > STELEI_KEY_MAX_BYTES)) {
        return STELE_ETOOBIG;
    }
    return STELE_OK;
}

enum stele_status facade_value(const struct table *table, const void **value, uint32_t *value_bytes,
                               uint64_t *word)
{
    unsigned kind = table->type.value_kind;
    if (STELEI_LIKELY(kind == STELE_BYTES))
        return *value_bytes > STELEI_VALUE_MAX_BYTES ? STELE_ETOOBIG : STELE_OK;
    if (kind >= STELE_LIST)
        return STELE_ETYPE;
    uint32_t wanted = kind == STELE_STRUCT ? table->type.value_bytes : stele_kind_bytes(kind);
    if (*value_bytes != wanted)
        return STELE_ETYPE;
    if (table->form == TABLE_WORDS) {
        *word = 0;
        memcpy(word, *value, wanted);
        *value = word;
        *value_bytes = sizeof *word;
    }
    return STELE_OK;
}

const void *facade_found(const struct table *table, const struct table_spot *spot,
                         uint32_t *value_bytes)
{
    if (table->form == TABLE_WORDS) {
        *value_bytes = stele_kind_bytes(table->type.value_kind);
        return &slot_word(spot->line, spot->slot)->value;
    }
    *value_bytes = stelei_record_value_bytes(spot->meta);
    return (const uint8_t *)table_at(table, spot->record_off) + stelei_record_value_off(spot->meta);
}

/* ---- find ---------------------------------------------------------------------------------- */

static enum stele_status find(struct stele_store *store, uint32_t id, const void *key,
                              uint32_t key_bytes, const void **value, uint32_t *value_bytes)
{
    struct table *table = catalog_table(&store->catalog, id);
    struct facade_key made;
    struct table_spot spot;
    if (!table)
        return STELE_ENOTABLE;
    enum stele_status status = facade_key(table, key, key_bytes, &made);
    if (status != STELE_OK)
        return status;
    if (table->form == TABLE_LISTS)
        return STELE_ETYPE;
    if (!table_find(table, made.bytes, made.count, table_hash(table, made.bytes, made.count),
                    &spot))
        return STELE_ENOTFOUND;
    *value = facade_found(table, &spot, value_bytes);
    return STELE_OK;
}

enum stele_status stele_store_find(struct stele_store *store, uint32_t table, const void *key,
                                   uint32_t key_bytes, const void **value, uint32_t *value_bytes)
{
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    status = find(store, table, key, key_bytes, value, value_bytes);
    facade_leave(store);
    return status;
}

enum stele_status stele_store_get(struct stele_store *store, uint32_t table, const void *key,
                                  uint32_t key_bytes, void *buffer, size_t capacity,
                                  size_t *value_bytes)
{
    const void *value;
    uint32_t bytes;
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    status = find(store, table, key, key_bytes, &value, &bytes);
    if (status == STELE_OK) {
        *value_bytes = bytes;
        if (bytes > capacity)
            status = STELE_ESHORT;
        else if (bytes > 0)
            memcpy(buffer, value, bytes);
    }
    facade_leave(store);
    return status;
}

void stele_store_prefetch(struct stele_store *store, const struct stele_store_hint *hints,
                          uint32_t count)
{
    struct prefetch_key keys[PREFETCH_MAX];
    struct facade_key made[PREFETCH_MAX];
    uint32_t known = 0;
    if (facade_enter(store) != STELE_OK)
        return;
    for (uint32_t i = 0; i < count && known < PREFETCH_MAX; i++) {
        const struct table *table = catalog_table(&store->catalog, hints[i].table);
        if (!table || facade_key(table, hints[i].key, hints[i].key_bytes, &made[known]) != STELE_OK)
            continue;
        keys[known].table = table;
        keys[known].key = made[known].bytes;
        keys[known].key_bytes = made[known].count;
        known++;
    }
    prefetch_keys(keys, known);
    facade_leave(store);
}

/* ---- words --------------------------------------------------------------------------------- */

static enum stele_status word_table(struct stele_store *store, uint32_t id, uint64_t key,
                                    struct table **table)
{
    *table = catalog_table(&store->catalog, id);
    if (!*table)
        return STELE_ENOTABLE;
    return (*table)->form == TABLE_WORDS && (key & (*table)->key_beyond) == 0 ? STELE_OK
                                                                              : STELE_ETYPE;
}

STELEI_INLINE bool word_find(struct table *table, uint64_t key, uint64_t *hash,
                             struct table_spot *spot)
{
    *hash = table_hash(table, &key, sizeof key);
    return find_word(table, key, *hash, spot);
}

static uint64_t word_at(const struct table_spot *spot)
{
    return stelei_load64(&slot_word(spot->line, spot->slot)->value);
}

static enum stele_status word_write(struct stele_store *store, uint32_t id, enum table_mode mode,
                                    uint64_t key, uint64_t value, uint64_t *old, bool *had)
{
    struct table *table;
    struct table_spot spot;
    uint64_t hash;
    enum stele_status status = word_table(store, id, key, &table);
    if (status == STELE_OK && (value & table->value_beyond) != 0)
        status = STELE_ETYPE;
    if (status != STELE_OK)
        return status;
    *had = word_find(table, key, &hash, &spot);
    if (*had) {
        *old = word_at(&spot);
        if (mode == TABLE_INSERT)
            return STELE_EEXIST;
        table_replace_word(&spot, value);
        return STELE_OK;
    }
    status = table_insert(table, &spot, hash, &key, sizeof key, &value, sizeof value);
    if (status == STELE_OK)
        table_publish_counts(table);
    return status;
}

static enum stele_status word_change(struct stele_store *store, uint32_t table,
                                     enum table_mode mode, uint64_t key, uint64_t value,
                                     uint64_t *old, bool *had)
{
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = word_write(store, table, mode, key, value, old, had);
    if (facade_again(store, status))
        status = word_write(store, table, mode, key, value, old, had);
    facade_done(store, status, 0);
    facade_leave(store);
    return status;
}

enum stele_status stele_store_word_put(struct stele_store *store, uint32_t table, uint64_t key,
                                       uint64_t value, uint64_t *old, bool *had)
{
    uint64_t held = 0;
    bool there = false;
    enum stele_status status = word_change(store, table, TABLE_PUT, key, value, &held, &there);
    if (status == STELE_OK && had)
        *had = there;
    if (status == STELE_OK && there && old)
        *old = held;
    return status;
}

enum stele_status stele_store_word_insert(struct stele_store *store, uint32_t table, uint64_t key,
                                          uint64_t *value)
{
    uint64_t held = 0;
    bool there = false;
    enum stele_status status = word_change(store, table, TABLE_INSERT, key, *value, &held, &there);
    if (status == STELE_EEXIST)
        *value = held;
    return status;
}

static enum stele_status word_erase(struct stele_store *store, uint32_t id, uint64_t key,
                                    uint64_t *old)
{
    struct table *table;
    struct table_spot spot;
    uint64_t hash;
    enum stele_status status = word_table(store, id, key, &table);
    if (status != STELE_OK)
        return status;
    if (!word_find(table, key, &hash, &spot))
        return STELE_ENOTFOUND;
    if (old)
        *old = word_at(&spot);
    table_erase_spot(table, &spot);
    return STELE_OK;
}

enum stele_status stele_store_word_erase(struct stele_store *store, uint32_t table, uint64_t key,
                                         uint64_t *old)
{
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = word_erase(store, table, key, old);
    facade_done(store, status, 0);
    facade_leave(store);
    return status;
}

enum stele_status stele_store_word_find(struct stele_store *store, uint32_t id, uint64_t key,
                                        uint64_t *value)
{
    struct table *table;
    struct table_spot spot;
    uint64_t hash;
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    status = word_table(store, id, key, &table);
    if (status == STELE_OK && !word_find(table, key, &hash, &spot))
        status = STELE_ENOTFOUND;
    if (status == STELE_OK)
        *value = word_at(&spot);
    facade_leave(store);
    return status;
}

struct word_update {
    uint32_t table;
    uint64_t key;
    stele_store_decide_word decide;
    void *context;
    bool decided;
    enum stele_store_action action;
    uint64_t value;
};

static enum stele_status word_update(struct stele_store *store, struct word_update *update)
{
    struct table *table;
    struct table_spot spot;
    uint64_t hash;
    enum stele_status status = word_table(store, update->table, update->key, &table);
    if (status != STELE_OK)
        return status;
    bool there = word_find(table, update->key, &hash, &spot);
    if (!update->decided) { /* not again in a second try for want of memory */
        update->decided = true;
        update->value = there ? word_at(&spot) : 0;
        update->action = update->decide(update->context, there, &update->value);
        if (update->action == STELE_STORE_ERASE && !there)
            update->action = STELE_STORE_KEEP;
    }
    if (update->action == STELE_STORE_KEEP)
        return STELE_OK;
    if (update->action == STELE_STORE_ERASE) {
        table_erase_spot(table, &spot);
        return STELE_OK;
    }
    if ((update->value & table->value_beyond) != 0)
        return STELE_ETYPE;
    return table_put_at(table, &spot, there, hash, &update->key, sizeof update->key, &update->value,
                        sizeof update->value);
}

enum stele_status stele_store_word_update(struct stele_store *store, uint32_t table, uint64_t key,
                                          stele_store_decide_word decide, void *context)
{
    struct word_update update = {.table = table, .key = key, .decide = decide, .context = context};
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = word_update(store, &update);
    if (facade_again(store, status))
        status = word_update(store, &update);
    if (update.action != STELE_STORE_KEEP)
        facade_done(store, status, 0);
    facade_leave(store);
    return status;
}
