/*
 * The model test: random operations on a store and on a plain map, and whatever either says the
 * other must say too. Tables come, go and are cleared; values change size; the segment fills up;
 * writers close and adopt. After each batch: verify, and every entry compared through the writer's
 * find, a reader's get and a reader's scan. One reader stays attached all the time. In half of the
 * worlds the sizes of values drift from batch to batch, so that slabs become sparse and are emptied.
 *
 *   random_model [SEED [SECONDS]]      also STELE_TEST_SEED; SECONDS scales with STELE_TEST_SCALE
 *
 * A run is repeated by its seed but for one thing: the segment's hash seed is drawn by the store.
 */
#include <stele/stele.h>
#include <stele/store.h>

#include <inttypes.h>
#include <stdio.h>

#include "random.h"
#include "reference.h"
#include "segment_name.h"
#include "suite.h"

#define TABLES      6u
#define VALUE_BYTES (1u << 20)

struct model {
    struct random random;
    struct stele_store *store;
    struct stele_reader reader;
    struct reference map[TABLES];
    bool live[TABLES];
    uint32_t id[TABLES];
    struct stele_table handle[TABLES]; /* opened once for each life of a table */
    uint64_t max_bytes;
    uint32_t keys; /* different ones in use: few make replaces, many make growth */
    bool drifting; /* most values have about `size` bytes, which changes with each batch */
    uint32_t size;
    uint64_t seed, operations, full, adoptions, compared, evacuations, moved_bytes;
    uint8_t value[VALUE_BYTES], other[VALUE_BYTES];
};

#define MUST(model, condition, ...)                                                                \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: seed %" PRIu64 ", operation %" PRIu64 ": %s: ", __FILE__,      \
                    __LINE__, (model)->seed, (model)->operations, #condition);                     \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            segment_name_clean();                                                                  \
            exit(EXIT_FAILURE);                                                                    \
        }                                                                                          \
    } while (0)

/* ---- the world ------------------------------------------------------------------------------ */

static void table_name(unsigned t, char name[16])
{
    snprintf(name, 16, "table %u", t);
}

static void open_store(struct model *model)
{
    struct stele_store_options options = {.name = segment_name(),
                                          .max_bytes = model->max_bytes,
                                          .unlocked = random_below(&model->random, 2),
                                          .small_pages = true};
    char detail[256];
    enum stele_status status = stele_store_open(&options, &model->store, detail, sizeof detail);
    MUST(model, status == STELE_OK, "%s", detail);
}

/* A new segment, empty, of a random size; large ones never fill up. */
static void begin_world(struct model *model)
{
    static const uint64_t mib[] = {8, 16, 64, 256};
    segment_name_clean();
    model->max_bytes = mib[random_below(&model->random, 4)] << 20;
    model->keys = 10u << random_below(&model->random, 10);
    model->drifting = random_below(&model->random, 2);
    if (model->drifting) {
        model->max_bytes = mib[random_below(&model->random, 2)] << 20;
        model->keys = 2000 + random_below(&model->random, 8000);
    }
    memset(model->live, 0, sizeof model->live);
    open_store(model);
    enum stele_status status = stele_reader_attach(&model->reader, segment_name());
    MUST(model, status == STELE_OK, "%s", stele_status_name(status));
}

/* What the store says about itself ends with it. */
static void close_store(struct model *model)
{
    struct stele_store_stats stats;
    stele_store_get_stats(model->store, &stats);
    MUST(model, stats.adoption_dropped == 0, "%" PRIu64 " entries dropped", stats.adoption_dropped);
    model->evacuations += stats.evacuations;
    model->moved_bytes += stats.moved_bytes;
    stele_store_close(model->store);
}

static void end_world(struct model *model)
{
    for (unsigned t = 0; t < TABLES; t++)
        reference_clear(&model->map[t]);
    stele_reader_detach(&model->reader);
    close_store(model);
    stele_store_unlink(segment_name());
}

/* ---- operations ----------------------------------------------------------------------------- */

