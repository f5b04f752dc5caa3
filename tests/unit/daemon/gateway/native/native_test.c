/* native.c: frames into commands, whole and cut. */
#include <stele/detail/format.h>
#include <stele/detail/frame.h>

#include "gateway/gateway.h"

#include "suite.h"

#define HELLO "\x08\0\0\0\x01\0\0\0\x07\0\0\0STL1\x02\0\x02\0"

static const struct command_facts facts = {.name = "seg", .epoch = 5, .segment_bytes = 1 << 20};
static struct gateway_session session;
static size_t used_bytes, need_bytes;

static enum gateway_progress parse(const void *bytes, size_t count, struct command *command)
{
    /* of exactly that size, for the sanitizers; the caller's command points into `bytes` */
    uint8_t *copy = malloc(count ? count : 1);
    memcpy(copy, bytes, count);
    struct command seen;
    struct gateway_session saved = session;
    used_bytes = need_bytes = 0;
    enum gateway_progress progress =
        gateway_native.parse(&session, copy, count, &used_bytes, &need_bytes, &seen);
    free(copy);
    session = saved;
    used_bytes = need_bytes = 0;
    enum gateway_progress again =
        gateway_native.parse(&session, bytes, count, &used_bytes, &need_bytes, command);
    ck_assert_int_eq(progress, again);
    return again;
}

static void setup(void)
{
    struct gateway_limits limits = {
        .frame_max_bytes = 1 << 20, .rights = COMMAND_MAY_READ, .facts = &facts};
    struct command command;
    gateway_open(&session, &limits);
    ck_assert_int_eq(parse(HELLO, sizeof(HELLO) - 1, &command), GATEWAY_COMMAND);
    ck_assert_int_eq(command.kind, COMMAND_HELLO);
    ck_assert(!command.want_descriptor);
}

