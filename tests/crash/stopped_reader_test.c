/*
 * Promises C and F for a reader that stands still for long: it is stopped in the middle of copying
 * a large value, or holds a view; meanwhile the writer replaces that value, is killed, its segment
 * is adopted and the memory given out again. When the reader goes on it notices: no torn value.
 */
#include "script.h"
#include "segment_name.h"
#include "trace.h"

#define SEGMENT (UINT64_C(8) << 20)
#define LARGE   (200u << 10)
#define NUMBER  UINT64_C(4711)
#define SECONDS 4.0
#define REUSES  30u /* values written after adoption: more than there is memory */

struct stopped {
    struct board *board;
    uint64_t *version; /* the last one begun; shared */
    uint64_t *stale;   /* shared: views that said they were no longer valid */
    uint64_t *done;    /* shared: the reader's call has returned */
};

static void put(struct stopped *s, struct stele_store *store, uint32_t id)
{
    static uint8_t value[LARGE];
    uint8_t key[KEY_MAX_BYTES];
    uint64_t version = *s->version + 1;
    uint32_t bytes = LARGE - (uint32_t)(version % 5) * 4096;
    value_make(value, bytes, NUMBER, version);
    board_store(s->version, version);
    enum stele_status status = stele_store_put(store, id, key, key_make(NUMBER, key), value, bytes);
    if (status != STELE_OK)
        board_fail(s->board, "put: %s", stele_status_name(status));
}

static struct stele_store *open_table(struct stopped *s, uint32_t *id)
{
    struct stele_store_options options = {
        .name = segment_name(), .max_bytes = SEGMENT, .small_pages = true};
    struct stele_store *store = NULL;
    if (stele_store_open(&options, &store, NULL, 0) != STELE_OK ||
        (stele_store_table_find(store, "t", id) != STELE_OK &&
         stele_store_table_create(store, "t", NULL, id) != STELE_OK))
        board_fail(s->board, "open");
    return store;
}

/* Puts a value, waits; replaces it some times and dies. */
static void write_and_die(struct stopped *s, unsigned replacements)
{
    uint32_t id = 0;
    struct stele_store *store = open_table(s, &id);
    if (!store)
        _exit(1);
    while (stele_store_step(store, 0))
        ;
    put(s, store, id);
    raise(SIGSTOP);
    while (replacements-- > 0)
        put(s, store, id);
    raise(SIGKILL);
}

/* ---- the reader's process ------------------------------------------------------------------ */

static void judge(struct stopped *s, const char *call, const uint8_t *value, size_t bytes,
                  uint64_t oldest)
{
    uint64_t version = 0;
    if (!value_check(value, bytes, NUMBER, &version))
        board_fail(s->board, "%s: torn value of %zu bytes", call, bytes);
    else if (version < oldest || version > *s->version)
        board_fail(s->board, "%s: version %llu of %llu..%llu", call, (unsigned long long)version,
                   (unsigned long long)oldest, (unsigned long long)*s->version);
}

static void read_stopped(struct stopped *s, bool view_only)
{
    static uint8_t value[LARGE];
    struct stele_reader reader;
    struct stele_table table;
    struct stele_view view;
    uint8_t key[KEY_MAX_BYTES];
    size_t bytes = 0;
    uint64_t oldest = *s->version;
    uint32_t key_bytes = key_make(NUMBER, key);
    memset(&view, 0, sizeof view);
    if (!trace_me())
        _exit(2);
    if (stele_reader_attach(&reader, segment_name()) != STELE_OK ||
        stele_table_open(&reader, "t", &table) != STELE_OK ||
        stele_view_take(&table, key, key_bytes, &view) != STELE_OK)
        board_fail(s->board, "reader: attach");
    trace_pause();
    if (!view_only) {
        enum stele_status status = stele_get(&table, key, key_bytes, value, sizeof value, &bytes);
        board_store(s->done, 1);
        if (status == STELE_OK)
            judge(s, "get", value, bytes, oldest);
        else if (status == STELE_EBUSY)
            board_add(s->board, BOARD_BUSY, 1);
        else
            board_fail(s->board, "get: %s", stele_status_name(status));
        board_add(s->board, BOARD_GET, 1);
    }
    stelei_copy_out(value, view.data, view.bytes);
    if (stele_view_valid(&table, &view))
        judge(s, "view", value, view.bytes, oldest);
    else
        __atomic_fetch_add(s->stale, 1, __ATOMIC_SEQ_CST);
    board_add(s->board, BOARD_VIEW, 1);
    _exit(0);
}

