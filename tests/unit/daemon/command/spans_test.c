/* spans.c: what LIST_READ and LIST_ALL tell, span by span. */
#include "commands.h"

static struct command_reply put(uint32_t handle, const void *key, size_t key_bytes,
                                const void *elements, size_t bytes)
{
    struct command command = command_on(COMMAND_LIST_APPEND, handle, key, key_bytes);
    command.value = elements;
    command.value_bytes = (uint32_t)bytes;
    return run(&command, ALL_RIGHTS);
}

/* Numbers 0, 1, 2... */
static void fill(uint32_t handle, const void *key, size_t key_bytes, uint16_t count)
{
    static uint16_t elements[UINT16_MAX];
    for (uint16_t i = 0; i < count; i++)
        elements[i] = i;
    expect_ok(put(handle, key, key_bytes, elements, count * sizeof(*elements)).status);
}

static struct command reading(uint32_t handle, uint64_t from, uint64_t most, uint32_t max_bytes)
{
    struct command command = command_of(COMMAND_LIST_READ, handle, "k");
    command.from = from;
    command.most = most;
    command.max_bytes = max_bytes;
    return command;
}

/* That elements [from, from + count) come, of 10,000. */
static void expect_part(const struct command *command, uint64_t from, uint64_t count)
{
    struct command_reply reply = run(command, COMMAND_MAY_READ);
    struct command_span span;
    uint64_t at = 0;
    expect_ok(reply.status);
    ck_assert_uint_eq(reply.count, 10000);
    ck_assert_uint_eq(reply.spans->element_count, count);
    ck_assert_uint_eq(reply.spans->element_bytes, 2);
    while (reply.spans->next(reply.spans, &span)) {
        expect(span.count > 0 && at + span.count <= count && span.element_bytes == 2);
        expect(span.list_count == 10000 && span.first == (at == 0));
        expect(span.key_bytes == 1 && memcmp(span.key, "k", 1) == 0);
        for (uint64_t i = 0; i < span.count; i++)
            expect(((const uint16_t *)span.elements)[i] == from + at + i);
        at += span.count;
    }
    expect(!reply.spans->next(reply.spans, &span));
    ck_assert_uint_eq(at, count);
}

START_TEST(parts_of_a_list)
{
    static const struct {
        uint64_t from, most;
        uint32_t max_bytes;
        uint64_t count;
    } parts[] = {{0, UINT64_MAX, 0, 10000},
                 {0, UINT64_MAX, UINT32_MAX, 10000},
                 {0, 0, 0, 0},
                 {0, 1, 0, 1},
                 {9999, UINT64_MAX, 0, 1},
                 {10000, UINT64_MAX, 0, 0},
                 {UINT64_MAX, UINT64_MAX, 0, 0},
                 {5, UINT64_MAX, 1, 0},
                 {5, UINT64_MAX, 2, 1},
                 {5, UINT64_MAX, 3, 1},
                 {5, 7, 4, 2},
                 {5, 2, 400, 2},
                 {100, 9000, 0, 9000},
                 {3333, UINT64_MAX, 4000, 2000}};
    uint32_t table = commands_table("t", "bytes->list:u16", 0);
    struct command command = reading(table, 0, UINT64_MAX, 0);
    expect_status(run(&command, COMMAND_MAY_READ).status, STELE_ENOTFOUND);
    fill(table, "k", 1, 10000);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        command = reading(table, parts[i].from, parts[i].most, parts[i].max_bytes);
        expect_part(&command, parts[i].from, parts[i].count);
    }
    ck_assert_uint_eq(context->counters.commands_read, 1 + sizeof(parts) / sizeof(parts[0]));
}
END_TEST

