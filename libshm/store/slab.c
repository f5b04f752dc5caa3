#include "slab.h"

#include <sys/mman.h>

struct slab {
    uint64_t *taken; /* one bit per block */
    uint32_t next;   /* in the list of slabs on offer, or of victims */
    uint32_t previous;
    uint16_t used;
    uint16_t capacity;
    uint16_t hint;  /* words of `taken` below it are full */
    uint16_t stuck; /* blocks that could not be moved out when it was a victim; 0: it may be one */
    uint8_t cls;    /* 0: no slab */
    uint8_t place;
};

/* ASIDE: full, or not offered yet. */
enum place { ASIDE, OFFERED, VICTIM };

/* Address space; the pages come, zeroed, as they are touched. */
static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

enum stele_status slabs_init(struct slabs *slabs, uint64_t segment_bytes)
{
    memset(slabs, 0, sizeof *slabs);
    slabs->count = (uint32_t)(segment_bytes >> STELEI_UNIT_SHIFT);
    slabs->slab = reserve(slabs->count * sizeof(struct slab));
    slabs->taken = reserve(slabs->count * SLAB_TAKEN_WORDS * 8);
    slabs->victim_map = reserve((slabs->count / 64 + 1) * 8);
    if (slabs->slab && slabs->taken && slabs->victim_map)
        return STELE_OK;
    slabs_fini(slabs);
    return STELE_ENOMEM;
}

void slabs_fini(struct slabs *slabs)
{
    if (slabs->slab)
        munmap(slabs->slab, slabs->count * sizeof(struct slab));
    if (slabs->taken)
        munmap(slabs->taken, slabs->count * SLAB_TAKEN_WORDS * 8);
    if (slabs->victim_map)
        munmap(slabs->victim_map, (slabs->count / 64 + 1) * 8);
    slabs->slab = NULL;
    slabs->taken = NULL;
    slabs->victim_map = NULL;
}

void slabs_add(struct slabs *slabs, uint32_t unit, unsigned cls)
{
    struct slab *slab = &slabs->slab[unit];
    uint32_t capacity = (uint32_t)(STELEI_UNIT_BYTES / stelei_class_bytes(cls));
    STELE_ASSERT(slab->cls == 0);
    slab->taken = slabs->taken + unit * SLAB_TAKEN_WORDS;
    memset(slab->taken, 0, (capacity + 63) / 64 * 8);
    slab->used = 0;
    slab->capacity = (uint16_t)capacity;
    slab->hint = 0;
    slab->stuck = 0;
    slab->cls = (uint8_t)cls;
    slab->place = ASIDE;
}

/* ---- lists --------------------------------------------------------------------------------- */

static void enlist(struct slabs *slabs, uint32_t unit, uint32_t *first)
{
    struct slab *slab = &slabs->slab[unit];
    slab->next = *first;
    slab->previous = 0;
    if (*first)
        slabs->slab[*first].previous = unit;
    *first = unit;
}

static void delist(struct slabs *slabs, uint32_t unit, uint32_t *first)
{
    struct slab *slab = &slabs->slab[unit];
    if (slab->next)
        slabs->slab[slab->next].previous = slab->previous;
    if (slab->previous)
        slabs->slab[slab->previous].next = slab->next;
    else
        *first = slab->next;
    slab->place = ASIDE;
}

/* The list of slabs on offer that a unit's slab belongs to. */
static uint32_t *list_of(struct slabs *slabs, uint32_t unit)
{
    unsigned cls = slabs->slab[unit].cls;
    return unit < slabs->fixed_units ? &slabs->fixed[cls] : &slabs->partial[cls];
}

static uint32_t free_of(const struct slab *slab)
{
    return (uint32_t)(slab->capacity - slab->used);
}

/* What is free in it counts as room for what is moved out of others of its class. */
static bool is_room(const struct slabs *slabs, const struct slab *slab)
{
    return slab->stuck == 0 && slab - slabs->slab >= (ptrdiff_t)slabs->fixed_units;
}

/* Adds a slab on offer to what its class has, or takes it out. */
static void count_room(struct slabs *slabs, const struct slab *slab, bool in)
{
    struct slabs_room *room = &slabs->room[slab->cls];
    if (!is_room(slabs, slab))
        return;
    room->free += in ? free_of(slab) : 0 - (uint64_t)free_of(slab);
    room->slabs += in ? 1 : UINT64_MAX;
}

void slabs_offer(struct slabs *slabs, uint32_t unit)
{
    struct slab *slab = &slabs->slab[unit];
    enlist(slabs, unit, list_of(slabs, unit));
    slab->place = OFFERED;
    count_room(slabs, slab, true);
}

static void withdraw(struct slabs *slabs, uint32_t unit)
{
    struct slab *slab = &slabs->slab[unit];
    delist(slabs, unit, list_of(slabs, unit));
    count_room(slabs, slab, false);
}