/* A frame, what it means, and the body of its reply where that is only a status. */
static const struct {
    const char *bytes;
    size_t count;
    enum command_kind kind;
    uint32_t table;
    const char *key, *value, *expected;
    int64_t delta;
    uint32_t max_bytes;
} frames[] = {
#define FRAME(literal, kind, ...)                                                                  \
    {                                                                                              \
        literal, sizeof(literal) - 1, kind, __VA_ARGS__                                            \
    }
    FRAME("\0\0\0\0\x02\0\0\0\x09\0\0\0", COMMAND_PING, 0, "", "", "", 0, 0),
    FRAME("\x0b\0\0\0\x10\0\0\x02\x09\0\0\0\x02\0\0\0\x01\0\0\0kvw", COMMAND_PUT, 0x200, "k", "vw",
          "", 0, 0),
    FRAME("\x0b\0\0\0\x12\0\0\x02\x09\0\0\0\x02\0\0\0\x01\0\0\0kvw", COMMAND_INSERT, 0x200, "k",
          "vw", "", 0, 0),
    FRAME("\x0b\0\0\0\x13\0\0\x02\x09\0\0\0\x02\0\0\0\x01\0\0\0kvw", COMMAND_REPLACE, 0x200, "k",
          "vw", "", 0, 0),
    FRAME("\x05\0\0\0\x11\0\0\x02\x09\0\0\0\x01\0\0\0k", COMMAND_ERASE, 0x200, "k", "", "", 0, 0),
    FRAME("\x16\0\0\0\x14\0\0\x02\x09\0\0\0\x03\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0kvwxyz",
          COMMAND_CAS, 0x200, "k", "xyz", "vw", 0, 0),
    FRAME("\x11\0\0\0\x15\0\0\x02\x09\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0\0\0\0k",
          COMMAND_INCR, 0x200, "k", "", "", -2, 0),
    FRAME("\x09\0\0\0\x16\0\0\x02\x09\0\0\0\0\x10\0\0\x01\0\0\0k", COMMAND_GET, 0x200, "k", "", "",
          0, 4096),
    FRAME("\x19\0\0\0\x20\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0t",
          COMMAND_TABLE_CREATE, 0, "t", "", "", 0, 0),
    FRAME("\x01\0\0\0\x21\0\0\0\x09\0\0\0t", COMMAND_TABLE_FIND, 0, "t", "", "", 0, 0),
    FRAME("\0\0\0\0\x22\0\0\x02\x09\0\0\0", COMMAND_TABLE_DROP, 0x200, "", "", "", 0, 0),
    FRAME("\0\0\0\0\x23\0\0\x02\x09\0\0\0", COMMAND_TABLE_CLEAR, 0x200, "", "", "", 0, 0),
    FRAME("\0\0\0\0\x24\0\0\0\x09\0\0\0", COMMAND_TABLE_LIST, 0, "", "", "", 0, 0),
    FRAME("\0\0\0\0\x30\0\0\0\x09\0\0\0", COMMAND_STATS, 0, "", "", "", 0, 0),
    FRAME("\0\0\0\0\x31\0\0\0\x09\0\0\0", COMMAND_SHUTDOWN, 0, "", "", "", 0, 0),
    FRAME("\x0d\0\0\0\x40\0\0\x02\x09\0\0\0\x04\0\0\0\x01\0\0\0kabcd", COMMAND_LIST_APPEND, 0x200,
          "k", "abcd", "", 0, 0),
    FRAME("\x11\0\0\0\x41\0\0\x02\x09\0\0\0\x07\0\0\0\0\0\0\x80\x01\0\0\0\0\0\0\0k",
          COMMAND_LIST_REMOVE, 0x200, "k", "", "", 0, 0),
    FRAME("\x19\0\0\0\x42\0\0\x02\x09\0\0\0\x07\0\0\0\0\0\0\x80"
          "abcdefgh\x01\0\0\0\0\0\0\0k",
          COMMAND_LIST_REPLACE, 0x200, "k", "abcdefgh", "", 0, 0),
    FRAME("\x05\0\0\0\x43\0\0\x02\x09\0\0\0\x01\0\0\0k", COMMAND_LIST_POP, 0x200, "k", "", "", 0,
          0),
    FRAME("\x05\0\0\0\x44\0\0\x02\x09\0\0\0\x01\0\0\0k", COMMAND_LIST_COUNT, 0x200, "k", "", "", 0,
          0),
    FRAME("\x11\0\0\0\x45\0\0\x02\x09\0\0\0\x05\0\0\0\0\0\0\0\0\x10\0\0\x01\0\0\0k",
          COMMAND_LIST_READ, 0x200, "k", "", "", 0, 4096),
    FRAME("\x08\0\0\0\x46\0\0\x02\x09\0\0\0\0\x10\0\0\0\0\0\0", COMMAND_LIST_ALL, 0x200, "", "", "",
          0, 4096),
#undef FRAME
};
#define FRAMES (sizeof(frames) / sizeof(frames[0]))

static void expect_bytes(const void *bytes, uint32_t count, const char *wanted)
{
    ck_assert_uint_eq(count, strlen(wanted));
    ck_assert(count == 0 || memcmp(bytes, wanted, count) == 0);
}

START_TEST(frames_become_commands)
{
    for (size_t i = 0; i < FRAMES; i++) {
        struct command command;
        ck_assert_int_eq(parse(frames[i].bytes, frames[i].count, &command), GATEWAY_COMMAND);
        ck_assert_msg(command.kind == frames[i].kind, "frame %zu: kind %d", i, (int)command.kind);
        ck_assert_uint_eq(used_bytes, frames[i].count);
        ck_assert_uint_eq(command.table, frames[i].table);
        ck_assert_uint_eq(command.tag.request, 9);
        ck_assert_uint_eq(command.tag.opcode, (uint8_t)frames[i].bytes[4]);
        ck_assert(!command.hang_up);
        expect_bytes(command.key, command.key_bytes, frames[i].key);
        expect_bytes(command.value, command.value_bytes, frames[i].value);
        expect_bytes(command.expected, command.expected_bytes, frames[i].expected);
        ck_assert_int_eq(command.delta, frames[i].delta);
        ck_assert_uint_eq(command.max_bytes, frames[i].max_bytes);
        ck_assert_uint_eq(command.most, frames[i].max_bytes);
        bool finds = command.kind == COMMAND_LIST_REMOVE || command.kind == COMMAND_LIST_REPLACE;
        ck_assert_uint_eq(command.element, finds ? UINT64_C(0x8000000000000007) : 0);
        ck_assert_uint_eq(command.from, command.kind == COMMAND_LIST_READ ? 5 : 0);
    }
}
END_TEST

