/*
 * entries.c - commands on one key. What they depend on is looked up here; the effect that comes out
 * is a result and may be repeated.
 */
#include "command/decide.h"
#include "command/number.h"

struct entry {
    uint32_t descriptor;
    const struct command_table *table;
    const void *value;
    uint32_t value_bytes;
};

/* The table, of which a value of this command may have so many bytes; not one of lists. */
static enum stele_status entry_aim(struct command_context *context, const struct command *command,
                                   struct entry *entry)
{
    enum stele_status status = command_aim(context, command, &entry->descriptor, &entry->table);
    return status == STELE_OK && entry->table->element_bytes > 0 ? STELE_ETYPE : status;
}

/* Whether the table can have a value so long. */
static enum stele_status entry_check_value(const struct entry *entry, uint32_t value_bytes)
{
    uint32_t wanted = entry->table->value_bytes;
    if (wanted > 0)
        return value_bytes == wanted ? STELE_OK : STELE_ETYPE;
    return value_bytes > STELEI_VALUE_MAX_BYTES ? STELE_ETOOBIG : STELE_OK;
}

/* What the key holds now. STELE_ENOTFOUND. */
static enum stele_status entry_find(const struct command_context *context,
                                    const struct command *command, struct entry *entry)
{
    return stele_store_find(context->store, entry->descriptor, command->key, command->key_bytes,
                            &entry->value, &entry->value_bytes);
}

static enum stele_status entry_put(const struct command *command, uint32_t descriptor,
                                   const void *value, uint32_t value_bytes,
                                   struct command_effects *effects)
{
    struct stelei_effect *effect = command_effect(effects, STELEI_EFFECT_PUT, descriptor);
    effect->key = command->key;
    effect->key_bytes = command->key_bytes;
    effect->value = value;
    effect->value_bytes = value_bytes;
    return STELE_OK;
}

/* Only where there is a limit does it matter whether the key is there. */
enum stele_status command_put(struct command_context *context, const struct command *command,
                              struct command_effects *effects)
{
    struct entry entry;
    enum stele_status status = entry_aim(context, command, &entry);
    if (status == STELE_OK)
        status = entry_check_value(&entry, command->value_bytes);
    if (status == STELE_OK && entry.table->max_entries > 0 &&
        entry_find(context, command, &entry) != STELE_OK)
        status = command_room(context, entry.descriptor, entry.table);
    if (status != STELE_OK)
        return status;
    return entry_put(command, entry.descriptor, command->value, command->value_bytes, effects);
}

/* INSERT, REPLACE and CAS, of a key that is there (`found`) or not. */
static enum stele_status entry_permits(const struct command_context *context,
                                       const struct command *command, const struct entry *entry,
                                       enum stele_status found)
{
    if (found != STELE_OK && found != STELE_ENOTFOUND)
        return found;
    if (command->kind == COMMAND_INSERT)
        return found == STELE_OK ? STELE_EEXIST
                                 : command_room(context, entry->descriptor, entry->table);
    if (found != STELE_OK)
        return found;
    if (command->kind == COMMAND_CAS &&
        (entry->value_bytes != command->expected_bytes ||
         memcmp(entry->value, command->expected, command->expected_bytes) != 0))
        return STELE_EDIFFERS;
    return STELE_OK;
}

/* INSERT, REPLACE and CAS: puts that depend on what is there. */
enum stele_status command_put_if(struct command_context *context, const struct command *command,
                                 struct command_effects *effects)
{
    struct entry entry;
    enum stele_status status = entry_aim(context, command, &entry);
    if (status == STELE_OK)
        status = entry_check_value(&entry, command->value_bytes);
    if (status == STELE_OK && command->kind == COMMAND_CAS)
        status = entry_check_value(&entry, command->expected_bytes);
    if (status == STELE_OK)
        status = entry_permits(context, command, &entry, entry_find(context, command, &entry));
    if (status != STELE_OK)
        return status;
    return entry_put(command, entry.descriptor, command->value, command->value_bytes, effects);
}

/* Of lists too: the whole list goes. */
enum stele_status command_erase(struct command_context *context, const struct command *command,
                                struct command_effects *effects)
{
    struct entry entry;
    struct stele_store_list list;
    enum stele_status status = command_aim(context, command, &entry.descriptor, &entry.table);
    if (status != STELE_OK)
        return status;
    if (entry.table->element_bytes > 0)
        status = stele_store_list_find(context->store, entry.descriptor, command->key,
                                       command->key_bytes, &list);
    else
        status = entry_find(context, command, &entry);
    if (status != STELE_OK)
        return status;
    struct stelei_effect *effect = command_effect(effects, STELEI_EFFECT_ERASE, entry.descriptor);
    effect->key = command->key;
    effect->key_bytes = command->key_bytes;
    return STELE_OK;
}

