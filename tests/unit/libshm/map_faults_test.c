/* What the older maps did wrong: each of their faults is a test here (or_insert: map_test.c). */
#include <stele/map.h>

#include <signal.h>
#include <sys/wait.h>

#include "segment_name.h"
#include "stores.h"

static struct stele_map map;

static void open_as(const char *name, uint64_t max_bytes, struct stele_type type)
{
    struct stele_map_options options = {
        .store = {.name = name, .max_bytes = max_bytes, .small_pages = true}, .as = {.type = type}};
    expect_ok(stele_map_open(&options, &map, NULL, 0));
}

static void load_as(struct stele_type type)
{
    struct stele_map_options options = {.store = {.name = segment_name(), .small_pages = true},
                                        .as = {.type = type}};
    expect_ok(stele_map_load(&options, &map, NULL, 0));
}

static struct stele_type bytes_type(void)
{
    return stele_type_of(STELE_BYTES, STELE_BYTES);
}
static struct stele_type words_type(void)
{
    return stele_type_of(STELE_U64, STELE_U64);
}

static void setup(void)
{
    segment_name_clean();
    memset(&map, 0, sizeof map);
}

static void teardown(void)
{
    if (map.store)
        stores_verify(map.store);
    stele_map_close(&map);
}

static uint64_t used_bytes(void)
{
    struct stele_store_stats stats;
    stores_settle(map.store);
    stele_store_get_stats(map.store, &stats);
    return stats.used_bytes;
}

static uint64_t committed_bytes(void)
{
    struct stele_store_stats stats;
    stele_store_get_stats(map.store, &stats);
    return stats.committed_bytes;
}

/* ---- loading -------------------------------------------------------------------------------- */

START_TEST(load_after_growth_finds_everything)
{
    open_as(segment_name(), 64 * STORES_MIB, bytes_type());
    for (uint64_t n = 0; n < 10000; n++)
        expect_ok(stores_put(map.store, map.table, n, 0, 1, 250));
    for (uint64_t n = 0; n < 10000; n += 10)
        expect_ok(stores_erase(map.store, map.table, n));
    stele_map_close(&map);
    load_as(bytes_type());
    ck_assert_uint_eq(stele_map_len(&map), 9000);
    for (uint64_t n = 0; n < 10000; n++)
        if (n % 10 == 0)
            stores_expect_absent(map.store, map.table, n);
        else
            stores_expect(map.store, map.table, n, 0, 1, 250);
}
END_TEST

/* Inserts words until it is killed; `told` shows how many were in. */
static void insert_for_ever(volatile uint64_t *told)
{
    open_as(segment_name(), 64 * STORES_MIB, words_type());
    for (uint64_t n = 0;; n++) {
        expect_ok(stele_map_word_insert(&map, n << 20, n, NULL, NULL));
        *told = n + 1;
    }
}

START_TEST(load_after_a_kill_finds_everything)
{
    volatile uint64_t *told =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t value = 0;
    pid_t child = fork();
    if (child == 0)
        insert_for_ever(told);
    while (*told < 20000)
        usleep(1000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    load_as(words_type());
    for (uint64_t n = 0; n < *told; n++) {
        expect_ok(stele_map_word_get(&map, n << 20, &value));
        expect(value == n);
    }
    stores_settle(map.store);
    uint64_t one_more = stele_map_word_contains(&map, *told << 20) == STELE_OK;
    ck_assert_uint_eq(stele_map_len(&map), *told + one_more);
}
END_TEST

START_TEST(opening_what_is_there_shows_its_length)
{
    open_as(segment_name(), 64 * STORES_MIB, words_type());
    for (uint64_t n = 0; n < 5000; n++)
        expect_ok(stele_map_word_insert(&map, n, n, NULL, NULL));
    stele_map_close(&map);
    open_as(segment_name(), 64 * STORES_MIB, words_type());
    ck_assert_int_eq(stele_store_get_origin(map.store), STELE_STORE_ADOPTED);
    ck_assert_uint_eq(stele_map_len(&map), 5000);
    ck_assert(stele_store_adopting(map.store)); /* also while the pass is under way */
    expect_ok(stele_map_word_insert(&map, 5000, 1, NULL, NULL));
    expect_ok(stele_map_word_remove(&map, 17, NULL));
    expect_ok(stele_map_word_remove(&map, 18, NULL));
    ck_assert_uint_eq(stele_map_len(&map), 4999);
    stele_map_close(&map);
    load_as(words_type()); /* and when the former owner left in the middle of it */
    ck_assert_uint_eq(stele_map_len(&map), 4999);
    stores_settle(map.store);
    ck_assert_uint_eq(stele_map_len(&map), 4999);
    expect_status(stele_map_word_contains(&map, 17), STELE_ENOTFOUND);
}
END_TEST

START_TEST(clear_and_remove_outlive_a_load)
{
    open_as(segment_name(), 64 * STORES_MIB, bytes_type());
    for (uint64_t n = 0; n < 1000; n++)
        expect_ok(stores_put(map.store, map.table, n, 0, 1, 250));
    expect_ok(stele_map_clear(&map));
    expect_ok(stele_map_insert(&map, "stays", 5, "v", 1, NULL));
    expect_ok(stele_map_insert(&map, "goes", 4, "v", 1, NULL));
    expect_ok(stele_map_remove(&map, "goes", 4, NULL));
    stele_map_close(&map);
    load_as(bytes_type());
    ck_assert_uint_eq(stele_map_len(&map), 1);
    expect_ok(stele_map_contains(&map, "stays", 5));
    expect_status(stele_map_contains(&map, "goes", 4), STELE_ENOTFOUND);
    stores_expect_absent(map.store, map.table, 3);
}
END_TEST

/* ---- memory --------------------------------------------------------------------------------- */

START_TEST(values_of_any_size)
{
    static const uint32_t sizes[] = {0, 1, 24567, 24568, 24569, 65536, 1 << 20, 20 << 20};
    uint8_t *value = malloc(20 << 20), *back = malloc(20 << 20);
    struct stele_map_value out = stele_map_buffer(back, 20 << 20);
    ck_assert(value && back);
    random_bytes(1, value, 20 << 20);
    open_as(NULL, 128 * STORES_MIB, bytes_type());
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        expect_ok(
            stele_map_insert(&map, &sizes[i], 4, value + i, sizes[i] - (i > 6 ? i : 0), &out));
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        expect_ok(stele_map_get(&map, &sizes[i], 4, &out));
        expect(out.bytes == sizes[i] - (i > 6 ? i : 0));
        expect(memcmp(back, value + i, out.bytes) == 0);
    }
    free(value);
    free(back);
}
END_TEST

