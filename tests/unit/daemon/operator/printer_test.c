/* printer.h: whole lines to files, pipes and sockets; nothing makes it wait. */
#include "operator/printer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

static struct loop *loop;
static struct printer printer;
static struct log log_quiet;

static void setup(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    log_init(&log_quiet, LOG_ERROR, NULL);
    expect_ok(loop_open(&loop));
}

static void teardown(void)
{
    printer_close(&printer);
    loop_close(loop);
}

static bool print(const char *text, bool last)
{
    return printer_print(&printer, text, strlen(text), last);
}

/* What can be read now. */
static size_t taken(int fd, char *bytes, size_t most)
{
    size_t got = 0;
    ssize_t count;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (got < most && (count = read(fd, bytes + got, most - got)) > 0)
        got += (size_t)count;
    return got;
}

static void expect_taken(int fd, const char *wanted)
{
    char got[256];
    size_t bytes = taken(fd, got, sizeof(got) - 1);
    got[bytes] = 0;
    ck_assert_str_eq(got, wanted);
}

START_TEST(lines_come_out_whole)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    printer_open(&printer, loop, &log_quiet, ends[1]);
    ck_assert(print("one : [1,", false));
    ck_assert(print(" 2]\ntwo : ", false));
    expect_taken(ends[0], ""); /* gathered until there is more of it */
    ck_assert(print("[3]\n", true));
    expect_taken(ends[0], "one : [1, 2]\ntwo : [3]\n");
    ck_assert(!printer_holds(&printer));
    ck_assert(print("", true)); /* nothing to tell */
    expect_taken(ends[0], "");
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* The pipe's mode is shared with whoever else has it: it must stay as it is. */
START_TEST(the_pipe_itself_stays_blocking)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    printer_open(&printer, loop, &log_quiet, ends[1]);
    ck_assert_int_eq(printer.kind, PRINTER_OPENED);
    ck_assert_int_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* Lines of "N\n", from *next on, until `bytes` of them have been offered. */
static void print_numbers(unsigned *next, size_t bytes)
{
    char line[16];
    for (size_t done = 0; done < bytes; ++*next) {
        done += (size_t)sprintf(line, "%u\n", *next);
        ck_assert(print(line, false));
    }
    ck_assert(print("", true));
}

/* Everything comes, in order, though the reader comes late and reads little at a time. */
static void expect_numbers(int fd, unsigned count)
{
    static char text[16 << 20];
    size_t bytes = 0;
    char *at = text;
    while (printer_holds(&printer)) {
        bytes += taken(fd, text + bytes, 10000);
        expect_ok(loop_turn(loop, 0));
        expect(bytes + 10000 < sizeof(text));
    }
    bytes += taken(fd, text + bytes, sizeof(text) - 1 - bytes);
    text[bytes] = 0;
    for (unsigned i = 0; i < count; i++) {
        expect(strtoul(at, &at, 10) == i);
        expect(*at++ == '\n');
    }
    ck_assert_ptr_eq(at, text + bytes);
}

