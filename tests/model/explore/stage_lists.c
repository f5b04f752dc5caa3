/* Operations of a stage on lists, and those that do for every type of table. */
#include "stage.h"

#include <stdlib.h>

#define CHANGED_BYTES 24u

/* ---- elements ----------------------------------------------------------------------------- */

static unsigned element_bytes(const struct explore_stage *stage)
{
    return stele_type_element_bytes(&stage->type);
}

/* Elements that no list had before; of many, three are: the search need not tell the others apart. */
static void make_elements(struct explore_stage *stage, uint8_t *to, unsigned count)
{
    unsigned bytes = element_bytes(stage);
    for (unsigned i = 0; i < count; i++) {
        uint64_t element = EXPLORE_FILLER;
        if (count <= 8 || i == 0 || i == count / 2 || i + 1 == count) {
            element = ++stage->next_element;
            element |= bytes == 8 ? element << 32 : 0; /* both halves tell */
        }
        memcpy(to + (size_t)i * bytes, &element, bytes);
    }
}

static uint64_t element_at(const struct explore_stage *stage, unsigned key, unsigned index)
{
    uint64_t element = 0;
    unsigned bytes = element_bytes(stage);
    memcpy(&element, stage->value[stage->holds[key]].data + (size_t)index * bytes, bytes);
    return element;
}

/* The first that is equal: the one that the store removes. */
static unsigned first_equal(const struct explore_stage *stage, unsigned key, unsigned index)
{
    unsigned first = 0;
    while (element_at(stage, key, first) != element_at(stage, key, index))
        first++;
    return first;
}

/* ---- states ------------------------------------------------------------------------------- */

/* What the list has become: what it was without element `without` (or with all), then `added`. */
static void hold(struct explore_stage *stage, unsigned key, size_t without, const uint8_t *added,
                 unsigned count)
{
    static const struct explore_value nothing;
    const struct explore_value *old =
        stage->holds[key] >= 0 ? &stage->value[stage->holds[key]] : &nothing;
    size_t bytes = element_bytes(stage), at = without * bytes;
    size_t head = at < old->bytes ? at : old->bytes;
    size_t rest = at < old->bytes ? old->bytes - at - bytes : 0;
    struct explore_value *value =
        explore_value_add(stage, key, (uint32_t)(head + rest + count * bytes));
    if (old->data) {
        memcpy(value->data, old->data, head);
        memcpy(value->data + head, old->data + at + bytes, rest);
    }
    if (count)
        memcpy(value->data + head + rest, added, count * bytes);
    /* by its contents, for it may be what the list was before */
    stage->holds[key] = value->bytes
                            ? (int16_t)explore_value_of(stage, key, value->data, value->bytes)
                            : EXPLORE_ABSENT;
    explore_acknowledge(stage);
}

/* ---- operations --------------------------------------------------------------------------- */

void explore_append(struct explore_stage *stage, unsigned key, unsigned count)
{
    uint8_t *elements = explore_alloc(NULL, (size_t)count * 8);
    make_elements(stage, elements, count);
    explore_expect(stele_store_list_append(stage->store, stage->table, stage->key[key].bytes,
                                           stage->key[key].length, elements, count, NULL),
                   "append");
    hold(stage, key, SIZE_MAX / 8, elements, count);
    free(elements);
}

void explore_remove(struct explore_stage *stage, unsigned key, unsigned index)
{
    explore_expect(stele_store_list_remove(stage->store, stage->table, stage->key[key].bytes,
                                           stage->key[key].length, element_at(stage, key, index)),
                   "remove");
    hold(stage, key, first_equal(stage, key, index), NULL, 0);
}

void explore_exchange(struct explore_stage *stage, unsigned key, unsigned index)
{
    uint64_t element = 0;
    make_elements(stage, (uint8_t *)&element, 1);
    explore_expect(stele_store_list_replace(stage->store, stage->table, stage->key[key].bytes,
                                            stage->key[key].length, element_at(stage, key, index),
                                            element),
                   "replace");
    hold(stage, key, first_equal(stage, key, index), (const uint8_t *)&element, 1);
}

/* ---- every type --------------------------------------------------------------------------- */

void explore_change(struct explore_stage *stage, unsigned key)
{
    if (!stele_type_has_lists(&stage->type))
        explore_put(stage, key, stele_kind_bytes(stage->type.value_kind) ? 8 : CHANGED_BYTES);
    else if (stage->holds[key] >= 0)
        explore_exchange(stage, key, 0);
    else
        explore_append(stage, key, 1);
}

static int found_list(struct explore_stage *stage, unsigned key)
{
    struct stele_store_list list;
    const void *elements;
    uint64_t count, from = 0;
    int number = EXPLORE_TORN;
    enum stele_status status = stele_store_list_find(
        stage->store, stage->table, stage->key[key].bytes, stage->key[key].length, &list);
    if (status != STELE_OK)
        return EXPLORE_ABSENT;
    uint8_t *copy = explore_alloc(NULL, (size_t)list.count * list.element_bytes);
    for (; stele_store_list_span(stage->store, &list, from, &elements, &count); from += count)
        memcpy(copy + from * list.element_bytes, elements, count * list.element_bytes);
    if (from == list.count)
        number = explore_value_of(stage, key, copy, (size_t)list.count * list.element_bytes);
    free(copy);
    return number;
}

int explore_found(struct explore_stage *stage, unsigned key)
{
    const void *value = NULL;
    uint32_t bytes = 0;
    if (stele_type_has_lists(&stage->type))
        return found_list(stage, key);
    enum stele_status status = stele_store_find(stage->store, stage->table, stage->key[key].bytes,
                                                stage->key[key].length, &value, &bytes);
    return status == STELE_OK ? explore_value_of(stage, key, value, bytes) : EXPLORE_ABSENT;
}
