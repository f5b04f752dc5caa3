/* Writing through a channel and reading from the segment: what one process acknowledges, all see. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

static struct stele_reader reader;
static struct stele_table table;

/* Opens `name` for reading, directly. */
static void look(struct e2e_world *world, const char *name)
{
    e2e_ok(stele_reader_attach(&reader, world->name));
    e2e_ok(stele_table_open(&reader, name, &table));
}

static enum stele_status value_of(const char *key, char *value, size_t capacity)
{
    size_t bytes;
    enum stele_status status = stele_get(&table, key, strlen(key), value, capacity - 1, &bytes);
    if (status == STELE_OK)
        value[bytes] = 0;
    return status;
}

START_TEST(put_is_visible_when_acknowledged)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    uint16_t id = 0;
    char value[64];
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    ck_assert_str_eq(channel.info.name, world->name);
    ck_assert(channel.info.may_write);
    ck_assert_uint_eq(channel.info.segment_bytes, UINT64_C(256) << 20);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
    look(world, "t");
    for (int i = 0; i < 2000; i++) {
        char text[32];
        snprintf(text, sizeof(text), "value %d", i);
        e2e_ok(stele_channel_put(&channel, id, "key", 3, text, strlen(text), -1));
        e2e_ok(value_of("key", value, sizeof(value)));
        ck_assert_str_eq(value, text);
    }
    e2e_ok(stele_channel_erase(&channel, id, "key", 3, -1));
    e2e_is(value_of("key", value, sizeof(value)), STELE_ENOTFOUND);
    e2e_is(stele_channel_erase(&channel, id, "key", 3, -1), STELE_ENOTFOUND);
    e2e_ok(stele_channel_put(&channel, id, NULL, 0, NULL, 0, -1)); /* empty key and value */
    e2e_ok(stele_contains(&table, "", 0));
    stele_channel_close(&channel);
    stele_channel_close(&channel); /* again: nothing */
}
END_TEST

START_TEST(tables_come_and_go)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    uint16_t id = 0, again = 0, other = 0;
    char value[8];
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    e2e_is(stele_channel_table_find(&channel, "a", &id, -1), STELE_ENOTABLE);
    e2e_ok(stele_channel_table_create(&channel, "a", &id, -1));
    e2e_is(stele_channel_table_create(&channel, "a", &again, -1), STELE_EEXIST);
    ck_assert_uint_eq(id, again);
    e2e_ok(stele_channel_table_find(&channel, "a", &again, -1));
    ck_assert_uint_eq(id, again);
    e2e_ok(stele_channel_put(&channel, id, "k", 1, "v", 1, -1));
    look(world, "a");
    e2e_ok(stele_channel_table_clear(&channel, id, -1));
    e2e_is(value_of("k", value, sizeof(value)), STELE_ENOTFOUND);
    e2e_ok(stele_channel_put(&channel, id, "k", 1, "w", 1, -1));
    e2e_ok(value_of("k", value, sizeof(value)));
    e2e_ok(stele_channel_table_drop(&channel, id, -1));
    e2e_is(value_of("k", value, sizeof(value)), STELE_EDROPPED);
    /* the old handle must not mean the table that gets the descriptor next */
    e2e_ok(stele_channel_table_create(&channel, "b", &other, -1));
    e2e_is(stele_channel_put(&channel, id, "k", 1, "v", 1, -1), STELE_ENOTABLE);
    e2e_is(stele_channel_table_clear(&channel, id, -1), STELE_ENOTABLE);
    e2e_is(stele_channel_table_drop(&channel, id, -1), STELE_ENOTABLE);
    e2e_is(stele_channel_put(&channel, 0xffff, "k", 1, "v", 1, -1), STELE_ENOTABLE);
    e2e_is(stele_channel_table_create(&channel, "", &id, -1), STELE_EINVAL);
    char long_name[65];
    memset(long_name, 'x', 64);
    long_name[64] = 0;
    e2e_is(stele_channel_table_create(&channel, long_name, &id, -1), STELE_EINVAL);
    long_name[63] = 0;
    e2e_ok(stele_channel_table_create(&channel, long_name, &id, -1));
    stele_channel_close(&channel);
}
END_TEST

