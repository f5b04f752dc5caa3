/* Tables whose keys are words. */
#include <stele/stele.h>

#include "typed.h"

static struct stele_store *store;
static struct stele_reader reader;

static void setup(void)
{
    store = typed_open(128 * STORES_MIB);
    typed_attach(&reader, store);
}

static void teardown(void)
{
    stele_reader_detach(&reader);
    stele_store_close(store);
}

static uint32_t make(const char *name, unsigned key_kind, unsigned value_kind, unsigned hash_id,
                     struct stele_words *words)
{
    uint32_t id = typed_table(store, name, typed_hashed(key_kind, value_kind, hash_id));
    expect_ok(stele_words_open(&reader, name, key_kind, value_kind, words));
    return id;
}

static uint64_t key_of(uint64_t n)
{
    return random_mix(n);
}

/* ---- opening -------------------------------------------------------------------------------- */

START_TEST(opening_by_another_type)
{
    struct stele_words words;
    struct stele_table table;
    struct stele_type type = stele_type_of(STELE_U32, STELE_U64);
    typed_table(store, "w", type);
    expect_ok(stele_words_open(&reader, "w", STELE_U32, STELE_U64, &words));
    ck_assert(stele_type_equal(&words.table.type, &type));
    expect_status(stele_words_open(&reader, "w", STELE_U64, STELE_U64, &words), STELE_ETYPE);
    expect_status(stele_words_open(&reader, "w", STELE_U32, STELE_I64, &words), STELE_ETYPE);
    expect_status(stele_words_open(&reader, "w", STELE_BYTES, STELE_U64, &words), STELE_EINVAL);
    expect_status(stele_words_open(&reader, "x", STELE_U32, STELE_U64, &words), STELE_ENOTABLE);
    expect_status(stele_table_open(&reader, "w", &table), STELE_ETYPE);
    expect_ok(stele_table_open_as(&reader, "w", &type, &table));
    type.hash_id = STELE_HASH_IDENTITY;
    expect_status(stele_table_open_as(&reader, "w", &type, &table), STELE_ETYPE);
    expect_ok(stele_table_open_any(&reader, "w", &table));
    ck_assert_uint_eq(table.type.key_kind, STELE_U32);
}
END_TEST

START_TEST(byte_keys_with_other_values_are_read_by_their_bytes)
{
    struct stele_table table;
    uint8_t value[8];
    size_t bytes = 0;
    uint32_t number = 0x01020304,
             id = typed_table(store, "n", stele_type_of(STELE_BYTES, STELE_U32));
    expect_ok(stele_store_put(store, id, "k", 1, &number, sizeof number));
    expect_ok(stele_table_open(&reader, "n", &table));
    expect_ok(stele_get(&table, "k", 1, value, sizeof value, &bytes));
    ck_assert_uint_eq(bytes, 4);
    ck_assert_mem_eq(value, "\4\3\2\1", 4);
    typed_table(store, "l", stele_type_of(STELE_BYTES, STELE_LIST + STELE_U32));
    expect_status(stele_table_open(&reader, "l", &table), STELE_ETYPE);
}
END_TEST

START_TEST(a_handle_of_another_form_is_told_so)
{
    struct stele_table bytes_table;
    struct stele_words words, other;
    struct stele_view view;
    char value[8];
    size_t bytes = 0;
    uint64_t word = 0;
    typed_table(store, "w", stele_type_of(STELE_U64, STELE_U64));
    expect_ok(stele_table_open_any(&reader, "w", &bytes_table));
    expect_status(stele_get(&bytes_table, "12345678", 8, value, 8, &bytes), STELE_ETYPE);
    expect_status(stele_contains(&bytes_table, "12345678", 8), STELE_ETYPE);
    expect_status(stele_view_take(&bytes_table, "12345678", 8, &view), STELE_ETYPE);
    struct stele_lookup lookup = {
        .key = "12345678", .key_bytes = 8, .buffer = value, .capacity = 8};
    ck_assert_uint_eq(stele_get_many(&bytes_table, &lookup, 1), 0);
    ck_assert_int_eq(lookup.status, STELE_ETYPE);
    stores_table(store, "b");
    expect_ok(stele_table_open(&reader, "b", &words.table));
    expect_status(stele_words_get(&words, 1, &word), STELE_ETYPE);
    expect_status(stele_words_contains(&words, 1), STELE_ETYPE);
    expect_status(stele_words_get_bytes(&words, 1, value, 8, &bytes), STELE_ETYPE);
    expect_status(stele_words_view_take(&words, 1, &view), STELE_ETYPE);
    enum stele_status status = STELE_OK;
    uint64_t key = 1;
    ck_assert_uint_eq(stele_words_get_many(&words, &key, &word, &status, 1), 0);
    ck_assert_int_eq(status, STELE_ETYPE);
    make("s", STELE_U64, STELE_BYTES, STELE_HASH_XXH3, &other);
    expect_status(stele_words_get(&other, 1, &word), STELE_ETYPE);
    struct stele_words_lookup many = {.key = 1};
    ck_assert_uint_eq(stele_words_get_bytes_many(&words, &many, 1), 0);
    ck_assert_int_eq(many.status, STELE_ETYPE);
}
END_TEST

