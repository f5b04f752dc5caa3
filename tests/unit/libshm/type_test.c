/* Types of tables: as a word, as text, and which of them make sense. */
#include <stele/type.h>

#include "suite.h"

START_TEST(kinds_keep_their_numbers)
{
    ck_assert_int_eq(STELE_BYTES, 0);
    ck_assert_int_eq(STELE_U8, 1);
    ck_assert_int_eq(STELE_U16, 2);
    ck_assert_int_eq(STELE_U32, 3);
    ck_assert_int_eq(STELE_U64, 4);
    ck_assert_int_eq(STELE_I64, 5);
    ck_assert_int_eq(STELE_F64, 6);
    ck_assert_int_eq(STELE_STRUCT, 7);
    ck_assert_int_eq(STELE_LIST, 16);
    ck_assert_int_eq(STELE_HASH_XXH3, 0);
    ck_assert_int_eq(STELE_HASH_XXH64, 1);
    ck_assert_int_eq(STELE_HASH_IDENTITY, 2);
    ck_assert_int_eq(STELE_HASH_OWN, 64);
    ck_assert_int_eq(STELE_TYPE_SET, 4);
}
END_TEST

START_TEST(words_have_their_widths)
{
    static const unsigned bytes[] = {0, 1, 2, 4, 8, 8, 8, 0};
    for (unsigned kind = 0; kind < 8; kind++)
        ck_assert_uint_eq(stele_kind_bytes(kind), bytes[kind]);
    ck_assert_uint_eq(stele_kind_bytes(STELE_LIST), 0);
    ck_assert_uint_eq(stele_kind_bytes(255), 0);
    for (unsigned kind = STELE_U8; kind <= STELE_U64; kind++) {
        struct stele_type type = stele_type_of(STELE_BYTES, STELE_LIST + kind);
        ck_assert(stele_type_has_lists(&type));
        ck_assert(!stele_type_has_word_keys(&type));
        ck_assert_uint_eq(stele_type_element_bytes(&type), bytes[kind]);
        type = stele_type_of(kind, STELE_BYTES);
        ck_assert(!stele_type_has_lists(&type));
        ck_assert(stele_type_has_word_keys(&type));
    }
}
END_TEST

/* ---- all of them --------------------------------------------------------------------------- */

/* Calls visit for each combination of bytes that could be a type. */
static void each_combination(void (*visit)(struct stele_type type))
{
    static const uint8_t hashes[] = {0, 1, 2, 3, 63, 64, 65, 255};
    static const uint8_t flags[] = {0, 1, 2, 4, 5, 8, 128};
    static const uint32_t sizes[] = {
        0, 1, 8, 4097, STELE_TYPE_VALUE_MAX_BYTES, STELE_TYPE_VALUE_MAX_BYTES + 1, UINT32_MAX};
    for (unsigned key = 0; key < 40; key++)
        for (unsigned value = 0; value < 40; value++)
            for (unsigned h = 0; h < sizeof hashes; h++)
                for (unsigned f = 0; f < sizeof flags; f++)
                    for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
                        visit((struct stele_type){(uint8_t)key, (uint8_t)value, hashes[h], flags[f],
                                                  sizes[s]});
}

/* The rules once more, said otherwise: by tables. */
static bool makes_sense(const struct stele_type *type)
{
    static const char keys[40] = {1, 1, 1, 1, 1};
    static const char values[40] = {1, 1, 1, 1, 1, 1, 1, 2, [17] = 3, 3, 3, 3};
    char value = values[type->value_kind];
    if (!keys[type->key_kind] || !value)
        return false;
    if (value == 2 ? type->value_bytes - 1u >= STELE_TYPE_VALUE_MAX_BYTES : type->value_bytes != 0)
        return false;
    if (type->flags != 0 && (type->flags != STELE_TYPE_SET || value != 3))
        return false;
    return type->hash_id < 2 || type->hash_id >= 64 || (type->hash_id == 2 && type->key_kind != 0);
}

static unsigned valid_types;

static void expect_validity(struct stele_type type)
{
    bool valid = stele_type_valid(&type);
    if (valid != makes_sense(&type))
        ck_abort_msg("key %u, value %u, hash %u, flags %u, %u bytes: %d", type.key_kind,
                     type.value_kind, type.hash_id, type.flags, type.value_bytes, valid);
    valid_types += valid;
}

START_TEST(only_types_that_make_sense_are_valid)
{
    each_combination(expect_validity);
    /* 5 kinds of keys, of which 4 may use the identity; 7 plain values, 4 structs, 4 lists, 4 sets */
    ck_assert_uint_eq(valid_types, (5 * 5 + 4) * (7 + 4 + 4 + 4));
}
END_TEST

static void expect_round_trips(struct stele_type type)
{
    char text[STELE_TYPE_TEXT_BYTES];
    struct stele_type back = stele_type_from_word(stele_type_word(&type));
    expect(memcmp(&back, &type, sizeof type) == 0);
    expect(stele_type_equal(&back, &type));
    stele_type_format(&type, text);
    expect(strlen(text) < sizeof text);
    back = stele_type_of(77, 77);
    bool parsed = stele_type_parse(text, &back);
    if (stele_type_valid(&type) ? !parsed || !stele_type_equal(&back, &type)
                                : parsed && !stele_type_valid(&back))
        ck_abort_msg("\"%s\" came back as another type", text);
    if (!parsed)
        expect(back.key_kind == 77 && back.value_kind == 77); /* untouched */
}

