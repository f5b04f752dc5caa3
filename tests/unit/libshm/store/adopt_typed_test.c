/* Promise F for tables of words and of lists: half-done operations and damage, made by hand. */
#include "lists.h"
#include "segment_name.h"

#define BYTES (32 * STORES_MIB)
#define LISTS 40u

static const char *const types[] = {"u64->list:u8", "u8->list:u64,identity", "bytes->list:u32",
                                    "bytes->list:u16"};

static struct rooms *rooms;
static struct table *table;
static struct plain plain[LISTS]; /* what the lists must hold; count 0: no such key */

static void setup(void)
{
    segment_name_clean();
    rooms = rooms_open(segment_name(), BYTES);
    memset(plain, 0, sizeof plain);
}

static void teardown(void)
{
    for (unsigned k = 0; k < LISTS; k++)
        plain_fini(&plain[k]);
    rooms_close(rooms);
}

static void change_writers(void)
{
    rooms_change_writers(&rooms, segment_name());
    table = catalog_table(&rooms->catalog, 0);
}

/* Runs the pass to its end and expects that so much was dropped. */
static void settle(uint64_t dropped)
{
    rooms_settle(rooms);
    rooms_verify(rooms);
    ck_assert_uint_eq(rooms->adopt.marks.dropped, dropped);
}

/* Lists of all sizes: small ones, a few chunks, many. */
static void fill_lists(int type)
{
    table = rooms_typed(rooms, "lists", types[type]);
    for (unsigned k = 0; k < LISTS; k++) {
        plain_init(&plain[k], table);
        lists_grow(table, k, &plain[k], 1 + k % 30);
        for (unsigned n = 1; n < k % 8; n++)
            lists_grow(table, k, &plain[k], 400);
    }
    rooms->arena.quarantine_keep = 1;
}

static void expect_lists(void)
{
    uint64_t there = 0;
    for (unsigned k = 0; k < LISTS; k++) {
        struct list_spot at;
        ck_assert_int_eq(lists_find(table, k, &at), plain[k].count != 0);
        if (plain[k].count)
            lists_expect(table, k, &plain[k]);
        there += plain[k].count != 0;
    }
    ck_assert_uint_eq(table->entries, there);
}

static void lose(unsigned k)
{
    plain[k].count = 0;
}

/* ---- the pass -------------------------------------------------------------------------------- */

START_TEST(counts_and_memory_are_derived_again)
{
    fill_lists(_i);
    for (unsigned k = 0; k < LISTS; k += 3)
        if (plain[k].count > 1)
            lists_remove(table, k, &plain[k], plain[k].count / 2);
    struct table before = *table;
    arena_drain(&rooms->arena);
    uint64_t used = arena_used_bytes(&rooms->arena);
    change_writers();
    settle(0);
    ck_assert_uint_eq(table->entries, before.entries);
    ck_assert_uint_eq(table->record_bytes, before.record_bytes);
    ck_assert_uint_eq(table->payload_bytes, before.payload_bytes);
    ck_assert_uint_eq(table->overflow, before.overflow);
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
    expect_lists();
}
END_TEST

START_TEST(lists_change_while_it_runs)
{
    struct random random = {(uint64_t)_i};
    fill_lists(_i);
    for (unsigned round = 0; round < 5; round++) {
        change_writers();
        bool more = true;
        while (more) {
            unsigned k = random_below(&random, LISTS);
            if (plain[k].count && random_below(&random, 2))
                expect_ok(lists_edit(table, k, &plain[k],
                                     random_below(&random, (uint32_t)plain[k].count),
                                     plain[k].count > 1 && random_below(&random, 2)
                                         ? NULL
                                         : lists_elements(table->element_shift, 5, 1)));
            else
                lists_grow(table, k, &plain[k], 1 + random_below(&random, 300));
            uint32_t budget = 1;
            if (round < 4 && random_below(&random, 12) == 0)
                break; /* this one is killed, too */
            more = adopt_step(&rooms->adopt, &rooms->catalog, &budget);
        }
    }
    settle(0);
    expect_lists();
}
END_TEST

START_TEST(tables_go_while_it_runs)
{
    fill_lists(_i);
    struct table *kept = table;
    table = rooms_typed(rooms, "dropped", types[_i]);
    for (unsigned k = 0; k < LISTS; k++)
        expect_ok(lists_append(table, k, lists_elements(table->element_shift, k, 100 * k + 1),
                               100 * k + 1));
    table = kept;
    change_writers();
    uint32_t budget = 5, id = 0;
    ck_assert(adopt_step(&rooms->adopt, &rooms->catalog, &budget));
    expect_ok(catalog_find(&rooms->catalog, "dropped", &id));
    expect_ok(catalog_drop(&rooms->catalog, id));
    settle(0);
    expect_lists();
}
END_TEST

