/* The wire of typed tables and lists: exact bytes of commands and replies, also of those that fail. */
#include "wire.h"

#define NAMED "\x01\0\0\0\0\0\0\0" /* of one letter */
#define KEY_K "\x01\0\0\0\0\0\0\0k"

/* "l": byte strings -> lists of u16, at most one of them. */
#define BEGIN_LISTS "\x19\0\0\0\x20\0\0\0\x01\0\0\0\0\x12\0\0\0\0\0\0\x01\0\0\0\0\0\0\0" NAMED "l"

START_TEST(golden_lists)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = wire_greet(world);
    SEND(fd, BEGIN_LISTS);
    EXPECT(fd, CREATED);
    SEND(fd, "\x05\0\0\0\x44\0" HANDLE "\x02\0\0\0\x01\0\0\0k"); /* COUNT, POP, READ: absent */
    EXPECT(fd, "\x04\0\0\0\xc4\0\0\0\x02\0\0\0\x01\0\0\0");
    SEND(fd, "\x05\0\0\0\x43\0" HANDLE "\x02\0\0\0\x01\0\0\0k");
    EXPECT(fd, "\x04\0\0\0\xc3\0\0\0\x02\0\0\0\x01\0\0\0");
    SEND(fd, "\x11\0\0\0\x45\0" HANDLE "\x02\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\x01\0\0\0k");
    EXPECT(fd, "\x04\0\0\0\xc5\0\0\0\x02\0\0\0\x01\0\0\0");
    SEND(fd, "\x08\0\0\0\x46\0" HANDLE "\x02\0\0\0\0\0\0\0\0\0\0\0"); /* ALL: none */
    EXPECT(fd, "\x10\0\0\0\xc6\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0");
    SEND(fd, "\x0c\0\0\0\x40\0" HANDLE "\x03\0\0\0\x03\0\0\0\x01\0\0\0kabc"); /* APPEND */
    EXPECT(fd, "\x04\0\0\0\xc0\0\0\0\x03\0\0\0\x0b\0\0\0");
    SEND(fd, "\x0f\0\0\0\x40\0" HANDLE "\x03\0\0\0\x06\0\0\0\x01\0\0\0kabcdab");
    EXPECT(fd, "\x10\0\0\0\xc0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0");
    SEND(fd, "\x0b\0\0\0\x40\0" HANDLE "\x03\0\0\0\x02\0\0\0\x01\0\0\0jab");
    EXPECT(fd, "\x04\0\0\0\xc0\0\0\0\x03\0\0\0\x19\0\0\0");               /* full */
    SEND(fd, "\x11\0\0\0\x41\0" HANDLE "\x04\0\0\0zz\0\0\0\0\0\0" KEY_K); /* REMOVE */
    EXPECT(fd, "\x04\0\0\0\xc1\0\0\0\x04\0\0\0\x01\0\0\0");
    SEND(fd, "\x11\0\0\0\x41\0" HANDLE "\x04\0\0\0ab\x01\0\0\0\0\0" KEY_K); /* too large */
    EXPECT(fd, "\x04\0\0\0\xc1\0\0\0\x04\0\0\0\x0b\0\0\0");
    SEND(fd, "\x11\0\0\0\x41\0" HANDLE "\x04\0\0\0ab\0\0\0\0\0\0" KEY_K);
    EXPECT(fd, "\x04\0\0\0\xc1\0\0\0\x04\0\0\0\0\0\0\0");
    SEND(fd, "\x19\0\0\0\x42\0" HANDLE "\x05\0\0\0" /* REPLACE "cd" by "xy" */
             "cd\0\0\0\0\0\0xy\0\0\0\0\0\0" KEY_K);
    EXPECT(fd, "\x04\0\0\0\xc2\0\0\0\x05\0\0\0\0\0\0\0");
    SEND(fd,
         "\x11\0\0\0\x45\0" HANDLE "\x06\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\x01\0\0\0k"); /* READ */
    EXPECT(fd, "\x12\0\0\0\xc5\0\0\0\x06\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0"
               "ab");
    SEND(fd, "\x08\0\0\0\x46\0" HANDLE "\x07\0\0\0\x14\0\0\0\0\0\0\0"); /* ALL: a byte short */
    EXPECT(fd, "\x10\0\0\0\xc6\0\0\0\x07\0\0\0\x04\0\0\0\x02\0\0\0\x15\0\0\0\0\0\0\0");
    SEND(fd, "\x08\0\0\0\x46\0" HANDLE "\x07\0\0\0\x15\0\0\0\0\0\0\0");
    EXPECT(fd, "\x25\0\0\0\xc6\0\0\0\x07\0\0\0\0\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0"
               "\x02\0\0\0\0\0\0\0" KEY_K "abxy");
    SEND(fd, "\x05\0\0\0\x43\0" HANDLE "\x08\0\0\0\x01\0\0\0k"); /* POP */
    EXPECT(fd, "\x10\0\0\0\xc3\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0xy\0\0\0\0\0\0");
    SEND(fd, "\x05\0\0\0\x44\0" HANDLE "\x09\0\0\0\x01\0\0\0k"); /* COUNT */
    EXPECT(fd, "\x10\0\0\0\xc4\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
    close(fd);
}
END_TEST

