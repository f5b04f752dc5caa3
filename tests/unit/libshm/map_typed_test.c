/* map_typed.h and map_lists.h: words, structs and lists as maps. */
#include <stele/map.h>

#include "stores.h"

static struct stele_map map;

static void open_as(struct stele_type type)
{
    struct stele_map_options options = {
        .store = {.max_bytes = 64 * STORES_MIB, .small_pages = true}, .as = {.type = type}};
    expect_ok(stele_map_open(&options, &map, NULL, 0));
}

static void setup(void)
{
    memset(&map, 0, sizeof map);
}

static void teardown(void)
{
    if (map.store)
        stores_verify(map.store);
    stele_map_close(&map);
}

/* ---- words ---------------------------------------------------------------------------------- */

START_TEST(words_and_their_old_values)
{
    uint64_t old = 77, value = 0;
    bool had = true;
    open_as(stele_type_of(STELE_U64, STELE_U64));
    expect_status(stele_map_word_get(&map, 5, &value), STELE_ENOTFOUND);
    expect_ok(stele_map_word_insert(&map, 5, UINT64_MAX, &old, &had));
    ck_assert(!had);
    ck_assert_uint_eq(old, 77); /* there was none */
    expect_ok(stele_map_word_insert(&map, 5, 0, &old, &had));
    ck_assert(had);
    ck_assert_uint_eq(old, UINT64_MAX);
    expect_ok(stele_map_word_insert(&map, UINT64_MAX, 1, NULL, NULL)); /* all numbers are keys */
    expect_ok(stele_map_word_contains(&map, UINT64_MAX));
    expect_status(stele_map_word_contains(&map, 0), STELE_ENOTFOUND);
    expect_ok(stele_map_word_get(&map, 5, &value));
    ck_assert_uint_eq(value, 0);
    expect_ok(stele_map_word_remove(&map, UINT64_MAX, &old));
    ck_assert_uint_eq(old, 1);
    expect_status(stele_map_word_remove(&map, UINT64_MAX, &old), STELE_ENOTFOUND);
    expect_ok(stele_map_word_remove(&map, 5, NULL));
    ck_assert(stele_map_is_empty(&map));
}
END_TEST

static uint64_t make_word(void *context)
{
    return 1000 + ++*(unsigned *)context;
}

START_TEST(words_are_made_once_and_not_overwritten)
{
    unsigned calls = 0;
    uint64_t value = 12;
    bool existed = true;
    open_as(stele_type_of(STELE_U64, STELE_U64));
    expect_ok(stele_map_word_get_or_insert(&map, 1, &value, &existed));
    ck_assert(!existed);
    value = 13;
    expect_ok(stele_map_word_get_or_insert(&map, 1, &value, &existed));
    ck_assert(existed);
    ck_assert_uint_eq(value, 12);
    expect_ok(stele_map_word_get_or_insert_with(&map, 1, make_word, &calls, &value, &existed));
    ck_assert(existed && calls == 0 && value == 12);
    expect_ok(stele_map_word_get_or_insert_with(&map, 2, make_word, &calls, &value, &existed));
    ck_assert(!existed && calls == 1 && value == 1001);
    expect_ok(stele_map_word_get_or_insert_with(&map, 2, make_word, &calls, &value, NULL));
    ck_assert(calls == 1 && value == 1001);
}
END_TEST

/* Counts up to three, then lets the key go; leaves 100 and more alone. */
static enum stele_store_action count(void *context, bool there, uint64_t *value)
{
    (void)context;
    if (there && *value >= 100)
        return STELE_STORE_KEEP;
    if (there && *value == 3)
        return STELE_STORE_ERASE;
    *value = there ? *value + 1 : 1;
    return STELE_STORE_PUT;
}

static enum stele_store_action erase_absent(void *context, bool there, uint64_t *value)
{
    (void)value;
    return context && !there ? STELE_STORE_ERASE : STELE_STORE_KEEP;
}

START_TEST(words_are_altered)
{
    struct stele_store_stats before, after;
    uint64_t value = 0;
    open_as(stele_type_of(STELE_U64, STELE_U64));
    for (uint64_t i = 1; i <= 3; i++) {
        expect_ok(stele_map_word_alter(&map, 9, count, NULL));
        expect_ok(stele_map_word_get(&map, 9, &value));
        ck_assert_uint_eq(value, i);
    }
    expect_ok(stele_map_word_alter(&map, 9, count, NULL));
    ck_assert(stele_map_is_empty(&map));
    expect_ok(stele_map_word_insert(&map, 9, 100, NULL, NULL));
    stele_store_get_stats(map.store, &before);
    expect_ok(stele_map_word_alter(&map, 9, count, NULL));
    expect_ok(stele_map_word_alter(&map, 10, erase_absent, &value));
    stele_store_get_stats(map.store, &after);
    ck_assert_uint_eq(before.applied_lsn, after.applied_lsn); /* kept is no change */
    expect_ok(stele_map_word_get(&map, 9, &value));
    ck_assert_uint_eq(value, 100);
}
END_TEST

