/* stele/map.h's part that is not inline. Knows store.h and nothing below it. */
#include <stele/map.h>

#include <stdio.h>

/* ---- making and opening -------------------------------------------------------------------- */

enum stele_status stele_map_bind(struct stele_store *store, const char *table,
                                 struct stele_map *map)
{
    struct stele_table_options options;
    uint32_t id;
    enum stele_status status = stele_store_table_find(store, table, &id);
    if (status == STELE_OK)
        status = stele_store_table_options(store, id, &options);
    if (status != STELE_OK)
        return status;
    *map = (struct stele_map){.store = store, .table = id, .type = options.type};
    return STELE_OK;
}

enum stele_status stele_map_in(struct stele_store *store, const char *table,
                               const struct stele_table_options *options, struct stele_map *map)
{
    static const struct stele_table_options plain;
    uint32_t id;
    options = options ? options : &plain;
    enum stele_status status = stele_store_table_create(store, table, options, &id);
    if (status != STELE_OK && status != STELE_EEXIST)
        return status;
    *map = (struct stele_map){.store = store, .table = id, .type = options->type};
    return STELE_OK;
}

/* The table, in a store that was opened for it. */
static enum stele_status take_table(struct stele_store *store,
                                    const struct stele_map_options *options, bool existing,
                                    struct stele_map *map)
{
    const char *table = options->table ? options->table : "map";
    uint32_t id;
    enum stele_status status = STELE_OK;
    if (existing)
        status = stele_store_table_find(store, table, &id);
    if (status == STELE_OK)
        status = stele_map_in(store, table, &options->as, map);
    if (status == STELE_OK && (options->entries | options->key_bytes | options->value_bytes))
        status = stele_map_reserve(map, options->entries, options->key_bytes, options->value_bytes);
    return status;
}

static enum stele_status open_map(const struct stele_map_options *options, bool existing,
                                  struct stele_map *map, char *detail, size_t detail_bytes)
{
    struct stele_store_options how = options->store;
    struct stele_map opened;
    struct stele_store *store;
    how.existing |= existing;
    enum stele_status status = stele_store_open(&how, &store, detail, detail_bytes);
    if (status != STELE_OK)
        return status;
    status = take_table(store, options, existing, &opened);
    if (status != STELE_OK) {
        if (detail && detail_bytes)
            snprintf(detail, detail_bytes, "table %s: %s", options->table ? options->table : "map",
                     stele_status_text(status));
        stele_store_close(store);
        return status;
    }
    opened.owned = true;
    *map = opened;
    return STELE_OK;
}

enum stele_status stele_map_open(const struct stele_map_options *options, struct stele_map *map,
                                 char *detail, size_t detail_bytes)
{
    return open_map(options, false, map, detail, detail_bytes);
}

enum stele_status stele_map_load(const struct stele_map_options *options, struct stele_map *map,
                                 char *detail, size_t detail_bytes)
{
    return open_map(options, true, map, detail, detail_bytes);
}

enum stele_status stele_map_new(struct stele_type type, struct stele_map *map)
{
    struct stele_map_options options = {.as = {.type = type}};
    return open_map(&options, false, map, NULL, 0);
}

enum stele_status stele_map_with_capacity(struct stele_type type, uint64_t entries,
                                          uint64_t key_bytes, uint64_t value_bytes,
                                          struct stele_map *map)
{
    struct stele_map_options options = {.as = {.type = type},
                                        .entries = entries,
                                        .key_bytes = key_bytes,
                                        .value_bytes = value_bytes};
    if (entries == 0 || key_bytes == 0 || value_bytes == 0)
        return STELE_EINVAL;
    return open_map(&options, false, map, NULL, 0);
}

void stele_map_close(struct stele_map *map)
{
    if (map->owned)
        stele_store_close(map->store);
    *map = (struct stele_map){.store = NULL};
}

/* ---- values as bytes ------------------------------------------------------------------------- */

