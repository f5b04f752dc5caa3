#include "memory.h"
#include "sites.h"

#include <stdlib.h>

#include <stele/detail/sequence.h>

static struct explore_message *cell_append(struct explore_cell *cell)
{
    if (cell->count == cell->room) {
        cell->room = cell->room ? cell->room * 2 : 4;
        cell->message = explore_alloc(cell->message, cell->room * sizeof cell->message[0]);
    }
    return &cell->message[cell->count++];
}

static struct explore_cell *cell_make(struct explore_memory *memory, uint64_t off)
{
    uint32_t *number = &memory->cell_of[off / 4];
    if (*number == 0) {
        if (memory->cells == memory->room) {
            memory->room *= 2;
            memory->cell = explore_alloc(memory->cell, memory->room * sizeof memory->cell[0]);
        }
        *number = memory->cells++;
        struct explore_cell *cell = &memory->cell[*number];
        memset(cell, 0, sizeof *cell);
        cell->off = off;
        struct explore_message *image = cell_append(cell);
        memset(image, 0, sizeof *image);
        memcpy(&image->value, memory->history->image + off, 4);
        image->wide = true;
    }
    return &memory->cell[*number];
}

static uint32_t cell_newest(const struct explore_memory *memory, uint64_t off)
{
    uint32_t value, number = explore_memory_cell(memory, off);
    if (number)
        return memory->cell[number].message[memory->cell[number].count - 1].value;
    memcpy(&value, memory->history->image + off, 4);
    return value;
}

/* True if the store moves a version on and does nothing else, or counts on by one. */
static bool only_counts(const struct explore_memory *memory, const struct explore_event *event)
{
    if (event->bytes != 8 || !event->release)
        return false;
    uint64_t old = cell_newest(memory, event->off) | (uint64_t)cell_newest(memory, event->off + 4)
                                                         << 32;
    return event->value - old == STELEI_VERSION_ONE || event->value - old == 1;
}

static void memory_store(struct explore_memory *memory, const struct explore_event *event,
                         uint32_t rel)
{
    for (unsigned part = 0; part < event->bytes; part += 4) {
        struct explore_message *message = cell_append(cell_make(memory, event->off + part));
        message->index = memory->last;
        message->value = (uint32_t)(event->value >> 8 * part);
        message->rel = rel;
        message->wide = event->bytes == 8;
    }
}

/* Where a store that comes too early would stand: before the store that precedes it, and before the
 * relaxed ones that precede that. */
static size_t earlier(const struct explore_event *event, size_t i)
{
    while (i > 0 && event[--i].kind != EXPLORE_STORE)
        ;
    while (i > 0 && (event[i - 1].kind == EXPLORE_PLAIN ||
                     (event[i - 1].kind == EXPLORE_STORE && !event[i - 1].release)))
        i--;
    return i;
}

/* The events with each store of the weakened group moved up. */
static struct explore_event *events_reordered(const struct explore_history *history,
                                              const struct explore_weakening *weakening,
                                              uint32_t *moves)
{
    struct explore_event *event = explore_alloc(NULL, history->count * sizeof *event);
    if (history->count)
        memcpy(event, history->event, history->count * sizeof *event);
    for (size_t i = 1; i < history->count; i++) {
        if (event[i].kind != EXPLORE_STORE || !event[i].release ||
            !explore_sites_hit(weakening, EXPLORE_WEAKEN_EARLY, &event[i]))
            continue;
        size_t to = earlier(event, i);
        struct explore_event moved = event[i];
        memmove(&event[to + 1], &event[to], (i - to) * sizeof *event);
        event[to] = moved;
        ++*moves;
    }
    return event;
}

static void memory_mark_joint(struct explore_memory *memory)
{
    for (uint32_t i = 1; i < memory->cells; i++) {
        struct explore_cell *cell = &memory->cell[i];
        uint32_t other = explore_memory_cell(memory, cell->off ^ 4);
        cell->joint = other != 0;
        for (uint32_t m = 0; m < cell->count; m++)
            cell->joint &= cell->message[m].wide;
        for (uint32_t m = 0; other && m < memory->cell[other].count; m++)
            cell->joint &= memory->cell[other].message[m].wide;
    }
}

void explore_memory_init(struct explore_memory *memory, const struct explore_history *history,
                         const struct explore_weakening *weakening)
{
    uint32_t fenced = 0;
    memset(memory, 0, sizeof *memory);
    struct explore_event *event = events_reordered(history, weakening, &memory->weakened);
    memory->history = history;
    memory->cell_of = calloc((size_t)(history->bytes / 4), sizeof memory->cell_of[0]);
    memory->room = 256;
    memory->cells = 1;
    memory->cell = explore_alloc(NULL, memory->room * sizeof memory->cell[0]);
    memory->by = explore_alloc(NULL, (history->count + 1) * sizeof memory->by[0]);
    memory->ack = explore_alloc(NULL, (history->acks + 1) * sizeof memory->ack[0]);
    for (size_t i = 0;; i++) {
        while (memory->acks < history->acks && history->ack[memory->acks] <= i)
            memory->ack[memory->acks++] = memory->last;
        if (i == history->count)
            break;
        if (event[i].kind == EXPLORE_FENCE) {
            bool gone = explore_sites_hit(weakening, EXPLORE_WEAKEN_NOP_WRITE, &event[i]);
            memory->weakened += gone;
            if (event[i].fence != STELEI_FENCE_READ && !gone)
                fenced = memory->last;
            continue;
        }
        if (event[i].kind == EXPLORE_PLAIN)
            continue;
        memory->by[++memory->last] = event[i];
        if (explore_sites_hit(weakening, EXPLORE_WEAKEN_OMIT, &event[i]) &&
            only_counts(memory, &event[i])) {
            memory->weakened++;
            continue;
        }
        bool relaxed = explore_sites_hit(weakening, EXPLORE_WEAKEN_STORE, &event[i]);
        bool release = event[i].release && !relaxed;
        memory->weakened += relaxed;
        memory->by[memory->last].release = release;
        memory_store(memory, &event[i], release ? memory->last : fenced);
    }
    memory_mark_joint(memory);
    free(event);
}

void explore_memory_fini(struct explore_memory *memory)
{
    for (uint32_t i = 1; i < memory->cells; i++)
        free(memory->cell[i].message);
    free(memory->cell);
    free(memory->cell_of);
    free(memory->by);
    free(memory->ack);
    memset(memory, 0, sizeof *memory);
}