/* ---- the driver ---------------------------------------------------------------------------- */

/* Adopts, and writes until all free memory was used anew. */
static void adopt_and_reuse(struct stopped *s)
{
    uint32_t id = 0;
    struct stele_store *store = open_table(s, &id);
    if (!store)
        return;
    while (stele_store_step(store, 3))
        ;
    for (unsigned i = 0; i < REUSES; i++)
        put(s, store, id);
    stele_store_close(store);
}

/* False: ptrace is not permitted. */
static bool run_round(struct stopped *s, struct random *random, unsigned *middle)
{
    int state = 0;
    unsigned replacements = random_below(random, 4);
    unsigned steps = random_below(random, 4) ? 150 + random_below(random, 1500) : 0;
    *s->done = 0;
    fflush(NULL);
    pid_t writer = fork();
    if (writer == 0)
        write_and_die(s, replacements);
    waitpid(writer, &state, WUNTRACED);
    if (!WIFSTOPPED(state)) {
        board_fail(s->board, "the writer ended");
        return true;
    }
    pid_t reader = fork();
    if (reader == 0)
        read_stopped(s, steps == 0);
    bool stands = trace_wait(reader, &state);
    for (unsigned n = 0; stands && n < steps && !board_load(s->done); n++)
        stands = trace_step(reader, &state);
    *middle += stands && steps > 0 && !board_load(s->done);
    kill(writer, SIGCONT);
    waitpid(writer, NULL, 0);
    adopt_and_reuse(s);
    bool permitted = stands || !WIFEXITED(state) || WEXITSTATUS(state) != 2;
    while (stands)
        stands = trace_run(reader, &state);
    if (permitted && (!WIFEXITED(state) || WEXITSTATUS(state) != 0))
        board_fail(s->board, "the reader died (state %x)", (unsigned)state);
    return permitted;
}

START_TEST(test_stopped_in_the_middle_of_a_copy_CF)
{
    struct stopped s = {.board = board_memory(sizeof *s.board),
                        .version = board_memory(sizeof *s.version),
                        .stale = board_memory(sizeof *s.stale),
                        .done = board_memory(sizeof *s.done)};
    struct random random = {21};
    unsigned rounds = 0, middle = 0;
    double end = suite_seconds() + SECONDS * suite_scale();
    trace_share_processor();
    for (; (suite_seconds() < end || rounds < 8) && !board_stopped(s.board); rounds++)
        if (!run_round(&s, &random, &middle)) {
            printf("skipped: ptrace is not permitted here\n");
            return;
        }
    printf(
        "%u rounds, %u stopped in the middle of a get; %llu of %llu views said stale; EBUSY %llu\n",
        rounds, middle, (unsigned long long)*s.stale,
        (unsigned long long)s.board->count[BOARD_VIEW],
        (unsigned long long)s.board->count[BOARD_BUSY]);
    board_check(s.board);
    ck_assert_uint_gt(middle, 0);
    ck_assert_uint_gt(*s.stale, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stopped_reader");
    segment_name_init("stopped");
    tcase_add_test(suite_case(suite, "stopped_reader"), test_stopped_in_the_middle_of_a_copy_CF);
    return segment_name_fini(suite_run(suite));
}
