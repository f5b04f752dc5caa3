/* Tables through the facade: types, limits, own hashes, room ahead. */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "segment_name.h"
#include "stores.h"

static struct stele_store *store;

static void setup(void)
{
    segment_name_clean();
    store = NULL;
}

static void teardown(void)
{
    if (store)
        stores_verify(store);
    stele_store_close(store);
}

static void open_plain(void)
{
    store = stores_open(segment_name(), 32 * STORES_MIB);
}

static enum stele_status create(const char *name, const char *type, uint64_t max_entries,
                                uint32_t *id)
{
    struct stele_table_options options = {.max_entries = max_entries};
    ck_assert_msg(stele_type_parse(type, &options.type), "%s", type);
    return stele_store_table_create(store, name, &options, id);
}

/* ---- types ---------------------------------------------------------------------------------- */

START_TEST(the_type_belongs_to_the_table)
{
    static const char *const types[] = {
        "bytes->bytes", "u8->u8",     "u64->f64,identity", "u16->i64",       "u32->list:u8",
        "u32->set:u8",  "bytes->u64", "u64->struct:16",    "u64->struct:24", "u64->bytes,xxh64"};
    struct stele_table_options options;
    struct stele_store_table_stats stats;
    const unsigned count = sizeof types / sizeof types[0];
    open_plain();
    for (unsigned i = 0; i < count; i++) {
        uint32_t id = 99;
        expect_ok(create(types[i], types[i], i, &id));
        ck_assert_uint_eq(id, i);
    }
    for (unsigned i = 0; i < count; i++) {
        struct stele_type type;
        stele_type_parse(types[i], &type);
        expect_ok(stele_store_table_options(store, i, &options));
        ck_assert(stele_type_equal(&options.type, &type));
        ck_assert_uint_eq(options.max_entries, i);
        expect_ok(stele_store_get_table_stats(store, i, &stats));
        ck_assert(stele_type_equal(&stats.type, &type));
        ck_assert_uint_eq(stats.max_entries, i);
        ck_assert_str_eq(stats.name, types[i]);
        for (unsigned j = 0; j < count; j++) {
            uint32_t id = 99;
            expect_status(create(types[i], types[j], i, &id), i == j ? STELE_EEXIST : STELE_ETYPE);
            ck_assert_uint_eq(id, i);
        }
        uint32_t id = 99; /* the limit belongs to it, too */
        expect_status(create(types[i], types[i], i + 1, &id), STELE_ETYPE);
        ck_assert_uint_eq(id, i);
    }
    expect_status(stele_store_table_options(store, count, &options), STELE_ENOTABLE);
    expect_status(stele_store_table_options(store, UINT32_MAX, &options), STELE_ENOTABLE);
    stores_verify(store);
}
END_TEST

START_TEST(types_survive_clearing_and_adoption)
{
    struct stele_table_options options;
    uint32_t id = 0;
    open_plain();
    expect_ok(create("t", "u8->set:u32", 5, &id));
    expect_ok(stele_store_list_append(store, id, "k", 1, "abcd", 1, NULL));
    expect_ok(stele_store_table_clear(store, id));
    for (unsigned round = 0; round < 2; round++) {
        expect_ok(stele_store_table_options(store, id, &options));
        ck_assert_uint_eq(stele_type_word(&options.type), 0x4001301);
        ck_assert_uint_eq(options.max_entries, 5);
        expect_ok(stele_store_list_append(store, id, "k", 1, "abcdabcd", 2, NULL));
        struct stele_store_list list;
        expect_ok(stele_store_list_find(store, id, "k", 1, &list));
        ck_assert_uint_eq(list.count, 1);
        stele_store_close(store);
        open_plain();
    }
    expect_ok(stele_store_table_drop(store, id));
    expect_ok(create("t", "u64->u64", 0, &id)); /* the name is free for another type */
    expect_ok(stele_store_word_put(store, id, 1, 1, NULL, NULL));
}
END_TEST

