/*
 * lists.c - commands that change a key's list. What goes and what stays is searched for here, in
 * slices; the effect names it by its number and by the generation of the list that was looked at.
 */
#include "command/decide.h"

#include <stdlib.h>

/* A search that has to begin anew, because somebody else changed its list, may look at twice as much
 * before it pauses: it has to end some time. So often at most. */
#define LISTS_RESTARTS_MAX 10u

struct list_aim {
    uint32_t descriptor;
    const struct command_table *table;
    bool there;
    struct stele_store_list list; /* zeros where there is none */
};

/* STELE_ENOTABLE, STELE_ETYPE, STELE_ETOOBIG; an absent key is fine. */
static enum stele_status list_aim(struct command_context *context, const struct command *command,
                                  struct list_aim *aim)
{
    memset(aim, 0, sizeof(*aim));
    enum stele_status status = command_aim(context, command, &aim->descriptor, &aim->table);
    if (status != STELE_OK)
        return status;
    if (aim->table->element_bytes == 0)
        return STELE_ETYPE;
    status = stele_store_list_find(context->store, aim->descriptor, command->key,
                                   command->key_bytes, &aim->list);
    aim->there = status == STELE_OK;
    return status == STELE_ENOTFOUND ? STELE_OK : status;
}

static bool list_is_set(const struct list_aim *aim)
{
    return (aim->table->type.flags & STELE_TYPE_SET) != 0;
}

/* ---- elements ------------------------------------------------------------------------------- */

/* Whether a number is an element of the table's kind. */
static bool element_fits(const struct list_aim *aim, uint64_t element)
{
    return element <= UINT64_MAX >> (64 - 8 * aim->table->element_bytes);
}

/* The element number `index` of packed ones, which may stand anywhere in memory. */
static uint64_t element_at(const void *elements, unsigned width, uint64_t index)
{
    const uint8_t *at = (const uint8_t *)elements + index * width;
    uint16_t half;
    uint32_t word;
    uint64_t whole;
    switch (width) {
    case 1:
        return *at;
    case 2:
        memcpy(&half, at, sizeof(half));
        return half;
    case 4:
        memcpy(&word, at, sizeof(word));
        return word;
    default:
        memcpy(&whole, at, sizeof(whole));
        return whole;
    }
}

/* ---- effects -------------------------------------------------------------------------------- */

static struct stelei_effect *list_effect(const struct list_aim *aim, const struct command *command,
                                         enum stelei_effect_kind kind, uint64_t index,
                                         struct command_effects *effects)
{
    struct stelei_effect *effect = command_effect(effects, kind, aim->descriptor);
    effect->key = command->key;
    effect->key_bytes = command->key_bytes;
    effect->generation = aim->list.generation;
    effect->index = index;
    return effect;
}

/* Behind the last one. STELE_EFULL: that would be a key too many. */
static enum stele_status list_append(const struct command_context *context,
                                     const struct list_aim *aim, const struct command *command,
                                     const void *elements, uint64_t count,
                                     struct command_effects *effects)
{
    enum stele_status status =
        aim->there ? STELE_OK : command_room(context, aim->descriptor, aim->table);
    if (status != STELE_OK)
        return status;
    struct stelei_effect *effect =
        list_effect(aim, command, STELEI_EFFECT_LIST_APPEND, aim->list.count, effects);
    effect->value = elements;
    effect->value_bytes = (uint32_t)(count * aim->table->element_bytes);
    return STELE_OK;
}

/* ---- searching in slices -------------------------------------------------------------------- */

/*
 * Goes on where the command paused, or from the beginning. In a sequence only what comes behind is
 * appended while the generation stays the same, so what was looked at still is as it was; of a set
 * also what was appended since would have to be looked at.
 */
static void search_resume(struct command_search *search, const struct list_aim *aim)
{
    bool same = search->generation == aim->list.generation &&
                (search->count == aim->list.count || !list_is_set(aim));
    if (!search->begun || !same) {
        uint32_t restarts = search->begun ? search->restarts + 1 : 0;
        uint64_t budget = search->budget;
        command_search_end(search);
        memset(search, 0, sizeof(*search));
        search->restarts = restarts < LISTS_RESTARTS_MAX ? restarts : LISTS_RESTARTS_MAX;
        search->budget = budget;
        search->generation = aim->list.generation;
    }
    search->count = aim->list.count;
}

