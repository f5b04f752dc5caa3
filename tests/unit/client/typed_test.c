/* Handles of the usual types, and the one way to read them. */
#include <stele/typed.h>

#include "typed.h"

static struct stele_store *store;
static struct stele_reader reader;

static void setup(void)
{
    store = typed_open(64 * STORES_MIB);
    typed_attach(&reader, store);
}

static void teardown(void)
{
    stele_reader_detach(&reader);
    stele_store_close(store);
}

struct price {
    double bid, ask;
    uint32_t size;
};

START_TEST(numbers_for_numbers)
{
    struct stele_u64_u64 handle;
    uint64_t value = 5;
    uint32_t id = typed_table(store, "t", typed_hashed(STELE_U64, STELE_U64, STELE_HASH_IDENTITY));
    expect_ok(stele_u64_u64_open(&reader, "t", &handle));
    expect_status(stele_find(&handle, 17, &value), STELE_ENOTFOUND);
    ck_assert_uint_eq(value, 5);
    expect_ok(stele_store_word_put(store, id, 17, 99, NULL, NULL));
    expect_ok(stele_find(&handle, 17, &value));
    ck_assert_uint_eq(value, 99);
}
END_TEST

START_TEST(strings)
{
    struct stele_u64_string names;
    struct stele_string_string texts;
    struct stele_string_u64 counters;
    char buffer[8];
    struct stele_text text = {buffer, sizeof buffer, 0};
    uint64_t key = 4, value = 0;
    uint32_t id = typed_table(store, "n", stele_type_of(STELE_U64, STELE_BYTES));
    expect_ok(stele_store_put(store, id, &key, 8, "granite", 7));
    expect_ok(stele_u64_string_open(&reader, "n", &names));
    expect_ok(stele_find(&names, 4, &text));
    ck_assert_str_eq(buffer, "granite");
    ck_assert_uint_eq(text.bytes, 7);
    id = stores_table(store, "s");
    expect_ok(stele_store_put(store, id, "k", 1, "limestone", 9));
    expect_ok(stele_store_put(store, id, "e", 1, "", 0));
    expect_ok(stele_string_string_open(&reader, "s", &texts));
    expect_status(stele_find(&texts, "k", &text), STELE_ESHORT);
    ck_assert_uint_eq(text.bytes, 9);
    expect_ok(stele_find(&texts, "e", &text));
    ck_assert_str_eq(buffer, "");
    expect_status(stele_find(&texts, "x", &text), STELE_ENOTFOUND);
    text.capacity = 1;
    expect_ok(stele_find(&texts, "e", &text));
    text.capacity = 0;
    expect_status(stele_find(&texts, "e", &text), STELE_EINVAL);
    expect_status(stele_find(&names, 4, &text), STELE_EINVAL);
    id = typed_table(store, "c", stele_type_of(STELE_BYTES, STELE_U64));
    key = 123456789;
    expect_ok(stele_store_put(store, id, "k", 1, &key, 8));
    expect_ok(stele_string_u64_open(&reader, "c", &counters));
    expect_ok(stele_find(&counters, "k", &value));
    ck_assert_uint_eq(value, key);
    expect_status(stele_find(&counters, "l", &value), STELE_ENOTFOUND);
}
END_TEST

START_TEST(structs_are_checked_by_their_size)
{
    struct stele_u64_struct by_number;
    struct stele_string_struct by_name;
    struct price in = {1.25, 1.5, 300}, out;
    char other[sizeof in + 1];
    uint64_t key = 8;
    memset(&out, 0, sizeof out);
    uint32_t id = typed_table(store, "n", stele_type_of_struct(STELE_U64, sizeof in));
    expect_ok(stele_store_put(store, id, &key, 8, &in, sizeof in));
    id = typed_table(store, "s", stele_type_of_struct(STELE_BYTES, sizeof in));
    expect_ok(stele_store_put(store, id, "EURUSD", 6, &in, sizeof in));
    expect_status(stele_u64_struct_open(&reader, "n", sizeof other, &by_number), STELE_ETYPE);
    expect_status(stele_string_struct_open(&reader, "s", sizeof other, &by_name), STELE_ETYPE);
    expect_status(stele_u64_struct_open(&reader, "n", sizeof in + (UINT64_C(1) << 32), &by_number),
                  STELE_ETYPE);
    expect_status(stele_string_struct_open(&reader, "s", sizeof in + (UINT64_C(1) << 32), &by_name),
                  STELE_ETYPE);
    expect_ok(stele_u64_struct_open(&reader, "n", sizeof in, &by_number));
    expect_ok(stele_string_struct_open(&reader, "s", sizeof in, &by_name));
    expect_ok(stele_find(&by_number, 8, &out));
    ck_assert(out.bid == 1.25 && out.size == 300);
    memset(&out, 0, sizeof out);
    expect_ok(stele_find(&by_name, "EURUSD", &out));
    ck_assert(out.ask == 1.5);
    expect_status(stele_find(&by_number, 8, &other), STELE_ETYPE);
    expect_status(stele_find(&by_name, "EURUSD", &other), STELE_ETYPE);
    expect_status(stele_find(&by_number, 9, &out), STELE_ENOTFOUND);
    expect_status(stele_find(&by_name, "EUR", &out), STELE_ENOTFOUND);
}
END_TEST

