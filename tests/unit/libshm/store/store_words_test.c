/* Word keys and word values through the facade, structs, and updates decided under the lock. */
#include "stores.h"

static struct stele_store *store;

static void setup(void)
{
    store = stores_open(NULL, 32 * STORES_MIB);
}

static void teardown(void)
{
    stores_verify(store);
    stele_store_close(store);
}

static void expect_word(uint32_t table, uint64_t key, uint64_t wanted)
{
    uint64_t value = ~wanted;
    if (stele_store_word_find(store, table, key, &value) != STELE_OK || value != wanted)
        ck_abort_msg("key %llu holds %llu", (unsigned long long)key, (unsigned long long)value);
}

START_TEST(put_insert_erase_find)
{
    uint64_t old = 99, value = 5;
    bool had = true;
    uint32_t t = stores_typed(store, "t", "u64->u64", 0);
    expect_status(stele_store_word_find(store, t, 1, &value), STELE_ENOTFOUND);
    expect_status(stele_store_word_erase(store, t, 1, &old), STELE_ENOTFOUND);
    ck_assert(old == 99 && value == 5); /* untouched */
    expect_ok(stele_store_word_put(store, t, 1, 10, &old, &had));
    ck_assert(!had && old == 99);
    expect_ok(stele_store_word_put(store, t, 1, 11, &old, &had));
    ck_assert(had && old == 10);
    expect_status(stele_store_word_insert(store, t, 1, &value), STELE_EEXIST);
    ck_assert_uint_eq(value, 11); /* what the key holds */
    value = 7;
    expect_ok(stele_store_word_insert(store, t, 2, &value));
    ck_assert_uint_eq(value, 7);
    expect_word(t, 1, 11);
    expect_word(t, 2, 7);
    expect_ok(stele_store_word_put(store, t, 2, 8, NULL, NULL));
    expect_ok(stele_store_word_erase(store, t, 2, &old));
    ck_assert_uint_eq(old, 8);
    expect_ok(stele_store_word_erase(store, t, 1, NULL));
    ck_assert_uint_eq(stores_entries(store, t), 0);
}
END_TEST

/* Every number is a legal key and value: there are no sentinels. */
START_TEST(the_ends_of_every_kind)
{
    static const char *const keys[] = {"u8", "u16", "u32", "u64"};
    static const char *const values[] = {"u8", "u16", "u32", "u64", "i64", "f64"};
    for (unsigned k = 0; k < 4; k++)
        for (unsigned v = 0; v < 6; v++) {
            char type[24];
            uint64_t key_max = UINT64_MAX >> (64 - (8u << k));
            uint64_t value_max = UINT64_MAX >> (64 - (8u << (v < 3 ? v : 3)));
            snprintf(type, sizeof type, "%s->%s", keys[k], values[v]);
            uint32_t t = stores_typed(store, type, type, 0);
            expect_ok(stele_store_word_put(store, t, 0, value_max, NULL, NULL));
            expect_ok(stele_store_word_put(store, t, key_max, 0, NULL, NULL));
            expect_ok(stele_store_word_put(store, t, key_max - 1, value_max - 1, NULL, NULL));
            expect_word(t, 0, value_max);
            expect_word(t, key_max, 0);
            expect_word(t, key_max - 1, value_max - 1);
            uint64_t value = value_max + 1;
            if (k < 3) {
                expect_status(stele_store_word_put(store, t, key_max + 1, 0, NULL, NULL),
                              STELE_ETYPE);
                expect_status(stele_store_word_find(store, t, key_max + 1, &value), STELE_ETYPE);
                expect_status(stele_store_word_erase(store, t, key_max + 1, NULL), STELE_ETYPE);
            }
            if (v < 3) {
                expect_status(stele_store_word_put(store, t, 1, value_max + 1, NULL, NULL),
                              STELE_ETYPE);
                expect_status(stele_store_word_insert(store, t, 0, &value), STELE_ETYPE);
                ck_assert_uint_eq(value, value_max + 1);
            }
            ck_assert_uint_eq(stores_entries(store, t), 3);
        }
}
END_TEST

