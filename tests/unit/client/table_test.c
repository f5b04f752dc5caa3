/* Table handles through drop, clear and change of writers. */
#include <fcntl.h>
#include <sys/wait.h>

#include "one_table.h"
#include "segment_name.h"

static void setup(void)
{
    segment_name_clean();
    open_table(NULL, 64 * STORES_MIB);
}

/* ---- tables --------------------------------------------------------------------------------- */

START_TEST(open_checks_the_name)
{
    struct stele_table other;
    char longest[65];
    memset(longest, 'n', 64);
    longest[64] = 0;
    expect_status(stele_table_open(&reader, NULL, &other), STELE_EINVAL);
    expect_status(stele_table_open(&reader, "", &other), STELE_EINVAL);
    expect_status(stele_table_open(&reader, longest, &other), STELE_EINVAL);
    longest[63] = 0;
    expect_status(stele_table_open(&reader, longest, &other), STELE_ENOTABLE);
    stores_table(store, longest);
    expect_ok(stele_table_open(&reader, longest, &other));
    expect_status(stele_table_open(&reader, "tt", &other), STELE_ENOTABLE);
}
END_TEST

START_TEST(all_512_tables_can_be_opened)
{
    char name[16];
    for (unsigned i = 1; i < 512; i++) {
        snprintf(name, sizeof name, "t%u", i);
        expect_ok(stele_store_put(store, stores_table(store, name), "k", 1, name,
                                  (uint32_t)strlen(name)));
    }
    for (unsigned i = 1; i < 512; i++) {
        struct stele_table other;
        snprintf(name, sizeof name, "t%u", i);
        expect_ok(stele_table_open(&reader, name, &other));
        expect_value(&other, "k", name);
    }
    struct stele_reader_stats stats;
    stele_reader_get_stats(&reader, &stats);
    ck_assert_uint_eq(stats.tables, 512);
}
END_TEST

START_TEST(a_dropped_table_is_told)
{
    char buffer[8];
    size_t bytes;
    uint64_t entries;
    struct stele_view view;
    struct stele_scan scan;
    put("k", "v");
    expect_ok(stele_store_table_drop(store, id));
    for (unsigned i = 0; i < 2; i++) {
        expect_status(stele_get(&table, "k", 1, buffer, 8, &bytes), STELE_EDROPPED);
        expect_status(stele_contains(&table, "k", 1), STELE_EDROPPED);
        expect_status(stele_view_take(&table, "k", 1, &view), STELE_EDROPPED);
        expect_status(stele_table_count(&table, &entries), STELE_EDROPPED);
        stele_scan_begin(&scan, &table);
        expect_status(stele_scan_next(&scan, buffer, 8, &bytes, buffer, 8, &bytes), STELE_EDROPPED);
        stores_settle(store); /* now its memory is gone too */
    }
    expect_status(stele_table_open(&reader, "t", &table), STELE_ENOTABLE);
}
END_TEST

START_TEST(a_handle_follows_clear)
{
    char buffer[8];
    size_t bytes;
    uint64_t entries = 9;
    put("old", "1");
    for (unsigned round = 0; round < 5; round++) {
        expect_ok(stele_store_table_clear(store, id));
        expect_status(stele_get(&table, "old", 3, buffer, 8, &bytes), STELE_ENOTFOUND);
        expect_ok(stele_table_count(&table, &entries));
        ck_assert_uint_eq(entries, 0);
        put("new", "2");
        expect_value(&table, "new", "2");
        stores_settle(store);
        expect_value(&table, "new", "2");
    }
}
END_TEST

START_TEST(a_descriptors_next_table_is_not_ours)
{
    char buffer[8];
    size_t bytes;
    put("k", "mine");
    for (unsigned round = 0; round < 4; round++) {
        uint32_t other;
        char name[16];
        snprintf(name, sizeof name, round == 3 ? "t" : "other%u", round);
        expect_ok(stele_store_table_drop(store, id));
        expect_ok(stele_store_table_create(store, name, NULL, &other));
        ck_assert_uint_eq(other, id); /* the same descriptor */
        put("k", "foreign");
        expect_status(stele_get(&table, "k", 1, buffer, 8, &bytes), STELE_EDROPPED);
        expect_status(stele_contains(&table, "k", 1), STELE_EDROPPED);
        struct stele_lookup lookup = {"k", 1, buffer, 8, 0, STELE_OK};
        ck_assert_uint_eq(stele_get_many(&table, &lookup, 1), 0);
        ck_assert_int_eq(lookup.status, STELE_EDROPPED);
        stores_settle(store);
        expect_ok(stele_store_table_clear(store, id));
        expect_status(stele_contains(&table, "k", 1), STELE_EDROPPED);
    }
    expect_ok(stele_table_open(&reader, "t", &table)); /* of the same name again: a new one */
    expect_status(stele_contains(&table, "k", 1), STELE_ENOTFOUND);
}
END_TEST

