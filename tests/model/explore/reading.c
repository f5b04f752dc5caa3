#include "reading.h"
#include "hooks.h"

#include <stdlib.h>

#define BUFFER_BYTES ((size_t)1 << 20)
#define SCAN_BYTES   ((size_t)8 << 10) /* scans skip larger values: copies of them take too long */

const char *explore_call_name(enum explore_call call)
{
    static const char *const name[] = {"get", "contains", "get_many", "view", "scan"};
    return name[call];
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
    reading->buffer = explore_alloc(NULL, BUFFER_BYTES);
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
    explore_expect(stele_table_open(&reader, "t", &reading->table), "reader's table");
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
    *from = (value & UINT32_MAX) << reading->table.map.granule_shift;
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
    const uint8_t *word = (const uint8_t *)&reading->table.shared->word;
    reading->search = search;
    search->context = reading;
    search->attempt = count_attempt;
    search->attempt_off = (uint64_t)(word - reading->table.map.base);
    search->block = block_of_ref;
}

static void begin_call(struct explore_reading *reading, const struct stele_scan *scan)
{
    reading->made = 0;
    reading->scan = scan;
    reading->scanned = 0;
}

/* ---- the judge ---------------------------------------------------------------------------- */

static int16_t *ghost_at(const struct explore_reading *reading, uint32_t index)
{
    return reading->ghost + (size_t)index * EXPLORE_KEYS;
}

static uint32_t upper_bound(const struct explore_search *search, uint32_t lower)
{
    uint32_t upper = search->newest > search->cur ? search->newest : search->cur;
    return upper > lower ? upper : lower;
}

/* The result must have been true at an instant in [lower, upper]; returns the first such. */
static uint32_t judge(struct explore_reading *reading, unsigned key, int value, uint32_t lower,
                      uint32_t upper)
{
    struct explore_search *search = reading->search;
    search->judged++;
    explore_note(search, "key %ld -> %ld", (long)key, value, 0);
    if (value == EXPLORE_TORN)
        explore_fail(search, "key %ld: a torn value, or another key's, was returned", (long)key, 0,
                     0);
    for (uint32_t index = lower; index <= upper; index++)
        if (ghost_at(reading, index)[key] == value)
            return index;
    if (value == EXPLORE_ABSENT)
        explore_fail(search, "key %ld: not found, but present from #%ld to #%ld", (long)key, lower,
                     upper);
    explore_note(search, "lower bound #%ld, upper bound #%ld", lower, upper, 0);
    explore_fail(search, "key %ld: value %ld was not held at any instant of the call", (long)key,
                 value, 0);
}

/* stele_contains(): any value, or none. */
static uint32_t judge_presence(struct explore_reading *reading, unsigned key, bool found,
                               uint32_t lower, uint32_t upper)
{
    struct explore_search *search = reading->search;
    search->judged++;
    for (uint32_t index = lower; index <= upper; index++)
        if ((ghost_at(reading, index)[key] >= 0) == found)
            return index;
    explore_fail(search, "key %ld: contains says %ld, at no instant of the call was it so",
                 (long)key, found, 0);
}

