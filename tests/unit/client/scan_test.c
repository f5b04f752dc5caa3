#include <stele/stele.h>

#include "stores.h"

static struct stele_store *store;
static struct stele_reader reader;
static struct stele_table table;
static uint32_t id;

#define NUMBERS 40000u
static uint16_t seen[NUMBERS];

static void setup(void)
{
    store = stores_open(NULL, 128 * STORES_MIB);
    id = stores_table(store, "t");
    expect_ok(stele_reader_attach_fd(&reader, stele_store_fd(store)));
    expect_ok(stele_table_open(&reader, "t", &table));
    memset(seen, 0, sizeof seen);
}

static void teardown(void)
{
    stele_reader_detach(&reader);
    stele_store_close(store);
}

/* The next entry, checked against what stores_put() puts in round 0; counts it in `seen`. */
static enum stele_status step(struct stele_scan *scan, uint32_t value_min, uint32_t value_max)
{
    uint8_t key[64], value[6000], wanted[6000];
    size_t key_bytes = 0, value_bytes = 0;
    enum stele_status status =
        stele_scan_next(scan, key, sizeof key, &key_bytes, value, sizeof value, &value_bytes);
    if (status != STELE_OK)
        return status;
    struct stores_entry entry;
    uint64_t number;
    memcpy(&number, key, 8);
    ck_assert_uint_lt(number, NUMBERS);
    stores_entry(number, value_min, value_max, &entry);
    random_bytes(number, wanted, entry.value_bytes);
    ck_assert_uint_eq(key_bytes, entry.key_bytes);
    ck_assert_mem_eq(key, entry.key, key_bytes);
    ck_assert_uint_eq(value_bytes, entry.value_bytes);
    ck_assert(memcmp(value, wanted, value_bytes) == 0);
    seen[number]++;
    return STELE_OK;
}

START_TEST(an_empty_table_ends_at_once)
{
    struct stele_scan scan;
    stele_scan_begin(&scan, &table);
    expect_status(step(&scan, 0, 0), STELE_EEND);
    expect_status(step(&scan, 0, 0), STELE_EEND);
}
END_TEST

START_TEST(a_quiet_table_is_returned_exactly_once)
{
    static const uint32_t counts[] = {1, 2, 10, 15, 16, 100, 1000, 40000};
    for (unsigned c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct stele_scan scan;
        for (uint64_t n = c ? counts[c - 1] : 0; n < counts[c]; n++)
            expect_ok(stores_put(store, id, n, 0, 0, n % 100 ? 60 : 5000));
        memset(seen, 0, sizeof seen);
        stele_scan_begin(&scan, &table);
        for (;;) {
            uint8_t key[64], value[6000];
            size_t key_bytes, value_bytes;
            uint64_t number;
            enum stele_status status = stele_scan_next(&scan, key, sizeof key, &key_bytes, value,
                                                       sizeof value, &value_bytes);
            if (status == STELE_EEND)
                break;
            ck_assert_int_eq(status, STELE_OK);
            memcpy(&number, key, 8);
            ck_assert_uint_lt(number, counts[c]);
            seen[number]++;
        }
        for (uint32_t n = 0; n < NUMBERS; n++)
            ck_assert_uint_eq(seen[n], n < counts[c]);
    }
}
END_TEST

START_TEST(a_bucket_larger_than_the_scans_memory)
{
    /* 300 entries with one bucket number: more than STELEI_SCAN_ENTRIES at a time */
    uint64_t number = 0, chosen[300];
    for (unsigned found = 0; found < 300; number++)
        if ((stelei_hash(&number, 8, table.map.hash_seed) & 0xff) == 5)
            chosen[found++] = number;
    for (unsigned i = 0; i < 300; i++)
        expect_ok(stele_store_put(store, id, &chosen[i], 8, &i, sizeof i));
    struct stele_scan scan;
    unsigned count = 0;
    stele_scan_begin(&scan, &table);
    uint64_t key;
    unsigned value;
    size_t key_bytes, value_bytes;
    while (stele_scan_next(&scan, &key, 8, &key_bytes, &value, sizeof value, &value_bytes) ==
           STELE_OK) {
        ck_assert_uint_lt(value, 300);
        ck_assert_uint_eq(chosen[value], key);
        chosen[value] = 0;
        count++;
    }
    ck_assert_uint_eq(count, 300);
}
END_TEST

START_TEST(short_buffers_keep_the_position)
{
    uint8_t key[64], value[64];
    size_t key_bytes = 0, value_bytes = 0;
    struct stele_scan scan;
    expect_ok(stele_store_put(store, id, "akey", 4, "longer value", 12));
    stele_scan_begin(&scan, &table);
    expect_status(stele_scan_next(&scan, NULL, 0, &key_bytes, NULL, 0, &value_bytes), STELE_ESHORT);
    ck_assert_uint_eq(key_bytes, 4);
    ck_assert_uint_eq(value_bytes, 12);
    expect_status(stele_scan_next(&scan, key, 4, &key_bytes, value, 11, &value_bytes),
                  STELE_ESHORT);
    expect_status(stele_scan_next(&scan, key, 3, &key_bytes, value, 12, &value_bytes),
                  STELE_ESHORT);
    struct stele_scan other = scan;
    stele_scan_skip(&other); /* past it */
    expect_status(stele_scan_next(&other, key, 4, &key_bytes, value, 12, &value_bytes), STELE_EEND);
    expect_ok(stele_scan_next(&scan, key, 4, &key_bytes, value, 12, &value_bytes));
    ck_assert_mem_eq(value, "longer value", 12);
    expect_status(stele_scan_next(&scan, key, 4, &key_bytes, value, 12, &value_bytes), STELE_EEND);
    stele_scan_skip(&scan); /* nothing to skip: harmless */
}
END_TEST

