/* store.h's part about lists. */
#include "facade.h"

#include <stdlib.h>

#define GENERATION_MASK ((UINT64_C(1) << (64 - STELEI_LIST_GENERATION_SHIFT)) - 1)

/* ---- finding ------------------------------------------------------------------------------- */

/* A key of a table of lists, and its list if it has one. */
struct target {
    struct table *table;
    struct facade_key key;
    uint64_t hash;
    bool there;
    struct table_spot spot;
    struct list_spot at;
};

static enum stele_status aim(struct stele_store *store, uint32_t id, const void *key,
                             uint32_t key_bytes, struct target *target)
{
    target->table = catalog_table(&store->catalog, id);
    if (!target->table)
        return STELE_ENOTABLE;
    if (target->table->form != TABLE_LISTS)
        return STELE_ETYPE;
    enum stele_status status = facade_key(target->table, key, key_bytes, &target->key);
    if (status != STELE_OK)
        return status;
    target->hash = table_hash(target->table, target->key.bytes, target->key.count);
    target->there = table_find(target->table, target->key.bytes, target->key.count, target->hash,
                               &target->spot);
    if (target->there)
        list_find(target->table, &target->spot, &target->at);
    return STELE_OK;
}

static bool element_fits(const struct table *table, uint64_t element)
{
    return slot_word_fits(table->type.value_kind & (STELE_LIST - 1u), element);
}

void facade_tell_list(const struct table *table, const struct stelei_list *record,
                      struct stele_store_list *list)
{
    list->generation = stelei_list_generation(record->head);
    list->count = stelei_load64(&record->count);
    list->element_bytes = 1u << table->element_shift;
    list->record = record;
}

enum stele_status stele_store_list_find(struct stele_store *store, uint32_t table, const void *key,
                                        uint32_t key_bytes, struct stele_store_list *list)
{
    struct target target;
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    status = aim(store, table, key, key_bytes, &target);
    if (status == STELE_OK && !target.there)
        status = STELE_ENOTFOUND;
    if (status == STELE_OK)
        facade_tell_list(target.table, target.at.list, list);
    facade_leave(store);
    return status;
}

enum stele_status stele_store_list_read(struct stele_store *store, uint32_t table, const void *key,
                                        uint32_t key_bytes, uint64_t from, void *elements,
                                        uint64_t capacity, uint64_t *count, uint64_t *total)
{
    struct target target;
    const void *span;
    uint64_t copied = 0, more;
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    status = aim(store, table, key, key_bytes, &target);
    if (status == STELE_OK && !target.there)
        status = STELE_ENOTFOUND;
    if (status == STELE_OK) {
        unsigned shift = target.table->element_shift;
        while (copied < capacity &&
               list_span(target.table, target.at.list, from + copied, &span, &more)) {
            more = more < capacity - copied ? more : capacity - copied;
            memcpy((uint8_t *)elements + (copied << shift), span, more << shift);
            copied += more;
        }
        if (count)
            *count = copied;
        if (total)
            *total = stelei_load64(&target.at.list->count);
    }
    facade_leave(store);
    return status;
}

/* What reading a list takes of its table. */
static struct table reading_table(const struct stele_store *store,
                                  const struct stele_store_list *list)
{
    struct table table = {.base = store->segment.base,
                          .arena = (struct arena *)(uintptr_t)&store->arena,
                          .map = (struct stelei_map *)(uintptr_t)&store->segment.map};
    while (1u << table.element_shift < list->element_bytes)
        table.element_shift++;
    return table;
}

bool stele_store_list_span(const struct stele_store *store, const struct stele_store_list *list,
                           uint64_t from, const void **elements, uint64_t *count)
{
    if (facade_ours(store) != STELE_OK)
        return false;
    struct table table = reading_table(store, list);
    return list_span(&table, list->record, from, elements, count);
}

enum stele_status stele_store_list_search(const struct stele_store *store,
                                          const struct stele_store_list *list, uint64_t element,
                                          uint64_t most, uint64_t *index)
{
    enum stele_status status = facade_ours(store);
    if (status != STELE_OK)
        return status;
    struct table table = reading_table(store, list);
    if (list->element_bytes < 8 && element >> 8 * list->element_bytes != 0)
        return STELE_ETYPE;
    return list_search(&table, list->record, element, most, index);
}

/* ---- changes, as effects have them ---------------------------------------------------------- */

