#include "arena.h"

#define UNIT_PAGES  ((uint32_t)(STELEI_UNIT_BYTES / STELEI_PAGE_BYTES))
#define CHUNK_PAGES ((uint32_t)(STELEI_CHUNK_BYTES / STELEI_PAGE_BYTES))
#define CHUNK_UNITS ((uint32_t)(STELEI_CHUNK_BYTES / STELEI_UNIT_BYTES))

/* For blocks that stay: enough for those of 60,000 entries. The first chunk has room for others, so that
 * a small store needs no second. */
#define FIXED_PAGES        (CHUNK_PAGES / 2)
#define FIXED_LEAST_LENGTH (UINT64_C(32) << 20) /* below, slabs of their own would be too dear */

/*
 * Sparse slabs are emptied when the free pages are down to 1/32 and packing would give 1/16 of what
 * is committed. (Measured, 1 M entries, ten rounds of overwriting by new sizes: see README.)
 */
#define PRESSED_FREE_FRACTION   32u
#define PRESSED_SPARSE_FRACTION 16u
#define PACKING_FRACTION        64u
#define PACKING_QUICK_BYTES     (UINT64_C(256) << 20) /* a pass takes a few milliseconds at most */

static uint64_t committed(const struct arena *arena)
{
    return stelei_load64(&arena->segment->header->committed);
}

static uint32_t page_at(uint64_t off)
{
    return (uint32_t)(off >> STELEI_PAGE_SHIFT);
}

/* Whole units behind the tables. */
static uint32_t fixed_end(const struct segment *segment)
{
    bool any = segment->map.length >= FIXED_LEAST_LENGTH;
    return any ? page_at(segment->header->data_off) + FIXED_PAGES : 0;
}

enum stele_status arena_init(struct arena *arena, struct segment *segment)
{
    memset(arena, 0, sizeof *arena);
    arena->segment = segment;
    arena->classes = segment->base + segment->header->classes_off;
    uint64_t pages = segment->map.length >> STELEI_PAGE_SHIFT;
    arena->reserve_pages = pages / 64 > CHUNK_PAGES ? pages / 64 : CHUNK_PAGES;
    enum stele_status status = pages_init(&arena->pages, segment->map.length);
    arena->fixed_end = fixed_end(segment);
    if (status == STELE_OK && arena->fixed_end > 0)
        status = pages_init(&arena->fixed_pages, (uint64_t)arena->fixed_end * STELEI_PAGE_BYTES);
    if (status == STELE_OK)
        status = slabs_init(&arena->slabs, segment->map.length);
    if (status != STELE_OK) {
        arena_fini(arena);
        return status;
    }
    arena->slabs.fixed_units = arena->fixed_end / UNIT_PAGES;
    if (!segment->adopted) { /* else nothing is free before the pass has told what is taken */
        uint32_t first = page_at(segment->header->data_off);
        arena_give_pages(arena, first, page_at(committed(arena)) - first);
    }
    arena->holding = segment->adopted;
    return STELE_OK;
}

void arena_fini(struct arena *arena)
{
    arena_quarantine_fini(arena);
    slabs_fini(&arena->slabs);
    pages_fini(&arena->fixed_pages);
    pages_fini(&arena->pages);
}

/* ---- pages -------------------------------------------------------------------------------- */

void arena_give_pages(struct arena *arena, uint32_t first, uint32_t n)
{
    uint32_t end = first + n;
    uint32_t middle = arena->fixed_end < end ? arena->fixed_end : end;
    if (first < middle)
        pages_free(&arena->fixed_pages, first, middle - first);
    else
        middle = first;
    if (middle < end)
        pages_free(&arena->pages, middle, end - middle);
}

uint64_t arena_free_pages(const struct arena *arena)
{
    return arena->pages.free_pages + arena->fixed_pages.free_pages;
}

/* Free pages, and those that are not committed yet. */
static uint64_t pages_left(const struct arena *arena)
{
    return arena_free_pages(arena) + page_at(arena->segment->map.length) -
           page_at(committed(arena));
}

static bool reserve_left(const struct arena *arena, uint64_t n, enum arena_purpose purpose)
{
    uint64_t left = pages_left(arena), reserve = arena->reserve_pages;
    if (purpose == ARENA_RESERVE || left >= n + reserve)
        return true;
    return purpose == ARENA_SLAB && left >= n + reserve / 2 &&
           left + page_at(slabs_room(&arena->slabs)) >= n + reserve;
}

