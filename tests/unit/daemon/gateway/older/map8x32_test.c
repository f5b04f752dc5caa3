/* map8x32.c: frames into commands, whole and cut, and replies into bytes. */
#include "gateway/gateway.h"

#include "spans.h"
#include "suite.h"

static struct gateway_session session;
static uint32_t table;
static struct net_buffer out;
static size_t used_bytes, need_bytes;

static void open_with(uint32_t rights)
{
    struct gateway_limits limits = {.frame_max_bytes = 1, .rights = rights, .tables = &table};
    gateway_open(&session, &limits);
}

static void setup(void)
{
    table = 0x203;
    open_with(COMMAND_MAY_READ | COMMAND_MAY_WRITE);
}

/* `bytes` of exactly that size, for the sanitizers. The command may point into its own memory. */
static enum gateway_progress parse(const void *bytes, size_t count, struct command *command)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(count ? count : 1);
    memcpy(copy, bytes, count);
    used_bytes = need_bytes = 0;
    memset(command, 0x5a, sizeof(*command)); /* the whole of it has to be set */
    return gateway_map8x32.parse(&session, copy, count, &used_bytes, &need_bytes, command);
}

static const struct {
    const char *bytes;
    enum command_kind kind;
} frames[] = {
    {"\x01\x2a\x39\x05\0\0", COMMAND_LIST_APPEND}, {"\x02\x2a\xff\xff\xff\xff", COMMAND_LIST_READ},
    {"\x03\x2a\x01\x02\x03\x04", COMMAND_ERASE},   {"\x04\x2a\0\0\0\0", COMMAND_TABLE_CLEAR},
    {"\x05\x2a\0\0\0\0", COMMAND_LIST_ALL},        {"\0\x2a\0\0\0\0", COMMAND_REFUSE},
    {"\x06\x2a\0\0\0\0", COMMAND_REFUSE},          {"\xff\xff\xff\xff\xff\xff", COMMAND_REFUSE}};
#define FRAMES (sizeof(frames) / sizeof(frames[0]))

START_TEST(frames_become_commands)
{
    for (size_t i = 0; i < FRAMES; i++) {
        struct command command;
        ck_assert_int_eq(parse(frames[i].bytes, 6, &command), GATEWAY_COMMAND);
        ck_assert_msg(command.kind == frames[i].kind, "frame %zu: kind %d", i, (int)command.kind);
        ck_assert_uint_eq(used_bytes, 6);
        ck_assert_uint_eq(command.table, 0x203);
        ck_assert(!command.hang_up);
        if (command.kind == COMMAND_REFUSE) {
            ck_assert_int_eq(command.refusal, STELE_ENOSYS);
            continue;
        }
        ck_assert_uint_eq(command.key_bytes, 1);
        ck_assert_uint_eq(*(const uint8_t *)command.key, 42);
    }
}
END_TEST

START_TEST(values_and_ranges)
{
    struct command command;
    uint32_t value;
    parse(frames[0].bytes, 6, &command);
    ck_assert_uint_eq(command.value_bytes, 4);
    ck_assert_uint_eq((uintptr_t)command.value % 4, 0); /* the store reads it as a number */
    memcpy(&value, command.value, 4);
    ck_assert_uint_eq(value, 1337);
    parse(frames[1].bytes, 6, &command);
    ck_assert_uint_eq(command.from, 0);
    ck_assert_uint_eq(command.most, UINT64_MAX);
    parse("\x01\xff\xff\xff\xff\xff", 6, &command);
    memcpy(&value, command.value, 4);
    ck_assert_uint_eq(value, UINT32_MAX);
    ck_assert_uint_eq(*(const uint8_t *)command.key, 255);
}
END_TEST

