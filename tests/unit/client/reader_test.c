#include <pthread.h>

#include "one_table.h"

static void setup(void)
{
    open_table(NULL, 64 * STORES_MIB);
}

/* ---- get ------------------------------------------------------------------------------------ */

START_TEST(get_returns_what_was_put)
{
    char buffer[8];
    size_t bytes = 77;
    expect_status(stele_get(&table, "k", 1, buffer, sizeof buffer, &bytes), STELE_ENOTFOUND);
    ck_assert_uint_eq(bytes, 77);
    put("k", "one");
    expect_value(&table, "k", "one");
    put("k", "two");
    expect_value(&table, "k", "two");
    expect_ok(stele_store_erase(store, id, "k", 1));
    expect_status(stele_get(&table, "k", 1, buffer, sizeof buffer, &bytes), STELE_ENOTFOUND);
}
END_TEST

START_TEST(a_short_buffer_is_told_the_length)
{
    char buffer[8];
    size_t bytes = 0;
    put("k", "ninebytes");
    expect_status(stele_get(&table, "k", 1, buffer, 8, &bytes), STELE_ESHORT);
    ck_assert_uint_eq(bytes, 9);
    bytes = 0;
    expect_status(stele_get(&table, "k", 1, NULL, 0, &bytes), STELE_ESHORT);
    ck_assert_uint_eq(bytes, 9);
    put("empty", "");
    expect_ok(stele_get(&table, "empty", 5, NULL, 0, &bytes));
    ck_assert_uint_eq(bytes, 0);
    char exact[9];
    expect_ok(stele_get(&table, "k", 1, exact, 9, &bytes));
}
END_TEST

START_TEST(every_length_and_alignment)
{
    static uint8_t value[70000], buffer[70008];
    static const uint32_t sizes[] = {0,    1,    7,    8,    9,    255,   256,   257,
                                     4095, 4096, 4097, 8192, 8193, 65535, 65536, 69999};
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        random_bytes(i, value, sizes[i]);
        expect_ok(stele_store_put(store, id, &i, sizeof i, value, sizes[i]));
    }
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (unsigned shift = 0; shift < 8; shift++) {
            size_t bytes = 0;
            random_bytes(i, value, sizes[i]);
            memset(buffer, 0xaa, sizeof buffer);
            expect_ok(stele_get(&table, &i, sizeof i, buffer + shift, sizes[i], &bytes));
            ck_assert_uint_eq(bytes, sizes[i]);
            ck_assert(memcmp(buffer + shift, value, bytes) == 0);
            ck_assert_uint_eq(buffer[shift + bytes], 0xaa);
        }
}
END_TEST

START_TEST(key_limits)
{
    static uint8_t key[STELEI_KEY_MAX_BYTES + 1];
    size_t bytes;
    char buffer[8];
    struct stele_view view;
    expect_ok(stele_store_put(store, id, key, STELEI_KEY_MAX_BYTES, "long", 4));
    expect_ok(stele_store_put(store, id, NULL, 0, "none", 4));
    expect_ok(stele_get(&table, key, STELEI_KEY_MAX_BYTES, buffer, 8, &bytes));
    ck_assert_mem_eq(buffer, "long", 4);
    expect_ok(stele_get(&table, "", 0, buffer, 8, &bytes));
    ck_assert_mem_eq(buffer, "none", 4);
    size_t over = STELEI_KEY_MAX_BYTES + 1;
    expect_status(stele_get(&table, key, over, buffer, 8, &bytes), STELE_ETOOBIG);
    expect_status(stele_contains(&table, key, over), STELE_ETOOBIG);
    expect_status(stele_view_take(&table, key, over, &view), STELE_ETOOBIG);
    struct stele_lookup lookup = {.key = key, .key_bytes = over};
    ck_assert_uint_eq(stele_get_many(&table, &lookup, 1), 0);
    ck_assert_int_eq(lookup.status, STELE_ETOOBIG);
}
END_TEST

START_TEST(contains_agrees)
{
    for (uint64_t n = 0; n < 5000; n += 2)
        expect_ok(stores_put(store, id, n, 0, 0, 50));
    for (uint64_t n = 0; n < 5000; n++) {
        struct stores_entry entry;
        stores_entry(n, 0, 50, &entry);
        expect_status(stele_contains(&table, entry.key, entry.key_bytes),
                      n % 2 ? STELE_ENOTFOUND : STELE_OK);
    }
}
END_TEST

