/* text_test.c - escapes, UTF-8, base64, numbers, and what people read. */
#include "suite.h"

#include "text.h"

static void escapes_to(const void *bytes, size_t count, const char *wanted)
{
    struct buffer out;
    buffer_init(&out);
    ck_assert(text_escape(&out, bytes, count) && buffer_terminate(&out));
    ck_assert_str_eq(out.bytes, wanted);
    buffer_fini(&out);
}

START_TEST(escapes_what_is_not_text)
{
    escapes_to("", 0, "");
    escapes_to("plain text", 10, "plain text");
    escapes_to("\t\n\r\\", 4, "\\t\\n\\r\\\\");
    escapes_to("a\0b\x1f\x7f", 5, "a\\x00b\\x1f\\x7f");
    escapes_to("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    escapes_to("\xc3", 1, "\\xc3");
    escapes_to("\xc3z", 2, "\\xc3z");
    escapes_to("\xff\xc3\xa4\x80", 4, "\\xff\xc3\xa4\\x80");
}
END_TEST

START_TEST(knows_utf8)
{
    static const struct {
        const char *bytes;
        size_t count;
        unsigned length;
    } cases[] = {
        {"", 0, 0},
        {"a", 1, 1},
        {"\x7f", 1, 1},
        {"\x80", 1, 0},
        {"\xc1\xbf", 2, 0}, /* overlong */
        {"\xc2\x80", 2, 2},
        {"\xdf\xbf", 2, 2},
        {"\xe0\x9f\xbf", 3, 0}, /* overlong */
        {"\xe0\xa0\x80", 3, 3},
        {"\xed\x9f\xbf", 3, 3},
        {"\xed\xa0\x80", 3, 0}, /* a surrogate */
        {"\xee\x80\x80", 3, 3},
        {"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong */
        {"\xf0\x90\x80\x80", 4, 4},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\xf4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 4, 0},
        {"\xe2\x82", 2, 0}, /* cut off */
        {"\xe2\x82z", 3, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_uint_eq(text_utf8((const unsigned char *)cases[i].bytes, cases[i].count),
                          cases[i].length);
}
END_TEST

START_TEST(unescapes_every_byte)
{
    struct buffer text, back;
    unsigned char all[512];
    size_t bad = 0;
    for (unsigned i = 0; i < sizeof(all); i++)
        all[i] = (unsigned char)(i * 7);
    buffer_init(&text);
    buffer_init(&back);
    for (size_t count = 0; count <= sizeof(all); count += 37) {
        buffer_reset(&text);
        buffer_reset(&back);
        ck_assert(text_escape(&text, all, count));
        ck_assert_ptr_null(text_unescape(&back, text.bytes, text.used, &bad));
        ck_assert_uint_eq(back.used, count);
        ck_assert(count == 0 || memcmp(back.bytes, all, count) == 0);
    }
    buffer_fini(&text);
    buffer_fini(&back);
}
END_TEST

START_TEST(refuses_other_escapes)
{
    static const struct {
        const char *text;
        size_t bad;
    } cases[] = {{"\\", 0},    {"a\\", 1},    {"\\q", 0},    {"ab\\x4", 2},  {"\\xg0", 0},
                 {"\\x0g", 0}, {"\\t\\T", 2}, {"\\\\\\", 2}, {"\\x41\\x", 4}};
    struct buffer out;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t bad = 99;
        ck_assert_ptr_nonnull(text_unescape(&out, cases[i].text, strlen(cases[i].text), &bad));
        ck_assert_uint_eq(bad, cases[i].bad);
    }
    buffer_reset(&out);
    ck_assert_ptr_null(text_unescape(&out, "\\x4A\\x4a|\\\\x", 12, &(size_t){0}));
    ck_assert(out.used == 5 && memcmp(out.bytes, "JJ|\\x", 5) == 0);
    buffer_fini(&out);
}
END_TEST

/* The vectors of RFC 4648, section 10. */
START_TEST(base64_both_ways)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    static const char *const wrong[] = {"Z",    "Zg",   "Zg=",  "Zg==Zg==", "=g==", "Zm9v\n",
                                        "Zh==", "Zm9=", "Z===", "====",     "Zm-v", "Zm9vY"};
    struct buffer out;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        buffer_reset(&out);
        ck_assert(text_base64_encode(&out, pairs[i][0], strlen(pairs[i][0])));
        ck_assert(buffer_terminate(&out));
        ck_assert_str_eq(out.bytes, pairs[i][1]);
        buffer_reset(&out);
        ck_assert(text_base64_decode(&out, pairs[i][1], strlen(pairs[i][1])));
        ck_assert(buffer_terminate(&out));
        ck_assert_str_eq(out.bytes, pairs[i][0]);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!text_base64_decode(&out, wrong[i], strlen(wrong[i])), "%s", wrong[i]);
    buffer_fini(&out);
}
END_TEST

