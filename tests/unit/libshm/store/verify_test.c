/* Each invariant, broken by hand: verify must notice and say where. */
#include "rooms.h"

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
    return suite_run(suite);
}
