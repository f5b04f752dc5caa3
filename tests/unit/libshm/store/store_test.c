/* The facade as an embedding program uses it; promises by their letters where one is meant. */
#include <pthread.h>
#include <unistd.h>

#include "one_store.h"

/* ---- entries -------------------------------------------------------------------------------- */

START_TEST(put_insert_replace_erase_find)
{
    const void *value = NULL;
    uint32_t bytes = 77, t;
    store = stores_open(NULL, 16 * STORES_MIB);
    t = stores_table(store, "t");
    expect_status(stele_store_find(store, t, "k", 1, &value, &bytes), STELE_ENOTFOUND);
    ck_assert_uint_eq(bytes, 77); /* untouched on failure */
    expect_status(stele_store_replace(store, t, "k", 1, "v", 1), STELE_ENOTFOUND);
    expect_ok(stele_store_insert(store, t, "k", 1, "first", 5));
    expect_status(stele_store_insert(store, t, "k", 1, "v", 1), STELE_EEXIST);
    expect_ok(stele_store_replace(store, t, "k", 1, "second", 6));
    expect_ok(stele_store_find(store, t, "k", 1, &value, &bytes));
    ck_assert_uint_eq(bytes, 6);
    ck_assert_mem_eq(value, "second", 6);
    ck_assert_uint_eq((uintptr_t)value % 8, 0);
    expect_ok(stele_store_erase(store, t, "k", 1));
    expect_status(stele_store_erase(store, t, "k", 1), STELE_ENOTFOUND);
}
END_TEST

START_TEST(limits_of_keys_and_values)
{
    static uint8_t key[STELEI_KEY_MAX_BYTES + 1];
    const void *value = NULL;
    uint32_t bytes = 0, t;
    store = stores_open(NULL, 16 * STORES_MIB);
    t = stores_table(store, "t");
    expect_ok(stele_store_put(store, t, NULL, 0, NULL, 0)); /* empty, in empty */
    expect_ok(stele_store_find(store, t, "", 0, &value, &bytes));
    ck_assert_uint_eq(bytes, 0);
    expect_ok(stele_store_put(store, t, key, STELEI_KEY_MAX_BYTES, "v", 1));
    expect_ok(stele_store_find(store, t, key, STELEI_KEY_MAX_BYTES, &value, &bytes));
    expect_status(stele_store_put(store, t, key, STELEI_KEY_MAX_BYTES + 1, "v", 1), STELE_ETOOBIG);
    expect_status(stele_store_find(store, t, key, STELEI_KEY_MAX_BYTES + 1, &value, &bytes),
                  STELE_ETOOBIG);
    expect_status(stele_store_erase(store, t, key, STELEI_KEY_MAX_BYTES + 1), STELE_ETOOBIG);
    expect_status(stele_store_put(store, t, "k", 1, key, STELEI_VALUE_MAX_BYTES + 1),
                  STELE_ETOOBIG);
    /* allowed, but larger than this segment */
    expect_status(stele_store_put(store, t, "k", 1, key, STELEI_VALUE_MAX_BYTES), STELE_ENOSPC);
    stores_verify(store);
}
END_TEST

START_TEST(the_largest_value)
{
    /* needs 1 GiB of tmpfs for an instant */
    uint8_t *large = calloc(1, STELEI_VALUE_MAX_BYTES);
    const void *value = NULL;
    uint32_t bytes = 0, t;
    ck_assert_ptr_nonnull(large);
    store = stores_open(NULL, 640 * STORES_MIB);
    t = stores_table(store, "t");
    large[0] = 1;
    large[STELEI_VALUE_MAX_BYTES - 1] = 2;
    expect_ok(stele_store_put(store, t, "k", 1, large, STELEI_VALUE_MAX_BYTES));
    expect_ok(stele_store_find(store, t, "k", 1, &value, &bytes));
    ck_assert_uint_eq(bytes, STELEI_VALUE_MAX_BYTES);
    ck_assert_int_eq(((const uint8_t *)value)[bytes - 1], 2);
    expect_ok(stele_store_erase(store, t, "k", 1));
    stores_verify(store);
    free(large);
}
END_TEST

START_TEST(unknown_tables)
{
    const void *value;
    uint32_t bytes, id = 5;
    struct stele_store_table_stats stats;
    store = stores_open(NULL, 16 * STORES_MIB);
    static const uint32_t bad[] = {0, 511, 512, UINT32_MAX};
    for (unsigned i = 0; i < 4; i++) {
        expect_status(stele_store_put(store, bad[i], "k", 1, "v", 1), STELE_ENOTABLE);
        expect_status(stele_store_erase(store, bad[i], "k", 1), STELE_ENOTABLE);
        expect_status(stele_store_find(store, bad[i], "k", 1, &value, &bytes), STELE_ENOTABLE);
        expect_status(stele_store_table_drop(store, bad[i]), STELE_ENOTABLE);
        expect_status(stele_store_table_clear(store, bad[i]), STELE_ENOTABLE);
        expect_status(stele_store_get_table_stats(store, bad[i], &stats), STELE_ENOTABLE);
    }
    expect_status(stele_store_table_find(store, "none", &id), STELE_ENOTABLE);
    ck_assert_uint_eq(id, 5);
}
END_TEST

