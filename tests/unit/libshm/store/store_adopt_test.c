/* Promise F through the facade: the writer dies in a process of its own, the next one adopts. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "one_store.h"

/* A child makes the segment and dies in the middle of holding it. */
static void die_holding(void (*fill)(struct stele_store *))
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        fill(stores_open(segment_name(), 64 * STORES_MIB));
        _exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    store = stores_open(segment_name(), 64 * STORES_MIB);
    ck_assert_int_eq(stele_store_get_origin(store), STELE_STORE_ADOPTED);
}

static void fill_two_tables(struct stele_store *of)
{
    uint32_t a = stores_table(of, "a"), b = stores_table(of, "b");
    for (uint64_t n = 0; n < 10000; n++) {
        expect_ok(stores_put(of, a, n, 0, 0, 200));
        expect_ok(stores_put(of, b, n, 1, 0, 2000 * (n % 50 == 0)));
    }
    for (uint64_t n = 0; n < 10000; n += 7)
        expect_ok(stores_put(of, a, n, 5, 0, 200));
    for (uint64_t n = 3; n < 10000; n += 7)
        expect_ok(stores_erase(of, a, n));
}

static void expect_two_tables(uint64_t entries_of_a)
{
    uint32_t a = 9, b = 9;
    expect_ok(stele_store_table_find(store, "a", &a));
    expect_ok(stele_store_table_find(store, "b", &b));
    for (uint64_t n = 0; n < 10000; n++) {
        if (n % 7 == 3)
            stores_expect_absent(store, a, n);
        else
            stores_expect(store, a, n, n % 7 == 0 ? 5 : 0, 0, 200);
        stores_expect(store, b, n, 1, 0, 2000 * (n % 50 == 0));
    }
    ck_assert_uint_eq(stores_entries(store, a), entries_of_a);
    ck_assert_uint_eq(stores_entries(store, b), 10000);
}

START_TEST(a_killed_writers_data_is_all_there)
{
    die_holding(fill_two_tables);
    ck_assert(stele_store_adopting(store));
    ck_assert_uint_eq(stats_of(store).epoch, 2);
    uint64_t lsn = stats_of(store).applied_lsn;
    ck_assert_uint_eq(lsn, 2 + 20000 + 1429 + 1429);
    stores_settle(store);
    ck_assert(!stele_store_adopting(store));
    expect_two_tables(10000 - 1429);
    stores_verify(store);
}
END_TEST

START_TEST(writes_are_accepted_before_the_pass_ends)
{
    die_holding(fill_two_tables);
    uint32_t a = 9;
    expect_ok(stele_store_table_find(store, "a", &a));
    for (uint64_t n = 20000; n < 20500; n++) {
        ck_assert(stele_store_adopting(store));
        expect_ok(stores_put(store, a, n, 0, 0, 200));
        ck_assert(stele_store_step(store, 1));
    }
    uint32_t extra = stores_table(store, "made meanwhile");
    expect_ok(stores_put(store, extra, 1, 0, 8, 8));
    stores_settle(store);
    for (uint64_t n = 20000; n < 20500; n++)
        stores_expect(store, a, n, 0, 0, 200);
    expect_two_tables(10000 - 1429 + 500);
    stores_verify(store);
}
END_TEST

START_TEST(verify_completes_a_pending_adoption)
{
    die_holding(fill_two_tables);
    stores_verify(store);
    ck_assert(!stele_store_adopting(store));
    expect_two_tables(10000 - 1429);
}
END_TEST

START_TEST(drop_and_clear_while_adopting)
{
    uint32_t a = 9, b = 9;
    die_holding(fill_two_tables);
    expect_ok(stele_store_table_find(store, "a", &a));
    expect_ok(stele_store_table_find(store, "b", &b));
    for (unsigned i = 0; i < 50; i++)
        ck_assert(stele_store_step(store, 1));
    expect_ok(stele_store_table_drop(store, a));
    expect_ok(stele_store_table_clear(store, b));
    uint32_t again = stores_table(store, "a");
    ck_assert_uint_eq(stores_entries(store, again), 0);
    for (uint64_t n = 0; n < 1000; n++) {
        expect_ok(stores_put(store, again, n, 2, 8, 8));
        expect_ok(stores_put(store, b, n, 3, 8, 8));
        stele_store_step(store, 1);
    }
    stores_settle(store);
    stores_verify(store);
    ck_assert_uint_eq(stores_entries(store, again), 1000);
    ck_assert_uint_eq(stores_entries(store, b), 1000);
    expect_ok(stele_store_table_drop(store, again));
    expect_ok(stele_store_table_drop(store, b));
    stores_settle(store);
    ck_assert_uint_eq(stats_of(store).used_bytes, 0);
    stores_verify(store);
}
END_TEST

static void fill_to_the_brim(struct stele_store *of)
{
    uint32_t t = stores_table(of, "t");
    uint64_t n = 0;
    while (stores_put(of, t, n, 0, 8, 800) == STELE_OK)
        n++;
}

START_TEST(a_full_segment_is_adopted)
{
    /* no fresh memory: the write that needs some completes the pass itself */
    uint32_t t = 9;
    die_holding(fill_to_the_brim);
    expect_ok(stele_store_table_find(store, "t", &t));
    for (uint64_t n = 0; n < 2000; n++)
        expect_ok(stores_erase(store, t, n));
    ck_assert(stele_store_adopting(store));
    for (uint64_t n = 0; n < 1500; n++)
        expect_ok(stores_put(store, t, n, 1, 8, 800));
    stores_settle(store);
    stores_verify(store);
    for (uint64_t n = 0; n < 1500; n++)
        stores_expect(store, t, n, 1, 8, 800);
}
END_TEST

