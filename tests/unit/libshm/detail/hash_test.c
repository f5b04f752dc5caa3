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

static uint64_t own_hash(const void *key, size_t key_bytes, uint64_t seed)
{
    uint64_t first = key_bytes ? *(const uint8_t *)key : 0;
    return seed + 1000 * key_bytes + first;
}

START_TEST(each_id_is_one_function)
{
    uint64_t word = UINT64_C(0x0123456789abcdef);
    ck_assert_uint_eq(stelei_hash_by(STELE_HASH_XXH3, NULL, "abc", 3, 7), stelei_hash("abc", 3, 7));
    /* reference values of XXH64 */
    ck_assert_uint_eq(stelei_hash_by(STELE_HASH_XXH64, NULL, "", 0, 0),
                      UINT64_C(0xef46db3751d8e999));
    ck_assert_uint_eq(stelei_hash_by(STELE_HASH_XXH64, NULL, "abc", 3, 0),
                      UINT64_C(0x44bc2cf5ad770999));
    ck_assert_uint_ne(stelei_hash_by(STELE_HASH_XXH64, NULL, "abc", 3, 1),
                      UINT64_C(0x44bc2cf5ad770999));
    ck_assert_uint_eq(stelei_hash_by(STELE_HASH_IDENTITY, NULL, &word, 8, 7), word);
    ck_assert_uint_eq(stelei_hash_by(STELE_HASH_OWN, own_hash, "abc", 3, 7), 7 + 3000 + 'a');
    ck_assert_uint_eq(stelei_hash_by(255, own_hash, "", 0, 7), 7);
}
END_TEST

START_TEST(words_are_hashed_wherever_they_stand)
{
    uint8_t buffer[17];
    for (unsigned id = STELE_HASH_XXH3; id <= STELE_HASH_IDENTITY; id++)
        for (unsigned shift = 0; shift < 9; shift++) {
            uint64_t word = random_mix(id);
            memcpy(buffer + shift, &word, sizeof word);
            ck_assert_uint_eq(stelei_hash_by(id, NULL, buffer + shift, 8, 3),
                              stelei_hash_by(id, NULL, &word, 8, 3));
        }
}
END_TEST

static uint64_t another_hash(const void *key, size_t key_bytes, uint64_t seed)
{
    return own_hash(key, key_bytes, seed) + 1;
}

/* What a descriptor keeps so that two programs that mean different functions by one id find out. */
START_TEST(the_check_tells_functions_apart)
{
    uint64_t probe = STELEI_HASH_PROBE;
    ck_assert_uint_eq(probe, UINT64_C(0x656c657473)); /* "stele" */
    ck_assert_uint_eq(stelei_hash_check(STELE_HASH_IDENTITY, NULL, 5), probe);
    ck_assert_uint_eq(stelei_hash_check(STELE_HASH_XXH3, NULL, 5), stelei_hash(&probe, 8, 5));
    ck_assert_uint_eq(stelei_hash_check(64, own_hash, 5), 5 + 8000 + 's');
    ck_assert_uint_ne(stelei_hash_check(64, own_hash, 5), stelei_hash_check(64, another_hash, 5));
    ck_assert_uint_ne(stelei_hash_check(STELE_HASH_XXH3, NULL, 5),
                      stelei_hash_check(STELE_HASH_XXH64, NULL, 5));
    ck_assert_uint_ne(stelei_hash_check(STELE_HASH_XXH3, NULL, 5),
                      stelei_hash_check(STELE_HASH_XXH3, NULL, 6));
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
    tcase_add_test(tcase, each_id_is_one_function);
    tcase_add_test(tcase, words_are_hashed_wherever_they_stand);
    tcase_add_test(tcase, the_check_tells_functions_apart);
    return suite_run(suite);
}
