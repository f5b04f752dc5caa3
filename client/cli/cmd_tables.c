/*
 * cmd_tables.c - tables, create, drop and clear.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "document.h"
#include "segment.h"
#include "text.h"

/* NAME tab ENTRIES tab PAYLOAD-BYTES tab TYPE tab MAX-ENTRIES */
static int tables_show_text(const struct cmd *cmd, const struct segment_tables *tables)
{
    struct buffer line;
    int result = OUTPUT_OK;
    buffer_init(&line);
    for (uint32_t i = 0; i < tables->count && result == OUTPUT_OK; i++) {
        const struct segment_table *table = &tables->table[i];
        char facts[160], type[STELE_TYPE_TEXT_BYTES];
        stele_type_format(&table->type, type);
        snprintf(facts, sizeof(facts), "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%" PRIu64 "\n",
                 table->entries, table->payload_bytes, type, table->max_entries);
        buffer_reset(&line);
        if (text_escape(&line, table->name, strlen(table->name)) &&
            buffer_append_text(&line, facts))
            result = output_bytes(cmd->output, line.bytes, line.used);
        else
            result = output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    }
    buffer_fini(&line);
    return result;
}

static int tables_show_json(const struct cmd *cmd, const struct segment_tables *tables)
{
    struct json_t *array = document_array();
    for (uint32_t i = 0; i < tables->count; i++) {
        const struct segment_table *table = &tables->table[i];
        struct json_t *object = document_object();
        char type[STELE_TYPE_TEXT_BYTES];
        stele_type_format(&table->type, type);
        document_set_bytes(object, "name", table->name, strlen(table->name));
        document_set_number(object, "entries", table->entries);
        document_set_number(object, "payload_bytes", table->payload_bytes);
        document_set_text(object, "type", type);
        document_set_number(object, "max_entries", table->max_entries);
        document_add(array, object);
    }
    return output_document(cmd->output, array);
}

static int tables_run(struct cmd *cmd)
{
    int result = session_attach(cmd->session);
    if (result != OUTPUT_OK)
        return result;
    struct segment_tables *tables = malloc(sizeof(*tables));
    if (!tables)
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    segment_list(&cmd->session->reader, tables);
    result = cmd->output->json ? tables_show_json(cmd, tables) : tables_show_text(cmd, tables);
    free(tables);
    return result;
}

static int tables_run_create(struct cmd *cmd)
{
    struct session_table table = {0, cmd->options->type, cmd->options->max_entries};
    int result = session_make_table(cmd->session, cmd->argument[0], false, &table);
    return result == OUTPUT_OK ? output_done(cmd->output) : result;
}

/* drop and clear */
static int tables_run_end(struct cmd *cmd)
{
    struct stele_channel *channel = &cmd->session->channel;
    struct buffer shown;
    char question[512];
    bool drop = cmd->verb == &cmd_drop;
    uint16_t table;
    int result = cmd_find(cmd, &table);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&shown);
    snprintf(question, sizeof(question), "%s table %s of segment %s and all it holds?",
             drop ? "Drop" : "Clear",
             output_name(&shown, cmd->argument[0], strlen(cmd->argument[0])), cmd->session->name);
    buffer_fini(&shown);
    if (!cmd_confirm(cmd, question))
        return OUTPUT_REFUSED;
    enum stele_status status =
        drop ? stele_channel_table_drop(channel, table, cmd->options->timeout_ms)
             : stele_channel_table_clear(channel, table, cmd->options->timeout_ms);
    return status == STELE_OK ? output_done(cmd->output) : cmd_fail(cmd, status, NULL);
}

const struct verb cmd_tables = {
    .name = "tables",
    .arguments = "",
    .summary = "list the tables",
    .text = "One line for each table, by name: NAME, tab, entries, tab, bytes of keys and values,\n"
            "tab, type, tab, maximum of entries (0: none). Tabs and the like in a name are\n"
            "escaped. Reads the segment: needs no daemon.\n"
            "With -o json: one array of {\"name\":...,\"entries\":N,\"payload_bytes\":N,\n"
            "\"type\":...,\"max_entries\":N}.\n"
            "\n"
            "Examples\n"
            "  stele tables\n"
            "  stele tables | sort -t \"$(printf '\\t')\" -k 2,2nr | head    the largest first",
    .least = 0,
    .most = 0,
    .run = tables_run};

const struct verb cmd_create = {
    .name = "create",
    .arguments = "T",
    .summary = "make a table",
    .text =
        "Makes the empty table T. Names have 1..63 bytes. --type says what it holds, for good,\n"
        "as KEY->VALUE[,HASH]; by default bytes->bytes.\n"
        "\n"
        "  KEY    bytes: any byte strings; u8 u16 u32 u64: whole numbers\n"
        "  VALUE  bytes; u8 u16 u32 u64; i64, with a sign; f64, a real number;\n"
        "         struct:N, just N bytes; list:u8 .. list:u64, many numbers in order;\n"
        "         set:u8 .. set:u64, the same without what it has already\n"
        "  HASH   xxh3 (default), xxh64; identity, for numbers that are dense\n"
        "\n"
        "Exit status: 1 there is one of that name; 4 there is one of another type or maximum,\n"
        "there are 512 tables, or no rights.\n"
        "\n"
        "Examples\n"
        "  stele create prices\n"
        "  stele create stock --type 'u64->i64'\n"
        "  stele create docs --type 'bytes->list:u32' --max-entries 1000000",
    .options = OPTIONS_TYPE | OPTIONS_MAX_ENTRIES,
    .least = 1,
    .most = 1,
    .run = tables_run_create};

const struct verb cmd_drop = {
    .name = "drop",
    .arguments = "T",
    .summary = "remove a table and all it holds",
    .text = "Asks first where standard input is a terminal, unless --yes. Needs administrator's\n"
            "rights.\n"
            "\n"
            "Exit status: 1 no such table; 4 no rights, or the answer was no.\n"
            "\n"
            "Examples\n"
            "  stele drop prices\n"
            "  stele drop --yes prices",
    .options = OPTIONS_YES,
    .least = 1,
    .most = 1,
    .run = tables_run_end};

const struct verb cmd_clear = {
    .name = "clear",
    .arguments = "T",
    .summary = "remove all entries of a table",
    .text = "The table stays, empty. Asks first where standard input is a terminal, unless --yes.\n"
            "Needs administrator's rights.\n"
            "\n"
            "Exit status: 1 no such table; 4 no rights, or the answer was no.\n"
            "\n"
            "Examples\n"
            "  stele clear --yes prices",
    .options = OPTIONS_YES,
    .least = 1,
    .most = 1,
    .run = tables_run_end};
