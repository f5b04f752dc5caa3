/* Scans of tables of every type, by prefix, of keys only, and taken up again. */
#include <stele/scan.h>

#include "typed.h"

#define NUMBERS 20000u

static struct stele_store *store;
static struct stele_reader reader;
static uint16_t seen[NUMBERS];

static void setup(void)
{
    store = typed_open(128 * STORES_MIB);
    typed_attach(&reader, store);
    memset(seen, 0, sizeof seen);
}

static void teardown(void)
{
    stele_reader_detach(&reader);
    stele_store_close(store);
}

static const uint8_t hashes[] = {STELE_HASH_XXH3, STELE_HASH_XXH64, STELE_HASH_IDENTITY,
                                 TYPED_HASH_SUM, TYPED_HASH_CONSTANT};

/* Keys and values that a number determines, in a table of any type. */
struct subject {
    struct stele_type type;
    struct stele_table table;
    uint32_t id;
    uint32_t count; /* numbers put */
};

static struct subject subject_make(struct stele_type type)
{
    struct subject s;
    memset(&s, 0, sizeof s);
    s.type = type;
    s.id = typed_table(store, "t", type);
    expect_ok(stele_table_open_any(&reader, "t", &s.table));
    return s;
}

/* Byte keys: a letter, the number, and then filler; so that many share a prefix. */
static size_t key_make(const struct subject *s, uint32_t number, uint8_t *key)
{
    uint64_t word = s->type.key_kind == STELE_U64 ? random_mix(number) : number;
    if (s->type.key_kind != STELE_BYTES) {
        memcpy(key, &word, 8);
        return stele_kind_bytes(s->type.key_kind);
    }
    size_t bytes = number % 97 == 0 ? 300 : 5 + number % 40;
    random_bytes(number, key, bytes);
    key[0] = (uint8_t)('a' + number % 7);
    memcpy(key + 1, &number, 4);
    return bytes;
}

static size_t value_make(const struct subject *s, uint32_t number, uint8_t *value)
{
    unsigned kind = s->type.value_kind;
    size_t bytes = kind == STELE_STRUCT ? s->type.value_bytes : stele_kind_bytes(kind);
    if (kind == STELE_BYTES)
        bytes = number % 50;
    if (kind >= STELE_LIST)
        bytes = (1 + number % 30) * stele_type_element_bytes(&s->type);
    random_bytes(number, value, bytes);
    return bytes;
}

static void put(struct subject *s, uint32_t number)
{
    uint8_t key[300], value[300];
    uint32_t key_bytes = (uint32_t)key_make(s, number, key);
    uint32_t bytes = (uint32_t)value_make(s, number, value);
    if (s->type.value_kind >= STELE_LIST)
        expect_ok(stele_store_list_append(store, s->id, key, key_bytes, value,
                                          bytes / stele_type_element_bytes(&s->type), NULL));
    else
        expect_ok(stele_store_put(store, s->id, key, key_bytes, value, bytes));
    s->count++;
}

/* The number of a key, which must be one that was put. */
static uint32_t number_of(const struct subject *s, const uint8_t *key, size_t key_bytes)
{
    uint8_t made[300];
    uint32_t number = 0;
    if (s->type.key_kind == STELE_BYTES)
        memcpy(&number, key + 1, 4);
    else if (s->type.key_kind != STELE_U64)
        memcpy(&number, key, key_bytes);
    else
        while (number < s->count && (key_make(s, number, made), memcmp(made, key, 8) != 0))
            number++;
    expect(number < s->count && key_make(s, number, made) == key_bytes &&
           memcmp(made, key, key_bytes) == 0);
    return number;
}

