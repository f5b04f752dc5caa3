/*
 * lists.c - commands that change a key's list. What goes and what stays is searched for here, in
 * slices; the effect names it by its number and by the generation of the list that was looked at.
 */
#include "command/decide.h"

#include <stdlib.h>

/* A search that has to begin anew, because somebody else changed its list, may look at twice as much
 * before it pauses: it has to end some time. So often at most. */
#define LISTS_RESTARTS_MAX 10u

static bool list_is_set(const struct command_run *run)
{
    return (run->table->type.flags & STELE_TYPE_SET) != 0;
}

/* ---- elements ------------------------------------------------------------------------------- */

/* Whether a number is an element of the table's kind. */
static bool element_fits(const struct command_run *run, uint64_t element)
{
    return element <= UINT64_MAX >> (64 - 8 * run->table->element_bytes);
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

static struct stelei_effect *list_effect(struct command_run *run, enum stelei_effect_kind kind,
                                         uint64_t index)
{
    struct stelei_effect *effect = command_key_effect(run, kind);
    effect->generation = run->list.generation;
    effect->index = index;
    return effect;
}

/* Behind the last one. STELE_EFULL: that would be a key too many. */
static enum stele_status list_append(struct command_run *run, const void *elements, uint64_t count)
{
    enum stele_status status = run->list_there ? STELE_OK : command_room(run);
    if (status != STELE_OK)
        return status;
    struct stelei_effect *effect = list_effect(run, STELEI_EFFECT_LIST_APPEND, run->list.count);
    effect->value = elements;
    effect->value_bytes = (uint32_t)(count * run->table->element_bytes);
    return STELE_OK;
}

/* ---- searching in slices -------------------------------------------------------------------- */

/*
 * Goes on where the command paused, or from the beginning. In a sequence only what comes behind is
 * appended while the generation stays the same, so what was looked at still is as it was; of a set
 * also what was appended since would have to be looked at.
 */
static void search_resume(struct command_run *run)
{
    struct command_search *search = run->search;
    const struct stele_store_list *list = &run->list;
    bool same = search->generation == list->generation &&
                (search->count == list->count || !list_is_set(run));
    if (!search->begun || !same) {
        uint32_t restarts = search->begun ? search->restarts + 1 : 0;
        uint64_t budget = search->budget;
        command_search_end(search);
        memset(search, 0, sizeof(*search));
        search->restarts = restarts < LISTS_RESTARTS_MAX ? restarts : LISTS_RESTARTS_MAX;
        search->budget = budget;
        search->generation = list->generation;
    }
    search->count = list->count;
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
static enum stele_status search_list(struct command_run *run, uint64_t element)
{
    struct command_search *search = run->search;
    uint64_t from = search->index;
    if (!run->list_there)
        return STELE_ENOTFOUND;
    enum stele_status status = stele_store_list_search(run->context->store, &run->list, element,
                                                       search_most(search), &search->index);
    search_spend(search, search->index - from + (status == STELE_OK));
    search->paused = status == STELE_EBUSY;
    return status;
}

enum stele_status command_list_remove(struct command_run *run)
{
    if (!element_fits(run, run->command->element))
        return STELE_ETYPE;
    search_resume(run);
    enum stele_status status = search_list(run, run->command->element);
    if (status == STELE_OK)
        list_effect(run, STELEI_EFFECT_LIST_REMOVE, run->search->index);
    return status;
}

/* ---- LIST_REPLACE --------------------------------------------------------------------------- */

/* The element that is to come, given by its bytes or widened to eight. False: it is none of the
 * table's kind. */
static bool replace_element(const struct command_run *run, uint64_t *element)
{
    const struct command *command = run->command;
    uint32_t width = run->table->element_bytes;
    if (command->value_bytes != width && command->value_bytes != sizeof(*element))
        return false;
    *element = element_at(command->value, command->value_bytes, 0);
    return element_fits(run, *element);
}

/* Whether a set has the element already; known once, before the other one is searched for. */
static enum stele_status replace_look(struct command_run *run, uint64_t element)
{
    struct command_search *search = run->search;
    if (search->done > 0)
        return STELE_OK;
    enum stele_status status = search_list(run, element);
    if (status == STELE_EBUSY)
        return status;
    search->holds = status == STELE_OK;
    search->done = 1;
    search->index = 0;
    return STELE_OK;
}

static enum stele_status replace_decide(struct command_run *run)
{
    const struct command_search *search = run->search;
    enum stele_status status = search_list(run, run->command->element);
    if (status == STELE_EBUSY || (status == STELE_ENOTFOUND && search->holds))
        return status == STELE_EBUSY ? status : STELE_OK;
    /* little-endian: the element's own bytes come first */
    if (status == STELE_ENOTFOUND)
        return list_append(run, run->command->value, 1);
    enum stelei_effect_kind kind =
        search->holds ? STELEI_EFFECT_LIST_REMOVE : STELEI_EFFECT_LIST_REPLACE;
    struct stelei_effect *effect = list_effect(run, kind, search->index);
    if (!search->holds) {
        effect->value = run->command->value;
        effect->value_bytes = run->table->element_bytes;
    }
    return STELE_OK;
}

enum stele_status command_list_replace(struct command_run *run)
{
    uint64_t element = 0;
    enum stele_status status = STELE_OK;
    if (!element_fits(run, run->command->element) || !replace_element(run, &element))
        return STELE_ETYPE;
    search_resume(run);
    /* one that is replaced by itself goes to the end, in a set too */
    if (list_is_set(run) && element != run->command->element)
        status = replace_look(run, element);
    return status == STELE_OK ? replace_decide(run) : status;
}

/* ---- LIST_APPEND ---------------------------------------------------------------------------- */

/* The new elements of the command, as far as they were looked at. */
static const void *append_kept(const struct command *command, const struct command_search *search)
{
    return search->kept ? search->kept : command->value;
}

/* Behind the list's own elements come, for the search, those that were kept. STELE_EBUSY: paused. */
static enum stele_status append_search(struct command_run *run, uint64_t element)
{
    struct command_search *search = run->search;
    const void *kept = append_kept(run->command, search);
    uint64_t most, end = run->list.count + search->kept_count;
    if (search->index < run->list.count) {
        enum stele_status status = search_list(run, element);
        if (status != STELE_ENOTFOUND)
            return status;
    }
    for (most = search_most(search); search->index < end; search->index++, most--) {
        search->paused = most == 0;
        if (search->paused)
            return STELE_EBUSY;
        search_spend(search, 1);
        if (element_at(kept, run->table->element_bytes, search->index - run->list.count) == element)
            return STELE_OK;
    }
    return STELE_ENOTFOUND;
}

/* Takes note of one more element, which is new or not. What is kept moves to memory of its own with
 * the first one that is not. */
static enum stele_status append_note(struct command_run *run, bool is_new)
{
    const struct command *command = run->command;
    struct command_search *search = run->search;
    unsigned width = run->table->element_bytes;
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
static enum stele_status append_sort_out(struct command_run *run, uint64_t count)
{
    struct command_search *search = run->search;
    while (search->done < count) {
        uint64_t element = element_at(run->command->value, run->table->element_bytes, search->done);
        enum stele_status status = append_search(run, element);
        if (status == STELE_EBUSY)
            return status;
        status = append_note(run, status == STELE_ENOTFOUND);
        if (status != STELE_OK)
            return status;
    }
    return STELE_OK;
}

enum stele_status command_list_append(struct command_run *run)
{
    const struct command *command = run->command;
    uint64_t count = command->value_bytes / run->table->element_bytes;
    const void *elements = command->value;
    enum stele_status status = STELE_OK;
    if (count * run->table->element_bytes != command->value_bytes)
        return STELE_ETYPE;
    if (list_is_set(run)) {
        search_resume(run);
        status = append_sort_out(run, count);
        if (status != STELE_OK)
            return status;
        count = run->search->kept_count;
        elements = append_kept(command, run->search);
    }
    if (count > 0)
        status = list_append(run, elements, count);
    run->reply->count = count;
    return status;
}

/* ---- LIST_POP, LIST_COUNT ------------------------------------------------------------------- */

enum stele_status command_list_pop(struct command_run *run)
{
    const void *last;
    uint64_t count, index = run->list.count - 1;
    if (!run->list_there ||
        !stele_store_list_span(run->context->store, &run->list, index, &last, &count))
        return STELE_ENOTFOUND;
    run->reply->number = (int64_t)element_at(last, run->table->element_bytes, 0);
    list_effect(run, STELEI_EFFECT_LIST_REMOVE, index);
    return STELE_OK;
}

enum stele_status command_list_count(struct command_run *run)
{
    run->reply->count = run->list.count;
    return run->list_there ? STELE_OK : STELE_ENOTFOUND;
}