START_TEST(handles_see_growth)
{
    /* opened with two buckets, read with thousands */
    for (uint64_t n = 0; n < 60000; n++)
        expect_ok(stores_put(store, id, n, 0, 8, 8));
    for (uint64_t n = 0; n < 60000; n++) {
        struct stores_entry entry;
        uint8_t buffer[8], wanted[8];
        size_t bytes = 0;
        stores_entry(n, 8, 8, &entry);
        random_bytes(n, wanted, 8);
        expect_ok(stele_get(&table, entry.key, entry.key_bytes, buffer, 8, &bytes));
        ck_assert_mem_eq(buffer, wanted, 8);
    }
    uint64_t entries = 0;
    expect_ok(stele_table_count(&table, &entries));
    ck_assert_uint_eq(entries, 60000);
}
END_TEST

/* ---- many ----------------------------------------------------------------------------------- */

#define MANY 200u

START_TEST(get_many_equals_get)
{
    static uint8_t buffer[MANY][6000], single[6000];
    static struct stores_entry entry[MANY];
    struct stele_lookup lookup[MANY];
    struct random random = {5};
    for (uint64_t n = 0; n < 3000; n++)
        expect_ok(stores_put(store, id, n, 0, 0, n % 10 ? 100 : 5000));
    for (unsigned round = 0; round < suite_scaled(200); round++) {
        uint32_t n = random_below(&random, MANY + 1);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t number = random_below(&random, 4000); /* some are absent */
            stores_entry(number, 0, 0, &entry[i]);
            lookup[i] = (struct stele_lookup){entry[i].key,
                                              entry[i].key_bytes,
                                              buffer[i],
                                              random_below(&random, 4) ? 6000 : 60,
                                              0,
                                              STELE_EIO};
        }
        size_t found = stele_get_many(&table, lookup, n), expected = 0;
        for (uint32_t i = 0; i < n; i++) {
            size_t bytes = 0;
            enum stele_status status = stele_get(&table, lookup[i].key, lookup[i].key_bytes, single,
                                                 lookup[i].capacity, &bytes);
            ck_assert_int_eq(lookup[i].status, status);
            expected += status == STELE_OK;
            if (status == STELE_OK || status == STELE_ESHORT)
                ck_assert_uint_eq(lookup[i].value_bytes, bytes);
            if (status == STELE_OK)
                ck_assert(memcmp(buffer[i], single, bytes) == 0);
        }
        ck_assert_uint_eq(found, expected);
    }
    ck_assert_uint_eq(stele_get_many(&table, NULL, 0), 0);
}
END_TEST