START_TEST(long_keys_are_scanned_too)
{
    static uint8_t key[STELEI_KEY_MAX_BYTES], out[STELEI_KEY_MAX_BYTES];
    static const uint32_t lengths[] = {0, 1, 255, 256, 257, 1000, STELEI_KEY_MAX_BYTES};
    unsigned met = 0;
    for (uint32_t i = 0; i < 7; i++) {
        random_bytes(i, key, lengths[i]);
        expect_ok(stele_store_put(store, id, key, lengths[i], &i, sizeof i));
    }
    struct stele_scan scan;
    uint32_t i;
    size_t key_bytes, value_bytes;
    stele_scan_begin(&scan, &table);
    while (stele_scan_next(&scan, out, sizeof out, &key_bytes, &i, sizeof i, &value_bytes) ==
           STELE_OK) {
        ck_assert_uint_eq(key_bytes, lengths[i]);
        random_bytes(i, key, lengths[i]);
        ck_assert(memcmp(out, key, key_bytes) == 0);
        met |= 1u << i;
    }
    ck_assert_uint_eq(met, 0x7f);
}
END_TEST

/* C: keys that are there throughout come at least once, however the table changes meanwhile. */
START_TEST(stable_keys_are_never_missed)
{
    struct random random = {17};
    uint32_t stable = 3000, next = stable, erase = stable;
    for (uint64_t n = 0; n < stable; n++)
        expect_ok(stores_put(store, id, n, 0, 8, 40));
    struct stele_scan scan;
    stele_scan_begin(&scan, &table);
    enum stele_status status;
    unsigned steps = 0;
    while ((status = step(&scan, 8, 40)) != STELE_EEND) {
        ck_assert_int_eq(status, STELE_OK);
        /* the table grows tenfold while it is scanned, is thinned out, and values are replaced */
        for (unsigned i = 0; i < 6 && next < 30000; i++)
            expect_ok(stores_put(store, id, next++, 0, 8, 40));
        if (random_below(&random, 2) && erase < next)
            expect_ok(stores_erase(store, id, erase++));
        expect_ok(stores_put(store, id, random_below(&random, stable), 0, 8, 40));
        ck_assert_uint_lt(++steps, 2000000);
    }
    for (uint32_t n = 0; n < stable; n++)
        ck_assert_msg(seen[n] >= 1, "key %u was missed", n);
    ck_assert_uint_gt(next, 10000);
    stores_verify(store);
}
END_TEST

START_TEST(a_scan_survives_clear)
{
    struct stele_scan scan;
    for (uint64_t n = 0; n < 1000; n++)
        expect_ok(stores_put(store, id, n, 0, 8, 8));
    stele_scan_begin(&scan, &table);
    for (unsigned i = 0; i < 100; i++)
        expect_ok(step(&scan, 8, 8));
    expect_ok(stele_store_table_clear(store, id));
    expect_ok(stores_put(store, id, 1, 0, 8, 8));
    enum stele_status status;
    while ((status = step(&scan, 8, 8)) == STELE_OK)
        ;
    ck_assert_int_eq(status, STELE_EEND);
    expect_ok(stele_store_table_drop(store, id));
    stele_scan_begin(&scan, &table);
    expect_status(step(&scan, 8, 8), STELE_EDROPPED);
}
END_TEST

START_TEST(a_position_can_be_kept)
{
    struct stele_scan scan, kept;
    for (uint64_t n = 0; n < 1000; n++)
        expect_ok(stores_put(store, id, n, 0, 8, 8));
    stele_scan_begin(&scan, &table);
    for (unsigned i = 0; i < 500; i++)
        expect_ok(step(&scan, 8, 8));
    struct stele_scan_cursor cursor;
    stele_scan_save(&scan, &cursor);
    stele_scan_begin(&kept, &table);
    expect_ok(stele_scan_resume(&kept, &cursor));
    while (step(&kept, 8, 8) == STELE_OK)
        ;
    for (uint32_t n = 0; n < 1000; n++)
        ck_assert_uint_eq(seen[n], 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scan");
    TCase *tcase = suite_case(suite, "scan");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_empty_table_ends_at_once);
    tcase_add_test(tcase, a_quiet_table_is_returned_exactly_once);
    tcase_add_test(tcase, a_bucket_larger_than_the_scans_memory);
    tcase_add_test(tcase, short_buffers_keep_the_position);
    tcase_add_test(tcase, long_keys_are_scanned_too);
    tcase_add_test(tcase, stable_keys_are_never_missed);
    tcase_add_test(tcase, a_scan_survives_clear);
    tcase_add_test(tcase, a_position_can_be_kept);
    return suite_run(suite);
}
