/* Adoption's part of the arena: marking what is taken, sweeping what is not. */
#include "arena.h"

#include <stdlib.h>

#define UNIT_PAGES ((uint32_t)(STELEI_UNIT_BYTES / STELEI_PAGE_BYTES))

enum stele_status arena_marks_init(struct arena *arena, struct arena_marks *marks)
{
    memset(marks, 0, sizeof *marks);
    marks->end = stelei_load64(&arena->segment->header->committed);
    marks->unit = (uint32_t)(arena->segment->header->data_off >> STELEI_UNIT_SHIFT);
    marks->page = calloc((marks->end >> STELEI_PAGE_SHIFT) / 64 + 1, 8);
    return marks->page ? STELE_OK : STELE_ENOMEM;
}

void arena_marks_fini(struct arena_marks *marks)
{
    free(marks->page);
    marks->page = NULL;
}

static bool page_marked(const struct arena_marks *marks, uint64_t page)
{
    return marks->page[page / 64] >> page % 64 & 1;
}

/* Do the unit classes in the segment allow for a block (a slab's, or a run, or bucket memory) here? */
static bool block_fits(const struct arena *arena, uint64_t off, uint64_t block, uint64_t end)
{
    uint64_t inner = off & (STELEI_UNIT_BYTES - 1);
    if (off < arena->segment->header->data_off || off + block > end)
        return false;
    if (block <= STELEI_SLAB_MAX_BYTES)
        return arena->classes[off >> STELEI_UNIT_SHIFT] == stelei_class_of(block) &&
               inner % block == 0 && inner + block <= STELEI_UNIT_BYTES;
    for (uint64_t unit = off >> STELEI_UNIT_SHIFT; unit <= (off + block - 1) >> STELEI_UNIT_SHIFT;
         unit++)
        if (arena->classes[unit] != STELEI_CLASS_RUN && arena->classes[unit] != STELEI_CLASS_INDEX)
            return false;
    return off % STELEI_PAGE_BYTES == 0;
}

bool arena_plausible(const struct arena *arena, uint64_t off, uint64_t bytes)
{
    uint64_t block = stelei_block_bytes(bytes, arena->segment->map.granule_shift);
    uint64_t end = stelei_load64(&arena->segment->header->committed);
    return block_fits(arena, off, block, end) &&
           arena->classes[off >> STELEI_UNIT_SHIFT] != STELEI_CLASS_INDEX;
}

static enum arena_mark mark_run(struct arena *arena, struct arena_marks *marks, uint64_t off,
                                uint64_t bytes)
{
    uint64_t first = off >> STELEI_PAGE_SHIFT, end = (off + bytes) >> STELEI_PAGE_SHIFT;
    for (uint64_t page = first; page < end; page++)
        if (page_marked(marks, page))
            return ARENA_MARKED_BEFORE;
    for (uint64_t page = first; page < end; page++)
        marks->page[page / 64] |= UINT64_C(1) << page % 64;
    arena->run_bytes += bytes;
    return ARENA_MARKED;
}

enum arena_mark arena_mark(struct arena *arena, struct arena_marks *marks, uint64_t off,
                           uint64_t bytes)
{
    uint64_t block = stelei_block_bytes(bytes, arena->segment->map.granule_shift);
    if (!block_fits(arena, off, block, marks->end))
        return ARENA_NO_BLOCK;
    if (block > STELEI_SLAB_MAX_BYTES)
        return mark_run(arena, marks, off, block);
    uint32_t unit = (uint32_t)(off >> STELEI_UNIT_SHIFT);
    if (slabs_class(&arena->slabs, unit) == 0)
        slabs_add(&arena->slabs, unit, stelei_class_of(block));
    return slabs_mark(&arena->slabs, off) ? ARENA_MARKED : ARENA_MARKED_BEFORE;
}

void arena_unmark(struct arena *arena, struct arena_marks *marks, uint64_t off, uint64_t bytes)
{
    uint64_t block = stelei_block_bytes(bytes, arena->segment->map.granule_shift);
    if (block <= STELEI_SLAB_MAX_BYTES) {
        slabs_unmark(&arena->slabs, off);
        return;
    }
    uint64_t first = off >> STELEI_PAGE_SHIFT, end = (off + block) >> STELEI_PAGE_SHIFT;
    for (uint64_t page = first; page < end; page++)
        marks->page[page / 64] &= ~(UINT64_C(1) << page % 64);
    arena->run_bytes -= block;
}

void arena_restart_clock(struct arena *arena)
{
    struct stelei_header *header = arena->segment->header;
    uint64_t next = stelei_load64(&header->retired) + 1;
    STELE_POINT("adopt.clock:before_retired");
    stelei_store64_release(&header->retired, next);
    STELE_POINT("adopt.clock:before_recycled");
    stelei_store64_release(&header->recycled, next);
    stelei_nop_write();
    arena->stale_blocks = arena->quarantine_blocks;
}

static void sweep_runs(struct arena *arena, struct arena_marks *marks, uint32_t unit)
{
    uint32_t first = unit * UNIT_PAGES, end = first + UNIT_PAGES;
    uint32_t page = first;
    while (page < end) {
        uint32_t from = page;
        while (page < end && !page_marked(marks, page))
            page++;
        if (page > from)
            arena_give_pages(arena, from, page - from);
        if (from == first && page == end)
            arena->classes[unit] = STELEI_CLASS_FREE;
        while (page < end && page_marked(marks, page))
            page++;
    }
}

static void sweep_unit(struct arena *arena, struct arena_marks *marks, uint32_t unit)
{
    if (slabs_class(&arena->slabs, unit) == 0) {
        sweep_runs(arena, marks, unit);
    } else if (!slabs_full(&arena->slabs, unit)) {
        slabs_offer(&arena->slabs, unit);
    }
}

bool arena_sweep(struct arena *arena, struct arena_marks *marks, uint32_t units)
{
    uint32_t end = (uint32_t)(marks->end >> STELEI_UNIT_SHIFT);
    for (; units > 0 && marks->unit < end; units--)
        sweep_unit(arena, marks, marks->unit++);
    return marks->unit < end;
}
