/* The tables behind the older protocols: what native clients and readers see of them, what an
 * administrator does to them, and what becomes of their clients when the segment is full. */
#include "older.h"

#include <signal.h>
#include <sys/wait.h>

/* Starts a daemon that is expected to end by itself, and forgets what was logged before. */
static void expect_refusal(struct e2e_world *world, const char *const *arguments,
                           const char *const *texts)
{
    unlink(world->log_path);
    e2e_spawn(world, arguments, 0);
    int status = e2e_wait_end(world);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    for (; *texts; texts++)
        ck_assert_msg(e2e_logged(world, *texts), "the log does not say: %s", *texts);
}

START_TEST(tables_are_ordinary_ones)
{
    struct e2e_world *world = e2e_world();
    struct stele_table_info info;
    char type[STELE_TYPE_TEXT_BYTES];
    const uint32_t more[] = {7, 8};
    uint32_t values[4];
    older_start(world, NULL);
    older_info(world, "map8x32", &info);
    stele_type_format(&info.type, type);
    ck_assert_str_eq(type, "u8->list:u32");
    older_info(world, "usize-kv", &info);
    stele_type_format(&info.type, type);
    ck_assert_str_eq(type, "u64->list:u64");
    int fd = older_map8x32(world);
    older_send(fd, SET, 200, 6);
    older_expect(fd, 1);
    older_append(world, "map8x32", "\xc8", 1, more, sizeof(more)); /* by a native client */
    ck_assert_uint_eq(older_get(fd, 200, values, 4), 3);
    ck_assert(values[0] == 6 && values[1] == 7 && values[2] == 8);
    close(fd);
}
END_TEST

/* What was acknowledged to an older client is there for a process that maps the segment. */
START_TEST(readers_see_them)
{
    struct e2e_world *world = e2e_world();
    struct stele_reader reader;
    struct stele_words bytes, words;
    uint32_t narrow[8];
    uint64_t wide[8], got = 0, count = 0;
    older_start(world, NULL);
    e2e_ok(stele_reader_attach(&reader, world->name));
    e2e_ok(stele_words_open(&reader, "map8x32", STELE_U8, STELE_LIST + STELE_U32, &bytes));
    e2e_ok(stele_words_open(&reader, "usize-kv", STELE_U64, STELE_LIST + STELE_U64, &words));
    int fd = older_map8x32(world), tcp = older_usize_kv(world, 0);
    for (uint32_t i = 0; i < 3; i++) {
        older_send(fd, SET, 42, 100 + i);
        older_expect(fd, 1);
        e2e_ok(stele_words_list_get(&bytes, 42, 0, narrow, 8, &got, &count));
        ck_assert(got == i + 1 && count == i + 1 && narrow[i] == 100 + i);
        older_do(tcp, APPEND, UINT64_MAX, UINT64_MAX - i);
        e2e_ok(stele_words_list_get(&words, UINT64_MAX, 0, wide, 8, &got, &count));
        ck_assert(got == i + 1 && wide[i] == UINT64_MAX - i);
    }
    older_do(tcp, REMOVE, UINT64_MAX, UINT64_MAX - 1);
    e2e_ok(stele_words_list_get(&words, UINT64_MAX, 0, wide, 8, &got, &count));
    ck_assert(got == 2 && wide[0] == UINT64_MAX && wide[1] == UINT64_MAX - 2);
    older_send(fd, DELETE, 42, 0);
    older_expect(fd, 1);
    e2e_is(stele_words_list_get(&bytes, 42, 0, narrow, 8, &got, &count), STELE_ENOTFOUND);
    older_drop(world, "map8x32"); /* the table is another one now, under the same name */
    e2e_is(stele_words_list_get(&bytes, 42, 0, narrow, 8, &got, &count), STELE_EDROPPED);
    e2e_ok(stele_words_open(&reader, "map8x32", STELE_U8, STELE_LIST + STELE_U32, &bytes));
    older_send(fd, SET, 42, 7);
    older_expect(fd, 1);
    e2e_ok(stele_words_list_get(&bytes, 42, 0, narrow, 8, &got, &count));
    ck_assert(got == 1 && narrow[0] == 7);
    stele_reader_detach(&reader);
    close(fd);
    close(tcp);
}
END_TEST

/* Dropping one makes a new, empty one; who is connected notices nothing else. */
START_TEST(dropped_tables_come_back)
{
    struct e2e_world *world = e2e_world();
    struct stele_table_info before, after;
    older_start(world, NULL);
    int fd = older_map8x32(world), tcp = older_usize_kv(world, 0);
    for (int round = 0; round < 3; round++) {
        older_send(fd, SET, 1, 2);
        older_expect(fd, 1);
        older_do(tcp, APPEND, 1, 2);
        older_info(world, "map8x32", &before);
        ck_assert_uint_eq(before.entries, 1);
        older_drop(world, "map8x32");
        older_drop(world, "usize-kv");
        older_info(world, "map8x32", &after); /* nobody had to ask for it */
        ck_assert_uint_eq(after.entries, 0);
        ck_assert_uint_ne(after.table, before.table);
        older_send(fd, LIST, 0, 0);
        EXPECT(fd, "\x01\0\0\0\0");
        older_send(fd, GET, 1, 0);
        older_expect(fd, 0);
        older_read(tcp, 1, NULL, 0);
    }
    close(fd);
    close(tcp);
}
END_TEST

