/* histogram_test.c - percentiles against the definition, and their promised precision. */
#include "suite.h"

#include "histogram.h"

START_TEST(nothing_and_one)
{
    struct histogram histogram;
    histogram_init(&histogram);
    ck_assert_uint_eq(histogram_percentile(&histogram, 50), 0);
    histogram_add(&histogram, 1000003);
    for (int percent = 0; percent <= 100; percent += 10)
        ck_assert_uint_eq(histogram_percentile(&histogram, percent), 1000003);
}
END_TEST

START_TEST(small_values_are_exact)
{
    struct histogram histogram;
    histogram_init(&histogram);
    for (uint64_t value = 1; value <= 60; value++)
        histogram_add(&histogram, value);
    ck_assert_uint_eq(histogram_percentile(&histogram, 50), 30);
    ck_assert_uint_eq(histogram_percentile(&histogram, 90), 54);
    ck_assert_uint_eq(histogram_percentile(&histogram, 100), 60);
    ck_assert_uint_eq(histogram.sum, 1830);
}
END_TEST

/* Every value alone, with a larger one above: its percentile is at most 1/32 above it. */
START_TEST(precision_holds_everywhere)
{
    for (unsigned shift = 0; shift < 64; shift++) {
        for (int step = -1; step <= 1; step++) {
            struct histogram histogram;
            uint64_t value = (UINT64_C(1) << shift) + (uint64_t)(int64_t)step;
            histogram_init(&histogram);
            histogram_add(&histogram, value);
            histogram_add(&histogram, UINT64_MAX);
            uint64_t median = histogram_percentile(&histogram, 50);
            expect(median >= value && median - value <= value / 32);
            expect(histogram_percentile(&histogram, 100) == UINT64_MAX);
        }
    }
}
END_TEST

START_TEST(rare_ones_show_in_the_tail_only)
{
    struct histogram histogram;
    histogram_init(&histogram);
    for (unsigned i = 0; i < 999; i++)
        histogram_add(&histogram, 10);
    histogram_add(&histogram, 5000);
    ck_assert_uint_eq(histogram_percentile(&histogram, 99), 10);
    ck_assert_uint_eq(histogram_percentile(&histogram, 99.9), 10);
    ck_assert_uint_eq(histogram_percentile(&histogram, 99.95), 5000);
    ck_assert_uint_eq(histogram.greatest, 5000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli histogram");
    TCase *tcase = suite_case(suite, "histogram");
    tcase_add_test(tcase, nothing_and_one);
    tcase_add_test(tcase, small_values_are_exact);
    tcase_add_test(tcase, precision_holds_everywhere);
    tcase_add_test(tcase, rare_ones_show_in_the_tail_only);
    return suite_run(suite);
}
