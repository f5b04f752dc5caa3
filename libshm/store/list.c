#include "list.h"

#define LIST_TABLE_MIN  4u                    /* entries of a long list's first record */
#define LIST_SMALL_MAX  (8u * STELEI_LIST_SMALL_WORDS)
#define LIST_SHRINK_MAX (LIST_SMALL_MAX / 2u) /* bytes: a long list that gets so short is small again */
#define LIST_MERGE_PART 8u /* neighbours are joined when both together are an eighth of the list */

/* ---- memory -------------------------------------------------------------------------------- */

static uint64_t take(struct table *table, uint64_t bytes, enum arena_purpose purpose,
                     enum stele_status *status)
{
    uint64_t off = arena_alloc(table->arena, bytes, purpose, status);
    if (off != 0) {
        stelei_nop_write(); /* the block may have been reachable */
        table_count_block(table, bytes, true);
    }
    return off;
}

static void give_back(struct table *table, uint64_t off, uint64_t bytes)
{
    table_count_block(table, bytes, false);
    arena_free(table->arena, off, bytes);
}

static void retire(void *context, uint64_t off, uint64_t bytes)
{
    struct table *table = context;
    table_count_block(table, bytes, false);
    arena_retire(table->arena, off, bytes);
}

static struct stelei_list *list_at(const struct table *table, uint64_t off)
{
    return table_at(table, off);
}

