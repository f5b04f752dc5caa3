/* Lists through the facade: what each call says and does, sets, effects, and where memory ends. */
#include "stores.h"

#define LISTS "bytes->list:u32"

static struct stele_store *store;
static uint32_t t;

static void setup(void)
{
    store = stores_open(NULL, 32 * STORES_MIB);
    t = stores_typed(store, "lists", LISTS, 0);
}

static void teardown(void)
{
    stores_verify(store);
    stele_store_close(store);
}

static uint64_t lsn(void)
{
    struct stele_store_stats stats;
    stele_store_get_stats(store, &stats);
    return stats.applied_lsn;
}

static void append(uint32_t table, const char *key, uint32_t element)
{
    expect_ok(stele_store_list_append(store, table, key, (uint32_t)strlen(key), &element, 1, NULL));
}

/* The list of `key` holds these numbers (up to nine, from 0 to 9), as text; "" for no list. */
static void expect_list(uint32_t table, const char *key, const char *digits)
{
    struct stele_store_list list;
    char found[64] = "";
    enum stele_status status =
        stele_store_list_find(store, table, key, (uint32_t)strlen(key), &list);
    ck_assert_int_eq(status, *digits ? STELE_OK : STELE_ENOTFOUND);
    const void *elements;
    uint64_t at = 0, count;
    while (*digits && stele_store_list_span(store, &list, at, &elements, &count))
        for (uint64_t i = 0; i < count; i++, at++) {
            uint64_t element = 0;
            memcpy(&element, (const uint8_t *)elements + i * list.element_bytes,
                   list.element_bytes);
            snprintf(found + at, 2, "%u", (unsigned)element);
        }
    ck_assert_str_eq(found, digits);
    if (*digits)
        ck_assert_uint_eq(list.count, strlen(digits));
}

/* ---- calls ---------------------------------------------------------------------------------- */

START_TEST(append_remove_replace_pop)
{
    uint64_t element = 0, appended = 0;
    static const uint32_t more[] = {3, 1, 4};
    append(t, "k", 1);
    append(t, "k", 2);
    expect_ok(stele_store_list_append(store, t, "k", 1, more, 3, &appended));
    ck_assert_uint_eq(appended, 3);
    expect_list(t, "k", "12314"); /* duplicates and order kept */
    expect_ok(stele_store_list_remove(store, t, "k", 1, 1));
    expect_list(t, "k", "2314"); /* the first equal one */
    expect_status(stele_store_list_remove(store, t, "k", 1, 9), STELE_ENOTFOUND);
    expect_ok(stele_store_list_replace(store, t, "k", 1, 3, 7));
    expect_list(t, "k", "2147");
    expect_ok(stele_store_list_replace(store, t, "k", 1, 9, 8)); /* only appends */
    expect_list(t, "k", "21478");
    expect_ok(stele_store_list_replace(store, t, "k", 1, 4, 4));
    expect_list(t, "k", "21784");
    expect_ok(stele_store_list_pop(store, t, "k", 1, &element));
    ck_assert_uint_eq(element, 4);
    expect_list(t, "k", "2178");
    for (unsigned i = 0; i < 4; i++)
        expect_ok(stele_store_list_pop(store, t, "k", 1, &element));
    ck_assert_uint_eq(element, 2);
    expect_list(t, "k", ""); /* never empty */
    expect_status(stele_store_list_pop(store, t, "k", 1, &element), STELE_ENOTFOUND);
    ck_assert_uint_eq(element, 2);
    expect_ok(stele_store_list_replace(store, t, "k", 1, 5, 6)); /* makes the key */
    expect_list(t, "k", "6");
    expect_ok(stele_store_list_replace(store, t, "k", 1, 6, 5)); /* the only element */
    expect_list(t, "k", "5");
    expect_ok(stele_store_list_remove(store, t, "k", 1, 5)); /* takes it away */
    expect_list(t, "k", "");
    expect_status(stele_store_list_remove(store, t, "k", 1, 5), STELE_ENOTFOUND);
    append(t, "k", 1);
    expect_ok(stele_store_erase(store, t, "k", 1));
    expect_list(t, "k", "");
    ck_assert_uint_eq(stores_entries(store, t), 0);
}
END_TEST

