/* When sparse slabs are emptied, seen through the facade: not before, and not without, need. */
#include "stores.h"

START_TEST(growth_alone_brings_about_none)
{
    struct stele_store *store = stores_open(NULL, 128 * STORES_MIB);
    struct stele_store_stats stats;
    uint32_t t = stores_table(store, "t");
    for (uint64_t n = 0; n < 150000; n++)
        expect_ok(stores_put(store, t, n, 0, 0, 300));
    for (uint64_t n = 0; n < 50000; n++) /* nor does overwriting by the same size */
        expect_ok(stores_put(store, t, n, 1, 0, 300));
    stele_store_get_stats(store, &stats);
    ck_assert_uint_eq(stats.evacuations, 0);
    ck_assert_uint_eq(stats.moved_bytes, 0);
    stele_store_close(store);
}
END_TEST

/* Sizes drift; nobody steps. What is populated stays near what is in use. */
START_TEST(drifting_sizes_do_not_grow)
{
    struct stele_store *store = stores_open(NULL, 256 * STORES_MIB);
    struct stele_store_stats before, after;
    struct random random = {31};
    uint32_t t = stores_table(store, "t");
    for (uint64_t n = 0; n < 100000; n++)
        expect_ok(stores_put(store, t, n, 0, 200, 200));
    stele_store_get_stats(store, &before);
    static uint32_t bytes[100000];
    for (uint64_t n = 0; n < 100000; n++)
        bytes[n] = 200;
    for (uint32_t i = 0; i < 300000; i++) {
        uint32_t n = random_below(&random, 100000);
        bytes[n] = 150 + i / 50000 * 16;
        expect_ok(stores_put(store, t, n, 0, bytes[n], bytes[n]));
    }
    stele_store_get_stats(store, &after);
    ck_assert_uint_gt(after.evacuations, 0);
    ck_assert_uint_gt(after.moved_bytes, 0);
    ck_assert_msg(after.committed_bytes * 100 <= before.committed_bytes * 125,
                  "%llu bytes populated before, %llu after",
                  (unsigned long long)before.committed_bytes,
                  (unsigned long long)after.committed_bytes);
    stores_verify(store);
    for (uint32_t n = 0; n < 100000; n++)
        stores_expect(store, t, n, 0, bytes[n], bytes[n]);
    stele_store_close(store);
}
END_TEST

/* A full segment of sparse slabs: the write that needs another class gets it. */
START_TEST(a_full_segment_is_packed_before_it_refuses)
{
    struct stele_store *store = stores_open(NULL, 32 * STORES_MIB);
    struct stele_store_stats stats;
    uint32_t t = stores_table(store, "t");
    uint64_t end = 0, n = 0, runs = 0;
    while (stores_put(store, t, end, 0, 100, 100) == STELE_OK)
        end++;
    for (uint64_t i = 0; i < end; i++)
        if (i % 10 != 0)
            expect_ok(stores_erase(store, t, i));
    while (stores_put(store, t, end + n, 0, 3000, 3000) == STELE_OK)
        n++;
    ck_assert_msg(n * 3000 > 15 * STORES_MIB, "%llu values of 3000 bytes", (unsigned long long)n);
    stele_store_get_stats(store, &stats);
    ck_assert_uint_gt(stats.evacuations, 0);
    uint64_t passes = stats.evacuations;
    for (unsigned i = 0; i < 100; i++) /* full is full: no pass for each refusal */
        expect_status(stores_put(store, t, end + n + i, 0, 3000, 3000), STELE_ENOSPC);
    stele_store_get_stats(store, &stats);
    ck_assert_uint_eq(stats.evacuations, passes);
    while (n-- > 0)
        expect_ok(stores_erase(store, t, end + n));
    while (stores_put(store, t, end + runs, 0, 200000, 200000) == STELE_OK)
        runs++; /* runs of pages, too */
    ck_assert_msg(runs * 200000 > 15 * STORES_MIB, "%llu values of 200,000 bytes",
                  (unsigned long long)runs);
    stores_verify(store);
    for (uint64_t i = 0; i < end; i += 10)
        stores_expect(store, t, i, 0, 100, 100);
    stele_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_evacuate");
    TCase *tcase = suite_case(suite, "beginning");
    tcase_add_test(tcase, growth_alone_brings_about_none);
    tcase_add_test(tcase, drifting_sizes_do_not_grow);
    tcase_add_test(tcase, a_full_segment_is_packed_before_it_refuses);
    return suite_run(suite);
}