static uint64_t off_of(const struct table *table, const struct stelei_list *list)
{
    return (uint64_t)((const uint8_t *)list - table->map->base);
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

static const struct stelei_list_chunk *chunk_of(const struct stelei_list *list, uint32_t i)
{
    return (const struct stelei_list_chunk *)(const void *)(list + 1) + i;
}

static uint64_t start_of(const struct stelei_list *list, uint32_t i)
{
    return stelei_load64(&chunk_of(list, i)->start);
}

static uint64_t *chunk_elements(const struct table *table, const struct stelei_list *list,
                                uint32_t i)
{
    return table_at(table, table_ref_off(table, stelei_load32(&chunk_of(list, i)->ref)));
}

/* Entries that start below `count`. */
uint32_t list_chunks(const struct stelei_list *list, uint64_t count)
{
    uint32_t low = 0, high = (uint32_t)stelei_list_size(list->head);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (start_of(list, middle) < count)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t round_to_power(uint64_t n, uint64_t least)
{
    uint64_t power = least;
    while (power < n)
        power *= 2;
    return power;
}

/* An empty record of this head, unpublished. */
static struct stelei_list *new_record(struct table *table, uint64_t head,
                                      enum arena_purpose purpose, enum stele_status *status)
{
    uint64_t off = take(table, stelei_list_bytes(head), purpose, status);
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

static uint64_t head_of(uint64_t generation, bool is_long, uint64_t size)
{
    return generation << STELEI_LIST_GENERATION_SHIFT | (is_long ? STELEI_LIST_LONG : 0) | size;
}

static void free_record(struct table *table, struct stelei_list *list)
{
    give_back(table, off_of(table, list), stelei_list_bytes(list->head));
}

/* ---- elements ------------------------------------------------------------------------------ */

/* Stores elements at number `first` of a block, beside others in the same words. */
static void put_elements(const struct table *table, uint64_t *block, uint64_t first,
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

/* Block of the next chunk of a list of so many bytes that is to take `more`. */
static uint64_t chunk_block(const struct table *table, uint64_t list_bytes, uint64_t more)
{
    uint64_t want = list_bytes / STELEI_LIST_GROWTH;
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
    return start_of(list, used - 1) + stelei_load32(&chunk_of(list, used - 1)->capacity) - count;
}

static void set_chunk(struct stelei_list *list, uint32_t i, uint64_t start, uint32_t ref,
                      uint64_t capacity, uint64_t bytes)
{
    struct stelei_list_chunk *chunk = list_chunk(list, i);
    stelei_store32(&chunk->capacity, (uint32_t)capacity);
    stelei_store32(&chunk->bytes, (uint32_t)bytes);
    stelei_store32_release(&chunk->ref, ref);
    stelei_store64(&chunk->start, start);
}

/* A chunk behind the last one, which is full. The count does not cover it yet. */
static enum stele_status add_chunk(struct table *table, struct stelei_list *list, uint32_t used,
                                   uint64_t start, uint64_t more, enum arena_purpose purpose)
{
    enum stele_status status = STELE_OK;
    uint64_t bytes =
        chunk_block(table, start << table->element_shift, more << table->element_shift);
    STELE_ASSERT(used < stelei_list_size(list->head));
    uint64_t off = take(table, bytes, purpose, &status);
    if (off == 0)
        return status;
    set_chunk(list, used, start, table_ref_of(table, off), bytes >> table->element_shift, bytes);
    return STELE_OK;
}

/* Takes back chunks [from, to), which the count does not cover. */
static void drop_chunks(struct table *table, struct stelei_list *list, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        give_back(table, table_ref_off(table, stelei_load32(&list_chunk(list, i)->ref)),
                  stelei_load32(&list_chunk(list, i)->bytes));
        stelei_store64(&list_chunk(list, i)->start, UINT64_MAX);
    }
}

/* How many chunks an append of `more` elements beyond the tail's room takes. */
static uint64_t chunks_for(const struct table *table, uint64_t count, uint64_t more)
{
    uint64_t chunks = 0;
    for (; more > 0; chunks++) {
        uint64_t block =
            chunk_block(table, count << table->element_shift, more << table->element_shift);
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
        put_elements(table, small_elements(list), count, in, more);
        return;
    }
    uint32_t i = list_chunks(list, count);
    for (i -= i > 0; more > 0; i++) {
        uint64_t start = start_of(list, i);
        uint64_t room = start + stelei_load32(&list_chunk(list, i)->capacity) - count;
        uint64_t part = room < more ? room : more;
        put_elements(table, chunk_elements(table, list, i), count - start, in, part);
        in += part << table->element_shift;
        count += part;
        more -= part;
    }
}

/* Both, for a record that nobody reads yet. */
static enum stele_status extend(struct table *table, struct stelei_list *list, const void *elements,
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
static struct stelei_list *fresh(struct table *table, uint64_t count, uint64_t generation,
                                 enum arena_purpose purpose, enum stele_status *status)
{
    uint64_t bytes = count << table->element_shift;
    uint64_t size = round_to_power((bytes + 7) / 8, 1);
    bool is_long = bytes > LIST_SMALL_MAX;
    if (is_long)
        size = round_to_power(chunks_for(table, 0, count) + 1, LIST_TABLE_MIN);
    if (size > STELEI_LIST_SIZE_MASK) {
        *status = STELE_ETOOBIG;
        return NULL;
    }
    return new_record(table, head_of(generation, is_long, size), purpose, status);
}

static void unmake(struct table *table, struct stelei_list *list)
{
    if (stelei_list_is_long(list->head))
        drop_chunks(table, list, 0, list_chunks(list, UINT64_MAX));
    free_record(table, list);
}

uint64_t list_make(struct table *table, const void *elements, uint64_t count, uint64_t generation,
                   enum stele_status *status)
{
    struct stelei_list *list = fresh(table, count, generation, ARENA_ORDINARY, status);
    if (!list)
        return 0;
    *status = extend(table, list, elements, count, ARENA_ORDINARY);
    if (*status != STELE_OK) {
        unmake(table, list);
        return 0;
    }
    return off_of(table, list);
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
static void swap(struct table *table, const struct list_spot *spot, const struct stelei_list *list)
{
    STELE_POINT("list.swap:before_ref");
    stelei_store64_release(spot->cell, table_ref_of(table, off_of(table, list)));
    STELE_POINT("list.swap:before_bump");
    stelei_sequence_bump(&spot->head->sequence);
    STELE_POINT("list.swap:before_retire");
}

/* ---- append -------------------------------------------------------------------------------- */

static void copy_chunks(struct stelei_list *to, uint32_t at, const struct stelei_list *from,
                        uint32_t begin, uint32_t end, uint64_t less)
{
    for (uint32_t i = begin; i < end; i++) {
        const struct stelei_list_chunk *chunk = chunk_of(from, i);
        set_chunk(to, at + i - begin, stelei_load64(&chunk->start) - less,
                  stelei_load32(&chunk->ref), stelei_load32(&chunk->capacity),
                  stelei_load32(&chunk->bytes));
    }
}

/* The same chunks under a record with more entries. */
static enum stele_status append_wider(struct table *table, const struct list_spot *spot,
                                      const void *elements, uint64_t more, uint64_t entries)
{
    struct stelei_list *old = spot->list;
    uint64_t count = stelei_load64(&old->count), size = round_to_power(entries, LIST_TABLE_MIN);
    uint32_t used = list_chunks(old, count);
    enum stele_status status = STELE_OK;
    if (size > STELEI_LIST_SIZE_MASK)
        return STELE_ETOOBIG;
    struct stelei_list *list =
        new_record(table, head_of(stelei_list_generation(old->head), true, size), ARENA_ORDINARY,
                   &status);
    if (!list)
        return status;
    copy_chunks(list, 0, old, 0, used, 0);
    stelei_store64(&list->count, count);
    status = extend(table, list, elements, more, ARENA_ORDINARY);
    if (status != STELE_OK) {
        free_record(table, list); /* the chunks are the old record's */
        return status;
    }
    swap(table, spot, list);
    retire(table, off_of(table, old), stelei_list_bytes(old->head));
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
        fresh(table, count + more, stelei_list_generation(old->head), ARENA_ORDINARY, &status);
    if (!list)
        return status;
    status = extend(table, list, small_elements(old), count, ARENA_ORDINARY);
    if (status == STELE_OK)
        status = extend(table, list, elements, more, ARENA_ORDINARY);
    if (status != STELE_OK) {
        unmake(table, list);
        return status;
    }
    swap(table, spot, list);
    retire(table, off_of(table, old), stelei_list_bytes(old->head));
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
        uint64_t entries = used + chunks_for(table, count + room, beyond);
        status = is_long && entries > stelei_list_size(list->head)
                     ? append_wider(table, spot, elements, more, entries)
                     : append_here(table, spot, elements, more, used);
    }
    if (status == STELE_OK)
        table->payload_bytes += more << table->element_shift;
    return status;
}

/* ---- edit ---------------------------------------------------------------------------------- */

/* What becomes of the chunk that the element stands in. */
struct edit {
    struct stelei_list *old, *list; /* the new record */
    uint64_t count;                 /* before */
    uint64_t index;
    uint32_t used;       /* entries before */
    uint32_t begin, end; /* entries that are replaced by one, or by none */
    uint64_t block;      /* of the chunk that replaces them; 0: none */
    uint64_t block_bytes;
};

static uint64_t end_of(const struct edit *edit, uint32_t i)
{
    return i + 1 < edit->used ? start_of(edit->old, i + 1) : edit->count;
}

/* Copies elements [from, to) of the old list to number `at` of the new chunk. */
static void copy_range(const struct table *table, const struct edit *edit, uint64_t at,
                       uint64_t from, uint64_t to)
{
    while (from < to) {
        const void *elements;
        uint64_t count;
        bool more = list_span(table, edit->old, from, &elements, &count);
        STELE_ASSERT(more);
        if (count > to - from)
            count = to - from;
        put_elements(table, table_at(table, edit->block), at, elements, count);
        at += count;
        from += count;
    }
}

/* A chunk of what stays of [begin, end); the last one of a list keeps room to grow. */
static enum stele_status copy_chunk(struct table *table, struct edit *edit)
{
    uint64_t first = start_of(edit->old, edit->begin), last = end_of(edit, edit->end - 1);
    uint64_t stay = last - first - 1;
    enum stele_status status = STELE_OK;
    uint64_t bytes = stay << table->element_shift;
    if (edit->end == edit->used)
        bytes += bytes / STELEI_LIST_GROWTH;
    edit->block_bytes = chunk_block(table, 0, bytes);
    edit->block = take(table, edit->block_bytes, ARENA_RESERVE, &status);
    if (edit->block == 0)
        return status;
    copy_range(table, edit, 0, first, edit->index);
    copy_range(table, edit, edit->index - first, edit->index + 1, last);
    uint64_t capacity =
        edit->end == edit->used ? edit->block_bytes >> table->element_shift : stay;
    set_chunk(edit->list, edit->begin, first, table_ref_of(table, edit->block), capacity,
              edit->block_bytes);
    return STELE_OK;
}

/* The chunk before, too, where both together are little: or a list that shrinks ends as many chunks
 * of a few elements. */
static void widen_edit(const struct table *table, struct edit *edit)
{
    if (edit->begin == 0)
        return;
    uint64_t both = end_of(edit, edit->begin) - start_of(edit->old, edit->begin - 1);
    uint64_t part = edit->count / LIST_MERGE_PART;
    uint64_t most = STELEI_LIST_CHUNK_MAX >> table->element_shift;
    uint64_t least = STELEI_LIST_CHUNK_MIN >> table->element_shift;
    if (part < least)
        part = least;
    if (both <= part && both <= most)
        edit->begin--;
}

/* The last element of a list: its chunk is closed where it ends now, unless it is half empty. */
static bool close_last(const struct table *table, struct edit *edit)
{
    uint32_t last = edit->used - 1;
    const struct stelei_list_chunk *chunk = chunk_of(edit->old, last);
    uint64_t start = start_of(edit->old, last), stay = edit->count - 1 - start;
    if (edit->index + 1 != edit->count ||
        2 * (stay << table->element_shift) < stelei_load32(&chunk->bytes))
        return false;
    copy_chunks(edit->list, 0, edit->old, 0, edit->used, 0);
    stelei_store32(&list_chunk(edit->list, last)->capacity, (uint32_t)stay);
    edit->begin = edit->end = edit->used;
    return true;
}

static enum stele_status edit_chunks(struct table *table, struct edit *edit, bool adds)
{
    edit->begin = list_chunks(edit->old, edit->index + 1) - 1;
    edit->end = edit->begin + 1;
    edit->block = 0;
    if (!adds && close_last(table, edit))
        return STELE_OK;
    uint32_t kept = 0;
    if (end_of(edit, edit->begin) - start_of(edit->old, edit->begin) > 1) {
        widen_edit(table, edit);
        enum stele_status status = copy_chunk(table, edit);
        if (status != STELE_OK)
            return status;
        kept = 1;
    }
    copy_chunks(edit->list, 0, edit->old, 0, edit->begin, 0);
    copy_chunks(edit->list, edit->begin + kept, edit->old, edit->end, edit->used, 1);
    return STELE_OK;
}

static void abandon(struct table *table, struct edit *edit)
{
    if (edit->block)
        give_back(table, edit->block, edit->block_bytes);
    free_record(table, edit->list);
}

/* A long list that stays long. */
static enum stele_status edit_long(struct table *table, const struct list_spot *spot,
                                   uint64_t index, const void *added, uint64_t generation)
{
    struct edit edit = {.old = spot->list, .index = index};
    enum stele_status status = STELE_OK;
    edit.count = stelei_load64(&edit.old->count);
    edit.used = list_chunks(edit.old, edit.count);
    uint64_t size = round_to_power(edit.used + (added ? 1 : 0), LIST_TABLE_MIN);
    if (size > STELEI_LIST_SIZE_MASK)
        return STELE_ETOOBIG;
    edit.list = new_record(table, head_of(generation, true, size), ARENA_RESERVE, &status);
    if (!edit.list)
        return status;
    status = edit_chunks(table, &edit, added != NULL);
    if (status == STELE_OK) {
        stelei_store64(&edit.list->count, edit.count - 1);
        if (added)
            status = extend(table, edit.list, added, 1, ARENA_RESERVE);
    }
    if (status != STELE_OK) {
        abandon(table, &edit);
        return status;
    }
    swap(table, spot, edit.list);
    for (uint32_t i = edit.begin; i < edit.end; i++)
        retire(table, table_ref_off(table, stelei_load32(&chunk_of(edit.old, i)->ref)),
               stelei_load32(&chunk_of(edit.old, i)->bytes));
    retire(table, off_of(table, edit.old), stelei_list_bytes(edit.old->head));
    return STELE_OK;
}

/* Appends elements [from, to) of another list to an unpublished one. */
static enum stele_status extend_from(struct table *table, struct stelei_list *list,
                                     const struct stelei_list *old, uint64_t from, uint64_t to)
{
    enum stele_status status = STELE_OK;
    while (from < to && status == STELE_OK) {
        const void *elements;
        uint64_t count;
        bool more = list_span(table, old, from, &elements, &count);
        STELE_ASSERT(more);
        if (count > to - from)
            count = to - from;
        status = extend(table, list, elements, count, ARENA_RESERVE);
        from += count;
    }
    return status;
}

/* A list that is small afterwards: made anew. */
static enum stele_status edit_small(struct table *table, const struct list_spot *spot,
                                    uint64_t index, const void *added, uint64_t generation)
{
    struct stelei_list *old = spot->list;
    uint64_t count = stelei_load64(&old->count);
    uint32_t old_ref = (uint32_t)stelei_load64(spot->cell);
    enum stele_status status = STELE_OK;
    struct stelei_list *list =
        fresh(table, count - 1 + (added ? 1 : 0), generation, ARENA_RESERVE, &status);
    if (!list)
        return status;
    status = extend_from(table, list, old, 0, index);
    if (status == STELE_OK)
        status = extend_from(table, list, old, index + 1, count);
    if (status == STELE_OK && added)
        status = extend(table, list, added, 1, ARENA_RESERVE);
    STELE_ASSERT(status == STELE_OK); /* a small list takes no memory beyond its record */
    swap(table, spot, list);
    list_blocks(table, old_ref, retire, table);
    return STELE_OK;
}

enum stele_status list_edit(struct table *table, const struct list_spot *spot, uint64_t index,
                            const void *added, uint64_t generation)
{
    uint64_t count = stelei_load64(&spot->list->count);
    STELE_ASSERT(index < count && (count > 1 || added));
    uint64_t after = (count - (added ? 0 : 1)) << table->element_shift;
    bool is_long = stelei_list_is_long(spot->list->head) && after > LIST_SHRINK_MAX;
    enum stele_status status = is_long ? edit_long(table, spot, index, added, generation)
                                       : edit_small(table, spot, index, added, generation);
    if (status == STELE_OK && !added)
        table->payload_bytes -= UINT64_C(1) << table->element_shift;
    return status;
}

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
        start = start_of(list, i);
        uint64_t next = start + stelei_load32(&chunk_of(list, i)->capacity);
        end = next < all ? next : all;
        block = chunk_elements(table, list, i);
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
        visit(context, table_ref_off(table, stelei_load32(&chunk_of(list, i)->ref)),
              stelei_load32(&chunk_of(list, i)->bytes));
}

/* The chunks one after the other, each a block that holds its capacity, without a gap; what follows
 * is not covered by the count. */
static bool chunks_plausible(const struct table *table, const struct stelei_list *list,
                             uint64_t count)
{
    uint64_t end = 0;
    uint32_t i = 0, size = (uint32_t)stelei_list_size(list->head);
    for (; end < count; i++) {
        if (i == size || start_of(list, i) != end)
            return false;
        uint64_t capacity = stelei_load32(&chunk_of(list, i)->capacity);
        uint64_t bytes = stelei_load32(&chunk_of(list, i)->bytes);
        uint32_t ref = stelei_load32(&chunk_of(list, i)->ref);
        if (capacity == 0 || capacity << table->element_shift > bytes ||
            !arena_plausible(table->arena, table_ref_off(table, ref), bytes))
            return false;
        end += capacity;
    }
    while (i < size && start_of(list, i) >= count)
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
    if (size == 0 || count == 0 || !arena_plausible(table->arena, off, stelei_list_bytes(list->head)))
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
