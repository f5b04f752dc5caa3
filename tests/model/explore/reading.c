#include "hooks.h"
#include "reading_parts.h"

#include <stdio.h>
#include <stdlib.h>

const char *explore_call_name(enum explore_call call)
{
    static const char *const name[] = {"get", "contains", "get_many", "view", "scan", "current"};
    return name[call];
}

bool explore_call_fits(enum explore_call call, const struct stele_type *type)
{
    if (stele_type_has_lists(type))
        return call != EXPLORE_MANY;
    bool in_place = !stele_type_has_word_keys(type) || !stele_kind_bytes(type->value_kind);
    return in_place || (call != EXPLORE_VIEW && call != EXPLORE_CURRENT);
}

/* ---- set up ------------------------------------------------------------------------------- */

void explore_reading_init(struct explore_reading *reading, const struct explore_stage *stage,
                          const struct explore_memory *memory)
{
    struct stele_reader reader;
    const uint8_t *base = memory->history->image;
    const struct stelei_header *header = (const struct stelei_header *)(const void *)base;
    memset(reading, 0, sizeof *reading);
    reading->stage = stage;
    reading->memory = memory;
    reading->calls_in_a_row = 2;
    reading->attempts = 2;
    reading->buffer = explore_alloc(NULL, READING_BUFFER_BYTES);
    reading->ghost =
        explore_alloc(NULL, ((size_t)memory->last + 1) * EXPLORE_KEYS * sizeof reading->ghost[0]);
    for (unsigned i = 0; i < stage->keys; i++)
        if (stage->key[i].watched)
            reading->watched[reading->watches++] = i;
    memset(&reader, 0, sizeof reader);
    reader.map.base = base;
    reader.map.length = memory->history->bytes;
    reader.map.hash_seed = header->hash_seed;
    reader.map.tables_off = header->tables_off;
    reader.map.table_capacity = header->table_capacity;
    reader.map.granule_shift = header->granule_shift;
    explore_hooks_off();
    explore_expect(stele_table_open_any(&reader, "t", &reading->words.table), "reader's table");
}

void explore_reading_fini(struct explore_reading *reading)
{
    free(reading->ghost);
    free(reading->buffer);
    memset(reading, 0, sizeof *reading);
}

/* ---- attempts, dependencies --------------------------------------------------------------- */

/* Every attempt begins with an acquire load of the table word. */
static void count_attempt(void *context)
{
    struct explore_reading *reading = context;
    struct explore_search *search = reading->search;
    if (reading->scan && reading->scan->bucket != reading->scanned) {
        reading->scanned = reading->scan->bucket;
        reading->made = 0;
    }
    if (++reading->made <= reading->attempts)
        return;
    if (search->alone)
        explore_fail(search, "a reader alone does not finish within %ld attempts",
                     (long)reading->attempts, 0, 0);
    explore_prune(search); /* a retry has a larger view: it shows nothing that a first does not */
}

/* The block of the arena that a ref leads to, by the class of its unit. */
static bool block_of_ref(void *context, uint64_t value, uint64_t *from, uint64_t *to)
{
    const struct explore_reading *reading = context;
    const struct explore_stage *stage = reading->stage;
    *from = (value & UINT32_MAX) << reading->words.table.map.granule_shift;
    if (*from == 0 || *from >= stage->bytes)
        return false;
    unsigned cls = stage->base[stage->classes_off + (*from >> STELEI_UNIT_SHIFT)];
    if (cls == STELEI_CLASS_FREE || cls > STELEI_CLASS_COUNT)
        *to = *from + STELEI_CHUNK_BYTES / 2; /* a run: its end stands nowhere in the segment */
    else
        *to = *from + stelei_class_bytes(cls);
    return true;
}

