/*
 * stores.h - opening stores and readers in tests, filling them with entries that a number
 * determines, and comparing what comes back. Fails the running Check test on any surprise.
 */
#ifndef SUPPORT_STORES_H
#define SUPPORT_STORES_H

#include <stele/detail/format.h>
#include <stele/store.h>

#include "random.h"
#include "suite.h"

#define STORES_MIB (UINT64_C(1) << 20)

static inline struct stele_store *stores_open(const char *name, uint64_t max_bytes)
{
    struct stele_store_options options = {
        .name = name, .max_bytes = max_bytes, .small_pages = true};
    struct stele_store *store = NULL;
    char detail[256];
    enum stele_status status = stele_store_open(&options, &store, detail, sizeof detail);
    ck_assert_msg(status == STELE_OK, "open: %s (%s)", stele_status_name(status), detail);
    return store;
}

static inline uint32_t stores_table(struct stele_store *store, const char *name)
{
    uint32_t id = UINT32_MAX;
    expect_ok(stele_store_table_create(store, name, NULL, &id));
    return id;
}

/* A table of this type, as text (type.h), with at most so many entries (0: no limit). */
static inline uint32_t stores_typed(struct stele_store *store, const char *name, const char *type,
                                    uint64_t max_entries)
{
    struct stele_table_options options = {.max_entries = max_entries};
    uint32_t id = UINT32_MAX;
    ck_assert_msg(stele_type_parse(type, &options.type), "%s", type);
    expect_ok(stele_store_table_create(store, name, &options, &id));
    return id;
}

static inline void stores_verify(struct stele_store *store)
{
    char text[256] = "";
    enum stele_status status = stele_store_verify(store, text, sizeof text);
    ck_assert_msg(status == STELE_OK, "verify: %s (%s)", stele_status_name(status), text);
}

static inline void stores_settle(struct stele_store *store)
{
    while (stele_store_step(store, 0))
        ;
}

/* An entry that `number` determines: key bytes 8..40 begin with the number, so keys are unique. */
struct stores_entry {
    uint8_t key[40];
    uint32_t key_bytes;
    uint32_t value_bytes;
};

static inline void stores_entry(uint64_t number, uint32_t value_min, uint32_t value_max,
                                struct stores_entry *entry)
{
    struct random random = {number};
    entry->key_bytes = 8 + random_below(&random, 33);
    entry->value_bytes = value_min + random_below(&random, value_max - value_min + 1);
    random_bytes(number, entry->key, entry->key_bytes);
    memcpy(entry->key, &number, 8);
}

/* Puts entry `number` with a value that `number` and `round` determine. */
static inline enum stele_status stores_put(struct stele_store *store, uint32_t table,
                                           uint64_t number, uint64_t round, uint32_t value_min,
                                           uint32_t value_max)
{
    static uint8_t value[1 << 20];
    struct stores_entry entry;
    stores_entry(number, value_min, value_max, &entry);
    expect(entry.value_bytes <= sizeof value);
    random_bytes(number ^ round << 32, value, entry.value_bytes);
    return stele_store_put(store, table, entry.key, entry.key_bytes, value, entry.value_bytes);
}

static inline enum stele_status stores_erase(struct stele_store *store, uint32_t table,
                                             uint64_t number)
{
    struct stores_entry entry;
    stores_entry(number, 0, 0, &entry);
    return stele_store_erase(store, table, entry.key, entry.key_bytes);
}

/* Expects what stores_put() put. */
static inline void stores_expect(struct stele_store *store, uint32_t table, uint64_t number,
                                 uint64_t round, uint32_t value_min, uint32_t value_max)
{
    static uint8_t wanted[1 << 20];
    struct stores_entry entry;
    const void *value = NULL;
    uint32_t value_bytes = 0;
    stores_entry(number, value_min, value_max, &entry);
    random_bytes(number ^ round << 32, wanted, entry.value_bytes);
    enum stele_status status =
        stele_store_find(store, table, entry.key, entry.key_bytes, &value, &value_bytes);
    if (status != STELE_OK)
        ck_abort_msg("entry %llu: %s", (unsigned long long)number, stele_status_name(status));
    expect(value_bytes == entry.value_bytes);
    if (memcmp(value, wanted, value_bytes) != 0)
        ck_abort_msg("entry %llu: another value", (unsigned long long)number);
}

static inline void stores_expect_absent(struct stele_store *store, uint32_t table, uint64_t number)
{
    struct stores_entry entry;
    const void *value = NULL;
    uint32_t value_bytes = 0;
    stores_entry(number, 0, 0, &entry);
    expect_status(stele_store_find(store, table, entry.key, entry.key_bytes, &value, &value_bytes),
                  STELE_ENOTFOUND);
}

static inline uint64_t stores_entries(struct stele_store *store, uint32_t table)
{
    struct stele_store_table_stats stats;
    expect_ok(stele_store_get_table_stats(store, table, &stats));
    return stats.entries;
}

#endif
