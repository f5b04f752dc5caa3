/* Adoption counts anew: whatever counts a former writer left, or somebody planted. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include <stele/detail/locate.h>

#include "segment_name.h"
#include "stores.h"

#define TABLES 4u
#define BYTES  (16 * STORES_MIB)

static const char *const type[TABLES] = {"bytes->bytes", "u64->u64", "u32->bytes",
                                          "u64->list:u32"};
static struct stele_store_table_stats before[TABLES];
static struct stele_store *store;

static void setup(void)
{
    segment_name_clean();
    store = stores_open(segment_name(), BYTES);
    for (uint32_t t = 0; t < TABLES; t++)
        ck_assert_uint_eq(stores_typed(store, type[t], type[t], 0), t);
    for (uint64_t n = 0; n < 3000; n++) {
        uint32_t narrow = (uint32_t)n, elements[3] = {1, 2, 3};
        expect_ok(stores_put(store, 0, n, 0, 0, 300));
        expect_ok(stele_store_word_put(store, 1, n, n, NULL, NULL));
        expect_ok(stele_store_put(store, 2, &narrow, 4, "value", 5));
        expect_ok(stele_store_list_append(store, 3, &n, 8, elements, 1 + n % 3, NULL));
    }
    for (uint64_t n = 0; n < 3000; n += 9)
        expect_ok(stores_erase(store, 0, n));
    for (uint32_t t = 0; t < TABLES; t++)
        expect_ok(stele_store_get_table_stats(store, t, &before[t]));
    ck_assert_uint_gt(before[1].lines, 0);
    stele_store_close(store);
}

static void teardown(void)
{
    stele_store_close(store);
}

/* The segment as nobody's, to be written to. */
static uint8_t *open_raw(void)
{
    char path[80];
    snprintf(path, sizeof path, "/stele.%s", segment_name());
    int fd = shm_open(path, O_RDWR, 0);
    ck_assert_int_ge(fd, 0);
    uint8_t *raw = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(raw, MAP_FAILED);
    close(fd);
    return raw;
}

/* Adds `wrong` to one of the counts of each root, at this offset. */
static void plant(size_t count_off, uint64_t wrong)
{
    uint8_t *raw = open_raw();
    const struct stelei_header *header = (const void *)raw;
    const struct stelei_table *shared = (const void *)(raw + header->tables_off);
    for (uint32_t t = 0; t < TABLES; t++) {
        uint64_t root = (shared[t].word & 0xffffffffu) << header->granule_shift;
        *(uint64_t *)(void *)(raw + root + count_off) += wrong;
    }
    munmap(raw, BYTES);
}

static void expect_counts(void)
{
    for (uint32_t t = 0; t < TABLES; t++) {
        struct stele_store_table_stats after;
        expect_ok(stele_store_get_table_stats(store, t, &after));
        ck_assert_uint_eq(after.entries, before[t].entries);
        ck_assert_uint_eq(after.lines, before[t].lines);
        ck_assert_uint_eq(after.overflow, before[t].overflow);
        ck_assert_uint_eq(after.record_bytes, before[t].record_bytes);
        ck_assert_uint_eq(after.payload_bytes, before[t].payload_bytes);
        ck_assert_uint_eq(after.buckets, before[t].buckets);
        ck_assert_uint_eq(after.index_bytes, before[t].index_bytes);
    }
}

static const size_t count_at[] = {
    offsetof(struct stelei_root, entries),       offsetof(struct stelei_root, lines),
    offsetof(struct stelei_root, overflow),      offsetof(struct stelei_root, record_bytes),
    offsetof(struct stelei_root, payload_bytes), offsetof(struct stelei_root, buckets)};
#define COUNTS ((int)(sizeof count_at / sizeof count_at[0]))

START_TEST(each_count_of_a_table_is_derived_again)
{
    static const uint64_t wrong[] = {1, UINT64_MAX, 1000000, UINT64_C(1) << 63};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        plant(count_at[_i], wrong[i]);
        store = stores_open(segment_name(), BYTES);
        stores_settle(store);
        expect_counts();
        stores_verify(store);
        stele_store_close(store);
    }
    store = NULL;
}
END_TEST

START_TEST(writes_while_it_counts_are_counted_once)
{
    plant(count_at[0], 77);
    store = stores_open(segment_name(), BYTES);
    for (uint64_t n = 5000; n < 5100; n++) {
        expect_ok(stele_store_word_put(store, 1, n, n, NULL, NULL));
        stele_store_step(store, 1);
    }
    ck_assert(stele_store_adopting(store));
    for (uint64_t n = 5000; n < 5100; n++)
        expect_ok(stele_store_word_erase(store, 1, n, NULL));
    stores_settle(store);
    for (uint32_t t = 0; t < TABLES; t++)
        ck_assert_uint_eq(stores_entries(store, t), before[t].entries);
    stores_verify(store);
}
END_TEST

/* Of the segment: what is taken and free, and the clock. */
START_TEST(the_segments_counts_are_derived_again)
{
    struct stele_store_stats right, after;
    store = stores_open(segment_name(), BYTES);
    stores_settle(store);
    stele_store_get_stats(store, &right);
    stele_store_close(store);
    uint8_t *raw = open_raw();
    struct stelei_header *header = (void *)raw;
    header->retired += 1000;
    header->huge_bytes = UINT64_MAX;
    munmap(raw, BYTES);
    store = stores_open(segment_name(), BYTES);
    stores_settle(store);
    stele_store_get_stats(store, &after);
    ck_assert_uint_eq(after.used_bytes, right.used_bytes);
    ck_assert_uint_eq(after.free_bytes, right.free_bytes);
    ck_assert_uint_eq(after.quarantine_bytes, 0);
    ck_assert_uint_eq(after.tables, TABLES);
    ck_assert_uint_le(after.huge_bytes, after.committed_bytes);
    stores_verify(store);
}
END_TEST

START_TEST(nothing_is_refused_on_the_word_of_the_former_writer)
{
    store = stores_open(segment_name(), BYTES);
    stores_settle(store);
    for (uint32_t t = 0; t < TABLES; t++)
        expect_ok(stele_store_table_drop(store, t));
    ck_assert_uint_eq(stores_typed(store, "limited", "u64->u64", 200), 0);
    for (uint32_t t = 1; t < TABLES; t++)
        stores_typed(store, type[t], type[t], 0);
    for (uint64_t n = 0; n < 198; n++)
        expect_ok(stele_store_word_put(store, 0, n, n, NULL, NULL));
    stele_store_close(store);
    plant(count_at[0], 1000);
    store = stores_open(segment_name(), BYTES);
    ck_assert(stele_store_adopting(store));
    expect_ok(stele_store_word_put(store, 0, 1000, 1, NULL, NULL));
    expect_ok(stele_store_word_put(store, 0, 1001, 1, NULL, NULL));
    expect_status(stele_store_word_put(store, 0, 1002, 1, NULL, NULL), STELE_EFULL);
    stores_settle(store);
    ck_assert_uint_eq(stores_entries(store, 0), 200);
    stores_verify(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("libshm/store/store: counts after adoption");
    TCase *tcase = suite_case(suite, "counts");
    segment_name_init("store_counts");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, each_count_of_a_table_is_derived_again, 0, COUNTS);
    tcase_add_test(tcase, writes_while_it_counts_are_counted_once);
    tcase_add_test(tcase, the_segments_counts_are_derived_again);
    tcase_add_test(tcase, nothing_is_refused_on_the_word_of_the_former_writer);
    return segment_name_fini(suite_run(suite));
}