START_TEST(options_that_make_no_sense)
{
    static const struct stele_type bad[] = {{5, 0, 0, 0, 0},  {7, 0, 0, 0, 8},  {0, 7, 0, 0, 0},
                                            {0, 16, 0, 0, 0}, {0, 21, 0, 0, 0}, {0, 0, 2, 0, 0},
                                            {0, 0, 3, 0, 0},  {0, 0, 0, 4, 0},  {0, 17, 0, 1, 0},
                                            {0, 0, 0, 0, 8},  {0, 0, 63, 0, 0}};
    struct stele_store_stats stats;
    open_plain();
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct stele_table_options options = {.type = bad[i]};
        uint32_t id = 99;
        expect_status(stele_store_table_create(store, "t", &options, &id), STELE_EINVAL);
        ck_assert_uint_eq(id, 99);
    }
    stele_store_get_stats(store, &stats);
    ck_assert_uint_eq(stats.tables, 0);
}
END_TEST

START_TEST(effects_make_typed_tables)
{
    struct stelei_effect effect = {.kind = STELEI_EFFECT_TABLE_CREATE,
                                   .lsn = 5,
                                   .table = 3,
                                   .key = "name",
                                   .key_bytes = 4,
                                   .max_entries = 2};
    struct stele_table_options options;
    open_plain();
    stele_type_parse("u16->list:u64", &effect.type);
    for (unsigned twice = 0; twice < 2; twice++)
        expect_ok(stele_store_apply(store, &effect));
    expect_ok(stele_store_table_options(store, 3, &options));
    ck_assert(stele_type_equal(&options.type, &effect.type));
    ck_assert_uint_eq(options.max_entries, 2);
    effect.max_entries = 3;
    expect_status(stele_store_apply(store, &effect), STELE_ETYPE);
    effect.max_entries = 2;
    effect.table = 4; /* another descriptor for the same name */
    expect_status(stele_store_apply(store, &effect), STELE_EEXIST);
}
END_TEST

/* ---- limits --------------------------------------------------------------------------------- */

START_TEST(no_more_entries_than_the_maximum)
{
    static const char *const types[] = {"u64->u64", "bytes->bytes", "u64->list:u64",
                                        "bytes->list:u64", "u64->struct:8"};
    open_plain();
    for (unsigned i = 0; i < 5; i++) {
        uint32_t t = stores_typed(store, types[i], types[i], 100);
        bool lists = i == 2 || i == 3;
        for (uint64_t key = 0; key < 102; key++) {
            enum stele_status want = key < 100 ? STELE_OK : STELE_EFULL;
            if (lists) {
                expect_status(stele_store_list_append(store, t, &key, 8, &key, 1, NULL), want);
                expect_status(stele_store_list_replace(store, t, &key, 8, 5, 6), want);
            } else {
                expect_status(stele_store_put(store, t, &key, 8, &key, 8), want);
                expect_status(stele_store_insert(store, t, &key, 8, &key, 8),
                              key < 100 ? STELE_EEXIST : STELE_EFULL);
            }
        }
        uint64_t key = 7, next = 500;
        stores_verify(store); /* what was made for a key that had no room is gone */
        if (!lists)           /* what is there may change */
            expect_ok(stele_store_put(store, t, &key, 8, &next, 8));
        expect_ok(stele_store_erase(store, t, &key, 8));
        if (lists)
            expect_ok(stele_store_list_append(store, t, &next, 8, &key, 1, NULL));
        else
            expect_ok(stele_store_put(store, t, &next, 8, &key, 8));
        ck_assert_uint_eq(stores_entries(store, t), 100);
        expect_ok(stele_store_table_clear(store, t));
        ck_assert_uint_eq(stores_entries(store, t), 0);
    }
}
END_TEST

/* A child puts `count` entries into a table of at most 1000, or erases them, and dies without a word;
 * while it adopts, too, where it finds the segment. */