void explore_reading_attach(struct explore_reading *reading, struct explore_search *search)
{
    const uint8_t *word = (const uint8_t *)&reading->words.table.shared->word;
    reading->search = search;
    search->context = reading;
    search->attempt = count_attempt;
    search->attempt_off = (uint64_t)(word - reading->words.table.map.base);
    search->block = block_of_ref;
}

void explore_begin_call(struct explore_reading *reading, const struct stele_scan *scan)
{
    reading->made = 0;
    reading->scan = scan;
    reading->scanned = 0;
}

/* ---- the judge ---------------------------------------------------------------------------- */

int16_t *explore_ghost_at(const struct explore_reading *reading, uint32_t index)
{
    return reading->ghost + (size_t)index * EXPLORE_KEYS;
}

uint32_t explore_upper_bound(const struct explore_search *search, uint32_t lower)
{
    uint32_t upper = search->newest > search->cur ? search->newest : search->cur;
    return upper > lower ? upper : lower;
}

uint32_t explore_judge(struct explore_reading *reading, unsigned key, int value, uint32_t lower,
                       uint32_t upper)
{
    struct explore_search *search = reading->search;
    search->judged++;
    explore_note(search, "key %ld -> %ld", (long)key, value, 0);
    if (value == EXPLORE_TORN)
        explore_fail(search, "key %ld: a torn value, or another key's, was returned", (long)key, 0,
                     0);
    for (uint32_t index = lower; index <= upper; index++)
        if (explore_ghost_at(reading, index)[key] == value)
            return index;
    if (value == EXPLORE_ABSENT)
        explore_fail(search, "key %ld: not found, but present from #%ld to #%ld", (long)key, lower,
                     upper);
    explore_note(search, "lower bound #%ld, upper bound #%ld", lower, upper, 0);
    explore_fail(search, "key %ld: value %ld was not held at any instant of the call", (long)key,
                 value, 0);
}

uint32_t explore_judge_presence(struct explore_reading *reading, unsigned key, bool found,
                                uint32_t lower, uint32_t upper)
{
    struct explore_search *search = reading->search;
    search->judged++;
    for (uint32_t index = lower; index <= upper; index++)
        if ((explore_ghost_at(reading, index)[key] >= 0) == found)
            return index;
    explore_fail(search, "key %ld: contains says %ld, at no instant of the call was it so",
                 (long)key, found, 0);
}

int explore_result_of(struct explore_reading *reading, unsigned key, enum stele_status status,
                      const void *data, size_t bytes)
{
    switch (status) {
    case STELE_OK:
        return explore_value_of(reading->stage, key, data, bytes);
    case STELE_ENOTFOUND:
        return EXPLORE_ABSENT;
    case STELE_EDROPPED:
        return EXPLORE_GONE;
    default:
        explore_fail(reading->search, "key %ld: status %ld", (long)key, (long)status, 0);
    }
}

/* ---- a run -------------------------------------------------------------------------------- */

static uint32_t call_one(struct explore_reading *reading, uint32_t lower)
{
    unsigned key = 0;
    if (reading->call != EXPLORE_MANY && reading->call != EXPLORE_SCAN)
        key = reading->watched[explore_pick(reading->search, reading->watches)];
    switch (reading->call) {
    case EXPLORE_CONTAINS:
        return explore_call_contains(reading, key, lower);
    case EXPLORE_MANY:
        return explore_call_many(reading, lower);
    case EXPLORE_VIEW:
        return explore_call_view(reading, key, lower);
    case EXPLORE_CURRENT:
        return explore_call_current(reading, key, lower);
    case EXPLORE_SCAN:
        return explore_call_scan(reading, lower);
    case EXPLORE_GET:
    case EXPLORE_CALLS:
        break;
    }
    return explore_call_get(reading, key, lower);
}

void explore_reading_program(struct explore_search *search, void *context)
{
    struct explore_reading *reading = context;
    uint32_t lower = 0;
    for (unsigned i = 0; i < reading->calls_in_a_row; i++) {
        uint64_t live[2] = {i, lower};
        explore_mark(search, live, sizeof live);
        uint32_t heard = explore_hear(search);
        lower = heard > lower ? heard : lower;
        lower = call_one(reading, lower);
    }
}