/* ---- the writer goes away (B, F) ------------------------------------------------------------ */

START_TEST(readers_outlive_their_writers)
{
    teardown();
    open_table(segment_name(), 64 * STORES_MIB);
    for (uint64_t n = 0; n < 5000; n++)
        expect_ok(stores_put(store, id, n, 0, 8, 8));
    put("k", "value");
    struct stele_view view;
    expect_ok(stele_view_take(&table, "k", 1, &view));
    struct stele_reader_stats stats;
    for (uint64_t epoch = 1; epoch < 5; epoch++) {
        stele_reader_get_stats(&reader, &stats);
        ck_assert_uint_eq(stats.epoch, epoch);
        ck_assert(!stats.closed);
        stele_store_close(store);
        stele_reader_get_stats(&reader, &stats);
        ck_assert(stats.closed && !stats.moved);
        expect_value(&table, "k", "value");
        store = stores_open(segment_name(), 64 * STORES_MIB);
        expect_value(&table, "k", "value");
        while (stele_store_step(store, 100))
            expect_value(&table, "k", "value");
        put("k2", "after");
        expect_value(&table, "k2", "after");
    }
    ck_assert(!stele_view_valid(&table, &view)); /* an adoption ends all views */
    stele_store_close(store);
    store = NULL;
    expect_ok(stele_store_unlink(segment_name()));
    size_t bytes;
    char value[8];
    expect_status(stele_get(&table, "k", 1, value, sizeof value, &bytes), STELE_EMOVED);
    stele_reader_get_stats(&reader, &stats);
    ck_assert(stats.moved && stats.closed);
}
END_TEST

START_TEST(staleness_follows_the_heartbeat)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    ck_assert_uint_eq(stele_reader_staleness_ms(&reader), UINT64_MAX); /* it never said */
    stele_store_heartbeat(store, now_ms - 5000);
    ck_assert_uint_ge(stele_reader_staleness_ms(&reader), 4900);
    ck_assert_uint_lt(stele_reader_staleness_ms(&reader), UINT64_MAX);
    stele_store_heartbeat(store, now_ms + 3600000); /* a clock ahead of ours */
    ck_assert_uint_eq(stele_reader_staleness_ms(&reader), 0);
    struct stele_reader_stats stats;
    stele_reader_get_stats(&reader, &stats);
    ck_assert_uint_eq(stats.heartbeat_ms, now_ms + 3600000);
    ck_assert_uint_eq(stats.max_bytes, 64 * STORES_MIB);
    ck_assert_uint_eq(stats.applied_lsn, 1);
}
END_TEST

START_TEST(a_child_goes_on_reading)
{
    put("k", "value");
    pid_t child = fork();
    if (child == 0) {
        char buffer[8];
        size_t bytes = 0;
        _exit(stele_get(&table, "k", 1, buffer, 8, &bytes) == STELE_OK && bytes == 5 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_moved_segment_is_told)
{
    char buffer[8];
    size_t bytes;
    put("k", "v");
    int fd = stele_store_fd(store);
    char path[40];
    uint64_t state = STELEI_STATE_MOVED, word = 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, &state, 8, offsetof(struct stelei_header, state)), 8);
    ck_assert_int_eq(pwrite(fd, &word, 8, 4096 + 256 * (off_t)id), 8);
    close(fd);
    expect_status(stele_get(&table, "k", 1, buffer, 8, &bytes), STELE_EMOVED);
    expect_status(stele_table_open(&reader, "t", &table), STELE_EMOVED);
}
END_TEST

int main(void)
{
    segment_name_init("client_table");
    Suite *suite = suite_create("client_table");
    TCase *tcase = suite_case(suite, "tables");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, open_checks_the_name);
    tcase_add_test(tcase, all_512_tables_can_be_opened);
    tcase_add_test(tcase, a_dropped_table_is_told);
    tcase_add_test(tcase, a_handle_follows_clear);
    tcase_add_test(tcase, a_descriptors_next_table_is_not_ours);
    tcase = suite_case(suite, "writers");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, readers_outlive_their_writers);
    tcase_add_test(tcase, staleness_follows_the_heartbeat);
    tcase_add_test(tcase, a_child_goes_on_reading);
    tcase_add_test(tcase, a_moved_segment_is_told);
    return segment_name_fini(suite_run(suite));
}
