#include "operator/notify.h"

#include "operator/activation.h"
#include "suite.h"

START_TEST(watchdog_period_is_halved)
{
    struct notify notify;
    notify_init(&notify, "/run/n", NULL, "30000000", 7);
    ck_assert_str_eq(notify.address, "/run/n");
    ck_assert_uint_eq(notify.watchdog_ms, 15000);
    notify_init(&notify, "@n", "7", "1", 7);
    ck_assert_uint_eq(notify.watchdog_ms, 1); /* never 0: that would be never */
    notify_init(&notify, "@n", "7", "18446744073709551615", 7);
    ck_assert_uint_eq(notify.watchdog_ms, UINT32_MAX);
}
END_TEST

START_TEST(watchdog_is_not_wanted)
{
    static const struct {
        const char *address, *pid, *usec;
    } cases[] = {{"/run/n", "8", "1000000"}, /* another process */
                 {"/run/n", "x", "1000000"}, {"/run/n", "", "1000000"}, {"/run/n", "7", NULL},
                 {"/run/n", "7", "0"},       {"/run/n", "7", "soon"},   {"/run/n", "7", ""},
                 {NULL, "7", "1000000"},     {"", "7", "1000000"}};
    struct notify notify;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        notify_init(&notify, cases[i].address, cases[i].pid, cases[i].usec, 7);
        ck_assert_uint_eq(notify.watchdog_ms, 0);
    }
}
END_TEST

START_TEST(addresses_that_make_no_sense_count_as_none)
{
    struct notify notify;
    char path[109];
    memset(path, 'p', sizeof(path));
    path[0] = '/';
    path[108] = 0;
    notify_init(&notify, path, NULL, NULL, 7);
    ck_assert_str_eq(notify.address, "");
    path[107] = 0;
    notify_init(&notify, path, NULL, NULL, 7);
    ck_assert_str_eq(notify.address, path);
    notify_init(&notify, "relative", NULL, NULL, 7);
    ck_assert_str_eq(notify.address, "");
    notify_init(&notify, "/", NULL, NULL, 7);
    ck_assert_str_eq(notify.address, "");
    notify_send(&notify, "READY=1"); /* to nobody */
}
END_TEST

START_TEST(descriptors_for_us)
{
    struct activation activation;
    char detail[256];
    int fd = 77;
    activation_init(&activation, "7", "1", 7);
    ck_assert(activation.given && activation.count == 1);
    static const char *const wrong[] = {"2", "18446744073709551615", "many", "-1", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        activation_init(&activation, "7", wrong[i], 7);
        expect_status(activation_take(&activation, &fd, detail, sizeof(detail)), STELE_EINVAL);
        ck_assert_ptr_nonnull(strstr(detail, "want exactly one descriptor"));
    }
    ck_assert_int_eq(fd, 77);
}
END_TEST

START_TEST(descriptors_for_nobody)
{
    static const struct {
        const char *pid, *fds;
    } cases[] = {{NULL, NULL}, {"7", NULL}, {NULL, "1"}, {"8", "1"}, {"x", "1"}, {"7", "0"}};
    struct activation activation;
    char detail[256];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = 77;
        activation_init(&activation, cases[i].pid, cases[i].fds, 7);
        expect_ok(activation_take(&activation, &fd, detail, sizeof(detail)));
        ck_assert_int_eq(fd, -1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notify");
    TCase *tcase = suite_case(suite, "notify");
    tcase_add_test(tcase, watchdog_period_is_halved);
    tcase_add_test(tcase, watchdog_is_not_wanted);
    tcase_add_test(tcase, addresses_that_make_no_sense_count_as_none);
    TCase *given = suite_case(suite, "activation");
    tcase_add_test(given, descriptors_for_us);
    tcase_add_test(given, descriptors_for_nobody);
    return suite_run(suite);
}
