/* Handles that are not open, or outlived what they were opened from: each call says so. */
#include <stele/stele.h>

#include <unistd.h>

#include "stores.h"

/* ---- all zero ------------------------------------------------------------------------------- */

static uint64_t some_hash(const void *key, size_t key_bytes, uint64_t seed)
{
    return stelei_hash(key, key_bytes, seed) + 1;
}

START_TEST(a_reader_of_zeros)
{
    struct stele_reader none = {0};
    struct stele_table table;
    struct stele_words words;
    struct stele_u64_u64 typed;
    struct stele_type type = stele_type_of(STELE_BYTES, STELE_BYTES);
    struct stele_reader_stats stats;
    expect_status(stele_table_open(&none, "t", &table), STELE_EINVAL);
    expect_status(stele_table_open_any(&none, "t", &table), STELE_EINVAL);
    expect_status(stele_table_open_as(&none, "t", &type, &table), STELE_EINVAL);
    expect_status(stele_words_open(&none, "t", STELE_U64, STELE_U64, &words), STELE_EINVAL);
    expect_status(stele_u64_u64_open(&none, "t", &typed), STELE_EINVAL);
    expect_status(stele_reader_register_hash(&none, 64, some_hash), STELE_EINVAL);
    memset(&stats, 255, sizeof stats);
    stele_reader_get_stats(&none, &stats);
    ck_assert(stats.max_bytes == 0 && stats.tables == 0 && !stats.closed);
    ck_assert_uint_eq(stele_reader_staleness_ms(&none), UINT64_MAX);
    stele_reader_detach(&none);
    stele_reader_detach(&none);
}
END_TEST

START_TEST(a_reader_whose_attach_failed)
{
    struct stele_reader none;
    struct stele_table table;
    memset(&none, 255, sizeof none);
    ck_assert_int_ne(stele_reader_attach_fd(&none, -1), STELE_OK);
    expect_status(stele_table_open(&none, "t", &table), STELE_EINVAL);
    stele_reader_detach(&none);
    memset(&none, 255, sizeof none);
    expect_status(stele_reader_attach(&none, "no/name"), STELE_EINVAL);
    stele_reader_detach(&none);
    memset(&none, 255, sizeof none);
    expect_status(stele_reader_attach(&none, "handles.no-such-segment"), STELE_ENOSEGMENT);
    expect_status(stele_table_open(&none, "t", &table), STELE_EINVAL);
    stele_reader_detach(&none);
}
END_TEST

START_TEST(a_table_of_zeros)
{
    struct stele_table none = {0};
    struct stele_view view = {0};
    struct stele_list list = {0};
    struct stele_lookup lookup[3] = {{.key = "k", .key_bytes = 1}};
    char value[8];
    size_t bytes = 7;
    uint64_t count = 7, got = 7;
    expect_status(stele_get(&none, "k", 1, value, sizeof value, &bytes), STELE_EINVAL);
    expect_status(stele_get(&none, "", 0, NULL, 0, &bytes), STELE_EINVAL);
    expect_status(stele_contains(&none, "k", 1), STELE_EINVAL);
    expect_status(stele_view_take(&none, "k", 1, &view), STELE_EINVAL);
    ck_assert(!stele_view_valid(&none, &view) && !stele_view_current(&none, &view));
    expect_status(stele_list_take(&none, "k", 1, &list), STELE_EINVAL);
    expect_status(stele_list_get(&none, "k", 1, 0, value, 1, &got, &count), STELE_EINVAL);
    expect_status(stele_list_count(&none, "k", 1, &count), STELE_EINVAL);
    expect_status(stele_table_count(&none, &count), STELE_EINVAL);
    ck_assert_uint_eq(stele_get_many(&none, lookup, 3), 0);
    for (unsigned i = 0; i < 3; i++)
        expect_status(lookup[i].status, STELE_EINVAL);
    ck_assert(bytes == 7 && count == 7 && got == 7);
}
END_TEST

