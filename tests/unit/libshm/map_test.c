/* map.h: opening, byte strings, entries, walks and sizes. */
#include <stele/map.h>

#include "segment_name.h"
#include "stores.h"

static struct stele_map map;

static void setup(void)
{
    segment_name_clean();
    memset(&map, 0, sizeof map);
}

static void teardown(void)
{
    if (map.store)
        stores_verify(map.store);
    stele_map_close(&map);
}

static struct stele_map_options small(const char *name)
{
    struct stele_map_options options = {
        .store = {.name = name, .max_bytes = 64 * STORES_MIB, .small_pages = true}};
    return options;
}

static void open_small(const char *name)
{
    struct stele_map_options options = small(name);
    char why[256];
    enum stele_status status = stele_map_open(&options, &map, why, sizeof why);
    ck_assert_msg(status == STELE_OK, "%s", why);
}

/* ---- opening -------------------------------------------------------------------------------- */

START_TEST(new_in_memory)
{
    expect_ok(stele_map_new(stele_type_of(STELE_BYTES, STELE_BYTES), &map));
    ck_assert(stele_map_is_empty(&map));
    expect_ok(stele_map_insert(&map, "k", 1, "v", 1, NULL));
    ck_assert_uint_eq(stele_map_len(&map), 1);
    stele_map_close(&map);
    ck_assert_ptr_null(map.store);
    stele_map_close(&map); /* nothing is left to close */
    struct stele_type nonsense = stele_type_of(STELE_STRUCT, STELE_BYTES);
    expect_status(stele_map_new(nonsense, &map), STELE_EINVAL);
    ck_assert_ptr_null(map.store);
}
END_TEST

START_TEST(capacities)
{
    struct stele_type type = stele_type_of(STELE_BYTES, STELE_BYTES);
    struct stele_store_stats before, after;
    expect_status(stele_map_with_capacity(type, 0, 1, 1, &map), STELE_EINVAL);
    expect_status(stele_map_with_capacity(type, 1, 0, 1, &map), STELE_EINVAL);
    expect_status(stele_map_with_capacity(type, 1, 1, 0, &map), STELE_EINVAL);
    expect_ok(stele_map_with_capacity(type, 5000, 5000 * 8, 5000 * 40, &map));
    uint64_t capacity = stele_map_capacity(&map);
    ck_assert_uint_ge(capacity, 8192); /* the next power of two */
    stele_store_get_stats(map.store, &before);
    for (uint64_t n = 0; n < 8192 * 3 / 4; n++)
        expect_ok(stores_put(map.store, map.table, n, 0, 40, 40));
    stele_store_get_stats(map.store, &after);
    ck_assert_uint_eq(stele_map_capacity(&map), capacity);            /* no split */
    ck_assert_uint_eq(before.committed_bytes, after.committed_bytes); /* no chunk */
    ck_assert_double_le(stele_map_load_factor(&map), 0.75);
}
END_TEST

START_TEST(a_capacity_beyond_the_segment)
{
    struct stele_map_options options = small(segment_name());
    char why[256] = "";
    options.entries = UINT64_C(1) << 24;
    options.key_bytes = options.value_bytes = UINT64_C(1) << 30;
    expect_status(stele_map_open(&options, &map, why, sizeof why), STELE_ENOSPC);
    ck_assert_ptr_nonnull(strstr(why, "table map: "));
    options.key_bytes = 0;
    expect_status(stele_map_open(&options, &map, NULL, 0), STELE_EINVAL);
}
END_TEST

START_TEST(load_finds_what_was_left)
{
    struct stele_map_options options = small(segment_name());
    char why[256] = "";
    expect_status(stele_map_load(&options, &map, why, sizeof why), STELE_ENOSEGMENT);
    ck_assert_ptr_nonnull(strstr(why, segment_name()));
    ck_assert_ptr_null(map.store);
    expect_status(stele_store_unlink(segment_name()), STELE_ENOSEGMENT); /* nothing was made */
    open_small(segment_name());
    ck_assert_int_eq(stele_store_get_origin(map.store), STELE_STORE_CREATED);
    expect_ok(stele_map_insert(&map, "key", 3, "value", 5, NULL));
    stele_map_close(&map);
    expect_ok(stele_map_load(&options, &map, why, sizeof why));
    char text[8];
    struct stele_map_value value = stele_map_buffer(text, sizeof text);
    expect_ok(stele_map_get(&map, "key", 3, &value));
    ck_assert_uint_eq(value.bytes, 5);
    ck_assert_mem_eq(text, "value", 5);
    stele_map_close(&map);
    options.table = "another";
    expect_status(stele_map_load(&options, &map, why, sizeof why), STELE_ENOTABLE);
    options.table = NULL;
    options.as.type = stele_type_of(STELE_U64, STELE_U64);
    expect_status(stele_map_load(&options, &map, why, sizeof why), STELE_ETYPE);
    expect_status(stele_map_open(&options, &map, why, sizeof why), STELE_ETYPE);
}
END_TEST

