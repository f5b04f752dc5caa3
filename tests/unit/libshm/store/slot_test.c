/* Both layouts of a bucket, slot by slot. */
#include "lists.h"

static struct rooms *rooms;

static void setup(void)
{
    rooms = rooms_open(NULL, 32 * STORES_MIB);
}

static void teardown(void)
{
    rooms_verify(rooms);
    rooms_close(rooms);
}

START_TEST(the_type_decides_about_form_and_layout)
{
    static const struct {
        const char *type;
        enum table_form form;
        bool words;
        unsigned shift;
    } wanted[] = {
        {"bytes->bytes", TABLE_RECORDS, false, 0},
        {"bytes->u64", TABLE_RECORDS, false, 0},
        {"bytes->struct:9", TABLE_RECORDS, false, 0},
        {"bytes->list:u8", TABLE_LISTS, false, 0},
        {"u8->bytes", TABLE_RECORDS, true, 0},
        {"u64->struct:8", TABLE_RECORDS, true, 0},
        {"u8->u8", TABLE_WORDS, true, 0},
        {"u64->f64", TABLE_WORDS, true, 0},
        {"u16->i64", TABLE_WORDS, true, 0},
        {"u8->list:u32", TABLE_LISTS, true, 2},
        {"u32->set:u64", TABLE_LISTS, true, 3},
        {"bytes->list:u16", TABLE_LISTS, false, 1},
    };
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct table *table = rooms_typed(rooms, wanted[i].type, wanted[i].type);
        ck_assert_int_eq(table->form, wanted[i].form);
        ck_assert_int_eq(table->word_keys, wanted[i].words);
        if (table->form == TABLE_LISTS)
            ck_assert_uint_eq(table->element_shift, wanted[i].shift);
        ck_assert_uint_eq(table->slots, wanted[i].words ? 3 : 10);
        ck_assert_uint_eq(table->slots_mask, wanted[i].words ? 7 : 0x3ff);
        ck_assert_uint_eq(table->link_off, wanted[i].words ? 8 : 20);
        ck_assert_int_eq(slot_has_record(table),
                         wanted[i].form == TABLE_RECORDS ||
                             (wanted[i].form == TABLE_LISTS && !wanted[i].words));
    }
}
END_TEST

/* Each slot filled, all others and the line's own words as they were. */
START_TEST(filling_a_slot_touches_no_other)
{
    struct table *table = rooms_typed(rooms, "t", _i ? "u64->u64" : "bytes->bytes");
    for (unsigned slot = 0; slot < table->slots; slot++) {
        struct stelei_bucket line, before;
        struct slot_content content = {.key = UINT64_C(0x1111111111111111) * (slot + 1),
                                       .value = UINT64_C(0xabcdef0122334455),
                                       .tag = (uint8_t)(0xf0 + slot)},
                            found, kept[10];
        memset(&line, 0x5a, sizeof line);
        for (unsigned other = 0; other < table->slots; other++)
            slot_load(table, &line, other, &kept[other]);
        before = line;
        slot_fill(table, &line, slot, &content);
        slot_load(table, &line, slot, &found);
        ck_assert_uint_eq(found.key, _i ? content.key : 0);
        ck_assert_uint_eq(found.value, _i ? content.value : (uint32_t)content.value);
        ck_assert_uint_eq(found.tag, _i ? 0 : content.tag);
        ck_assert_uint_eq(slot_ref(table, &line, slot), (uint32_t)content.value);
        for (unsigned other = 0; other < table->slots; other++) {
            if (other == slot)
                continue;
            slot_load(table, &line, other, &found);
            ck_assert(found.key == kept[other].key && found.value == kept[other].value &&
                      found.tag == kept[other].tag);
        }
        ck_assert_uint_eq(line.sequence, before.sequence);
        ck_assert_uint_eq(*slot_link(table, &line), *slot_link(table, &before));
    }
}
END_TEST

