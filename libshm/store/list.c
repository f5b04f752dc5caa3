#include "list_parts.h"

/* ---- memory -------------------------------------------------------------------------------- */

uint64_t list_take(struct table *table, uint64_t bytes, enum arena_purpose purpose,
                   enum stele_status *status)
{
    uint64_t off = arena_alloc(table->arena, bytes, purpose, status);
    if (off != 0) {
        stelei_nop_write(); /* the block may have been reachable */
        table_count_block(table, bytes, true);
    }
    return off;
}

void list_give_back(struct table *table, uint64_t off, uint64_t bytes)
{
    table_count_block(table, bytes, false);
    arena_free(table->arena, off, bytes);
}

void list_retire(void *context, uint64_t off, uint64_t bytes)
{
    struct table *table = context;
    table_count_block(table, bytes, false);
    arena_retire(table->arena, off, bytes);
}

/* ---- the record ---------------------------------------------------------------------------- */

static uint64_t *small_elements(struct stelei_list *list)
{
    return (uint64_t *)(void *)(list + 1);
}

struct stelei_list_chunk *list_chunk(struct stelei_list *list, uint32_t i)
{
    return (struct stelei_list_chunk *)(void *)(list + 1) + i;
}

/* Entries that start below `count`. */
uint32_t list_chunks(const struct stelei_list *list, uint64_t count)
{
    uint32_t low = 0, high = (uint32_t)stelei_list_size(list->head);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (list_start(list, middle) < count)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t list_round_to_power(uint64_t n, uint64_t least)
{
    uint64_t power = least;
    while (power < n)
        power *= 2;
    return power;
}

/* An empty record of this head, unpublished. */
struct stelei_list *list_new_record(struct table *table, uint64_t head, enum arena_purpose purpose,
                                    enum stele_status *status)
{
    uint64_t off = list_take(table, stelei_list_bytes(head), purpose, status);
    if (off == 0)
        return NULL;
    struct stelei_list *list = list_at(table, off);
    stelei_store64(&list->head, head);
    stelei_store64(&list->count, 0);
    if (stelei_list_is_long(head))
        for (uint32_t i = 0; i < stelei_list_size(head); i++)
            stelei_store64(&list_chunk(list, i)->start, UINT64_MAX);
    return list;
}

void list_free_record(struct table *table, struct stelei_list *list)
{
    list_give_back(table, list_off(table, list), stelei_list_bytes(list->head));
}

/* ---- elements ------------------------------------------------------------------------------ */

/* Stores elements at number `first` of a block, beside others in the same words. */
void list_put_elements(const struct table *table, uint64_t *block, uint64_t first,
                       const void *elements, uint64_t count)
{
    const uint8_t *in = elements;
    uint64_t at = first << table->element_shift, bytes = count << table->element_shift;
    uint64_t *word = block + at / 8;
    if (at % 8 && bytes) {
        uint64_t part = 8 - at % 8 < bytes ? 8 - at % 8 : bytes;
        uint64_t merged = stelei_load64(word);
        memcpy((uint8_t *)&merged + at % 8, in, part);
        stelei_store64(word++, merged); /* what the count covers already stays the same */
        in += part;
        bytes -= part;
    }
    stelei_copy_in(word, in, bytes);
}

uint64_t list_chunk_block(const struct table *table, uint64_t list_bytes, uint64_t step,
                          uint64_t more)
{
    uint64_t want = list_bytes / STELEI_LIST_GROWTH;
    if (want > step)
        want = step;
    if (want < more)
        want = more;
    if (want < STELEI_LIST_CHUNK_MIN)
        want = STELEI_LIST_CHUNK_MIN;
    if (want > STELEI_LIST_CHUNK_MAX)
        want = STELEI_LIST_CHUNK_MAX;
    return stelei_block_bytes(want, table->map->granule_shift);
}

/* Elements that fit behind the count without another chunk. */
static uint64_t tail_room(const struct table *table, const struct stelei_list *list, uint32_t used)
{
    uint64_t count = stelei_load64(&list->count);
    if (!stelei_list_is_long(list->head))
        return (stelei_list_size(list->head) * 8 >> table->element_shift) - count;
    if (used == 0)
        return 0;
    return list_start(list, used - 1) + stelei_load32(&list_entry(list, used - 1)->capacity) -
           count;
}

void list_set_entry(struct stelei_list *list, uint32_t i, uint64_t start, uint32_t ref,
                    uint64_t capacity, uint64_t bytes)
{
    struct stelei_list_chunk *chunk = list_chunk(list, i);
    stelei_store32(&chunk->capacity, (uint32_t)capacity);
    stelei_store32(&chunk->bytes, (uint32_t)bytes);
    stelei_store32(&chunk->closed, 0);
    stelei_store32_release(&chunk->ref, ref);
    stelei_store64(&chunk->start, start);
}

void list_close(struct stelei_list *list, uint32_t i, uint64_t capacity)
{
    struct stelei_list_chunk *chunk = list_chunk(list, i);
    stelei_store32(&chunk->capacity, (uint32_t)capacity);
    stelei_store32(&chunk->closed, 1);
}

void list_copy_entries(struct stelei_list *to, uint32_t at, const struct stelei_list *from,
                       uint32_t begin, uint32_t end, uint64_t less)
{
    for (uint32_t i = begin; i < end; i++) {
        const struct stelei_list_chunk *chunk = list_entry(from, i);
        list_set_entry(to, at + i - begin, stelei_load64(&chunk->start) - less,
                       stelei_load32(&chunk->ref), stelei_load32(&chunk->capacity),
                       stelei_load32(&chunk->bytes));
        stelei_store32(&list_chunk(to, at + i - begin)->closed, stelei_load32(&chunk->closed));
    }
}

/* How many bytes the chunk behind the last one has at most while nobody appends more at once. */
static uint64_t step_bytes(const struct stelei_list *list, uint32_t used)
{
    if (used == 0)
        return STELEI_LIST_CHUNK_MAX;
    const struct stelei_list_chunk *last = list_entry(list, used - 1);
    return stelei_load32(&last->closed) ? STELEI_LIST_CHUNK_MIN
                                        : UINT64_C(2) * stelei_load32(&last->bytes);
}

/* A chunk behind the last one, which is full. The count does not cover it yet. */
static enum stele_status add_chunk(struct table *table, struct stelei_list *list, uint32_t used,
                                   uint64_t start, uint64_t more, enum arena_purpose purpose)
{
    enum stele_status status = STELE_OK;
    uint64_t bytes = list_chunk_block(table, start << table->element_shift, step_bytes(list, used),
                                      more << table->element_shift);
    STELE_ASSERT(used < stelei_list_size(list->head));
    uint64_t off = list_take(table, bytes, purpose, &status);
    if (off == 0)
        return status;
    list_set_entry(list, used, start, table_ref_of(table, off), bytes >> table->element_shift,
                   bytes);
    return STELE_OK;
}

/* Takes back chunks [from, to), which the count does not cover. */
static void drop_chunks(struct table *table, struct stelei_list *list, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        list_give_back(table, table_ref_off(table, stelei_load32(&list_chunk(list, i)->ref)),
                       stelei_load32(&list_chunk(list, i)->bytes));
        stelei_store64(&list_chunk(list, i)->start, UINT64_MAX);
    }
}