START_TEST(several_maps_in_one_store)
{
    struct stele_table_options numbers = {.type = stele_type_of(STELE_U32, STELE_U64)};
    struct stele_map other, bound;
    open_small(NULL);
    expect_ok(stele_map_in(map.store, "numbers", &numbers, &other));
    expect_ok(stele_map_in(map.store, "numbers", &numbers, &other)); /* as it stands */
    expect_status(stele_map_in(map.store, "numbers", NULL, &bound), STELE_ETYPE);
    expect_status(stele_map_bind(map.store, "none", &bound), STELE_ENOTABLE);
    expect_ok(stele_map_bind(map.store, "numbers", &bound));
    ck_assert(stele_type_equal(&bound.type, &numbers.type));
    expect_ok(stele_map_word_insert(&other, 1, 2, NULL, NULL));
    ck_assert_uint_eq(stele_map_len(&bound), 1);
    ck_assert_uint_eq(stele_map_len(&map), 0);
    stele_map_close(&other); /* the store stays */
    expect_ok(stele_store_table_drop(map.store, bound.table));
    ck_assert_uint_eq(stele_map_len(&bound), 0);
    ck_assert_uint_eq(stele_map_capacity(&bound), 0);
    expect_status(stele_map_word_contains(&bound, 1), STELE_ENOTABLE);
}
END_TEST

/* ---- values --------------------------------------------------------------------------------- */

START_TEST(insert_tells_the_old_value)
{
    char text[8] = "";
    struct stele_map_value old = stele_map_buffer(text, sizeof text);
    open_small(NULL);
    expect_ok(stele_map_insert(&map, "k", 1, "first", 5, &old));
    ck_assert(!old.present);
    ck_assert_uint_eq(old.bytes, 0);
    expect_ok(stele_map_insert(&map, "k", 1, "", 0, &old));
    ck_assert(old.present);
    ck_assert_uint_eq(old.bytes, 5);
    ck_assert_mem_eq(text, "first", 5);
    expect_ok(stele_map_insert(&map, "k", 1, "a longer value", 14, &old));
    ck_assert(old.present); /* an empty value is a value */
    ck_assert_uint_eq(old.bytes, 0);
    expect_status(stele_map_insert(&map, "k", 1, "x", 1, &old), STELE_ESHORT);
    ck_assert_uint_eq(old.bytes, 14);
    old.data = NULL; /* only its length */
    expect_ok(stele_map_insert(&map, "k", 1, "last", 4, &old));
    ck_assert_uint_eq(old.bytes, 14);
    ck_assert_uint_eq(stele_map_len(&map), 1);
}
END_TEST

START_TEST(remove_tells_the_old_value)
{
    char text[4] = "";
    struct stele_map_value old = stele_map_buffer(text, sizeof text);
    open_small(NULL);
    expect_status(stele_map_remove(&map, "k", 1, &old), STELE_ENOTFOUND);
    expect_status(stele_map_remove(&map, "k", 1, NULL), STELE_ENOTFOUND);
    expect_ok(stele_map_insert(&map, "k", 1, "value", 5, NULL));
    expect_status(stele_map_remove(&map, "k", 1, &old), STELE_ESHORT);
    ck_assert_uint_eq(old.bytes, 5);
    expect_ok(stele_map_contains(&map, "k", 1)); /* nothing was changed */
    expect_ok(stele_map_insert(&map, "k", 1, "new", 3, NULL));
    expect_ok(stele_map_remove(&map, "k", 1, &old));
    ck_assert(old.present);
    ck_assert_mem_eq(text, "new", 3);
    expect_status(stele_map_contains(&map, "k", 1), STELE_ENOTFOUND);
    expect_ok(stele_map_insert(&map, "k", 1, "v", 1, NULL));
    expect_ok(stele_map_remove(&map, "k", 1, NULL));
    ck_assert(stele_map_is_empty(&map));
}
END_TEST