/* ---- half-done operations --------------------------------------------------------------------- */

/* Killed in an append: elements and entries are stored, the count is not. */
START_TEST(an_append_before_its_count)
{
    fill_lists(_i);
    arena_drain(&rooms->arena);
    rooms->arena.quarantine_keep = UINT64_MAX;
    uint64_t used = arena_used_bytes(&rooms->arena);
    for (unsigned k = 0; k < LISTS; k++) {
        struct list_spot at = lists_spot(table, k);
        uint64_t count = at.list->count, entries = stelei_list_size(at.list->head);
        expect_ok(list_append(table, &at, lists_elements(table->element_shift, 7, 3000), 3000));
        if (lists_spot(table, k).list == at.list) {
            at.list->count = count;
        } else { /* it moved: the ref is the publish */
            *at.cell = table_ref_of(table, list_off(table, at.list));
            ck_assert_uint_eq(stelei_list_size(at.list->head), entries);
        }
    }
    change_writers();
    for (unsigned k = 0; k < LISTS; k += 2) /* some before the pass has come by */
        lists_grow(table, k, &plain[k], 2000);
    settle(0);
    expect_lists();
    for (unsigned k = 0; k < LISTS; k += 2) /* what was forgotten is no part of what follows */
        lists_grow(table, k, &plain[k], 2000);
    expect_lists();
    rooms_verify(rooms);
    for (unsigned k = 0; k < LISTS; k++) {
        uint64_t key = k;
        expect_ok(table_erase(table, &key, sizeof key));
    }
    arena_drain(&rooms->arena);
    ck_assert_uint_lt(arena_used_bytes(&rooms->arena), used); /* nothing has leaked */
    ck_assert_uint_eq(table->record_bytes, 0);
}
END_TEST

/* Killed in list_swap(): the new record is in the slot, the old one and its chunk leaked. */
START_TEST(a_new_record_without_its_bump)
{
    fill_lists(_i);
    arena_drain(&rooms->arena);
    for (unsigned k = 1; k < LISTS; k++) {
        struct list_spot at = lists_spot(table, k);
        uint64_t word = at.head->sequence;
        rooms->arena.quarantine_keep = UINT64_MAX;
        lists_remove(table, k, &plain[k], plain[k].count / 3);
        at.head->sequence = word;
    }
    uint64_t used = arena_used_bytes(&rooms->arena);
    change_writers();
    settle(0);
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
    expect_lists();
}
END_TEST

START_TEST(a_list_that_was_never_published)
{
    enum stele_status status = STELE_OK;
    fill_lists(_i);
    arena_drain(&rooms->arena);
    uint64_t used = arena_used_bytes(&rooms->arena);
    list_make(table, lists_elements(table->element_shift, 0, 9), 9, 1, &status);
    list_make(table, lists_elements(table->element_shift, 0, 90000), 90000, 1, &status);
    change_writers();
    settle(0);
    ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
    expect_lists();
}
END_TEST

/* A table whose keys share their low bits: chains of many lines. */
static struct table *chained(const char *type, uint64_t entries)
{
    struct table *made = rooms_typed(rooms, "chained", type);
    for (uint64_t n = 0; n < entries; n++)
        if (made->form == TABLE_LISTS)
            expect_ok(
                lists_append(made, n << 20, lists_elements(made->element_shift, n, n + 1), n + 1));
        else
            expect_ok(rooms_put(made, n << 20));
    return made;
}

/* Killed in pull_up(): a key stands in the head and in its line; no ref tells of words. */
START_TEST(an_entry_copied_up_and_not_hidden)
{
    static const char *const chains[] = {"u64->u64,identity", "u64->list:u16,identity",
                                         "u64->bytes,identity"};
    table = chained(chains[_i], 60);
    struct stelei_bucket *head = index_bucket(table, 0), *line = slot_next(table, head);
    ck_assert_ptr_nonnull(line);
    struct slot_content content, gone[2];
    for (unsigned from = 0; from < 2; from++) { /* two at once, over entries that are lost by it */
        slot_load(table, head, from, &gone[from]);
        slot_load(table, line, from, &content);
        slot_fill(table, head, from, &content);
    }
    change_writers();
    settle(0); /* no damage */
    ck_assert_uint_eq(table->entries, 58);
    for (uint64_t n = 0; n < 60; n++) {
        struct table_spot spot;
        uint64_t key = n << 20;
        ck_assert_int_eq(table_find(table, &key, 8, key, &spot),
                         key != gone[0].key && key != gone[1].key);
    }
}
END_TEST

