/* input_test.c - lines out of a pipe, whatever the pieces they come in; limits; the end. */
#include "suite.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "input.h"

/* A pipe that holds these bytes and has been closed behind them. */
static int piped(const void *bytes, size_t count)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq((int)write(ends[1], bytes, count), (int)count);
    close(ends[1]);
    return ends[0];
}

static void line_is(struct input *input, const char *wanted, size_t count, uint64_t number)
{
    const char *text;
    size_t bytes;
    ck_assert_int_eq(input_line(input, &text, &bytes), INPUT_LINE);
    ck_assert_uint_eq(bytes, count);
    ck_assert(count == 0 || memcmp(text, wanted, count) == 0);
    ck_assert_uint_eq(input->line, number);
}

START_TEST(lines_with_and_without_an_end)
{
    const char *text;
    size_t bytes;
    struct input input;
    int fd = piped("one\n\nnul\0here\nlast", 18);
    input_init(&input, fd, 100, NULL);
    line_is(&input, "one", 3, 1);
    line_is(&input, "", 0, 2);
    line_is(&input, "nul\0here", 8, 3);
    line_is(&input, "last", 4, 4);
    ck_assert_int_eq(input_line(&input, &text, &bytes), INPUT_END);
    ck_assert_int_eq(input_line(&input, &text, &bytes), INPUT_END);
    ck_assert_uint_eq(input.taken, 18);
    input_fini(&input);
    close(fd);
}
END_TEST

START_TEST(nothing_at_all)
{
    const char *text;
    size_t bytes;
    struct input input;
    int fd = piped("", 0);
    input_init(&input, fd, 100, NULL);
    ck_assert_int_eq(input_line(&input, &text, &bytes), INPUT_END);
    ck_assert_uint_eq(input.line, 0);
    input_fini(&input);
    close(fd);
}
END_TEST

START_TEST(long_lines_are_passed_over)
{
    static char bytes[40000];
    const char *text;
    size_t count;
    struct input input;
    memset(bytes, 'x', sizeof(bytes));
    bytes[10] = bytes[22] = bytes[30000] = '\n';
    int fd = piped(bytes, sizeof(bytes));
    input_init(&input, fd, 11, NULL);
    line_is(&input, "xxxxxxxxxx", 10, 1);
    line_is(&input, "xxxxxxxxxxx", 11, 2);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_TOO_LONG);
    ck_assert_uint_eq(input.line, 3);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_TOO_LONG);
    ck_assert_uint_eq(input.line, 4);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_END);
    ck_assert_uint_eq(input.taken, sizeof(bytes));
    input_fini(&input);
    close(fd);
}
END_TEST

/* A line that is far beyond the limit does not fill the memory: it is thrown away as it comes. */
START_TEST(endless_lines_take_no_memory)
{
    const char *text;
    size_t count;
    struct input input;
    int fd = open("/dev/zero", O_RDONLY);
    int ends[2];
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        static char zeros[1 << 16];
        close(ends[0]);
        for (int i = 0; i < 256; i++) /* 16 MiB */
            if (write(ends[1], zeros, sizeof(zeros)) != (ssize_t)sizeof(zeros))
                _exit(1);
        _exit(write(ends[1], "\nend\n", 5) == 5 ? 0 : 1);
    }
    close(ends[1]);
    input_init(&input, ends[0], 1000, NULL);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_TOO_LONG);
    line_is(&input, "end", 3, 2);
    ck_assert_uint_eq(input.taken, (16u << 20) + 5);
    ck_assert_uint_le(input.buffer.capacity, 1u << 20);
    input_fini(&input);
    close(ends[0]);
    close(fd);
}
END_TEST

START_TEST(all_the_rest)
{
    struct input input;
    struct buffer rest;
    int fd = piped("a\nb\0c", 5);
    buffer_init(&rest);
    input_init(&input, fd, 5, NULL);
    ck_assert_int_eq(input_rest(&input, &rest), INPUT_END);
    ck_assert(rest.used == 5 && memcmp(rest.bytes, "a\nb\0c", 5) == 0);
    input_fini(&input);
    close(fd);
    fd = piped("123456", 6);
    buffer_reset(&rest);
    input_init(&input, fd, 5, NULL);
    ck_assert_int_eq(input_rest(&input, &rest), INPUT_TOO_LONG);
    input_fini(&input);
    buffer_fini(&rest);
    close(fd);
}
END_TEST

START_TEST(an_interrupt_ends_the_waiting)
{
    const char *text;
    size_t count;
    struct interrupt interrupt;
    struct input input;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    interrupt_open(&interrupt);
    input_init(&input, ends[0], 100, &interrupt);
    ck_assert_int_eq((int)write(ends[1], "line\nhalf", 9), 9);
    line_is(&input, "line", 4, 1);
    ck_assert(!interrupt_seen(&interrupt));
    raise(SIGINT);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_INTERRUPTED);
    ck_assert(interrupt_seen(&interrupt));
    ck_assert_int_eq(interrupt_exit(&interrupt), 130);
    input_fini(&input);
    interrupt_close(&interrupt);
}
END_TEST

/* Before it waits it says so, once each time: whoever reads can then do what does not bear waiting. */
START_TEST(idleness_is_told_before_waiting)
{
    const char *text;
    size_t count;
    struct interrupt interrupt;
    struct input input;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    interrupt_open(&interrupt);
    input_init(&input, ends[0], 100, &interrupt);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_IDLE);
    ck_assert_int_eq((int)write(ends[1], "one\ntwo\nha", 10), 10);
    line_is(&input, "one", 3, 1);
    line_is(&input, "two", 3, 2);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_IDLE);
    ck_assert_int_eq((int)write(ends[1], "l", 1), 1);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_IDLE);
    ck_assert_int_eq((int)write(ends[1], "f\n", 2), 2);
    line_is(&input, "half", 4, 3);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_IDLE);
    close(ends[1]);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_END);
    input_fini(&input);
    interrupt_close(&interrupt);
    close(ends[0]);
}
END_TEST

START_TEST(a_directory_cannot_be_read)
{
    const char *text;
    size_t count;
    struct input input;
    int fd = open("/", O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(fd, 0);
    input_init(&input, fd, 100, NULL);
    ck_assert_int_eq(input_line(&input, &text, &count), INPUT_FAILED);
    input_fini(&input);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli input");
    TCase *tcase = suite_case(suite, "input");
    tcase_add_test(tcase, lines_with_and_without_an_end);
    tcase_add_test(tcase, nothing_at_all);
    tcase_add_test(tcase, long_lines_are_passed_over);
    tcase_add_test(tcase, endless_lines_take_no_memory);
    tcase_add_test(tcase, all_the_rest);
    tcase_add_test(tcase, an_interrupt_ends_the_waiting);
    tcase_add_test(tcase, idleness_is_told_before_waiting);
    tcase_add_test(tcase, a_directory_cannot_be_read);
    return suite_run(suite);
}