START_TEST(words_of_zeros)
{
    struct stele_words none = {0};
    struct stele_view view = {0};
    struct stele_list list = {0};
    struct stele_words_lookup lookup[2] = {{.key = 1}};
    struct stele_u64_struct typed = {0};
    uint64_t keys[2] = {1, 2}, values[2], got = 7, count = 7;
    enum stele_status statuses[2] = {STELE_OK, STELE_OK};
    size_t bytes = 7;
    expect_status(stele_words_get(&none, 1, values), STELE_EINVAL);
    expect_status(stele_words_contains(&none, 1), STELE_EINVAL);
    expect_status(stele_words_get_bytes(&none, 1, values, 8, &bytes), STELE_EINVAL);
    expect_status(stele_words_view_take(&none, 1, &view), STELE_EINVAL);
    ck_assert(!stele_words_view_valid(&none, &view) && !stele_words_view_current(&none, &view));
    expect_status(stele_words_list_take(&none, 1, &list), STELE_EINVAL);
    expect_status(stele_words_list_get(&none, 1, 0, values, 1, &got, &count), STELE_EINVAL);
    ck_assert_uint_eq(stele_words_get_many(&none, keys, values, statuses, 2), 0);
    ck_assert_uint_eq(stele_words_get_bytes_many(&none, lookup, 2), 0);
    for (unsigned i = 0; i < 2; i++)
        ck_assert(statuses[i] == STELE_EINVAL && lookup[i].status == STELE_EINVAL);
    ck_assert_int_ne(stele_find(&typed, 1, &count), STELE_OK);
}
END_TEST

START_TEST(lists_and_scans_of_zeros)
{
    struct stele_list list = {0};
    struct stele_scan scan = {0};
    struct stele_table none = {0};
    const void *elements;
    uint64_t n = 7, key = 0, value = 0;
    size_t key_bytes = 0, value_bytes = 0;
    char text[8];
    expect_status(stele_list_read(&list, 0, text, 1, &n), STELE_EINVAL);
    expect_status(stele_list_span(&list, 0, &elements, &n), STELE_EINVAL);
    ck_assert(!stele_list_valid(&list) && !stele_list_current(&list) && n == 7);
    for (int begun = 0; begun < 2; begun++) {
        expect_status(stele_scan_next(&scan, text, 8, &key_bytes, text, 8, &value_bytes),
                      STELE_EINVAL);
        expect_status(stele_scan_next_key(&scan, text, 8, &key_bytes), STELE_EINVAL);
        expect_status(stele_scan_next_list(&scan, text, 8, &key_bytes, &list), STELE_EINVAL);
        expect_status(stele_scan_next_word(&scan, &key, &value), STELE_EINVAL);
        stele_scan_skip(&scan);
        stele_scan_begin(&scan, &none);
    }
    expect_status(stele_scan_begin_prefix(&scan, &none, "k", 1), STELE_EINVAL);
}
END_TEST

START_TEST(a_channel_of_zeros)
{
    struct stele_channel none;
    uint16_t table = 0;
    uint32_t unknown = 0;
    int fd = -1, before = dup(0);
    char value[8];
    size_t bytes = 0;
    memset(&none, 0, sizeof none);
    expect_status(stele_channel_ping(&none, -1), STELE_ECLOSED);
    expect_status(stele_channel_put(&none, 0, "k", 1, "v", 1, -1), STELE_ECLOSED);
    expect_status(stele_channel_get(&none, 0, "k", 1, value, 8, &bytes, -1), STELE_ECLOSED);
    expect_status(stele_channel_table_find(&none, "t", &table, -1), STELE_ECLOSED);
    expect_status(stele_channel_submit_put(&none, 0, "k", 1, "v", 1, NULL), STELE_ECLOSED);
    ck_assert_int_ne(stele_channel_segment_fd(&none, -1, &fd), STELE_OK);
    ck_assert_int_ne(stele_channel_reconnect(&none, 0, &unknown), STELE_OK);
    stele_channel_close(&none);
    stele_channel_close(&none);
    ck_assert(fd == -1 && (before < 0 || dup2(0, 0) == 0)); /* nobody's standard input was closed */
    expect_status(stele_channel_ping(&none, -1), STELE_ECLOSED);
}
END_TEST

/* ---- what outlives its segment ---------------------------------------------------------------- */

/* Two segments with the same tables, made in the same way, so that all lies at the same offsets. */
struct world {
    struct stele_store *store;
    uint32_t bytes, words, lists;
};

static void make(struct world *world, uint64_t value)
{
    world->store = stores_open(NULL, 8 * STORES_MIB);
    world->bytes = stores_typed(world->store, "bytes", "bytes->bytes", 0);
    world->words = stores_typed(world->store, "words", "u64->u64,identity", 0);
    world->lists = stores_typed(world->store, "lists", "u64->list:u64", 0);
    for (uint64_t key = 0; key < 200; key++) {
        expect_ok(stele_store_put(world->store, world->bytes, &key, 8, &value, 8));
        expect_ok(stele_store_word_put(world->store, world->words, key, value, NULL, NULL));
        expect_ok(stele_store_list_append(world->store, world->lists, &key, 8, &value, 1, NULL));
    }
}

