/* store.h's part about whole tables. */
#include "facade.h"
#include "split.h"
#include "statistics.h"

/* What an entry takes beside its key and value: a record's first word and rounding; a list's head. */
#define RECORD_OVERHEAD_BYTES 16u
#define LIST_OVERHEAD_BYTES   24u

/* Entries for one overflow line when a table of 2^n entries is about to split, under a hash that
 * spreads: 10.5 with three slots, 46 with ten (Poisson; as measured). */
#define ENTRIES_PER_LINE_WORDS 8u
#define ENTRIES_PER_LINE_BYTES 32u

enum stele_status stele_store_table_find(struct stele_store *store, const char *name, uint32_t *id)
{
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    status = catalog_find(&store->catalog, name, id);
    facade_leave(store);
    return status;
}

enum stele_status stele_store_table_options(struct stele_store *store, uint32_t id,
                                            struct stele_table_options *options)
{
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    const struct table *table = catalog_table(&store->catalog, id);
    if (table) {
        options->type = table->type;
        options->max_entries = table->max_entries;
    }
    facade_leave(store);
    return table ? STELE_OK : STELE_ENOTABLE;
}

static enum stele_status create(struct stele_store *store, const char *name, uint32_t at,
                                const struct stele_table_options *options, uint32_t *id)
{
    struct catalog *catalog = &store->catalog;
    enum stele_status status = catalog_create(catalog, name, at, options, id);
    const void *kept = name;
    struct keep keep = {0};
    if (status == STELE_ENOSPC &&
        keep_bytes(&keep, &store->segment, &kept, strlen(name) + 1) && facade_again(store, status))
        status = catalog_create(catalog, kept, at, options, id);
    keep_fini(&keep);
    return status;
}

enum stele_status stele_store_table_create(struct stele_store *store, const char *name,
                                           const struct stele_table_options *options, uint32_t *id)
{
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = create(store, name, CATALOG_ANY, options, id);
    facade_done(store, status, 0);
    facade_leave(store);
    return status;
}

enum stele_status stele_store_table_drop(struct stele_store *store, uint32_t id)
{
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = catalog_drop(&store->catalog, id);
    facade_done(store, status, 0);
    facade_leave(store);
    return status;
}

static enum stele_status clear(struct stele_store *store, uint32_t id)
{
    enum stele_status status = catalog_clear(&store->catalog, id);
    return facade_again(store, status) ? catalog_clear(&store->catalog, id) : status;
}

enum stele_status stele_store_table_clear(struct stele_store *store, uint32_t id)
{
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = clear(store, id);
    facade_done(store, status, 0);
    facade_leave(store);
    return status;
}

/* ---- effects ------------------------------------------------------------------------------- */

static enum stele_status apply_create(struct stele_store *store, const struct stelei_effect *effect)
{
    char name[STELEI_NAME_BYTES] = {0};
    struct stele_table_options options = {.type = effect->type, .max_entries = effect->max_entries};
    uint32_t id = CATALOG_ANY;
    if (effect->key_bytes == 0 || effect->key_bytes >= sizeof name ||
        memchr(effect->key, 0, effect->key_bytes))
        return STELE_EINVAL;
    memcpy(name, effect->key, effect->key_bytes);
    enum stele_status status = create(store, name, effect->table, &options, &id);
    return status == STELE_EEXIST && id == effect->table ? STELE_OK : status;
}

enum stele_status facade_apply_table(struct stele_store *store, const struct stelei_effect *effect)
{
    switch (effect->kind) {
    case STELEI_EFFECT_TABLE_CREATE:
        return apply_create(store, effect);
    case STELEI_EFFECT_TABLE_DROP:
        return catalog_drop(&store->catalog, effect->table);
    case STELEI_EFFECT_TABLE_CLEAR:
        return clear(store, effect->table);
    default:
        return STELE_EINVAL;
    }
}

/* ---- room ahead ---------------------------------------------------------------------------- */

/* What blocks behind so many entries will take, with the rounding to size classes, and lines. */
static uint64_t bytes_behind(const struct table *table, uint64_t entries, uint64_t key_bytes,
                             uint64_t value_bytes)
{
    uint64_t bytes = table->word_keys ? 0 : key_bytes + entries * RECORD_OVERHEAD_BYTES;
    if (table->form == TABLE_RECORDS)
        bytes += value_bytes + (table->word_keys ? entries * RECORD_OVERHEAD_BYTES : 0);
    else if (table->form == TABLE_LISTS)
        bytes += value_bytes + value_bytes / STELEI_LIST_GROWTH + entries * LIST_OVERHEAD_BYTES;
    uint64_t lines = entries / (table->word_keys ? ENTRIES_PER_LINE_WORDS : ENTRIES_PER_LINE_BYTES);
    return bytes + bytes / 16 + lines * STELEI_BUCKET_BYTES;
}

/* Populates what is missing to so many free bytes. */
static enum stele_status make_ready(struct stele_store *store, uint64_t bytes)
{
    uint64_t committed = stelei_load64(&store->segment.header->committed);
    uint64_t free = arena_free_bytes(&store->arena);
    if (bytes <= free)
        return STELE_OK;
    if (bytes - free > store->segment.map.length - committed)
        return STELE_ENOSPC;
    return segment_populate(&store->segment,
                            committed + stelei_round_up(bytes - free, STELEI_CHUNK_BYTES));
}

static uint64_t power_above(uint64_t n)
{
    return n <= 1 ? 1 : UINT64_C(2) << stelei_top_bit(n - 1);
}

static enum stele_status reserve(struct stele_store *store, struct table *table, uint64_t entries,
                                 uint64_t key_bytes, uint64_t value_bytes)
{
    uint64_t most = store->segment.map.length;
    if (entries == 0 || key_bytes == 0 || value_bytes == 0)
        return STELE_EINVAL;
    if (entries > most || key_bytes > most || value_bytes > most)
        return STELE_ENOSPC;
    entries = power_above(entries);
    /* before the buckets: a reserve that cannot be had leaves no buckets behind */
    uint64_t behind =
        bytes_behind(table, entries, power_above(key_bytes), power_above(value_bytes));
    uint64_t buckets = entries / table->slots * 4 / 3 + 2;
    uint64_t index =
        buckets > table->buckets ? (buckets - table->buckets) * STELEI_BUCKET_BYTES : 0;
    enum stele_status status = make_ready(store, behind + index);
    if (status == STELE_OK && !split_reserve(table, entries))
        status = STELE_ENOSPC;
    table_publish_counts(table);
    return status == STELE_OK ? make_ready(store, behind) : status;
}

enum stele_status stele_store_table_reserve(struct stele_store *store, uint32_t id,
                                            uint64_t entries, uint64_t key_bytes,
                                            uint64_t value_bytes)
{
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    facade_settle(store);
    struct table *table = catalog_table(&store->catalog, id);
    status = table ? reserve(store, table, entries, key_bytes, value_bytes) : STELE_ENOTABLE;
    facade_leave(store);
    return status;
}

/* ---- statistics ---------------------------------------------------------------------------- */

enum stele_status stele_store_get_table_stats(struct stele_store *store, uint32_t table,
                                              struct stele_store_table_stats *stats)
{
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    const struct table *found = catalog_table(&store->catalog, table);
    if (found)
        statistics_of_table(&store->catalog, found, stats);
    facade_leave(store);
    return found ? STELE_OK : STELE_ENOTABLE;
}
