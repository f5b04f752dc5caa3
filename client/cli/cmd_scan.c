/*
 * cmd_scan.c - scan: entries of a table, to standard output.
 */
#include "cmd.h"
#include "walk.h"

static int scan_write(const struct cmd *cmd, const struct walk *walk, bool keys,
                      struct buffer *line)
{
    const char *value = walk->value.bytes ? walk->value.bytes : "";
    buffer_reset(line);
    if (!entry_write(line, cmd->output->json ? ENTRY_JSONL : ENTRY_TSV, &cmd->type, walk->key.bytes,
                     walk->key.used, keys ? NULL : value, walk->value.used))
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    return output_bytes(cmd->output, line->bytes, line->used);
}

static int scan_all(struct cmd *cmd, struct walk *walk)
{
    bool limited = (cmd->options->given & OPTIONS_LIMIT) != 0;
    bool keys = (cmd->options->given & OPTIONS_KEYS) != 0;
    uint64_t left = limited ? cmd->options->limit : UINT64_MAX;
    struct buffer line;
    int result = OUTPUT_OK;
    buffer_init(&line);
    for (; result == OUTPUT_OK && left > 0; left--) {
        enum stele_status status = keys ? walk_next_key(walk) : walk_next(walk);
        if (status == STELE_EEND)
            break;
        result =
            status == STELE_OK ? scan_write(cmd, walk, keys, &line) : cmd_fail(cmd, status, NULL);
    }
    buffer_fini(&line);
    return result;
}

static int scan_prefix(const struct cmd *cmd, struct buffer *prefix)
{
    char *argument = (char *)cmd->options->prefix;
    struct cmd one = *cmd;
    one.argument = &argument;
    if (!cmd->options->prefix)
        return OUTPUT_OK;
    if (stele_type_has_word_keys(&cmd->type))
        return output_usage(cmd->output,
                            "--prefix is for byte strings; the keys of this table are %s",
                            stele_kind_text(cmd->type.key_kind));
    return cmd_key(&one, 0, prefix);
}

static int scan_table(struct cmd *cmd, const struct stele_table *table, const struct buffer *prefix)
{
    struct walk walk;
    enum stele_status status = STELE_OK;
    if (cmd->options->prefix)
        status = walk_begin_prefix(&walk, table, prefix);
    else
        walk_begin(&walk, table);
    int result = status == STELE_OK ? scan_all(cmd, &walk) : cmd_fail(cmd, status, NULL);
    walk_end(&walk);
    return result;
}

static int scan_run(struct cmd *cmd)
{
    struct stele_table table;
    struct buffer prefix;
    int result = cmd_open(cmd, &table);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&prefix);
    result = scan_prefix(cmd, &prefix);
    if (result == OUTPUT_OK)
        result = scan_table(cmd, &table, &prefix);
    buffer_fini(&prefix);
    return result;
}

const struct verb cmd_scan = {
    .name = "scan",
    .arguments = "T",
    .summary = "print entries of a table",
    .text = "One line for each entry, in no order: KEY, tab, VALUE; byte strings with the escapes\n"
            "\\t \\n \\r \\\\ and \\xHH, numbers in decimal, the elements of a list with commas "
            "between\n"
            "them. With -o json one object a line (JSON lines), as get prints it.\n"
            "Reads the segment: needs no daemon, stops no writer. Every key that is there from\n"
            "beginning to end is printed; one that is written meanwhile may be, and twice.\n"
            "--prefix is for keys that are byte strings, and looks at every key of the table.\n"
            "\n"
            "Exit status: 1 no such table.\n"
            "\n"
            "Examples\n"
            "  stele scan prices\n"
            "  stele scan prices --prefix EUR --limit 10\n"
            "  stele scan prices --keys | sort\n"
            "  stele -o json scan prices | jq -r .key",
    .options = OPTIONS_PREFIX | OPTIONS_LIMIT | OPTIONS_KEYS,
    .least = 1,
    .most = 1,
    .run = scan_run};
