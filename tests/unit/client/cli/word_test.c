/* word_test.c - words as text and back: the ends of every kind, what is no number, what does not fit;
 * real numbers bit for bit. */
#include "suite.h"

#include <math.h>

#include <stele/type.h>

#include "word.h"

static uint64_t bits_of(double real)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof(bits));
    return bits;
}

static void reads(unsigned kind, const char *text, uint64_t wanted)
{
    uint64_t word = 77;
    enum word_outcome outcome = word_read(kind, text, strlen(text), &word);
    if (outcome != WORD_OK || word != wanted)
        ck_abort_msg("%s '%s': outcome %d, %llx", stele_kind_text(kind), text, (int)outcome,
                     (unsigned long long)word);
}

static void refuses(unsigned kind, const char *text, enum word_outcome wanted)
{
    uint64_t word = 77;
    enum word_outcome outcome = word_read(kind, text, strlen(text), &word);
    if (outcome != wanted || word != 77)
        ck_abort_msg("%s '%s': outcome %d", stele_kind_text(kind), text, (int)outcome);
}

static void writes(unsigned kind, uint64_t word, const char *wanted)
{
    char text[WORD_TEXT_BYTES];
    size_t bytes = word_write(kind, word, text);
    ck_assert_str_eq(text, wanted);
    ck_assert_uint_eq(bytes, strlen(wanted));
    reads(kind, text, word);
}

START_TEST(whole_numbers_at_their_ends)
{
    writes(STELE_U8, 0, "0");
    writes(STELE_U8, 255, "255");
    writes(STELE_U16, 65535, "65535");
    writes(STELE_U32, UINT32_MAX, "4294967295");
    writes(STELE_U64, UINT64_MAX, "18446744073709551615");
    writes(STELE_U64, (UINT64_C(1) << 53) + 1, "9007199254740993");
    writes(STELE_I64, (uint64_t)INT64_MIN, "-9223372036854775808");
    writes(STELE_I64, INT64_MAX, "9223372036854775807");
    writes(STELE_I64, (uint64_t)-1, "-1");
    reads(STELE_U8, "007", 7);
    reads(STELE_U64, "-0", 0);
    reads(STELE_I64, "-0", 0);
    reads(STELE_U32, "00000000000000000000000004294967295", UINT32_MAX);
}
END_TEST

START_TEST(what_does_not_fit_is_called_so)
{
    refuses(STELE_U8, "256", WORD_LARGE);
    refuses(STELE_U8, "-1", WORD_LARGE);
    refuses(STELE_U16, "65536", WORD_LARGE);
    refuses(STELE_U32, "4294967296", WORD_LARGE);
    refuses(STELE_U32, "99999999999999999999999999", WORD_LARGE);
    refuses(STELE_U64, "18446744073709551616", WORD_LARGE);
    refuses(STELE_U64, "-18446744073709551615", WORD_LARGE);
    refuses(STELE_I64, "9223372036854775808", WORD_LARGE);
    refuses(STELE_I64, "-9223372036854775809", WORD_LARGE);
    refuses(STELE_F64, "1e400", WORD_LARGE);
    refuses(STELE_F64, "-1.8e308", WORD_LARGE);
}
END_TEST

START_TEST(nonsense_is_no_number)
{
    static const char *const whole[] = {"",    "-",   "+1", " 1",  "1 ",  "1.0", "1e3",
                                        "0x1", "--1", "1-", "abc", "1,2", "inf"};
    static const char *const real[] = {"",
                                       "-",
                                       ".",
                                       "1e",
                                       "1e+",
                                       "e5",
                                       "0x1p3",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "--1",
                                       "infi",
                                       "NaN",
                                       "nan(",
                                       "nan()",
                                       "1.2.3",
                                       "nan(0x)",
                                       "nan(0x0)",
                                       "nan(1)",
                                       "1,5",
                                       "nan(0x8000000000000",
                                       "nan(0x10000000000000)",
                                       "nan(0xF)",
                                       "nan(0x 1)",
                                       "nan(0x-1)"};
    for (unsigned kind = STELE_U8; kind <= STELE_I64; kind++)
        for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
            refuses(kind, whole[i], WORD_WRONG);
    for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++)
        refuses(STELE_F64, real[i], WORD_WRONG);
    uint64_t word = 77;
    ck_assert_int_eq(word_read(STELE_F64,
                               "1\0"
                               "2",
                               3, &word),
                     WORD_WRONG);
    ck_assert_int_eq(word_read(STELE_U8, "1\0", 2, &word), WORD_WRONG);
    ck_assert_uint_eq(word, 77);
}
END_TEST

