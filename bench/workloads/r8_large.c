/*
 * r8_large.c - R8: values of 64 KiB and 1 MiB: copied out and looked at in place, quiet and while a
 * writer overwrites the very keys that are read; against memcpy of as many bytes of the same pages.
 *
 * A view is looked at in eight places, so that it costs what a reader pays who needs a few fields.
 */
#include "own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/clock.h"
#include "harness/histogram.h"

#define ID         "R8"
#define KEYS       64u
#define LOOKS      8u
#define ROUNDS     2u /* over all keys, a repetition */
#define BUSY_READS 20000u

enum { COPY, VIEW, MEMCPY, VARIANTS };

struct r8 {
    struct own_samples samples;
    struct histogram busy[2]; /* copies, views */
    uint64_t again;           /* views that had to be taken again */
    uint32_t value_bytes;
    bool measure_busy;
    uint8_t *value; /* the writer's, for overwriting */
};

/* Every word of a value says which write it is of. */
static void fill(uint8_t *value, uint32_t bytes, uint64_t serial)
{
    for (uint32_t i = 0; i < bytes; i += 8)
        memcpy(value + i, &serial, 8);
}

static bool whole(const uint8_t *value, uint32_t bytes)
{
    uint64_t first, word;
    memcpy(&first, value, 8);
    for (unsigned i = 1; i <= LOOKS; i++) {
        memcpy(&word, value + (uint64_t)(bytes - 8) / 8 * i / LOOKS * 8, 8);
        if (word != first)
            return false;
    }
    return true;
}

static bool copy_one(const struct stele_words *words, uint64_t key, uint8_t *buffer, uint32_t bytes)
{
    size_t got = 0;
    return stele_words_get_bytes(words, key, buffer, bytes, &got) == STELE_OK && got == bytes &&
           whole(buffer, bytes);
}

static bool view_one(const struct stele_words *words, uint64_t key, uint32_t bytes, uint64_t *again)
{
    for (;;) {
        struct stele_view view;
        if (stele_words_view_take(words, key, &view) != STELE_OK || view.bytes != bytes)
            return false;
        bool right = whole(view.data, bytes);
        if (stele_words_view_valid(words, &view))
            return right;
        ++*again;
    }
}

static bool run_variant(unsigned variant, const struct stele_words *words, struct r8 *r8,
                        uint8_t *buffer, const uint8_t *from)
{
    uint32_t bytes = r8->value_bytes;
    for (uint64_t i = 0; i < ROUNDS * KEYS; i++) {
        uint64_t key = i * 37 % KEYS;
        if (variant == COPY && !copy_one(words, key, buffer, bytes))
            return false;
        if (variant == VIEW && !view_one(words, key, bytes, &r8->again))
            return false;
        if (variant == MEMCPY) {
            memcpy(buffer, from + key * bytes, bytes);
            if (!whole(buffer, bytes))
                return false;
        }
    }
    return true;
}

static enum stele_status read_quiet(const struct own *own, const struct stele_words *words,
                                    struct r8 *r8, uint8_t *buffer)
{
    size_t bytes = (size_t)KEYS * r8->value_bytes;
    uint8_t *from = memory_shared(bytes);
    if (!from)
        return STELE_ENOMEM;
    for (unsigned key = 0; key < KEYS; key++)
        fill(from + (size_t)key * r8->value_bytes, r8->value_bytes, key);
    memory_collapse(from, bytes);
    for (unsigned repetition = 0; repetition < own->session->repetitions; repetition++)
        for (unsigned variant = 0; variant < VARIANTS; variant++) {
            uint64_t before = clock_cpu_ns();
            if (!run_variant(variant, words, r8, buffer, from))
                return STELE_ECORRUPT;
            own_sample(&r8->samples, variant,
                       (double)(clock_cpu_ns() - before) / (ROUNDS * KEYS) / 1000);
        }
    return STELE_OK;
}

/* While the parent overwrites: each read by itself, so that the slow ones show. */
static enum stele_status read_busy(const struct stele_words *words, struct r8 *r8, uint8_t *buffer)
{
    for (uint64_t i = 0; i < BUSY_READS; i++) {
        uint64_t key = i * 37 % KEYS, before = clock_now_ns();
        bool right = i % 2 ? view_one(words, key, r8->value_bytes, &r8->again)
                           : copy_one(words, key, buffer, r8->value_bytes);
        histogram_record(&r8->busy[i % 2], clock_now_ns() - before);
        if (!right)
            return STELE_ECORRUPT;
    }
    return STELE_OK;
}