START_TEST(lists)
{
    struct stele_u64_list orders;
    struct stele_u8_list groups;
    uint64_t numbers[3] = {7, 7, UINT64_MAX}, read[2], key = 1;
    uint32_t members[2] = {1337, 42}, found[4];
    uint8_t group = 42;
    struct stele_u64s out = {read, 2, 0, 0};
    struct stele_u32s few = {found, 4, 0, 0};
    uint32_t id = typed_table(store, "o", stele_type_of(STELE_U64, STELE_LIST + STELE_U64));
    expect_ok(stele_store_list_append(store, id, &key, 8, numbers, 3, NULL));
    id = typed_table(store, "g", stele_type_of(STELE_U8, STELE_LIST + STELE_U32));
    expect_ok(stele_store_list_append(store, id, &group, 1, members, 2, NULL));
    expect_ok(stele_u64_list_open(&reader, "o", &orders));
    expect_ok(stele_u8_list_open(&reader, "g", &groups));
    expect_ok(stele_find(&orders, 1, &out));
    ck_assert(out.got == 2 && out.count == 3 && read[0] == 7 && read[1] == 7);
    expect_ok(stele_find(&groups, 42, &few));
    ck_assert(few.got == 2 && few.count == 2 && found[0] == 1337 && found[1] == 42);
    expect_status(stele_find(&groups, 43, &few), STELE_ENOTFOUND);
}
END_TEST

/* A table for each handle; every other handle is refused. */
START_TEST(each_opens_its_own_table_only)
{
    static const struct {
        const char *name;
        uint8_t key, value;
        uint32_t bytes;
    } tables[] = {{"u64_u64", STELE_U64, STELE_U64, 0},
                  {"u64_string", STELE_U64, STELE_BYTES, 0},
                  {"u64_struct", STELE_U64, STELE_STRUCT, 8},
                  {"u64_list", STELE_U64, STELE_LIST + STELE_U64, 0},
                  {"u8_list", STELE_U8, STELE_LIST + STELE_U32, 0},
                  {"string_u64", STELE_BYTES, STELE_U64, 0},
                  {"string_string", STELE_BYTES, STELE_BYTES, 0},
                  {"string_struct", STELE_BYTES, STELE_STRUCT, 8}};
    for (unsigned i = 0; i < 8; i++) {
        const char *name = tables[i].name;
        struct stele_type type = stele_type_of(tables[i].key, tables[i].value);
        struct stele_u64_u64 a;
        struct stele_u64_string b;
        struct stele_u64_struct c;
        struct stele_u64_list d;
        struct stele_u8_list e;
        struct stele_string_u64 f;
        struct stele_string_string g;
        struct stele_string_struct h;
        type.value_bytes = tables[i].bytes;
        typed_table(store, name, type);
        enum stele_status statuses[] = {stele_u64_u64_open(&reader, name, &a),
                                        stele_u64_string_open(&reader, name, &b),
                                        stele_u64_struct_open(&reader, name, 8, &c),
                                        stele_u64_list_open(&reader, name, &d),
                                        stele_u8_list_open(&reader, name, &e),
                                        stele_string_u64_open(&reader, name, &f),
                                        stele_string_string_open(&reader, name, &g),
                                        stele_string_struct_open(&reader, name, 8, &h)};
        for (unsigned j = 0; j < 8; j++)
            expect_status(statuses[j], i == j ? STELE_OK : STELE_ETYPE);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("typed");
    TCase *tcase = suite_case(suite, "typed");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, numbers_for_numbers);
    tcase_add_test(tcase, strings);
    tcase_add_test(tcase, structs_are_checked_by_their_size);
    tcase_add_test(tcase, lists);
    tcase_add_test(tcase, each_opens_its_own_table_only);
    return suite_run(suite);
}
