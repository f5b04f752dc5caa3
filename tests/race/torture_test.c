/*
 * Torture: one embedded writer, readers in processes of their own that map the segment read-only
 * and judge every answer (promises A, C, D, E, F). Growth has a test of its own, storm_test.c.
 */
#include "reading.h"
#include "segment_name.h"
#include "writing.h"

#define READERS   2u
#define SEGMENT   (UINT64_C(64) << 20)
#define CHURNED   40u /* keys of one bucket */
#define PERMANENT 12u /* of them never erased */

struct torture {
    const char *name;
    unsigned keys;
    uint64_t min_bytes, max_bytes;
    unsigned scan_every;
    double seconds;
    struct board *board;
    struct track *tracks;
    pid_t readers[READERS];
};

static void start_readers(struct torture *torture)
{
    struct reading reading = {.board = torture->board,
                              .tracks = torture->tracks,
                              .count = torture->keys,
                              .segment = segment_name(),
                              .table_name = "t",
                              .value_bytes = (uint32_t)torture->max_bytes,
                              .scan_every = torture->scan_every};
    for (unsigned i = 0; i < READERS; i++) {
        reading.seed = i + 1;
        torture->readers[i] = reading_fork(&reading);
    }
}

static void setup(struct torture *torture)
{
    segment_name_clean();
    torture->board = board_memory(sizeof *torture->board);
    torture->tracks = board_memory(torture->keys * sizeof torture->tracks[0]);
    for (unsigned i = 0; i < torture->keys; i++) {
        torture->tracks[i].number = i;
        torture->tracks[i].min_bytes = torture->min_bytes;
        torture->tracks[i].max_bytes = torture->max_bytes;
        torture->tracks[i].started = torture->tracks[i].completed = 1; /* absent */
    }
}

static void finish(struct torture *torture)
{
    board_store(&torture->board->stop, 1);
    for (unsigned i = 0; i < READERS; i++)
        board_join(torture->board, torture->readers[i], "reader");
    board_report(torture->board, torture->name);
    board_check(torture->board);
    segment_name_clean();
}

static struct writing writing_of(const struct torture *torture)
{
    struct writing writing = {.board = torture->board,
                              .tracks = torture->tracks,
                              .count = torture->keys,
                              .buffer = malloc(torture->max_bytes),
                              .random = {(uint64_t)getpid()}};
    ck_assert_ptr_nonnull(writing.buffer);
    return writing;
}

static void create(struct torture *torture, struct writing *writing)
{
    *writing = writing_of(torture);
    writing->store = writing_open(torture->board, segment_name(), SEGMENT);
    if (writing->store &&
        stele_store_table_create(writing->store, "t", NULL, &writing->table) != STELE_OK)
        board_fail(torture->board, "create");
}

static bool time_left(const struct torture *torture, double begun)
{
    return suite_seconds() - begun < torture->seconds * suite_scale() &&
           !board_stopped(torture->board);
}

/* ---- overwrites ---------------------------------------------------------------------------- */

static void overwrite(struct torture *torture)
{
    struct writing writing;
    setup(torture);
    start_readers(torture);
    create(torture, &writing);
    for (unsigned i = 0; i < torture->keys && writing.store; i++)
        writing_put(&writing, i);
    board_store(&torture->board->ready, 1);
    for (double begun = suite_seconds(); writing.store && time_left(torture, begun);)
        for (unsigned n = 0; n < 16; n++)
            writing_put(&writing, random_below(&writing.random, torture->keys));
    if (writing.store)
        writing_close(&writing);
    free(writing.buffer);
    finish(torture);
}

START_TEST(test_overwrites_with_size_changes_ACDE)
{
    struct torture torture = {.name = "sizes",
                              .keys = 64,
                              .min_bytes = VALUE_MIN_BYTES,
                              .max_bytes = 9000,
                              .scan_every = 400,
                              .seconds = 1.2};
    overwrite(&torture);
}
END_TEST

START_TEST(test_one_small_key_overwritten_ACDE)
{
    struct torture torture = {.name = "hot",
                              .keys = 1,
                              .min_bytes = VALUE_MIN_BYTES,
                              .max_bytes = 64,
                              .scan_every = 50,
                              .seconds = 0.8};
    overwrite(&torture);
}
END_TEST

START_TEST(test_mebibyte_values_overwritten_continuously_CE)
{
    struct torture torture = {.name = "large",
                              .keys = 3,
                              .min_bytes = 900 << 10,
                              .max_bytes = 1 << 20,
                              .scan_every = 100,
                              .seconds = 1.5};
    overwrite(&torture);
    /* the quarantine clock lets them through: starved readers would have nothing but EBUSY */
    ck_assert_uint_gt(torture.board->count[BOARD_GET], 0);
    ck_assert_uint_lt(torture.board->count[BOARD_BUSY], torture.board->count[BOARD_GET]);
}
END_TEST

/* ---- churn in one bucket ------------------------------------------------------------------- */

/* Numbers whose keys share their chain as long as a table of this size is split. */
static void choose_colliding(struct torture *torture)
{
    struct stele_reader reader;
    uint8_t key[KEY_MAX_BYTES];
    unsigned found = 0;
    expect_ok(stele_reader_attach(&reader, segment_name()));
    for (uint64_t number = 0; found < torture->keys; number++)
        if ((stelei_hash(key, key_make(number, key), reader.map.hash_seed) & 63) == 5)
            torture->tracks[found++].number = number;
    stele_reader_detach(&reader);
}

