/* entries.c: tables with a type. Lengths, maxima, and what INCR means for each kind of value. */
#include "commands.h"

static uint32_t table;

/* With a value, or an expected one, of so many bytes; its bytes count from 1. */
static enum stele_status with_bytes(enum command_kind kind, const void *key, size_t key_bytes,
                                    size_t value_bytes)
{
    static const uint8_t value[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct command command = command_on(kind, table, key, key_bytes);
    command.value = command.expected = value;
    command.value_bytes = command.expected_bytes = (uint32_t)value_bytes;
    command.max_bytes = UINT32_MAX;
    return run(&command, ALL_RIGHTS).status;
}

static const enum command_kind on_keys[] = {COMMAND_GET,     COMMAND_PUT,   COMMAND_INSERT,
                                            COMMAND_REPLACE, COMMAND_ERASE, COMMAND_CAS,
                                            COMMAND_INCR};

START_TEST(lengths_are_those_of_the_type)
{
    static const struct {
        const char *type;
        uint32_t key_bytes, value_bytes;
    } types[] = {{"u8->u8", 1, 1},   {"u16->u16", 2, 2},      {"u32->u32", 4, 4},
                 {"u64->u64", 8, 8}, {"u64->i64", 8, 8},      {"u64->f64", 8, 8},
                 {"u8->i64", 1, 8},  {"u32->struct:3", 4, 3}, {"u64->struct:16", 8, 16}};
    static const uint8_t key[16] = {7};
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        uint32_t key_bytes = types[t].key_bytes, value_bytes = types[t].value_bytes;
        table = commands_table(types[t].type, types[t].type, 0);
        for (uint32_t bytes = 0; bytes <= 16; bytes++)
            for (size_t k = 0; k < sizeof(on_keys) / sizeof(on_keys[0]) && bytes != key_bytes; k++)
                expect_status(with_bytes(on_keys[k], key, bytes, value_bytes), STELE_ETYPE);
        for (uint32_t bytes = 0; bytes <= 17; bytes++) {
            enum stele_status wanted = bytes == value_bytes ? STELE_OK : STELE_ETYPE;
            expect_status(with_bytes(COMMAND_PUT, key, key_bytes, bytes), wanted);
            expect_status(with_bytes(COMMAND_REPLACE, key, key_bytes, bytes), wanted);
            expect_status(with_bytes(COMMAND_CAS, key, key_bytes, bytes), wanted);
            expect_status(with_bytes(COMMAND_INSERT, key, key_bytes, bytes),
                          wanted == STELE_OK ? STELE_EEXIST : STELE_ETYPE);
        }
        struct command get = command_on(COMMAND_GET, table, key, key_bytes);
        get.max_bytes = value_bytes;
        struct command_reply reply = run(&get, ALL_RIGHTS);
        expect_ok(reply.status);
        ck_assert_uint_eq(reply.value_bytes, value_bytes);
        ck_assert_mem_eq(reply.value, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", value_bytes);
        expect_ok(with_bytes(COMMAND_ERASE, key, key_bytes, 0));
        expect_status(with_bytes(COMMAND_GET, key, key_bytes, 0), STELE_ENOTFOUND);
    }
}
END_TEST

START_TEST(byte_keys_with_fixed_values)
{
    table = commands_table("t", "bytes->u32", 0);
    expect_ok(with_bytes(COMMAND_PUT, "key", 3, 4));
    expect_ok(with_bytes(COMMAND_PUT, "", 0, 4));
    expect_status(with_bytes(COMMAND_PUT, "key", 3, 5), STELE_ETYPE);
    table = commands_table("s", "bytes->struct:24", 0);
    expect_ok(with_bytes(COMMAND_INSERT, "key", 3, 24));
    expect_status(with_bytes(COMMAND_PUT, "key", 3, 23), STELE_ETYPE);
    expect_status(with_bytes(COMMAND_PUT, "other", 5, 0), STELE_ETYPE);
}
END_TEST

START_TEST(lists_have_no_values)
{
    table = commands_table("t", "bytes->list:u8", 0);
    for (size_t k = 0; k < sizeof(on_keys) / sizeof(on_keys[0]); k++)
        expect_status(with_bytes(on_keys[k], "k", 1, 1),
                      on_keys[k] == COMMAND_ERASE ? STELE_ENOTFOUND : STELE_ETYPE);
}
END_TEST

/* A key more than the maximum is refused, whatever would make it; keys that are there go on. */
START_TEST(maximum_of_entries)
{
    static const enum command_kind makers[] = {COMMAND_PUT, COMMAND_INSERT};
    table = commands_table("t", "bytes->bytes", 2);
    expect_ok(with_bytes(COMMAND_PUT, "a", 1, 1));
    expect_ok(with_bytes(COMMAND_INSERT, "b", 1, 1));
    uint64_t lsn = context->next_lsn;
    for (unsigned i = 0; i < 2; i++)
        expect_status(with_bytes(makers[i], "c", 1, 1), STELE_EFULL);
    struct command incr = command_of(COMMAND_INCR, table, "c");
    expect_status(run(&incr, ALL_RIGHTS).status, STELE_EFULL);
    expect_status(with_bytes(COMMAND_REPLACE, "c", 1, 1), STELE_ENOTFOUND);
    expect_status(with_bytes(COMMAND_CAS, "c", 1, 1), STELE_ENOTFOUND);
    ck_assert_uint_eq(context->next_lsn, lsn);
    expect_status(with_bytes(COMMAND_INSERT, "a", 1, 1), STELE_EEXIST);
    expect_ok(with_bytes(COMMAND_PUT, "a", 1, 9));
    expect_ok(with_bytes(COMMAND_REPLACE, "b", 1, 9));
    expect_ok(with_bytes(COMMAND_ERASE, "a", 1, 0));
    expect_ok(with_bytes(COMMAND_PUT, "c", 1, 1));
    expect_status(with_bytes(COMMAND_PUT, "a", 1, 1), STELE_EFULL);
    table = commands_table("w", "u8->u8", 1);
    incr = command_on(COMMAND_INCR, table, "\1", 1);
    expect_ok(run(&incr, ALL_RIGHTS).status);
    expect_ok(run(&incr, ALL_RIGHTS).status);
    incr.key = "\2";
    expect_status(run(&incr, ALL_RIGHTS).status, STELE_EFULL);
    struct command append =
        command_on(COMMAND_LIST_APPEND, commands_table("l", "u8->list:u8", 1), "\1", 1);
    append.value = "xy";
    append.value_bytes = 2;
    expect_ok(run(&append, ALL_RIGHTS).status);
    expect_ok(run(&append, ALL_RIGHTS).status);
    append.key = "\2";
    expect_status(run(&append, ALL_RIGHTS).status, STELE_EFULL);
    append.kind = COMMAND_LIST_REPLACE;
    append.value_bytes = 1;
    expect_status(run(&append, ALL_RIGHTS).status, STELE_EFULL);
}
END_TEST

static enum stele_status incr(int64_t delta, int64_t *number)
{
    struct command command = command_on(COMMAND_INCR, table, "\1", 1);
    command.delta = delta;
    struct command_reply reply = run(&command, ALL_RIGHTS);
    *number = reply.number;
    return reply.status;
}

/* The value that the key holds, widened with zeros. */
static uint64_t holds(void)
{
    struct command command = command_on(COMMAND_GET, table, "\1", 1);
    uint64_t word = 0;
    command.max_bytes = 8;
    struct command_reply reply = run(&command, ALL_RIGHTS);
    expect_ok(reply.status);
    memcpy(&word, reply.value, reply.value_bytes);
    return word;
}

/* From 0 to the largest one, a step beyond it, and back under 0. */
START_TEST(increments_without_a_sign)
{
    static const struct {
        const char *type;
        uint64_t most;
    } types[] = {{"u8->u8", UINT8_MAX}, {"u8->u16", UINT16_MAX}, {"u8->u32", UINT32_MAX}};
    int64_t number;
    for (size_t t = 0; t < 3; t++) {
        int64_t most = (int64_t)types[t].most;
        table = commands_table(types[t].type, types[t].type, 0);
        expect_status(incr(-1, &number), STELE_ERANGE); /* absent: 0 */
        expect_ok(incr(most, &number));
        ck_assert_int_eq(number, most);
        ck_assert_uint_eq(holds(), types[t].most);
        expect_status(incr(1, &number), STELE_ERANGE);
        expect_status(incr(INT64_MAX, &number), STELE_ERANGE);
        ck_assert_uint_eq(holds(), types[t].most);
        expect_status(incr(-most - 1, &number), STELE_ERANGE);
        expect_status(incr(INT64_MIN, &number), STELE_ERANGE);
        expect_ok(incr(-most, &number));
        ck_assert_int_eq(number, 0);
        ck_assert_uint_eq(holds(), 0);
    }
    table = commands_table("u64", "u8->u64", 0);
    expect_ok(incr(INT64_MAX, &number));
    expect_ok(incr(INT64_MAX, &number));
    expect_ok(incr(1, &number));
    ck_assert_uint_eq((uint64_t)number, UINT64_MAX);
    ck_assert_uint_eq(holds(), UINT64_MAX);
    expect_status(incr(1, &number), STELE_ERANGE);
    expect_ok(incr(INT64_MIN, &number));
    ck_assert_uint_eq(holds(), (uint64_t)INT64_MAX);
    expect_status(incr(INT64_MIN, &number), STELE_ERANGE);
}
END_TEST

START_TEST(increments_with_a_sign)
{
    int64_t number;
    table = commands_table("t", "u8->i64", 0);
    expect_ok(incr(-5, &number));
    ck_assert_int_eq(number, -5);
    ck_assert_uint_eq(holds(), UINT64_MAX - 4);
    expect_ok(incr(3, &number));
    ck_assert_int_eq(number, -2);
    expect_status(incr(INT64_MIN, &number), STELE_ERANGE);
    expect_ok(incr(INT64_MIN + 2, &number));
    ck_assert(number == INT64_MIN);
    expect_status(incr(-1, &number), STELE_ERANGE);
    expect_ok(incr(INT64_MAX, &number));
    ck_assert_int_eq(number, -1);
}
END_TEST

START_TEST(what_cannot_be_incremented)
{
    int64_t number;
    table = commands_table("f", "u8->f64", 0);
    expect_status(incr(1, &number), STELE_ENOTNUMBER);
    table = commands_table("s", "u8->struct:8", 0);
    expect_status(incr(1, &number), STELE_ENOTNUMBER);
    table = commands_table("l", "u8->list:u64", 0);
    expect_status(incr(1, &number), STELE_ETYPE);
    table = commands_table("b", "u8->bytes", 0); /* text, as ever */
    expect_ok(incr(12, &number));
    ck_assert_uint_eq(holds(), '1' | '2' << 8);
}
END_TEST

/* A descriptor's next table may have another type. */
START_TEST(types_end_with_their_tables)
{
    table = commands_table("t", "u8->u8", 0);
    expect_status(with_bytes(COMMAND_PUT, "key", 3, 4), STELE_ETYPE);
    struct command drop = command_of(COMMAND_TABLE_DROP, table, "");
    expect_ok(run(&drop, ALL_RIGHTS).status);
    expect_status(with_bytes(COMMAND_PUT, "k", 1, 1), STELE_ENOTABLE);
    uint32_t before = table;
    table = commands_table("t", "bytes->bytes", 0);
    ck_assert_uint_eq(table & 511u, before & 511u);
    expect_ok(with_bytes(COMMAND_PUT, "key", 3, 4));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("entries");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, commands_begin, commands_end);
    tcase_add_test(all, lengths_are_those_of_the_type);
    tcase_add_test(all, byte_keys_with_fixed_values);
    tcase_add_test(all, lists_have_no_values);
    tcase_add_test(all, maximum_of_entries);
    tcase_add_test(all, increments_without_a_sign);
    tcase_add_test(all, increments_with_a_sign);
    tcase_add_test(all, what_cannot_be_incremented);
    tcase_add_test(all, types_end_with_their_tables);
    return suite_run(suite);
}
