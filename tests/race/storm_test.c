/*
 * Split storms: tables that grow from nothing again and again, beside readers in other processes
 * (promises A, C, D, E). What has been inserted must be found, by every call, however its bucket is
 * being split at the time; clear and drop take it away, never earlier and never torn.
 */
#include <stele/stele.h>

#include "segment_name.h"
#include "writing.h"

#define READERS     2u
#define VALUE_BYTES 160u
#define MOST_KEYS   30000u
#define MANY        16u

/* progress: {incarnation of the contents 32, keys that are in 32} */
struct storm {
    struct board board;
    uint64_t progress;
    uint64_t drops_begun, drops_done;
};

struct storm_reader {
    struct storm *storm;
    struct stele_reader reader;
    struct stele_table table;
    struct random random;
    bool open;
    uint64_t drops; /* done when it was opened */
    uint8_t seen[MOST_KEYS];
};

static uint32_t contents_of(uint64_t progress)
{
    return (uint32_t)(progress >> 32);
}

/* ---- readers ------------------------------------------------------------------------------- */

/* Present from before the call to after it: then nothing but STELE_OK (or busy) will do. */
static void judge(struct storm_reader *r, const char *call, uint64_t key, uint64_t progress,
                  enum stele_status status)
{
    struct storm *storm = r->storm;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (status == STELE_EBUSY) {
        board_add(&storm->board, BOARD_BUSY, 1);
        return;
    }
    if (status == STELE_EDROPPED)
        r->open = false;
    bool same = contents_of(board_load(&storm->progress)) == contents_of(progress);
    bool allowed = status == STELE_OK || (!same && status == STELE_ENOTFOUND) ||
                   (status == STELE_EDROPPED && board_load(&storm->drops_begun) != r->drops);
    if (!allowed)
        board_fail(&storm->board, "%s: key %llu of %u: %s", call, (unsigned long long)key,
                   (uint32_t)progress, stele_status_name(status));
}

static void judge_value(struct storm_reader *r, const char *call, uint64_t key, uint64_t progress,
                        const uint8_t *value, size_t bytes)
{
    uint64_t version = 0;
    bool whole = value_check(value, bytes, key, &version);
    bool same = contents_of(board_load(&r->storm->progress)) == contents_of(progress);
    if (!whole || version < contents_of(progress) || (same && version != contents_of(progress)))
        board_fail(&r->storm->board, "%s: key %llu: %s value, contents %llu, expected %u", call,
                   (unsigned long long)key, whole ? "another" : "torn", (unsigned long long)version,
                   contents_of(progress));
}

static void read_one(struct storm_reader *r, uint64_t progress)
{
    uint8_t key[KEY_MAX_BYTES], value[VALUE_BYTES];
    struct stele_view view;
    size_t bytes = 0;
    uint64_t number = random_below(&r->random, (uint32_t)progress);
    uint32_t key_bytes = key_make(number, key);
    enum stele_status status;
    memset(&view, 0, sizeof view);
    switch (random_below(&r->random, 4)) {
    case 0:
        judge(r, "contains", number, progress, stele_contains(&r->table, key, key_bytes));
        board_add(&r->storm->board, BOARD_CONTAINS, 1);
        return;
    case 1:
        status = stele_view_take(&r->table, key, key_bytes, &view);
        judge(r, "view", number, progress, status);
        board_add(&r->storm->board, BOARD_VIEW, 1);
        if (status != STELE_OK || view.bytes > sizeof value)
            return;
        stelei_copy_out(value, view.data, view.bytes);
        if (stele_view_valid(&r->table, &view))
            judge_value(r, "view", number, progress, value, view.bytes);
        else
            board_add(&r->storm->board, BOARD_STALE_VIEW, 1);
        return;
    default:
        status = stele_get(&r->table, key, key_bytes, value, sizeof value, &bytes);
        judge(r, "get", number, progress, status);
        if (status == STELE_OK)
            judge_value(r, "get", number, progress, value, bytes);
        board_add(&r->storm->board, BOARD_GET, 1);
    }
}

static void read_many(struct storm_reader *r, uint64_t progress)
{
    struct stele_lookup lookups[MANY];
    uint8_t keys[MANY][KEY_MAX_BYTES], values[MANY][VALUE_BYTES];
    uint64_t numbers[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        numbers[i] = random_below(&r->random, (uint32_t)progress);
        lookups[i].key = keys[i];
        lookups[i].key_bytes = key_make(numbers[i], keys[i]);
        lookups[i].buffer = values[i];
        lookups[i].capacity = sizeof values[i];
    }
    stele_get_many(&r->table, lookups, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        judge(r, "get_many", numbers[i], progress, lookups[i].status);
        if (lookups[i].status == STELE_OK)
            judge_value(r, "get_many", numbers[i], progress, values[i], lookups[i].value_bytes);
    }
    board_add(&r->storm->board, BOARD_MANY, MANY);
}

