/* Promise F from the inside: every state that a killed writer can leave behind, made by hand. */
#include "rooms.h"
#include "segment_name.h"

#define BYTES (64 * STORES_MIB)

static struct rooms *rooms;

static void setup(void)
{
    segment_name_clean();
    rooms = rooms_open(segment_name(), BYTES);
}

static void teardown(void)
{
    rooms_close(rooms);
}

static struct table *table_named(const char *name)
{
    uint32_t id = UINT32_MAX;
    expect_ok(catalog_find(&rooms->catalog, name, &id));
    return catalog_table(&rooms->catalog, id);
}

static struct table *filled(const char *name, uint64_t entries)
{
    struct table *table = rooms_table(rooms, name);
    for (uint64_t n = 0; n < entries; n++)
        expect_ok(rooms_put(table, n));
    return table;
}

/* The writer is killed, the next one begins. */
static void change_writers(void)
{
    rooms_close(rooms);
    rooms = rooms_open(segment_name(), BYTES);
    ck_assert(rooms->segment.adopted);
    ck_assert_int_eq(rooms->adopt.phase, ADOPT_MARKING);
}

static void settle_and_verify(void)
{
    rooms_settle(rooms);
    ck_assert_int_eq(rooms->adopt.phase, ADOPT_IDLE);
    rooms_verify(rooms);
}

static void expect_all(const char *name, uint64_t entries)
{
    struct table *table = table_named(name);
    for (uint64_t n = 0; n < entries; n++)
        ck_assert_msg(rooms_has(table, n), "entry %llu", (unsigned long long)n);
    ck_assert_uint_eq(table->entries, entries);
}

START_TEST(an_empty_segment)
{
    change_writers();
    ck_assert_uint_eq(rooms->segment.header->epoch, 2);
    settle_and_verify();
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), 0);
    expect_ok(rooms_put(rooms_table(rooms, "t"), 1));
    rooms_verify(rooms);
}
END_TEST

START_TEST(counts_and_memory_are_derived_again)
{
    filled("one", 30000);
    filled("two", 3);
    struct table before = *table_named("one");
    rooms->arena.quarantine_keep = 1;
    uint64_t used = arena_used_bytes(&rooms->arena), committed = rooms->segment.header->committed;
    change_writers();
    settle_and_verify();
    struct table *after = table_named("one");
    ck_assert_uint_eq(after->entries, before.entries);
    ck_assert_uint_eq(after->lines, before.lines);
    ck_assert_uint_eq(after->overflow, before.overflow);
    ck_assert_uint_eq(after->record_bytes, before.record_bytes);
    ck_assert_uint_eq(after->payload_bytes, before.payload_bytes);
    ck_assert_uint_eq(after->buckets, before.buckets);
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
    ck_assert_uint_eq(rooms->segment.header->committed, committed);
    ck_assert_uint_eq(rooms->adopt.marks.dropped, 0);
    expect_all("one", 30000);
    expect_all("two", 3);
}
END_TEST

START_TEST(every_head_gets_a_new_version)
{
    struct table *table = filled("t", 1000);
    static uint64_t before[200];
    ck_assert_uint_le(table->buckets, 200);
    for (uint64_t i = 0; i < table->buckets; i++)
        before[i] = index_bucket(table, i)->sequence >> STELEI_VERSION_SHIFT;
    change_writers();
    rooms_settle(rooms);
    table = table_named("t");
    for (uint64_t i = 0; i < table->buckets; i++)
        ck_assert_uint_gt(index_bucket(table, i)->sequence >> STELEI_VERSION_SHIFT, before[i]);
}
END_TEST

START_TEST(the_clock_moves_past_every_number)
{
    struct table *table = filled("t", 1000);
    rooms->arena.quarantine_keep = UINT64_MAX;
    for (uint64_t n = 0; n < 500; n++)
        expect_ok(rooms_put(table, n));
    uint64_t retired = rooms->segment.header->retired;
    ck_assert_uint_ge(retired, 500);
    change_writers();
    ck_assert_uint_eq(rooms->segment.header->recycled, 0); /* not before all heads moved */
    settle_and_verify();
    ck_assert_uint_eq(rooms->segment.header->retired, retired + 1);
    ck_assert_uint_eq(rooms->segment.header->recycled, retired + 1);
}
END_TEST

START_TEST(slices_are_as_small_as_asked)
{
    filled("t", 3000);
    change_writers();
    unsigned marking = 0, sweeping = 0;
    for (uint32_t budget = 1; adopt_step(&rooms->adopt, &rooms->catalog, &budget); budget = 1) {
        ck_assert_uint_eq(budget, 0);
        if (rooms->adopt.phase == ADOPT_MARKING)
            marking++;
        else
            sweeping++;
    }
    ck_assert_uint_ge(marking, 390);
    ck_assert_uint_ge(sweeping, 20);
    rooms_verify(rooms);
}
END_TEST

