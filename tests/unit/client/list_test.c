/* One key, many words. */
#include <stele/list.h>

#include "typed.h"

static struct stele_store *store;
static struct stele_reader reader;

static void setup(void)
{
    store = typed_open(256 * STORES_MIB);
    typed_attach(&reader, store);
}

static void teardown(void)
{
    stele_reader_detach(&reader);
    stele_store_close(store);
}

/* A table of lists under one key, reached by either kind of key. */
struct subject {
    uint32_t id;
    bool words;
    unsigned bytes; /* of an element */
    struct stele_table table;
    struct stele_words by_word;
    uint64_t word;
    const void *key;
    uint32_t key_bytes;
};

static struct subject subject_make(bool words, unsigned element_kind, unsigned hash)
{
    struct subject s;
    struct stele_type type =
        typed_hashed(words ? STELE_U64 : STELE_BYTES, STELE_LIST + element_kind, hash);
    memset(&s, 0, sizeof s);
    s.id = typed_table(store, "lists", type);
    s.words = words;
    s.bytes = stele_kind_bytes(element_kind);
    s.word = 0x0123456789abcdef;
    s.key = "a key that is a string";
    s.key_bytes = 22;
    if (words)
        expect_ok(
            stele_words_open(&reader, "lists", STELE_U64, STELE_LIST + element_kind, &s.by_word));
    else
        expect_ok(stele_table_open_as(&reader, "lists", &type, &s.table));
    return s;
}

static const void *write_key(const struct subject *s, uint32_t *bytes)
{
    *bytes = s->words ? 8 : s->key_bytes;
    return s->words ? &s->word : s->key;
}

static void append(const struct subject *s, const void *elements, uint64_t count)
{
    uint32_t bytes;
    const void *key = write_key(s, &bytes);
    expect_ok(stele_store_list_append(store, s->id, key, bytes, elements, count, NULL));
}

static void remove_first(const struct subject *s, uint64_t element)
{
    uint32_t bytes;
    const void *key = write_key(s, &bytes);
    expect_ok(stele_store_list_remove(store, s->id, key, bytes, element));
}

static enum stele_status take(const struct subject *s, struct stele_list *list)
{
    return s->words ? stele_words_list_take(&s->by_word, s->word, list)
                    : stele_list_take(&s->table, s->key, s->key_bytes, list);
}

static enum stele_status get(const struct subject *s, uint64_t from, void *out, uint64_t capacity,
                             uint64_t *got, uint64_t *count)
{
    return s->words
               ? stele_words_list_get(&s->by_word, s->word, from, out, capacity, got, count)
               : stele_list_get(&s->table, s->key, s->key_bytes, from, out, capacity, got, count);
}

static enum stele_status count_of(const struct subject *s, uint64_t *count)
{
    return s->words ? stele_words_list_count(&s->by_word, s->word, count)
                    : stele_list_count(&s->table, s->key, s->key_bytes, count);
}

/* ---- reading -------------------------------------------------------------------------------- */

#define ELEMENTS 60000u
static uint8_t wanted[ELEMENTS * 8], buffer[ELEMENTS * 8 + 16];

/* All of it, in place and by copies of random ranges to any alignment. */
static void compare(const struct subject *s, uint64_t count, struct random *random)
{
    struct stele_list list;
    uint64_t from = 0, got = 0, all = 0;
    const void *elements;
    expect_ok(take(s, &list));
    expect(stele_list_length(&list) == count);
    for (uint64_t n = 0; from < count; from += n) {
        expect_ok(stele_list_span(&list, from, &elements, &n));
        expect(n > 0 && from + n <= count && (uintptr_t)elements % s->bytes == 0);
        expect(memcmp(elements, wanted + from * s->bytes, n * s->bytes) == 0);
    }
    expect_status(stele_list_span(&list, count, &elements, &got), STELE_EEND);
    expect(stele_list_valid(&list) && stele_list_current(&list));
    for (unsigned round = 0; round < 6; round++) {
        unsigned shift = random_below(random, 9);
        uint64_t most = round ? random_below(random, (uint32_t)count + 3) : count;
        from = round ? random_below(random, (uint32_t)count + 2) : 0;
        uint64_t n = from >= count ? 0 : most < count - from ? most : count - from;
        memset(buffer + shift + n * s->bytes, 0xa5, 1);
        expect_ok(get(s, from, buffer + shift, most, &got, &all));
        expect(got == n && all == count);
        expect(n == 0 || memcmp(buffer + shift, wanted + from * s->bytes, n * s->bytes) == 0);
        expect(buffer[shift + n * s->bytes] == 0xa5);
    }
    expect_ok(count_of(s, &all));
    expect(all == count);
}

