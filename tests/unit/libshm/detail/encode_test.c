/* encode.h: golden bytes of every command and every reply. */
#include <stele/detail/encode.h>
#include <stele/stats.h>

#include "suite.h"

#define GOLDEN(bytes, count, literal)                                                              \
    do {                                                                                           \
        ck_assert_uint_eq(count, sizeof(literal) - 1);                                             \
        ck_assert_mem_eq(bytes, literal, sizeof(literal) - 1);                                     \
    } while (0)

/* A command of nothing but its header. */
static size_t bare(uint8_t *out, unsigned opcode, uint32_t table, uint32_t request)
{
    return stelei_encode_frame(out, 0, opcode, 0, table, request);
}

START_TEST(golden_hello_and_bare_commands)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    GOLDEN(out, stelei_encode_hello(out, 0x01020304, STELEI_HELLO_DESCRIPTOR, 1, 2),
           "\x08\0\0\0\x01\x01\0\0\x04\x03\x02\x01STL1\x01\0\x02\0");
    GOLDEN(out, bare(out, STELEI_OP_PING, 0, 7), "\0\0\0\0\x02\0\0\0\x07\0\0\0");
    GOLDEN(out, bare(out, STELEI_OP_TABLE_DROP, 2, 12), "\0\0\0\0\x22\0\x02\0\x0c\0\0\0");
    GOLDEN(out, bare(out, STELEI_OP_TABLE_CLEAR, 2, 13), "\0\0\0\0\x23\0\x02\0\x0d\0\0\0");
    GOLDEN(out, bare(out, STELEI_OP_TABLE_LIST, 0, 14), "\0\0\0\0\x24\0\0\0\x0e\0\0\0");
    GOLDEN(out, bare(out, STELEI_OP_STATS, 0, 15), "\0\0\0\0\x30\0\0\0\x0f\0\0\0");
    GOLDEN(out, bare(out, STELEI_OP_SHUTDOWN, 0, 16), "\0\0\0\0\x31\0\0\0\x10\0\0\0");
}
END_TEST

START_TEST(golden_commands_on_entries)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    GOLDEN(out, stelei_encode_put(out, 8, STELEI_OP_PUT, 0x1234, 3, 0x10000),
           "\x0b\0\x01\0\x10\0\x34\x12\x08\0\0\0\0\0\x01\0\x03\0\0\0");
    GOLDEN(out, stelei_encode_put(out, 9, STELEI_OP_INSERT, 0x1234, 3, 5),
           "\x10\0\0\0\x12\0\x34\x12\x09\0\0\0\x05\0\0\0\x03\0\0\0");
    GOLDEN(out, stelei_encode_put(out, 10, STELEI_OP_REPLACE, 0x1234, 0, 0),
           "\x08\0\0\0\x13\0\x34\x12\x0a\0\0\0\0\0\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_erase(out, 9, STELEI_OP_ERASE, 0x1234, 0xffff),
           "\x03\0\x01\0\x11\0\x34\x12\x09\0\0\0\xff\xff\0\0");
    GOLDEN(out, stelei_encode_cas(out, 16, 2, 1, 2, 3),
           "\x16\0\0\0\x14\0\x02\0\x10\0\0\0\x03\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_incr(out, 17, 2, 1, -2),
           "\x11\0\0\0\x15\0\x02\0\x11\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_incr(out, 17, 2, 0xffff, INT64_MIN),
           "\x0f\0\x01\0\x15\0\x02\0\x11\0\0\0\0\0\0\0\0\0\0\x80\xff\xff\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_get(out, 18, 0x1234, 3, 0x100000),
           "\x0b\0\0\0\x16\0\x34\x12\x12\0\0\0\0\0\x10\0\x03\0\0\0");
}
END_TEST

START_TEST(golden_commands_on_lists)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    GOLDEN(out, stelei_encode_put(out, 8, STELEI_OP_LIST_APPEND, 0x1234, 1, 12),
           "\x15\0\0\0\x40\0\x34\x12\x08\0\0\0\x0c\0\0\0\x01\0\0\0");
    GOLDEN(out, stelei_encode_remove(out, 9, 0x1234, 0x102, UINT64_C(0x0807060504030201)),
           "\x12\x01\0\0\x41\0\x34\x12\x09\0\0\0"
           "\x01\x02\x03\x04\x05\x06\x07\x08\x02\x01\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_swap(out, 10, 0x1234, 1, UINT64_C(1) << 56, 7),
           "\x19\0\0\0\x42\0\x34\x12\x0a\0\0\0"
           "\0\0\0\0\0\0\0\x01\x07\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_erase(out, 11, STELEI_OP_LIST_POP, 0x1234, 1),
           "\x05\0\0\0\x43\0\x34\x12\x0b\0\0\0\x01\0\0\0");
    GOLDEN(out, stelei_encode_erase(out, 12, STELEI_OP_LIST_COUNT, 0x1234, 0),
           "\x04\0\0\0\x44\0\x34\x12\x0c\0\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_read(out, 13, 0x1234, 0xffff, 0x0a, 0x1000),
           "\x0f\0\x01\0\x45\0\x34\x12\x0d\0\0\0\x0a\0\0\0\0\0\0\0\0\x10\0\0\xff\xff\0\0");
    GOLDEN(out, stelei_encode_all(out, 14, 0x1234, 0x1000),
           "\x08\0\0\0\x46\0\x34\x12\x0e\0\0\0\0\x10\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_remove_body(out, 1, 2), "\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_swap_body(out, 1, 2, 3),
           "\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
}
END_TEST

