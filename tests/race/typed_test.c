/*
 * Torture of tables of words and of lists: one embedded writer, readers in processes of their own that
 * map the segment read-only and judge every answer by the trail of its key (promises A to F).
 */
#include "looking.h"
#include "segment_name.h"

#define READERS      2u
#define SEGMENT      (UINT64_C(64) << 20)
#define HASH_COLLIDE 63u /* keys of a churn share so many low bits */

struct torture {
    const char *name;
    enum states_kind kind;
    unsigned keys;
    unsigned erase_every;
    unsigned scan_every; /* reads between two scans */
    double seconds;
    uint64_t segment_bytes;
    struct board *board;
    struct trail *trails;
    uint64_t *number;
    pid_t readers[READERS];
};

/* ---- the test's own process -------------------------------------------------------------------- */

static void setup(struct torture *torture)
{
    segment_name_clean();
    torture->board = board_memory(sizeof *torture->board);
    torture->trails = board_memory(torture->keys * sizeof torture->trails[0]);
    torture->number = board_memory(torture->keys * sizeof torture->number[0]);
    for (unsigned i = 0; i < torture->keys; i++) {
        torture->number[i] = random_mix(i);
        torture->trails[i].state[0] = STATES_ABSENT;
    }
}

static void start_readers(struct torture *torture)
{
    struct looking *looking = calloc(1, sizeof *looking);
    ck_assert_ptr_nonnull(looking);
    looking->board = torture->board;
    looking->trails = torture->trails;
    looking->number = torture->number;
    looking->kind = torture->kind;
    looking->keys = torture->keys;
    looking->scan_every = torture->scan_every;
    looking->name = torture->name;
    looking->segment = segment_name();
    for (unsigned i = 0; i < READERS; i++)
        torture->readers[i] = looking_fork(looking);
    free(looking);
}

static void finish(struct torture *torture)
{
    board_store(&torture->board->stop, 1);
    for (unsigned i = 0; i < READERS; i++)
        board_join(torture->board, torture->readers[i], "reader");
    board_report(torture->board, torture->name);
    uint64_t read = torture->board->count[BOARD_GET],
             unknown = torture->board->count[BOARD_UNKNOWN];
    printf("%-10s %llu results were older than what is kept to judge them by\n", "",
           (unsigned long long)unknown);
    board_check(torture->board);
    ck_assert_uint_gt(read, 0);
    ck_assert_uint_lt(unknown, read); /* or nothing was shown */
    segment_name_clean();
}

static struct states_writer open_writer(struct torture *torture)
{
    struct states_writer writer = {.kind = torture->kind,
                                   .number = torture->number,
                                   .random = {(uint64_t)getpid()},
                                   .erase_every = torture->erase_every};
    struct stele_store_options options = {
        .name = segment_name(),
        .max_bytes = torture->segment_bytes ? torture->segment_bytes : SEGMENT,
        .unlocked = true};
    char detail[200] = "";
    enum stele_status status = stele_store_open(&options, &writer.store, detail, sizeof detail);
    if (status != STELE_OK)
        board_fail(torture->board, "open: %s (%s)", stele_status_name(status), detail);
    return writer;
}

static struct states_writer create(struct torture *torture)
{
    struct states_writer writer = open_writer(torture);
    struct stele_table_options options = {.type = states_type(torture->kind)};
    ck_assert_ptr_nonnull(writer.store);
    expect_ok(stele_store_table_create(writer.store, "t", &options, &writer.table));
    return writer;
}

static void write_one(struct torture *torture, struct states_writer *writer, unsigned key)
{
    struct trail *trail = &torture->trails[key];
    uint64_t from = trail_state(trail), to = states_next(writer, key, from);
    trail_begin(trail, to);
    enum stele_status status = states_change(writer, key, from, to);
    trail_complete(trail);
    board_add(torture->board, BOARD_WRITE, 1);
    if (status != STELE_OK && !(status == STELE_ENOTFOUND && from == to))
        board_fail(torture->board, "change of key %u: %s", key, stele_status_name(status));
}

static bool time_left(const struct torture *torture, double begun)
{
    return suite_seconds() - begun < torture->seconds * suite_scale() &&
           !board_stopped(torture->board);
}

static void close_writer(struct torture *torture, struct states_writer *writer)
{
    char text[256] = "";
    enum stele_status status = stele_store_verify(writer->store, text, sizeof text);
    if (status != STELE_OK)
        board_fail(torture->board, "verify: %s", text);
    stele_store_close(writer->store);
}

static void change_at_random(struct torture *torture)
{
    setup(torture);
    start_readers(torture);
    struct states_writer writer = create(torture);
    for (unsigned i = 0; i < torture->keys; i++)
        write_one(torture, &writer, i);
    board_store(&torture->board->ready, 1);
    for (double begun = suite_seconds(); time_left(torture, begun);)
        for (unsigned n = 0; n < 16; n++)
            write_one(torture, &writer, random_below(&writer.random, torture->keys));
    close_writer(torture, &writer);
    finish(torture);
}

START_TEST(test_changes_of_every_kind_ACDE)
{
    struct torture torture = {.kind = (enum states_kind)_i,
                              .name = states_name((enum states_kind)_i),
                              .keys = 64,
                              .erase_every = 400,
                              .scan_every = 400,
                              .seconds = 1};
    change_at_random(&torture);
}
END_TEST

START_TEST(test_one_key_under_fire_ACDE)
{
    struct torture torture = {.kind = (enum states_kind)_i,
                              .name = states_name((enum states_kind)_i),
                              .keys = 1,
                              .erase_every = 100,
                              .scan_every = 50,
                              .seconds = 0.6};
    change_at_random(&torture);
}
END_TEST

