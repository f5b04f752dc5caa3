#include "rooms.h"

static struct rooms *rooms;
static struct catalog *catalog;

static void setup(void)
{
    rooms = rooms_open(NULL, 32 * STORES_MIB);
    catalog = &rooms->catalog;
}

static void teardown(void)
{
    rooms_settle(rooms);
    rooms_verify(rooms);
    rooms_close(rooms);
}

START_TEST(tables_are_found_by_name)
{
    uint32_t a = 99, b = 99, found = 99;
    expect_ok(catalog_create(catalog, "a", CATALOG_ANY, NULL, &a));
    expect_ok(catalog_create(catalog, "b", CATALOG_ANY, NULL, &b));
    ck_assert_uint_ne(a, b);
    expect_ok(catalog_find(catalog, "b", &found));
    ck_assert_uint_eq(found, b);
    expect_status(catalog_find(catalog, "c", &found), STELE_ENOTABLE);
    expect_status(catalog_create(catalog, "a", CATALOG_ANY, NULL, &found), STELE_EEXIST);
    ck_assert_uint_eq(found, a);
    ck_assert_ptr_null(catalog_table(catalog, 2));
    ck_assert_ptr_null(catalog_table(catalog, STELEI_TABLE_CAPACITY));
    ck_assert_ptr_null(catalog_table(catalog, UINT32_MAX));
}
END_TEST

START_TEST(names_have_limits)
{
    char longest[65];
    uint32_t id, other;
    memset(longest, 'n', sizeof longest);
    longest[64] = 0;
    expect_status(catalog_create(catalog, longest, CATALOG_ANY, NULL, &id), STELE_EINVAL);
    longest[63] = 0;
    expect_ok(catalog_create(catalog, longest, CATALOG_ANY, NULL, &id));
    longest[62] = 0; /* a prefix is another name */
    expect_status(catalog_find(catalog, longest, &other), STELE_ENOTABLE);
    expect_ok(catalog_create(catalog, longest, CATALOG_ANY, NULL, &other));
    ck_assert_uint_ne(id, other);
    expect_status(catalog_create(catalog, "", CATALOG_ANY, NULL, &id), STELE_EINVAL);
    expect_status(catalog_create(catalog, NULL, CATALOG_ANY, NULL, &id), STELE_EINVAL);
    expect_status(catalog_find(catalog, "", &id), STELE_EINVAL);
    expect_ok(catalog_create(catalog, "\xc3\xa4 any byte but zero\n", CATALOG_ANY, NULL, &id));
}
END_TEST

START_TEST(a_descriptor_can_be_asked_for)
{
    uint32_t id = 99;
    expect_ok(catalog_create(catalog, "there", 300, NULL, &id));
    ck_assert_uint_eq(id, 300);
    expect_status(catalog_create(catalog, "there too", 300, NULL, &id), STELE_EEXIST);
    expect_status(catalog_create(catalog, "beyond", STELEI_TABLE_CAPACITY, NULL, &id),
                  STELE_EINVAL);
    expect_ok(catalog_create(catalog, "last", STELEI_TABLE_CAPACITY - 1, NULL, &id));
}
END_TEST

START_TEST(all_descriptors_can_be_used)
{
    uint32_t id = 0;
    char name[16];
    for (unsigned i = 0; i < STELEI_TABLE_CAPACITY; i++) {
        snprintf(name, sizeof name, "t%u", i);
        expect_ok(catalog_create(catalog, name, CATALOG_ANY, NULL, &id));
        expect_ok(rooms_put(catalog_table(catalog, id), i));
    }
    ck_assert_uint_eq(catalog->live, STELEI_TABLE_CAPACITY);
    uint64_t used = arena_used_bytes(&rooms->arena);
    expect_status(catalog_create(catalog, "one more", CATALOG_ANY, NULL, &id), STELE_ETABLES);
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
    ck_assert_uint_le(used, STELEI_TABLE_CAPACITY * 4096);
    expect_ok(catalog_drop(catalog, 100));
    expect_ok(catalog_create(catalog, "one more", CATALOG_ANY, NULL, &id));
    ck_assert_uint_eq(id, 100);
}
END_TEST

