/* native_reply.c: replies into frames. */
#include <stele/detail/format.h>
#include <stele/detail/frame.h>

#include "gateway/gateway.h"

#include "suite.h"

static struct gateway_session session;

/* After HELLO. */
static void setup(void)
{
    static const struct command_facts facts = {.name = "seg", .epoch = 5, .segment_bytes = 1 << 20};
    static const char hello[] = "\x08\0\0\0\x01\0\0\0\x07\0\0\0STL1\x02\0\x02\0";
    struct gateway_limits limits = {
        .frame_max_bytes = 1 << 20, .rights = COMMAND_MAY_READ, .facts = &facts};
    size_t used_bytes = 0, need_bytes = 0;
    struct command command;
    gateway_open(&session, &limits);
    ck_assert_int_eq(gateway_native.parse(&session, (const uint8_t *)hello, sizeof(hello) - 1,
                                          &used_bytes, &need_bytes, &command),
                     GATEWAY_COMMAND);
    ck_assert_int_eq(command.kind, COMMAND_HELLO);
}

static struct net_buffer out;

static uint32_t max_bytes = UINT32_MAX; /* of the commands that are answered */

static void answer(enum command_kind kind, unsigned opcode, const struct command_reply *reply)
{
    struct command command;
    memset(&command, 0, sizeof(command));
    command.kind = kind;
    command.max_bytes = max_bytes;
    command.tag.opcode = (uint8_t)opcode;
    command.tag.request = 9;
    net_buffer_consume(&out, net_buffer_held(&out));
    expect_ok(net_buffer_reserve(&out, GATEWAY_REPLY_MAX_BYTES));
    gateway_native.reply(&session, &command, reply, &out);
}

#define WROTE(literal)                                                                             \
    do {                                                                                           \
        ck_assert_uint_eq(net_buffer_held(&out), sizeof(literal) - 1);                             \
        ck_assert_mem_eq(net_buffer_data(&out), literal, sizeof(literal) - 1);                     \
    } while (0)

START_TEST(plain_replies)
{
    struct command_reply reply;
    memset(&reply, 0, sizeof(reply));
    answer(COMMAND_PUT, STELEI_OP_PUT, &reply);
    WROTE("\x04\0\0\0\x90\0\0\0\x09\0\0\0\0\0\0\0");
    reply.status = STELE_EEXIST;
    reply.table = 0x0201;
    answer(COMMAND_TABLE_CREATE, STELEI_OP_TABLE_CREATE, &reply);
    WROTE("\x04\0\0\0\xa0\0\x01\x02\x09\0\0\0\x02\0\0\0");
    reply.table = 0;
    reply.status = STELE_EPERM;
    answer(COMMAND_STATS, STELEI_OP_STATS, &reply);
    WROTE("\x04\0\0\0\xb0\0\0\0\x09\0\0\0\x16\0\0\0");
    answer(COMMAND_INCR, STELEI_OP_INCR, &reply);
    WROTE("\x04\0\0\0\x95\0\0\0\x09\0\0\0\x16\0\0\0");
    reply.status = STELE_EBUSY; /* of a get whose value had no room */
    reply.value_bytes = 1 << 20;
    answer(COMMAND_GET, STELEI_OP_GET, &reply);
    WROTE("\x04\0\0\0\x96\0\0\0\x09\0\0\0\x05\0\0\0");
}
END_TEST

START_TEST(rich_replies)
{
    struct command_reply reply;
    memset(&reply, 0, sizeof(reply));
    reply.value = "vw";
    reply.value_bytes = 2;
    answer(COMMAND_GET, STELEI_OP_GET, &reply);
    WROTE("\x0a\0\0\0\x96\0\0\0\x09\0\0\0\0\0\0\0\x02\0\0\0vw");
    reply.value = NULL;
    reply.value_bytes = 0;
    answer(COMMAND_GET, STELEI_OP_GET, &reply);
    WROTE("\x08\0\0\0\x96\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0");
    reply.status = STELE_ESHORT;
    reply.value_bytes = 0x01020304;
    answer(COMMAND_GET, STELEI_OP_GET, &reply);
    WROTE("\x08\0\0\0\x96\0\0\0\x09\0\0\0\x04\0\0\0\x04\x03\x02\x01");
    memset(&reply, 0, sizeof(reply));
    reply.number = -2;
    answer(COMMAND_INCR, STELEI_OP_INCR, &reply);
    WROTE("\x10\0\0\0\x95\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff");
    answer(COMMAND_HELLO, STELEI_OP_HELLO, &reply);
    WROTE("\x33\0\0\0\x81\0\0\0\x09\0\0\0"
          "\0\0\0\0\x02\0\x03\0\0\0\x10\0\xff\xff\0\0\xf9\xff\x0e\0\0\0\x01\0"
          "\x05\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\x04\0\0\0\0\0\0\0seg");
}
END_TEST

