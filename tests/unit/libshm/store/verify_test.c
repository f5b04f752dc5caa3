/* Each invariant, broken by hand: verify must notice and say where. */
#include "lists.h"

static struct rooms *rooms;
static struct table *table;
static struct table_spot spot; /* of an entry in a head that has a free slot */
static char text[256];

static void setup(void)
{
    rooms = rooms_open(NULL, 32 * STORES_MIB);
    table = rooms_table(rooms, "verify");
    for (uint64_t n = 0; n < 2000; n++)
        expect_ok(rooms_put(table, n));
    for (uint64_t n = 0;; n++) {
        uint64_t hash = stelei_hash(&n, 8, table->map->hash_seed);
        ck_assert(table_find(table, &n, 8, hash, &spot));
        if (spot.line == spot.head && !spot.head->link &&
            stelei_sequence_valid(spot.head->sequence) != 0x3ff)
            break;
    }
    rooms_verify(rooms);
}

static void teardown(void)
{
    rooms_close(rooms);
}

/* Verify fails and its line holds `part`. */
static void expect_broken(const char *part)
{
    memset(text, 0, sizeof text);
    expect_status(verify_all(&rooms->catalog, text, sizeof text), STELE_ECORRUPT);
    ck_assert_msg(strstr(text, part) != NULL, "\"%s\" does not say \"%s\"", text, part);
    ck_assert_ptr_null(strchr(text, '\n'));
}

START_TEST(an_untouched_segment_is_right)
{
    expect_ok(verify_all(&rooms->catalog, NULL, 0));
    expect_ok(verify_all(&rooms->catalog, text, sizeof text));
}
END_TEST