static enum stele_status read_large(const struct own *own, const struct stele_reader *reader,
                                    void *context)
{
    struct r8 *r8 = context;
    struct stele_words words;
    uint8_t *buffer = malloc(r8->value_bytes);
    enum stele_status status = stele_words_open(reader, "bench", STELE_U32, STELE_BYTES, &words);
    if (!buffer)
        status = STELE_ENOMEM;
    if (status == STELE_OK)
        status =
            r8->measure_busy ? read_busy(&words, r8, buffer) : read_quiet(own, &words, r8, buffer);
    free(buffer);
    return status;
}

static void overwrite(const struct own *own, uint64_t round, void *context)
{
    struct r8 *r8 = context;
    uint32_t key = (uint32_t)(dataset_mix(round) % KEYS);
    fill(r8->value, r8->value_bytes, round + KEYS);
    (void)stele_store_put(own->store, own->table, &key, sizeof key, r8->value, r8->value_bytes);
    stele_store_step(own->store, 64);
}

static enum stele_status run(struct session *session, struct r8 *r8, struct own *own)
{
    struct stele_type type = stele_type_of(STELE_U32, STELE_BYTES);
    enum stele_status status =
        own_open(own, session, &type, (uint64_t)r8->value_bytes * KEYS * 4 + (UINT64_C(128) << 20));
    for (uint32_t key = 0; key < KEYS && status == STELE_OK; key++) {
        fill(r8->value, r8->value_bytes, key);
        status =
            stele_store_put(own->store, own->table, &key, sizeof key, r8->value, r8->value_bytes);
    }
    if (status == STELE_OK)
        status = own_read(own, read_large, NULL, r8);
    r8->measure_busy = true;
    return status == STELE_OK ? own_read(own, read_large, overwrite, r8) : status;
}

/* The keys of the results live as long as the program: one set for each size. */
struct size {
    uint32_t bytes;
    const char *names[VARIANTS][2];
    const char *text;
};
static const struct size sizes[] = {
    {UINT32_C(64) << 10,
     {{"64 KiB, copied", "stele"}, {"64 KiB, view", "stele"}, {"64 KiB, copied", "memcpy"}},
     "64 KiB"},
    {UINT32_C(1) << 20,
     {{"1 MiB, copied", "stele"}, {"1 MiB, view", "stele"}, {"1 MiB, copied", "memcpy"}},
     "1 MiB"},
};

static void tell_busy(struct session *session, const struct size *size, const struct r8 *r8)
{
    static const char *const what[2] = {"copied", "view"};
    for (unsigned i = 0; i < 2; i++) {
        char text[96];
        snprintf(text, sizeof text, "%s, %s, being overwritten: p50", size->text, what[i]);
        results_value(session->results, ID, session->n, text, "us",
                      (double)histogram_quantile(&r8->busy[i], 0.5) / 1000, RESULTS_NO_REACH);
        snprintf(text, sizeof text, "%s, %s, being overwritten: p99.9", size->text, what[i]);
        results_value(session->results, ID, session->n, text, "us",
                      (double)histogram_quantile(&r8->busy[i], 0.999) / 1000, RESULTS_NO_REACH);
    }
}

static void compare(struct session *session, const struct size *size)
{
    struct results_key copy = {ID, session->n, size->names[COPY][0], "stele"};
    struct results_key view = {ID, session->n, size->names[VIEW][0], "stele"};
    struct results_key floor = {ID, session->n, size->names[MEMCPY][0], "memcpy"};
    char text[96];
    snprintf(text, sizeof text, "%s: copy / memcpy", size->text);
    results_ratio(session->results, copy, floor, text, 1.2);
    snprintf(text, sizeof text, "%s: view / memcpy", size->text);
    results_ratio(session->results, view, floor, text, RESULTS_NO_REACH);
}

void workload_r8(struct session *session)
{
    for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct own own = {0};
        struct r8 *r8 = memory_shared(sizeof *r8);
        enum stele_status status = STELE_ENOMEM;
        if (r8) {
            r8->value_bytes = sizes[s].bytes;
            r8->value = malloc(sizes[s].bytes);
            if (r8->value)
                status = run(session, r8, &own);
            own_close(&own);
            own_report(session, &r8->samples, ID, sizes[s].names, VARIANTS, "us");
            if (status == STELE_OK)
                tell_busy(session, &sizes[s], r8);
            free(r8->value);
            memory_release(r8, sizeof *r8);
        }
        if (status == STELE_OK)
            compare(session, &sizes[s]);
        else
            session_fail(session, ID, status);
    }
}
