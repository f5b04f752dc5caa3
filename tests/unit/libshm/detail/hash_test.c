#include <stele/detail/hash.h>

#include "random.h"
#include "suite.h"

START_TEST(hash_is_xxh3_with_a_seed)
{
    /* reference values of XXH3_64bits_withSeed: another function would lose every stored key */
    ck_assert_uint_eq(stelei_hash("", 0, 0), UINT64_C(0x2d06800538d394c2));
    ck_assert_uint_eq(stelei_hash("a", 1, 0), UINT64_C(0xe6c632b61e964e1f));
    ck_assert_uint_eq(stelei_hash("abc", 3, 0), UINT64_C(0x78af5f94892f3950));
    ck_assert_uint_ne(stelei_hash("abc", 3, 1), stelei_hash("abc", 3, 0));
}
END_TEST

START_TEST(alignment_of_the_key_does_not_matter)
{
    uint8_t buffer[65536 + 16];
    static const uint32_t lengths[] = {0, 1, 7, 8, 16, 17, 128, 129, 240, 241, 1024, 65535};
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        uint64_t first = 0;
        for (unsigned shift = 0; shift < 9; shift++) {
            random_bytes(l, buffer + shift, lengths[l]);
            uint64_t hash = stelei_hash(buffer + shift, lengths[l], 42);
            if (shift == 0)
                first = hash;
            ck_assert_uint_eq(hash, first);
        }
    }
}
END_TEST

START_TEST(tag_is_the_top_byte)
{
    ck_assert_uint_eq(stelei_hash_tag(UINT64_C(0xab00000000000000)), 0xab);
    ck_assert_uint_eq(stelei_hash_tag(UINT64_C(0x00ffffffffffffff)), 0);
}
END_TEST

START_TEST(tags_and_buckets_are_independent)
{
    /* within one bucket of 256, tags must still spread: all 256 appear */
    uint8_t seen[256] = {0};
    unsigned distinct = 0, in_bucket = 0;
    for (uint64_t i = 0; i < 1000000; i++) {
        uint64_t hash = stelei_hash(&i, sizeof i, 7);
        if ((hash & 0xff) != 3)
            continue;
        in_bucket++;
        distinct += !seen[stelei_hash_tag(hash)];
        seen[stelei_hash_tag(hash)] = 1;
    }
    ck_assert_uint_gt(in_bucket, 3000);
    ck_assert_uint_eq(distinct, 256);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hash");
    TCase *tcase = suite_case(suite, "hash");
    tcase_add_test(tcase, hash_is_xxh3_with_a_seed);
    tcase_add_test(tcase, alignment_of_the_key_does_not_matter);
    tcase_add_test(tcase, tag_is_the_top_byte);
    tcase_add_test(tcase, tags_and_buckets_are_independent);
    return suite_run(suite);
}
