/*
 * cmd_dump.c - dump: all entries of a table, or of all tables, into a file, with the headings that say
 * what the tables are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "document.h"
#include "heading.h"
#include "interrupt.h"
#include "progress.h"
#include "segment.h"
#include "text.h"
#include "walk.h"

#define DUMP_LIST_BYTES (size_t)(64u << 10) /* of a list's elements, on one line */

struct dump {
    struct cmd *cmd;
    enum entry_format format;
    FILE *file;             /* the caller's */
    const char *name;       /* of the file; NULL: standard output */
    struct stele_type type; /* of the table whose entries come now */
    uint64_t tables, entries, bytes;
    struct interrupt interrupt;
    struct progress progress;
    struct buffer line, label;
};

static int dump_unwritten(const struct dump *dump)
{
    return output_fail_text(dump->cmd->output, STELE_ENOSPC, NULL, "%s: %s",
                            dump->name ? dump->name : "standard output", strerror(errno));
}

/* What was put together in `line`, unless there was no memory for it. */
static int dump_put(struct dump *dump, bool made)
{
    if (!made)
        return output_fail(dump->cmd->output, STELE_ENOMEM, NULL, NULL);
    if (fwrite(dump->line.bytes, 1, dump->line.used, dump->file) != dump->line.used)
        return dump_unwritten(dump);
    dump->bytes += dump->line.used;
    return OUTPUT_OK;
}

static int dump_line(struct dump *dump, const struct walk *walk, size_t from, size_t bytes)
{
    const char *value = walk->value.bytes ? walk->value.bytes + from : "";
    buffer_reset(&dump->line);
    return dump_put(dump, (from == 0 ? entry_write_anew
                                     : entry_write)(&dump->line, dump->format, &dump->type,
                                                    walk->key.bytes, walk->key.used, value, bytes));
}

static int dump_heading(struct dump *dump, const struct segment_table *table)
{
    struct heading heading = {{0}, dump->type, table->max_entries};
    snprintf(heading.name, sizeof(heading.name), "%s", table->name);
    buffer_reset(&dump->line);
    return dump_put(dump, heading_write_table(&dump->line, dump->format, &heading));
}

static int dump_end(struct dump *dump)
{
    buffer_reset(&dump->line);
    return dump_put(dump, heading_write_end(&dump->line, dump->format));
}