static struct world a, b;
static struct stele_reader reader;
static struct stele_table bytes;
static struct stele_words words, lists;

static void open_all(const struct world *world)
{
    expect_ok(stele_reader_attach_fd(&reader, stele_store_fd(world->store)));
    expect_ok(stele_table_open(&reader, "bytes", &bytes));
    expect_ok(stele_words_open(&reader, "words", STELE_U64, STELE_U64, &words));
    expect_ok(stele_words_open(&reader, "lists", STELE_U64, STELE_LIST + STELE_U64, &lists));
}

static void setup(void)
{
    make(&a, 1);
    make(&b, 2);
    open_all(&a);
}

static void teardown(void)
{
    stele_reader_detach(&reader);
    stele_store_close(a.store);
    stele_store_close(b.store);
}

START_TEST(an_open_that_fails_closes_the_handle)
{
    struct stele_u64_struct structs = {words};
    struct stele_type type = stele_type_of(STELE_U8, STELE_U8);
    struct stele_view view;
    uint64_t value = 0, key = 1;
    size_t n = 0;
    expect_ok(stele_view_take(&bytes, &key, 8, &view));
    expect_status(stele_view_take(&bytes, "absent", 6, &view), STELE_ENOTFOUND);
    ck_assert(!stele_view_valid(&bytes, &view));
    stele_reader_detach(&reader);
    expect_ok(stele_reader_attach_fd(&reader, stele_store_fd(b.store)));
    expect_status(stele_table_open(&reader, "absent", &bytes), STELE_ENOTABLE);
    expect_status(stele_get(&bytes, &key, 8, &value, 8, &n), STELE_EINVAL);
    expect_status(stele_words_open(&reader, "bytes", STELE_U64, STELE_U64, &words), STELE_ETYPE);
    expect_status(stele_words_get(&words, 1, &value), STELE_EINVAL);
    words = lists;
    expect_status(stele_words_open(&reader, "words", STELE_BYTES, STELE_U64, &words), STELE_EINVAL);
    expect_status(stele_words_get(&words, 1, &value), STELE_EINVAL);
    expect_status(stele_table_open_as(&reader, "words", &type, &lists.table), STELE_ETYPE);
    expect_status(stele_words_contains(&lists, 1), STELE_EINVAL);
    expect_status(stele_u64_struct_open(&reader, "words", UINT64_C(1) << 32, &structs),
                  STELE_ETYPE);
    expect_status(stele_words_contains(&structs.words, 1), STELE_EINVAL);
}
END_TEST

START_TEST(no_two_tables_are_the_same_one)
{
    struct stele_reader other;
    struct stele_table of_b;
    expect_ok(stele_reader_attach_fd(&other, stele_store_fd(b.store)));
    expect_ok(stele_table_open(&other, "bytes", &of_b));
    ck_assert_uint_ne(of_b.incarnation, bytes.incarnation);
    ck_assert_uint_ne(of_b.incarnation, words.table.incarnation);
    ck_assert_uint_ne(bytes.incarnation, words.table.incarnation);
    ck_assert_uint_ne(of_b.word, bytes.word);
    stele_reader_detach(&other);
}
END_TEST

START_TEST(a_successor_at_the_same_address_is_not_taken_for_it)
{
    struct stele_table old = bytes;
    struct stele_words old_words = words, old_lists = lists;
    struct stele_list list;
    struct stele_scan scan;
    const uint8_t *base = reader.map.base;
    uint64_t key = 1, value = 9, count = 0;
    size_t n = 0;
    char out[8];
    stele_reader_detach(&reader);
    expect_ok(stele_reader_attach_fd(&reader, stele_store_fd(b.store)));
    if (reader.map.base != base) { /* where the kernel chose another place: bring it there */
        void *moved =
            mremap((void *)(uintptr_t)reader.map.base, reader.map.length, reader.map.length,
                   MREMAP_MAYMOVE | MREMAP_FIXED, (void *)(uintptr_t)base);
        ck_assert_ptr_eq(moved, base);
        reader.map.base = base;
    }
    expect_status(stele_get(&old, &key, 8, out, 8, &n), STELE_EDROPPED);
    expect_status(stele_contains(&old, &key, 8), STELE_EDROPPED);
    expect_status(stele_words_get(&old_words, 1, &value), STELE_EDROPPED);
    ck_assert_uint_eq(stele_words_get_many(&old_words, &key, &value, NULL, 1), 0);
    expect_status(stele_words_list_take(&old_lists, 1, &list), STELE_EDROPPED);
    expect_status(stele_table_count(&old, &count), STELE_EDROPPED);
    stele_scan_begin(&scan, &old_words.table);
    expect_status(stele_scan_next_word(&scan, &key, &value), STELE_EDROPPED);
}
END_TEST

