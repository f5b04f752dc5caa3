#include "command/evaluate.h"

#define HANDLE_BITS 9u
#define HANDLE_MASK ((1u << HANDLE_BITS) - 1u)
#define HANDLE_USES 0x7fu

STELEI_STATIC_ASSERT(STELEI_TABLE_CAPACITY == 1u << HANDLE_BITS, "a handle holds any descriptor");

/* What an effect costs the arena beyond its bytes, roughly: record header and bucket share. */
#define EFFECT_OVERHEAD_BYTES 64u

static uint32_t command_handle(const struct command_context *context, uint32_t descriptor)
{
    return descriptor | (uint32_t)(context->uses[descriptor] & HANDLE_USES) << HANDLE_BITS;
}

/* A handle that was never given out, or has ended, means no table. */
static bool command_descriptor(const struct command_context *context, uint32_t handle,
                               uint32_t *descriptor)
{
    uint32_t index = handle & HANDLE_MASK;
    if (handle != command_handle(context, index))
        return false;
    *descriptor = index;
    return true;
}

void command_context_init(struct command_context *context, struct stele_store *store)
{
    struct stele_store_stats stats;
    stele_store_get_stats(store, &stats);
    memset(context, 0, sizeof(*context));
    context->store = store;
    context->next_lsn = stats.applied_lsn + 1;
    memset(context->uses, (int)(stats.epoch & HANDLE_USES), sizeof(context->uses));
}

static struct stelei_effect *command_effect(struct command_effects *effects,
                                            enum stelei_effect_kind kind, uint32_t descriptor)
{
    STELE_ASSERT(effects->count < COMMAND_EFFECTS_MAX);
    struct stelei_effect *effect = &effects->effect[effects->count++];
    memset(effect, 0, sizeof(*effect));
    effect->kind = (uint8_t)kind;
    effect->table = descriptor;
    return effect;
}

static bool command_table_exists(const struct command_context *context, uint32_t descriptor)
{
    struct stele_store_table_stats stats;
    return stele_store_get_table_stats(context->store, descriptor, &stats) == STELE_OK;
}

static enum stele_status command_put(const struct command_context *context,
                                     const struct command *command, struct command_effects *effects)
{
    uint32_t descriptor;
    if (!command_descriptor(context, command->table, &descriptor))
        return STELE_ENOTABLE;
    if (command->key_bytes > STELEI_KEY_MAX_BYTES || command->value_bytes > STELEI_VALUE_MAX_BYTES)
        return STELE_ETOOBIG;
    struct stelei_effect *effect = command_effect(effects, STELEI_EFFECT_PUT, descriptor);
    effect->key = command->key;
    effect->key_bytes = command->key_bytes;
    effect->value = command->value;
    effect->value_bytes = command->value_bytes;
    return STELE_OK;
}

/* Whether the key is there is decided here: the effect itself may be repeated. */
static enum stele_status command_erase(const struct command_context *context,
                                       const struct command *command,
                                       struct command_effects *effects)
{
    uint32_t descriptor, value_bytes;
    const void *value;
    if (!command_descriptor(context, command->table, &descriptor))
        return STELE_ENOTABLE;
    enum stele_status status = stele_store_find(context->store, descriptor, command->key,
                                                command->key_bytes, &value, &value_bytes);
    if (status != STELE_OK)
        return status;
    struct stelei_effect *effect = command_effect(effects, STELEI_EFFECT_ERASE, descriptor);
    effect->key = command->key;
    effect->key_bytes = command->key_bytes;
    return STELE_OK;
}