static int result_of(struct explore_reading *reading, unsigned key, enum stele_status status,
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

/* ---- calls -------------------------------------------------------------------------------- */

static uint32_t call_get(struct explore_reading *reading, unsigned key, uint32_t lower)
{
    const struct explore_key *k = &reading->stage->key[key];
    size_t bytes = 0;
    begin_call(reading, NULL);
    enum stele_status status =
        stele_get(&reading->table, k->bytes, k->length, reading->buffer, BUFFER_BYTES, &bytes);
    int value = result_of(reading, key, status, reading->buffer, bytes);
    return judge(reading, key, value, lower, upper_bound(reading->search, lower));
}

static uint32_t call_contains(struct explore_reading *reading, unsigned key, uint32_t lower)
{
    const struct explore_key *k = &reading->stage->key[key];
    begin_call(reading, NULL);
    enum stele_status status = stele_contains(&reading->table, k->bytes, k->length);
    uint32_t upper = upper_bound(reading->search, lower);
    if (status != STELE_OK && status != STELE_ENOTFOUND)
        return judge(reading, key, result_of(reading, key, status, NULL, 0), lower, upper);
    return judge_presence(reading, key, status == STELE_OK, lower, upper);
}

/* Each key is a lookup of its own: all are judged with the lower bound of the whole. */
static uint32_t call_many(struct explore_reading *reading, uint32_t lower)
{
    struct stele_lookup lookup[EXPLORE_KEYS];
    uint32_t first = lower;
    for (unsigned i = 0; i < reading->watches; i++) {
        const struct explore_key *k = &reading->stage->key[reading->watched[i]];
        memset(&lookup[i], 0, sizeof lookup[i]);
        lookup[i].key = k->bytes;
        lookup[i].key_bytes = k->length;
        lookup[i].buffer = reading->buffer + i * (BUFFER_BYTES / EXPLORE_KEYS);
        lookup[i].capacity = BUFFER_BYTES / EXPLORE_KEYS;
    }
    begin_call(reading, NULL);
    unsigned attempts = reading->attempts;
    reading->attempts = 1 + attempts * reading->watches; /* one for the group */
    stele_get_many(&reading->table, lookup, reading->watches);
    reading->attempts = attempts;
    for (unsigned i = 0; i < reading->watches; i++) {
        int value = result_of(reading, reading->watched[i], lookup[i].status, lookup[i].buffer,
                              lookup[i].value_bytes);
        uint32_t at =
            judge(reading, reading->watched[i], value, lower, upper_bound(reading->search, lower));
        first = at > first ? at : first;
    }
    return first;
}

static uint32_t call_view(struct explore_reading *reading, unsigned key, uint32_t lower)
{
    const struct explore_key *k = &reading->stage->key[key];
    struct stele_view view;
    view.bytes = 0;
    begin_call(reading, NULL);
    enum stele_status status = stele_view_take(&reading->table, k->bytes, k->length, &view);
    uint32_t upper = upper_bound(reading->search, lower);
    if (status == STELE_OK) {
        if (view.bytes > BUFFER_BYTES)
            explore_fail(reading->search, "key %ld: a view of %ld bytes", (long)key,
                         (long)view.bytes, 0);
        stelei_copy_out(reading->buffer, view.data, view.bytes);
        if (!stele_view_valid(&reading->table, &view)) {
            if (reading->search->alone)
                explore_fail(reading->search, "key %ld: a view is not valid although nobody writes",
                             (long)key, 0, 0);
            explore_prune(reading->search);
        }
    }
    int value = result_of(reading, key, status, reading->buffer, view.bytes);
    return judge(reading, key, value, lower, upper);
}

/* What of a scan matters for what it does next. */
static void mark_scan(struct explore_reading *reading, const struct stele_scan *scan,
                      uint64_t found, uint32_t lower)
{
    struct stele_scan live = *scan;
    if (!live.loaded || (live.next >= live.count && !live.more)) {
        live.bucket += live.loaded;
        live.after_last = live.after_last && !live.loaded;
        live.last_hash = live.after_last ? live.last_hash : 0;
        live.loaded = false;
        live.count = live.next = 0;
        live.clock = 0;
        memset(&live.probe, 0, sizeof live.probe);
    }
    struct {
        uint64_t state[8];
        struct stelei_probe probe;
    } part = {{found, lower, live.bucket, live.last_hash,
               (uint64_t)live.after_last | (uint64_t)live.more << 1 | (uint64_t)live.loaded << 2,
               live.count, live.next, live.clock},
              live.probe};
    unsigned char bytes[sizeof part + sizeof live.entry];
    size_t entries = (live.count - live.next) * sizeof live.entry[0];
    memcpy(bytes, &part, sizeof part);
    memcpy(bytes + sizeof part, &live.entry[live.next], entries);
    explore_mark(reading->search, bytes, sizeof part + entries);
}

static unsigned key_numbered(struct explore_reading *reading, const void *bytes, size_t length)
{
    const struct explore_stage *stage = reading->stage;
    for (unsigned i = 0; i < stage->keys; i++)
        if (stage->key[i].length == length && !memcmp(stage->key[i].bytes, bytes, length))
            return i;
    explore_fail(reading->search, "a scan returned a key of %ld bytes that never existed",
                 (long)length, 0, 0);
}

/* The one key that ever had a value of so many bytes, for those too large for a scan's buffer. */
static unsigned key_of_length(struct explore_reading *reading, size_t bytes)
{
    const struct explore_stage *stage = reading->stage;
    for (unsigned i = 0; i < stage->values; i++)
        if (stage->value[i].bytes == bytes)
            return stage->value[i].key;
    explore_fail(reading->search, "a scan met a value of %ld bytes that never existed", (long)bytes,
                 0, 0);
}

static void judge_missing(struct explore_reading *reading, uint64_t found, uint32_t lower)
{
    uint32_t upper = upper_bound(reading->search, lower);
    for (unsigned key = 0; key < reading->stage->keys; key++) {
        bool throughout = true;
        if (found >> key & 1)
            continue;
        for (uint32_t index = lower; index <= upper && throughout; index++)
            throughout = ghost_at(reading, index)[key] >= 0;
        if (throughout)
            explore_fail(reading->search,
                         "a scan did not return key %ld, present from #%ld to #%ld", (long)key,
                         lower, upper);
    }
}

static uint32_t call_scan(struct explore_reading *reading, uint32_t lower)
{
    struct stele_scan scan;
    uint64_t found = 0;
    stele_scan_begin(&scan, &reading->table);
    begin_call(reading, &scan);
    for (;;) {
        uint64_t key_bytes[32];
        size_t key_length = 0, bytes = 0;
        enum stele_status status = stele_scan_next(&scan, key_bytes, sizeof key_bytes, &key_length,
                                                   reading->buffer, SCAN_BYTES, &bytes);
        if (status == STELE_ESHORT) {
            found |= UINT64_C(1) << key_of_length(reading, bytes);
            stele_scan_skip(&scan);
            mark_scan(reading, &scan, found, lower);
            continue;
        }
        if (status == STELE_EEND || status == STELE_EDROPPED)
            break;
        if (status != STELE_OK)
            explore_fail(reading->search, "a scan ended with status %ld", (long)status, 0, 0);
        unsigned key = key_numbered(reading, key_bytes, key_length);
        int value = explore_value_of(reading->stage, key, reading->buffer, bytes);
        judge(reading, key, value, lower, upper_bound(reading->search, lower));
        found |= UINT64_C(1) << key;
        mark_scan(reading, &scan, found, lower);
    }
    judge_missing(reading, found, lower);
    return lower;
}

static uint32_t call_one(struct explore_reading *reading, uint32_t lower)
{
    unsigned key = 0;
    if (reading->call != EXPLORE_MANY && reading->call != EXPLORE_SCAN)
        key = reading->watched[explore_pick(reading->search, reading->watches)];
    switch (reading->call) {
    case EXPLORE_CONTAINS:
        return call_contains(reading, key, lower);
    case EXPLORE_MANY:
        return call_many(reading, lower);
    case EXPLORE_VIEW:
        return call_view(reading, key, lower);
    case EXPLORE_SCAN:
        return call_scan(reading, lower);
    case EXPLORE_GET:
    case EXPLORE_CALLS:
        break;
    }
    return call_get(reading, key, lower);
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
    const struct explore_key *k = &reading->stage->key[alone->key];
    size_t bytes = 0;
    begin_call(reading, NULL);
    enum stele_status status =
        stele_get(&reading->table, k->bytes, k->length, reading->buffer, BUFFER_BYTES, &bytes);
    int value = result_of(reading, alone->key, status, reading->buffer, bytes);
    if (value == EXPLORE_TORN)
        explore_fail(search, "key %ld: torn for a reader alone", (long)alone->key, 0, 0);
    if (bytes <= STELEI_LARGE_BYTES && value != EXPLORE_GONE && reading->made > 1)
        explore_fail(search, "key %ld: a reader alone needs %ld attempts", (long)alone->key,
                     (long)reading->made, 0);
    ghost_at(reading, search->horizon)[alone->key] = (int16_t)value;
}

/* Every call, alone: must end with the state that get found. */
static void alone_calls(struct explore_search *search, void *context)
{
    struct explore_reading *reading = context;
    uint32_t at = search->horizon;
    for (unsigned i = 0; i < reading->watches; i++) {
        call_contains(reading, reading->watched[i], at);
        call_view(reading, reading->watched[i], at);
    }
    call_many(reading, at);
    call_scan(reading, at);
}

/* Between two acknowledgements a key goes once from its old value to its new one. */
static bool timeline_right(struct explore_reading *reading, struct explore_search *search,
                           unsigned key)
{
    const struct explore_memory *memory = reading->memory;
    uint32_t ack = 0;
    for (uint32_t index = 0; index <= memory->last; index++) {
        int16_t value = ghost_at(reading, index)[key];
        while (ack < memory->acks && memory->ack[ack] < index)
            ack++;
        bool done = ack < memory->acks && memory->ack[ack] == index;
        int16_t old = reading->stage->held[ack][key];
        int16_t new = ack < memory->acks ? reading->stage->held[ack + 1][key] : old;
        bool back = index > 0 &&
                    old != new &&value == old &&ghost_at(reading, index - 1)[key] == new &&
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