START_TEST(a_cursor_is_of_one_segment)
{
    struct stele_scan scan;
    struct stele_scan_cursor cursor, zeros = {0};
    uint64_t key = 0, value = 0;
    unsigned seen = 0;
    stele_scan_begin(&scan, &words.table);
    for (unsigned i = 0; i < 50; i++)
        expect_ok(stele_scan_next_word(&scan, &key, &value));
    stele_scan_save(&scan, &cursor);
    stele_reader_detach(&reader);
    open_all(&b);
    stele_scan_begin(&scan, &words.table);
    expect_status(stele_scan_resume(&scan, &cursor), STELE_EDROPPED);
    while (stele_scan_next_word(&scan, &key, &value) == STELE_OK)
        seen++;
    ck_assert_uint_eq(seen, 200); /* it stayed at its beginning */
    stele_scan_begin(&scan, &words.table);
    expect_ok(stele_scan_resume(&scan, &zeros));
    stele_scan_save(&scan, &cursor); /* before the first entry */
    expect_ok(stele_scan_resume(&scan, &cursor));
    expect_ok(stele_scan_next_word(&scan, &key, &value));
    expect_ok(stele_store_table_drop(b.store, b.words));
    stores_typed(b.store, "words", "u64->u64,identity", 0);
    expect_ok(stele_words_open(&reader, "words", STELE_U64, STELE_U64, &words));
    stele_scan_begin(&scan, &words.table);
    expect_status(stele_scan_resume(&scan, &cursor), STELE_EDROPPED);
}
END_TEST

START_TEST(what_was_taken_is_not_of_a_handle_opened_anew)
{
    struct stele_view view = {0};
    struct stele_list list = {0};
    struct stele_scan scan;
    const void *elements;
    uint64_t key = 1, value = 0, n = 0;
    expect_ok(stele_view_take(&bytes, &key, 8, &view));
    expect_ok(stele_words_list_take(&lists, 1, &list));
    stele_scan_begin(&scan, &words.table);
    expect_ok(stele_scan_next_word(&scan, &key, &value));
    ck_assert(stele_view_valid(&bytes, &view) && stele_view_current(&bytes, &view));
    ck_assert(stele_list_valid(&list) && stele_list_current(&list));
    stele_reader_detach(&reader);
    open_all(&b);
    ck_assert(!stele_view_valid(&bytes, &view) && !stele_view_current(&bytes, &view));
    ck_assert(!stele_list_valid(&list) && !stele_list_current(&list));
    expect_status(stele_list_read(&list, 0, &value, 1, &n), STELE_EBUSY);
    expect_status(stele_list_span(&list, 0, &elements, &n), STELE_EBUSY);
    expect_status(stele_scan_next_word(&scan, &key, &value), STELE_EDROPPED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handles");
    TCase *zeros = suite_case(suite, "all zero"), *stale = suite_case(suite, "outlived");
    tcase_add_test(zeros, a_reader_of_zeros);
    tcase_add_test(zeros, a_reader_whose_attach_failed);
    tcase_add_test(zeros, a_table_of_zeros);
    tcase_add_test(zeros, words_of_zeros);
    tcase_add_test(zeros, lists_and_scans_of_zeros);
    tcase_add_test(zeros, a_channel_of_zeros);
    tcase_add_checked_fixture(stale, setup, teardown);
    tcase_add_test(stale, an_open_that_fails_closes_the_handle);
    tcase_add_test(stale, no_two_tables_are_the_same_one);
    tcase_add_test(stale, a_successor_at_the_same_address_is_not_taken_for_it);
    tcase_add_test(stale, a_cursor_is_of_one_segment);
    tcase_add_test(stale, what_was_taken_is_not_of_a_handle_opened_anew);
    return suite_run(suite);
}
