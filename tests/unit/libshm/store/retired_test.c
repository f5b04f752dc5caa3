/*
 * What a change retires is in proportion to what it changes (promise E): the quarantine is as long as its
 * bytes, and readers of large values and lists live on it. Each operation of each kind of table has a
 * bound here, a step of it on the average of some hundred.
 */
#include "facade.h"

#include "stores.h"

#define CHUNK (UINT64_C(256) << 10)

static const uint64_t the_key = 7;

static struct stele_store *store;
static uint32_t table;

/* Nothing leaves the quarantine, so that it tells what went in. */
static void open_table(const char *type)
{
    store = stores_open(NULL, 4096 * STORES_MIB);
    store->arena.quarantine_keep = UINT64_MAX;
    table = stores_typed(store, "t", type, 0);
}

static void close_table(void)
{
    stores_verify(store);
    stele_store_close(store);
}

static uint64_t retired_bytes(void)
{
    struct stele_store_stats stats;
    stele_store_get_stats(store, &stats);
    return stats.quarantine_bytes;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static uint64_t list_count(void)
{
    struct stele_store_list list;
    expect_ok(stele_store_list_find(store, table, &the_key, sizeof the_key, &list));
    return list.count;
}

static void push(uint64_t element)
{
    expect_ok(stele_store_list_append(store, table, &the_key, sizeof the_key, &element, 1, NULL));
}
static void pop(void)
{
    uint64_t element;
    expect_ok(stele_store_list_pop(store, table, &the_key, sizeof the_key, &element));
}
static void take(uint64_t element)
{
    expect_ok(stele_store_list_remove(store, table, &the_key, sizeof the_key, element));
}
static void swap(uint64_t old, uint64_t element)
{
    expect_ok(stele_store_list_replace(store, table, &the_key, sizeof the_key, old, element));
}

static void step_push(unsigned n)
{
    push(n);
}
static void step_pop(unsigned n)
{
    (void)n;
    pop();
}
static void step_pop_push(unsigned n)
{
    pop();
    push(n % 200);
}
static void step_pop_push_3(unsigned n)
{
    for (unsigned i = 0; i < 3; i++)
        pop();
    for (unsigned i = 0; i < 3; i++)
        push(n % 200);
}
static void step_push_pop_100(unsigned n)
{
    for (unsigned i = 0; i < 100; i++)
        push(n % 200);
    for (unsigned i = 0; i < 100; i++)
        pop();
}
/* Up two and down one: chunks that were closed half full must not pile up. */
static void step_up_and_down(unsigned n)
{
    push(n % 200);
    push(n % 200);
    pop();
}
/* The element 201 stands last, and only there. */
static void step_replace_last(unsigned n)
{
    if (n == 0)
        push(201);
    swap(201, 201);
}
/* Elements 202 and 203 stand first: see make_list(). */
static void step_replace_first(unsigned n)
{
    swap(n ? n % 200 : 202, (n + 1) % 200);
}
static void step_remove_first(unsigned n)
{
    (void)n;
    if (n == 0)
        take(202);
    else
        take((n - 1) % 200);
}

static void step_remove_inside(unsigned n)
{
    take(100 + n % 100);
}
/* Makes a list of four elements anew. */
static void step_erase(unsigned n)
{
    expect_ok(stele_store_erase(store, table, &the_key, sizeof the_key));
    for (unsigned i = 0; i < 4; i++)
        push(n % 200);
}

static const struct list_step {
    const char *name;
    void (*step)(unsigned n);
    unsigned elements; /* that a step moves */
    bool inside;       /* an element goes out of the middle: one chunk is copied */
} list_steps[] = {
    {"push", step_push, 1, false},
    {"pop", step_pop, 1, false},
    {"pop, push", step_pop_push, 2, false},
    {"pop 3, push 3", step_pop_push_3, 6, false},
    {"push 100, pop 100", step_push_pop_100, 200, false},
    {"push 2, pop 1", step_up_and_down, 3, false},
    {"replace the last", step_replace_last, 1, false},
    {"replace the first", step_replace_first, 1, true},
    {"remove the first", step_remove_first, 1, true},
    {"remove inside", step_remove_inside, 1, true},
    {"erase, push 4", step_erase, 4, true}, /* the first one retires the whole list */
};

static const char *const list_types[] = {"u64->list:u8", "u64->list:u32", "bytes->list:u64"};
static const uint64_t list_lengths[] = {1000, 1 << 17, 1 << 22}; /* elements */

#define LIST_STEPS   (sizeof list_steps / sizeof list_steps[0])
#define LIST_LENGTHS (sizeof list_lengths / sizeof list_lengths[0])
#define LIST_TYPES   (sizeof list_types / sizeof list_types[0])

/* 202, then 0, 1, .. 199, 0, 1, ... */
static void make_list(uint64_t count)
{
    uint64_t first = 202;
    push(first);
    for (uint64_t n = 0; n < count; n += 200) {
        uint8_t part[200 * 8];
        unsigned width = 1u << catalog_table(&store->catalog, table)->element_shift;
        memset(part, 0, sizeof part);
        for (unsigned i = 0; i < 200; i++)
            part[i * width] = (uint8_t)i;
        expect_ok(stele_store_list_append(store, table, &the_key, sizeof the_key, part, 200, NULL));
    }
}

/* A new record with an entry for each chunk, twice as many at most; little beside what is moved. */
static uint64_t list_bound(const struct list_step *step, uint64_t bytes)
{
    uint64_t chunk = bytes / 4 + 1024 < CHUNK + CHUNK / 8 ? bytes / 4 + 1024 : CHUNK + CHUNK / 8;
    uint64_t record = 16 + 24 * 2 * (40 + bytes / (CHUNK / 2));
    return step->elements * (record + 64) + 1024 + (step->inside ? chunk + chunk / 4 : 0);
}

START_TEST(of_lists)
{
    const struct list_step *step = &list_steps[(unsigned)_i % LIST_STEPS];
    uint64_t length = list_lengths[(unsigned)_i / LIST_STEPS % LIST_LENGTHS];
    const char *type = list_types[(unsigned)_i / LIST_STEPS / LIST_LENGTHS];
    unsigned steps = 400;
    open_table(type);
    make_list(length);
    uint64_t bytes = length << catalog_table(&store->catalog, table)->element_shift;
    uint64_t before = retired_bytes();
    for (unsigned n = 0; n < steps; n++)
        step->step(n);
    uint64_t each = (retired_bytes() - before) / steps, bound = list_bound(step, bytes);
    ck_assert_msg(each <= bound, "%s, %llu elements, %s: %llu bytes a step, bound %llu", type,
                  (unsigned long long)length, step->name, (unsigned long long)each,
                  (unsigned long long)bound);
    ck_assert_uint_gt(list_count(), 0);
    close_table();
}
END_TEST

static uint32_t chunk_count(void)
{
    struct stele_store_list list;
    expect_ok(stele_store_list_find(store, table, &the_key, sizeof the_key, &list));
    return list_chunks(list.record, list.count);
}

/* Up and down where a chunk ends, which was full and never closed. */
START_TEST(at_the_end_of_a_chunk)
{
    open_table(list_types[_i]);
    make_list(1 << 21);
    for (uint32_t chunks = chunk_count(); chunk_count() == chunks;)
        push(1);
    uint64_t before = retired_bytes();
    for (unsigned n = 0; n < 100; n++)
        step_pop_push(n);
    ck_assert_uint_lt((retired_bytes() - before) / 100, 16 << 10);
    close_table();
}
END_TEST

/* However long it goes up and down, a list takes what its elements take. */
START_TEST(a_list_that_goes_up_and_down_stays_compact)
{
    struct stele_store_stats stats;
    open_table("u64->list:u32");
    store->arena.quarantine_keep = 1;
    push(0);
    for (unsigned n = 0; n < 200000; n++)
        step_up_and_down(n);
    stele_store_get_stats(store, &stats);
    ck_assert_uint_lt(stats.used_bytes, 4 * 200000 * 3 / 2 + 65536);
    for (unsigned n = 0; n < 150000; n++) {
        pop();
        if (n % 3 == 0)
            push(n);
    }
    stele_store_get_stats(store, &stats);
    ck_assert_uint_lt(stats.used_bytes, 4 * 100000 * 2 + 65536);
    close_table();
}
END_TEST

/* ---- single values --------------------------------------------------------------------------- */

static uint8_t value[8192];

static void put_bytes(uint32_t bytes)
{
    expect_ok(stele_store_put(store, table, &the_key, sizeof the_key, value, bytes));
}
static void put_same(unsigned n)
{
    value[0] = (uint8_t)n;
    put_bytes(1000);
}
static void put_growing(unsigned n)
{
    put_bytes(8 + 8 * n);
}
static void put_shrinking(unsigned n)
{
    put_bytes(3208 - 8 * n);
}
static void put_word(unsigned n)
{
    uint64_t word = n;
    expect_ok(stele_store_put(store, table, &the_key, sizeof the_key, &word, sizeof word));
}
static void put_struct(unsigned n)
{
    value[0] = (uint8_t)n;
    put_bytes(24);
}
static void put_and_erase(unsigned n)
{
    put_same(n);
    expect_ok(stele_store_erase(store, table, &the_key, sizeof the_key));
}

static enum stele_store_action one_more(void *context, bool there, uint64_t *word)
{
    (void)context;
    *word = there ? *word + 1 : 1;
    return STELE_STORE_PUT;
}
static void update_word(unsigned n)
{
    (void)n;
    expect_ok(stele_store_word_update(store, table, the_key, one_more, NULL));
}
static void erase_word(unsigned n)
{
    put_word(n);
    expect_ok(stele_store_word_erase(store, table, the_key, NULL));
}
static void clear(unsigned n)
{
    put_same(n);
    expect_ok(stele_store_table_clear(store, table));
    stores_settle(store);
}

static const struct {
    const char *type;
    void (*step)(unsigned n);
    uint64_t changed; /* bytes of key and value that are replaced, on the average */
} value_steps[] = {
    {"bytes->bytes", put_same, 1008},
    {"bytes->bytes", put_growing, 1608},
    {"bytes->bytes", put_shrinking, 1616},
    {"bytes->bytes", put_and_erase, 1008},
    {"u64->bytes", put_same, 1000},
    {"u64->bytes", put_and_erase, 1000},
    {"u64->u64", put_word, 0},
    {"bytes->u64", put_word, 16},
    {"u64->u64", update_word, 0},
    {"u64->u64", erase_word, 0},
    {"bytes->bytes", clear, 1008 + 4096}, /* and an index of two buckets */
    {"u64->struct:24", put_struct, 24},
    {"bytes->struct:24", put_struct, 32},
};

/* A record: its bytes, one word of its own, and the rounding to a class; nothing where a word stands. */
START_TEST(of_single_values)
{
    unsigned steps = 400;
    open_table(value_steps[_i].type);
    uint64_t before = retired_bytes(), changed = value_steps[_i].changed;
    for (unsigned n = 0; n < steps; n++)
        value_steps[_i].step(n);
    uint64_t each = (retired_bytes() - before) / steps;
    uint64_t bound = changed ? (changed + 8) * 9 / 8 + 8 : 0;
    ck_assert_msg(each <= bound, "%s: %llu bytes a step, bound %llu", value_steps[_i].type,
                  (unsigned long long)each, (unsigned long long)bound);
    close_table();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("retired");
    TCase *tcase = suite_case(suite, "retired");
    tcase_add_loop_test(tcase, of_lists, 0, LIST_STEPS * LIST_LENGTHS * LIST_TYPES);
    tcase_add_loop_test(tcase, at_the_end_of_a_chunk, 0, LIST_TYPES);
    tcase_add_test(tcase, a_list_that_goes_up_and_down_stays_compact);
    tcase_add_loop_test(tcase, of_single_values, 0, sizeof value_steps / sizeof value_steps[0]);
    return suite_run(suite);
}
