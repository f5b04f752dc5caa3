#include "operator/values.h"

#include "suite.h"

START_TEST(sizes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } right[] = {{"0", 0},
                 {"1", 1},
                 {"4K", 4096},
                 {"4k", 4096},
                 {"3M", UINT64_C(3) << 20},
                 {"2G", UINT64_C(2) << 30},
                 {"18446744073709551615", UINT64_MAX},
                 {"17179869183G", UINT64_C(17179869183) << 30}};
    static const char *const wrong[] = {"",     "K",    "-1",           "+1",
                                        " 1",   "1 ",   "1T",           "1KB",
                                        "0x10", "1.5G", "17179869184G", "18446744073709551616"};
    uint64_t bytes = 77;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!values_parse_size(wrong[i], &bytes), "'%s' was taken", wrong[i]);
    ck_assert_uint_eq(bytes, 77);
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert_msg(values_parse_size(right[i].text, &bytes), "'%s'", right[i].text);
        ck_assert_uint_eq(bytes, right[i].bytes);
    }
}
END_TEST

START_TEST(numbers)
{
    uint64_t number = 77;
    ck_assert(!values_parse_number("", 10, &number));
    ck_assert(!values_parse_number("11", 10, &number));
    ck_assert(!values_parse_number("-1", 10, &number));
    ck_assert(!values_parse_number("1x", 10, &number));
    ck_assert(!values_parse_number("18446744073709551616", UINT64_MAX, &number));
    ck_assert_uint_eq(number, 77);
    ck_assert(values_parse_number("10", 10, &number));
    ck_assert_uint_eq(number, 10);
    ck_assert(values_parse_number("18446744073709551615", UINT64_MAX, &number));
    ck_assert_uint_eq(number, UINT64_MAX);
}
END_TEST

START_TEST(modes)
{
    static const char *const wrong[] = {"",     "8",    "0",     "0444", "0400", "0200", "0660",
                                        "0602", "0666", "01640", "-600", "600x", "u=rw"};
    uint32_t mode = 77;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!values_parse_mode(wrong[i], &mode), "'%s' was taken", wrong[i]);
    ck_assert_uint_eq(mode, 77);
    ck_assert(values_parse_mode("0640", &mode));
    ck_assert_uint_eq(mode, 0640);
    ck_assert(values_parse_mode("755", &mode));
    ck_assert_uint_eq(mode, 0755);
}
END_TEST

START_TEST(users_and_groups)
{
    uint32_t id = 77;
    ck_assert(!values_find_user("", &id));
    ck_assert(!values_find_user("no such user", &id));
    ck_assert(!values_find_group("no such group", &id));
    ck_assert(!values_find_user("4294967295", &id)); /* (uid_t)-1 stands for none */
    ck_assert(!values_find_group("99999999999", &id));
    ck_assert_uint_eq(id, 77);
    ck_assert(values_find_user("root", &id));
    ck_assert_uint_eq(id, 0);
    ck_assert(values_find_group("61234", &id)); /* need not exist */
    ck_assert_uint_eq(id, 61234);
    ck_assert(values_find_user("4294967294", &id));
    ck_assert_uint_eq(id, 4294967294u);
}
END_TEST

START_TEST(rules)
{
    struct policy_allowed allowed = {.id = 77};
    char longest[300];
    static const char *const wrong[] = {
        "", ":admin", "1:", "1:Admin", "1:admin:admin", "no-one:admin"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!values_parse_allowed(wrong[i], false, &allowed), "'%s'", wrong[i]);
    memset(longest, '1', sizeof(longest));
    longest[sizeof(longest) - 1] = 0;
    ck_assert(!values_parse_allowed(longest, true, &allowed));
    ck_assert_uint_eq(allowed.id, 77);
    ck_assert(values_parse_allowed("root", false, &allowed));
    ck_assert(allowed.id == 0 && !allowed.is_group && !allowed.admin);
    ck_assert(values_parse_allowed("500:admin", true, &allowed));
    ck_assert(allowed.id == 500 && allowed.is_group && allowed.admin);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("values");
    TCase *tcase = suite_case(suite, "values");
    tcase_add_test(tcase, sizes);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, modes);
    tcase_add_test(tcase, users_and_groups);
    tcase_add_test(tcase, rules);
    return suite_run(suite);
}