START_TEST(appending_nothing_makes_no_list)
{
    uint64_t appended = 9;
    expect_ok(stele_store_list_append(store, t, "k", 1, NULL, 0, &appended));
    ck_assert_uint_eq(appended, 0);
    expect_list(t, "k", "");
    ck_assert_uint_eq(stores_entries(store, t), 0);
}
END_TEST

START_TEST(tables_of_another_type)
{
    struct stele_store_list list;
    uint64_t element = 1;
    uint32_t plain = stores_table(store, "plain"), words = stores_typed(store, "w", "u64->u64", 0);
    const uint32_t others[] = {plain, words};
    for (unsigned i = 0; i < 2; i++) {
        uint32_t o = others[i];
        expect_status(stele_store_list_find(store, o, &element, 8, &list), STELE_ETYPE);
        expect_status(stele_store_list_append(store, o, &element, 8, &element, 1, NULL),
                      STELE_ETYPE);
        expect_status(stele_store_list_remove(store, o, &element, 8, 1), STELE_ETYPE);
        expect_status(stele_store_list_replace(store, o, &element, 8, 1, 2), STELE_ETYPE);
        expect_status(stele_store_list_pop(store, o, &element, 8, &element), STELE_ETYPE);
    }
    const void *value;
    uint32_t bytes;
    append(t, "k", 1);
    expect_status(stele_store_put(store, t, "k", 1, "0000", 4), STELE_ETYPE);
    expect_status(stele_store_insert(store, t, "x", 1, "0000", 4), STELE_ETYPE);
    expect_status(stele_store_replace(store, t, "k", 1, "0000", 4), STELE_ETYPE);
    expect_status(stele_store_find(store, t, "k", 1, &value, &bytes), STELE_ETYPE);
    expect_status(stele_store_list_find(store, 99, "k", 1, &list), STELE_ENOTABLE);
    expect_status(stele_store_list_append(store, 99, "k", 1, &element, 1, NULL), STELE_ENOTABLE);
    expect_list(t, "k", "1");
}
END_TEST

/* A number that the kind does not hold is no element, and equal to none. */
START_TEST(numbers_too_large)
{
    static const char *const types[] = {"u8->list:u8", "u16->list:u16", "u32->list:u32"};
    for (unsigned i = 0; i < 3; i++) {
        uint32_t table = stores_typed(store, types[i], types[i], 0), key = 3, key_bytes = 1u << i;
        uint64_t beyond = UINT64_C(1) << (8u << i), zero = 0;
        struct stele_store_list list;
        expect_ok(stele_store_list_append(store, table, &key, key_bytes, &zero, 1, NULL));
        expect_status(stele_store_list_remove(store, table, &key, key_bytes, beyond), STELE_ETYPE);
        expect_status(stele_store_list_replace(store, table, &key, key_bytes, beyond, 1),
                      STELE_ETYPE);
        expect_status(stele_store_list_replace(store, table, &key, key_bytes, 0, beyond),
                      STELE_ETYPE);
        expect_status(stele_store_list_replace(store, table, &key, key_bytes, 1, beyond + 5),
                      STELE_ETYPE);
        expect_ok(stele_store_list_find(store, table, &key, key_bytes, &list));
        ck_assert_uint_eq(list.count, 1);
        uint64_t index = 0;
        expect_status(stele_store_list_search(store, &list, beyond, UINT64_MAX, &index),
                      STELE_ETYPE);
        ck_assert_uint_eq(index, 0);
        expect_ok(stele_store_list_search(store, &list, 0, UINT64_MAX, &index));
        expect_ok(stele_store_list_replace(store, table, &key, key_bytes, 0, beyond - 1));
        expect_ok(stele_store_list_remove(store, table, &key, key_bytes, beyond - 1));
    }
}
END_TEST

