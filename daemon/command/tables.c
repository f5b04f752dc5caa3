/*
 * tables.c - commands on whole tables, and what a table's handle means.
 */
#include "command/decide.h"

#define HANDLE_BITS 9u
#define HANDLE_MASK ((1u << HANDLE_BITS) - 1u)
#define HANDLE_USES 0x7fu

STELEI_STATIC_ASSERT(STELEI_TABLE_CAPACITY == 1u << HANDLE_BITS, "a handle holds any descriptor");

static uint32_t table_handle(const struct command_context *context, uint32_t descriptor)
{
    return descriptor | (uint32_t)(context->uses[descriptor] & HANDLE_USES) << HANDLE_BITS;
}

bool command_descriptor(const struct command_context *context, uint32_t handle,
                        uint32_t *descriptor)
{
    uint32_t index = handle & HANDLE_MASK;
    if (handle != table_handle(context, index))
        return false;
    *descriptor = index;
    return true;
}

/* ---- what a table can hold ------------------------------------------------------------------ */

/* On the path of every write: asked of the store once. */
static enum stele_status table_learn(struct command_context *context, uint32_t descriptor)
{
    struct command_table *table = &context->tables[descriptor];
    struct stele_table_options options;
    enum stele_status status = stele_store_table_options(context->store, descriptor, &options);
    if (status != STELE_OK)
        return status;
    const struct stele_type *type = &options.type;
    bool lists = stele_type_has_lists(type);
    table->type = *type;
    table->max_entries = options.max_entries;
    table->key_bytes = (uint8_t)stele_kind_bytes(type->key_kind);
    table->element_bytes = (uint8_t)(lists ? stele_type_element_bytes(type) : 0);
    table->value_bytes =
        type->value_kind == STELE_STRUCT ? type->value_bytes : stele_kind_bytes(type->value_kind);
    table->known = true;
    return STELE_OK;
}

enum stele_status command_table(struct command_context *context, uint32_t handle,
                                uint32_t *descriptor, const struct command_table **table)
{
    if (!command_descriptor(context, handle, descriptor))
        return STELE_ENOTABLE;
    *table = &context->tables[*descriptor];
    return (*table)->known ? STELE_OK : table_learn(context, *descriptor);
}

enum stele_status command_room(const struct command_run *run)
{
    struct stele_store_table_stats stats;
    uint64_t most = run->table->max_entries;
    if (most == 0)
        return STELE_OK;
    enum stele_status status =
        stele_store_get_table_stats(run->context->store, run->descriptor, &stats);
    if (status != STELE_OK)
        return status;
    return stats.entries < most ? STELE_OK : STELE_EFULL;
}

void command_table_forget(struct command_context *context, uint32_t descriptor)
{
    memset(&context->tables[descriptor], 0, sizeof(context->tables[descriptor]));
}

/* ---- commands ------------------------------------------------------------------------------- */

static bool table_exists(const struct command_context *context, uint32_t descriptor)
{
    struct stele_store_table_stats stats;
    return stele_store_get_table_stats(context->store, descriptor, &stats) == STELE_OK;
}

/* Aims at the table that the command names. */
static enum stele_status table_named(struct command_run *run)
{
    const struct command *command = run->command;
    char name[STELEI_NAME_BYTES];
    if (command->key_bytes == 0 || command->key_bytes >= sizeof(name) ||
        memchr(command->key, 0, command->key_bytes))
        return STELE_EINVAL;
    memcpy(name, command->key, command->key_bytes);
    name[command->key_bytes] = 0;
    enum stele_status status = stele_store_table_find(run->context->store, name, &run->descriptor);
    if (status == STELE_OK)
        run->reply->table = table_handle(run->context, run->descriptor);
    return status;
}

enum stele_status command_table_find(struct command_run *run)
{
    return table_named(run);
}

/* A name that is taken: by the table that is wanted, or by another one. */
static enum stele_status table_taken(struct command_run *run)
{
    const struct command *command = run->command;
    enum stele_status status =
        command_table(run->context, run->reply->table, &run->descriptor, &run->table);
    if (status != STELE_OK)
        return status;
    bool same = stele_type_equal(&run->table->type, &command->type) &&
                run->table->max_entries == command->max_entries;
    return same ? STELE_EEXIST : STELE_ETYPE;
}

enum stele_status command_table_create(struct command_run *run)
{
    uint32_t free = 0;
    if (!stele_type_valid(&run->command->type))
        return STELE_ENOSYS;
    enum stele_status status = table_named(run);
    if (status == STELE_OK)
        return table_taken(run);
    if (status != STELE_ENOTABLE)
        return status;
    while (free < STELEI_TABLE_CAPACITY && table_exists(run->context, free))
        free++;
    if (free == STELEI_TABLE_CAPACITY)
        return STELE_ETABLES;
    run->descriptor = free;
    run->reply->table = table_handle(run->context, free);
    struct stelei_effect *effect = command_key_effect(run, STELEI_EFFECT_TABLE_CREATE);
    effect->type = run->command->type;
    effect->max_entries = run->command->max_entries;
    return STELE_OK;
}

enum stele_status command_table_drop(struct command_run *run)
{
    command_effect(run, STELEI_EFFECT_TABLE_DROP);
    return STELE_OK;
}

enum stele_status command_table_clear(struct command_run *run)
{
    command_effect(run, STELEI_EFFECT_TABLE_CLEAR);
    return STELE_OK;
}

static void table_tell(const struct stele_store_table_stats *stats, uint32_t handle,
                       struct stele_table_info *listed)
{
    memcpy(listed->name, stats->name, sizeof(listed->name));
    listed->table = (uint16_t)handle;
    listed->type = stats->type;
    listed->max_entries = stats->max_entries;
    listed->entries = stats->entries;
    listed->buckets = stats->buckets;
    listed->lines = stats->lines;
    listed->overflow = stats->overflow;
    listed->index_bytes = stats->index_bytes;
    listed->record_bytes = stats->record_bytes;
    listed->payload_bytes = stats->payload_bytes;
}

enum stele_status command_table_list(struct command_run *run)
{
    struct command_context *context = run->context;
    struct stele_store_table_stats stats;
    uint32_t count = 0;
    for (uint32_t i = 0; i < STELEI_TABLE_CAPACITY; i++)
        if (stele_store_get_table_stats(context->store, i, &stats) == STELE_OK)
            table_tell(&stats, table_handle(context, i), &context->listed[count++]);
    run->reply->listed = context->listed;
    run->reply->listed_count = count;
    return STELE_OK;
}
