/* A channel and fork(): it stays with the process that connected it. */
#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static struct stele_channel channel;
static uint16_t id;

static void begin(void)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
}

/* Runs it in a child, and expects 0: else it is the line of the first expectation that failed. */
static void in_a_child(int (*run)(void))
{
    int status = -1;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(run() % 256);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "line %d (mod 256) of the child",
                  WEXITSTATUS(status));
}

#define CHILD_IS(call, wanted)                                                                     \
    do {                                                                                           \
        if ((call) != (wanted))                                                                    \
            return __LINE__;                                                                       \
    } while (0)

/* Every call there is, and then the end of it. */
static int every_call(void)
{
    struct stele_daemon_stats stats;
    struct stele_completion completion;
    struct stele_vector vector;
    uint16_t table = 0;
    uint32_t count = 0;
    int64_t number = 0;
    size_t bytes = 0;
    char value[8];
    int fd = -1;
    CHILD_IS(stele_channel_ping(&channel, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_put(&channel, id, "k", 1, "v", 1, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_insert(&channel, id, "k", 1, "v", 1, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_replace(&channel, id, "k", 1, "v", 1, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_erase(&channel, id, "k", 1, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_cas(&channel, id, "k", 1, "v", 1, "w", 1, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_incr(&channel, id, "k", 1, 1, &number, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_get(&channel, id, "k", 1, value, 8, &bytes, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_table_create(&channel, "u", &table, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_table_find(&channel, "t", &table, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_table_drop(&channel, id, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_table_clear(&channel, id, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_table_list(&channel, NULL, 0, &count, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_stats(&channel, &stats, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_shutdown(&channel, -1), STELE_EFORKED);
    CHILD_IS(stele_channel_segment_fd(&channel, -1, &fd), STELE_EFORKED);
    CHILD_IS(stele_channel_submit_put(&channel, id, "k", 1, "v", 1, NULL), STELE_EFORKED);
    CHILD_IS(stele_channel_submit_insert(&channel, id, "k", 1, "v", 1, NULL), STELE_EFORKED);
    CHILD_IS(stele_channel_submit_replace(&channel, id, "k", 1, "v", 1, NULL), STELE_EFORKED);
    CHILD_IS(stele_channel_submit_erase(&channel, id, "k", 1, NULL), STELE_EFORKED);
    CHILD_IS(stele_channel_submit_cas(&channel, id, "k", 1, "v", 1, "w", 1, NULL), STELE_EFORKED);
    CHILD_IS(stele_channel_submit_incr(&channel, id, "k", 1, 1, NULL), STELE_EFORKED);
    CHILD_IS(stele_channel_submit_get(&channel, id, "k", 1, 8, NULL), STELE_EFORKED);
    stele_vector_init(&vector, 1000);
    CHILD_IS(stele_vector_put(&vector, id, "k", 1, "v", 1), STELE_OK);
    CHILD_IS(stele_channel_submit_vector(&channel, &vector, NULL), STELE_EFORKED);
    CHILD_IS(stele_channel_flush(&channel), STELE_EFORKED);
    CHILD_IS(stele_channel_collect(&channel, &completion, 0), STELE_EFORKED);
    stele_channel_close(&channel);
    CHILD_IS(stele_channel_ping(&channel, -1), STELE_ECLOSED);
    return 0;
}

START_TEST(a_child_is_refused_and_nothing_is_sent)
{
    struct stele_daemon_stats before, after;
    begin();
    e2e_ok(stele_channel_stats(&channel, &before, -1));
    in_a_child(every_call);
    in_a_child(every_call); /* the close of one disturbs nobody */
    e2e_ok(stele_channel_stats(&channel, &after, -1));
    ck_assert_uint_eq(after.commands, before.commands + 1);
    ck_assert_uint_eq(after.in_bytes, before.in_bytes + 12);
    ck_assert_uint_eq(after.connections, 1);
    e2e_ok(stele_channel_put(&channel, id, "k", 1, "v", 1, -1));
    stele_channel_close(&channel);
}
END_TEST

/* What the parent has buffered at the time of the fork is sent once, by the parent. */
START_TEST(buffered_commands_run_once)
{
    struct stele_completion completion;
    int64_t number = 0;
    begin();
    for (int i = 0; i < 5; i++)
        e2e_ok(stele_channel_submit_incr(&channel, id, "n", 1, 1, NULL));
    in_a_child(every_call);
    for (int i = 0; i < 5; i++) {
        e2e_ok(stele_channel_collect(&channel, &completion, -1));
        ck_assert_int_eq(completion.number, i + 1);
    }
    e2e_ok(stele_channel_incr(&channel, id, "n", 1, 0, &number, -1));
    ck_assert_int_eq(number, 5);
    stele_channel_close(&channel);
}
END_TEST

static int ping_once(void)
{
    CHILD_IS(stele_channel_ping(&channel, -1), STELE_EFORKED);
    return 0;
}

/* A connection of its own, with which a child of this one has to begin anew in turn. */
static int use_own_connection(void)
{
    struct stele_completion completion;
    uint32_t unknown = 99;
    int status = -1;
    CHILD_IS(stele_channel_reconnect(&channel, E2E_PATIENCE_MS, &unknown), STELE_OK);
    CHILD_IS(unknown, 1); /* the parent's: this process will not learn of it */
    CHILD_IS(stele_channel_pending(&channel), 0);
    for (int i = 0; i < 100; i++)
        CHILD_IS(stele_channel_incr(&channel, id, "n", 1, 1, NULL, E2E_PATIENCE_MS), STELE_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(ping_once() % 256);
    CHILD_IS(waitpid(child, &status, 0), child);
    CHILD_IS(status, 0);
    CHILD_IS(stele_channel_submit_incr(&channel, id, "n", 1, 1, NULL), STELE_OK);
    CHILD_IS(stele_channel_collect(&channel, &completion, E2E_PATIENCE_MS), STELE_OK);
    CHILD_IS(completion.status, STELE_OK);
    stele_channel_close(&channel);
    return 0;
}

START_TEST(a_child_may_reconnect)
{
    struct stele_completion completion;
    int64_t number = 0;
    begin();
    e2e_ok(stele_channel_submit_incr(&channel, id, "n", 1, 1000, NULL));
    for (int i = 0; i < 3; i++)
        in_a_child(use_own_connection);
    e2e_ok(stele_channel_collect(&channel, &completion, -1));
    ck_assert_int_eq(completion.number, 1000 + 3 * 101); /* it was sent only now */
    e2e_ok(stele_channel_incr(&channel, id, "n", 1, 0, &number, -1));
    ck_assert_int_eq(number, 1303);
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("fork");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, a_child_is_refused_and_nothing_is_sent);
    tcase_add_test(all, buffered_commands_run_once);
    tcase_add_test(all, a_child_may_reconnect);
    return e2e_run(suite, argc, argv);
}