START_TEST(keys_of_every_kind)
{
    static const char *const types[] = {"u8->list:u64", "u16->list:u64", "u32->list:u64",
                                        "u64->list:u64", "bytes->list:u64"};
    for (unsigned i = 0; i < 5; i++) {
        uint32_t table = stores_typed(store, types[i], types[i], 0);
        uint32_t key_bytes = i < 4 ? 1u << i : 5;
        struct stele_store_list list;
        for (uint64_t key = 0; key < 250; key++)
            for (uint64_t n = 0; n <= key % 7; n++)
                expect_ok(stele_store_list_append(store, table, &key, key_bytes,
                                                  &(uint64_t){key * n}, 1, NULL));
        for (uint64_t key = 0; key < 250; key++) {
            expect_ok(stele_store_list_find(store, table, &key, key_bytes, &list));
            expect(list.count == key % 7 + 1);
        }
        uint64_t key = 0;
        expect_status(stele_store_list_find(store, table, &key, key_bytes + 1, &list),
                      i < 4 ? STELE_ETYPE : STELE_ENOTFOUND);
    }
    static uint8_t longest[STELEI_KEY_MAX_BYTES + 1];
    expect_ok(stele_store_list_append(store, t, longest, STELEI_KEY_MAX_BYTES, "abcd", 1, NULL));
    expect_status(
        stele_store_list_append(store, t, longest, STELEI_KEY_MAX_BYTES + 1, "abcd", 1, NULL),
        STELE_ETOOBIG);
    expect_ok(stele_store_list_append(store, t, "", 0, "abcd", 1, NULL));
    ck_assert_uint_eq(stores_entries(store, t), 2);
}
END_TEST

START_TEST(generations_move_with_all_but_appends)
{
    struct stele_store_list list;
    append(t, "k", 1);
    expect_ok(stele_store_list_find(store, t, "k", 1, &list));
    uint64_t generation = list.generation;
    ck_assert_uint_eq(generation, lsn());
    for (uint32_t i = 0; i < 2000; i++) /* small, larger, long */
        append(t, "k", i % 9);
    expect_ok(stele_store_list_find(store, t, "k", 1, &list));
    ck_assert_uint_eq(list.generation, generation);
    ck_assert_uint_eq(list.count, 2001);
    expect_ok(stele_store_list_remove(store, t, "k", 1, 8));
    expect_ok(stele_store_list_find(store, t, "k", 1, &list));
    ck_assert_uint_eq(list.generation, lsn());
    expect_ok(stele_store_list_replace(store, t, "k", 1, 7, 7));
    expect_ok(stele_store_list_find(store, t, "k", 1, &list));
    ck_assert_uint_eq(list.generation, lsn());
    expect_ok(stele_store_erase(store, t, "k", 1));
    append(t, "k", 1); /* a new list is no old one */
    expect_ok(stele_store_list_find(store, t, "k", 1, &list));
    ck_assert_uint_eq(list.generation, lsn());
}
END_TEST

/* ---- sets ----------------------------------------------------------------------------------- */

START_TEST(sets_hold_each_element_once)
{
    uint32_t set = stores_typed(store, "set", "u8->set:u8", 0);
    const char *k = "k";
    uint64_t appended = 9;
    expect_ok(stele_store_list_append(store, set, k, 1, "\1\2\1\3\2", 5, &appended));
    ck_assert_uint_eq(appended, 3);
    expect_list(set, k, "123");
    expect_ok(stele_store_list_append(store, set, k, 1, "\3\1", 2, &appended));
    ck_assert_uint_eq(appended, 0);
    expect_ok(stele_store_list_append(store, set, k, 1, "\4\1\4\0", 4, &appended));
    ck_assert_uint_eq(appended, 2);
    expect_list(set, k, "12340");
    expect_ok(stele_store_list_replace(store, set, k, 1, 2, 5));
    expect_list(set, k, "13405");
    expect_ok(stele_store_list_replace(store, set, k, 1, 3, 0)); /* has it: only the removal */
    expect_list(set, k, "1405");
    expect_ok(stele_store_list_replace(store, set, k, 1, 9, 4)); /* neither */
    expect_list(set, k, "1405");
    expect_ok(stele_store_list_replace(store, set, k, 1, 4, 4)); /* to the end */
    expect_list(set, k, "1054");
    expect_ok(stele_store_list_replace(store, set, k, 1, 9, 6));
    expect_list(set, k, "10546");
    for (unsigned i = 0; i < 256; i++) /* all there are, twice */
        for (unsigned twice = 0; twice < 2; twice++)
            expect_ok(
                stele_store_list_append(store, set, k, 1, &(uint8_t){(uint8_t)i}, 1, &appended));
    struct stele_store_list list;
    expect_ok(stele_store_list_find(store, set, k, 1, &list));
    ck_assert_uint_eq(list.count, 256);
}
END_TEST

