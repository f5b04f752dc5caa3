/*
 * floor.c - the same bytes with no work done: what the memory itself costs.
 *
 *   one by one  a pointer chase: each step's address comes out of the line read before it, so that
 *               a step costs the latency of one miss
 *   in batches  record i of an array, i known beforehand: independent misses, nothing to search
 *
 * Both walk records of 48 bytes (key and value) in 64-byte lines of shared memory.
 */
#include "peer.h"

#include <stdlib.h>

struct floor_line {
    uint64_t next;
    uint64_t spare;
    struct bench_key key;
    struct bench_value value;
} __attribute__((aligned(64)));

struct floor_state {
    struct floor_line *lines;
    uint32_t *order; /* record of query i */
    uint64_t n;
    uint64_t at; /* where the chase stands */
    const struct bench_key *queries;
};

static enum stele_status floor_load(const struct peer_setup *setup, void **state)
{
    const struct bench_dataset *dataset = setup->dataset;
    struct floor_state *floor = malloc(sizeof *floor);
    if (!floor)
        return STELE_ENOMEM;
    uint64_t n = dataset->n;
    floor->lines = memory_shared((size_t)n * sizeof *floor->lines);
    floor->order = memory_shared((size_t)n * sizeof *floor->order);
    floor->n = n;
    floor->at = 0;
    floor->queries = dataset->queries;
    if (!floor->lines || !floor->order) {
        free(floor);
        return STELE_ENOMEM;
    }
    for (uint64_t i = 0; i < n; i++) {
        floor->order[i] = (uint32_t)dataset_permute(i, n);
        floor->lines[i].key = dataset_key(i);
        floor->lines[i].value = dataset_value(floor->lines[i].key, 0);
    }
    /* one cycle through all lines, in the order of the queries */
    for (uint64_t i = 0; i < n; i++)
        floor->lines[floor->order[i]].next = floor->order[i + 1 < n ? i + 1 : 0];
    *state = floor;
    return STELE_OK;
}

static void floor_spans(void *state, struct memory_spans *spans)
{
    const struct floor_state *floor = state;
    memory_add(spans, floor->lines, (size_t)floor->n * sizeof *floor->lines);
    memory_add(spans, floor->order, (size_t)floor->n * sizeof *floor->order);
}

static void chase_get(void *state, const struct bench_key *keys, uint64_t count,
                      struct peer_tally *tally)
{
    struct floor_state *floor = state;
    uint64_t at = floor->at;
    (void)keys;
    for (uint64_t i = 0; i < count; i++) {
        at = floor->lines[at].next;
        if (at >= floor->n)
            tally->wrong++;
        tally->found++;
    }
    floor->at = at;
}

static void floor_get_batch(void *state, const struct bench_key *keys, uint64_t count,
                            unsigned batch, struct peer_tally *tally)
{
    (void)batch;
    const struct floor_state *floor = state;
    const uint32_t *order = floor->order + (keys - floor->queries);
    for (uint64_t i = 0; i < count; i++) {
        struct bench_value value = floor->lines[order[i]].value;
        peer_count_found(tally, &keys[i], &value);
    }
}

const struct peer peer_floor = {
    .name = "floor",
    .reader_inherits = true,
    .collapse = true,
    .floor = true,
    .load = floor_load,
    .spans = floor_spans,
    .get = chase_get,
    .get_batch = floor_get_batch,
};