START_TEST(every_type_survives_as_word_and_as_text)
{
    each_combination(expect_round_trips);
}
END_TEST

/* ---- golden --------------------------------------------------------------------------------- */

START_TEST(words_and_texts_are_pinned)
{
    static const struct {
        struct stele_type type;
        uint64_t word;
        const char *text;
    } golden[] = {
        {{0, 0, 0, 0, 0}, 0, "bytes->bytes"},
        {{4, 4, 0, 0, 0}, 0x404, "u64->u64"},
        {{3, 6, 2, 0, 0}, 0x20603, "u32->f64,identity"},
        {{2, 5, 1, 0, 0}, 0x10502, "u16->i64,xxh64"},
        {{1, 19, 0, 0, 0}, 0x1301, "u8->list:u32"},
        {{0, 17, 0, 4, 0}, 0x4001100, "bytes->set:u8"},
        {{4, 20, 255, 4, 0}, 0x4ff1404, "u64->set:u64,own:255"},
        {{4, 7, 64, 0, 24}, UINT64_C(0x1800400704), "u64->struct:24,own:64"},
        {{0, 7, 0, 0, 536870912}, UINT64_C(0x2000000000000700), "bytes->struct:536870912"},
    };
    for (unsigned i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        char text[STELE_TYPE_TEXT_BYTES];
        ck_assert(stele_type_valid(&golden[i].type));
        ck_assert_uint_eq(stele_type_word(&golden[i].type), golden[i].word);
        stele_type_format(&golden[i].type, text);
        ck_assert_str_eq(text, golden[i].text);
    }
}
END_TEST

START_TEST(what_need_not_be_written_may_be)
{
    struct stele_type type, plain = stele_type_of(STELE_U8, STELE_LIST + STELE_U8);
    ck_assert(stele_type_parse("u8->list:u8,xxh3", &type));
    ck_assert(stele_type_equal(&type, &plain));
    ck_assert(stele_type_parse("u8->struct:0016", &type));
    ck_assert_uint_eq(type.value_bytes, 16);
}
END_TEST

START_TEST(texts_that_name_no_type)
{
    static const char *const bad[] = {"",
                                      "->",
                                      "u8",
                                      "u8->",
                                      "->u8",
                                      "u8>u8",
                                      "u8->u7",
                                      "u8->u",
                                      "u8->u88",
                                      "U8->u8",
                                      " u8->u8",
                                      "u8->u8 ",
                                      "u8 ->u8",
                                      "i64->u8",
                                      "f64->u8",
                                      "struct->u8",
                                      "struct:8->u8",
                                      "list:u8->u8",
                                      "u8->struct",
                                      "u8->struct:",
                                      "u8->struct:0",
                                      "u8->struct:-1",
                                      "u8->struct:+1",
                                      "u8->struct: 1",
                                      "u8->struct:1x",
                                      "u8->struct:536870913",
                                      "u8->struct:4294967304",
                                      "u8->struct:99999999999999999999999",
                                      "u8->list",
                                      "u8->list:",
                                      "u8->list:bytes",
                                      "u8->list:i64",
                                      "u8->list:f64",
                                      "u8->list:struct",
                                      "u8->set:",
                                      "u8->set:set:u8",
                                      "u8->u8,",
                                      "u8->u8,xxh3,xxh3",
                                      "u8->u8,md5",
                                      "bytes->u8,identity",
                                      "u8->u8,own",
                                      "u8->u8,own:",
                                      "u8->u8,own:0",
                                      "u8->u8,own:1",
                                      "u8->u8,own:63",
                                      "u8->u8,own:256",
                                      "u8->u8,own:320",
                                      "u8->u8,own:64,own:64",
                                      "u8->u8,own:-64",
                                      "u8->u8->u8"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct stele_type type = {9, 9, 9, 9, 9}, before = type;
        ck_assert_msg(!stele_type_parse(bad[i], &type), "\"%s\" was taken", bad[i]);
        ck_assert(memcmp(&type, &before, sizeof type) == 0);
    }
}
END_TEST

START_TEST(numbers_that_no_kind_has_are_question_marks)
{
    char text[STELE_TYPE_TEXT_BYTES];
    struct stele_type type = {9, 9, 9, 9, UINT32_MAX};
    stele_type_format(&type, text);
    ck_assert_str_eq(text, "?->?,identity");
    ck_assert_str_eq(stele_kind_text(8), "?");
    ck_assert_str_eq(stele_kind_text(UINT32_MAX), "?");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("type");
    TCase *tcase = suite_case(suite, "type");
    tcase_add_test(tcase, kinds_keep_their_numbers);
    tcase_add_test(tcase, words_have_their_widths);
    tcase_add_test(tcase, only_types_that_make_sense_are_valid);
    tcase_add_test(tcase, every_type_survives_as_word_and_as_text);
    tcase_add_test(tcase, words_and_texts_are_pinned);
    tcase_add_test(tcase, what_need_not_be_written_may_be);
    tcase_add_test(tcase, texts_that_name_no_type);
    tcase_add_test(tcase, numbers_that_no_kind_has_are_question_marks);
    return suite_run(suite);
}
