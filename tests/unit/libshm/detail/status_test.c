#include "suite.h"

START_TEST(numbers_are_wire_format)
{
    /* renumbering breaks peers of other versions: pinned here one by one */
    static const struct {
        enum stele_status status;
        int number;
        const char *name;
    } pinned[] = {
        {STELE_OK, 0, "STELE_OK"},
        {STELE_ENOTFOUND, 1, "STELE_ENOTFOUND"},
        {STELE_EEXIST, 2, "STELE_EEXIST"},
        {STELE_EEND, 3, "STELE_EEND"},
        {STELE_ESHORT, 4, "STELE_ESHORT"},
        {STELE_EBUSY, 5, "STELE_EBUSY"},
        {STELE_ENOSPC, 6, "STELE_ENOSPC"},
        {STELE_ETOOBIG, 7, "STELE_ETOOBIG"},
        {STELE_EINVAL, 8, "STELE_EINVAL"},
        {STELE_ENOTABLE, 9, "STELE_ENOTABLE"},
        {STELE_EDROPPED, 10, "STELE_EDROPPED"},
        {STELE_ETYPE, 11, "STELE_ETYPE"},
        {STELE_EMOVED, 12, "STELE_EMOVED"},
        {STELE_EVERSION, 13, "STELE_EVERSION"},
        {STELE_ECORRUPT, 14, "STELE_ECORRUPT"},
        {STELE_ENOSEGMENT, 15, "STELE_ENOSEGMENT"},
        {STELE_EACCES, 16, "STELE_EACCES"},
        {STELE_EOWNER, 17, "STELE_EOWNER"},
        {STELE_ELOCKED, 18, "STELE_ELOCKED"},
        {STELE_ENOMEM, 19, "STELE_ENOMEM"},
        {STELE_EIO, 20, "STELE_EIO"},
        {STELE_EPROTO, 21, "STELE_EPROTO"},
        {STELE_EPERM, 22, "STELE_EPERM"},
        {STELE_ETIMEDOUT, 23, "STELE_ETIMEDOUT"},
        {STELE_ECLOSED, 24, "STELE_ECLOSED"},
        {STELE_EFULL, 25, "STELE_EFULL"},
        {STELE_ENOSYS, 26, "STELE_ENOSYS"},
        {STELE_EDIFFERS, 27, "STELE_EDIFFERS"},
        {STELE_ENOTNUMBER, 28, "STELE_ENOTNUMBER"},
        {STELE_ERANGE, 29, "STELE_ERANGE"},
        {STELE_EFORKED, 30, "STELE_EFORKED"},
        {STELE_EHASH, 31, "STELE_EHASH"},
        {STELE_ETABLES, 32, "STELE_ETABLES"},
        {STELE_EDETACHED, 33, "STELE_EDETACHED"},
    };
    for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++) {
        ck_assert_int_eq((int)pinned[i].status, pinned[i].number);
        ck_assert_str_eq(stele_status_name(pinned[i].status), pinned[i].name);
    }
    ck_assert_int_ge((int)STELE_STATUS_COUNT, 34);
}
END_TEST

START_TEST(every_status_has_its_own_text)
{
    for (int i = 0; i < (int)STELE_STATUS_COUNT; i++) {
        const char *text = stele_status_text((enum stele_status)i);
        ck_assert_ptr_nonnull(text);
        ck_assert_str_ne(text, "unknown status");
        ck_assert_uint_lt(strlen(text), 100);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(text, stele_status_text((enum stele_status)j));
    }
}
END_TEST

START_TEST(unknown_numbers_have_a_text_too)
{
    ck_assert_str_eq(stele_status_text(STELE_STATUS_COUNT), "unknown status");
    ck_assert_str_eq(stele_status_text((enum stele_status)9999), "unknown status");
    ck_assert_str_eq(stele_status_name((enum stele_status)9999), "unknown");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status");
    TCase *tcase = suite_case(suite, "status");
    tcase_add_test(tcase, numbers_are_wire_format);
    tcase_add_test(tcase, every_status_has_its_own_text);
    tcase_add_test(tcase, unknown_numbers_have_a_text_too);
    return suite_run(suite);
}
