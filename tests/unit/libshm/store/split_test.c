#include "rooms.h"

static struct rooms *rooms;
static struct table *table;

static void setup(void)
{
    rooms = rooms_open(NULL, 128 * STORES_MIB);
    table = rooms_table(rooms, "split");
}

static void teardown(void)
{
    rooms_verify(rooms);
    rooms_close(rooms);
}

START_TEST(load_stays_at_three_quarters)
{
    for (uint64_t n = 0; n < 20000; n++) {
        expect_ok(rooms_put(table, n));
        ck_assert_uint_le(table->entries * 4, table->buckets * STELEI_BYTES_SLOTS * 3);
    }
    ck_assert_uint_ge(table->buckets, 2600);
    ck_assert_uint_le(table->buckets, 2700); /* and no more splits than that */
    ck_assert_uint_lt(table->overflow, 20000 / 8);
}
END_TEST

START_TEST(every_size_up_to_a_thousand_verifies)
{
    for (uint64_t n = 0; n < 1000; n++) {
        expect_ok(rooms_put(table, n));
        rooms_verify(rooms);
    }
    for (uint64_t n = 0; n < 1000; n++)
        ck_assert(rooms_has(table, n));
}
END_TEST

START_TEST(growth_crosses_into_chunks)
{
    uint64_t n;
    for (n = 0; table->buckets < 33000; n++)
        expect_ok(rooms_put(table, n));
    ck_assert_uint_ne(table->root->directory, 0);
    while (n-- > 0)
        ck_assert(rooms_has(table, n));
}
END_TEST

START_TEST(geometry_is_published_in_time)
{
    for (uint64_t n = 0; n < 100000; n++) {
        expect_ok(rooms_put(table, n));
        uint64_t known = table->root->geometry & 0xffffffffu, every = table->buckets / 64;
        ck_assert_uint_le(known, table->buckets);
        ck_assert_uint_lt(table->buckets - known, every > 1 ? every : 1);
    }
}
END_TEST

START_TEST(a_split_parts_long_chains)
{
    /* 150 entries of one bucket of four; half of them move when bucket 5 is born */
    uint64_t from = 0, numbers[150];
    rooms_colliding(table, 2, 1, &from, numbers, 150);
    for (unsigned i = 0; i < 150; i++)
        expect_ok(rooms_put(table, numbers[i]));
    rooms_verify(rooms);
    ck_assert_uint_ge(table->buckets, 20);
    for (unsigned i = 0; i < 150; i++)
        ck_assert(rooms_has(table, numbers[i]));
}
END_TEST

START_TEST(a_split_parts_chains_of_any_length)
{
    /* 1,000 entries that move together, and 300 that stay behind them in the same chain */
    uint64_t from = 0, numbers[1300];
    rooms_colliding(table, 3, 5, &from, numbers, 1000);
    rooms_colliding(table, 3, 1, &from, numbers + 1000, 300);
    for (unsigned i = 0; i < 1300; i++)
        expect_ok(rooms_put(table, numbers[i]));
    rooms_verify(rooms);
    ck_assert_uint_le(table->entries * 4, table->buckets * STELEI_BYTES_SLOTS * 3);
    for (unsigned i = 0; i < 1300; i++)
        ck_assert(rooms_has(table, numbers[i]));
}
END_TEST

START_TEST(a_chain_that_moves_as_a_whole)
{
    /* all in one bucket at every depth so far: each split of it moves or keeps all of them */
    uint64_t from = 0, numbers[400];
    rooms_colliding(table, 12, 77, &from, numbers, 400);
    for (unsigned i = 0; i < 400; i++)
        expect_ok(rooms_put(table, numbers[i]));
    rooms_verify(rooms);
    ck_assert_uint_le(table->entries * 4, table->buckets * STELEI_BYTES_SLOTS * 3);
    for (unsigned i = 0; i < 400; i++)
        ck_assert(rooms_has(table, numbers[i]));
    for (unsigned i = 0; i < 400; i++)
        expect_ok(table_erase(table, &numbers[i], 8));
    ck_assert_uint_eq(table->lines, 0);
}
END_TEST

START_TEST(no_memory_for_all_lines_only_delays_a_split)
{
    /* the next split needs 39 lines; there are pages for none, and room for ten */
    enum stele_status status = STELE_OK;
    static uint64_t run[4000], line[4000];
    uint64_t from = 0, numbers[400], more = 0;
    unsigned runs = 0, lines = 0, cls = stelei_class_of(STELEI_BUCKET_BYTES);
    rooms_colliding(table, 12, 77, &from, numbers, 400);
    for (unsigned i = 0; i < 400; i++)
        expect_ok(rooms_put(table, numbers[i]));
    for (; table->buckets < 77; more++)
        expect_ok(rooms_put(table, from + more));
    while ((run[runs] = arena_alloc(&rooms->arena, 65536, ARENA_RESERVE, &status)) != 0)
        runs++;
    while (rooms->arena.slabs.room[cls].free > 10)
        line[lines++] = arena_alloc(&rooms->arena, STELEI_BUCKET_BYTES, ARENA_RESERVE, &status);
    uint64_t stuck = more + 20, spare = rooms->arena.slabs.room[cls].free;
    for (; more < stuck; more++)
        expect_ok(rooms_put(table, from + more));
    ck_assert_uint_eq(table->buckets, 77);
    ck_assert_uint_le(rooms->arena.slabs.room[cls].free, spare);
    ck_assert_uint_ge(rooms->arena.slabs.room[cls].free + 3, spare); /* entries that overflowed */
    while (runs-- > 0)
        arena_free(&rooms->arena, run[runs], 65536);
    while (lines-- > 0)
        arena_free(&rooms->arena, line[lines], STELEI_BUCKET_BYTES);
    for (stuck += 20; more < stuck; more++)
        expect_ok(rooms_put(table, from + more));
    ck_assert_uint_gt(table->buckets, 77);
    for (unsigned i = 0; i < 400; i++)
        ck_assert(rooms_has(table, numbers[i]));
    while (more-- > 0)
        ck_assert(rooms_has(table, from + more));
}
END_TEST

