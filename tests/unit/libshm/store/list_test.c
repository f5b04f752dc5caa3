/* Lists made and appended to: how they grow, what an append touches, what it leaves when it fails. */
#include "lists.h"

#define KEY UINT64_C(42)

static const char *const types[] = {"u64->list:u8", "u8->list:u16", "bytes->list:u32",
                                    "u16->list:u64"};

static struct rooms *rooms;
static struct table *table;
static struct plain plain;

static void open_lists(uint64_t max_bytes, int width)
{
    rooms = rooms_open(NULL, max_bytes);
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

static uint64_t version(void)
{
    return lists_spot(table, KEY).head->sequence >> STELEI_VERSION_SHIFT;
}

/* ---- growth --------------------------------------------------------------------------------- */

/* A small list doubles: 1, 2, 4 .. 32 words; beyond, it is long. */
START_TEST(small_lists_double_and_become_long)
{
    open_lists(32 * STORES_MIB, _i);
    uint64_t most = 256u >> table->element_shift;
    for (uint64_t count = 1; count <= most + 70; count++) {
        lists_grow(table, KEY, &plain, 1);
        lists_expect(table, KEY, &plain);
        uint64_t head = the_list()->head, words = ((count << table->element_shift) + 7) / 8;
        ck_assert_int_eq(stelei_list_is_long(head), count > most);
        if (count <= most)
            ck_assert_uint_eq(stelei_list_size(head), list_round_to_power(words, 1));
    }
    close_lists();
}
END_TEST

/* An append is element and count: no copy, and nothing that makes a reader look again. Only a list
 * of up to 256 bytes moves, and a record whose entries are used up. */
START_TEST(an_append_moves_no_version)
{
    open_lists(64 * STORES_MIB, _i);
    unsigned moved = 0, chunks = 0;
    lists_grow(table, KEY, &plain, 1);
    while (plain.count << table->element_shift < 300000) {
        uint64_t off = list_off(table, the_list()), before = version(), used;
        uint64_t bytes = plain.count << table->element_shift;
        uint32_t had = lists_chunks(the_list());
        used = arena_used_bytes(&rooms->arena);
        lists_grow(table, KEY, &plain, 1);
        bool same = list_off(table, the_list()) == off;
        if ((version() == before) != same)
            ck_abort_msg("at %llu elements", (unsigned long long)plain.count);
        moved += !same;
        chunks += lists_chunks(the_list()) != had;
        if (!same && bytes > 256) /* the entries were used up, and only then */
            expect(had == list_round_to_power(had, 4));
        if (same && lists_chunks(the_list()) == had)
            expect(arena_used_bytes(&rooms->arena) == used);
    }
    lists_expect(table, KEY, &plain);
    ck_assert_uint_ge(chunks, 20);
    ck_assert_uint_le(moved, 10);
    close_lists();
}
END_TEST

/* Right after a chunk was added most of it is empty: never more than a quarter of the list. */
START_TEST(growth_wastes_little)
{
    open_lists(64 * STORES_MIB, _i);
    uint32_t had = 0;
    for (uint64_t bytes = 0; bytes < 3 * STORES_MIB;) {
        uint64_t blocks, unused;
        lists_grow(table, KEY, &plain, 1);
        bytes = plain.count << table->element_shift;
        const struct stelei_list *list = the_list();
        if (lists_chunks(list) == had)
            continue;
        had = lists_chunks(list);
        unused = lists_unused(table, list, &blocks);
        expect(list_entry(list, had - 1)->bytes <= STELEI_LIST_CHUNK_MAX);
        if (bytes >= 1536 && 4 * unused > blocks)
            ck_abort_msg("%llu bytes stand in %llu", (unsigned long long)bytes,
                         (unsigned long long)blocks);
    }
    lists_expect(table, KEY, &plain);
    ck_assert_uint_le(had, 60); /* few chunks, too: entries are what a reader searches */
    close_lists();
}
END_TEST

/* Bursts that take many chunks at once, fill the last ones, end in the middle of words. */
START_TEST(bulk_appends)
{
    static const uint64_t bursts[] = {1,    7,   1,    249, 2,     300,  5000,   1,
                                      9999, 511, 3000, 3,   70001, 1000, 200000, 1};
    open_lists(64 * STORES_MIB, _i);
    for (unsigned i = 0; i < sizeof bursts / sizeof bursts[0]; i++) {
        lists_grow(table, KEY, &plain, bursts[i]);
        lists_expect(table, KEY, &plain);
        rooms_verify(rooms);
    }
    close_lists();
}
END_TEST

/* Elements share words: whatever stands before stays, wherever the append begins and ends. */
START_TEST(every_place_in_a_word)
{
    open_lists(32 * STORES_MIB, _i);
    for (uint64_t first = 1; first <= 18; first++)
        for (uint64_t more = 1; more <= 34; more++) {
            uint64_t key = (first * 100 + more) & 0xff;
            struct table_spot spot;
            plain.count = 0;
            lists_grow(table, key, &plain, first);
            lists_grow(table, key, &plain, more);
            lists_expect(table, key, &plain);
            lists_grow(table, key, &plain, 1);
            lists_expect(table, key, &plain);
            expect(table_find(table, &key, 8, table_hash(table, &key, 8), &spot));
            table_erase_spot(table, &spot);
        }
    ck_assert_uint_eq(table->record_bytes, 0);
    ck_assert_uint_eq(table->payload_bytes, 0);
    close_lists();
}
END_TEST

/* Beside others: lists of other keys get none of it, whatever order they grow in. */
START_TEST(many_lists_grow_side_by_side)
{
    static struct plain each[100];
    struct random random = {17};
    open_lists(64 * STORES_MIB, _i);
    for (unsigned k = 0; k < 100; k++)
        plain_init(&each[k], table);
    for (unsigned n = 0; n < 4000; n++) {
        unsigned k = random_below(&random, 100);
        lists_grow(table, k, &each[k], 1 + random_below(&random, n % 50 ? 30 : 3000));
    }
    for (unsigned k = 0; k < 100; k++) {
        lists_expect(table, k, &each[k]);
        plain_fini(&each[k]);
    }
    close_lists();
}
END_TEST

START_TEST(ten_million_elements)
{
    open_lists(192 * STORES_MIB, 2);
    const uint64_t most = 10000000;
    while (plain.count < most - 1000) /* in one go, and one by one */
        lists_grow(table, KEY, &plain, plain.count ? 100000 : 5000000);
    while (plain.count < most)
        lists_grow(table, KEY, &plain, 1);
    lists_expect(table, KEY, &plain);
    uint64_t blocks, unused = lists_unused(table, the_list(), &blocks);
    ck_assert_uint_le(unused, STELEI_LIST_CHUNK_MAX);
    ck_assert_uint_le(lists_chunks(the_list()), 256);
    rooms_verify(rooms);
    lists_remove(table, KEY, &plain, 0);
    lists_remove(table, KEY, &plain, most / 2);
    lists_remove(table, KEY, &plain, plain.count - 1);
    lists_expect(table, KEY, &plain);
    close_lists();
}
END_TEST

/* ---- failure -------------------------------------------------------------------------------- */

/* All that could have changed by an append that failed. */
struct before {
    uint64_t off, head, count, version, used, record_bytes, payload_bytes, entries;
};

static struct before look(void)
{
    const struct stelei_list *list = the_list();
    return (struct before){
        list_off(table, list),           list->head,          list->count,          version(),
        arena_used_bytes(&rooms->arena), table->record_bytes, table->payload_bytes, table->entries};
}

static void expect_unchanged(const struct before *before)
{
    struct before now = look();
    ck_assert(memcmp(&now, before, sizeof now) == 0);
    const struct stelei_list *list = the_list();
    if (stelei_list_is_long(list->head)) /* entries that were made on the way are forgotten */
        for (uint32_t i = lists_chunks(list); i < stelei_list_size(list->head); i++)
            ck_assert_uint_eq(list_start(list, i), UINT64_MAX);
    lists_expect(table, KEY, &plain);
    rooms_verify(rooms);
}

/* Takes what ordinary writes may take. */
static void take_all(void)
{
    enum stele_status status = STELE_OK;
    static const uint64_t sizes[] = {256 << 10, 65536, 4096, 512};
    struct table *ballast = rooms_table(rooms, "ballast");
    static uint8_t value[256 << 10];
    uint64_t n = 0;
    for (unsigned i = 0; i < 4; i++)
        do {
            n++;
            status = table_write(ballast, TABLE_PUT, &n, 8, value, (uint32_t)sizes[i] - 16);
        } while (status == STELE_OK);
    expect_status(status, STELE_ENOSPC);
}

/* A list of so many bytes cannot take a burst for which memory ends half way. */
START_TEST(no_memory_in_the_middle_of_an_append)
{
    static const uint64_t sizes[] = {8, 200, 256, 600, 2000, 40000, 300000};
    open_lists(8 * STORES_MIB, 3);
    lists_grow(table, KEY, &plain, sizes[_i] / 8);
    struct before before = look();
    const void *elements = lists_elements(3, 1000000, 2000000); /* more than the segment */
    expect_status(lists_append(table, KEY, elements, 2000000), STELE_ENOSPC);
    arena_drain(&rooms->arena);
    before.used = arena_used_bytes(&rooms->arena);
    expect_unchanged(&before);
    uint64_t absent = 7;
    expect_status(lists_append(table, absent, elements, 2000000), STELE_ENOSPC);
    expect_unchanged(&before);
    struct list_spot at;
    ck_assert(!lists_find(table, absent, &at));
    lists_grow(table, KEY, &plain, 3000); /* what fits goes on */
    lists_expect(table, KEY, &plain);
    close_lists();
}
END_TEST

START_TEST(no_memory_for_the_next_element)
{
    open_lists(8 * STORES_MIB, 3);
    take_all();
    uint64_t keys = 0;
    enum stele_status status = STELE_OK;
    while (status == STELE_OK && keys < 1000) /* into what its size classes have left */
        status = lists_append(table, ++keys, lists_elements(3, 0, 300), 300);
    expect_status(status, STELE_ENOSPC);
    struct list_spot at;
    ck_assert(!lists_find(table, keys, &at)); /* not half a list */
    ck_assert_uint_eq(table->entries, keys - 1);
    close_lists();
}
END_TEST

/* Nobody has so many elements: refused before one of them is read. */
START_TEST(more_than_a_list_can_hold)
{
    uint8_t one = 1;
    open_lists(8 * STORES_MIB, 0);
    lists_grow(table, KEY, &plain, _i ? 5000 : 5);
    struct before before = look();
    for (unsigned shift = 34; shift < 62; shift += 9) {
        expect_status(lists_append(table, KEY, &one, UINT64_C(1) << shift), STELE_ETOOBIG);
        expect_status(lists_append(table, 7, &one, UINT64_C(1) << shift), STELE_ETOOBIG);
    }
    expect_unchanged(&before);
    close_lists();
}
END_TEST

/* An unpublished list is taken back without a trace. */
START_TEST(made_and_unmade)
{
    static const uint64_t counts[] = {1, 200, 257, 10000, 1000000};
    open_lists(32 * STORES_MIB, _i);
    uint64_t used = arena_used_bytes(&rooms->arena);
    for (unsigned i = 0; i < 5; i++) {
        enum stele_status status = STELE_OK;
        uint64_t count = counts[i];
        uint64_t off = list_make(table, lists_elements(table->element_shift, 0, count), count,
                                 UINT64_C(0xffffffffffff), &status);
        ck_assert_uint_ne(off, 0);
        const struct stelei_list *list = list_at(table, off);
        ck_assert_uint_eq(stelei_list_generation(list->head), UINT64_C(0xffffffffffff));
        ck_assert_uint_eq(list->count, count);
        ck_assert_uint_gt(arena_used_bytes(&rooms->arena), used);
        list_unmake(table, off);
        ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
        ck_assert_uint_eq(table->record_bytes, 0);
    }
    ck_assert_uint_eq(rooms->segment.header->retired, 0); /* nobody can have seen them */
    close_lists();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("list");
    TCase *tcase = suite_case(suite, "growth");
    tcase_add_loop_test(tcase, small_lists_double_and_become_long, 0, 4);
    tcase_add_loop_test(tcase, an_append_moves_no_version, 0, 4);
    tcase_add_loop_test(tcase, growth_wastes_little, 0, 4);
    tcase_add_loop_test(tcase, bulk_appends, 0, 4);
    tcase_add_loop_test(tcase, every_place_in_a_word, 0, 4);
    tcase_add_loop_test(tcase, many_lists_grow_side_by_side, 0, 4);
    tcase_add_test(tcase, ten_million_elements);
    tcase = suite_case(suite, "failure");
    tcase_add_loop_test(tcase, no_memory_in_the_middle_of_an_append, 0, 7);
    tcase_add_test(tcase, no_memory_for_the_next_element);
    tcase_add_loop_test(tcase, more_than_a_list_can_hold, 0, 2);
    tcase_add_loop_test(tcase, made_and_unmade, 0, 4);
    return suite_run(suite);
}
