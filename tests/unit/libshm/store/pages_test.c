#include "pages.h"

#include <signal.h>

#include "random.h"
#include "suite.h"

#define PAGES 4096u

static struct pages pages;

static void setup(void)
{
    expect_ok(pages_init(&pages, (uint64_t)PAGES << 12));
}

static void teardown(void)
{
    uint64_t free_pages;
    ck_assert(pages_check(&pages, &free_pages));
    pages_fini(&pages);
}

START_TEST(nothing_is_free_at_first)
{
    ck_assert_uint_eq(pages_alloc(&pages, 1, 1), 0);
    ck_assert_uint_eq(pages.free_pages, 0);
}
END_TEST

START_TEST(a_run_is_used_to_the_last_page)
{
    pages_free(&pages, 1, PAGES - 1);
    ck_assert_uint_eq(pages_alloc(&pages, PAGES, 1), 0); /* one more than there is */
    ck_assert_uint_eq(pages_alloc(&pages, PAGES - 1, 1), 1);
    ck_assert_uint_eq(pages_alloc(&pages, 1, 1), 0);
}
END_TEST

START_TEST(neighbours_merge_in_any_order)
{
    pages_free(&pages, 10, 10);
    pages_free(&pages, 30, 10);
    ck_assert_uint_eq(pages_alloc(&pages, 11, 1), 0);
    pages_free(&pages, 20, 10); /* closes the gap on both sides */
    ck_assert_uint_eq(pages_alloc(&pages, 30, 1), 10);
    ck_assert_uint_eq(pages.free_pages, 0);
}
END_TEST

START_TEST(alignment_is_kept_and_the_rest_stays_free)
{
    pages_free(&pages, 3, 600);
    uint32_t first = pages_alloc(&pages, 512, 512);
    ck_assert_uint_eq(first, 0); /* 3..602 holds no aligned 512 */
    pages_free(&pages, 603, 1000);
    ck_assert_uint_eq(pages_alloc(&pages, 512, 512), 512);
    ck_assert_uint_eq(pages.free_pages, 1600 - 512);
    ck_assert_uint_eq(pages_alloc(&pages, 509, 1), 3);
}
END_TEST

START_TEST(the_better_fit_is_taken)
{
    pages_free(&pages, 100, 1000);
    pages_free(&pages, 2000, 8);
    ck_assert_uint_eq(pages_alloc(&pages, 8, 1), 2000);
}
END_TEST

START_TEST(freeing_twice_is_our_bug)
{
    pages_free(&pages, 10, 4);
    pages_free(&pages, 10, 4);
}
END_TEST

/* Against a plain map of pages: no page is given out twice, none is lost. */
START_TEST(random_use_agrees_with_a_map)
{
    static uint8_t taken[PAGES];
    struct run {
        uint32_t first, n;
    } runs[256];
    unsigned count = 0;
    struct random random = {11};
    memset(taken, 0, sizeof taken);
    pages_free(&pages, 1, PAGES - 1);
    for (unsigned step = 0; step < suite_scaled(20000); step++) {
        if (count < 256 && random_below(&random, 2)) {
            uint32_t align = 1u << random_below(&random, 5);
            uint32_t n = 1 + random_below(&random, random_below(&random, 10) ? 16 : 200);
            uint32_t first = pages_alloc(&pages, n, align);
            if (first == 0)
                continue;
            expect(first % align == 0);
            for (uint32_t i = 0; i < n; i++) {
                expect(taken[first + i] == 0);
                taken[first + i] = 1;
            }
            runs[count++] = (struct run){first, n};
        } else if (count) {
            struct run *run = &runs[random_below(&random, count)];
            memset(taken + run->first, 0, run->n);
            pages_free(&pages, run->first, run->n);
            *run = runs[--count];
        }
        uint64_t free_pages;
        if (step % 64 == 0)
            ck_assert(pages_check(&pages, &free_pages));
    }
    while (count-- > 0)
        pages_free(&pages, runs[count].first, runs[count].n);
    ck_assert_uint_eq(pages_alloc(&pages, PAGES - 1, 1), 1); /* all merged into one run again */
}
END_TEST

START_TEST(check_notices_a_broken_list)
{
    uint64_t free_pages;
    pages_free(&pages, 10, 10);
    pages.free_pages++;
    ck_assert(!pages_check(&pages, &free_pages));
    pages.free_pages--;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pages");
    TCase *tcase = suite_case(suite, "pages");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, nothing_is_free_at_first);
    tcase_add_test(tcase, a_run_is_used_to_the_last_page);
    tcase_add_test(tcase, neighbours_merge_in_any_order);
    tcase_add_test(tcase, alignment_is_kept_and_the_rest_stays_free);
    tcase_add_test(tcase, the_better_fit_is_taken);
    tcase_add_test_raise_signal(tcase, freeing_twice_is_our_bug, SIGABRT);
    tcase_add_test(tcase, random_use_agrees_with_a_map);
    tcase_add_test(tcase, check_notices_a_broken_list);
    return suite_run(suite);
}
