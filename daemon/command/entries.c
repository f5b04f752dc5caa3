/*
 * entries.c - commands on one key's value. What they depend on is looked up here; the effect that comes
 * out is a result and may be repeated.
 */
#include "command/decide.h"
#include "command/number.h"

/* What the key holds. */
struct entry {
    const void *value;
    uint32_t value_bytes;
};

/* Whether the table can have a value so long. */
static enum stele_status entry_check_value(const struct command_run *run, uint32_t value_bytes)
{
    uint32_t wanted = run->table->value_bytes;
    if (wanted > 0)
        return value_bytes == wanted ? STELE_OK : STELE_ETYPE;
    return value_bytes > STELEI_VALUE_MAX_BYTES ? STELE_ETOOBIG : STELE_OK;
}

/* STELE_ENOTFOUND: the key is not there. */
static enum stele_status entry_find(const struct command_run *run, struct entry *entry)
{
    return stele_store_find(run->context->store, run->descriptor, run->command->key,
                            run->command->key_bytes, &entry->value, &entry->value_bytes);
}

static enum stele_status entry_put(struct command_run *run, const void *value, uint32_t value_bytes)
{
    struct stelei_effect *effect = command_key_effect(run, STELEI_EFFECT_PUT);
    effect->value = value;
    effect->value_bytes = value_bytes;
    return STELE_OK;
}

/* Only where there is a limit does it matter whether the key is there. */
enum stele_status command_put(struct command_run *run)
{
    const struct command *command = run->command;
    struct entry entry;
    enum stele_status status = entry_check_value(run, command->value_bytes);
    if (status == STELE_OK && run->table->max_entries > 0 && entry_find(run, &entry) != STELE_OK)
        status = command_room(run);
    if (status != STELE_OK)
        return status;
    return entry_put(run, command->value, command->value_bytes);
}

/* INSERT, REPLACE and CAS, of a key that is there (`found`) or not. */
static enum stele_status entry_permits(const struct command_run *run, const struct entry *entry,
                                       enum stele_status found)
{
    const struct command *command = run->command;
    if (found != STELE_OK && found != STELE_ENOTFOUND)
        return found;
    if (command->kind == COMMAND_INSERT)
        return found == STELE_OK ? STELE_EEXIST : command_room(run);
    if (found != STELE_OK)
        return found;
    if (command->kind == COMMAND_CAS &&
        (entry->value_bytes != command->expected_bytes ||
         memcmp(entry->value, command->expected, command->expected_bytes) != 0))
        return STELE_EDIFFERS;
    return STELE_OK;
}

/* Puts that depend on what is there. */
enum stele_status command_put_if(struct command_run *run)
{
    const struct command *command = run->command;
    struct entry entry;
    enum stele_status status = entry_check_value(run, command->value_bytes);
    if (status == STELE_OK && command->kind == COMMAND_CAS)
        status = entry_check_value(run, command->expected_bytes);
    if (status == STELE_OK)
        status = entry_permits(run, &entry, entry_find(run, &entry));
    if (status != STELE_OK)
        return status;
    return entry_put(run, command->value, command->value_bytes);
}

/* Of lists too: the whole list goes. */
enum stele_status command_erase(struct command_run *run)
{
    const struct command *command = run->command;
    struct entry entry;
    struct stele_store_list list;
    enum stele_status status;
    if (run->table->element_bytes > 0)
        status = stele_store_list_find(run->context->store, run->descriptor, command->key,
                                       command->key_bytes, &list);
    else
        status = entry_find(run, &entry);
    if (status == STELE_OK)
        command_key_effect(run, STELEI_EFFECT_ERASE);
    return status;
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

static enum stele_status incr_word(const struct command_table *table, const struct entry *entry,
                                   bool there, int64_t delta, uint64_t *sum)
{
    uint64_t number = 0;
    int64_t added;
    if (there)
        memcpy(&number, entry->value, entry->value_bytes);
    if (table->type.value_kind != STELE_I64)
        return incr_unsigned(number, delta, table->value_bytes, sum);
    if (__builtin_add_overflow((int64_t)number, delta, &added))
        return STELE_ERANGE;
    *sum = (uint64_t)added;
    return STELE_OK;
}

/* The sum, as the value that the key is to hold: *sum, which is kept in the effects. */
static enum stele_status incr_value(struct command_run *run, const struct entry *entry, bool there,
                                    struct entry *sum)
{
    struct command_effects *effects = run->effects;
    int64_t delta = run->command->delta, number = 0;
    unsigned kind = run->table->type.value_kind;
    enum stele_status status;
    if (kind == STELE_F64 || kind == STELE_STRUCT)
        return STELE_ENOTNUMBER;
    if (kind != STELE_BYTES) {
        effects->word = 0;
        status = incr_word(run->table, entry, there, delta, &effects->word);
        number = (int64_t)effects->word;
        *sum = (struct entry){&effects->word, run->table->value_bytes};
    } else {
        status = incr_text(entry, there, delta, &number);
        *sum = (struct entry){effects->number, 0};
        if (status == STELE_OK)
            sum->value_bytes = command_format_number(number, effects->number);
    }
    if (status == STELE_OK)
        run->reply->number = number;
    return status;
}

/* An absent key counts as 0. STELE_ENOTNUMBER: what the key holds is no such number. STELE_ERANGE:
 * the sum does not fit. */
enum stele_status command_incr(struct command_run *run)
{
    struct entry entry, sum;
    enum stele_status found = entry_find(run, &entry);
    if (found != STELE_OK && found != STELE_ENOTFOUND)
        return found;
    enum stele_status status = incr_value(run, &entry, found == STELE_OK, &sum);
    if (status == STELE_OK && found == STELE_ENOTFOUND)
        status = command_room(run);
    return status == STELE_OK ? entry_put(run, sum.value, sum.value_bytes) : status;
}

/* ---- GET ------------------------------------------------------------------------------------ */

enum stele_status command_get(struct command_run *run)
{
    struct entry entry;
    enum stele_status status = entry_find(run, &entry);
    if (status != STELE_OK)
        return status;
    run->reply->value_bytes = entry.value_bytes;
    if (entry.value_bytes > run->command->max_bytes)
        return STELE_ESHORT;
    run->reply->value = entry.value;
    return STELE_OK;
}