START_TEST(a_split_between_its_two_publishes)
{
    static const char *const chains[] = {"u64->u64,identity", "u64->list:u16,identity"};
    table = chained(chains[_i], 50);
    for (uint64_t n = 1; n < 60; n++) { /* other keys for the buckets that split */
        uint64_t born = table->buckets, parent = stelei_bucket_parent(born), key = (n << 20) + n;
        struct stelei_bucket *head = index_bucket(table, parent);
        if (!slot_next(table, head) && stelei_sequence_valid(head->sequence) != 0)
            break;
        if (table->form == TABLE_WORDS)
            expect_ok(rooms_put(table, key));
        else
            expect_ok(lists_append(table, key, "ab", 1));
    }
    uint64_t entries = table->entries, born = table->buckets, parent = stelei_bucket_parent(born);
    expect_ok(index_extend(table, born));
    struct stelei_bucket *head = index_bucket(table, parent), *buddy = index_bucket(table, born);
    ck_assert_ptr_null(slot_next(table, head));
    unsigned depth = stelei_sequence_depth(head->sequence) + 1, to = 0;
    for (unsigned slot = 0; slot < table->slots; slot++) {
        struct slot_content content;
        if (!(head->sequence >> slot & 1) || !(slot_hash(table, head, slot) >> (depth - 1) & 1))
            continue;
        slot_load(table, head, slot, &content);
        slot_fill(table, buddy, to++, &content);
    }
    *slot_link(table, buddy) = 0;
    buddy->sequence = stelei_sequence_next(0, depth, (UINT64_C(1) << to) - 1);
    change_writers();
    ck_assert_uint_eq(table->buckets, born + 1);
    settle(0);
    ck_assert_uint_eq(table->entries, entries);
}
END_TEST

/* ---- damage ----------------------------------------------------------------------------------- */

static void damage_small(unsigned k, unsigned how)
{
    struct list_spot at = lists_spot(table, k);
    uint64_t *head = &at.list->head, *count = &at.list->count;
    ck_assert(!stelei_list_is_long(*head));
    const uint64_t refs[] = {UINT32_MAX, 0, *at.cell + 1 /* the middle of a record */,
                             table_ref_of(table, table->root_off)};
    if (how < 4)
        *at.cell = refs[how];
    switch (how) {
    case 4:
        *head |= STELEI_LIST_LONG;
        break;
    case 5:
        *head = 0;
        break;
    case 6:
        *count = 0;
        break;
    case 7:
        *count = UINT64_MAX;
        break;
    case 8:
        *count = 33 * 8 + 1;
    }
    lose(k);
}

static void damage_long(unsigned k, unsigned how)
{
    struct list_spot at = lists_spot(table, k);
    struct stelei_list_chunk *chunk = list_chunk(at.list, 1);
    ck_assert_uint_ge(lists_chunks(at.list), 3);
    switch (how) {
    case 0:
        chunk->ref = UINT32_MAX;
        break;
    case 1:
        chunk->ref += 1;
        break;
    case 2:
        chunk->start++;
        break;
    case 3:
        chunk->capacity = UINT32_MAX;
        break;
    case 4:
        chunk->bytes *= 4;
        break;
    case 5:
        at.list->count += 1u << 20;
        break;
    case 6: /* twice the same chunk */
        chunk->ref = list_entry(at.list, 0)->ref;
        break;
    case 7:
        at.list->head &= ~STELEI_LIST_LONG;
        break;
    default:
        at.list->head |= STELEI_LIST_SIZE_MASK;
    }
    lose(k);
}

/* Each costs its own list, and nothing else. */
START_TEST(damaged_lists_are_dropped)
{
    fill_lists(_i);
    for (unsigned how = 0; how < 9; how++) {
        damage_small(8 * (how % 3), how);
        damage_small(8 * (how % 3) + 1, how);
        if (how % 3 == 2) { /* so many are small */
            change_writers();
            settle(6);
            expect_lists();
            for (unsigned k = 0; k < 24; k++)
                if (k % 8 < 2)
                    lists_grow(table, k, &plain[k], 1);
            expect_lists();
        }
    }
    for (unsigned how = 0; how < 9; how++)
        damage_long(7 + 8 * (how % 4) - (how < 4 ? 0 : how < 8 ? 1 : 2), how);
    change_writers();
    settle(9);
    expect_lists();
    for (unsigned k = 0; k < LISTS; k++) /* their memory serves others */
        lists_grow(table, k, &plain[k], 500);
    expect_lists();
    rooms_verify(rooms);
}
END_TEST