static void churn_some(struct writing *writing)
{
    unsigned i = PERMANENT + random_below(&writing->random, CHURNED - PERMANENT);
    if (random_below(&writing->random, 4000) == 0) /* lets whole lines go, and come again */
        for (i = PERMANENT; i < CHURNED; i++)
            writing_erase(writing, i);
    else if (random_below(&writing->random, 2))
        writing_erase(writing, i);
    else
        writing_put(writing, i);
    if (random_below(&writing->random, 8) == 0)
        writing_put(writing, random_below(&writing->random, PERMANENT));
}

START_TEST(test_churn_in_one_chain_CDE)
{
    struct torture torture = {.name = "churn",
                              .keys = CHURNED,
                              .min_bytes = VALUE_MIN_BYTES,
                              .max_bytes = 120,
                              .scan_every = 100,
                              .seconds = 1.5};
    struct writing writing;
    setup(&torture);
    start_readers(&torture);
    create(&torture, &writing);
    choose_colliding(&torture);
    for (unsigned i = CHURNED; i-- > 0;) /* the permanent ones last: into the overflow lines */
        writing_put(&writing, i);
    board_store(&torture.board->ready, 1);
    for (double begun = suite_seconds(); time_left(&torture, begun);)
        for (unsigned n = 0; n < 64; n++)
            churn_some(&writing);
    writing_close(&writing);
    free(writing.buffer);
    finish(&torture);
}
END_TEST

/* ---- writers killed and replaced ----------------------------------------------------------- */

/* What the killed writer had in hand has happened or not: looks which. */
static void settle_track(struct writing *writing, unsigned i)
{
    struct track *track = &writing->tracks[i];
    uint8_t key[KEY_MAX_BYTES];
    const void *value;
    uint32_t bytes, key_bytes = key_make(track->number, key);
    uint64_t version = track->completed | 1;
    enum stele_status status =
        stele_store_find(writing->store, writing->table, key, key_bytes, &value, &bytes);
    if (status == STELE_OK && !value_check(value, bytes, track->number, &version))
        board_fail(writing->board, "adoption: key %u holds a torn value", i);
    bool old = version == track->completed;
    bool new = version == track->started || (status != STELE_OK && !track_present(track->started));
    if (!old && !new)
        board_fail(writing->board, "adoption: key %u is %s, version %llu; %llu was acknowledged", i,
                   stele_status_name(status), (unsigned long long)version,
                   (unsigned long long)track->completed);
    if (new)
        track_complete(track);
    else
        track_abandon(track);
}

/* A writer's life: adopt, check, write until killed. */
static void live(struct torture *torture)
{
    struct writing writing = writing_of(torture);
    writing.store = writing_open(torture->board, segment_name(), SEGMENT);
    if (!writing.store || stele_store_table_find(writing.store, "t", &writing.table) != STELE_OK) {
        board_fail(torture->board, "adoption: no table");
        _exit(1);
    }
    for (unsigned i = 0; i < torture->keys; i++)
        settle_track(&writing, i);
    while (!board_stopped(torture->board)) {
        unsigned i = random_below(&writing.random, torture->keys);
        if (random_below(&writing.random, 4) == 0)
            writing_erase(&writing, i);
        else
            writing_put(&writing, i);
        stele_store_step(writing.store, 1 + random_below(&writing.random, 40));
    }
    _exit(0);
}

START_TEST(test_killed_writers_adopted_under_readers_BCDF)
{
    struct torture torture = {.name = "killed",
                              .keys = 3000,
                              .min_bytes = VALUE_MIN_BYTES,
                              .max_bytes = 600,
                              .scan_every = 2000,
                              .seconds = 2};
    struct writing writing;
    struct random random = {7};
    unsigned kills = 0;
    setup(&torture);
    for (unsigned i = 0; i < 4; i++) /* some are large */
        torture.tracks[i].max_bytes = torture.max_bytes = 100000;
    start_readers(&torture);
    create(&torture, &writing);
    for (unsigned i = 0; i < torture.keys; i++)
        writing_put(&writing, i);
    writing_close(&writing);
    free(writing.buffer);
    board_store(&torture.board->ready, 1);
    for (double begun = suite_seconds(); time_left(&torture, begun); kills++) {
        pid_t pid = fork();
        if (pid == 0)
            live(&torture);
        usleep(2000 + random_below(&random, 20000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    printf("%u writers killed\n", kills);
    finish(&torture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("torture");
    TCase *tcase = suite_case(suite, "torture");
    segment_name_init("torture");
    tcase_add_test(tcase, test_overwrites_with_size_changes_ACDE);
    tcase_add_test(tcase, test_one_small_key_overwritten_ACDE);
    tcase_add_test(tcase, test_mebibyte_values_overwritten_continuously_CE);
    tcase_add_test(tcase, test_churn_in_one_chain_CDE);
    tcase_add_test(tcase, test_killed_writers_adopted_under_readers_BCDF);
    return segment_name_fini(suite_run(suite));
}