START_TEST(a_failure_needs_no_text)
{
    table->entries++;
    expect_status(verify_all(&rooms->catalog, NULL, 0), STELE_ECORRUPT);
    expect_status(verify_all(&rooms->catalog, text, 1), STELE_ECORRUPT);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(a_ref_that_leads_nowhere)
{
    spot.head->ref[spot.slot] = 0;
    expect_broken("ref leads to");
    spot.head->ref[spot.slot] = UINT32_MAX;
    expect_broken("ref leads to");
}
END_TEST

START_TEST(a_ref_to_a_free_block)
{
    spot.head->ref[spot.slot] += 1;
    expect_broken("no taken block");
}
END_TEST

START_TEST(an_entry_led_to_twice)
{
    uint64_t word = spot.head->sequence, valid = stelei_sequence_valid(word);
    unsigned slot = (unsigned)__builtin_ctzll(~valid);
    table_fill_slot(spot.head, slot, table_tag(spot.head, spot.slot), spot.head->ref[spot.slot]);
    spot.head->sequence = word | UINT64_C(1) << slot;
    expect_broken("is led to twice");
}
END_TEST

START_TEST(a_wrong_tag)
{
    table_fill_slot(spot.head, spot.slot, (uint8_t)(table_tag(spot.head, spot.slot) + 1),
                    spot.head->ref[spot.slot]);
    expect_broken("tag");
}
END_TEST

START_TEST(a_key_in_a_foreign_bucket)
{
    uint64_t *key = table_record(table, spot.head->ref[spot.slot]) + 1;
    for (*key = UINT64_C(1) << 50;; ++*key) {
        uint64_t hash = stelei_hash(key, 8, table->map->hash_seed);
        if (stelei_geometry_bucket(stelei_geometry((uint32_t)table->buckets), hash) != spot.bucket)
            break;
    }
    expect_broken("the key belongs to bucket");
}
END_TEST

START_TEST(a_key_that_stands_twice)
{
    /* another record with the same key, in a free slot of the same bucket */
    uint64_t valid = stelei_sequence_valid(spot.head->sequence);
    unsigned slot = (unsigned)__builtin_ctzll(~valid);
    enum stele_status status = STELE_OK;
    uint64_t off = arena_alloc(&rooms->arena, 24, ARENA_ORDINARY, &status);
    memcpy(rooms->segment.base + off, table_record(table, spot.head->ref[spot.slot]), 24);
    table_fill_slot(spot.head, slot, table_tag(spot.head, spot.slot), table_ref_of(table, off));
    spot.head->sequence |= UINT64_C(1) << slot;
    table->entries++;
    table_publish_counts(table);
    expect_broken("the key stands twice");
}
END_TEST

START_TEST(valid_bits_beyond_the_slots)
{
    spot.head->sequence |= UINT64_C(1) << STELEI_BYTES_SLOTS;
    expect_broken("valid bits beyond the slots");
}
END_TEST

START_TEST(a_wrong_depth)
{
    spot.head->sequence += UINT64_C(1) << STELEI_VALID_BITS;
    expect_broken("depth");
}
END_TEST

START_TEST(an_empty_line)
{
    enum stele_status status = STELE_OK;
    uint64_t off = arena_alloc(&rooms->arena, STELEI_BUCKET_BYTES, ARENA_ORDINARY, &status);
    memset(rooms->segment.base + off, 0, STELEI_BUCKET_BYTES);
    spot.head->link = table_ref_of(table, off);
    expect_broken("an empty line is linked");
}
END_TEST

START_TEST(a_ring_of_lines)
{
    uint64_t from = UINT64_C(1) << 40, numbers[30];
    rooms_colliding(table, 12, 9, &from, numbers, 30);
    for (unsigned i = 0; i < 30; i++)
        expect_ok(rooms_put(table, numbers[i]));
    uint64_t hash = stelei_hash(&numbers[29], 8, table->map->hash_seed);
    ck_assert(table_find(table, &numbers[29], 8, hash, &spot));
    ck_assert_uint_ne(spot.head->link, 0);
    struct stelei_bucket *first = table_line(table, spot.head->link);
    first->link = spot.head->link;
    expect_broken("is led to twice");
}
END_TEST

START_TEST(counts_that_differ)
{
    static const char *const names[] = {"entries", "lines", "overflow", "record bytes",
                                        "payload bytes"};
    uint64_t *kept[] = {&table->entries, &table->lines, &table->overflow, &table->record_bytes,
                        &table->payload_bytes};
    uint64_t *published[] = {&table->root->entries, &table->root->lines, &table->root->overflow,
                             &table->root->record_bytes, &table->root->payload_bytes};
    for (unsigned i = 0; i < 5; i++) {
        ++*kept[i];
        expect_broken(names[i]);
        --*kept[i];
        ++*published[i];
        expect_broken(names[i]);
        --*published[i];
    }
    rooms_verify(rooms);
}
END_TEST

START_TEST(a_geometry_that_differs)
{
    table->root->geometry = stelei_geometry((uint32_t)table->published - 1);
    expect_broken("geometry");
}
END_TEST

START_TEST(a_leaked_block)
{
    enum stele_status status = STELE_OK;
    arena_alloc(&rooms->arena, 100, ARENA_ORDINARY, &status);
    expect_broken("bytes taken");
}
END_TEST

START_TEST(a_word_that_leads_elsewhere)
{
    uint64_t word = rooms->catalog.shared[0].word;
    rooms->catalog.shared[0].word = word + 8;
    expect_broken("leads to another root");
    rooms->catalog.shared[0].word = word;
    rooms->catalog.shared[7].word = word;
    expect_broken("descriptor 7");
}
END_TEST

START_TEST(a_class_that_differs)
{
    rooms->arena.classes[spot.record_off >> STELEI_UNIT_SHIFT]++;
    expect_broken("class");
}
END_TEST

START_TEST(the_clock)
{
    rooms->segment.header->recycled++;
    expect_broken("recycled + quarantine != retired");
}
END_TEST

/* ---- words and lists ------------------------------------------------------------------------ */

/* The list of key 7, long, in a table of its own. */
static struct list_spot a_list(const char *type)
{
    struct plain plain;
    struct table *lists = rooms_typed(rooms, type, type);
    plain_init(&plain, lists);
    for (unsigned n = 0; n < 6; n++)
        lists_grow(lists, 7, &plain, 1000);
    plain_fini(&plain);
    rooms_verify(rooms);
    return lists_spot(lists, 7);
}

START_TEST(a_list_that_makes_no_sense)
{
    struct list_spot at = a_list(_i ? "u64->list:u8" : "bytes->list:u32");
    uint64_t count = at.list->count;
    at.list->count = 0;
    expect_broken("makes no sense");
    at.list->count = UINT64_MAX;
    expect_broken("makes no sense");
    at.list->count = count;
    list_chunk(at.list, 1)->start++;
    expect_broken("makes no sense");
    list_chunk(at.list, 1)->start--;
    list_chunk(at.list, 1)->ref++;
    expect_broken("makes no sense");
    list_chunk(at.list, 1)->ref--;
    *at.cell += 1;
    expect_broken("makes no sense");
}
END_TEST

START_TEST(a_list_with_entries_beyond_its_count)
{
    struct list_spot at = a_list(_i ? "u64->list:u8" : "bytes->list:u32");
    uint32_t used = lists_chunks(at.list);
    ck_assert_uint_lt(used, stelei_list_size(at.list->head));
    list_set_entry(at.list, used, at.list->count, 0x1000, 10, 512);
    expect_broken("entries beyond its count");
}
END_TEST

START_TEST(a_chunk_led_to_twice)
{
    struct list_spot at = a_list(_i ? "u64->list:u8" : "bytes->list:u32");
    list_chunk(at.list, 0)->ref = list_entry(at.list, 1)->ref;
    list_chunk(at.list, 0)->bytes = list_entry(at.list, 1)->bytes;
    expect_broken("is led to twice");
}
END_TEST

START_TEST(a_chunk_that_is_free)
{
    struct list_spot at = a_list(_i ? "u64->list:u8" : "bytes->list:u32");
    const struct stelei_list_chunk *chunk = list_entry(at.list, 0);
    arena_free(&rooms->arena, table_ref_off(table, chunk->ref), chunk->bytes);
    expect_broken("chunk at");
}
END_TEST

START_TEST(a_word_larger_than_its_kind)
{
    struct table *words = rooms_typed(rooms, "words", "u8->u16,identity");
    expect_ok(rooms_put(words, 6));
    struct stelei_word_slot *slot = slot_word(index_bucket(words, 0), 0);
    slot->value = 0x10000;
    expect_broken("larger than its kind");
    slot->value = 0xffff;
    rooms_verify(rooms);
    slot->key = 0x106;
    expect_broken("larger than its kind");
    slot->key = 6;
    slot = slot_word(a_list("u16->list:u8,identity").head, 0);
    slot->value |= UINT64_C(1) << 32; /* no ref is so large */
    expect_broken("larger than its kind");
}
END_TEST

START_TEST(a_word_that_stands_twice)
{
    struct table *words = rooms_typed(rooms, "words", "u64->u64,identity");
    expect_ok(rooms_put(words, 6));
    struct stelei_bucket *head = index_bucket(words, 0);
    *slot_word(head, 1) = *slot_word(head, 0);
    head->sequence |= 2;
    expect_broken("the key stands twice");
    slot_word(head, 1)->key = 7;
    expect_broken("the key belongs to bucket 1");
}
END_TEST

START_TEST(a_record_of_another_length)
{
    struct table *structs = rooms_typed(rooms, "structs", "u64->struct:40,identity");
    uint64_t key = 6;
    uint8_t value[40] = {0};
    expect_ok(table_write(structs, TABLE_PUT, &key, 8, value, sizeof value));
    uint64_t *meta = table_record(structs, slot_ref(structs, index_bucket(structs, 0), 0));
    *meta = stelei_record_word(0, 0, 33);
    expect_broken("none of the table's type");
    *meta = stelei_record_word(1, 0, 32);
    expect_broken("none of the table's type");
}
END_TEST

START_TEST(a_descriptor_that_differs)
{
    struct stelei_table *shared = &rooms->catalog.shared[0];
    uint64_t *words[] = {&shared->type, &shared->max_entries, &shared->hash_check};
    for (unsigned i = 0; i < 3; i++) {
        ++*words[i];
        expect_broken("the descriptor has another type, hash or maximum");
        --*words[i];
    }
    table->max_entries = shared->max_entries = 1999;
    expect_broken("more than its maximum of 1999");
    table->max_entries = shared->max_entries = 2000;
    rooms_verify(rooms);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *tcase = suite_case(suite, "verify");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_untouched_segment_is_right);
    tcase_add_test(tcase, a_failure_needs_no_text);
    tcase_add_test(tcase, a_ref_that_leads_nowhere);
    tcase_add_test(tcase, a_ref_to_a_free_block);
    tcase_add_test(tcase, an_entry_led_to_twice);
    tcase_add_test(tcase, a_wrong_tag);
    tcase_add_test(tcase, a_key_in_a_foreign_bucket);
    tcase_add_test(tcase, a_key_that_stands_twice);
    tcase_add_test(tcase, valid_bits_beyond_the_slots);
    tcase_add_test(tcase, a_wrong_depth);
    tcase_add_test(tcase, an_empty_line);
    tcase_add_test(tcase, a_ring_of_lines);
    tcase_add_test(tcase, counts_that_differ);
    tcase_add_test(tcase, a_geometry_that_differs);
    tcase_add_test(tcase, a_leaked_block);
    tcase_add_test(tcase, a_word_that_leads_elsewhere);
    tcase_add_test(tcase, a_class_that_differs);
    tcase_add_test(tcase, the_clock);
    tcase = suite_case(suite, "words and lists");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_list_that_makes_no_sense, 0, 2);
    tcase_add_loop_test(tcase, a_list_with_entries_beyond_its_count, 0, 2);
    tcase_add_loop_test(tcase, a_chunk_led_to_twice, 0, 2);
    tcase_add_loop_test(tcase, a_chunk_that_is_free, 0, 2);
    tcase_add_test(tcase, a_word_larger_than_its_kind);
    tcase_add_test(tcase, a_word_that_stands_twice);
    tcase_add_test(tcase, a_record_of_another_length);
    tcase_add_test(tcase, a_descriptor_that_differs);
    return suite_run(suite);
}
