/*
 * Keys, values and elements that stand in the segment, handed to calls that change it: also into the entry
 * which is changed, and while memory is so short that the call itself moves what they point to.
 */
#include "facade.h"
#include "rooms.h"

#define LARGE 3000u /* bytes of a value in the slabs that become sparse: 21 of them in a slab */
#define SMALL 1500u /* of those that fill the rest, and are written from a piece of a large one */
#define KEY                                                                                        \
    600u /* bytes of the new entry's key: its value comes to lie behind where the piece did */
#define STEP 21u /* of those that are tried: the first of each slab */
#define LEFT 7u  /* one in so many large ones stays: the first of each slab too */

static struct stele_store *store;
static uint32_t large, small;

static void setup(void)
{
    store = stores_open(NULL, 8 * STORES_MIB);
    large = stores_table(store, "large");
    small = stores_table(store, "small");
}

static void teardown(void)
{
    stores_verify(store);
    stele_store_close(store);
}

static const uint8_t *value_of(uint64_t number, uint32_t bytes)
{
    static uint8_t value[LARGE];
    random_bytes(number, value, bytes);
    return value;
}

/* Where the value stands; it is what value_of() gives. */
static const uint8_t *stands(uint32_t table, const void *key, uint32_t key_bytes,
                             const uint8_t *wanted, uint32_t wanted_bytes)
{
    const void *value;
    uint32_t bytes;
    expect_ok(stele_store_find(store, table, key, key_bytes, &value, &bytes));
    ck_assert_uint_eq(bytes, wanted_bytes);
    expect(memcmp(value, wanted, bytes) == 0);
    return value;
}

/* ---- with memory to spare ------------------------------------------------------------------- */

/* The entry's own key and pieces of its own value, longer and shorter ones, again and again. */
START_TEST(an_entry_of_itself)
{
    static uint8_t expected[LARGE];
    struct stele_store_cursor cursor = {0};
    struct stele_store_entry entry;
    uint64_t key = 7;
    memcpy(expected, value_of(7, LARGE), LARGE);
    expect_ok(stele_store_put(store, large, &key, sizeof key, expected, LARGE));
    for (uint32_t bytes = LARGE - 1; bytes > 8; bytes -= 7) {
        memset(&cursor, 0, sizeof cursor);
        expect_ok(stele_store_next(store, large, &cursor, &entry));
        expect_ok(stele_store_put(store, large, entry.key, entry.key_bytes,
                                  (const uint8_t *)entry.value + 1, bytes));
        memmove(expected, expected + 1, bytes);
        stands(large, &key, sizeof key, expected, bytes);
        bytes += bytes % 2; /* the next one is shorter by an even number */
    }
    memset(&cursor, 0, sizeof cursor);
    expect_ok(stele_store_next(store, large, &cursor, &entry));
    expect_ok(
        stele_store_insert(store, small, entry.key, entry.key_bytes, entry.key, entry.key_bytes));
    expect_ok(stele_store_replace(store, small, entry.key, entry.key_bytes, entry.value, 9));
    expect_ok(stele_store_erase(store, large, entry.key, entry.key_bytes));
    ck_assert_int_eq(stele_store_next(store, large, &(struct stele_store_cursor){0}, &entry),
                     STELE_EEND);
}
END_TEST

static enum stele_store_action keep_the_tail(void *context, const void *value, uint32_t bytes,
                                             const void **new_value, uint32_t *new_bytes)
{
    uint32_t *calls = context;
    (*calls)++;
    *new_value = (const uint8_t *)value + 3;
    *new_bytes = bytes - 3;
    return STELE_STORE_PUT;
}

START_TEST(an_update_to_a_piece_of_the_old_value)
{
    uint64_t key = 1;
    uint32_t calls = 0;
    expect_ok(stele_store_put(store, large, &key, sizeof key, value_of(1, 300), 300));
    for (uint32_t bytes = 297; bytes > 0; bytes -= 3) {
        expect_ok(stele_store_update(store, large, &key, sizeof key, keep_the_tail, &calls));
        stands(large, &key, sizeof key, value_of(1, 300) + (300 - bytes), bytes);
    }
    ck_assert_uint_eq(calls, 99);
}
END_TEST

/* A list's own elements behind themselves: in place, moved to a larger record, in chunks. */
START_TEST(a_list_of_itself)
{
    uint32_t lists = stores_typed(store, "lists", "u64->list:u16", 0);
    uint64_t key = 5, want = 1;
    uint16_t first = 0xabcd;
    expect_ok(stele_store_list_append(store, lists, &key, sizeof key, &first, 1, NULL));
    while (want < 40000) {
        struct stele_store_list list;
        const void *span;
        uint64_t count;
        expect_ok(stele_store_list_find(store, lists, &key, sizeof key, &list));
        ck_assert_uint_eq(list.count, want);
        ck_assert(stele_store_list_span(store, &list, want / 3, &span, &count));
        uint16_t next[2];
        memcpy(next, span, sizeof next[0]);
        expect_ok(stele_store_list_append(store, lists, &key, sizeof key, span, count, NULL));
        uint16_t copied;
        uint64_t got;
        expect_ok(
            stele_store_list_read(store, lists, &key, sizeof key, want, &copied, 1, &got, NULL));
        ck_assert_uint_eq(copied, next[0]);
        want += count;
        first++;
        expect_ok(stele_store_list_append(store, lists, &key, sizeof key, &first, 1, NULL));
        want++;
    }
}
END_TEST

