/*
 * cmd_load.c - load: a file of entries into a table.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "document.h"
#include "loader.h"
#include "text.h"

/* What was not as it should be; the exit status. */
static int load_judge(struct loader *loader)
{
    const struct output *output = loader->cmd->output;
    uint64_t line = loader->input.line;
    if (loader->broken != STELE_OK)
        return output_fail_text(output, loader->broken, loader->cmd->argument[0],
                                "after line %" PRIu64 ": %s (%" PRIu64
                                " entries may have been stored or not)",
                                line, stele_status_text(loader->broken), loader_unknown(loader));
    if (interrupt_seen(&loader->interrupt)) {
        output_note(output, "load %s: interrupted after line %" PRIu64, loader->cmd->argument[0],
                    line);
        return interrupt_exit(&loader->interrupt);
    }
    return loader->bad + loader->refused > 0 ? OUTPUT_REFUSED : OUTPUT_OK;
}

static int load_show_json(struct loader *loader, double seconds)
{
    struct json_t *object = document_object();
    document_set_number(object, "lines", loader->input.line);
    document_set_number(object, "stored", loader->stored);
    document_set_number(object, "refused", loader->refused);
    document_set_number(object, "bad_lines", loader->bad);
    document_set_number(object, "unknown", loader_unknown(loader));
    document_set_bool(object, "interrupted", interrupt_seen(&loader->interrupt));
    document_set_real(object, "seconds", seconds);
    return output_document(loader->cmd->output, object);
}

static int load_show(struct loader *loader)
{
    char line[512], size[TEXT_SHORT_BYTES], rate[TEXT_SHORT_BYTES];
    double seconds = progress_seconds(&loader->progress);
    if (loader->cmd->output->json)
        return load_show_json(loader, seconds);
    int bytes = snprintf(line, sizeof(line),
                         "%" PRIu64 " entries stored (%s read, %s/s in %.2f s), %" PRIu64
                         " refused, %" PRIu64 " bad lines\n",
                         loader->stored, text_size(size, loader->input.taken),
                         text_count(rate, (double)loader->stored / (seconds > 0 ? seconds : 1)),
                         seconds, loader->refused, loader->bad);
    return output_bytes(loader->cmd->output, line, (size_t)bytes);
}

static int load_file(struct cmd *cmd, int fd, const char *file, const struct session_table *table)
{
    enum entry_format format = cmd->options->format;
    struct stat facts;
    struct buffer label;
    bool regular = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
    struct loader *loader = malloc(sizeof(*loader));
    if (!loader)
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    buffer_init(&label);
    loader_init(loader, cmd, table, format == ENTRY_BY_NAME ? entry_format_of(file) : format, fd,
                output_name(&label, cmd->argument[0], strlen(cmd->argument[0])),
                regular ? (uint64_t)facts.st_size : 0);
    loader_run(loader);
    int result = load_judge(loader);
    int shown = load_show(loader);
    loader_fini(loader);
    buffer_fini(&label);
    free(loader);
    return result == OUTPUT_OK ? shown : result;
}

/* The table: found, or with --create made where there is none. What --type and --max-entries say has
 * to be so. */
static int load_table(struct cmd *cmd, struct session_table *table)
{
    const struct options *options = cmd->options;
    const char *name = cmd->argument[0];
    struct session_table wanted = {0, options->type, options->max_entries};
    bool typed = (options->given & OPTIONS_TYPE) != 0;
    bool limited = (options->given & OPTIONS_MAX_ENTRIES) != 0;
    int result = session_connect(cmd->session);
    if (result != OUTPUT_OK)
        return result;
    if ((options->given & OPTIONS_CREATE) &&
        session_look_up(cmd->session, name, table) == STELE_ENOTABLE) {
        *table = wanted;
        return session_make_table(cmd->session, name, true, table);
    }
    result = session_find_table(cmd->session, name, table);
    if (result != OUTPUT_OK)
        return result;
    if (!typed)
        wanted.type = table->type;
    if (!limited)
        wanted.max_entries = table->max_entries;
    if (stele_type_equal(&wanted.type, &table->type) && wanted.max_entries == table->max_entries)
        return OUTPUT_OK;
    return session_differs(cmd->session, name, table, &wanted);
}

static int load_run(struct cmd *cmd)
{
    const char *file =
        cmd->count > 1 && strcmp(cmd->argument[1], "-") != 0 ? cmd->argument[1] : NULL;
    struct session_table table;
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (fd < 0)
        return output_fail_text(cmd->output, STELE_EINVAL, NULL, "%s: %s", file, strerror(errno));
    int result = load_table(cmd, &table);
    if (result == OUTPUT_OK && !cmd->session->channel.info.may_write)
        result = cmd_fail(cmd, STELE_EPERM, NULL); /* before a long file is read in vain */
    else if (result == OUTPUT_OK)
        result = load_file(cmd, fd, file, &table);
    if (file)
        close(fd);
    return result;
}

const struct verb cmd_load = {
    .name = "load",
    .arguments = "T [FILE]",
    .summary = "store the entries of a file",
    .text =
        "Stores each entry of FILE (default, and \"-\": standard input) in table T, in order; in "
        "a\n"
        "table of lists, appends the elements to what is there.\n"
        "\n"
        "  tsv    KEY, tab, VALUE; byte strings with \\t \\n \\r \\\\ and \\xHH for bytes that "
        "need it,\n"
        "         numbers in decimal, the elements of a list with commas between them\n"
        "  jsonl  {\"key\":...,\"value\":...}: byte strings as strings, or \"key_base64\" and\n"
        "         \"value_base64\"; numbers as numbers, or as strings; lists as arrays; other\n"
        "         members are ignored\n"
        "\n"
        "Key and value are read as the table's type has them. --create makes the table where "
        "there\n"
        "is none, of --type and --max-entries; where there is one, it has to be as they say.\n"
        "The format is that of the file's name (.jsonl, .ndjson, .json; else tsv), or --format.\n"
        "Empty lines are left out, and so is a carriage return at the end of a line. A line\n"
        "that is no entry, and an entry that the daemon refuses, are told with the number of\n"
        "the line (the first 20) and counted. --strict stops at the first: nothing behind a bad\n"
        "line is stored; of entries behind a refused one up to 4,096 may have been sent before\n"
        "the refusal came. ^C stops in order: what was sent is counted. (A list that is longer "
        "than\n"
        "the daemon's --max-frame counts as several entries.)\n"
        "\n"
        "Exit status: 1 no such table (--create makes it); 2 FILE cannot be opened; 3 the\n"
        "daemon went away; 4 a line was bad or an entry refused; 130 ^C.\n"
        "\n"
        "Examples\n"
        "  stele load prices prices.tsv\n"
        "  stele load --create prices < prices.tsv\n"
        "  stele load --strict prices prices.jsonl\n"
        "  stele load --create --type 'u64->list:u32' index index.tsv\n"
        "  stele -n old dump prices | stele -n new load --create prices",
    .options =
        OPTIONS_FORMAT | OPTIONS_STRICT | OPTIONS_CREATE | OPTIONS_TYPE | OPTIONS_MAX_ENTRIES,
    .least = 1,
    .most = 2,
    .run = load_run};