/* Little memory, so that blocks are given out again soon and slabs become sparse and are emptied. */
START_TEST(test_memory_given_out_again_soon_CE)
{
    struct torture torture = {.kind = (enum states_kind)_i,
                              .name = states_name((enum states_kind)_i),
                              .keys = 200,
                              .erase_every = 200,
                              .scan_every = 400,
                              .segment_bytes = UINT64_C(8) << 20,
                              .seconds = 1};
    change_at_random(&torture);
}
END_TEST

/* ---- churn in one bucket ----------------------------------------------------------------------- */

/* Numbers whose keys share their chain as long as a table of this size is split. */
static void choose_colliding(struct torture *torture)
{
    struct stele_reader reader;
    uint8_t name[KEY_MAX_BYTES];
    unsigned found = 0;
    expect_ok(stele_reader_attach(&reader, segment_name()));
    for (uint64_t number = 0; found < torture->keys; number++) {
        uint64_t hash = states_named(torture->kind)
                            ? stelei_hash(name, key_make(number, name), reader.map.hash_seed)
                            : stelei_hash(&number, sizeof number, reader.map.hash_seed);
        if ((hash & HASH_COLLIDE) == 5)
            torture->number[found++] = number;
    }
    stele_reader_detach(&reader);
}

START_TEST(test_churn_in_one_chain_CDE)
{
    struct torture torture = {.kind = (enum states_kind)_i,
                              .name = states_name((enum states_kind)_i),
                              .keys = 24,
                              .erase_every = 3,
                              .scan_every = 100,
                              .seconds = 1};
    setup(&torture);
    start_readers(&torture);
    struct states_writer writer = create(&torture);
    choose_colliding(&torture);
    board_store(&torture.board->ready, 1);
    for (double begun = suite_seconds(); time_left(&torture, begun);) {
        for (unsigned n = 0; n < 64; n++)
            write_one(&torture, &writer, random_below(&writer.random, torture.keys));
        if (random_below(&writer.random, 64) == 0) /* lets whole lines go, and come again */
            for (unsigned key = 0; key < torture.keys; key++)
                while (trail_state(&torture.trails[key]) != STATES_ABSENT)
                    write_one(&torture, &writer, key);
    }
    close_writer(&torture, &writer);
    finish(&torture);
}
END_TEST

/* ---- writers killed and replaced ---------------------------------------------------------------- */

/* What the killed writer had in hand has happened or not: looks which. */
static void settle(struct torture *torture, struct states_writer *writer, unsigned key)
{
    struct trail *trail = &torture->trails[key];
    uint64_t state = STATES_ABSENT;
    if (!states_held(writer, key, &state))
        board_fail(torture->board, "adoption: key %u holds something torn", key);
    else if (state == *trail_at(trail, trail->started))
        trail_complete(trail);
    else if (state == trail_state(trail))
        trail_abandon(trail);
    else
        board_fail(torture->board, "adoption: key %u is in state %llx, not %llx or %llx", key,
                   (unsigned long long)state, (unsigned long long)trail_state(trail),
                   (unsigned long long)*trail_at(trail, trail->started));
}

/* A writer's life: adopt, check, write until killed. */
static void live(struct torture *torture)
{
    struct states_writer writer = open_writer(torture);
    if (!writer.store || stele_store_table_find(writer.store, "t", &writer.table) != STELE_OK) {
        board_fail(torture->board, "adoption: no table");
        _exit(1);
    }
    for (unsigned key = 0; key < torture->keys; key++)
        settle(torture, &writer, key);
    while (!board_stopped(torture->board)) {
        write_one(torture, &writer, random_below(&writer.random, torture->keys));
        stele_store_step(writer.store, 1 + random_below(&writer.random, 40));
    }
    _exit(0);
}

START_TEST(test_killed_writers_adopted_under_readers_BCDF)
{
    struct torture torture = {.kind = (enum states_kind)_i,
                              .name = states_name((enum states_kind)_i),
                              .keys = 200,
                              .erase_every = 40,
                              .scan_every = 500,
                              .seconds = 1.5};
    struct random random = {7};
    unsigned kills = 0;
    setup(&torture);
    start_readers(&torture);
    struct states_writer writer = create(&torture);
    for (unsigned key = 0; key < torture.keys; key++)
        write_one(&torture, &writer, key);
    close_writer(&torture, &writer);
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
    writer = open_writer(&torture);
    expect_ok(stele_store_table_find(writer.store, "t", &writer.table));
    for (unsigned key = 0; key < torture.keys; key++)
        settle(&torture, &writer, key);
    close_writer(&torture, &writer);
    finish(&torture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("typed");
    TCase *tcase = suite_case(suite, "typed");
    segment_name_init("typed");
    /* of strings: torture_test.c */
    tcase_add_loop_test(tcase, test_changes_of_every_kind_ACDE, 0, STATES_STRINGS);
    tcase_add_loop_test(tcase, test_one_key_under_fire_ACDE, 0, STATES_STRINGS);
    tcase_add_loop_test(tcase, test_memory_given_out_again_soon_CE, 0, STATES_STRINGS);
    tcase_add_loop_test(tcase, test_churn_in_one_chain_CDE, 0, STATES_STRINGS);
    tcase_add_loop_test(tcase, test_killed_writers_adopted_under_readers_BCDF, 0, STATES_STRINGS);
    return segment_name_fini(suite_run(suite));
}
