#include <stele/detail/sequence.h>

#include "suite.h"

START_TEST(word_has_its_golden_layout)
{
    /* version 1, depth 1, no slot; then version 2, depth 5, slots 0 and 9 */
    uint64_t word = stelei_sequence_next(0, 1, 0);
    ck_assert_uint_eq(word, UINT64_C(0x82000));
    word = stelei_sequence_next(word, 5, 0x201);
    ck_assert_uint_eq(word, UINT64_C(0x10a201));
    ck_assert_uint_eq(stelei_sequence_depth(word), 5);
    ck_assert_uint_eq(stelei_sequence_valid(word), 0x201);
    ck_assert_uint_eq(word >> STELEI_VERSION_SHIFT, 2);
    ck_assert_uint_eq(STELEI_VERSION_SHIFT, 19);
}
END_TEST

START_TEST(limits_do_not_touch_their_neighbours)
{
    uint64_t word = stelei_sequence_next(0, 63, STELEI_VALID_MASK);
    ck_assert_uint_eq(stelei_sequence_depth(word), 63);
    ck_assert_uint_eq(stelei_sequence_valid(word), 0x1fff);
    stelei_sequence_bump(&word);
    ck_assert_uint_eq(word >> STELEI_VERSION_SHIFT, 2);
    ck_assert_uint_eq(stelei_sequence_depth(word), 63);
    ck_assert_uint_eq(stelei_sequence_valid(word), 0x1fff);
}
END_TEST

START_TEST(version_wraps_without_a_carry)
{
    uint64_t word = (~UINT64_C(0) << STELEI_VERSION_SHIFT) | UINT64_C(3) << STELEI_VALID_BITS | 7;
    uint64_t next = stelei_sequence_next(word, 3, 7);
    stelei_sequence_bump(&word);
    ck_assert_uint_eq(word, UINT64_C(3) << STELEI_VALID_BITS | 7);
    ck_assert_uint_eq(next, word);
}
END_TEST

START_TEST(every_change_is_seen)
{
    uint64_t word = stelei_sequence_next(0, 2, 3);
    uint64_t begun = stelei_sequence_begin(&word);
    ck_assert(stelei_sequence_unchanged(&word, begun));
    stelei_sequence_bump(&word);
    ck_assert(!stelei_sequence_unchanged(&word, begun));
    begun = stelei_sequence_begin(&word);
    stelei_sequence_publish(&word, begun ^ 1); /* a valid bit alone counts too */
    ck_assert(!stelei_sequence_unchanged(&word, begun));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sequence");
    TCase *tcase = suite_case(suite, "sequence");
    tcase_add_test(tcase, word_has_its_golden_layout);
    tcase_add_test(tcase, limits_do_not_touch_their_neighbours);
    tcase_add_test(tcase, version_wraps_without_a_carry);
    tcase_add_test(tcase, every_change_is_seen);
    return suite_run(suite);
}