/* Cut at every byte: no command, and it says how much it needs. Followed by more: only its own. */
START_TEST(frames_cut_and_joined)
{
    for (size_t i = 0; i < FRAMES; i++) {
        struct command command;
        uint8_t two[12];
        for (size_t count = 0; count < 6; count++) {
            ck_assert_int_eq(parse(frames[i].bytes, count, &command), GATEWAY_MORE);
            ck_assert_uint_eq(need_bytes, 6);
            ck_assert_uint_eq(used_bytes, 0);
        }
        memcpy(two, frames[i].bytes, 6);
        memset(two + 6, 0xff, 6);
        ck_assert_int_eq(parse(two, 12, &command), GATEWAY_COMMAND);
        ck_assert_int_eq(command.kind, frames[i].kind);
        ck_assert_uint_eq(used_bytes, 6);
    }
}
END_TEST

/* It may be another one from one command to the next: somebody has dropped it. */
START_TEST(table_is_looked_up_each_time)
{
    struct command command;
    table = 0x403;
    parse(frames[0].bytes, 6, &command);
    ck_assert_uint_eq(command.table, 0x403);
    table = UINT32_MAX;
    parse(frames[4].bytes, 6, &command);
    ck_assert_uint_eq(command.table, UINT32_MAX);
}
END_TEST

START_TEST(nobody_is_told_and_hung_up_on)
{
    open_with(0);
    for (size_t i = 0; i < FRAMES; i++) {
        struct command command;
        ck_assert_int_eq(parse(frames[i].bytes, 6, &command), GATEWAY_COMMAND);
        ck_assert_int_eq(command.kind, COMMAND_REFUSE);
        ck_assert_int_eq(command.refusal, STELE_EPERM);
        ck_assert(command.hang_up);
    }
}
END_TEST

/* ---- replies -------------------------------------------------------------------------------- */

static void answer(enum command_kind kind, const struct command_reply *reply)
{
    struct command command;
    memset(&command, 0, sizeof(command));
    command.kind = kind;
    net_buffer_consume(&out, net_buffer_held(&out));
    expect_ok(net_buffer_reserve(&out, GATEWAY_REPLY_MAX_BYTES));
    gateway_map8x32.reply(&session, &command, reply, &out);
}

#define WROTE(literal)                                                                             \
    do {                                                                                           \
        ck_assert_uint_eq(net_buffer_held(&out), sizeof(literal) - 1);                             \
        ck_assert_mem_eq(net_buffer_data(&out), literal, sizeof(literal) - 1);                     \
    } while (0)

START_TEST(one_byte_says_it)
{
    static const enum command_kind kinds[] = {COMMAND_REFUSE,      COMMAND_LIST_APPEND,
                                              COMMAND_LIST_READ,   COMMAND_ERASE,
                                              COMMAND_TABLE_CLEAR, COMMAND_LIST_ALL};
    static const enum stele_status failures[] = {STELE_ENOSPC,   STELE_EPERM, STELE_EBUSY,
                                                 STELE_ENOTABLE, STELE_ETYPE, STELE_ENOSYS};
    struct command_reply reply;
    memset(&reply, 0, sizeof(reply));
    answer(COMMAND_LIST_APPEND, &reply);
    WROTE("\x01");
    answer(COMMAND_ERASE, &reply);
    WROTE("\x01");
    answer(COMMAND_TABLE_CLEAR, &reply);
    WROTE("\x01");
    reply.status = STELE_ENOTFOUND;
    answer(COMMAND_ERASE, &reply);
    WROTE("\0");
    answer(COMMAND_LIST_READ, &reply);
    WROTE("\0");
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (size_t f = 0; f < sizeof(failures) / sizeof(failures[0]); f++) {
            reply.status = failures[f];
            answer(kinds[k], &reply);
            WROTE("\x02");
        }
}
END_TEST

static const uint32_t first[] = {1337, 7, 1337}, second[] = {0}, third[] = {UINT32_MAX};

START_TEST(one_list)
{
    struct command_reply reply;
    struct spans_fake fake;
    for (uint64_t piece = 0; piece <= 3; piece++) {
        const struct spans_list list = {"\x2a", 1, first, 3, piece};
        memset(&reply, 0, sizeof(reply));
        spans_init(&fake, &list, 1, 4);
        reply.spans = &fake.spans;
        answer(COMMAND_LIST_READ, &reply);
        WROTE("\x01\x03\0\0\0\x39\x05\0\0\x07\0\0\0\x39\x05\0\0");
    }
}
END_TEST

