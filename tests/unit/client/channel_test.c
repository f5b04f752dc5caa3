/* channel.h against a daemon that lies: whatever it says, the caller is told and nothing else. */
#include <signal.h>
#include <sys/wait.h>

#include <stele/stele.h>

#include "suite.h"

#define PATIENCE_MS 30000
#define WELCOME                                                                                    \
    "\x33\0\0\0\x81\0\0\0\x01\0\0\0"                                                               \
    "\0\0\0\0\x01\0\x03\0\0\0\x10\0\xff\xff\0\0\xf9\xff\x0e\0\0\0\x01\0"                           \
    "\x05\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\x07\0\0\0\0\0\0\0seg"
#define LIE(literal) literal, sizeof(literal) - 1

static char path[64];
static pid_t liar;

/* In the child: takes one connection, answers HELLO with `welcome`, and whatever comes next with
 * `answer`; then waits for the end of the peer, or hangs up. */
static void lie(int listener, const char *welcome, size_t welcome_bytes, const char *answer,
                size_t answer_bytes, bool hang_up)
{
    char bytes[4096];
    int fd = accept(listener, NULL, NULL);
    if (fd < 0 || recv(fd, bytes, 20, MSG_WAITALL) != 20)
        _exit(2);
    if (send(fd, welcome, welcome_bytes, MSG_NOSIGNAL) != (ssize_t)welcome_bytes)
        _exit(3);
    if (answer_bytes > 0 && recv(fd, bytes, sizeof(bytes), 0) > 0)
        send(fd, answer, answer_bytes, MSG_NOSIGNAL);
    while (!hang_up && recv(fd, bytes, sizeof(bytes), 0) > 0)
        ;
    _exit(0);
}

static void start(const char *welcome, size_t welcome_bytes, const char *answer,
                  size_t answer_bytes, bool hang_up)
{
    struct sockaddr_un address;
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    snprintf(path, sizeof(path), "/tmp/stele.unit-%d", (int)getpid());
    memcpy(address.sun_path, path, strlen(path));
    unlink(path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, 4), 0);
    liar = fork();
    ck_assert_int_ge(liar, 0);
    if (liar == 0)
        lie(listener, welcome, welcome_bytes, answer, answer_bytes, hang_up);
    close(listener);
}

static void stop(void)
{
    kill(liar, SIGKILL);
    waitpid(liar, NULL, 0);
    unlink(path);
}

/* Connects to one that tells the truth until `answer`, which comes after the first command. */
static struct stele_channel connected(const char *answer, size_t answer_bytes, bool hang_up)
{
    struct stele_channel channel;
    start(WELCOME, sizeof(WELCOME) - 1, answer, answer_bytes, hang_up);
    expect_ok(stele_channel_connect(&channel, path, PATIENCE_MS));
    return channel;
}

START_TEST(truth)
{
    struct stele_channel channel = connected(LIE("\x04\0\0\0\x82\0\0\0\x02\0\0\0\0\0\0\0"), false);
    ck_assert_str_eq(channel.info.name, "seg");
    ck_assert_uint_eq(channel.info.epoch, 5);
    ck_assert_uint_eq(channel.info.segment_bytes, 1 << 20);
    ck_assert_uint_eq(channel.info.vector_max_count, 65536);
    ck_assert(channel.info.may_write && channel.info.may_admin);
    expect_ok(stele_channel_ping(&channel, PATIENCE_MS));
    stele_channel_close(&channel);
    stop();
}
END_TEST