/* Copies a value out, or says that it is too short. NULL: nobody wants it. */
static enum stele_status copy_out(struct stele_map_value *to, const void *value, uint32_t bytes)
{
    if (!to)
        return STELE_OK;
    to->bytes = bytes;
    if (!to->data)
        return STELE_OK;
    if (bytes > to->capacity)
        return STELE_ESHORT;
    if (bytes > 0)
        memcpy(to->data, value, bytes);
    return STELE_OK;
}

/* One call's part in the decision, under the mutex. */
struct exchange {
    const void *value;
    uint32_t value_bytes;
    stele_map_make make;
    void *context;
    struct stele_map_value *out;
    bool had;
    enum stele_status outcome;
};

static enum stele_status exchanged(const struct exchange *exchange, enum stele_status status)
{
    if (exchange->out) {
        exchange->out->present = exchange->had;
        if (status != STELE_OK && status != STELE_ESHORT)
            exchange->out->bytes = 0;
    }
    return status == STELE_OK ? exchange->outcome : status;
}

static enum stele_store_action swap(void *context, const void *value, uint32_t value_bytes,
                                    const void **new_value, uint32_t *new_bytes)
{
    struct exchange *exchange = context;
    exchange->had = value != NULL;
    exchange->outcome = copy_out(exchange->out, value, value_bytes);
    if (exchange->outcome != STELE_OK)
        return STELE_STORE_KEEP;
    *new_value = exchange->value;
    *new_bytes = exchange->value_bytes;
    return STELE_STORE_PUT;
}

enum stele_status stele_map_insert(const struct stele_map *map, const void *key, uint32_t key_bytes,
                                   const void *value, uint32_t value_bytes,
                                   struct stele_map_value *old)
{
    struct exchange exchange = {.value = value, .value_bytes = value_bytes, .out = old};
    if (!old)
        return stele_store_put(map->store, map->table, key, key_bytes, value, value_bytes);
    return exchanged(&exchange,
                     stele_store_update(map->store, map->table, key, key_bytes, swap, &exchange));
}

static enum stele_store_action take(void *context, const void *value, uint32_t value_bytes,
                                    const void **new_value, uint32_t *new_bytes)
{
    struct exchange *exchange = context;
    (void)new_value;
    (void)new_bytes;
    exchange->had = value != NULL;
    exchange->outcome = value ? copy_out(exchange->out, value, value_bytes) : STELE_ENOTFOUND;
    return exchange->outcome == STELE_OK ? STELE_STORE_ERASE : STELE_STORE_KEEP;
}

enum stele_status stele_map_remove(const struct stele_map *map, const void *key, uint32_t key_bytes,
                                   struct stele_map_value *old)
{
    struct exchange exchange = {.out = old};
    if (!old)
        return stele_store_erase(map->store, map->table, key, key_bytes);
    old->bytes = 0;
    return exchanged(&exchange,
                     stele_store_update(map->store, map->table, key, key_bytes, take, &exchange));
}

static enum stele_store_action look(void *context, const void *value, uint32_t value_bytes,
                                    const void **new_value, uint32_t *new_bytes)
{
    take(context, value, value_bytes, new_value, new_bytes);
    return STELE_STORE_KEEP;
}

enum stele_status stele_map_get(const struct stele_map *map, const void *key, uint32_t key_bytes,
                                struct stele_map_value *value)
{
    struct exchange exchange = {.out = value};
    value->bytes = 0;
    return exchanged(&exchange,
                     stele_store_update(map->store, map->table, key, key_bytes, look, &exchange));
}

enum stele_status stele_map_contains(const struct stele_map *map, const void *key,
                                     uint32_t key_bytes)
{
    struct stele_map_value value = stele_map_buffer(NULL, 0);
    return stele_type_has_lists(&map->type) ? stele_map_list_count(map, key, key_bytes, NULL)
                                            : stele_map_get(map, key, key_bytes, &value);
}