/* No victim any more; what is in it stays. */
static void release(struct slabs *slabs, uint32_t unit)
{
    struct slab *slab = &slabs->slab[unit];
    delist(slabs, unit, &slabs->victim[slab->cls]);
    slabs->room[slab->cls].leaving -= slab->used;
    slabs->victim_map[unit / 64] &= ~(UINT64_C(1) << unit % 64);
}

void slabs_remove(struct slabs *slabs, uint32_t unit)
{
    struct slab *slab = &slabs->slab[unit];
    STELE_ASSERT(slab->used == 0);
    if (slab->place == OFFERED)
        withdraw(slabs, unit);
    else if (slab->place == VICTIM)
        release(slabs, unit);
    memset(slab, 0, sizeof *slab);
}

/* ---- blocks -------------------------------------------------------------------------------- */

static uint64_t take_block(struct slabs *slabs, uint32_t unit)
{
    if (unit == 0)
        return 0;
    struct slab *slab = &slabs->slab[unit];
    unsigned word = slab->hint;
    while (~slab->taken[word] == 0)
        word++;
    unsigned bit = (unsigned)__builtin_ctzll(~slab->taken[word]);
    unsigned block = word * 64 + bit;
    STELE_ASSERT(block < slab->capacity);
    slab->taken[word] |= UINT64_C(1) << bit;
    slab->hint = (uint16_t)word;
    slab->used++;
    slabs->room[slab->cls].free -= is_room(slabs, slab);
    if (slab->used == slab->capacity)
        withdraw(slabs, unit);
    slabs->used_bytes += stelei_class_bytes(slab->cls);
    return ((uint64_t)unit << STELEI_UNIT_SHIFT) + (uint64_t)block * stelei_class_bytes(slab->cls);
}

uint64_t slabs_alloc(struct slabs *slabs, unsigned cls)
{
    return take_block(slabs, slabs->partial[cls]);
}

uint64_t slabs_alloc_fixed(struct slabs *slabs, unsigned cls)
{
    return take_block(slabs, slabs->fixed[cls]);
}

static unsigned block_of(const struct slab *slab, uint64_t off)
{
    return (unsigned)((off & (STELEI_UNIT_BYTES - 1)) / stelei_class_bytes(slab->cls));
}

bool slabs_free(struct slabs *slabs, uint64_t off)
{
    uint32_t unit = (uint32_t)(off >> STELEI_UNIT_SHIFT);
    struct slab *slab = &slabs->slab[unit];
    unsigned block = block_of(slab, off), word = block / 64;
    STELE_ASSERT(slab->taken[word] >> block % 64 & 1);
    slab->taken[word] &= ~(UINT64_C(1) << block % 64);
    if (word < slab->hint)
        slab->hint = (uint16_t)word;
    slabs->used_bytes -= stelei_class_bytes(slab->cls);
    slab->used--;
    if (slab->place == OFFERED)
        slabs->room[slab->cls].free += is_room(slabs, slab);
    else if (slab->place == VICTIM)
        slabs->room[slab->cls].leaving--;
    else
        slabs_offer(slabs, unit);
    if (STELEI_UNLIKELY(slab->used < slab->stuck)) {
        slab->stuck = 0;
        count_room(slabs, slab, true);
    }
    return slab->used == 0;
}

bool slabs_is_block(const struct slabs *slabs, uint64_t off, unsigned cls)
{
    const struct slab *slab = &slabs->slab[off >> STELEI_UNIT_SHIFT];
    uint64_t inner = off & (STELEI_UNIT_BYTES - 1);
    return slab->cls == cls && inner % stelei_class_bytes(cls) == 0 &&
           inner / stelei_class_bytes(cls) < slab->capacity;
}

bool slabs_mark(struct slabs *slabs, uint64_t off)
{
    struct slab *slab = &slabs->slab[off >> STELEI_UNIT_SHIFT];
    unsigned block = block_of(slab, off);
    uint64_t bit = UINT64_C(1) << block % 64;
    if (slab->taken[block / 64] & bit)
        return false;
    slab->taken[block / 64] |= bit;
    slab->used++;
    slabs->used_bytes += stelei_class_bytes(slab->cls);
    return true;
}

void slabs_unmark(struct slabs *slabs, uint64_t off)
{
    struct slab *slab = &slabs->slab[off >> STELEI_UNIT_SHIFT];
    unsigned block = block_of(slab, off);
    slab->taken[block / 64] &= ~(UINT64_C(1) << block % 64);
    slab->used--;
    slabs->used_bytes -= stelei_class_bytes(slab->cls);
}

bool slabs_taken(const struct slabs *slabs, uint64_t off)
{
    const struct slab *slab = &slabs->slab[off >> STELEI_UNIT_SHIFT];
    unsigned block = block_of(slab, off);
    return slab->taken[block / 64] >> block % 64 & 1;
}

