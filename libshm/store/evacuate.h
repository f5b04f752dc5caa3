/*
 * evacuate.h - emptying sparse slabs, so that their units can serve another size class. Called by
 * the writer only, when no adoption is under way.
 *
 * Where values change their sizes, slabs of the old size empty evenly: each keeps a few blocks, none
 * becomes free. A pass mends that:
 *
 *   choosing   slabs with much room, as many as the others of their class can take the blocks of,
 *              become victims: nothing is given out from them any more
 *   moving     all buckets of all live tables in ascending order. A record or an overflow line that
 *              stands in a victim is copied to another slab of its class (never to new memory: a
 *              pass needs none and fails for want of none), and the old block retired
 *   draining   the old blocks leave the quarantine, in slices, and with its last block a victim's
 *              unit becomes free pages
 *   restoring  victims that kept a block (of a root, a directory or small bucket blocks, which stay
 *              where they are; of a table being given back) are on offer again
 *
 * A split moves entries to higher buckets only, so that the walk meets them; what is allocated
 * meanwhile is no victim's; tables that come, go or are cleared need no care. Nothing of a pass is in
 * the segment: after a crash one copy of a record is referenced, and adoption frees the other.
 *
 * To readers a moved record is a key replaced by the same bytes (fill, ref, bump; PROTOCOL.md, section 2),
 * a moved line the same chain under another link (fill, link, bump): every instant between shows all
 * entries. Views and copies of large values go by the quarantine clock like after any overwrite.
 * A list's record moves like that, its count with it: who found the old one before the swap has
 * validated the head before the bump, and may read the count that it had then. Its chunks move by
 * their refs in the record, whose elements below any count are the same in both.
 */
#ifndef STORE_EVACUATE_H
#define STORE_EVACUATE_H

#include "catalog.h"

/* Budget that each successful write spends on a pass under way; see evacuate_step(). */
#define EVACUATE_PER_WRITE 8u

enum evacuate_phase {
    EVACUATE_IDLE,
    EVACUATE_CHOOSING,
    EVACUATE_MOVING,
    EVACUATE_DRAINING,
    EVACUATE_RESTORING
};

struct evacuate {
    enum evacuate_phase phase;
    bool any;       /* victims were chosen */
    uint32_t unit;  /* choosing: the next to be looked at */
    uint32_t table; /* moving: where the walk stands */
    uint64_t bucket;
    uint64_t drain_to;    /* draining: what `recycled` has to come to */
    unsigned cls;         /* restoring: the class whose victims are next */
    uint64_t passes;      /* begun */
    uint64_t moved_bytes; /* of blocks */
};

void evacuate_begin(struct evacuate *evacuate);

/*
 * Goes on with the pass. Takes what it used off *budget: 1 for a bucket, 1 for a block moved and
 * each 4 KiB of it, 1 for 16 slabs looked at, for 4 blocks recycled, for a victim restored. Ends at
 * most one block beyond the budget, and goes through at most one chain for each unit of it. True
 * while there is more.
 */
bool evacuate_step(struct evacuate *evacuate, struct catalog *catalog, uint32_t *budget);

#endif
