/* Lists that are only looked at: spans, searches of every width, and what a damaged list looks like. */
#include "lists.h"

#define KEY UINT64_C(42)

static const char *const types[] = {"u64->list:u8", "u8->list:u16", "bytes->list:u32",
                                    "u16->list:u64"};

static struct rooms *rooms;
static struct table *table;
static struct plain plain;

static void open_lists(int width)
{
    rooms = rooms_open(NULL, 64 * STORES_MIB);
    table = rooms_typed(rooms, "lists", types[width]);
    plain_init(&plain, table);
}

static void close_lists(void)
{
    plain_fini(&plain);
    rooms_verify(rooms);
    rooms_close(rooms);
}

static struct stelei_list *the_list(void)
{
    return lists_spot(table, KEY).list;
}

/* Many chunks, the last one not full. */
static struct stelei_list *long_list(void)
{
    while (plain.count << plain.shift < 50000)
        lists_grow(table, KEY, &plain, 1 + (plain.count + 7) % (900 >> plain.shift));
    return the_list();
}

/* ---- spans ---------------------------------------------------------------------------------- */

START_TEST(spans_from_everywhere)
{
    open_lists(_i);
    for (unsigned round = 0; round < 2; round++) {
        if (round == 0)
            lists_grow(table, KEY, &plain, 7);
        else
            long_list();
        const struct stelei_list *list = the_list();
        for (uint64_t from = 0; from < plain.count; from++) {
            const void *elements = NULL;
            uint64_t count = 0;
            expect(list_span(table, list, from, &elements, &count));
            expect(count > 0 && from + count <= plain.count);
            expect(memcmp(elements, plain.bytes + (from << plain.shift), count << plain.shift) ==
                   0);
            expect(list_element(table, list, from) == plain_element(&plain, from));
        }
        const void *untouched = &plain;
        uint64_t count = 99;
        ck_assert(!list_span(table, list, plain.count, &untouched, &count));
        ck_assert(!list_span(table, list, UINT64_MAX, &untouched, &count));
        ck_assert_ptr_eq(untouched, &plain);
        ck_assert_uint_eq(count, 99);
    }
    close_lists();
}
END_TEST

START_TEST(chunks_are_counted_by_what_is_covered)
{
    open_lists(_i);
    const struct stelei_list *list = long_list();
    ck_assert_uint_eq(list_chunks(list, 0), 0);
    for (uint32_t i = 0; i < lists_chunks(list); i++) {
        ck_assert_uint_eq(list_chunks(list, list_start(list, i)), i);
        ck_assert_uint_eq(list_chunks(list, list_start(list, i) + 1), i + 1);
    }
    ck_assert_uint_eq(list_chunks(list, UINT64_MAX), lists_chunks(list));
    close_lists();
}
END_TEST

/* ---- searching ------------------------------------------------------------------------------- */

/* So many times the same. */
static void fill_with(uint64_t element, uint64_t count)
{
    uint8_t *packed = malloc(count << plain.shift);
    for (uint64_t i = 0; i < count; i++)
        memcpy(packed + (i << plain.shift), &element, (size_t)1 << plain.shift);
    plain_append(&plain, packed, count);
    expect_ok(lists_append(table, KEY, packed, count));
    free(packed);
}

static uint64_t search(uint64_t element, uint64_t from)
{
    uint64_t index = from;
    enum stele_status status = list_search(table, the_list(), element, UINT64_MAX, &index);
    ck_assert_int_eq(status, index < plain.count ? STELE_OK : STELE_ENOTFOUND);
    return index;
}

START_TEST(the_first_equal_element_is_found)
{
    uint64_t odd = UINT64_C(0xf1f2f3f4f5f6f7f8);
    open_lists(_i);
    odd &= UINT64_MAX >> (64 - (8u << plain.shift));
    uint64_t high = UINT64_C(1) << ((8u << plain.shift) - 1);
    for (uint64_t before = 0; before < 40; before++)
        for (uint64_t after = 0; after < 20; after += 3) {
            if (before)
                fill_with(7, before);
            fill_with(odd, 1);
            if (after)
                fill_with(7, after);
            fill_with(odd, 1);
            expect(search(odd, 0) == before);
            expect(search(odd, before) == before);
            expect(search(odd, before + 1) == before + after + 1);
            expect(search(7, 0) == (before ? 0 : after ? 1 : plain.count));
            expect(search(8, 0) == plain.count);
            expect(search(odd ^ 1, 0) == plain.count);    /* they differ in the lowest bit, */
            expect(search(odd ^ high, 0) == plain.count); /* and in the highest */
            uint64_t key = KEY;
            expect_ok(table_erase(table, &key, sizeof key));
            plain.count = 0;
        }
    close_lists();
}
END_TEST

