/* jsontext_test.c - JSON read token by token: what is JSON and what is not, strings, numbers as they
 * are written; strings written. */
#include "suite.h"

#include "jsontext.h"

static bool is_json(const char *text, size_t count)
{
    struct jsontext json;
    jsontext_begin(&json, text, count);
    bool good = jsontext_skip(&json) && jsontext_finish(&json);
    ck_assert(good == (json.fault == NULL));
    return good;
}

START_TEST(what_is_json)
{
    static const char *const good[] = {
        "0",
        "-0.5e+10",
        " [ ] ",
        "{}",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"a\":true}",
        "[false,\"\",[[]]]",
        "\"\\u0000\\ud83d\\ude00\\/\\b\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "\t1\r\n",
    };
    static const char *const bad[] = {
        "",
        " ",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "1 2",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "[",
        "{",
        "[1",
        "{\"a\":1",
        "tru",
        "nulll",
        "True",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\t\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "]",
        "}",
        "[}",
        "{]",
        "'a'",
        "1a",
        "\"\\ud83d\\",
        "nan",
        "inf",
        "//",
        "[1]]",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(is_json(good[i], strlen(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!is_json(bad[i], strlen(bad[i])), "%s", bad[i]);
    ck_assert(!is_json("1\0", 2));
    ck_assert(!is_json("[1\0]", 4));
    ck_assert(!is_json("\"a\0\"", 4));
}
END_TEST

START_TEST(every_beginning_of_a_text_is_none)
{
    static const char text[] =
        "{\"a\":[1.5e3,\"\\ud83d\\ude00\",true,null],\"b\":{\"c\":\"\xc3\xa9\"}}";
    for (size_t count = 0; count < sizeof(text) - 1; count++) {
        char *copy = malloc(count + 1); /* of just this length, for the sanitizers */
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, count);
        ck_assert(!is_json(copy, count));
        free(copy);
    }
    ck_assert(is_json(text, sizeof(text) - 1));
}
END_TEST

START_TEST(depth_is_bounded)
{
    char text[2 * 1000];
    for (size_t depth = 1; depth <= 1000; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        ck_assert(is_json(text, 2 * depth) == (depth <= JSONTEXT_DEPTH_MAX));
    }
}
END_TEST

START_TEST(strings_come_as_utf8)
{
    struct jsontext json;
    struct buffer out;
    static const char text[] = "\"a\\n\\u0000\\u00e9\\u20ac\\ud83d\\ude00\\\\\"";
    static const char wanted[] = "a\n\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\";
    buffer_init(&out);
    jsontext_begin(&json, text, sizeof(text) - 1);
    ck_assert_int_eq(jsontext_peek(&json), JSONTEXT_TEXT);
    ck_assert(jsontext_string(&json, &out) && jsontext_finish(&json));
    ck_assert_uint_eq(out.used, sizeof(wanted) - 1);
    ck_assert_mem_eq(out.bytes, wanted, out.used);
    buffer_fini(&out);
}
END_TEST

START_TEST(objects_and_arrays_are_walked)
{
    struct jsontext json;
    struct buffer name;
    const char *number = NULL;
    size_t count = 0, members = 0, elements = 0;
    bool first = true, first_element = true;
    static const char text[] = "{ \"x\" : [18446744073709551615, -1.50], \"y\":{} }";
    buffer_init(&name);
    jsontext_begin(&json, text, sizeof(text) - 1);
    ck_assert(jsontext_open(&json, '{'));
    while (jsontext_next(&json, '{', &first)) {
        ck_assert(jsontext_name(&json, &name));
        if (members++ == 1) {
            ck_assert(jsontext_skip(&json));
            continue;
        }
        ck_assert_int_eq(jsontext_peek(&json), JSONTEXT_ARRAY);
        ck_assert(jsontext_open(&json, '['));
        while (jsontext_next(&json, '[', &first_element)) {
            ck_assert(jsontext_number(&json, &number, &count));
            ck_assert(elements++ > 0 ||
                      (count == 20 && memcmp(number, "18446744073709551615", 20) == 0));
        }
    }
    ck_assert(jsontext_finish(&json));
    ck_assert_uint_eq(members, 2);
    ck_assert_uint_eq(elements, 2);
    ck_assert(count == 5 && memcmp(number, "-1.50", 5) == 0);
    buffer_fini(&name);
}
END_TEST

/* After it everything says no, and the fault stays the first. */
START_TEST(the_first_fault_sticks)
{
    struct jsontext json;
    struct buffer out;
    const char *number;
    size_t count;
    bool first = true;
    buffer_init(&out);
    jsontext_begin(&json, "[1 \"a\"]", 7);
    ck_assert(!jsontext_string(&json, &out));
    const char *fault = json.fault;
    ck_assert_ptr_nonnull(fault);
    ck_assert(!jsontext_open(&json, '[') && !jsontext_number(&json, &number, &count));
    ck_assert(!jsontext_next(&json, '[', &first) && !jsontext_skip(&json));
    ck_assert(!jsontext_finish(&json));
    ck_assert_int_eq(jsontext_peek(&json), JSONTEXT_NOTHING);
    ck_assert_ptr_eq(json.fault, fault);
    buffer_fini(&out);
}
END_TEST

static void writes(const char *bytes, size_t count, const char *wanted)
{
    struct buffer out;
    buffer_init(&out);
    ck_assert(jsontext_write_string(&out, bytes, count) && buffer_terminate(&out));
    ck_assert_str_eq(out.bytes, wanted);
    ck_assert(is_json(out.bytes, out.used));
    buffer_fini(&out);
}

START_TEST(strings_are_escaped)
{
    writes("", 0, "\"\"");
    writes("a\"\\/b", 5, "\"a\\\"\\\\/b\"");
    writes("\n\t\r\b\f\0\x1f\x7f", 8, "\"\\n\\t\\r\\b\\f\\u0000\\u001f\\u007f\"");
    writes("\xc3\xa9", 2, "\"\xc3\xa9\"");
    ck_assert(jsontext_is_text("\xc3\xa9\0", 3) && jsontext_is_text("", 0));
    ck_assert(!jsontext_is_text("\xc3", 1) && !jsontext_is_text("a\xff", 2));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli jsontext");
    TCase *tcase = suite_case(suite, "jsontext");
    tcase_add_test(tcase, what_is_json);
    tcase_add_test(tcase, every_beginning_of_a_text_is_none);
    tcase_add_test(tcase, depth_is_bounded);
    tcase_add_test(tcase, strings_come_as_utf8);
    tcase_add_test(tcase, objects_and_arrays_are_walked);
    tcase_add_test(tcase, the_first_fault_sticks);
    tcase_add_test(tcase, strings_are_escaped);
    return suite_run(suite);
}
