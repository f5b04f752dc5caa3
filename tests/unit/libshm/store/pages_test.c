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

/* ---- against a plain map of pages ------------------------------------------------------------ */

static uint8_t taken[PAGES];

/* The length of the shortest run of free pages that has n of them at a multiple of `align`; 0: none. */
static uint32_t shortest(uint32_t n, uint32_t align)
{
    uint32_t best = 0;
    for (uint32_t first = 1, end; first < PAGES; first = end + 1) {
        for (end = first; end < PAGES && !taken[end]; end++)
            ;
        uint32_t at = (first + align - 1) / align * align;
        if (at + n <= end && (best == 0 || end - first < best))
            best = end - first;
    }
    return best;
}

/* How many free pages there are around page `at`, which was free before n from it on were taken. */
static uint32_t around(uint32_t at, uint32_t n)
{
    uint32_t first = at, end = at + n;
    while (first > 1 && !taken[first - 1])
        first--;
    while (end < PAGES && !taken[end])
        end++;
    return end - first;
}

struct run {
    uint32_t first, n;
};

/* A length and an alignment of which there are many, few, or one. */
static struct run random_wish(struct random *random)
{
    switch (random_below(random, 8)) {
    case 0:
        return (struct run){PAGES_UNIT, PAGES_UNIT};
    case 1:
        return (struct run){PAGES_CHUNK, PAGES_CHUNK};
    case 2:
        return (struct run){1, 1 + random_below(random, 600)};
    default:
        return (struct run){1, 1 + random_below(random, random_below(random, 4) ? 40 : 100)};
    }
}

/* No page is given out twice, none is lost, and what is there is found, in the shortest run of all. */
START_TEST(the_search_is_whole_and_the_best_fit_is_taken)
{
    struct run runs[512];
    unsigned count = 0, refused = 0;
    struct random random = {11};
    uint64_t free_pages;
    memset(taken, 0, sizeof taken);
    pages_free(&pages, 1, PAGES - 1);
    for (unsigned step = 0; step < suite_scaled(20000); step++) {
        bool fill = step / 500 % 2 == 0; /* until nearly nothing is left, and back */
        if (count < 512 && random_below(&random, 8) < (fill ? 6u : 2u)) {
            struct run wish = random_wish(&random);
            uint32_t n = wish.n, best = shortest(n, wish.first);
            uint32_t first = pages_alloc(&pages, n, wish.first);
            expect((first != 0) == (best != 0));
            refused += first == 0;
            if (first == 0)
                continue;
            expect(first % wish.first == 0 && around(first, n) == best);
            for (uint32_t i = 0; i < n; i++)
                expect(taken[first + i] == 0);
            memset(taken + first, 1, n);
            runs[count++] = (struct run){first, n};
        } else if (count) {
            struct run *run = &runs[random_below(&random, count)];
            memset(taken + run->first, 0, run->n);
            pages_free(&pages, run->first, run->n);
            *run = runs[--count];
        }
        if (step % 64 == 0)
            ck_assert(pages_check(&pages, &free_pages));
    }
    ck_assert_uint_gt(refused, 100);
    while (count-- > 0)
        pages_free(&pages, runs[count].first, runs[count].n);
    ck_assert_uint_eq(pages_alloc(&pages, PAGES - 1, 1), 1); /* all merged into one run again */
}
END_TEST

/* Thousands of runs of one length, none of which will do, and one that does. */
START_TEST(one_run_among_many_that_are_too_short_is_found)
{
    for (uint32_t first = 1; first + 10 < PAGES; first += 11)
        pages_free(&pages, first, 10);
    pages_free(&pages, 11, 1); /* joins the first two */
    ck_assert_uint_eq(pages_alloc(&pages, 11, 1), 1);
    ck_assert_uint_eq(pages_alloc(&pages, 11, 1), 0);
    ck_assert_uint_eq(pages_alloc(&pages, PAGES_UNIT, PAGES_UNIT), 0);
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
    tcase_add_test(tcase, the_search_is_whole_and_the_best_fit_is_taken);
    tcase_add_test(tcase, one_run_among_many_that_are_too_short_is_found);
    tcase_add_test(tcase, check_notices_a_broken_list);
    return suite_run(suite);
}
