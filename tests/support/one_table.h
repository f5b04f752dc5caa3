/* one_table.h - a store with a table of byte strings and a reader of it, for suites of the reader. */
#ifndef SUPPORT_ONE_TABLE_H
#define SUPPORT_ONE_TABLE_H

#include <stele/stele.h>

#include "stores.h"

static struct stele_store *store;
static struct stele_reader reader;
static struct stele_table table;
static uint32_t id;

static inline void open_table(const char *name, uint64_t max_bytes)
{
    store = stores_open(name, max_bytes);
    id = stores_table(store, "t");
    expect_ok(stele_reader_attach_fd(&reader, stele_store_fd(store)));
    expect_ok(stele_table_open(&reader, "t", &table));
}

static inline void teardown(void)
{
    stele_reader_detach(&reader);
    stele_store_close(store);
}

static inline void put(const char *key, const char *value)
{
    expect_ok(
        stele_store_put(store, id, key, (uint32_t)strlen(key), value, (uint32_t)strlen(value)));
}

static inline void expect_value(const struct stele_table *of, const char *key, const char *value)
{
    char buffer[256];
    size_t bytes = 0;
    expect_ok(stele_get(of, key, strlen(key), buffer, sizeof buffer, &bytes));
    ck_assert_uint_eq(bytes, strlen(value));
    ck_assert_mem_eq(buffer, value, bytes);
}

#endif