/* The longest of everything does not overflow the frame's length. */
START_TEST(longest_lengths)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    struct stelei_frame frame;
    uint32_t longest = UINT32_C(512) << 20;
    stelei_encode_cas(out, 1, 1, 0xffff, longest, longest);
    memcpy(&frame, out, sizeof(frame));
    ck_assert_uint_eq(frame.length, 16u + 0xffffu + (UINT32_C(1) << 30));
    stelei_encode_put(out, 1, STELEI_OP_PUT, 1, 0xffff, longest);
    memcpy(&frame, out, sizeof(frame));
    ck_assert_uint_eq(frame.length, 8u + 0xffffu + longest);
    ck_assert_uint_lt(frame.length, STELEI_FRAME_MAX_BYTES);
}
END_TEST

START_TEST(golden_vectors)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    GOLDEN(out, stelei_encode_vector(out, 14, 2, 100), "\x68\0\0\0\x18\0\0\0\x0e\0\0\0\x02\0\0\0");
    GOLDEN(out, stelei_encode_entry(out, 20, STELEI_OP_PUT, 3), "\x14\0\0\0\x10\0\x03\0");
    GOLDEN(out, stelei_encode_put_body(out, 1, 2), "\x02\0\0\0\x01\0\0\0");
    GOLDEN(out, stelei_encode_erase_body(out, 0xff), "\xff\0\0\0");
    GOLDEN(out, stelei_encode_cas_body(out, 0x102, 3, 4),
           "\x04\0\0\0\x02\x01\0\0\x03\0\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_incr_body(out, 0x102, 3), "\x03\0\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0");
}
END_TEST

START_TEST(golden_commands_on_tables)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    struct stelei_wire_create create = {UINT64_C(0x0807060504030201), 0x0a09, 4, {0}};
    GOLDEN(out, stelei_encode_create(out, 10, &create),
           "\x1c\0\0\0\x20\0\0\0\x0a\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08"
           "\x09\x0a\0\0\0\0\0\0\x04\0\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_frame(out, 4, STELEI_OP_TABLE_FIND, 0, 0, 11),
           "\x04\0\0\0\x21\0\0\0\x0b\0\0\0");
}
END_TEST

START_TEST(golden_welcome)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    struct stelei_wire_welcome welcome;
    memset(&welcome, 0, sizeof(welcome));
    welcome.version = 1;
    welcome.name_bytes = 3;
    welcome.frame_max_bytes = 0x04000000;
    welcome.key_max_bytes = 0xffff;
    welcome.value_max_bytes = 0x03feffff;
    welcome.vector_max_count = 0x10000;
    welcome.epoch = 5;
    welcome.segment_bytes = UINT64_C(1) << 40;
    welcome.rights = STELEI_RIGHT_WRITE | STELEI_RIGHT_READ;
    GOLDEN(out, stelei_encode_welcome(out, 1, &welcome),
           "\x33\0\0\0\x81\0\0\0\x01\0\0\0"
           "\0\0\0\0\x01\0\x03\0\0\0\0\x04\xff\xff\0\0\xff\xff\xfe\x03\0\0\x01\0"
           "\x05\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\x05\0\0\0\0\0\0\0");
}
END_TEST

