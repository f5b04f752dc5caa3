/*
 * Promise C for a reader that stalls anywhere within a lookup
 *   - while the table grows by several doublings, on memory that held the buckets of a larger table
 *     before: what lies beyond the born buckets is then no zeros but an old index, and no hop may
 *     lead there;
 *   - while its record is moved out of a sparse slab, and another size class gets the memory.
 */
#include "script.h"
#include "segment_name.h"
#include "trace.h"

#define SEGMENT (UINT64_C(16) << 20)
#define FEW     20u   /* keys when the lookup begins */
#define MOST    3000u /* more when it ends, at most */
#define STEPS   200u  /* instructions into the lookup */
#define SECONDS 4.0

#define SMALL_SEGMENT (UINT64_C(4) << 20)
#define FILLERS       8000u /* of the sizes of the keys: a slab and a half of each class */
#define LARGE_BYTES   4000u

struct stall {
    struct board *board;
    uint64_t *key;   /* shared: to be looked up next */
    uint64_t *calls; /* shared: lookups that have ended */
    struct stele_store *store;
    uint32_t table;
};

static void put(struct stall *s, uint64_t number)
{
    uint8_t key[KEY_MAX_BYTES], value[VALUE_MIN_BYTES];
    value_make(value, sizeof value, number, 1);
    expect_ok(stele_store_put(s->store, s->table, key, key_make(number, key), value, sizeof value));
}

/* An empty table, in the memory of the last one. */
static void start_over(struct stall *s)
{
    expect_ok(stele_store_table_clear(s->store, s->table));
    while (stele_store_step(s->store, 0))
        ;
}

/* Looks the key up that is wanted, again and again. */
static void look_up(struct stall *s)
{
    struct stele_reader reader;
    struct stele_table table;
    if (!trace_me())
        _exit(2);
    if (stele_reader_attach(&reader, segment_name()) != STELE_OK ||
        stele_table_open(&reader, "t", &table) != STELE_OK)
        _exit(1);
    for (;;) {
        uint8_t key[KEY_MAX_BYTES], value[VALUE_MIN_BYTES];
        size_t bytes = 0;
        uint64_t version, number = *s->key;
        uint32_t key_bytes = key_make(number, key);
        trace_pause();
        enum stele_status status = stele_contains(&table, key, key_bytes);
        if (status == STELE_OK)
            status = stele_get(&table, key, key_bytes, value, sizeof value, &bytes);
        if (status != STELE_OK || !value_check(value, bytes, number, &version))
            board_fail(s->board, "key %llu: %s", (unsigned long long)number,
                       stele_status_name(status));
        board_add(s->board, BOARD_GET, 1);
        board_store(s->calls, *s->calls + 1);
    }
}

/* One lookup, stalled after `steps` instructions while the table grows to `keys` keys. False: the
 * lookup has fewer instructions. */
static bool stall(struct stall *s, pid_t pid, unsigned steps, uint32_t keys)
{
    int state;
    uint64_t calls = *s->calls;
    bool stands = true;
    for (uint64_t i = 0; i < FEW; i++)
        put(s, i);
    for (unsigned n = 0; stands && n < steps && *s->calls == calls; n++)
        stands = trace_step(pid, &state);
    bool within = *s->calls == calls;
    for (uint64_t i = FEW; i < keys; i++)
        put(s, i);
    if (!stands || !trace_run(pid, &state))
        board_fail(s->board, "the reader died");
    return within;
}

/* The FEW keys and next to nothing else in their slabs. */
static void make_sparse(struct stall *s)
{
    uint8_t key[KEY_MAX_BYTES];
    for (uint64_t i = 0; i < FILLERS; i++)
        put(s, i); /* the first FEW among them: they stay */
    for (uint64_t i = FEW; i < FILLERS; i++)
        if (i % 400 != 0) /* each slab keeps a few */
            expect_ok(stele_store_erase(s->store, s->table, key, key_make(i, key)));
}