START_TEST(a_set_of_one)
{
    uint32_t set = stores_typed(store, "set", "bytes->set:u64", 0);
    for (unsigned i = 0; i < 3; i++)
        expect_ok(stele_store_list_append(store, set, "k", 1, &(uint64_t){7}, 1, NULL));
    expect_list(set, "k", "7");
    expect_ok(stele_store_list_replace(store, set, "k", 1, 7, 7));
    expect_list(set, "k", "7");
    expect_ok(stele_store_list_replace(store, set, "k", 1, 7, 8));
    expect_list(set, "k", "8");
    expect_ok(stele_store_list_remove(store, set, "k", 1, 8));
    expect_list(set, "k", "");
}
END_TEST

/* ---- effects -------------------------------------------------------------------------------- */

static struct stelei_effect effect_on(uint8_t kind, uint64_t number, uint64_t generation,
                                      uint64_t index, const void *elements, uint32_t bytes)
{
    return (struct stelei_effect){.kind = kind,
                                  .lsn = number,
                                  .table = t,
                                  .key = "k",
                                  .key_bytes = 1,
                                  .generation = generation,
                                  .index = index,
                                  .value = elements,
                                  .value_bytes = bytes};
}

/* A history of effects, and the list after each of them. */
static const struct step {
    uint8_t kind;
    uint64_t lsn, generation, index;
    uint32_t elements[3], count;
    const char *after;
} history[] = {
    {STELEI_EFFECT_LIST_APPEND, 10, 0, 0, {1, 2, 3}, 3, "123"},
    {STELEI_EFFECT_LIST_APPEND, 11, 10, 3, {4}, 1, "1234"},
    {STELEI_EFFECT_LIST_REMOVE, 12, 10, 1, {0}, 0, "134"},
    {STELEI_EFFECT_LIST_APPEND, 13, 12, 3, {5, 6}, 2, "13456"},
    {STELEI_EFFECT_LIST_REPLACE, 14, 12, 0, {7}, 1, "34567"},
    {STELEI_EFFECT_LIST_REMOVE, 15, 14, 4, {0}, 0, "3456"},
    {STELEI_EFFECT_ERASE, 16, 0, 0, {0}, 0, ""},
    {STELEI_EFFECT_LIST_APPEND, 17, 0, 0, {8}, 1, "8"},
    {STELEI_EFFECT_LIST_REMOVE, 18, 17, 0, {0}, 0, ""},
    {STELEI_EFFECT_LIST_APPEND, 19, 0, 0, {9}, 1, "9"},
    {STELEI_EFFECT_LIST_APPEND, 20, 19, 1, {1}, 1, "91"},
};
#define STEPS (sizeof history / sizeof history[0])

static void apply(unsigned i)
{
    const struct step *step = &history[i];
    struct stelei_effect effect = effect_on(step->kind, step->lsn, step->generation, step->index,
                                            step->elements, 4 * step->count);
    expect_ok(stele_store_apply(store, &effect));
}

/* Replay begins somewhere before what the snapshot holds: what is past changes nothing. */
START_TEST(effects_on_lists_may_be_repeated)
{
    for (unsigned i = 0; i < STEPS; i++) {
        apply(i);
        expect_list(t, "k", history[i].after);
        apply(i);
        expect_list(t, "k", history[i].after);
    }
    ck_assert_uint_eq(lsn(), 20);
}
END_TEST

