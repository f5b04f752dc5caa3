/* kind_test.c - keys and values of every type as text and as JSON, there and back; what is refused, and
 * in which words. */
#include "suite.h"

#include "kind.h"

static struct kind value_kind(const char *type_text)
{
    struct stele_type type;
    ck_assert_msg(stele_type_parse(type_text, &type), "%s", type_text);
    return kind_of_value(&type);
}

/* As text in both ways, and as a member. */
static void there_and_back(const char *type, const void *bytes, size_t count)
{
    struct kind kind = value_kind(type);
    struct buffer text, back;
    struct jsontext json;
    char fault[KIND_FAULT_BYTES] = "";
    bool first = true;
    buffer_init(&text);
    buffer_init(&back);
    for (int escapes = 0; escapes < 2; escapes++) {
        buffer_reset(&text);
        buffer_reset(&back);
        ck_assert(kind_write(&text, &kind, bytes, count, escapes, ','));
        ck_assert_msg(
            kind_read(&back, &kind, text.bytes ? text.bytes : "", text.used, escapes, fault),
            "%s%s", type, fault);
        ck_assert_uint_eq(back.used, count);
        ck_assert(count == 0 || memcmp(back.bytes, bytes, count) == 0);
    }
    buffer_reset(&text);
    buffer_reset(&back);
    ck_assert(buffer_append_byte(&text, '{'));
    ck_assert(kind_write_member(&text, &kind, "v", bytes, count));
    ck_assert(buffer_append_byte(&text, '}'));
    jsontext_begin(&json, text.bytes, text.used);
    struct buffer name;
    buffer_init(&name);
    ck_assert(jsontext_open(&json, '{') && jsontext_next(&json, '{', &first));
    ck_assert(jsontext_name(&json, &name));
    ck_assert_msg(kind_read_json(&back, &kind, &json, name.used > 1, fault), "%s%s", type, fault);
    ck_assert(!jsontext_next(&json, '{', &first) && jsontext_finish(&json));
    ck_assert_uint_eq(back.used, count);
    ck_assert(count == 0 || memcmp(back.bytes, bytes, count) == 0);
    buffer_fini(&name);
    buffer_fini(&text);
    buffer_fini(&back);
}

START_TEST(every_type_comes_back)
{
    static const unsigned char bytes[24] = {0xff, 0xfe, 0, 1, 2, 3, 4, 0x80, '\t', '\\', '"', ',',
                                            0xf0, 0x7f, 0, 0, 0, 0, 0, 0,    0,    0,    0,   0xc0};
    there_and_back("u8->bytes", "", 0);
    there_and_back("u8->bytes", "text", 4);
    there_and_back("u8->bytes", bytes, sizeof(bytes));
    there_and_back("u8->struct:24", bytes, sizeof(bytes));
    there_and_back("u8->struct:4", "abcd", 4);
    for (size_t off = 0; off + 8 <= sizeof(bytes); off++) {
        there_and_back("u8->u8", bytes + off, 1);
        there_and_back("u8->u16", bytes + off, 2);
        there_and_back("u8->u32", bytes + off, 4);
        there_and_back("u8->u64", bytes + off, 8);
        there_and_back("u8->i64", bytes + off, 8);
        there_and_back("u8->f64", bytes + off, 8);
    }
    there_and_back("u8->list:u8", bytes, sizeof(bytes));
    there_and_back("u8->list:u16", bytes, sizeof(bytes));
    there_and_back("u8->set:u32", bytes, sizeof(bytes));
    there_and_back("u8->list:u64", bytes, sizeof(bytes));
    there_and_back("u8->list:u64", bytes, 8);
}
END_TEST

