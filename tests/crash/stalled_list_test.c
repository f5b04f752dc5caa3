/*
 * Promises C and E for a reader of a list that stands still in the middle of it: it is stopped after
 * some instructions of taking and copying a list, which is then appended to, edited, erased, made anew
 * and moved out of sparse slabs, while other blocks get the memory of what went. When the reader goes
 * on it returns a list that the key held meanwhile, or says that it came to none.
 */
#include "script.h"
#include "segment_name.h"
#include "trace.h"

#define SEGMENT (UINT64_C(4) << 20)
#define MOST    3000u /* elements */
#define CHANGES 12u   /* between stopping and going on, at most */
#define SECONDS 4.0
#define BALLAST 40u /* values written to have memory used again */

/* What the reader's last call said; shared. */
struct result {
    uint64_t calls, status, got, count;
    uint32_t element[MOST + 512];
};

struct stall {
    struct board *board;
    struct result *result;
    struct stele_store *store;
    uint32_t table, ballast;
    struct random random;
    /* the list after each change since the call began; the last is what it holds now */
    struct script_list held[CHANGES + 2];
    unsigned versions;
    uint64_t serial;
};

static const uint64_t the_key = 1;

/* ---- the reader's process ------------------------------------------------------------------ */

static void look_up(struct stall *s)
{
    struct stele_reader reader;
    struct stele_words words;
    if (!trace_me())
        _exit(2);
    if (stele_reader_attach(&reader, segment_name()) != STELE_OK ||
        stele_words_open(&reader, "lists", STELE_U64, STELE_LIST + STELE_U32, &words) != STELE_OK)
        _exit(1);
    for (;;) {
        struct result *r = s->result;
        uint64_t got = 0, count = 0;
        trace_pause();
        enum stele_status status =
            stele_words_list_get(&words, the_key, 0, r->element, MOST + 512, &got, &count);
        r->status = status;
        r->got = got;
        r->count = count;
        board_store(&r->calls, r->calls + 1);
    }
}

/* ---- the writer ------------------------------------------------------------------------------ */

static struct script_list *last(struct stall *s)
{
    return &s->held[s->versions - 1];
}

static enum stele_status perform(struct stall *s, const struct script_op *op, uint32_t version)
{
    static uint32_t packed[MOST];
    uint64_t popped;
    for (uint32_t j = 0; j < op->bytes; j++)
        packed[j] = script_element(SCRIPT_LISTS, version, j);
    switch (op->kind) {
    case SCRIPT_ERASE:
        return stele_store_erase(s->store, s->table, &the_key, 8);
    case SCRIPT_APPEND:
        return stele_store_list_append(s->store, s->table, &the_key, 8, packed, op->bytes, NULL);
    case SCRIPT_POP:
        return stele_store_list_pop(s->store, s->table, &the_key, 8, &popped);
    case SCRIPT_REMOVE:
        return stele_store_list_remove(s->store, s->table, &the_key, 8, op->element);
    default:
        return stele_store_list_replace(s->store, s->table, &the_key, 8, op->element, packed[0]);
    }
}

/* One change of the list; the new version is kept. */
static void change(struct stall *s)
{
    const struct script_list *held = last(s);
    struct script_op op = {.table = SCRIPT_LISTS, .kind = SCRIPT_APPEND, .bytes = 1};
    struct script_list after = {0, NULL};
    uint32_t version = (uint32_t)++s->serial;
    bool large = held->count + 600 > MOST;
    unsigned kind = held->count ? random_below(&s->random, 10) : 0;
    if (kind < 5 && !large)
        op.bytes = 1 + random_below(&s->random, kind ? 40 : 500);
    else
        op.kind = kind % 3 == 0 ? SCRIPT_POP : kind % 3 == 1 ? SCRIPT_REMOVE : SCRIPT_REPLACE;
    if (held->count && (large || random_below(&s->random, 30) == 0))
        op.kind = SCRIPT_ERASE;
    if (held->count)
        op.element = held->element[random_below(&s->random, held->count)];
    enum stele_status status = perform(s, &op, version);
    if (status == STELE_ENOSPC)
        return; /* it has changed nothing */
    if (status != STELE_OK)
        board_fail(s->board, "operation %u: %s", op.kind, stele_status_name(status));
    if (op.kind != SCRIPT_ERASE)
        after = script_list_after(&op, version, held);
    s->held[s->versions++] = after;
}

