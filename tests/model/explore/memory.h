/*
 * memory.h - the memory model, writer's side: a recorded history as messages that loads may return.
 *
 * One writer, so modification order is program order, and the view that a message carries is a
 * prefix of the store sequence, kept as one number:
 *   release store   everything up to itself
 *   relaxed store   everything before the last nop_write or nop_full
 * Message 0 of a cell is what the segment held when recording began; everybody has seen it.
 * There is no release sequence, no load buffering and nothing out of thin air: at least as weak as
 * ARMv8 for programs of this shape (the same model as the protocol's).
 *
 * Cells are four bytes. A store of eight is one message in two cells; loads of eight return pairs
 * that no store of eight separates (single-copy atomicity).
 */
#ifndef EXPLORE_MEMORY_H
#define EXPLORE_MEMORY_H

#include "history.h"

/* Deliberate mistakes, applied while the messages are made, or to the reader's accesses. */
enum explore_weaken_kind {
    EXPLORE_WEAKEN_NOTHING,
    EXPLORE_WEAKEN_STORE,     /* a release store becomes relaxed */
    EXPLORE_WEAKEN_OMIT,      /* a store that only moves a version or a count on is left out */
    EXPLORE_WEAKEN_EARLY,     /* a release store comes before the stores that preceded it */
    EXPLORE_WEAKEN_NOP_WRITE, /* a nop_write (or nop_full) of the writer is left out */
    EXPLORE_WEAKEN_LOAD,      /* an acquire or dependent load becomes relaxed */
    EXPLORE_WEAKEN_NOP_READ,  /* a nop_read of the reader is left out */
    EXPLORE_WEAKEN_KINDS
};

struct explore_sites;
struct explore_weakening {
    enum explore_weaken_kind kind;
    struct explore_sites *sites;          /* tells which group an address belongs to */
    unsigned group;                       /* EXPLORE_ANY_GROUP: every site */
    const struct explore_weakening *also; /* NULL, or another mistake made at the same time */
};
#define EXPLORE_ANY_GROUP UINT32_MAX

struct explore_message {
    uint32_t index; /* of the store, from 1; 0 = the image */
    uint32_t value;
    uint32_t rel;
    bool wide; /* half of an eight-byte store */
};

struct explore_cell {
    uint64_t off;
    struct explore_message *message; /* ascending by index, [0] the image's */
    uint32_t count, room;
    bool joint; /* every message of this cell and of its neighbour is wide */
};

struct explore_memory {
    const struct explore_history *history;
    uint32_t *cell_of; /* by off / 4: number of the cell, 0 = never stored */
    struct explore_cell *cell;
    uint32_t cells, room;
    uint32_t last;            /* newest index */
    struct explore_event *by; /* by index: what was stored */
    uint32_t *ack;            /* indices of acknowledgements, ascending */
    uint32_t acks;
    uint32_t weakened; /* events that the weakening changed */
};

void explore_memory_init(struct explore_memory *memory, const struct explore_history *history,
                         const struct explore_weakening *weakening);
void explore_memory_fini(struct explore_memory *memory);

/* Number of the cell at `off`, or 0. */
static inline uint32_t explore_memory_cell(const struct explore_memory *memory, uint64_t off)
{
    return memory->cell_of[off / 4];
}

#endif