/* How many elements may be looked at now. */
static uint64_t search_most(const struct command_search *search)
{
    uint64_t most = search->budget << search->restarts;
    return most >> search->restarts == search->budget ? most : UINT64_MAX;
}

static void search_spend(struct command_search *search, uint64_t looked)
{
    search->budget -= looked < search->budget ? looked : search->budget;
}

/* From search->index on, which becomes the number of the first equal element. STELE_ENOTFOUND: there
 * is none; STELE_EBUSY: paused. */
static enum stele_status search_list(const struct command_context *context,
                                     const struct list_aim *aim, uint64_t element,
                                     struct command_search *search)
{
    uint64_t from = search->index;
    if (!aim->there)
        return STELE_ENOTFOUND;
    enum stele_status status = stele_store_list_search(context->store, &aim->list, element,
                                                       search_most(search), &search->index);
    search_spend(search, search->index - from + (status == STELE_OK));
    search->paused = status == STELE_EBUSY;
    return status;
}

enum stele_status command_list_remove(struct command_context *context,
                                      const struct command *command, struct command_search *search,
                                      struct command_effects *effects)
{
    struct list_aim aim;
    enum stele_status status = list_aim(context, command, &aim);
    if (status == STELE_OK && !element_fits(&aim, command->element))
        status = STELE_ETYPE;
    if (status != STELE_OK)
        return status;
    search_resume(search, &aim);
    status = search_list(context, &aim, command->element, search);
    if (status == STELE_OK)
        list_effect(&aim, command, STELEI_EFFECT_LIST_REMOVE, search->index, effects);
    return status;
}

/* ---- LIST_REPLACE --------------------------------------------------------------------------- */

/* The element that is to come, given by its bytes or widened to eight. False: it is none of the
 * table's kind. */
static bool replace_element(const struct list_aim *aim, const struct command *command,
                            uint64_t *element)
{
    uint32_t width = aim->table->element_bytes;
    if (command->value_bytes != width && command->value_bytes != sizeof(*element))
        return false;
    *element = element_at(command->value, command->value_bytes, 0);
    return element_fits(aim, *element);
}

/* Whether a set has the element already; known once, before the other one is searched for. */
static enum stele_status replace_look(const struct command_context *context,
                                      const struct list_aim *aim, uint64_t element,
                                      struct command_search *search)
{
    if (search->done > 0)
        return STELE_OK;
    enum stele_status status = search_list(context, aim, element, search);
    if (status == STELE_EBUSY)
        return status;
    search->holds = status == STELE_OK;
    search->done = 1;
    search->index = 0;
    return STELE_OK;
}

static enum stele_status replace_decide(const struct command_context *context,
                                        const struct list_aim *aim, const struct command *command,
                                        struct command_search *search,
                                        struct command_effects *effects)
{
    enum stele_status status = search_list(context, aim, command->element, search);
    if (status == STELE_EBUSY || (status == STELE_ENOTFOUND && search->holds))
        return status == STELE_EBUSY ? status : STELE_OK;
    /* little-endian: the element's own bytes come first */
    if (status == STELE_ENOTFOUND)
        return list_append(context, aim, command, command->value, 1, effects);
    enum stelei_effect_kind kind =
        search->holds ? STELEI_EFFECT_LIST_REMOVE : STELEI_EFFECT_LIST_REPLACE;
    struct stelei_effect *effect = list_effect(aim, command, kind, search->index, effects);
    if (!search->holds) {
        effect->value = command->value;
        effect->value_bytes = aim->table->element_bytes;
    }
    return STELE_OK;
}

enum stele_status command_list_replace(struct command_context *context,
                                       const struct command *command, struct command_search *search,
                                       struct command_effects *effects)
{
    struct list_aim aim;
    uint64_t element = 0;
    enum stele_status status = list_aim(context, command, &aim);
    if (status == STELE_OK &&
        (!element_fits(&aim, command->element) || !replace_element(&aim, command, &element)))
        status = STELE_ETYPE;
    if (status != STELE_OK)
        return status;
    search_resume(search, &aim);
    /* one that is replaced by itself goes to the end, in a set too */
    if (list_is_set(&aim) && element != command->element)
        status = replace_look(context, &aim, element, search);
    return status == STELE_OK ? replace_decide(context, &aim, command, search, effects) : status;
}

/* ---- LIST_APPEND ---------------------------------------------------------------------------- */