/* ---- where room has to be made ------------------------------------------------------------------ */

static enum stele_store_verdict drop_most(void *context, const struct stele_store_entry *entry)
{
    uint64_t number;
    (void)context;
    memcpy(&number, entry->key, sizeof number);
    return number % LEFT == 0 ? STELE_STORE_NEXT : STELE_STORE_DROP;
}

/* So much is kept that nothing of it can be lent for another slab. */
static void lend_nothing(void)
{
    struct arena *arena = &store->arena;
    uint64_t uncommitted = arena->segment->map.length - arena->segment->header->committed;
    arena->reserve_pages = 2 * (arena_free_pages(arena) + uncommitted / STELEI_PAGE_BYTES);
}

/* No page is free, and the large values' slabs hold one block in LEFT: a small one more makes the
 * store pack them, in the order of their numbers. Returns their table. */
static uint32_t crowd(void)
{
    uint32_t sparse = stores_typed(store, "sparse", "u64->bytes,identity", 0);
    uint64_t n;
    for (n = 0; n < 700; n++)
        expect_ok(stele_store_put(store, sparse, &n, sizeof n, value_of(n, LARGE), LARGE));
    for (n = 0; stele_store_put(store, small, &n, sizeof n, value_of(n, SMALL), SMALL) == STELE_OK;
         n++)
        ;
    expect_ok(stele_store_each(store, sparse, drop_most, NULL));
    lend_nothing();
    return sparse;
}

static uint64_t moved_bytes(void)
{
    struct stele_store_stats stats;
    stele_store_get_stats(store, &stats);
    return stats.moved_bytes;
}

static enum stele_store_action put_what_it_is_told(void *context, const void *value, uint32_t bytes,
                                                   const void **new_value, uint32_t *new_bytes)
{
    (void)value;
    (void)bytes;
    *new_value = context;
    *new_bytes = SMALL;
    return STELE_STORE_PUT;
}

enum how { BY_PUT, BY_INSERT, BY_KEY, BY_UPDATE, BY_APPLY, BY_APPEND, BY_ALL };

static enum stele_status write_from(enum how how, const uint64_t *key, const uint8_t *piece)
{
    static const uint8_t other[KEY] = {1}; /* no key that is there */
    struct stelei_effect effect = {.kind = STELEI_EFFECT_PUT,
                                   .table = small,
                                   .key = other,
                                   .key_bytes = KEY,
                                   .value = piece,
                                   .value_bytes = SMALL,
                                   .lsn = 1u << 20};
    uint32_t lists;
    switch (how) {
    case BY_PUT:
        return stele_store_put(store, small, other, KEY, piece, SMALL);
    case BY_INSERT:
        return stele_store_insert(store, small, other, KEY, piece, SMALL);
    case BY_KEY: /* the value is the caller's own */
        return stele_store_put(store, small, key, SMALL / 2, value_of(3, SMALL), SMALL);
    case BY_UPDATE:
        return stele_store_update(store, small, other, KEY, put_what_it_is_told,
                                  (void *)(uintptr_t)piece);
    case BY_APPLY:
        return stele_store_apply(store, &effect);
    default:
        expect_ok(stele_store_table_find(store, "lists", &lists));
        return stele_store_list_append(store, lists, other, KEY, piece, SMALL / 4, NULL);
    }
}

static void expect_written(enum how how, const uint8_t *wanted)
{
    static uint8_t elements[SMALL];
    static const uint8_t other[KEY] = {1};
    uint64_t count = 0;
    uint32_t lists;
    if (how == BY_KEY) {
        const void *value;
        uint32_t bytes;
        expect_ok(stele_store_find(store, small, wanted, SMALL / 2, &value, &bytes));
    } else if (how == BY_APPEND) {
        expect_ok(stele_store_table_find(store, "lists", &lists));
        expect_ok(
            stele_store_list_read(store, lists, other, KEY, 0, elements, SMALL / 4, &count, NULL));
        ck_assert_uint_eq(count, SMALL / 4);
        expect(memcmp(elements, wanted, SMALL) == 0);
    } else {
        stands(small, other, KEY, wanted, SMALL);
    }
}

/* From the first large value of each slab, in a store of its own: one of them stands where the block comes
 * to lie that the packing makes room for. */
START_TEST(what_is_moved_by_the_call)
{
    static uint8_t expected[LARGE];
    uint64_t packed = 0;
    for (uint64_t number = 0; number < 700; number += STEP) {
        if (number > 0) {
            stele_store_close(store);
            setup();
        }
        stores_typed(store, "lists", "bytes->list:u32", 0);
        uint32_t sparse = crowd();
        memcpy(expected, value_of(number, LARGE), LARGE);
        const uint8_t *value = stands(sparse, &number, sizeof number, expected, LARGE);
        uint64_t before = moved_bytes();
        expect_ok(write_from((enum how)_i, (const uint64_t *)(const void *)(value), value));
        packed += moved_bytes() > before + 64 * 1024; /* more than a write's own share */
        expect_written((enum how)_i, expected);
        stands(sparse, &number, sizeof number, expected, LARGE);
    }
    ck_assert_uint_gt(packed, 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keep");
    TCase *tcase = suite_case(suite, "keep");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_entry_of_itself);
    tcase_add_test(tcase, an_update_to_a_piece_of_the_old_value);
    tcase_add_test(tcase, a_list_of_itself);
    tcase_add_loop_test(tcase, what_is_moved_by_the_call, 0, BY_ALL);
    return suite_run(suite);
}
