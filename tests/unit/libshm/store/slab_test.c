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

/* ---- slabs being emptied -------------------------------------------------------------------- */

#define CLS      49u /* 2,560 bytes, 25 a slab */
#define CAPACITY (STELEI_UNIT_BYTES / 2560)

static void expect_in_order(void)
{
    const char *broken = slabs_check(&slabs, UNITS);
    ck_assert_msg(!broken, "%s", broken);
}

static uint64_t block(uint32_t unit, unsigned n)
{
    return unit * STELEI_UNIT_BYTES + (uint64_t)n * 2560;
}

/* A slab on offer with this many blocks taken. */
static void slab_with(uint32_t unit, unsigned used)
{
    slabs_add(&slabs, unit, CLS);
    for (unsigned n = 0; n < used; n++)
        slabs_mark(&slabs, block(unit, n));
    slabs_offer(&slabs, unit);
}

START_TEST(sparse_is_what_packing_would_free)
{
    ck_assert_uint_eq(slabs_sparse(&slabs), 0);
    slab_with(1, 1);
    ck_assert_uint_eq(slabs_sparse(&slabs), 0); /* it needs a slab, whatever is done */
    slab_with(2, 1);
    ck_assert_uint_eq(slabs_sparse(&slabs), 1);
    slab_with(3, 23);
    ck_assert_uint_eq(slabs_sparse(&slabs), 2);
    slabs_alloc(&slabs, CLS);
    expect_in_order();
}
END_TEST

START_TEST(worth_emptying_are_those_with_much_room)
{
    slab_with(1, 5);
    slab_with(2, 24);
    ck_assert(!slabs_worth_emptying(&slabs, 1)); /* nobody has room for its blocks */
    slab_with(3, 20);
    ck_assert(slabs_worth_emptying(&slabs, 1)); /* five here, one there */
    ck_assert(!slabs_worth_emptying(&slabs, 2));
    ck_assert(!slabs_worth_emptying(&slabs, 9)); /* no slab */
    slab_with(4, 0);
    ck_assert(!slabs_worth_emptying(&slabs, 4)); /* empty already */
    expect_in_order();
}
END_TEST

START_TEST(nothing_is_given_out_from_a_victim)
{
    slab_with(1, 5);
    slab_with(2, 5);
    slabs_choose(&slabs, 1);
    expect_in_order();
    ck_assert(slabs_victim(&slabs, block(1, 3)));
    ck_assert(!slabs_victim(&slabs, block(2, 3)));
    for (unsigned n = 5; n < CAPACITY; n++)
        ck_assert_uint_eq(slabs_alloc(&slabs, CLS) / STELEI_UNIT_BYTES, 2);
    ck_assert_uint_eq(slabs_alloc(&slabs, CLS), 0);
    expect_in_order();
    for (unsigned n = 0; n < 5; n++) {
        ck_assert(!slabs_alone(&slabs, 1));
        ck_assert_int_eq(slabs_free(&slabs, block(1, n)), n == 4);
        expect_in_order();
    }
    slabs_remove(&slabs, 1);
    ck_assert(!slabs_victim(&slabs, block(1, 3)));
    expect_in_order();
    ck_assert(!slabs_restore(&slabs, CLS, true));
}
END_TEST

START_TEST(a_stuck_slab_waits_until_one_of_its_blocks_goes)
{
    for (uint32_t unit = 1; unit <= 3; unit++)
        slab_with(unit, 5);
    slabs_choose(&slabs, 2);
    ck_assert(slabs_restore(&slabs, CLS, true));
    ck_assert(!slabs_restore(&slabs, CLS, true));
    expect_in_order();
    ck_assert(!slabs_worth_emptying(&slabs, 2));
    ck_assert_uint_eq(slabs.room[CLS].free, 2 * (CAPACITY - 5));
    uint64_t got = slabs_alloc(&slabs, CLS); /* it is on offer, the first */
    ck_assert_uint_eq(got / STELEI_UNIT_BYTES, 2);
    slabs_free(&slabs, got);
    expect_in_order();
    ck_assert(!slabs_worth_emptying(&slabs, 2)); /* that was none of the five */
    slabs_free(&slabs, block(2, 0));
    ck_assert(slabs_worth_emptying(&slabs, 2));
    expect_in_order();
    slabs_choose(&slabs, 2);
    ck_assert(slabs_restore(&slabs, CLS, false));
    ck_assert(slabs_worth_emptying(&slabs, 2));
    expect_in_order();
}
END_TEST

START_TEST(a_stuck_slab_may_fill_and_be_offered_again)
{
    slab_with(1, 20);
    slab_with(2, 20);
    slabs_choose(&slabs, 1);
    slabs_restore(&slabs, CLS, true);
    for (unsigned n = 20; n < CAPACITY; n++)
        slabs_alloc(&slabs, CLS);
    ck_assert(slabs_full(&slabs, 1));
    expect_in_order();
    for (unsigned n = 0; n < CAPACITY; n++) {
        slabs_free(&slabs, block(1, n));
        expect_in_order();
        ck_assert_uint_eq(slabs.room[CLS].slabs, n < 5 ? 1u : 2u);
    }
}
END_TEST

START_TEST(check_names_what_is_broken)
{
    slab_with(1, 20);
    slab_with(2, 20);
    slabs.room[CLS].free++;
    ck_assert_str_eq(slabs_check(&slabs, UNITS), "the room of a class does not add up");
    slabs.room[CLS].free--;
    slabs.partial[CLS] = 1;
    ck_assert_ptr_nonnull(slabs_check(&slabs, UNITS));
    slabs.partial[CLS] = 2;
    slabs_choose(&slabs, 1);
    slabs.room[CLS].leaving--;
    ck_assert_str_eq(slabs_check(&slabs, UNITS), "the room of a class does not add up");
    slabs.room[CLS].leaving++;
    slabs.victim_map[0] = 0;
    ck_assert_str_eq(slabs_check(&slabs, UNITS),
                     "a slab being emptied is full, or in the wrong list");
    slabs.victim_map[0] = 2;
    expect_in_order();
    slabs_add(&slabs, 5, CLS);
    ck_assert_str_eq(slabs_check(&slabs, UNITS),
                     "a slab with room is neither on offer nor being emptied");
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
    tcase_add_test(tcase, sparse_is_what_packing_would_free);
    tcase_add_test(tcase, worth_emptying_are_those_with_much_room);
    tcase_add_test(tcase, nothing_is_given_out_from_a_victim);
    tcase_add_test(tcase, a_stuck_slab_waits_until_one_of_its_blocks_goes);
    tcase_add_test(tcase, a_stuck_slab_may_fill_and_be_offered_again);
    tcase_add_test(tcase, check_names_what_is_broken);
    tcase_add_test_raise_signal(tcase, freeing_twice_is_our_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, removing_a_used_slab_is_our_bug, SIGABRT);
    return suite_run(suite);
}
