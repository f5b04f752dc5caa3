#include "command/decide.h"

#include <stdlib.h>

/* What an effect costs the arena beyond its bytes, roughly: record header and bucket share. */
#define EFFECT_OVERHEAD_BYTES 64u

void command_context_init(struct command_context *context, struct stele_store *store)
{
    struct stele_store_stats stats;
    stele_store_get_stats(store, &stats);
    memset(context, 0, sizeof(*context));
    context->store = store;
    context->next_lsn = stats.applied_lsn + 1;
    memset(context->uses, (int)(stats.epoch & 0xff), sizeof(context->uses));
}

struct stelei_effect *command_effect(struct command_effects *effects, enum stelei_effect_kind kind,
                                     uint32_t descriptor)
{
    STELE_ASSERT(effects->count < COMMAND_EFFECTS_MAX);
    struct stelei_effect *effect = &effects->effect[effects->count++];
    memset(effect, 0, sizeof(*effect));
    effect->kind = (uint8_t)kind;
    effect->table = descriptor;
    return effect;
}

/* The order of enum command_kind is that of the rights. */
static bool command_allowed(const struct command *command, uint32_t rights)
{
    if (command->kind == COMMAND_REFUSE)
        return true;
    if (command->kind >= COMMAND_TABLE_DROP)
        return (rights & COMMAND_MAY_ADMIN) != 0;
    if (command->kind >= COMMAND_PUT)
        return (rights & COMMAND_MAY_WRITE) != 0;
    return (rights & COMMAND_MAY_READ) != 0;
}

static enum stele_status command_decide_list(struct command_context *context,
                                             const struct command *command,
                                             struct command_search *search,
                                             struct command_reply *reply,
                                             struct command_effects *effects)
{
    context->counters.commands_read += command->kind < COMMAND_PUT;
    switch (command->kind) {
    case COMMAND_LIST_COUNT:
        return command_list_count(context, command, reply);
    case COMMAND_LIST_READ:
        return command_list_read(context, command, reply);
    case COMMAND_LIST_ALL:
        return command_list_all(context, command, reply);
    case COMMAND_LIST_APPEND:
        return command_list_append(context, command, search, reply, effects);
    case COMMAND_LIST_REMOVE:
        return command_list_remove(context, command, search, effects);
    case COMMAND_LIST_REPLACE:
        return command_list_replace(context, command, search, effects);
    default:
        return command_list_pop(context, command, reply, effects);
    }
}

static enum stele_status command_decide(struct command_context *context,
                                        const struct command *command,
                                        struct command_search *search, struct command_reply *reply,
                                        struct command_effects *effects)
{
    switch (command->kind) {
    case COMMAND_REFUSE:
        return command->refusal;
    case COMMAND_HELLO:
        reply->pass_descriptor = command->want_descriptor;
        return STELE_OK;
    case COMMAND_PING:
        return STELE_OK;
    case COMMAND_GET:
        context->counters.commands_read++;
        return command_get(context, command, reply);
    case COMMAND_TABLE_FIND:
        return command_find(context, command, reply);
    case COMMAND_TABLE_LIST:
        command_list(context, reply);
        return STELE_OK;
    case COMMAND_STATS:
        command_report(context, reply);
        return STELE_OK;
    case COMMAND_PUT:
        return command_put(context, command, effects);
    case COMMAND_INSERT:
    case COMMAND_REPLACE:
    case COMMAND_CAS:
        return command_put_if(context, command, effects);
    case COMMAND_ERASE:
        return command_erase(context, command, effects);
    case COMMAND_INCR:
        return command_incr(context, command, reply, effects);
    case COMMAND_LIST_COUNT:
    case COMMAND_LIST_READ:
    case COMMAND_LIST_ALL:
    case COMMAND_LIST_APPEND:
    case COMMAND_LIST_REMOVE:
    case COMMAND_LIST_REPLACE:
    case COMMAND_LIST_POP:
        return command_decide_list(context, command, search, reply, effects);
    case COMMAND_TABLE_CREATE:
        return command_create(context, command, reply, effects);
    case COMMAND_TABLE_DROP:
        return command_change_table(context, command, STELEI_EFFECT_TABLE_DROP, effects);
    case COMMAND_TABLE_CLEAR:
        return command_change_table(context, command, STELEI_EFFECT_TABLE_CLEAR, effects);
    case COMMAND_SHUTDOWN:
        reply->shut_down = true;
        return STELE_OK;
    }
    return STELE_ENOSYS;
}

bool command_evaluate(struct command_context *context, const struct command *command,
                      uint32_t rights, struct command_search *search, struct command_reply *reply,
                      struct command_effects *effects)
{
    memset(reply, 0, sizeof(*reply));
    effects->count = 0;
    search->begun = search->paused;
    search->paused = false;
    reply->status = command_allowed(command, rights)
                        ? command_decide(context, command, search, reply, effects)
                        : STELE_EPERM;
    return !search->paused;
}

void command_search_end(struct command_search *search)
{
    free(search->kept);
    search->kept = NULL;
    search->paused = false;
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
        if (effect->kind == STELEI_EFFECT_TABLE_DROP) {
            context->uses[effect->table]++;
            command_table_forget(context, effect->table);
        }
    }
    return STELE_OK;
}

bool command_advance(struct command_context *context, const struct command *command,
                     uint32_t rights, struct command_search *search, struct command_reply *reply)
{
    struct command_effects effects;
    if (!command_evaluate(context, command, rights, search, reply, &effects))
        return false;
    if (effects.count > 0) {
        enum stele_status status = command_apply(context, &effects);
        if (status != STELE_OK) {
            reply->status = status;
            reply->table = 0;
        }
    }
    command_search_end(search);
    context->counters.commands++;
    if (reply->status == STELE_ENOSPC)
        context->counters.commands_full++;
    else if (reply->status == STELE_EPERM)
        context->counters.commands_denied++;
    return true;
}

void command_execute(struct command_context *context, const struct command *command,
                     uint32_t rights, struct command_reply *reply)
{
    struct command_search search = {.budget = UINT64_MAX};
    bool finished = command_advance(context, command, rights, &search, reply);
    STELE_ASSERT(finished);
    (void)finished;
}