/* The next entry, checked. */
static enum stele_status step(const struct subject *s, struct stele_scan *scan)
{
    uint8_t key[300], value[300], wanted[300];
    size_t key_bytes = 0, value_bytes = 0;
    enum stele_status status =
        stele_scan_next(scan, key, sizeof key, &key_bytes, value, sizeof value, &value_bytes);
    if (status != STELE_OK)
        return status;
    uint32_t number = number_of(s, key, key_bytes);
    expect(value_make(s, number, wanted) == value_bytes);
    expect(memcmp(value, wanted, value_bytes) == 0);
    seen[number]++;
    return STELE_OK;
}

static void expect_all_once(const struct subject *s)
{
    for (uint32_t n = 0; n < NUMBERS; n++)
        expect(seen[n] == (n < s->count));
}

/* Fewer where every lookup walks one chain, or where finding a key's number takes long. */
static uint32_t numbers_for(const struct stele_type *type)
{
    return type->hash_id == TYPED_HASH_CONSTANT ? 200
           : type->key_kind == STELE_U64        ? 1000
           : type->key_kind == STELE_U16        ? 9000
                                                : NUMBERS;
}

static const struct {
    uint8_t key, value;
} kinds[] = {{STELE_BYTES, STELE_BYTES},
             {STELE_BYTES, STELE_U32},
             {STELE_BYTES, STELE_STRUCT},
             {STELE_BYTES, STELE_LIST + STELE_U16},
             {STELE_U64, STELE_U64},
             {STELE_U32, STELE_U8},
             {STELE_U16, STELE_F64},
             {STELE_U32, STELE_BYTES},
             {STELE_U64, STELE_STRUCT},
             {STELE_U32, STELE_LIST + STELE_U64},
             {STELE_U16, STELE_LIST + STELE_U8}};
#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))

/* False: there is no such type. */
static bool type_numbered(int i, struct stele_type *type)
{
    *type = typed_hashed(kinds[i % KINDS].key, kinds[i % KINDS].value, hashes[i / KINDS]);
    if (type->value_kind == STELE_STRUCT)
        type->value_bytes = 20;
    return stele_type_valid(type);
}

START_TEST(every_type_is_returned_exactly_once)
{
    struct stele_type type;
    struct stele_scan scan;
    if (!type_numbered(_i, &type))
        return; /* the identity of byte strings */
    struct subject s = subject_make(type);
    stele_scan_begin(&scan, &s.table);
    expect_status(step(&s, &scan), STELE_EEND);
    for (uint32_t n = 0; n < numbers_for(&type); n++)
        put(&s, n);
    stele_scan_begin(&scan, &s.table);
    while (step(&s, &scan) == STELE_OK)
        ;
    expect_status(step(&s, &scan), STELE_EEND);
    expect_all_once(&s);
}
END_TEST

/* A scan of its own for each entry, each from the cursor that the one before left; meanwhile the table
 * changes, so that no bucket is read from what was collected before. */
START_TEST(a_cursor_is_all_that_is_needed)
{
    struct stele_type type;
    struct stele_scan_cursor cursor = {0};
    if (!type_numbered(_i, &type))
        return;
    struct subject s = subject_make(type);
    uint32_t count = numbers_for(&type) < 500 ? numbers_for(&type) : 500;
    for (uint32_t n = 0; n < count; n++)
        put(&s, n);
    for (;;) {
        struct stele_scan scan;
        stele_scan_begin(&scan, &s.table);
        expect_ok(stele_scan_resume(&scan, &cursor));
        enum stele_status status = step(&s, &scan);
        if (status == STELE_EEND)
            break;
        expect_ok(status);
        stele_scan_save(&scan, &cursor);
    }
    expect_all_once(&s);
    expect_ok(stele_store_table_clear(store, s.id));
    put(&s, 0);
    struct stele_scan scan;
    stele_scan_begin(&scan, &s.table);
    expect_ok(stele_scan_resume(&scan, &cursor));
    expect_status(step(&s, &scan), STELE_EEND);
}
END_TEST

