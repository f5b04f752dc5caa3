/*
 * Readers of tables of every form that are threads and share one handle, beside a writer in the same
 * process (promises C, D, E; "shared by threads" of reader.h). They read through the writer's own
 * mapping, so that ThreadSanitizer sees both sides of every access; it judges atomicity only, not
 * fences.
 */
#include <pthread.h>

#include "looking.h"
#include "segment_name.h"

#define THREADS 3u
#define KEYS    400u /* at most */

/* Of each form: its table grows meanwhile where there are many keys. */
static const struct form {
    unsigned keys;
    unsigned erase_every;
    double seconds;
} forms[STATES_KINDS] = {[STATES_WORDS] = {60, 100, 1},
                         [STATES_LISTS] = {60, 100, 1},
                         [STATES_NAMED_LISTS] = {60, 100, 1},
                         [STATES_RECORDS] = {60, 100, 1},
                         [STATES_STRINGS] = {KEYS, 3, 1.5}};

struct threads {
    struct looking *looking[THREADS];
    struct trail *trails;
    struct states_writer writer;
};

static void *look(void *context)
{
    looking_loop(context);
    return NULL;
}

static void write_one(struct threads *threads, struct board *board, unsigned key)
{
    struct trail *trail = &threads->trails[key];
    uint64_t from = trail_state(trail), to = states_next(&threads->writer, key, from);
    trail_begin(trail, to);
    enum stele_status status = states_change(&threads->writer, key, from, to);
    trail_complete(trail);
    board_add(board, BOARD_WRITE, 1);
    if (status != STELE_OK)
        board_fail(board, "change: %s", stele_status_name(status));
}

/* Where the writer has the segment mapped: a value in another table, seen from both sides,
 * tells the distance. */
static const uint8_t *writers_base(const struct states_reader *reader, struct states_writer *writer)
{
    static const uint8_t value[8];
    struct stele_table table;
    struct stele_view view;
    const void *found = NULL;
    uint32_t other = 0, bytes = 0;
    memset(&view, 0, sizeof view);
    expect_ok(stele_store_table_create(writer->store, "distance", NULL, &other));
    expect_ok(stele_store_put(writer->store, other, "k", 1, value, sizeof value));
    expect_ok(stele_table_open(&reader->reader, "distance", &table));
    expect_ok(stele_view_take(&table, "k", 1, &view));
    expect_ok(stele_store_find(writer->store, other, "k", 1, &found, &bytes));
    return (const uint8_t *)found - ((const uint8_t *)view.data - reader->reader.map.base);
}

static void open_all(struct threads *threads, struct board *board, enum states_kind kind,
                     uint64_t *number)
{
    struct stele_store_options options = {
        .name = segment_name(), .max_bytes = UINT64_C(16) << 20, .unlocked = true};
    struct stele_table_options table = {.type = states_type(kind)};
    struct states_writer *writer = &threads->writer;
    struct states_reader reader = {.kind = kind};
    *writer = (struct states_writer){
        .kind = kind, .number = number, .random = {3}, .erase_every = forms[kind].erase_every};
    expect_ok(stele_store_open(&options, &writer->store, NULL, 0));
    expect_ok(stele_store_table_create(writer->store, "t", &table, &writer->table));
    expect_ok(states_attach(&reader, segment_name(), "t"));
    const uint8_t *base = writers_base(&reader, writer);
    stele_reader_detach(&reader.reader);
    reader.reader.map.base = base;
    expect_ok(stele_table_open_any(&reader.reader, "t", &reader.words.table));
    for (unsigned i = 0; i < THREADS; i++) {
        struct looking *looking = calloc(1, sizeof *looking);
        ck_assert_ptr_nonnull(looking);
        *looking = (struct looking){.board = board,
                                    .trails = threads->trails,
                                    .number = number,
                                    .kind = kind,
                                    .keys = forms[kind].keys,
                                    .scan_every = 500,
                                    .name = states_name(kind),
                                    .reader = reader};
        looking->reader.random.state = i + 1;
        looking->reader.buffer = states_buffer();
        threads->looking[i] = looking;
    }
    free(reader.buffer);
}

START_TEST(test_threads_share_a_handle_CDE)
{
    struct board *board = board_memory(sizeof *board);
    struct threads threads = {.trails = board_memory(KEYS * sizeof(struct trail))};
    uint64_t number[KEYS];
    pthread_t thread[THREADS];
    segment_name_clean();
    for (unsigned key = 0; key < KEYS; key++) {
        number[key] = random_mix(key);
        threads.trails[key].state[0] = STATES_ABSENT;
    }
    open_all(&threads, board, (enum states_kind)_i, number);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, look, threads.looking[i]), 0);
    double end = suite_seconds() + forms[_i].seconds * suite_scale();
    while (suite_seconds() < end && !board_stopped(board))
        write_one(&threads, board, random_below(&threads.writer.random, forms[_i].keys));
    board_store(&board->stop, 1);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        free(threads.looking[i]->reader.buffer);
        free(threads.looking[i]);
    }
    stele_store_close(threads.writer.store);
    board_report(board, states_name((enum states_kind)_i));
    board_check(board);
    ck_assert_uint_gt(board->count[BOARD_GET], board->count[BOARD_UNKNOWN]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    segment_name_init("threads");
    tcase_add_loop_test(suite_case(suite, "threads"), test_threads_share_a_handle_CDE, 0,
                        STATES_KINDS);
    return segment_name_fini(suite_run(suite));
}
