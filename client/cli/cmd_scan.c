/*
 * cmd_scan.c - scan: entries of a table, to standard output.
 */
#include <string.h>

#include "cmd.h"
#include "walk.h"

static bool scan_matches(const struct buffer *key, const struct buffer *prefix)
{
    return key->used >= prefix->used &&
           (prefix->used == 0 || memcmp(key->bytes, prefix->bytes, prefix->used) == 0);
}

static int scan_write(const struct cmd *cmd, const struct walk *walk, struct buffer *line)
{
    bool keys = (cmd->options->given & OPTIONS_KEYS) != 0;
    const char *value = walk->value.bytes ? walk->value.bytes : "";
    buffer_reset(line);
    if (!entry_write(line, cmd->output->json ? ENTRY_JSONL : ENTRY_TSV, walk->key.bytes,
                     walk->key.used, keys ? NULL : value, walk->value.used))
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    return output_bytes(cmd->output, line->bytes, line->used);
}

static int scan_all(struct cmd *cmd, struct walk *walk, const struct buffer *prefix)
{
    bool limited = (cmd->options->given & OPTIONS_LIMIT) != 0;
    uint64_t left = cmd->options->limit;
    struct buffer line;
    int result = OUTPUT_OK;
    buffer_init(&line);
    while (result == OUTPUT_OK && !(limited && left == 0)) {
        enum stele_status status = walk_next(walk);
        if (status == STELE_EEND)
            break;
        if (status != STELE_OK) {
            result = cmd_fail(cmd, status, NULL);
        } else if (scan_matches(&walk->key, prefix)) {
            result = scan_write(cmd, walk, &line);
            left--;
        }
    }
    buffer_fini(&line);
    return result;
}

static int scan_prefix(const struct cmd *cmd, struct buffer *prefix)
{
    char *argument = (char *)cmd->options->prefix;
    struct cmd one = *cmd;
    one.argument = &argument;
    return cmd->options->prefix ? cmd_bytes(&one, 0, prefix) : OUTPUT_OK;
}

static int scan_run(struct cmd *cmd)
{
    struct stele_table table;
    struct walk walk;
    struct buffer prefix;
    int result = session_open_table(cmd->session, cmd->argument[0], &table);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&prefix);
    walk_begin(&walk, &table);
    result = scan_prefix(cmd, &prefix);
    if (result == OUTPUT_OK)
        result = scan_all(cmd, &walk, &prefix);
    walk_end(&walk);
    buffer_fini(&prefix);
    return result;
}

const struct verb cmd_scan = {
    .name = "scan",
    .arguments = "T",
    .summary = "print entries of a table",
    .text =
        "One line for each entry, in no order: KEY, tab, VALUE, with the escapes \\t \\n \\r \\\\\n"
        "and \\xHH. With -o json one object a line (JSON lines): {\"key\":...,\"value\":...}, as\n"
        "\"key_base64\" or \"value_base64\" where the bytes are no UTF-8.\n"
        "Reads the segment: needs no daemon, stops no writer. Every key that is there from\n"
        "beginning to end is printed; one that is written meanwhile may be, and twice.\n"
        "--prefix looks at every key of the table.\n"
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
