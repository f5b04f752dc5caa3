/*
 * Promises B, C and F where sparse slabs are emptied of lists: the writer is killed at each point of
 * moving a record, a chunk and a key's record, and every list is there before, while and after it is
 * adopted.
 */
#include "killed.h"
#include "points.h"

#define LISTS 2400u
#define KEEP  8u /* every so manyth list stays */

struct moved {
    struct crash *crash;
    const char *name;
    uint64_t hit; /* of that name, from 0 */
    bool word_keys;
};

static void stop_at_hit(void *context, const char *name)
{
    struct moved *moved = context;
    if (strcmp(name, moved->name) != 0 || moved->crash->progress->points++ != moved->hit)
        return;
    snprintf(moved->crash->progress->point, sizeof moved->crash->progress->point, "%s", name);
    raise(SIGSTOP);
}

/* Elements of a list: most are small, one in nine has chunks. */
static uint32_t elements_of(uint64_t key)
{
    return key % 9 == 0 ? 200 : 12;
}
static uint32_t element(uint64_t key, uint64_t i)
{
    return (uint32_t)random_mix(key << 32 | i);
}

static void make_lists(struct stele_store *store, uint32_t id)
{
    for (uint64_t key = 0; key < LISTS; key++)
        for (uint64_t i = 0; i < elements_of(key); i++)
            expect_ok(stele_store_list_append(store, id, &key, sizeof key,
                                              &(uint32_t){element(key, i)}, 1, NULL));
    for (uint64_t key = 0; key < LISTS; key++)
        if (key % KEEP != 0)
            expect_ok(stele_store_erase(store, id, &key, sizeof key));
}

static void image_lists(struct moved *moved, struct image *made)
{
    struct crash *c = moved->crash;
    struct stele_type type =
        stele_type_of(moved->word_keys ? STELE_U64 : STELE_BYTES, STELE_LIST + STELE_U32);
    struct stele_table_options options = {.type = type};
    uint32_t id = 0, ballast = 0;
    image_write(&c->image, c->name);
    struct stele_store *store = script_open(c->name, c->board);
    ck_assert_msg(store != NULL, "%s", c->board->text);
    expect_ok(stele_store_table_create(store, "lists", &options, &id));
    expect_ok(stele_store_table_create(store, "ballast", NULL, &ballast));
    make_lists(store, id);
    stele_store_close(store);
    image_read(made, c->name, SCRIPT_BYTES);
}

/* Fills the segment with other sizes until slabs have been emptied. */
static void run(struct moved *moved)
{
    static uint8_t value[4000];
    struct stele_store *store = script_open(moved->crash->name, moved->crash->board);
    struct stele_store_stats stats = {0};
    uint32_t id = 0;
    points_watch(stop_at_hit, moved);
    if (!store || stele_store_table_find(store, "ballast", &id) != STELE_OK)
        _exit(1);
    while (stele_store_step(store, 3))
        ;
    for (uint64_t i = 0; stats.evacuations == 0; i++) {
        if (stele_store_put(store, id, &i, sizeof i, value, sizeof value) != STELE_OK)
            break;
        stele_store_get_stats(store, &stats);
    }
    while (stele_store_step(store, 3))
        ;
    _exit(0);
}

static void expect_lists(const struct moved *moved, const struct stele_words *words)
{
    static uint32_t found[400];
    for (uint64_t key = 0; key < LISTS; key++) {
        uint64_t got = 0, count = 0;
        enum stele_status status =
            moved->word_keys
                ? stele_words_list_get(words, key, 0, found, 400, &got, &count)
                : stele_list_get(&words->table, &key, sizeof key, 0, found, 400, &got, &count);
        bool there = key % KEEP == 0, right = status == (there ? STELE_OK : STELE_ENOTFOUND);
        if (there)
            right &= got == elements_of(key) && count == got;
        for (uint64_t i = 0; i < got && right; i++)
            right = found[i] == element(key, i);
        if (!right)
            board_fail(moved->crash->board, "%s, hit %llu: key %llu: %s, %llu elements",
                       moved->name, (unsigned long long)moved->hit, (unsigned long long)key,
                       stele_status_name(status), (unsigned long long)got);
    }
}

static void adopt(struct moved *moved, const struct stele_words *words)
{
    struct stele_store *store = script_open(moved->crash->name, moved->crash->board);
    for (unsigned n = 0; stele_store_step(store, 16); n++)
        if (n % 16 == 0)
            expect_lists(moved, words);
    killed_verify(moved->crash, store);
    expect_lists(moved, words);
    stele_store_close(store);
}

static void kill_once(struct moved *moved, const struct image *made)
{
    struct crash *c = moved->crash;
    struct stele_words words;
    memset(c->progress, 0, sizeof *c->progress);
    image_write(made, c->name);
    expect_ok(stele_reader_attach(&c->reader.reader, c->name));
    expect_ok(stele_table_open_any(&c->reader.reader, "lists", &words.table));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run(moved);
    if (!killed_wait(c, pid))
        board_fail(c->board, "%s was not met %llu times", moved->name,
                   (unsigned long long)moved->hit + 1);
    expect_lists(moved, &words); /* while the writer stands there */
    killed_kill(pid);
    expect_lists(moved, &words);
    adopt(moved, &words);
    stele_reader_detach(&c->reader.reader);
}

static const char *const names[] = {"evacuate.list:before_ref", "evacuate.chunk:before_ref",
                                    "evacuate.record:before_bump", "evacuate.record:before_retire",
                                    "evacuate.record:before_ref"};
#define NAMES ((int)(sizeof names / sizeof names[0]))

/* The last name, a key's record, is met with byte keys only. */
START_TEST(test_killed_while_lists_move_BCF)
{
    static const uint64_t hits[] = {0, 1, 7, 40};
    static struct moved moved;
    static struct image made;
    moved.crash = killed_prepare(true);
    moved.name = names[_i / 2];
    moved.word_keys = _i % 2;
    image_lists(&moved, &made);
    for (unsigned i = 0; i < 4 && !board_stopped(moved.crash->board); i++) {
        moved.hit = hits[i];
        kill_once(&moved, &made);
    }
    board_check(moved.crash->board);
}
END_TEST

void moved_lists_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, test_killed_while_lists_move_BCF, 0, 2 * NAMES - 1);
}
