/*
 * Linearizability of what goes through the socket (promises C and D): several clients put, insert,
 * replace, erase, compare and swap, increment and get a few keys, while other processes read the
 * same keys in the segment. tests/support/history.h judges each key.
 *
 * Once in peace, and once while the daemon is killed and started again: there a command without an
 * answer has happened before its client learned that the connection had ended, or never.
 */
#include <sys/prctl.h>

#include "harness.h"
#include "random.h"
#include "recorder.h"

#define KILLS   40u
#define UNIQUE  ((int64_t)1 << 40) /* values from here on are made once */
#define PLANTED 20u

struct scene {
    struct e2e_world *world;
    struct records *records;
    pid_t part[RECORDER_PARTS];
};

static const char *const arguments[] = {"--max-bytes", "64M", "--log-level", "info", NULL};

/* ---- the processes ---------------------------------------------------------------------------- */

static void start(struct scene *scene, uint32_t pause_us)
{
    struct stele_channel channel;
    uint16_t handle;
    memset(scene, 0, sizeof *scene);
    scene->world = e2e_world();
    scene->records = board_memory(sizeof *scene->records);
    e2e_start(scene->world, arguments);
    e2e_connect(scene->world, &channel);
    e2e_ok(stele_channel_table_create(&channel, RECORDER_TABLE, &handle, -1));
    stele_channel_close(&channel);
    for (uint32_t who = 0; who < RECORDER_PARTS; who++) {
        fflush(NULL);
        scene->part[who] = fork();
        ck_assert_int_ge(scene->part[who], 0);
        if (scene->part[who] > 0)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        recorder_run(scene->records, who, scene->world->socket_path, scene->world->name, pause_us);
        _exit(0);
    }
}

/* The readers go on as long as there are clients. */
static void join(struct scene *scene)
{
    struct board *board = &scene->records->board;
    for (uint32_t who = 0; who < RECORDER_PARTS; who++) {
        board_join(board, scene->part[who], "a process");
        if (who + 1 == RECORDER_CLIENTS)
            board_store(&board->stop, 1);
    }
    board_check(board);
}

/* ---- judging ---------------------------------------------------------------------------------- */

/* The history of one key: of each process in its order. The caller's to free. */
static struct history_op *gather(const struct records *records, uint32_t key, size_t *count)
{
    struct history_op *ops = malloc(RECORDER_PARTS * (size_t)RECORDER_OPS * sizeof *ops);
    ck_assert_ptr_nonnull(ops);
    *count = 0;
    for (uint32_t who = 0; who < RECORDER_PARTS; who++)
        for (uint64_t i = 0; i < records->logged[who]; i++)
            if (records->entry[who][i].key == key)
                ops[(*count)++] = records->entry[who][i].op;
    return ops;
}

static void describe(const struct history_op *op)
{
    static const char *const kinds[] = {"get", "put", "insert", "replace", "erase", "cas", "incr"};
    printf("  %llu..%llu process %u: %s value %lld expected %lld: %s %lld\n",
           (unsigned long long)op->begin, (unsigned long long)op->end, op->client, kinds[op->kind],
           (long long)op->value, (long long)op->expected,
           op->maybe ? "unknown" : stele_status_name((enum stele_status)op->status),
           (long long)op->result);
}

/* What overlaps the operation that nothing explains, and some time before. */
static void explain(const struct history_op *ops, size_t count, size_t culprit)
{
    uint64_t from = ops[culprit].begin - 200000, to = ops[culprit].end;
    printf("nothing explains");
    describe(&ops[culprit]);
    for (size_t i = 0; i < count; i++)
        if (ops[i].end >= from && ops[i].begin <= to)
            describe(&ops[i]);
    fflush(stdout);
}

/* The judge is awake: an answer that was right long before is wrong later. */
static void plant(struct history_op *ops, size_t count, struct random *random)
{
    const struct history_state nothing = {0, false};
    unsigned planted = 0;
    for (unsigned tries = 0; tries < 10000 && planted < PLANTED; tries++) {
        size_t late = random_below(random, (uint32_t)count), early, culprit = 0;
        early = random_below(random, (uint32_t)count);
        struct history_op *op = &ops[late];
        int64_t result = op->result, other = ops[early].result;
        if (op->kind != HISTORY_GET || op->maybe || op->status != STELE_OK || other == result ||
            ops[early].kind != HISTORY_GET || ops[early].maybe || other < UNIQUE ||
            ops[early].end + 20000000 > op->begin)
            continue;
        op->result = other;
        ck_assert_int_eq(history_check(ops, count, nothing, &culprit), HISTORY_BAD);
        op->result = result;
        planted++;
    }
    ck_assert_uint_eq(planted, PLANTED);
}

static void judge(struct scene *scene)
{
    static const char *const verdicts[] = {"good", "not linearizable", "too wide to judge"};
    const struct history_state nothing = {0, false};
    struct random random = {77};
    size_t all = 0, unknown = 0;
    for (uint32_t key = 0; key < RECORDER_KEYS; key++) {
        size_t count = 0, culprit = 0;
        struct history_op *ops = gather(scene->records, key, &count);
        enum history_verdict verdict = history_check(ops, count, nothing, &culprit);
        if (verdict == HISTORY_BAD)
            explain(ops, count, culprit);
        ck_assert_msg(verdict == HISTORY_GOOD, "key %u: %s", key, verdicts[verdict]);
        for (size_t i = 0; i < count; i++)
            unknown += ops[i].maybe;
        all += count;
        if (key == 0)
            plant(ops, count, &random);
        free(ops);
    }
    printf("%zu operations on %u keys are linearizable; %zu with an unknown outcome, "
           "%llu reconnects\n",
           all, RECORDER_KEYS, unknown, (unsigned long long)scene->records->reconnects);
    fflush(stdout);
}

START_TEST(linearizable_through_the_socket_CD)
{
    static struct scene scene;
    start(&scene, 0);
    join(&scene);
    judge(&scene);
    ck_assert_uint_eq(scene.records->reconnects, 0);
}
END_TEST

START_TEST(linearizable_while_the_daemon_is_killed_CDF)
{
    static struct scene scene;
    struct random random = {13};
    start(&scene, 300);
    for (unsigned n = 0; n < KILLS && !board_stopped(&scene.records->board); n++) {
        usleep(30000 + random_below(&random, 60000));
        e2e_stop(scene.world, SIGKILL);
        e2e_start(scene.world, arguments);
    }
    board_store(&scene.records->board.stop, 1);
    join(&scene);
    judge(&scene);
    ck_assert_uint_gt(scene.records->reconnects, 0);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("socket_linear");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 200);
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_loop_test(all, linearizable_through_the_socket_CD, 0, (int)suite_scaled(1));
    tcase_add_loop_test(all, linearizable_while_the_daemon_is_killed_CDF, 0, (int)suite_scaled(1));
    return e2e_run(suite, argc, argv);
}
