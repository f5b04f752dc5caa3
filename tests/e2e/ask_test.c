/* stele_get_or_ask(): who answers, the segment or the daemon. */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static struct stele_channel channel;
static struct stele_reader reader;
static struct stele_table table;
static uint16_t id;
static int copy_fd; /* the segment as it was, in memory of ours */

/* A copy of the daemon's segment, attached as `reader`: what it holds is ours to change. */
static void attach_copy(const struct e2e_world *world)
{
    char path[128];
    static char page[65536];
    ssize_t count;
    snprintf(path, sizeof(path), "/dev/shm/stele.%s", world->name);
    int fd = open(path, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    copy_fd = memfd_create("copy", 0);
    ck_assert_int_ge(copy_fd, 0);
    while ((count = read(fd, page, sizeof(page))) > 0)
        ck_assert_int_eq(write(copy_fd, page, (size_t)count), count);
    ck_assert_int_eq(count, 0);
    close(fd);
    e2e_ok(stele_reader_attach_fd(&reader, copy_fd));
    e2e_ok(stele_table_open(&reader, "t", &table));
}

/*
 * Takes back the birth of the bucket where the key belongs, and of those that it was split from: as
 * far as a reader can tell, the writer is for ever in the middle of something.
 */
static void unsettle(const char *key, size_t key_bytes)
{
    const uint64_t unborn = 0;
    uint64_t hash = stelei_hash(key, key_bytes, table.map.hash_seed);
    for (int i = 0; stele_contains(&table, key, key_bytes) != STELE_EBUSY; i++) {
        struct stelei_place place;
        ck_assert_int_lt(i, 64);
        ck_assert(
            stelei_locate(&table.map, table.root, hash, stelei_map_limit(&table.map), &place));
        off_t at = (off_t)((const uint8_t *)place.head - table.map.base);
        ck_assert_int_eq(pwrite(copy_fd, &unborn, sizeof(unborn), at), sizeof(unborn));
    }
}

static void begin(void)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, (const char *const[]){"--max-bytes", "8M", NULL});
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
    e2e_ok(stele_channel_put(&channel, id, "k", 1, "old", 3, -1));
    attach_copy(world);
    /* from here on the copy and the daemon differ, which tells who answered */
    e2e_ok(stele_channel_put(&channel, id, "k", 1, "new", 3, -1));
}

static enum stele_status ask(struct stele_channel *whom, const char *key, size_t capacity,
                             char *value, size_t *bytes)
{
    return stele_get_or_ask(&table, whom, id, key, strlen(key), value, capacity, bytes,
                            E2E_PATIENCE_MS);
}

START_TEST(settled_lookups_ask_nobody)
{
    struct stele_daemon_stats before, after;
    char value[8];
    size_t bytes = 0;
    begin();
    e2e_ok(stele_channel_stats(&channel, &before, -1));
    e2e_ok(ask(&channel, "k", 8, value, &bytes));
    ck_assert_mem_eq(value, "old", 3);
    e2e_ok(ask(NULL, "k", 8, value, &bytes));
    e2e_is(ask(&channel, "k", 2, value, &bytes), STELE_ESHORT);
    e2e_is(ask(&channel, "absent", 8, value, &bytes), STELE_ENOTFOUND);
    e2e_ok(stele_channel_stats(&channel, &after, -1));
    ck_assert_uint_eq(after.commands, before.commands + 1);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(unsettled_ones_ask_the_daemon)
{
    struct stele_completion completion;
    char value[8] = "unused";
    size_t bytes = 0;
    begin();
    unsettle("k", 1);
    e2e_is(ask(NULL, "k", 8, value, &bytes), STELE_EBUSY);
    ck_assert_str_eq(value, "unused");
    e2e_ok(ask(&channel, "k", 8, value, &bytes));
    ck_assert_uint_eq(bytes, 3);
    ck_assert_mem_eq(value, "new", 3);
    e2e_is(ask(&channel, "k", 2, value, &bytes), STELE_ESHORT);
    ck_assert_uint_eq(bytes, 3);
    e2e_ok(stele_channel_erase(&channel, id, "k", 1, -1));
    e2e_is(ask(&channel, "k", 8, value, &bytes), STELE_ENOTFOUND);
    e2e_ok(stele_channel_submit_put(&channel, id, "k", 1, "v", 1, NULL));
    e2e_is(ask(&channel, "k", 8, value, &bytes), STELE_EBUSY); /* something is pending */
    e2e_ok(stele_channel_collect(&channel, &completion, -1));
    e2e_ok(ask(&channel, "k", 8, value, &bytes));
    e2e_stop(e2e_world(), SIGKILL);
    e2e_is(ask(&channel, "k", 8, value, &bytes), STELE_ECLOSED);
    e2e_is(ask(NULL, "k", 8, value, &bytes), STELE_EBUSY);
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("ask");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, settled_lookups_ask_nobody);
    tcase_add_test(all, unsettled_ones_ask_the_daemon);
    return e2e_run(suite, argc, argv);
}
