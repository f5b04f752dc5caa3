/* Walks by the writer: exact while nothing changes, and the last entry may go or change. */
#include "rooms.h"
#include "segment_name.h"

#define MOST 20000u

static struct stele_store *store;
static uint8_t met[MOST];

static void setup(void)
{
    segment_name_clean();
    store = stores_open(segment_name(), 32 * STORES_MIB);
    memset(met, 0, sizeof met);
}

static void teardown(void)
{
    stores_verify(store);
    stele_store_close(store);
}

/* Tables of each form whose keys stand in long chains: with the identity they share their low bits. */
static const char *const types[] = {"u64->u64,identity",   "u64->list:u16,identity",
                                    "u32->bytes,identity", "bytes->bytes",
                                    "bytes->list:u32",     "u16->u8,identity"};
#define TYPES 6

static uint32_t key_bytes(int type)
{
    return type == 2 ? 4 : type == 5 ? 2 : 8;
}
static uint64_t key_of(int type, uint64_t i)
{
    return type == 5 ? i : i << (type == 2 ? 11 : 14);
}
static bool has_lists(int type)
{
    return type == 1 || type == 4;
}

static uint32_t filled(int type, uint64_t entries)
{
    uint32_t t = stores_typed(store, "walked", types[type], 0);
    for (uint64_t i = 0; i < entries; i++) {
        uint64_t key = key_of(type, i), value = i & 0xff;
        if (has_lists(type))
            for (uint64_t n = 0; n <= i % 3; n++)
                expect_ok(stele_store_list_append(store, t, &key, 8, &i, 1, NULL));
        else
            expect_ok(stele_store_put(store, t, &key, key_bytes(type), &value, type == 5 ? 1 : 8));
    }
    return t;
}

/* Checks one entry against filled() and says which it is. */
static uint64_t check(int type, const struct stele_store_entry *entry)
{
    uint64_t key = 0, value = 0;
    expect(entry->key_bytes == key_bytes(type));
    memcpy(&key, entry->key, entry->key_bytes);
    uint64_t i = type == 5 ? key : key >> (type == 2 ? 11 : 14);
    expect(i < MOST && key_of(type, i) == key);
    if (has_lists(type)) {
        const void *elements;
        uint64_t count;
        expect(entry->value == NULL && entry->value_bytes == 0);
        expect(entry->list.count == i % 3 + 1);
        expect(entry->list.element_bytes == (type == 1 ? 2u : 4u));
        expect(stele_store_list_span(store, &entry->list, 0, &elements, &count));
        memcpy(&value, elements, entry->list.element_bytes);
        expect(value == i);
        return i;
    }
    expect(entry->value_bytes == (type == 5 ? 1 : 8));
    memcpy(&value, entry->value, entry->value_bytes);
    expect(value == (i & 0xff));
    return i;
}

static uint64_t walk(int type, uint32_t t)
{
    struct stele_store_cursor cursor = {0};
    struct stele_store_entry entry;
    uint64_t count = 0;
    memset(met, 0, sizeof met);
    enum stele_status status;
    while ((status = stele_store_next(store, t, &cursor, &entry)) == STELE_OK) {
        uint64_t i = check(type, &entry);
        expect(met[i] == 0);
        met[i] = 1;
        count++;
    }
    expect_status(status, STELE_EEND);
    expect_status(stele_store_next(store, t, &cursor, &entry), STELE_EEND); /* and stays there */
    return count;
}

START_TEST(every_entry_once)
{
    uint32_t t = filled(_i, 500);
    ck_assert_uint_eq(walk(_i, t), 500);
    expect_ok(stele_store_table_clear(store, t));
    ck_assert_uint_eq(walk(_i, t), 0);
}
END_TEST

START_TEST(unknown_tables)
{
    struct stele_store_cursor cursor = {0};
    struct stele_store_entry entry;
    expect_status(stele_store_next(store, 0, &cursor, &entry), STELE_ENOTABLE);
    expect_status(stele_store_next(store, UINT32_MAX, &cursor, &entry), STELE_ENOTABLE);
}
END_TEST

static void erase(int type, uint32_t t, const struct stele_store_entry *entry)
{
    uint8_t key[8];
    memcpy(key, entry->key, entry->key_bytes);
    expect_ok(stele_store_erase(store, t, key, key_bytes(type)));
}

/* retain: each entry is looked at once, however many of those before it went; whole lines and their
 * memory go with them. */
START_TEST(the_last_entry_may_be_erased)
{
    static const uint64_t keep_each[] = {1, 2, 3, 7, 50, MOST};
    for (unsigned k = 0; k < 6; k++) {
        uint32_t t = filled(_i, 400);
        struct stele_store_cursor cursor = {0};
        struct stele_store_entry entry;
        uint64_t seen = 0, kept = 0;
        memset(met, 0, sizeof met);
        while (stele_store_next(store, t, &cursor, &entry) == STELE_OK) {
            uint64_t i = check(_i, &entry);
            expect(met[i] == 0);
            met[i] = 1;
            seen++;
            if (random_mix(i) % keep_each[k] != 0)
                erase(_i, t, &entry);
            else
                kept++;
        }
        ck_assert_uint_eq(seen, 400);
        ck_assert_uint_eq(stores_entries(store, t), kept);
        stores_verify(store);
        ck_assert_uint_eq(walk(_i, t), kept);
        expect_ok(stele_store_table_drop(store, t));
    }
}
END_TEST

