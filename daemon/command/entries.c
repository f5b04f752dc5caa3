/*
 * entries.c - commands on one key. What they depend on is looked up here; the effect that comes out
 * is a result and may be repeated.
 */
#include "command/decide.h"
#include "command/number.h"

struct entry {
    uint32_t descriptor;
    const void *value;
    uint32_t value_bytes;
};

/* What the key holds now. STELE_ENOTABLE, STELE_ENOTFOUND, STELE_ETOOBIG (the key). */
static enum stele_status entry_find(const struct command_context *context,
                                    const struct command *command, struct entry *entry)
{
    if (!command_descriptor(context, command->table, &entry->descriptor))
        return STELE_ENOTABLE;
    return stele_store_find(context->store, entry->descriptor, command->key, command->key_bytes,
                            &entry->value, &entry->value_bytes);
}

static enum stele_status entry_put(const struct command *command, uint32_t descriptor,
                                   const void *value, uint32_t value_bytes,
                                   struct command_effects *effects)
{
    if (command->key_bytes > STELEI_KEY_MAX_BYTES || value_bytes > STELEI_VALUE_MAX_BYTES)
        return STELE_ETOOBIG;
    struct stelei_effect *effect = command_effect(effects, STELEI_EFFECT_PUT, descriptor);
    effect->key = command->key;
    effect->key_bytes = command->key_bytes;
    effect->value = value;
    effect->value_bytes = value_bytes;
    return STELE_OK;
}

enum stele_status command_put(const struct command_context *context, const struct command *command,
                              struct command_effects *effects)
{
    uint32_t descriptor;
    if (!command_descriptor(context, command->table, &descriptor))
        return STELE_ENOTABLE;
    return entry_put(command, descriptor, command->value, command->value_bytes, effects);
}

/* INSERT, REPLACE and CAS: puts that depend on what is there. */
enum stele_status command_put_if(const struct command_context *context,
                                 const struct command *command, struct command_effects *effects)
{
    struct entry entry;
    enum stele_status found = entry_find(context, command, &entry);
    if (found != STELE_OK && found != STELE_ENOTFOUND)
        return found;
    if (command->kind == COMMAND_INSERT) {
        if (found == STELE_OK)
            return STELE_EEXIST;
    } else {
        if (found != STELE_OK)
            return found;
        if (command->kind == COMMAND_CAS &&
            (entry.value_bytes != command->expected_bytes ||
             memcmp(entry.value, command->expected, command->expected_bytes) != 0))
            return STELE_EDIFFERS;
    }
    return entry_put(command, entry.descriptor, command->value, command->value_bytes, effects);
}

enum stele_status command_erase(const struct command_context *context,
                                const struct command *command, struct command_effects *effects)
{
    struct entry entry;
    enum stele_status status = entry_find(context, command, &entry);
    if (status != STELE_OK)
        return status;
    struct stelei_effect *effect = command_effect(effects, STELEI_EFFECT_ERASE, entry.descriptor);
    effect->key = command->key;
    effect->key_bytes = command->key_bytes;
    return STELE_OK;
}

/* As Redis does it: an absent key counts as 0; the sum is stored as text. STELE_ENOTNUMBER: what the
 * key holds is no such text. STELE_ERANGE: the sum does not fit. */
enum stele_status command_incr(const struct command_context *context, const struct command *command,
                               struct command_reply *reply, struct command_effects *effects)
{
    struct entry entry;
    int64_t number = 0, sum;
    enum stele_status status = entry_find(context, command, &entry);
    if (status != STELE_OK && status != STELE_ENOTFOUND)
        return status;
    if (status == STELE_OK && !command_parse_number(entry.value, entry.value_bytes, &number))
        return STELE_ENOTNUMBER;
    if (__builtin_add_overflow(number, command->delta, &sum))
        return STELE_ERANGE;
    reply->number = sum;
    return entry_put(command, entry.descriptor, effects->number,
                     command_format_number(sum, effects->number), effects);
}

enum stele_status command_get(const struct command_context *context, const struct command *command,
                              struct command_reply *reply)
{
    struct entry entry;
    enum stele_status status = entry_find(context, command, &entry);
    if (status != STELE_OK)
        return status;
    reply->value_bytes = entry.value_bytes;
    if (entry.value_bytes > command->max_bytes)
        return STELE_ESHORT;
    reply->value = entry.value;
    return STELE_OK;
}

/* Commands on one key are those with a table and a key. */
static bool entry_concerns_key(enum command_kind kind)
{
    return kind == COMMAND_GET || (kind >= COMMAND_PUT && kind <= COMMAND_INCR);
}

void command_prefetch(const struct command_context *context, const struct command *commands,
                      uint32_t count)
{
    struct stele_store_hint hints[COMMAND_BATCH_MAX];
    uint32_t known = 0;
    for (uint32_t i = 0; i < count && known < COMMAND_BATCH_MAX; i++) {
        struct stele_store_hint *hint = &hints[known];
        if (!entry_concerns_key(commands[i].kind) ||
            !command_descriptor(context, commands[i].table, &hint->table))
            continue;
        hint->key = commands[i].key;
        hint->key_bytes = commands[i].key_bytes;
        known++;
    }
    if (known > 1)
        stele_store_prefetch(context->store, hints, known);
}
