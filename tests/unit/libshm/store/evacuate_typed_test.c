/* Sparse slabs emptied of what lists and words have in them (promises C, D, F). */
#include "evacuate.h"

#include "lists.h"
#include "segment_name.h"

#define LISTS 3000u

static const char *const types[] = {"u64->list:u64", "bytes->list:u64", "u64->list:u8",
                                    "bytes->list:u16"};

static struct rooms *rooms;
static struct table *table;
static struct evacuate pass;
static struct plain plain[LISTS]; /* count 0: no such key */

static void setup(void)
{
    segment_name_clean();
    rooms = rooms_open(segment_name(), 64 * STORES_MIB);
    memset(&pass, 0, sizeof pass);
    memset(plain, 0, sizeof plain);
}

static void teardown(void)
{
    rooms_settle(rooms);
    rooms_verify(rooms);
    for (unsigned k = 0; k < LISTS; k++)
        plain_fini(&plain[k]);
    rooms_close(rooms);
}

static bool step(uint32_t budget)
{
    return evacuate_step(&pass, &rooms->catalog, &budget);
}

/* Many lists of so many bytes each, of which one in `keep` stays. */
static void fill_sparsely(int type, uint64_t bytes, unsigned keep)
{
    table = rooms_typed(rooms, "lists", types[type]);
    for (unsigned k = 0; k < LISTS; k++) {
        plain_fini(&plain[k]); /* of the round before */
        plain_init(&plain[k], table);
        uint64_t part = (bytes < 700 ? bytes : 700) >> table->element_shift;
        while (plain[k].count << plain[k].shift < bytes)
            lists_grow(table, k, &plain[k], part);
    }
    for (uint64_t k = 0; k < LISTS; k++)
        if (k % keep != 0) {
            expect_ok(table_erase(table, &k, sizeof k));
            plain[k].count = 0;
        }
    arena_drain(&rooms->arena);
}

static void expect_lists(void)
{
    struct list_spot at;
    for (unsigned k = 0; k < LISTS; k++)
        if (plain[k].count)
            lists_expect(table, k, &plain[k]);
        else
            expect(!lists_find(table, k, &at));
}

/* No part of any list stands in a victim any more. */
static void expect_moved(void)
{
    for (unsigned cls = 1; cls <= STELEI_CLASS_COUNT; cls++)
        ck_assert_uint_eq(rooms->arena.slabs.room[cls].leaving, 0);
}

START_TEST(small_lists_move)
{
    static const uint64_t bytes[] = {8, 64, 200};
    for (unsigned b = 0; b < 3; b++) {
        fill_sparsely(_i, bytes[b], 8);
        uint64_t sparse = arena_sparse_bytes(&rooms->arena);
        uint64_t used = arena_used_bytes(&rooms->arena), record_bytes = table->record_bytes;
        ck_assert_uint_gt(sparse, 0);
        evacuate_begin(&pass);
        while (step(UINT32_MAX))
            ;
        ck_assert_uint_lt(arena_sparse_bytes(&rooms->arena), sparse / 2 + STELEI_UNIT_BYTES);
        ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
        ck_assert_uint_eq(table->record_bytes, record_bytes);
        expect_moved();
        expect_lists();
        rooms_verify(rooms);
        expect_ok(catalog_drop(&rooms->catalog, (uint32_t)(table - rooms->catalog.table)));
        rooms_settle(rooms);
    }
    ck_assert_uint_gt(pass.moved_bytes, 0);
}
END_TEST

/* A long list's record and its chunks, each in a slab of its own size. */
START_TEST(long_lists_move)
{
    fill_sparsely(_i, 2500, 6);
    uint64_t used = arena_used_bytes(&rooms->arena), chunks = 0, moved = 0;
    static uint32_t refs[LISTS][2]; /* of the record and a chunk, before */
    for (unsigned k = 0; k < LISTS; k += 6) {
        struct list_spot at = lists_spot(table, k);
        refs[k][0] = (uint32_t)*at.cell;
        refs[k][1] = list_entry(at.list, 2)->ref;
    }
    evacuate_begin(&pass);
    while (step(UINT32_MAX))
        ;
    for (unsigned k = 0; k < LISTS; k += 6) {
        struct list_spot at = lists_spot(table, k);
        moved += refs[k][0] != (uint32_t)*at.cell;
        chunks += refs[k][1] != list_entry(at.list, 2)->ref;
    }
    ck_assert_uint_gt(moved, LISTS / 6 / 4);
    ck_assert_uint_gt(chunks, LISTS / 6 / 4);
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
    expect_moved();
    expect_lists();
}
END_TEST

/* Each block that moves moves the head's version before the old one can be given out again. */
START_TEST(what_moves_moves_the_version)
{
    fill_sparsely(_i, 1300, 6);
    evacuate_begin(&pass);
    while (pass.phase == EVACUATE_CHOOSING)
        step(1);
    uint64_t moved = 0;
    while (pass.phase == EVACUATE_MOVING) {
        uint64_t before = pass.moved_bytes, versions = 0, after = 0;
        uint64_t bucket = pass.bucket;
        struct stelei_bucket *head = index_bucket(table, bucket);
        versions = head->sequence >> STELEI_VERSION_SHIFT;
        uint64_t retired = rooms->segment.header->retired;
        step(1);
        after = head->sequence >> STELEI_VERSION_SHIFT;
        if (pass.moved_bytes != before && pass.bucket == bucket) {
            expect(after - versions == rooms->segment.header->retired - retired);
            moved++;
        }
    }
    ck_assert_uint_gt(moved, 100);
    while (step(UINT32_MAX))
        ;
    expect_lists();
}
END_TEST

