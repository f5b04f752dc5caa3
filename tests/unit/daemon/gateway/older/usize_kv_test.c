/* usize_kv.c: frames into commands, whole and cut, replies into bytes, DUMP into text. */
#include "gateway/gateway.h"

#include "spans.h"
#include "suite.h"

static struct gateway_session session;
static uint32_t table;
static struct net_buffer out;
static size_t used_bytes, need_bytes;

/* What was printed. */
static struct {
    char text[1 << 20];
    size_t bytes;
    unsigned calls, lasts;
    unsigned takes; /* calls, after which it takes no more */
} printed;

static bool take(void *context, const char *text, size_t bytes, bool last)
{
    ck_assert_ptr_eq(context, &printed);
    printed.calls++;
    if (printed.calls > printed.takes)
        return false;
    expect(printed.bytes + bytes < sizeof(printed.text));
    memcpy(printed.text + printed.bytes, text, bytes);
    printed.bytes += bytes;
    printed.lasts += last;
    return true;
}

static const struct gateway_printer printer = {take, &printed};

static void setup(void)
{
    struct gateway_limits limits = {.frame_max_bytes = 1,
                                    .rights = COMMAND_MAY_READ | COMMAND_MAY_WRITE,
                                    .tables = &table,
                                    .printer = &printer};
    table = 0x203;
    printed.takes = UINT32_MAX;
    gateway_open(&session, &limits);
}

/* Of exactly that size, for the sanitizers. */
static enum gateway_progress parse(const void *bytes, size_t count, struct command *command)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(count ? count : 1);
    memcpy(copy, bytes, count);
    used_bytes = need_bytes = 0;
    memset(command, 0x5a, sizeof(*command)); /* the whole of it has to be set */
    return gateway_usize_kv.parse(&session, copy, count, &used_bytes, &need_bytes, command);
}

#define REST "\x01\x02\x03\x04\x05\x06\x07\x08\xf1\0\0\0\0\0\0\xf2"

static const struct {
    const char *bytes;
    enum command_kind kind;
} frames[] = {{"\0\0\0\0\0\0\0\0" REST, COMMAND_LIST_READ},
              {"\0\0\0\0\0\0\0\x01" REST, COMMAND_LIST_APPEND},
              {"\0\0\0\0\0\0\0\x02" REST, COMMAND_LIST_REPLACE},
              {"\0\0\0\0\0\0\0\x03" REST, COMMAND_LIST_REMOVE},
              {"\0\0\0\0\0\0\0\x04" REST, COMMAND_TABLE_CLEAR},
              {"\0\0\0\0\0\0\0\x05" REST, COMMAND_LIST_ALL},
              {"\0\0\0\0\0\0\0\x09" REST, COMMAND_PING},
              /* the lowest byte alone is looked at */
              {"\xff\xff\xff\xff\xff\xff\xff\0" REST, COMMAND_LIST_READ},
              {"\x09\0\0\0\0\0\x02\x01" REST, COMMAND_LIST_APPEND},
              {"\0\0\0\0\0\0\0\x06" REST, COMMAND_REFUSE},
              {"\0\0\0\0\0\0\0\x08" REST, COMMAND_REFUSE},
              {"\0\0\0\0\0\0\0\x0a" REST, COMMAND_REFUSE},
              {"\0\0\0\0\0\0\x01\xff" REST, COMMAND_REFUSE}};
#define FRAMES (sizeof(frames) / sizeof(frames[0]))

START_TEST(frames_become_commands)
{
    for (size_t i = 0; i < FRAMES; i++) {
        struct command command;
        uint64_t word;
        ck_assert_int_eq(parse(frames[i].bytes, 24, &command), GATEWAY_COMMAND);
        ck_assert_msg(command.kind == frames[i].kind, "frame %zu: kind %d", i, (int)command.kind);
        ck_assert_uint_eq(used_bytes, 24);
        ck_assert_uint_eq(command.table, 0x203);
        ck_assert(!command.hang_up);
        if (command.kind == COMMAND_REFUSE) {
            ck_assert_int_eq(command.refusal, STELE_ENOSYS);
            continue;
        }
        ck_assert_uint_eq(command.key_bytes, 8);
        memcpy(&word, command.key, 8);
        ck_assert_uint_eq(word, UINT64_C(0x0102030405060708));
        ck_assert_uint_eq(command.value_bytes, 8);
        memcpy(&word, command.value, 8);
        ck_assert_uint_eq(word, UINT64_C(0xf1000000000000f2));
        ck_assert_uint_eq(command.element, word); /* UPDATE, REMOVE: the first such */
        ck_assert_uint_eq(command.from, 0);
        ck_assert_uint_eq(command.most, UINT64_MAX);
    }
}
END_TEST