/* Cut at every byte: no command, and it says how much it needs. Followed by more: only its own. */
START_TEST(frames_cut_and_joined)
{
    for (size_t i = 0; i < FRAMES; i++) {
        struct command command;
        uint8_t two[128];
        for (size_t count = 0; count < frames[i].count; count++) {
            ck_assert_int_eq(parse(frames[i].bytes, count, &command), GATEWAY_MORE);
            ck_assert_uint_eq(need_bytes, count < 12 ? 12 : frames[i].count);
        }
        memcpy(two, frames[i].bytes, frames[i].count);
        memset(two + frames[i].count, 0xff, frames[i].count);
        ck_assert_int_eq(parse(two, 2 * frames[i].count, &command), GATEWAY_COMMAND);
        ck_assert_int_eq(command.kind, frames[i].kind);
        ck_assert_uint_eq(used_bytes, frames[i].count);
    }
}
END_TEST

/* The frame as it is, but with another length: a byte missing in the body, or one too many. */
START_TEST(lengths_off_by_one)
{
    for (size_t i = 0; i < FRAMES; i++)
        for (int change = -1; change <= 1; change += 2) {
            struct command command;
            uint8_t bytes[128] = {0};
            memcpy(bytes, frames[i].bytes, frames[i].count);
            if ((bytes[0] == 0 && change < 0) || bytes[4] == STELEI_OP_TABLE_FIND)
                continue; /* nothing to take away; a name of any length is one */
            bytes[0] = (uint8_t)(bytes[0] + change);
            ck_assert_int_eq(parse(bytes, frames[i].count + (change > 0), &command),
                             GATEWAY_COMMAND);
            ck_assert_msg(command.kind == COMMAND_REFUSE && command.refusal == STELE_EPROTO,
                          "frame %zu%+d: kind %d", i, change, (int)command.kind);
            ck_assert(command.hang_up);
            ck_assert_uint_eq(command.tag.request, 9);
        }
}
END_TEST

START_TEST(tables_only_where_they_belong)
{
    for (size_t i = 0; i < FRAMES; i++) {
        struct command command;
        uint8_t bytes[128];
        memcpy(bytes, frames[i].bytes, frames[i].count);
        bytes[6] = 1;
        ck_assert_int_eq(parse(bytes, frames[i].count, &command), GATEWAY_COMMAND);
        ck_assert_int_eq(command.kind, frames[i].table ? frames[i].kind : COMMAND_REFUSE);
        memcpy(bytes, frames[i].bytes, frames[i].count);
        bytes[5] = 1; /* a flag that it does not have */
        ck_assert_int_eq(parse(bytes, frames[i].count, &command), GATEWAY_COMMAND);
        ck_assert_int_eq(command.refusal, STELE_ENOSYS);
        ck_assert(!command.hang_up);
    }
}
END_TEST

START_TEST(tables_are_created_with_a_type)
{
    struct command command;
    char bytes[] = "\x19\0\0\0\x20\0\0\0\x09\0\0\0\x04\x07\0\0\x10\0\0\0"
                   "\x08\x07\0\0\0\0\0\0\x01\0\0\0\0\0\0\0t";
    ck_assert_int_eq(parse(bytes, sizeof(bytes) - 1, &command), GATEWAY_COMMAND);
    ck_assert_int_eq(command.kind, COMMAND_TABLE_CREATE);
    ck_assert_int_eq(command.type.key_kind, STELE_U64);
    ck_assert_int_eq(command.type.value_kind, STELE_STRUCT);
    ck_assert_uint_eq(command.type.value_bytes, 16);
    ck_assert_uint_eq(command.max_entries, 0x708);
    bytes[35] = 1; /* padding */
    ck_assert_int_eq(parse(bytes, sizeof(bytes) - 1, &command), GATEWAY_COMMAND);
    ck_assert_int_eq(command.refusal, STELE_EPROTO);
}
END_TEST