static struct subject subject_numbered(int i)
{
    return subject_make(i % 2, STELE_U8 + (unsigned)i / 2 % 4,
                        i < 8 ? STELE_HASH_XXH3 : TYPED_HASH_CONSTANT);
}

START_TEST(every_length_of_every_kind)
{
    struct subject s = subject_numbered(_i);
    struct random random = {(uint64_t)_i + 1};
    uint64_t count = 0, next = 0;
    random_bytes(5, wanted, sizeof wanted);
    while (count < ELEMENTS) {
        uint64_t n = random_below(&random, 3) ? 1 : 1 + random_below(&random, (uint32_t)count + 9);
        n = n < ELEMENTS - count ? n : ELEMENTS - count;
        append(&s, wanted + count * s.bytes, n);
        count += n;
        if (count < 70 || count >= next || count == ELEMENTS) {
            compare(&s, count, &random);
            next = count + count / 8;
        }
    }
}
END_TEST

START_TEST(removals_from_anywhere)
{
    struct subject s = subject_numbered(_i);
    struct random random = {(uint64_t)_i + 77};
    uint64_t count = 6000 / s.bytes;
    /* u8 have too few values to be told apart: the first equal one goes all the same */
    random_bytes(6, wanted, count * s.bytes);
    append(&s, wanted, count);
    while (count > 1) {
        uint64_t at = random_below(&random, (uint32_t)count), element = 0;
        memcpy(&element, wanted + at * s.bytes, s.bytes);
        for (at = 0; memcmp(wanted + at * s.bytes, &element, s.bytes) != 0;)
            at++;
        remove_first(&s, element);
        count--;
        memmove(wanted + at * s.bytes, wanted + (at + 1) * s.bytes, (count - at) * s.bytes);
        if (count % 50 == 0 || count < 70)
            compare(&s, count, &random);
    }
    uint64_t element = 0;
    memcpy(&element, wanted, s.bytes);
    remove_first(&s, element);
    struct stele_list list;
    expect_status(take(&s, &list), STELE_ENOTFOUND);
    expect_status(count_of(&s, &element), STELE_ENOTFOUND);
    expect_status(get(&s, 0, buffer, 8, &element, NULL), STELE_ENOTFOUND);
}
END_TEST

/* ---- while it changes ----------------------------------------------------------------------- */

#define MANY UINT64_C(10000000)

/* A list of millions is read as it was, whatever is appended meanwhile, without being taken again. */
START_TEST(appends_disturb_nobody)
{
    struct subject s = subject_make(_i, STELE_U8, STELE_HASH_XXH3);
    uint8_t *large = malloc(MANY), *copy = malloc(MANY);
    struct stele_list list;
    uint64_t from = 0, got = 0, appended = 0;
    random_bytes(9, large, MANY);
    append(&s, large, MANY);
    expect_ok(take(&s, &list));
    while (from < MANY) {
        append(&s, large + appended, 70000);
        appended += 70000;
        expect_ok(stele_list_read(&list, from, copy + from, 100000, &got));
        from += got;
    }
    ck_assert_uint_eq(from, MANY);
    expect(memcmp(copy, large, MANY) == 0);
    expect_ok(count_of(&s, &got));
    ck_assert_uint_eq(got, MANY + appended);
    expect_ok(get(&s, MANY, copy, appended, &got, NULL));
    expect(got == appended && memcmp(copy, large, appended) == 0);
    free(large);
    free(copy);
}
END_TEST