START_TEST(get_many_follows_clear_and_drop)
{
    char value[8];
    struct stele_lookup lookup[3];
    for (unsigned i = 0; i < 3; i++)
        lookup[i] = (struct stele_lookup){&"abc"[i], 1, value, 8, 0, STELE_EIO};
    put("a", "1");
    put("c", "3");
    ck_assert_uint_eq(stele_get_many(&table, lookup, 3), 2);
    expect_ok(stele_store_table_clear(store, id));
    put("b", "2");
    ck_assert_uint_eq(stele_get_many(&table, lookup, 3), 1);
    ck_assert_int_eq(lookup[0].status, STELE_ENOTFOUND);
    ck_assert_int_eq(lookup[1].status, STELE_OK);
    expect_ok(stele_store_table_drop(store, id));
    ck_assert_uint_eq(stele_get_many(&table, lookup, 3), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(lookup[i].status, STELE_EDROPPED);
}
END_TEST

START_TEST(keys_too_long_do_not_disturb_their_neighbours)
{
    static uint8_t key[STELEI_KEY_MAX_BYTES + 1];
    char value[8];
    struct stele_lookup lookup[70];
    put("a", "1");
    for (unsigned i = 0; i < 70; i++)
        lookup[i] = (struct stele_lookup){i % 5 == 4 ? (const void *)key : "a",
                                          i % 5 == 4 ? sizeof key : 1,
                                          value,
                                          8,
                                          0,
                                          STELE_EIO};
    ck_assert_uint_eq(stele_get_many(&table, lookup, 70), 56);
    for (unsigned i = 0; i < 70; i++)
        ck_assert_int_eq(lookup[i].status, i % 5 == 4 ? STELE_ETOOBIG : STELE_OK);
}
END_TEST

/* ---- views and the quarantine ---------------------------------------------------------------- */

START_TEST(a_view_points_into_the_segment)
{
    struct stele_view view;
    expect_status(stele_view_take(&table, "k", 1, &view), STELE_ENOTFOUND);
    put("k", "value");
    expect_ok(stele_view_take(&table, "k", 1, &view));
    ck_assert_uint_eq(view.bytes, 5);
    ck_assert_uint_eq((uintptr_t)view.data % 8, 0);
    ck_assert((const uint8_t *)view.data > reader.map.base &&
              (const uint8_t *)view.data < reader.map.base + reader.map.length);
    ck_assert_mem_eq(view.data, "value", 5);
    ck_assert(stele_view_valid(&table, &view));
}
END_TEST

START_TEST(a_view_lasts_as_long_as_the_quarantine)
{
    static uint8_t value[1000];
    struct stele_view view;
    random_bytes(1, value, sizeof value);
    expect_ok(stele_store_put(store, id, "k", 1, value, sizeof value));
    expect_ok(stele_view_take(&table, "k", 1, &view));
    expect_ok(stele_store_put(store, id, "k", 1, "other", 5)); /* retired, not recycled */
    ck_assert(stele_view_valid(&table, &view));
    ck_assert_mem_eq(view.data, value, sizeof value);
    unsigned rounds = 0;
    while (stele_view_valid(&table, &view)) {
        ck_assert_mem_eq(view.data, value, sizeof value); /* valid means untouched */
        expect_ok(stele_store_put(store, id, "x", 1, &rounds, sizeof rounds));
        expect_ok(stele_store_put(store, id, "y", 1, value, sizeof value));
        ck_assert_uint_lt(++rounds, 1000000);
    }
    ck_assert_uint_gt(rounds, 50); /* at least 64 KiB were kept */
    ck_assert(!stele_view_valid(&table, &view));
    expect_ok(stele_view_take(&table, "k", 1, &view));
    ck_assert(stele_view_valid(&table, &view));
}
END_TEST

START_TEST(a_view_of_an_unchanged_bucket_outlasts_the_quarantine)
{
    /* one entry in its table: nothing else moves its bucket's version */
    struct stele_table quiet;
    struct stele_view view;
    uint32_t other = stores_table(store, "quiet");
    expect_ok(stele_store_put(store, other, "k", 1, "still", 5));
    expect_ok(stele_table_open(&reader, "quiet", &quiet));
    expect_ok(stele_view_take(&quiet, "k", 1, &view));
    for (uint64_t n = 0; n < 100000; n++)
        expect_ok(stele_store_put(store, id, "x", 1, &n, sizeof n));
    struct stele_reader_stats stats;
    stele_reader_get_stats(&reader, &stats);
    ck_assert_uint_gt(stats.recycled, 1000);
    ck_assert(stele_view_valid(&quiet, &view));
    ck_assert_mem_eq(view.data, "still", 5);
}
END_TEST

/* ---- one handle, many threads ---------------------------------------------------------------- */

static volatile bool stop;
static unsigned long wrong, reads;

/* Every value is its key's number and a round, twice: torn ones do not agree with themselves. */
static void *read_on(void *argument)
{
    struct random random = {(uint64_t)(uintptr_t)argument};
    unsigned long mine = 0, bad = 0;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint64_t number = random_below(&random, 1000), value[4];
        size_t bytes = 0;
        enum stele_status status = stele_get(&table, &number, 8, value, sizeof value, &bytes);
        bad += status != STELE_OK || bytes != 32 || value[0] != number || value[2] != number ||
               value[1] != value[3];
        mine++;
    }
    __atomic_fetch_add(&reads, mine, __ATOMIC_RELAXED);
    __atomic_fetch_add(&wrong, bad, __ATOMIC_RELAXED);
    return NULL;
}

START_TEST(threads_share_a_handle)
{
    pthread_t thread[2];
    for (uint64_t number = 0; number < 1000; number++) {
        uint64_t value[4] = {number, 0, number, 0};
        expect_ok(stele_store_put(store, id, &number, 8, value, sizeof value));
    }
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, read_on, (void *)(i + 1));
    for (uint64_t round = 1; round < suite_scaled(300); round++)
        for (uint64_t number = 0; number < 1000; number++) {
            uint64_t value[4] = {number, round, number, round};
            expect_ok(stele_store_put(store, id, &number, 8, value, sizeof value));
        }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    ck_assert_uint_gt(reads, 0);
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader");
    TCase *tcase = suite_case(suite, "lookups");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, get_returns_what_was_put);
    tcase_add_test(tcase, a_short_buffer_is_told_the_length);
    tcase_add_test(tcase, every_length_and_alignment);
    tcase_add_test(tcase, key_limits);
    tcase_add_test(tcase, contains_agrees);
    tcase_add_test(tcase, handles_see_growth);
    tcase_add_test(tcase, get_many_equals_get);
    tcase_add_test(tcase, get_many_follows_clear_and_drop);
    tcase_add_test(tcase, keys_too_long_do_not_disturb_their_neighbours);
    tcase_add_test(tcase, threads_share_a_handle);
    tcase = suite_case(suite, "views");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_view_points_into_the_segment);
    tcase_add_test(tcase, a_view_lasts_as_long_as_the_quarantine);
    tcase_add_test(tcase, a_view_of_an_unchanged_bucket_outlasts_the_quarantine);
    return suite_run(suite);
}