static uint32_t random_key(struct model *model, uint8_t key[256])
{
    uint32_t number = random_below(&model->random, model->keys);
    uint32_t bytes = (uint32_t)(random_mix(number) % 201);
    random_bytes(number, key, bytes);
    if (bytes >= 4) /* short ones may coincide: then they are the same key for both */
        memcpy(key, &number, 4);
    return bytes;
}

static uint32_t random_value_bytes(struct model *model)
{
    uint32_t kind = random_below(&model->random, 1000);
    if (kind < 2)
        return VALUE_BYTES - random_below(&model->random, 100);
    if (model->drifting && kind < 900)
        return model->size + random_below(&model->random, 16);
    if (kind < 100)
        return random_below(&model->random, 20001);
    return random_below(&model->random, kind < 500 ? 64 : 600);
}

static void create(struct model *model, unsigned t)
{
    char name[16];
    uint32_t id = UINT32_MAX;
    table_name(t, name);
    enum stele_status status = stele_store_table_create(model->store, name, NULL, &id);
    if (model->live[t]) {
        MUST(model, status == STELE_EEXIST && id == model->id[t], "table %u", t);
        return;
    }
    if (status == STELE_ENOSPC) {
        model->full++;
        return;
    }
    MUST(model, status == STELE_OK, "table %u: %s", t, stele_status_name(status));
    model->live[t] = true;
    model->id[t] = id;
    status = stele_table_open(&model->reader, name, &model->handle[t]);
    MUST(model, status == STELE_OK, "table %u: %s", t, stele_status_name(status));
}

static void drop(struct model *model, unsigned t)
{
    uint8_t byte;
    size_t bytes;
    enum stele_status status = stele_store_table_drop(model->store, model->id[t]);
    MUST(model, status == STELE_OK, "table %u: %s", t, stele_status_name(status));
    reference_clear(&model->map[t]);
    model->live[t] = false;
    status = stele_get(&model->handle[t], "k", 1, &byte, 1, &bytes);
    MUST(model, status == STELE_EDROPPED, "table %u: %s", t, stele_status_name(status));
}

static void clear(struct model *model, unsigned t)
{
    enum stele_status status = stele_store_table_clear(model->store, model->id[t]);
    if (status == STELE_ENOSPC) {
        model->full++;
        return;
    }
    MUST(model, status == STELE_OK, "table %u: %s", t, stele_status_name(status));
    reference_clear(&model->map[t]);
}

/* Put, insert or replace. */
static void write_entry(struct model *model, unsigned t)
{
    uint8_t key[256];
    uint32_t key_bytes = random_key(model, key), bytes = random_value_bytes(model),
             id = model->id[t];
    uint64_t number = random_next(&model->random);
    bool present = reference_find(&model->map[t], key, key_bytes) != NULL;
    unsigned mode = random_below(&model->random, 4);
    enum stele_status status, expected = STELE_OK;
    random_bytes(number, model->value, bytes);
    if (mode == 0) {
        status = stele_store_insert(model->store, id, key, key_bytes, model->value, bytes);
        expected = present ? STELE_EEXIST : STELE_OK;
    } else if (mode == 1) {
        status = stele_store_replace(model->store, id, key, key_bytes, model->value, bytes);
        expected = present ? STELE_OK : STELE_ENOTFOUND;
    } else {
        status = stele_store_put(model->store, id, key, key_bytes, model->value, bytes);
    }
    if (status == STELE_ENOSPC && expected == STELE_OK) {
        model->full++; /* nothing happened: the comparison shows it */
        return;
    }
    MUST(model, status == expected, "table %u, mode %u: %s", t, mode, stele_status_name(status));
    if (status == STELE_OK)
        reference_put(&model->map[t], key, key_bytes, number, bytes);
}