static enum stele_store_action too_large(void *context, bool there, uint64_t *value)
{
    (void)context;
    (void)there;
    *value = 256;
    return STELE_STORE_PUT;
}

START_TEST(narrow_words_have_their_limits)
{
    uint64_t value = 255, word;
    struct stele_map_value out = stele_map_buffer(&word, sizeof word);
    uint16_t key = 65535;
    uint8_t byte = 7;
    open_as(stele_type_of(STELE_U16, STELE_U8));
    expect_ok(stele_map_word_insert(&map, 65535, 255, NULL, NULL));
    expect_status(stele_map_word_insert(&map, 65536, 1, NULL, NULL), STELE_ETYPE);
    expect_status(stele_map_word_insert(&map, 1, 256, NULL, NULL), STELE_ETYPE);
    expect_status(stele_map_word_alter(&map, 1, too_large, NULL), STELE_ETYPE);
    expect_status(stele_map_word_alter(&map, 65536, count, NULL), STELE_ETYPE);
    expect_status(stele_map_word_contains(&map, 1), STELE_ENOTFOUND);
    expect_ok(stele_map_get(&map, &key, sizeof key, &out)); /* the same by its bytes */
    ck_assert_uint_eq(out.bytes, 1);
    ck_assert_int_eq(memcmp(&word, &value, 1), 0);
    expect_ok(stele_map_insert(&map, &key, sizeof key, &byte, 1, &out));
    ck_assert(out.present);
    expect_ok(stele_map_word_get(&map, 65535, &value));
    ck_assert_uint_eq(value, 7);
    expect_status(stele_map_insert(&map, &key, sizeof key, &value, 8, &out), STELE_ETYPE);
    expect_status(stele_map_get(&map, &byte, 1, &out), STELE_ETYPE);
}
END_TEST

static void round_trip(unsigned kind, uint64_t word)
{
    struct stele_store_cursor cursor = {0};
    struct stele_store_entry entry;
    uint64_t value = 0;
    open_as(stele_type_of(STELE_U64, kind));
    expect_ok(stele_map_word_insert(&map, 1, word, NULL, NULL));
    expect_ok(stele_map_word_get(&map, 1, &value));
    ck_assert_uint_eq(value, word);
    expect_ok(stele_map_next(&map, &cursor, &entry));
    ck_assert_uint_eq(stele_map_word_of(&entry), word);
    ck_assert_uint_eq(entry.word, 1);
    stele_map_close(&map);
}

START_TEST(words_of_all_kinds)
{
    int64_t negative = INT64_MIN + 1;
    double pi = 3.14159265358979;
    uint64_t word;
    round_trip(STELE_U8, UINT8_MAX);
    round_trip(STELE_U16, UINT16_MAX);
    round_trip(STELE_U32, UINT32_MAX);
    round_trip(STELE_U64, UINT64_MAX);
    round_trip(STELE_I64, (uint64_t)negative);
    memcpy(&word, &pi, 8);
    round_trip(STELE_F64, word);
    open_as(stele_type_of(STELE_BYTES, STELE_U64)); /* string -> u64: not both are words */
    expect_status(stele_map_word_insert(&map, 1, 1, NULL, NULL), STELE_ETYPE);
    expect_ok(stele_map_insert(&map, "key", 3, &word, sizeof word, NULL));
    expect_status(stele_map_insert(&map, "key", 3, &word, 4, NULL), STELE_ETYPE);
    double back = 0;
    struct stele_map_value out = stele_map_buffer(&back, sizeof back);
    expect_ok(stele_map_get(&map, "key", 3, &out));
    ck_assert_double_eq(back, pi);
}
END_TEST

START_TEST(words_name_strings)
{
    char text[300];
    struct stele_map_value out = stele_map_buffer(text, sizeof text);
    struct stele_store_cursor cursor = {0};
    const void *key;
    uint32_t key_bytes;
    uint64_t word = 0;
    open_as(stele_type_of(STELE_U64, STELE_BYTES));
    for (uint64_t n = 0; n < 1000; n++) {
        random_bytes(n, text, n % 250);
        expect_ok(stele_map_insert(&map, &n, sizeof n, text, (uint32_t)(n % 250), NULL));
    }
    for (uint64_t n = 0; n < 1000; n++) {
        char wanted[250];
        random_bytes(n, wanted, n % 250);
        expect_ok(stele_map_get(&map, &n, sizeof n, &out));
        expect(out.bytes == n % 250 && memcmp(text, wanted, out.bytes) == 0);
    }
    expect_ok(stele_map_next_key(&map, &cursor, &word, &key, &key_bytes));
    ck_assert_ptr_eq(key, &word);
    ck_assert_uint_eq(key_bytes, 8);
    expect_ok(stele_map_contains(&map, key, key_bytes));
}
END_TEST

