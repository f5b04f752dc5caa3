#include "evacuate.h"
#include "index.h"
#include "list.h"

#define SLABS_PER_UNIT    16u /* of budget */
#define RECYCLED_PER_UNIT 4u
#define MOVED_SHIFT       12u /* 4 KiB */

#define BUCKETS_AHEAD 4u /* whose records are asked for */
#define HEADS_AHEAD   8u

static void spend(uint32_t *budget, uint64_t cost)
{
    *budget = *budget > cost ? *budget - (uint32_t)cost : 0;
}

void evacuate_begin(struct evacuate *evacuate)
{
    evacuate->phase = EVACUATE_CHOOSING;
    evacuate->unit = 0;
    evacuate->table = 0;
    evacuate->bucket = 0;
    evacuate->cls = 1;
    evacuate->any = false;
    evacuate->passes++;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static bool choose(struct evacuate *evacuate, struct arena *arena, uint32_t *budget)
{
    uint64_t committed = stelei_load64(&arena->segment->header->committed);
    uint32_t units = (uint32_t)(committed >> STELEI_UNIT_SHIFT);
    for (; *budget > 0 && evacuate->unit < units; spend(budget, 1))
        for (unsigned n = 0; n < SLABS_PER_UNIT && evacuate->unit < units; n++)
            evacuate->any |= arena_choose(arena, evacuate->unit++);
    return evacuate->unit < units;
}

/* ---- moving --------------------------------------------------------------------------------- */

static bool in_victim(const struct table *table, uint32_t ref)
{
    return slabs_victim(&table->arena->slabs, table_ref_off(table, ref));
}

/* A copy of a block in another slab, unpublished. 0: it stays, its class has no room. */
static uint64_t copy_block(struct table *table, uint32_t ref, uint64_t bytes)
{
    uint64_t off = arena_alloc_moved(table->arena, bytes);
    if (off == 0)
        return 0;
    stelei_nop_write(); /* the block may have been reachable */
    stelei_copy_in(table_at(table, off), table_record(table, ref), bytes);
    return off;
}

/* The ref was swapped: the head's version, and the old block goes. Returns what was moved. */
static uint64_t settle_moved(struct table *table, struct stelei_bucket *head, uint32_t old,
                             uint64_t bytes)
{
    STELE_POINT("evacuate.record:before_bump");
    stelei_sequence_bump(&head->sequence);
    STELE_POINT("evacuate.record:before_retire");
    arena_retire(table->arena, table_ref_off(table, old), bytes);
    return stelei_block_bytes(bytes, table->map->granule_shift);
}

/* Each of these moves one block out of a victim. 0: there is none to be moved. */

static uint64_t move_record(struct table *table, struct stelei_bucket *head,
                            struct stelei_bucket *line, unsigned slot)
{
    uint32_t ref = slot_ref(table, line, slot);
    if (!slot_has_record(table) || !in_victim(table, ref))
        return 0;
    uint64_t bytes = stelei_record_bytes(stelei_load64(table_record(table, ref)));
    uint64_t off = copy_block(table, ref, bytes);
    if (off == 0)
        return 0;
    STELE_POINT("evacuate.record:before_ref");
    slot_swap_ref(table, line, slot, table_ref_of(table, off));
    return settle_moved(table, head, ref, bytes);
}

static uint64_t move_list(struct table *table, struct stelei_bucket *head, uint64_t *cell)
{
    uint32_t ref = (uint32_t)stelei_load64(cell);
    if (!in_victim(table, ref))
        return 0;
    const struct stelei_list *list = table_at(table, table_ref_off(table, ref));
    uint64_t bytes = stelei_list_bytes(list->head), off = copy_block(table, ref, bytes);
    if (off == 0)
        return 0;
    STELE_POINT("evacuate.list:before_ref");
    stelei_store64_release(cell, table_ref_of(table, off));
    return settle_moved(table, head, ref, bytes);
}

/* Whoever loaded the count finds the same elements behind either ref; the next ones go to the copy. */
static uint64_t move_chunk(struct table *table, struct stelei_bucket *head,
                           struct stelei_list_chunk *chunk)
{
    uint32_t ref = stelei_load32(&chunk->ref);
    if (!in_victim(table, ref))
        return 0;
    uint64_t bytes = stelei_load32(&chunk->bytes), off = copy_block(table, ref, bytes);
    if (off == 0)
        return 0;
    STELE_POINT("evacuate.chunk:before_ref");
    stelei_store32_release(&chunk->ref, table_ref_of(table, off));
    return settle_moved(table, head, ref, bytes);
}

/* The next block of a list that can be moved. */
static uint64_t move_of_list(struct table *table, struct stelei_bucket *head,
                             struct stelei_bucket *line, unsigned slot)
{
    uint64_t *cell = slot_list_cell(table, line, slot);
    uint64_t moved = move_list(table, head, cell);
    struct stelei_list *list = table_at(table, table_ref_off(table, (uint32_t)stelei_load64(cell)));
    if (moved || !stelei_list_is_long(list->head))
        return moved;
    uint32_t chunks = list_chunks(list, stelei_load64(&list->count));
    for (uint32_t i = 0; i < chunks && !moved; i++)
        moved = move_chunk(table, head, list_chunk(list, i));
    return moved;
}

static uint64_t move_behind(struct table *table, struct stelei_bucket *head,
                            struct stelei_bucket *line, unsigned slot)
{
    uint64_t moved = move_record(table, head, line, slot);
    if (moved == 0 && table->form == TABLE_LISTS)
        moved = move_of_list(table, head, line, slot);
    return moved;
}

/* Moves the line behind `previous`. */
static void move_line(struct table *table, struct stelei_bucket *head,
                      struct stelei_bucket *previous)
{
    uint32_t *link = slot_link(table, previous), ref = stelei_load32(link);
    uint64_t off = copy_block(table, ref, STELEI_BUCKET_BYTES);
    if (off == 0)
        return;
    STELE_POINT("evacuate.line:before_link");
    stelei_store32_release(link, table_ref_of(table, off));
    STELE_POINT("evacuate.line:before_bump");
    stelei_sequence_bump(&head->sequence);
    STELE_POINT("evacuate.line:before_retire");
    arena_retire_line(table->arena, table_ref_off(table, ref));
}

/* What stands behind the slots of a line. False: the budget ended. */
static bool move_slots(struct evacuate *evacuate, struct table *table, struct stelei_bucket *head,
                       struct stelei_bucket *line, uint32_t *budget)
{
    uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence)), bytes;
    if (table->form == TABLE_WORDS)
        return true;
    for (; valid; valid &= valid - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(valid);
        while ((bytes = move_behind(table, head, line, slot)) != 0) {
            evacuate->moved_bytes += bytes;
            spend(budget, 1 + (bytes >> MOVED_SHIFT));
            if (*budget == 0)
                return false;
        }
    }
    return true;
}