START_TEST(entries_are_pulled_up_into_the_head)
{
    for (uint64_t n = 0; n < 50000; n++)
        expect_ok(rooms_put(table, n));
    /* after a split no chain of its two buckets has lines while its head has room */
    uint64_t last = table->buckets - 1, pair[2] = {last, stelei_bucket_parent(last)};
    for (unsigned i = 0; i < 2; i++) {
        struct stelei_bucket *head = index_bucket(table, pair[i]);
        if (head->link)
            ck_assert_uint_eq(stelei_sequence_valid(head->sequence), 0x3ff);
    }
}
END_TEST

/* The half split that a killed writer leaves: buddy published, head not. */
static struct stelei_bucket *half_split(void)
{
    uint64_t born = table->buckets, parent = stelei_bucket_parent(born);
    expect_ok(index_extend(table, born));
    struct stelei_bucket *head = index_bucket(table, parent), *buddy = index_bucket(table, born);
    unsigned depth = stelei_sequence_depth(head->sequence) + 1, to = 0;
    uint64_t valid = stelei_sequence_valid(head->sequence);
    for (unsigned slot = 0; slot < STELEI_BYTES_SLOTS; slot++)
        if (valid >> slot & 1 &&
            table_record_hash(table, table_record(table, head->ref[slot])) >> (depth - 1) & 1)
            table_fill_slot(buddy, to++, table_tag(head, slot), head->ref[slot]);
    buddy->link = 0;
    buddy->sequence = stelei_sequence_next(buddy->sequence, depth, (UINT64_C(1) << to) - 1);
    table->buckets++;
    return head;
}

START_TEST(a_half_split_is_finished)
{
    for (uint64_t n = 0; n < 31; n++) /* five buckets, one entry below the next split */
        expect_ok(rooms_put(table, n));
    for (unsigned round = 0; round < 2; round++) {
        uint64_t buckets = table->buckets;
        struct stelei_bucket *head = half_split();
        if (head->link)
            break; /* the helper above moves heads only */
        uint64_t word = head->sequence;
        split_finish(table);
        ck_assert_uint_eq(stelei_sequence_depth(head->sequence), stelei_sequence_depth(word) + 1);
        ck_assert_uint_gt(head->sequence >> STELEI_VERSION_SHIFT, word >> STELEI_VERSION_SHIFT);
        ck_assert_uint_eq(table->buckets, buckets + 1);
        table->root->geometry = stelei_geometry((uint32_t)table->buckets);
        table->published = table->buckets;
        table_publish_counts(table);
        rooms_verify(rooms);
        split_finish(table); /* again: changes nothing but the version */
        rooms_verify(rooms);
    }
    for (uint64_t n = 0; n < 31; n++)
        ck_assert(rooms_has(table, n));
}
END_TEST

START_TEST(no_memory_only_delays_a_split)
{
    /* the pages are gone, but there are free blocks for 2000 records: no bucket can be added */
    enum stele_status status = STELE_OK;
    static uint64_t spare[2000], run[4000];
    unsigned runs = 0;
    uint64_t n = 0;
    for (unsigned i = 0; i < 2000; i++)
        spare[i] = arena_alloc(&rooms->arena, 24, ARENA_ORDINARY, &status);
    while ((run[runs] = arena_alloc(&rooms->arena, 65536, ARENA_RESERVE, &status)) != 0)
        runs++;
    for (unsigned i = 0; i < 2000; i++)
        arena_free(&rooms->arena, spare[i], 24);
    while (n < 1500 && rooms_put(table, n) == STELE_OK)
        n++;
    ck_assert_uint_gt(n, 10);
    uint64_t stuck = n, buckets = table->buckets;
    for (uint64_t i = 0; i < stuck; i++)
        ck_assert(rooms_has(table, i));
    while (runs-- > 0)
        arena_free(&rooms->arena, run[runs], 65536);
    for (; n < 3000; n++)
        expect_ok(rooms_put(table, n));
    ck_assert_uint_gt(table->buckets, buckets);
    ck_assert_uint_le(table->entries * 4, table->buckets * STELEI_BYTES_SLOTS * 3);
    for (uint64_t i = 0; i < n; i++)
        ck_assert(rooms_has(table, i));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("split");
    TCase *tcase = suite_case(suite, "split");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, load_stays_at_three_quarters);
    tcase_add_test(tcase, every_size_up_to_a_thousand_verifies);
    tcase_add_test(tcase, growth_crosses_into_chunks);
    tcase_add_test(tcase, geometry_is_published_in_time);
    tcase_add_test(tcase, a_split_parts_long_chains);
    tcase_add_test(tcase, a_split_parts_chains_of_any_length);
    tcase_add_test(tcase, a_chain_that_moves_as_a_whole);
    tcase_add_test(tcase, no_memory_for_all_lines_only_delays_a_split);
    tcase_add_test(tcase, entries_are_pulled_up_into_the_head);
    tcase_add_test(tcase, a_half_split_is_finished);
    tcase_add_test(tcase, no_memory_only_delays_a_split);
    return suite_run(suite);
}