/* The descriptor of the table that a command names. */
static enum stele_status command_find(const struct command_context *context,
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

static enum stele_status command_create(const struct command_context *context,
                                        const struct command *command, struct command_reply *reply,
                                        struct command_effects *effects)
{
    uint32_t descriptor;
    if (command->key_kind != STELEI_KIND_BYTES || command->value_kind != STELEI_KIND_BYTES ||
        command->hash_id != STELEI_HASH_XXH3)
        return STELE_ENOSYS;
    enum stele_status status = command_find(context, command, &descriptor);
    if (status == STELE_OK) {
        reply->table = command_handle(context, descriptor);
        return STELE_EEXIST;
    }
    if (status != STELE_ENOTABLE)
        return status;
    for (descriptor = 0; descriptor < STELEI_TABLE_CAPACITY; descriptor++)
        if (!command_table_exists(context, descriptor))
            break;
    if (descriptor == STELEI_TABLE_CAPACITY)
        return STELE_EFULL;
    struct stelei_effect *effect = command_effect(effects, STELEI_EFFECT_TABLE_CREATE, descriptor);
    effect->key = command->key;
    effect->key_bytes = command->key_bytes;
    effect->key_kind = command->key_kind;
    effect->value_kind = command->value_kind;
    effect->hash_id = command->hash_id;
    reply->table = command_handle(context, descriptor);
    return STELE_OK;
}

/* Drop and clear. */
static enum stele_status command_table(const struct command_context *context,
                                       const struct command *command, enum stelei_effect_kind kind,
                                       struct command_effects *effects)
{
    uint32_t descriptor;
    if (!command_descriptor(context, command->table, &descriptor) ||
        !command_table_exists(context, descriptor))
        return STELE_ENOTABLE;
    command_effect(effects, kind, descriptor);
    return STELE_OK;
}

static bool command_writes(enum command_kind kind)
{
    return kind >= COMMAND_PUT && kind != COMMAND_TABLE_FIND;
}

void command_evaluate(const struct command_context *context, const struct command *command,
                      uint32_t rights, struct command_reply *reply, struct command_effects *effects)
{
    uint32_t descriptor;
    reply->status = STELE_OK;
    reply->table = 0;
    reply->pass_descriptor = false;
    effects->count = 0;
    if (command_writes(command->kind) && !(rights & COMMAND_MAY_WRITE)) {
        reply->status = STELE_EPERM;
        return;
    }
    switch (command->kind) {
    case COMMAND_REFUSE:
        reply->status = command->refusal;
        break;
    case COMMAND_HELLO:
        reply->pass_descriptor = command->want_descriptor;
        break;
    case COMMAND_PING:
        break;
    case COMMAND_PUT:
        reply->status = command_put(context, command, effects);
        break;
    case COMMAND_ERASE:
        reply->status = command_erase(context, command, effects);
        break;
    case COMMAND_TABLE_CREATE:
        reply->status = command_create(context, command, reply, effects);
        break;
    case COMMAND_TABLE_FIND:
        reply->status = command_find(context, command, &descriptor);
        if (reply->status == STELE_OK)
            reply->table = command_handle(context, descriptor);
        break;
    case COMMAND_TABLE_DROP:
        reply->status = command_table(context, command, STELEI_EFFECT_TABLE_DROP, effects);
        break;
    case COMMAND_TABLE_CLEAR:
        reply->status = command_table(context, command, STELEI_EFFECT_TABLE_CLEAR, effects);
        break;
    }
}

enum stele_status command_apply(struct command_context *context, struct command_effects *effects)
{
    for (uint32_t i = 0; i < effects->count; i++) {
        struct stelei_effect *effect = &effects->effect[i];
        effect->lsn = context->next_lsn;
        enum stele_status status = stele_store_apply(context->store, effect);
        if (status != STELE_OK)
            return status; /* nothing changed: its lsn goes to the next effect */
        context->next_lsn++;
        context->applied_effects++;
        context->applied_bytes += effect->key_bytes + effect->value_bytes + EFFECT_OVERHEAD_BYTES;
        if (effect->kind == STELEI_EFFECT_TABLE_DROP)
            context->uses[effect->table]++;
    }
    return STELE_OK;
}

void command_execute(struct command_context *context, const struct command *command,
                     uint32_t rights, struct command_reply *reply)
{
    struct command_effects effects;
    command_evaluate(context, command, rights, reply, &effects);
    if (effects.count == 0)
        return;
    enum stele_status status = command_apply(context, &effects);
    if (status != STELE_OK) {
        reply->status = status;
        reply->table = 0;
    }
}