static void change_and_die(bool put, uint64_t from, uint64_t count, enum stele_status want)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        uint32_t id = 0;
        open_plain();
        if (stele_store_table_find(store, "t", &id) != STELE_OK)
            id = stores_typed(store, "t", "u64->u64", 1000);
        enum stele_status status = STELE_OK;
        for (uint64_t key = from; key < from + count; key++)
            status = put ? stele_store_word_put(store, id, key, key, NULL, NULL)
                         : stele_store_word_erase(store, id, key, NULL);
        _exit(status == want ? 0 : 1);
    }
    int state = -1;
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert_int_eq(state, 0);
}

/* F: an adopter that has not counted yet goes by what the former one said, and says itself what came
 * and went, for the case that it is killed as well. */
START_TEST(the_maximum_holds_while_adopting)
{
    change_and_die(true, 0, 900, STELE_OK);
    for (uint64_t from = 900; from < 1000; from += 20)
        change_and_die(true, from, 20, STELE_OK); /* far from the end of its pass */
    change_and_die(true, 1000, 1, STELE_EFULL);
    change_and_die(false, 980, 20, STELE_OK);
    change_and_die(true, 980, 21, STELE_EFULL);
    open_plain();
    uint32_t id = 0;
    expect_ok(stele_store_table_find(store, "t", &id));
    ck_assert(stele_store_adopting(store));
    ck_assert_uint_eq(stores_entries(store, id), 1000);
    expect_status(stele_store_word_put(store, id, 5000, 1, NULL, NULL), STELE_EFULL);
    expect_ok(stele_store_word_erase(store, id, 1, NULL));
    expect_ok(stele_store_word_put(store, id, 5000, 1, NULL, NULL));
    expect_status(stele_store_word_put(store, id, 5001, 1, NULL, NULL), STELE_EFULL);
    ck_assert(stele_store_adopting(store));
    stores_settle(store);
    ck_assert_uint_eq(stores_entries(store, id), 1000);
    expect_status(stele_store_word_put(store, id, 5001, 1, NULL, NULL), STELE_EFULL);
}
END_TEST

/* ---- own hashes ----------------------------------------------------------------------------- */

static uint64_t first_byte(const void *key, size_t key_bytes, uint64_t seed)
{
    (void)seed;
    return key_bytes ? *(const uint8_t *)key * UINT64_C(0x0101010101010101) : 0;
}
static uint64_t nothing_at_all(const void *key, size_t key_bytes, uint64_t seed)
{
    (void)key, (void)key_bytes, (void)seed;
    return 0;
}

static enum stele_status open_with(const struct stele_own_hash *hashes, uint32_t count,
                                   char *detail)
{
    struct stele_store_options options = {.name = segment_name(),
                                          .max_bytes = 32 * STORES_MIB,
                                          .small_pages = true,
                                          .hashes = hashes,
                                          .hash_count = count};
    store = NULL;
    return stele_store_open(&options, &store, detail, 256);
}

START_TEST(own_hashes_hash)
{
    static const struct stele_own_hash hashes[] = {{64, first_byte}, {255, nothing_at_all}};
    static const char *const types[] = {"u64->u64,own:64", "bytes->bytes,own:64",
                                        "u32->list:u8,own:255", "u64->u64,own:255"};
    char detail[256];
    expect_ok(open_with(hashes, 2, detail));
    uint32_t id = 99;
    expect_status(create("unknown", "u64->u64,own:65", 0, &id), STELE_EHASH);
    ck_assert_uint_eq(id, 99);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++) {
            if (round == 0)
                stores_typed(store, types[i], types[i], 0);
            for (uint64_t key = 0; key < 600; key++)
                if (i == 2)
                    expect_ok(stele_store_list_append(store, i, &key, 4, "x", 1, NULL));
                else
                    expect_ok(stele_store_put(store, i, &key, 8, &key, 8));
            ck_assert_uint_eq(stores_entries(store, i), 600);
        }
        stores_verify(store);
        stele_store_close(store);
        expect_ok(open_with(hashes, 2, detail));
    }
}
END_TEST

