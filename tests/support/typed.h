/*
 * typed.h - tables of every type in tests: made, opened by readers, filled with words that a number
 * determines. Fails the running Check test on any surprise.
 */
#ifndef SUPPORT_TYPED_H
#define SUPPORT_TYPED_H

#include <stele/stele.h>

#include "stores.h"

/* Under these ids in every store that typed_open() opens. All keys collide in the first. */
#define TYPED_HASH_CONSTANT 64u
#define TYPED_HASH_SUM      65u

static inline uint64_t typed_hash_constant(const void *key, size_t key_bytes, uint64_t seed)
{
    (void)key;
    return seed + key_bytes;
}
/* Collides often: keys with the same bytes in another order. */
static inline uint64_t typed_hash_sum(const void *key, size_t key_bytes, uint64_t seed)
{
    uint64_t sum = seed;
    for (size_t i = 0; i < key_bytes; i++)
        sum += ((const uint8_t *)key)[i];
    return random_mix(sum);
}

static inline struct stele_store *typed_open(uint64_t max_bytes)
{
    static const struct stele_own_hash hashes[] = {{TYPED_HASH_CONSTANT, typed_hash_constant},
                                                   {TYPED_HASH_SUM, typed_hash_sum}};
    struct stele_store_options options = {
        .max_bytes = max_bytes, .small_pages = true, .hashes = hashes, .hash_count = 2};
    struct stele_store *store = NULL;
    char detail[256];
    enum stele_status status = stele_store_open(&options, &store, detail, sizeof detail);
    ck_assert_msg(status == STELE_OK, "open: %s (%s)", stele_status_name(status), detail);
    return store;
}

static inline void typed_attach(struct stele_reader *reader, const struct stele_store *store)
{
    expect_ok(stele_reader_attach_fd(reader, stele_store_fd(store)));
    expect_ok(stele_reader_register_hash(reader, TYPED_HASH_CONSTANT, typed_hash_constant));
    expect_ok(stele_reader_register_hash(reader, TYPED_HASH_SUM, typed_hash_sum));
}

static inline uint32_t typed_table(struct stele_store *store, const char *name,
                                   struct stele_type type)
{
    struct stele_table_options options = {.type = type};
    uint32_t id = UINT32_MAX;
    expect_ok(stele_store_table_create(store, name, &options, &id));
    return id;
}

static inline struct stele_type typed_hashed(unsigned key_kind, unsigned value_kind,
                                             unsigned hash_id)
{
    struct stele_type type = stele_type_of(key_kind, value_kind);
    type.hash_id = (uint8_t)hash_id;
    return type;
}

#endif