/* How many chunks an append of `more` elements beyond the tail's room takes; as soon as there are more
 * than a record can have, so many. */
static uint64_t chunks_for(const struct table *table, uint64_t count, uint64_t step, uint64_t more)
{
    uint64_t chunks = 0;
    for (; more > 0 && chunks <= STELEI_LIST_SIZE_MASK; chunks++) {
        uint64_t block = list_chunk_block(table, count << table->element_shift, step,
                                          more << table->element_shift);
        step = 2 * block;
        uint64_t capacity = block >> table->element_shift;
        uint64_t part = capacity < more ? capacity : more;
        count += part;
        more -= part;
    }
    return chunks;
}

/* Makes room for `more` elements; the record has the entries for it. */
static enum stele_status grow(struct table *table, struct stelei_list *list, uint32_t used,
                              uint64_t more, enum arena_purpose purpose)
{
    uint64_t end = stelei_load64(&list->count), room = tail_room(table, list, used);
    uint32_t before = used;
    end += room;
    while (more > room) {
        enum stele_status status = add_chunk(table, list, used, end, more - room, purpose);
        if (status != STELE_OK) {
            drop_chunks(table, list, before, used);
            return status;
        }
        uint64_t capacity = stelei_load32(&list_chunk(list, used++)->capacity);
        room += capacity;
        end += capacity;
    }
    return STELE_OK;
}