/* 200 lists of 1 to 2000 elements; each comes once, whole, its spans one after the other. */
START_TEST(all_lists)
{
    uint32_t table = commands_table("t", "u16->list:u16", 0);
    struct command all = command_of(COMMAND_LIST_ALL, table, "");
    struct command_reply reply = run(&all, COMMAND_MAY_READ);
    struct command_span span;
    uint64_t elements = 0, told[200] = {0}, lists = 0;
    expect_ok(reply.status);
    expect(reply.spans->lists == 0 && reply.spans->element_count == 0);
    expect(!reply.spans->next(reply.spans, &span));
    for (uint16_t key = 0; key < 200; key++) {
        fill(table, &key, 2, (uint16_t)(1 + key * 10));
        elements += 1 + key * 10u;
    }
    reply = run(&all, COMMAND_MAY_READ);
    ck_assert_uint_eq(reply.spans->lists, 200);
    ck_assert_uint_eq(reply.spans->keys_bytes, 400);
    ck_assert_uint_eq(reply.spans->element_count, elements);
    ck_assert_uint_eq(reply.spans->element_bytes, 2);
    while (reply.spans->next(reply.spans, &span)) {
        uint16_t key;
        expect(span.key_bytes == 2);
        memcpy(&key, span.key, 2);
        expect(key < 200 && span.list_count == 1 + key * 10u);
        expect(span.first == (told[key] == 0));
        lists += span.first;
        for (uint64_t i = 0; i < span.count; i++)
            expect(((const uint16_t *)span.elements)[i] == told[key] + i);
        told[key] += span.count;
    }
    ck_assert_uint_eq(lists, 200);
    for (uint16_t key = 0; key < 200; key++)
        ck_assert_uint_eq(told[key], 1 + key * 10u);
    /* as much as is wanted, and a byte less: then nothing is looked at */
    all.max_bytes = (uint32_t)(400 + elements * 2);
    expect_ok(run(&all, COMMAND_MAY_READ).status);
    all.max_bytes--;
    reply = run(&all, COMMAND_MAY_READ);
    expect_status(reply.status, STELE_ESHORT);
    ck_assert_uint_eq(reply.count, 400 + elements * 2);
    ck_assert_uint_eq(reply.spans->lists, 200);
    struct command gone = command_of(COMMAND_LIST_ALL, 0xffff, "");
    expect_status(run(&gone, COMMAND_MAY_READ).status, STELE_ENOTABLE);
}
END_TEST

START_TEST(all_lists_of_byte_keys)
{
    uint32_t table = commands_table("t", "bytes->list:u8", 0);
    struct command all = command_of(COMMAND_LIST_ALL, table, "");
    struct command_span span;
    unsigned seen = 0;
    expect_ok(put(table, "", 0, "x", 1).status);
    expect_ok(put(table, "long key", 8, "yz", 2).status);
    struct command_reply reply = run(&all, COMMAND_MAY_READ);
    ck_assert_uint_eq(reply.spans->lists, 2);
    ck_assert_uint_eq(reply.spans->keys_bytes, 8);
    ck_assert_uint_eq(reply.spans->element_count, 3);
    while (reply.spans->next(reply.spans, &span)) {
        seen += span.key_bytes == 0 ? 1 : 100;
        ck_assert_uint_eq(span.count, span.key_bytes == 0 ? 1 : 2);
        ck_assert_mem_eq(span.key, "long key", span.key_bytes);
        ck_assert_mem_eq(span.elements, span.key_bytes == 0 ? "x" : "yz", span.count);
    }
    ck_assert_uint_eq(seen, 101);
    all.max_bytes = 11;
    ck_assert_uint_eq(run(&all, COMMAND_MAY_READ).spans->keys_bytes, 8);
    all.max_bytes = 10;
    reply = run(&all, COMMAND_MAY_READ);
    expect_status(reply.status, STELE_ESHORT);
    ck_assert_uint_eq(reply.count, 11);
    ck_assert_uint_eq(reply.spans->lists, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spans");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, commands_begin, commands_end);
    tcase_add_test(all, parts_of_a_list);
    tcase_add_test(all, all_lists);
    tcase_add_test(all, all_lists_of_byte_keys);
    return suite_run(suite);
}