START_TEST(frames_cut_and_joined)
{
    for (size_t i = 0; i < FRAMES; i++) {
        struct command command;
        uint8_t two[48];
        for (size_t count = 0; count < 24; count++) {
            ck_assert_int_eq(parse(frames[i].bytes, count, &command), GATEWAY_MORE);
            ck_assert_uint_eq(need_bytes, 24);
            ck_assert_uint_eq(used_bytes, 0);
        }
        memcpy(two, frames[i].bytes, 24);
        memset(two + 24, 0xff, 24);
        ck_assert_int_eq(parse(two, 48, &command), GATEWAY_COMMAND);
        ck_assert_int_eq(command.kind, frames[i].kind);
        ck_assert_uint_eq(used_bytes, 24);
    }
}
END_TEST

/* A batch of them is held at once: each has its own words. */
START_TEST(commands_do_not_share)
{
    struct command commands[2];
    uint64_t word;
    parse("\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02", 24, &commands[0]);
    table = 7;
    parse("\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04", 24, &commands[1]);
    memcpy(&word, commands[0].key, 8);
    ck_assert_uint_eq(word, 1);
    memcpy(&word, commands[0].value, 8);
    ck_assert_uint_eq(word, 2);
    memcpy(&word, commands[1].key, 8);
    ck_assert_uint_eq(word, 3);
    ck_assert_uint_eq(commands[0].table, 0x203);
    ck_assert_uint_eq(commands[1].table, 7);
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
    gateway_usize_kv.reply(&session, &command, reply, &out);
}

#define WROTE(literal)                                                                             \
    do {                                                                                           \
        ck_assert_uint_eq(net_buffer_held(&out), sizeof(literal) - 1);                             \
        ck_assert_mem_eq(net_buffer_data(&out), literal, sizeof(literal) - 1);                     \
    } while (0)

static const enum command_kind changes[] = {COMMAND_LIST_APPEND, COMMAND_LIST_REPLACE,
                                            COMMAND_LIST_REMOVE, COMMAND_TABLE_CLEAR, COMMAND_PING};

START_TEST(changes_are_done_or_not)
{
    static const enum stele_status failures[] = {STELE_ENOSPC,   STELE_EPERM, STELE_EBUSY,
                                                 STELE_ENOTABLE, STELE_ETYPE, STELE_ENOSYS};
    struct command_reply reply;
    memset(&reply, 0, sizeof(reply));
    for (size_t k = 0; k < sizeof(changes) / sizeof(changes[0]); k++) {
        reply.status = STELE_OK;
        answer(changes[k], &reply);
        WROTE("\0");
        for (size_t f = 0; f < sizeof(failures) / sizeof(failures[0]); f++) {
            reply.status = failures[f];
            answer(changes[k], &reply);
            WROTE("\xff\xff");
            answer(COMMAND_LIST_READ, &reply);
            WROTE("\xff\xff");
            answer(COMMAND_LIST_ALL, &reply);
            WROTE("\xff\xff");
        }
    }
    reply.status = STELE_ENOTFOUND; /* REMOVE of what is not there */
    answer(COMMAND_LIST_REMOVE, &reply);
    WROTE("\0");
    reply.status = STELE_ENOSYS;
    answer(COMMAND_REFUSE, &reply);
    WROTE("\xff\xff");
}
END_TEST

START_TEST(read_in_pieces)
{
    static const uint64_t elements[] = {2, 3, UINT64_C(0x0102030405060708)};
    struct command_reply reply;
    struct spans_fake fake;
    uint64_t key = 1;
    memset(&reply, 0, sizeof(reply));
    for (uint64_t piece = 0; piece <= 3; piece++) {
        const struct spans_list list = {&key, 8, elements, 3, piece};
        spans_init(&fake, &list, 1, 8);
        reply.spans = &fake.spans;
        answer(COMMAND_LIST_READ, &reply);
        WROTE("\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\x01\x02\x03\x04\x05\x06\x07\x08");
    }
    memset(&reply, 0, sizeof(reply));
    reply.status = STELE_ENOTFOUND;
    answer(COMMAND_LIST_READ, &reply);
    WROTE("");
}
END_TEST

