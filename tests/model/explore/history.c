#include "history.h"

#include <stdio.h>
#include <stdlib.h>

void *explore_alloc(void *old, size_t bytes)
{
    void *p = realloc(old, bytes ? bytes : 1);
    if (!p) {
        fprintf(stderr, "explore: out of memory\n");
        exit(2);
    }
    return p;
}

void explore_history_init(struct explore_history *history, const void *from, uint64_t bytes)
{
    memset(history, 0, sizeof *history);
    history->image = aligned_alloc((size_t)1 << 21, (size_t)stelei_round_up(bytes, 1 << 21));
    if (!history->image)
        explore_alloc(NULL, SIZE_MAX);
    memcpy(history->image, from, (size_t)bytes);
    history->bytes = bytes;
}

void explore_history_fini(struct explore_history *history)
{
    free(history->image);
    free(history->event);
    free(history->ack);
    free(history->plain_seen);
    memset(history, 0, sizeof *history);
}

static void add(struct explore_history *history, const struct explore_event *event)
{
    if (history->count == history->room) {
        history->room = history->room ? history->room * 2 : 256;
        history->event = explore_alloc(history->event, history->room * sizeof history->event[0]);
    }
    history->event[history->count++] = *event;
}

/* What changed since the last event changed before this one. */
static void add_plain(struct explore_history *history)
{
    if (!history->plain || memcmp(history->plain_seen, history->plain, history->plain_bytes) == 0)
        return;
    for (size_t i = 0; i < history->plain_bytes; i++) {
        struct explore_event event;
        if (history->plain_seen[i] == history->plain[i])
            continue;
        memset(&event, 0, sizeof event);
        event.off = (uintptr_t)(history->plain + i);
        event.value = history->plain_seen[i] = history->plain[i];
        event.kind = EXPLORE_PLAIN;
        event.bytes = 1;
        add(history, &event);
    }
}

void explore_history_add(struct explore_history *history, const struct explore_event *event)
{
    add_plain(history);
    add(history, event);
}

void explore_history_watch(struct explore_history *history, const uint8_t *plain, size_t bytes)
{
    history->plain = plain;
    history->plain_bytes = bytes;
    history->plain_seen = explore_alloc(history->plain_seen, bytes);
    memcpy(history->plain_seen, plain, bytes);
}

void explore_history_ack(struct explore_history *history)
{
    add_plain(history);
    history->ack = explore_alloc(history->ack, (history->acks + 1) * sizeof history->ack[0]);
    history->ack[history->acks++] = history->count;
}

/* Whether an event is the segment's: a fence, or a store below `base` + bytes. */
static bool is_ours(const struct explore_history *history, const struct explore_event *event,
                    const void *base)
{
    return event->kind == EXPLORE_FENCE || event->off - (uintptr_t)base < history->bytes;
}

size_t explore_history_ours(const struct explore_history *history, const void *base)
{
    size_t ours = 0;
    for (size_t i = 0; i < history->count; i++)
        ours += is_ours(history, &history->event[i], base);
    return ours;
}

void explore_history_rebase(struct explore_history *history, const void *base)
{
    size_t kept = 0, ack = 0;
    for (size_t i = 0; i <= history->count; i++) {
        for (; ack < history->acks && history->ack[ack] == i; ack++)
            history->ack[ack] = kept;
        if (i == history->count)
            break;
        struct explore_event event = history->event[i];
        if (!is_ours(history, &event, base))
            continue;
        if (event.kind != EXPLORE_FENCE)
            event.off -= (uint64_t)(uintptr_t)base;
        history->event[kept++] = event;
    }
    history->count = kept;
}

void explore_history_prefix(struct explore_history *copy, const struct explore_history *from,
                            size_t events)
{
    explore_history_init(copy, from->image, from->bytes);
    for (size_t i = 0, ack = 0; i <= events; i++) {
        for (; ack < from->acks && from->ack[ack] == i; ack++)
            explore_history_ack(copy);
        if (i < events)
            add(copy, &from->event[i]);
    }
}

void explore_history_replay(const struct explore_history *history, size_t from, size_t to,
                            uint8_t *memory)
{
    for (size_t i = from; i < to; i++) {
        const struct explore_event *event = &history->event[i];
        if (event->kind != EXPLORE_FENCE)
            memcpy(memory + event->off, &event->value, event->bytes);
    }
}
