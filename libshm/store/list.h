/*
 * list.h - one-to-many: the record of a list and its chunks (format.h has the picture). Knows how
 * elements are stored, found, added and taken out; not how a key is found. Called by the writer only.
 *
 * The record that a reader can reach is changed in two ways: an append stores elements and entries
 * beyond `count`, where nobody looks, and then the count; evacuation swaps the ref of a chunk for
 * that of its copy. Everything else makes a new record. A chunk is shared by the old and the new one
 * where it stays as it is, so nothing that any count ever covered is stored to again before it went
 * through the quarantine.
 *
 *   in the last chunk, what lies beyond the count was never reachable
 *   entries beyond the last one in use start at UINT64_MAX (after a crash: at the count or above,
 *   until adoption has come by)
 */
#ifndef STORE_LIST_H
#define STORE_LIST_H

#include "slot.h"

/* Where a list stands. */
struct list_spot {
    struct stelei_bucket *head; /* of the key's chain: its version guards the ref */
    uint64_t *cell;             /* holds the ref */
    struct stelei_list *list;
};

/* The list of a key that table_find() found. */
void list_find(const struct table *table, const struct table_spot *spot, struct list_spot *found);

/* A list of these elements (at least one), unpublished. 0: *status says why. */
uint64_t list_make(struct table *table, const void *elements, uint64_t count, uint64_t generation,
                   enum stele_status *status);
/* Takes back one that was not published. */
void list_unmake(struct table *table, uint64_t off);

/* STELE_ENOSPC, STELE_ENOMEM: nothing was changed. STELE_ETOOBIG: it would have more
 * than 2^14 chunks, 4 GiB. */
enum stele_status list_append(struct table *table, const struct list_spot *spot,
                              const void *elements, uint64_t count);

/*
 * The element `index` goes; then `added` (may be NULL) comes, as one change; the list has this
 * generation from then on. It must have another element, or get one.
 */
enum stele_status list_edit(struct table *table, const struct list_spot *spot, uint64_t index,
                            const void *added, uint64_t generation);

/* ---- reading -------------------------------------------------------------------------------- */

/* Elements from `from` on that stand side by side. False: from >= count. */
bool list_span(const struct table *table, const struct stelei_list *list, uint64_t from,
               const void **elements, uint64_t *count);
/* As stele_store_list_search(). */
enum stele_status list_search(const struct table *table, const struct stelei_list *list,
                              uint64_t element, uint64_t most, uint64_t *index);
/* The element as a number. */
uint64_t list_element(const struct table *table, const struct stelei_list *list, uint64_t index);

/* ---- for the rooms that care for memory ------------------------------------------------------ */

/* Entries of a long list that `count` covers. */
uint32_t list_chunks(const struct stelei_list *list, uint64_t count);
struct stelei_list_chunk *list_chunk(struct stelei_list *list, uint32_t i);

/* The record, then the chunks. */
void list_blocks(const struct table *table, uint32_t ref, slot_visit visit, void *context);
/* For what another writer left, which may be damaged: the record and its chunks are blocks of their
 * kinds and cover the count. */
bool list_plausible(const struct table *table, uint32_t ref);
/* Forgets entries that a killed writer had added and not yet counted. */
void list_settle(const struct table *table, uint32_t ref);
/* There are none. */
bool list_settled(const struct table *table, uint32_t ref);

#endif