START_TEST(tables_of_another_type)
{
    static const char *const types[] = {"bytes->bytes",  "bytes->u64",    "u64->bytes",
                                        "u64->struct:8", "u64->list:u64", "bytes->list:u64"};
    uint64_t value = 1;
    for (unsigned i = 0; i < 6; i++) {
        uint32_t t = stores_typed(store, types[i], types[i], 0);
        expect_status(stele_store_word_put(store, t, 1, 1, NULL, NULL), STELE_ETYPE);
        expect_status(stele_store_word_insert(store, t, 1, &value), STELE_ETYPE);
        expect_status(stele_store_word_erase(store, t, 1, &value), STELE_ETYPE);
        expect_status(stele_store_word_find(store, t, 1, &value), STELE_ETYPE);
    }
    expect_status(stele_store_word_put(store, 99, 1, 1, NULL, NULL), STELE_ENOTABLE);
    expect_status(stele_store_word_find(store, UINT32_MAX, 1, &value), STELE_ENOTABLE);
}
END_TEST

/* By their bytes and as words: the same entries. */
START_TEST(bytes_and_words_are_one)
{
    static const char *const types[] = {"u8->u8", "u16->u16", "u32->u32", "u64->u64"};
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = stores_typed(store, types[i], types[i], 0), width = 1u << i;
        uint64_t key = UINT64_C(0x8182838485868788) >> (64 - 8 * width);
        uint64_t value = UINT64_C(0xf1f2f3f4f5f6f7f8) >> (64 - 8 * width), found;
        const void *bytes;
        uint32_t count;
        expect_ok(stele_store_put(store, t, &key, width, &value, width));
        expect_word(t, key, value);
        expect_status(stele_store_insert(store, t, &key, width, &value, width), STELE_EEXIST);
        found = 1;
        expect_ok(stele_store_replace(store, t, &key, width, &found, width));
        expect_word(t, key, 1);
        expect_ok(stele_store_word_put(store, t, key, value, NULL, NULL));
        expect_ok(stele_store_find(store, t, &key, width, &bytes, &count));
        ck_assert_uint_eq(count, width);
        ck_assert(memcmp(bytes, &value, width) == 0);
        expect_status(stele_store_put(store, t, &key, width + 1, &value, width), STELE_ETYPE);
        expect_status(stele_store_put(store, t, &key, width, &value, width - 1), STELE_ETYPE);
        expect_status(stele_store_find(store, t, &key, 0, &bytes, &count), STELE_ETYPE);
        expect_status(stele_store_erase(store, t, &key, width + 1), STELE_ETYPE);
        expect_ok(stele_store_erase(store, t, &key, width));
        expect_status(stele_store_replace(store, t, &key, width, &found, width), STELE_ENOTFOUND);
        ck_assert_uint_eq(stores_entries(store, t), 0);
    }
}
END_TEST

/* Growth, chains, splits and erasures with each hash; the identity also where it is slow. */
START_TEST(tables_grow_and_shrink_under_each_hash)
{
    static const char *const types[] = {"u64->u64", "u64->u64,xxh64", "u64->u64,identity",
                                        "u64->u64,identity"};
    const uint64_t step = _i == 3 ? 1 << 12 : 1, entries = _i == 3 ? 3000 : 100000;
    uint32_t t = stores_typed(store, "t", types[_i], 0);
    uint64_t old;
    for (uint64_t i = 0; i < entries; i++)
        expect_ok(stele_store_word_put(store, t, i * step, ~i, NULL, NULL));
    stores_verify(store);
    for (uint64_t i = 0; i < entries; i++)
        expect_word(t, i * step, ~i);
    for (uint64_t i = 0; i < entries; i += 2) {
        expect_ok(stele_store_word_erase(store, t, i * step, &old));
        expect(old == ~i);
    }
    stores_verify(store);
    for (uint64_t i = 0; i < entries; i++)
        if (i % 2)
            expect_word(t, i * step, ~i);
        else
            expect_status(stele_store_word_find(store, t, i * step, &old), STELE_ENOTFOUND);
    for (uint64_t i = 0; i < entries; i += 2)
        expect_ok(stele_store_word_put(store, t, i * step, i, NULL, NULL));
    ck_assert_uint_eq(stores_entries(store, t), entries);
}
END_TEST

/* With eight-byte words and no records an entry takes little more than itself. */
START_TEST(words_cost_no_records)
{
    struct stele_store_table_stats stats;
    uint32_t t = stores_typed(store, "t", "u64->u64", 0);
    for (uint64_t i = 0; i < 100000; i++)
        expect_ok(stele_store_word_put(store, t, i, i, NULL, NULL));
    expect_ok(stele_store_get_table_stats(store, t, &stats));
    ck_assert_uint_eq(stats.record_bytes, 0);
    ck_assert_uint_eq(stats.payload_bytes, 16 * stats.entries);
    ck_assert_uint_eq(stats.slots, 3 * stats.buckets);
    ck_assert_uint_le(stats.entries * 4, stats.slots * 3);
    ck_assert_uint_le(stats.overflow, stats.entries / 5);
    ck_assert_uint_le(stats.index_bytes, 52 * stats.entries); /* a chunk begun included */
}
END_TEST