/* ---- hashes --------------------------------------------------------------------------------- */

static uint64_t another(const void *key, size_t key_bytes, uint64_t seed)
{
    return typed_hash_sum(key, key_bytes, seed) + 1;
}

START_TEST(own_hashes_must_be_registered_and_be_the_same)
{
    struct stele_reader plain;
    struct stele_words words;
    struct stele_table table;
    typed_table(store, "own", typed_hashed(STELE_U64, STELE_U64, TYPED_HASH_SUM));
    typed_table(store, "bytes", typed_hashed(STELE_BYTES, STELE_BYTES, TYPED_HASH_SUM));
    expect_ok(stele_reader_attach_fd(&plain, stele_store_fd(store)));
    expect_status(stele_words_open(&plain, "own", STELE_U64, STELE_U64, &words), STELE_EHASH);
    expect_status(stele_table_open(&plain, "bytes", &table), STELE_EHASH);
    expect_ok(stele_reader_register_hash(&plain, TYPED_HASH_SUM, another));
    expect_status(stele_words_open(&plain, "own", STELE_U64, STELE_U64, &words), STELE_EHASH);
    stele_reader_detach(&plain);
    expect_ok(stele_words_open(&reader, "own", STELE_U64, STELE_U64, &words));
    expect_ok(stele_table_open(&reader, "bytes", &table));
}
END_TEST

START_TEST(registering)
{
    struct stele_reader plain;
    expect_ok(stele_reader_attach_fd(&plain, stele_store_fd(store)));
    expect_status(stele_reader_register_hash(&plain, 63, another), STELE_EINVAL);
    expect_status(stele_reader_register_hash(&plain, 64, NULL), STELE_EINVAL);
    for (unsigned i = 0; i < STELE_READER_HASHES; i++)
        expect_ok(stele_reader_register_hash(&plain, (uint8_t)(100 + i), another));
    expect_ok(stele_reader_register_hash(&plain, 100, another));
    expect_status(stele_reader_register_hash(&plain, 100, typed_hash_sum), STELE_EEXIST);
    expect_status(stele_reader_register_hash(&plain, 200, another), STELE_EFULL);
    stele_reader_detach(&plain);
}
END_TEST

START_TEST(byte_tables_of_every_hash)
{
    static const uint8_t hashes[] = {STELE_HASH_XXH3, STELE_HASH_XXH64, TYPED_HASH_CONSTANT,
                                     TYPED_HASH_SUM};
    uint8_t hash = hashes[_i];
    uint32_t id = typed_table(store, "t", typed_hashed(STELE_BYTES, STELE_BYTES, hash));
    struct stele_table table;
    struct stele_view view;
    expect_ok(stele_table_open(&reader, "t", &table));
    for (uint32_t n = 0; n < 300; n++)
        expect_ok(stele_store_put(store, id, &n, 4, &n, 4));
    for (uint32_t n = 0; n < 400; n++) {
        uint32_t value = UINT32_MAX;
        size_t bytes = 0;
        struct stele_lookup lookup = {.key = &n, .key_bytes = 4, .buffer = &value, .capacity = 4};
        enum stele_status expected = n < 300 ? STELE_OK : STELE_ENOTFOUND;
        expect_status(stele_get(&table, &n, 4, &value, 4, &bytes), expected);
        expect(n >= 300 || value == n);
        expect(stele_get_many(&table, &lookup, 1) == (n < 300));
        expect_status(lookup.status, expected);
        expect_status(stele_contains(&table, &n, 4), expected);
        expect_status(stele_view_take(&table, &n, 4, &view), expected);
    }
}
END_TEST

/* ---- words to words ------------------------------------------------------------------------- */