START_TEST(only_so_many_bytes_are_read)
{
    uint64_t word;
    ck_assert_int_eq(word_read(STELE_U8, "1234", 2, &word), WORD_OK);
    ck_assert_uint_eq(word, 12);
    ck_assert_int_eq(word_read(STELE_F64, "1.54321", 3, &word), WORD_OK);
    ck_assert_uint_eq(word, bits_of(1.5));
}
END_TEST

START_TEST(real_numbers_take_the_shortest_text)
{
    writes(STELE_F64, bits_of(0.0), "0");
    writes(STELE_F64, bits_of(-0.0), "-0.0");
    writes(STELE_F64, bits_of(0.1), "0.1");
    writes(STELE_F64, bits_of(1.0842), "1.0842");
    writes(STELE_F64, bits_of(-2.5e-7), "-2.5e-07");
    writes(STELE_F64, bits_of(1.0 / 3), "0.3333333333333333");
    writes(STELE_F64, bits_of(0.1 + 0.2), "0.30000000000000004");
    writes(STELE_F64, bits_of(1e300), "1e+300");
    writes(STELE_F64, 1, "5e-324");
    writes(STELE_F64, UINT64_C(0x000fffffffffffff), "2.225073858507201e-308");
    writes(STELE_F64, bits_of(1.7976931348623157e308), "1.7976931348623157e+308");
    reads(STELE_F64, ".5", bits_of(0.5));
    reads(STELE_F64, "5.", bits_of(5.0));
    reads(STELE_F64, "1e-400", 0);
    reads(STELE_F64, "9007199254740993", bits_of(9007199254740992.0));
}
END_TEST

START_TEST(infinite_and_no_numbers_keep_their_bits)
{
    writes(STELE_F64, bits_of((double)INFINITY), "inf");
    writes(STELE_F64, bits_of(-(double)INFINITY), "-inf");
    writes(STELE_F64, UINT64_C(0x7ff8000000000000), "nan");
    writes(STELE_F64, UINT64_C(0xfff8000000000000), "-nan");
    writes(STELE_F64, UINT64_C(0x7ff0000000000001), "nan(0x1)");
    writes(STELE_F64, UINT64_MAX, "-nan(0xfffffffffffff)");
}
END_TEST

/* xorshift64 */
START_TEST(any_bits_come_back)
{
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15);
    for (unsigned i = 0; i < 100000; i++) {
        char text[WORD_TEXT_BYTES];
        uint64_t word;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        for (unsigned kind = STELE_U64; kind <= STELE_F64; kind++) {
            size_t bytes = word_write(kind, x, text);
            expect(bytes < WORD_TEXT_BYTES && text[bytes] == 0);
            expect(word_read(kind, text, bytes, &word) == WORD_OK && word == x);
        }
    }
}
END_TEST

START_TEST(long_texts_are_bounded)
{
    char text[4096];
    uint64_t word;
    memset(text, '0', sizeof(text));
    text[1] = '.';
    ck_assert_int_eq(word_read(STELE_F64, text, 1000, &word), WORD_OK);
    ck_assert_int_eq(word_read(STELE_F64, text, sizeof(text), &word), WORD_WRONG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli word");
    TCase *tcase = suite_case(suite, "word");
    tcase_add_test(tcase, whole_numbers_at_their_ends);
    tcase_add_test(tcase, what_does_not_fit_is_called_so);
    tcase_add_test(tcase, nonsense_is_no_number);
    tcase_add_test(tcase, only_so_many_bytes_are_read);
    tcase_add_test(tcase, real_numbers_take_the_shortest_text);
    tcase_add_test(tcase, infinite_and_no_numbers_keep_their_bits);
    tcase_add_test(tcase, any_bits_come_back);
    tcase_add_test(tcase, long_texts_are_bounded);
    return suite_run(suite);
}
