/*
 * Promises B and F: the writer is stopped at every STELE_POINT, everything is read while it stands
 * there, then it is killed and its segment adopted by the real store, in small slices, with reads
 * and writes in between. Often the adopter is killed too. Every write that was completed is there.
 */
#include "killed.h"
#include "points.h"
#include "points_list.h" /* generated: the names of all points of the writer's sources */
#include "segment_name.h"

#define MOST_HITS 20000u
#define SECONDS   14.0 /* a script, for as many hits as fit; each name is visited whatever it takes */
#define VISITS    4u   /* of each name, at least, if it has so many */

static uint64_t *visited;  /* how often each point was stopped at; shared by all tests */
static struct crash crash; /* too large for a stack; each test has its own process */

static uint16_t name_index(const char *name)
{
    uint16_t i = 0;
    while (i < POINTS_LIST_COUNT && strcmp(points_list[i], name) != 0)
        i++;
    return i;
}

/* ---- the writer's process ------------------------------------------------------------------ */

static void note_point(void *context, const char *name)
{
    struct crash *c = context;
    if (c->progress->points < MOST_HITS)
        c->names[c->progress->points] = name_index(name);
    c->progress->points++;
}

static void stop_at_point(void *context, const char *name)
{
    struct crash *c = context;
    snprintf(c->progress->point, sizeof c->progress->point, "%s", name);
    if (c->progress->points++ == c->stop_at)
        raise(SIGSTOP);
}

/* `whole`: the script; else only the adoption, to its end. */
static pid_t start_writer(struct crash *c, points_visit visit, bool whole)
{
    c->progress->points = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    points_watch(visit, c);
    struct stele_store *store = script_open(segment_name(), c->board);
    if (store && whole)
        script_run(&c->script, store, c->progress, c->board);
    while (store && stele_store_step(store, 3))
        ;
    _exit(0);
}

bool killed_wait(struct crash *c, pid_t pid)
{
    int state = 0;
    waitpid(pid, &state, WUNTRACED);
    if (WIFSTOPPED(state)) {
        visited[name_index(c->progress->point)]++;
        return true;
    }
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
        board_fail(c->board, "the writer died by itself (signal %d)", WTERMSIG(state));
    return false;
}

void killed_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- after the kill ------------------------------------------------------------------------ */

/* One write to a table of words or lists. The new list is kept under its version. */
static void write_typed(struct crash *c, struct stele_store *store, struct random *random,
                        struct script_state *state, uint32_t version, struct script_op *op)
{
    struct script_list none = {0, NULL}, *later = &c->script.later[version - SCRIPT_LATER];
    uint32_t held = state->version[op->table][op->key], id = 0;
    bool lists = op->table >= SCRIPT_LISTS;
    const struct script_list *list = lists ? script_list(&c->script, held) : &none;
    op->kind = lists ? SCRIPT_APPEND + random_below(random, 4) : SCRIPT_PUT;
    if (held && random_below(random, 6) == 0)
        op->kind = SCRIPT_ERASE;
    if (lists && list->count == 0)
        op->kind = SCRIPT_APPEND;
    op->bytes = random_below(random, 10) ? 1 + random_below(random, 20) : 300;
    op->element = list->count ? list->element[random_below(random, list->count)] : 0;
    enum stele_status status =
        stele_store_table_find(store, script_table_name(op->table), &id) == STELE_OK
            ? script_do_typed(&c->script, op, version, store, id)
            : STELE_ENOTABLE;
    if (status != STELE_OK)
        board_fail(c->board, "after adoption: operation %u on table %s: %s", op->kind,
                   script_table_name(op->table), stele_status_name(status));
    state->version[op->table][op->key] = op->kind == SCRIPT_ERASE ? 0 : version;
    if (!lists || op->kind == SCRIPT_ERASE)
        return;
    struct script_list after = script_list_after(op, version, list);
    free(later->element);
    *later = after;
    if (after.count == 0)
        state->version[op->table][op->key] = 0;
}

