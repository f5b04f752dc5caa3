/*
 * cmd_load.c - load: a file of entries into a table, or a dump into its tables.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stele/detail/descriptor.h>

#include "cmd.h"
#include "document.h"
#include "loader.h"
#include "target.h"
#include "text.h"

struct load {
    struct cmd *cmd;
    struct target target;
    struct loader loader;
};

/* What was not as it should be; the exit status. */
static int load_judge(struct load *load)
{
    struct loader *loader = &load->loader;
    const struct output *output = load->cmd->output;
    const char *label = load->target.label.bytes;
    uint64_t line = loader->input.line;
    if (loader->broken != STELE_OK)
        return output_fail_text(output, loader->broken, label,
                                "after line %" PRIu64 ": %s (%" PRIu64
                                " entries may have been stored or not)",
                                line, stele_status_text(loader->broken), loader_unknown(loader));
    if (interrupt_seen(&loader->interrupt)) {
        output_note(output, "load %s: interrupted after line %" PRIu64, label, line);
        return interrupt_exit(&loader->interrupt);
    }
    if (loader->failed != OUTPUT_OK)
        return loader->failed;
    if (loader->cut && !loader->stopped) {
        output_fail_text(output, STELE_EEND, label,
                         "after line %" PRIu64 ": the dump ends without its last line: it was cut "
                         "off, and the rest is missing",
                         line);
        return OUTPUT_REFUSED;
    }
    return loader->bad + loader->refused > 0 ? OUTPUT_REFUSED : OUTPUT_OK;
}

static int load_show_json(struct load *load, double seconds)
{
    struct loader *loader = &load->loader;
    struct json_t *object = document_object();
    document_set_number(object, "tables", load->target.tables);
    document_set_number(object, "lines", loader->input.line);
    document_set_number(object, "stored", loader->stored);
    document_set_number(object, "refused", loader->refused);
    document_set_number(object, "bad_lines", loader->bad);
    document_set_number(object, "unknown", loader_unknown(loader));
    document_set_bool(object, "interrupted", interrupt_seen(&loader->interrupt));
    document_set_bool(object, "cut", loader->cut);
    document_set_real(object, "seconds", seconds);
    return output_document(load->cmd->output, object);
}

static int load_show(struct load *load)
{
    struct loader *loader = &load->loader;
    char line[512], size[TEXT_SHORT_BYTES], rate[TEXT_SHORT_BYTES], tables[48] = "";
    double seconds = progress_seconds(&loader->progress);
    if (load->cmd->output->json)
        return load_show_json(load, seconds);
    if (!load->target.named)
        snprintf(tables, sizeof(tables), " in %u tables", load->target.tables);
    int bytes = snprintf(line, sizeof(line),
                         "%" PRIu64 " entries stored%s (%s read, %s/s in %.2f s), %" PRIu64
                         " refused, %" PRIu64 " bad lines\n",
                         loader->stored, tables, text_size(size, loader->input.taken),
                         text_count(rate, (double)loader->stored / (seconds > 0 ? seconds : 1)),
                         seconds, loader->refused, loader->bad);
    return output_bytes(load->cmd->output, line, (size_t)bytes);
}

static int load_file(struct load *load, int fd, const char *file)
{
    enum entry_format format = load->cmd->options->format;
    struct stat facts;
    bool regular = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
    loader_init(&load->loader, load->cmd, &load->target,
                format == ENTRY_BY_NAME ? entry_format_of(file) : format, fd,
                regular ? (uint64_t)facts.st_size : 0);
    loader_run(&load->loader);
    int result = load_judge(load);
    int shown = load_show(load);
    loader_fini(&load->loader);
    return result == OUTPUT_OK ? shown : result;
}

static int load_into(struct cmd *cmd, const char *named, int fd, const char *file)
{
    struct load *load = malloc(sizeof(*load));
    if (!load)
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    load->cmd = cmd;
    int result = target_init(&load->target, cmd, named);
    if (result == OUTPUT_OK)
        result = load_file(load, fd, file);
    target_fini(&load->target);
    free(load);
    return result;
}

