/* What fits, what is full, what comes back: the memory behind the facade. */
#include "one_store.h"

START_TEST(a_hundred_thousand_mixed_entries_in_64_mib)
{
    /* Docker's default /dev/shm. Keys 8..40 bytes, 19 of 20 values 8..512 bytes, the rest ..4 KiB
     */
    store = stores_open(NULL, 64 * STORES_MIB);
    uint32_t t = stores_table(store, "mixed");
    uint64_t payload = 0;
    for (uint64_t n = 0; n < 100000; n++) {
        enum stele_status status = stores_put(store, t, n, 0, 8, n % 20 ? 512 : 4096);
        ck_assert_msg(status == STELE_OK, "entry %llu: %s", (unsigned long long)n,
                      stele_status_name(status));
    }
    struct stele_store_table_stats stats;
    expect_ok(stele_store_get_table_stats(store, t, &stats));
    payload = stats.payload_bytes;
    ck_assert_uint_gt(payload, 35 * STORES_MIB); /* the mix is no toy */
    ck_assert_uint_eq(stats.entries, 100000);
    stores_verify(store);
    for (uint64_t n = 0; n < 100000; n++)
        stores_expect(store, t, n, 0, 8, n % 20 ? 512 : 4096);
}
END_TEST

/* G: a full segment refuses that write only; reads, erases and smaller writes go on. */
START_TEST(a_full_segment_goes_on)
{
    uint64_t n = 0, full;
    enum stele_status status;
    store = stores_open(NULL, 64 * STORES_MIB);
    uint32_t t = stores_table(store, "full");
    while ((status = stores_put(store, t, n, 0, 8, 800)) == STELE_OK)
        n++;
    ck_assert_int_eq(status, STELE_ENOSPC);
    full = n;
    ck_assert_uint_gt(full, 100000);
    ck_assert_uint_eq(stores_entries(store, t), full);
    stores_verify(store);
    for (n = 0; n < full; n++)
        stores_expect(store, t, n, 0, 8, 800);
    stores_expect_absent(store, t, full);
    for (n = 0; n < 1000; n++) { /* replaced by something smaller */
        struct stores_entry entry;
        stores_entry(n, 8, 800, &entry);
        expect_ok(stele_store_replace(store, t, entry.key, entry.key_bytes, &entry, 8));
    }
    for (n = 0; n < full / 4; n++)
        expect_ok(stores_erase(store, t, n));
    for (uint64_t again = 0; again < full / 5; again++)
        expect_ok(stores_put(store, t, full + again, 1, 8, 800));
    for (n = full / 4; n < full; n++)
        stores_expect(store, t, n, 0, 8, 800);
    stores_verify(store);
}
END_TEST

START_TEST(full_of_small_then_full_of_large)
{
    /* memory moves between size classes, not only within one */
    store = stores_open(NULL, 32 * STORES_MIB);
    uint32_t t = stores_table(store, "t");
    static const uint32_t sizes[] = {20, 3000, 100, 60000, 700};
    uint64_t committed = 0;
    for (unsigned round = 0; round < 5; round++) {
        uint64_t n = 0, stored = 0;
        while (stores_put(store, t, n, round, sizes[round], sizes[round]) == STELE_OK) {
            n++;
            stored += sizes[round] + 8;
        }
        ck_assert_msg(stored > 10 * STORES_MIB, "round %u stored %llu bytes", round,
                      (unsigned long long)stored);
        committed = committed ? committed : stats_of(store).committed_bytes;
        stores_verify(store);
        while (n-- > 0)
            expect_ok(stores_erase(store, t, n));
    }
}
END_TEST