static void write_bytes(struct crash *c, struct stele_store *store, struct random *random,
                        struct script_state *state, uint32_t version, const struct script_op *op)
{
    static uint8_t value[SCRIPT_VALUE];
    uint8_t key[KEY_MAX_BYTES];
    uint32_t t = op->table, k = op->key, id = 0;
    uint32_t key_bytes = key_make(c->script.number[k], key);
    uint32_t bytes = random_below(random, 8) ? VALUE_MIN_BYTES + random_below(random, 60) : 20000;
    enum stele_status status;
    if (stele_store_table_find(store, script_table_name(t), &id) != STELE_OK)
        board_fail(c->board, "after adoption: no table %s", script_table_name(t));
    if (random_below(random, 3) == 0) {
        status = stele_store_erase(store, id, key, key_bytes);
        if (status != (state->version[t][k] ? STELE_OK : STELE_ENOTFOUND))
            board_fail(c->board, "after adoption: erase: %s", stele_status_name(status));
        state->version[t][k] = 0;
        return;
    }
    value_make(value, bytes, c->script.number[k], version);
    status = stele_store_put(store, id, key, key_bytes, value, bytes);
    if (status != STELE_OK)
        board_fail(c->board, "after adoption: put: %s", stele_status_name(status));
    state->version[t][k] = version;
    state->bytes[t][k] = bytes;
}

static void write_one(struct crash *c, struct stele_store *store, struct random *random,
                      struct script_state *state, uint32_t version)
{
    uint32_t begin, end = script_tables(&c->script, &begin);
    struct script_op op = {.table = begin + random_below(random, end - begin)};
    op.key = random_below(random, script_keys(&c->script, op.table));
    if (version - SCRIPT_LATER >= SCRIPT_LATER_MOST)
        board_fail(c->board, "more writes after a crash than expected");
    else if (!state->created[op.table])
        return;
    else if (c->script.typed)
        write_typed(c, store, random, state, version, &op);
    else
        write_bytes(c, store, random, state, version, &op);
}

void killed_verify(struct crash *c, struct stele_store *store)
{
    char text[256] = "";
    if (stele_store_verify(store, text, sizeof text) != STELE_OK)
        board_fail(c->board, "after adoption: verify: %s", text);
}

/* Adopts, looks, steps, writes, verifies. *state: what must be there. */
static void adopt(struct crash *c, struct script_state *state, uint64_t seed)
{
    struct random random = {seed};
    struct script_state found = *state;
    struct stele_store *store = script_open(segment_name(), c->board);
    uint32_t version = SCRIPT_LATER;
    bool more = true;
    if (!store)
        return;
    if (stele_store_get_origin(store) != STELE_STORE_ADOPTED)
        board_fail(c->board, "the segment was made anew");
    for (unsigned n = 0; more && !board_stopped(c->board); n++) {
        script_look(&c->script, &c->reader, state, state, true, &found, c->board);
        if (seed % 3 != 0)
            write_one(c, store, &random, state, version++);
        more = stele_store_step(store, 1 + random_below(&random, 12));
    }
    killed_verify(c, store);
    for (unsigned n = 0; n < 40; n++)
        write_one(c, store, &random, state, version++);
    killed_verify(c, store);
    script_look(&c->script, &c->reader, state, state, false, &found, c->board);
    stele_store_close(store);
}

/* An adopter that is killed on its way; nothing that readers see may change by it. */
static void kill_adopter(struct crash *c, const struct script_state *state, uint64_t at)
{
    struct script_state found = *state;
    c->stop_at = at;
    pid_t pid = start_writer(c, stop_at_point, false);
    if (!killed_wait(c, pid))
        return;
    script_look(&c->script, &c->reader, state, state, false, &found, c->board);
    killed_kill(pid);
    c->double_kills++;
}

/* Now and then one; after a split that was not finished one at each of its first points. */
static void kill_adopters(struct crash *c, const struct script_state *state, uint64_t hit)
{
    uint64_t at = 0, end = 10;
    if (strncmp(c->progress->point, "split", 5) != 0) {
        at = random_mix(hit) % 50;
        end = at + hit % 2;
    }
    for (; at < end && !board_stopped(c->board); at++)
        kill_adopter(c, state, at);
}