START_TEST(get_follows_the_readers_rules)
{
    char text[4] = "....";
    struct stele_map_value value = stele_map_buffer(text, 3);
    open_small(NULL);
    expect_status(stele_map_get(&map, "k", 1, &value), STELE_ENOTFOUND);
    ck_assert(!value.present);
    expect_ok(stele_map_insert(&map, "k", 1, "four", 4, NULL));
    expect_status(stele_map_get(&map, "k", 1, &value), STELE_ESHORT);
    ck_assert_uint_eq(value.bytes, 4);
    ck_assert_mem_eq(text, "....", 4);
    value.capacity = 4;
    expect_ok(stele_map_get(&map, "k", 1, &value));
    ck_assert(value.present);
    ck_assert_mem_eq(text, "four", 4);
    size_t bytes = 0;
    expect_status(stele_store_get(map.store, map.table, "k", 1, NULL, 0, &bytes), STELE_ESHORT);
    ck_assert_uint_eq(bytes, 4);
    expect_ok(stele_store_get(map.store, map.table, "k", 1, text, sizeof text, &bytes));
    expect_status(stele_store_get(map.store, map.table, "n", 1, text, 4, &bytes), STELE_ENOTFOUND);
}
END_TEST

struct maker {
    const char *value;
    unsigned calls;
    enum stele_status outcome;
};

static enum stele_status make(void *context, const void **value, uint32_t *value_bytes)
{
    struct maker *maker = context;
    maker->calls++;
    *value = maker->value;
    *value_bytes = (uint32_t)strlen(maker->value);
    return maker->outcome;
}

START_TEST(get_or_insert_with_makes_what_is_missing)
{
    char text[8] = "";
    struct stele_map_value held = stele_map_buffer(text, sizeof text);
    struct maker maker = {"made", 0, STELE_ENOMEM};
    open_small(NULL);
    expect_status(stele_map_get_or_insert_with(&map, "k", 1, make, &maker, &held), STELE_ENOMEM);
    expect_status(stele_map_contains(&map, "k", 1), STELE_ENOTFOUND);
    maker.outcome = STELE_OK;
    held.capacity = 3;
    expect_status(stele_map_get_or_insert_with(&map, "k", 1, make, &maker, &held), STELE_ESHORT);
    ck_assert_uint_eq(held.bytes, 4);
    expect_status(stele_map_contains(&map, "k", 1), STELE_ENOTFOUND);
    held.capacity = sizeof text;
    expect_ok(stele_map_get_or_insert_with(&map, "k", 1, make, &maker, &held));
    ck_assert(!held.present); /* it did not exist before */
    ck_assert_mem_eq(text, "made", 4);
    ck_assert_uint_eq(maker.calls, 3);
    maker.value = "other";
    expect_ok(stele_map_get_or_insert_with(&map, "k", 1, make, &maker, &held));
    ck_assert(held.present);
    ck_assert_uint_eq(held.bytes, 4);
    ck_assert_uint_eq(maker.calls, 3);
    expect_ok(stele_map_get_or_insert(&map, "k", 1, "third", 5, &held));
    ck_assert_mem_eq(text, "made", 4);
    expect_ok(stele_map_get_or_insert(&map, "l", 1, "third", 5, NULL));
    ck_assert_uint_eq(stele_map_len(&map), 2);
}
END_TEST

static char altered[16];

static enum stele_store_action alter(void *context, const void *value, uint32_t value_bytes,
                                     const void **new_value, uint32_t *new_bytes)
{
    unsigned *calls = context;
    (*calls)++;
    if (!value || value_bytes + 1 > sizeof altered) {
        *new_value = "x";
        *new_bytes = 1;
        return value ? STELE_STORE_ERASE : STELE_STORE_PUT;
    }
    memcpy(altered, value, value_bytes);
    altered[value_bytes] = 'x';
    *new_value = altered;
    *new_bytes = value_bytes + 1;
    return *calls % 2 == 0 ? STELE_STORE_PUT : STELE_STORE_KEEP;
}

