/* Searches through long lists, which the daemon makes a slice at a time: what comes of them, of what
 * follows them on their connection, and of other connections meanwhile. */
#include "harness.h"

#include <signal.h>
#include <stdlib.h>

#define LONG  2000000u /* elements: several turns' worth */
#define TURNS 7u       /* that looking at them takes at least */

static struct stele_channel channel;
static uint16_t lists, sets, values;

static uint16_t create(const char *name, const char *text)
{
    struct stele_type type;
    uint16_t table = 0;
    ck_assert(stele_type_parse(text, &type));
    e2e_ok(stele_channel_table_create_as(&channel, name, &type, 0, &table, -1));
    return table;
}

/* A daemon with tables of each kind, and the list "k" of LONG zeros. */
static void begin(void)
{
    uint32_t *zeros = calloc(LONG, sizeof(*zeros));
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    e2e_connect(world, &channel);
    lists = create("l", "bytes->list:u32");
    sets = create("s", "bytes->set:u32");
    values = create("v", "bytes->bytes");
    e2e_ok(
        stele_channel_list_append(&channel, lists, "k", 1, zeros, LONG * sizeof(*zeros), NULL, -1));
    free(zeros);
}

static uint64_t turns(void)
{
    struct stele_daemon_stats stats;
    e2e_ok(stele_channel_stats(&channel, &stats, -1));
    return stats.turns;
}

static void collect(enum stele_status wanted)
{
    struct stele_completion done;
    e2e_ok(stele_channel_collect(&channel, &done, -1));
    e2e_is(done.status, wanted);
}

START_TEST(searches_take_turns)
{
    uint64_t before, last = 0;
    begin();
    e2e_ok(stele_channel_list_replace(&channel, lists, "k", 1, 7, 8, -1)); /* 8 is the last one */
    before = turns();
    e2e_ok(stele_channel_list_replace(&channel, lists, "k", 1, 8, 9, -1));
    ck_assert_uint_ge(turns(), before + TURNS);
    before = turns();
    e2e_is(stele_channel_list_remove(&channel, lists, "k", 1, 8, -1), STELE_ENOTFOUND);
    ck_assert_uint_ge(turns(), before + TURNS);
    before = turns();
    e2e_ok(stele_channel_list_remove(&channel, lists, "k", 1, 0, -1)); /* the first one */
    ck_assert_uint_le(turns(), before + 4);
    e2e_ok(stele_channel_list_pop(&channel, lists, "k", 1, &last, -1));
    ck_assert_uint_eq(last, 9);
    stele_channel_close(&channel);
}
END_TEST

/* Many on short lists: together they are as long. */
START_TEST(short_searches_add_up)
{
    begin();
    uint32_t *zeros = calloc(50000, sizeof(*zeros));
    e2e_ok(stele_channel_list_append(&channel, lists, "j", 1, zeros, 50000 * 4, NULL, -1));
    uint64_t before = turns();
    for (unsigned i = 0; i < 100; i++)
        e2e_ok(stele_channel_submit_list_remove(&channel, lists, "j", 1, 5, NULL));
    for (unsigned i = 0; i < 100; i++)
        collect(STELE_ENOTFOUND);
    ck_assert_uint_ge(turns(), before + 100 * 50000 / (256 << 10));
    free(zeros);
    stele_channel_close(&channel);
}
END_TEST

/* In frames and in a vector: what follows runs after it, once, and is answered in order. */
START_TEST(what_follows_waits)
{
    struct stele_completion done;
    struct stele_vector vector;
    begin();
    e2e_ok(stele_channel_submit_incr(&channel, values, "n", 1, 1, NULL));
    e2e_ok(stele_channel_submit_list_remove(&channel, lists, "k", 1, 5, NULL));
    e2e_ok(stele_channel_submit_incr(&channel, values, "n", 1, 10, NULL));
    e2e_ok(stele_channel_submit_list_replace(&channel, lists, "k", 1, 5, 6, NULL));
    e2e_ok(stele_channel_submit_get(&channel, values, "n", 1, 8, NULL));
    e2e_ok(stele_channel_collect(&channel, &done, -1));
    ck_assert_int_eq(done.number, 1);
    collect(STELE_ENOTFOUND);
    e2e_ok(stele_channel_collect(&channel, &done, -1));
    ck_assert_int_eq(done.number, 11);
    collect(STELE_OK);
    e2e_ok(stele_channel_collect(&channel, &done, -1));
    ck_assert_uint_eq(done.value_bytes, 2);
    ck_assert_mem_eq(done.value, "11", 2);
    stele_vector_init(&vector, 65536);
    for (unsigned i = 0; i < 5; i++) {
        e2e_ok(stele_vector_list_replace(&vector, lists, "k", 1, 6 + i, 7 + i));
        for (unsigned j = 0; j < 20; j++)
            e2e_ok(stele_vector_incr(&vector, values, "n", 1, 1));
    }
    e2e_ok(stele_channel_submit_vector(&channel, &vector, NULL));
    e2e_ok(stele_channel_submit_incr(&channel, values, "n", 1, 0, NULL));
    e2e_ok(stele_channel_collect(&channel, &done, -1));
    ck_assert_uint_eq(done.vector.count, 105);
    for (uint32_t i = 0; i < 105; i++)
        e2e_ok(stele_completion_status(&done, i));
    e2e_ok(stele_channel_collect(&channel, &done, -1));
    ck_assert_int_eq(done.number, 111);
    uint64_t last = 0;
    e2e_ok(stele_channel_list_pop(&channel, lists, "k", 1, &last, -1));
    ck_assert_uint_eq(last, 11);
    stele_vector_fini(&vector);
    stele_channel_close(&channel);
}
END_TEST

