/*
 * spans.c - commands that tell elements of lists, piece by piece as they stand in the segment. All
 * that is told is of one instant: nothing changes before the next command.
 */
#include "command/decide.h"

/* What next() goes on from. */
struct span_walk {
    struct stele_store *store;
    struct stele_store_entry entry; /* the list that is being told */
    struct stele_store_cursor cursor;
    uint64_t at; /* number of its next element */
    uint32_t table;
    bool begun;    /* LIST_READ: a span was told */
    uint64_t left; /* LIST_READ: elements to be told */
};

STELEI_STATIC_ASSERT(sizeof(struct span_walk) <=
                         sizeof(((struct command_spans *)NULL)->private_words),
                     "a walk fits");

static struct span_walk *span_walk(struct command_spans *spans)
{
    return (struct span_walk *)(void *)spans->private_words;
}

static struct command_spans *
spans_begin(struct command_context *context, uint32_t descriptor, const struct command_table *table,
            bool (*next)(struct command_spans *, struct command_span *))
{
    struct command_spans *spans = &context->spans;
    memset(spans, 0, sizeof(*spans));
    spans->next = next;
    spans->element_bytes = table->element_bytes;
    span_walk(spans)->store = context->store;
    span_walk(spans)->table = descriptor;
    return spans;
}

/* Elements of the walk's list that stand side by side. False: it has no more. */
static bool span_tell(struct span_walk *walk, struct command_span *span)
{
    const struct stele_store_entry *entry = &walk->entry;
    if (!stele_store_list_span(walk->store, &entry->list, walk->at, &span->elements, &span->count))
        return false;
    span->key = entry->key;
    span->key_bytes = entry->key_bytes;
    span->element_bytes = entry->list.element_bytes;
    span->list_count = entry->list.count;
    return true;
}

/* ---- LIST_READ ------------------------------------------------------------------------------ */

static bool span_next_of_one(struct command_spans *spans, struct command_span *span)
{
    struct span_walk *walk = span_walk(spans);
    if (walk->left == 0 || !span_tell(walk, span))
        return false;
    if (span->count > walk->left)
        span->count = walk->left;
    span->first = !walk->begun;
    walk->begun = true;
    walk->at += span->count;
    walk->left -= span->count;
    return true;
}

/* How many elements are wanted and there. */
static uint64_t span_wanted(const struct command *command, const struct command_table *table,
                            uint64_t count)
{
    uint64_t wanted = command->from < count ? count - command->from : 0;
    if (command->max_bytes > 0 && wanted > command->max_bytes / table->element_bytes)
        wanted = command->max_bytes / table->element_bytes;
    return wanted < command->most ? wanted : command->most;
}

enum stele_status command_list_read(struct command_context *context, const struct command *command,
                                    struct command_reply *reply)
{
    const struct command_table *table;
    struct stele_store_list list;
    uint32_t descriptor;
    enum stele_status status = command_aim(context, command, &descriptor, &table);
    if (status == STELE_OK && table->element_bytes == 0)
        status = STELE_ETYPE;
    if (status == STELE_OK)
        status = stele_store_list_find(context->store, descriptor, command->key, command->key_bytes,
                                       &list);
    if (status != STELE_OK)
        return status;
    struct command_spans *spans = spans_begin(context, descriptor, table, span_next_of_one);
    struct span_walk *walk = span_walk(spans);
    walk->entry.key = command->key;
    walk->entry.key_bytes = command->key_bytes;
    walk->entry.list = list;
    walk->at = command->from;
    walk->left = span_wanted(command, table, list.count);
    spans->element_count = walk->left;
    reply->count = list.count;
    reply->spans = spans;
    return STELE_OK;
}

/* ---- LIST_ALL ------------------------------------------------------------------------------- */

static bool span_next_of_all(struct command_spans *spans, struct command_span *span)
{
    struct span_walk *walk = span_walk(spans);
    if (walk->at >= walk->entry.list.count) {
        if (stele_store_next(walk->store, walk->table, &walk->cursor, &walk->entry) != STELE_OK)
            return false;
        walk->at = 0;
    }
    if (!span_tell(walk, span))
        return false;
    span->first = walk->at == 0;
    walk->at += span->count;
    return true;
}

static void spans_count(struct command_context *context, uint32_t descriptor,
                        struct command_spans *spans)
{
    struct stele_store_cursor cursor;
    struct stele_store_entry entry;
    memset(&cursor, 0, sizeof(cursor));
    while (stele_store_next(context->store, descriptor, &cursor, &entry) == STELE_OK) {
        spans->lists++;
        spans->keys_bytes += entry.key_bytes;
        spans->element_count += entry.list.count;
    }
}

/*
 * How much it will be, and whether so much is wanted. The store counts it, so only byte keys have to be
 * looked at, to tell them from elements, and not even they where it is too much: nobody can make us walk
 * through a large table for nothing. (While an adoption is under way the store's counts are not whole.)
 */
static enum stele_status spans_measure(struct command_context *context, uint32_t descriptor,
                                       const struct command_table *table, uint32_t max_bytes,
                                       struct command_reply *reply)
{
    struct command_spans *spans = reply->spans;
    struct stele_store_table_stats stats;
    enum stele_status status = stele_store_get_table_stats(context->store, descriptor, &stats);
    if (status != STELE_OK)
        return status;
    if (stele_store_adopting(context->store)) {
        spans_count(context, descriptor, spans);
        return STELE_OK;
    }
    reply->count = stats.payload_bytes;
    if (max_bytes > 0 && stats.payload_bytes > max_bytes) {
        spans->lists = stats.entries;
        return STELE_ESHORT;
    }
    if (table->key_bytes == 0) {
        spans_count(context, descriptor, spans);
        return STELE_OK;
    }
    spans->lists = stats.entries;
    spans->keys_bytes = stats.entries * table->key_bytes;
    spans->element_count = (stats.payload_bytes - spans->keys_bytes) / table->element_bytes;
    return STELE_OK;
}

enum stele_status command_list_all(struct command_context *context, const struct command *command,
                                   struct command_reply *reply)
{
    const struct command_table *table;
    uint32_t descriptor;
    enum stele_status status = command_table(context, command->table, &descriptor, &table);
    if (status == STELE_OK && table->element_bytes == 0)
        status = STELE_ETYPE;
    if (status != STELE_OK)
        return status;
    reply->spans = spans_begin(context, descriptor, table, span_next_of_all);
    return spans_measure(context, descriptor, table, command->max_bytes, reply);
}
