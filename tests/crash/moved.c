/*
 * Promises B, C and F where sparse slabs are emptied: the writer is killed at each point of moving a
 * record and an overflow line, and everything is there before, while and after it is adopted.
 */
#include "killed.h"
#include "points.h"

#define MOVED_ENTRIES 6000u
#define MOVED_CROWD   64u /* numbers from here on stand in one chain, whose lines move too */
#define MOVED_FROM    100000u

struct moved {
    struct crash *crash;
    const char *name;
    uint64_t hit;                 /* of that name, from 0 */
    uint64_t crowd[MOVED_CROWD];  /* keys that collide */
    uint8_t bytes[MOVED_ENTRIES]; /* of each value; 0: erased */
};

static void stop_at_hit(void *context, const char *name)
{
    struct moved *moved = context;
    if (strcmp(name, moved->name) != 0 || moved->crash->progress->points++ != moved->hit)
        return;
    snprintf(moved->crash->progress->point, sizeof moved->crash->progress->point, "%s", name);
    raise(SIGSTOP);
}

/* What the writer has put before its first pass begins; nothing that it does later changes it. */
static void plan_moved(struct moved *moved, uint64_t seed)
{
    unsigned found = 0;
    for (uint64_t number = MOVED_FROM; found < MOVED_CROWD; number++)
        if ((stelei_hash(&number, sizeof number, seed) & 0xfff) == 5)
            moved->crowd[found++] = number;
    for (uint32_t i = 0; i < MOVED_ENTRIES; i++)
        moved->bytes[i] = i % 8 == 0 ? 48 : 0; /* a record as large as a line */
}

static void make_moved(struct stele_store *store, uint32_t id, const struct moved *moved)
{
    uint8_t value[64];
    for (uint64_t i = 0; i < MOVED_ENTRIES; i++) {
        value_make(value, 48, i, 1);
        expect_ok(stele_store_put(store, id, &i, sizeof i, value, 48));
        if (i % 90 == 0 && i / 90 < MOVED_CROWD) { /* lines far apart */
            const uint64_t *number = &moved->crowd[i / 90];
            value_make(value, 32, *number, 1);
            expect_ok(stele_store_put(store, id, number, sizeof *number, value, 32));
        }
    }
    for (uint64_t i = 0; i < MOVED_ENTRIES; i++)
        if (moved->bytes[i] == 0)
            expect_ok(stele_store_erase(store, id, &i, sizeof i));
}

/* Fills the segment with larger values until slabs have been emptied. */
static void run_moved(struct moved *moved)
{
    static uint8_t value[4000];
    struct stele_store *store = script_open(moved->crash->name, moved->crash->board);
    struct stele_store_stats stats = {0};
    uint32_t id = 0;
    points_watch(stop_at_hit, moved);
    if (!store || stele_store_table_find(store, "moved", &id) != STELE_OK)
        _exit(1);
    while (stele_store_step(store, 3))
        ;
    for (uint64_t i = 2 * MOVED_FROM; stats.evacuations == 0; i++) {
        value_make(value, sizeof value, i, 1);
        if (stele_store_put(store, id, &i, sizeof i, value, sizeof value) != STELE_OK)
            break;
        moved->crash->progress->completed = i;
        stele_store_get_stats(store, &stats);
    }
    while (stele_store_step(store, 3))
        ;
    _exit(0);
}

static void expect_moved(const struct moved *moved, const struct stele_table *table)
{
    uint8_t value[64];
    uint64_t version, number;
    for (uint32_t i = 0; i < MOVED_ENTRIES + MOVED_CROWD; i++) {
        bool crowd = i >= MOVED_ENTRIES;
        size_t bytes = 0, wanted = crowd ? 32 : moved->bytes[i];
        number = crowd ? moved->crowd[i - MOVED_ENTRIES] : i;
        enum stele_status status =
            stele_get(table, &number, sizeof number, value, sizeof value, &bytes);
        if (status != (wanted ? STELE_OK : STELE_ENOTFOUND) ||
            (wanted && (bytes != wanted || !value_check(value, bytes, number, &version))))
            board_fail(moved->crash->board, "%s, hit %llu: key %llu: %s", moved->name,
                       (unsigned long long)moved->hit, (unsigned long long)number,
                       stele_status_name(status));
    }
}

static const char *const moved_names[] = {
    "evacuate.record:before_ref", "evacuate.record:before_bump", "evacuate.record:before_retire",
    "evacuate.line:before_link",  "evacuate.line:before_bump",   "evacuate.line:before_retire"};
#define MOVED_NAMES ((int)(sizeof moved_names / sizeof moved_names[0]))

/* The segment as the writer finds it: thinned out. */
static void image_moved(struct moved *moved, struct image *made)
{
    struct crash *c = moved->crash;
    uint32_t id = 0;
    image_write(&c->image, c->name);
    struct stele_store *store = script_open(c->name, c->board);
    ck_assert_msg(store != NULL, "%s", c->board->text);
    expect_ok(stele_store_table_create(store, "moved", NULL, &id));
    expect_ok(stele_reader_attach(&c->reader.reader, c->name));
    plan_moved(moved, c->reader.reader.map.hash_seed);
    stele_reader_detach(&c->reader.reader);
    make_moved(store, id, moved);
    stele_store_close(store);
    image_read(made, c->name, SCRIPT_BYTES);
}

static void adopt_moved(struct moved *moved, const struct stele_table *table)
{
    struct stele_store *store = script_open(moved->crash->name, moved->crash->board);
    for (unsigned n = 0; stele_store_step(store, 16); n++)
        if (n % 16 == 0)
            expect_moved(moved, table);
    killed_verify(moved->crash, store);
    expect_moved(moved, table);
    stele_store_close(store);
}

/* One kill, at the hit that `moved` names. */
static void kill_moved(struct moved *moved, const struct image *made)
{
    struct crash *c = moved->crash;
    struct stele_table table;
    memset(c->progress, 0, sizeof *c->progress);
    image_write(made, c->name);
    expect_ok(stele_reader_attach(&c->reader.reader, c->name));
    expect_ok(stele_table_open(&c->reader.reader, "moved", &table));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run_moved(moved);
    if (!killed_wait(c, pid))
        board_fail(c->board, "%s was not met %llu times", moved->name,
                   (unsigned long long)moved->hit + 1);
    expect_moved(moved, &table); /* while the writer stands there */
    killed_kill(pid);
    expect_moved(moved, &table);
    adopt_moved(moved, &table);
    stele_reader_detach(&c->reader.reader);
}

START_TEST(test_killed_while_records_move_BCF)
{
    static struct moved moved;
    static struct image made;
    moved.crash = killed_prepare(false);
    moved.name = moved_names[_i];
    image_moved(&moved, &made);
    for (moved.hit = 0; moved.hit < 4 && !board_stopped(moved.crash->board); moved.hit++)
        kill_moved(&moved, &made);
    board_check(moved.crash->board);
}
END_TEST

void moved_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, test_killed_while_records_move_BCF, 0, MOVED_NAMES);
}
