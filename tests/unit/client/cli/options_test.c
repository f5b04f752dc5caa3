/* options_test.c - the command line: where options may stand, what outdoes what, what is refused. */
#include "suite.h"

#include "options.h"

#define WORDS_MAX 12

struct line {
    struct options options;
    struct output output;
    char *argv[WORDS_MAX + 1];
    int argc, first;
};

/* Reads blank-separated words; `text` is cut up. */
static int read_line(struct line *line, uint32_t bits, bool all_over, char *text)
{
    line->argc = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        line->argv[line->argc++] = word;
    line->argv[line->argc] = NULL;
    line->first =
        options_read(&line->options, &line->output, bits, all_over, line->argc, line->argv);
    return line->first;
}

static void fresh(struct line *line, const char *name, const char *socket)
{
    memset(line, 0, sizeof(*line));
    options_init(&line->options, name, socket);
}

START_TEST(common_ones_end_at_the_verb)
{
    struct line line;
    char text[] = "stele -n prices --socket /run/s -o json --timeout=0.5 -e get -x";
    fresh(&line, NULL, NULL);
    ck_assert_int_eq(read_line(&line, 0, false, text), 9);
    ck_assert_str_eq(line.argv[line.first], "get");
    ck_assert_str_eq(line.options.name, "prices");
    ck_assert_str_eq(line.options.socket, "/run/s");
    ck_assert(line.options.json && line.output.json && line.options.escapes);
    ck_assert_int_eq(line.options.timeout_ms, 500);
}
END_TEST

START_TEST(a_verbs_own_stand_anywhere)
{
    struct line line;
    char text[] = "scan prices --limit 3 -n x --prefix p -- --keys";
    fresh(&line, NULL, NULL);
    int first = read_line(&line, OPTIONS_LIMIT | OPTIONS_PREFIX | OPTIONS_KEYS, true, text);
    ck_assert_int_eq(line.argc - first, 2);
    ck_assert_str_eq(line.argv[first], "prices");
    ck_assert_str_eq(line.argv[first + 1], "--keys");
    ck_assert_uint_eq(line.options.given, OPTIONS_LIMIT | OPTIONS_PREFIX);
    ck_assert_uint_eq(line.options.limit, 3);
    ck_assert_str_eq(line.options.prefix, "p");
    ck_assert_str_eq(line.options.name, "x");
}
END_TEST

START_TEST(types_and_numbers_of_tables)
{
    struct line line;
    char text[] = "create t --type u64->list:u32 --max-entries 18446744073709551615 --from 3";
    char bad[] = "create t --type u64>u32", none[] = "create t --max-entries -1";
    struct stele_type wanted = stele_type_of(STELE_U64, STELE_LIST + STELE_U32);
    uint32_t bits = OPTIONS_TYPE | OPTIONS_MAX_ENTRIES | OPTIONS_FROM;
    fresh(&line, NULL, NULL);
    ck_assert(stele_type_word(&line.options.type) == 0);
    ck_assert_int_ge(read_line(&line, bits, true, text), 0);
    ck_assert(stele_type_equal(&line.options.type, &wanted));
    ck_assert_uint_eq(line.options.max_entries, UINT64_MAX);
    ck_assert_uint_eq(line.options.from, 3);
    ck_assert_int_eq(read_line(&line, bits, true, bad), -1);
    ck_assert_int_eq(read_line(&line, bits, true, none), -1);
}
END_TEST

/* Hides, reads, and gives back. */
static int read_numbers(struct line *line, char *text)
{
    struct options_hidden hidden;
    line->argc = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        line->argv[line->argc++] = word;
    line->argv[line->argc] = NULL;
    options_hide_numbers(&hidden, line->argc, line->argv);
    line->first = options_read(&line->options, &line->output, 0, true, line->argc, line->argv);
    options_show_numbers(&hidden);
    return line->first;
}