START_TEST(kinds_are_those_of_the_type)
{
    struct stele_type type = stele_type_of(STELE_U16, STELE_LIST + STELE_U32);
    struct kind key = kind_of_key(&type), value = kind_of_value(&type);
    ck_assert(key.word == STELE_U16 && !key.list && key.bytes == 2);
    ck_assert(value.word == STELE_U32 && value.list && value.bytes == 4);
    type = stele_type_of_struct(STELE_BYTES, 24);
    key = kind_of_key(&type);
    value = kind_of_value(&type);
    ck_assert(key.word == STELE_BYTES && !key.list && key.bytes == 0);
    ck_assert(value.word == STELE_BYTES && !value.list && value.bytes == 24);
    struct kind word = value_kind("u8->u16");
    ck_assert_uint_eq(kind_word(&word, "\x01\x02\x03"), 0x201);
}
END_TEST

START_TEST(text_looks_as_documented)
{
    static const struct {
        const char *type, *bytes;
        size_t count;
        const char *text, *json;
    } cases[] = {
        {"u8->list:u16", "\1\0\2\0\xff\xff", 6, "1;2;65535", "\"v\":[1,2,65535]"},
        {"u8->u64", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "18446744073709551615",
         "\"v\":18446744073709551615"},
        {"u8->i64", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "-1", "\"v\":-1"},
        {"u8->f64", "\0\0\0\0\0\0\xf0\x7f", 8, "inf", "\"v\":\"inf\""},
        {"u8->f64", "\0\0\0\0\0\0\xf8\x3f", 8, "1.5", "\"v\":1.5"},
        {"u8->bytes", "a\tb", 3, "a\\tb", "\"v\":\"a\\tb\""},
        {"u8->struct:1", "\xff", 1, "\\xff", "\"v_base64\":\"/w==\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kind kind = value_kind(cases[i].type);
        struct buffer out;
        buffer_init(&out);
        ck_assert(kind_write(&out, &kind, cases[i].bytes, cases[i].count, true, ';'));
        ck_assert(buffer_terminate(&out));
        ck_assert_str_eq(out.bytes, cases[i].text);
        buffer_reset(&out);
        ck_assert(kind_write_member(&out, &kind, "v", cases[i].bytes, cases[i].count));
        ck_assert(buffer_terminate(&out));
        ck_assert_str_eq(out.bytes, cases[i].json);
        buffer_fini(&out);
    }
}
END_TEST

START_TEST(reading_adds_to_what_is_there)
{
    struct kind kind = value_kind("u8->list:u8");
    struct buffer out;
    char fault[KIND_FAULT_BYTES];
    buffer_init(&out);
    ck_assert(kind_read(&out, &kind, "1,2", 3, false, fault));
    ck_assert(kind_read(&out, &kind, "3", 1, false, fault));
    ck_assert(out.used == 3 && memcmp(out.bytes, "\1\2\3", 3) == 0);
    kind = value_kind("u8->struct:2");
    ck_assert(kind_read(&out, &kind, "ab", 2, false, fault));
    ck_assert(!kind_read(&out, &kind, "abc", 3, false, fault));
    buffer_fini(&out);
}
END_TEST

START_TEST(wrong_text_is_named)
{
    static const struct {
        const char *type, *text, *fault;
    } cases[] = {
        {"u8->u8", "300", ": '300' does not fit u8 (0..255)"},
        {"u8->u8", "", ": '' is no u8 (0..255)"},
        {"u8->i64", "1.5", ": '1.5' is no i64 (-9223372036854775808..9223372036854775807)"},
        {"u8->f64", "x\x1b[2J", ": 'x?[2J' is no f64 (-1.8e+308..1.8e+308, inf, nan)"},
        {"u8->list:u8", "", " has no element: lists are never empty"},
        {"u8->list:u8", "1,2,300", ", element 3: '300' does not fit u8 (0..255)"},
        {"u8->list:u8", "1,,2", ", element 2: '' is no u8 (0..255)"},
        {"u8->set:u16", "1,", ", element 2: '' is no u16 (0..65535)"},
        {"u8->struct:4", "abc", " has 3 bytes, not the struct's 4"},
        {"u8->bytes", "a\\q", ", at its byte 2: no such escape"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kind kind = value_kind(cases[i].type);
        char fault[KIND_FAULT_BYTES] = "";
        struct buffer out;
        buffer_init(&out);
        ck_assert_msg(!kind_read(&out, &kind, cases[i].text, strlen(cases[i].text), true, fault),
                      "%s", cases[i].text);
        ck_assert_msg(strncmp(fault, cases[i].fault, strlen(cases[i].fault)) == 0, "%s: %s",
                      cases[i].text, fault);
        buffer_fini(&out);
    }
}
END_TEST

START_TEST(long_nonsense_is_cut)
{
    struct kind kind = value_kind("u8->list:u64");
    char text[1000], fault[KIND_FAULT_BYTES];
    struct buffer out;
    buffer_init(&out);
    memset(text, '7', sizeof(text));
    ck_assert(!kind_read(&out, &kind, text, sizeof(text), false, fault));
    ck_assert(strstr(fault, "7...' does not fit u64 (0..18446744073709551615)") != NULL);
    buffer_fini(&out);
}
END_TEST

START_TEST(wrong_json_is_named)
{
    static const struct {
        const char *type, *text, *fault; /* NULL: the text is no JSON */
    } cases[] = {
        {"u8->u8", "300", ": '300' does not fit u8"},
        {"u8->u8", "1.0", ": '1.0' is no u8"},
        {"u8->u8", "1e2", ": '1e2' is no u8"},
        {"u8->u8", "\"x\"", ": 'x' is no u8"},
        {"u8->u8", "null", " is no number"},
        {"u8->u8", "[1]", " is no number"},
        {"u8->u8", "01", NULL},
        {"u8->list:u8", "1", " is no array"},
        {"u8->list:u8", "[]", " has no element"},
        {"u8->list:u8", "[1,[2]]", " has elements that are no numbers"},
        {"u8->list:u8", "[1,256]", ", element 2: '256' does not fit u8"},
        {"u8->list:u8", "[1,2", NULL},
        {"u8->list:u8", "[1 2]", NULL},
        {"u8->bytes", "5", " is no string"},
        {"u8->bytes", "{}", " is no string"},
        {"u8->bytes", "\"a", NULL},
        {"u8->struct:4", "\"abc\"", " has 3 bytes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kind kind = value_kind(cases[i].type);
        char fault[KIND_FAULT_BYTES] = "";
        struct jsontext json;
        struct buffer out;
        buffer_init(&out);
        jsontext_begin(&json, cases[i].text, strlen(cases[i].text));
        ck_assert_msg(!kind_read_json(&out, &kind, &json, false, fault), "%s", cases[i].text);
        ck_assert_msg((json.fault != NULL) == (cases[i].fault == NULL), "%s", cases[i].text);
        ck_assert_msg(!cases[i].fault ||
                          strncmp(fault, cases[i].fault, strlen(cases[i].fault)) == 0,
                      "%s: %s", cases[i].text, fault);
        buffer_fini(&out);
    }
}
END_TEST

START_TEST(numbers_may_come_as_strings)
{
    struct kind kind = value_kind("u8->list:u64");
    static const char text[] = "[\"18446744073709551615\", 9007199254740993]";
    static const uint64_t wanted[2] = {UINT64_MAX, UINT64_C(9007199254740993)};
    char fault[KIND_FAULT_BYTES];
    struct jsontext json;
    struct buffer out;
    buffer_init(&out);
    jsontext_begin(&json, text, sizeof(text) - 1);
    ck_assert(kind_read_json(&out, &kind, &json, false, fault) && jsontext_finish(&json));
    ck_assert_uint_eq(out.used, sizeof(wanted));
    ck_assert_mem_eq(out.bytes, wanted, sizeof(wanted));
    buffer_fini(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli kind");
    TCase *tcase = suite_case(suite, "kind");
    tcase_add_test(tcase, every_type_comes_back);
    tcase_add_test(tcase, kinds_are_those_of_the_type);
    tcase_add_test(tcase, text_looks_as_documented);
    tcase_add_test(tcase, reading_adds_to_what_is_there);
    tcase_add_test(tcase, wrong_text_is_named);
    tcase_add_test(tcase, long_nonsense_is_cut);
    tcase_add_test(tcase, wrong_json_is_named);
    tcase_add_test(tcase, numbers_may_come_as_strings);
    return suite_run(suite);
}
