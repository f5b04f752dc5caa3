/*
 * slab.h - equal blocks inside 64 KiB units: which are taken. Private memory of the writer; never
 * touches the segment. Rebuilt by adoption, whose marking uses the same bits.
 */
#ifndef STORE_SLAB_H
#define STORE_SLAB_H

#include <stele/detail/format.h>
#include <stele/status.h>

struct slab; /* one per unit of the segment, in memory reserved and touched on demand */

/* One bit for each of the smallest blocks in a unit. */
#define SLAB_TAKEN_WORDS (STELEI_UNIT_BYTES / 16 / 64)

struct slabs {
    struct slab *slab;
    /* SLAB_TAKEN_WORDS a unit, reserved like the above: adding a slab cannot fail */
    uint64_t *taken;
    uint32_t count;                           /* units of the segment */
    uint32_t partial[STELEI_CLASS_COUNT + 1]; /* first unit with room, per class; 0 = none */
    uint64_t used_bytes;                      /* in taken blocks */
};

enum stele_status slabs_init(struct slabs *slabs, uint64_t segment_bytes);
void slabs_fini(struct slabs *slabs);

/* Makes a unit a slab, empty and not yet on offer. */
void slabs_add(struct slabs *slabs, uint32_t unit, unsigned cls);
/* Puts a slab that has room on offer. */
void slabs_offer(struct slabs *slabs, uint32_t unit);
/* Forgets an empty slab; its pages are the caller's again. */
void slabs_remove(struct slabs *slabs, uint32_t unit);

/* Offset of a block of the class, or 0 when no slab on offer has room. */
uint64_t slabs_alloc(struct slabs *slabs, unsigned cls);

/* Gives a block back. True: the slab is empty now, the caller may remove it. */
bool slabs_free(struct slabs *slabs, uint64_t off);

/* True if `off` is the start of a block of this class in a known slab. */
bool slabs_is_block(const struct slabs *slabs, uint64_t off, unsigned cls);
/* Adoption: takes the block at `off`; false if it was taken already. */
bool slabs_mark(struct slabs *slabs, uint64_t off);
bool slabs_taken(const struct slabs *slabs, uint64_t off);

/* 0 when the unit is no slab. */
unsigned slabs_class(const struct slabs *slabs, uint32_t unit);
uint32_t slabs_used(const struct slabs *slabs, uint32_t unit);
bool slabs_full(const struct slabs *slabs, uint32_t unit);
/* The only slab on offer in its class. */
bool slabs_alone(const struct slabs *slabs, uint32_t unit);

#endif