START_TEST(writes_go_on_while_it_runs)
{
    struct random random = {77};
    static uint8_t present[4000];
    uint64_t count = 2000;
    filled("t", 2000);
    memset(present, 0, sizeof present);
    memset(present, 1, 2000);
    change_writers();
    struct table *table = table_named("t");
    bool more = true;
    for (unsigned step = 0; more || step < 1000; step++) {
        uint64_t number = random_below(&random, 4000);
        if (random_below(&random, 2)) {
            expect_ok(rooms_put(table, number));
            count += !present[number];
            present[number] = 1;
        } else {
            expect_status(table_erase(table, &number, 8),
                          present[number] ? STELE_OK : STELE_ENOTFOUND);
            count -= present[number];
            present[number] = 0;
        }
        uint32_t budget = 1;
        more =
            rooms->adopt.phase != ADOPT_IDLE && adopt_step(&rooms->adopt, &rooms->catalog, &budget);
        uint64_t asked = random_below(&random, 4000);
        ck_assert_int_eq(rooms_has(table, asked), present[asked]);
    }
    settle_and_verify();
    ck_assert_uint_eq(table->entries, count);
    for (uint64_t n = 0; n < 4000; n++)
        ck_assert_int_eq(rooms_has(table, n), present[n]);
}
END_TEST

START_TEST(tables_come_and_go_while_it_runs)
{
    uint32_t id = 0;
    filled("dropped", 2000);
    filled("cleared", 2000);
    filled("kept", 2000);
    change_writers();
    expect_ok(catalog_find(&rooms->catalog, "dropped", &id));
    uint32_t budget = 100; /* some of its buckets are marked, most are not */
    ck_assert(adopt_step(&rooms->adopt, &rooms->catalog, &budget));
    expect_ok(catalog_drop(&rooms->catalog, id));
    expect_ok(catalog_find(&rooms->catalog, "cleared", &id));
    expect_ok(catalog_clear(&rooms->catalog, id));
    expect_ok(rooms_put(table_named("cleared"), 1));
    filled("made", 2000);
    settle_and_verify();
    expect_all("kept", 2000);
    expect_all("made", 2000);
    ck_assert_uint_eq(table_named("cleared")->entries, 1);
    expect_status(catalog_find(&rooms->catalog, "dropped", &id), STELE_ENOTABLE);
}
END_TEST

START_TEST(a_writer_that_dies_while_adopting)
{
    filled("t", 2000);
    for (uint32_t slices = 0; slices < 12; slices++) {
        change_writers();
        for (uint32_t i = 0; i < slices; i++) {
            uint32_t budget = 40;
            if (!adopt_step(&rooms->adopt, &rooms->catalog, &budget))
                break;
            expect_ok(rooms_put(table_named("t"), 2000 + i));
        }
    }
    change_writers();
    settle_and_verify();
    expect_all("t", table_named("t")->entries);
    ck_assert_uint_ge(table_named("t")->entries, 2009);
}
END_TEST

/* ---- half-done operations ------------------------------------------------------------------ */

START_TEST(a_ref_without_its_bump)
{
    /* killed in replace(): the new record is in the slot, the old one leaked */
    struct table *table = filled("t", 100);
    struct table_spot spot;
    uint64_t number = 42, hash = stelei_hash(&number, 8, table->map->hash_seed);
    enum stele_status status = STELE_OK;
    ck_assert(table_find(table, &number, 8, hash, &spot));
    uint64_t used = arena_used_bytes(&rooms->arena);
    uint64_t off = arena_alloc(&rooms->arena, 24, ARENA_ORDINARY, &status);
    memcpy(rooms->segment.base + off, rooms->segment.base + spot.record_off, 24);
    spot.line->ref[spot.slot] = table_ref_of(table, off);
    change_writers();
    settle_and_verify();
    expect_all("t", 100);
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
}
END_TEST

START_TEST(a_record_that_was_never_published)
{
    enum stele_status status = STELE_OK;
    filled("t", 100);
    uint64_t used = arena_used_bytes(&rooms->arena);
    arena_alloc(&rooms->arena, 24, ARENA_ORDINARY, &status);
    arena_alloc(&rooms->arena, 100000, ARENA_ORDINARY, &status);
    arena_alloc_chunk(&rooms->arena, &status);
    change_writers();
    settle_and_verify();
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
}
END_TEST

/* Puts numbers into one bucket of 64, so that it has lines, and returns its head. */
static struct stelei_bucket *chain(struct table *table, uint64_t *numbers, unsigned n)
{
    uint64_t from = UINT64_C(1) << 40;
    struct table_spot spot;
    rooms_colliding(table, 12, 33, &from, numbers, n);
    for (unsigned i = 0; i < n; i++)
        expect_ok(rooms_put(table, numbers[i]));
    uint64_t hash = stelei_hash(&numbers[0], 8, table->map->hash_seed);
    ck_assert(table_find(table, &numbers[0], 8, hash, &spot));
    ck_assert_uint_ne(spot.head->link, 0);
    return spot.head;
}

