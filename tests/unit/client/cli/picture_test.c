/* picture_test.c - the bar of `stat` and the line of the progress display. */
#include "suite.h"

#include "picture.h"
#include "progress.h"

static void shows(uint64_t a, uint64_t b, uint64_t whole, const char *wanted)
{
    struct picture_part parts[2] = {{'a', a}, {'b', b}};
    char bar[11];
    memset(bar, 'x', sizeof(bar));
    picture_bar(bar, 10, parts, 2, whole);
    ck_assert_str_eq(bar, wanted);
}

START_TEST(bars_are_in_proportion)
{
    shows(0, 0, 0, "..........");
    shows(0, 0, 100, "..........");
    shows(50, 50, 100, "aaaaabbbbb");
    shows(20, 30, 100, "aabbb.....");
    shows(1, 0, 1000000, "a.........");
    shows(1, 1, 1000000, "ab........");
    shows(999999, 1, 1000000, "aaaaaaaaaa");
    shows(300, 100, 100, "aaaaaaaabb"); /* more than the whole */
    shows(0, UINT64_C(1) << 62, UINT64_C(1) << 62, "bbbbbbbbbb");
}
END_TEST

START_TEST(progress_lines)
{
    char line[PROGRESS_LINE_BYTES];
    progress_format(line, "prices", 50, 100, 5000, 2);
    ck_assert_str_eq(line, "prices  [###############...............]  50 %  2.50 k/s  0:02 left");
    progress_format(line, "prices", 0, 100, 0, 0);
    ck_assert_str_eq(line, "prices  [..............................]   0 %  0/s  0:00 left");
    progress_format(line, "prices", 120, 100, 5000, 2);
    ck_assert_str_eq(line, "prices  [##############################] 100 %  2.50 k/s  0:00 left");
    progress_format(line, "prices", 120, 0, 5000, 65);
    ck_assert_str_eq(line, "prices  5.00 k entries  77/s  1:05");
    char label[200];
    memset(label, 'l', sizeof(label));
    label[199] = 0;
    progress_format(line, label, 1, 2, 5000000, 1e9);
    ck_assert_uint_lt(strlen(line), PROGRESS_LINE_BYTES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli picture");
    TCase *tcase = suite_case(suite, "picture");
    tcase_add_test(tcase, bars_are_in_proportion);
    tcase_add_test(tcase, progress_lines);
    return suite_run(suite);
}