START_TEST(golden_vectors_of_lists)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = wire_greet(world);
    SEND(fd, BEGIN_LISTS);
    EXPECT(fd, CREATED);
    SEND(fd,
         "\x65\0\0\0\x18\0\0\0\x05\0\0\0\x04\0\0\0"
         "\x0d\0\0\0\x40\0" HANDLE "\x04\0\0\0\x01\0\0\0kabcd"
         "\x11\0\0\0\x41\0" HANDLE "zz\0\0\0\0\0\0" KEY_K "\x19\0\0\0\x42\0" HANDLE
         "ab\0\0\0\0\0\0xy\0\0\0\0\0\0" KEY_K "\x0a\0\0\0\x10\0" HANDLE "\x01\0\0\0\x01\0\0\0kv");
    EXPECT(fd, "\x10\0\0\0\x98\0\0\0\x05\0\0\0\0\0\0\0\x04\0\0\0\0\0\x01\0\0\0\x0b\0");
    SEND(fd, "\x11\0\0\0\x45\0" HANDLE "\x06\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0\x01\0\0\0k");
    EXPECT(fd, "\x14\0\0\0\xc5\0\0\0\x06\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0"
               "cdxy");
    SEND(fd, "\x11\0\0\0\x18\0\0\0\x07\0\0\0\x01\0\0\0" /* POP: its element would be lost */
             "\x05\0\0\0\x43\0" HANDLE "\x01\0\0\0k");
    EXPECT(fd, "\x04\0\0\0\x98\0\0\0\x07\0\0\0\x1a\0\0\0");
    close(fd);
}
END_TEST

/* A table of u16 -> i64. */
START_TEST(golden_types)
{
    struct e2e_world *world = e2e_world();
    e2e_start(world, NULL);
    int fd = wire_greet(world);
#define WORDS "\x19\0\0\0\x20\0\0\0\x01\0\0\0\x02\x05\0\0\0\0\0\0"
    SEND(fd, WORDS "\0\0\0\0\0\0\0\0" NAMED "w");
    EXPECT(fd, CREATED);
    SEND(fd, WORDS "\0\0\0\0\0\0\0\0" NAMED "w"); /* the same: STELE_EEXIST */
    EXPECT(fd, "\x04\0\0\0\xa0\0" HANDLE "\x01\0\0\0\x02\0\0\0");
    SEND(fd, WORDS "\x07\0\0\0\0\0\0\0" NAMED "w"); /* another maximum: STELE_ETYPE */
    EXPECT(fd, "\x04\0\0\0\xa0\0" HANDLE "\x01\0\0\0\x0b\0\0\0");
    SEND(fd, "\x19\0\0\0\x20\0\0\0\x01\0\0\0\x02\x04\0\0\0\0\0\0" /* another type */
             "\0\0\0\0\0\0\0\0" NAMED "w");
    EXPECT(fd, "\x04\0\0\0\xa0\0" HANDLE "\x01\0\0\0\x0b\0\0\0");
#undef WORDS
    SEND(fd, "\x12\0\0\0\x10\0" HANDLE "\x02\0\0\0\x08\0\0\0\x02\0\0\0ab12345678"); /* PUT */
    EXPECT(fd, "\x04\0\0\0\x90\0\0\0\x02\0\0\0\0\0\0\0");
    SEND(fd, "\x11\0\0\0\x10\0" HANDLE "\x02\0\0\0\x07\0\0\0\x02\0\0\0ab1234567");
    EXPECT(fd, "\x04\0\0\0\x90\0\0\0\x02\0\0\0\x0b\0\0\0");
    SEND(fd, "\x11\0\0\0\x10\0" HANDLE "\x02\0\0\0\x08\0\0\0\x01\0\0\0a12345678");
    EXPECT(fd, "\x04\0\0\0\x90\0\0\0\x02\0\0\0\x0b\0\0\0");
    SEND(fd, "\x12\0\0\0\x15\0" HANDLE "\x03\0\0\0" /* INCR of an absent key by -2, then by 3 */
             "\xfe\xff\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\0\0\0xy");
    EXPECT(fd, "\x10\0\0\0\x95\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff");
    SEND(fd, "\x12\0\0\0\x15\0" HANDLE "\x03\0\0\0"
             "\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0xy");
    EXPECT(fd, "\x10\0\0\0\x95\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
    SEND(fd, "\x0a\0\0\0\x16\0" HANDLE "\x04\0\0\0\x08\0\0\0\x02\0\0\0xy"); /* GET */
    EXPECT(fd, "\x10\0\0\0\x96\0\0\0\x04\0\0\0\0\0\0\0\x08\0\0\0\x01\0\0\0\0\0\0\0");
    SEND(fd, "\x0c\0\0\0\x40\0" HANDLE "\x05\0\0\0\x02\0\0\0\x02\0\0\0xyab"); /* APPEND, ALL */
    EXPECT(fd, "\x04\0\0\0\xc0\0\0\0\x05\0\0\0\x0b\0\0\0");
    SEND(fd, "\x08\0\0\0\x46\0" HANDLE "\x06\0\0\0\0\x10\0\0\0\0\0\0");
    EXPECT(fd, "\x04\0\0\0\xc6\0\0\0\x06\0\0\0\x0b\0\0\0");
    close(fd);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("protocol_lists");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120 * e2e_scale());
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, golden_lists);
    tcase_add_test(all, golden_vectors_of_lists);
    tcase_add_test(all, golden_types);
    return e2e_run(suite, argc, argv);
}
