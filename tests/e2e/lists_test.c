/* Typed tables and lists through the client's calls and the real daemon. */
#include "harness.h"

#include <stdlib.h>

static struct stele_channel channel;
static uint16_t id;
static struct stele_type type;

/* A daemon, a channel to it, and the table "t" of this type. */
static void begin(const char *type_text, uint64_t max_entries)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    ck_assert(stele_type_parse(type_text, &type));
    e2e_ok(stele_channel_table_create_as(&channel, "t", &type, max_entries, &id, -1));
}

static void expect_list(const char *key, const uint32_t *wanted, size_t count)
{
    uint32_t elements[64];
    size_t bytes = 99;
    uint64_t told = 0;
    e2e_ok(stele_channel_list_read(&channel, id, key, strlen(key), 0, elements, sizeof(elements),
                                   &bytes, &told, -1));
    ck_assert_uint_eq(bytes, count * sizeof(*wanted));
    ck_assert_mem_eq(elements, wanted, bytes);
    ck_assert_uint_eq(told, count);
    told = 0;
    e2e_ok(stele_channel_list_count(&channel, id, key, strlen(key), &told, -1));
    ck_assert_uint_eq(told, count);
}
#define EXPECT_LIST(key, ...)                                                                      \
    expect_list(key, (const uint32_t[]){__VA_ARGS__},                                              \
                sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static uint64_t append(const char *key, const uint32_t *elements, size_t count)
{
    uint64_t added = 99;
    e2e_ok(stele_channel_list_append(&channel, id, key, strlen(key), elements,
                                     count * sizeof(*elements), &added, -1));
    return added;
}

START_TEST(sequences)
{
    static const uint32_t elements[] = {7, 8, 7, 9};
    uint64_t number = 0;
    size_t bytes = 0;
    begin("bytes->list:u32", 0);
    e2e_is(stele_channel_list_count(&channel, id, "k", 1, &number, -1), STELE_ENOTFOUND);
    e2e_is(stele_channel_list_pop(&channel, id, "k", 1, &number, -1), STELE_ENOTFOUND);
    e2e_is(stele_channel_list_remove(&channel, id, "k", 1, 7, -1), STELE_ENOTFOUND);
    ck_assert_uint_eq(append("k", elements, 4), 4);
    EXPECT_LIST("k", 7, 8, 7, 9);
    e2e_ok(stele_channel_list_remove(&channel, id, "k", 1, 7, -1));
    EXPECT_LIST("k", 8, 7, 9);
    e2e_ok(stele_channel_list_replace(&channel, id, "k", 1, 8, UINT32_MAX, -1));
    EXPECT_LIST("k", 7, 9, UINT32_MAX);
    e2e_ok(stele_channel_list_pop(&channel, id, "k", 1, &number, -1));
    ck_assert_uint_eq(number, UINT32_MAX);
    e2e_ok(stele_channel_list_pop(&channel, id, "k", 1, NULL, -1));
    EXPECT_LIST("k", 7);
    uint32_t part = 0; /* from the end on, and none */
    e2e_ok(stele_channel_list_read(&channel, id, "k", 1, 1, NULL, 0, &bytes, &number, -1));
    ck_assert(bytes == 0 && number == 1);
    e2e_ok(stele_channel_list_read(&channel, id, "k", 1, 0, &part, 3, &bytes, NULL, -1));
    ck_assert(bytes == 0 && part == 0); /* half an element does not come */
    e2e_is(stele_channel_list_remove(&channel, id, "k", 1, UINT64_C(1) << 32, -1), STELE_ETYPE);
    e2e_is(stele_channel_list_append(&channel, id, "k", 1, elements, 7, NULL, -1), STELE_ETYPE);
    e2e_is(stele_channel_put(&channel, id, "k", 1, "abcd", 4, -1), STELE_ETYPE);
    e2e_is(stele_channel_get(&channel, id, "k", 1, &part, 4, &bytes, -1), STELE_ETYPE);
    e2e_ok(stele_channel_erase(&channel, id, "k", 1, -1));
    e2e_is(stele_channel_list_count(&channel, id, "k", 1, &number, -1), STELE_ENOTFOUND);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(sets)
{
    static const uint32_t elements[] = {7, 8, 7, 9, 8};
    begin("bytes->set:u32", 0);
    ck_assert_uint_eq(append("k", elements, 5), 3);
    ck_assert_uint_eq(append("k", elements, 5), 0);
    EXPECT_LIST("k", 7, 8, 9);
    e2e_ok(stele_channel_list_replace(&channel, id, "k", 1, 7, 9, -1));
    EXPECT_LIST("k", 8, 9);
    stele_channel_close(&channel);
}
END_TEST

/* More than one message holds, by one append and in parts by many. */
START_TEST(long_lists)
{
    enum { COUNT = 3000000, PART = 100000 };
    uint32_t *elements = malloc(COUNT * sizeof(*elements)), *found = malloc(COUNT * 4 + 8);
    size_t bytes = 0;
    uint64_t count = 0;
    begin("bytes->list:u32", 0);
    for (uint32_t i = 0; i < COUNT; i++)
        elements[i] = i * 2654435761u;
    ck_assert_uint_eq(append("whole", elements, COUNT), COUNT);
    for (uint32_t at = 0; at < COUNT; at += PART)
        ck_assert_uint_eq(append("parts", elements + at, PART), PART);
    static const char *const keys[] = {"whole", "parts"};
    for (unsigned i = 0; i < 2; i++) {
        e2e_ok(stele_channel_list_read(&channel, id, keys[i], 5, 0, found, COUNT * 4 + 8, &bytes,
                                       &count, -1));
        ck_assert_uint_eq(count, COUNT);
        ck_assert_uint_eq(bytes, COUNT * 4);
        ck_assert_int_eq(memcmp(found, elements, bytes), 0);
        e2e_ok(stele_channel_list_read(&channel, id, keys[i], 5, COUNT - 5, found, 16, &bytes,
                                       &count, -1));
        ck_assert_uint_eq(bytes, 16);
        ck_assert_mem_eq(found, elements + COUNT - 5, 16);
    }
    e2e_ok(stele_channel_list_remove(&channel, id, "parts", 5, elements[COUNT - 1], -1));
    e2e_ok(stele_channel_list_pop(&channel, id, "parts", 5, &count, -1));
    ck_assert_uint_eq(count, elements[COUNT - 2]);
    free(elements);
    free(found);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(all_lists)
{
    struct stele_channel_lists lists;
    struct stele_channel_list list;
    uint32_t elements[200];
    unsigned seen = 0;
    begin("u8->list:u32", 0);
    e2e_ok(stele_channel_list_all(&channel, id, 0, &lists, -1)); /* none: nothing follows */
    e2e_is(stele_channel_lists_next(&lists, &list), STELE_EEND);
    for (uint32_t i = 0; i < 200; i++)
        elements[i] = i;
    for (uint8_t key = 0; key < 200; key++)
        e2e_ok(stele_channel_list_append(&channel, id, &key, 1, elements + key,
                                         (200 - key) * sizeof(*elements), NULL, -1));
    size_t whole = 200 * (16 + 1) + 200 * 201 / 2 * sizeof(*elements);
    e2e_is(stele_channel_list_all(&channel, id, whole - 1, &lists, -1), STELE_ESHORT);
    ck_assert_uint_eq(lists.bytes, whole);
    e2e_is(stele_channel_lists_next(&lists, &list), STELE_EEND);
    e2e_ok(stele_channel_list_all(&channel, id, lists.bytes, &lists, -1));
    ck_assert_uint_eq(lists.left, 200);
    while (stele_channel_lists_next(&lists, &list) == STELE_OK) {
        ck_assert_uint_eq(list.key_bytes, 1);
        uint8_t key = *(const uint8_t *)list.key;
        ck_assert_uint_eq(list.count, 200u - key);
        for (uint32_t i = 0; i < list.count; i++)
            ck_assert_uint_eq(stele_channel_list_element(&list, i), key + i);
        seen++;
    }
    ck_assert_uint_eq(seen, 200);
    e2e_is(stele_channel_lists_next(&lists, &list), STELE_EEND);
    e2e_is(stele_channel_list_all(&channel, (uint16_t)(id + 1), 0, &lists, -1), STELE_ENOTABLE);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(lists_in_a_pipeline)
{
    struct stele_completion done;
    struct stele_vector vector;
    uint32_t element;
    begin("bytes->list:u32", 0);
    for (element = 0; element < 30; element++)
        e2e_ok(stele_channel_submit_list_append(&channel, id, "k", 1, &element, 4, NULL));
    e2e_ok(stele_channel_submit_list_remove(&channel, id, "k", 1, 3, NULL));
    e2e_ok(stele_channel_submit_list_replace(&channel, id, "k", 1, 4, 77, NULL));
    e2e_ok(stele_channel_submit_list_remove(&channel, id, "k", 1, 3, NULL));
    for (unsigned i = 0; i < 33; i++) {
        e2e_ok(stele_channel_collect(&channel, &done, -1));
        e2e_is(done.status, i == 32 ? STELE_ENOTFOUND : STELE_OK);
        ck_assert_int_eq(done.number, i < 30);
    }
    stele_vector_init(&vector, 4096);
    element = 88;
    e2e_ok(stele_vector_list_append(&vector, id, "j", 1, &element, 4));
    e2e_ok(stele_vector_list_replace(&vector, id, "j", 1, 88, 89));
    e2e_ok(stele_vector_list_append(&vector, id, "j", 1, &element, 3));
    e2e_ok(stele_vector_list_append(&vector, id, "j", 1, &element, 4));
    e2e_ok(stele_vector_list_remove(&vector, id, "j", 1, 89));
    e2e_ok(stele_vector_put(&vector, id, "j", 1, &element, 4));
    e2e_ok(stele_channel_submit_vector(&channel, &vector, NULL));
    e2e_ok(stele_channel_collect(&channel, &done, -1));
    static const enum stele_status wanted[] = {STELE_OK, STELE_OK, STELE_ETYPE,
                                               STELE_OK, STELE_OK, STELE_ETYPE};
    ck_assert_uint_eq(done.vector.count, 6);
    for (uint32_t i = 0; i < 6; i++)
        e2e_is(stele_completion_status(&done, i), wanted[i]);
    EXPECT_LIST("j", 88);
    EXPECT_LIST("k", 0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                24, 25, 26, 27, 28, 29, 77);
    stele_vector_fini(&vector);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(words)
{
    struct stele_type other = stele_type_of(STELE_BYTES, STELE_U64);
    struct stele_completion done;
    uint64_t value = 99;
    begin("u16->u32", 3);
    e2e_is(stele_channel_word_get(&channel, id, &type, 7, &value, -1), STELE_ENOTFOUND);
    e2e_ok(stele_channel_word_insert(&channel, id, &type, 7, 5, -1));
    e2e_is(stele_channel_word_insert(&channel, id, &type, 7, 6, -1), STELE_EEXIST);
    e2e_ok(stele_channel_word_put(&channel, id, &type, UINT16_MAX, UINT32_MAX, -1));
    e2e_ok(stele_channel_word_get(&channel, id, &type, UINT16_MAX, &value, -1));
    ck_assert_uint_eq(value, UINT32_MAX);
    e2e_is(stele_channel_word_incr(&channel, id, &type, UINT16_MAX, 1, &value, -1), STELE_ERANGE);
    e2e_ok(stele_channel_word_incr(&channel, id, &type, 7, -5, &value, -1));
    ck_assert_uint_eq(value, 0);
    e2e_ok(stele_channel_word_incr(&channel, id, &type, 8, 3, NULL, -1));
    e2e_is(stele_channel_word_incr(&channel, id, &type, 9, 3, NULL, -1), STELE_EFULL);
    e2e_is(stele_channel_word_put(&channel, id, &type, 9, 3, -1), STELE_EFULL);
    e2e_ok(stele_channel_word_erase(&channel, id, &type, 8, -1));
    e2e_is(stele_channel_word_erase(&channel, id, &type, 8, -1), STELE_ENOTFOUND);
    e2e_ok(stele_channel_submit_word_put(&channel, id, &type, 9, 3, NULL));
    e2e_ok(stele_channel_submit_word_erase(&channel, id, &type, 9, NULL));
    for (unsigned i = 0; i < 2; i++) {
        e2e_ok(stele_channel_collect(&channel, &done, -1));
        e2e_ok(done.status);
    }
    /* refused here, or there */
    e2e_is(stele_channel_word_put(&channel, id, &type, 65536, 3, -1), STELE_ETYPE);
    e2e_is(stele_channel_word_put(&channel, id, &type, 7, UINT64_C(1) << 32, -1), STELE_ETYPE);
    e2e_is(stele_channel_word_put(&channel, id, &other, 7, 1, -1), STELE_ETYPE);
    other.key_kind = STELE_U32;
    e2e_is(stele_channel_word_put(&channel, id, &other, 7, 1, -1), STELE_ETYPE);
    other = stele_type_of(STELE_U16, STELE_U8);
    e2e_is(stele_channel_word_get(&channel, id, &other, 7, &value, -1), STELE_ETYPE);
    other.value_kind = STELE_U64;
    e2e_is(stele_channel_word_get(&channel, id, &other, 7, &value, -1), STELE_ETYPE);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(signed_words_and_structs)
{
    static const uint8_t bytes[24] = {1, 2, 3};
    struct stele_type structs = stele_type_of_struct(STELE_BYTES, 24);
    uint8_t found[24];
    size_t count = 0;
    uint64_t value = 0;
    uint16_t other = 0;
    begin("u64->i64", 0);
    e2e_ok(stele_channel_word_put(&channel, id, &type, UINT64_MAX, (uint64_t)-7, -1));
    e2e_ok(stele_channel_word_incr(&channel, id, &type, UINT64_MAX, 5, &value, -1));
    ck_assert_int_eq((int64_t)value, -2);
    e2e_is(stele_channel_word_incr(&channel, id, &type, UINT64_MAX, INT64_MIN, &value, -1),
           STELE_ERANGE);
    e2e_ok(stele_channel_table_create_as(&channel, "s", &structs, 0, &other, -1));
    e2e_ok(stele_channel_put(&channel, other, "k", 1, bytes, 24, -1));
    e2e_is(stele_channel_put(&channel, other, "k", 1, bytes, 23, -1), STELE_ETYPE);
    e2e_is(stele_channel_incr(&channel, other, "k", 1, 1, NULL, -1), STELE_ENOTNUMBER);
    e2e_ok(stele_channel_get(&channel, other, "k", 1, found, 24, &count, -1));
    ck_assert_uint_eq(count, 24);
    ck_assert_mem_eq(found, bytes, 24);
    stele_channel_close(&channel);
}
END_TEST

/* Who finds a table of another type is told which one it is. */
START_TEST(types_of_tables)
{
    struct stele_type other = stele_type_of(STELE_U64, STELE_U64);
    struct stele_table_info info;
    uint16_t found = 0;
    uint32_t count = 0;
    begin("u8->set:u16,identity", 12);
    e2e_is(stele_channel_table_create_as(&channel, "t", &type, 12, &found, -1), STELE_EEXIST);
    ck_assert_uint_eq(found, id);
    found = 0;
    e2e_is(stele_channel_table_create_as(&channel, "t", &type, 0, &found, -1), STELE_ETYPE);
    ck_assert_uint_eq(found, id);
    found = 0;
    e2e_is(stele_channel_table_create_as(&channel, "t", &other, 12, &found, -1), STELE_ETYPE);
    ck_assert_uint_eq(found, id);
    e2e_is(stele_channel_table_create(&channel, "t", &found, -1), STELE_ETYPE);
    e2e_ok(stele_channel_table_list(&channel, &info, 1, &count, -1));
    ck_assert(stele_type_equal(&info.type, &type));
    ck_assert_uint_eq(info.max_entries, 12);
    other.value_kind = 99;
    e2e_is(stele_channel_table_create_as(&channel, "u", &other, 0, &found, -1), STELE_ENOSYS);
    other.value_kind = STELE_U64;
    other.hash_id = STELE_HASH_OWN; /* the daemon has none of its own */
    e2e_is(stele_channel_table_create_as(&channel, "u", &other, 0, &found, -1), STELE_EHASH);
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("lists");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, sequences);
    tcase_add_test(all, sets);
    tcase_add_test(all, long_lists);
    tcase_add_test(all, all_lists);
    tcase_add_test(all, lists_in_a_pipeline);
    tcase_add_test(all, words);
    tcase_add_test(all, signed_words_and_structs);
    tcase_add_test(all, types_of_tables);
    return e2e_run(suite, argc, argv);
}