/* -1: errno says why. */
static int load_open(const char *file)
{
    struct stat facts;
    int fd = stelei_descriptor(open(file, O_RDONLY | O_CLOEXEC));
    if (fd < 0 || fstat(fd, &facts) != 0 || !S_ISDIR(facts.st_mode))
        return fd;
    close(fd);
    errno = EISDIR;
    return -1;
}

static int load_run(struct cmd *cmd)
{
    bool all = (cmd->options->given & OPTIONS_ALL) != 0;
    const char *file = cmd_file(cmd);
    int result = cmd_check_all(cmd);
    if (result != OUTPUT_OK)
        return result;
    if (all && (cmd->options->given & (OPTIONS_TYPE | OPTIONS_MAX_ENTRIES)))
        return output_usage(cmd->output, "with --all, the dump says what each table is: --type and "
                                         "--max-entries are for one table");
    int fd = file ? load_open(file) : STDIN_FILENO;
    if (fd < 0)
        return output_fail_text(cmd->output, STELE_EINVAL, NULL, "%s: %s", file, strerror(errno));
    result = load_into(cmd, all ? NULL : cmd->argument[0], fd, file);
    if (file)
        close(fd);
    return result;
}

const struct verb cmd_load = {
    .name = "load",
    .arguments = "T|--all [FILE]",
    .summary = "store the entries of a file",
    .text =
        "Stores each entry of FILE (default, and \"-\": standard input) in table T, in order; in "
        "a\n"
        "table of lists, appends the elements to what is there. With --all, every table of what\n"
        "dump --all wrote.\n"
        "\n"
        "  tsv    KEY, tab, VALUE; byte strings with \\t \\n \\r \\\\ and \\xHH for bytes that "
        "need it,\n"
        "         numbers in decimal, the elements of a list with commas between them\n"
        "  jsonl  {\"key\":...,\"value\":...}: byte strings as strings, or \"key_base64\" and\n"
        "         \"value_base64\"; numbers as numbers, or as strings; lists as arrays; other\n"
        "         members are ignored\n"
        "\n"
        "Key and value are read as the table's type has them. --create makes a table where there\n"
        "is none: of --type and --max-entries, else as the dump says, else bytes->bytes. Where\n"
        "there is one, it has to be of the type that the dump or --type says (--type outdoes the\n"
        "dump: its lines are then read as that), and of the --max-entries if they are given.\n"
        "The format is that of the dump, of the file's name (.jsonl, .ndjson, .json; else tsv), "
        "or\n"
        "--format. Empty lines are left out, and so are a carriage return at the end of a line "
        "and\n"
        "a byte order mark before the first. A line that is no entry, and an entry that the "
        "daemon\n"
        "refuses, are told with the number of the line (the first 20) and counted. --strict stops\n"
        "at the first: nothing behind a bad line is stored; of entries behind a refused one up to\n"
        "4,096 may have been sent before the refusal came. A dump that lacks its last line is\n"
        "loaded, and called cut off. What has been read is stored at once, also from a pipe that\n"
        "stays open. ^C stops in order: what was sent is counted. (A list that is longer than the\n"
        "daemon's --max-frame counts as several entries.)\n"
        "\n"
        "Exit status: 1 no such table (--create makes it); 2 FILE cannot be opened; 3 the\n"
        "daemon went away; 4 a line was bad, an entry refused, the dump cut off or of another\n"
        "type; 130 ^C.\n"
        "\n"
        "Examples\n"
        "  stele load prices prices.tsv\n"
        "  stele load --strict prices prices.jsonl\n"
        "  stele load --create --type 'u64->list:u32' index index.tsv\n"
        "  stele -n old dump prices | stele -n new load --create prices\n"
        "  stele -n old dump --all | stele -n new load --all --create",
    .options = OPTIONS_FORMAT | OPTIONS_STRICT | OPTIONS_CREATE | OPTIONS_TYPE |
               OPTIONS_MAX_ENTRIES | OPTIONS_ALL,
    .least = 0,
    .most = 2,
    .run = load_run};