/* Stores elements behind the count, where there is room for them. */
static void fill(const struct table *table, struct stelei_list *list, const void *elements,
                 uint64_t more)
{
    uint64_t count = stelei_load64(&list->count);
    const uint8_t *in = elements;
    if (!stelei_list_is_long(list->head)) {
        list_put_elements(table, small_elements(list), count, in, more);
        return;
    }
    uint32_t i = list_chunks(list, count);
    for (i -= i > 0; more > 0; i++) {
        uint64_t start = list_start(list, i);
        uint64_t room = start + stelei_load32(&list_chunk(list, i)->capacity) - count;
        uint64_t part = room < more ? room : more;
        list_put_elements(table, list_chunk_elements(table, list, i), count - start, in, part);
        in += part << table->element_shift;
        count += part;
        more -= part;
    }
}

/* Both, for a record that nobody reads yet. */
enum stele_status list_extend(struct table *table, struct stelei_list *list, const void *elements,
                              uint64_t more, enum arena_purpose purpose)
{
    uint64_t count = stelei_load64(&list->count);
    if (stelei_list_is_long(list->head)) {
        enum stele_status status = grow(table, list, list_chunks(list, count), more, purpose);
        if (status != STELE_OK)
            return status;
    }
    fill(table, list, elements, more);
    stelei_store64(&list->count, count + more);
    return STELE_OK;
}

/* ---- a whole list --------------------------------------------------------------------------- */

/* An empty record that is right for a list of `count` elements. */
struct stelei_list *list_fresh(struct table *table, uint64_t count, uint64_t generation,
                               enum arena_purpose purpose, enum stele_status *status)
{
    uint64_t bytes = count << table->element_shift;
    uint64_t size = list_round_to_power((bytes + 7) / 8, 1);
    bool is_long = bytes > LIST_SMALL_MAX;
    if (is_long)
        size = list_round_to_power(chunks_for(table, 0, STELEI_LIST_CHUNK_MAX, count) + 1,
                                   LIST_TABLE_MIN);
    if (size > STELEI_LIST_SIZE_MASK) {
        *status = STELE_ETOOBIG;
        return NULL;
    }
    return list_new_record(table, list_head_of(generation, is_long, size), purpose, status);
}

static void unmake(struct table *table, struct stelei_list *list)
{
    if (stelei_list_is_long(list->head))
        drop_chunks(table, list, 0, list_chunks(list, UINT64_MAX));
    list_free_record(table, list);
}

uint64_t list_make(struct table *table, const void *elements, uint64_t count, uint64_t generation,
                   enum stele_status *status)
{
    struct stelei_list *list = list_fresh(table, count, generation, ARENA_ORDINARY, status);
    if (!list)
        return 0;
    *status = list_extend(table, list, elements, count, ARENA_ORDINARY);
    if (*status != STELE_OK) {
        unmake(table, list);
        return 0;
    }
    return list_off(table, list);
}

void list_unmake(struct table *table, uint64_t off)
{
    unmake(table, list_at(table, off));
}

void list_find(const struct table *table, const struct table_spot *spot, struct list_spot *found)
{
    found->head = spot->head;
    found->cell = slot_list_cell(table, spot->line, spot->slot);
    found->list = list_at(table, table_ref_off(table, (uint32_t)stelei_load64(found->cell)));
}