/* ---- structs -------------------------------------------------------------------------------- */

struct price {
    int64_t bid, ask;
    char currency[3];
};

START_TEST(structs_of_a_checked_size)
{
    struct price price, old;
    uint32_t key = 4711;
    bool flag = true;
    memset(&price, 0, sizeof price);
    memset(&old, 0, sizeof old);
    price.bid = -5;
    memcpy(price.currency, "EUR", 3);
    open_as(stele_type_of_struct(STELE_U32, sizeof price));
    expect_status(stele_map_struct_get(&map, &key, 4, &old, sizeof old), STELE_ENOTFOUND);
    expect_ok(stele_map_struct_insert(&map, &key, 4, &price, sizeof price, &old, &flag));
    ck_assert(!flag);
    price.ask = 9;
    expect_ok(stele_map_struct_insert(&map, &key, 4, &price, sizeof price, &old, &flag));
    ck_assert(flag && old.bid == -5 && old.ask == 0);
    expect_ok(stele_map_struct_get(&map, &key, 4, &old, sizeof old));
    ck_assert_mem_eq(&old, &price, sizeof price);
    price.ask = 10;
    expect_ok(stele_map_struct_get_or_insert(&map, &key, 4, &price, sizeof price, &flag));
    ck_assert(flag && price.ask == 9);
    key++;
    expect_ok(stele_map_struct_get_or_insert(&map, &key, 4, &price, sizeof price, &flag));
    ck_assert(!flag && stele_map_len(&map) == 2);
    expect_ok(stele_map_struct_insert(&map, &key, 4, &old, sizeof old, NULL, NULL));
    expect_ok(stele_map_struct_remove(&map, &key, 4, &old, sizeof old));
    ck_assert_int_eq(old.bid, -5);
    expect_status(stele_map_struct_remove(&map, &key, 4, NULL, sizeof old), STELE_ENOTFOUND);
}
END_TEST

START_TEST(structs_of_another_size)
{
    char object[32] = "";
    bool flag;
    open_as(stele_type_of_struct(STELE_BYTES, 24));
    expect_status(stele_map_struct_insert(&map, "k", 1, object, 23, NULL, NULL), STELE_ETYPE);
    expect_status(stele_map_struct_get(&map, "k", 1, object, 25), STELE_ETYPE);
    expect_status(stele_map_struct_remove(&map, "k", 1, object, 8), STELE_ETYPE);
    expect_status(stele_map_struct_get_or_insert(&map, "k", 1, object, 8, &flag), STELE_ETYPE);
    expect_status(stele_map_insert(&map, "k", 1, object, 23, NULL), STELE_ETYPE);
    expect_ok(stele_map_insert(&map, "k", 1, object, 24, NULL));
    ck_assert_uint_eq(stele_map_len(&map), 1);
    stele_map_close(&map);
    open_as(stele_type_of(STELE_BYTES, STELE_BYTES));
    expect_status(stele_map_struct_insert(&map, "k", 1, object, 0, NULL, NULL), STELE_ETYPE);
}
END_TEST

/* ---- lists ---------------------------------------------------------------------------------- */

START_TEST(lists_keep_order_and_duplicates)
{
    static const uint32_t numbers[] = {1337, 7, 1337};
    uint32_t back[4] = {0};
    uint64_t count = 0, total = 0, element = 0;
    uint8_t key = 42, other = 43;
    open_as(stele_type_of(STELE_U8, STELE_LIST + STELE_U32));
    expect_status(stele_map_list_count(&map, &key, 1, &count), STELE_ENOTFOUND);
    expect_status(stele_map_contains(&map, &key, 1), STELE_ENOTFOUND);
    expect_ok(stele_map_list_append(&map, &key, 1, numbers, 3, NULL));
    expect_ok(stele_map_list_push(&map, &key, 1, UINT32_MAX));
    expect_status(stele_map_list_push(&map, &key, 1, UINT64_C(1) << 32), STELE_ETYPE);
    expect_ok(stele_map_contains(&map, &key, 1));
    expect_ok(stele_map_list_read(&map, &key, 1, 1, back, 2, &count, &total));
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(total, 4);
    ck_assert(back[0] == 7 && back[1] == 1337);
    expect_ok(stele_map_list_read(&map, &key, 1, 4, back, 2, &count, NULL));
    ck_assert_uint_eq(count, 0); /* nothing stands behind the last */
    expect_ok(stele_map_list_replace(&map, &key, 1, 1337, 5));
    expect_ok(stele_map_list_remove(&map, &key, 1, 7));
    expect_status(stele_map_list_remove(&map, &key, 1, 7), STELE_ENOTFOUND);
    expect_ok(stele_map_list_read(&map, &key, 1, 0, back, 4, &count, NULL));
    ck_assert_uint_eq(count, 3);
    ck_assert(back[0] == 1337 && back[1] == UINT32_MAX && back[2] == 5);
    expect_ok(stele_map_list_pop(&map, &key, 1, &element));
    ck_assert_uint_eq(element, 5);
    expect_ok(stele_map_list_push(&map, &other, 1, 1));
    expect_ok(stele_map_list_drop(&map, &key, 1));
    expect_status(stele_map_list_drop(&map, &key, 1), STELE_ENOTFOUND);
    ck_assert_uint_eq(stele_map_len(&map), 1);
}
END_TEST

