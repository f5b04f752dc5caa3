/*
 * search.h - the memory model, reader's side, and the search: every message that each load of a
 * program may return, depth first by replay.
 *
 * A view is a number, a prefix of the store sequence that the reader must not read behind:
 *   cur   what it has synchronised with; acquire loads add their message's view
 *   acq   what nop_read would add to cur: the views of all messages read
 *   coh   per cell, the newest message read (a thread never reads backwards in one cell)
 *   dep   per block, what a dependent load of the block's ref promises to loads in that block
 * A load may return any message of its cells that none of these forbids. A dependent load whose
 * value leads to a block gives loads inside that block its message's view, and nothing else.
 *
 * Runs whose future cannot differ are cut off: the key is a hash of every value the program has
 * been given (since explore_mark(), which says what of that is still alive) and of all views. Of
 * messages with the same value the oldest is taken alone where its view is no larger: it forbids
 * nothing that a newer one allows.
 *
 * Not reentrant: hooks.c leads the accesses of the running program to the one search in progress.
 */
#ifndef EXPLORE_SEARCH_H
#define EXPLORE_SEARCH_H

#include <setjmp.h>

#include "memory.h"
#include "sites.h"

struct explore_seen; /* set of hashes */

struct explore_read {
    uint64_t off; /* or UINT64_MAX: a note */
    uint64_t value;
    uint32_t index;
    uint32_t newest;
    const void *site;
    uint8_t bytes;
    uint8_t order;
    const char *note; /* format for up to three numbers */
    long number[3];
};

/* A block that a dependent load led to. */
struct explore_dependency {
    uint64_t from, to;
    uint32_t view;
};
#define EXPLORE_DEPENDENCIES 256u

/* What a load may return: messages of its low and its high cell. */
struct explore_candidate {
    uint32_t index[2];
    uint64_t value;
    uint32_t rel;
};
#define EXPLORE_CANDIDATES 4096u

/* What a run may be told to watch: loads of this word start an attempt. */
typedef void explore_attempt_hook(void *context);

/* The block [*from, *to) that a dependent load's value leads to; false: none. */
typedef bool explore_block_hook(void *context, uint64_t value, uint64_t *from, uint64_t *to);

struct explore_search {
    const struct explore_memory *memory;
    const uint8_t *base; /* where the running program has the segment mapped */
    const struct explore_weakening *weakening;
    struct explore_sites *sites; /* reader's sites met, may be NULL */
    explore_block_hook *block;   /* NULL: dependent loads are relaxed and lead nowhere */
    void *context;
    explore_attempt_hook *attempt;
    uint64_t attempt_off;
    bool dependent_is_acquire;

    /* the run in progress */
    uint32_t cur, acq, newest, horizon;
    uint32_t *coh;     /* by cell */
    uint32_t *touched; /* cells whose coh is not 0 */
    uint32_t touches;
    struct explore_dependency dependency[EXPLORE_DEPENDENCIES];
    unsigned dependencies;
    uint64_t hash;
    bool alone; /* the writer stands still at `horizon` and the reader has seen all of it */
    bool logging; /* of reads: only when a run that failed is made again to be reported */
    struct explore_read *read;
    size_t reads, read_room;
    jmp_buf leave;
    struct explore_candidate candidate[EXPLORE_CANDIDATES];

    /* the search */
    uint32_t *choice, *width;
    size_t depth, choice_room, at;
    struct explore_seen *seen;
    uint64_t runs, states, judged, pruned;
    uint64_t state_limit; /* 0: none; beyond it the search ends with `cut` */
    bool cut;

    bool brief; /* a violation is not reported with its trace: naming its lines takes long */
    bool failed;
    char *report; /* owned; the first violation */
};

/* A program: runs the reader's code once. Calls the functions below; may be left by longjmp. */
typedef void explore_program(struct explore_search *search, void *context);

void explore_search_init(struct explore_search *search, const struct explore_memory *memory,
                         const uint8_t *base);
void explore_search_fini(struct explore_search *search);

/* All runs of the program from view 0. False: a violation, see `report`. */
bool explore_search_all(struct explore_search *search, explore_program *program, void *context);
/* One run alone with every store up to `horizon` seen. */
bool explore_search_alone(struct explore_search *search, explore_program *program, void *context,
                          uint32_t horizon);

/* ---- for programs ---- */

/* A choice among n, made in every way. */
uint32_t explore_pick(struct explore_search *search, uint32_t n);
/* The program may hear an acknowledgement that it has not heard; then it has seen all before it.
 * Returns the index of the newest store that was acknowledged, 0 for none. */
uint32_t explore_hear(struct explore_search *search);
/* Of what was read so far nothing but `live` matters from here on. */
void explore_mark(struct explore_search *search, const void *live, size_t bytes);
/* Notes for the report; the format takes up to three %ld. */
void explore_note(struct explore_search *search, const char *format, long a, long b, long c);
/* Ends the run: what it would find, another finds. */
void explore_prune(struct explore_search *search) __attribute__((noreturn));
/* Ends the search: `what` (with numbers as in a note) is a violation. */
void explore_fail(struct explore_search *search, const char *what, long a, long b, long c)
    __attribute__((noreturn));

/* ---- for hooks.c ---- */
uint64_t explore_search_load(struct explore_search *search, const void *address, unsigned bytes,
                             enum stelei_order order, const void *site);
void explore_search_fence(struct explore_search *search, enum stelei_fence fence, const void *site);

#endif