START_TEST(what_is_current_and_what_is_valid)
{
    struct subject s = subject_make(_i, STELE_U64, STELE_HASH_XXH3);
    uint64_t numbers[100], got = 0;
    struct stele_list before, now;
    for (uint64_t i = 0; i < 100; i++)
        numbers[i] = i;
    append(&s, numbers, 50);
    expect_ok(take(&s, &before));
    ck_assert(stele_list_current(&before));
    append(&s, numbers + 50, 1);
    ck_assert(!stele_list_current(&before));
    ck_assert(stele_list_valid(&before));
    append(&s, numbers + 51, 49); /* moves to another record */
    expect_ok(take(&s, &now));
    ck_assert(stele_list_current(&now));
    ck_assert_uint_eq(stele_list_generation(&now), stele_list_generation(&before));
    remove_first(&s, 30);
    ck_assert(!stele_list_current(&now));
    ck_assert(stele_list_valid(&now));
    expect_ok(stele_list_read(&now, 0, numbers, 100, &got)); /* as it was */
    ck_assert_uint_eq(got, 100);
    for (uint64_t i = 0; i < 100; i++)
        ck_assert_uint_eq(numbers[i], i);
    expect_ok(take(&s, &now));
    ck_assert_uint_ne(stele_list_generation(&now), stele_list_generation(&before));
}
END_TEST

/* Until the quarantine gives the blocks out again. */
START_TEST(a_list_that_is_gone_for_long_is_busy)
{
    struct subject s = subject_make(_i, STELE_U32, STELE_HASH_XXH3);
    uint32_t numbers[5000], id = stores_table(store, "churn");
    struct stele_list list;
    uint64_t got = 77;
    for (uint32_t i = 0; i < 5000; i++)
        numbers[i] = i;
    append(&s, numbers, 5000);
    expect_ok(take(&s, &list));
    remove_first(&s, 4000);
    for (uint64_t n = 0; stele_list_valid(&list); n++) {
        ck_assert_uint_lt(n, 10000000);
        expect_ok(stele_store_put(store, id, &n, 8, numbers, n % 2 ? 6000 : 20));
        expect_ok(stele_store_erase(store, id, &n, 8));
    }
    expect_status(stele_list_read(&list, 0, numbers, 5000, &got), STELE_EBUSY);
    ck_assert_uint_eq(got, 77);
    expect_ok(take(&s, &list));
    expect_ok(stele_list_read(&list, 0, numbers, 5000, &got));
    ck_assert_uint_eq(got, 4999);
}
END_TEST

/* ---- what is no list ------------------------------------------------------------------------ */

START_TEST(other_tables_are_told_apart)
{
    struct subject strings = subject_make(false, STELE_U32, STELE_HASH_XXH3);
    struct stele_words words, as_words;
    struct stele_table bytes;
    struct stele_list list;
    uint64_t got = 0;
    size_t length = 0;
    char value[8];
    static uint8_t key[STELEI_KEY_MAX_BYTES + 1];
    uint32_t element = 3;
    append(&strings, &element, 1);
    typed_table(store, "w", stele_type_of(STELE_U64, STELE_U64));
    stores_table(store, "b");
    expect_ok(stele_words_open(&reader, "w", STELE_U64, STELE_U64, &words));
    expect_ok(stele_table_open(&reader, "b", &bytes));
    as_words.table = strings.table;
    expect_status(stele_words_list_take(&words, 1, &list), STELE_ETYPE);
    expect_status(stele_words_list_take(&as_words, 1, &list), STELE_ETYPE);
    expect_status(stele_list_take(&bytes, "k", 1, &list), STELE_ETYPE);
    expect_status(stele_list_take(&words.table, "k", 1, &list), STELE_ETYPE);
    expect_status(stele_list_get(&bytes, "k", 1, 0, value, 1, &got, NULL), STELE_ETYPE);
    expect_status(stele_words_list_count(&words, 1, &got), STELE_ETYPE);
    expect_status(stele_list_take(&strings.table, key, sizeof key, &list), STELE_ETOOBIG);
    expect_ok(stele_list_take(&strings.table, strings.key, strings.key_bytes, &list));
    /* and a list is no value */
    expect_status(stele_get(&strings.table, strings.key, strings.key_bytes, value, 8, &length),
                  STELE_ETYPE);
    expect_ok(stele_contains(&strings.table, strings.key, strings.key_bytes));
}
END_TEST

START_TEST(clear_and_drop)
{
    struct subject s = subject_make(_i, STELE_U16, STELE_HASH_XXH3);
    struct stele_list list, later;
    uint16_t element = 9;
    append(&s, &element, 1);
    expect_ok(take(&s, &list));
    expect_ok(stele_store_table_clear(store, s.id));
    ck_assert(!stele_list_current(&list));
    expect_status(take(&s, &later), STELE_ENOTFOUND);
    append(&s, &element, 1);
    expect_ok(take(&s, &later));
    ck_assert_uint_ne(stele_list_generation(&list), stele_list_generation(&later));
    expect_ok(stele_store_table_drop(store, s.id));
    expect_status(take(&s, &later), STELE_EDROPPED);
}
END_TEST