START_TEST(tables_run_out)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    uint16_t id = 0;
    char name[16];
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    for (int i = 0; i < 512; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        e2e_ok(stele_channel_table_create(&channel, name, &id, -1));
    }
    e2e_is(stele_channel_table_create(&channel, "one more", &id, -1), STELE_ETABLES);
    e2e_ok(stele_channel_table_drop(&channel, id, -1));
    e2e_ok(stele_channel_table_create(&channel, "one more", &id, -1));
    stele_channel_close(&channel);
}
END_TEST

START_TEST(large_values)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    uint16_t id = 0;
    size_t bytes = 8u << 20, got = 0;
    e2e_start(world, (const char *const[]){"--max-frame", "9M", NULL});
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
    ck_assert_uint_eq(channel.info.frame_max_bytes, 9u << 20);
    uint8_t *value = malloc(10u << 20), *found = malloc(10u << 20);
    for (size_t i = 0; i < 10u << 20; i++)
        value[i] = (uint8_t)(i * 2654435761u >> 13);
    look(world, "t");
    for (size_t size = 1; size <= bytes; size *= 4) {
        e2e_ok(stele_channel_put(&channel, id, "big", 3, value, size, -1));
        e2e_ok(stele_get(&table, "big", 3, found, 10u << 20, &got));
        ck_assert_uint_eq(got, size);
        ck_assert_int_eq(memcmp(value, found, size), 0);
    }
    size_t limit = channel.info.value_max_bytes;
    e2e_ok(stele_channel_put(&channel, id, "big", 3, value, limit, -1));
    e2e_is(stele_channel_put(&channel, id, "big", 3, value, 10u << 20, -1), STELE_ETOOBIG);
    e2e_ok(stele_channel_ping(&channel, -1)); /* nothing was sent */
    e2e_is(stele_channel_put(&channel, id, value, 65536, value, 1, -1), STELE_ETOOBIG);
    e2e_ok(stele_channel_put(&channel, id, value, 65535, value, 1, -1));
    free(value);
    free(found);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(segment_descriptor)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    struct stele_completion completion;
    uint16_t id = 0;
    char value[8];
    int fd = -1;
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
    e2e_ok(stele_channel_put(&channel, id, "k", 1, "v", 1, -1));
    for (int i = 0; i < 3; i++) {
        if (fd >= 0)
            close(fd);
        e2e_ok(stele_channel_segment_fd(&channel, -1, &fd));
    }
    ck_assert(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    e2e_ok(stele_reader_attach_fd(&reader, fd));
    close(fd);
    e2e_ok(stele_table_open(&reader, "t", &table));
    e2e_ok(value_of("k", value, sizeof(value)));
    e2e_ok(stele_channel_submit_put(&channel, id, "k", 1, "w", 1, NULL));
    e2e_is(stele_channel_segment_fd(&channel, -1, &fd), STELE_EBUSY);
    e2e_ok(stele_channel_collect(&channel, &completion, -1));
    stele_channel_close(&channel);
}
END_TEST

START_TEST(full_segment_refuses_and_goes_on)
{
    struct e2e_world *world = e2e_world();
    struct stele_channel channel;
    uint16_t id = 0;
    uint32_t i = 0;
    char value[1000] = {0};
    enum stele_status status;
    e2e_start(world, (const char *const[]){"--max-bytes", "8M", NULL});
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
    look(world, "t");
    do
        status = stele_channel_put(&channel, id, &i, 4, value, sizeof(value), -1);
    while (status == STELE_OK && ++i < 100000);
    e2e_is(status, STELE_ENOSPC);
    ck_assert_uint_gt(i, 1000);
    for (uint32_t k = 0; k < i; k++)
        ck_assert_int_eq(stele_contains(&table, &k, 4), STELE_OK);
    for (uint32_t k = 0; k < i; k++)
        e2e_ok(stele_channel_erase(&channel, id, &k, 4, -1));
    for (uint32_t k = 0; k < i / 2; k++)
        e2e_ok(stele_channel_put(&channel, id, &k, 4, value, sizeof(value), -1));
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("channel");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, put_is_visible_when_acknowledged);
    tcase_add_test(all, tables_come_and_go);
    tcase_add_test(all, tables_run_out);
    tcase_add_test(all, large_values);
    tcase_add_test(all, segment_descriptor);
    tcase_add_test(all, full_segment_refuses_and_goes_on);
    return e2e_run(suite, argc, argv);
}