START_TEST(reads_numbers)
{
    uint64_t whole = 7;
    int64_t number = 7;
    int milliseconds = 7;
    ck_assert(text_parse_u64("0", &whole) && whole == 0);
    ck_assert(text_parse_u64("18446744073709551615", &whole) && whole == UINT64_MAX);
    ck_assert(!text_parse_u64("18446744073709551616", &whole));
    ck_assert(!text_parse_u64("", &whole) && !text_parse_u64("-1", &whole));
    ck_assert(!text_parse_u64("1 ", &whole) && !text_parse_u64(" 1", &whole));
    ck_assert(text_parse_i64("-9223372036854775808", &number) && number == INT64_MIN);
    ck_assert(text_parse_i64("+5", &number) && number == 5);
    ck_assert(!text_parse_i64("9223372036854775808", &number));
    ck_assert(!text_parse_i64("-", &number) && !text_parse_i64("--1", &number));
    ck_assert(!text_parse_i64("1.5", &number));
    ck_assert_int_eq(number, 5);
    ck_assert(text_parse_seconds("5", &milliseconds) && milliseconds == 5000);
    ck_assert(text_parse_seconds("0.25", &milliseconds) && milliseconds == 250);
    ck_assert(text_parse_seconds("0.0001", &milliseconds) && milliseconds == 1);
    ck_assert(text_parse_seconds("86400", &milliseconds) && milliseconds == 86400000);
    ck_assert(!text_parse_seconds("86401", &milliseconds));
    ck_assert(!text_parse_seconds("-1", &milliseconds) && !text_parse_seconds("", &milliseconds));
    ck_assert(!text_parse_seconds("1s", &milliseconds) && !text_parse_seconds(".", &milliseconds));
}
END_TEST

START_TEST(writes_for_people)
{
    char out[TEXT_SHORT_BYTES];
    ck_assert_str_eq(text_size(out, 0), "0 B");
    ck_assert_str_eq(text_size(out, 1023), "1023 B");
    ck_assert_str_eq(text_size(out, 1024), "1.0 KiB");
    ck_assert_str_eq(text_size(out, (1u << 20) - 1), "1.0 MiB");
    ck_assert_str_eq(text_size(out, 3u << 29), "1.5 GiB");
    ck_assert_str_eq(text_size(out, UINT64_MAX), "16.0 EiB");
    ck_assert_str_eq(text_count(out, 0), "0");
    ck_assert_str_eq(text_count(out, 999), "999");
    ck_assert_str_eq(text_count(out, 1234), "1.23 k");
    ck_assert_str_eq(text_count(out, 12345678), "12.3 M");
    ck_assert_str_eq(text_nanoseconds(out, 85), "85 ns");
    ck_assert_str_eq(text_nanoseconds(out, 123456), "123 us");
    ck_assert_str_eq(text_clock(out, 7.9), "0:07");
    ck_assert_str_eq(text_clock(out, 754), "12:34");
    ck_assert_str_eq(text_clock(out, 3723), "1:02:03");
    ck_assert_str_eq(text_clock(out, -1), "0:00");
    ck_assert_str_eq(text_age(out, 120), "120 ms");
    ck_assert_str_eq(text_age(out, 3400), "3.4 s");
    ck_assert_str_eq(text_age(out, 300000), "5 min");
    ck_assert_str_eq(text_age(out, 259200000), "3.0 d");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli text");
    TCase *tcase = suite_case(suite, "text");
    tcase_add_test(tcase, escapes_what_is_not_text);
    tcase_add_test(tcase, knows_utf8);
    tcase_add_test(tcase, unescapes_every_byte);
    tcase_add_test(tcase, refuses_other_escapes);
    tcase_add_test(tcase, base64_both_ways);
    tcase_add_test(tcase, reads_numbers);
    tcase_add_test(tcase, writes_for_people);
    return suite_run(suite);
}