static void give_up_slab(struct arena *arena, uint32_t unit)
{
    slabs_remove(&arena->slabs, unit);
    arena->classes[unit] = STELEI_CLASS_FREE;
    arena_give_pages(arena, unit * UNIT_PAGES, UNIT_PAGES);
}

/* Memory is short: gives up the empty slabs that their classes kept. False: there was none. */
static bool give_up_spares(struct arena *arena)
{
    bool any = false;
    for (unsigned i = 2; i < 2 * (STELEI_CLASS_COUNT + 1); i++) {
        uint32_t unit = i % 2 ? arena->slabs.partial[i / 2] : arena->slabs.fixed[i / 2];
        if (!slabs_spare(&arena->slabs, unit))
            continue;
        give_up_slab(arena, unit);
        any = true;
    }
    return any;
}

/*
 * An ordinary write takes a new chunk only when the one after it is populated too: on a full tmpfs
 * what the maximum promises does not exist, and that chunk is the reserve.
 */
static enum stele_status commit_chunk(struct arena *arena, enum arena_purpose purpose)
{
    enum stele_status status = STELE_OK;
    uint64_t end = committed(arena), upto = end + 2 * STELEI_CHUNK_BYTES;
    if (purpose != ARENA_RESERVE && upto <= arena->segment->map.length)
        status = segment_populate_now(arena->segment, upto);
    if (status == STELE_OK)
        status = segment_commit(arena->segment);
    if (status == STELE_OK)
        arena_give_pages(arena, page_at(end), CHUNK_PAGES);
    return status;
}

/* Free pages that an ordinary write can have without another chunk. */
static uint64_t pages_at_hand(const struct arena *arena)
{
    uint64_t left = pages_left(arena), reserve = arena->reserve_pages;
    uint64_t beyond = left > reserve ? left - reserve : 0;
    return beyond < arena->pages.free_pages ? beyond : arena->pages.free_pages;
}

/* Growth alone never comes here with sparse slabs: each class has one with room, at most. */
static void feel_pressure(struct arena *arena)
{
    uint64_t all = page_at(committed(arena));
    uint64_t sparse = slabs_sparse(&arena->slabs) * UNIT_PAGES;
    bool borrowed = pages_left(arena) < arena->reserve_pages; /* to be given back soon */
    arena->pressed = !arena->holding && pages_at_hand(arena) < all / PRESSED_FREE_FRACTION &&
                     (sparse >= all / PRESSED_SPARSE_FRACTION || (borrowed && sparse > 0));
}

/* 0: *status says why. */
static uint32_t take_or_commit(struct arena *arena, uint32_t n, uint32_t align,
                               enum arena_purpose purpose, enum stele_status *status)
{
    *status = STELE_ENOSPC;
    while (reserve_left(arena, n, purpose)) {
        uint32_t first = pages_alloc(&arena->pages, n, align);
        if (first)
            return first;
        *status = commit_chunk(arena, purpose);
        if (*status != STELE_OK)
            return 0;
        *status = STELE_ENOSPC; /* what follows if it took the last of the reserve */
    }
    return 0;
}

/* Whether the pages for what never moves may go to other blocks: to those that must go on; and a few of
 * them to a slab, on a full tmpfs, where this is all that is left, while other slabs have room. */
static bool may_take_fixed(const struct arena *arena, enum arena_purpose purpose)
{
    if (purpose == ARENA_SLAB)
        return arena->fixed_pages.free_pages > FIXED_PAGES / 2 &&
               slabs_room(&arena->slabs) >= STELEI_UNIT_BYTES;
    return purpose == ARENA_RESERVE;
}

static uint32_t take_pages(struct arena *arena, uint32_t n, uint32_t align,
                           enum arena_purpose purpose, enum stele_status *status)
{
    uint32_t first = take_or_commit(arena, n, align, purpose, status);
    if (first == 0) {
        bool drained = arena_drain(arena);
        if (give_up_spares(arena) || drained)
            first = take_or_commit(arena, n, align, purpose, status);
    }
    if (first == 0 && may_take_fixed(arena, purpose))
        first = pages_alloc(&arena->fixed_pages, n, align);
    if (first)
        feel_pressure(arena);
    return first;
}