START_TEST(structs_are_checked_by_their_size)
{
    struct place {
        double x, y;
        uint32_t name;
        uint8_t flags[3];
    } a = {1.5, -2.5, 7, {1, 2, 3}};
    const void *found;
    uint32_t bytes, t = stores_typed(store, "t", "u32->struct:24", 0), key = 9;
    ck_assert_uint_eq(sizeof a, 24);
    expect_ok(stele_store_put(store, t, &key, 4, &a, sizeof a));
    expect_status(stele_store_put(store, t, &key, 4, &a, sizeof a - 1), STELE_ETYPE);
    expect_status(stele_store_put(store, t, &key, 4, &a, sizeof a + 1), STELE_ETYPE);
    expect_status(stele_store_put(store, t, &key, 4, &a, 0), STELE_ETYPE);
    expect_ok(stele_store_find(store, t, &key, 4, &found, &bytes));
    ck_assert_uint_eq(bytes, sizeof a);
    ck_assert_uint_eq((uintptr_t)found % 8, 0); /* views of it are structs */
    ck_assert(memcmp(found, &a, sizeof a) == 0);
    a.x = 3;
    expect_ok(stele_store_replace(store, t, &key, 4, &a, sizeof a));
    expect_ok(stele_store_find(store, t, &key, 4, &found, &bytes));
    ck_assert(((const struct place *)found)->x == 3);
    uint32_t one = stores_typed(store, "one", "bytes->struct:1", 0);
    expect_ok(stele_store_put(store, one, "k", 1, "x", 1));
    expect_status(stele_store_put(store, one, "k", 1, "xy", 2), STELE_ETYPE);
    ck_assert_uint_eq(stores_entries(store, t), 1);
}
END_TEST

START_TEST(failed_calls_take_no_lsn)
{
    struct stele_store_stats before, after;
    uint64_t value = 1;
    uint32_t t = stores_typed(store, "t", "u8->u8", 1);
    expect_ok(stele_store_word_put(store, t, 1, 1, NULL, NULL));
    stele_store_get_stats(store, &before);
    expect_status(stele_store_word_put(store, t, 2, 1, NULL, NULL), STELE_EFULL);
    expect_status(stele_store_word_insert(store, t, 1, &value), STELE_EEXIST);
    expect_status(stele_store_word_erase(store, t, 2, NULL), STELE_ENOTFOUND);
    expect_status(stele_store_word_put(store, t, 256, 1, NULL, NULL), STELE_ETYPE);
    stele_store_get_stats(store, &after);
    ck_assert_uint_eq(after.applied_lsn, before.applied_lsn);
    expect_ok(stele_store_word_put(store, t, 1, 2, NULL, NULL));
    stele_store_get_stats(store, &after);
    ck_assert_uint_eq(after.applied_lsn, before.applied_lsn + 1);
}
END_TEST

START_TEST(words_that_fill_the_segment)
{
    struct stele_store *tiny = stores_open(NULL, 4 * STORES_MIB);
    uint32_t t = stores_typed(tiny, "t", "u64->u64", 0);
    enum stele_status status;
    uint64_t n = 0, value;
    while ((status = stele_store_word_put(tiny, t, n, ~n, NULL, NULL)) == STELE_OK)
        n++;
    expect_status(status, STELE_ENOSPC);
    ck_assert_uint_gt(n, 20000);
    stores_verify(tiny);
    for (uint64_t i = 0; i < n; i++) {
        expect_ok(stele_store_word_put(tiny, t, i, i, NULL, NULL)); /* in place: no memory */
        expect_ok(stele_store_word_find(tiny, t, i, &value));
        expect(value == i);
    }
    for (uint64_t i = 0; i < n; i++)
        expect_ok(stele_store_word_erase(tiny, t, i, NULL));
    stores_verify(tiny);
    stele_store_close(tiny);
}
END_TEST

/* ---- updates --------------------------------------------------------------------------------- */

struct decision {
    enum stele_store_action action;
    const void *value;
    uint32_t bytes;
    uint64_t saw; /* the old value, where it has eight bytes */
    uint32_t saw_bytes;
    bool present;
    unsigned calls;
};