START_TEST(another_function_is_noticed)
{
    static const struct stele_own_hash right[] = {{64, first_byte}, {70, nothing_at_all}};
    static const struct stele_own_hash wrong[] = {{64, nothing_at_all}, {70, nothing_at_all}};
    char detail[256] = "";
    uint32_t id = 0;
    expect_ok(open_with(right, 2, detail));
    expect_ok(create("t", "bytes->bytes,own:64", 0, &id));
    expect_ok(stele_store_put(store, id, "key", 3, "value", 5));
    stele_store_close(store);
    expect_status(open_with(NULL, 0, detail), STELE_EHASH);
    ck_assert_ptr_nonnull(strstr(detail, "hash"));
    expect_status(open_with(wrong, 2, detail), STELE_EHASH);
    expect_status(open_with(right + 1, 1, detail), STELE_EHASH);
    ck_assert_ptr_null(store);
    expect_ok(open_with(right, 1, detail)); /* nothing was touched; the other one is not needed */
    const void *value;
    uint32_t bytes;
    expect_ok(stele_store_find(store, id, "key", 3, &value, &bytes));
    ck_assert_uint_eq(bytes, 5);
    expect_ok(stele_store_table_drop(store, id));
    stele_store_close(store);
    expect_ok(open_with(NULL, 0, detail)); /* no table needs it any more */
}
END_TEST

START_TEST(registrations_that_make_no_sense)
{
    static const struct stele_own_hash bad[][2] = {{{63, first_byte}, {64, first_byte}},
                                                   {{0, first_byte}, {64, first_byte}},
                                                   {{64, NULL}, {65, first_byte}},
                                                   {{64, first_byte}, {64, first_byte}},
                                                   {{64, first_byte}, {64, nothing_at_all}}};
    char detail[256];
    for (unsigned i = 0; i < 5; i++) {
        expect_status(open_with(bad[i], 2, detail), STELE_EINVAL);
        ck_assert_ptr_null(store);
        expect_status(stele_store_unlink(segment_name()), STELE_ENOSEGMENT); /* nothing was made */
    }
}
END_TEST

/* ---- room ahead ------------------------------------------------------------------------------ */

static struct stele_store_table_stats stats_of(uint32_t id)
{
    struct stele_store_table_stats stats;
    expect_ok(stele_store_get_table_stats(store, id, &stats));
    return stats;
}

/* Everything that was populated: on the tmpfs, in blocks of 512 bytes. */
static uint64_t populated(void)
{
    struct stat object;
    ck_assert_int_eq(fstat(stele_store_fd(store), &object), 0);
    return (uint64_t)object.st_blocks * 512;
}

START_TEST(a_reserved_table_neither_splits_nor_populates)
{
    static const struct {
        const char *type;
        uint32_t value_bytes;
    } tables[] = {{"u64->u64", 8},          {"u32->u8,identity", 1}, {"bytes->bytes", 40},
                  {"u64->struct:100", 100}, {"bytes->u64", 8},       {"u64->list:u32", 40},
                  {"bytes->list:u64", 80}};
    const uint64_t entries = _i < 2 ? 1 << 20 : _i == 2 ? 1 << 19 : 1 << 17;
    uint32_t id = 0, key_bytes = _i == 1 ? 4 : 8, bytes = tables[_i].value_bytes;
    uint8_t value[100] = {0};
    store = stores_open(segment_name(), 256 * STORES_MIB);
    expect_ok(create("t", tables[_i].type, 0, &id));
    expect_ok(stele_store_table_reserve(store, id, entries - 5, entries * 8, entries * bytes));
    uint64_t buckets = stats_of(id).buckets, before = populated();
    ck_assert_uint_ge(stats_of(id).slots * 3, entries * 4);
    for (uint64_t key = 0; key < entries; key++)
        if (_i >= 5)
            expect_ok(stele_store_list_append(store, id, &key, 8, value, 10, NULL));
        else
            expect_ok(stele_store_put(store, id, &key, key_bytes, value, bytes));
    ck_assert_uint_eq(stats_of(id).buckets, buckets);
    ck_assert_uint_eq(populated(), before);
}
END_TEST