START_TEST(a_ref_is_swapped_alone)
{
    struct table *table = rooms_typed(rooms, "t", _i ? "u64->bytes" : "bytes->bytes");
    struct stelei_bucket line;
    struct slot_content found;
    for (unsigned slot = 0; slot < table->slots; slot++) {
        struct slot_content content = {.key = 99, .value = 0x1000, .tag = 0x77};
        memset(&line, 0, sizeof line);
        slot_fill(table, &line, slot, &content);
        slot_swap_ref(table, &line, slot, 0xfffffff0);
        slot_load(table, &line, slot, &found);
        ck_assert_uint_eq(found.value, 0xfffffff0);
        ck_assert_uint_eq(found.key, _i ? 99 : 0);
        ck_assert_uint_eq(found.tag, _i ? 0 : 0x77);
    }
}
END_TEST

START_TEST(the_link_stands_where_the_layout_has_it)
{
    struct table *words = rooms_typed(rooms, "w", "u64->u64");
    struct table *bytes = rooms_typed(rooms, "b", "bytes->bytes");
    struct stelei_bucket line;
    memset(&line, 0, sizeof line);
    ck_assert_ptr_eq(slot_link(bytes, &line), &line.link);
    ck_assert_int_eq((uint8_t *)slot_link(words, &line) - (uint8_t *)&line,
                     offsetof(struct stelei_word_bucket, link));
    ck_assert_ptr_null(slot_next(bytes, &line));
    ck_assert_ptr_null(slot_next(words, &line));
    line.link = 0x20000;
    ck_assert_ptr_eq(slot_next(bytes, &line), rooms->segment.base + 0x100000);
}
END_TEST

START_TEST(words_hash_as_eight_bytes)
{
    struct table *table = rooms_typed(rooms, "t", "u64->u64,xxh64");
    struct stelei_bucket line;
    struct slot_content content = {.key = 12345, .value = 1};
    memset(&line, 0, sizeof line);
    slot_fill(table, &line, 2, &content);
    ck_assert_uint_eq(
        slot_hash(table, &line, 2),
        stelei_hash_by(STELE_HASH_XXH64, NULL, &content.key, 8, table->map->hash_seed));
}
END_TEST

/* ---- what stands behind --------------------------------------------------------------------- */

struct met {
    unsigned count;
    uint64_t off[40], bytes[40];
};

static void meet(void *context, uint64_t off, uint64_t bytes)
{
    struct met *met = context;
    ck_assert_uint_lt(met->count, 40);
    met->off[met->count] = off;
    met->bytes[met->count++] = bytes;
}

static struct met behind(struct table *table, uint64_t key, uint64_t *payload)
{
    struct met met = {0};
    struct table_spot spot;
    ck_assert(table_find(table, &key, 8, table_hash(table, &key, 8), &spot));
    slot_blocks(table, spot.line, spot.slot, meet, &met);
    *payload = slot_payload(table, spot.line, spot.slot);
    return met;
}

START_TEST(words_have_nothing_behind_them)
{
    uint64_t payload;
    struct table *table = rooms_typed(rooms, "t", "u16->u32");
    expect_ok(rooms_put(table, 7));
    ck_assert_uint_eq(behind(table, 7, &payload).count, 0);
    ck_assert_uint_eq(payload, 2 + 4);
    ck_assert_uint_eq(table->payload_bytes, payload);
    ck_assert_uint_eq(table->record_bytes, 0);
}
END_TEST

START_TEST(records_are_one_block)
{
    uint64_t payload;
    struct table *table = rooms_typed(rooms, "b", "bytes->bytes");
    expect_ok(rooms_put(table, 7));
    struct met met = behind(table, 7, &payload);
    ck_assert_uint_eq(met.count, 1);
    ck_assert_uint_eq(met.bytes[0], 24);
    ck_assert_uint_eq(payload, 16);
    table = rooms_typed(rooms, "w", "u8->bytes"); /* a record without a key */
    expect_ok(rooms_put(table, 7));
    met = behind(table, 7, &payload);
    ck_assert_uint_eq(met.count, 1);
    ck_assert_uint_eq(met.bytes[0], 16);
    ck_assert_uint_eq(payload, 1 + 8);
}
END_TEST