START_TEST(replies_with_numbers)
{
    struct command_reply reply;
    memset(&reply, 0, sizeof(reply));
    reply.number = 0x0102;
    reply.count = 0x0304;
    answer(COMMAND_LIST_POP, STELEI_OP_LIST_POP, &reply);
    WROTE("\x10\0\0\0\xc3\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0");
    answer(COMMAND_LIST_APPEND, STELEI_OP_LIST_APPEND, &reply);
    WROTE("\x10\0\0\0\xc0\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\x04\x03\0\0\0\0\0\0");
    answer(COMMAND_LIST_COUNT, STELEI_OP_LIST_COUNT, &reply);
    WROTE("\x10\0\0\0\xc4\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\x04\x03\0\0\0\0\0\0");
    answer(COMMAND_LIST_REMOVE, STELEI_OP_LIST_REMOVE, &reply);
    WROTE("\x04\0\0\0\xc1\0\0\0\x09\0\0\0\0\0\0\0");
    reply.status = STELE_ETYPE;
    answer(COMMAND_LIST_APPEND, STELEI_OP_LIST_APPEND, &reply);
    WROTE("\x04\0\0\0\xc0\0\0\0\x09\0\0\0\x0b\0\0\0");
}
END_TEST

/* Spans that are told one after the other; private_words[0] counts them. */
static const struct command_span told[] = {{"ab", 2, 2, 3, "112233", 2, true},
                                           {"ab", 2, 2, 3, "33", 1, false},
                                           {"", 0, 2, 1, "44", 1, true}};

static bool next_span(struct command_spans *spans, struct command_span *span)
{
    if (spans->private_words[0] == 3)
        return false;
    *span = told[spans->private_words[0]++];
    return true;
}

static struct command_spans spans_of(uint64_t lists, uint64_t keys_bytes, uint64_t element_count)
{
    struct command_spans spans;
    memset(&spans, 0, sizeof(spans));
    spans.next = next_span;
    spans.lists = lists;
    spans.keys_bytes = keys_bytes;
    spans.element_count = element_count;
    spans.element_bytes = 2;
    return spans;
}

START_TEST(lists_are_told)
{
    struct command_reply reply;
    struct command_spans spans = spans_of(0, 0, 1);
    memset(&reply, 0, sizeof(reply));
    reply.spans = &spans;
    reply.count = 7;
    spans.private_words[0] = 2;
    answer(COMMAND_LIST_READ, STELEI_OP_LIST_READ, &reply);
    WROTE("\x12\0\0\0\xc5\0\0\0\x09\0\0\0\0\0\0\0\x02\0\0\0\x07\0\0\0\0\0\0\0"
          "44");
    spans = spans_of(2, 2, 4);
    answer(COMMAND_LIST_ALL, STELEI_OP_LIST_ALL, &reply);
    WROTE("\x3a\0\0\0\xc6\0\0\0\x09\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0"
          "\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"
          "ab112233"
          "\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
          "44");
    /* just enough room, and a byte too little */
    max_bytes = 32 + 2 + 8;
    spans = spans_of(2, 2, 4);
    answer(COMMAND_LIST_ALL, STELEI_OP_LIST_ALL, &reply);
    ck_assert_uint_eq(net_buffer_held(&out), 12 + 16 + 42);
    max_bytes--;
    spans = spans_of(2, 2, 4);
    answer(COMMAND_LIST_ALL, STELEI_OP_LIST_ALL, &reply);
    WROTE("\x10\0\0\0\xc6\0\0\0\x09\0\0\0\x04\0\0\0\x02\0\0\0\x2a\0\0\0\0\0\0\0");
    ck_assert_uint_eq(spans.private_words[0], 0);
    spans = spans_of(2, 0, 0); /* found out before: 10 bytes of keys and elements */
    reply.status = STELE_ESHORT;
    reply.count = 10;
    answer(COMMAND_LIST_ALL, STELEI_OP_LIST_ALL, &reply);
    WROTE("\x10\0\0\0\xc6\0\0\0\x09\0\0\0\x04\0\0\0\x02\0\0\0\x2a\0\0\0\0\0\0\0");
    reply.count = UINT64_C(1) << 40;
    answer(COMMAND_LIST_ALL, STELEI_OP_LIST_ALL, &reply);
    WROTE("\x04\0\0\0\xc6\0\0\0\x09\0\0\0\x07\0\0\0");
    reply.status = STELE_OK;
    /* more than a frame holds: nothing of it is looked at */
    max_bytes = UINT32_MAX;
    spans = spans_of(2, 2, (UINT64_C(1) << 28) + 65536);
    answer(COMMAND_LIST_ALL, STELEI_OP_LIST_ALL, &reply);
    WROTE("\x04\0\0\0\xc6\0\0\0\x09\0\0\0\x07\0\0\0");
    spans = spans_of(0, 0, UINT64_C(1) << 29);
    answer(COMMAND_LIST_READ, STELEI_OP_LIST_READ, &reply);
    WROTE("\x04\0\0\0\xc5\0\0\0\x09\0\0\0\x07\0\0\0");
    ck_assert_uint_eq(spans.private_words[0], 0);
}
END_TEST