START_TEST(the_word_moves_with_every_step)
{
    uint32_t id = 0;
    struct stelei_table *shared = catalog->shared;
    uint64_t changed = rooms->segment.header->tables_changed;
    expect_ok(catalog_create(catalog, "t", CATALOG_ANY, NULL, &id));
    uint64_t word = shared[id].word, incarnation = shared[id].incarnation;
    uint64_t first = word >> 32;
    ck_assert_uint_ne(first, 0);
    ck_assert_uint_ne((uint32_t)word, 0);
    expect_ok(catalog_clear(catalog, id));
    ck_assert_uint_eq(shared[id].word >> 32, first + 1);
    ck_assert_uint_ne((uint32_t)shared[id].word, (uint32_t)word);
    ck_assert_uint_eq(shared[id].incarnation, incarnation); /* handles follow */
    expect_ok(catalog_drop(catalog, id));
    ck_assert_uint_eq(shared[id].word, (first + 2) << 32);
    expect_ok(catalog_create(catalog, "u", id, NULL, &id));
    ck_assert_uint_eq(shared[id].word >> 32, first + 3);
    ck_assert_uint_ne(shared[id].incarnation, incarnation); /* handles do not */
    ck_assert_uint_eq(rooms->segment.header->tables_changed, changed + 4);
}
END_TEST

START_TEST(drop_and_clear_know_their_tables)
{
    uint32_t id = 0;
    expect_status(catalog_drop(catalog, 0), STELE_ENOTABLE);
    expect_status(catalog_clear(catalog, 0), STELE_ENOTABLE);
    expect_status(catalog_drop(catalog, UINT32_MAX), STELE_ENOTABLE);
    expect_ok(catalog_create(catalog, "t", CATALOG_ANY, NULL, &id));
    expect_ok(catalog_drop(catalog, id));
    expect_status(catalog_drop(catalog, id), STELE_ENOTABLE);
    expect_status(catalog_find(catalog, "t", &id), STELE_ENOTABLE);
    ck_assert_uint_eq(catalog->live, 0);
}
END_TEST

START_TEST(clear_empties_and_keeps_the_table)
{
    uint32_t id = 0;
    expect_ok(catalog_create(catalog, "t", CATALOG_ANY, NULL, &id));
    for (uint64_t n = 0; n < 1000; n++)
        expect_ok(rooms_put(catalog_table(catalog, id), n));
    expect_ok(catalog_clear(catalog, id));
    struct table *table = catalog_table(catalog, id);
    ck_assert_uint_eq(table->entries, 0);
    ck_assert_uint_eq(table->buckets, 2);
    ck_assert(!rooms_has(table, 5));
    expect_ok(rooms_put(table, 5));
    rooms_settle(rooms);
    rooms_verify(rooms);
    ck_assert(rooms_has(table, 5));
}
END_TEST

START_TEST(a_word_that_leads_nowhere_is_not_bound)
{
    uint32_t id = 0;
    expect_ok(catalog_create(catalog, "t", CATALOG_ANY, NULL, &id));
    uint64_t word = catalog->shared[id].word, generation = word & ~UINT64_C(0xffffffff);
    static const uint32_t bad[] = {1, 8 /* the header */, UINT32_MAX, 33u << 17 /* 33 MiB */};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        catalog->shared[id].word = generation | bad[i];
        ck_assert(!catalog_bind(catalog, id));
        ck_assert_ptr_null(catalog_table(catalog, id));
    }
    catalog->shared[id].word = word;
    catalog->live--;
    ck_assert(catalog_bind(catalog, id));
}
END_TEST

START_TEST(types_stand_in_the_descriptor)
{
    struct stele_table_options options = {.type = {2, 18, 1, 4, 0}, .max_entries = 77};
    uint32_t id = 99, other = 99;
    expect_ok(catalog_create(catalog, "t", CATALOG_ANY, &options, &id));
    ck_assert_uint_eq(catalog->shared[id].type, 0x4011202);
    ck_assert_uint_eq(catalog->shared[id].max_entries, 77);
    ck_assert_uint_eq(catalog->shared[id].hash_check,
                      stelei_hash_check(STELE_HASH_XXH64, NULL, rooms->segment.map.hash_seed));
    const struct table *table = catalog_table(catalog, id);
    ck_assert(stele_type_equal(&table->type, &options.type));
    ck_assert_uint_eq(table->max_entries, 77);
    expect_status(catalog_create(catalog, "t", CATALOG_ANY, &options, &other), STELE_EEXIST);
    options.max_entries = 78;
    expect_status(catalog_create(catalog, "t", CATALOG_ANY, &options, &other), STELE_ETYPE);
    options.max_entries = 77;
    options.type.flags = 0;
    expect_status(catalog_create(catalog, "t", CATALOG_ANY, &options, &other), STELE_ETYPE);
    ck_assert_uint_eq(other, id);
    options.type.flags = 8;
    expect_status(catalog_create(catalog, "t", CATALOG_ANY, &options, &other), STELE_EINVAL);
    expect_ok(catalog_clear(catalog, id)); /* of what it was */
    ck_assert_uint_eq(catalog->shared[id].type, 0x4011202);
    ck_assert_uint_eq(catalog_table(catalog, id)->max_entries, 77);
}
END_TEST

