/*
 * ck_ht.c - Concurrency Kit's hash table (one writer, many readers), keys as byte strings, in
 * shared memory that the reader inherits. Each entry points to a record {key, value} of 48 bytes.
 * The hash is XXH3, as stele's; the table is sized beforehand, so that it is at most half full, its
 * own limit.
 */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

#include <ck_ht.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct ck_record {
    struct bench_key key;
    struct bench_value value;
};

struct ck_state {
    ck_ht_t table;
    struct ck_record *records;
    size_t record_bytes;
    void *map;
    size_t map_bytes;
};

/* The library asks for the map once, with no context: the size is put before it. */
static void *map_malloc(size_t bytes)
{
    size_t whole = bytes + MEMORY_HUGE_BYTES;
    char *at = memory_shared(whole);
    if (!at)
        return NULL;
    *(size_t *)(void *)at = whole;
    return at + 64;
}

static void map_free(void *p, size_t bytes, bool defer)
{
    (void)defer;
    (void)bytes;
    if (p) {
        char *at = (char *)p - 64;
        memory_release(at, *(size_t *)(void *)at);
    }
}

static struct ck_malloc allocator = {.malloc = map_malloc, .free = map_free};

static void hash_key(ck_ht_hash_t *hash, const void *key, size_t bytes, uint64_t seed)
{
    hash->value = XXH3_64bits_withSeed(key, bytes, seed);
}

static enum stele_status ck_load(const struct peer_setup *setup, void **state)
{
    const struct bench_dataset *dataset = setup->dataset;
    struct ck_state *self = memory_shared(sizeof *self);
    if (!self)
        return STELE_ENOMEM;
    self->record_bytes = (size_t)dataset->n * sizeof *self->records;
    self->records = memory_shared(self->record_bytes);
    if (!self->records || !ck_ht_init(&self->table, CK_HT_MODE_BYTESTRING, hash_key, &allocator,
                                      dataset->n * 2, UINT64_C(0x5bd1e995))) {
        fprintf(stderr, "ck_ht: no memory\n");
        return STELE_ENOMEM;
    }
    for (uint64_t i = 0; i < dataset->n; i++) {
        struct ck_record *record = &self->records[i];
        ck_ht_hash_t hash;
        ck_ht_entry_t entry;
        record->key = dataset_key(i);
        record->value = dataset_value(record->key, 0);
        ck_ht_hash(&hash, &self->table, &record->key, sizeof record->key);
        ck_ht_entry_set(&entry, hash, &record->key, sizeof record->key, &record->value);
        if (!ck_ht_set_spmc(&self->table, hash, &entry)) {
            fprintf(stderr, "ck_ht: insert failed\n");
            return STELE_ENOMEM;
        }
    }
    self->map = (char *)self->table.map;
    self->map_bytes = *(size_t *)(void *)((char *)self->table.map - 64);
    *state = self;
    return STELE_OK;
}

static void ck_spans(void *state, struct memory_spans *spans)
{
    const struct ck_state *self = state;
    memory_add(spans, self->records, self->record_bytes);
    memory_add(spans, (char *)self->map - 64, self->map_bytes);
}

static void ck_get(void *state, const struct bench_key *keys, uint64_t count,
                   struct peer_tally *tally)
{
    struct ck_state *self = state;
    for (uint64_t i = 0; i < count; i++) {
        ck_ht_hash_t hash;
        ck_ht_entry_t entry;
        ck_ht_hash(&hash, &self->table, &keys[i], sizeof keys[i]);
        ck_ht_entry_key_set(&entry, &keys[i], sizeof keys[i]);
        if (ck_ht_get_spmc(&self->table, hash, &entry)) {
            struct bench_value value = *(const struct bench_value *)ck_ht_entry_value(&entry);
            peer_count_found(tally, &keys[i], &value);
        } else {
            tally->missed++;
        }
    }
}

static uint64_t ck_bytes(void *state)
{
    const struct ck_state *self = state;
    return self->record_bytes + self->map_bytes - MEMORY_HUGE_BYTES;
}

const struct peer peer_ck_ht = {
    .name = "ck_ht",
    .reader_inherits = true,
    .collapse = true,
    .load = ck_load,
    .spans = ck_spans,
    .get = ck_get,
    .bytes = ck_bytes,
};
