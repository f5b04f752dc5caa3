/*
 * arena.h - blocks of the segment: allocated, retired, kept in quarantine, given out again. Knows
 * slabs and pages, not what stands in a block. Called by the writer only.
 *
 * A block's life: arena_alloc() -> filled and published -> hidden, head's version bumped ->
 * arena_retire() -> quarantine (FIFO) -> free. arena_free() is for blocks that never were
 * published.
 *
 * The quarantine clock (header: retired, recycled) lets readers of large values and views know that
 * the bytes they read were not given out again, however often the key was overwritten meanwhile:
 *   retire   the caller's bump (release), then retired+1 (release)
 *   recycle  recycled+n (release), nop_write, and only then may the blocks be overwritten
 * One FIFO for all blocks, so that "recycled <= a number loaded from retired" speaks of each block
 * that was live when the number was loaded. recycled + blocks in quarantine == retired, but for the
 * `stale_blocks` that were retired before an adoption restarted the clock.
 *
 * Slabs whose blocks were given back one here, one there, hold memory that no other class can have.
 * arena_pressed() says when that is worth doing something about; evacuate.h does it.
 */
#ifndef STORE_ARENA_H
#define STORE_ARENA_H

#include "pages.h"
#include "segment.h"
#include "slab.h"

/* Ordinary writes leave 1/64 of the segment (at least a chunk) for those that must go on. */
enum arena_purpose {
    ARENA_ORDINARY,
    ARENA_SLAB,   /* the arena's own: a slab for an ordinary block */
    ARENA_RESERVE /* splits, replacing a value by one no larger, clearing */
};

struct arena_retired {
    uint64_t off;
    uint64_t bytes; /* of the block */
};

struct arena_fifo_part; /* a piece of the quarantine */

struct arena {
    struct segment *segment;
    struct pages pages;
    struct pages fixed_pages; /* those below fixed_end, see arena_alloc_fixed() */
    uint32_t fixed_end;
    struct slabs slabs;
    uint8_t *classes; /* in the segment: class of each unit */
    uint64_t reserve_pages;
    uint64_t run_bytes; /* in taken runs of pages */

    struct arena_fifo_part *first, *last; /* the quarantine */
    struct arena_fifo_part *spare;        /* an empty piece, kept */
    /* retired when no private memory was left to remember it; free again after an adoption */
    uint64_t lost_bytes;
    uint64_t freed_bytes;  /* in all, since the start */
    uint64_t packed_freed; /* the same when slabs were last packed for a write that waited */
    uint64_t quarantine_blocks;
    uint64_t stale_blocks; /* the first of them: the clock was moved past their numbers already */
    uint64_t quarantine_bytes;
    uint64_t
        quarantine_keep; /* bytes below which nothing is given out again; 0: 1/32 of committed */

    bool holding; /* adoption: nothing retired is given out again until the pass is over */
    bool pressed; /* free pages run out while sparse slabs hold many: set where pages are taken */
};

enum stele_status arena_init(struct arena *arena, struct segment *segment);
void arena_fini(struct arena *arena);
void arena_quarantine_fini(struct arena *arena); /* the part of it that is quarantine.c's */

/*
 * A block of at least `bytes` bytes: 8-byte aligned, or 64 where `bytes` is a multiple of 64 and a
 * power of two, or page-aligned above 8 KiB. Returns 0 with *status STELE_ENOSPC or STELE_ENOMEM.
 * The contents are whatever stood there: call stelei_nop_write() before the first store.
 *
 * An ordinary block that needs a slab of its own may have half of the reserve, as long as what is free
 * in the slabs of all classes comes to as much: what was given back in one class lets in what is of
 * another before any slab is packed.
 */
uint64_t arena_alloc(struct arena *arena, uint64_t bytes, enum arena_purpose purpose,
                     enum stele_status *status);

/*
 * The same for blocks that stay where they are for as long as their table lives: roots, directories,
 * small blocks of buckets. Between the records they would cut what is free into short runs when these
 * have gone. So they have the first MiB behind the tables, in a segment of 32 MiB or more; other
 * blocks are put there only as the last of the reserve. Where it is full, they stand anywhere.
 */
uint64_t arena_alloc_fixed(struct arena *arena, uint64_t bytes, enum arena_purpose purpose,
                           enum stele_status *status);