START_TEST(golden_replies)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    GOLDEN(out, stelei_encode_status(out, STELEI_OP_PUT, 0, 2, STELE_ENOSPC),
           "\x04\0\0\0\x90\0\0\0\x02\0\0\0\x06\0\0\0");
    GOLDEN(out, stelei_encode_status(out, STELEI_OP_TABLE_CREATE, 0x0201, 2, STELE_EEXIST),
           "\x04\0\0\0\xa0\0\x01\x02\x02\0\0\0\x02\0\0\0");
    GOLDEN(out, stelei_encode_reply(out, STELEI_OP_VECTOR, 3, 0, 0x102, (0x102) * 2),
           "\x0c\x02\0\0\x98\0\0\0\x03\0\0\0\0\0\0\0\x02\x01\0\0");
    GOLDEN(out, stelei_encode_reply(out, STELEI_OP_GET, 4, STELE_OK, 2, 2),
           "\x0a\0\0\0\x96\0\0\0\x04\0\0\0\0\0\0\0\x02\0\0\0");
    GOLDEN(out, stelei_encode_reply(out, STELEI_OP_GET, 4, STELE_ESHORT, 0x1000000, 0),
           "\x08\0\0\0\x96\0\0\0\x04\0\0\0\x04\0\0\0\0\0\0\x01");
    GOLDEN(out, stelei_encode_reply(out, STELEI_OP_INCR, 5, STELE_OK, 0, 8),
           "\x10\0\0\0\x95\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0");
    GOLDEN(out,
           stelei_encode_reply(out, STELEI_OP_STATS, 6, STELE_OK, STELE_DAEMON_STATS_COUNT,
                               STELE_DAEMON_STATS_COUNT * 8),
           "\0\x01\0\0\xb0\0\0\0\x06\0\0\0\0\0\0\0\x1f\0\0\0");
    GOLDEN(out, stelei_encode_reply(out, STELEI_OP_TABLE_LIST, 7, STELE_OK, 2, 162),
           "\xaa\0\0\0\xa4\0\0\0\x07\0\0\0\0\0\0\0\x02\0\0\0");
}
END_TEST

START_TEST(golden_replies_of_lists)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    struct stelei_wire_told told = {STELE_OK, 4, 0x0102};
    GOLDEN(out, stelei_encode_told(out, STELEI_OP_LIST_READ, 8, &told, 12),
           "\x1c\0\0\0\xc5\0\0\0\x08\0\0\0\0\0\0\0\x04\0\0\0\x02\x01\0\0\0\0\0\0");
    told.status = STELE_ESHORT;
    GOLDEN(out, stelei_encode_told(out, STELEI_OP_LIST_ALL, 9, &told, 0),
           "\x10\0\0\0\xc6\0\0\0\x09\0\0\0\x04\0\0\0\x04\0\0\0\x02\x01\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_list(out, 0x0304, UINT64_C(1) << 56),
           "\0\0\0\0\0\0\0\x01\x04\x03\0\0\0\0\0\0");
}
END_TEST

START_TEST(golden_listed)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    struct stelei_wire_table facts;
    memset(&facts, 0, sizeof(facts));
    facts.entries = 0x0102;
    facts.buckets = 3;
    facts.lines = 4;
    facts.overflow = 5;
    facts.index_bytes = 6;
    facts.record_bytes = 7;
    facts.payload_bytes = UINT64_C(1) << 56;
    facts.table = 0x0a0b;
    facts.type = UINT64_C(0x14131211100e0d0c);
    facts.max_entries = 0x0f;
    facts.name_bytes = 63;
    GOLDEN(out, stelei_encode_listed(out, &facts),
           "\x02\x01\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0"
           "\x06\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
           "\x0c\x0d\x0e\x10\x11\x12\x13\x14\x0f\0\0\0\0\0\0\0\x0b\x0a\x3f\0\0\0\0\0");
}
END_TEST

/* Only ever appended to: the first and the last that this version has. */
START_TEST(order_of_the_statistics)
{
    ck_assert_uint_eq(STELE_DAEMON_STATS_COUNT, 31);
    ck_assert_uint_eq(offsetof(struct stele_daemon_stats, uptime_ms), 0);
    ck_assert_uint_eq(offsetof(struct stele_daemon_stats, commands), 5 * 8);
    ck_assert_uint_eq(offsetof(struct stele_daemon_stats, in_bytes), 11 * 8);
    ck_assert_uint_eq(offsetof(struct stele_daemon_stats, max_bytes), 14 * 8);
    ck_assert_uint_eq(offsetof(struct stele_daemon_stats, epoch), 20 * 8);
    ck_assert_uint_eq(offsetof(struct stele_daemon_stats, adopting), 23 * 8);
    ck_assert_uint_eq(offsetof(struct stele_daemon_stats, moved_bytes), 26 * 8);
    ck_assert_uint_eq(offsetof(struct stele_daemon_stats, full), 27 * 8);
    ck_assert_uint_eq(offsetof(struct stele_daemon_stats, detached), 30 * 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encode");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, golden_hello_and_bare_commands);
    tcase_add_test(all, golden_commands_on_entries);
    tcase_add_test(all, golden_commands_on_lists);
    tcase_add_test(all, longest_lengths);
    tcase_add_test(all, golden_vectors);
    tcase_add_test(all, golden_commands_on_tables);
    tcase_add_test(all, golden_welcome);
    tcase_add_test(all, golden_replies);
    tcase_add_test(all, golden_replies_of_lists);
    tcase_add_test(all, golden_listed);
    tcase_add_test(all, order_of_the_statistics);
    return suite_run(suite);
}
