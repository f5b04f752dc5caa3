/* spin.h: spins while it helps, rests while it does not, and finds out when that changes. */
#include <stele/stele.h>

#include "suite.h"

static unsigned spins_of(struct stelei_spin *spin, unsigned waits, bool helped)
{
    unsigned spins = 0;
    for (unsigned i = 0; i < waits; i++)
        if (stelei_spin_wanted(spin)) {
            spins++;
            stelei_spin_learn(spin, helped);
        }
    return spins;
}

START_TEST(never_alone)
{
    struct stelei_spin spin;
    stelei_spin_init(&spin, true);
    ck_assert_uint_eq(spin.limit_us, 0);
    ck_assert_uint_eq(spins_of(&spin, 1000, true), 0);
    stelei_spin_init(&spin, false);
    ck_assert_uint_eq(spin.limit_us, STELEI_SPIN_US);
    ck_assert_uint_eq(spins_of(&spin, 1000, true), 1000);
    spin.limit_us = 0; /* as a caller may set it */
    ck_assert_uint_eq(spins_of(&spin, 1000, true), 0);
}
END_TEST

START_TEST(gives_up_and_tries_again)
{
    struct stelei_spin spin;
    stelei_spin_init(&spin, false);
    ck_assert_uint_le(spins_of(&spin, STELEI_SPIN_LUCK_MAX, false), STELEI_SPIN_LUCK_MAX);
    ck_assert_uint_eq(spins_of(&spin, 10 * STELEI_SPIN_REST, false), 10); /* now and then */
    spin.rest = 0;
    ck_assert_uint_eq(spins_of(&spin, STELEI_SPIN_REST, true), 1); /* this time it helped */
    ck_assert_uint_eq(spins_of(&spin, 100, true), 100);
    ck_assert_uint_eq(spin.luck, STELEI_SPIN_LUCK_MAX); /* bounded: it can be unlearnt as fast */
    spins_of(&spin, STELEI_SPIN_LUCK_MAX, false);
    ck_assert_uint_eq(spin.luck, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spin");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, never_alone);
    tcase_add_test(all, gives_up_and_tries_again);
    return suite_run(suite);
}