START_TEST(an_erased_line_still_linked)
{
    uint64_t numbers[30];
    struct table *table = filled("t", 200);
    struct stelei_bucket *head = chain(table, numbers, 30);
    struct stelei_bucket *line = table_line(table, head->link);
    uint64_t gone = stelei_sequence_valid(line->sequence);
    line->sequence &= ~gone; /* cleared, not unlinked, head not bumped */
    change_writers();
    settle_and_verify();
    ck_assert_uint_eq(table_named("t")->entries, 230 - (uint64_t)__builtin_popcountll(gone));
}
END_TEST

START_TEST(an_entry_copied_up_and_not_hidden)
{
    /* killed in pull_up(): the same ref stands in head and line */
    uint64_t numbers[30];
    struct table *table = filled("t", 200);
    struct stelei_bucket *head = chain(table, numbers, 30);
    struct stelei_bucket *line = table_line(table, head->link);
    unsigned from = (unsigned)__builtin_ctzll(line->sequence);
    unsigned to = (unsigned)__builtin_ctzll(head->sequence & 0x3ff); /* room in the head */
    head->sequence &= ~(UINT64_C(1) << to);
    table_fill_slot(head, to, table_tag(line, from), line->ref[from]);
    head->sequence |= UINT64_C(1) << to;
    change_writers();
    settle_and_verify();
    table = table_named("t");
    ck_assert_uint_eq(table->entries, 229);
    unsigned present = 0;
    for (uint64_t n = 0; n < 200; n++)
        present += rooms_has(table, n);
    for (unsigned i = 0; i < 30; i++)
        present += rooms_has(table, numbers[i]);
    ck_assert_uint_eq(present, 229);
}
END_TEST

START_TEST(a_bucket_that_was_being_born)
{
    /* killed before the buddy's publish: its memory is filled, its depth 0 */
    struct table *table = filled("t", 200);
    expect_ok(index_extend(table, table->buckets));
    struct stelei_bucket *buddy = index_bucket(table, table->buckets);
    uint64_t buckets = table->buckets;
    table_fill_slot(buddy, 0, 0x55, 12345);
    change_writers();
    ck_assert_uint_eq(table_named("t")->buckets, buckets);
    settle_and_verify();
    expect_all("t", 200);
}
END_TEST

START_TEST(a_split_between_its_two_publishes)
{
    uint64_t entries = 200;
    struct table *table = filled("t", entries);
    while (index_bucket(table, stelei_bucket_parent(table->buckets))->link)
        expect_ok(rooms_put(table, entries++)); /* until the next to split is one line */
    uint64_t born = table->buckets, parent = stelei_bucket_parent(born);
    expect_ok(index_extend(table, born));
    struct stelei_bucket *head = index_bucket(table, parent), *buddy = index_bucket(table, born);
    unsigned depth = stelei_sequence_depth(head->sequence) + 1, to = 0;
    for (unsigned slot = 0; slot < STELEI_BYTES_SLOTS; slot++)
        if (head->sequence >> slot & 1 &&
            table_record_hash(table, table_record(table, head->ref[slot])) >> (depth - 1) & 1)
            table_fill_slot(buddy, to++, table_tag(head, slot), head->ref[slot]);
    buddy->link = 0;
    buddy->sequence = stelei_sequence_next(0, depth, (UINT64_C(1) << to) - 1);
    change_writers();
    ck_assert_uint_eq(table_named("t")->buckets, born + 1);
    ck_assert_uint_eq(stelei_sequence_depth(index_bucket(table_named("t"), parent)->sequence),
                      depth);
    settle_and_verify();
    expect_all("t", entries);
}
END_TEST

/* ---- damage --------------------------------------------------------------------------------- */

static enum stele_status adopt_damaged(void)
{
    rooms_close(rooms);
    rooms = malloc(sizeof *rooms);
    return rooms_try(rooms, segment_name(), BYTES);
}

START_TEST(a_root_that_leads_nowhere_is_refused)
{
    filled("t", 100);
    rooms->catalog.shared[0].word = UINT64_C(1) << 32 | UINT32_MAX;
    expect_status(adopt_damaged(), STELE_ECORRUPT);
}
END_TEST

START_TEST(an_index_block_outside_is_refused)
{
    struct table *table = filled("t", 1000);
    table->root->small[3] = UINT32_MAX;
    expect_status(adopt_damaged(), STELE_ECORRUPT);
}
END_TEST

