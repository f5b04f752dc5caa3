/*
 * history.h - what a writer did: every store and fence in program order, on top of the segment as
 * it stood when recording began. Filled by hooks.c, made into messages by memory.h.
 *
 * Knows no memory model and no reader. Offsets count from the start of the segment.
 */
#ifndef EXPLORE_HISTORY_H
#define EXPLORE_HISTORY_H

#include <stele/detail/atomic.h>

enum explore_event_kind {
    EXPLORE_STORE,
    EXPLORE_FENCE,
    EXPLORE_PLAIN /* a byte changed past atomic.h, in memory that readers do not look at */
};

struct explore_event {
    uint64_t off;
    uint64_t value;
    const void *site;   /* return address of the access */
    const void *caller; /* return address of the function that it stands in */
    uint8_t kind;
    uint8_t bytes;
    bool release;
    uint8_t fence; /* enum stelei_fence */
};

struct explore_history {
    uint8_t *image; /* `bytes` of memory at the start; owned, 2 MiB aligned */
    uint64_t bytes;
    struct explore_event *event;
    size_t count, room;
    size_t *ack; /* event counts at which an operation was acknowledged, ascending */
    size_t acks;
    const uint8_t *plain; /* memory whose plain changes are recorded too, or NULL */
    uint8_t *plain_seen;  /* as it was at the last event; owned */
    size_t plain_bytes;
};

/* Starts from a copy of `bytes` at `from`. Aborts the program when out of memory, like all here. */
void explore_history_init(struct explore_history *history, const void *from, uint64_t bytes);
void explore_history_fini(struct explore_history *history);
void explore_history_add(struct explore_history *history, const struct explore_event *event);
/* Records what happens to `bytes` at `plain` as EXPLORE_PLAIN events, byte by byte. */
void explore_history_watch(struct explore_history *history, const uint8_t *plain, size_t bytes);
void explore_history_ack(struct explore_history *history);

/* How many events explore_history_rebase() will keep. */
size_t explore_history_ours(const struct explore_history *history, const void *base);
/* Turns addresses as recorded into offsets from `base`; drops what lies outside. */
void explore_history_rebase(struct explore_history *history, const void *base);

/* Copy of the first `events` events, with its own image; the acknowledgements among them kept. */
void explore_history_prefix(struct explore_history *copy, const struct explore_history *from,
                            size_t events);

/* Stores events [from, to) into `memory`, a copy of the segment. */
void explore_history_replay(const struct explore_history *history, size_t from, size_t to,
                            uint8_t *memory);

/* Memory, or the end of the program. */
void *explore_alloc(void *old, size_t bytes);

#endif
