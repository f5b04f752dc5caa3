/* cursor.h: straight reads, and an error that sticks. */
#include <stele/detail/cursor.h>

#include "suite.h"

START_TEST(reads_in_order)
{
    struct stelei_cursor cursor = stelei_cursor_over("abcdef", 6);
    char two[2];
    ck_assert_mem_eq(stelei_cursor_take(&cursor, 3), "abc", 3);
    stelei_cursor_copy(&cursor, two, 2);
    ck_assert_mem_eq(two, "de", 2);
    ck_assert(!stelei_cursor_finished(&cursor)); /* something is left */
    ck_assert_ptr_nonnull(stelei_cursor_take(&cursor, 0));
    ck_assert_mem_eq(stelei_cursor_take(&cursor, 1), "f", 1);
    ck_assert(stelei_cursor_finished(&cursor));
    ck_assert_ptr_nonnull(stelei_cursor_take(&cursor, 0)); /* nothing, at the end */
    ck_assert(stelei_cursor_finished(&cursor));
}
END_TEST

START_TEST(errors_stick)
{
    struct stelei_cursor cursor = stelei_cursor_over("abc", 3);
    char bytes[4] = "xxxx";
    ck_assert_ptr_null(stelei_cursor_take(&cursor, 4));
    ck_assert_ptr_null(stelei_cursor_take(&cursor, 1)); /* that one would have been there */
    ck_assert_ptr_null(stelei_cursor_take(&cursor, 0));
    stelei_cursor_copy(&cursor, bytes, 2);
    ck_assert_mem_eq(bytes, "\0\0xx", 4);
    ck_assert(!stelei_cursor_finished(&cursor));
}
END_TEST

START_TEST(sizes_that_would_wrap)
{
    struct stelei_cursor cursor = stelei_cursor_over("abc", 3);
    ck_assert_ptr_null(stelei_cursor_take(&cursor, SIZE_MAX));
    cursor = stelei_cursor_over("abc", 3);
    stelei_cursor_take(&cursor, 2);
    ck_assert_ptr_null(stelei_cursor_take(&cursor, SIZE_MAX - 1));
}
END_TEST

START_TEST(requirements)
{
    struct stelei_cursor cursor = stelei_cursor_over("", 0);
    stelei_cursor_require(&cursor, true);
    ck_assert(stelei_cursor_finished(&cursor));
    stelei_cursor_require(&cursor, false);
    stelei_cursor_require(&cursor, true);
    ck_assert(!stelei_cursor_finished(&cursor));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cursor");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, reads_in_order);
    tcase_add_test(all, errors_stick);
    tcase_add_test(all, sizes_that_would_wrap);
    tcase_add_test(all, requirements);
    return suite_run(suite);
}