START_TEST(lists_are_a_record_and_chunks)
{
    uint64_t payload;
    struct plain plain;
    struct table *table = rooms_typed(rooms, "t", _i ? "u32->list:u16" : "bytes->list:u16");
    plain_init(&plain, table);
    lists_grow(table, 7, &plain, 3);
    struct met met = behind(table, 7, &payload);
    struct list_spot at = lists_spot(table, 7);
    ck_assert_uint_eq(met.count, _i ? 1 : 2); /* byte keys: and the key's record, last */
    ck_assert_uint_eq(met.off[0], list_off(table, at.list));
    ck_assert_uint_eq(met.bytes[0], 24);
    ck_assert_uint_eq(payload, (_i ? 4 : 8) + 6);
    if (!_i)
        ck_assert_uint_eq(met.bytes[1], 24); /* first word, key, ref */
    lists_grow(table, 7, &plain, 5000);
    met = behind(table, 7, &payload);
    at = lists_spot(table, 7);
    uint32_t chunks = lists_chunks(at.list);
    ck_assert_uint_gt(chunks, 1);
    ck_assert_uint_eq(met.count, chunks + (_i ? 1 : 2));
    ck_assert_uint_eq(met.off[0], list_off(table, at.list));
    for (uint32_t i = 0; i < chunks; i++) {
        ck_assert_uint_eq(met.off[1 + i], table_ref_off(table, list_entry(at.list, i)->ref));
        ck_assert_uint_eq(met.bytes[1 + i], list_entry(at.list, i)->bytes);
    }
    ck_assert_uint_eq(payload, (_i ? 4 : 8) + 2 * 5003);
    ck_assert_uint_eq(table->payload_bytes, payload);
    uint64_t sum = 0;
    for (unsigned i = 0; i < met.count; i++)
        sum += stelei_block_bytes(met.bytes[i], 3);
    ck_assert_uint_eq(table->record_bytes, sum);
    plain_fini(&plain);
}
END_TEST

START_TEST(the_cell_holds_the_ref_of_the_list)
{
    struct plain plain;
    struct table *table = rooms_typed(rooms, "t", _i ? "u64->list:u8" : "bytes->list:u8");
    plain_init(&plain, table);
    lists_grow(table, 7, &plain, 1);
    uint64_t key = 7;
    struct table_spot spot;
    ck_assert(table_find(table, &key, 8, table_hash(table, &key, 8), &spot));
    uint64_t *cell = slot_list_cell(table, spot.line, spot.slot);
    if (_i)
        ck_assert_ptr_eq(cell, &slot_word(spot.line, spot.slot)->value);
    else
        ck_assert_ptr_eq(cell, table_record(table, spot.line->ref[spot.slot]) + 2);
    ck_assert_uint_eq(table_ref_off(table, (uint32_t)*cell),
                      list_off(table, lists_spot(table, 7).list));
    ck_assert_uint_eq(*cell >> 32, 0);
    plain_fini(&plain);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slot");
    TCase *tcase = suite_case(suite, "slot");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_type_decides_about_form_and_layout);
    tcase_add_loop_test(tcase, filling_a_slot_touches_no_other, 0, 2);
    tcase_add_loop_test(tcase, a_ref_is_swapped_alone, 0, 2);
    tcase_add_test(tcase, the_link_stands_where_the_layout_has_it);
    tcase_add_test(tcase, words_hash_as_eight_bytes);
    tcase_add_test(tcase, words_have_nothing_behind_them);
    tcase_add_test(tcase, records_are_one_block);
    tcase_add_loop_test(tcase, lists_are_a_record_and_chunks, 0, 2);
    tcase_add_loop_test(tcase, the_cell_holds_the_ref_of_the_list, 0, 2);
    return suite_run(suite);
}
