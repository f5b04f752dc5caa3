/*
 * cmd_dump.c - dump: all entries of a table into a file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "document.h"
#include "interrupt.h"
#include "progress.h"
#include "text.h"
#include "walk.h"

#define DUMP_LIST_BYTES (size_t)(64u << 10) /* of a list's elements, on one line */

struct dump {
    struct cmd *cmd;
    enum entry_format format;
    FILE *file;       /* the caller's */
    const char *name; /* of the file; NULL: standard output */
    uint64_t entries, bytes;
    struct interrupt interrupt;
    struct progress progress;
    struct buffer line;
};

static int dump_unwritten(const struct dump *dump)
{
    return output_fail_text(dump->cmd->output, STELE_ENOSPC, NULL, "%s: %s",
                            dump->name ? dump->name : "standard output", strerror(errno));
}

static int dump_line(struct dump *dump, const struct walk *walk, size_t from, size_t bytes)
{
    const char *value = walk->value.bytes ? walk->value.bytes + from : "";
    buffer_reset(&dump->line);
    if (!entry_write(&dump->line, dump->format, &dump->cmd->type, walk->key.bytes, walk->key.used,
                     value, bytes))
        return output_fail(dump->cmd->output, STELE_ENOMEM, NULL, NULL);
    if (fwrite(dump->line.bytes, 1, dump->line.used, dump->file) != dump->line.used)
        return dump_unwritten(dump);
    dump->bytes += dump->line.used;
    return OUTPUT_OK;
}

/* A long list on several lines: whoever reads them needs memory for one. */
static int dump_write(struct dump *dump, const struct walk *walk)
{
    size_t largest = stele_type_has_lists(&dump->cmd->type) ? DUMP_LIST_BYTES : SIZE_MAX;
    size_t at = 0, bytes;
    int result;
    do {
        bytes = walk->value.used - at < largest ? walk->value.used - at : largest;
        result = dump_line(dump, walk, at, bytes);
        at += bytes;
    } while (result == OUTPUT_OK && at < walk->value.used);
    dump->entries += result == OUTPUT_OK;
    return result;
}

static int dump_all(struct dump *dump, struct walk *walk)
{
    int result = OUTPUT_OK;
    while (result == OUTPUT_OK) {
        enum stele_status status = walk_next(walk);
        if (status == STELE_EEND)
            break;
        if (status != STELE_OK)
            return cmd_fail(dump->cmd, status, NULL);
        result = dump_write(dump, walk);
        if (dump->entries % 64 != 0)
            continue;
        progress_update(&dump->progress, dump->entries, dump->entries);
        if (interrupt_seen(&dump->interrupt)) {
            progress_clear(&dump->progress);
            output_note(dump->cmd->output, "dump %s: interrupted after %" PRIu64 " entries",
                        dump->cmd->argument[0], dump->entries);
            return interrupt_exit(&dump->interrupt);
        }
    }
    return result;
}

/* Where the result goes to standard output there is nothing else to say. */
static int dump_show(const struct dump *dump)
{
    char line[256], size[TEXT_SHORT_BYTES];
    if (dump->cmd->output->json) {
        struct json_t *object = document_object();
        document_set_number(object, "entries", dump->entries);
        document_set_number(object, "bytes", dump->bytes);
        return output_document(dump->cmd->output, object);
    }
    int bytes = snprintf(line, sizeof(line), "%" PRIu64 " entries written, %s\n", dump->entries,
                         text_size(size, dump->bytes));
    return output_bytes(dump->cmd->output, line, (size_t)bytes);
}

static int dump_table(struct dump *dump, const struct stele_table *table)
{
    struct walk walk;
    struct buffer label;
    uint64_t total = 0;
    const char *name = dump->cmd->argument[0];
    buffer_init(&dump->line);
    buffer_init(&label);
    if (stele_table_count(table, &total) != STELE_OK)
        total = 0;
    /* without a file ^C may end us at once: what follows in the pipe knows what it lacks */
    dump->interrupt.fd = -1;
    if (dump->name)
        interrupt_open(&dump->interrupt);
    progress_begin(&dump->progress, output_name(&label, name, strlen(name)), total);
    walk_begin(&walk, table);
    int result = dump_all(dump, &walk);
    walk_end(&walk);
    progress_clear(&dump->progress);
    interrupt_close(&dump->interrupt);
    buffer_fini(&label);
    buffer_fini(&dump->line);
    if (fflush(dump->file) != 0 && result == OUTPUT_OK)
        result = dump_unwritten(dump);
    return result;
}

static int dump_run(struct cmd *cmd)
{
    struct dump dump = {0};
    struct stele_table table;
    dump.cmd = cmd;
    dump.name = cmd->count > 1 && strcmp(cmd->argument[1], "-") != 0 ? cmd->argument[1] : NULL;
    dump.format = cmd->options->format;
    if (dump.format == ENTRY_BY_NAME)
        dump.format = !dump.name && cmd->output->json ? ENTRY_JSONL : entry_format_of(dump.name);
    int result = cmd_open(cmd, &table);
    if (result != OUTPUT_OK)
        return result;
    dump.file = dump.name ? fopen(dump.name, "we") : stdout;
    if (!dump.file)
        return output_fail_text(cmd->output, STELE_EINVAL, NULL, "%s: %s", dump.name,
                                strerror(errno));
    result = dump_table(&dump, &table);
    if (dump.name && fclose(dump.file) != 0 && result == OUTPUT_OK)
        result = dump_unwritten(&dump);
    if (dump.name && result == OUTPUT_OK)
        result = dump_show(&dump);
    else if (dump.name)
        output_note(cmd->output, "%s is not complete", dump.name);
    return result;
}

const struct verb cmd_dump = {
    .name = "dump",
    .arguments = "T [FILE]",
    .summary = "write all entries to a file",
    .text =
        "Writes each entry of table T as a line of FILE (default, and \"-\": standard output),\n"
        "in no order, in the form that load reads: what load stores is the same, bit for bit.\n"
        "A long list takes several lines with the same key. The format is that of the file's\n"
        "name (.jsonl, .ndjson, .json; else tsv), or --format; with -o json, standard output has\n"
        "JSON lines.\n"
        "Reads the segment: needs no daemon, stops no writer. An entry that is written\n"
        "meanwhile may be there or not, or twice, each time with a value that it had. (Twice is\n"
        "too much for lists: dump those while nobody writes.)\n"
        "\n"
        "Exit status: 1 no such table; 2 FILE cannot be opened; 4 FILE cannot be written;\n"
        "130 ^C. FILE is then not complete.\n"
        "\n"
        "Examples\n"
        "  stele dump prices > prices.tsv\n"
        "  stele dump prices prices.jsonl\n"
        "  stele dump --format jsonl prices | zstd > prices.jsonl.zst",
    .options = OPTIONS_FORMAT,
    .least = 1,
    .most = 2,
    .run = dump_run};