/* ---- one hit ------------------------------------------------------------------------------- */

static void crash_at(struct crash *c, uint64_t hit)
{
    struct script_state before, after, found;
    memset(c->progress, 0, sizeof *c->progress);
    image_write(&c->image, segment_name());
    if (script_attach(&c->reader, segment_name()) != STELE_OK)
        board_fail(c->board, "attach");
    c->stop_at = hit;
    pid_t pid = start_writer(c, stop_at_point, true);
    if (killed_wait(c, pid)) {
        memset(&before, 0, sizeof before);
        for (unsigned i = 0; i < c->progress->completed; i++)
            script_advance(&c->script, i, &before);
        after = found = before;
        if (c->progress->started > c->progress->completed)
            script_advance(&c->script, (unsigned)c->progress->completed, &after);
        script_look(&c->script, &c->reader, &before, &after, false, &found, c->board);
        killed_kill(pid);
        c->kills++;
        kill_adopters(c, &found, hit);
        adopt(c, &found, hit);
    }
    stele_reader_detach(&c->reader.reader);
    if (board_stopped(c->board) && !strstr(c->board->text, " [hit "))
        snprintf(c->board->text + strlen(c->board->text),
                 sizeof c->board->text - strlen(c->board->text), " [hit %llu, %s, operation %llu]",
                 (unsigned long long)hit, c->progress->point,
                 (unsigned long long)c->progress->completed);
}

static uint64_t dry_run(struct crash *c)
{
    memset(c->progress, 0, sizeof *c->progress);
    image_write(&c->image, segment_name());
    pid_t pid = start_writer(c, note_point, true);
    killed_wait(c, pid);
    ck_assert_uint_eq(c->progress->completed, c->script.count);
    ck_assert_uint_lt(c->progress->points, MOST_HITS);
    return c->progress->points;
}

struct crash *killed_prepare(bool typed)
{
    struct crash *c = &crash;
    c->name = segment_name();
    c->board = board_memory(sizeof *c->board);
    c->progress = board_memory(sizeof *c->progress);
    c->names = board_memory(MOST_HITS * sizeof c->names[0]);
    if (typed)
        script_make_typed(&c->script);
    else
        script_make(&c->script);
    script_image(segment_name(), &c->image);
    return c;
}

/* On byte strings; on words and lists. */
START_TEST(test_killed_at_every_point_BF)
{
    unsigned visits[POINTS_LIST_COUNT + 1] = {0};
    struct crash *c = killed_prepare(_i == 1);
    uint64_t hits = dry_run(c), stride = hits * 5 / 8 | 1;
    double end = suite_seconds() + SECONDS * suite_scale();
    ck_assert_msg(!c->board->failed, "dry run: %s", c->board->text);
    while (hits % 5 == 0 && stride % 5 == 0)
        stride += 2;
    for (uint64_t hit = 0; hit < hits && !board_stopped(c->board); hit++)
        if (visits[c->names[hit]]++ < VISITS)
            crash_at(c, hit);
    bool *done = calloc(hits, sizeof *done);
    uint64_t hit = 0;
    for (uint64_t n = 0; n < hits && suite_seconds() < end && !board_stopped(c->board); n++) {
        for (hit = (hit + stride) % hits; done[hit];)
            hit = (hit + 1) % hits;
        done[hit] = true;
        crash_at(c, hit);
    }
    free(done);
    printf("%llu hits of %u operations; killed at %u, adopter killed too: %u\n",
           (unsigned long long)hits, c->script.count, c->kills, c->double_kills);
    board_check(c->board);
}
END_TEST

/* ---- points that the script does not meet --------------------------------------------------- */

struct wanted {
    struct crash *crash;
    const char *name;
};

static void stop_at_name(void *context, const char *name)
{
    struct wanted *wanted = context;
    if (strcmp(name, wanted->name) != 0)
        return;
    snprintf(wanted->crash->progress->point, sizeof wanted->crash->progress->point, "%s", name);
    raise(SIGSTOP);
}

