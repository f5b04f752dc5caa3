/*
 * Readers that are threads and share one handle, beside a writer in the same process (promises C,
 * D, E; "shared by threads" of reader.h). They read through the writer's own mapping, so that
 * ThreadSanitizer sees both sides of every access; it judges atomicity only, not fences.
 */
#include <pthread.h>

#include "reading.h"
#include "segment_name.h"
#include "writing.h"

#define THREADS     3u
#define KEYS        400u
#define VALUE_BYTES 2000u

static void *read_thread(void *context)
{
    struct reading mine = *(const struct reading *)context;
    mine.seed = (uint64_t)(uintptr_t)&mine;
    reading_loop(&mine);
    return NULL;
}

/* The address of the writer's mapping: one entry seen from both sides tells the distance. */
static void share_mapping(struct reading *reading, const struct writing *writing)
{
    uint8_t key[KEY_MAX_BYTES];
    uint32_t bytes, key_bytes = key_make(0, key);
    struct stele_view view;
    const void *value;
    memset(&view, 0, sizeof view);
    expect_ok(stele_view_take(&reading->table, key, key_bytes, &view));
    expect_ok(stele_store_find(writing->store, writing->table, key, key_bytes, &value, &bytes));
    uint64_t off = (uint64_t)((const uint8_t *)view.data - reading->reader.map.base);
    stele_reader_detach(&reading->reader);
    reading->reader.map.base = (const uint8_t *)value - off;
    expect_ok(stele_table_open(&reading->reader, "t", &reading->table));
}

static void write_some(struct writing *writing, unsigned n)
{
    unsigned i = random_below(&writing->random, KEYS);
    if (n % 3 == 0)
        writing_erase(writing, i);
    else
        writing_put(writing, i);
}

START_TEST(test_threads_share_a_handle_CDE)
{
    struct writing writing = {.board = board_memory(sizeof(struct board)),
                              .tracks = board_memory(KEYS * sizeof(struct track)),
                              .count = KEYS,
                              .buffer = malloc(VALUE_BYTES),
                              .random = {3}};
    struct reading reading = {.board = writing.board,
                              .tracks = writing.tracks,
                              .count = KEYS,
                              .table_name = "t",
                              .value_bytes = VALUE_BYTES,
                              .scan_every = 500};
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < KEYS; i++) {
        writing.tracks[i].number = i;
        writing.tracks[i].min_bytes = VALUE_MIN_BYTES;
        writing.tracks[i].max_bytes = VALUE_BYTES;
        writing.tracks[i].started = writing.tracks[i].completed = 1;
    }
    writing.store = writing_open(writing.board, segment_name(), UINT64_C(16) << 20);
    ck_assert_ptr_nonnull(writing.store);
    expect_ok(stele_store_table_create(writing.store, "t", NULL, &writing.table));
    writing_put(&writing, 0);
    expect_ok(stele_reader_attach(&reading.reader, segment_name()));
    expect_ok(stele_table_open(&reading.reader, "t", &reading.table));
    share_mapping(&reading, &writing);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_thread, &reading), 0);
    double end = suite_seconds() + 1.5 * suite_scale();
    for (unsigned n = 0; suite_seconds() < end && !board_stopped(writing.board); n++)
        write_some(&writing, n); /* the table grows meanwhile */
    board_store(&writing.board->stop, 1);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    writing_close(&writing);
    board_report(writing.board, "threads");
    board_check(writing.board);
    free(writing.buffer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    segment_name_init("threads");
    tcase_add_test(suite_case(suite, "threads"), test_threads_share_a_handle_CDE);
    return segment_name_fini(suite_run(suite));
}
