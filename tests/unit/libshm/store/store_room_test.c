/*
 * What went makes room for what comes (promise G), whatever it is: a long value where small ones were,
 * a small one where large ones were; and a refusal is cheap while nothing has changed.
 */
#include "segment_name.h"
#include "stores.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The system's answer to the segment's wish for memory. */
static struct {
    bool refuse;
    unsigned calls;
} system_;

int fallocate(int fd, int mode, off_t off, off_t bytes);
int fallocate(int fd, int mode, off_t off, off_t bytes)
{
    system_.calls++;
    if (!system_.refuse)
        return (int)syscall(SYS_fallocate, fd, mode, off, bytes);
    errno = ENOSPC;
    return -1;
}

static char bytes[32 << 20];

static enum stele_status put(struct stele_store *store, uint32_t table, uint32_t key, uint32_t n)
{
    return stele_store_put(store, table, &key, sizeof key, bytes, n);
}

static uint32_t bytes_of(uint32_t key, uint32_t most)
{
    struct random random = {key};
    return most < 0x10000 ? most : 1 + random_below(&random, most - 0x10000);
}

/* ---- a long value after small ones ---------------------------------------------------------- */

/* `most` with 0x10000: values of random lengths up to it. */
static const struct {
    uint32_t tables, count, most, mib; /* the long value's */
    enum { BY_ERASING, BY_CLEARING, BY_DROPPING } how;
} emptied[] = {
    {1, 54000, 1024, 30, BY_ERASING},          {1, 54000, 1024, 30, BY_CLEARING},
    {1, 54000, 1024, 30, BY_DROPPING},         {4, 50000, 1024, 25, BY_ERASING},
    {1, 100000, 400, 20, BY_ERASING},          {1, 10000, 1024, 30, BY_ERASING},
    {2, 20000, 0x10000 + 4000, 25, BY_ERASING}, {100, 40000, 1024, 25, BY_DROPPING},
};

static void fill_and_empty(struct stele_store *store, int i)
{
    uint32_t table[100], count = 0;
    char name[16];
    for (uint32_t t = 0; t < emptied[i].tables; t++) {
        snprintf(name, sizeof name, "t%u", t);
        table[t] = stores_table(store, name);
    }
    for (; count < emptied[i].count; count++)
        expect_ok(put(store, table[count % emptied[i].tables], count,
                      bytes_of(count, emptied[i].most)));
    if (emptied[i].how == BY_ERASING)
        for (uint32_t key = 0; key < count; key++)
            expect_ok(stele_store_erase(store, table[key % emptied[i].tables], &key, sizeof key));
    for (uint32_t t = 0; t < emptied[i].tables; t++)
        if (emptied[i].how == BY_CLEARING)
            expect_ok(stele_store_table_clear(store, table[t]));
        else if (emptied[i].how == BY_DROPPING)
            expect_ok(stele_store_table_drop(store, table[t]));
}

static void expect_long_value(struct stele_store *store, int i)
{
    uint32_t table;
    expect_ok(stele_store_table_create(store, "long", NULL, &table));
    expect_ok(put(store, table, 0, emptied[i].mib << 20));
    stores_verify(store);
}

START_TEST(a_long_value_fits_where_small_ones_were)
{
    struct stele_store *store = stores_open(NULL, 64 * STORES_MIB);
    fill_and_empty(store, _i);
    expect_long_value(store, _i);
    stele_store_close(store);
}
END_TEST

START_TEST(so_it_does_after_an_adoption)
{
    struct stele_store *store = stores_open(segment_name(), 64 * STORES_MIB);
    fill_and_empty(store, _i);
    stele_store_close(store);
    store = stores_open(segment_name(), 0);
    expect_long_value(store, _i);
    stele_store_close(store);
}
END_TEST

/* ---- small values after others ---------------------------------------------------------------- */

static const struct {
    uint64_t mib;
    uint32_t most, erased;
    bool adopted;
} full[] = {
    {64, 1024, 100, false}, {64, 1024, 100, true},  {16, 1024, 100, false}, {64, 100, 1000, false},
    {64, 7000, 20, false},  {64, 40000, 3, false},  {64, 0x10000 + 6000, 100, false},
    {32, 3, 20000, false},  {256, 1024, 100, true}, {8, 1024, 100, false},
};

static void expect_anything_to_fit(struct stele_store *store)
{
    static const uint32_t few[] = {3, 30, 100, 300};
    uint32_t words = stores_typed(store, "words", "u64->u64", 0);
    uint32_t lists = stores_typed(store, "lists", "u64->list:u32", 0);
    uint32_t table = stores_table(store, "few");
    uint64_t key = 1, element = 7;
    expect_ok(stele_store_word_put(store, words, key, 1, NULL, NULL));
    expect_ok(stele_store_list_append(store, lists, &key, sizeof key, &element, 1, NULL));
    for (uint32_t i = 0; i < sizeof few / sizeof few[0]; i++)
        expect_ok(put(store, table, i, few[i]));
}