START_TEST(welcomes)
{
    static const struct {
        const char *bytes;
        size_t count;
        enum stele_status status;
    } cases[] = {
        {LIE("\x04\0\0\0\x81\0\0\0\x01\0\0\0\x0d\0\0\0"), STELE_EVERSION},
        {LIE("\x04\0\0\0\x81\0\0\0\x01\0\0\0\0\0\0\0"), STELE_EPROTO},   /* ok, and no more */
        {LIE("\x04\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0"), STELE_EPROTO},   /* no reply */
        {LIE("\x04\0\0\0\x81\0\0\0\x02\0\0\0\0\0\0\0"), STELE_EPROTO},   /* to something else */
        {LIE("\x03\0\0\0\x81\0\0\0\x01\0\0\0\0\0\0\0"), STELE_EPROTO},   /* no room for a status */
        {LIE("\x04\0\0\0\x81\0\0\0\x01\0\0\0\xff\0\0\0"), STELE_EPROTO}, /* no such status */
        {LIE("\xff\xff\xff\xff\x81\0\0\0\x01\0\0\0\0\0\0\0"), STELE_EPROTO},
        {LIE("HTTP/1.1 400 Bad Request\r\n\r\n"), STELE_EPROTO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stele_channel channel;
        start(cases[i].bytes, cases[i].count, NULL, 0, false);
        enum stele_status status = stele_channel_connect(&channel, path, PATIENCE_MS);
        ck_assert_msg(status == cases[i].status, "case %zu: %s", i, stele_status_name(status));
        ck_assert_int_eq(channel.fd, -1);
        stop();
    }
}
END_TEST

/* Cut at every byte: the end of the stream is the end of the connection, never half a welcome. */
START_TEST(half_welcomes)
{
    for (size_t count = 0; count < sizeof(WELCOME) - 1; count += 7) {
        struct stele_channel channel;
        start(WELCOME, count, NULL, 0, true);
        expect_status(stele_channel_connect(&channel, path, PATIENCE_MS), STELE_ECLOSED);
        stop();
    }
}
END_TEST

START_TEST(answers_to_ping)
{
    static const struct {
        const char *bytes;
        size_t count;
    } cases[] = {
        {LIE("\x04\0\0\0\x82\0\0\0\x03\0\0\0\0\0\0\0")},         /* to one that was not sent */
        {LIE("\x04\0\0\0\x82\0\0\0\x01\0\0\0\0\0\0\0")},         /* to one that was answered */
        {LIE("\x04\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0")},         /* a command */
        {LIE("\0\0\0\0\x82\0\0\0\x02\0\0\0\0\0\0\0")},           /* without a status */
        {LIE("\x04\0\0\0\x82\0\0\0\x02\0\0\0\xff\xff\xff\xff")}, /* no such status */
        {LIE("\0\0\0\x40\x82\0\0\0\x02\0\0\0\0\0\0\0")},         /* longer than can be */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stele_channel channel = connected(cases[i].bytes, cases[i].count, false);
        enum stele_status status = stele_channel_ping(&channel, PATIENCE_MS);
        ck_assert_msg(status == STELE_EPROTO, "case %zu: %s", i, stele_status_name(status));
        expect_status(stele_channel_ping(&channel, PATIENCE_MS), STELE_EPROTO); /* broken */
        expect_status(stele_channel_submit_put(&channel, 0, "k", 1, "", 0, NULL), STELE_EPROTO);
        stele_channel_close(&channel);
        stop();
    }
    struct stele_channel channel = connected(LIE("\x04\0\0\0\x82\0\0\0\x02\0\0\0\0\0"), true);
    expect_status(stele_channel_ping(&channel, PATIENCE_MS), STELE_ECLOSED); /* half a reply */
    stele_channel_close(&channel);
    stop();
}
END_TEST

START_TEST(answers_to_get)
{
    static const struct {
        const char *bytes;
        size_t count;
    } cases[] = {
        {LIE("\x04\0\0\0\x96\0\0\0\x02\0\0\0\0\0\0\0")},               /* no length */
        {LIE("\x08\0\0\0\x96\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0")},     /* no value */
        {LIE("\x0a\0\0\0\x96\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0vw")},   /* too much of it */
        {LIE("\x0c\0\0\0\x96\0\0\0\x02\0\0\0\0\0\0\0\x04\0\0\0long")}, /* over the capacity */
        {LIE("\x04\0\0\0\x96\0\0\0\x02\0\0\0\x04\0\0\0")},             /* short, by what? */
        {LIE("\x09\0\0\0\x96\0\0\0\x02\0\0\0\x04\0\0\0\x04\0\0\0x")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stele_channel channel = connected(cases[i].bytes, cases[i].count, false);
        char value[4] = "abc";
        size_t bytes = 99;
        enum stele_status status =
            stele_channel_get(&channel, 0, "k", 1, value, 3, &bytes, PATIENCE_MS);
        ck_assert_msg(status == STELE_EPROTO, "case %zu: %s", i, stele_status_name(status));
        ck_assert_str_eq(value, "abc");
        ck_assert_uint_eq(bytes, 99);
        expect_status(stele_channel_ping(&channel, PATIENCE_MS), STELE_EPROTO);
        stele_channel_close(&channel);
        stop();
    }
}
END_TEST

START_TEST(answers_to_others)
{
    struct stele_daemon_stats stats;
    struct stele_completion completion;
    struct stele_table_info info;
    uint32_t count = 99;
    int64_t number = 99;
    int fd = -1;
    struct stele_channel channel =
        connected(LIE("\x0c\0\0\0\x95\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0"), false);
    expect_status(stele_channel_incr(&channel, 0, "k", 1, 1, &number, PATIENCE_MS), STELE_EPROTO);
    ck_assert_int_eq(number, 99);
    stele_channel_close(&channel);
    stop();
    channel = connected(LIE("\x0c\0\0\0\xb0\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0"), false);
    expect_status(stele_channel_stats(&channel, &stats, PATIENCE_MS), STELE_EPROTO);
    stele_channel_close(&channel);
    stop();
    channel = connected(LIE("\x08\0\0\0\xa4\0\0\0\x02\0\0\0\0\0\0\0\xff\xff\xff\xff"), false);
    expect_status(stele_channel_table_list(&channel, &info, 1, &count, PATIENCE_MS), STELE_EPROTO);
    ck_assert_uint_eq(count, 99);
    stele_channel_close(&channel);
    stop();
    channel = connected(LIE("\x0a\0\0\0\x98\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0"), false);
    expect_ok(stele_channel_submit_put(&channel, 0, "k", 1, "v", 1, NULL));
    expect_status(stele_channel_collect(&channel, &completion, PATIENCE_MS), STELE_EPROTO);
    stele_channel_close(&channel);
    stop();
    /* a welcome without the descriptor that was asked for */
    channel = connected(LIE("\x30\0\0\0\x81\0\0\0\x02\0\0\0"
                            "\0\0\0\0\x01\0\0\0\0\0\x10\0\xff\xff\0\0\xf9\xff\x0e\0\0\0\x01\0"
                            "\x05\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\x07\0\0\0\0\0\0\0"),
                        false);
    expect_status(stele_channel_segment_fd(&channel, PATIENCE_MS, &fd), STELE_EPROTO);
    ck_assert_int_eq(fd, -1);
    stele_channel_close(&channel);
    stop();
}
END_TEST

/* A daemon of another version tells fewer numbers: the rest is 0. */
START_TEST(fewer_statistics)
{
    struct stele_daemon_stats stats;
    struct stele_channel channel =
        connected(LIE("\x10\0\0\0\xb0\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\x07\0\0\0\0\0\0\0"), false);
    memset(&stats, 0x5a, sizeof(stats));
    expect_ok(stele_channel_stats(&channel, &stats, PATIENCE_MS));
    ck_assert_uint_eq(stats.uptime_ms, 7);
    ck_assert_uint_eq(stats.connections, 0);
    ck_assert_uint_eq(stats.adopting, 0);
    stele_channel_close(&channel);
    stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("channel");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, truth);
    tcase_add_test(all, welcomes);
    tcase_add_test(all, half_welcomes);
    tcase_add_test(all, answers_to_ping);
    tcase_add_test(all, answers_to_get);
    tcase_add_test(all, answers_to_others);
    tcase_add_test(all, fewer_statistics);
    return suite_run(suite);
}
