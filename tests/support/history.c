#include "history.h"

#include <stdlib.h>
#include <string.h>

/* ---- what operations mean -------------------------------------------------------------------- */

static enum stele_status store(struct history_state *state, bool allowed, int64_t value,
                               enum stele_status otherwise)
{
    if (!allowed)
        return otherwise;
    state->present = true;
    state->value = value;
    return STELE_OK;
}

enum stele_status history_apply(const struct history_op *op, struct history_state *state,
                                int64_t *result)
{
    bool present = state->present;
    *result = 0;
    switch ((enum history_kind)op->kind) {
    case HISTORY_GET:
        *result = state->value;
        return present ? STELE_OK : STELE_ENOTFOUND;
    case HISTORY_PUT:
        return store(state, true, op->value, STELE_OK);
    case HISTORY_INSERT:
        return store(state, !present, op->value, STELE_EEXIST);
    case HISTORY_REPLACE:
        return store(state, present, op->value, STELE_ENOTFOUND);
    case HISTORY_ERASE:
        state->present = false;
        state->value = 0;
        return present ? STELE_OK : STELE_ENOTFOUND;
    case HISTORY_CAS:
        return store(state, present && state->value == op->expected, op->value,
                     present ? STELE_EDIFFERS : STELE_ENOTFOUND);
    case HISTORY_INCR:
        *result = state->value + op->value;
        return store(state, true, *result, STELE_OK);
    }
    return STELE_EINVAL;
}

/* Whether it may happen in this state, which becomes the one after it. */
static bool explains(const struct history_op *op, struct history_state *state)
{
    int64_t result;
    enum stele_status status = history_apply(op, state, &result);
    if (op->maybe)
        return true;
    if (status != (enum stele_status)op->status)
        return false;
    bool told =
        !op->untold && status == STELE_OK && (op->kind == HISTORY_GET || op->kind == HISTORY_INCR);
    return !told || result == op->result;
}

/* ---- sets of what may be ---------------------------------------------------------------------- */

/* A state, and which of the operations under way have happened. */
struct config {
    uint64_t done; /* by slot */
    struct history_state state;
};

/* Insertion-ordered, without doubles; a table of indices + 1, open addressing. */
struct configs {
    struct config *config;
    uint32_t *table;
    size_t count, capacity; /* the table has 2 * capacity places */
};

#define CONFIGS_FIRST 256u
#define CONFIGS_MOST  (1u << 22)

static bool configs_init(struct configs *set, size_t capacity)
{
    set->config = malloc(capacity * sizeof *set->config);
    set->table = calloc(2 * capacity, sizeof *set->table);
    set->count = 0;
    set->capacity = capacity;
    return set->config && set->table;
}

static void configs_fini(struct configs *set)
{
    free(set->config);
    free(set->table);
}

static size_t config_place(const struct config *config, size_t places)
{
    uint64_t hash = config->done * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
    hash = (hash + (uint64_t)config->state.value) * UINT64_C(0xbf58476d1ce4e5b9);
    hash ^= hash >> 32;
    return (size_t)(hash + config->state.present) & (places - 1);
}

static bool config_equal(const struct config *a, const struct config *b)
{
    return a->done == b->done && a->state.value == b->state.value &&
           a->state.present == b->state.present;
}

static void configs_clear(struct configs *set)
{
    if (set->count > 0)
        memset(set->table, 0, 2 * set->capacity * sizeof *set->table);
    set->count = 0;
}

static bool configs_add(struct configs *set, const struct config *config);

static bool configs_grow(struct configs *set)
{
    struct configs grown;
    if (set->capacity >= CONFIGS_MOST)
        return false;
    bool good = configs_init(&grown, set->capacity * 2);
    for (size_t i = 0; good && i < set->count; i++)
        good = configs_add(&grown, &set->config[i]);
    configs_fini(good ? set : &grown);
    if (good)
        *set = grown;
    return good;
}

/* False: there are too many. */
static bool configs_add(struct configs *set, const struct config *config)
{
    if (set->count == set->capacity && !configs_grow(set))
        return false;
    size_t places = 2 * set->capacity, at = config_place(config, places);
    for (; set->table[at] != 0; at = (at + 1) & (places - 1))
        if (config_equal(&set->config[set->table[at] - 1], config))
            return true;
    set->config[set->count++] = *config;
    set->table[at] = (uint32_t)set->count;
    return true;
}

/* ---- events ----------------------------------------------------------------------------------- */

struct event {
    uint64_t time;
    size_t op;
    bool end;
    bool maybe;
};

/* Begins before ends of the same instant, which so overlap. Ends of unknown outcomes of one instant
 * from the last to the first: a later one has happened only if the earlier one has. */