/* Appends and removals go to where the list stands then. */
START_TEST(lists_change_meanwhile)
{
    struct random random = {(uint64_t)_i + 4};
    fill_sparsely(_i, 1300, 5);
    for (unsigned passes = 0; passes < 2; passes++) {
        evacuate_begin(&pass);
        while (step(1 + random_below(&random, 3))) {
            unsigned k = 5 * random_below(&random, LISTS / 5);
            if (plain[k].count > 1 && random_below(&random, 3) == 0)
                lists_remove(table, k, &plain[k], random_below(&random, (uint32_t)plain[k].count));
            else
                lists_grow(table, k, &plain[k], 1 + random_below(&random, 20));
        }
        expect_lists();
        rooms_verify(rooms);
    }
}
END_TEST

/* F: killed in the middle, between any two steps. */
START_TEST(adoption_in_the_middle_of_a_pass)
{
    fill_sparsely(_i, 1300, 6);
    for (unsigned stop = 0; stop < 8; stop++) {
        evacuate_begin(&pass);
        for (unsigned i = 0; i < stop * 50 && step(2); i++)
            ;
        uint64_t entries = table->entries;
        rooms_change_writers(&rooms, segment_name());
        table = catalog_table(&rooms->catalog, 0);
        rooms_settle(rooms);
        rooms_verify(rooms);
        ck_assert_uint_eq(rooms->adopt.marks.dropped, 0);
        ck_assert_uint_eq(table->entries, entries);
        expect_lists();
        for (unsigned k = 6 * stop; k < LISTS; k += 60) { /* sparse again */
            uint64_t key = k;
            if (plain[k].count)
                expect_ok(table_erase(table, &key, sizeof key));
            plain[k].count = 0;
        }
        arena_drain(&rooms->arena);
    }
}
END_TEST

START_TEST(steps_are_bounded)
{
    fill_sparsely(_i, 2500, 6);
    evacuate_begin(&pass);
    for (bool more = true; more;) {
        uint64_t moved = pass.moved_bytes, bucket = pass.bucket;
        uint64_t retired = rooms->segment.header->retired;
        more = step(EVACUATE_PER_WRITE);
        uint64_t blocks = rooms->segment.header->retired - retired;
        uint64_t buckets = pass.bucket > bucket ? pass.bucket - bucket : 0;
        ck_assert_uint_le(blocks + buckets, EVACUATE_PER_WRITE + 1);
        ck_assert_uint_le(pass.moved_bytes - moved, (EVACUATE_PER_WRITE + 1) * 4096);
    }
    expect_lists();
}
END_TEST

/* Overflow lines of words stand among other blocks of 64 bytes. */
START_TEST(lines_of_words_move)
{
    struct table *words = rooms_typed(rooms, "words", _i ? "u64->u64,identity" : "u64->u64");
    struct table *other = rooms_table(rooms, "other");
    uint8_t value[48] = {0};
    for (uint64_t n = 0; n < 3000; n++) {
        uint64_t key = _i ? n << 12 : n;
        expect_ok(table_write(words, TABLE_PUT, &key, 8, &n, 8));
        for (uint64_t i = 0; i < 4; i++)
            expect_ok(table_write(other, TABLE_PUT, &(uint64_t){4 * n + i}, 8, value, 48));
    }
    for (uint64_t n = 0; n < 12000; n++)
        if (n % 16)
            expect_ok(table_erase(other, &n, 8));
    arena_drain(&rooms->arena);
    uint64_t lines = words->lines, retired = rooms->segment.header->retired;
    ck_assert_uint_gt(lines, 100);
    evacuate_begin(&pass);
    while (step(3))
        ;
    ck_assert_uint_eq(words->lines, lines);
    ck_assert_uint_gt(pass.moved_bytes / 64, rooms->segment.header->retired - retired);
    expect_moved();
    for (uint64_t n = 0; n < 3000; n++) {
        struct table_spot spot;
        uint64_t key = _i ? n << 12 : n;
        expect(table_find(words, &key, 8, table_hash(words, &key, 8), &spot));
        expect(slot_word(spot.line, spot.slot)->value == n);
    }
}
END_TEST

int main(void)
{
    segment_name_init("evacuate.typed");
    Suite *suite = suite_create("evacuate_typed");
    TCase *tcase = suite_case(suite, "moving");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, small_lists_move, 0, 4);
    tcase_add_loop_test(tcase, long_lists_move, 0, 4);
    tcase_add_loop_test(tcase, what_moves_moves_the_version, 0, 4);
    tcase_add_loop_test(tcase, lists_change_meanwhile, 0, 4);
    tcase_add_loop_test(tcase, adoption_in_the_middle_of_a_pass, 0, 4);
    tcase_add_loop_test(tcase, steps_are_bounded, 0, 4);
    tcase_add_loop_test(tcase, lines_of_words_move, 0, 2);
    return segment_name_fini(suite_run(suite));
}
