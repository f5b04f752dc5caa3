/* decode.h: what a daemon answers comes back; bytes of any other shape are refused. */
#include <stele/detail/codec.h>

#include "suite.h"

#define HEAD STELEI_FRAME_HEAD_BYTES

START_TEST(vector_replies)
{
    uint8_t bytes[64];
    struct stelei_vector_reply reply;
    size_t at = stelei_encode_reply(bytes, STELEI_OP_VECTOR, 1, 0, 3, 6);
    memcpy(bytes + at, "\0\0\x01\0\x09\0", 6);
    const uint8_t *body = bytes + HEAD;
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

START_TEST(values_and_numbers)
{
    const uint8_t *value = NULL;
    uint32_t bytes = 0;
    uint64_t number = 0;
    const char *good = "\0\0\0\0\x02\0\0\0vw-----";
    for (size_t count = 0; count < 14; count++)
        ck_assert_int_eq(count == 10, stelei_decode_get_reply(good, count, &value, &bytes));
    ck_assert_uint_eq(bytes, 2);
    ck_assert_mem_eq(value, "vw", 2);
    const char *brief = "\x04\0\0\0\0\0\0\x20-----";
    for (size_t count = 0; count < 12; count++)
        ck_assert_int_eq(count == 8, stelei_decode_get_reply(brief, count, &value, &bytes));
    ck_assert_uint_eq(bytes, UINT32_C(0x20000000));
    ck_assert(!stelei_decode_get_reply("\0\0\0\0\xff\xff\xff\xff", 8, &value, &bytes));
    const char *sum = "\0\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff---";
    for (size_t count = 0; count < 18; count++)
        ck_assert_int_eq(count == 16, stelei_decode_number(sum, count, &number));
    ck_assert_uint_eq(number, UINT64_MAX - 1);
    ck_assert(!stelei_decode_number("\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0", 16, &number));
}
END_TEST

/* A peer of another version tells fewer numbers, or more. */
START_TEST(stats_replies)
{
    uint64_t numbers[3];
    const char *two = "\0\0\0\0\x02\0\0\0\x07\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0---";
    for (size_t count = 0; count < 26; count++)
        ck_assert_int_eq(count == 24, stelei_decode_stats(two, count, numbers, 3));
    ck_assert(numbers[0] == 7 && numbers[1] == 8 && numbers[2] == 0);
    numbers[1] = 99;
    ck_assert(stelei_decode_stats(two, 24, numbers, 1));
    ck_assert(numbers[0] == 7 && numbers[1] == 99);
    ck_assert(stelei_decode_stats("\0\0\0\0\0\0\0\0", 8, numbers, 2));
    ck_assert(numbers[0] == 0 && numbers[1] == 0);
    ck_assert(!stelei_decode_stats("\0\0\0\0\0\0\0\x20", 8, numbers, 2)); /* x 8 would wrap */
}
END_TEST

/* LIST_READ: whole elements of a width that exists, no more than the list has. */
START_TEST(replies_to_reading_a_list)
{
    uint8_t bytes[64];
    struct stelei_wire_told told = {STELE_OK, 4, 3}, found;
    const uint8_t *elements = NULL;
    size_t taken = 0;
    memset(bytes, 'x', sizeof(bytes));
    stelei_encode_told(bytes, STELEI_OP_LIST_READ, 1, &told, 8);
    const uint8_t *body = bytes + HEAD;
    for (size_t count = 0; count < 40; count++)
        ck_assert_int_eq(count >= 16 && count <= 16 + 12 && count % 4 == 0,
                         stelei_decode_read_reply(body, count, &found, &elements, &taken));
    ck_assert(stelei_decode_read_reply(body, 24, &found, &elements, &taken));
    ck_assert_uint_eq(found.count, 3);
    ck_assert_uint_eq(found.element_bytes, 4);
    ck_assert_ptr_eq(elements, body + 16);
    ck_assert_uint_eq(taken, 8);
    for (told.element_bytes = 0; told.element_bytes < 20; told.element_bytes++) {
        bool width = told.element_bytes == 1 || told.element_bytes == 2 ||
                     told.element_bytes == 4 || told.element_bytes == 8;
        stelei_encode_told(bytes, STELEI_OP_LIST_READ, 1, &told, 0);
        ck_assert_int_eq(width, stelei_decode_read_reply(body, 16, &found, &elements, &taken));
    }
    told.element_bytes = 1;
    told.status = STELE_ESHORT;
    stelei_encode_told(bytes, STELEI_OP_LIST_READ, 1, &told, 0);
    ck_assert(!stelei_decode_read_reply(body, 16, &found, &elements, &taken));
}
END_TEST

START_TEST(replies_with_all_lists)
{
    uint8_t bytes[128];
    struct stelei_wire_told told = {STELE_OK, 2, 2}, found;
    struct stelei_cursor rest;
    struct stelei_told_list list;
    size_t at = stelei_encode_told(bytes, STELEI_OP_LIST_ALL, 1, &told, 0);
    at += stelei_encode_list(bytes + at, 1, 2);
    memcpy(bytes + at, "kabcd", 5);
    at += 5;
    at += stelei_encode_list(bytes + at, 0, 1);
    memcpy(bytes + at, "ef", 2);
    at += 2;
    for (size_t count = 0; count < at - HEAD; count++) {
        bool good = stelei_decode_told(bytes + HEAD, count, &found, &rest);
        ck_assert_int_eq(good, count >= 16);
        while (good && rest.left > 0)
            good = stelei_decode_list(&rest, found.element_bytes, &list);
        ck_assert_int_eq(good, count == 16 || count == 16 + 21);
    }
    ck_assert(stelei_decode_told(bytes + HEAD, at - HEAD, &found, &rest));
    ck_assert(stelei_decode_list(&rest, 2, &list));
    ck_assert_uint_eq(list.key_bytes, 1);
    ck_assert_mem_eq(list.key, "k", 1);
    ck_assert_uint_eq(list.count, 2);
    ck_assert_mem_eq(list.elements, "abcd", 4);
    ck_assert(stelei_decode_list(&rest, 2, &list));
    ck_assert_uint_eq(list.key_bytes, 0);
    ck_assert_mem_eq(list.elements, "ef", 2);
    ck_assert(stelei_cursor_finished(&rest));
    /* a count that would wrap, padding */
    rest = stelei_cursor_over("\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\0", 16);
    ck_assert(!stelei_decode_list(&rest, 2, &list));
    rest = stelei_cursor_over("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
    ck_assert(!stelei_decode_list(&rest, 2, &list));
    /* too long to be told: its length alone */
    told.status = STELE_ESHORT;
    stelei_encode_told(bytes, STELEI_OP_LIST_ALL, 1, &told, 0);
    ck_assert(stelei_decode_told(bytes + HEAD, 16, &found, &rest));
    ck_assert(!stelei_decode_told(bytes + HEAD, 17, &found, &rest));
}
END_TEST

START_TEST(listed_tables)
{
    uint8_t bytes[3 * 80 + 8];
    struct stelei_wire_table facts;
    struct stelei_listed listed;
    memset(&facts, 0, sizeof(facts));
    facts.entries = 12;
    facts.table = 0x0203;
    facts.name_bytes = 2;
    size_t at = stelei_encode_listed(bytes, &facts);
    memcpy(bytes + at, "ab", 2);
    facts.name_bytes = 1;
    at += 2;
    at += stelei_encode_listed(bytes + at, &facts);
    bytes[at++] = 'c';
    struct stelei_cursor cursor = stelei_cursor_over(bytes, at);
    ck_assert(stelei_decode_listed(&cursor, &listed));
    ck_assert_uint_eq(listed.facts.entries, 12);
    ck_assert_uint_eq(listed.facts.table, 0x0203);
    ck_assert_uint_eq(listed.name.count, 2);
    ck_assert_mem_eq(listed.name.bytes, "ab", 2);
    ck_assert(stelei_decode_listed(&cursor, &listed));
    ck_assert_mem_eq(listed.name.bytes, "c", 1);
    ck_assert(stelei_cursor_finished(&cursor));
    for (size_t count = 0; count < 82; count++) {
        cursor = stelei_cursor_over(bytes, count);
        ck_assert(!stelei_decode_listed(&cursor, &listed));
    }
    for (size_t zero = 75; zero < 80; zero++) {
        bytes[zero] = 0x80;
        cursor = stelei_cursor_over(bytes, at);
        ck_assert(!stelei_decode_listed(&cursor, &listed));
        bytes[zero] = 0;
    }
    bytes[81] = 0; /* a zero in the name */
    cursor = stelei_cursor_over(bytes, at);
    ck_assert(!stelei_decode_listed(&cursor, &listed));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decode_replies");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, vector_replies);
    tcase_add_test(all, values_and_numbers);
    tcase_add_test(all, stats_replies);
    tcase_add_test(all, replies_to_reading_a_list);
    tcase_add_test(all, replies_with_all_lists);
    tcase_add_test(all, listed_tables);
    return suite_run(suite);
}