/* Bucket memory: a whole chunk at a multiple of 2 MiB. Ordinary: growth can wait. */
uint64_t arena_alloc_chunk(struct arena *arena, enum stele_status *status);

/* Gives back a block that was never published. */
void arena_free(struct arena *arena, uint64_t off, uint64_t bytes);

/* Hands over a block that readers may still be looking at; the head's version moved before. */
void arena_retire(struct arena *arena, uint64_t off, uint64_t bytes);

/*
 * The same for overflow lines, which nobody trusts by the clock: every reader of a line validates
 * the head's version, which has moved. They need no quarantine, only the fence before reuse.
 * (Measured on 10 M inserts: 2.1 bytes an entry saved.)
 */
void arena_retire_line(struct arena *arena, uint64_t off);

/* Gives out everything in quarantine; for when memory is short. False: there was nothing. */
bool arena_drain(struct arena *arena);

/* ---- slabs being emptied -------------------------------------------------------------------- */

/* Bytes that whole units would come to if the slabs of each class were packed. */
uint64_t arena_sparse_bytes(const struct arena *arena);
/*
 * True if these are worth a pass over all buckets although the write that needs the memory waits for
 * it: 1/64 of what is committed, any in a segment of up to 256 MiB; and 1/64 was given back since the
 * last time that this was true, so that a write that is refused costs no pass when little has changed.
 */
bool arena_worth_packing(struct arena *arena);
/* Makes a unit a victim if it is a slab worth emptying: true. Gives up one that is empty already. */
bool arena_choose(struct arena *arena, uint32_t unit);
/* A block for what is moved out of a victim: never new memory. 0: its class has no room. */
uint64_t arena_alloc_moved(struct arena *arena, uint64_t bytes);
/* Gives out up to n of the oldest blocks in quarantine, until `recycled` has come to this number.
 * True while it has not. */
bool arena_drain_to(struct arena *arena, uint64_t recycled, uint32_t n);

/* ---- adoption ------------------------------------------------------------------------------ */

/* Marking: is this a block of that size as far as the unit classes tell, and was it free? */
enum arena_mark { ARENA_MARKED, ARENA_MARKED_BEFORE, ARENA_NO_BLOCK };
struct arena_marks {
    uint64_t *page; /* one bit per page of runs and chunks */
    uint64_t end;   /* bytes: what lies beyond was committed since, and is known */
    uint32_t unit;  /* next to be swept */
    uint64_t dropped;
};
enum stele_status arena_marks_init(struct arena *arena, struct arena_marks *marks);
void arena_marks_fini(struct arena_marks *marks);
/* Could [off, off+bytes) be one block, as far as the unit classes in the segment tell? */
bool arena_plausible(const struct arena *arena, uint64_t off, uint64_t bytes);
enum arena_mark arena_mark(struct arena *arena, struct arena_marks *marks, uint64_t off,
                           uint64_t bytes);
/* Takes back a mark. */
void arena_unmark(struct arena *arena, struct arena_marks *marks, uint64_t off, uint64_t bytes);
/* After all heads were bumped: the clock moves past every number that a reader may hold. */
void arena_restart_clock(struct arena *arena);
/* Pages that nothing stands in go to the free ones. */
void arena_give_pages(struct arena *arena, uint32_t first, uint32_t n);
/* Gives what is unmarked to the free memory, `units` units at a time. True while there is more. */
bool arena_sweep(struct arena *arena, struct arena_marks *marks, uint32_t units);
/* Frees up to `blocks` of those that were retired before the clock was restarted; then ends holding.
 * True while there is more. */
bool arena_release(struct arena *arena, uint32_t blocks);

/* ---- for verify and statistics ------------------------------------------------------------- */

/* True when [off, off+bytes) is exactly one taken block. */
bool arena_is_taken(const struct arena *arena, uint64_t off, uint64_t bytes);
uint64_t arena_used_bytes(const struct arena *arena);
uint64_t arena_free_bytes(const struct arena *arena);
uint64_t arena_free_pages(const struct arena *arena); /* in no slab, run or chunk */
/* used + free == capacity, and every private list agrees with itself. NULL, or what is broken. */
const char *arena_check(const struct arena *arena);

#endif
