/* frame.h and codec.h: golden bytes of every opcode, limits, and bytes that make no sense. */
#include <check.h>
#include <stdlib.h>

#include <stele/detail/codec.h>
#include <stele/status.h>

#define GOLDEN(bytes, count, literal)                                                              \
    do {                                                                                           \
        ck_assert_uint_eq(count, sizeof(literal) - 1);                                             \
        ck_assert_mem_eq(bytes, literal, sizeof(literal) - 1);                                     \
    } while (0)

START_TEST(golden_commands)
{
    uint8_t out[STELEI_ENCODED_MAX_BYTES];
    struct stelei_wire_create create = {0, 0, 0, 4};
    GOLDEN(out, stelei_encode_hello(out, 0x01020304, STELEI_HELLO_DESCRIPTOR, 1, 2),
           "\x08\0\0\0\x01\x01\0\0\x04\x03\x02\x01STL1\x01\0\x02\0");
    GOLDEN(out, stelei_encode_frame(out, 0, STELEI_OP_PING, 0, 0, 7),
           "\0\0\0\0\x02\0\0\0\x07\0\0\0");
    GOLDEN(out, stelei_encode_put(out, 8, 0x1234, 3, 0x10000),
           "\x0b\0\x01\0\x10\0\x34\x12\x08\0\0\0\0\0\x01\0\x03\0\0\0");
    GOLDEN(out, stelei_encode_erase(out, 9, 0x1234, 0xffff),
           "\x03\0\x01\0\x11\0\x34\x12\x09\0\0\0\xff\xff\0\0");
    GOLDEN(out, stelei_encode_create(out, 10, &create), "\x08\0\0\0\x20\0\0\0\x0a\0\0\0\0\0\0\x04");
    GOLDEN(out, stelei_encode_frame(out, 4, STELEI_OP_TABLE_FIND, 0, 0, 11),
           "\x04\0\0\0\x21\0\0\0\x0b\0\0\0");
    GOLDEN(out, stelei_encode_frame(out, 0, STELEI_OP_TABLE_DROP, 0, 2, 12),
           "\0\0\0\0\x22\0\x02\0\x0c\0\0\0");
    GOLDEN(out, stelei_encode_frame(out, 0, STELEI_OP_TABLE_CLEAR, 0, 2, 13),
           "\0\0\0\0\x23\0\x02\0\x0d\0\0\0");
    GOLDEN(out, stelei_encode_vector(out, 14, 2, 100), "\x68\0\0\0\x18\0\0\0\x0e\0\0\0\x02\0\0\0");
    GOLDEN(out, stelei_encode_entry(out, 20, STELEI_OP_PUT, 3), "\x14\0\0\0\x10\0\x03\0");
}
END_TEST

START_TEST(golden_replies)
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
    welcome.rights = STELEI_RIGHT_WRITE;
    GOLDEN(out, stelei_encode_welcome(out, 1, &welcome),
           "\x33\0\0\0\x81\0\0\0\x01\0\0\0"
           "\0\0\0\0\x01\0\x03\0\0\0\0\x04\xff\xff\0\0\xff\xff\xfe\x03\0\0\x01\0"
           "\x05\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\x01\0\0\0\0\0\0\0");
    GOLDEN(out, stelei_encode_status(out, STELEI_OP_PUT, 0, 2, STELE_ENOSPC),
           "\x04\0\0\0\x90\0\0\0\x02\0\0\0\x06\0\0\0");
    GOLDEN(out, stelei_encode_vector_reply(out, 3, 0x102),
           "\x0c\x02\0\0\x98\0\0\0\x03\0\0\0\0\0\0\0\x02\x01\0\0");
}
END_TEST

/* Encodes with key "key" and value "value", decodes again. */
START_TEST(put_and_erase_come_back)
{
    uint8_t bytes[64];
    struct stelei_frame frame;
    struct stelei_put put;
    size_t at = stelei_encode_put(bytes, 77, 0xfffe, 3, 5);
    memcpy(bytes + at, "keyvalue", 8);
    stelei_decode_frame(bytes, &frame);
    ck_assert_uint_eq(frame.length, at + 8 - STELEI_FRAME_HEAD_BYTES);
    ck_assert_uint_eq(frame.opcode, STELEI_OP_PUT);
    ck_assert_uint_eq(frame.table, 0xfffe);
    ck_assert_uint_eq(frame.request, 77);
    ck_assert(stelei_decode_put(bytes + STELEI_FRAME_HEAD_BYTES, frame.length, &put));
    ck_assert_uint_eq(put.key_bytes, 3);
    ck_assert_uint_eq(put.value_bytes, 5);
    ck_assert_mem_eq(put.key, "key", 3);
    ck_assert_mem_eq(put.value, "value", 5);
    at = stelei_encode_erase(bytes, 78, 1, 3);
    memcpy(bytes + at, "key", 3);
    stelei_decode_frame(bytes, &frame);
    ck_assert(stelei_decode_erase(bytes + STELEI_FRAME_HEAD_BYTES, frame.length, &put));
    ck_assert_uint_eq(put.key_bytes, 3);
    ck_assert_mem_eq(put.key, "key", 3);
    ck_assert_ptr_null(put.value);
    /* nothing in them at all */
    at = stelei_encode_put(bytes, 79, 1, 0, 0);
    ck_assert(stelei_decode_put(bytes + STELEI_FRAME_HEAD_BYTES, 8, &put));
    ck_assert_uint_eq(put.key_bytes + put.value_bytes, 0);
}
END_TEST

