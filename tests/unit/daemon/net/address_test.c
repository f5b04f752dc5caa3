/* address.h: what is an address and what is not, and its text. */
#include "net/address.h"

#include "suite.h"

START_TEST(good_ones)
{
    static const struct {
        const char *text, *formatted;
        bool loopback;
    } cases[] = {
        {"9123", "127.0.0.1:9123", true},
        {"0", "127.0.0.1:0", true},
        {"65535", "127.0.0.1:65535", true},
        {"00080", "127.0.0.1:80", true},
        {"127.0.0.1:1", "127.0.0.1:1", true},
        {"127.9.8.7:1", "127.9.8.7:1", true},
        {"0.0.0.0:9123", "0.0.0.0:9123", false},
        {"192.168.1.20:9123", "192.168.1.20:9123", false},
        {"[::1]:9123", "[::1]:9123", true},
        {"[::]:9123", "[::]:9123", false},
        {"[2001:db8:0:0:0:0:0:1]:9123", "[2001:db8::1]:9123", false},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_address address;
        char text[NET_ADDRESS_TEXT_BYTES];
        memset(&address, 0x5a, sizeof(address));
        ck_assert_msg(net_address_parse(cases[i].text, &address), "%s", cases[i].text);
        net_address_format(&address, text);
        ck_assert_str_eq(text, cases[i].formatted);
        ck_assert_int_eq(net_address_is_loopback(&address), cases[i].loopback);
    }
}
END_TEST

START_TEST(bad_ones)
{
    static const char *const texts[] = {
        "",
        "x",
        "-1",
        "+1",
        " 1",
        "1 ",
        "65536",
        "000001",
        "99999999999999999999",
        ":9123",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:65536",
        "127.0.0:9123",
        "127.0.0.1.1:9123",
        "127.0.0.256:9123",
        "localhost:9123",
        "::1:9123",
        "[::1]",
        "[::1]:",
        "[::1:9123",
        "[::1]9123",
        "::1]:9123",
        "[]:9123",
        "[:9123",
        "[127.0.0.1]:9123",
        "[::1%lo]:9123",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct net_address address, before;
        memset(&address, 0x5a, sizeof(address));
        before = address;
        ck_assert_msg(!net_address_parse(texts[i], &address), "\"%s\"", texts[i]);
        ck_assert_mem_eq(&address, &before, sizeof(before));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, good_ones);
    tcase_add_test(all, bad_ones);
    return suite_run(suite);
}
