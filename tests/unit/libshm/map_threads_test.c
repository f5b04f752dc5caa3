/* Several threads on one map: each call is one step for the others. */
#include <stele/map.h>

#include <pthread.h>

#include "stores.h"

#define THREADS 4u
#define KEYS    2000u

static struct stele_map map;

struct worker {
    unsigned number;
    uint64_t wins;  /* keys that this one inserted */
    uint64_t makes; /* values that its function made */
    uint64_t bad;   /* surprises, judged by the test's own thread */
};

static void run(void *(*work)(void *), struct worker workers[THREADS])
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        memset(&workers[i], 0, sizeof workers[i]);
        workers[i].number = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_uint_eq(workers[i].bad, 0);
    stores_verify(map.store);
}

static void open_as(struct stele_type type)
{
    struct stele_map_options options = {
        .store = {.max_bytes = 64 * STORES_MIB, .small_pages = true}, .as = {.type = type}};
    expect_ok(stele_map_open(&options, &map, NULL, 0));
}

static void teardown(void)
{
    stele_map_close(&map);
}

/* ---- disjoint keys ---------------------------------------------------------------------------- */

static void *insert_own(void *context)
{
    struct worker *worker = context;
    struct stores_entry entry;
    uint8_t back[64];
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t n = worker->number * KEYS + i;
        struct stele_map_value out = stele_map_buffer(back, sizeof back);
        stores_entry(n, 16, 16, &entry);
        worker->bad += stele_map_insert(&map, entry.key, entry.key_bytes, &n, 8, &out) != STELE_OK;
        worker->bad += out.present;
        worker->bad += stele_map_get(&map, entry.key, entry.key_bytes, &out) != STELE_OK;
        worker->bad += out.bytes != 8 || memcmp(back, &n, 8) != 0;
    }
    return NULL;
}

START_TEST(all_find_what_they_inserted)
{
    struct worker workers[THREADS];
    open_as(stele_type_of(STELE_BYTES, STELE_BYTES));
    run(insert_own, workers);
    ck_assert_uint_eq(stele_map_len(&map), THREADS * KEYS);
}
END_TEST

/* ---- the same keys ---------------------------------------------------------------------------- */

static enum stele_store_action add_one(void *context, bool there, uint64_t *value)
{
    (void)context;
    *value = there ? *value + 1 : 1;
    return STELE_STORE_PUT;
}

static void *alter_shared(void *context)
{
    struct worker *worker = context;
    for (uint64_t i = 0; i < 10 * KEYS; i++)
        worker->bad += stele_map_word_alter(&map, i % 7, add_one, NULL) != STELE_OK;
    return NULL;
}

START_TEST(no_alteration_is_lost)
{
    struct worker workers[THREADS];
    uint64_t sum = 0, value = 0;
    open_as(stele_type_of(STELE_U64, STELE_U64));
    run(alter_shared, workers);
    for (uint64_t key = 0; key < 7; key++) {
        expect_ok(stele_map_word_get(&map, key, &value));
        sum += value;
    }
    ck_assert_uint_eq(sum, THREADS * 10 * KEYS);
}
END_TEST

struct making {
    struct worker *worker;
    uint64_t value[8];
};

static enum stele_status make_own(void *context, const void **value, uint32_t *value_bytes)
{
    struct making *making = context;
    making->worker->makes++;
    *value = making->value;
    *value_bytes = sizeof making->value;
    return STELE_OK;
}

/* Whoever comes first decides; all see the same whole value. */
static void *make_shared(void *context)
{
    struct worker *worker = context;
    struct making making = {.worker = worker};
    uint64_t back[8], first[8];
    for (uint64_t i = 0; i < KEYS; i++) {
        struct stele_map_value out = stele_map_buffer(back, sizeof back);
        for (unsigned j = 0; j < 8; j++)
            making.value[j] = worker->number + 1000 * i;
        worker->bad +=
            stele_map_get_or_insert_with(&map, &i, 8, make_own, &making, &out) != STELE_OK;
        worker->wins += !out.present;
        worker->bad += back[0] / 1000 != i || memcmp(back, back + 1, 56) != 0;
        memcpy(first, back, sizeof first);
        worker->bad += stele_map_get(&map, &i, 8, &out) != STELE_OK;
        worker->bad += memcmp(first, back, sizeof first) != 0;
    }
    return NULL;
}

START_TEST(what_is_missing_is_made_exactly_once)
{
    struct worker workers[THREADS];
    uint64_t wins = 0, makes = 0;
    open_as(stele_type_of(STELE_U64, STELE_BYTES));
    run(make_shared, workers);
    for (unsigned i = 0; i < THREADS; i++) {
        wins += workers[i].wins;
        makes += workers[i].makes;
    }
    ck_assert_uint_eq(wins, KEYS);
    ck_assert_uint_eq(makes, KEYS);
}
END_TEST

static uint64_t make_number(void *context)
{
    struct worker *worker = context;
    worker->makes++;
    return worker->number;
}

