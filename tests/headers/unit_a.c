/* One of two units that include everything and are linked together; valid C11 and C++11. */
#include <stele/map.h>
#include <stele/stele.h>
#include <stele/store.h>

size_t second_unit_get(const struct stele_table *table, const char *key);

void stelei_assert_failed(const char *condition, const char *file, int line)
{
    (void)condition;
    (void)file;
    (void)line;
    __builtin_trap();
}

/* Uses each inline function once, so that it is compiled and not only parsed. */

static void use_words(const struct stele_reader *reader)
{
    struct stele_words words;
    struct stele_words_lookup lookup;
    struct stele_view view;
    enum stele_status status = STELE_OK;
    uint64_t key = 1, value = 0;
    char bytes[8];
    size_t length = 0;
    memset(&lookup, 0, sizeof lookup);
    if (stele_words_open(reader, "w", STELE_U64, STELE_U64, &words) != STELE_OK)
        return;
    stele_words_get(&words, key, &value);
    stele_words_get_many(&words, &key, &value, &status, 1);
    stele_words_contains(&words, key);
    stele_words_get_bytes(&words, key, bytes, sizeof bytes, &length);
    stele_words_get_bytes_many(&words, &lookup, 1);
    if (stele_words_view_take(&words, key, &view) == STELE_OK) {
        stele_words_view_current(&words, &view);
        stele_words_view_valid(&words, &view);
    }
}

static void use_lists(const struct stele_reader *reader)
{
    struct stele_type type = stele_type_of(STELE_BYTES, STELE_LIST + STELE_U64);
    struct stele_table table;
    struct stele_words words;
    struct stele_list list;
    uint64_t elements[4], got = 0, count = 0;
    const void *run;
    if (stele_table_open_as(reader, "l", &type, &table) != STELE_OK ||
        stele_words_open(reader, "m", STELE_U8, STELE_LIST + STELE_U64, &words) != STELE_OK)
        return;
    stele_list_get(&table, "k", 1, 0, elements, 4, &got, &count);
    stele_words_list_get(&words, 1, 0, elements, 4, &got, &count);
    stele_list_count(&table, "k", 1, &count);
    stele_words_list_count(&words, 1, &count);
    if (stele_words_list_take(&words, 1, &list) == STELE_OK &&
        stele_list_take(&table, "k", 1, &list) == STELE_OK) {
        stele_list_read(&list, 0, elements, 4, &got);
        stele_list_span(&list, 0, &run, &got);
        got = stele_list_length(&list) + stele_list_generation(&list);
        stele_list_current(&list);
        stele_list_valid(&list);
    }
}

static void use_scans(const struct stele_reader *reader)
{
    struct stele_table table;
    struct stele_scan scan;
    struct stele_scan_cursor cursor;
    struct stele_list list;
    char value[16];
    size_t bytes = 0, key_bytes = 0;
    uint64_t key = 0, word = 0;
    if (stele_table_open_any(reader, "s", &table) != STELE_OK)
        return;
    stele_scan_begin_prefix(&scan, &table, "k", 1);
    stele_scan_begin(&scan, &table);
    stele_scan_next(&scan, value, sizeof value, &key_bytes, value, sizeof value, &bytes);
    stele_scan_next_key(&scan, value, sizeof value, &key_bytes);
    stele_scan_next_word(&scan, &key, &word);
    stele_scan_next_list(&scan, value, sizeof value, &key_bytes, &list);
    stele_scan_skip(&scan);
    stele_scan_save(&scan, &cursor);
    stele_scan_resume(&scan, &cursor);
}

static void use_typed(const struct stele_reader *reader)
{
    struct stele_u64_u64 numbers;
    struct stele_u64_string names;
    struct stele_u64_struct points;
    struct stele_u64_list orders;
    struct stele_u8_list groups;
    struct stele_string_u64 counters;
    struct stele_string_string texts;
    struct stele_string_struct flags;
    uint64_t value = 0, array[2];
    uint32_t small[2];
    char text[8];
    struct stele_text copied = {text, sizeof text, 0};
    struct stele_u64s list = {array, 2, 0, 0};
    struct stele_u32s shorter = {small, 2, 0, 0};
    if (stele_u64_u64_open(reader, "1", &numbers) == STELE_OK)
        stele_find(&numbers, 1, &value);
    if (stele_u64_string_open(reader, "2", &names) == STELE_OK)
        stele_find(&names, 1, &copied);
    if (stele_u64_struct_open(reader, "3", sizeof list, &points) == STELE_OK)
        stele_find(&points, 1, &list);
    if (stele_u64_list_open(reader, "4", &orders) == STELE_OK)
        stele_find(&orders, 1, &list);
    if (stele_u8_list_open(reader, "5", &groups) == STELE_OK)
        stele_find(&groups, 1, &shorter);
    if (stele_string_u64_open(reader, "6", &counters) == STELE_OK)
        stele_find(&counters, "k", &value);
    if (stele_string_string_open(reader, "7", &texts) == STELE_OK)
        stele_find(&texts, "k", &copied);
    if (stele_string_struct_open(reader, "8", sizeof list, &flags) == STELE_OK)
        stele_find(&flags, "k", &list);
}

int main(int argc, char **argv)
{
    struct stele_reader reader;
    struct stele_table table;
    struct stele_view view;
    struct stele_lookup lookup;
    struct stele_reader_stats stats;
    char value[16];
    size_t bytes = 0;
    uint64_t entries = 0;
    if (stele_reader_attach(&reader, argc > 1 ? argv[1] : "headers.no-such-segment") != STELE_OK)
        return stele_reader_attach_fd(&reader, -1) == STELE_OK;
    stele_reader_register_hash(&reader, STELE_HASH_OWN, STELEI_NULL);
    use_words(&reader);
    use_lists(&reader);
    use_scans(&reader);
    use_typed(&reader);
    if (stele_table_open(&reader, "t", &table) != STELE_OK)
        return 1;
    memset(&lookup, 0, sizeof lookup);
    lookup.key = "k";
    lookup.key_bytes = 1;
    stele_get(&table, "k", 1, value, sizeof value, &bytes);
    stele_get_many(&table, &lookup, 1);
    stele_contains(&table, "k", 1);
    if (stele_view_take(&table, "k", 1, &view) == STELE_OK) {
        stele_view_valid(&table, &view);
        stele_view_current(&table, &view);
    }
    stele_table_count(&table, &entries);
    stele_reader_get_stats(&reader, &stats);
    stele_reader_staleness_ms(&reader);
    bytes = second_unit_get(&table, "k");
    stele_reader_detach(&reader);
    return bytes > 0;
}