/* A long list on several lines: whoever reads them needs memory for one. */
static int dump_write(struct dump *dump, const struct walk *walk)
{
    size_t largest = stele_type_has_lists(&dump->type) ? DUMP_LIST_BYTES : SIZE_MAX;
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

static int dump_entries(struct dump *dump, struct walk *walk)
{
    int result = OUTPUT_OK;
    while (result == OUTPUT_OK) {
        enum stele_status status = walk_next(walk);
        if (status == STELE_EEND)
            break;
        if (status != STELE_OK)
            return session_fail(dump->cmd->session, status, dump->label.bytes);
        result = dump_write(dump, walk);
        if (dump->entries % 64 != 0)
            continue;
        progress_update(&dump->progress, dump->entries, dump->entries);
        if (interrupt_seen(&dump->interrupt)) {
            progress_clear(&dump->progress);
            output_note(dump->cmd->output, "dump %s: interrupted after %" PRIu64 " entries",
                        dump->label.bytes, dump->entries);
            return interrupt_exit(&dump->interrupt);
        }
    }
    return result;
}

/* Where the result goes to standard output there is nothing else to say. */
static int dump_show(const struct dump *dump)
{
    char line[256], size[TEXT_SHORT_BYTES], tables[48] = "";
    if (dump->cmd->output->json) {
        struct json_t *object = document_object();
        document_set_number(object, "tables", dump->tables);
        document_set_number(object, "entries", dump->entries);
        document_set_number(object, "bytes", dump->bytes);
        return output_document(dump->cmd->output, object);
    }
    if (dump->cmd->options->given & OPTIONS_ALL)
        snprintf(tables, sizeof(tables), " of %" PRIu64 " tables", dump->tables);
    int bytes = snprintf(line, sizeof(line), "%" PRIu64 " entries%s written, %s\n", dump->entries,
                         tables, text_size(size, dump->bytes));
    return output_bytes(dump->cmd->output, line, (size_t)bytes);
}

/* One table: its heading and its entries. With --all, one that was dropped since is left out. */
static int dump_table(struct dump *dump, const struct segment_table *table)
{
    struct session *session = dump->cmd->session;
    struct stele_table opened;
    struct walk walk;
    uint64_t total = 0;
    enum stele_status status = stele_table_open_any(&session->reader, table->name, &opened);
    if (status == STELE_ENOTABLE && (dump->cmd->options->given & OPTIONS_ALL))
        return OUTPUT_OK;
    if (status != STELE_OK)
        return session_fail(session, status,
                            output_name(&dump->label, table->name, strlen(table->name)));
    dump->type = opened.type;
    if (stele_table_count(&opened, &total) != STELE_OK)
        total = 0;
    output_name(&dump->label, table->name, strlen(table->name));
    progress_begin(&dump->progress, dump->label.bytes, total);
    walk_begin(&walk, &opened);
    int result = dump_heading(dump, table);
    if (result == OUTPUT_OK)
        result = dump_entries(dump, &walk);
    walk_end(&walk);
    progress_clear(&dump->progress);
    dump->tables += result == OUTPUT_OK;
    return result;
}

/* The table of the command line, or with --all all of them. One whose hash function is a program's own
 * cannot be read here: it is told, the others are written, and the exit status says that one is missing. */
static int dump_tables(struct dump *dump, const struct segment_tables *tables)
{
    const char *named = dump->cmd->options->given & OPTIONS_ALL ? NULL : dump->cmd->argument[0];
    int result = OUTPUT_OK, missing = OUTPUT_OK;
    for (uint32_t i = 0; i < tables->count && result == OUTPUT_OK; i++) {
        const struct segment_table *table = &tables->table[i];
        if (named && strcmp(table->name, named) != 0)
            continue;
        result = dump_table(dump, table);
        if (!named && table->type.hash_id >= STELE_HASH_OWN) {
            missing = result == OUTPUT_OK ? missing : result;
            result = OUTPUT_OK;
        }
    }
    if (result == OUTPUT_OK && named && dump->tables == 0) /* dropped since it was opened */
        result = session_fail(dump->cmd->session, STELE_ENOTABLE, named);
    if (result == OUTPUT_OK)
        result = dump_end(dump);
    return result == OUTPUT_OK ? missing : result;
}

static int dump_into(struct dump *dump, const struct segment_tables *tables)
{
    /* without a file ^C may end us at once: what follows in the pipe knows what it lacks */
    dump->interrupt.fd = -1;
    if (dump->name)
        interrupt_open(&dump->interrupt);
    int result = dump_tables(dump, tables);
    interrupt_close(&dump->interrupt);
    buffer_fini(&dump->label);
    buffer_fini(&dump->line);
    if (fflush(dump->file) != 0 && result == OUTPUT_OK)
        result = dump_unwritten(dump);
    return result;
}

/* What there is to be dumped is known before a file is made. */
static int dump_list(struct cmd *cmd, struct segment_tables *tables)
{
    struct stele_table table;
    int result = session_attach(cmd->session);
    if (result == OUTPUT_OK && !(cmd->options->given & OPTIONS_ALL))
        result = cmd_open(cmd, &table);
    if (result == OUTPUT_OK)
        segment_list(&cmd->session->reader, tables);
    return result;
}

static int dump_file(struct dump *dump, const struct segment_tables *tables)
{
    const struct output *output = dump->cmd->output;
    dump->file = dump->name ? fopen(dump->name, "we") : stdout;
    if (!dump->file)
        return output_fail_text(output, STELE_EINVAL, NULL, "%s: %s", dump->name, strerror(errno));
    int result = dump_into(dump, tables);
    if (dump->name && fclose(dump->file) != 0 && result == OUTPUT_OK)
        result = dump_unwritten(dump);
    if (dump->name && result == OUTPUT_OK)
        result = dump_show(dump);
    else if (dump->name)
        output_note(output, "%s is not complete", dump->name);
    return result;
}

static int dump_run(struct cmd *cmd)
{
    struct dump dump = {0};
    int result = cmd_check_all(cmd);
    if (result != OUTPUT_OK)
        return result;
    dump.cmd = cmd;
    dump.name = cmd_file(cmd);
    dump.format = cmd->options->format;
    if (dump.format == ENTRY_BY_NAME)
        dump.format = !dump.name && cmd->output->json ? ENTRY_JSONL : entry_format_of(dump.name);
    struct segment_tables *tables = malloc(sizeof(*tables));
    if (!tables)
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    result = dump_list(cmd, tables);
    if (result == OUTPUT_OK)
        result = dump_file(&dump, tables);
    free(tables);
    return result;
}

const struct verb cmd_dump = {
    .name = "dump",
    .arguments = "T|--all [FILE]",
    .summary = "write all entries to a file",
    .text =
        "Writes table T, or with --all every table, to FILE (default, and \"-\": standard "
        "output):\n"
        "a line that says what the table is, and a line for each entry, in no order. load makes\n"
        "the same tables of them, bit for bit. The last line says that the dump is complete.\n"
        "(scan prints the entries alone.) A long list takes several lines with the same key; the\n"
        "first of them says that the list begins anew there.\n"
        "The format is that of the file's name (.jsonl, .ndjson, .json; else tsv), or --format;\n"
        "with -o json, standard output has JSON lines.\n"
        "Reads the segment: needs no daemon, stops no writer. An entry that is written\n"
        "meanwhile may be there or not, or twice, each time with a value that it had: load\n"
        "keeps the second.\n"
        "\n"
        "Exit status: 1 no such table; 2 FILE cannot be opened; 4 FILE cannot be written, or a\n"
        "table is hashed by a program's own function; 130 ^C. FILE is then not complete.\n"
        "\n"
        "Examples\n"
        "  stele dump prices > prices.tsv\n"
        "  stele dump prices prices.jsonl\n"
        "  stele dump --all --format jsonl | zstd > all.jsonl.zst",
    .options = OPTIONS_FORMAT | OPTIONS_ALL,
    .least = 0,
    .most = 2,
    .run = dump_run};