#define LARGE_BYTES   (UINT64_C(64) << 20)
#define LARGE_ENTRIES 250000u /* more than 32,768 buckets hold */

static struct stele_store *open_large(struct crash *c)
{
    struct stele_store_options options = {
        .name = segment_name(), .max_bytes = LARGE_BYTES, .unlocked = true};
    struct stele_store *store = NULL;
    if (stele_store_open(&options, &store, NULL, 0) != STELE_OK)
        board_fail(c->board, "open");
    return store;
}

static void fill_large(struct crash *c, const char *name)
{
    struct wanted wanted = {c, name};
    struct stele_store *store = open_large(c);
    uint32_t id = 0;
    points_watch(stop_at_name, &wanted);
    if (!store || stele_store_table_create(store, "large", NULL, &id) != STELE_OK)
        _exit(1);
    for (uint64_t i = 0; i < LARGE_ENTRIES; i++) {
        c->progress->started = i + 1;
        if (stele_store_put(store, id, &i, sizeof i, &i, sizeof i) != STELE_OK)
            _exit(1);
        c->progress->completed = i + 1;
    }
    _exit(0);
}

static void expect_large(struct crash *c, const struct stele_table *table)
{
    for (uint64_t i = 0, value; i < c->progress->completed; i++) {
        size_t bytes = 0;
        enum stele_status status = stele_get(table, &i, sizeof i, &value, sizeof value, &bytes);
        if (status != STELE_OK || value != i)
            board_fail(c->board, "entry %llu of %llu: %s", (unsigned long long)i,
                       (unsigned long long)c->progress->completed, stele_status_name(status));
    }
}

START_TEST(test_killed_where_bucket_chunks_begin_BF)
{
    static const char *const names[] = {"index.extend:before_directory",
                                        "index.extend:before_chunk"};
    struct crash *c = killed_prepare(false);
    struct stele_table table;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        fill_large(c, names[_i]);
    if (!killed_wait(c, pid))
        board_fail(c->board, "%s was not met", names[_i]);
    expect_ok(stele_reader_attach(&c->reader.reader, segment_name()));
    expect_ok(stele_table_open(&c->reader.reader, "large", &table));
    expect_large(c, &table);
    killed_kill(pid);
    struct stele_store *store = open_large(c);
    uint32_t id = 0;
    expect_ok(stele_store_table_find(store, "large", &id));
    for (uint64_t i = c->progress->completed; i < LARGE_ENTRIES; i++) {
        expect_ok(stele_store_put(store, id, &i, sizeof i, &i, sizeof i));
        stele_store_step(store, 8);
    }
    c->progress->completed = LARGE_ENTRIES;
    expect_large(c, &table);
    killed_verify(c, store);
    expect_large(c, &table);
    stele_store_close(store);
    board_check(c->board);
}
END_TEST

/* Last: no point of the sources may have been left out. */
START_TEST(test_every_point_was_visited)
{
    unsigned missed = 0;
    for (unsigned i = 0; i < POINTS_LIST_COUNT; i++) {
        printf("  %-32s %llu\n", points_list[i], (unsigned long long)visited[i]);
        missed += visited[i] == 0;
    }
    ck_assert_uint_eq(visited[POINTS_LIST_COUNT], 0); /* a name that the list does not have */
    ck_assert_msg(missed == 0, "%u points were never stopped at", missed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("points");
    TCase *tcase = suite_case(suite, "points");
    segment_name_init("points");
    tcase_set_timeout(tcase, 240 * (suite_scale() > 1 ? suite_scale() : 1));
    visited = board_memory((POINTS_LIST_COUNT + 1) * sizeof visited[0]);
    tcase_add_loop_test(tcase, test_killed_at_every_point_BF, 0, 2);
    tcase_add_loop_test(tcase, test_killed_where_bucket_chunks_begin_BF, 0, 2);
    moved_tests(tcase);
    moved_lists_tests(tcase);
    made_tests(tcase);
    tcase_add_test(tcase, test_every_point_was_visited);
    return segment_name_fini(suite_run(suite));
}