/* Each element of a long list, across its chunks. */
START_TEST(searches_go_through_all_chunks)
{
    open_lists(_i);
    while (plain.count << plain.shift < 20000)
        fill_with(1, 720u >> plain.shift);
    uint64_t at[] = {0, 1, 511, 512, 513, 9999u >> plain.shift, plain.count - 1};
    const struct stelei_list *list = the_list();
    ck_assert_uint_gt(lists_chunks(list), 8);
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
        const void *elements;
        uint64_t count, two = 2, one = 1;
        ck_assert(list_span(table, list, at[i], &elements, &count));
        memcpy((void *)(uintptr_t)elements, &two, (size_t)1 << plain.shift);
        ck_assert_uint_eq(search(2, 0), at[i]);
        ck_assert_uint_eq(search(2, at[i]), at[i]);
        ck_assert_uint_eq(search(2, at[i] + 1), plain.count);
        memcpy((void *)(uintptr_t)elements, &one, (size_t)1 << plain.shift);
    }
    close_lists();
}
END_TEST

START_TEST(searches_in_slices)
{
    open_lists(_i);
    long_list();
    fill_with(0, 1);
    uint64_t first = 0;
    while (plain_element(&plain, first) != 0)
        first++;
    static const uint64_t slices[] = {1, 3, 100, 1000000};
    for (unsigned s = 0; s < 4; s++) {
        uint64_t index = 0, calls = 1, asked = 0;
        enum stele_status status;
        while ((status = list_search(table, the_list(), 0, slices[s], &index)) == STELE_EBUSY) {
            asked += slices[s];
            expect(index == asked); /* not one further than it was asked to look */
            calls++;
        }
        expect_ok(status);
        ck_assert_uint_eq(index, first);
        ck_assert_uint_eq(calls, first / slices[s] + 1);
    }
    uint64_t index = 5;
    expect_status(list_search(table, the_list(), 0, 0, &index), STELE_EBUSY);
    ck_assert_uint_eq(index, 5);
    index = plain.count;
    expect_status(list_search(table, the_list(), 0, 10, &index), STELE_ENOTFOUND);
    index = plain.count - 1; /* the slice ends where the list ends */
    expect_status(list_search(table, the_list(), 1, 1, &index), STELE_ENOTFOUND);
    close_lists();
}
END_TEST

/* ---- what another writer left ---------------------------------------------------------------- */

static bool plausible(void)
{
    return list_plausible(table, table_ref_of(table, list_off(table, the_list())));
}