/* Every body of another length than its fields say is refused, and sets nothing. */
START_TEST(lengths_must_agree)
{
    uint8_t bytes[64];
    struct stelei_put put = {NULL, NULL, 99, 99};
    struct stelei_wire_hello hello = {99, 0, 0};
    struct stelei_wire_create create = {0, 0, 0, 99};
    struct stelei_name name = {NULL, 99};
    const uint8_t *body = bytes + STELEI_FRAME_HEAD_BYTES;
    memset(bytes, 'x', sizeof(bytes));
    stelei_encode_put(bytes, 1, 1, 3, 5);
    for (size_t count = 0; count <= 40; count++)
        ck_assert_int_eq(count == 16, stelei_decode_put(body, count, &put));
    stelei_encode_erase(bytes, 1, 1, 3);
    for (size_t count = 0; count <= 40; count++)
        ck_assert_int_eq(count == 7, stelei_decode_erase(body, count, &put));
    stelei_encode_hello(bytes, 1, 0, 1, 1);
    for (size_t count = 0; count <= 40; count++)
        ck_assert_int_eq(count == 8, stelei_decode_hello(body, count, &hello));
    create.name_bytes = 3;
    size_t at = stelei_encode_create(bytes, 1, &create);
    memcpy(bytes + at, "abc", 3);
    for (size_t count = 0; count <= 40; count++)
        ck_assert_int_eq(count == 7, stelei_decode_create(body, count, &create, &name));
    put.key_bytes = 99;
    ck_assert(!stelei_decode_put(body, 3, &put));
    ck_assert_uint_eq(put.key_bytes, 99);
}
END_TEST

START_TEST(values_of_fields)
{
    uint8_t bytes[STELEI_ENCODED_MAX_BYTES + 64];
    const uint8_t *body = bytes + STELEI_FRAME_HEAD_BYTES;
    struct stelei_put put;
    struct stelei_wire_hello hello;
    struct stelei_name name;
    /* padding is zero */
    stelei_encode_put(bytes, 1, 1, 0, 0);
    bytes[STELEI_FRAME_HEAD_BYTES + 6] = 1;
    ck_assert(!stelei_decode_put(body, 8, &put));
    stelei_encode_erase(bytes, 1, 1, 0);
    bytes[STELEI_FRAME_HEAD_BYTES + 3] = 1;
    ck_assert(!stelei_decode_erase(body, 4, &put));
    /* lengths that would wrap around */
    ck_assert(!stelei_decode_put("\xff\xff\xff\xff\xff\xff\0\0", 8, &put));
    ck_assert(!stelei_decode_put("\xf8\xff\xff\xff\x08\0\0\0", 8, &put));
    /* versions in order, and our magic */
    stelei_encode_hello(bytes, 1, 0, 2, 1);
    ck_assert(!stelei_decode_hello(body, 8, &hello));
    stelei_encode_hello(bytes, 1, 0, 2, 2);
    ck_assert(stelei_decode_hello(body, 8, &hello));
    bytes[STELEI_FRAME_HEAD_BYTES]++;
    ck_assert(!stelei_decode_hello(body, 8, &hello));
    /* names: 1..63 bytes, no zero */
    memset(bytes, 'n', 64);
    ck_assert(!stelei_decode_name(bytes, 0, &name));
    ck_assert(stelei_decode_name(bytes, 1, &name));
    ck_assert(stelei_decode_name(bytes, 63, &name));
    ck_assert(!stelei_decode_name(bytes, 64, &name));
    bytes[5] = 0;
    ck_assert(stelei_decode_name(bytes, 5, &name));
    ck_assert(!stelei_decode_name(bytes, 6, &name));
}
END_TEST

START_TEST(welcome_comes_back)
{
    uint8_t bytes[STELEI_ENCODED_MAX_BYTES + 64];
    struct stelei_wire_welcome welcome, found;
    struct stelei_name name;
    memset(&welcome, 0, sizeof(welcome));
    welcome.epoch = UINT64_MAX;
    welcome.name_bytes = 63;
    size_t at = stelei_encode_welcome(bytes, 1, &welcome);
    memset(bytes + at, 'n', 64);
    const uint8_t *body = bytes + STELEI_FRAME_HEAD_BYTES;
    ck_assert(stelei_decode_welcome(body, 48 + 63, &found, &name));
    ck_assert_mem_eq(&found, &welcome, sizeof(found));
    ck_assert_uint_eq(name.count, 63);
    ck_assert(!stelei_decode_welcome(body, 48 + 62, &found, &name));
    ck_assert(!stelei_decode_welcome(body, 47, &found, &name));
    welcome.name_bytes = 64;
    stelei_encode_welcome(bytes, 1, &welcome);
    ck_assert(!stelei_decode_welcome(body, 48 + 64, &found, &name));
}
END_TEST