START_TEST(before_hello)
{
    struct gateway_limits limits = {
        .frame_max_bytes = 1 << 20, .rights = COMMAND_MAY_READ, .facts = &facts};
    struct command command;
    for (size_t i = 0; i < FRAMES; i++) {
        gateway_open(&session, &limits);
        ck_assert_int_eq(parse(frames[i].bytes, frames[i].count, &command), GATEWAY_COMMAND);
        ck_assert_int_eq(command.kind, COMMAND_REFUSE);
        ck_assert_int_eq(command.refusal, STELE_EPROTO);
        ck_assert(command.hang_up);
    }
    gateway_open(&session, &limits); /* with a flag */
    ck_assert_int_eq(
        parse("\x08\0\0\0\x01\x01\0\0\x07\0\0\0STL1\0\0\xff\xff", sizeof(HELLO) - 1, &command),
        GATEWAY_COMMAND);
    ck_assert_int_eq(command.kind, COMMAND_HELLO);
    ck_assert(command.want_descriptor);
    limits.rights = 0; /* nobody */
    gateway_open(&session, &limits);
    ck_assert_int_eq(parse(HELLO, sizeof(HELLO) - 1, &command), GATEWAY_COMMAND);
    ck_assert_int_eq(command.kind, COMMAND_REFUSE);
    ck_assert_int_eq(command.refusal, STELE_EPERM);
    ck_assert(command.hang_up);
}
END_TEST

/* From the header alone: nothing of the body has to be there. */
START_TEST(too_long)
{
    struct command command;
    ck_assert_int_eq(parse("\x01\0\x10\0\x10\0\0\0\x09\0\0\0", 12, &command), GATEWAY_COMMAND);
    ck_assert_int_eq(command.refusal, STELE_ETOOBIG);
    ck_assert(command.hang_up);
    ck_assert_int_eq(parse("\0\0\x10\0\x10\0\0\0\x09\0\0\0", 12, &command), GATEWAY_MORE);
    ck_assert_uint_eq(need_bytes, 12 + (1 << 20));
}
END_TEST

#define VECTOR                                                                                     \
    "\x38\0\0\0\x18\0\0\0\x05\0\0\0\x03\0\0\0"                                                     \
    "\x0b\0\0\0\x10\0\0\x02\x02\0\0\0\x01\0\0\0kvw"                                                \
    "\x11\0\0\0\x15\0\0\x02\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0k"                                  \
    "\x01\0\0\0\x11\0\x01\0"

START_TEST(vectors_come_apart)
{
    /* as above, with a good last entry */
    static const char bytes[] = "\x3d\0\0\0\x18\0\0\0\x05\0\0\0\x03\0\0\0"
                                "\x0b\0\0\0\x10\0\0\x02\x02\0\0\0\x01\0\0\0kvw"
                                "\x11\0\0\0\x15\0\0\x02\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0k"
                                "\x05\0\0\0\x11\0\x01\0\x01\0\0\0x";
    static const enum command_kind kinds[] = {COMMAND_PUT, COMMAND_INCR, COMMAND_ERASE};
    size_t count = sizeof(bytes) - 1, at = 0;
    struct command command;
    for (size_t cut = 12; cut < count; cut++)
        ck_assert_int_eq(parse(bytes, cut, &command), GATEWAY_MORE);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(parse(bytes + at, count - at, &command), GATEWAY_COMMAND);
        ck_assert_int_eq(command.kind, kinds[i]);
        ck_assert_uint_eq(command.tag.vector_count, 3);
        ck_assert_uint_eq(command.tag.vector_index, i);
        ck_assert_uint_eq(command.tag.request, 5);
        ck_assert_uint_eq(command.table, i < 2 ? 0x200 : 1);
        at += used_bytes;
    }
    ck_assert_uint_eq(at, count);
    ck_assert_int_eq(parse(frames[0].bytes, frames[0].count, &command), GATEWAY_COMMAND);
    ck_assert_int_eq(command.kind, COMMAND_PING); /* frames again */
    ck_assert_uint_eq(command.tag.vector_count, 0);
}
END_TEST

