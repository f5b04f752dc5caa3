/*
 * Sparse slabs emptied (promises C, D, E, F, G): what moves, what stays, in slices, beside writes,
 * splits, drops and adoptions, and where memory is short.
 */
#include "evacuate.h"

#include "rooms.h"
#include "segment_name.h"

#define FEW  200u  /* bytes of a value whose slab holds some 290 records */
#define MANY 3000u /* entries: about ten such slabs */

static struct rooms *rooms;
static struct table *table;
static struct evacuate pass;

static void setup(void)
{
    segment_name_clean();
    rooms = rooms_open(segment_name(), 32 * STORES_MIB);
    table = rooms_table(rooms, "evacuate");
    memset(&pass, 0, sizeof pass);
}

static void teardown(void)
{
    rooms_settle(rooms);
    rooms_verify(rooms);
    rooms_close(rooms);
}

static enum stele_status put(struct table *to, uint64_t number, uint32_t bytes)
{
    static uint8_t value[1 << 17];
    random_bytes(number + bytes, value, bytes);
    return table_write(to, TABLE_PUT, &number, sizeof number, value, bytes);
}

/* The key is there with what put() gave it. */
static void expect_value(struct table *in, uint64_t number, uint32_t bytes)
{
    static uint8_t value[1 << 17];
    struct table_spot spot;
    uint64_t hash = stelei_hash(&number, sizeof number, in->map->hash_seed);
    ck_assert_msg(table_find(in, &number, sizeof number, hash, &spot), "key %llu is lost",
                  (unsigned long long)number);
    ck_assert_uint_eq(stelei_record_value_bytes(spot.meta), bytes);
    random_bytes(number + bytes, value, bytes);
    expect(memcmp(rooms->segment.base + spot.record_off + stelei_record_value_off(spot.meta), value,
                  bytes) == 0);
}

static void fill(struct table *to, uint64_t from, uint64_t end, uint32_t bytes)
{
    for (uint64_t n = from; n < end; n++)
        expect_ok(put(to, n, bytes));
}

/* Erases all but every `keep`-th of the numbers, and has their blocks given back. */
static void thin_out(struct table *from, uint64_t end, uint64_t keep)
{
    for (uint64_t n = 0; n < end; n++)
        if (n % keep != 0)
            expect_ok(table_erase(from, &n, sizeof n));
    arena_drain(&rooms->arena);
}

static bool step(uint32_t budget)
{
    return evacuate_step(&pass, &rooms->catalog, &budget);
}

static void whole_pass(void)
{
    evacuate_begin(&pass);
    while (step(UINT32_MAX))
        ;
}

/* Goes on until victims are chosen and the walk is to begin. */
static void choose_only(void)
{
    evacuate_begin(&pass);
    while (pass.phase == EVACUATE_CHOOSING)
        step(1);
    ck_assert_int_eq(pass.phase, EVACUATE_MOVING);
    ck_assert_uint_eq(pass.moved_bytes, 0);
}

static uint64_t free_units(void)
{
    return rooms->arena.pages.free_pages * STELEI_PAGE_BYTES / STELEI_UNIT_BYTES;
}

/* ---- what a pass does ----------------------------------------------------------------------- */

START_TEST(without_sparse_slabs_nothing_moves)
{
    fill(table, 0, MANY, FEW);
    ck_assert_uint_eq(arena_sparse_bytes(&rooms->arena), 0);
    evacuate_begin(&pass);
    ck_assert(!step(UINT32_MAX));
    ck_assert_int_eq(pass.phase, EVACUATE_IDLE);
    ck_assert_uint_eq(rooms->segment.header->retired, 0);
}
END_TEST