/* alter: the last entry's value is another one afterwards, of another size where that can be. */
START_TEST(the_last_entry_may_be_changed)
{
    uint32_t t = filled(_i, 400);
    struct stele_store_cursor cursor = {0};
    struct stele_store_entry entry;
    uint64_t seen = 0;
    static const char large[600];
    while (stele_store_next(store, t, &cursor, &entry) == STELE_OK) {
        uint8_t key[8];
        uint64_t i = check(_i, &entry);
        expect(met[i] == 0);
        met[i] = 1;
        seen++;
        memcpy(key, entry.key, entry.key_bytes);
        if (!has_lists(_i)) {
            uint32_t bytes = _i == 5 ? 1 : _i == 0 ? 8 : (uint32_t)(i % 600);
            expect_ok(stele_store_put(store, t, key, key_bytes(_i), large, bytes));
        } else if (i % 2) {
            expect_ok(stele_store_list_append(store, t, key, 8, large, i % 150, NULL));
        } else {
            expect_ok(stele_store_list_replace(store, t, key, 8, i, 1));
        }
    }
    ck_assert_uint_eq(seen, 400);
}
END_TEST

/* While slabs are being emptied: lines and records move under the walk. */
START_TEST(a_walk_while_memory_is_packed)
{
    uint32_t t = filled(_i, 2000), other = stores_table(store, "other");
    static uint8_t value[400];
    for (uint64_t n = 0; n < 40000; n++)
        expect_ok(stele_store_put(store, other, &n, 8, value, n % 8 ? 24 : 56));
    for (uint64_t n = 0; n < 40000; n++)
        if (n % 16)
            expect_ok(stele_store_erase(store, other, &n, 8));
    struct stele_store_cursor cursor = {0};
    struct stele_store_entry entry;
    uint64_t seen = 0;
    for (uint64_t n = 100000; stele_store_next(store, t, &cursor, &entry) == STELE_OK; n++) {
        uint64_t i = check(_i, &entry);
        expect(met[i] == 0);
        met[i] = 1;
        seen++;
        erase(_i, t, &entry);
        for (unsigned more = 0; more < 30; more++) /* pressure */
            stele_store_put(store, other, &(uint64_t){n * 100 + more}, 8, value, 400);
    }
    struct stele_store_stats stats;
    stele_store_get_stats(store, &stats);
    ck_assert_uint_gt(stats.moved_bytes, 0); /* the test's own condition */
    ck_assert_uint_eq(seen, 2000);
    ck_assert_uint_eq(stores_entries(store, t), 0);
}
END_TEST

/* The walk is what meets a bucket first after a writer was killed. */
START_TEST(a_walk_during_adoption)
{
    struct stele_store_cursor cursor = {0};
    struct stele_store_entry entry;
    uint64_t seen = 0;
    uint32_t t = filled(_i, 3000);
    stele_store_close(store);
    store = stores_open(segment_name(), 0);
    ck_assert(stele_store_adopting(store));
    while (stele_store_next(store, t, &cursor, &entry) == STELE_OK) {
        uint64_t i = check(_i, &entry);
        expect(met[i] == 0);
        met[i] = 1;
        seen++;
        if (i % 3 == 0)
            erase(_i, t, &entry);
        if (i % 100 == 0)
            stele_store_step(store, 1);
    }
    ck_assert_uint_eq(seen, 3000);
    stores_settle(store);
    ck_assert_uint_eq(stores_entries(store, t), 2000);
    ck_assert_uint_eq(walk(_i, t), 2000);
}
END_TEST

/* A writer was killed while it pulled an entry up into the head: it stands twice, and is one. */
START_TEST(a_walk_meets_what_stands_twice_once)
{
    uint32_t t = filled(0, 60);
    stele_store_close(store);
    struct rooms *rooms = rooms_open(segment_name(), 0);
    struct table *table = catalog_table(&rooms->catalog, t);
    struct stelei_bucket *head = index_bucket(table, 0), *line = slot_next(table, head);
    struct slot_content content;
    slot_load(table, line, 0, &content);
    slot_fill(table, head, 0, &content); /* in the place of one that is lost by it */
    rooms_close(rooms);
    store = stores_open(segment_name(), 0);
    ck_assert_uint_eq(walk(0, t), 59);
    ck_assert(stele_store_adopting(store));
}
END_TEST

int main(void)
{
    segment_name_init("walk");
    Suite *suite = suite_create("store_walk");
    TCase *tcase = suite_case(suite, "walk");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_entry_once, 0, TYPES);
    tcase_add_test(tcase, unknown_tables);
    tcase_add_loop_test(tcase, the_last_entry_may_be_erased, 0, TYPES);
    tcase_add_loop_test(tcase, the_last_entry_may_be_changed, 0, TYPES);
    tcase_add_loop_test(tcase, a_walk_while_memory_is_packed, 0, TYPES);
    tcase_add_loop_test(tcase, a_walk_during_adoption, 0, TYPES);
    tcase_add_test(tcase, a_walk_meets_what_stands_twice_once);
    return segment_name_fini(suite_run(suite));
}