START_TEST(malformed_vectors)
{
    static const struct {
        const char *bytes;
        size_t count;
        enum stele_status refusal;
    } cases[] = {
#define CASE(literal, refusal) {literal, sizeof(literal) - 1, refusal}
        CASE(VECTOR, STELE_EPROTO),                                            /* cut at the end */
        CASE("\x03\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\0", STELE_EPROTO),          /* no count */
        CASE("\x04\0\0\0\x18\0\0\0\x05\0\0\0\0\0\0\0", STELE_EPROTO),          /* empty */
        CASE("\x04\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\x01\0", STELE_ETOOBIG),     /* 65,537 */
        CASE("\x04\0\0\0\x18\0\0\0\x05\0\0\0\xff\xff\xff\xff", STELE_ETOOBIG), /* all of them */
        CASE("\x04\0\0\0\x18\0\0\0\x05\0\0\0\0\0\x01\0", STELE_EPROTO),        /* 65,536, absent */
        CASE("\x0c\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0",     /* PING */
             STELE_ENOSYS),
        CASE("\x0c\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\0\0\0\0\0\0\x7f\0\0\0", /* unknown */
             STELE_ENOSYS),
        CASE("\x14\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\0\0\x08\0\0\0\x16\0\0\0" /* GET */
             "\0\0\0\0\0\0\0\0",
             STELE_ENOSYS),
        CASE("\x0c\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\0\0\0\0\0\0\x18\0\0\0", /* a vector */
             STELE_ENOSYS),
        CASE("\x10\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\0\0\x04\0\0\0\x11\x01\0\0" /* a flag */
             "\0\0\0\0",
             STELE_ENOSYS),
        CASE("\x10\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\0\0\x04\0\0\0\x11\0\0\0" /* padding */
             "\0\0\x01\0",
             STELE_EPROTO),
        CASE("\x10\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\0\0\xff\xff\xff\xff\x11\0\0\0" /* length */
             "\0\0\0\0",
             STELE_EPROTO),
        CASE("\x11\0\0\0\x18\0\0\0\x05\0\0\0\x01\0\0\0\x04\0\0\0\x11\0\0\0" /* trailing */
             "\0\0\0\0x",
             STELE_EPROTO),
        CASE("\x10\0\0\0\x18\0\x01\0\x05\0\0\0\x01\0\0\0\x04\0\0\0\x11\0\0\0" /* a table */
             "\0\0\0\0",
             STELE_EPROTO),
#undef CASE
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct command command;
        ck_assert_int_eq(parse(cases[i].bytes, cases[i].count, &command), GATEWAY_COMMAND);
        ck_assert_msg(command.kind == COMMAND_REFUSE && command.refusal == cases[i].refusal,
                      "case %zu: %s", i, stele_status_name(command.refusal));
        ck_assert_int_eq(command.hang_up, cases[i].refusal == STELE_EPROTO);
        ck_assert_uint_eq(used_bytes, cases[i].count);
        ck_assert_uint_eq(command.tag.vector_count, 0); /* answered as one command */
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("native");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, NULL);
    tcase_add_test(all, frames_become_commands);
    tcase_add_test(all, frames_cut_and_joined);
    tcase_add_test(all, lengths_off_by_one);
    tcase_add_test(all, tables_only_where_they_belong);
    tcase_add_test(all, tables_are_created_with_a_type);
    tcase_add_test(all, before_hello);
    tcase_add_test(all, too_long);
    tcase_add_test(all, vectors_come_apart);
    tcase_add_test(all, malformed_vectors);
    return suite_run(suite);
}
