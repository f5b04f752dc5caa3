#include <sys/mman.h>
#include <unistd.h>

#include <stele/detail/record.h>

#include "random.h"
#include "suite.h"

START_TEST(word_has_its_golden_layout)
{
    uint64_t word = stelei_record_word(0x1234, 0x5678, 0x9abcdef0);
    ck_assert_uint_eq(word, UINT64_C(0x9abcdef056781234));
    ck_assert_uint_eq(stelei_record_key_bytes(word), 0x1234);
    ck_assert_uint_eq(stelei_record_flags(word), 0x5678);
    ck_assert_uint_eq(stelei_record_value_bytes(word), 0x9abcdef0);
}
END_TEST

START_TEST(optional_words_shift_the_key)
{
    ck_assert_uint_eq(stelei_record_key_off(stelei_record_word(1, 0, 1)), 8);
    ck_assert_uint_eq(stelei_record_key_off(stelei_record_word(1, STELEI_RECORD_EXPIRY, 1)), 16);
    ck_assert_uint_eq(stelei_record_key_off(stelei_record_word(1, STELEI_RECORD_LSN, 1)), 16);
    ck_assert_uint_eq(
        stelei_record_key_off(stelei_record_word(1, STELEI_RECORD_EXPIRY | STELEI_RECORD_LSN, 1)),
        24);
    ck_assert_uint_eq(stelei_record_key_off(stelei_record_word(1, UINT32_C(4), 1)), 8);
}
END_TEST

START_TEST(sizes_are_whole_words_up_to_the_limits)
{
    ck_assert_uint_eq(stelei_record_bytes(stelei_record_word(0, 0, 0)), 8);
    ck_assert_uint_eq(stelei_record_bytes(stelei_record_word(1, 0, 0)), 16);
    ck_assert_uint_eq(stelei_record_bytes(stelei_record_word(8, 0, 8)), 24);
    ck_assert_uint_eq(stelei_record_bytes(stelei_record_word(9, 0, 9)), 40);
    ck_assert_uint_eq(stelei_record_value_off(stelei_record_word(9, 0, 9)), 24);
    uint64_t largest = stelei_record_word(STELEI_KEY_MAX_BYTES, 0, STELEI_VALUE_MAX_BYTES);
    ck_assert_uint_eq(stelei_record_bytes(largest), UINT64_C(8) + 65536 + 536870912);
    /* hostile lengths must not wrap: 4 GiB - 1 of value */
    ck_assert_uint_eq(stelei_record_bytes(stelei_record_word(65535, 3, UINT32_MAX)),
                      UINT64_C(24) + 65536 + (UINT64_C(1) << 32));
}
END_TEST

/* Stores a key as a record does and compares at every length around the word limits. */
START_TEST(keys_compare_by_words_and_tail)
{
    uint8_t key[64 + 8];
    uint64_t stored[9];
    for (uint32_t bytes = 0; bytes <= 64; bytes++)
        for (unsigned shift = 0; shift < 8; shift++) {
            random_bytes(bytes, key + shift, bytes);
            memset(stored, 0xee, sizeof stored);
            stelei_copy_in(stored, key + shift, bytes);
            ck_assert_msg(stelei_key_equal(stored, key + shift, bytes), "%u bytes", bytes);
            for (uint32_t at = 0; at < bytes; at++) {
                key[shift + at] ^= 0x80;
                ck_assert_msg(!stelei_key_equal(stored, key + shift, bytes), "%u bytes, byte %u",
                              bytes, at);
                key[shift + at] ^= 0x80;
            }
        }
}
END_TEST

START_TEST(tail_reads_no_byte_of_its_neighbours)
{
    /* the key ends, and begins, at a page that must not be touched: Check reports the signal */
    long page = sysconf(_SC_PAGESIZE);
    uint8_t *area = mmap(NULL, (size_t)page * 3, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(area, MAP_FAILED);
    ck_assert_int_eq(mprotect(area + page, (size_t)page, PROT_READ | PROT_WRITE), 0);
    for (uint32_t bytes = 1; bytes < 24; bytes++) {
        uint64_t stored[3] = {0};
        uint8_t *at_end = area + 2 * page - bytes, *at_begin = area + page;
        random_bytes(5, at_end, bytes);
        stelei_copy_in(stored, at_end, bytes);
        ck_assert(stelei_key_equal(stored, at_end, bytes));
        memcpy(at_begin, stored, bytes);
        ck_assert(stelei_key_equal(stored, at_begin, bytes));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record");
    TCase *tcase = suite_case(suite, "record");
    tcase_add_test(tcase, word_has_its_golden_layout);
    tcase_add_test(tcase, optional_words_shift_the_key);
    tcase_add_test(tcase, sizes_are_whole_words_up_to_the_limits);
    tcase_add_test(tcase, keys_compare_by_words_and_tail);
    tcase_add_test(tcase, tail_reads_no_byte_of_its_neighbours);
    return suite_run(suite);
}