START_TEST(a_word_comes_goes_and_changes)
{
    struct stele_words words;
    uint64_t value = 77;
    uint32_t id = make("t", STELE_U64, STELE_U64, STELE_HASH_XXH3, &words);
    expect_status(stele_words_get(&words, 5, &value), STELE_ENOTFOUND);
    ck_assert_uint_eq(value, 77);
    expect_ok(stele_store_word_put(store, id, 5, UINT64_MAX, NULL, NULL));
    expect_ok(stele_words_get(&words, 5, &value));
    ck_assert_uint_eq(value, UINT64_MAX);
    expect_ok(stele_words_contains(&words, 5));
    expect_ok(stele_store_word_put(store, id, 5, 0, NULL, NULL));
    expect_ok(stele_words_get(&words, 5, &value));
    ck_assert_uint_eq(value, 0);
    expect_ok(stele_store_word_erase(store, id, 5, NULL));
    expect_status(stele_words_get(&words, 5, &value), STELE_ENOTFOUND);
    expect_status(stele_words_contains(&words, 5), STELE_ENOTFOUND);
}
END_TEST

/* Every key and value is legal, the zeros of an empty slot and its leftovers included. */
START_TEST(no_value_is_special)
{
    static const uint64_t numbers[] = {0, 1, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63};
    struct stele_words words;
    uint64_t value = 1;
    uint32_t id = make("t", STELE_U64, STELE_U64, STELE_HASH_IDENTITY, &words);
    expect_status(stele_words_get(&words, 0, &value), STELE_ENOTFOUND);
    for (unsigned i = 0; i < 5; i++)
        expect_ok(stele_store_word_put(store, id, numbers[i], numbers[4 - i], NULL, NULL));
    for (unsigned i = 0; i < 5; i++) {
        expect_ok(stele_words_get(&words, numbers[i], &value));
        ck_assert_uint_eq(value, numbers[4 - i]);
        expect_ok(stele_store_word_erase(store, id, numbers[i], NULL));
        expect_status(stele_words_get(&words, numbers[i], &value), STELE_ENOTFOUND);
    }
}
END_TEST

START_TEST(narrow_kinds)
{
    static const uint8_t kinds[] = {STELE_U8, STELE_U16, STELE_U32, STELE_U64};
    for (unsigned k = 0; k < 4; k++) {
        char name[8];
        struct stele_words words;
        uint64_t most = UINT64_MAX >> (64 - 8 * stele_kind_bytes(kinds[k])), value = 0;
        snprintf(name, sizeof name, "t%u", k);
        uint32_t id = make(name, kinds[k], kinds[k], STELE_HASH_XXH3, &words);
        for (uint64_t n = 0; n < 256; n++)
            expect_ok(stele_store_word_put(store, id, most - n, n, NULL, NULL));
        for (uint64_t n = 0; n < 256; n++) {
            expect_ok(stele_words_get(&words, most - n, &value));
            expect(value == n);
        }
        if (k < 3) /* a key that is too large for its kind is not there */
            expect_status(stele_words_get(&words, most + 1, &value), STELE_ENOTFOUND);
    }
}
END_TEST

static const struct {
    uint8_t hash;
    uint32_t count;
} fillings[] = {{STELE_HASH_XXH3, 200000},
                {STELE_HASH_IDENTITY, 200000},
                {STELE_HASH_XXH64, 20000},
                {TYPED_HASH_SUM, 20000},
                {TYPED_HASH_CONSTANT, 600}};

/* One at a time and many at once, over all sizes of table and of batch, hits and misses mixed. */
START_TEST(growth_under_every_hash)
{
    static uint64_t keys[3000], values[3000];
    static enum stele_status statuses[3000];
    struct stele_words words;
    struct random random = {7};
    uint32_t count = fillings[_i].count, next = 1;
    uint32_t id = make("t", STELE_U64, STELE_U64, fillings[_i].hash, &words);
    for (uint32_t n = 0; n < count; n++) {
        expect_ok(stele_store_word_put(store, id, key_of(n), n, NULL, NULL));
        if (n + 1 != next && n + 1 != count)
            continue;
        next = next * 3 / 2 + 1;
        size_t batch = 1 + random_below(&random, 3000), found = 0, expected = 0;
        for (size_t i = 0; i < batch; i++)
            keys[i] = key_of(random_below(&random, n + 1 + n / 4));
        found = stele_words_get_many(&words, keys, values, statuses, batch);
        for (size_t i = 0; i < batch; i++) {
            uint64_t value = 0;
            enum stele_status status = stele_words_get(&words, keys[i], &value);
            expect(status == statuses[i]);
            expect(status == STELE_OK || status == STELE_ENOTFOUND);
            expect(status != STELE_OK || (value == values[i] && key_of(value) == keys[i]));
            expected += status == STELE_OK;
        }
        ck_assert_uint_eq(found, expected);
        ck_assert_uint_eq(stele_words_get_many(&words, keys, values, NULL, batch), expected);
    }
    for (uint32_t n = 0; n < count; n++) {
        uint64_t value = 0;
        expect_ok(stele_words_get(&words, key_of(n), &value));
        expect(value == n);
        expect_status(stele_words_get(&words, key_of(n) + 1, &value), STELE_ENOTFOUND);
    }
}
END_TEST