/* ---- INCR ----------------------------------------------------------------------------------- */

/* As Redis does it: the sum is stored as text. */
static enum stele_status incr_text(const struct entry *entry, bool there, int64_t delta,
                                   int64_t *sum)
{
    int64_t number = 0;
    if (there && !command_parse_number(entry->value, entry->value_bytes, &number))
        return STELE_ENOTNUMBER;
    return __builtin_add_overflow(number, delta, sum) ? STELE_ERANGE : STELE_OK;
}

/* In the word's own width, without a sign. */
static enum stele_status incr_unsigned(uint64_t number, int64_t delta, unsigned bytes,
                                       uint64_t *sum)
{
    uint64_t most = UINT64_MAX >> (64 - 8 * bytes);
    uint64_t distance = delta < 0 ? 0 - (uint64_t)delta : (uint64_t)delta;
    if (distance > (delta < 0 ? number : most - number))
        return STELE_ERANGE;
    *sum = number + (uint64_t)delta;
    return STELE_OK;
}

static enum stele_status incr_word(const struct entry *entry, bool there, int64_t delta,
                                   uint64_t *sum)
{
    uint64_t number = 0;
    int64_t added;
    if (there)
        memcpy(&number, entry->value, entry->value_bytes);
    if (entry->table->type.value_kind != STELE_I64)
        return incr_unsigned(number, delta, entry->table->value_bytes, sum);
    if (__builtin_add_overflow((int64_t)number, delta, &added))
        return STELE_ERANGE;
    *sum = (uint64_t)added;
    return STELE_OK;
}

/* The sum, as the value that the key is to hold: *value, of *value_bytes. */
static enum stele_status incr_value(const struct entry *entry, bool there, int64_t delta,
                                    struct command_reply *reply, struct command_effects *effects,
                                    const void **value, uint32_t *value_bytes)
{
    unsigned kind = entry->table->type.value_kind;
    int64_t sum = 0;
    enum stele_status status;
    if (kind == STELE_F64 || kind == STELE_STRUCT)
        return STELE_ENOTNUMBER;
    if (kind != STELE_BYTES) {
        status = incr_word(entry, there, delta, &effects->word);
        sum = (int64_t)effects->word;
        *value = &effects->word;
        *value_bytes = entry->table->value_bytes;
    } else {
        status = incr_text(entry, there, delta, &sum);
        *value = effects->number;
        *value_bytes = status == STELE_OK ? command_format_number(sum, effects->number) : 0;
    }
    if (status == STELE_OK)
        reply->number = sum;
    return status;
}

/* An absent key counts as 0. STELE_ENOTNUMBER: what the key holds is no such number. STELE_ERANGE:
 * the sum does not fit. */
enum stele_status command_incr(struct command_context *context, const struct command *command,
                               struct command_reply *reply, struct command_effects *effects)
{
    struct entry entry;
    const void *value;
    uint32_t value_bytes;
    enum stele_status status = entry_aim(context, command, &entry);
    if (status != STELE_OK)
        return status;
    enum stele_status found = entry_find(context, command, &entry);
    if (found != STELE_OK && found != STELE_ENOTFOUND)
        return found;
    effects->word = 0;
    status =
        incr_value(&entry, found == STELE_OK, command->delta, reply, effects, &value, &value_bytes);
    if (status == STELE_OK && found == STELE_ENOTFOUND)
        status = command_room(context, entry.descriptor, entry.table);
    if (status != STELE_OK)
        return status;
    return entry_put(command, entry.descriptor, value, value_bytes, effects);
}

/* ---- GET, and looking ahead ----------------------------------------------------------------- */

enum stele_status command_get(struct command_context *context, const struct command *command,
                              struct command_reply *reply)
{
    struct entry entry;
    enum stele_status status = entry_aim(context, command, &entry);
    if (status == STELE_OK)
        status = entry_find(context, command, &entry);
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
    return kind == COMMAND_GET || kind == COMMAND_LIST_COUNT || kind == COMMAND_LIST_READ ||
           (kind >= COMMAND_PUT && kind <= COMMAND_LIST_POP);
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