/* What is held is told; what is not held is made and told. */
static enum stele_store_action fill(void *context, const void *value, uint32_t value_bytes,
                                    const void **new_value, uint32_t *new_bytes)
{
    struct exchange *exchange = context;
    exchange->had = value != NULL;
    if (value) {
        exchange->outcome = copy_out(exchange->out, value, value_bytes);
        return STELE_STORE_KEEP;
    }
    if (exchange->make)
        exchange->outcome =
            exchange->make(exchange->context, &exchange->value, &exchange->value_bytes);
    if (exchange->outcome == STELE_OK)
        exchange->outcome = copy_out(exchange->out, exchange->value, exchange->value_bytes);
    if (exchange->outcome != STELE_OK)
        return STELE_STORE_KEEP;
    *new_value = exchange->value;
    *new_bytes = exchange->value_bytes;
    return STELE_STORE_PUT;
}

enum stele_status stele_map_get_or_insert(const struct stele_map *map, const void *key,
                                          uint32_t key_bytes, const void *value,
                                          uint32_t value_bytes, struct stele_map_value *held)
{
    struct exchange exchange = {.value = value, .value_bytes = value_bytes, .out = held};
    return exchanged(&exchange,
                     stele_store_update(map->store, map->table, key, key_bytes, fill, &exchange));
}

enum stele_status stele_map_get_or_insert_with(const struct stele_map *map, const void *key,
                                               uint32_t key_bytes, stele_map_make make,
                                               void *context, struct stele_map_value *held)
{
    struct exchange exchange = {.make = make, .context = context, .out = held};
    return exchanged(&exchange,
                     stele_store_update(map->store, map->table, key, key_bytes, fill, &exchange));
}

/* ---- words ----------------------------------------------------------------------------------- */

struct word_exchange {
    stele_map_make_word make;
    void *context;
    uint64_t value;
    bool had;
};

static enum stele_store_action fill_word(void *context, bool there, uint64_t *value)
{
    struct word_exchange *exchange = context;
    exchange->had = there;
    if (!there)
        *value = exchange->make(exchange->context);
    exchange->value = *value;
    return there ? STELE_STORE_KEEP : STELE_STORE_PUT;
}

enum stele_status stele_map_word_get_or_insert_with(const struct stele_map *map, uint64_t key,
                                                    stele_map_make_word make, void *context,
                                                    uint64_t *value, bool *existed)
{
    struct word_exchange exchange = {.make = make, .context = context};
    enum stele_status status =
        stele_store_word_update(map->store, map->table, key, fill_word, &exchange);
    if (status != STELE_OK)
        return status;
    *value = exchange.value;
    if (existed)
        *existed = exchange.had;
    return STELE_OK;
}

/* ---- lists ----------------------------------------------------------------------------------- */

enum stele_status stele_map_list_push(const struct stele_map *map, const void *key,
                                      uint32_t key_bytes, uint64_t element)
{
    unsigned bytes = stele_type_element_bytes(&map->type);
    if (!stele_type_has_lists(&map->type) || (bytes < 8 && element >> 8 * bytes != 0))
        return STELE_ETYPE;
    /* little-endian: the low bytes come first */
    return stele_map_list_append(map, key, key_bytes, &element, 1, NULL);
}

/* ---- all entries ----------------------------------------------------------------------------- */

struct retain {
    stele_map_keep keep;
    void *context;
    uint64_t removed;
};

static enum stele_store_verdict judge(void *context, const struct stele_store_entry *entry)
{
    struct retain *retain = context;
    if (retain->keep(retain->context, entry))
        return STELE_STORE_NEXT;
    retain->removed++;
    return STELE_STORE_DROP;
}

enum stele_status stele_map_retain(const struct stele_map *map, stele_map_keep keep, void *context,
                                   uint64_t *removed)
{
    struct retain retain = {.keep = keep, .context = context};
    enum stele_status status = stele_store_each(map->store, map->table, judge, &retain);
    if (status == STELE_OK && removed)
        *removed = retain.removed;
    return status;
}
