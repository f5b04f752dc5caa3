/*
 * Promises B and F at *any instruction*: the writer is single-stepped over whole operations. After
 * each instruction everything is read: all lookups and scans complete and are right, and once the
 * operation in hand was seen, it stays. At many of them the memory as it is then is copied, adopted
 * as that of a killed writer, and compared; some adoptions are single-stepped in their turn.
 */
#include "script.h"
#include "segment_name.h"
#include "trace.h"

#define SECONDS          8.0  /* with adoptions; a script */
#define SECONDS_AT_MOST  24.0 /* then the rest runs unstepped: a machine where tracing is slow */
#define ADOPT_EVERY      331u /* instructions between two adoptions */
#define STEPPED_ADOPTION 90u  /* adoptions between two that are stepped */
#define LOOK_EVERY       7u   /* instructions of a stepped adoption between two looks */

struct stepping {
    struct board *board;
    struct script_progress *progress;
    struct script script;
    struct image image, copy;
    struct script_reader reader, second;
    char copy_name[64];
    struct script_state before, after, found;
    uint64_t instructions, looks, adoptions, stepped;
    double end, last;
};

static struct stepping stepping; /* too large for a stack */

/* ---- the writer's process ------------------------------------------------------------------ */

static void write_stepped(struct stepping *s)
{
    static uint8_t value[SCRIPT_VALUE];
    struct stele_store *store = script_open(segment_name(), s->board);
    if (!store || !trace_me())
        _exit(2);
    while (stele_store_step(store, 0))
        ;
    for (unsigned i = 0; i < s->script.count; i++) {
        script_prepare(&s->script, i, value);
        trace_pause();
        board_store(&s->progress->started, i + 1);
        enum stele_status status = script_do(&s->script, i, store, value);
        board_store(&s->progress->completed, i + 1);
        if (status != STELE_OK && status != STELE_ENOTFOUND)
            board_fail(s->board, "operation %u: %s", i, stele_status_name(status));
    }
    _exit(0);
}

static void adopt_stepped(struct stepping *s)
{
    if (!trace_me())
        _exit(2);
    trace_pause();
    struct stele_store *store = script_open(s->copy_name, s->board);
    while (store && stele_store_step(store, 2))
        ;
    board_store(&s->progress->points, 1); /* done */
    _exit(0);
}

/* ---- adoption ------------------------------------------------------------------------------ */

static void expect_adopted(struct stepping *s)
{
    char text[256] = "";
    struct script_state found = s->found;
    struct stele_store *store = script_open(s->copy_name, s->board);
    if (!store)
        return;
    while (stele_store_step(store, 4))
        script_look(&s->script, &s->second, &s->found, &s->found, true, &found, s->board);
    if (stele_store_verify(store, text, sizeof text) != STELE_OK)
        board_fail(s->board, "adopted after %llu instructions: %s",
                   (unsigned long long)s->instructions, text);
    script_look(&s->script, &s->second, &s->found, &s->found, false, &found, s->board);
    stele_store_close(store);
}

/* Every so many instructions of an adoption, one that is killed half way included. */
static void step_adoption(struct stepping *s)
{
    int state;
    struct script_state found = s->found;
    uint64_t end = random_mix(s->instructions) % 150000; /* where it is killed */
    s->progress->points = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        adopt_stepped(s);
    bool stands = trace_wait(pid, &state);
    for (uint64_t n = 0; stands && n < end && !board_load(&s->progress->points); n++) {
        stands = trace_step(pid, &state);
        s->stepped++;
        if (n % LOOK_EVERY == 0)
            script_look(&s->script, &s->second, &s->found, &s->found, true, &found, s->board);
        if (board_stopped(s->board))
            break;
    }
    trace_kill(pid);
}

/* The memory as it is now is that of a writer killed here. */
static void adopt_copy(struct stepping *s)
{
    image_read(&s->copy, segment_name(), SCRIPT_BYTES);
    image_write(&s->copy, s->copy_name);
    if (script_attach(&s->second, s->copy_name) != STELE_OK)
        board_fail(s->board, "attach to the copy");
    if (++s->adoptions % STEPPED_ADOPTION == 0)
        step_adoption(s);
    expect_adopted(s);
    stele_reader_detach(&s->second.reader);
    image_remove(s->copy_name);
}

/* ---- the driver ---------------------------------------------------------------------------- */

static void look(struct stepping *s)
{
    script_look(&s->script, &s->reader, &s->before, &s->after, true, &s->found, s->board);
    s->looks++;
    if (memcmp(s->found.version, s->after.version, sizeof s->found.version) == 0 &&
        memcmp(s->found.created, s->after.created, sizeof s->found.created) == 0)
        s->before = s->after; /* no way back */
}

