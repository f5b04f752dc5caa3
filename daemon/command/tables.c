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

static bool table_exists(const struct command_context *context, uint32_t descriptor)
{
    struct stele_store_table_stats stats;
    return stele_store_get_table_stats(context->store, descriptor, &stats) == STELE_OK;
}

/* The descriptor of the table that a command names. */
static enum stele_status table_named(const struct command_context *context,
                                     const struct command *command, uint32_t *descriptor)
{
    char name[STELEI_NAME_BYTES];
    if (command->key_bytes == 0 || command->key_bytes >= sizeof(name) ||
        memchr(command->key, 0, command->key_bytes))
        return STELE_EINVAL;
    memcpy(name, command->key, command->key_bytes);
    name[command->key_bytes] = 0;
    return stele_store_table_find(context->store, name, descriptor);
}

enum stele_status command_find(const struct command_context *context, const struct command *command,
                               struct command_reply *reply)
{
    uint32_t descriptor;
    enum stele_status status = table_named(context, command, &descriptor);
    if (status == STELE_OK)
        reply->table = table_handle(context, descriptor);
    return status;
}

enum stele_status command_create(const struct command_context *context,
                                 const struct command *command, struct command_reply *reply,
                                 struct command_effects *effects)
{
    uint32_t descriptor;
    if (!stele_type_valid(&command->type))
        return STELE_ENOSYS;
    enum stele_status status = table_named(context, command, &descriptor);
    if (status == STELE_OK) {
        reply->table = table_handle(context, descriptor);
        return STELE_EEXIST;
    }
    if (status != STELE_ENOTABLE)
        return status;
    for (descriptor = 0; descriptor < STELEI_TABLE_CAPACITY; descriptor++)
        if (!table_exists(context, descriptor))
            break;
    if (descriptor == STELEI_TABLE_CAPACITY)
        return STELE_EFULL;
    struct stelei_effect *effect = command_effect(effects, STELEI_EFFECT_TABLE_CREATE, descriptor);
    effect->key = command->key;
    effect->key_bytes = command->key_bytes;
    effect->type = command->type;
    effect->max_entries = command->max_entries;
    reply->table = table_handle(context, descriptor);
    return STELE_OK;
}

enum stele_status command_change_table(const struct command_context *context,
                                       const struct command *command, enum stelei_effect_kind kind,
                                       struct command_effects *effects)
{
    uint32_t descriptor;
    if (!command_descriptor(context, command->table, &descriptor) ||
        !table_exists(context, descriptor))
        return STELE_ENOTABLE;
    command_effect(effects, kind, descriptor);
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

void command_list(struct command_context *context, struct command_reply *reply)
{
    struct stele_store_table_stats stats;
    uint32_t count = 0;
    for (uint32_t i = 0; i < STELEI_TABLE_CAPACITY; i++)
        if (stele_store_get_table_stats(context->store, i, &stats) == STELE_OK)
            table_tell(&stats, table_handle(context, i), &context->listed[count++]);
    reply->listed = context->listed;
    reply->listed_count = count;
}