START_TEST(alter_reads_modifies_and_writes)
{
    char text[20] = "";
    struct stele_map_value value = stele_map_buffer(text, sizeof text);
    struct stele_store_stats before, after;
    unsigned calls = 0;
    open_small(NULL);
    expect_ok(stele_map_alter(&map, "k", 1, alter, &calls)); /* absent: put */
    stele_store_get_stats(map.store, &before);
    calls = 0;
    expect_ok(stele_map_alter(&map, "k", 1, alter, &calls)); /* keeps */
    stele_store_get_stats(map.store, &after);
    ck_assert_uint_eq(before.applied_lsn, after.applied_lsn); /* which is no change */
    expect_ok(stele_map_alter(&map, "k", 1, alter, &calls));
    expect_ok(stele_map_get(&map, "k", 1, &value));
    ck_assert_str_eq(text, "xx");
    expect_ok(stele_map_insert(&map, "k", 1, "sixteen bytes...", 16, NULL));
    expect_ok(stele_map_alter(&map, "k", 1, alter, &calls)); /* erases */
    ck_assert(stele_map_is_empty(&map));
}
END_TEST

/* ---- entries -------------------------------------------------------------------------------- */

START_TEST(or_insert_does_not_overwrite)
{
    char text[8] = "";
    struct stele_map_value held = stele_map_buffer(text, sizeof text);
    struct maker maker = {"made", 0, STELE_OK};
    struct stele_map_entry entry;
    uint32_t key_bytes = 0;
    open_small(NULL);
    expect_ok(stele_map_entry_of(&map, "key", 3, &entry));
    ck_assert(stele_map_entry_is_vacant(&entry));
    ck_assert_mem_eq(stele_map_entry_key(&entry, &key_bytes), "key", 3);
    ck_assert_uint_eq(key_bytes, 3);
    expect_status(stele_map_entry_get(&entry, &held), STELE_ENOTFOUND);
    expect_ok(stele_map_entry_or_insert(&entry, "first", 5, &held));
    ck_assert(!held.present);
    ck_assert(stele_map_entry_is_occupied(&entry));
    expect_ok(stele_map_entry_or_insert(&entry, "second", 6, &held));
    ck_assert(held.present);
    ck_assert_uint_eq(held.bytes, 5);
    ck_assert_mem_eq(text, "first", 5);
    expect_ok(stele_map_entry_or_insert_with(&entry, make, &maker, &held));
    ck_assert_uint_eq(maker.calls, 0);
    expect_ok(stele_map_entry_insert(&entry, "third", 5, &held)); /* this one does */
    ck_assert_mem_eq(text, "first", 5);
    expect_ok(stele_map_entry_get(&entry, &held));
    ck_assert_mem_eq(text, "third", 5);
    expect_ok(stele_map_entry_of(&map, "other", 5, &entry));
    expect_ok(stele_map_entry_or_insert_with(&entry, make, &maker, NULL));
    ck_assert_uint_eq(maker.calls, 1);
    expect_ok(stele_map_entry_of(&map, "key", 3, &entry));
    ck_assert(stele_map_entry_is_occupied(&entry));
    static uint8_t large[STELEI_KEY_MAX_BYTES + 1];
    expect_status(stele_map_entry_of(&map, large, sizeof large, &entry), STELE_ETOOBIG);
}
END_TEST

/* ---- walks ---------------------------------------------------------------------------------- */

static bool keep_even(void *context, const struct stele_store_entry *entry)
{
    uint64_t number;
    (*(unsigned *)context)++;
    memcpy(&number, entry->key, 8);
    return number % 2 == 0;
}

START_TEST(retain_keeps_what_it_is_told_to)
{
    unsigned asked = 0;
    uint64_t removed = 0;
    struct stele_store_stats before, after;
    open_small(NULL);
    for (uint64_t n = 0; n < 5001; n++)
        expect_ok(stores_put(map.store, map.table, n, 0, 0, 100));
    stele_store_get_stats(map.store, &before);
    expect_ok(stele_map_retain(&map, keep_even, &asked, &removed));
    stele_store_get_stats(map.store, &after);
    ck_assert_uint_eq(asked, 5001);
    ck_assert_uint_eq(removed, 2500);
    ck_assert_uint_eq(after.applied_lsn, before.applied_lsn + 2500);
    ck_assert_uint_eq(stele_map_len(&map), 2501);
    for (uint64_t n = 0; n < 5001; n++)
        if (n % 2 == 0)
            stores_expect(map.store, map.table, n, 0, 0, 100);
        else
            stores_expect_absent(map.store, map.table, n);
}
END_TEST