START_TEST(sparse_slabs_become_free_units)
{
    fill(table, 0, MANY, FEW);
    thin_out(table, MANY, 4);
    uint64_t before = free_units(), used = arena_used_bytes(&rooms->arena);
    uint64_t units = arena_sparse_bytes(&rooms->arena) / STELEI_UNIT_BYTES;
    ck_assert_uint_ge(units, 7);
    whole_pass();
    ck_assert_uint_ge(free_units(), before + units - 1);
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
    ck_assert_uint_eq(rooms->segment.header->retired, rooms->segment.header->recycled);
    rooms_verify(rooms);
    for (uint64_t n = 0; n < MANY; n += 4)
        expect_value(table, n, FEW);
    uint64_t moved = pass.moved_bytes;
    ck_assert(moved > 0 && moved <= MANY / 4 * 256);
    whole_pass(); /* there is nothing left to do */
    ck_assert_uint_eq(pass.moved_bytes, moved);
}
END_TEST

START_TEST(other_classes_have_the_memory)
{
    /* without the pass these do not fit: the thinned slabs hold most of the segment */
    uint64_t n = 0;
    while (put(table, n, 40) == STELE_OK)
        n++;
    uint64_t end = n;
    thin_out(table, end, 8);
    for (n = 0; put(table, end + n, 1000) == STELE_OK; n++)
        ;
    uint64_t stuck = n;
    whole_pass();
    for (; put(table, end + n, 1000) == STELE_OK; n++)
        ;
    ck_assert_msg(n > 15000 && n > 5 * stuck, "%llu, then %llu", (unsigned long long)stuck,
                  (unsigned long long)n);
    for (n = 0; n < end; n += 8)
        expect_value(table, n, 40);
}
END_TEST

START_TEST(every_class_moves)
{
    static const uint32_t sizes[] = {0, 1, 40, 100, 1000, 4090, 7000, 8170};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct table *own = rooms_table(rooms, (const char[]){(char)('a' + (char)i), 0});
        uint64_t end = 4 * STELEI_UNIT_BYTES / stelei_class_bytes(stelei_class_of(sizes[i] + 16));
        fill(own, 0, end, sizes[i]);
        thin_out(own, end, 3);
        uint64_t before = free_units();
        whole_pass();
        ck_assert_msg(free_units() >= before + 1, "values of %u bytes", sizes[i]);
        rooms_verify(rooms);
        for (uint64_t n = 0; n < end; n += 3)
            expect_value(own, n, sizes[i]);
    }
}
END_TEST

START_TEST(large_values_stay)
{
    fill(table, 0, 50, 20000);
    thin_out(table, 50, 2);
    whole_pass();
    ck_assert_uint_eq(pass.moved_bytes, 0);
    for (uint64_t n = 0; n < 50; n += 2)
        expect_value(table, n, 20000);
}
END_TEST

/* The head of the bucket that keys with these lowest bits of their hash stand in. */
static struct stelei_bucket *crowded(uint64_t hash)
{
    return index_bucket(table,
                        stelei_geometry_bucket(stelei_geometry((uint32_t)table->buckets), hash));
}

static unsigned lines_in_victims(uint64_t hash, uint32_t refs[60])
{
    unsigned count = 0;
    for (struct stelei_bucket *line = crowded(hash); line; line = table_line(table, line->link))
        if (line->link && slabs_victim(&rooms->arena.slabs, table_ref_off(table, line->link)))
            refs[count++] = line->link;
    return count;
}

/* Lines stand among records of their size. */
START_TEST(lines_move_with_the_records)
{
    uint64_t from = 1 << 20, crowd[60];
    uint64_t end = 0;
    struct table *other = rooms_table(rooms, "other");
    rooms_colliding(table, 12, 5, &from, crowd, 60);
    for (unsigned i = 0; i < 60; i++) { /* a line now and then, far apart */
        expect_ok(put(table, crowd[i], 500));
        fill(other, end, end + 100, 48);
        end += 100;
    }
    ck_assert_uint_ge(table->lines, 4);
    uint64_t lines = table->lines;
    thin_out(other, end, 16);
    choose_only();
    uint32_t in_victims[60];
    unsigned count = lines_in_victims(5, in_victims);
    ck_assert_uint_gt(count, 0);
    while (step(1))
        rooms_verify(rooms);
    ck_assert_uint_eq(table->lines, lines);
    for (struct stelei_bucket *line = crowded(5); line; line = table_line(table, line->link))
        for (unsigned i = 0; i < count; i++)
            ck_assert_uint_ne(line->link, in_victims[i]);
    for (unsigned cls = 1; cls <= STELEI_CLASS_COUNT; cls++)
        ck_assert_uint_eq(rooms->arena.slabs.room[cls].leaving, 0);
    for (unsigned i = 0; i < 60; i++)
        expect_value(table, crowd[i], 500);
    for (uint64_t n = 0; n < end; n += 16)
        expect_value(other, n, 48);
}
END_TEST