START_TEST(what_cannot_be_reserved)
{
    uint32_t id = 0;
    open_plain();
    expect_ok(create("t", "u64->u64", 0, &id));
    expect_status(stele_store_table_reserve(store, id, 0, 1, 1), STELE_EINVAL);
    expect_status(stele_store_table_reserve(store, id, 1, 0, 1), STELE_EINVAL);
    expect_status(stele_store_table_reserve(store, id, 1, 1, 0), STELE_EINVAL);
    expect_status(stele_store_table_reserve(store, 9, 1, 1, 1), STELE_ENOTABLE);
    for (unsigned shift = 21; shift < 64; shift += 3)
        expect_status(stele_store_table_reserve(store, id, UINT64_C(1) << shift, 1, 1),
                      STELE_ENOSPC);
    expect_status(stele_store_table_reserve(store, id, UINT64_MAX, UINT64_MAX, UINT64_MAX),
                  STELE_ENOSPC);
    ck_assert_uint_eq(stats_of(id).buckets, 2); /* no buckets are left behind */
    expect_ok(stele_store_table_reserve(store, id, 1, 1, 1));
    expect_ok(stele_store_table_reserve(store, id, 100000, 1, 1));
    uint64_t buckets = stats_of(id).buckets;
    expect_ok(stele_store_table_reserve(store, id, 10, 1, 1)); /* less is no less */
    ck_assert_uint_eq(stats_of(id).buckets, buckets);
    expect_ok(create("b", "bytes->bytes", 0, &id));
    expect_status(stele_store_table_reserve(store, id, 1, 1, 40 * STORES_MIB), STELE_ENOSPC);
    expect_status(stele_store_table_reserve(store, id, 1, UINT64_MAX, 1), STELE_ENOSPC);
}
END_TEST

/* Entries that were there stay where a lookup finds them. */
START_TEST(reserving_moves_entries_and_loses_none)
{
    uint32_t id = 0;
    uint64_t value;
    open_plain();
    expect_ok(create("t", "u16->u16", 0, &id));
    for (uint64_t key = 0; key < 1000; key++)
        expect_ok(stele_store_word_put(store, id, key, key, NULL, NULL));
    expect_ok(stele_store_table_reserve(store, id, 65536, 1, 1));
    for (uint64_t key = 0; key < 1000; key++) {
        expect_ok(stele_store_word_find(store, id, key, &value));
        expect(value == key);
    }
}
END_TEST

int main(void)
{
    segment_name_init("tables");
    Suite *suite = suite_create("store_tables");
    TCase *tcase = suite_case(suite, "types");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_type_belongs_to_the_table);
    tcase_add_test(tcase, types_survive_clearing_and_adoption);
    tcase_add_test(tcase, options_that_make_no_sense);
    tcase_add_test(tcase, effects_make_typed_tables);
    tcase = suite_case(suite, "limits");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, no_more_entries_than_the_maximum);
    tcase_add_test(tcase, the_maximum_holds_while_adopting);
    tcase = suite_case(suite, "own hashes");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, own_hashes_hash);
    tcase_add_test(tcase, another_function_is_noticed);
    tcase_add_test(tcase, registrations_that_make_no_sense);
    tcase = suite_case(suite, "room ahead");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_reserved_table_neither_splits_nor_populates, 0, 7);
    tcase_add_test(tcase, what_cannot_be_reserved);
    tcase_add_test(tcase, reserving_moves_entries_and_loses_none);
    return segment_name_fini(suite_run(suite));
}
