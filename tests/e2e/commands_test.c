/* What each command means, through the client's waiting calls and the real daemon. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define MIB ((size_t)1 << 20)

static struct stele_channel channel;
static uint16_t id;

/* A daemon, a channel to it, and the table "t". */
static void begin(const char *const *arguments)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, arguments);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
}

static enum stele_status put(const char *key, const char *value)
{
    return stele_channel_put(&channel, id, key, strlen(key), value, strlen(value), -1);
}

static enum stele_status cas(const char *key, const char *expected, const char *value)
{
    return stele_channel_cas(&channel, id, key, strlen(key), expected, strlen(expected), value,
                             strlen(value), -1);
}

static enum stele_status incr(const char *key, int64_t delta, int64_t *number)
{
    return stele_channel_incr(&channel, id, key, strlen(key), delta, number, -1);
}

/* What the key holds, asked of the daemon. */
static void expect_value(const char *key, const char *wanted)
{
    char value[64];
    size_t bytes = 0;
    e2e_ok(stele_channel_get(&channel, id, key, strlen(key), value, sizeof(value), &bytes, -1));
    ck_assert_uint_eq(bytes, strlen(wanted));
    ck_assert_mem_eq(value, wanted, bytes);
}

START_TEST(insert_and_replace)
{
    begin(NULL);
    e2e_is(stele_channel_replace(&channel, id, "k", 1, "1", 1, -1), STELE_ENOTFOUND);
    e2e_ok(stele_channel_insert(&channel, id, "k", 1, "2", 1, -1));
    e2e_is(stele_channel_insert(&channel, id, "k", 1, "3", 1, -1), STELE_EEXIST);
    expect_value("k", "2");
    e2e_ok(stele_channel_replace(&channel, id, "k", 1, "44", 2, -1));
    expect_value("k", "44");
    e2e_ok(stele_channel_erase(&channel, id, "k", 1, -1));
    e2e_ok(stele_channel_insert(&channel, id, "k", 1, NULL, 0, -1));
    expect_value("k", "");
    e2e_is(stele_channel_insert(&channel, id, "k", 1, "5", 1, -1), STELE_EEXIST);
    e2e_ok(stele_channel_insert(&channel, id, NULL, 0, "6", 1, -1));
    expect_value("", "6");
    stele_channel_close(&channel);
}
END_TEST

