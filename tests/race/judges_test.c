/*
 * The judges of the other suites themselves: results that are right, and planted ones that are not
 * (stale, lost, out of nowhere, going back, a list that did not exist). A judge that lets one of these
 * pass would let a defect pass.
 */
#include "random.h"
#include "states.h"
#include "suite.h"
#include "trail.h"
#include "versions.h"

#define RANDOMS 2000u
#define LENGTH  12u

/* A list of elements lo .. hi-1. */
#define LIST(lo, hi) ((uint64_t)(lo) << 32 | (hi))

/* ---- by time ------------------------------------------------------------------------------------ */

static struct versions_span call(uint64_t begin, uint64_t end)
{
    struct versions_span made = {begin, end};
    return made;
}

/* A list: made of two, appended to, its first element removed, erased. Version v lasts from 10 v to
 * 10 v + 5. */
static struct versions_span a_span[] = {{0, 0}, {10, 15}, {20, 25}, {30, 35}, {40, 45}};
static uint64_t a_state[] = {STATES_ABSENT, LIST(0, 2), LIST(0, 3), LIST(1, 3), STATES_ABSENT};
static const struct versions a_list = {4, a_span, a_state};

static bool fits(struct versions_span span, uint64_t state, uint64_t latest)
{
    return versions_fit(&a_list, &span, state, &latest);
}

START_TEST(test_results_that_fit_in_time)
{
    expect(fits(call(1, 2), STATES_ABSENT, 0));
    expect(fits(call(1, 10), STATES_ABSENT, 0));  /* begun, not yet done */
    expect(fits(call(1, 10), LIST(0, 2), 0));     /* begun, and done at once */
    expect(fits(call(15, 16), STATES_ABSENT, 0)); /* the change ends as the call begins */
    expect(fits(call(16, 17), LIST(0, 2), 0));
    expect(fits(call(12, 50), LIST(0, 3), 0));
    expect(fits(call(12, 50), LIST(1, 3), 1));
    expect(fits(call(36, 41), STATES_ABSENT, 3));
    expect(fits(call(46, 99), STATES_ABSENT, 0));
}
END_TEST

START_TEST(test_planted_results_do_not_fit_in_time)
{
    expect(!fits(call(1, 2), LIST(0, 2), 0));      /* before it began */
    expect(!fits(call(16, 19), STATES_ABSENT, 0)); /* lost */
    expect(!fits(call(26, 29), LIST(0, 2), 0));    /* stale: the append had ended */
    expect(!fits(call(36, 39), LIST(0, 3), 0));    /* stale: the removal had ended */
    expect(!fits(call(46, 99), LIST(1, 3), 0));    /* erased */
    expect(!fits(call(1, 99), LIST(1, 2), 0));  /* never existed: the count of one, the start of */
    expect(!fits(call(1, 99), LIST(0, 4), 0));  /* another; or an element too many */
    expect(!fits(call(12, 41), LIST(0, 2), 2)); /* goes back */
    expect(!fits(call(12, 39), STATES_ABSENT, 1));
}
END_TEST

/* Thousands of small histories: the judge agrees with trying every version. */
START_TEST(test_agrees_with_every_version)
{
    struct random random = {5};
    unsigned good = 0, wanted = suite_scaled(RANDOMS);
    for (unsigned n = 0; n < wanted; n++) {
        struct versions_span span[LENGTH + 1] = {{0, 0}};
        uint64_t state[LENGTH + 1], time = 0;
        struct versions versions = {LENGTH, span, state};
        for (unsigned v = 0; v <= LENGTH; v++) {
            state[v] = random_below(&random, 4);
            span[v].begin = time += 1 + random_below(&random, 3);
            span[v].end = time += random_below(&random, 3);
        }
        uint64_t begin = random_below(&random, (uint32_t)time), seen = random_below(&random, 4);
        struct versions_span one = call(begin, begin + random_below(&random, 10));
        uint64_t since = random_below(&random, LENGTH), latest = since, earliest = UINT64_MAX;
        for (unsigned v = LENGTH + 1; v-- > 0;) {
            bool over = v < LENGTH && span[v + 1].end < one.begin;
            bool begun = v == 0 || span[v].begin <= one.end;
            if (state[v] == seen && !over && begun && v >= since)
                earliest = v;
        }
        bool fit = versions_fit(&versions, &one, seen, &latest);
        expect(fit == (earliest != UINT64_MAX));
        expect(!fit || latest == earliest);
        good += fit;
    }
    printf("%u small histories, %u of the results fit\n", wanted, good);
    expect(good > wanted / 20 && good < wanted - wanted / 20);
}
END_TEST