START_TEST(clear_is_followed_and_drop_is_told)
{
    struct stele_words words;
    uint64_t key = 1, value = 0;
    enum stele_status status = STELE_OK;
    uint32_t id = make("t", STELE_U64, STELE_U64, STELE_HASH_XXH3, &words);
    expect_ok(stele_store_word_put(store, id, 1, 2, NULL, NULL));
    expect_ok(stele_store_table_clear(store, id));
    expect_status(stele_words_get(&words, 1, &value), STELE_ENOTFOUND);
    expect_ok(stele_store_word_put(store, id, 1, 3, NULL, NULL));
    expect_ok(stele_words_get(&words, 1, &value));
    ck_assert_uint_eq(value, 3);
    ck_assert_uint_eq(stele_words_get_many(&words, &key, &value, NULL, 1), 1);
    expect_ok(stele_store_table_drop(store, id));
    expect_status(stele_words_get(&words, 1, &value), STELE_EDROPPED);
    ck_assert_uint_eq(stele_words_get_many(&words, &key, &value, &status, 1), 0);
    ck_assert_int_eq(status, STELE_EDROPPED);
}
END_TEST

/* ---- words to byte strings and structs ------------------------------------------------------ */

START_TEST(every_length_of_value)
{
    static const uint32_t sizes[] = {0, 1, 7, 8, 9, 250, 256, 257, 4096, 4097, 9000, 70000};
    static uint8_t value[70000], buffer[70001];
    struct stele_words words;
    struct stele_view view;
    uint32_t id = make("t", STELE_U64, STELE_BYTES, STELE_HASH_XXH3, &words);
    for (uint64_t i = 0; i < 12; i++) {
        random_bytes(i, value, sizes[i]);
        expect_ok(stele_store_put(store, id, &i, 8, value, sizes[i]));
    }
    for (uint64_t i = 0; i < 12; i++) {
        size_t bytes = 0;
        random_bytes(i, value, sizes[i]);
        buffer[sizes[i]] = 0xaa;
        expect_ok(stele_words_get_bytes(&words, i, buffer, sizes[i], &bytes));
        ck_assert_uint_eq(bytes, sizes[i]);
        expect(memcmp(buffer, value, bytes) == 0 && buffer[bytes] == 0xaa);
        expect_ok(stele_words_contains(&words, i));
        expect_ok(stele_words_view_take(&words, i, &view));
        expect(view.bytes == sizes[i] && memcmp(view.data, value, view.bytes) == 0);
        expect((uintptr_t)view.data % 8 == 0);
        expect(stele_words_view_valid(&words, &view) && stele_words_view_current(&words, &view));
        bytes = 0;
        if (sizes[i] > 0)
            expect_status(stele_words_get_bytes(&words, i, buffer, sizes[i] - 1, &bytes),
                          STELE_ESHORT);
        expect(sizes[i] == 0 || bytes == sizes[i]);
    }
    size_t bytes = 5;
    expect_status(stele_words_get_bytes(&words, 12, buffer, 8, &bytes), STELE_ENOTFOUND);
    expect_status(stele_words_view_take(&words, 12, &view), STELE_ENOTFOUND);
    ck_assert_uint_eq(bytes, 5);
}
END_TEST

START_TEST(a_view_tells_change_from_replacement)
{
    struct stele_words words;
    struct stele_view view;
    uint64_t key = 9;
    uint32_t id = make("t", STELE_U64, STELE_BYTES, STELE_HASH_XXH3, &words);
    expect_ok(stele_store_put(store, id, &key, 8, "before", 6));
    expect_ok(stele_words_view_take(&words, key, &view));
    expect_ok(stele_store_put(store, id, &key, 8, "after", 5));
    ck_assert(!stele_words_view_current(&words, &view));
    ck_assert_mem_eq(view.data, "before", 6); /* in the quarantine */
    ck_assert(stele_words_view_valid(&words, &view));
}
END_TEST