/* From each step of the history back to each earlier one, and on: it ends as it ended. An erasure in
 * between takes the list away and the appends make it again. */
START_TEST(a_history_may_be_replayed_from_anywhere)
{
    for (unsigned reached = 0; reached < STEPS; reached++)
        for (unsigned from = 0; from <= reached; from++) {
            expect_ok(stele_store_table_clear(store, t));
            for (unsigned i = 0; i <= reached; i++)
                apply(i);
            for (unsigned i = from; i < STEPS; i++)
                apply(i);
            expect_list(t, "k", history[STEPS - 1].after);
        }
}
END_TEST

START_TEST(effects_that_do_not_match)
{
    static const uint32_t elements[] = {5, 6};
    apply(0);
    apply(1); /* generation 10: 1 2 3 4 */
    struct stelei_effect none[] = {
        effect_on(STELEI_EFFECT_LIST_APPEND, 30, 0, 0, elements, 8),  /* there already */
        effect_on(STELEI_EFFECT_LIST_APPEND, 31, 10, 3, elements, 8), /* not the end */
        effect_on(STELEI_EFFECT_LIST_APPEND, 32, 10, 5, elements, 8),
        effect_on(STELEI_EFFECT_LIST_APPEND, 33, 11, 4, elements, 8), /* another list */
        effect_on(STELEI_EFFECT_LIST_REMOVE, 34, 11, 0, NULL, 0),
        effect_on(STELEI_EFFECT_LIST_REMOVE, 35, 10, 4, NULL, 0), /* no such element */
        effect_on(STELEI_EFFECT_LIST_REPLACE, 36, 9, 0, elements, 4),
        effect_on(STELEI_EFFECT_LIST_REPLACE, 37, 10, 4, elements, 4),
    };
    for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++) {
        expect_ok(stele_store_apply(store, &none[i]));
        expect_list(t, "k", "1234");
        ck_assert_uint_eq(lsn(), 30 + i);
    }
    none[1].key = none[4].key = none[6].key = "x"; /* no list at all */
    none[1].index = 1;
    expect_ok(stele_store_apply(store, &none[1]));
    expect_ok(stele_store_apply(store, &none[4]));
    expect_ok(stele_store_apply(store, &none[6]));
    expect_list(t, "x", "");
}
END_TEST

START_TEST(effects_that_make_no_sense)
{
    static const uint32_t elements[] = {5, 6};
    apply(0);
    uint64_t before = lsn();
    struct stelei_effect bad[] = {
        effect_on(STELEI_EFFECT_LIST_APPEND, 30, 10, 3, elements, 0),
        effect_on(STELEI_EFFECT_LIST_APPEND, 31, 10, 3, elements, 6), /* half an element */
        effect_on(STELEI_EFFECT_LIST_REPLACE, 32, 10, 0, elements, 8),
        effect_on(STELEI_EFFECT_LIST_REPLACE, 33, 10, 0, elements, 0),
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_status(stele_store_apply(store, &bad[i]), STELE_ETYPE);
        bad[i].table = 99;
        expect_status(stele_store_apply(store, &bad[i]), STELE_ENOTABLE);
        bad[i].table = stores_table(store, "plain") + 0;
        expect_status(stele_store_apply(store, &bad[i]), STELE_ETYPE);
        expect_ok(stele_store_table_drop(store, bad[i].table));
    }
    struct stelei_effect put = effect_on(STELEI_EFFECT_PUT, 40, 0, 0, elements, 4);
    expect_status(stele_store_apply(store, &put), STELE_ETYPE);
    expect_list(t, "k", "123");
    ck_assert_uint_eq(lsn(), before + 8); /* the tables' alone */
}
END_TEST

/* ---- where memory ends ------------------------------------------------------------------------ */