/* ---- a reader alone ----------------------------------------------------------------------- */

struct alone {
    struct explore_reading *reading;
    unsigned key;
};

static void alone_program(struct explore_search *search, void *context)
{
    struct alone *alone = context;
    struct explore_reading *reading = alone->reading;
    size_t bytes = 0;
    explore_begin_call(reading, NULL);
    enum stele_status status = explore_read_value(reading, alone->key, &bytes);
    int value = explore_result_of(reading, alone->key, status, reading->buffer, bytes);
    if (value == EXPLORE_TORN)
        explore_fail(search, "key %ld: torn for a reader alone", (long)alone->key, 0, 0);
    if (bytes <= STELEI_LARGE_BYTES && value != EXPLORE_GONE && reading->made > 1)
        explore_fail(search, "key %ld: a reader alone needs %ld attempts", (long)alone->key,
                     (long)reading->made, 0);
    explore_ghost_at(reading, search->horizon)[alone->key] = (int16_t)value;
}

/* Every call, alone: must end with the state that get found. */
static void alone_calls(struct explore_search *search, void *context)
{
    struct explore_reading *reading = context;
    uint32_t at = search->horizon;
    const struct stele_type *type = &reading->stage->type;
    for (unsigned i = 0; i < reading->watches; i++) {
        explore_call_contains(reading, reading->watched[i], at);
        if (explore_call_fits(EXPLORE_VIEW, type))
            explore_call_view(reading, reading->watched[i], at);
        if (explore_call_fits(EXPLORE_CURRENT, type))
            explore_call_current(reading, reading->watched[i], at);
    }
    if (explore_call_fits(EXPLORE_MANY, type))
        explore_call_many(reading, at);
    explore_call_scan(reading, at);
}

/* Between two acknowledgements a key goes once from its old value to its new one. */
static bool timeline_right(struct explore_reading *reading, struct explore_search *search,
                           unsigned key)
{
    const struct explore_memory *memory = reading->memory;
    uint32_t ack = 0;
    for (uint32_t index = 0; index <= memory->last; index++) {
        int16_t value = explore_ghost_at(reading, index)[key];
        while (ack < memory->acks && memory->ack[ack] < index)
            ack++;
        bool done = ack < memory->acks && memory->ack[ack] == index;
        int16_t old = reading->stage->held[ack][key];
        int16_t new = ack < memory->acks ? reading->stage->held[ack + 1][key] : old;
        bool back = index > 0 &&
                    old != new &&value == old &&explore_ghost_at(reading, index - 1)[key] == new &&
                    (ack == 0 || memory->ack[ack - 1] < index - 1);
        if ((value == old || value == new) && (!done || value == new) && !back)
            continue;
        search->failed = true;
        search->report = explore_alloc(NULL, 200);
        snprintf(search->report, 200,
                 "  VIOLATION: key %u: a reader alone finds %d after store #%u of %u, "
                 "while the value goes from %d to %d\n",
                 key, value, index, memory->last, old, new);
        return false;
    }
    return true;
}

bool explore_reading_ghost(struct explore_reading *reading, struct explore_search *search)
{
    struct alone alone = {reading, 0};
    explore_reading_attach(reading, search);
    explore_hooks_search(search);
    bool right = true;
    for (uint32_t index = 0; index <= reading->memory->last && right; index++) {
        for (alone.key = 0; alone.key < reading->stage->keys && right; alone.key++)
            right = explore_search_alone(search, alone_program, &alone, index);
        if (right)
            right = explore_search_alone(search, alone_calls, reading, index);
    }
    explore_hooks_off();
    for (unsigned key = 0; key < reading->stage->keys && right; key++)
        right = timeline_right(reading, search, key);
    return right;
}