/* Blocks of other sizes, and lists of other keys, take what has left the quarantine. */
static void use_again(struct stall *s)
{
    static uint8_t value[9000];
    for (unsigned n = 0; n < BALLAST; n++) {
        uint64_t key = random_below(&s->random, 60);
        static const uint32_t sizes[] = {100, 480, 1000, 3000, 9000};
        uint32_t bytes = sizes[random_below(&s->random, 5)];
        memset(value, (int)n, bytes);
        enum stele_status status = stele_store_put(s->store, s->ballast, &key, 8, value, bytes);
        if (status == STELE_ENOSPC)
            stele_store_erase(s->store, s->ballast, &key, 8);
        uint64_t other = 2 + random_below(&s->random, 50);
        if (n % 3 == 0)
            stele_store_list_append(s->store, s->table, &other, 8, value, 60, NULL);
        else if (n % 3 == 1)
            stele_store_erase(s->store, s->table, &other, 8);
    }
    while (stele_store_step(s->store, 0))
        ;
}

/* ---- judging --------------------------------------------------------------------------------- */

static void judge(struct stall *s)
{
    const struct result *r = s->result;
    bool right = r->status == STELE_EBUSY; /* counted: it must not be the rule */
    board_add(s->board, right ? BOARD_BUSY : BOARD_GET, 1);
    for (unsigned i = 0; i < s->versions && !right; i++) {
        const struct script_list *list = &s->held[i];
        if (list->count == 0)
            right = r->status == STELE_ENOTFOUND;
        else
            right = r->status == STELE_OK && r->count == list->count && r->got == list->count &&
                    memcmp(r->element, list->element, list->count * 4) == 0;
    }
    if (!right)
        board_fail(s->board, "a list of %llu (%llu copied) that the key never held: %s",
                   (unsigned long long)r->count, (unsigned long long)r->got,
                   stele_status_name((enum stele_status)r->status));
}

/* Only what the list holds now is kept for the next call. */
static void forget(struct stall *s)
{
    struct script_list now = *last(s);
    for (unsigned i = 0; i + 1 < s->versions; i++)
        free(s->held[i].element);
    s->held[0] = now;
    s->versions = 1;
}

static bool stall_once(struct stall *s, pid_t pid)
{
    int state;
    uint64_t calls = s->result->calls;
    unsigned steps = random_below(&s->random, random_below(&s->random, 2) ? 300 : 3000);
    bool stands = true;
    for (unsigned n = 0; stands && n < steps && s->result->calls == calls; n++)
        stands = trace_step(pid, &state);
    bool within = s->result->calls == calls;
    for (unsigned n = random_below(&s->random, CHANGES); n > 0; n--)
        change(s);
    if (random_below(&s->random, 3))
        use_again(s);
    if (!stands || !trace_run(pid, &state))
        board_fail(s->board, "the reader died");
    judge(s);
    forget(s);
    return within;
}

START_TEST(test_stalled_in_a_list_CE)
{
    struct stele_store_options options = {
        .name = segment_name(), .max_bytes = SEGMENT, .small_pages = true, .unlocked = true};
    struct stele_table_options lists = {.type = stele_type_of(STELE_U64, STELE_LIST + STELE_U32)};
    static struct stall s;
    int state = 0;
    unsigned rounds = 0, within = 0;
    s.board = board_memory(sizeof *s.board);
    s.result = board_memory(sizeof *s.result);
    s.random.state = 11;
    s.versions = 1;
    segment_name_clean();
    fflush(NULL);
    expect_ok(stele_store_open(&options, &s.store, NULL, 0));
    expect_ok(stele_store_table_create(s.store, "lists", &lists, &s.table));
    expect_ok(stele_store_table_create(s.store, "ballast", NULL, &s.ballast));
    trace_share_processor();
    pid_t pid = fork();
    if (pid == 0)
        look_up(&s);
    if (!trace_wait(pid, &state)) {
        printf("skipped: ptrace is not permitted here\n");
        return;
    }
    double end = suite_seconds() + SECONDS * suite_scale();
    for (; (suite_seconds() < end || rounds < 100) && !board_stopped(s.board); rounds++)
        within += stall_once(&s, pid);
    trace_kill(pid);
    struct stele_store_stats stats;
    stele_store_get_stats(s.store, &stats);
    printf("%u reads, %u stalled within, EBUSY %llu, %llu bytes moved\n", rounds, within,
           (unsigned long long)s.board->count[BOARD_BUSY], (unsigned long long)stats.moved_bytes);
    board_check(s.board);
    ck_assert_uint_gt(within, 0);
    ck_assert_uint_lt(s.board->count[BOARD_BUSY] * 4, rounds);
    char text[256] = "";
    ck_assert_msg(stele_store_verify(s.store, text, sizeof text) == STELE_OK, "%s", text);
    stele_store_close(s.store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stalled_list");
    segment_name_init("stalled.list");
    tcase_add_test(suite_case(suite, "stalled_list"), test_stalled_in_a_list_CE);
    return segment_name_fini(suite_run(suite));
}