struct census {
    struct stele_map *map;
    uint64_t keys, elements, sum;
};

static enum stele_store_verdict take_census(void *context, const struct stele_store_entry *entry)
{
    struct census *census = context;
    const void *elements;
    uint64_t more, word;
    census->keys++;
    for (uint64_t from = 0;
         stele_store_list_span(census->map->store, &entry->list, from, &elements, &more);
         from += more)
        for (uint64_t i = 0; i < more; i++) {
            memcpy(&word, (const uint8_t *)elements + 8 * i, 8);
            census->sum += word;
            census->elements++;
        }
    return STELE_STORE_NEXT;
}

static bool keep_long(void *context, const struct stele_store_entry *entry)
{
    return entry->list.count > *(uint64_t *)context;
}

START_TEST(all_lists_in_one_walk)
{
    static uint64_t back[100000];
    struct census census = {&map, 0, 0, 0};
    uint64_t wanted = 0, elements = 0, few = 50, removed = 0, count;
    open_as(stele_type_of(STELE_U64, STELE_LIST + STELE_U64));
    for (uint64_t key = 0; key < 100; key++)
        for (uint64_t i = 0; i < key + 1; i++, elements++) {
            expect_ok(stele_map_list_push(&map, &key, 8, key << 32 | i));
            wanted += key << 32 | i;
        }
    expect_ok(stele_map_each(&map, take_census, &census));
    ck_assert_uint_eq(census.keys, 100);
    ck_assert_uint_eq(census.elements, elements);
    ck_assert_uint_eq(census.sum, wanted);
    expect_ok(stele_map_retain(&map, keep_long, &few, &removed));
    ck_assert_uint_eq(removed, 50);
    uint64_t key = 99;
    for (uint64_t i = 0; i < 100000; i++) /* across many chunks */
        back[i] = i;
    expect_ok(stele_map_list_append(&map, &key, 8, back, 100000, NULL));
    memset(back, 0, sizeof back);
    expect_ok(stele_map_list_read(&map, &key, 8, 100, back, 100000, &count, NULL));
    ck_assert_uint_eq(count, 100000);
    for (uint64_t i = 0; i < 100000; i++)
        expect(back[i] == i);
}
END_TEST

START_TEST(lists_are_no_values)
{
    uint64_t key = 1, word = 2;
    struct stele_map_value out = stele_map_buffer(&word, sizeof word);
    open_as(stele_type_of(STELE_U64, STELE_LIST + STELE_U64));
    expect_ok(stele_map_list_push(&map, &key, 8, 1));
    expect_status(stele_map_get(&map, &key, 8, &out), STELE_ETYPE);
    expect_status(stele_map_insert(&map, &key, 8, &word, 8, NULL), STELE_ETYPE);
    expect_status(stele_map_insert(&map, &key, 8, &word, 8, &out), STELE_ETYPE);
    expect_status(stele_map_word_get(&map, 1, &word), STELE_ETYPE);
    stele_map_close(&map);
    open_as(stele_type_of(STELE_U64, STELE_U64));
    expect_status(stele_map_list_push(&map, &key, 8, 1), STELE_ETYPE);
    expect_status(stele_map_list_read(&map, &key, 8, 0, &word, 1, NULL, NULL), STELE_ETYPE);
    expect_status(stele_map_list_drop(&map, &key, 8), STELE_ETYPE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("map_typed");
    TCase *tcase = suite_case(suite, "typed");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, words_and_their_old_values);
    tcase_add_test(tcase, words_are_made_once_and_not_overwritten);
    tcase_add_test(tcase, words_are_altered);
    tcase_add_test(tcase, narrow_words_have_their_limits);
    tcase_add_test(tcase, words_of_all_kinds);
    tcase_add_test(tcase, words_name_strings);
    tcase_add_test(tcase, structs_of_a_checked_size);
    tcase_add_test(tcase, structs_of_another_size);
    tcase_add_test(tcase, lists_keep_order_and_duplicates);
    tcase_add_test(tcase, all_lists_in_one_walk);
    tcase_add_test(tcase, lists_are_no_values);
    return suite_run(suite);
}