static void erase_entry(struct model *model, unsigned t)
{
    uint8_t key[256];
    uint32_t key_bytes = random_key(model, key);
    bool present = reference_erase(&model->map[t], key, key_bytes);
    enum stele_status status = stele_store_erase(model->store, model->id[t], key, key_bytes);
    MUST(model, status == (present ? STELE_OK : STELE_ENOTFOUND), "table %u: %s", t,
         stele_status_name(status));
}

/* What the writer and the reader say about a random key, present or not. */
static void look(struct model *model, unsigned t)
{
    uint8_t key[256];
    const void *value = NULL;
    uint32_t key_bytes = random_key(model, key), bytes = 0;
    size_t got = 0;
    const struct reference_entry *entry = reference_find(&model->map[t], key, key_bytes);
    enum stele_status expected = entry ? STELE_OK : STELE_ENOTFOUND;
    enum stele_status status =
        stele_store_find(model->store, model->id[t], key, key_bytes, &value, &bytes);
    MUST(model, status == expected, "find: %s", stele_status_name(status));
    status = stele_get(&model->handle[t], key, key_bytes, model->other, VALUE_BYTES, &got);
    MUST(model, status == expected, "get: %s", stele_status_name(status));
    if (!entry)
        return;
    random_bytes(entry->value_number, model->value, entry->value_bytes);
    MUST(model, bytes == entry->value_bytes && memcmp(value, model->value, bytes) == 0,
         "find: %u bytes", bytes);
    MUST(model, got == bytes && memcmp(model->other, model->value, got) == 0, "get: %zu bytes",
         got);
}

static void operate(struct model *model)
{
    unsigned t = random_below(&model->random, TABLES);
    uint32_t kind = random_below(&model->random, 1000);
    model->operations++;
    if (!model->live[t] || kind == 0)
        create(model, t);
    else if (kind == 1 && random_below(&model->random, 8) == 0)
        drop(model, t);
    else if (kind == 2 && random_below(&model->random, 4) == 0)
        clear(model, t);
    else if (kind < 550)
        write_entry(model, t);
    else if (kind < 800)
        erase_entry(model, t);
    else
        look(model, t);
}

/* ---- comparison ----------------------------------------------------------------------------- */

static void compare_entries(struct model *model, unsigned t)
{
    for (unsigned i = 0; i < REFERENCE_BUCKETS; i++)
        for (struct reference_entry *entry = model->map[t].bucket[i]; entry; entry = entry->next) {
            const void *value = NULL;
            uint32_t bytes = 0;
            size_t got = 0;
            entry->met = 0;
            random_bytes(entry->value_number, model->value, entry->value_bytes);
            enum stele_status status = stele_store_find(model->store, model->id[t], entry->key,
                                                        entry->key_bytes, &value, &bytes);
            MUST(model,
                 status == STELE_OK && bytes == entry->value_bytes &&
                     memcmp(value, model->value, bytes) == 0,
                 "find: %s", stele_status_name(status));
            status = stele_get(&model->handle[t], entry->key, entry->key_bytes, model->other,
                               VALUE_BYTES, &got);
            MUST(model,
                 status == STELE_OK && got == entry->value_bytes &&
                     memcmp(model->other, model->value, got) == 0,
                 "get: %s", stele_status_name(status));
            model->compared++;
        }
}

static void compare_scan(struct model *model, unsigned t)
{
    struct stele_scan scan;
    uint8_t key[256];
    size_t key_bytes, value_bytes;
    uint64_t count = 0;
    enum stele_status status;
    stele_scan_begin(&scan, &model->handle[t]);
    while ((status = stele_scan_next(&scan, key, sizeof key, &key_bytes, model->other, VALUE_BYTES,
                                     &value_bytes)) == STELE_OK) {
        struct reference_entry *entry = reference_find(&model->map[t], key, (uint32_t)key_bytes);
        MUST(model, entry != NULL, "the scan returned a key that is not there");
        MUST(model, entry->met++ == 0, "the scan returned a key twice");
        random_bytes(entry->value_number, model->value, entry->value_bytes);
        MUST(model,
             value_bytes == entry->value_bytes &&
                 memcmp(model->other, model->value, value_bytes) == 0,
             "the scan returned another value");
        count++;
    }
    MUST(model, status == STELE_EEND, "scan: %s", stele_status_name(status));
    MUST(model, count == model->map[t].entries, "the scan returned %" PRIu64 " keys", count);
}

