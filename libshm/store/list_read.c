/* Lists that are only looked at. */
#include "list_parts.h"

/* ---- reading ------------------------------------------------------------------------------- */

bool list_span(const struct table *table, const struct stelei_list *list, uint64_t from,
               const void **elements, uint64_t *count)
{
    uint64_t all = stelei_load64(&list->count), start = 0, end = all;
    const uint64_t *block = (const uint64_t *)(const void *)(list + 1);
    if (from >= all)
        return false;
    if (stelei_list_is_long(list->head)) {
        uint32_t i = list_chunks(list, from + 1) - 1;
        start = list_start(list, i);
        uint64_t next = start + stelei_load32(&list_entry(list, i)->capacity);
        end = next < all ? next : all;
        block = list_chunk_elements(table, list, i);
    }
    *elements = (const uint8_t *)block + ((from - start) << table->element_shift);
    *count = end - from;
    return true;
}

/* The place of the first of `count` elements that is equal, or `count`. Plain loads: nobody else
 * stores here. */
static uint64_t find_u8(const uint8_t *in, uint64_t count, uint8_t element)
{
    const uint8_t *found = memchr(in, element, count);
    return found ? (uint64_t)(found - in) : count;
}
static uint64_t find_u16(const uint16_t *in, uint64_t count, uint16_t element)
{
    uint64_t i = 0;
    while (i < count && in[i] != element)
        i++;
    return i;
}
static uint64_t find_u32(const uint32_t *in, uint64_t count, uint32_t element)
{
    uint64_t i = 0;
    for (; i + 8 <= count; i += 8) { /* no exit inside: compilers make it vector code */
        uint32_t any = 0;
        for (unsigned j = 0; j < 8; j++)
            any |= in[i + j] == element;
        if (any)
            break;
    }
    while (i < count && in[i] != element)
        i++;
    return i;
}
static uint64_t find_u64(const uint64_t *in, uint64_t count, uint64_t element)
{
    uint64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint64_t any = 0;
        for (unsigned j = 0; j < 8; j++)
            any |= in[i + j] == element;
        if (any)
            break;
    }
    while (i < count && in[i] != element)
        i++;
    return i;
}

static uint64_t find_in(const struct table *table, const void *elements, uint64_t count,
                        uint64_t element)
{
    switch (table->element_shift) {
    case 0:
        return find_u8(elements, count, (uint8_t)element);
    case 1:
        return find_u16(elements, count, (uint16_t)element);
    case 2:
        return find_u32(elements, count, (uint32_t)element);
    default:
        return find_u64(elements, count, element);
    }
}

enum stele_status list_search(const struct table *table, const struct stelei_list *list,
                              uint64_t element, uint64_t most, uint64_t *index)
{
    const void *elements;
    uint64_t count;
    while (most > 0 && list_span(table, list, *index, &elements, &count)) {
        if (count > most)
            count = most;
        uint64_t at = find_in(table, elements, count, element);
        *index += at;
        if (at < count)
            return STELE_OK;
        most -= count;
    }
    return *index < stelei_load64(&list->count) ? STELE_EBUSY : STELE_ENOTFOUND;
}

uint64_t list_element(const struct table *table, const struct stelei_list *list, uint64_t index)
{
    const void *elements;
    uint64_t count, element = 0;
    bool there = list_span(table, list, index, &elements, &count);
    STELE_ASSERT(there);
    memcpy(&element, elements, (size_t)1 << table->element_shift);
    return element;
}

/* ---- for the rooms that care for memory ------------------------------------------------------ */

void list_blocks(const struct table *table, uint32_t ref, slot_visit visit, void *context)
{
    const struct stelei_list *list = list_at(table, table_ref_off(table, ref));
    uint32_t chunks =
        stelei_list_is_long(list->head) ? list_chunks(list, stelei_load64(&list->count)) : 0;
    visit(context, table_ref_off(table, ref), stelei_list_bytes(list->head));
    for (uint32_t i = 0; i < chunks; i++)
        visit(context, table_ref_off(table, stelei_load32(&list_entry(list, i)->ref)),
              stelei_load32(&list_entry(list, i)->bytes));
}

/* The chunks one after the other, each a block that holds its capacity, without a gap; what follows
 * is not covered by the count. */
static bool chunks_plausible(const struct table *table, const struct stelei_list *list,
                             uint64_t count)
{
    uint64_t end = 0;
    uint32_t i = 0, size = (uint32_t)stelei_list_size(list->head);
    for (; end < count; i++) {
        if (i == size || list_start(list, i) != end)
            return false;
        uint64_t capacity = stelei_load32(&list_entry(list, i)->capacity);
        uint64_t bytes = stelei_load32(&list_entry(list, i)->bytes);
        uint32_t ref = stelei_load32(&list_entry(list, i)->ref);
        if (capacity == 0 || capacity << table->element_shift > bytes ||
            !arena_plausible(table->arena, table_ref_off(table, ref), bytes))
            return false;
        end += capacity;
    }
    while (i < size && list_start(list, i) >= count)
        i++;
    return i == size;
}

bool list_plausible(const struct table *table, uint32_t ref)
{
    uint64_t off = table_ref_off(table, ref);
    if (off < table->arena->segment->header->data_off || off % 8 ||
        off + sizeof(struct stelei_list) > stelei_map_limit(table->map))
        return false;
    const struct stelei_list *list = list_at(table, off);
    uint64_t count = stelei_load64(&list->count), size = stelei_list_size(list->head);
    if (size == 0 || count == 0 ||
        !arena_plausible(table->arena, off, stelei_list_bytes(list->head)))
        return false;
    if (!stelei_list_is_long(list->head))
        return size <= STELEI_LIST_SMALL_WORDS && count <= size * 8 >> table->element_shift;
    return chunks_plausible(table, list, count);
}

void list_settle(const struct table *table, uint32_t ref)
{
    struct stelei_list *list = list_at(table, table_ref_off(table, ref));
    if (!stelei_list_is_long(list->head))
        return;
    uint32_t size = (uint32_t)stelei_list_size(list->head);
    for (uint32_t i = list_chunks(list, stelei_load64(&list->count)); i < size; i++)
        stelei_store64(&list_chunk(list, i)->start, UINT64_MAX);
}

bool list_settled(const struct table *table, uint32_t ref)
{
    const struct stelei_list *list = list_at(table, table_ref_off(table, ref));
    return !stelei_list_is_long(list->head) ||
           list_chunks(list, UINT64_MAX) == list_chunks(list, stelei_load64(&list->count));
}