static uint64_t hash_of(struct stepping *s, const struct script_op *op)
{
    const struct stele_table *table = &s->reader.table[op->table].table;
    uint8_t key[KEY_MAX_BYTES];
    uint32_t key_bytes = script_key(&s->script, op->table, op->key, key);
    if (stele_type_has_word_keys(&table->type))
        return stelei_table_hash_word(table, script_word(op->key));
    return stelei_hash(key, key_bytes, table->map.hash_seed);
}

/* The head's word of the operation's key; 0 where there is none, or where it need not move. */
static uint64_t head_word(struct stepping *s, unsigned i, const struct stelei_bucket **head)
{
    const struct script_op *op = &s->script.op[i];
    struct stelei_probe probe;
    enum stelei_outcome outcome;
    uint64_t limit;
    bool moves = op->kind == SCRIPT_PUT || op->kind == SCRIPT_ERASE || op->kind > SCRIPT_APPEND;
    if (!moves || !s->reader.opened[op->table])
        return 0;
    if (!stelei_enter(&s->reader.table[op->table].table, hash_of(s, op), &probe, &limit, &outcome))
        return 0;
    *head = probe.place.head;
    return probe.place.word;
}

/* Instruction by instruction to the end of operation i. */
static bool step_operation(struct stepping *s, pid_t pid, unsigned i)
{
    int state;
    const struct stelei_bucket *head = NULL, *head_after = NULL;
    uint64_t word = head_word(s, i, &head);
    bool changes = s->script.op[i].kind != SCRIPT_ERASE ||
                   s->before.version[s->script.op[i].table][s->script.op[i].key] != 0;
    script_advance(&s->script, i, &s->after);
    if (suite_seconds() > s->last)
        return true;
    while (board_load(&s->progress->completed) <= i && !board_stopped(s->board)) {
        if (!trace_step(pid, &state))
            return false;
        if (board_load(&s->progress->started) <= i)
            continue; /* not begun */
        s->instructions++;
        look(s);
        if (s->instructions % ADOPT_EVERY == 0 && suite_seconds() < s->end)
            adopt_copy(s);
    }
    s->before = s->after;
    look(s);
    /* whoever keeps {head, version} as a token must see that something changed */
    if (word != 0 && changes &&
        head_word(s, i, &head_after) >> STELEI_VERSION_SHIFT <= word >> STELEI_VERSION_SHIFT &&
        head == head_after)
        board_fail(s->board, "operation %u has not moved the version", i);
    return true;
}

START_TEST(test_single_stepped_over_whole_operations_BF)
{
    struct stepping *s = &stepping;
    int state = 0;
    s->board = board_memory(sizeof *s->board);
    s->progress = board_memory(sizeof *s->progress);
    snprintf(s->copy_name, sizeof s->copy_name, "%s.copy", segment_name());
    if (_i)
        script_make_typed_short(&s->script);
    else
        script_make_short(&s->script);
    script_image(segment_name(), &s->image);
    image_write(&s->image, segment_name());
    expect_ok(script_attach(&s->reader, segment_name()));
    trace_share_processor();
    s->end = suite_seconds() + SECONDS * suite_scale();
    s->last = suite_seconds() + SECONDS_AT_MOST * suite_scale();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        write_stepped(s);
    bool stands = trace_wait(pid, &state);
    if (!stands && WIFEXITED(state) && WEXITSTATUS(state) == 2) {
        printf("skipped: ptrace is not permitted here\n");
        return;
    }
    for (unsigned i = 0; stands && i < s->script.count && !board_stopped(s->board); i++) {
        stands = step_operation(s, pid, i);
        if (stands && i + 1 < s->script.count)
            stands = trace_run(pid, &state);
    }
    while (stands && !board_stopped(s->board)) /* to its end */
        stands = trace_run(pid, &state);
    trace_kill(pid);
    printf("%llu instructions of %llu operations, %llu looks, %llu adoptions, %llu instructions of "
           "adoptions\n",
           (unsigned long long)s->instructions, (unsigned long long)s->progress->completed,
           (unsigned long long)s->looks, (unsigned long long)s->adoptions,
           (unsigned long long)s->stepped);
    board_check(s->board);
    ck_assert_uint_eq(s->progress->completed, s->script.count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("step");
    TCase *tcase = suite_case(suite, "step");
    segment_name_init("step");
    tcase_set_timeout(tcase, 300 * (suite_scale() > 1 ? suite_scale() : 1));
    tcase_add_loop_test(tcase, test_single_stepped_over_whole_operations_BF, 0, 2);
    return segment_name_fini(suite_run(suite));
}