static void set_classes(struct arena *arena, uint64_t off, uint64_t bytes, unsigned cls)
{
    uint64_t unit = off >> STELEI_UNIT_SHIFT;
    uint64_t last = (off + bytes - 1) >> STELEI_UNIT_SHIFT;
    memset(arena->classes + unit, (int)cls, last - unit + 1);
}

static uint64_t make_run(struct arena *arena, uint32_t first, uint64_t bytes, unsigned cls)
{
    uint64_t off = (uint64_t)first << STELEI_PAGE_SHIFT;
    set_classes(arena, off, bytes, cls);
    arena->run_bytes += bytes;
    return off;
}

static uint64_t alloc_run(struct arena *arena, uint64_t bytes, uint32_t align, unsigned cls,
                          enum arena_purpose purpose, enum stele_status *status)
{
    uint32_t first = take_pages(arena, page_at(bytes), align, purpose, status);
    return first ? make_run(arena, first, bytes, cls) : 0;
}

static void make_slab(struct arena *arena, uint32_t first, unsigned cls)
{
    uint32_t unit = first / UNIT_PAGES;
    slabs_add(&arena->slabs, unit, cls);
    arena->classes[unit] = (uint8_t)cls;
    slabs_offer(&arena->slabs, unit);
}

static bool add_slab(struct arena *arena, unsigned cls, enum arena_purpose purpose,
                     enum stele_status *status)
{
    uint32_t first = take_pages(arena, UNIT_PAGES, UNIT_PAGES,
                                purpose == ARENA_ORDINARY ? ARENA_SLAB : purpose, status);
    if (first)
        make_slab(arena, first, cls);
    return first != 0;
}

/* ---- blocks ------------------------------------------------------------------------------- */

uint64_t arena_alloc(struct arena *arena, uint64_t bytes, enum arena_purpose purpose,
                     enum stele_status *status)
{
    uint64_t block = stelei_block_bytes(bytes, arena->segment->map.granule_shift);
    if (block > STELEI_SLAB_MAX_BYTES)
        return alloc_run(arena, block, 1, STELEI_CLASS_RUN, purpose, status);
    unsigned cls = stelei_class_of(block);
    uint64_t off = slabs_alloc(&arena->slabs, cls);
    if (off == 0 && add_slab(arena, cls, purpose, status))
        off = slabs_alloc(&arena->slabs, cls);
    if (off == 0) /* the drain that add_slab ended with may have made room */
        off = slabs_alloc(&arena->slabs, cls);
    if (off == 0 && slabs_restore(&arena->slabs, cls, false)) /* so have slabs being emptied */
        off = slabs_alloc(&arena->slabs, cls);
    if (off == 0) /* and the last that add_slab found was where nothing moves */
        off = slabs_alloc_fixed(&arena->slabs, cls);
    return off;
}

uint64_t arena_alloc_fixed(struct arena *arena, uint64_t bytes, enum arena_purpose purpose,
                           enum stele_status *status)
{
    uint64_t block = stelei_block_bytes(bytes, arena->segment->map.granule_shift), off = 0;
    bool run = block > STELEI_SLAB_MAX_BYTES;
    uint32_t n = run ? page_at(block) : UNIT_PAGES, first = 0;
    unsigned cls = run ? STELEI_CLASS_RUN : stelei_class_of(block);
    if (!run)
        off = slabs_alloc_fixed(&arena->slabs, cls);
    if (off == 0 && reserve_left(arena, n, purpose))
        first = pages_alloc(&arena->fixed_pages, n, run ? 1 : n);
    if (first && run)
        return make_run(arena, first, block, cls);
    if (first) {
        make_slab(arena, first, cls);
        off = slabs_alloc_fixed(&arena->slabs, cls);
    }
    return off ? off : arena_alloc(arena, bytes, purpose, status);
}

uint64_t arena_alloc_chunk(struct arena *arena, enum stele_status *status)
{
    return alloc_run(arena, STELEI_CHUNK_BYTES, CHUNK_PAGES, STELEI_CLASS_INDEX, ARENA_ORDINARY,
                     status);
}

void arena_free(struct arena *arena, uint64_t off, uint64_t bytes)
{
    uint64_t block = stelei_block_bytes(bytes, arena->segment->map.granule_shift);
    arena->freed_bytes += block;
    if (block > STELEI_SLAB_MAX_BYTES) {
        arena->run_bytes -= block;
        arena_give_pages(arena, page_at(off), page_at(block));
        return;
    }
    if (!slabs_free(&arena->slabs, off))
        return;
    /* the only slab on offer stays: the next allocation of its class is likely near */
    uint32_t unit = (uint32_t)(off >> STELEI_UNIT_SHIFT);
    if (!slabs_alone(&arena->slabs, unit))
        give_up_slab(arena, unit);
}