static enum stele_store_verdict stop_after_three(void *context,
                                                 const struct stele_store_entry *entry)
{
    unsigned *seen = context;
    (void)entry;
    return ++*seen == 3 ? STELE_STORE_STOP : STELE_STORE_NEXT;
}

START_TEST(walks_show_each_entry_once)
{
    static bool entries[2000], keys[2000], values[2000];
    struct stele_store_entry entry;
    struct stele_store_cursor a = {0}, b = {0}, c = {0};
    const void *key, *value;
    uint32_t key_bytes, value_bytes;
    uint64_t number, word;
    unsigned seen = 0;
    open_small(NULL);
    for (number = 0; number < 2000; number++)
        expect_ok(stele_map_insert(&map, &number, 8, &number, 8, NULL));
    while (stele_map_next(&map, &a, &entry) == STELE_OK) {
        memcpy(&number, entry.key, 8);
        expect(memcmp(entry.value, &number, 8) == 0 && !entries[number]);
        entries[number] = true;
    }
    while (stele_map_next_key(&map, &b, &word, &key, &key_bytes) == STELE_OK) {
        memcpy(&number, key, 8);
        expect(key_bytes == 8 && !keys[number]);
        keys[number] = true;
    }
    while (stele_map_next_value(&map, &c, &value, &value_bytes) == STELE_OK) {
        memcpy(&number, value, 8);
        expect(value_bytes == 8 && !values[number]);
        values[number] = true;
    }
    for (number = 0; number < 2000; number++)
        expect(entries[number] && keys[number] && values[number]);
    expect_ok(stele_map_each(&map, stop_after_three, &seen));
    ck_assert_uint_eq(seen, 3);
}
END_TEST

START_TEST(sizes_and_clear)
{
    struct stele_store_table_stats stats;
    open_small(NULL);
    ck_assert_double_eq(stele_map_load_factor(&map), 0);
    for (uint64_t n = 0; n < 3000; n++)
        expect_ok(stores_put(map.store, map.table, n, 0, 0, 100));
    expect_ok(stele_map_stats(&map, &stats));
    ck_assert_uint_eq(stats.entries, stele_map_len(&map));
    ck_assert_uint_eq(stats.slots, stele_map_capacity(&map));
    ck_assert_double_eq_tol(stele_map_load_factor(&map), 3000.0 / (double)stats.slots, 1e-9);
    ck_assert_double_le(stele_map_load_factor(&map), 0.75);
    expect_ok(stele_map_clear(&map));
    ck_assert(stele_map_is_empty(&map));
    stores_expect_absent(map.store, map.table, 17);
    expect_ok(stores_put(map.store, map.table, 17, 1, 0, 100));
    stores_expect(map.store, map.table, 17, 1, 0, 100);
    ck_assert_uint_eq(stele_map_len(&map), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("map");
    TCase *tcase = suite_case(suite, "map");
    segment_name_init("map");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, new_in_memory);
    tcase_add_test(tcase, capacities);
    tcase_add_test(tcase, a_capacity_beyond_the_segment);
    tcase_add_test(tcase, load_finds_what_was_left);
    tcase_add_test(tcase, several_maps_in_one_store);
    tcase_add_test(tcase, insert_tells_the_old_value);
    tcase_add_test(tcase, remove_tells_the_old_value);
    tcase_add_test(tcase, get_follows_the_readers_rules);
    tcase_add_test(tcase, get_or_insert_with_makes_what_is_missing);
    tcase_add_test(tcase, alter_reads_modifies_and_writes);
    tcase_add_test(tcase, or_insert_does_not_overwrite);
    tcase_add_test(tcase, retain_keeps_what_it_is_told_to);
    tcase_add_test(tcase, walks_show_each_entry_once);
    tcase_add_test(tcase, sizes_and_clear);
    return segment_name_fini(suite_run(suite));
}
