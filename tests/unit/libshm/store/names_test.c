/* An embedded store whose names are removed: what is mended, what is refused, what no reader can do. */
#include <stele/store.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static struct stele_store *store;
static uint32_t table;
static char name[64], segment[128], lock[128], detail[320];

static enum stele_status open_store(struct stele_store **opened)
{
    struct stele_store_options options = {.name = name, .max_bytes = 8 << 20, .small_pages = true};
    return stele_store_open(&options, opened, detail, sizeof detail);
}

static void setup(void)
{
    snprintf(name, sizeof name, "unit-names-%d", (int)getpid());
    snprintf(segment, sizeof segment, "/dev/shm/stele.%s", name);
    snprintf(lock, sizeof lock, "/dev/shm/stele.%s.lock", name);
    expect_ok(open_store(&store));
    expect_ok(stele_store_table_create(store, "t", NULL, &table));
    expect_ok(stele_store_put(store, table, "k", 1, "v", 1));
}

static void teardown(void)
{
    stele_store_close(store);
    unlink(segment);
    unlink(lock);
}

static enum stele_status put(void)
{
    return stele_store_put(store, table, "k", 1, "w", 1);
}

static bool drop_all_called;
static enum stele_store_verdict drop_all(void *context, const struct stele_store_entry *entry)
{
    (void)context, (void)entry;
    drop_all_called = true;
    return STELE_STORE_DROP;
}

START_TEST(all_is_well)
{
    for (int i = 0; i < 10000; i++)
        expect_ok(put());
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    ck_assert_str_eq(detail, "");
    expect_ok(stele_store_heartbeat(store, 1));
}
END_TEST

START_TEST(a_removed_segment_refuses_every_change)
{
    uint32_t id;
    uint64_t words = 0;
    const void *value;
    uint32_t bytes;
    struct stele_table_options of_words = {.type = stele_type_of(STELE_U64, STELE_U64)};
    expect_ok(stele_store_table_create(store, "w", &of_words, &id));
    ck_assert_int_eq(unlink(segment), 0);
    expect_status(stele_store_check_names(store, detail, sizeof detail), STELE_EDETACHED);
    ck_assert_ptr_nonnull(strstr(detail, "was removed: nobody can find the segment any more"));
    expect_status(stele_store_check_names(store, detail, sizeof detail), STELE_EDETACHED);
    ck_assert_str_eq(detail, ""); /* said once */
    expect_status(stele_store_heartbeat(store, 1), STELE_EDETACHED);
    expect_status(put(), STELE_EDETACHED);
    expect_status(stele_store_insert(store, table, "n", 1, "w", 1), STELE_EDETACHED);
    expect_status(stele_store_replace(store, table, "k", 1, "w", 1), STELE_EDETACHED);
    expect_status(stele_store_erase(store, table, "k", 1), STELE_EDETACHED);
    expect_status(stele_store_word_put(store, id, 1, 1, NULL, NULL), STELE_EDETACHED);
    expect_status(stele_store_word_insert(store, id, 1, &words), STELE_EDETACHED);
    expect_status(stele_store_word_erase(store, id, 1, NULL), STELE_EDETACHED);
    expect_status(stele_store_table_create(store, "u", NULL, &id), STELE_EDETACHED);
    expect_status(stele_store_table_clear(store, table), STELE_EDETACHED);
    expect_status(stele_store_table_drop(store, table), STELE_EDETACHED);
    expect_status(stele_store_table_reserve(store, table, 10, 10, 10), STELE_EDETACHED);
    expect_status(stele_store_each(store, table, drop_all, NULL), STELE_EDETACHED);
    ck_assert(drop_all_called);
    expect_ok(stele_store_find(store, table, "k", 1, &value, &bytes)); /* is all there, and as it was */
    ck_assert_uint_eq(bytes, 1);
    ck_assert_int_eq(*(const char *)value, 'v');
}
END_TEST

/* A program that never looks, and has no clock. */
START_TEST(a_writer_finds_out_by_itself)
{
    uint32_t acknowledged = 0;
    ck_assert_int_eq(unlink(segment), 0);
    while (put() == STELE_OK && acknowledged < 1000000)
        acknowledged++;
    ck_assert_uint_le(acknowledged, 4096);
    expect_status(put(), STELE_EDETACHED);
}
END_TEST