/* One of those that lead to a block keeps it. */
START_TEST(blocks_that_are_shared)
{
    fill_lists(_i);
    struct list_spot a = lists_spot(table, 7), b = lists_spot(table, 15), c = lists_spot(table, 23);
    struct list_spot d = lists_spot(table, 31), e = lists_spot(table, 39);
    *b.cell = *a.cell;                                       /* two keys, one list */
    list_chunk(c.list, 2)->ref = list_entry(d.list, 2)->ref; /* two lists, one chunk */
    list_chunk(c.list, 2)->bytes = list_entry(d.list, 2)->bytes;
    list_chunk(e.list, 0)->ref = list_entry(e.list, 3)->ref; /* one list, a chunk twice */
    list_chunk(e.list, 0)->bytes = list_entry(e.list, 3)->bytes;
    lose(39);
    change_writers();
    settle(3);
    struct list_spot at;
    struct plain of_7 = plain[7];
    unsigned kept = 0;
    for (unsigned k = 7; k < 39; k += 8) {
        bool there = lists_find(table, k, &at);
        kept += there;
        if (!there)
            lose(k);
        else if (k == 15) /* it has the other's */
            lists_compare(table, at.list, &of_7), lose(15);
    }
    ck_assert_uint_eq(kept, 2);
    for (unsigned k = 0; k < LISTS; k++)
        if (plain[k].count && k != 23) /* 23 has a chunk of 31's, if it stayed */
            lists_expect(table, k, &plain[k]);
    ck_assert_uint_eq(table->entries, LISTS - 3);
}
END_TEST

START_TEST(key_records_of_lists_are_checked)
{
    fill_lists(2);
    for (unsigned k = 0; k < 3; k++) {
        struct table_spot spot;
        uint64_t key = k;
        ck_assert(table_find(table, &key, 8, table_hash(table, &key, 8), &spot));
        uint64_t *meta = table_at(table, spot.record_off);
        *meta = k == 0   ? stelei_record_word(8, 0, 4)
                : k == 1 ? stelei_record_word(8, 0, 16)
                         : stelei_record_word(40000, 0, 8);
        lose(k);
    }
    change_writers();
    settle(3);
    expect_lists();
}
END_TEST

/* Values whose length is not their type's. */
START_TEST(structs_of_another_size_are_dropped)
{
    struct stele_table_options options = {.type = stele_type_of_struct(STELE_U64, 40)};
    uint32_t id = 0;
    uint8_t value[40] = {1};
    expect_ok(catalog_create(&rooms->catalog, "structs", CATALOG_ANY, &options, &id));
    table = catalog_table(&rooms->catalog, id);
    for (uint64_t key = 0; key < 500; key++)
        expect_ok(table_write(table, TABLE_PUT, &key, 8, value, sizeof value));
    for (uint64_t key = 0; key < 3; key++) {
        struct table_spot spot;
        ck_assert(table_find(table, &key, 8, table_hash(table, &key, 8), &spot));
        uint64_t *meta = table_at(table, spot.record_off);
        *meta = key == 0   ? stelei_record_word(0, 0, 39)
                : key == 1 ? stelei_record_word(0, 0, 0)
                           : stelei_record_word(8, 0, 40);
    }
    change_writers();
    settle(3);
    ck_assert_uint_eq(table->entries, 497);
}
END_TEST

START_TEST(words_larger_than_their_kind_are_dropped)
{
    table = rooms_typed(rooms, "words", "u8->u16,identity");
    for (uint64_t n = 0; n < 10; n++)
        expect_ok(rooms_put(table, n));
    slot_word(index_bucket(table, 0), 0)->value = 0x10000;
    slot_word(index_bucket(table, 1), 0)->key |= 0x100;
    change_writers();
    settle(2);
    ck_assert_uint_eq(table->entries, 8);
}
END_TEST

int main(void)
{
    segment_name_init("adopt.typed");
    Suite *suite = suite_create("adopt_typed");
    TCase *tcase = suite_case(suite, "pass");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, counts_and_memory_are_derived_again, 0, 4);
    tcase_add_loop_test(tcase, lists_change_while_it_runs, 0, 4);
    tcase_add_loop_test(tcase, tables_go_while_it_runs, 0, 4);
    tcase = suite_case(suite, "half done");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, an_append_before_its_count, 0, 4);
    tcase_add_loop_test(tcase, a_new_record_without_its_bump, 0, 4);
    tcase_add_loop_test(tcase, a_list_that_was_never_published, 0, 4);
    tcase_add_loop_test(tcase, an_entry_copied_up_and_not_hidden, 0, 3);
    tcase_add_loop_test(tcase, a_split_between_its_two_publishes, 0, 2);
    tcase = suite_case(suite, "damage");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, damaged_lists_are_dropped, 0, 4);
    tcase_add_loop_test(tcase, blocks_that_are_shared, 0, 4);
    tcase_add_test(tcase, key_records_of_lists_are_checked);
    tcase_add_test(tcase, structs_of_another_size_are_dropped);
    tcase_add_test(tcase, words_larger_than_their_kind_are_dropped);
    return segment_name_fini(suite_run(suite));
}
