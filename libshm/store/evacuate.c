#include "evacuate.h"
#include "index.h"

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

static void *at(const struct table *table, uint64_t off)
{
    return table->arena->segment->base + off;
}

static bool in_victim(const struct table *table, uint32_t ref)
{
    return slabs_victim(&table->arena->slabs, table_ref_off(table, ref));
}

/* Moves the record behind a slot. False: it stays, its class has no room. */
static bool move_record(struct table *table, struct stelei_bucket *head, struct stelei_bucket *line,
                        unsigned slot, uint64_t *moved_bytes)
{
    uint32_t ref = stelei_load32(&line->ref[slot]);
    const uint64_t *record = table_record(table, ref);
    uint64_t bytes = stelei_record_bytes(stelei_load64(record));
    uint64_t off = arena_alloc_moved(table->arena, bytes);
    if (off == 0)
        return false;
    stelei_nop_write(); /* the block may have been reachable */
    stelei_copy_in(at(table, off), record, bytes);
    STELE_POINT("evacuate.record:before_ref");
    stelei_store32_release(&line->ref[slot], table_ref_of(table, off));
    STELE_POINT("evacuate.record:before_bump");
    stelei_sequence_bump(&head->sequence);
    STELE_POINT("evacuate.record:before_retire");
    arena_retire(table->arena, table_ref_off(table, ref), bytes);
    *moved_bytes = stelei_block_bytes(bytes, table->map->granule_shift);
    return true;
}

/* Moves the line behind `previous`. */
static void move_line(struct table *table, struct stelei_bucket *head,
                      struct stelei_bucket *previous)
{
    uint32_t ref = stelei_load32(&previous->link);
    uint64_t off = arena_alloc_moved(table->arena, STELEI_BUCKET_BYTES);
    if (off == 0)
        return;
    const struct stelei_bucket *from = table_line(table, ref);
    struct stelei_bucket *to = at(table, off);
    stelei_nop_write();
    for (unsigned slot = 0; slot < STELEI_BYTES_SLOTS; slot++)
        stelei_store32(&to->ref[slot], stelei_load32(&from->ref[slot]));
    stelei_store64(&to->tags, stelei_load64(&from->tags));
    stelei_store32(&to->tags_high, stelei_load32(&from->tags_high));
    stelei_store32(&to->link, stelei_load32(&from->link));
    stelei_store64(&to->sequence, stelei_load64(&from->sequence));
    STELE_POINT("evacuate.line:before_link");
    stelei_store32_release(&previous->link, table_ref_of(table, off));
    STELE_POINT("evacuate.line:before_bump");
    stelei_sequence_bump(&head->sequence);
    STELE_POINT("evacuate.line:before_retire");
    arena_retire_line(table->arena, table_ref_off(table, ref));
}

/* Empties victims of what a chain has in them. False: the budget ended; what was moved stays so. */
static bool move_chain(struct evacuate *evacuate, struct table *table, uint64_t bucket,
                       uint32_t *budget)
{
    struct stelei_bucket *head = index_bucket(table, bucket), *line = head;
    while (line) {
        uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence)), bytes;
        for (; valid; valid &= valid - 1) {
            unsigned slot = (unsigned)__builtin_ctzll(valid);
            if (!in_victim(table, stelei_load32(&line->ref[slot])) ||
                !move_record(table, head, line, slot, &bytes))
                continue;
            evacuate->moved_bytes += bytes;
            spend(budget, 1 + (bytes >> MOVED_SHIFT));
            if (*budget == 0)
                return false;
        }
        uint32_t next = stelei_load32(&line->link);
        if (next && in_victim(table, next)) {
            move_line(table, head, line);
            evacuate->moved_bytes += STELEI_BUCKET_BYTES;
            spend(budget, 1);
        }
        line = table_line(table, stelei_load32(&line->link));
    }
    return true;
}

static void prefetch(const struct table *table, uint64_t bucket)
{
    if (bucket + HEADS_AHEAD < table->buckets)
        __builtin_prefetch(index_bucket(table, bucket + HEADS_AHEAD));
    if (bucket + BUCKETS_AHEAD >= table->buckets)
        return;
    const struct stelei_bucket *head = index_bucket(table, bucket + BUCKETS_AHEAD);
    uint64_t valid = stelei_sequence_valid(stelei_load64(&head->sequence));
    for (; valid; valid &= valid - 1) {
        uint32_t ref = stelei_load32(&head->ref[__builtin_ctzll(valid)]);
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
