#include "rooms.h"

static struct rooms *rooms;
static struct table *table;

static void setup(void)
{
    rooms = rooms_open(NULL, 32 * STORES_MIB);
    table = rooms_table(rooms, "table");
}

static void teardown(void)
{
    rooms_verify(rooms);
    rooms_close(rooms);
}

static void expect_value(const void *key, uint32_t key_bytes, const void *value,
                         uint32_t value_bytes)
{
    struct table_spot spot;
    uint64_t hash = stelei_hash(key, key_bytes, table->map->hash_seed);
    ck_assert(table_find(table, key, key_bytes, hash, &spot));
    ck_assert_uint_eq(stelei_record_value_bytes(spot.meta), value_bytes);
    ck_assert(memcmp(rooms->segment.base + spot.record_off + stelei_record_value_off(spot.meta),
                     value, value_bytes) == 0);
}

START_TEST(modes_do_what_they_say)
{
    expect_status(table_write(table, TABLE_REPLACE, "k", 1, "0", 1), STELE_ENOTFOUND);
    expect_ok(table_write(table, TABLE_INSERT, "k", 1, "one", 3));
    expect_status(table_write(table, TABLE_INSERT, "k", 1, "two", 3), STELE_EEXIST);
    expect_value("k", 1, "one", 3);
    expect_ok(table_write(table, TABLE_REPLACE, "k", 1, "three", 5));
    expect_value("k", 1, "three", 5);
    expect_ok(table_write(table, TABLE_PUT, "k", 1, "", 0));
    expect_value("k", 1, "", 0);
    expect_ok(table_erase(table, "k", 1));
    expect_status(table_erase(table, "k", 1), STELE_ENOTFOUND);
    expect_ok(table_write(table, TABLE_PUT, "k", 1, "new", 3));
    ck_assert_uint_eq(table->entries, 1);
    ck_assert_uint_eq(table->payload_bytes, 4);
}
END_TEST

START_TEST(keys_of_every_length)
{
    static uint8_t key[STELEI_KEY_MAX_BYTES];
    memset(key, 'x', sizeof key);
    /* prefixes of one another: only the length tells them apart */
    for (uint32_t bytes = 0; bytes <= 300; bytes++)
        expect_ok(table_write(table, TABLE_INSERT, key, bytes, &bytes, sizeof bytes));
    uint32_t longest = STELEI_KEY_MAX_BYTES;
    expect_ok(table_write(table, TABLE_INSERT, key, longest, &longest, sizeof longest));
    expect_ok(table_write(table, TABLE_INSERT, key, longest - 1, "less", 4));
    for (uint32_t bytes = 0; bytes <= 300; bytes++)
        expect_value(key, bytes, &bytes, sizeof bytes);
    expect_value(key, longest, &longest, sizeof longest);
    expect_value(key, longest - 1, "less", 4);
    key[STELEI_KEY_MAX_BYTES - 1] = 'y'; /* only the last byte differs */
    expect_status(table_erase(table, key, longest), STELE_ENOTFOUND);
}
END_TEST

START_TEST(values_across_all_classes)
{
    static uint8_t value[3 << 20];
    static const uint32_t sizes[] = {0,    1,    8,    239,  240,  241,  4095,    4096,
                                     4097, 8176, 8184, 8185, 8192, 9000, 1000000, 3u << 20};
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        random_bytes(i, value, sizes[i]);
        expect_ok(table_write(table, TABLE_PUT, &i, sizeof i, value, sizes[i]));
    }
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        random_bytes(i, value, sizes[i]);
        expect_value(&i, sizeof i, value, sizes[i]);
    }
}
END_TEST

START_TEST(a_full_chain_grows_lines_and_loses_them)
{
    /* one bucket of 64 gets 75 entries; the load stays far below a split */
    uint64_t from = 0, numbers[75];
    for (uint64_t i = 1; i <= 400; i++)
        expect_ok(rooms_put(table, UINT64_C(1) << 40 | i));
    ck_assert_uint_ge(table->buckets, 50);
    struct table *small = rooms_table(rooms, "one bucket");
    rooms_colliding(small, 6, 1, &from, numbers, 75);
    for (unsigned i = 0; i < 75; i++)
        expect_ok(rooms_put(small, numbers[i]));
    ck_assert_uint_ge(small->lines, 6); /* splits do not part what agrees in six bits */
    ck_assert_uint_ge(small->overflow, 60);
    rooms_verify(rooms);
    for (unsigned i = 0; i < 75; i++)
        ck_assert(rooms_has(small, numbers[i]));
    /* the middle first, so that lines are unlinked between others */
    for (unsigned i = 20; i < 75; i++)
        expect_ok(table_erase(small, &numbers[i], 8));
    rooms_verify(rooms);
    for (unsigned i = 0; i < 75; i++)
        ck_assert_int_eq(rooms_has(small, numbers[i]), i < 20);
    for (unsigned i = 0; i < 20; i++)
        expect_ok(table_erase(small, &numbers[i], 8));
    ck_assert_uint_eq(small->lines, 0);
    ck_assert_uint_eq(small->overflow, 0);
    ck_assert_uint_eq(small->entries, 0);
    ck_assert_uint_eq(small->record_bytes, 0);
}
END_TEST