static void compare(struct model *model)
{
    char text[256] = "";
    bool adopting = stele_store_adopting(model->store);
    for (unsigned t = 0; adopting && t < TABLES; t++) /* first in the middle of the pass */
        if (model->live[t])
            compare_entries(model, t);
    enum stele_status status = stele_store_verify(model->store, text, sizeof text);
    MUST(model, status == STELE_OK, "%s", text);
    for (unsigned t = 0; t < TABLES; t++) {
        struct stele_store_table_stats stats;
        uint64_t entries = 0;
        if (!model->live[t])
            continue;
        compare_entries(model, t);
        compare_scan(model, t);
        status = stele_store_get_table_stats(model->store, model->id[t], &stats);
        MUST(model,
             status == STELE_OK && stats.entries == model->map[t].entries &&
                 stats.payload_bytes == model->map[t].payload_bytes,
             "table %u: %" PRIu64 " entries", t, stats.entries);
        status = stele_table_count(&model->handle[t], &entries);
        MUST(model, status == STELE_OK && entries == model->map[t].entries, "table %u", t);
    }
}

/* ---- batches -------------------------------------------------------------------------------- */

static void change_writers(struct model *model)
{
    close_store(model);
    open_store(model);
    MUST(model, stele_store_get_origin(model->store) == STELE_STORE_ADOPTED, "not adopted");
    model->adoptions++;
}

static void run_batch(struct model *model)
{
    uint32_t operations = 1 + random_below(&model->random, 3000);
    uint32_t every = 1u << random_below(&model->random, 8); /* how eagerly it does housework */
    uint32_t budget = 1u << random_below(&model->random, 6);
    model->size = 8u << random_below(&model->random, 8);
    if (model->drifting)
        operations += 6000;
    if (random_below(&model->random, 3) == 0)
        change_writers(model);
    for (uint32_t i = 0; i < operations; i++) {
        operate(model);
        if (i % every == 0)
            stele_store_step(model->store, budget);
        if (random_below(&model->random, 20000) == 0)
            change_writers(model); /* also in the middle of a pass, with tables half given back */
    }
    compare(model);
}

static uint64_t choose_seed(const char *argument)
{
    struct timespec now;
    const char *text = argument ? argument : getenv("STELE_TEST_SEED");
    clock_gettime(CLOCK_REALTIME, &now);
    return text ? strtoull(text, NULL, 0)
                : random_mix((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30) >> 32;
}

int main(int argc, char **argv)
{
    struct model *model = calloc(1, sizeof *model);
    if (!model)
        return EXIT_FAILURE;
    model->seed = choose_seed(argc > 1 ? argv[1] : NULL);
    model->random.state = model->seed;
    double end = suite_seconds() + (argc > 2 ? atof(argv[2]) : 5.0 * suite_scale());
    printf("seed %" PRIu64 "\n", model->seed);
    fflush(stdout);
    segment_name_init("model");
    unsigned worlds = 0;
    do { /* at least one world, whatever the time says */
        unsigned batches = 1 + random_below(&model->random, 20);
        begin_world(model);
        while (batches-- > 0 && (worlds == 0 || suite_seconds() < end))
            run_batch(model);
        end_world(model);
        worlds++;
    } while (suite_seconds() < end);
    printf("%u worlds, %" PRIu64 " operations (%" PRIu64 " found it full), %" PRIu64
           " adoptions, %" PRIu64 " entries compared, %" PRIu64
           " passes over sparse slabs moved %" PRIu64 " bytes\n",
           worlds, model->operations, model->full, model->adoptions, model->compared,
           model->evacuations, model->moved_bytes);
    free(model);
    return segment_name_fini(EXIT_SUCCESS);
}
