/*
 * lists.h - lists in the hands of a test: appended to and edited below the facade, beside a plain
 * array that says what they must hold. Keys are numbers: words, or byte strings of eight. Tests only.
 */
#ifndef SUPPORT_LISTS_H
#define SUPPORT_LISTS_H

#include "list_parts.h"

#include "rooms.h"

/* ---- what a list must hold ------------------------------------------------------------------ */

struct plain {
    uint8_t *bytes;
    uint64_t count, room; /* elements */
    unsigned shift;
};

static inline void plain_init(struct plain *plain, const struct table *table)
{
    memset(plain, 0, sizeof *plain);
    plain->shift = table->element_shift;
}

static inline void plain_fini(struct plain *plain)
{
    free(plain->bytes);
    memset(plain, 0, sizeof *plain);
}

static inline void plain_append(struct plain *plain, const void *elements, uint64_t count)
{
    if (plain->count + count > plain->room) {
        plain->room = 2 * (plain->count + count);
        plain->bytes = realloc(plain->bytes, plain->room << plain->shift);
        if (!plain->bytes)
            abort();
    }
    memcpy(plain->bytes + (plain->count << plain->shift), elements, count << plain->shift);
    plain->count += count;
}

static inline void plain_remove(struct plain *plain, uint64_t index)
{
    uint8_t *at = plain->bytes + (index << plain->shift);
    uint64_t bytes = UINT64_C(1) << plain->shift;
    memmove(at, at + bytes, (--plain->count - index) << plain->shift);
}

static inline uint64_t plain_element(const struct plain *plain, uint64_t index)
{
    uint64_t element = 0;
    memcpy(&element, plain->bytes + (index << plain->shift), (size_t)1 << plain->shift);
    return element;
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* Elements number `from` and following of a sequence that does not repeat itself soon. */
static inline const void *lists_elements(unsigned shift, uint64_t from, uint64_t count)
{
    static uint8_t *packed;
    static uint64_t room;
    if (count << shift > room) {
        room = count << shift;
        packed = realloc(packed, room);
        if (!packed)
            abort();
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t element = random_mix(from + i);
        memcpy(packed + (i << shift), &element, (size_t)1 << shift);
    }
    return packed;
}

/* False: no such key. */
static inline bool lists_find(struct table *table, uint64_t key, struct list_spot *at)
{
    struct table_spot spot;
    if (!table_find(table, &key, sizeof key, table_hash(table, &key, sizeof key), &spot))
        return false;
    list_find(table, &spot, at);
    return true;
}

/* The list of a key that must be there. */
static inline struct list_spot lists_spot(struct table *table, uint64_t key)
{
    struct list_spot at;
    if (!lists_find(table, key, &at))
        ck_abort_msg("key %llu is lost", (unsigned long long)key);
    return at;
}

/* Makes the list, or appends to it. */
static inline enum stele_status lists_append(struct table *table, uint64_t key,
                                             const void *elements, uint64_t count)
{
    struct table_spot spot;
    struct list_spot at;
    enum stele_status status = STELE_OK;
    uint64_t hash = table_hash(table, &key, sizeof key), ref;
    if (table_find(table, &key, sizeof key, hash, &spot)) {
        list_find(table, &spot, &at);
        status = list_append(table, &at, elements, count);
    } else {
        uint64_t off = list_make(table, elements, count, 1, &status);
        if (off == 0)
            return status;
        ref = table_ref_of(table, off);
        status = table_insert(table, &spot, hash, &key, sizeof key, &ref, sizeof ref);
        if (status != STELE_OK)
            list_unmake(table, off);
    }
    table_publish_counts(table);
    return status;
}

/* The same, in the table and in the array. */
static inline void lists_grow(struct table *table, uint64_t key, struct plain *plain,
                              uint64_t count)
{
    const void *elements = lists_elements(table->element_shift, plain->count, count);
    plain_append(plain, elements, count);
    expect_ok(lists_append(table, key, elements, count));
}

/* The element goes, `added` (may be NULL) comes; from the array, too. */
static inline enum stele_status lists_edit(struct table *table, uint64_t key, struct plain *plain,
                                           uint64_t index, const void *added)
{
    struct list_spot at = lists_spot(table, key);
    enum stele_status status =
        list_edit(table, &at, index, added, stelei_list_generation(at.list->head) + 1);
    table_publish_counts(table);
    if (status != STELE_OK)
        return status;
    plain_remove(plain, index);
    if (added)
        plain_append(plain, added, 1);
    return STELE_OK;
}

static inline void lists_remove(struct table *table, uint64_t key, struct plain *plain,
                                uint64_t index)
{
    expect_ok(lists_edit(table, key, plain, index, NULL));
}

/* A record, its chunks and its count say what the array says. */
static inline void lists_compare(const struct table *table, const struct stelei_list *list,
                                 const struct plain *plain)
{
    const void *elements;
    uint64_t count, at = 0;
    if (list->count != plain->count)
        ck_abort_msg("%llu elements instead of %llu", (unsigned long long)list->count,
                     (unsigned long long)plain->count);
    while (list_span(table, list, at, &elements, &count)) {
        expect(count > 0 && at + count <= plain->count);
        if (memcmp(elements, plain->bytes + (at << plain->shift), count << plain->shift) != 0)
            ck_abort_msg("another element among %llu..%llu of %llu", (unsigned long long)at,
                         (unsigned long long)(at + count), (unsigned long long)plain->count);
        at += count;
    }
    expect(at == plain->count);
}

static inline void lists_expect(struct table *table, uint64_t key, const struct plain *plain)
{
    lists_compare(table, lists_spot(table, key).list, plain);
}

/* Chunks in use; 0 for a small list. */
static inline uint32_t lists_chunks(const struct stelei_list *list)
{
    return stelei_list_is_long(list->head) ? list_chunks(list, list->count) : 0;
}

/* Bytes of the blocks of its chunks, and how many of them hold no element. */
static inline uint64_t lists_unused(const struct table *table, const struct stelei_list *list,
                                    uint64_t *blocks)
{
    *blocks = 0;
    for (uint32_t i = 0; i < lists_chunks(list); i++)
        *blocks += list_entry(list, i)->bytes;
    return *blocks - (list->count << table->element_shift);
}

#endif