/* Fills the segment with larger values, so that the slabs of the keys are emptied and reused. */
static void fill_up(struct stall *s)
{
    static uint8_t value[LARGE_BYTES];
    uint8_t key[KEY_MAX_BYTES];
    enum stele_status status = STELE_OK;
    for (uint64_t i = 2 * FILLERS; status == STELE_OK; i++) {
        value_make(value, sizeof value, i, 1);
        status = stele_store_put(s->store, s->table, key, key_make(i, key), value, sizeof value);
    }
    expect_status(status, STELE_ENOSPC);
}

/* One lookup, stalled after `steps` instructions while records are moved. */
static bool stall_moved(struct stall *s, pid_t pid, unsigned steps)
{
    int state;
    uint64_t calls = *s->calls;
    bool stands = true;
    make_sparse(s);
    for (unsigned n = 0; stands && n < steps && *s->calls == calls; n++)
        stands = trace_step(pid, &state);
    bool within = *s->calls == calls;
    fill_up(s);
    if (!stands || !trace_run(pid, &state))
        board_fail(s->board, "the reader died");
    return within;
}

/* A store and a reader's process that stands before its first lookup. 0: ptrace is not permitted. */
static pid_t begin(struct stall *s, uint64_t max_bytes)
{
    struct stele_store_options options = {
        .name = segment_name(), .max_bytes = max_bytes, .small_pages = true, .unlocked = true};
    int state = 0;
    s->board = board_memory(sizeof *s->board);
    s->key = board_memory(sizeof *s->key);
    s->calls = board_memory(sizeof *s->calls);
    segment_name_clean();
    fflush(NULL);
    expect_ok(stele_store_open(&options, &s->store, NULL, 0));
    expect_ok(stele_store_table_create(s->store, "t", NULL, &s->table));
    trace_share_processor();
    pid_t pid = fork();
    if (pid == 0)
        look_up(s);
    if (trace_wait(pid, &state))
        return pid;
    printf("skipped: ptrace is not permitted here\n");
    return 0;
}

START_TEST(test_stalled_while_records_move_C)
{
    struct stall s;
    struct random random = {78};
    struct stele_store_stats stats;
    unsigned rounds = 0, within = 0;
    pid_t pid = begin(&s, SMALL_SEGMENT);
    if (pid == 0)
        return;
    double end = suite_seconds() + SECONDS * suite_scale();
    for (; (suite_seconds() < end || rounds < 20) && !board_stopped(s.board); rounds++) {
        start_over(&s);
        within += stall_moved(&s, pid, random_below(&random, STEPS));
        *s.key = random_below(&random, FEW); /* of the lookup after the next */
    }
    trace_kill(pid);
    stele_store_get_stats(s.store, &stats);
    printf("%u lookups, %u stalled within, %llu passes moved %llu bytes\n", rounds, within,
           (unsigned long long)stats.evacuations, (unsigned long long)stats.moved_bytes);
    board_check(s.board);
    ck_assert_uint_gt(within, 0);
    ck_assert_uint_ge(stats.evacuations, rounds);
    ck_assert_uint_gt(stats.moved_bytes, rounds * UINT64_C(64));
    stele_store_close(s.store);
}
END_TEST

START_TEST(test_stalled_while_the_table_grows_C)
{
    struct stall s;
    struct random random = {77};
    unsigned rounds = 0, within = 0;
    pid_t pid = begin(&s, SEGMENT);
    if (pid == 0)
        return;
    double end = suite_seconds() + SECONDS * suite_scale();
    for (; (suite_seconds() < end || rounds < 100) && !board_stopped(s.board); rounds++) {
        start_over(&s);
        within += stall(&s, pid, random_below(&random, STEPS), FEW + random_below(&random, MOST));
        *s.key = random_below(&random, FEW); /* of the lookup after the next */
    }
    trace_kill(pid);
    printf("%u lookups, %u stalled within\n", rounds, within);
    board_check(s.board);
    ck_assert_uint_gt(within, 0);
    stele_store_close(s.store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stalled_reader");
    segment_name_init("stalled");
    TCase *tcase = suite_case(suite, "stalled_reader");
    tcase_add_test(tcase, test_stalled_while_the_table_grows_C);
    tcase_add_test(tcase, test_stalled_while_records_move_C);
    return segment_name_fini(suite_run(suite));
}