static void *make_words(void *context)
{
    struct worker *worker = context;
    for (uint64_t i = 0; i < 10 * KEYS; i++) {
        uint64_t value = UINT64_MAX, again = 0;
        bool existed = false;
        worker->bad += stele_map_word_get_or_insert_with(&map, i, make_number, worker, &value,
                                                         &existed) != STELE_OK;
        worker->wins += !existed;
        worker->bad += stele_map_word_get(&map, i, &again) != STELE_OK || again != value;
    }
    return NULL;
}

START_TEST(words_are_made_exactly_once)
{
    struct worker workers[THREADS];
    uint64_t wins = 0, makes = 0;
    open_as(stele_type_of(STELE_U64, STELE_U64));
    run(make_words, workers);
    for (unsigned i = 0; i < THREADS; i++) {
        wins += workers[i].wins;
        makes += workers[i].makes;
    }
    ck_assert_uint_eq(wins, 10 * KEYS);
    ck_assert_uint_eq(makes, 10 * KEYS);
}
END_TEST

/* Takes and puts back: a key is taken by one only. */
static void *pass_around(void *context)
{
    struct worker *worker = context;
    struct stele_map_entry entry;
    for (unsigned i = 0; i < 5 * KEYS; i++) {
        uint64_t key = i % 16, token = 0;
        struct stele_map_value out = stele_map_buffer(&token, sizeof token);
        enum stele_status status = stele_map_remove(&map, &key, 8, &out);
        worker->bad += status != STELE_OK && status != STELE_ENOTFOUND;
        if (status != STELE_OK)
            continue;
        worker->wins++;
        worker->bad += out.bytes != 8 || token >> 32 != key;
        token++;
        if (stele_map_entry_of(&map, &key, 8, &entry) != STELE_OK) {
            worker->bad++;
            break;
        }
        worker->bad += stele_map_entry_is_occupied(&entry);
        worker->bad += stele_map_entry_or_insert(&entry, &token, 8, &out) != STELE_OK;
        worker->bad += out.present;
    }
    return NULL;
}

START_TEST(a_value_is_taken_by_one)
{
    struct worker workers[THREADS];
    uint64_t wins = 0, sum = 0, token;
    struct stele_map_value out = stele_map_buffer(&token, sizeof token);
    open_as(stele_type_of(STELE_BYTES, STELE_U64));
    for (uint64_t key = 0; key < 16; key++) {
        token = key << 32;
        expect_ok(stele_map_insert(&map, &key, 8, &token, 8, NULL));
    }
    run(pass_around, workers);
    for (unsigned i = 0; i < THREADS; i++)
        wins += workers[i].wins;
    for (uint64_t key = 0; key < 16; key++) {
        expect_ok(stele_map_get(&map, &key, 8, &out));
        sum += token & UINT32_MAX;
    }
    ck_assert_uint_eq(sum, wins);
    ck_assert_uint_ge(wins, 5 * KEYS);
}
END_TEST

/* ---- walks beside changes ------------------------------------------------------------------------ */

/* All elements of one append, or none: of one instant. */
static enum stele_store_verdict even(void *context, const struct stele_store_entry *entry)
{
    *(uint64_t *)context += entry->list.count % 2;
    return STELE_STORE_NEXT;
}

static bool keep_short(void *context, const struct stele_store_entry *entry)
{
    (void)context;
    return entry->list.count < 200;
}

static void *append_pairs(void *context)
{
    struct worker *worker = context;
    uint64_t back[64], count, removed;
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t key = i % 5, pair[2] = {i, ~i};
        worker->bad += stele_map_list_append(&map, &key, 8, pair, 2, NULL) != STELE_OK;
        if (i % 50 == 0)
            worker->bad += stele_map_each(&map, even, &worker->bad) != STELE_OK;
        if (i % 97 == 0)
            worker->bad += stele_map_retain(&map, keep_short, NULL, &removed) != STELE_OK;
        if (stele_map_list_read(&map, &key, 8, 0, back, 64, &count, NULL) != STELE_OK)
            continue; /* another one's retain */
        worker->bad += count % 2;
        for (uint64_t j = 0; j < count; j += 2)
            worker->bad += back[j] != ~back[j + 1];
    }
    return NULL;
}

START_TEST(walks_and_reads_are_of_one_instant)
{
    struct worker workers[THREADS];
    open_as(stele_type_of(STELE_U64, STELE_LIST + STELE_U64));
    run(append_pairs, workers);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("map_threads");
    TCase *tcase = suite_case(suite, "threads");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, all_find_what_they_inserted);
    tcase_add_test(tcase, no_alteration_is_lost);
    tcase_add_test(tcase, what_is_missing_is_made_exactly_once);
    tcase_add_test(tcase, words_are_made_exactly_once);
    tcase_add_test(tcase, a_value_is_taken_by_one);
    tcase_add_test(tcase, walks_and_reads_are_of_one_instant);
    return suite_run(suite);
}