static enum stele_store_action bump(void *context, const void *value, uint32_t value_bytes,
                                    const void **new_value, uint32_t *new_bytes)
{
    uint8_t *next = context;
    memcpy(next, value, value_bytes);
    next[0]++;
    *new_value = next;
    *new_bytes = value_bytes;
    return STELE_STORE_PUT;
}

START_TEST(updates_of_one_value_take_no_memory)
{
    uint8_t value[100] = "", old[100];
    struct stele_map_value out = stele_map_buffer(old, sizeof old);
    open_as(NULL, 16 * STORES_MIB, bytes_type());
    expect_ok(stele_map_insert(&map, "k", 1, value, sizeof value, NULL));
    uint64_t used = used_bytes(), committed = committed_bytes();
    for (unsigned i = 1; i <= 200000; i++) {
        memcpy(value, &i, sizeof i);
        expect_ok(stele_map_insert(&map, "k", 1, value, sizeof value, i % 2 ? &out : NULL));
    }
    expect(memcmp(old, &(unsigned){199998}, 4) == 0);
    for (unsigned i = 0; i < 200000; i++)
        expect_ok(stele_map_alter(&map, "k", 1, bump, value));
    for (unsigned i = 0; i < 200000; i++) {
        expect_ok(stele_map_remove(&map, "k", 1, &out));
        expect_ok(stele_map_get_or_insert(&map, "k", 1, value, sizeof value, &out));
        expect(!out.present);
    }
    ck_assert_uint_eq(used_bytes(), used);
    ck_assert_uint_eq(committed_bytes(), committed);
}
END_TEST

static bool keep_none(void *context, const struct stele_store_entry *entry)
{
    (void)entry;
    return *(bool *)context;
}

/* Rounds of filling and emptying by all means there are end with the memory they began with. */
START_TEST(old_values_and_old_tables_are_freed)
{
    uint64_t after_first = 0, removed;
    bool keep = false;
    open_as(NULL, 64 * STORES_MIB, bytes_type());
    for (unsigned round = 0; round < 9; round++) {
        for (uint64_t n = 0; n < 20000; n++)
            expect_ok(stores_put(map.store, map.table, n, round, 0, 200));
        if (round % 3 == 0)
            expect_ok(stele_map_clear(&map));
        else if (round % 3 == 1)
            expect_ok(stele_map_retain(&map, keep_none, &keep, &removed));
        else
            for (uint64_t n = 0; n < 20000; n++)
                expect_ok(stores_erase(map.store, map.table, n));
        ck_assert(stele_map_is_empty(&map));
        if (round == 0)
            after_first = committed_bytes();
    }
    expect_ok(stele_map_clear(&map)); /* the buckets too */
    ck_assert_uint_lt(used_bytes(), 64 << 10);
    ck_assert_uint_le(committed_bytes(), after_first + 4 * STORES_MIB);
}
END_TEST

