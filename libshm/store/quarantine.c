/* The arena's quarantine: what was retired waits here until readers cannot trust it any more. */
#include "arena.h"

#include <stdlib.h>

#define FIFO_PART_BLOCKS    1024u
#define QUARANTINE_MIN      (UINT64_C(64) << 10)
#define QUARANTINE_MAX      (UINT64_C(32) << 20)
#define QUARANTINE_FRACTION 32u

struct arena_fifo_part {
    struct arena_fifo_part *next;
    uint32_t begin, end; /* blocks[begin..end) wait */
    struct arena_retired blocks[FIFO_PART_BLOCKS];
};

void arena_quarantine_fini(struct arena *arena)
{
    while (arena->first) {
        struct arena_fifo_part *part = arena->first;
        arena->first = part->next;
        free(part);
    }
    free(arena->spare);
    arena->spare = NULL;
}

static uint64_t keep_bytes(const struct arena *arena)
{
    if (arena->quarantine_keep)
        return arena->quarantine_keep;
    uint64_t keep = stelei_load64(&arena->segment->header->committed) / QUARANTINE_FRACTION;
    if (keep < QUARANTINE_MIN)
        return QUARANTINE_MIN;
    return keep < QUARANTINE_MAX ? keep : QUARANTINE_MAX;
}

static struct arena_retired fifo_pop(struct arena *arena)
{
    struct arena_fifo_part *part = arena->first;
    struct arena_retired block = part->blocks[part->begin++];
    if (part->begin == part->end) {
        arena->first = part->next;
        if (!arena->first)
            arena->last = NULL;
        free(arena->spare);
        arena->spare = part;
    }
    arena->quarantine_blocks--;
    arena->quarantine_bytes -= block.bytes;
    return block;
}

/* Recycles the oldest n blocks. */
static void recycle(struct arena *arena, uint64_t n)
{
    struct stelei_header *header = arena->segment->header;
    STELE_POINT("arena.recycle:before_count");
    /* pairs with stelei_clock_untouched(): a reader that sees a later overwrite sees this count */
    stelei_store64_release(&header->recycled, stelei_load64(&header->recycled) + n);
    stelei_nop_write();
    STELE_POINT("arena.recycle:before_reuse");
    for (; n > 0; n--) {
        struct arena_retired block = fifo_pop(arena);
        /* what is given out next is likely this block, which nobody has touched for long */
        const uint8_t *next = arena->segment->base + block.off;
        __builtin_prefetch(next, 1);
        if (block.bytes <= 2 * STELEI_BUCKET_BYTES)
            __builtin_prefetch(next + block.bytes - 1, 1);
        arena_free(arena, block.off, block.bytes);
    }
}

static void recycle_surplus(struct arena *arena)
{
    uint64_t keep = keep_bytes(arena), bytes = arena->quarantine_bytes, n = 0;
    struct arena_fifo_part *part = arena->first;
    uint32_t at = part->begin;
    while (part && n < FIFO_PART_BLOCKS && bytes - part->blocks[at].bytes >= keep) {
        bytes -= part->blocks[at].bytes;
        n++;
        if (++at == part->end) {
            part = part->next;
            at = part ? part->begin : 0;
        }
    }
    if (n > 0)
        recycle(arena, n);
}

/* Room for one more block in the FIFO; false when private memory is used up. */
static bool fifo_room(struct arena *arena)
{
    if (arena->last && arena->last->end < FIFO_PART_BLOCKS)
        return true;
    if (!arena->spare)
        arena->spare = malloc(sizeof *arena->spare);
    if (!arena->spare && !arena_drain(arena)) /* draining leaves a piece */
        return false;
    struct arena_fifo_part *part = arena->spare;
    arena->spare = NULL;
    part->next = NULL;
    part->begin = part->end = 0;
    if (arena->last)
        arena->last->next = part;
    else
        arena->first = part;
    arena->last = part;
    return true;
}

void arena_retire(struct arena *arena, uint64_t off, uint64_t bytes)
{
    struct stelei_header *header = arena->segment->header;
    uint64_t block = stelei_block_bytes(bytes, arena->segment->map.granule_shift);
    if (!fifo_room(arena)) {
        arena->lost_bytes += block; /* never given out again, so no reader can be misled */
        return;
    }
    STELE_POINT("arena.retire:before_count");
    /* release: whoever loads this number (acquire) sees the bump that hid the block */
    stelei_store64_release(&header->retired, stelei_load64(&header->retired) + 1);
    struct arena_fifo_part *part = arena->last;
    part->blocks[part->end].off = off;
    part->blocks[part->end++].bytes = block;
    arena->quarantine_blocks++;
    arena->quarantine_bytes += block;
    if (!arena->holding)
        recycle_surplus(arena);
}

void arena_retire_line(struct arena *arena, uint64_t off)
{
    if (arena->holding)
        arena_retire(arena, off, STELEI_BUCKET_BYTES); /* the sweep has not been there */
    else
        arena_free(arena, off, STELEI_BUCKET_BYTES);
}

bool arena_drain(struct arena *arena)
{
    if (arena->holding || arena->quarantine_blocks == 0)
        return false;
    recycle(arena, arena->quarantine_blocks);
    return true;
}

bool arena_drain_to(struct arena *arena, uint64_t recycled, uint32_t n)
{
    uint64_t now = stelei_load64(&arena->segment->header->recycled);
    if (arena->holding || now >= recycled)
        return false;
    if (n > recycled - now)
        n = (uint32_t)(recycled - now);
    if (n > 0)
        recycle(arena, n);
    return now + n < recycled;
}

bool arena_release(struct arena *arena, uint32_t blocks)
{
    stelei_nop_write();
    for (; arena->stale_blocks > 0 && blocks > 0; arena->stale_blocks--, blocks--) {
        struct arena_retired block = fifo_pop(arena);
        arena_free(arena, block.off, block.bytes);
    }
    arena->holding = arena->stale_blocks > 0;
    return arena->holding;
}