/* The one publish of a new record. */
void list_swap(const struct table *table, const struct list_spot *spot,
               const struct stelei_list *list)
{
    STELE_POINT("list.swap:before_ref");
    stelei_store64_release(spot->cell, table_ref_of(table, list_off(table, list)));
    STELE_POINT("list.swap:before_bump");
    stelei_sequence_bump(&spot->head->sequence);
    STELE_POINT("list.swap:before_retire");
}

/* ---- append -------------------------------------------------------------------------------- */

/* The same chunks under a record with more entries. */
static enum stele_status append_wider(struct table *table, const struct list_spot *spot,
                                      const void *elements, uint64_t more, uint64_t entries)
{
    struct stelei_list *old = spot->list;
    uint64_t count = stelei_load64(&old->count),
             size = list_round_to_power(entries, LIST_TABLE_MIN);
    uint32_t used = list_chunks(old, count);
    enum stele_status status = STELE_OK;
    if (size > STELEI_LIST_SIZE_MASK)
        return STELE_ETOOBIG;
    struct stelei_list *list =
        list_new_record(table, list_head_of(stelei_list_generation(old->head), true, size),
                        ARENA_ORDINARY, &status);
    if (!list)
        return status;
    list_copy_entries(list, 0, old, 0, used, 0);
    stelei_store64(&list->count, count);
    status = list_extend(table, list, elements, more, ARENA_ORDINARY);
    if (status != STELE_OK) {
        list_free_record(table, list); /* the chunks are the old record's */
        return status;
    }
    list_swap(table, spot, list);
    list_retire(table, list_off(table, old), stelei_list_bytes(old->head));
    return STELE_OK;
}

/* A small list moves to a record of twice the size, or becomes a long one. */
static enum stele_status append_moving(struct table *table, const struct list_spot *spot,
                                       const void *elements, uint64_t more)
{
    struct stelei_list *old = spot->list;
    uint64_t count = stelei_load64(&old->count);
    enum stele_status status = STELE_OK;
    struct stelei_list *list =
        list_fresh(table, count + more, stelei_list_generation(old->head), ARENA_ORDINARY, &status);
    if (!list)
        return status;
    status = list_extend(table, list, small_elements(old), count, ARENA_ORDINARY);
    if (status == STELE_OK)
        status = list_extend(table, list, elements, more, ARENA_ORDINARY);
    if (status != STELE_OK) {
        unmake(table, list);
        return status;
    }
    list_swap(table, spot, list);
    list_retire(table, list_off(table, old), stelei_list_bytes(old->head));
    return STELE_OK;
}

/* Elements, perhaps entries, and the count. */
static enum stele_status append_here(struct table *table, const struct list_spot *spot,
                                     const void *elements, uint64_t more, uint32_t used)
{
    struct stelei_list *list = spot->list;
    if (stelei_list_is_long(list->head)) {
        enum stele_status status = grow(table, list, used, more, ARENA_ORDINARY);
        if (status != STELE_OK)
            return status;
    }
    STELE_POINT("list.append:before_elements");
    fill(table, list, elements, more);
    STELE_POINT("list.append:before_count");
    stelei_store64_release(&list->count, stelei_load64(&list->count) + more);
    return STELE_OK;
}

enum stele_status list_append(struct table *table, const struct list_spot *spot,
                              const void *elements, uint64_t more)
{
    struct stelei_list *list = spot->list;
    uint64_t count = stelei_load64(&list->count);
    bool is_long = stelei_list_is_long(list->head);
    uint32_t used = is_long ? list_chunks(list, count) : 0;
    uint64_t room = tail_room(table, list, used), beyond = more > room ? more - room : 0;
    enum stele_status status;
    if (!is_long && beyond) {
        status = append_moving(table, spot, elements, more);
    } else {
        uint64_t entries = used + chunks_for(table, count + room, step_bytes(list, used), beyond);
        status = is_long && entries > stelei_list_size(list->head)
                     ? append_wider(table, spot, elements, more, entries)
                     : append_here(table, spot, elements, more, used);
    }
    if (status == STELE_OK)
        table->payload_bytes += more << table->element_shift;
    return status;
}