/* Several at once append the same to a set, in slices: each element is there once. */
START_TEST(sets_stay_sets)
{
    enum { OTHERS = 4, HELD = 20000, NEWS = 20 };
    struct stele_channel other[OTHERS];
    static uint32_t elements[HELD + NEWS];
    uint64_t added = 0, count = 0;
    begin();
    for (uint32_t i = 0; i < HELD + NEWS; i++)
        elements[i] = i;
    e2e_ok(stele_channel_list_append(&channel, sets, "k", 1, elements, HELD * 4, &added, -1));
    ck_assert_uint_eq(added, HELD);
    for (unsigned i = 0; i < OTHERS; i++) {
        e2e_connect(e2e_world(), &other[i]);
        for (unsigned j = 0; j < 3; j++)
            e2e_ok(stele_channel_submit_list_append(&other[i], sets, "k", 1, elements + HELD,
                                                    NEWS * 4, NULL));
        e2e_ok(stele_channel_flush(&other[i]));
    }
    added = 0;
    for (unsigned i = 0; i < OTHERS; i++) {
        struct stele_completion done;
        for (unsigned j = 0; j < 3; j++) {
            e2e_ok(stele_channel_collect(&other[i], &done, -1));
            e2e_ok(done.status);
            added += (uint64_t)done.number;
        }
        stele_channel_close(&other[i]);
    }
    ck_assert_uint_eq(added, NEWS);
    e2e_ok(stele_channel_list_count(&channel, sets, "k", 1, &count, -1));
    ck_assert_uint_eq(count, HELD + NEWS);
    stele_channel_close(&channel);
}
END_TEST

/* One that has gone, and one whose table has: nothing is left of them. */
START_TEST(searches_are_given_up)
{
    struct stele_channel other;
    static uint32_t elements[30000];
    uint64_t count = 0;
    begin();
    for (uint32_t i = 0; i < 30000; i++)
        elements[i] = i / 2;
    for (unsigned i = 0; i < 20; i++) {
        e2e_connect(e2e_world(), &other);
        e2e_ok(stele_channel_submit_list_append(&other, sets, "k", 1, elements, sizeof(elements),
                                                NULL));
        e2e_ok(stele_channel_submit_list_remove(&other, lists, "k", 1, 5, NULL));
        e2e_ok(stele_channel_flush(&other));
        stele_channel_close(&other);
    }
    for (unsigned i = 0; i < 30; i++)
        e2e_ok(stele_channel_submit_list_remove(&channel, lists, "k", 1, 5, NULL));
    e2e_ok(stele_channel_flush(&channel));
    e2e_connect(e2e_world(), &other);
    e2e_ok(stele_channel_table_drop(&other, lists, -1));
    for (unsigned i = 0; i < 30; i++) {
        struct stele_completion done;
        e2e_ok(stele_channel_collect(&channel, &done, -1));
        ck_assert(done.status == STELE_ENOTFOUND || done.status == STELE_ENOTABLE);
    }
    enum stele_status status = stele_channel_list_count(&other, sets, "k", 1, &count, -1);
    ck_assert(status == STELE_ENOTFOUND || (status == STELE_OK && count == 15000));
    stele_channel_close(&other);
    stele_channel_close(&channel);
    ck_assert(e2e_alive(e2e_world()));
    ck_assert_int_eq(e2e_stop(e2e_world(), SIGTERM), 0);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("slices");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 240 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, searches_take_turns);
    tcase_add_test(all, short_searches_add_up);
    tcase_add_test(all, what_follows_waits);
    tcase_add_test(all, sets_stay_sets);
    tcase_add_test(all, searches_are_given_up);
    return e2e_run(suite, argc, argv);
}