unsigned slabs_class(const struct slabs *slabs, uint32_t unit)
{
    return slabs->slab[unit].cls;
}

uint32_t slabs_used(const struct slabs *slabs, uint32_t unit)
{
    return slabs->slab[unit].used;
}

bool slabs_full(const struct slabs *slabs, uint32_t unit)
{
    return slabs->slab[unit].used == slabs->slab[unit].capacity;
}

bool slabs_spare(const struct slabs *slabs, uint32_t unit)
{
    return slabs->slab[unit].place == OFFERED && slabs->slab[unit].used == 0;
}

bool slabs_alone(const struct slabs *slabs, uint32_t unit)
{
    const struct slab *slab = &slabs->slab[unit];
    return slab->place == OFFERED && slab->next == 0 && slab->previous == 0;
}

/* ---- slabs being emptied -------------------------------------------------------------------- */

uint64_t slabs_sparse(const struct slabs *slabs)
{
    uint64_t units = 0;
    for (unsigned cls = 1; cls <= STELEI_CLASS_COUNT; cls++)
        units += slabs->room[cls].free / (STELEI_UNIT_BYTES / stelei_class_bytes(cls));
    return units;
}

uint64_t slabs_room(const struct slabs *slabs)
{
    uint64_t bytes = 0;
    for (unsigned cls = 1; cls <= STELEI_CLASS_COUNT; cls++)
        bytes += slabs->room[cls].free * stelei_class_bytes(cls);
    return bytes;
}

bool slabs_worth_emptying(const struct slabs *slabs, uint32_t unit)
{
    const struct slab *slab = &slabs->slab[unit];
    const struct slabs_room *room = &slabs->room[slab->cls];
    uint32_t room_in_it = free_of(slab);
    return slab->place == OFFERED && is_room(slabs, slab) && slab->used > 0 &&
           2 * room_in_it * room->slabs >= room->free &&
           room->leaving + slab->used <= room->free - room_in_it;
}

void slabs_choose(struct slabs *slabs, uint32_t unit)
{
    struct slab *slab = &slabs->slab[unit];
    withdraw(slabs, unit);
    enlist(slabs, unit, &slabs->victim[slab->cls]);
    slab->place = VICTIM;
    slabs->room[slab->cls].leaving += slab->used;
    slabs->victim_map[unit / 64] |= UINT64_C(1) << unit % 64;
}

bool slabs_restore(struct slabs *slabs, unsigned cls, bool stuck)
{
    uint32_t unit = slabs->victim[cls];
    if (unit == 0)
        return false;
    release(slabs, unit);
    slabs->slab[unit].stuck = stuck ? slabs->slab[unit].used : 0;
    slabs_offer(slabs, unit);
    return true;
}

/* ---- checks --------------------------------------------------------------------------------- */

/* Adds up the slabs of one list of a class. False: one of them does not belong there. */
static bool check_list(const struct slabs *slabs, unsigned cls, uint32_t unit, enum place place,
                       struct slabs_room *found)
{
    uint32_t previous = 0;
    for (; unit; previous = unit, unit = slabs->slab[unit].next) {
        const struct slab *slab = &slabs->slab[unit];
        bool victim = slabs_victim(slabs, (uint64_t)unit << STELEI_UNIT_SHIFT);
        if (slab->cls != cls || slab->place != place || slab->previous != previous ||
            slab->used == slab->capacity || victim != (place == VICTIM))
            return false;
        if (place == VICTIM)
            found->leaving += slab->used;
        else if (is_room(slabs, slab)) {
            found->free += free_of(slab);
            found->slabs++;
        }
    }
    return true;
}

const char *slabs_check(const struct slabs *slabs, uint32_t units)
{
    for (uint32_t unit = 0; unit < units; unit++) {
        const struct slab *slab = &slabs->slab[unit];
        if (slab->cls != 0 && (slab->place == ASIDE) != (slab->used == slab->capacity))
            return "a slab with room is neither on offer nor being emptied";
        if (slab->stuck > slab->used)
            return "a slab is stuck though one of the blocks that stayed in it has gone";
    }
    for (unsigned cls = 1; cls <= STELEI_CLASS_COUNT; cls++) {
        struct slabs_room found = {0, 0, 0};
        if (!check_list(slabs, cls, slabs->partial[cls], OFFERED, &found) ||
            !check_list(slabs, cls, slabs->fixed[cls], OFFERED, &found))
            return "a slab on offer is full, or in the wrong list";
        if (!check_list(slabs, cls, slabs->victim[cls], VICTIM, &found))
            return "a slab being emptied is full, or in the wrong list";
        if (memcmp(&found, &slabs->room[cls], sizeof found) != 0)
            return "the room of a class does not add up";
    }
    return NULL;
}