/* An administrator puts something else in its place before anybody can do anything about it: the
 * protocol's clients are refused, and served again when that is gone. */
START_TEST(tables_of_another_type)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_table_info info;
    uint8_t frames[64], reply[40];
    older_start(world, NULL);
    int fd = older_map8x32(world), native;
    older_info(world, "map8x32", &info);
    native = wire_greet(world);
    struct stelei_wire_create create = {.name_bytes = 7}; /* of byte strings */
    size_t bytes = stelei_encode_frame(frames, 0, STELEI_OP_TABLE_DROP, 0, info.table, 1);
    bytes += stelei_encode_create(frames + bytes, 2, &create);
    memcpy(frames + bytes, "map8x32", 7);
    e2e_raw_send(native, frames, bytes + 7); /* both in one turn of the daemon */
    ck_assert_uint_eq(e2e_raw_receive(native, reply, 32), 32);
    ck_assert_mem_eq(reply + 12, "\0\0\0\0", 4);
    ck_assert_mem_eq(reply + 28, "\0\0\0\0", 4);
    close(native);
    for (unsigned op = SET; op <= LIST; op++) {
        older_send(fd, op, 1, 2);
        older_expect(fd, 2);
    }
    ck_assert(e2e_logged(world, "table map8x32 holds bytes->bytes, but --map8x32 serves "
                                "u8->list:u32: drop that table"));
    e2e_wait_logged(world, "commands of map8x32 and usize-kv refused, the last one: ");
    /* a daemon that finds it so does not start */
    e2e_stop(world, SIGTERM);
    char path[107];
    older_path(world, path);
    expect_refusal(world, (const char *const[]){"--map8x32", path, NULL},
                   (const char *const[]){"error: table map8x32 holds bytes->bytes", NULL});
    ck_assert_int_ne(access(path, F_OK), 0);
    e2e_start(world, NULL); /* but for the option */
    e2e_connect(world, &channel);
    older_drop(world, "map8x32");
    stele_channel_close(&channel);
    e2e_stop(world, SIGTERM);
    older_start(world, NULL);
    close(fd);
    fd = older_map8x32(world);
    older_send(fd, SET, 1, 2);
    older_expect(fd, 1);
    close(fd);
}
END_TEST

/* When the segment is full both say so in the only words that they have, and go on. */
START_TEST(full_segments)
{
    struct e2e_world *world = e2e_world();
    static uint8_t frames[24 * 1000], replies[2000];
    older_start(world, (const char *const[]){"--max-bytes", "4M", NULL});
    int fd = older_map8x32(world), tcp = older_usize_kv(world, 0);
    bool full = false;
    older_send(fd, SET, 1, 0);
    older_expect(fd, 1);
    for (uint64_t n = 0; !full; n += 1000) {
        ck_assert_uint_lt(n, 1000000);
        for (uint64_t i = 0; i < 1000; i++)
            older_frame(frames + i * 24, APPEND, n + i, 1);
        e2e_raw_send(tcp, frames, sizeof(frames));
        ck_assert_uint_eq(e2e_raw_receive(tcp, replies, 1000), 1000);
        full = memchr(replies, 0xff, 1000) != NULL;
        for (int i = 0; i < 1000; i++)
            ck_assert(replies[i] == 0 || replies[i] == 0xff);
        if (full) { /* each of those has two bytes */
            close(tcp);
            tcp = older_usize_kv(world, 0);
        }
    }
    full = false;
    for (uint32_t i = 0; i < 1000000 && !full; i++) {
        uint8_t reply = 0;
        older_send(fd, SET, i % 256, i);
        ck_assert_uint_eq(e2e_raw_receive(fd, &reply, 1), 1);
        ck_assert(reply == 1 || reply == 2);
        full = reply == 2;
    }
    ck_assert(full);
    e2e_wait_logged(world, "writes refused: ");
    older_read(tcp, 0, (const uint64_t[]){1}, 1); /* reading and removing go on */
    older_do(tcp, REMOVE, 0, 1);
    older_do(tcp, EMPTY, 0, 0);
    older_send(fd, DELETE_ALL, 0, 0);
    older_expect(fd, 1);
    close(fd);
    close(tcp);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("doors_tables");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 180 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, tables_are_ordinary_ones);
    tcase_add_test(all, readers_see_them);
    tcase_add_test(all, dropped_tables_come_back);
    tcase_add_test(all, tables_of_another_type);
    tcase_add_test(all, full_segments);
    return e2e_run(suite, argc, argv);
}