/* ---- damage (G) ----------------------------------------------------------------------------- */

static struct stelei_list *record_of(const struct subject *s)
{
    struct stele_store_list list;
    uint32_t bytes;
    const void *key = write_key(s, &bytes);
    expect_ok(stele_store_list_find(store, s->id, key, bytes, &list));
    return (struct stelei_list *)(uintptr_t)list.record; /* the writer's mapping */
}

/* 3000 elements in several chunks. */
static void append_parts(const struct subject *s)
{
    random_bytes(8, wanted, sizeof wanted);
    for (unsigned part = 0; part < 10; part++)
        append(s, wanted + part * 300 * s->bytes, 300);
}

/* A writer that was killed in an append leaves elements and entries that no count covers. */
START_TEST(what_no_count_covers_is_not_looked_at)
{
    struct subject s = subject_make(_i, STELE_U64, STELE_HASH_XXH3);
    struct random random = {4};
    random_bytes(8, wanted, sizeof wanted);
    append(&s, wanted, 300);
    append(&s, wanted + 300 * s.bytes, 300);
    struct stelei_list *record = record_of(&s);
    struct stelei_list_chunk *entry = (struct stelei_list_chunk *)(void *)(record + 1);
    uint64_t i = 0, size = stelei_list_size(record->head);
    while (i < size && entry[i].start < 600)
        i++;
    ck_assert_uint_lt(i, size);
    for (; i < size; i++) {
        entry[i].start = 600 + i % 2; /* not even in order */
        entry[i].ref = UINT32_MAX;
        entry[i].capacity = UINT32_MAX;
    }
    compare(&s, 600, &random);
}
END_TEST

START_TEST(damaged_lists_are_corrupt)
{
    struct subject s = subject_make(_i % 2, STELE_U64, STELE_HASH_XXH3);
    struct stele_list list;
    uint64_t got = 0;
    const void *elements;
    append_parts(&s);
    struct stelei_list *record = record_of(&s);
    struct stelei_list_chunk *entry = (struct stelei_list_chunk *)(void *)(record + 1);
    switch (_i / 2) {
    case 0:
        entry[1].ref = UINT32_MAX; /* beyond what is populated */
        break;
    case 1:
        entry[1].ref = 0;
        break;
    case 2:
        entry[1].capacity = 1; /* a gap */
        break;
    case 3:
        entry[0].start = 7; /* nothing begins at 0 */
        break;
    case 4:
        entry[1].capacity = UINT32_MAX;
        break;
    case 5:
        record->count = UINT64_MAX;
        break;
    default:
        record->head &= ~STELEI_LIST_LONG; /* a small list cannot have so many */
        expect_status(take(&s, &list), STELE_ECORRUPT);
        return;
    }
    expect_status(get(&s, 0, buffer, ELEMENTS, &got, NULL), STELE_ECORRUPT);
    expect_ok(take(&s, &list));
    uint64_t from = 0;
    enum stele_status status;
    while ((status = stele_list_span(&list, from, &elements, &got)) == STELE_OK)
        from += got;
    expect_status(status, STELE_ECORRUPT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("list");
    TCase *tcase = suite_case(suite, "reading");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_length_of_every_kind, 0, 16);
    tcase_add_loop_test(tcase, removals_from_anywhere, 0, 8);
    tcase = suite_case(suite, "changing");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, appends_disturb_nobody, 0, 2);
    tcase_add_loop_test(tcase, what_is_current_and_what_is_valid, 0, 2);
    tcase_add_loop_test(tcase, a_list_that_is_gone_for_long_is_busy, 0, 2);
    tcase_add_test(tcase, other_tables_are_told_apart);
    tcase_add_loop_test(tcase, clear_and_drop, 0, 2);
    tcase = suite_case(suite, "damage");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, what_no_count_covers_is_not_looked_at, 0, 2);
    tcase_add_loop_test(tcase, damaged_lists_are_corrupt, 0, 14);
    return suite_run(suite);
}