START_TEST(all_512_tables)
{
    char name[16];
    uint32_t id = 0;
    store = stores_open(NULL, 16 * STORES_MIB);
    for (unsigned i = 0; i < 512; i++) {
        snprintf(name, sizeof name, "t%u", i);
        uint32_t made = stores_table(store, name);
        for (uint64_t n = 0; n < 20; n++)
            expect_ok(stores_put(store, made, n, i, 8, 8));
    }
    expect_status(stele_store_table_create(store, "t512", NULL, &id), STELE_ETABLES);
    expect_status(stele_store_table_create(store, "t17", NULL, &id), STELE_EEXIST);
    for (unsigned i = 0; i < 512; i++) {
        snprintf(name, sizeof name, "t%u", i);
        expect_ok(stele_store_table_find(store, name, &id));
        for (uint64_t n = 0; n < 20; n++)
            stores_expect(store, id, n, i, 8, 8);
    }
    ck_assert_uint_eq(stats_of(store).tables, 512);
    stores_verify(store);
}
END_TEST

START_TEST(lsns_count_what_was_applied)
{
    store = stores_open(NULL, 16 * STORES_MIB);
    uint32_t t = stores_table(store, "t");
    ck_assert_uint_eq(stats_of(store).applied_lsn, 1);
    expect_ok(stele_store_put(store, t, "k", 1, "v", 1));
    expect_status(stele_store_insert(store, t, "k", 1, "v", 1), STELE_EEXIST);
    expect_status(stele_store_erase(store, t, "x", 1), STELE_ENOTFOUND);
    expect_ok(stele_store_erase(store, t, "k", 1));
    ck_assert_uint_eq(stats_of(store).applied_lsn, 3);
}
END_TEST

START_TEST(effects_may_be_repeated)
{
    const void *value;
    uint32_t bytes;
    store = stores_open(NULL, 16 * STORES_MIB);
    struct stelei_effect create = {
        .lsn = 10, .kind = STELEI_EFFECT_TABLE_CREATE, .table = 7, .key = "name", .key_bytes = 4};
    struct stelei_effect put = {.lsn = 20,
                                .kind = STELEI_EFFECT_PUT,
                                .table = 7,
                                .key = "k",
                                .key_bytes = 1,
                                .value = "value",
                                .value_bytes = 5};
    struct stelei_effect erase = put;
    erase.kind = STELEI_EFFECT_ERASE;
    erase.lsn = 30;
    for (unsigned i = 0; i < 2; i++)
        expect_ok(stele_store_apply(store, &create));
    for (unsigned i = 0; i < 2; i++)
        expect_ok(stele_store_apply(store, &put));
    ck_assert_uint_eq(stats_of(store).applied_lsn, 20);
    expect_ok(stele_store_find(store, 7, "k", 1, &value, &bytes));
    for (unsigned i = 0; i < 2; i++)
        expect_ok(stele_store_apply(store, &erase));
    ck_assert_uint_eq(stats_of(store).applied_lsn, 30);
    struct stelei_effect clear = {.lsn = 40, .kind = STELEI_EFFECT_TABLE_CLEAR, .table = 7};
    expect_ok(stele_store_apply(store, &clear));
    struct stelei_effect drop = {.lsn = 50, .kind = STELEI_EFFECT_TABLE_DROP, .table = 7};
    expect_ok(stele_store_apply(store, &drop));
    ck_assert_uint_eq(stats_of(store).applied_lsn, 50);
    expect_status(stele_store_apply(store, &put), STELE_ENOTABLE);
    ck_assert_uint_eq(stats_of(store).applied_lsn, 50);
}
END_TEST

START_TEST(effects_that_make_no_sense)
{
    store = stores_open(NULL, 16 * STORES_MIB);
    struct stelei_effect effect = {
        .kind = STELEI_EFFECT_TABLE_CREATE, .table = UINT32_MAX, .key = "a\0b", .key_bytes = 3};
    expect_status(stele_store_apply(store, &effect), STELE_EINVAL);
    effect.key_bytes = 0;
    expect_status(stele_store_apply(store, &effect), STELE_EINVAL);
    effect.key_bytes = 1;
    effect.type.value_kind = STELE_LIST;
    expect_status(stele_store_apply(store, &effect), STELE_EINVAL);
    effect.type.value_kind = STELE_BYTES;
    effect.type.hash_id = STELE_HASH_IDENTITY;
    expect_status(stele_store_apply(store, &effect), STELE_EINVAL);
    effect.kind = 99;
    expect_status(stele_store_apply(store, &effect), STELE_EINVAL);
    effect.kind = 0;
    expect_status(stele_store_apply(store, &effect), STELE_EINVAL);
    ck_assert_uint_eq(stats_of(store).applied_lsn, 0);
}
END_TEST

