/*
 * stele.c - the store itself: an embedded writer in the owner, a process that maps the segment
 * read-only in the reader.
 */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

#include <stele/stele.h>
#include <stele/store.h>

#define TABLE_NAME "bench"

struct stele_state {
    struct stele_store *store; /* owner */
    uint32_t table_id;
    struct stele_reader reader; /* reader */
    struct stele_table table;
};

static enum stele_status fail(const char *what, enum stele_status status, const char *detail)
{
    fprintf(stderr, "stele: %s: %s%s%s\n", what, stele_status_text(status), *detail ? ": " : "",
            detail);
    return status;
}

static void stele_close(void *state)
{
    struct stele_state *self = state;
    stele_store_close(self->store);
    free(self);
}

static enum stele_status stele_load(const struct peer_setup *setup, void **state)
{
    const struct bench_dataset *dataset = setup->dataset;
    char detail[256] = "";
    struct stele_state *self = calloc(1, sizeof *self);
    if (!self)
        return STELE_ENOMEM;
    /* sparse: room for what the churn of M1 may need besides */
    struct stele_store_options options = {.name = setup->name,
                                          .max_bytes = (UINT64_C(256) << 20) + dataset->n * 256,
                                          .unlocked = true,
                                          .small_pages = setup->pages == PEER_PAGES_4K};
    options.max_bytes &= ~(uint64_t)(MEMORY_HUGE_BYTES - 1);
    enum stele_status status = stele_store_open(&options, &self->store, detail, sizeof detail);
    if (status != STELE_OK) {
        free(self);
        return fail("open", status, detail);
    }
    status = stele_store_table_create(self->store, TABLE_NAME, NULL, &self->table_id);
    for (uint64_t i = 0; i < dataset->n && status == STELE_OK; i++) {
        struct bench_key key = dataset_key(i);
        struct bench_value value = dataset_value(key, 0);
        status =
            stele_store_insert(self->store, self->table_id, &key, sizeof key, &value, sizeof value);
    }
    if (status != STELE_OK) {
        stele_close(self);
        return fail("load", status, "");
    }
    stele_store_fence();
    *state = self;
    return STELE_OK;
}

static enum stele_status stele_attach(const char *name, void **state)
{
    struct stele_state *self = calloc(1, sizeof *self);
    if (!self)
        return STELE_ENOMEM;
    enum stele_status status = stele_reader_attach(&self->reader, name);
    if (status == STELE_OK)
        status = stele_table_open(&self->reader, TABLE_NAME, &self->table);
    if (status != STELE_OK) {
        free(self);
        return fail("attach", status, "");
    }
    *state = self;
    return STELE_OK;
}

/* Refused while the store is open. */
static void stele_unlink(const char *name)
{
    (void)stele_store_unlink(name);
}

static void stele_spans(void *state, struct memory_spans *spans)
{
    const struct stele_state *self = state;
    struct stele_reader_stats stats;
    if (self->store) /* its memory is its own affair */
        return;
    stele_reader_get_stats(&self->reader, &stats);
    memory_add(spans, self->reader.map.base, (size_t)stats.committed_bytes);
}

static void stele_get_each(void *state, const struct bench_key *keys, uint64_t count,
                           struct peer_tally *tally)
{
    const struct stele_state *self = state;
    for (uint64_t i = 0; i < count; i++) {
        struct bench_value value;
        size_t bytes = 0;
        enum stele_status status =
            stele_get(&self->table, &keys[i], sizeof keys[i], &value, sizeof value, &bytes);
        if (status == STELE_OK && bytes == sizeof value)
            peer_count_found(tally, &keys[i], &value);
        else if (status == STELE_ENOTFOUND)
            tally->missed++;
        else
            tally->failed++;
    }
}

#define BATCH_MAX 32u

static void stele_get_batch(void *state, const struct bench_key *keys, uint64_t count,
                            unsigned batch, struct peer_tally *tally)
{
    const struct stele_state *self = state;
    struct stele_lookup lookups[BATCH_MAX];
    struct bench_value values[BATCH_MAX];
    for (unsigned j = 0; j < BATCH_MAX; j++) {
        lookups[j].key_bytes = sizeof keys[0];
        lookups[j].buffer = &values[j];
        lookups[j].capacity = sizeof values[j];
    }
    for (uint64_t i = 0; i < count; i += batch) {
        unsigned some = count - i < batch ? (unsigned)(count - i) : batch;
        for (unsigned j = 0; j < some; j++)
            lookups[j].key = &keys[i + j];
        stele_get_many(&self->table, lookups, some);
        for (unsigned j = 0; j < some; j++) {
            if (lookups[j].status == STELE_OK && lookups[j].value_bytes == sizeof values[j])
                peer_count_found(tally, &keys[i + j], &values[j]);
            else if (lookups[j].status == STELE_ENOTFOUND)
                tally->missed++;
            else
                tally->failed++;
        }
    }
}

static uint64_t stele_bytes(void *state)
{
    const struct stele_state *self = state;
    struct stele_store_stats stats;
    stele_store_get_stats(self->store, &stats);
    return stats.committed_bytes;
}

static uint64_t stele_used_bytes(void *state)
{
    const struct stele_state *self = state;
    struct stele_store_stats stats;
    stele_store_get_stats(self->store, &stats);
    return stats.used_bytes;
}

static enum stele_status stele_put(void *state, const struct bench_key *key, const void *value,
                                   uint32_t value_bytes)
{
    const struct stele_state *self = state;
    return stele_store_put(self->store, self->table_id, key, sizeof *key, value, value_bytes);
}

const struct peer peer_stele = {
    .name = "stele",
    .load = stele_load,
    .attach = stele_attach,
    .close = stele_close,
    .unlink = stele_unlink,
    .spans = stele_spans,
    .get = stele_get_each,
    .get_batch = stele_get_batch,
    .bytes = stele_bytes,
    .used_bytes = stele_used_bytes,
    .put = stele_put,
};
