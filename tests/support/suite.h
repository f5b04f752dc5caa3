/*
 * suite.h - what every Check suite shares: running it, saying which status came instead of which,
 * scaling budgets. Tests only.
 */
#ifndef SUPPORT_SUITE_H
#define SUPPORT_SUITE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <stele/status.h>

/* A sanitizer's shadow memory: tests of address-space limits make no sense under it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SUITE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SUITE_SANITIZED 1
#endif
#endif

/* Expects a status, and names both when another one comes. Cheap in loops, unlike ck_assert_*():
 * those tell the parent process of each line they pass. */
#define expect_status(call, expected)                                                              \
    do {                                                                                           \
        enum stele_status got_ = (call);                                                           \
        enum stele_status want_ = (expected);                                                      \
        if (got_ != want_)                                                                         \
            ck_abort_msg("%s: %s instead of %s", #call, stele_status_name(got_),                   \
                         stele_status_name(want_));                                                \
    } while (0)
/* ck_assert() for inner loops. */
#define expect(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("expected: %s", #condition);                                              \
    } while (0)
#define expect_ok(call) expect_status(call, STELE_OK)

/* STELE_TEST_SCALE: a factor for time and iteration budgets, 1 when unset. */
static inline double suite_scale(void)
{
    const char *text = getenv("STELE_TEST_SCALE");
    double scale = text ? atof(text) : 1.0;
    return scale > 0 ? scale : 1.0;
}

/* `n` scaled, at least 1. */
static inline unsigned suite_scaled(unsigned n)
{
    double scaled = n * suite_scale();
    return scaled < 1 ? 1u : scaled > 4e9 ? 4000000000u : (unsigned)scaled;
}

static inline double suite_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Adds a case of its own with a hang guard that grows with the scale. */
static inline TCase *suite_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 60.0 * (suite_scale() > 1 ? suite_scale() : 1));
    suite_add_tcase(suite, tcase);
    return tcase;
}

/* Runs the suite, each test in a process of its own. Returns main()'s result. */
static inline int suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