static bool never_next(struct command_spans *spans, struct command_span *span)
{
    (void)spans;
    (void)span;
    ck_abort_msg("it was asked for what it has no room for");
}

START_TEST(read_of_too_much)
{
    struct command_spans spans = {.next = never_next, .element_bytes = 8, .lists = 1};
    static const uint64_t counts[] = {GATEWAY_LARGE_MAX_BYTES / 8 + 1, UINT64_C(1) << 61,
                                      UINT64_MAX};
    struct command_reply reply;
    memset(&reply, 0, sizeof(reply));
    reply.spans = &spans;
    for (int i = 0; i < 3; i++) {
        spans.element_count = counts[i];
        answer(COMMAND_LIST_READ, &reply);
        WROTE("\xff\xff");
    }
}
END_TEST

/* ---- DUMP ----------------------------------------------------------------------------------- */

static void dump(const struct spans_list *lists, uint32_t count)
{
    struct command_reply reply;
    struct spans_fake fake;
    memset(&reply, 0, sizeof(reply));
    spans_init(&fake, lists, count, 8);
    reply.spans = &fake.spans;
    answer(COMMAND_LIST_ALL, &reply);
    WROTE("");
}

START_TEST(dump_a_line_each)
{
    static const uint64_t keys[] = {1, 0, UINT64_MAX};
    static const uint64_t elements[] = {2, 3, 2, UINT64_MAX, 0};
    const struct spans_list lists[] = {{&keys[0], 8, elements, 3, 2},
                                       {&keys[1], 8, elements + 3, 1, 0},
                                       {&keys[2], 8, elements + 4, 1, 0}};
    static const char wanted[] = "1 : [2, 3, 2]\n"
                                 "0 : [18446744073709551615]\n"
                                 "18446744073709551615 : [0]\n";
    dump(lists, 3);
    ck_assert_uint_eq(printed.bytes, sizeof(wanted) - 1);
    ck_assert_mem_eq(printed.text, wanted, sizeof(wanted) - 1);
    ck_assert_uint_eq(printed.lasts, 1);
    printed.bytes = 0;
    dump(lists, 0);
    ck_assert_uint_eq(printed.bytes, 0);
    ck_assert_uint_eq(printed.lasts, 2);
}
END_TEST

/* Longer than what is passed on at a time, with every length of number on the way. */
START_TEST(dump_of_much)
{
    enum { COUNT = 20000 };
    static uint64_t elements[COUNT];
    static char wanted[1 << 20];
    uint64_t key = 7;
    size_t bytes = (size_t)sprintf(wanted, "7 : [");
    for (unsigned i = 0; i < COUNT; i++) {
        elements[i] = (UINT64_C(0x9e3779b97f4a7c15) * (i + 1)) >> i % 64;
        bytes += (size_t)sprintf(wanted + bytes, "%s%llu", i ? ", " : "",
                                 (unsigned long long)elements[i]);
    }
    bytes += (size_t)sprintf(wanted + bytes, "]\n");
    const struct spans_list list = {&key, 8, elements, COUNT, 999};
    dump(&list, 1);
    ck_assert_uint_eq(printed.bytes, bytes);
    expect(memcmp(printed.text, wanted, bytes) == 0);
    ck_assert_uint_eq(printed.lasts, 1);
}
END_TEST

START_TEST(dump_stops_where_it_is_not_taken)
{
    enum { COUNT = 20000 };
    static uint64_t elements[COUNT];
    uint64_t key = 7;
    const struct spans_list list = {&key, 8, elements, COUNT, 0};
    printed.takes = 2;
    dump(&list, 1);
    ck_assert_uint_eq(printed.calls, 3); /* the third was refused, and none came after it */
    ck_assert_uint_eq(printed.lasts, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("usize_kv");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, NULL);
    tcase_add_test(all, frames_become_commands);
    tcase_add_test(all, frames_cut_and_joined);
    tcase_add_test(all, commands_do_not_share);
    tcase_add_test(all, changes_are_done_or_not);
    tcase_add_test(all, read_in_pieces);
    tcase_add_test(all, read_of_too_much);
    tcase_add_test(all, dump_a_line_each);
    tcase_add_test(all, dump_of_much);
    tcase_add_test(all, dump_stops_where_it_is_not_taken);
    return suite_run(suite);
}