/* Empties victims of what a chain has in them. False: the budget ended; what was moved stays so. */
static bool move_chain(struct evacuate *evacuate, struct table *table, uint64_t bucket,
                       uint32_t *budget)
{
    struct stelei_bucket *head = index_bucket(table, bucket), *line = head;
    while (line) {
        if (!move_slots(evacuate, table, head, line, budget))
            return false;
        uint32_t next = stelei_load32(slot_link(table, line));
        if (next && in_victim(table, next)) {
            move_line(table, head, line);
            evacuate->moved_bytes += STELEI_BUCKET_BYTES;
            spend(budget, 1);
        }
        line = slot_next(table, line);
    }
    return true;
}

static void prefetch(const struct table *table, uint64_t bucket)
{
    if (bucket + HEADS_AHEAD < table->buckets)
        __builtin_prefetch(index_bucket(table, bucket + HEADS_AHEAD));
    if (bucket + BUCKETS_AHEAD >= table->buckets)
        return;
    if (table->form == TABLE_WORDS)
        return;
    struct stelei_bucket *head = index_bucket(table, bucket + BUCKETS_AHEAD);
    uint64_t valid = stelei_sequence_valid(stelei_load64(&head->sequence));
    for (; valid; valid &= valid - 1) {
        uint32_t ref = slot_ref(table, head, (unsigned)__builtin_ctzll(valid));
        if (in_victim(table, ref))
            __builtin_prefetch(table_record(table, ref));
    }
}

static bool move(struct evacuate *evacuate, struct catalog *catalog, uint32_t *budget)
{
    for (; evacuate->table < STELEI_TABLE_CAPACITY; evacuate->table++, evacuate->bucket = 0) {
        struct table *table = &catalog->table[evacuate->table];
        while (table->live && evacuate->bucket < table->buckets) {
            if (*budget == 0)
                return true;
            prefetch(table, evacuate->bucket);
            spend(budget, 1);
            uint32_t left = *budget + 1; /* one block, whatever the budget */
            bool whole = move_chain(evacuate, table, evacuate->bucket, &left);
            *budget = left > 1 ? left - 1 : 0;
            if (!whole)
                return true;
            evacuate->bucket++;
        }
    }
    return false;
}

/* ---- the pass ------------------------------------------------------------------------------- */

static bool drain(const struct evacuate *evacuate, struct arena *arena, uint32_t *budget)
{
    bool more = true;
    for (; more && *budget > 0; spend(budget, 1))
        more = arena_drain_to(arena, evacuate->drain_to, RECYCLED_PER_UNIT);
    return more;
}

static bool restore(struct evacuate *evacuate, struct arena *arena, uint32_t *budget)
{
    for (; evacuate->cls <= STELEI_CLASS_COUNT; evacuate->cls++)
        for (; slabs_restore(&arena->slabs, evacuate->cls, true); spend(budget, 1))
            if (*budget == 0)
                return true;
    return false;
}

bool evacuate_step(struct evacuate *evacuate, struct catalog *catalog, uint32_t *budget)
{
    struct arena *arena = catalog->arena;
    if (evacuate->phase == EVACUATE_CHOOSING && !choose(evacuate, arena, budget))
        evacuate->phase = evacuate->any ? EVACUATE_MOVING : EVACUATE_IDLE;
    if (evacuate->phase == EVACUATE_MOVING && !move(evacuate, catalog, budget)) {
        evacuate->phase = EVACUATE_DRAINING;
        evacuate->drain_to = stelei_load64(&arena->segment->header->retired);
    }
    if (evacuate->phase == EVACUATE_DRAINING && !drain(evacuate, arena, budget))
        evacuate->phase = EVACUATE_RESTORING;
    if (evacuate->phase == EVACUATE_RESTORING && !restore(evacuate, arena, budget))
        evacuate->phase = EVACUATE_IDLE;
    return evacuate->phase != EVACUATE_IDLE;
}