/* A table's root stays where it is; its slab is not tried again while it is there. */
START_TEST(what_stays_makes_a_slab_stuck)
{
    const uint32_t root = sizeof(struct stelei_root) - 16; /* a value whose record is as large */
    uint64_t end = 0, sparse;
    for (unsigned i = 0; i < 8; i++) {
        char name[2] = {(char)('a' + (char)i), 0};
        rooms_table(rooms, name);
        fill(table, end, end + 256, root);
        end += 256;
    }
    thin_out(table, end, 10);
    whole_pass();
    sparse = arena_sparse_bytes(&rooms->arena);
    rooms_verify(rooms);
    uint64_t moved = pass.moved_bytes;
    whole_pass();
    ck_assert(moved > 0 && pass.moved_bytes == moved); /* they are no victims again */
    for (unsigned i = 0; i < 8; i++) {
        char name[2] = {(char)('a' + (char)i), 0};
        uint32_t id;
        expect_ok(catalog_find(&rooms->catalog, name, &id));
        expect_ok(catalog_drop(&rooms->catalog, id));
    }
    rooms_settle(rooms);
    arena_drain(&rooms->arena);
    ck_assert_uint_ge(arena_sparse_bytes(&rooms->arena), sparse); /* but now they may be */
    whole_pass();
    ck_assert_uint_lt(arena_sparse_bytes(&rooms->arena), 2 * STELEI_UNIT_BYTES);
    for (uint64_t n = 0; n < end; n += 10)
        expect_value(table, n, root);
}
END_TEST

/* ---- in slices, beside other work ------------------------------------------------------------ */

/* E: no step does more than its budget says. */
START_TEST(steps_are_bounded)
{
    fill(table, 0, MANY, FEW);
    thin_out(table, MANY, 4);
    evacuate_begin(&pass);
    for (bool more = true; more;) {
        uint32_t budget = EVACUATE_PER_WRITE;
        uint64_t moved = pass.moved_bytes, bucket = pass.bucket, recycled;
        recycled = rooms->segment.header->recycled;
        more = evacuate_step(&pass, &rooms->catalog, &budget);
        uint64_t blocks = (pass.moved_bytes - moved) / 216;
        uint64_t buckets = pass.bucket > bucket ? pass.bucket - bucket : 0;
        ck_assert_uint_le(blocks + buckets, EVACUATE_PER_WRITE + 1);
        if (pass.phase == EVACUATE_MOVING)
            ck_assert(blocks + buckets > 0 || bucket == 0);
        if (pass.phase == EVACUATE_DRAINING)
            ck_assert_uint_le(rooms->segment.header->recycled - recycled,
                              4 * EVACUATE_PER_WRITE + 1024);
    }
}
END_TEST

/* Everything is there and agrees after each step, however small. */
START_TEST(every_step_leaves_all_in_order)
{
    fill(table, 0, 1500, FEW);
    thin_out(table, 1500, 5);
    evacuate_begin(&pass);
    while (step(1)) {
        rooms_verify(rooms);
        for (uint64_t n = 0; n < 1500; n += 5)
            expect_value(table, n, FEW);
    }
}
END_TEST

