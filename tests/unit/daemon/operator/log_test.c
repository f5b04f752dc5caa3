/* What stands before a line, and when; the counters as lines. */
#include "operator/log.h"

#include "operator/counters.h"
#include "suite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file as standard error; its "DEVICE:INODE" as a service manager would say it. */
static char path[] = "/tmp/stele-log-XXXXXX";
static char stream[64];

static void setup(void)
{
    struct stat found;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    dup2(fd, STDERR_FILENO);
    close(fd);
    ck_assert_int_eq(fstat(STDERR_FILENO, &found), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)found.st_dev,
             (unsigned long long)found.st_ino);
}

static void teardown(void)
{
    unlink(path);
}

static const char *written(void)
{
    static char text[8192];
    int fd = open(path, O_RDONLY);
    ssize_t got = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    return text;
}

START_TEST(journal_is_known_by_its_stream)
{
    static const char *const others[] = {NULL, "", "8:1", "x", "1", ":", "1:"};
    struct log log;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        log_init(&log, LOG_INFO, others[i]);
        ck_assert(!log.journal);
    }
    log_init(&log, LOG_INFO, stream);
    ck_assert(log.journal);
    log_line(&log, LOG_WARNING, "%d writes", 3);
    ck_assert_str_eq(written(), "<4>3 writes\n");
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO); /* redirected since */
    log_init(&log, LOG_INFO, stream);
    ck_assert(!log.journal);
}
END_TEST

START_TEST(people_get_the_time_and_the_level)
{
    static const struct timespec moment = {1772348889, 7999999}; /* 2026-03-01 07:08:09 UTC */
    struct log log;
    char head[64];
    log_init(&log, LOG_INFO, NULL);
    setenv("TZ", "Asia/Tokyo", 1);
    ck_assert_uint_eq(log_head(&log, LOG_ERROR, &moment, head, sizeof(head)), strlen(head));
    ck_assert_str_eq(head, "2026-03-01T07:08:09.007Z error: ");
    log_head(&log, LOG_DEBUG, &moment, head, sizeof(head));
    ck_assert_str_eq(head, "2026-03-01T07:08:09.007Z debug: ");
    log_line(&log, LOG_DEBUG, "no");
    ck_assert_str_eq(written(), "");
    log_line(&log, LOG_NOTICE, "yes");
    ck_assert_str_eq(written() + strlen("2026-03-01T07:08:09.007Z"), " notice: yes\n");
}
END_TEST

START_TEST(long_lines_are_cut_and_end)
{
    struct log log;
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    log_init(&log, LOG_INFO, stream);
    log_line(&log, LOG_INFO, "%s", text);
    ck_assert_uint_lt(strlen(written()), 600);
    ck_assert_ptr_eq(strchr(written(), '\n'), written() + strlen(written()) - 1);
}
END_TEST

START_TEST(all_counters_are_told)
{
    struct stele_daemon_stats stats;
    struct log log;
    char wanted[64];
    log_init(&log, LOG_INFO, stream);
    memset(&stats, 0xff, sizeof(stats)); /* as long as numbers can be */
    counters_log(&log, &stats);
#define EXPECT_COUNTER(name, text)                                                                 \
    snprintf(wanted, sizeof(wanted), " %s 18446744073709551615", #name);                           \
    ck_assert_msg(strstr(written(), wanted) != NULL, "%s is not told", #name);
    STELE_DAEMON_STATS_TABLE(EXPECT_COUNTER)
#undef EXPECT_COUNTER
    ck_assert_int_eq(strncmp(written(), "<5>counters: uptime_ms ", 23), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = suite_case(suite, "log");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, journal_is_known_by_its_stream);
    tcase_add_test(tcase, people_get_the_time_and_the_level);
    tcase_add_test(tcase, long_lines_are_cut_and_end);
    tcase_add_test(tcase, all_counters_are_told);
    return suite_run(suite);
}
