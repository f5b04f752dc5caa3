/* vector.h: golden bytes of its entries, and its limits. */
#include <stele/vector.h>

#include "suite.h"

#define HELD(vector, literal)                                                                      \
    do {                                                                                           \
        ck_assert_uint_eq((vector).used, sizeof(literal) - 1);                                     \
        ck_assert_mem_eq((vector).bytes, literal, sizeof(literal) - 1);                            \
        stele_vector_reset(&(vector));                                                             \
    } while (0)

START_TEST(golden_entries)
{
    struct stele_vector vector;
    stele_vector_init(&vector, 1000);
    expect_ok(stele_vector_put(&vector, 0x200, "k", 1, "vw", 2));
    HELD(vector, "\x0b\0\0\0\x10\0\0\x02\x02\0\0\0\x01\0\0\0kvw");
    expect_ok(stele_vector_insert(&vector, 0x200, "k", 1, NULL, 0));
    HELD(vector, "\x09\0\0\0\x12\0\0\x02\0\0\0\0\x01\0\0\0k");
    expect_ok(stele_vector_replace(&vector, 0x200, NULL, 0, "v", 1));
    HELD(vector, "\x09\0\0\0\x13\0\0\x02\x01\0\0\0\0\0\0\0v");
    expect_ok(stele_vector_erase(&vector, 0x200, "k", 1));
    HELD(vector, "\x05\0\0\0\x11\0\0\x02\x01\0\0\0k");
    expect_ok(stele_vector_cas(&vector, 0x200, "k", 1, "vw", 2, "xyz", 3));
    HELD(vector, "\x16\0\0\0\x14\0\0\x02\x03\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0kvwxyz");
    expect_ok(stele_vector_incr(&vector, 0x200, "k", 1, -2));
    HELD(vector, "\x11\0\0\0\x15\0\0\x02\xfe\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0\0\0\0k");
    ck_assert_uint_eq(vector.count, 0);
    stele_vector_fini(&vector);
}
END_TEST

START_TEST(limits)
{
    static uint8_t key[65536];
    struct stele_vector vector;
    stele_vector_init(&vector, 16 + 20);
    expect_status(stele_vector_put(&vector, 1, key, 10, key, 11), STELE_ETOOBIG);
    ck_assert_uint_eq(vector.used + vector.count, 0);
    expect_ok(stele_vector_put(&vector, 1, key, 10, key, 10));
    expect_status(stele_vector_erase(&vector, 1, NULL, 0), STELE_ETOOBIG);
    ck_assert_uint_eq(vector.count, 1);
    stele_vector_fini(&vector);
    stele_vector_init(&vector, SIZE_MAX / 2);
    expect_status(stele_vector_put(&vector, 1, key, 65536, NULL, 0), STELE_ETOOBIG);
    expect_status(stele_vector_erase(&vector, 1, key, 65536), STELE_ETOOBIG);
    expect_status(stele_vector_incr(&vector, 1, key, 65536, 1), STELE_ETOOBIG);
    size_t huge = (size_t)STELEI_VALUE_MAX_BYTES + 1;
    expect_status(stele_vector_put(&vector, 1, key, 1, key, huge), STELE_ETOOBIG);
    expect_status(stele_vector_cas(&vector, 1, key, 1, key, huge, key, 1), STELE_ETOOBIG);
    expect_status(stele_vector_cas(&vector, 1, key, 1, key, 1, key, huge), STELE_ETOOBIG);
    expect_ok(stele_vector_erase(&vector, 1, key, 65535));
    ck_assert_uint_eq(vector.used, 12 + 65535);
    stele_vector_reset(&vector);
    for (uint32_t i = 0; i < STELEI_VECTOR_MAX_COUNT; i++)
        expect_ok(stele_vector_erase(&vector, 1, NULL, 0));
    expect_status(stele_vector_erase(&vector, 1, NULL, 0), STELE_ETOOBIG);
    stele_vector_fini(&vector);
    stele_vector_fini(&vector); /* again: nothing */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vector");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, golden_entries);
    tcase_add_test(all, limits);
    return suite_run(suite);
}