START_TEST(stable_keys_are_never_missed)
{
    struct stele_type type;
    struct stele_scan scan;
    if (!type_numbered(_i, &type))
        return;
    struct subject s = subject_make(type);
    uint32_t stable = numbers_for(&type) / 8, next = stable;
    for (uint32_t n = 0; n < stable; n++)
        put(&s, n);
    stele_scan_begin(&scan, &s.table);
    while (step(&s, &scan) == STELE_OK)
        for (unsigned i = 0; i < 6 && next < numbers_for(&type); i++)
            put(&s, next++); /* buckets split ahead of the scan and behind it */
    for (uint32_t n = 0; n < stable; n++)
        expect(seen[n] >= 1);
}
END_TEST

START_TEST(keys_only)
{
    struct stele_type type;
    struct stele_scan scan;
    uint8_t key[300];
    size_t key_bytes = 0;
    enum stele_status status;
    if (!type_numbered(_i, &type))
        return;
    struct subject s = subject_make(type);
    for (uint32_t n = 0; n < 300 && n < numbers_for(&type); n++)
        put(&s, n);
    stele_scan_begin(&scan, &s.table);
    while ((status = stele_scan_next_key(&scan, key, sizeof key, &key_bytes)) == STELE_OK)
        seen[number_of(&s, key, key_bytes)]++;
    expect_status(status, STELE_EEND);
    expect_all_once(&s);
    stele_scan_begin(&scan, &s.table);
    expect_status(stele_scan_next_key(&scan, NULL, 0, &key_bytes), STELE_ESHORT);
    expect(key_bytes > 0 && key_bytes <= sizeof key);
    stele_scan_skip(&scan);
    uint32_t left = 0;
    while (stele_scan_next_key(&scan, key, sizeof key, &key_bytes) == STELE_OK)
        left++;
    ck_assert_uint_eq(left, s.count - 1);
}
END_TEST

START_TEST(by_prefix)
{
    struct subject s = subject_make(typed_hashed(STELE_BYTES, STELE_BYTES, hashes[_i ? 3 : 0]));
    struct stele_scan scan;
    uint8_t prefix[300];
    for (uint32_t n = 0; n < 3000; n++)
        put(&s, n);
    size_t whole = key_make(&s, 97, prefix); /* 300 bytes */
    for (size_t bytes = 0; bytes <= whole; bytes++) {
        uint32_t expected = 0, got = 0;
        for (uint32_t n = 0; n < 3000; n++) {
            uint8_t key[300];
            expected += key_make(&s, n, key) >= bytes && memcmp(key, prefix, bytes) == 0;
        }
        expect_ok(stele_scan_begin_prefix(&scan, &s.table, prefix, bytes));
        while (step(&s, &scan) == STELE_OK)
            got++;
        expect(got == expected && got >= 1);
        bytes += bytes >= 20 ? 35 : 0;
    }
    expect_status(stele_scan_begin_prefix(&scan, &s.table, prefix, STELEI_KEY_MAX_BYTES + 1),
                  STELE_ETOOBIG);
    expect_ok(stele_scan_begin_prefix(&scan, &s.table, "nothing", 7));
    expect_status(step(&s, &scan), STELE_EEND);
}
END_TEST