START_TEST(compare_and_swap)
{
    begin(NULL);
    e2e_is(cas("k", "", "1"), STELE_ENOTFOUND);
    e2e_ok(put("k", ""));
    e2e_is(cas("k", "x", "1"), STELE_EDIFFERS);
    e2e_ok(cas("k", "", "one"));
    e2e_is(cas("k", "on", "2"), STELE_EDIFFERS);
    e2e_is(cas("k", "ones", "2"), STELE_EDIFFERS);
    expect_value("k", "one");
    e2e_ok(cas("k", "one", ""));
    expect_value("k", "");
    e2e_is(stele_channel_cas(&channel, id, "k", 1, "", STELEI_VALUE_MAX_BYTES + 1u, "", 0, -1),
           STELE_ETOOBIG);
    /* large ones, of which only the last byte differs */
    char *large = calloc(1, 3 * MIB);
    e2e_ok(stele_channel_put(&channel, id, "k", 1, large, MIB, -1));
    large[MIB - 1] = 1;
    e2e_is(stele_channel_cas(&channel, id, "k", 1, large, MIB, large, 2 * MIB, -1), STELE_EDIFFERS);
    large[MIB - 1] = 0;
    e2e_ok(stele_channel_cas(&channel, id, "k", 1, large, MIB, large, 2 * MIB, -1));
    e2e_ok(stele_channel_cas(&channel, id, "k", 1, large, 2 * MIB, "x", 1, -1));
    expect_value("k", "x");
    free(large);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(increments)
{
    static const char *const not_numbers[] = {"-0", "007", " 1", "", "x", "9223372036854775808"};
    int64_t number = 0;
    begin(NULL);
    e2e_ok(incr("new", 5, &number));
    ck_assert_int_eq(number, 5);
    e2e_ok(put("k", "5"));
    e2e_ok(incr("k", -12, &number));
    ck_assert_int_eq(number, -7);
    expect_value("k", "-7");
    e2e_ok(incr("k", 7, NULL));
    expect_value("k", "0");
    e2e_ok(put("k", "9223372036854775807"));
    e2e_is(incr("k", 1, &number), STELE_ERANGE);
    ck_assert_int_eq(number, -7); /* untouched */
    e2e_ok(incr("k", INT64_MIN, &number));
    ck_assert_int_eq(number, -1);
    e2e_is(incr("k", INT64_MIN, &number), STELE_ERANGE);
    e2e_ok(incr("lowest", INT64_MIN, &number));
    ck_assert(number == INT64_MIN);
    expect_value("lowest", "-9223372036854775808");
    for (size_t i = 0; i < sizeof(not_numbers) / sizeof(not_numbers[0]); i++) {
        e2e_ok(put("k", not_numbers[i]));
        e2e_is(incr("k", 1, &number), STELE_ENOTNUMBER);
        expect_value("k", not_numbers[i]);
    }
    stele_channel_close(&channel);
}
END_TEST

START_TEST(gets)
{
    char value[8] = "unused";
    size_t bytes = 99;
    begin(NULL);
    e2e_is(stele_channel_get(&channel, id, "k", 1, value, 8, &bytes, -1), STELE_ENOTFOUND);
    ck_assert_uint_eq(bytes, 99);
    e2e_ok(put("k", "abcd"));
    e2e_is(stele_channel_get(&channel, id, "k", 1, value, 3, &bytes, -1), STELE_ESHORT);
    ck_assert_uint_eq(bytes, 4);
    ck_assert_str_eq(value, "unused");
    bytes = 0;
    e2e_is(stele_channel_get(&channel, id, "k", 1, NULL, 0, &bytes, -1), STELE_ESHORT);
    ck_assert_uint_eq(bytes, 4);
    e2e_ok(stele_channel_get(&channel, id, "k", 1, value, 4, &bytes, -1));
    ck_assert_mem_eq(value, "abcdu", 4);
    e2e_ok(put("k", ""));
    e2e_ok(stele_channel_get(&channel, id, "k", 1, NULL, 0, &bytes, -1));
    ck_assert_uint_eq(bytes, 0);
    e2e_is(stele_channel_get(&channel, (uint16_t)(id + 1), "k", 1, NULL, 0, &bytes, -1),
           STELE_ENOTABLE);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(large_gets)
{
    struct stele_daemon_stats stats;
    begin((const char *const[]){"--max-bytes", "512M", NULL});
    size_t sizes[] = {MIB, 16 * MIB, channel.info.value_max_bytes};
    uint8_t *value = malloc(64 * MIB), *found = malloc(64 * MIB);
    for (size_t i = 0; i < 64 * MIB; i++)
        value[i] = (uint8_t)(i * 2654435761u >> 13);
    for (unsigned i = 0; i < 3; i++) {
        size_t bytes = 0;
        e2e_ok(stele_channel_put(&channel, id, "k", 1, value, sizes[i], -1));
        e2e_is(stele_channel_get(&channel, id, "k", 1, found, sizes[i] - 1, &bytes, -1),
               STELE_ESHORT);
        ck_assert_uint_eq(bytes, sizes[i]);
        memset(found, 0, sizes[i]);
        e2e_ok(stele_channel_get(&channel, id, "k", 1, found, 64 * MIB, &bytes, -1));
        ck_assert_uint_eq(bytes, sizes[i]);
        ck_assert_int_eq(memcmp(value, found, bytes), 0);
    }
    /* neither end keeps the memory */
    e2e_ok(stele_channel_stats(&channel, &stats, -1));
    e2e_ok(stele_channel_stats(&channel, &stats, -1));
    ck_assert_uint_lt(stats.buffer_bytes, MIB);
    ck_assert_uint_le(channel.in_capacity, MIB);
    free(value);
    free(found);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(lists_of_tables)
{
    static struct stele_table_info infos[512];
    uint32_t count = 99;
    char name[64];
    begin(NULL);
    e2e_ok(stele_channel_table_drop(&channel, id, -1));
    e2e_ok(stele_channel_table_list(&channel, NULL, 0, &count, -1));
    ck_assert_uint_eq(count, 0);
    e2e_ok(stele_channel_table_create(&channel, "one", &id, -1));
    e2e_ok(put("key", "value"));
    e2e_ok(put("key2", "value"));
    e2e_is(stele_channel_table_list(&channel, NULL, 0, &count, -1), STELE_ESHORT);
    ck_assert_uint_eq(count, 1);
    e2e_ok(stele_channel_table_list(&channel, infos, 1, &count, -1));
    ck_assert_str_eq(infos[0].name, "one");
    ck_assert_uint_eq(infos[0].table, id);
    ck_assert_uint_eq(infos[0].entries, 2);
    ck_assert_uint_eq(infos[0].payload_bytes, 8 + 9);
    ck_assert_uint_ge(infos[0].record_bytes, 17);
    ck_assert_uint_ge(infos[0].buckets, 2);
    ck_assert_uint_gt(infos[0].index_bytes, 0);
    e2e_ok(stele_channel_table_drop(&channel, id, -1));
    for (int i = 0; i < 512; i++) {
        snprintf(name, sizeof(name), "%063d", i);
        e2e_ok(stele_channel_table_create(&channel, name, &id, -1));
    }
    e2e_is(stele_channel_table_list(&channel, infos, 511, &count, -1), STELE_ESHORT);
    e2e_ok(stele_channel_table_list(&channel, infos, 512, &count, -1));
    ck_assert_uint_eq(count, 512);
    for (int i = 0; i < 512; i++) {
        ck_assert_uint_eq(strlen(infos[i].name), 63);
        e2e_ok(stele_channel_table_find(&channel, infos[i].name, &id, -1));
        ck_assert_uint_eq(id, infos[i].table);
    }
    e2e_ok(stele_channel_ping(&channel, -1));
    stele_channel_close(&channel);
}
END_TEST

START_TEST(statistics_move)
{
    struct stele_daemon_stats before, after;
    struct stele_channel other;
    struct e2e_world *world = e2e_world();
    begin(NULL);
    e2e_ok(stele_channel_stats(&channel, &before, -1));
    ck_assert_uint_eq(before.connections, 1);
    ck_assert_uint_eq(before.tables, 1);
    ck_assert_uint_eq(before.epoch, channel.info.epoch);
    ck_assert_uint_eq(before.max_bytes, channel.info.segment_bytes);
    e2e_connect(world, &other);
    e2e_ok(put("k", "value"));
    e2e_is(cas("k", "x", "y"), STELE_EDIFFERS);
    expect_value("k", "value");
    poll(NULL, 0, 150); /* a tick of the daemon's clock */
    e2e_ok(stele_channel_stats(&channel, &after, -1));
    ck_assert_uint_eq(after.connections, 2);
    ck_assert_uint_eq(after.connections_accepted, before.connections_accepted + 1);
    ck_assert_uint_eq(after.commands, before.commands + 1 + 1 + 3); /* that STATS, HELLO, these */
    ck_assert_uint_eq(after.commands_read, before.commands_read + 1);
    ck_assert_uint_eq(after.commands_applied, before.commands_applied + 1);
    ck_assert_uint_eq(after.applied_lsn, before.applied_lsn + 1);
    ck_assert_uint_gt(after.turns, before.turns);
    ck_assert_uint_ge(after.in_bytes, before.in_bytes + 20 + (20 + 6) + (28 + 3) + 21 + 12);
    ck_assert_uint_gt(after.out_bytes, before.out_bytes);
    ck_assert_uint_gt(after.buffer_bytes, before.buffer_bytes);
    ck_assert_uint_gt(after.used_bytes, before.used_bytes);
    ck_assert_uint_gt(after.uptime_ms, before.uptime_ms);
    ck_assert_uint_eq(after.commands_full + after.commands_denied + after.protocol_errors, 0);
    stele_channel_close(&other);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(shutdown_stops_in_order)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel other;
    struct stele_completion completion;
    struct stele_reader reader;
    struct stele_table table;
    begin(NULL);
    e2e_connect(world, &other);
    e2e_ok(stele_channel_submit_put(&other, id, "k", 1, "v", 1, NULL));
    e2e_ok(stele_channel_collect(&other, &completion, -1));
    e2e_ok(stele_channel_shutdown(&channel, E2E_PATIENCE_MS)); /* the reply comes */
    ck_assert_int_eq(e2e_wait_end(world), 0);
    e2e_is(stele_channel_ping(&channel, -1), STELE_ECLOSED);
    e2e_is(stele_channel_ping(&other, -1), STELE_ECLOSED);
    ck_assert_int_ne(access(world->socket_path, F_OK), 0);
    e2e_ok(stele_reader_attach(&reader, world->name)); /* what it held stays readable */
    e2e_ok(stele_table_open(&reader, "t", &table));
    e2e_ok(stele_contains(&table, "k", 1));
    stele_channel_close(&other);
    stele_channel_close(&channel);
}
END_TEST

/* In a child that became somebody else. Returns the number of the first line that is not so. */
static int as_a_stranger(const struct e2e_world *world)
{
    struct stele_channel own;
    struct stele_daemon_stats stats;
    struct stele_vector vector;
    struct stele_completion completion;
    char value[8];
    size_t bytes = 0;
    uint32_t count = 0;
    int fd = -1;
    if (stele_channel_connect(&own, world->socket_path, E2E_PATIENCE_MS) != STELE_OK)
        return 2;
    if (own.info.rights != STELEI_RIGHT_READ || own.info.may_write || own.info.may_admin)
        return 3;
    if (own.info.frame_max_bytes != STELEI_FRAME_MIN_BYTES)
        return 4;
    if (stele_channel_get(&own, id, "k", 1, value, 8, &bytes, -1) != STELE_OK || bytes != 1 ||
        stele_channel_table_list(&own, NULL, 0, &count, -1) != STELE_ESHORT || count != 1 ||
        stele_channel_stats(&own, &stats, -1) != STELE_OK || stats.commands_denied != 0)
        return 5;
    if (stele_channel_put(&own, id, "k", 1, "x", 1, -1) != STELE_EPERM ||
        stele_channel_insert(&own, id, "n", 1, "x", 1, -1) != STELE_EPERM ||
        stele_channel_replace(&own, id, "k", 1, "x", 1, -1) != STELE_EPERM ||
        stele_channel_cas(&own, id, "k", 1, "v", 1, "x", 1, -1) != STELE_EPERM ||
        stele_channel_incr(&own, id, "n", 1, 1, NULL, -1) != STELE_EPERM ||
        stele_channel_erase(&own, id, "k", 1, -1) != STELE_EPERM)
        return 6;
    if (stele_channel_table_drop(&own, id, -1) != STELE_EPERM ||
        stele_channel_table_clear(&own, id, -1) != STELE_EPERM ||
        stele_channel_shutdown(&own, -1) != STELE_EPERM)
        return 7;
    stele_vector_init(&vector, 1000);
    stele_vector_put(&vector, id, "k", 1, "x", 1);
    stele_vector_erase(&vector, id, "k", 1);
    if (stele_channel_submit_vector(&own, &vector, NULL) != STELE_OK ||
        stele_channel_collect(&own, &completion, -1) != STELE_OK || completion.status != STELE_OK ||
        stele_completion_status(&completion, 0) != STELE_EPERM ||
        stele_completion_status(&completion, 1) != STELE_EPERM)
        return 8;
    if (stele_channel_stats(&own, &stats, -1) != STELE_OK || stats.commands_denied != 11)
        return 9;
    if (stele_channel_segment_fd(&own, -1, &fd) != STELE_OK)
        return 10;
    return 0;
}

START_TEST(strangers_may_only_read)
{
    struct e2e_world *world = e2e_world();
    int status = -1;
    begin((const char *const[]){"--mode", "0644", NULL});
    e2e_ok(put("k", "v"));
    if (geteuid() != 0)
        return; /* only root can play another user */
    pid_t child = fork();
    if (child == 0)
        _exit(setgid(65534) != 0 || setuid(65534) != 0 ? 1 : as_a_stranger(world));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    expect_value("k", "v");
    ck_assert(e2e_alive(world));
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("commands");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, insert_and_replace);
    tcase_add_test(all, compare_and_swap);
    tcase_add_test(all, increments);
    tcase_add_test(all, gets);
    tcase_add_test(all, large_gets);
    tcase_add_test(all, lists_of_tables);
    tcase_add_test(all, statistics_move);
    tcase_add_test(all, shutdown_stops_in_order);
    tcase_add_test(all, strangers_may_only_read);
    return e2e_run(suite, argc, argv);
}