/* `elements` at the end, or a new list. */
static enum stele_status append(const struct target *target, const void *elements, uint64_t count,
                                uint64_t lsn)
{
    struct table *table = target->table;
    enum stele_status status = STELE_OK;
    if (target->there) {
        status = list_append(table, &target->at, elements, count);
    } else {
        uint64_t off = list_make(table, elements, count, lsn & GENERATION_MASK, &status);
        if (off == 0)
            return status;
        uint64_t ref = table_ref_of(table, off);
        status = table_insert(table, &target->spot, target->hash, target->key.bytes,
                              target->key.count, &ref, sizeof ref);
        if (status != STELE_OK)
            list_unmake(table, off);
    }
    if (status == STELE_OK)
        table_publish_counts(table);
    return status;
}

/* The element `index` goes, and the key with the last one; then `added` (may be NULL) comes. */
static enum stele_status take_out(const struct target *target, uint64_t index, const void *added,
                                  uint64_t lsn)
{
    struct table *table = target->table;
    if (stelei_load64(&target->at.list->count) == 1 && !added) {
        table_erase_spot(table, &target->spot);
        return STELE_OK;
    }
    enum stele_status status = list_edit(table, &target->at, index, added, lsn & GENERATION_MASK);
    if (status == STELE_OK)
        table_publish_counts(table);
    return status;
}

/* ---- effects ------------------------------------------------------------------------------- */

/* An effect that is past its list changes nothing. */
static enum stele_status apply_to(const struct target *target, const struct stelei_effect *effect)
{
    uint64_t count = target->there ? stelei_load64(&target->at.list->count) : 0;
    uint64_t more = effect->value_bytes >> target->table->element_shift;
    bool same =
        target->there && stelei_list_generation(target->at.list->head) == effect->generation;
    switch (effect->kind) {
    case STELEI_EFFECT_LIST_APPEND:
        if (more == 0 || effect->value_bytes != more << target->table->element_shift)
            return STELE_ETYPE;
        if (effect->index == 0 ? target->there : !same || count != effect->index)
            return STELE_OK;
        return append(target, effect->value, more, effect->lsn);
    case STELEI_EFFECT_LIST_REPLACE:
        if (effect->value_bytes != UINT32_C(1) << target->table->element_shift)
            return STELE_ETYPE;
        break;
    default:
        break;
    }
    if (!same || effect->index >= count)
        return STELE_OK;
    return take_out(target, effect->index,
                    effect->kind == STELEI_EFFECT_LIST_REPLACE ? effect->value : NULL, effect->lsn);
}

static enum stele_status apply_once(struct stele_store *store, const struct stelei_effect *effect)
{
    struct target target;
    enum stele_status status = aim(store, effect->table, effect->key, effect->key_bytes, &target);
    return status == STELE_OK ? apply_to(&target, effect) : status;
}

enum stele_status facade_apply_list(struct stele_store *store, const struct stelei_effect *effect)
{
    enum stele_status status = apply_once(store, effect);
    struct stelei_effect again = *effect;
    struct keep keep = {0};
    if (status == STELE_ENOSPC && facade_make_room(store, &keep, &again.key, again.key_bytes,
                                                   &again.value, again.value_bytes))
        status = apply_once(store, &again);
    keep_fini(&keep);
    return status;
}

/* ---- calls --------------------------------------------------------------------------------- */

struct request {
    enum { REQUEST_APPEND, REQUEST_REMOVE, REQUEST_REPLACE, REQUEST_POP } kind;
    uint32_t table;
    const void *key;
    uint32_t key_bytes;
    const void *elements;
    uint64_t count;   /* of elements; afterwards: appended */
    uint64_t element; /* REMOVE, REPLACE: the old one; POP: what it was */
    uint64_t added;   /* REPLACE */
};

static bool has(const struct target *target, uint64_t element)
{
    uint64_t index = 0;
    return target->there &&
           list_search(target->table, target->at.list, element, UINT64_MAX, &index) == STELE_OK;
}

static uint64_t number_at(const struct table *table, const void *elements, uint64_t i)
{
    uint64_t element = 0;
    memcpy(&element, (const uint8_t *)elements + (i << table->element_shift),
           (size_t)1 << table->element_shift);
    return element;
}

/* Those of the elements that the set does not have, each once. */
static uint64_t pick_new(const struct target *target, const struct request *request,
                         uint8_t *picked)
{
    const struct table *table = target->table;
    uint64_t count = 0;
    for (uint64_t i = 0; i < request->count; i++) {
        uint64_t element = number_at(table, request->elements, i);
        bool known = has(target, element);
        for (uint64_t j = 0; j < count && !known; j++)
            known = number_at(table, picked, j) == element;
        if (known)
            continue;
        memcpy(picked + (count << table->element_shift), &element,
               (size_t)1 << table->element_shift);
        count++;
    }
    return count;
}