START_TEST(writes_go_on_meanwhile)
{
    static uint32_t bytes[2 * MANY]; /* of each key's value; 0: absent */
    struct random random = {8};
    fill(table, 0, MANY, FEW);
    thin_out(table, MANY, 4);
    for (uint64_t n = 0; n < MANY; n += 4)
        bytes[n] = FEW;
    for (unsigned passes = 0; passes < 3; passes++) {
        evacuate_begin(&pass);
        for (unsigned i = 0; step(1 + random_below(&random, 3)); i++) {
            uint64_t n = random_below(&random, 2 * MANY);
            if (random_below(&random, 3) == 0) {
                expect_status(table_erase(table, &n, sizeof n),
                              bytes[n] ? STELE_OK : STELE_ENOTFOUND);
                bytes[n] = 0;
            } else { /* inserts make splits */
                bytes[n] = random_below(&random, 2) ? FEW : 1 + random_below(&random, 400);
                expect_ok(put(table, n, bytes[n]));
            }
            if (i % 16 == 0)
                rooms_verify(rooms);
        }
        for (uint64_t n = 0; n < 2 * MANY; n++)
            if (bytes[n])
                expect_value(table, n, bytes[n]);
            else
                ck_assert(!rooms_has(table, n));
    }
}
END_TEST

START_TEST(nothing_is_given_out_from_victims)
{
    fill(table, 0, MANY, FEW);
    thin_out(table, MANY, 4);
    choose_only();
    for (unsigned i = 0; i < 300; i++) {
        enum stele_status status = STELE_OK;
        uint64_t off = arena_alloc(&rooms->arena, FEW + 16, ARENA_ORDINARY, &status);
        ck_assert(!slabs_victim(&rooms->arena.slabs, off));
        arena_free(&rooms->arena, off, FEW + 16);
        off = arena_alloc_moved(&rooms->arena, FEW + 16);
        ck_assert_uint_ne(off, 0);
        ck_assert(!slabs_victim(&rooms->arena.slabs, off));
        arena_free(&rooms->arena, off, FEW + 16);
    }
    while (step(1))
        ;
}
END_TEST

START_TEST(tables_come_and_go_meanwhile)
{
    struct table *other = rooms_table(rooms, "other"), *third = rooms_table(rooms, "third");
    uint32_t id;
    for (uint64_t n = 0; n < MANY; n++) {
        expect_ok(put(table, n, FEW));
        expect_ok(put(other, n, FEW));
        expect_ok(put(third, n, FEW));
    }
    thin_out(table, MANY, 4);
    thin_out(other, MANY, 4);
    thin_out(third, MANY, 4);
    evacuate_begin(&pass);
    for (unsigned i = 0; step(2); i++) {
        if (i == 40) { /* in the middle of the first table */
            expect_ok(catalog_find(&rooms->catalog, "other", &id));
            expect_ok(catalog_drop(&rooms->catalog, id));
            expect_ok(catalog_find(&rooms->catalog, "third", &id));
            expect_ok(catalog_clear(&rooms->catalog, id));
            fill(third, 0, 500, FEW);
        }
        if (i == 60) {
            fill(rooms_table(rooms, "fourth"), 0, 500, FEW);
            rooms_settle(rooms);
        }
        if (i % 50 == 0 && !rooms->reclaim.first)
            rooms_verify(rooms);
    }
    for (uint64_t n = 0; n < MANY; n += 4)
        expect_value(table, n, FEW);
    for (uint64_t n = 0; n < 500; n++)
        expect_value(third, n, FEW);
}
END_TEST

/* F: the next writer finds one copy of each record in use and frees the other. */
START_TEST(adoption_in_the_middle_of_a_pass)
{
    for (unsigned stop = 0; stop < 12; stop++) {
        fill(table, 0, MANY, FEW);
        thin_out(table, MANY, 4);
        evacuate_begin(&pass);
        for (unsigned i = 0; i < stop * 60 && step(2); i++)
            ;
        uint64_t entries = table->entries;
        rooms_close(rooms);
        rooms = rooms_open(segment_name(), 0);
        table = catalog_table(&rooms->catalog, 0);
        ck_assert(rooms->segment.adopted);
        rooms_settle(rooms);
        rooms_verify(rooms);
        ck_assert_uint_eq(rooms->adopt.marks.dropped, 0);
        ck_assert_uint_eq(table->entries, entries);
        for (uint64_t n = 0; n < MANY; n += 4)
            expect_value(table, n, FEW);
    }
}
END_TEST

