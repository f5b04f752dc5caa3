/*
 * What is free can be had (promise G): values of other sizes around it, or an order in which they went,
 * make no difference as long as a run is long enough.
 */
#include "stores.h"

static char bytes[1 << 20];

/* A value of so many pages with its record's head and its key. */
static enum stele_status put_pages(struct stele_store *store, uint32_t table, uint32_t key,
                                   uint32_t pages)
{
    return stele_store_put(store, table, &key, sizeof key, bytes, pages * 4096 - 64);
}

static uint64_t committed_bytes(struct stele_store *store)
{
    struct stele_store_stats stats;
    stele_store_get_stats(store, &stats);
    return stats.committed_bytes;
}

static const struct {
    uint64_t mib;
    uint32_t wanted, shorter, kept; /* pages */
} sizes[] = {
    {64, 11, 10, 9},    {64, 17, 16, 15},    {64, 33, 32, 31},
    {64, 5, 4, 3},      {128, 65, 64, 63},   {256, 200, 199, 198},
    {64, 10, 255, 120}, {128, 120, 255, 10},
};

/* Values of three lengths in turn until nothing more goes in; those of two lengths are erased, the third
 * keeps them apart. As many of the wanted length as were erased go in again. */
START_TEST(as_many_values_go_in_as_went)
{
    struct stele_store *store = stores_open(NULL, sizes[_i].mib * STORES_MIB);
    uint32_t table = stores_table(store, "t"), count = 0, key;
    while (put_pages(store, table, count,
                     count % 4 == 0   ? sizes[_i].wanted
                     : count % 4 == 2 ? sizes[_i].shorter
                                      : sizes[_i].kept) == STELE_OK)
        count++;
    ck_assert_uint_gt(count, 100);
    for (key = 0; key < count; key += 4)
        expect_ok(stele_store_erase(store, table, &key, sizeof key));
    for (key = 2; key < count; key += 4)
        expect_ok(stele_store_erase(store, table, &key, sizeof key));
    for (key = 0; key < count; key += 4)
        expect_ok(put_pages(store, table, key, sizes[_i].wanted));
    key = 0; /* and each can be replaced by as much, or less */
    expect_ok(stele_store_replace(store, table, &key, sizeof key, bytes,
                                  sizes[_i].wanted * 4096 - 64));
    expect_ok(stele_store_replace(store, table, &key, sizeof key, bytes,
                                  sizes[_i].wanted * 4096 - 164));
    stores_verify(store);
    stele_store_close(store);
}
END_TEST

/* Below the maximum no chunk is populated for what is free already. */
START_TEST(no_memory_is_taken_while_there_is_some)
{
    enum { VALUES = 4000, PAGES = 11 };
    struct stele_store *store = stores_open(NULL, 1024 * STORES_MIB);
    uint32_t table = stores_table(store, "t");
    for (uint32_t key = 0; key < VALUES; key++)
        expect_ok(put_pages(store, table, key, key % 2 ? PAGES - 1 : PAGES));
    uint64_t before = committed_bytes(store);
    for (uint32_t key = 0; key < VALUES; key += 4) { /* far apart, and more than the quarantine keeps */
        uint32_t neighbour = key + 1;
        expect_ok(stele_store_erase(store, table, &key, sizeof key));
        if (key % 8 == 0)
            expect_ok(stele_store_erase(store, table, &neighbour, sizeof neighbour));
    }
    for (uint32_t key = 0; key < VALUES / 2; key += 4)
        expect_ok(put_pages(store, table, key, PAGES));
    ck_assert_uint_eq(committed_bytes(store), before);
    stores_verify(store);
    stele_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fragments");
    TCase *tcase = suite_case(suite, "fragments");
    tcase_add_loop_test(tcase, as_many_values_go_in_as_went, 0, sizeof sizes / sizeof sizes[0]);
    tcase_add_test(tcase, no_memory_is_taken_while_there_is_some);
    return suite_run(suite);
}