/* The new elements of the command, as far as they were looked at. */
static const void *append_kept(const struct command *command, const struct command_search *search)
{
    return search->kept ? search->kept : command->value;
}

/* Behind the list's own elements come, for the search, those that were kept. STELE_EBUSY: paused. */
static enum stele_status append_search(const struct command_context *context,
                                       const struct list_aim *aim, const struct command *command,
                                       uint64_t element, struct command_search *search)
{
    const void *kept = append_kept(command, search);
    uint64_t most, end = aim->list.count + search->kept_count;
    if (search->index < aim->list.count) {
        enum stele_status status = search_list(context, aim, element, search);
        if (status != STELE_ENOTFOUND)
            return status;
    }
    for (most = search_most(search); search->index < end; search->index++, most--) {
        search->paused = most == 0;
        if (search->paused)
            return STELE_EBUSY;
        search_spend(search, 1);
        if (element_at(kept, aim->table->element_bytes, search->index - aim->list.count) == element)
            return STELE_OK;
    }
    return STELE_ENOTFOUND;
}

/* Takes note of one more element, which is new or not. What is kept moves to memory of its own with
 * the first one that is not. */
static enum stele_status append_note(const struct list_aim *aim, const struct command *command,
                                     bool is_new, struct command_search *search)
{
    unsigned width = aim->table->element_bytes;
    if (!is_new && !search->kept) {
        search->kept = malloc(command->value_bytes);
        if (!search->kept)
            return STELE_ENOMEM;
        memcpy(search->kept, command->value, search->kept_count * width);
    }
    if (is_new && search->kept)
        memcpy(search->kept + search->kept_count * width,
               (const uint8_t *)command->value + search->done * width, width);
    search->kept_count += is_new;
    search->done++;
    search->index = 0;
    return STELE_OK;
}

/* Sorts out what a set has already, and what comes twice. STELE_EBUSY: paused. */
static enum stele_status append_sort_out(const struct command_context *context,
                                         const struct list_aim *aim, const struct command *command,
                                         uint64_t count, struct command_search *search)
{
    while (search->done < count) {
        uint64_t element = element_at(command->value, aim->table->element_bytes, search->done);
        enum stele_status status = append_search(context, aim, command, element, search);
        if (status == STELE_EBUSY)
            return status;
        status = append_note(aim, command, status == STELE_ENOTFOUND, search);
        if (status != STELE_OK)
            return status;
    }
    return STELE_OK;
}

enum stele_status command_list_append(struct command_context *context,
                                      const struct command *command, struct command_search *search,
                                      struct command_reply *reply, struct command_effects *effects)
{
    struct list_aim aim;
    enum stele_status status = list_aim(context, command, &aim);
    if (status != STELE_OK)
        return status;
    uint64_t count = command->value_bytes / aim.table->element_bytes;
    const void *elements = command->value;
    if (count * aim.table->element_bytes != command->value_bytes)
        return STELE_ETYPE;
    if (list_is_set(&aim)) {
        search_resume(search, &aim);
        status = append_sort_out(context, &aim, command, count, search);
        if (status != STELE_OK)
            return status;
        count = search->kept_count;
        elements = append_kept(command, search);
    }
    if (count > 0)
        status = list_append(context, &aim, command, elements, count, effects);
    reply->count = count;
    return status;
}

/* ---- LIST_POP, LIST_COUNT ------------------------------------------------------------------- */

enum stele_status command_list_pop(struct command_context *context, const struct command *command,
                                   struct command_reply *reply, struct command_effects *effects)
{
    struct list_aim aim;
    const void *last;
    uint64_t count;
    enum stele_status status = list_aim(context, command, &aim);
    if (status != STELE_OK)
        return status;
    if (!aim.there ||
        !stele_store_list_span(context->store, &aim.list, aim.list.count - 1, &last, &count))
        return STELE_ENOTFOUND;
    reply->number = (int64_t)element_at(last, aim.table->element_bytes, 0);
    list_effect(&aim, command, STELEI_EFFECT_LIST_REMOVE, aim.list.count - 1, effects);
    return STELE_OK;
}

enum stele_status command_list_count(struct command_context *context, const struct command *command,
                                     struct command_reply *reply)
{
    struct list_aim aim;
    enum stele_status status = list_aim(context, command, &aim);
    if (status != STELE_OK)
        return status;
    reply->count = aim.list.count;
    return aim.there ? STELE_OK : STELE_ENOTFOUND;
}