START_TEST(structs_have_their_size)
{
    struct point {
        double x, y;
        uint32_t colour;
    } in = {1.5, -2.5, 7}, out;
    struct stele_words words;
    struct stele_view view;
    size_t bytes = 0;
    uint32_t id = typed_table(store, "p", stele_type_of_struct(STELE_U32, sizeof in)), key = 3;
    memset(&out, 0, sizeof out);
    expect_status(stele_store_put(store, id, &key, 4, &in, sizeof in - 1), STELE_ETYPE);
    expect_ok(stele_store_put(store, id, &key, 4, &in, sizeof in));
    expect_ok(stele_words_open(&reader, "p", STELE_U32, STELE_STRUCT, &words));
    ck_assert_uint_eq(words.table.type.value_bytes, sizeof in);
    expect_ok(stele_words_get_bytes(&words, 3, &out, sizeof out, &bytes));
    ck_assert(bytes == sizeof out && out.x == in.x && out.y == in.y && out.colour == in.colour);
    expect_ok(stele_words_view_take(&words, 3, &view));
    ck_assert(((const struct point *)view.data)->colour == 7);
    ck_assert(stele_words_view_valid(&words, &view));
}
END_TEST

START_TEST(many_byte_strings_at_once)
{
    static uint8_t buffers[2500][64];
    static struct stele_words_lookup lookups[2500];
    struct stele_words words;
    struct random random = {3};
    uint32_t count = fillings[_i].count / 4, id;
    id = make("t", STELE_U64, STELE_BYTES, fillings[_i].hash, &words);
    for (uint32_t n = 0; n < count; n++) {
        uint64_t key = key_of(n);
        uint8_t value[64];
        random_bytes(n, value, n % 65);
        expect_ok(stele_store_put(store, id, &key, 8, value, n % 65));
    }
    for (unsigned round = 0; round < 30; round++) {
        size_t batch = round ? 1 + random_below(&random, 2500) : 1, expected = 0;
        for (size_t i = 0; i < batch; i++) {
            lookups[i].key = random_below(&random, count + count / 4);
            lookups[i].buffer = buffers[i];
            lookups[i].capacity = random_below(&random, 4) ? 64 : 30;
        }
        for (size_t i = 0; i < batch; i++) { /* numbers to keys */
            uint64_t n = lookups[i].key;
            expected += n < count && n % 65 <= lookups[i].capacity;
            lookups[i].key = key_of(n);
            lookups[i].value_bytes = n;
        }
        uint64_t numbers[2500];
        for (size_t i = 0; i < batch; i++)
            numbers[i] = lookups[i].value_bytes;
        expect(stele_words_get_bytes_many(&words, lookups, batch) == expected);
        for (size_t i = 0; i < batch; i++) {
            const struct stele_words_lookup *l = &lookups[i];
            uint64_t n = numbers[i];
            uint8_t value[64];
            if (n >= count) {
                expect(l->status == STELE_ENOTFOUND);
                continue;
            }
            expect(l->status == (n % 65 <= l->capacity ? STELE_OK : STELE_ESHORT));
            expect(l->value_bytes == n % 65);
            random_bytes(n, value, n % 65);
            expect(l->status != STELE_OK || memcmp(l->buffer, value, n % 65) == 0);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("words");
    int hashes = (int)(sizeof fillings / sizeof fillings[0]);
    TCase *tcase = suite_case(suite, "opening");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, opening_by_another_type);
    tcase_add_test(tcase, byte_keys_with_other_values_are_read_by_their_bytes);
    tcase_add_test(tcase, a_handle_of_another_form_is_told_so);
    tcase_add_test(tcase, own_hashes_must_be_registered_and_be_the_same);
    tcase_add_test(tcase, registering);
    tcase_add_loop_test(tcase, byte_tables_of_every_hash, 0, 4);
    tcase = suite_case(suite, "words");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_word_comes_goes_and_changes);
    tcase_add_test(tcase, no_value_is_special);
    tcase_add_test(tcase, narrow_kinds);
    tcase_add_loop_test(tcase, growth_under_every_hash, 0, hashes);
    tcase_add_test(tcase, clear_is_followed_and_drop_is_told);
    tcase = suite_case(suite, "records");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_length_of_value);
    tcase_add_test(tcase, a_view_tells_change_from_replacement);
    tcase_add_test(tcase, structs_have_their_size);
    tcase_add_loop_test(tcase, many_byte_strings_at_once, 0, hashes);
    return suite_run(suite);
}