START_TEST(two_tables_with_one_root_are_refused)
{
    filled("t", 100);
    filled("u", 100);
    rooms->catalog.shared[1].word = rooms->catalog.shared[0].word;
    expect_status(adopt_damaged(), STELE_ECORRUPT);
}
END_TEST

START_TEST(a_last_bucket_of_the_wrong_depth_is_refused)
{
    struct table *table = filled("t", 1000);
    index_bucket(table, table->buckets - 1)->sequence += UINT64_C(1) << STELEI_VALID_BITS;
    expect_status(adopt_damaged(), STELE_ECORRUPT);
}
END_TEST

/* Refs, links, lengths and bits of buckets are dropped where they cannot be right. */
START_TEST(damaged_buckets_cost_their_entries_only)
{
    struct table *table = filled("t", 5000);
    struct stelei_bucket *head[6];
    for (unsigned i = 0; i < 6; i++)
        head[i] = index_bucket(table, 10 + 20 * i);
    uint64_t lost = 0;
    for (unsigned i = 0; i < 6; i++) {
        if (!(head[i]->sequence & 1))
            continue;
        switch (i) {
        case 0:
            head[i]->ref[0] = UINT32_MAX;
            break;
        case 1:
            head[i]->ref[0] = 0;
            break;
        case 2:
            head[i]->ref[0] += 1; /* the middle of a record */
            break;
        case 3: /* a length beyond the segment */
            table_record(table, head[i]->ref[0])[0] |= UINT64_C(0xffffffff) << 32;
            break;
        case 4:
            head[i]->sequence |= UINT64_C(7) << STELEI_BYTES_SLOTS;
            continue;
        default:
            head[i]->ref[0] = (uint32_t)(table->root_off >> 3); /* the root is no record */
            break;
        }
        lost++;
    }
    expect_ok(adopt_damaged());
    settle_and_verify();
    table = table_named("t");
    ck_assert_uint_eq(table->entries, 5000 - lost);
    uint64_t present = 0;
    for (uint64_t n = 0; n < 5000; n++)
        present += rooms_has(table, n);
    ck_assert_uint_eq(present, table->entries);
}
END_TEST

START_TEST(damaged_links_are_cut)
{
    uint64_t numbers[40];
    struct table *table = filled("t", 200);
    struct stelei_bucket *head = chain(table, numbers, 40);
    struct stelei_bucket *line = table_line(table, head->link);
    static const uint32_t bad[] = {UINT32_MAX, 1, 8};
    line->link = _i < 3 ? bad[_i] : head->link; /* outside, odd, the header; a ring */
    expect_ok(adopt_damaged());
    settle_and_verify();
    ck_assert_uint_le(table_named("t")->entries, 240);
    ck_assert_uint_ge(table_named("t")->entries, 200);
}
END_TEST

START_TEST(an_abandoned_adoption_can_be_closed)
{
    filled("t", 1000);
    change_writers();
    uint32_t budget = 5;
    adopt_step(&rooms->adopt, &rooms->catalog, &budget);
    /* teardown closes it half way: nothing leaks, nothing crashes */
}
END_TEST

int main(void)
{
    segment_name_init("adopt");
    Suite *suite = suite_create("adopt");
    TCase *tcase = suite_case(suite, "pass");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_empty_segment);
    tcase_add_test(tcase, counts_and_memory_are_derived_again);
    tcase_add_test(tcase, every_head_gets_a_new_version);
    tcase_add_test(tcase, the_clock_moves_past_every_number);
    tcase_add_test(tcase, slices_are_as_small_as_asked);
    tcase_add_test(tcase, writes_go_on_while_it_runs);
    tcase_add_test(tcase, tables_come_and_go_while_it_runs);
    tcase_add_test(tcase, a_writer_that_dies_while_adopting);
    tcase_add_test(tcase, an_abandoned_adoption_can_be_closed);
    tcase = suite_case(suite, "half done");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_ref_without_its_bump);
    tcase_add_test(tcase, a_record_that_was_never_published);
    tcase_add_test(tcase, an_erased_line_still_linked);
    tcase_add_test(tcase, an_entry_copied_up_and_not_hidden);
    tcase_add_test(tcase, a_bucket_that_was_being_born);
    tcase_add_test(tcase, a_split_between_its_two_publishes);
    tcase = suite_case(suite, "damage");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_root_that_leads_nowhere_is_refused);
    tcase_add_test(tcase, an_index_block_outside_is_refused);
    tcase_add_test(tcase, two_tables_with_one_root_are_refused);
    tcase_add_test(tcase, a_last_bucket_of_the_wrong_depth_is_refused);
    tcase_add_test(tcase, damaged_buckets_cost_their_entries_only);
    tcase_add_loop_test(tcase, damaged_links_are_cut, 0, 4);
    return segment_name_fini(suite_run(suite));
}