/* ---- where memory is short ------------------------------------------------------------------- */

/* G: a pass takes no new memory, not even where there is some. */
START_TEST(a_pass_takes_no_pages)
{
    fill(table, 0, MANY, FEW);
    thin_out(table, MANY, 2);
    uint64_t committed = rooms->segment.header->committed, least = rooms->arena.pages.free_pages;
    evacuate_begin(&pass);
    while (step(1)) {
        ck_assert_uint_ge(rooms->arena.pages.free_pages, least);
        least = rooms->arena.pages.free_pages;
    }
    ck_assert_uint_eq(rooms->segment.header->committed, committed);
}
END_TEST

/* The room that the victims' records were to have is used up by others: they stay. */
START_TEST(no_room_ends_the_moving)
{
    fill(table, 0, MANY, FEW);
    thin_out(table, MANY, 2);
    choose_only();
    unsigned cls = stelei_class_of(FEW + 16);
    uint64_t n = MANY, kept = rooms->arena.slabs.room[cls].leaving;
    for (; rooms->arena.slabs.room[cls].free > 50; n++)
        expect_ok(put(table, n, FEW));
    while (step(1))
        rooms_verify(rooms);
    ck_assert_uint_gt(pass.moved_bytes, 0);
    ck_assert_uint_lt(pass.moved_bytes / (FEW + 16), kept);
    ck_assert_uint_eq(rooms->arena.slabs.room[cls].leaving, 0); /* all are on offer again */
    for (uint64_t i = 0; i < MANY; i += 2)
        expect_value(table, i, FEW);
    while (n-- > MANY)
        expect_value(table, n, FEW);
}
END_TEST

/* A write that finds nothing else takes a block of a victim rather than fail. */
START_TEST(victims_are_the_last_resort)
{
    uint64_t n = 0, run = 100000, end;
    while (put(table, n, FEW) == STELE_OK)
        n++;
    end = n;
    thin_out(table, end, 2);
    uint64_t used = 0;
    while (put(table, run + used, 60000) == STELE_OK)
        used++;
    choose_only();
    unsigned cls = stelei_class_of(FEW + 16);
    uint64_t room = rooms->arena.slabs.room[cls].free;
    for (n = 0; n < room + 1000; n++)
        expect_ok(put(table, end + n, FEW));
    rooms_verify(rooms);
    while (step(64))
        ;
    rooms_verify(rooms);
    for (uint64_t i = 0; i < end; i += 2)
        expect_value(table, i, FEW);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evacuate");
    segment_name_init("evacuate");
    TCase *tcase = suite_case(suite, "moving");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, without_sparse_slabs_nothing_moves);
    tcase_add_test(tcase, sparse_slabs_become_free_units);
    tcase_add_test(tcase, other_classes_have_the_memory);
    tcase_add_test(tcase, every_class_moves);
    tcase_add_test(tcase, large_values_stay);
    tcase_add_test(tcase, lines_move_with_the_records);
    tcase_add_test(tcase, what_stays_makes_a_slab_stuck);
    tcase_add_test(tcase, steps_are_bounded);
    tcase_add_test(tcase, every_step_leaves_all_in_order);
    tcase_add_test(tcase, writes_go_on_meanwhile);
    tcase_add_test(tcase, nothing_is_given_out_from_victims);
    tcase_add_test(tcase, tables_come_and_go_meanwhile);
    tcase_add_test(tcase, adoption_in_the_middle_of_a_pass);
    tcase_add_test(tcase, a_pass_takes_no_pages);
    tcase_add_test(tcase, no_room_ends_the_moving);
    tcase_add_test(tcase, victims_are_the_last_resort);
    return segment_name_fini(suite_run(suite));
}