/* Every key that was in at the start, unless the contents changed meanwhile. */
static void read_scan(struct storm_reader *r, uint64_t progress)
{
    struct stele_scan scan;
    uint8_t key[KEY_MAX_BYTES], value[VALUE_BYTES];
    size_t key_bytes = 0, bytes = 0;
    uint64_t number = 0, version = 0;
    enum stele_status status;
    memset(r->seen, 0, sizeof r->seen);
    stele_scan_begin(&scan, &r->table);
    while ((status = stele_scan_next(&scan, key, sizeof key, &key_bytes, value, sizeof value,
                                     &bytes)) == STELE_OK ||
           status == STELE_EBUSY) {
        if (board_stopped(&r->storm->board))
            return;
        if (status == STELE_EBUSY) {
            board_add(&r->storm->board, BOARD_BUSY, 1);
            continue;
        }
        memcpy(&number, key, 8);
        if (number >= MOST_KEYS || !value_check(value, bytes, number, &version))
            board_fail(&r->storm->board, "scan: a torn entry");
        else
            r->seen[number] = 1;
        board_add(&r->storm->board, BOARD_SCAN, 1);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (status == STELE_EDROPPED && board_load(&r->storm->drops_begun) != r->drops)
        r->open = false;
    if (!r->open || contents_of(board_load(&r->storm->progress)) != contents_of(progress))
        return;
    if (status != STELE_EEND)
        board_fail(&r->storm->board, "scan: %s", stele_status_name(status));
    for (uint32_t i = 0; i < (uint32_t)progress; i++)
        if (!r->seen[i])
            board_fail(&r->storm->board, "scan: key %u of %u is missing", i, (uint32_t)progress);
}

static void open_table(struct storm_reader *r, uint64_t progress)
{
    r->drops = board_load(&r->storm->drops_done);
    enum stele_status status = stele_table_open(&r->reader, "storm", &r->table);
    r->open = status == STELE_OK;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!r->open && (uint32_t)progress != 0 &&
        contents_of(board_load(&r->storm->progress)) == contents_of(progress))
        board_fail(&r->storm->board, "table_open: %s", stele_status_name(status));
}

static void read_all(struct storm *storm)
{
    struct storm_reader *r = calloc(1, sizeof *r);
    r->storm = storm;
    r->random.state = (uint64_t)getpid();
    while (!board_load(&storm->board.ready) && !board_stopped(&storm->board))
        usleep(200);
    if (stele_reader_attach(&r->reader, segment_name()) != STELE_OK)
        board_fail(&storm->board, "attach");
    for (unsigned n = 1; !board_stopped(&storm->board); n++) {
        uint64_t progress = board_load(&storm->progress);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!r->open)
            open_table(r, progress);
        else if ((uint32_t)progress == 0)
            continue;
        else if (n % 4000 == 0)
            read_scan(r, progress);
        else if (n % 5 == 0)
            read_many(r, progress);
        else
            read_one(r, progress);
    }
}

/* ---- the writer ---------------------------------------------------------------------------- */

static void grow(struct storm *storm, struct stele_store *store, uint32_t table, uint32_t keys)
{
    uint8_t key[KEY_MAX_BYTES], value[VALUE_BYTES];
    uint64_t contents = contents_of(storm->progress);
    for (uint32_t i = 0; i < keys && !board_stopped(&storm->board); i++) {
        uint32_t bytes = VALUE_MIN_BYTES + (uint32_t)(random_mix(i ^ contents << 32) % 136);
        value_make(value, bytes, i, contents);
        enum stele_status status =
            stele_store_put(store, table, key, key_make(i, key), value, bytes);
        if (status != STELE_OK)
            board_fail(&storm->board, "put %u: %s", i, stele_status_name(status));
        board_store(&storm->progress, contents << 32 | (i + 1));
        storm->board.count[BOARD_WRITE]++;
        if (i % 64 == 0)
            stele_store_step(store, 256); /* what clear and drop left */
    }
}

/* The next contents begin: nothing of the old is promised from here on. */
static void announce(struct storm *storm)
{
    board_store(&storm->progress, (uint64_t)(contents_of(storm->progress) + 1) << 32);
}

static void storm_once(struct storm *storm, struct stele_store *store, uint32_t *table,
                       struct random *random)
{
    grow(storm, store, *table,
         1 + random_below(random, random_below(random, 4) ? 3000 : MOST_KEYS));
    announce(storm);
    enum stele_status status;
    if (random_below(random, 2)) {
        status = stele_store_table_clear(store, *table);
    } else {
        board_store(&storm->drops_begun, storm->drops_begun + 1);
        status = stele_store_table_drop(store, *table);
        board_store(&storm->drops_done, storm->drops_begun);
        if (status == STELE_OK)
            status = stele_store_table_create(store, "storm", NULL, table);
    }
    if (status != STELE_OK)
        board_fail(&storm->board, "clear or drop: %s", stele_status_name(status));
}

START_TEST(test_tables_growing_again_and_again_ACDE)
{
    struct storm *storm = board_memory(sizeof *storm);
    struct random random = {1};
    struct writing writing = {.board = &storm->board};
    pid_t readers[READERS];
    unsigned storms = 0;
    for (unsigned i = 0; i < READERS; i++) {
        fflush(NULL);
        readers[i] = fork();
        if (readers[i] == 0) {
            read_all(storm);
            _exit(0);
        }
    }
    writing.store = writing_open(&storm->board, segment_name(), UINT64_C(64) << 20);
    ck_assert_ptr_nonnull(writing.store);
    expect_ok(stele_store_table_create(writing.store, "storm", NULL, &writing.table));
    announce(storm);
    board_store(&storm->board.ready, 1);
    double end = suite_seconds() + 3 * suite_scale();
    for (; suite_seconds() < end && !board_stopped(&storm->board); storms++)
        storm_once(storm, writing.store, &writing.table, &random);
    board_store(&storm->board.stop, 1);
    writing_close(&writing);
    for (unsigned i = 0; i < READERS; i++)
        board_join(&storm->board, readers[i], "reader");
    printf("%u tables grown\n", storms);
    board_report(&storm->board, "storm");
    board_check(&storm->board);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storm");
    segment_name_init("storm");
    tcase_add_test(suite_case(suite, "storm"), test_tables_growing_again_and_again_ACDE);
    return segment_name_fini(suite_run(suite));
}