START_TEST(a_moved_segment_gets_its_name_back)
{
    char elsewhere[160];
    snprintf(elsewhere, sizeof elsewhere, "%s.moved", segment);
    ck_assert_int_eq(rename(segment, elsewhere), 0);
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    ck_assert_ptr_nonnull(strstr(detail, "has its name again"));
    ck_assert_int_eq(unlink(elsewhere), 0);
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    ck_assert_str_eq(detail, "");
    stele_store_close(store);
    expect_ok(open_store(&store));
    ck_assert_int_eq(stele_store_get_origin(store), STELE_STORE_ADOPTED);
}
END_TEST

START_TEST(a_name_given_to_another_file_is_left_alone)
{
    struct stat found;
    ck_assert_int_eq(unlink(segment), 0);
    ck_assert_int_eq(mkfifo(segment, 0600), 0);
    expect_status(stele_store_check_names(store, detail, sizeof detail), STELE_EDETACHED);
    ck_assert_ptr_nonnull(strstr(detail, "was given to another file"));
    ck_assert_int_eq(lstat(segment, &found), 0);
    ck_assert(S_ISFIFO(found.st_mode));
}
END_TEST

static uint64_t epoch_of_store(void)
{
    struct stele_store_stats stats;
    stele_store_get_stats(store, &stats);
    return stats.epoch;
}

START_TEST(a_removed_lock_lets_nobody_in)
{
    struct stele_store *second;
    uint64_t epoch = epoch_of_store();
    ck_assert_int_eq(unlink(lock), 0);
    expect_status(stele_store_unlink(name), STELE_ELOCKED);
    ck_assert_int_eq(unlink(lock), 0);
    expect_status(open_store(&second), STELE_ELOCKED); /* makes a lock of its own, and is refused */
    ck_assert_ptr_nonnull(strstr(detail, "though not its lock"));
    ck_assert_uint_eq(epoch_of_store(), epoch); /* it has written nothing */
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    ck_assert_ptr_nonnull(strstr(detail, "was made again"));
    expect_status(open_store(&second), STELE_ELOCKED);
    ck_assert_ptr_null(strstr(detail, "though not its lock"));
    ck_assert_int_eq(unlink(lock), 0);
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    expect_status(open_store(&second), STELE_ELOCKED);
    expect_ok(put());
}
END_TEST

START_TEST(a_lock_that_cannot_be_made_again_is_said_once)
{
    ck_assert_int_eq(unlink(lock), 0);
    ck_assert_int_eq(mkdir(lock, 0700), 0);
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    ck_assert_ptr_nonnull(strstr(detail, "cannot be made again yet"));
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    ck_assert_str_eq(detail, "");
    expect_ok(put());
    ck_assert_int_eq(rmdir(lock), 0);
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    ck_assert_ptr_nonnull(strstr(detail, "was made again"));
}
END_TEST

/* Whoever may only read can lock no writer out, neither before nor while it lives. */
START_TEST(a_reader_can_lock_nobody_out)
{
    struct flock reading = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    stele_store_close(store);
    int fd = open(segment, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &reading), 0);
    expect_ok(open_store(&store));
    expect_ok(put());
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    ck_assert_int_eq(unlink(lock), 0); /* then this lock is the only one, and is made again */
    expect_ok(stele_store_check_names(store, detail, sizeof detail));
    expect_ok(put());
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names");
    TCase *tcase = suite_case(suite, "names");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, all_is_well);
    tcase_add_test(tcase, a_removed_segment_refuses_every_change);
    tcase_add_test(tcase, a_writer_finds_out_by_itself);
    tcase_add_test(tcase, a_moved_segment_gets_its_name_back);
    tcase_add_test(tcase, a_name_given_to_another_file_is_left_alone);
    tcase_add_test(tcase, a_removed_lock_lets_nobody_in);
    tcase_add_test(tcase, a_lock_that_cannot_be_made_again_is_said_once);
    tcase_add_test(tcase, a_reader_can_lock_nobody_out);
    return suite_run(suite);
}
