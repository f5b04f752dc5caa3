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
int main(int argc, char **argv)
{
    struct stele_reader reader;
    struct stele_table table;
    struct stele_view view;
    struct stele_scan scan;
    struct stele_lookup lookup;
    struct stele_reader_stats stats;
    char value[16];
    size_t bytes = 0, key_bytes = 0;
    uint64_t entries = 0;
    if (stele_reader_attach(&reader, argc > 1 ? argv[1] : "headers.no-such-segment") != STELE_OK)
        return stele_reader_attach_fd(&reader, -1) == STELE_OK;
    if (stele_table_open(&reader, "t", &table) != STELE_OK)
        return 1;
    memset(&lookup, 0, sizeof lookup);
    lookup.key = "k";
    lookup.key_bytes = 1;
    stele_get(&table, "k", 1, value, sizeof value, &bytes);
    stele_get_many(&table, &lookup, 1);
    stele_contains(&table, "k", 1);
    if (stele_view_take(&table, "k", 1, &view) == STELE_OK)
        stele_view_valid(&table, &view);
    stele_scan_begin(&scan, &table);
    stele_scan_next(&scan, value, sizeof value, &key_bytes, value, sizeof value, &bytes);
    stele_scan_skip(&scan);
    stele_table_count(&table, &entries);
    stele_reader_get_stats(&reader, &stats);
    stele_reader_staleness_ms(&reader);
    bytes = second_unit_get(&table, "k");
    stele_reader_detach(&reader);
    return bytes > 0;
}
