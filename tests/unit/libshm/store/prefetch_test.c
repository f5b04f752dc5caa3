/* Prefetching: whatever the hints are, nothing changes and nothing outside is read. */
#include <string.h>
#include <sys/mman.h>

#include <stele/detail/hash.h>

#include "one_store.h"

#define ENTRIES 3000u
#define BYTES   (8 * STORES_MIB)

/* A hash of the whole segment, the heartbeat included: nobody else writes it here. */
static uint64_t digest(const struct stele_store *of)
{
    void *bytes = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, stele_store_fd(of), 0);
    ck_assert_ptr_ne(bytes, MAP_FAILED);
    uint64_t hash = stelei_hash(bytes, BYTES, 1);
    munmap(bytes, BYTES);
    return hash;
}

static void fill(uint32_t table)
{
    for (uint32_t i = 0; i < ENTRIES; i++)
        expect_ok(stele_store_put(store, table, &i, sizeof i, &i, sizeof i));
}

START_TEST(changes_nothing)
{
    struct stele_store_hint hints[80];
    uint32_t keys[80];
    store = stores_open(segment_name(), BYTES);
    uint32_t t = stores_table(store, "t");
    fill(t);
    uint64_t before = digest(store);
    for (uint32_t round = 0; round < ENTRIES; round += 40) {
        for (uint32_t i = 0; i < 80; i++) { /* the upper half of the last round is absent */
            keys[i] = round + i;
            hints[i].key = &keys[i];
            hints[i].key_bytes = sizeof keys[i];
            hints[i].table = t;
        }
        for (uint32_t count = 0; count <= 80; count += 16)
            stele_store_prefetch(store, hints, count);
    }
    ck_assert_uint_eq(digest(store), before);
    stores_verify(store);
}
END_TEST

START_TEST(hints_may_be_anything)
{
    static uint8_t longest[STELEI_KEY_MAX_BYTES];
    const struct stele_store_hint hints[] = {
        {.key = "k", .key_bytes = 1, .table = 7},                        /* no such table */
        {.key = "k", .key_bytes = 1, .table = UINT32_MAX},               /* no such number */
        {.key = NULL, .key_bytes = 0, .table = 0},                       /* the empty key */
        {.key = longest, .key_bytes = STELEI_KEY_MAX_BYTES, .table = 0}, /* the longest */
        {.key = longest, .key_bytes = UINT32_MAX, .table = 0},           /* too long: not read */
    };
    store = stores_open(NULL, BYTES);
    ck_assert_uint_eq(stores_table(store, "empty"), 0);
    stele_store_prefetch(store, NULL, 0);
    stele_store_prefetch(store, hints, sizeof hints / sizeof hints[0]);
    fill(0);
    stele_store_prefetch(store, hints, sizeof hints / sizeof hints[0]);
    expect_ok(stele_store_table_clear(store, 0));
    stele_store_prefetch(store, hints, sizeof hints / sizeof hints[0]);
    expect_ok(stele_store_table_drop(store, 0));
    stele_store_prefetch(store, hints, sizeof hints / sizeof hints[0]);
    stores_settle(store);
    stores_verify(store);
}
END_TEST

int main(void)
{
    segment_name_init("prefetch");
    Suite *suite = suite_create("prefetch");
    TCase *tcase = suite_case(suite, "prefetch");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, changes_nothing);
    tcase_add_test(tcase, hints_may_be_anything);
    return segment_name_fini(suite_run(suite));
}