static enum stele_status make_large(void *context, const void **value, uint32_t *value_bytes)
{
    static const uint8_t zeros[1 << 20];
    ++*(unsigned *)context;
    *value = zeros;
    *value_bytes = sizeof zeros;
    return STELE_OK;
}

START_TEST(a_second_try_for_memory_asks_no_second_time)
{
    unsigned calls = 0, filled = 0;
    uint32_t other;
    open_as(NULL, 16 * STORES_MIB, bytes_type());
    other = stores_table(map.store, "other");
    enum stele_status status = STELE_OK;
    for (; status == STELE_OK; filled++)
        status = stores_put(map.store, other, filled, 0, 60000, 60000);
    expect_status(status, STELE_ENOSPC);
    expect_status(stele_map_get_or_insert_with(&map, "k", 1, make_large, &calls, NULL),
                  STELE_ENOSPC);
    ck_assert_uint_eq(calls, 1);
    expect_ok(stele_store_table_drop(map.store, other)); /* its memory comes back when needed */
    expect_ok(stele_map_get_or_insert_with(&map, "k", 1, make_large, &calls, NULL));
    ck_assert_uint_eq(calls, 2);
}
END_TEST

/* ---- hashes --------------------------------------------------------------------------------- */

/* Entries outside the first lines, by the thousand, of 50,000 keys with so many low zeros. */
static unsigned overflow_of(unsigned shift)
{
    struct stele_store_table_stats stats;
    open_as(NULL, 64 * STORES_MIB, words_type());
    for (uint64_t n = 0; n < 50000; n++)
        expect_ok(stele_map_word_insert(&map, n << shift, n, NULL, NULL));
    expect_ok(stele_map_stats(&map, &stats));
    stele_map_close(&map);
    return (unsigned)(stats.overflow * 1000 / 50000);
}

START_TEST(keys_of_a_pattern_do_not_collide)
{
    static const unsigned shifts[] = {0, 8, 20, 32, 48};
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_lt(overflow_of(shifts[i]), 250); /* as random keys: about 160 */
}
END_TEST

/* Sees the low byte only: all keys below are in 4 chains. */
static uint64_t poor_hash(const void *key, size_t key_bytes, uint64_t seed)
{
    (void)key_bytes;
    (void)seed;
    return *(const uint8_t *)key & 3;
}

static bool keep_thirds(void *context, const struct stele_store_entry *entry)
{
    (void)context;
    return entry->word >> 2 & 1 && entry->word % 3 == 0;
}

START_TEST(colliding_keys_are_slow_and_right)
{
    struct stele_own_hash hash = {STELE_HASH_OWN + 1, poor_hash};
    struct stele_map_options options = {
        .store = {.max_bytes = 64 * STORES_MIB, .hashes = &hash, .hash_count = 1},
        .as = {.type = words_type(), .max_entries = 2000}};
    uint64_t removed = 0, kept = 0, value = 0;
    options.as.type.hash_id = STELE_HASH_OWN + 1;
    expect_ok(stele_map_open(&options, &map, NULL, 0));
    for (uint64_t n = 0; n < 2000; n++)
        expect_ok(stele_map_word_insert(&map, n, n + 1, NULL, NULL));
    expect_status(stele_map_word_insert(&map, 2000, 1, NULL, NULL), STELE_EFULL);
    expect_ok(stele_map_word_insert(&map, 0, 1, NULL, NULL));
    expect_ok(stele_map_retain(&map, keep_thirds, NULL, &removed)); /* empties whole lines */
    for (uint64_t n = 0; n < 2000; n++) {
        bool here = n >> 2 & 1 && n % 3 == 0;
        kept += here;
        expect_status(stele_map_word_get(&map, n, &value), here ? STELE_OK : STELE_ENOTFOUND);
    }
    ck_assert_uint_eq(removed + kept, 2000);
    ck_assert_uint_eq(stele_map_len(&map), kept);
    options.store.hash_count = 0;
    struct stele_map none;
    expect_status(stele_map_open(&options, &none, NULL, 0), STELE_EHASH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("map_faults");
    TCase *tcase = suite_case(suite, "faults");
    segment_name_init("mapfaults");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, load_after_growth_finds_everything);
    tcase_add_test(tcase, load_after_a_kill_finds_everything);
    tcase_add_test(tcase, opening_what_is_there_shows_its_length);
    tcase_add_test(tcase, clear_and_remove_outlive_a_load);
    tcase_add_test(tcase, values_of_any_size);
    tcase_add_test(tcase, updates_of_one_value_take_no_memory);
    tcase_add_test(tcase, old_values_and_old_tables_are_freed);
    tcase_add_test(tcase, a_second_try_for_memory_asks_no_second_time);
    tcase_add_test(tcase, keys_of_a_pattern_do_not_collide);
    tcase_add_test(tcase, colliding_keys_are_slow_and_right);
    return segment_name_fini(suite_run(suite));
}