START_TEST(a_clean_close_is_adopted_too)
{
    store = stores_open(segment_name(), 64 * STORES_MIB);
    fill_two_tables(store);
    for (uint64_t epoch = 2; epoch < 6; epoch++) {
        stele_store_close(store);
        store = stores_open(segment_name(), 64 * STORES_MIB);
        ck_assert_uint_eq(stats_of(store).epoch, epoch);
        stores_settle(store);
        expect_two_tables(10000 - 1429);
    }
    stores_verify(store);
}
END_TEST

START_TEST(split_while_adopting)
{
    /* another table grows by thousands of splits while the pass is in the first one */
    die_holding(fill_two_tables);
    uint32_t grown = stores_table(store, "grown");
    for (uint64_t n = 0; n < 30000; n++) {
        expect_ok(stores_put(store, grown, n, 0, 8, 16));
        if (n % 64 == 0)
            stele_store_step(store, 1);
    }
    ck_assert_uint_eq(stores_entries(store, grown), 30000);
    stores_settle(store);
    expect_two_tables(10000 - 1429);
    /* and the adopted one goes on growing where it stopped */
    uint32_t b = 9;
    expect_ok(stele_store_table_find(store, "b", &b));
    for (uint64_t n = 10000; n < 30000; n++)
        expect_ok(stores_put(store, b, n, 1, 0, 0));
    stores_verify(store);
}
END_TEST

START_TEST(corrupt_tables_are_refused_or_replaced)
{
    struct stele_store_options options = {.name = segment_name(), .max_bytes = 16 * STORES_MIB};
    char detail[128] = "", path[80];
    uint64_t word = UINT64_C(1) << 32 | UINT32_MAX;
    store = stores_open(segment_name(), 16 * STORES_MIB);
    stores_table(store, "t");
    stele_store_close(store);
    store = NULL;
    snprintf(path, sizeof path, "/dev/shm/stele.%s", segment_name());
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 4096, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(&word, 8, 1, file), 1);
    fclose(file);
    expect_status(stele_store_open(&options, &store, detail, sizeof detail), STELE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(detail, "--replace"));
    options.replace = true;
    expect_ok(stele_store_open(&options, &store, detail, sizeof detail));
    ck_assert_int_eq(stele_store_get_origin(store), STELE_STORE_CREATED);
    ck_assert_uint_eq(stats_of(store).tables, 0);
}
END_TEST

/* The first bucket of the index at `root` that holds an entry: which are empty depends on the seed. */
static off_t occupied_bucket(int fd, off_t root, uint64_t *sequence)
{
    for (unsigned block = 0; block < 4; block++) {
        uint32_t ref;
        off_t at = root + (off_t)offsetof(struct stelei_root, small) + 4 * (off_t)block;
        ck_assert_int_eq(pread(fd, &ref, 4, at), 4);
        for (unsigned i = 0; i < (block ? 1u << block : 2u); i++) {
            off_t bucket = ((off_t)ref << 3) + (off_t)(i * STELEI_BUCKET_BYTES);
            ck_assert_int_eq(pread(fd, sequence, 8, bucket), 8);
            if (*sequence & STELEI_SLOTS_MASK)
                return bucket;
        }
    }
    ck_abort_msg("16 buckets without an entry");
}

/* G: what damage costs is told. */
START_TEST(dropped_entries_are_counted)
{
    char path[80];
    uint64_t word, sequence;
    uint32_t nowhere = UINT32_MAX;
    store = stores_open(segment_name(), 16 * STORES_MIB);
    uint32_t t = stores_table(store, "t");
    for (uint64_t n = 0; n < 500; n++)
        expect_ok(stores_put(store, t, n, 0, 0, 100));
    ck_assert_uint_eq(stats_of(store).adoption_dropped, 0);
    stele_store_close(store);
    snprintf(path, sizeof path, "/dev/shm/stele.%s", segment_name());
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &word, 8, 4096), 8);
    off_t root = (off_t)((word & UINT32_MAX) << 3);
    off_t bucket = occupied_bucket(fd, root, &sequence);
    bucket += (off_t)offsetof(struct stelei_bucket, ref) + 4 * __builtin_ctzll(sequence);
    ck_assert_int_eq(pwrite(fd, &nowhere, 4, bucket), 4);
    close(fd);
    store = stores_open(segment_name(), 16 * STORES_MIB);
    stores_verify(store);
    ck_assert_uint_eq(stats_of(store).adoption_dropped, 1);
    ck_assert_uint_eq(stores_entries(store, t), 499);
    stele_store_close(store);
    store = stores_open(segment_name(), 16 * STORES_MIB);
    stores_verify(store);
    ck_assert_uint_eq(stats_of(store).adoption_dropped, 0); /* of the last one only */
}
END_TEST

int main(void)
{
    segment_name_init("store_adopt");
    Suite *suite = suite_create("store_adopt");
    TCase *tcase = suite_case(suite, "adoption");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_killed_writers_data_is_all_there);
    tcase_add_test(tcase, writes_are_accepted_before_the_pass_ends);
    tcase_add_test(tcase, verify_completes_a_pending_adoption);
    tcase_add_test(tcase, drop_and_clear_while_adopting);
    tcase_add_test(tcase, a_full_segment_is_adopted);
    tcase_add_test(tcase, a_clean_close_is_adopted_too);
    tcase_add_test(tcase, split_while_adopting);
    tcase_add_test(tcase, corrupt_tables_are_refused_or_replaced);
    tcase_add_test(tcase, dropped_entries_are_counted);
    return segment_name_fini(suite_run(suite));
}