START_TEST(ten_cycles_leave_nothing_behind)
{
    store = stores_open(NULL, 128 * STORES_MIB);
    uint64_t baseline = stats_of(store).used_bytes, committed = 0;
    for (unsigned cycle = 0; cycle < 10; cycle++) {
        uint32_t t = stores_table(store, "cycle");
        for (uint64_t n = 0; n < 20000; n++)
            expect_ok(stores_put(store, t, n, cycle, 8, 400));
        if (cycle % 3 == 1)
            for (uint64_t n = 0; n < 20000; n++)
                expect_ok(stores_erase(store, t, n));
        if (cycle % 3 == 2)
            expect_ok(stele_store_table_clear(store, t));
        expect_ok(stele_store_table_drop(store, t));
        stores_settle(store);
        ck_assert_uint_eq(stats_of(store).used_bytes, baseline);
        if (cycle == 1)
            committed = stats_of(store).committed_bytes;
        if (cycle > 1)
            ck_assert_uint_eq(stats_of(store).committed_bytes, committed);
        stores_verify(store);
    }
}
END_TEST

START_TEST(overwriting_does_not_grow)
{
    store = stores_open(NULL, 128 * STORES_MIB);
    uint32_t t = stores_table(store, "t");
    uint64_t committed = 0, used = 0;
    for (unsigned round = 0; round < 20; round++) {
        for (uint64_t n = 0; n < 5000; n++)
            expect_ok(stores_put(store, t, n, round, 300, 300));
        if (round == 2) {
            committed = stats_of(store).committed_bytes;
            used = stats_of(store).used_bytes;
        }
    }
    ck_assert_uint_eq(stats_of(store).used_bytes, used);
    ck_assert_uint_le(stats_of(store).committed_bytes, committed + STELEI_CHUNK_BYTES);
    stores_verify(store);
}
END_TEST

START_TEST(statistics_add_up)
{
    store = stores_open(NULL, 32 * STORES_MIB);
    uint32_t a = stores_table(store, "a"), b = stores_table(store, "b");
    for (uint64_t n = 0; n < 5000; n++) {
        expect_ok(stores_put(store, a, n, 0, 8, 100));
        expect_ok(stores_put(store, b, n, 0, 8, 3000 * (n % 100 == 0) + 8));
    }
    struct stele_store_table_stats of_a, of_b;
    struct stele_store_stats all = stats_of(store);
    expect_ok(stele_store_get_table_stats(store, a, &of_a));
    expect_ok(stele_store_get_table_stats(store, b, &of_b));
    ck_assert_uint_eq(of_a.index_bytes + of_a.record_bytes + of_b.index_bytes + of_b.record_bytes,
                      all.used_bytes);
    ck_assert_uint_eq(all.used_bytes + all.free_bytes + all.quarantine_bytes,
                      all.committed_bytes -
                          stelei_round_up(4096 + 512 * 256 + (all.max_bytes >> 16), 65536));
    ck_assert_uint_le(of_a.payload_bytes, of_a.record_bytes);
    ck_assert_uint_eq(all.max_bytes, 32 * STORES_MIB);
    ck_assert_uint_eq(all.epoch, 1);
}
END_TEST

START_TEST(populated_ahead_is_handed_out_later)
{
    store = stores_open(NULL, 32 * STORES_MIB);
    uint64_t committed = stats_of(store).committed_bytes;
    expect_ok(stele_store_populate(store, 4));
    ck_assert_uint_eq(stats_of(store).committed_bytes, committed);
    expect_status(stele_store_populate(store, 1000), STELE_ENOSPC);
    expect_status(stele_store_populate(store, UINT32_MAX), STELE_ENOSPC);
    expect_ok(stele_store_populate(store, 0));
    uint32_t t = stores_table(store, "t");
    for (uint64_t n = 0; n < 20000; n++)
        expect_ok(stores_put(store, t, n, 0, 500, 500));
    stores_verify(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_memory");
    TCase *tcase = suite_case(suite, "memory");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_hundred_thousand_mixed_entries_in_64_mib);
    tcase_add_test(tcase, a_full_segment_goes_on);
    tcase_add_test(tcase, full_of_small_then_full_of_large);
    tcase_add_test(tcase, ten_cycles_leave_nothing_behind);
    tcase_add_test(tcase, overwriting_does_not_grow);
    tcase_add_test(tcase, statistics_add_up);
    tcase_add_test(tcase, populated_ahead_is_handed_out_later);
    return suite_run(suite);
}