/* Stores a value into a word of 32 or 64 bits, asks, and puts the old one back. */
#define WITH(lvalue, value)                                                                        \
    do {                                                                                           \
        __typeof__(lvalue) kept_ = (lvalue);                                                       \
        (lvalue) = (__typeof__(lvalue))(value);                                                    \
        if (plausible())                                                                           \
            ck_abort_msg("%s = %s passes", #lvalue, #value);                                       \
        (lvalue) = kept_;                                                                          \
        expect(plausible());                                                                       \
    } while (0)

START_TEST(a_damaged_small_list_is_noticed)
{
    open_lists(_i);
    lists_grow(table, KEY, &plain, 8u >> plain.shift);
    struct stelei_list *list = the_list();
    ck_assert(plausible());
    WITH(list->count, 0);
    WITH(list->count, (8 >> plain.shift) + 1);
    WITH(list->count, UINT64_MAX);
    WITH(list->head, list->head & ~STELEI_LIST_SIZE_MASK);
    WITH(list->head, list->head + 3);  /* another size class */
    WITH(list->head, list->head + 40); /* too large for a small one */
    WITH(list->head, list->head | STELEI_LIST_LONG);
    WITH(list->head, list->head | STELEI_LIST_SIZE_MASK);
    close_lists();
}
END_TEST

START_TEST(a_damaged_long_list_is_noticed)
{
    open_lists(_i);
    struct stelei_list *list = long_list();
    uint32_t chunks = lists_chunks(list);
    ck_assert(plausible());
    ck_assert_uint_ge(chunks, 5);
    WITH(list->count, 0);
    WITH(list->count, UINT64_MAX);
    WITH(list->count, list->count + 100000);
    WITH(list->head, list->head & ~STELEI_LIST_LONG);
    WITH(list->head, (list->head & ~STELEI_LIST_SIZE_MASK) | 1);
    WITH(list->head, list->head | STELEI_LIST_SIZE_MASK);
    for (uint32_t i = 0; i < chunks; i += 2) {
        struct stelei_list_chunk *chunk = list_chunk(list, i);
        WITH(chunk->start, chunk->start + 1);
        WITH(chunk->start, UINT64_MAX);
        WITH(chunk->ref, 0);
        WITH(chunk->ref, 1);
        WITH(chunk->ref, UINT32_MAX);
        WITH(chunk->ref, chunk->ref + 1);
        WITH(chunk->capacity, 0);
        WITH(chunk->capacity, chunk->capacity * 2 + 1);
        WITH(chunk->capacity, UINT32_MAX);
        WITH(chunk->bytes, 0);
        WITH(chunk->bytes, chunk->bytes * 2);
        WITH(chunk->bytes, UINT32_MAX);
        if (i + 1 < chunks)
            WITH(chunk->capacity, chunk->capacity - 1); /* a gap */
    }
    ck_assert_uint_gt(stelei_list_size(list->head), chunks);
    WITH(list_chunk(list, chunks)->start, list->count - 1); /* out of order */
    close_lists();
}
END_TEST

START_TEST(refs_that_lead_to_no_list)
{
    open_lists(_i);
    lists_grow(table, KEY, &plain, 1);
    static const uint32_t bad[] = {0, 1, 8, 512, UINT32_MAX, (64u << 20) / 8 - 1, (64u << 20) / 8};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!list_plausible(table, bad[i]), "%u", bad[i]);
    ck_assert(!list_plausible(table, table_ref_of(table, table->root_off)));
    close_lists();
}
END_TEST

/* Entries that a killed writer had added and not counted are forgotten; the list's own stay. */
START_TEST(entries_beyond_the_count_are_forgotten)
{
    open_lists(_i);
    struct stelei_list *list = long_list();
    uint32_t used = lists_chunks(list), ref = table_ref_of(table, list_off(table, list));
    ck_assert_uint_gt(stelei_list_size(list->head), used + 2);
    list_set_entry(list, used, list->count, 0x1000, 64, 512);
    list_set_entry(list, used + 1, list->count + 64, 0x2000, 64, 512);
    ck_assert(plausible()); /* a writer was killed, no more */
    list_settle(table, ref);
    for (uint32_t i = used; i < stelei_list_size(list->head); i++)
        ck_assert_uint_eq(list_start(list, i), UINT64_MAX);
    ck_assert_uint_eq(lists_chunks(list), used);
    lists_expect(table, KEY, &plain);
    lists_grow(table, KEY, &plain, 3000); /* several chunks follow */
    lists_expect(table, KEY, &plain);
    uint64_t key = KEY;
    expect_ok(table_erase(table, &key, sizeof key));
    plain.count = 0;
    lists_grow(table, KEY, &plain, 3);
    list_settle(table, table_ref_of(table, list_off(table, the_list()))); /* a small one has none */
    lists_expect(table, KEY, &plain);
    close_lists();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("list_read");
    TCase *tcase = suite_case(suite, "read");
    tcase_add_loop_test(tcase, spans_from_everywhere, 0, 4);
    tcase_add_loop_test(tcase, chunks_are_counted_by_what_is_covered, 0, 4);
    tcase_add_loop_test(tcase, the_first_equal_element_is_found, 0, 4);
    tcase_add_loop_test(tcase, searches_go_through_all_chunks, 0, 4);
    tcase_add_loop_test(tcase, searches_in_slices, 0, 4);
    tcase = suite_case(suite, "left by another");
    tcase_add_loop_test(tcase, a_damaged_small_list_is_noticed, 0, 4);
    tcase_add_loop_test(tcase, a_damaged_long_list_is_noticed, 0, 4);
    tcase_add_loop_test(tcase, refs_that_lead_to_no_list, 0, 4);
    tcase_add_loop_test(tcase, entries_beyond_the_count_are_forgotten, 0, 4);
    return suite_run(suite);
}
