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
spans_begin(struct command_run *run, bool (*next)(struct command_spans *, struct command_span *))
{
    struct command_spans *spans = &run->context->spans;
    memset(spans, 0, sizeof(*spans));
    spans->next = next;
    spans->element_bytes = run->table->element_bytes;
    span_walk(spans)->store = run->context->store;
    span_walk(spans)->table = run->descriptor;
    run->reply->spans = spans;
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
static uint64_t span_wanted(const struct command_run *run)
{
    const struct command *command = run->command;
    uint64_t count = run->list.count, element_bytes = run->table->element_bytes;
    uint64_t wanted = command->from < count ? count - command->from : 0;
    if (command->max_bytes > 0 && wanted > command->max_bytes / element_bytes)
        wanted = command->max_bytes / element_bytes;
    return wanted < command->most ? wanted : command->most;
}

enum stele_status command_list_read(struct command_run *run)
{
    if (!run->list_there)
        return STELE_ENOTFOUND;
    struct command_spans *spans = spans_begin(run, span_next_of_one);
    struct span_walk *walk = span_walk(spans);
    walk->entry.key = run->command->key;
    walk->entry.key_bytes = run->command->key_bytes;
    walk->entry.list = run->list;
    walk->at = run->command->from;
    walk->left = span_wanted(run);
    spans->element_count = walk->left;
    run->reply->count = run->list.count;
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

static void spans_count(const struct command_run *run, struct command_spans *spans)
{
    struct stele_store_cursor cursor;
    struct stele_store_entry entry;
    memset(&cursor, 0, sizeof(cursor));
    while (stele_store_next(run->context->store, run->descriptor, &cursor, &entry) == STELE_OK) {
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
enum stele_status command_list_all(struct command_run *run)
{
    const struct command_table *table = run->table;
    uint32_t max_bytes = run->command->max_bytes;
    struct stele_store *store = run->context->store;
    struct command_spans *spans = spans_begin(run, span_next_of_all);
    struct stele_store_table_stats stats;
    enum stele_status status = stele_store_get_table_stats(store, run->descriptor, &stats);
    if (status != STELE_OK)
        return status;
    if (stele_store_adopting(store)) {
        spans_count(run, spans);
        return STELE_OK;
    }
    run->reply->count = stats.payload_bytes;
    if (max_bytes > 0 && stats.payload_bytes > max_bytes) {
        spans->lists = stats.entries;
        return STELE_ESHORT;
    }
    if (table->key_bytes == 0) {
        spans_count(run, spans);
        return STELE_OK;
    }
    spans->lists = stats.entries;
    spans->keys_bytes = stats.entries * table->key_bytes;
    spans->element_count = (stats.payload_bytes - spans->keys_bytes) / table->element_bytes;
    return STELE_OK;
}
