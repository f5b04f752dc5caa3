#include "slab.h"

#include <signal.h>

#include "random.h"
#include "suite.h"

#define UNITS 64u

static struct slabs slabs;

static void setup(void)
{
    expect_ok(slabs_init(&slabs, UNITS * STELEI_UNIT_BYTES));
}

static void teardown(void)
{
    slabs_fini(&slabs);
}

START_TEST(without_a_slab_there_is_no_block)
{
    for (unsigned cls = 1; cls <= STELEI_CLASS_COUNT; cls++)
        ck_assert_uint_eq(slabs_alloc(&slabs, cls), 0);
    ck_assert_uint_eq(slabs_class(&slabs, 5), 0);
    ck_assert(!slabs_is_block(&slabs, 5 * STELEI_UNIT_BYTES, 1));
}
END_TEST

START_TEST(each_class_fills_its_unit)
{
    unsigned cls = (unsigned)_i;
    uint32_t bytes = stelei_class_bytes(cls), capacity = (uint32_t)(STELEI_UNIT_BYTES / bytes);
    slabs_add(&slabs, 7, cls);
    ck_assert_uint_eq(slabs_alloc(&slabs, cls), 0); /* not on offer yet */
    slabs_offer(&slabs, 7);
    for (uint32_t n = 0; n < capacity; n++) {
        uint64_t off = slabs_alloc(&slabs, cls);
        ck_assert_uint_eq(off, 7 * STELEI_UNIT_BYTES + (uint64_t)n * bytes);
        ck_assert(slabs_is_block(&slabs, off, cls));
        ck_assert(slabs_taken(&slabs, off));
        ck_assert(!slabs_is_block(&slabs, off + 8, cls));
        ck_assert(!slabs_is_block(&slabs, off, cls == 1 ? 2 : cls - 1));
    }
    ck_assert(slabs_full(&slabs, 7));
    ck_assert_uint_eq(slabs_used(&slabs, 7), capacity);
    ck_assert_uint_eq(slabs_alloc(&slabs, cls), 0);
    ck_assert_uint_eq(slabs.used_bytes, (uint64_t)capacity * bytes);
    /* behind the last whole block there is none */
    ck_assert(!slabs_is_block(&slabs, 7 * STELEI_UNIT_BYTES + (uint64_t)capacity * bytes, cls) ||
              STELEI_UNIT_BYTES % bytes == 0);
    for (uint32_t n = 0; n < capacity; n++)
        ck_assert_int_eq(slabs_free(&slabs, 7 * STELEI_UNIT_BYTES + (uint64_t)n * bytes),
                         n + 1 == capacity);
    ck_assert_uint_eq(slabs.used_bytes, 0);
    slabs_remove(&slabs, 7);
    ck_assert_uint_eq(slabs_alloc(&slabs, cls), 0);
    ck_assert_uint_eq(slabs_class(&slabs, 7), 0);
}
END_TEST

START_TEST(a_freed_block_is_given_out_again)
{
    slabs_add(&slabs, 3, 20);
    slabs_offer(&slabs, 3);
    uint64_t off = 0, second = 0;
    for (unsigned i = 0; i < 200; i++) {
        uint64_t got = slabs_alloc(&slabs, 20);
        second = i == 1 ? got : second;
        off = got;
    }
    ck_assert_uint_ne(off, 0);
    ck_assert(!slabs_free(&slabs, second));
    ck_assert(!slabs_taken(&slabs, second));
    ck_assert_uint_eq(slabs_alloc(&slabs, 20), second);
}
END_TEST

START_TEST(slabs_on_offer_form_one_list)
{
    /* three slabs of a class, emptied and removed from the middle of the list */
    for (uint32_t unit = 1; unit <= 3; unit++) {
        slabs_add(&slabs, unit, STELEI_CLASS_COUNT);
        slabs_offer(&slabs, unit);
    }
    slabs_remove(&slabs, 2);
    unsigned blocks = 0;
    while (slabs_alloc(&slabs, STELEI_CLASS_COUNT))
        blocks++;
    ck_assert_uint_eq(blocks, 16); /* two units of eight */
}
END_TEST

START_TEST(marking_takes_a_block_once)
{
    slabs_add(&slabs, 9, 10);
    uint64_t off = 9 * STELEI_UNIT_BYTES + 5 * stelei_class_bytes(10);
    ck_assert(slabs_mark(&slabs, off));
    ck_assert(!slabs_mark(&slabs, off));
    ck_assert_uint_eq(slabs_used(&slabs, 9), 1);
    ck_assert_uint_eq(slabs.used_bytes, stelei_class_bytes(10));
    slabs_offer(&slabs, 9);
    for (unsigned i = 0; i < 20; i++)
        ck_assert_uint_ne(slabs_alloc(&slabs, 10), off);
}
END_TEST

START_TEST(freeing_twice_is_our_bug)
{
    slabs_add(&slabs, 3, 20);
    slabs_offer(&slabs, 3);
    uint64_t off = slabs_alloc(&slabs, 20);
    slabs_alloc(&slabs, 20);
    slabs_free(&slabs, off);
    slabs_free(&slabs, off);
}
END_TEST

START_TEST(removing_a_used_slab_is_our_bug)
{
    slabs_add(&slabs, 3, 20);
    slabs_offer(&slabs, 3);
    slabs_alloc(&slabs, 20);
    slabs_remove(&slabs, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slab");
    TCase *tcase = suite_case(suite, "slab");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, without_a_slab_there_is_no_block);
    tcase_add_loop_test(tcase, each_class_fills_its_unit, 1, STELEI_CLASS_COUNT + 1);
    tcase_add_test(tcase, a_freed_block_is_given_out_again);
    tcase_add_test(tcase, slabs_on_offer_form_one_list);
    tcase_add_test(tcase, marking_takes_a_block_once);
    tcase_add_test_raise_signal(tcase, freeing_twice_is_our_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, removing_a_used_slab_is_our_bug, SIGABRT);
    return suite_run(suite);
}