static int event_order(const void *left, const void *right)
{
    const struct event *a = left, *b = right;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->end != b->end)
        return a->end ? 1 : -1;
    bool backwards = a->end && a->maybe && b->maybe;
    return (a->op < b->op) == backwards ? 1 : -1;
}

static struct event *make_events(const struct history_op *ops, size_t count)
{
    struct event *events = malloc((2 * count + 1) * sizeof *events);
    for (size_t i = 0; events && i < count; i++) {
        events[2 * i] = (struct event){ops[i].begin, i, false, ops[i].maybe};
        events[2 * i + 1] = (struct event){ops[i].end, i, true, ops[i].maybe};
    }
    if (events)
        qsort(events, 2 * count, sizeof *events, event_order);
    return events;
}

/* ---- the walk --------------------------------------------------------------------------------- */

struct walk {
    const struct history_op *ops;
    uint64_t open;                      /* slots in use */
    size_t op[HISTORY_WIDTH_MAX];       /* by slot */
    uint64_t before[HISTORY_WIDTH_MAX]; /* by slot: those that must have happened first */
    struct configs now, seen;
};

static bool walk_begin(struct walk *walk, size_t op)
{
    if (walk->open == UINT64_MAX)
        return false;
    unsigned slot = (unsigned)__builtin_ctzll(~walk->open);
    walk->op[slot] = op;
    walk->before[slot] = 0;
    for (uint64_t left = walk->open; left; left &= left - 1) {
        unsigned other = (unsigned)__builtin_ctzll(left);
        bool same = walk->ops[walk->op[other]].client == walk->ops[op].client;
        if (same && walk->op[other] < op)
            walk->before[slot] |= UINT64_C(1) << other;
    }
    walk->open |= UINT64_C(1) << slot;
    return true;
}

/* Everything that may happen next, where this has happened. */
static bool walk_expand(struct walk *walk, struct config config)
{
    for (uint64_t left = walk->open & ~config.done; left; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(left);
        struct config next = config;
        if (walk->before[slot] & walk->open & ~config.done)
            continue;
        if (!explains(&walk->ops[walk->op[slot]], &next.state))
            continue;
        next.done |= UINT64_C(1) << slot;
        if (!configs_add(&walk->seen, &next))
            return false;
    }
    return true;
}

/* `seen` becomes all that can be reached without going on after the operation has happened; `now`
 * those of them in which it has, and, of an unknown outcome, those before in which it has not. */
static bool walk_end(struct walk *walk, size_t op)
{
    unsigned slot = 0;
    bool good = true;
    while (!(walk->open >> slot & 1) || walk->op[slot] != op)
        slot++;
    uint64_t bit = UINT64_C(1) << slot;
    size_t before = walk->now.count;
    configs_clear(&walk->seen);
    for (size_t i = 0; good && i < before; i++)
        good = configs_add(&walk->seen, &walk->now.config[i]);
    configs_clear(&walk->now);
    for (size_t i = 0; good && i < walk->seen.count; i++) {
        struct config config = walk->seen.config[i];
        bool happened = (config.done & bit) != 0;
        if (happened || (i < before && walk->ops[op].maybe)) {
            struct config without = config;
            without.done &= ~bit;
            good = configs_add(&walk->now, &without);
        }
        if (good && !happened)
            good = walk_expand(walk, config);
    }
    walk->open &= ~bit;
    for (slot = 0; slot < HISTORY_WIDTH_MAX; slot++)
        walk->before[slot] &= ~bit; /* the slot will be another operation's */
    return good;
}

static enum history_verdict walk_all(struct walk *walk, const struct event *events, size_t count,
                                     size_t *culprit)
{
    for (size_t i = 0; i < count; i++) {
        const struct event *event = &events[i];
        if (!(event->end ? walk_end(walk, event->op) : walk_begin(walk, event->op)))
            return HISTORY_TOO_WIDE;
        if (walk->now.count == 0) {
            *culprit = event->op;
            return HISTORY_BAD;
        }
    }
    return HISTORY_GOOD;
}

enum history_verdict history_check(const struct history_op *ops, size_t count,
                                   struct history_state initial, size_t *culprit)
{
    struct walk walk;
    struct config first = {0, initial};
    enum history_verdict verdict = HISTORY_TOO_WIDE;
    struct event *events = make_events(ops, count);
    memset(&walk, 0, sizeof walk);
    walk.ops = ops;
    bool now = configs_init(&walk.now, CONFIGS_FIRST),
         seen = configs_init(&walk.seen, CONFIGS_FIRST);
    if (events && now && seen && configs_add(&walk.now, &first))
        verdict = walk_all(&walk, events, 2 * count, culprit);
    configs_fini(&walk.now);
    configs_fini(&walk.seen);
    free(events);
    return verdict;
}
