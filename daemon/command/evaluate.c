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

struct stelei_effect *command_effect(struct command_run *run, enum stelei_effect_kind kind)
{
    struct command_effects *effects = run->effects;
    STELE_ASSERT(effects->count < COMMAND_EFFECTS_MAX);
    struct stelei_effect *effect = &effects->effect[effects->count++];
    memset(effect, 0, sizeof(*effect));
    effect->kind = (uint8_t)kind;
    effect->table = run->descriptor;
    return effect;
}

struct stelei_effect *command_key_effect(struct command_run *run, enum stelei_effect_kind kind)
{
    struct stelei_effect *effect = command_effect(run, kind);
    effect->key = run->command->key;
    effect->key_bytes = run->command->key_bytes;
    return effect;
}

/* ---- aiming --------------------------------------------------------------------------------- */

/* Whether the table can have such a key. */
static enum stele_status aim_check_key(const struct command_run *run)
{
    uint32_t wanted = run->table->key_bytes, is = run->command->key_bytes;
    if (is > STELEI_KEY_MAX_BYTES)
        return STELE_ETOOBIG;
    return wanted == 0 || wanted == is ? STELE_OK : STELE_ETYPE;
}

/* An absent key is fine. */
static enum stele_status aim_find_list(struct command_run *run)
{
    const struct command *command = run->command;
    enum stele_status status = stele_store_list_find(run->context->store, run->descriptor,
                                                     command->key, command->key_bytes, &run->list);
    run->list_there = status == STELE_OK;
    return status == STELE_ENOTFOUND ? STELE_OK : status;
}

/* Finds what the command is about. STELE_ENOTABLE, STELE_ETOOBIG, STELE_ETYPE. */
static enum stele_status command_take_aim(struct command_run *run, enum command_aim aim)
{
    enum stele_status status = STELE_OK;
    if (aim != COMMAND_AIM_NONE)
        status = command_table(run->context, run->command->table, &run->descriptor, &run->table);
    if (status == STELE_OK && aim >= COMMAND_AIM_KEY)
        status = aim_check_key(run);
    if (status != STELE_OK)
        return status;
    switch (aim) {
    case COMMAND_AIM_VALUE:
        return run->table->element_bytes == 0 ? STELE_OK : STELE_ETYPE;
    case COMMAND_AIM_LISTS:
        return run->table->element_bytes > 0 ? STELE_OK : STELE_ETYPE;
    case COMMAND_AIM_LIST:
        return run->table->element_bytes > 0 ? aim_find_list(run) : STELE_ETYPE;
    default:
        return STELE_OK;
    }
}

void command_prefetch(const struct command_context *context, const struct command *commands,
                      uint32_t count)
{
    struct stele_store_hint hints[COMMAND_BATCH_MAX];
    uint32_t known = 0;
    for (uint32_t i = 0; i < count && known < COMMAND_BATCH_MAX; i++) {
        struct stele_store_hint *hint = &hints[known];
        if (command_traits(commands[i].kind)->aim < COMMAND_AIM_KEY ||
            !command_descriptor(context, commands[i].table, &hint->table))
            continue;
        hint->key = commands[i].key;
        hint->key_bytes = commands[i].key_bytes;
        known++;
    }
    if (known > 1)
        stele_store_prefetch(context->store, hints, known);
}

/* ---- deciding and applying ------------------------------------------------------------------ */

static enum stele_status command_decide(struct command_run *run, uint32_t rights)
{
    const struct command_traits *traits = command_traits(run->command->kind);
    bool changes = (traits->flags & COMMAND_CHANGES) != 0;
    if (traits->rights != 0 && !(rights & traits->rights))
        return STELE_EPERM;
    run->context->counters.commands_read += traits->aim >= COMMAND_AIM_LISTS && !changes;
    enum stele_status status = command_take_aim(run, traits->aim);
    if (status == STELE_OK)
        status = traits->decide(run);
    STELE_ASSERT(changes || run->effects->count == 0);
    STELE_ASSERT((traits->flags & COMMAND_PAUSES) || !run->search->paused);
    return status;
}

bool command_evaluate(struct command_context *context, const struct command *command,
                      uint32_t rights, struct command_search *search, struct command_reply *reply,
                      struct command_effects *effects)
{
    struct command_run run = {.context = context,
                              .command = command,
                              .search = search,
                              .reply = reply,
                              .effects = effects};
    memset(reply, 0, sizeof(*reply));
    effects->count = 0;
    search->begun = search->paused;
    search->paused = false;
    reply->status = command_decide(&run, rights);
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