START_TEST(negative_numbers_are_no_options)
{
    struct line line;
    char cas[] = "cas t -1 -e -2.5 -.5 -n x", value[] = "put t k -t -5", name[] = "put t -n -5 -6";
    char behind[] = "put t -- -5 -6", letters[] = "put t k -x";
    fresh(&line, NULL, NULL);
    int first = read_numbers(&line, cas);
    ck_assert_int_eq(line.argc - first, 4);
    ck_assert_str_eq(line.argv[first + 1], "-1");
    ck_assert_str_eq(line.argv[first + 2], "-2.5");
    ck_assert_str_eq(line.argv[first + 3], "-.5");
    ck_assert(line.options.escapes && strcmp(line.options.name, "x") == 0);
    ck_assert_int_eq(read_numbers(&line, value), -1); /* of --timeout */
    first = read_numbers(&line, name);
    ck_assert_int_eq(line.argc - first, 2);
    ck_assert_str_eq(line.options.name, "-5");
    ck_assert_str_eq(line.argv[first + 1], "-6");
    first = read_numbers(&line, behind);
    ck_assert_int_eq(line.argc - first, 3);
    ck_assert_str_eq(line.argv[first + 1], "-5");
    ck_assert_int_eq(read_numbers(&line, letters), -1);
}
END_TEST

START_TEST(what_is_typed_outdoes_the_environment)
{
    struct line line;
    char name[] = "stele -n mine get", socket[] = "stele -S /s get", verb[] = "get -S /t k";
    char plain[] = "stele get";
    fresh(&line, "theirs", "/theirs");
    read_line(&line, 0, false, plain);
    ck_assert_str_eq(line.options.name, "theirs");
    ck_assert_str_eq(line.options.socket, "/theirs");
    read_line(&line, 0, false, name);
    ck_assert_str_eq(line.options.name, "mine");
    ck_assert_ptr_null(line.options.socket);
    read_line(&line, 0, true, verb); /* the name was typed before the verb */
    ck_assert_str_eq(line.options.name, "mine");
    ck_assert_str_eq(line.options.socket, "/t");
    fresh(&line, "theirs", "");
    ck_assert_ptr_null(line.options.socket);
    read_line(&line, 0, false, socket);
    ck_assert_ptr_null(line.options.name);
    ck_assert_str_eq(line.options.socket, "/s");
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const char *const cases[] = {
        "stele --nonsense",     "stele -x",           "stele -n",         "stele --name",
        "stele -n a/b",         "stele -n \xff",      "stele -S nowhere", "stele -o xml",
        "stele --timeout -1",   "stele -t soon",      "stele --limit 3",  "stele --raw",
        "stele --timeout 1e99", "stele --help=twice", "stele --limit=x",  "stele --format json",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line line;
        char text[64];
        fresh(&line, NULL, NULL);
        snprintf(text, sizeof(text), "%s", cases[i]);
        ck_assert_msg(read_line(&line, 0, true, text) == -1, "%s", cases[i]);
        fresh(&line, NULL, NULL);
    }
    struct line line;
    char limit[] = "scan --limit -3", format[] = "load --format xml",
         seconds[] = "bench --seconds 0";
    fresh(&line, NULL, NULL);
    ck_assert_int_eq(read_line(&line, OPTIONS_LIMIT, true, limit), -1);
    ck_assert_int_eq(read_line(&line, OPTIONS_FORMAT, true, format), -1);
    ck_assert_int_eq(read_line(&line, OPTIONS_SECONDS, true, seconds), -1);
}
END_TEST

/* Every status has an exit status that the man page names, and only success has 0. */
START_TEST(exit_statuses)
{
    for (int status = 0; status < STELE_STATUS_COUNT; status++) {
        int code = (int)output_exit_of((enum stele_status)status);
        ck_assert((code == 0) == (status == STELE_OK));
        ck_assert_int_le(code, 4);
    }
    ck_assert_int_eq(output_exit_of(STELE_ENOTFOUND), 1);
    ck_assert_int_eq(output_exit_of(STELE_EDIFFERS), 1);
    ck_assert_int_eq(output_exit_of(STELE_ENOSEGMENT), 3);
    ck_assert_int_eq(output_exit_of(STELE_ECLOSED), 3);
    ck_assert_int_eq(output_exit_of(STELE_ETIMEDOUT), 3);
    ck_assert_int_eq(output_exit_of(STELE_EPERM), 4);
    ck_assert_int_eq(output_exit_of(STELE_ENOSPC), 4);
    ck_assert_int_eq(output_exit_of(STELE_ETOOBIG), 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli options");
    TCase *tcase = suite_case(suite, "options");
    tcase_add_test(tcase, common_ones_end_at_the_verb);
    tcase_add_test(tcase, a_verbs_own_stand_anywhere);
    tcase_add_test(tcase, types_and_numbers_of_tables);
    tcase_add_test(tcase, negative_numbers_are_no_options);
    tcase_add_test(tcase, what_is_typed_outdoes_the_environment);
    tcase_add_test(tcase, nonsense_is_refused);
    tcase_add_test(tcase, exit_statuses);
    return suite_run(suite);
}