static enum stele_store_action decide(void *context, const void *value, uint32_t value_bytes,
                                      const void **new_value, uint32_t *new_bytes)
{
    struct decision *decision = context;
    decision->calls++;
    decision->present = value != NULL;
    decision->saw_bytes = value_bytes;
    decision->saw = 0;
    if (value)
        memcpy(&decision->saw, value, value_bytes < 8 ? value_bytes : 8);
    *new_value = decision->value;
    *new_bytes = decision->bytes;
    return decision->action;
}

START_TEST(updates_look_and_decide)
{
    static const char *const types[] = {"u64->u64", "bytes->u64", "u64->struct:8", "bytes->bytes"};
    uint64_t key = 5, value = 77;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = stores_typed(store, types[i], types[i], 0);
        struct decision decision = {.action = STELE_STORE_KEEP};
        expect_ok(stele_store_update(store, t, &key, 8, decide, &decision));
        ck_assert(!decision.present && decision.calls == 1);
        decision.action = STELE_STORE_ERASE; /* of what is not there */
        expect_ok(stele_store_update(store, t, &key, 8, decide, &decision));
        decision = (struct decision){STELE_STORE_PUT, &value, 8, 0, 0, false, 0};
        expect_ok(stele_store_update(store, t, &key, 8, decide, &decision));
        value++;
        expect_ok(stele_store_update(store, t, &key, 8, decide, &decision));
        ck_assert(decision.present && decision.saw == value - 1 && decision.saw_bytes == 8);
        decision.action = STELE_STORE_KEEP;
        expect_ok(stele_store_update(store, t, &key, 8, decide, &decision));
        ck_assert_uint_eq(decision.saw, value);
        decision.action = STELE_STORE_PUT;
        decision.bytes = 7;
        expect_status(stele_store_update(store, t, &key, 8, decide, &decision),
                      i == 3 ? STELE_OK : STELE_ETYPE);
        decision.action = STELE_STORE_ERASE;
        expect_ok(stele_store_update(store, t, &key, 8, decide, &decision));
        ck_assert(decision.present);
        ck_assert_uint_eq(stores_entries(store, t), 0);
    }
    uint32_t lists = stores_typed(store, "lists", "u64->list:u64", 0);
    struct decision decision = {.action = STELE_STORE_KEEP};
    expect_status(stele_store_update(store, lists, &key, 8, decide, &decision), STELE_ETYPE);
    expect_status(stele_store_update(store, 99, &key, 8, decide, &decision), STELE_ENOTABLE);
    ck_assert_uint_eq(decision.calls, 0);
}
END_TEST

/* ---- ahead of time --------------------------------------------------------------------------- */

START_TEST(hints_may_be_anything)
{
    static const char *const types[] = {"u8->u8", "u64->list:u8", "bytes->list:u8", "u32->bytes",
                                        "bytes->u64"};
    struct stele_store_hint hints[40];
    uint32_t tables[5];
    uint64_t key = 3;
    for (unsigned i = 0; i < 5; i++) {
        tables[i] = stores_typed(store, types[i], types[i], 0);
        uint32_t bytes = i == 0 ? 1 : i == 3 ? 4 : 8;
        if (i == 1 || i == 2)
            expect_ok(stele_store_list_append(store, tables[i], &key, bytes, "abc", 3, NULL));
        else
            expect_ok(stele_store_put(store, tables[i], &key, bytes, "12345678", i ? 8 : 1));
    }
    for (unsigned i = 0; i < 40; i++)
        hints[i] = (struct stele_store_hint){&key, i % 9, i % 7 < 5 ? tables[i % 7] : i};
    for (uint32_t count = 0; count <= 40; count++)
        stele_store_prefetch(store, hints, count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_words");
    TCase *tcase = suite_case(suite, "words");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, put_insert_erase_find);
    tcase_add_test(tcase, the_ends_of_every_kind);
    tcase_add_test(tcase, tables_of_another_type);
    tcase_add_test(tcase, bytes_and_words_are_one);
    tcase_add_loop_test(tcase, tables_grow_and_shrink_under_each_hash, 0, 4);
    tcase_add_test(tcase, words_cost_no_records);
    tcase_add_test(tcase, structs_are_checked_by_their_size);
    tcase_add_test(tcase, failed_calls_take_no_lsn);
    tcase_add_test(tcase, words_that_fill_the_segment);
    tcase_add_test(tcase, updates_look_and_decide);
    tcase_add_test(tcase, hints_may_be_anything);
    return suite_run(suite);
}