/* Every change that a reader must notice moves the head's version; what it need not, does not. */
START_TEST(versions_move_with_every_change)
{
    uint64_t from = 0, numbers[25];
    rooms_colliding(table, 6, 1, &from, numbers, 25);
    struct table_spot spot;
    uint64_t before = 0;
    for (unsigned i = 0; i < 12; i++)
        expect_ok(rooms_put(table, numbers[i]));
    uint64_t hash = stelei_hash(&numbers[0], 8, table->map->hash_seed);
    ck_assert(table_find(table, &numbers[0], 8, hash, &spot));
    uint64_t buckets = table->buckets;
    before = spot.head->sequence >> STELEI_VERSION_SHIFT;
    ck_assert(rooms_has(table, numbers[3]));
    ck_assert_uint_eq(spot.head->sequence >> STELEI_VERSION_SHIFT, before);
    for (unsigned i = 0; i < 12; i++) { /* replacing, in head and line */
        expect_ok(table_write(table, TABLE_REPLACE, &numbers[i], 8, "other", 5));
        ck_assert_uint_eq(spot.head->sequence >> STELEI_VERSION_SHIFT, ++before);
    }
    expect_ok(rooms_put(table, numbers[12])); /* a slot of a line */
    ck_assert_uint_eq(table->buckets, buckets);
    ck_assert_uint_eq(spot.head->sequence >> STELEI_VERSION_SHIFT, ++before);
    for (unsigned i = 12; i < 13; i--) { /* erasing, from the line and from the head */
        expect_ok(table_erase(table, &numbers[i], 8));
        ck_assert_uint_ge(spot.head->sequence >> STELEI_VERSION_SHIFT, ++before);
        before = spot.head->sequence >> STELEI_VERSION_SHIFT;
    }
    expect_status(table_erase(table, &numbers[0], 8), STELE_ENOTFOUND);
    ck_assert_uint_eq(spot.head->sequence >> STELEI_VERSION_SHIFT, before);
}
END_TEST

START_TEST(counts_follow_every_change)
{
    struct random random = {31};
    for (unsigned step = 0; step < suite_scaled(30000); step++) {
        uint64_t number = random_below(&random, 3000);
        if (random_below(&random, 3))
            expect_ok(table_write(table, TABLE_PUT, &number, 8, &random,
                                  random_below(&random, sizeof random + 1)));
        else
            table_erase(table, &number, 8);
        ck_assert_uint_eq(table->root->entries, table->entries);
    }
    rooms_verify(rooms);
}
END_TEST

START_TEST(a_write_without_memory_changes_nothing)
{
    static uint8_t value[200000];
    uint64_t n = 0, used;
    while (table_write(table, TABLE_PUT, &n, 8, value, sizeof value) == STELE_OK)
        n++;
    ck_assert_uint_gt(n, 100);
    used = arena_used_bytes(&rooms->arena);
    expect_status(table_write(table, TABLE_PUT, &n, 8, value, sizeof value), STELE_ENOSPC);
    expect_status(table_write(table, TABLE_REPLACE, "\0\0\0\0\0\0\0", 8, value, sizeof value + 8),
                  STELE_ENOSPC);
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
    ck_assert_uint_eq(table->entries, n);
    rooms_verify(rooms);
    for (uint64_t i = 0; i < n; i++) /* no larger: goes on, from the reserve */
        expect_ok(table_write(table, TABLE_REPLACE, &i, 8, value, sizeof value));
    for (uint64_t i = 0; i < n; i++)
        expect_ok(table_erase(table, &i, 8));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("table");
    TCase *tcase = suite_case(suite, "table");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, modes_do_what_they_say);
    tcase_add_test(tcase, keys_of_every_length);
    tcase_add_test(tcase, values_across_all_classes);
    tcase_add_test(tcase, a_full_chain_grows_lines_and_loses_them);
    tcase_add_test(tcase, versions_move_with_every_change);
    tcase_add_test(tcase, counts_follow_every_change);
    tcase_add_test(tcase, a_write_without_memory_changes_nothing);
    return suite_run(suite);
}
