#include <stele/detail/atomic.h>

#include "random.h"
#include "suite.h"

START_TEST(loads_return_what_stores_stored)
{
    uint64_t word = 0;
    uint32_t half[2] = {0, 0x55555555};
    stelei_store64(&word, UINT64_C(0x0123456789abcdef));
    ck_assert_uint_eq(stelei_load64(&word), UINT64_C(0x0123456789abcdef));
    stelei_store64_release(&word, UINT64_MAX);
    ck_assert_uint_eq(stelei_load64_acquire(&word), UINT64_MAX);
    stelei_store32(&half[0], 0x89abcdef);
    ck_assert_uint_eq(stelei_load32(&half[0]), 0x89abcdef);
    stelei_store32_release(&half[0], UINT32_MAX);
    ck_assert_uint_eq(stelei_load32_acquire(&half[0]), UINT32_MAX);
    ck_assert_uint_eq(stelei_load32_dependent(&half[0]), UINT32_MAX);
    ck_assert_uint_eq(half[1], 0x55555555);
}
END_TEST

START_TEST(match_finds_exactly_the_bytes)
{
    struct random random = {1};
    uint64_t words[2];
    uint8_t bytes[16];
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t wanted = (uint8_t)random_next(&random);
        uint32_t expected = 0;
        for (unsigned i = 0; i < 16; i++) {
            /* few distinct values, and neighbours that differ by one bit */
            bytes[i] =
                (uint8_t)(wanted ^ (uint8_t[]){0, 0, 1, 0x80, 0xff}[random_below(&random, 5)]);
            expected |= (uint32_t)(bytes[i] == wanted) << i;
        }
        memcpy(words, bytes, 16);
        /* the last six are spare bytes and the link: nobody's tags */
        ck_assert_uint_eq(stelei_match16(words, wanted) & 0x3ff, expected & 0x3ff);
    }
}
END_TEST

START_TEST(match_of_zero_sees_zero)
{
    uint64_t words[2] = {0, 0};
    ck_assert_uint_eq(stelei_match16(words, 0) & 0x3ff, 0x3ff);
    ck_assert_uint_eq(stelei_match16(words, 1) & 0x3ff, 0);
}
END_TEST

/* Around every switch of method: words, four words at once, one opaque block. */
static const size_t copy_lengths[] = {0,   1,   2,   3,   4,   5,   6,    7,    8,    9,
                                      31,  32,  33,  63,  64,  65,  255,  256,  257,  258,
                                      259, 260, 261, 262, 263, 264, 1000, 4096, 65535};

START_TEST(copy_out_copies_exactly)
{
    static uint64_t from[8192 + 1];
    static uint8_t to[65536 + 32], wanted[65536];
    for (size_t l = 0; l < sizeof copy_lengths / sizeof copy_lengths[0]; l++)
        for (unsigned shift = 0; shift < 8; shift++) {
            size_t bytes = copy_lengths[l];
            random_bytes(bytes, wanted, bytes);
            memset(from, 0xcc, sizeof from);
            memcpy(from, wanted, bytes);
            memset(to, 0xaa, sizeof to);
            stelei_copy_out(to + 8 + shift, from, bytes);
            ck_assert_msg(memcmp(to + 8 + shift, wanted, bytes) == 0, "%zu bytes", bytes);
            for (unsigned i = 0; i < 8; i++) {
                ck_assert_uint_eq(to[shift + i], 0xaa);
                ck_assert_uint_eq(to[8 + shift + bytes + i], 0xaa);
            }
        }
}
END_TEST

START_TEST(copy_in_pads_the_last_word_with_zeroes)
{
    static uint64_t to[8192 + 2];
    static uint8_t from[65536 + 8];
    for (size_t l = 0; l < sizeof copy_lengths / sizeof copy_lengths[0]; l++)
        for (unsigned shift = 0; shift < 8; shift++) {
            size_t bytes = copy_lengths[l], words = (bytes + 7) / 8;
            random_bytes(bytes, from + shift, bytes);
            memset(to, 0xbb, sizeof to);
            stelei_copy_in(to, from + shift, bytes);
            const uint8_t *out = (const uint8_t *)to;
            ck_assert_msg(memcmp(out, from + shift, bytes) == 0, "%zu bytes", bytes);
            for (size_t i = bytes; i < words * 8; i++)
                ck_assert_uint_eq(out[i], 0);
            ck_assert_uint_eq(to[words], UINT64_C(0xbbbbbbbbbbbbbbbb));
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("atomic");
    TCase *tcase = suite_case(suite, "atomic");
    tcase_add_test(tcase, loads_return_what_stores_stored);
    tcase_add_test(tcase, match_finds_exactly_the_bytes);
    tcase_add_test(tcase, match_of_zero_sees_zero);
    tcase_add_test(tcase, copy_out_copies_exactly);
    tcase_add_test(tcase, copy_in_pads_the_last_word_with_zeroes);
    return suite_run(suite);
}