static enum stele_status append_to_set(const struct target *target, struct request *request,
                                       uint64_t lsn)
{
    uint8_t *picked = malloc(request->count << target->table->element_shift);
    if (!picked)
        return STELE_ENOMEM;
    enum stele_status status = STELE_OK;
    request->count = pick_new(target, request, picked);
    if (request->count > 0)
        status = append(target, picked, request->count, lsn);
    free(picked);
    return status;
}

static enum stele_status run_append(const struct target *target, struct request *request,
                                    uint64_t lsn)
{
    if (request->count == 0)
        return STELE_OK;
    if (request->count > SIZE_MAX / 8)
        return STELE_ETOOBIG;
    if (target->table->type.flags & STELE_TYPE_SET)
        return append_to_set(target, request, lsn);
    return append(target, request->elements, request->count, lsn);
}

static enum stele_status run_replace(const struct target *target, struct request *request,
                                     uint64_t lsn)
{
    const struct table *table = target->table;
    uint64_t added = request->added, index = 0;
    bool has_old = target->there && list_search(table, target->at.list, request->element,
                                                UINT64_MAX, &index) == STELE_OK;
    bool drop =
        (table->type.flags & STELE_TYPE_SET) && added != request->element && has(target, added);
    if (has_old)
        return take_out(target, index, drop ? NULL : &added, lsn);
    return drop ? STELE_OK : append(target, &added, 1, lsn);
}

static enum stele_status run(struct stele_store *store, struct request *request)
{
    struct target target;
    uint64_t index = 0, lsn = facade_next_lsn(store);
    enum stele_status status =
        aim(store, request->table, request->key, request->key_bytes, &target);
    if (status != STELE_OK)
        return status;
    if (request->kind == REQUEST_APPEND)
        return run_append(&target, request, lsn);
    if (!element_fits(target.table, request->element) ||
        !element_fits(target.table, request->added))
        return STELE_ETYPE;
    if (request->kind == REQUEST_REPLACE)
        return run_replace(&target, request, lsn);
    if (!target.there)
        return STELE_ENOTFOUND;
    if (request->kind == REQUEST_POP) {
        index = stelei_load64(&target.at.list->count) - 1;
        request->element = list_element(target.table, target.at.list, index);
    } else {
        status = list_search(target.table, target.at.list, request->element, UINT64_MAX, &index);
        if (status != STELE_OK)
            return status;
    }
    return take_out(&target, index, NULL, lsn);
}

/* There was no room: once more, if some can be made. */
static enum stele_status run_again(struct stele_store *store, struct request *request)
{
    const struct table *table = catalog_table(&store->catalog, request->table);
    uint64_t bytes = request->elements ? request->count << table->element_shift : 0;
    struct keep keep = {0};
    enum stele_status status = STELE_ENOSPC;
    if (facade_make_room(store, &keep, &request->key, request->key_bytes, &request->elements,
                         bytes))
        status = run(store, request);
    keep_fini(&keep);
    return status;
}

static enum stele_status change(struct stele_store *store, struct request *request)
{
    uint64_t count = request->count;
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = run(store, request);
    if (STELEI_UNLIKELY(status == STELE_ENOSPC)) {
        request->count = count;
        status = run_again(store, request);
    }
    facade_done(store, status, 0);
    facade_leave(store);
    return status;
}

enum stele_status stele_store_list_append(struct stele_store *store, uint32_t table,
                                          const void *key, uint32_t key_bytes, const void *elements,
                                          uint64_t count, uint64_t *appended)
{
    struct request request = {REQUEST_APPEND, table, key, key_bytes, elements, count, 0, 0};
    enum stele_status status = change(store, &request);
    if (status == STELE_OK && appended)
        *appended = request.count;
    return status;
}

enum stele_status stele_store_list_remove(struct stele_store *store, uint32_t table,
                                          const void *key, uint32_t key_bytes, uint64_t element)
{
    struct request request = {REQUEST_REMOVE, table, key, key_bytes, NULL, 0, element, 0};
    return change(store, &request);
}

enum stele_status stele_store_list_replace(struct stele_store *store, uint32_t table,
                                           const void *key, uint32_t key_bytes, uint64_t old,
                                           uint64_t element)
{
    struct request request = {REQUEST_REPLACE, table, key, key_bytes, NULL, 0, old, element};
    return change(store, &request);
}

enum stele_status stele_store_list_pop(struct stele_store *store, uint32_t table, const void *key,
                                       uint32_t key_bytes, uint64_t *element)
{
    struct request request = {REQUEST_POP, table, key, key_bytes, NULL, 0, 0, 0};
    enum stele_status status = change(store, &request);
    if (status == STELE_OK)
        *element = request.element;
    return status;
}