START_TEST(vectors)
{
    uint8_t bytes[64];
    struct stelei_wire_entry entry;
    struct stelei_put put;
    size_t at = stelei_encode_entry(bytes, 9, STELEI_OP_PUT, 3);
    at += stelei_encode_put_body(bytes + at, 1, 0);
    bytes[at++] = 'k';
    at += stelei_encode_entry(bytes + at, 4, STELEI_OP_ERASE, 4);
    at += stelei_encode_erase_body(bytes + at, 0);
    struct stelei_cursor cursor = stelei_cursor_over(bytes, at);
    const uint8_t *body = stelei_cursor_entry(&cursor, &entry);
    ck_assert_uint_eq(entry.table, 3);
    ck_assert(stelei_decode_put(body, entry.length, &put));
    body = stelei_cursor_entry(&cursor, &entry);
    ck_assert_uint_eq(entry.opcode, STELEI_OP_ERASE);
    ck_assert(stelei_decode_erase(body, entry.length, &put));
    ck_assert(stelei_cursor_finished(&cursor));
    ck_assert_ptr_null(stelei_cursor_entry(&cursor, &entry)); /* sticky from here */
    ck_assert_uint_eq(entry.length, 0);
    ck_assert(!stelei_cursor_finished(&cursor));
    cursor = stelei_cursor_over(bytes, at - 1);
    stelei_cursor_entry(&cursor, &entry);
    ck_assert_ptr_null(stelei_cursor_entry(&cursor, &entry));
    ck_assert_ptr_null(stelei_cursor_take(&cursor, 0));
}
END_TEST

START_TEST(vector_replies)
{
    uint8_t bytes[64];
    struct stelei_vector_reply reply;
    size_t at = stelei_encode_vector_reply(bytes, 1, 3);
    memcpy(bytes + at, "\0\0\x01\0\x09\0", 6);
    const uint8_t *body = bytes + STELEI_FRAME_HEAD_BYTES;
    for (size_t count = 0; count < 32; count++)
        ck_assert_int_eq(count == 14, stelei_decode_vector_reply(body, count, &reply));
    ck_assert_uint_eq(reply.count, 3);
    ck_assert_uint_eq(stelei_vector_status(&reply, 0), STELE_OK);
    ck_assert_uint_eq(stelei_vector_status(&reply, 1), STELE_ENOTFOUND);
    ck_assert_uint_eq(stelei_vector_status(&reply, 2), STELE_ENOTABLE);
    ck_assert(!stelei_decode_vector_reply("\0\0\0\0\xff\xff\xff\xff", 8, &reply));
    ck_assert(!stelei_decode_vector_reply("\x01\0\0\0\0\0\0\0", 8, &reply));
}
END_TEST

/* Random bodies in buffers of exactly their size, for the sanitizers: no read outside. */
START_TEST(random_bodies)
{
    uint64_t random = 42;
    unsigned accepted = 0;
    for (unsigned round = 0; round < 200000; round++) {
        struct stelei_put put;
        struct stelei_wire_hello hello;
        struct stelei_wire_welcome welcome;
        struct stelei_wire_create create;
        struct stelei_wire_entry entry;
        struct stelei_vector_reply reply;
        struct stelei_name name;
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t count = (size_t)(random >> 40) % 80;
        uint8_t *body = malloc(count ? count : 1);
        for (size_t i = 0; i < count; i++) /* mostly small numbers, or nothing would fit */
            body[i] = (random >> i % 37 & 7) ? 0 : (uint8_t)((random >> 33) + i) % 16;
        if (stelei_decode_put(body, count, &put)) {
            ck_assert_uint_eq(put.key_bytes + put.value_bytes + 8, count);
            accepted++;
        }
        accepted += stelei_decode_erase(body, count, &put);
        accepted += stelei_decode_hello(body, count, &hello);
        accepted += stelei_decode_welcome(body, count, &welcome, &name);
        accepted += stelei_decode_create(body, count, &create, &name);
        accepted += stelei_decode_vector_reply(body, count, &reply);
        struct stelei_cursor cursor = stelei_cursor_over(body, count);
        for (unsigned i = 0; i < 10; i++)
            stelei_cursor_entry(&cursor, &entry);
        ck_assert_uint_le(cursor.left, count);
        free(body);
    }
    ck_assert_uint_gt(accepted, 0); /* else it tested nothing */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, golden_commands);
    tcase_add_test(all, golden_replies);
    tcase_add_test(all, put_and_erase_come_back);
    tcase_add_test(all, lengths_must_agree);
    tcase_add_test(all, values_of_fields);
    tcase_add_test(all, welcome_comes_back);
    tcase_add_test(all, vectors);
    tcase_add_test(all, vector_replies);
    tcase_add_test(all, random_bodies);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
