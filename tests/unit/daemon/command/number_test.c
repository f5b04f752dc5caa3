/* number.h: one spelling for each 64-bit integer, and no other. */
#include "command/number.h"

#include "suite.h"

static bool parse(const char *text, int64_t *number)
{
    return command_parse_number(text, (uint32_t)strlen(text), number);
}

START_TEST(spellings)
{
    static const struct {
        const char *text;
        int64_t number;
    } good[] = {{"0", 0},
                {"5", 5},
                {"-1", -1},
                {"10", 10},
                {"-10", -10},
                {"1000000000000000000", INT64_C(1000000000000000000)},
                {"9223372036854775806", INT64_MAX - 1},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775807", -INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t number = 99;
        char text[COMMAND_NUMBER_BYTES];
        ck_assert_msg(parse(good[i].text, &number), "%s", good[i].text);
        ck_assert_int_eq(number, good[i].number);
        uint32_t bytes = command_format_number(number, text);
        ck_assert_uint_eq(bytes, strlen(good[i].text));
        ck_assert_mem_eq(text, good[i].text, bytes);
    }
}
END_TEST

START_TEST(other_spellings)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "-0",
                                      "00",
                                      "007",
                                      "-01",
                                      "--1",
                                      " 1",
                                      "1 ",
                                      "1\n",
                                      "1.0",
                                      "1e3",
                                      "0x10",
                                      "abc",
                                      "1-",
                                      "/",
                                      ":",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "9999999999999999999",
                                      "18446744073709551616",
                                      "18446744073709551621",
                                      "99999999999999999999",
                                      "-99999999999999999999",
                                      "100000000000000000000000000000"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t number = 99;
        ck_assert_msg(!parse(bad[i], &number), "%s", bad[i]);
        ck_assert_int_eq(number, 99);
    }
    int64_t number = 99;
    ck_assert(!command_parse_number("1\0", 2, &number)); /* the length counts, not a zero */
    ck_assert(!command_parse_number(NULL, 0, &number));
    ck_assert(command_parse_number("123", 2, &number));
    ck_assert_int_eq(number, 12);
}
END_TEST

START_TEST(there_and_back)
{
    uint64_t random = 7;
    for (unsigned i = 0; i < 100000; i++) {
        char text[COMMAND_NUMBER_BYTES], wanted[32];
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t number = (int64_t)(random >> i % 64), back = 0;
        if (i & 1)
            number = -number;
        int length = snprintf(wanted, sizeof(wanted), "%lld", (long long)number);
        uint32_t bytes = command_format_number(number, text);
        expect(bytes == (uint32_t)length && memcmp(text, wanted, bytes) == 0);
        expect(command_parse_number(text, bytes, &back) && back == number);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("number");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, spellings);
    tcase_add_test(all, other_spellings);
    tcase_add_test(all, there_and_back);
    return suite_run(suite);
}