START_TEST(words_and_lists_by_themselves)
{
    struct stele_scan scan;
    struct stele_list list;
    uint64_t key = 0, value = 0, got = 0;
    size_t key_bytes = 0;
    uint8_t elements[300], wanted[300];
    struct subject s = subject_make(stele_type_of(STELE_U32, STELE_U64));
    for (uint32_t n = 0; n < 1000; n++)
        put(&s, n);
    stele_scan_begin(&scan, &s.table);
    expect_status(stele_scan_next_list(&scan, &key, 8, &key_bytes, &list), STELE_ETYPE);
    while (stele_scan_next_word(&scan, &key, &value) == STELE_OK) {
        expect(key < 1000 && value_make(&s, (uint32_t)key, wanted) == 8);
        expect(memcmp(&value, wanted, 8) == 0);
        seen[key]++;
    }
    expect_all_once(&s);
    expect_status(stele_scan_begin_prefix(&scan, &s.table, "x", 1), STELE_ETYPE);
    expect_ok(stele_store_table_drop(store, s.id));
    memset(seen, 0, sizeof seen);
    s = subject_make(stele_type_of(STELE_U32, STELE_LIST + STELE_U16));
    for (uint32_t n = 0; n < 1000; n++)
        put(&s, n);
    stele_scan_begin(&scan, &s.table);
    expect_status(stele_scan_next_word(&scan, &key, &value), STELE_ETYPE);
    expect_status(stele_scan_next_list(&scan, &key, 3, &key_bytes, &list), STELE_ESHORT);
    ck_assert_uint_eq(key_bytes, 4);
    key = 0;
    while (stele_scan_next_list(&scan, &key, 8, &key_bytes, &list) == STELE_OK) {
        expect(key < 1000 && stele_list_current(&list));
        expect_ok(stele_list_read(&list, 0, elements, 150, &got));
        expect(value_make(&s, (uint32_t)key, wanted) == got * 2);
        expect(memcmp(elements, wanted, got * 2) == 0);
        seen[key]++;
    }
    expect_all_once(&s);
}
END_TEST

/* A list is as it is when it is returned, not as it was when its bucket was collected. */
START_TEST(lists_are_those_of_now)
{
    struct subject s =
        subject_make(stele_type_of(_i ? STELE_U32 : STELE_BYTES, STELE_LIST + STELE_U32));
    struct stele_scan scan;
    uint32_t elements[64], element = 9;
    uint8_t key[8];
    size_t key_bytes = 0, bytes = 0;
    for (uint32_t k = 0; k < 2; k++)
        expect_ok(stele_store_list_append(store, s.id, &k, 4, &element, 1, NULL));
    for (unsigned round = 0; round < 40; round++) {
        unsigned returned = 0;
        stele_scan_begin(&scan, &s.table);
        while (stele_scan_next(&scan, key, 8, &key_bytes, elements, sizeof elements, &bytes) ==
               STELE_OK) {
            expect(bytes == 4 * (1 + round));
            returned++;
        }
        expect(returned == 2);
        for (uint32_t k = 0; k < 2; k++)
            expect_ok(stele_store_list_append(store, s.id, &k, 4, &element, 1, NULL));
    }
    stele_scan_begin(&scan, &s.table);
    expect_status(stele_scan_next(&scan, key, 8, &key_bytes, elements, 40 * 4, &bytes),
                  STELE_ESHORT);
    ck_assert_uint_eq(bytes, 41 * 4);
    uint32_t first;
    expect_ok(stele_scan_next(&scan, key, 8, &key_bytes, elements, sizeof elements, &bytes));
    memcpy(&first, key, 4);
    uint32_t other = 1 - first; /* its bucket may have been collected already */
    expect_ok(stele_store_list_remove(store, s.id, &other, 4, element));
    expect_ok(stele_scan_next(&scan, key, 8, &key_bytes, elements, sizeof elements, &bytes));
    ck_assert_uint_eq(bytes, 40 * 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scan_typed");
    int all = KINDS * (int)(sizeof hashes / sizeof hashes[0]);
    TCase *tcase = suite_case(suite, "types");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_type_is_returned_exactly_once, 0, all);
    tcase_add_loop_test(tcase, a_cursor_is_all_that_is_needed, 0, all);
    tcase_add_loop_test(tcase, stable_keys_are_never_missed, 0, all);
    tcase_add_loop_test(tcase, keys_only, 0, all);
    tcase = suite_case(suite, "ways");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, by_prefix, 0, 2);
    tcase_add_test(tcase, words_and_lists_by_themselves);
    tcase_add_loop_test(tcase, lists_are_those_of_now, 0, 2);
    return suite_run(suite);
}
