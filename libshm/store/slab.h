/*
 * slab.h - equal blocks inside 64 KiB units: which are taken. Private memory of the writer; never
 * touches the segment. Rebuilt by adoption, whose marking uses the same bits.
 *
 * A slab that has room is either on offer (blocks are given out from it) or a victim: it is being
 * emptied, so that another class can have its unit, and nothing is given out from it. One that could
 * not be emptied is on offer again but `stuck`: it is no victim again before one of the blocks that
 * stayed in it has gone.
 *
 * Slabs in the units below `fixed_units` are for blocks that never move. They stand in lists of their
 * own, are never victims and count as no room.
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
    uint64_t *victim_map;                     /* one bit a unit, reserved likewise */
    uint32_t count;                           /* units of the segment */
    uint32_t fixed_units;                     /* set by the owner before the first slab */
    uint32_t partial[STELEI_CLASS_COUNT + 1]; /* first unit with room, per class; 0 = none */
    uint32_t fixed[STELEI_CLASS_COUNT + 1];   /* likewise, of those for blocks that never move */
    uint32_t victim[STELEI_CLASS_COUNT + 1];  /* first victim, per class; 0 = none */
    uint64_t used_bytes;                      /* in taken blocks */
    struct slabs_room {
        uint64_t free;    /* blocks, in slabs on offer that are not stuck */
        uint64_t slabs;   /* how many those are */
        uint64_t leaving; /* taken blocks in victims; each finds a place in `free` */
    } room[STELEI_CLASS_COUNT + 1];
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
/* The same out of a slab for blocks that never move. */
uint64_t slabs_alloc_fixed(struct slabs *slabs, unsigned cls);

/* Gives a block back. True: the slab is empty now, the caller may remove it. */
bool slabs_free(struct slabs *slabs, uint64_t off);

/* True if `off` is the start of a block of this class in a known slab. */
bool slabs_is_block(const struct slabs *slabs, uint64_t off, unsigned cls);
/* Adoption: takes the block at `off`; false if it was taken already. */
bool slabs_mark(struct slabs *slabs, uint64_t off);
/* Adoption: as if slabs_mark() had not been called. */
void slabs_unmark(struct slabs *slabs, uint64_t off);
bool slabs_taken(const struct slabs *slabs, uint64_t off);

/* ---- slabs being emptied -------------------------------------------------------------------- */

/* How many units would become free if all blocks of a class stood in as few slabs as possible. */
uint64_t slabs_sparse(const struct slabs *slabs);

/* Bytes that are free in slabs on offer that are not stuck. */
uint64_t slabs_room(const struct slabs *slabs);

/*
 * True for a slab that is worth emptying: on offer, not empty, not stuck, with at least half as much
 * room as the average of its class, and the others of its class have room for what stands in it.
 */
bool slabs_worth_emptying(const struct slabs *slabs, uint32_t unit);
/* Takes a slab off offer and makes it a victim. */
void slabs_choose(struct slabs *slabs, uint32_t unit);
/* Puts a victim of the class on offer again; `stuck`: it could not be emptied. False: none is left. */
bool slabs_restore(struct slabs *slabs, unsigned cls, bool stuck);

STELEI_INLINE bool slabs_victim(const struct slabs *slabs, uint64_t off)
{
    uint64_t unit = off >> STELEI_UNIT_SHIFT;
    return slabs->victim_map[unit / 64] >> unit % 64 & 1;
}

/* ---- looking -------------------------------------------------------------------------------- */

/* 0 when the unit is no slab. */
unsigned slabs_class(const struct slabs *slabs, uint32_t unit);
uint32_t slabs_used(const struct slabs *slabs, uint32_t unit);
bool slabs_full(const struct slabs *slabs, uint32_t unit);
/* On offer and empty: kept for the next allocation of its class. */
bool slabs_spare(const struct slabs *slabs, uint32_t unit);
/* The only slab on offer in its list. */
bool slabs_alone(const struct slabs *slabs, uint32_t unit);

/* For verify: the counts agree with the first `units` slabs, and one that has room is on offer or a
 * victim. NULL, or what is broken. */
const char *slabs_check(const struct slabs *slabs, uint32_t units);

#endif