START_TEST(statistics)
{
    struct stele_daemon_stats stats;
    struct command_reply reply;
    uint64_t *numbers = (uint64_t *)&stats;
    memset(&reply, 0, sizeof(reply));
    for (uint32_t i = 0; i < STELE_DAEMON_STATS_COUNT; i++)
        numbers[i] = (UINT64_C(1) << 56) + i;
    reply.stats = &stats;
    answer(COMMAND_STATS, STELEI_OP_STATS, &reply);
    ck_assert_uint_eq(net_buffer_held(&out), 12 + 8 + 31 * 8);
    const uint8_t *bytes = net_buffer_data(&out);
    ck_assert_mem_eq(bytes, "\0\x01\0\0\xb0\0\0\0\x09\0\0\0\0\0\0\0\x1f\0\0\0", 20);
    for (unsigned i = 0; i < 31; i++) {
        const uint8_t wanted[8] = {(uint8_t)i, 0, 0, 0, 0, 0, 0, 1};
        ck_assert_mem_eq(bytes + 20 + i * 8, wanted, 8);
    }
}
END_TEST

START_TEST(lists_of_tables)
{
    static struct stele_table_info listed[512];
    struct command_reply reply;
    memset(&reply, 0, sizeof(reply));
    reply.listed = listed;
    answer(COMMAND_TABLE_LIST, STELEI_OP_TABLE_LIST, &reply);
    WROTE("\x08\0\0\0\xa4\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0");
    strcpy(listed[0].name, "t");
    listed[0].table = 0x0201;
    listed[0].entries = 1;
    listed[0].buckets = 2;
    listed[0].lines = 3;
    listed[0].overflow = 4;
    listed[0].index_bytes = 5;
    listed[0].record_bytes = 6;
    listed[0].payload_bytes = 7;
    listed[0].type = stele_type_of_struct(STELE_U64, 16);
    listed[0].max_entries = 8;
    reply.listed_count = 1;
    answer(COMMAND_TABLE_LIST, STELEI_OP_TABLE_LIST, &reply);
    WROTE("\x59\0\0\0\xa4\0\0\0\x09\0\0\0\0\0\0\0\x01\0\0\0"
          "\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0"
          "\x05\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0"
          "\x04\x07\0\0\x10\0\0\0\x08\0\0\0\0\0\0\0\x01\x02\x01\0\0\0\0\0t");
    for (unsigned i = 0; i < 512; i++)
        memset(listed[i].name, 'n', 63);
    reply.listed_count = 512;
    answer(COMMAND_TABLE_LIST, STELEI_OP_TABLE_LIST, &reply);
    ck_assert_uint_eq(net_buffer_held(&out), 12 + 8 + 512 * (80 + 63));
}
END_TEST

START_TEST(vectors_are_answered_as_one)
{
    struct command command;
    struct command_reply reply;
    memset(&reply, 0, sizeof(reply));
    memset(&command, 0, sizeof(command));
    command.kind = COMMAND_INCR; /* its sum is not told */
    command.tag.opcode = STELEI_OP_VECTOR;
    command.tag.request = 9;
    command.tag.vector_count = 3;
    expect_ok(net_buffer_reserve(&out, GATEWAY_REPLY_MAX_BYTES));
    for (uint32_t i = 0; i < 3; i++) {
        command.tag.vector_index = i;
        reply.status = i == 1 ? STELE_ENOTABLE : STELE_OK;
        gateway_native.reply(&session, &command, &reply, &out);
    }
    WROTE("\x0e\0\0\0\x98\0\0\0\x09\0\0\0\0\0\0\0\x03\0\0\0\0\0\x09\0\0\0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("native_reply");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, NULL);
    tcase_add_test(all, plain_replies);
    tcase_add_test(all, rich_replies);
    tcase_add_test(all, replies_with_numbers);
    tcase_add_test(all, lists_are_told);
    tcase_add_test(all, statistics);
    tcase_add_test(all, lists_of_tables);
    tcase_add_test(all, vectors_are_answered_as_one);
    return suite_run(suite);
}
