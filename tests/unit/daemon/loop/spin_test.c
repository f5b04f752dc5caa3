#include "loop/spin.h"

#include "suite.h"

#define LIMIT_US 20u
#define SHORT_NS 30000u
#define LONG_NS  1000000u

static struct loop_spin fresh(void)
{
    struct loop_spin spin;
    loop_spin_init(&spin, LIMIT_US);
    return spin;
}

static void miss_until_off(struct loop_spin *spin)
{
    for (unsigned i = 0; i < LOOP_SPIN_MISSES; i++) {
        ck_assert(spin->on);
        loop_spin_miss(spin);
    }
    ck_assert(!spin->on);
}

/* Short sleeps until it spins again. */
static unsigned sleeps_until_on(struct loop_spin *spin)
{
    unsigned count = 0;
    while (!spin->on) {
        loop_spin_slept(spin, SHORT_NS);
        count++;
        ck_assert_uint_le(count, LOOP_SPIN_WANTED_MAX);
    }
    return count;
}

START_TEST(starts_asleep_and_wakes_by_short_sleeps)
{
    struct loop_spin spin = fresh();
    ck_assert(!spin.on);
    for (unsigned i = 0; i < 100; i++)
        loop_spin_slept(&spin, LONG_NS);
    ck_assert(!spin.on);
    loop_spin_slept(&spin, LIMIT_US * 1000u + LOOP_SPIN_WAKE_NS + 1);
    ck_assert(!spin.on);
    loop_spin_slept(&spin, LIMIT_US * 1000u + LOOP_SPIN_WAKE_NS);
    ck_assert(spin.on);
}
END_TEST

START_TEST(goes_on_while_it_pays)
{
    struct loop_spin spin = fresh();
    sleeps_until_on(&spin);
    for (unsigned i = 0; i < 1000; i++) {
        for (unsigned k = 1; k < LOOP_SPIN_MISSES; k++)
            loop_spin_miss(&spin);
        loop_spin_hit(&spin);
    }
    ck_assert(spin.on);
    miss_until_off(&spin);
    ck_assert_uint_eq(sleeps_until_on(&spin), 1); /* it had paid: tried again at once */
}
END_TEST

START_TEST(is_tried_ever_more_rarely_while_it_does_not)
{
    struct loop_spin spin = fresh();
    unsigned before = sleeps_until_on(&spin);
    unsigned misses = 0, sleeps = 0;
    ck_assert_uint_eq(before, 1);
    for (unsigned attempt = 0; attempt < 20; attempt++) {
        miss_until_off(&spin);
        misses += LOOP_SPIN_MISSES;
        unsigned wanted = sleeps_until_on(&spin);
        ck_assert_uint_eq(wanted,
                          before * 2 > LOOP_SPIN_WANTED_MAX ? LOOP_SPIN_WANTED_MAX : before * 2);
        before = wanted;
        sleeps += wanted;
    }
    ck_assert_uint_lt(misses * 100, sleeps); /* what was spent in vain: under 1 % of the turns */
    loop_spin_hit(&spin);
    miss_until_off(&spin);
    ck_assert_uint_eq(sleeps_until_on(&spin), 1);
}
END_TEST

START_TEST(limit_of_zero_is_never)
{
    struct loop_spin spin;
    loop_spin_init(&spin, 0);
    for (unsigned i = 0; i < 5000; i++)
        loop_spin_slept(&spin, 0);
    ck_assert(!spin.on);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spin");
    TCase *tcase = suite_case(suite, "spin");
    tcase_add_test(tcase, starts_asleep_and_wakes_by_short_sleeps);
    tcase_add_test(tcase, goes_on_while_it_pays);
    tcase_add_test(tcase, is_tried_ever_more_rarely_while_it_does_not);
    tcase_add_test(tcase, limit_of_zero_is_never);
    return suite_run(suite);
}