START_TEST(all_lists)
{
    static const struct spans_list lists[] = {
        {"\x2a", 1, first, 3, 2}, {"\xc8", 1, second, 1, 0}, {"\x03", 1, third, 1, 0}};
    struct command_reply reply;
    struct spans_fake fake;
    memset(&reply, 0, sizeof(reply));
    spans_init(&fake, lists, 0, 4);
    reply.spans = &fake.spans;
    answer(COMMAND_LIST_ALL, &reply);
    WROTE("\x01\0\0\0\0");
    spans_init(&fake, lists, 3, 4);
    answer(COMMAND_LIST_ALL, &reply);
    WROTE("\x01\x03\0\0\0"
          "\x2a\x03\0\0\0\x39\x05\0\0\x07\0\0\0\x39\x05\0\0"
          "\xc8\x01\0\0\0\0\0\0\0"
          "\x03\x01\0\0\0\xff\xff\xff\xff");
}
END_TEST

/* All 256 keys, and more than is reserved for every reply. */
START_TEST(large_replies)
{
    enum { COUNT = 100000 };
    static uint32_t elements[COUNT];
    static uint8_t keys[256];
    static struct spans_list lists[256];
    struct command_reply reply;
    struct spans_fake fake;
    for (uint32_t i = 0; i < COUNT; i++)
        elements[i] = i * 2654435761u;
    for (unsigned k = 0; k < 256; k++) {
        keys[k] = (uint8_t)(255 - k);
        lists[k] = (struct spans_list){&keys[k], 1, elements, 1 + k * 300, 1 + k};
    }
    memset(&reply, 0, sizeof(reply));
    reply.spans = &fake.spans;
    spans_init(&fake, lists, 256, 4);
    answer(COMMAND_LIST_ALL, &reply);
    const uint8_t *at = net_buffer_data(&out);
    ck_assert_mem_eq(at, "\x01\0\x01\0\0", 5);
    at += 5;
    for (unsigned k = 0; k < 256; k++) {
        uint32_t count;
        memcpy(&count, at + 1, 4);
        expect(at[0] == 255 - k && count == 1 + k * 300);
        expect(memcmp(at + 5, elements, count * sizeof(uint32_t)) == 0);
        at += 5 + count * sizeof(uint32_t);
    }
    ck_assert_ptr_eq(at, net_buffer_data(&out) + net_buffer_held(&out));
}
END_TEST

static bool never_next(struct command_spans *spans, struct command_span *span)
{
    (void)spans;
    (void)span;
    ck_abort_msg("it was asked for what it has no room for");
}

START_TEST(too_large_replies)
{
    struct command_spans spans = {.next = never_next, .element_bytes = 4, .lists = 1};
    static const uint64_t counts[] = {GATEWAY_LARGE_MAX_BYTES / 4, UINT64_C(1) << 32,
                                      UINT64_C(1) << 62, UINT64_MAX};
    struct command_reply reply;
    memset(&reply, 0, sizeof(reply));
    reply.spans = &spans;
    for (int i = 0; i < 4; i++) {
        spans.element_count = counts[i];
        answer(COMMAND_LIST_READ, &reply);
        WROTE("\x02");
        answer(COMMAND_LIST_ALL, &reply);
        WROTE("\x02");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("map8x32");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, NULL);
    tcase_add_test(all, frames_become_commands);
    tcase_add_test(all, values_and_ranges);
    tcase_add_test(all, frames_cut_and_joined);
    tcase_add_test(all, table_is_looked_up_each_time);
    tcase_add_test(all, nobody_is_told_and_hung_up_on);
    tcase_add_test(all, one_byte_says_it);
    tcase_add_test(all, one_list);
    tcase_add_test(all, all_lists);
    tcase_add_test(all, large_replies);
    tcase_add_test(all, too_large_replies);
    return suite_run(suite);
}
