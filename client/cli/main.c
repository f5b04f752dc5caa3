/*
 * main.c - stele, the command line: the table of verbs.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct verb *const main_verbs[] = {
    &cmd_get,    &cmd_put,    &cmd_insert, &cmd_replace, &cmd_cas,   &cmd_incr,  &cmd_del,
    &cmd_append, &cmd_remove, &cmd_swap,   &cmd_pop,     &cmd_list,  &cmd_count, &cmd_scan,
    &cmd_load,   &cmd_dump,   &cmd_tables, &cmd_create,  &cmd_clear, &cmd_drop,  &cmd_stat,
    &cmd_ping,   &cmd_verify, &cmd_bench,  &cmd_shutdown};

#define MAIN_VERBS (sizeof(main_verbs) / sizeof(main_verbs[0]))

static const struct verb *main_find(const char *name)
{
    for (size_t i = 0; i < MAIN_VERBS; i++)
        if (strcmp(main_verbs[i]->name, name) == 0)
            return main_verbs[i];
    return NULL;
}

static int main_help(void)
{
    puts("usage: stele [-n NAME] [-S SOCKET] [-o text|json] VERB ...\n"
         "\n"
         "Reads from a shared-memory segment, and writes to it through its daemon.\n");
    for (size_t i = 0; i < MAIN_VERBS; i++) {
        char words[64];
        snprintf(words, sizeof(words), "%s %s", main_verbs[i]->name, main_verbs[i]->arguments);
        printf("  %-26s %s\n", words, main_verbs[i]->summary);
    }
    puts("\nOptions, before the verb or behind it");
    options_describe(OPTIONS_COMMON);
    puts(
        "\n"
        "get, list, count, scan, dump, tables, stat and verify read the segment itself, also when\n"
        "no daemon runs. The others need the daemon.\n"
        "\n"
        "A table has a type, KEY->VALUE: see stele create --help.\n"
        "\n"
        "Exit status: 0 done; 1 not found, or not as cas, insert or replace expected; 2 the\n"
        "command line makes no sense; 3 no daemon, no segment or no answer; 4 refused: no rights,\n"
        "no space, over a limit.\n"
        "\n"
        "Examples\n"
        "  stele create prices\n"
        "  stele put prices EURUSD 1.0842\n"
        "  stele get prices EURUSD\n"
        "  stele create docs --type 'bytes->list:u32'\n"
        "  stele append docs pi 3 1 4\n"
        "  stele -n orders -o json stat");
    return OUTPUT_OK;
}

static int main_verb_help(const struct verb *verb)
{
    printf("usage: stele [OPTIONS] %s %s\n\n%s\n", verb->name, verb->arguments, verb->text);
    puts("\nOptions");
    options_describe(verb->options);
    options_describe(OPTIONS_COMMON);
    return OUTPUT_OK;
}

static int main_version(void)
{
    puts("stele " STELE_VERSION);
    return OUTPUT_OK;
}

static int main_run(struct cmd *cmd)
{
    struct session session;
    const struct verb *verb = cmd->verb;
    if (cmd->count < verb->least || (verb->most >= 0 && cmd->count > verb->most))
        return output_usage(cmd->output, "%s arguments; usage: stele %s %s",
                            cmd->count < verb->least ? "too few" : "too many", verb->name,
                            verb->arguments);
    if (!options_check_environment(cmd->options, cmd->output))
        return OUTPUT_USAGE;
    session_init(&session, cmd->options, cmd->output);
    cmd->session = &session;
    int result = verb->run(cmd);
    session_fini(&session);
    return result;
}

/* argv[0] is the verb. */
static int main_call(struct options *options, struct output *output, int argc, char **argv)
{
    struct cmd cmd = {0};
    struct options_hidden hidden = {{NULL}, 0};
    const struct verb *verb = main_find(argv[0]);
    if (!verb)
        return output_usage(output, "no such verb: %.40s", argv[0]);
    output->verb = verb->name;
    if (verb->numbers)
        options_hide_numbers(&hidden, argc, argv);
    int first = options_read(options, output, verb->options, true, argc, argv);
    options_show_numbers(&hidden);
    if (first < 0)
        return OUTPUT_USAGE;
    if (options->help)
        return main_verb_help(verb);
    if (options->version)
        return main_version();
    cmd.verb = verb;
    cmd.options = options;
    cmd.output = output;
    cmd.count = argc - first;
    cmd.argument = argv + first;
    return main_run(&cmd);
}

/* What is opened takes the lowest number: with standard output closed, a file would get what is printed.
 * A closed stream becomes one that can be neither read nor written. */
static void main_fill_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/", O_RDONLY | O_DIRECTORY) != fd)
            _exit(OUTPUT_UNAVAILABLE);
}

int main(int argc, char **argv)
{
    struct options options;
    struct output output = {0};
    int result;
    main_fill_streams();
    signal(SIGPIPE, SIG_DFL); /* a reader that closes its pipe ends us, whatever we inherited */
    options_init(&options, getenv("STELE_NAME"), getenv("STELE_SOCKET"));
    const char *owner = getenv("STELE_OWNER");
    if (owner && owner[0] && !options_set_owner(&options, owner))
        return output_usage(&output, "STELE_OWNER '%s': want a user that there is, or a uid",
                            owner);
    int first = argc > 0 ? options_read(&options, &output, 0, false, argc, argv) : -1;
    if (first < 0)
        return OUTPUT_USAGE;
    if (options.version)
        result = main_version();
    else if (options.help)
        result = main_help();
    else if (first == argc)
        return output_usage(&output, "a verb is missing");
    else
        result = main_call(&options, &output, argc - first, argv + first);
    int written = output_finish(&output);
    return result == OUTPUT_OK ? written : result;
}
