/* Many commands under way at once: order, limits, vectors, waiting. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define MIB ((size_t)1 << 20)

static struct stele_channel channel;
static struct stele_reader reader;
static struct stele_table table;
static uint16_t id;

static void begin(const char *const *arguments)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, arguments);
    e2e_connect(world, &channel);
    e2e_ok(stele_channel_table_create(&channel, "t", &id, -1));
}

static struct stele_completion next_completion(void)
{
    struct stele_completion completion;
    memset(&completion, 0x5a, sizeof(completion));
    e2e_ok(stele_channel_collect(&channel, &completion, E2E_PATIENCE_MS));
    return completion;
}

/* One of each, on one key: each sees what those before it did. */
START_TEST(every_command)
{
    struct stele_completion completion;
    uint32_t first, request;
    begin(NULL);
    e2e_is(stele_channel_collect(&channel, &completion, 0), STELE_EEND);
    e2e_ok(stele_channel_submit_replace(&channel, id, "k", 1, "0", 1, &first));
    e2e_ok(stele_channel_submit_insert(&channel, id, "k", 1, "5", 1, NULL));
    e2e_ok(stele_channel_submit_insert(&channel, id, "k", 1, "6", 1, NULL));
    e2e_ok(stele_channel_submit_incr(&channel, id, "k", 1, -12, NULL));
    e2e_ok(stele_channel_submit_cas(&channel, id, "k", 1, "-7", 2, "word", 4, NULL));
    e2e_ok(stele_channel_submit_cas(&channel, id, "k", 1, "-7", 2, "x", 1, NULL));
    e2e_ok(stele_channel_submit_get(&channel, id, "k", 1, 100, NULL));
    e2e_ok(stele_channel_submit_get(&channel, id, "k", 1, 3, NULL));
    e2e_ok(stele_channel_submit_incr(&channel, id, "k", 1, 1, NULL));
    e2e_ok(stele_channel_submit_put(&channel, id, "k", 1, NULL, 0, NULL));
    e2e_ok(stele_channel_submit_get(&channel, id, "k", 1, 0, NULL));
    e2e_ok(stele_channel_submit_erase(&channel, id, "k", 1, NULL));
    e2e_ok(stele_channel_submit_get(&channel, id, "k", 1, 100, &request));
    ck_assert_uint_eq(stele_channel_pending(&channel), 13);
    ck_assert_uint_eq(request, first + 12);
    static const enum stele_status wanted[] = {
        STELE_ENOTFOUND, STELE_OK, STELE_EEXIST,   STELE_OK,         STELE_OK,
        STELE_EDIFFERS,  STELE_OK, STELE_ESHORT,   STELE_ENOTNUMBER, STELE_OK,
        STELE_OK,        STELE_OK, STELE_ENOTFOUND};
    for (uint32_t i = 0; i < 13; i++) {
        completion = next_completion();
        ck_assert_msg(completion.status == wanted[i], "command %u: %s", i,
                      stele_status_name(completion.status));
        ck_assert_uint_eq(completion.request, first + i);
        ck_assert_uint_eq(completion.vector.count, 0);
        ck_assert_int_eq(completion.number, i == 3 ? -7 : 0);
        ck_assert_uint_eq(completion.value_bytes, i == 6 || i == 7 ? 4 : 0);
        if (i == 6)
            ck_assert_mem_eq(completion.value, "word", 4);
    }
    e2e_is(stele_channel_collect(&channel, &completion, -1), STELE_EEND);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(what_is_not_sent)
{
    char *large = calloc(1, 65536);
    struct stele_vector vector;
    begin((const char *const[]){"--max-frame", "1M", NULL});
    size_t limit = channel.info.value_max_bytes;
    char *value = calloc(1, limit + 65536);
    e2e_is(stele_channel_submit_put(&channel, id, large, 65536, "", 0, NULL), STELE_ETOOBIG);
    e2e_is(stele_channel_submit_get(&channel, id, large, 65536, 1, NULL), STELE_ETOOBIG);
    e2e_is(stele_channel_submit_incr(&channel, id, large, 65536, 1, NULL), STELE_ETOOBIG);
    e2e_is(stele_channel_submit_put(&channel, id, large, 65535, value, limit + 1, NULL),
           STELE_ETOOBIG);
    e2e_is(stele_channel_submit_cas(&channel, id, "k", 1, value, limit, value, limit, NULL),
           STELE_ETOOBIG);
    stele_vector_init(&vector, 4 * MIB);
    e2e_ok(stele_vector_put(&vector, id, "k", 1, value, limit));
    e2e_ok(stele_vector_put(&vector, id, "k", 1, value, limit));
    e2e_is(stele_channel_submit_vector(&channel, &vector, NULL), STELE_ETOOBIG);
    ck_assert_uint_eq(stele_channel_pending(&channel), 0);
    ck_assert_uint_eq(channel.reserved_bytes, 0);
    e2e_ok(stele_channel_submit_put(&channel, id, large, 65535, value, limit, NULL));
    e2e_ok(next_completion().status);
    e2e_ok(stele_channel_ping(&channel, -1));
    stele_vector_fini(&vector);
    free(large);
    free(value);
    stele_channel_close(&channel);
}
END_TEST

/* ---- many ----------------------------------------------------------------------------------- */

#define PIPELINE_KEYS 100000u

static void pipeline_entry(uint32_t i, char *key, char *value)
{
    snprintf(key, 24, "key-%u", i);
    snprintf(value, 48, "value of %u is %u", i, i * 2654435761u);
}

static enum stele_status value_of(const char *key, char *value, size_t capacity)
{
    size_t bytes;
    enum stele_status status = stele_get(&table, key, strlen(key), value, capacity - 1, &bytes);
    if (status == STELE_OK)
        value[bytes] = 0;
    return status;
}

/* In another process, as readers are. */
static int read_all(const char *segment)
{
    char key[24], value[48], found[48];
    if (stele_reader_attach(&reader, segment) != STELE_OK ||
        stele_table_open(&reader, "t", &table) != STELE_OK)
        return 2;
    for (uint32_t i = 0; i < PIPELINE_KEYS; i++) {
        pipeline_entry(i, key, value);
        if (value_of(key, found, sizeof(found)) != STELE_OK || strcmp(value, found) != 0)
            return 3;
    }
    return value_of("absent", found, sizeof(found)) == STELE_ENOTFOUND ? 0 : 4;
}

START_TEST(a_hundred_thousand)
{
    struct stele_completion completion;
    uint32_t submitted = 0, collected = 0, first = 0, request;
    char key[24], value[48];
    begin(NULL);
    while (collected < PIPELINE_KEYS) {
        while (submitted < PIPELINE_KEYS && stele_channel_pending(&channel) < 64) {
            pipeline_entry(submitted, key, value);
            e2e_ok(stele_channel_submit_put(&channel, id, key, strlen(key), value, strlen(value),
                                            &request));
            if (submitted++ == 0)
                first = request;
        }
        completion = next_completion();
        e2e_ok(completion.status);
        ck_assert_uint_eq(completion.request, first + collected);
        collected++;
    }
    e2e_is(stele_channel_collect(&channel, &completion, -1), STELE_EEND);
    pid_t child = fork();
    if (child == 0)
        _exit(read_all(e2e_world()->name));
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    stele_channel_close(&channel);
}
END_TEST

START_TEST(without_collecting_it_is_bounded)
{
    uint32_t submitted = 0;
    enum stele_status status;
    begin(NULL);
    while ((status = stele_channel_submit_put(&channel, id, "k", 1, &submitted, 4, NULL)) ==
           STELE_OK)
        submitted++;
    e2e_is(status, STELE_EBUSY);
    ck_assert_uint_eq(submitted, 65536);
    e2e_is(stele_channel_ping(&channel, -1), STELE_EBUSY); /* others are pending */
    for (uint32_t i = 0; i < submitted; i++)
        if (next_completion().status != STELE_OK)
            ck_abort_msg("command %u", i);
    e2e_ok(stele_channel_ping(&channel, -1));
    stele_channel_close(&channel);
}
END_TEST

/* A get counts with its capacity, not with what comes; one alone may be of any size. */
START_TEST(gets_count_with_their_capacity)
{
    begin(NULL);
    char *value = malloc(16 * MIB);
    for (size_t i = 0; i < 16 * MIB; i++)
        value[i] = (char)(i * 2654435761u >> 13);
    e2e_ok(stele_channel_put(&channel, id, "k", 1, value, 16 * MIB, -1));
    for (int i = 0; i < 4; i++)
        e2e_ok(stele_channel_submit_get(&channel, id, "absent", 6, 250000, NULL));
    e2e_is(stele_channel_submit_get(&channel, id, "absent", 6, 250000, NULL), STELE_EBUSY);
    for (int i = 0; i < 4; i++)
        e2e_is(next_completion().status, STELE_ENOTFOUND);
    e2e_ok(stele_channel_submit_get(&channel, id, "k", 1, 16 * MIB, NULL));
    e2e_is(stele_channel_submit_get(&channel, id, "k", 1, 0, NULL), STELE_EBUSY);
    struct stele_completion completion = next_completion();
    e2e_ok(completion.status);
    ck_assert_uint_eq(completion.value_bytes, 16 * MIB);
    ck_assert_int_eq(memcmp(completion.value, value, 16 * MIB), 0);
    for (int i = 0; i < 2; i++) {
        e2e_ok(stele_channel_submit_get(&channel, id, "k", 1, 0, NULL));
        completion = next_completion();
        e2e_is(completion.status, STELE_ESHORT);
        ck_assert_uint_eq(completion.value_bytes, 16 * MIB);
    }
    ck_assert_uint_le(channel.in_capacity, MIB); /* the memory was given back */
    free(value);
    stele_channel_close(&channel);
}
END_TEST

/* Values that come while commands go out: neither end may wait for the other in a circle. */
START_TEST(large_values_both_ways)
{
    enum { COUNT = 300, BYTES = 100000 };
    static char value[BYTES];
    uint32_t collected = 0;
    begin(NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        enum stele_status status;
        memset(value, (int)i, BYTES);
        e2e_ok(stele_channel_submit_put(&channel, id, "k", 1, value, BYTES, NULL));
        while ((status = stele_channel_submit_get(&channel, id, "k", 1, BYTES, NULL)) ==
               STELE_EBUSY) {
            struct stele_completion completion = next_completion();
            e2e_ok(completion.status);
            ck_assert_uint_eq(completion.value_bytes, collected % 2 ? BYTES : 0);
            if (collected % 2)
                ck_assert_uint_eq(((const uint8_t *)completion.value)[BYTES - 1],
                                  (uint8_t)(collected / 2));
            collected++;
        }
        e2e_ok(status);
    }
    for (; stele_channel_pending(&channel) > 0; collected++)
        e2e_ok(next_completion().status);
    ck_assert_uint_eq(collected, 2 * COUNT);
    stele_channel_close(&channel);
}
END_TEST

/* ---- vectors -------------------------------------------------------------------------------- */

START_TEST(vector_of_every_command)
{
    static const enum stele_status wanted[] = {
        STELE_ENOTFOUND, STELE_OK, STELE_EEXIST, STELE_OK,       STELE_OK,
        STELE_EDIFFERS,  STELE_OK, STELE_OK,     STELE_ENOTABLE, STELE_ENOTNUMBER};
    struct stele_completion completion;
    struct stele_vector vector;
    char value[16];
    uint32_t request;
    begin(NULL);
    stele_vector_init(&vector, 1 << 20);
    e2e_is(stele_channel_submit_vector(&channel, &vector, NULL), STELE_EINVAL);
    e2e_ok(stele_vector_replace(&vector, id, "k", 1, "1", 1));
    e2e_ok(stele_vector_insert(&vector, id, "k", 1, "5", 1));
    e2e_ok(stele_vector_insert(&vector, id, "k", 1, "6", 1));
    e2e_ok(stele_vector_incr(&vector, id, "k", 1, -12));
    e2e_ok(stele_vector_cas(&vector, id, "k", 1, "-7", 2, "word", 4));
    e2e_ok(stele_vector_cas(&vector, id, "k", 1, "-7", 2, "x", 1));
    e2e_ok(stele_vector_erase(&vector, id, "k", 1));
    e2e_ok(stele_vector_put(&vector, id, "k", 1, "last", 4));
    e2e_ok(stele_vector_put(&vector, (uint16_t)(id + 1), "k", 1, "2", 1));
    e2e_ok(stele_vector_incr(&vector, id, "k", 1, 1));
    e2e_ok(stele_channel_submit_vector(&channel, &vector, &request));
    e2e_ok(stele_channel_submit_put(&channel, id, "b", 1, "4", 1, NULL));
    completion = next_completion();
    ck_assert_uint_eq(completion.request, request);
    e2e_ok(completion.status);
    ck_assert_uint_eq(completion.vector.count, 10);
    for (uint32_t i = 0; i < 10; i++)
        e2e_is(stele_completion_status(&completion, i), wanted[i]);
    e2e_ok(next_completion().status);
    e2e_ok(stele_reader_attach(&reader, e2e_world()->name));
    e2e_ok(stele_table_open(&reader, "t", &table));
    e2e_ok(value_of("k", value, sizeof(value)));
    ck_assert_str_eq(value, "last");
    stele_vector_fini(&vector);
    stele_channel_close(&channel);
}
END_TEST

/* As many as a vector holds: more than one turn's budget. */
START_TEST(longest_vectors)
{
    struct stele_vector vector;
    begin(NULL);
    stele_vector_init(&vector, 4 << 20);
    for (uint32_t i = 0; i < 65536; i++)
        if (stele_vector_put(&vector, id, &i, 2, NULL, 0) != STELE_OK)
            ck_abort_msg("entry %u", i);
    e2e_is(stele_vector_put(&vector, id, "a", 1, "1", 1), STELE_ETOOBIG);
    for (int round = 0; round < 3; round++)
        e2e_ok(stele_channel_submit_vector(&channel, &vector, NULL));
    for (int round = 0; round < 3; round++) {
        struct stele_completion completion = next_completion();
        e2e_ok(completion.status);
        ck_assert_uint_eq(completion.vector.count, 65536);
        for (uint32_t i = 0; i < 65536; i++)
            if (stele_completion_status(&completion, i) != STELE_OK)
                ck_abort_msg("entry %u", i);
    }
    stele_vector_fini(&vector);
    stele_channel_close(&channel);
}
END_TEST

/* ---- waiting -------------------------------------------------------------------------------- */

/* The same answers with spinning and without, at both ends. */
START_TEST(spinning_on_and_off)
{
    static const char *const daemon_spins[] = {"0", "50"};
    struct e2e_world *world = e2e_world();
    for (int round = 0; round < 4; round++) {
        int64_t number = 0;
        begin((const char *const[]){"--spin-us", daemon_spins[round & 1], NULL});
        channel.spin.limit_us = round & 2 ? 100 : 0;
        for (int i = 0; i < 500; i++)
            e2e_ok(stele_channel_incr(&channel, id, "n", 1, 1, &number, E2E_PATIENCE_MS));
        ck_assert_int_eq(number, 500);
        e2e_is(stele_channel_get(&channel, id, "x", 1, NULL, 0, &(size_t){0}, 1000),
               STELE_ENOTFOUND);
        e2e_ok(stele_channel_table_drop(&channel, id, -1));
        stele_channel_close(&channel);
        ck_assert_int_eq(e2e_stop(world, SIGTERM), 0);
    }
}
END_TEST

/* A timeout of 0 takes what is there, and a pipeline may be collected later. */
START_TEST(collecting_without_waiting)
{
    struct e2e_world *world = e2e_world();
    struct stele_completion completion;
    begin(NULL);
    kill(world->pid, SIGSTOP);
    for (int i = 0; i < 100; i++)
        e2e_ok(stele_channel_submit_incr(&channel, id, "n", 1, 1, NULL));
    e2e_is(stele_channel_collect(&channel, &completion, 0), STELE_ETIMEDOUT);
    e2e_is(stele_channel_collect(&channel, &completion, 20), STELE_ETIMEDOUT);
    ck_assert_uint_eq(stele_channel_pending(&channel), 100);
    kill(world->pid, SIGCONT);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(next_completion().number, i + 1);
    stele_channel_close(&channel);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("pipeline");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, every_command);
    tcase_add_test(all, what_is_not_sent);
    tcase_add_test(all, a_hundred_thousand);
    tcase_add_test(all, without_collecting_it_is_bounded);
    tcase_add_test(all, gets_count_with_their_capacity);
    tcase_add_test(all, large_values_both_ways);
    tcase_add_test(all, vector_of_every_command);
    tcase_add_test(all, longest_vectors);
    tcase_add_test(all, spinning_on_and_off);
    tcase_add_test(all, collecting_without_waiting);
    return e2e_run(suite, argc, argv);
}
