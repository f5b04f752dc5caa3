/*
 * spans.h - lists as a command's reply tells them, made of arrays: for tests of gateways, which see
 * neither a store nor the room that reads it. Lists come in pieces, as those of a segment do.
 */
#ifndef SUPPORT_SPANS_H
#define SUPPORT_SPANS_H

#include <string.h>

#include "command/command.h"

struct spans_list {
    const void *key;
    uint32_t key_bytes;
    const void *elements;
    uint64_t count;
    uint64_t piece; /* elements a span, at most; 0: all in one */
};

struct spans_fake {
    struct command_spans spans; /* first: next() finds the rest behind it */
    const struct spans_list *lists;
    uint32_t list_count;
    uint32_t list; /* the one that comes next */
    uint64_t from; /* and its element */
};

static inline bool spans_next(struct command_spans *spans, struct command_span *span)
{
    struct spans_fake *fake = (struct spans_fake *)spans;
    if (fake->list == fake->list_count)
        return false;
    const struct spans_list *list = &fake->lists[fake->list];
    uint64_t left = list->count - fake->from;
    span->key = list->key;
    span->key_bytes = list->key_bytes;
    span->element_bytes = spans->element_bytes;
    span->list_count = list->count;
    span->elements = (const uint8_t *)list->elements + fake->from * spans->element_bytes;
    span->count = list->piece && list->piece < left ? list->piece : left;
    span->first = fake->from == 0;
    fake->from += span->count;
    if (fake->from == list->count) {
        fake->list++;
        fake->from = 0;
    }
    return true;
}

/* The totals are those of the lists. */
static inline void spans_init(struct spans_fake *fake, const struct spans_list *lists,
                              uint32_t list_count, uint32_t element_bytes)
{
    memset(fake, 0, sizeof(*fake));
    fake->spans.next = spans_next;
    fake->spans.element_bytes = element_bytes;
    fake->spans.lists = list_count;
    for (uint32_t i = 0; i < list_count; i++) {
        fake->spans.element_count += lists[i].count;
        fake->spans.keys_bytes += lists[i].key_bytes;
    }
    fake->lists = lists;
    fake->list_count = list_count;
}

#endif
