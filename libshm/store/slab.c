#include "slab.h"

#include <sys/mman.h>

struct slab {
    uint64_t *taken; /* one bit per block */
    uint32_t next;   /* in the list of slabs on offer */
    uint32_t previous;
    uint16_t used;
    uint16_t capacity;
    uint16_t hint; /* words of `taken` below it are full */
    uint8_t cls;   /* 0: no slab */
    bool offered;
};

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
    if (slabs->slab && slabs->taken)
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
    slabs->slab = NULL;
    slabs->taken = NULL;
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
    slab->cls = (uint8_t)cls;
    slab->offered = false;
}

void slabs_offer(struct slabs *slabs, uint32_t unit)
{
    struct slab *slab = &slabs->slab[unit];
    uint32_t head = slabs->partial[slab->cls];
    slab->next = head;
    slab->previous = 0;
    slab->offered = true;
    if (head)
        slabs->slab[head].previous = unit;
    slabs->partial[slab->cls] = unit;
}

static void withdraw(struct slabs *slabs, uint32_t unit)
{
    struct slab *slab = &slabs->slab[unit];
    if (slab->next)
        slabs->slab[slab->next].previous = slab->previous;
    if (slab->previous)
        slabs->slab[slab->previous].next = slab->next;
    else
        slabs->partial[slab->cls] = slab->next;
    slab->offered = false;
}

void slabs_remove(struct slabs *slabs, uint32_t unit)
{
    struct slab *slab = &slabs->slab[unit];
    STELE_ASSERT(slab->used == 0);
    if (slab->offered)
        withdraw(slabs, unit);
    memset(slab, 0, sizeof *slab);
}

uint64_t slabs_alloc(struct slabs *slabs, unsigned cls)
{
    uint32_t unit = slabs->partial[cls];
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
    if (++slab->used == slab->capacity)
        withdraw(slabs, unit);
    slabs->used_bytes += stelei_class_bytes(cls);
    return ((uint64_t)unit << STELEI_UNIT_SHIFT) + (uint64_t)block * stelei_class_bytes(cls);
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
    if (slab->used-- == slab->capacity)
        slabs_offer(slabs, unit);
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

bool slabs_alone(const struct slabs *slabs, uint32_t unit)
{
    const struct slab *slab = &slabs->slab[unit];
    return slab->offered && slab->next == 0 && slab->previous == 0;
}