START_TEST(lists_that_fill_the_segment)
{
    static uint64_t elements[20000];
    uint32_t u = stores_typed(store, "u", "u64->list:u64", 0);
    enum stele_status status = STELE_OK;
    uint64_t count = 0, key = 1, half;
    while ((status = stele_store_list_append(store, u, &key, 8, elements, 20000, NULL)) == STELE_OK)
        count += 20000;
    expect_status(status, STELE_ENOSPC);
    while ((status = stele_store_list_append(store, u, &key, 8, elements, 1, NULL)) == STELE_OK)
        count++;
    expect_status(status, STELE_ENOSPC);
    struct stele_store_list list;
    expect_ok(stele_store_list_find(store, u, &key, 8, &list));
    ck_assert_uint_eq(list.count, count);
    ck_assert_uint_ge(count * 8, 26 * STORES_MIB);
    stores_verify(store);
    half = count - 100;
    while (count > half) { /* removals and replacements go on, from the reserve */
        expect_ok(stele_store_list_pop(store, u, &key, 8, &elements[0]));
        count--;
        expect_ok(stele_store_list_replace(store, u, &key, 8, 0, 0));
    }
    expect_ok(stele_store_list_find(store, u, &key, 8, &list));
    ck_assert_uint_eq(list.count, count);
    expect_ok(stele_store_erase(store, u, &key, 8));
    for (key = 2; key < 200; key++) /* and the memory serves others */
        expect_ok(stele_store_list_append(store, u, &key, 8, elements, 10000, NULL));
}
END_TEST

/* A list, removed in part again and again on a full segment, never gets stuck. */
START_TEST(churn_on_a_small_segment)
{
    struct random random = {5};
    struct stele_store *tiny = stores_open(NULL, 4 * STORES_MIB);
    uint32_t u = stores_typed(tiny, "u", "u8->list:u32", 0);
    uint64_t counts[16] = {0}, full = 0, element;
    static uint32_t elements[3000];
    for (unsigned n = 0; n < suite_scaled(20000); n++) {
        uint8_t key = (uint8_t)random_below(&random, 16);
        uint64_t more = random_below(&random, random_below(&random, 20) ? 60 : 3000);
        enum stele_status status = STELE_OK;
        if (random_below(&random, 3) && more) {
            status = stele_store_list_append(tiny, u, &key, 1, elements, more, NULL);
            counts[key] += status == STELE_OK ? more : 0;
            full += status == STELE_ENOSPC;
            expect(status == STELE_OK || status == STELE_ENOSPC);
        } else if (random_below(&random, 50) == 0) {
            expect_status(stele_store_erase(tiny, u, &key, 1),
                          counts[key] ? STELE_OK : STELE_ENOTFOUND);
            counts[key] = 0;
        } else if (counts[key]) {
            expect_ok(random_below(&random, 2) ? stele_store_list_pop(tiny, u, &key, 1, &element)
                                               : stele_store_list_remove(tiny, u, &key, 1, 0));
            counts[key]--;
        }
    }
    ck_assert_uint_gt(full, 0); /* the test's own condition */
    for (uint8_t key = 0; key < 16; key++) {
        struct stele_store_list list;
        if (!counts[key])
            continue;
        expect_ok(stele_store_list_find(tiny, u, &key, 1, &list));
        ck_assert_uint_eq(list.count, counts[key]);
    }
    stores_verify(tiny);
    stele_store_close(tiny);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_lists");
    TCase *tcase = suite_case(suite, "lists");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, append_remove_replace_pop);
    tcase_add_test(tcase, appending_nothing_makes_no_list);
    tcase_add_test(tcase, tables_of_another_type);
    tcase_add_test(tcase, numbers_too_large);
    tcase_add_test(tcase, keys_of_every_kind);
    tcase_add_test(tcase, generations_move_with_all_but_appends);
    tcase_add_test(tcase, sets_hold_each_element_once);
    tcase_add_test(tcase, a_set_of_one);
    tcase = suite_case(suite, "effects");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, effects_on_lists_may_be_repeated);
    tcase_add_test(tcase, a_history_may_be_replayed_from_anywhere);
    tcase_add_test(tcase, effects_that_do_not_match);
    tcase_add_test(tcase, effects_that_make_no_sense);
    tcase = suite_case(suite, "memory");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, lists_that_fill_the_segment);
    tcase_add_test(tcase, churn_on_a_small_segment);
    return suite_run(suite);
}