START_TEST(a_full_pipe_does_not_stop_it)
{
    int ends[2];
    unsigned next = 0;
    ck_assert_int_eq(pipe(ends), 0);
    printer_open(&printer, loop, &log_quiet, ends[1]);
    print_numbers(&next, (size_t)3 << 20);
    ck_assert(printer_holds(&printer));
    print_numbers(&next, (size_t)1 << 20); /* behind what waits */
    expect_numbers(ends[0], next);
    ck_assert_uint_eq(printer.lost, 0);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* As where the pipe may not be opened again. */
START_TEST(a_full_shared_pipe_does_not_stop_it)
{
    int ends[2];
    unsigned next = 0;
    ck_assert_int_eq(pipe(ends), 0);
    printer_open(&printer, loop, &log_quiet, ends[1]);
    close(printer.source.fd);
    printer.source.fd = ends[1];
    printer.opened = false;
    printer.kind = PRINTER_SHARED;
    print_numbers(&next, (size_t)1 << 20);
    ck_assert(printer_holds(&printer));
    expect_numbers(ends[0], next);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_full_socket_does_not_stop_it)
{
    int ends[2];
    unsigned next = 0;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    printer_open(&printer, loop, &log_quiet, ends[1]);
    ck_assert_int_eq(printer.kind, PRINTER_SOCKET);
    print_numbers(&next, (size_t)3 << 20);
    ck_assert(printer_holds(&printer));
    expect_numbers(ends[0], next);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(what_nobody_takes_is_bounded)
{
    enum { BYTES = 1 << 20 };
    static char line[BYTES];
    int ends[2];
    size_t taken_bytes = 0;
    memset(line, 'x', BYTES);
    line[BYTES - 1] = '\n';
    ck_assert_int_eq(pipe(ends), 0);
    printer_open(&printer, loop, &log_quiet, ends[1]);
    while (printer_print(&printer, line, BYTES, true)) {
        taken_bytes += BYTES;
        ck_assert_uint_le(taken_bytes, PRINTER_HELD_MAX + BYTES);
    }
    ck_assert_uint_ge(taken_bytes, PRINTER_HELD_MAX - BYTES);
    ck_assert_uint_eq(printer.lost, 1);
    ck_assert_int_eq(printer.error, 0);
    /* of the one that was refused, nothing: also when its beginning had been accepted */
    size_t held = net_buffer_held(&printer.held);
    ck_assert(printer_print(&printer, "begin", 5, false));
    ck_assert(!printer_print(&printer, line, BYTES, false));
    ck_assert_uint_eq(net_buffer_held(&printer.held), held);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(nobody_at_the_other_end)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    printer_open(&printer, loop, &log_quiet, ends[1]);
    close(ends[0]);
    ck_assert(!print("1 : [2]\n", true));
    ck_assert_uint_eq(printer.lost, 1);
    ck_assert_int_eq(printer.error, EPIPE);
    ck_assert(!print("1 : [2]\n", true)); /* tried again */
    ck_assert_uint_eq(printer.lost, 2);
    ck_assert(!printer_holds(&printer));
    close(ends[1]);
}
END_TEST

START_TEST(a_closed_descriptor)
{
    int fd = dup(STDOUT_FILENO);
    close(fd);
    printer_open(&printer, loop, &log_quiet, fd);
    ck_assert(!print("1 : [2]\n", true));
    ck_assert_int_eq(printer.error, EBADF);
}
END_TEST

START_TEST(files_are_appended_to)
{
    char path[] = "/tmp/stele.printer-XXXXXX", got[64];
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, "before\n", 7), 7);
    printer_open(&printer, loop, &log_quiet, fd);
    ck_assert_int_eq(printer.kind, PRINTER_FILE);
    ck_assert(print("1 : [2]\n", true));
    ck_assert(print("3 : [4]\n", true));
    ssize_t bytes = pread(fd, got, sizeof(got), 0);
    ck_assert_int_eq(bytes, 23);
    ck_assert_mem_eq(got, "before\n1 : [2]\n3 : [4]\n", 23);
    close(fd);
    unlink(path);
}
END_TEST

/* After a line of which only a part came out, the next one starts on a line of its own. */
START_TEST(a_torn_line_is_ended)
{
    static char text[256 << 10];
    int ends[2];
    memset(text, 'x', sizeof(text));
    ck_assert_int_eq(pipe(ends), 0);
    printer_open(&printer, loop, &log_quiet, ends[1]);
    text[sizeof(text) - 1] = '\n';
    ck_assert(printer_print(&printer, text, sizeof(text), true));
    ck_assert(printer_holds(&printer) && printer.torn);
    int keep = printer.source.fd;
    printer.source.fd = open("/dev/null", O_RDONLY); /* it fails for once */
    printer_tick(&printer);
    ck_assert_uint_eq(printer.lost, 1);
    ck_assert(!printer_holds(&printer));
    close(printer.source.fd);
    printer.source.fd = keep;
    while (taken(ends[0], text, sizeof(text)) > 0)
        ;
    ck_assert(print("1 : [2]\n", true));
    expect_taken(ends[0], "\n1 : [2]\n");
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("printer");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, lines_come_out_whole);
    tcase_add_test(all, the_pipe_itself_stays_blocking);
    tcase_add_test(all, a_full_pipe_does_not_stop_it);
    tcase_add_test(all, a_full_shared_pipe_does_not_stop_it);
    tcase_add_test(all, a_full_socket_does_not_stop_it);
    tcase_add_test(all, what_nobody_takes_is_bounded);
    tcase_add_test(all, nobody_at_the_other_end);
    tcase_add_test(all, a_closed_descriptor);
    tcase_add_test(all, files_are_appended_to);
    tcase_add_test(all, a_torn_line_is_ended);
    return suite_run(suite);
}