/* ---- slabs being emptied -------------------------------------------------------------------- */

uint64_t arena_sparse_bytes(const struct arena *arena)
{
    return slabs_sparse(&arena->slabs) * STELEI_UNIT_BYTES;
}

bool arena_worth_packing(struct arena *arena)
{
    uint64_t all = committed(arena), least = all / PACKING_FRACTION;
    uint64_t sparse = arena_sparse_bytes(arena);
    bool enough = sparse >= least || (sparse > 0 && all <= PACKING_QUICK_BYTES);
    if (arena->holding || !enough || arena->freed_bytes - arena->packed_freed < least)
        return false;
    arena->packed_freed = arena->freed_bytes;
    return true;
}

bool arena_choose(struct arena *arena, uint32_t unit)
{
    bool worth = slabs_worth_emptying(&arena->slabs, unit);
    if (worth)
        slabs_choose(&arena->slabs, unit);
    else if (slabs_spare(&arena->slabs, unit))
        give_up_slab(arena, unit);
    return worth;
}

uint64_t arena_alloc_moved(struct arena *arena, uint64_t bytes)
{
    uint64_t block = stelei_block_bytes(bytes, arena->segment->map.granule_shift);
    return slabs_alloc(&arena->slabs, stelei_class_of(block));
}

/* ---- statistics and checks ---------------------------------------------------------------- */

uint64_t arena_used_bytes(const struct arena *arena)
{
    return arena->slabs.used_bytes + arena->run_bytes - arena->quarantine_bytes - arena->lost_bytes;
}

uint64_t arena_free_bytes(const struct arena *arena)
{
    return committed(arena) - arena->segment->header->data_off - arena->slabs.used_bytes -
           arena->run_bytes;
}

bool arena_is_taken(const struct arena *arena, uint64_t off, uint64_t bytes)
{
    uint64_t block = stelei_block_bytes(bytes, arena->segment->map.granule_shift);
    if (off < arena->segment->header->data_off || off + block > committed(arena))
        return false;
    if (block <= STELEI_SLAB_MAX_BYTES)
        return slabs_is_block(&arena->slabs, off, stelei_class_of(block)) &&
               slabs_taken(&arena->slabs, off);
    if (off % STELEI_PAGE_BYTES)
        return false;
    for (uint64_t at = off; at < off + block; at += STELEI_PAGE_BYTES)
        if (slabs_class(&arena->slabs, (uint32_t)(at >> STELEI_UNIT_SHIFT)) != 0)
            return false;
    return true;
}

const char *arena_check(const struct arena *arena)
{
    uint64_t free_pages, slab_pages = 0, slab_used = 0;
    uint64_t fixed_pages;
    if (!pages_check(&arena->pages, &free_pages) ||
        !pages_check(&arena->fixed_pages, &fixed_pages))
        return "a list of free pages does not agree with its runs";
    free_pages += fixed_pages;
    uint32_t units = (uint32_t)(committed(arena) >> STELEI_UNIT_SHIFT);
    for (uint32_t unit = 0; unit < units; unit++) {
        unsigned cls = slabs_class(&arena->slabs, unit);
        if (cls == 0)
            continue;
        if (arena->classes[unit] != cls)
            return "a unit's class in the segment differs from the writer's";
        slab_pages += UNIT_PAGES;
        slab_used += (uint64_t)slabs_used(&arena->slabs, unit) * stelei_class_bytes(cls);
    }
    if (slab_used != arena->slabs.used_bytes)
        return "taken blocks of the slabs do not add up";
    const char *broken = arena->holding ? NULL : slabs_check(&arena->slabs, units);
    if (broken)
        return broken;
    uint64_t capacity = page_at(committed(arena)) - page_at(arena->segment->header->data_off);
    if (free_pages + slab_pages + page_at(arena->run_bytes) != capacity)
        return "used + free != capacity (pages)";
    const struct stelei_header *header = arena->segment->header;
    if (stelei_load64(&header->recycled) + arena->quarantine_blocks - arena->stale_blocks !=
        stelei_load64(&header->retired))
        return "recycled + quarantine != retired";
    return NULL;
}
