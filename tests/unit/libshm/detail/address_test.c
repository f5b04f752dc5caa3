#include <stele/detail/address.h>

#include "suite.h"

static void expect_path(const char *runtime_dir, const char *name, const char *wanted)
{
    char path[STELEI_ADDRESS_BYTES];
    expect_ok(stelei_address_socket(runtime_dir, name, path, sizeof(path)));
    ck_assert_str_eq(path, wanted);
}

START_TEST(path_has_one_rule)
{
    expect_path("/run/user/1000", "prices", "/run/user/1000/stele/prices.sock");
    expect_path(NULL, STELEI_ADDRESS_NAME, "/run/stele/default.sock");
    expect_path("/", "a", "//stele/a.sock");
    expect_path("/x", "..", "/x/stele/...sock"); /* stays in its directory */
}
END_TEST

START_TEST(runtime_dir_must_be_absolute)
{
    expect_path("", "a", "/run/stele/a.sock");
    expect_path("relative/dir", "a", "/run/stele/a.sock");
    expect_path("./dir", "a", "/run/stele/a.sock");
}
END_TEST

START_TEST(names_are_those_of_segments)
{
    static const char *const wrong[] = {"", "a/b", "a b", "a\n", "\xc3\xa4", "a:b"};
    char name[65], path[STELEI_ADDRESS_BYTES] = "untouched";
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert(!stelei_address_name_valid(wrong[i]));
        expect_status(stelei_address_socket(NULL, wrong[i], path, sizeof(path)), STELE_EINVAL);
    }
    expect_status(stelei_address_socket(NULL, NULL, path, sizeof(path)), STELE_EINVAL);
    memset(name, 'n', sizeof(name));
    name[64] = 0;
    expect_status(stelei_address_socket(NULL, name, path, sizeof(path)), STELE_EINVAL);
    ck_assert_str_eq(path, "untouched");
    name[63] = 0;
    ck_assert(stelei_address_name_valid(name));
    ck_assert(stelei_address_name_valid("AZaz09._-"));
    expect_ok(stelei_address_socket(NULL, name, path, sizeof(path)));
}
END_TEST

START_TEST(path_fits_a_socket_address)
{
    char runtime_dir[128], path[256] = "untouched";
    size_t fixed = strlen("/stele/n.sock");
    memset(runtime_dir, 'd', sizeof(runtime_dir));
    runtime_dir[0] = '/';
    runtime_dir[STELEI_ADDRESS_BYTES - fixed] = 0; /* one too many, whatever room there is */
    expect_status(stelei_address_socket(runtime_dir, "n", path, sizeof(path)), STELE_ETOOBIG);
    ck_assert_str_eq(path, "untouched");
    runtime_dir[STELEI_ADDRESS_BYTES - fixed - 1] = 0;
    expect_ok(stelei_address_socket(runtime_dir, "n", path, sizeof(path)));
    ck_assert_uint_eq(strlen(path), STELEI_ADDRESS_BYTES - 1);
}
END_TEST

START_TEST(room_is_not_exceeded)
{
    const char *wanted = "/run/stele/n.sock";
    char path[64];
    memset(path, '#', sizeof(path));
    expect_status(stelei_address_socket(NULL, "n", path, strlen(wanted)), STELE_ETOOBIG);
    ck_assert_int_eq(path[0], '#');
    expect_ok(stelei_address_socket(NULL, "n", path, strlen(wanted) + 1));
    ck_assert_str_eq(path, wanted);
    ck_assert_int_eq(path[strlen(wanted) + 1], '#');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tcase = suite_case(suite, "address");
    tcase_add_test(tcase, path_has_one_rule);
    tcase_add_test(tcase, runtime_dir_must_be_absolute);
    tcase_add_test(tcase, names_are_those_of_segments);
    tcase_add_test(tcase, path_fits_a_socket_address);
    tcase_add_test(tcase, room_is_not_exceeded);
    return suite_run(suite);
}