/* ---- by the trail ------------------------------------------------------------------------------- */

static void step(struct trail *trail, uint64_t state)
{
    trail_begin(trail, state);
    trail_complete(trail);
}

static enum trail_verdict seen(const struct trail *trail, uint64_t from, uint64_t to,
                               uint64_t state, uint64_t latest)
{
    struct trail_window window = {from, to};
    return trail_judge(trail, &window, state, &latest);
}

START_TEST(test_results_and_planted_ones_on_a_trail)
{
    struct trail *trail = board_memory(sizeof *trail);
    trail->state[0] = STATES_ABSENT;
    step(trail, LIST(0, 2));
    step(trail, LIST(0, 3));
    step(trail, LIST(1, 3));
    ck_assert_int_eq(seen(trail, 1, 2, LIST(0, 3), 0), TRAIL_GOOD);
    ck_assert_int_eq(seen(trail, 0, 3, STATES_ABSENT, 0), TRAIL_GOOD);
    ck_assert_int_eq(seen(trail, 2, 3, LIST(0, 2), 0), TRAIL_BAD);    /* stale */
    ck_assert_int_eq(seen(trail, 1, 2, LIST(1, 3), 0), TRAIL_BAD);    /* not begun */
    ck_assert_int_eq(seen(trail, 0, 3, LIST(1, 2), 0), TRAIL_BAD);    /* never existed */
    ck_assert_int_eq(seen(trail, 1, 3, STATES_ABSENT, 0), TRAIL_BAD); /* lost */
    ck_assert_int_eq(seen(trail, 0, 3, LIST(0, 2), 2), TRAIL_BAD);    /* goes back */
    struct trail_window window = {1, 3};
    ck_assert_int_eq(trail_presence(trail, &window, STATES_ABSENT, true), TRAIL_GOOD);
    ck_assert_int_eq(trail_presence(trail, &window, STATES_ABSENT, false), TRAIL_BAD);
    for (unsigned i = 0; i < TRAIL_LENGTH; i++)
        step(trail, LIST(1, 4 + i));
    ck_assert_int_eq(seen(trail, 1, 3, LIST(9, 10), 0), TRAIL_UNKNOWN);
}
END_TEST

/* A change that a killed writer announced: seen before it is given up, or not at all. */
START_TEST(test_a_change_given_up_is_on_no_trail)
{
    struct trail *trail = board_memory(sizeof *trail);
    trail->state[0] = LIST(0, 1);
    trail_begin(trail, LIST(0, 2));
    ck_assert_int_eq(seen(trail, 0, 1, LIST(0, 2), 0), TRAIL_GOOD);
    trail_abandon(trail);
    ck_assert_int_eq(seen(trail, 0, 1, LIST(0, 2), 0), TRAIL_BAD);
    ck_assert_int_eq(seen(trail, 1, 1, LIST(0, 1), 0), TRAIL_GOOD);
    ck_assert_uint_eq(trail_state(trail), LIST(0, 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("judges");
    TCase *tcase = suite_case(suite, "judges");
    tcase_add_test(tcase, test_results_that_fit_in_time);
    tcase_add_test(tcase, test_planted_results_do_not_fit_in_time);
    tcase_add_test(tcase, test_agrees_with_every_version);
    tcase_add_test(tcase, test_results_and_planted_ones_on_a_trail);
    tcase_add_test(tcase, test_a_change_given_up_is_on_no_trail);
    return suite_run(suite);
}