START_TEST(a_few_that_went_let_in_what_is_of_another_size)
{
    struct stele_store *store = stores_open(segment_name(), full[_i].mib * STORES_MIB);
    uint32_t table = stores_table(store, "t"), count = 0, erased = 0;
    while (put(store, table, count, bytes_of(count, full[_i].most)) == STELE_OK)
        count++;
    if (full[_i].adopted) {
        stele_store_close(store);
        store = stores_open(segment_name(), 0);
    }
    /* spread over the slabs */
    for (uint32_t key = 0; erased < full[_i].erased; erased++, key += count / full[_i].erased)
        expect_ok(stele_store_erase(store, table, &key, sizeof key));
    expect_anything_to_fit(store);
    stores_verify(store);
    stele_store_close(store);
}
END_TEST

/* ---- refusals --------------------------------------------------------------------------------- */

START_TEST(a_tmpfs_that_refused_is_not_asked_again_and_again)
{
    struct stele_store *store = stores_open(NULL, 64 * STORES_MIB);
    uint32_t table = stores_table(store, "t"), count = 0;
    for (; count < 5000; count++)
        expect_ok(put(store, table, count, 1024));
    system_.refuse = true;
    while (put(store, table, count, 1024) == STELE_OK)
        count++;
    system_.calls = 0;
    for (uint32_t i = 0; i < 1000; i++)
        ck_assert_int_eq(put(store, table, count + i, 1024), STELE_ENOSPC);
    ck_assert_uint_le(system_.calls, 16);
    ck_assert_int_eq(stele_store_populate(store, 4), STELE_ENOSPC); /* asks whenever it is called */
    system_.refuse = false;
    stele_store_heartbeat(store, 1);
    expect_ok(put(store, table, count, 1024));
    stores_verify(store);
    stele_store_close(store);
}
END_TEST

START_TEST(what_the_populating_thread_got_is_used)
{
    struct stele_store *store = stores_open(NULL, 64 * STORES_MIB);
    uint32_t table = stores_table(store, "t"), count = 0;
    system_.refuse = true;
    while (put(store, table, count, 1024) == STELE_OK)
        count++;
    system_.refuse = false;
    expect_ok(stele_store_populate(store, 2));
    expect_ok(put(store, table, count, 1024));
    stele_store_close(store);
}
END_TEST

/* A pass over the buckets is made once for each 1/64 that was given back (or moved), not for each refusal. */
START_TEST(refusals_pack_seldom)
{
    struct stele_store *store = stores_open(NULL, 64 * STORES_MIB);
    struct stele_store_stats before, after;
    uint32_t table = stores_table(store, "t"), count = 0, key = 0;
    while (put(store, table, count, 1000) == STELE_OK)
        count++;
    ck_assert_int_eq(put(store, table, count, 30 << 20), STELE_ENOSPC);
    stele_store_get_stats(store, &before);
    for (uint32_t i = 0; i < 100; i++) {
        for (uint32_t n = 0; n < 80; n++, key += count / 8000) /* more than a slab's, all over */
            expect_ok(stele_store_erase(store, table, &key, sizeof key));
        ck_assert_int_eq(put(store, table, count, 30 << 20), STELE_ENOSPC);
    }
    stele_store_get_stats(store, &after);
    ck_assert_uint_ge(after.evacuations, before.evacuations + 5);
    ck_assert_uint_le(after.evacuations, before.evacuations + 30);
    stores_verify(store);
    stele_store_close(store);
}
END_TEST

static void setup(void)
{
    system_.refuse = false;
    segment_name_clean();
}

int main(void)
{
    segment_name_init("room");
    Suite *suite = suite_create("store room");
    TCase *tcase = suite_case(suite, "store room");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, a_long_value_fits_where_small_ones_were, 0,
                        sizeof emptied / sizeof emptied[0]);
    tcase_add_loop_test(tcase, so_it_does_after_an_adoption, 0, sizeof emptied / sizeof emptied[0]);
    tcase_add_loop_test(tcase, a_few_that_went_let_in_what_is_of_another_size, 0,
                        sizeof full / sizeof full[0]);
    tcase_add_test(tcase, a_tmpfs_that_refused_is_not_asked_again_and_again);
    tcase_add_test(tcase, what_the_populating_thread_got_is_used);
    tcase_add_test(tcase, refusals_pack_seldom);
    return segment_name_fini(suite_run(suite));
}
