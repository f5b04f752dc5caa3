/*
 * list_parts.h - the insides of list.h, for the files list*.c: blocks, the record's entries, and
 * records that nobody reads yet.
 */
#ifndef STORE_LIST_PARTS_H
#define STORE_LIST_PARTS_H

#include "list.h"

#define LIST_TABLE_MIN 4u /* entries of a long list's first record */
#define LIST_SMALL_MAX (8u * STELEI_LIST_SMALL_WORDS)

STELEI_INLINE struct stelei_list *list_at(const struct table *table, uint64_t off)
{
    return (struct stelei_list *)table_at(table, off);
}
STELEI_INLINE uint64_t list_off(const struct table *table, const struct stelei_list *list)
{
    return (uint64_t)((const uint8_t *)list - table->map->base);
}

/* ---- entries -------------------------------------------------------------------------------- */

STELEI_INLINE const struct stelei_list_chunk *list_entry(const struct stelei_list *list, uint32_t i)
{
    return (const struct stelei_list_chunk *)(const void *)(list + 1) + i;
}
STELEI_INLINE uint64_t list_start(const struct stelei_list *list, uint32_t i)
{
    return stelei_load64(&list_entry(list, i)->start);
}
STELEI_INLINE uint64_t *list_chunk_elements(const struct table *table,
                                            const struct stelei_list *list, uint32_t i)
{
    return (uint64_t *)table_at(table,
                                table_ref_off(table, stelei_load32(&list_entry(list, i)->ref)));
}
/* Of a record that nobody reads, or beyond its count. */
void list_set_entry(struct stelei_list *list, uint32_t i, uint64_t start, uint32_t ref,
                    uint64_t capacity, uint64_t bytes);
/* Entries [begin, end) to `at`, their starts `less` lower. */
void list_copy_entries(struct stelei_list *to, uint32_t at, const struct stelei_list *from,
                       uint32_t begin, uint32_t end, uint64_t less);
/* The list ends with chunk i, of which so many elements are in use: none will follow in it, since they
 * may have been reachable. */
void list_close(struct stelei_list *list, uint32_t i, uint64_t capacity);

/* ---- blocks --------------------------------------------------------------------------------- */

/* A block, counted. Its former life is fenced off. 0: *status says why. */
uint64_t list_take(struct table *table, uint64_t bytes, enum arena_purpose purpose,
                   enum stele_status *status);
/* Takes back one that was not published. */
void list_give_back(struct table *table, uint64_t off, uint64_t bytes);
/* A slot_visit, for blocks that were; `context` is the table. */
void list_retire(void *context, uint64_t off, uint64_t bytes);

/* Block of the next chunk of a list of so many bytes that is to take `more`; without being asked for
 * more it has at most `step`. */
uint64_t list_chunk_block(const struct table *table, uint64_t list_bytes, uint64_t step,
                          uint64_t more);
/* Stores elements at number `first` of a block, beside others in the same words. */
void list_put_elements(const struct table *table, uint64_t *block, uint64_t first,
                       const void *elements, uint64_t count);

/* ---- records that nobody reads yet ------------------------------------------------------------ */

STELEI_INLINE uint64_t list_head_of(uint64_t generation, bool is_long, uint64_t size)
{
    return generation << STELEI_LIST_GENERATION_SHIFT | (is_long ? STELEI_LIST_LONG : 0) | size;
}
uint64_t list_round_to_power(uint64_t n, uint64_t least);

/* An empty record of this head. NULL: *status says why. */
struct stelei_list *list_new_record(struct table *table, uint64_t head, enum arena_purpose purpose,
                                    enum stele_status *status);
/* An empty record that is right for a list of `count` elements. */
struct stelei_list *list_fresh(struct table *table, uint64_t count, uint64_t generation,
                               enum arena_purpose purpose, enum stele_status *status);
/* Appends elements, with chunks for them. */
enum stele_status list_extend(struct table *table, struct stelei_list *list, const void *elements,
                              uint64_t more, enum arena_purpose purpose);
/* The record alone; what its entries lead to is another's. */
void list_free_record(struct table *table, struct stelei_list *list);

/* The one publish of a new record: the ref (release), then the head's version. */
void list_swap(const struct table *table, const struct list_spot *spot,
               const struct stelei_list *list);

#endif