START_TEST(a_type_that_makes_no_sense_is_not_bound)
{
    uint32_t id = 0;
    expect_ok(catalog_create(catalog, "t", CATALOG_ANY, NULL, &id));
    static const uint64_t bad[] = {
        5, 0x1500, 0x20000, 0x30000, 0x1000000, UINT64_C(1) << 32, UINT64_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        catalog->shared[id].type = bad[i];
        expect_status(catalog_check_hash(catalog, id), STELE_ECORRUPT);
        ck_assert(!catalog_bind(catalog, id));
    }
    catalog->shared[id].type = 0;
    catalog->live--;
    ck_assert(catalog_bind(catalog, id));
}
END_TEST

static uint64_t own(const void *key, size_t key_bytes, uint64_t seed)
{
    (void)key, (void)key_bytes;
    return seed;
}

START_TEST(functions_are_registered_once)
{
    struct stele_table_options options = {.type = {4, 4, 200, 0, 0}};
    uint32_t id = 99;
    expect_status(catalog_create(catalog, "t", CATALOG_ANY, &options, &id), STELE_EHASH);
    ck_assert_uint_eq(id, 99);
    expect_status(catalog_register_hash(catalog, 63, own), STELE_EINVAL);
    expect_status(catalog_register_hash(catalog, 0, own), STELE_EINVAL);
    expect_status(catalog_register_hash(catalog, 200, NULL), STELE_EINVAL);
    for (unsigned i = STELE_HASH_OWN; i < 256; i++)
        expect_ok(catalog_register_hash(catalog, (uint8_t)i, own));
    expect_status(catalog_register_hash(catalog, 200, own), STELE_EINVAL);
    expect_ok(catalog_create(catalog, "t", CATALOG_ANY, &options, &id));
    expect_ok(rooms_put(catalog_table(catalog, id), 7));
    expect_ok(catalog_check_hash(catalog, id));
}
END_TEST

/* Who hashes otherwise would find nothing: a function of a program's own is missing or another one;
 * one of ours cannot be, so that the descriptor or the seed is damaged. */
START_TEST(hashes_are_checked)
{
    static const uint8_t ids[] = {STELE_HASH_XXH3, STELE_HASH_XXH64, STELE_HASH_IDENTITY, 64};
    expect_ok(catalog_register_hash(catalog, 64, own));
    for (unsigned i = 0; i < 4; i++) {
        struct stele_table_options options = {.type = {4, 4, ids[i], 0, 0}};
        char name[2] = {(char)('a' + (char)i), 0};
        uint32_t id = 99;
        expect_ok(catalog_create(catalog, name, CATALOG_ANY, &options, &id));
        expect_ok(catalog_check_hash(catalog, id));
        catalog->shared[id].hash_check++;
        expect_status(catalog_check_hash(catalog, id), i == 3 ? STELE_EHASH : STELE_ECORRUPT);
        catalog->shared[id].hash_check--;
    }
    rooms->segment.map.hash_seed++;
    expect_status(catalog_check_hash(catalog, 0), STELE_ECORRUPT);
    expect_ok(catalog_check_hash(catalog, 2)); /* the identity has no seed */
    rooms->segment.map.hash_seed--;
    catalog->own_hash[0] = NULL;
    expect_status(catalog_check_hash(catalog, 3), STELE_EHASH);
    catalog->own_hash[0] = own;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalog");
    TCase *tcase = suite_case(suite, "catalog");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, tables_are_found_by_name);
    tcase_add_test(tcase, names_have_limits);
    tcase_add_test(tcase, a_descriptor_can_be_asked_for);
    tcase_add_test(tcase, all_descriptors_can_be_used);
    tcase_add_test(tcase, the_word_moves_with_every_step);
    tcase_add_test(tcase, drop_and_clear_know_their_tables);
    tcase_add_test(tcase, clear_empties_and_keeps_the_table);
    tcase_add_test(tcase, a_word_that_leads_nowhere_is_not_bound);
    tcase_add_test(tcase, types_stand_in_the_descriptor);
    tcase_add_test(tcase, a_type_that_makes_no_sense_is_not_bound);
    tcase_add_test(tcase, functions_are_registered_once);
    tcase_add_test(tcase, hashes_are_checked);
    return suite_run(suite);
}