/* ---- opening -------------------------------------------------------------------------------- */

START_TEST(bad_options_are_refused_with_a_line)
{
    char detail[128] = "";
    struct stele_store_options options = {.name = "a/b"};
    expect_status(stele_store_open(&options, &store, detail, sizeof detail), STELE_EINVAL);
    ck_assert_str_ne(detail, "");
    ck_assert_ptr_null(store);
    expect_status(stele_store_open(&options, &store, NULL, 0), STELE_EINVAL);
    options = (struct stele_store_options){.max_bytes = 1 << 20};
    expect_status(stele_store_open(&options, &store, detail, 10), STELE_EINVAL);
    ck_assert_uint_lt(strlen(detail), 10);
    stele_store_close(NULL);
}
END_TEST

START_TEST(a_second_writer_is_refused)
{
    struct stele_store *second = NULL;
    struct stele_store_options options = {.name = segment_name(), .max_bytes = 16 * STORES_MIB};
    char detail[128] = "";
    store = stores_open(segment_name(), 16 * STORES_MIB);
    expect_status(stele_store_open(&options, &second, detail, sizeof detail), STELE_ELOCKED);
    ck_assert_ptr_null(second);
    ck_assert_ptr_nonnull(strstr(detail, segment_name()));
    expect_status(stele_store_unlink(segment_name()), STELE_ELOCKED);
}
END_TEST

START_TEST(unlink_removes_the_names)
{
    expect_status(stele_store_unlink(segment_name()), STELE_ENOSEGMENT);
    store = stores_open(segment_name(), 16 * STORES_MIB);
    stele_store_close(store);
    expect_ok(stele_store_unlink(segment_name()));
    expect_status(stele_store_unlink(segment_name()), STELE_ENOSEGMENT);
    store = stores_open(segment_name(), 16 * STORES_MIB);
    ck_assert_int_eq(stele_store_get_origin(store), STELE_STORE_CREATED);
}
END_TEST

static void *many_puts(void *argument)
{
    uint64_t base = *(uint64_t *)argument;
    for (uint64_t n = 0; n < 5000; n++) {
        uint64_t key = base + n;
        if (stele_store_put(store, 0, &key, 8, &key, 8) != STELE_OK)
            return argument;
    }
    return NULL;
}

START_TEST(threads_are_serialised)
{
    pthread_t thread[4];
    uint64_t base[4] = {0, 5000, 10000, 12000}; /* the last two overlap */
    store = stores_open(NULL, 32 * STORES_MIB);
    stores_table(store, "t");
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, many_puts, &base[i]), 0);
    expect_ok(stele_store_populate(store, 8)); /* beside everything else */
    for (unsigned i = 0; i < 4; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        ck_assert_ptr_null(failed);
    }
    ck_assert_uint_eq(stores_entries(store, 0), 17000);
    stores_verify(store);
}
END_TEST

START_TEST(unlocked_works_the_same)
{
    struct stele_store_options options = {.max_bytes = 16 * STORES_MIB, .unlocked = true};
    expect_ok(stele_store_open(&options, &store, NULL, 0));
    uint32_t t = stores_table(store, "t");
    for (uint64_t n = 0; n < 1000; n++)
        expect_ok(stores_put(store, t, n, 0, 8, 100));
    stele_store_fence();
    stores_verify(store);
}
END_TEST

int main(void)
{
    segment_name_init("store");
    Suite *suite = suite_create("store");
    TCase *tcase = suite_case(suite, "entries");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, put_insert_replace_erase_find);
    tcase_add_test(tcase, limits_of_keys_and_values);
    tcase_add_test(tcase, the_largest_value);
    tcase_add_test(tcase, unknown_tables);
    tcase_add_test(tcase, all_512_tables);
    tcase_add_test(tcase, lsns_count_what_was_applied);
    tcase_add_test(tcase, effects_may_be_repeated);
    tcase_add_test(tcase, effects_that_make_no_sense);
    tcase = suite_case(suite, "opening");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, bad_options_are_refused_with_a_line);
    tcase_add_test(tcase, a_second_writer_is_refused);
    tcase_add_test(tcase, unlink_removes_the_names);
    tcase_add_test(tcase, threads_are_serialised);
    tcase_add_test(tcase, unlocked_works_the_same);
    return segment_name_fini(suite_run(suite));
}
