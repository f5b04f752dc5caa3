/* Lists that lose an element: a new record, which shares the chunks that stay as they are. */
#include "list_parts.h"

#define LIST_SHRINK_MAX                                                                            \
    (LIST_SMALL_MAX / 2u) /* bytes: a long list that gets so short is small again */
#define LIST_JOIN_PART 8u /* neighbours are joined up to an eighth of the list */

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
    return i + 1 < edit->used ? list_start(edit->old, i + 1) : edit->count;
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
        list_put_elements(table, table_at(table, edit->block), at, elements, count);
        at += count;
        from += count;
    }
}

/* A chunk of what stays of [begin, end); the last one of a list keeps room to grow. */
static enum stele_status copy_chunk(struct table *table, struct edit *edit)
{
    uint64_t first = list_start(edit->old, edit->begin), last = end_of(edit, edit->end - 1);
    uint64_t stay = last - first - 1;
    enum stele_status status = STELE_OK;
    uint64_t bytes = stay << table->element_shift;
    if (edit->end == edit->used)
        bytes += bytes / STELEI_LIST_GROWTH;
    edit->block_bytes = list_chunk_block(table, 0, 0, bytes);
    edit->block = list_take(table, edit->block_bytes, ARENA_RESERVE, &status);
    if (edit->block == 0)
        return status;
    copy_range(table, edit, 0, first, edit->index);
    copy_range(table, edit, edit->index - first, edit->index + 1, last);
    uint64_t capacity = edit->end == edit->used ? edit->block_bytes >> table->element_shift : stay;
    list_set_entry(edit->list, edit->begin, first, table_ref_of(table, edit->block), capacity,
                   edit->block_bytes);
    return STELE_OK;
}

/* A neighbour of n elements joins what stays, so that a list that shrinks does not end as many chunks of
 * a few elements; not one that is much larger, so that what is copied stays in proportion. */
static bool joins(uint64_t n, uint64_t stay, uint64_t most)
{
    return n <= 2 * stay && n + stay <= most;
}

static void widen_edit(const struct table *table, struct edit *edit)
{
    uint64_t stay = end_of(edit, edit->begin) - list_start(edit->old, edit->begin) - 1, n;
    uint64_t most = edit->count / LIST_JOIN_PART;
    if (most < STELEI_LIST_CHUNK_MIN >> table->element_shift)
        most = STELEI_LIST_CHUNK_MIN >> table->element_shift;
    if (most > STELEI_LIST_CHUNK_MAX >> table->element_shift)
        most = STELEI_LIST_CHUNK_MAX >> table->element_shift;
    for (; edit->begin > 0; edit->begin--, stay += n) {
        n = list_start(edit->old, edit->begin) - list_start(edit->old, edit->begin - 1);
        if (!joins(n, stay, most))
            break;
    }
    for (; edit->end < edit->used; edit->end++, stay += n) {
        n = end_of(edit, edit->end) - list_start(edit->old, edit->end);
        if (!joins(n, stay, most))
            break;
    }
}

/* The last element of a list: its chunk is closed where it ends now, unless it is half empty. */
static bool close_last(struct edit *edit, uint64_t stay_bytes, uint64_t stay)
{
    uint32_t last = edit->used - 1;
    if (edit->index + 1 != edit->count || edit->begin != last ||
        2 * stay_bytes < stelei_load32(&list_entry(edit->old, last)->bytes))
        return false;
    list_copy_entries(edit->list, 0, edit->old, 0, edit->used, 0);
    list_close(edit->list, last, stay);
    edit->begin = edit->end = edit->used;
    return true;
}

static enum stele_status edit_chunks(struct table *table, struct edit *edit)
{
    edit->begin = list_chunks(edit->old, edit->index + 1) - 1;
    edit->end = edit->begin + 1;
    edit->block = 0;
    uint64_t stay = end_of(edit, edit->begin) - list_start(edit->old, edit->begin) - 1;
    uint32_t kept = 0;
    if (stay > 0) {
        widen_edit(table, edit);
        if (close_last(edit, stay << table->element_shift, stay))
            return STELE_OK;
        enum stele_status status = copy_chunk(table, edit);
        if (status != STELE_OK)
            return status;
        kept = 1;
    }
    list_copy_entries(edit->list, 0, edit->old, 0, edit->begin, 0);
    list_copy_entries(edit->list, edit->begin + kept, edit->old, edit->end, edit->used, 1);
    if (!kept && edit->end == edit->used && edit->begin > 0) /* the last chunk went */
        list_close(edit->list, edit->begin - 1,
                   stelei_load32(&list_entry(edit->old, edit->begin - 1)->capacity));
    return STELE_OK;
}

static void abandon(struct table *table, struct edit *edit)
{
    if (edit->block)
        list_give_back(table, edit->block, edit->block_bytes);
    list_free_record(table, edit->list);
}

/* A long list that stays long. */
static enum stele_status edit_long(struct table *table, const struct list_spot *spot,
                                   uint64_t index, const void *added, uint64_t generation)
{
    struct edit edit = {.old = spot->list, .index = index};
    enum stele_status status = STELE_OK;
    edit.count = stelei_load64(&edit.old->count);
    edit.used = list_chunks(edit.old, edit.count);
    uint64_t size = list_round_to_power(edit.used + (added ? 1 : 0), LIST_TABLE_MIN);
    if (size > STELEI_LIST_SIZE_MASK)
        return STELE_ETOOBIG;
    edit.list =
        list_new_record(table, list_head_of(generation, true, size), ARENA_RESERVE, &status);
    if (!edit.list)
        return status;
    status = edit_chunks(table, &edit);
    if (status == STELE_OK) {
        stelei_store64(&edit.list->count, edit.count - 1);
        if (added)
            status = list_extend(table, edit.list, added, 1, ARENA_RESERVE);
    }
    if (status != STELE_OK) {
        abandon(table, &edit);
        return status;
    }
    list_swap(table, spot, edit.list);
    for (uint32_t i = edit.begin; i < edit.end; i++)
        list_retire(table, table_ref_off(table, stelei_load32(&list_entry(edit.old, i)->ref)),
                    stelei_load32(&list_entry(edit.old, i)->bytes));
    list_retire(table, list_off(table, edit.old), stelei_list_bytes(edit.old->head));
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
        status = list_extend(table, list, elements, count, ARENA_RESERVE);
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
        list_fresh(table, count - 1 + (added ? 1 : 0), generation, ARENA_RESERVE, &status);
    if (!list)
        return status;
    status = extend_from(table, list, old, 0, index);
    if (status == STELE_OK)
        status = extend_from(table, list, old, index + 1, count);
    if (status == STELE_OK && added)
        status = list_extend(table, list, added, 1, ARENA_RESERVE);
    STELE_ASSERT(status == STELE_OK); /* a small list takes no memory beyond its record */
    list_swap(table, spot, list);
    list_blocks(table, old_ref, list_retire, table);
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
