/*
 * cmd_get.c - get: one value, from the segment.
 */
#include "cmd.h"
#include "walk.h"

/* A round: STELE_ESHORT, and *bytes that the value needs. A list is asked for in one piece, and brings
 * no more than fits: then its length says what to ask for. */
static enum stele_status get_ask_once(struct cmd *cmd, uint16_t table, const struct buffer *key,
                                      struct buffer *value, size_t *bytes)
{
    struct stele_channel *channel = &cmd->session->channel;
    int timeout_ms = cmd->options->timeout_ms;
    uint64_t count = 0;
    if (!stele_type_has_lists(&cmd->type))
        return stele_channel_get(channel, table, key->bytes, key->used, value->bytes,
                                 value->capacity, bytes, timeout_ms);
    enum stele_status status =
        stele_channel_list_read(channel, table, key->bytes, key->used, 0, value->bytes,
                                value->capacity, bytes, &count, timeout_ms);
    size_t whole = (size_t)count * stele_type_element_bytes(&cmd->type);
    if (status != STELE_OK || *bytes == whole)
        return status;
    bool fitted = whole <= value->capacity; /* but not in a reply */
    *bytes = whole;
    return fitted ? STELE_ETOOBIG : STELE_ESHORT;
}

/* Only where the segment does not settle within a second: what the daemon says. */
static enum stele_status get_ask(struct cmd *cmd, const struct buffer *key, struct buffer *value)
{
    struct session_table table;
    if (session_try_connect(cmd->session) != STELE_OK)
        return STELE_EBUSY;
    enum stele_status status = session_look_up(cmd->session, cmd->argument[0], &table);
    if (status == STELE_OK && !stele_type_equal(&table.type, &cmd->type))
        status = STELE_EDROPPED;
    while (status == STELE_OK) {
        size_t bytes = 0;
        status = get_ask_once(cmd, table.handle, key, value, &bytes);
        if (status == STELE_OK)
            value->used = bytes;
        if (status != STELE_ESHORT)
            break;
        status = buffer_reserve(value, bytes) ? STELE_OK : STELE_ENOMEM;
    }
    return status;
}

/* The same line that scan prints. */
static int get_show_json(const struct cmd *cmd, const struct buffer *key,
                         const struct buffer *value)
{
    struct buffer line;
    buffer_init(&line);
    int result = entry_write(&line, ENTRY_JSONL, &cmd->type, key->bytes, key->used,
                             value->bytes ? value->bytes : "", value->used)
                     ? output_bytes(cmd->output, line.bytes, line.used)
                     : output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    buffer_fini(&line);
    return result;
}

static int get_run(struct cmd *cmd)
{
    struct stele_table table;
    struct buffer key, value;
    int result = cmd_open(cmd, &table);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&key);
    buffer_init(&value);
    result = cmd_key(cmd, 1, &key);
    if (result == OUTPUT_OK) {
        enum stele_status status = walk_get(&table, key.bytes, key.used, &value);
        if (status == STELE_EBUSY)
            status = get_ask(cmd, &key, &value);
        if (status != STELE_OK)
            result = cmd_fail(cmd, status, &key);
        else if (cmd->output->json)
            result = get_show_json(cmd, &key, &value);
        else
            result = cmd_show(cmd, &value, !(cmd->options->given & OPTIONS_RAW));
    }
    buffer_fini(&key);
    buffer_fini(&value);
    return result;
}

const struct verb cmd_get = {
    .name = "get",
    .arguments = "T K",
    .summary = "print the value of key K of table T",
    .text = "Prints the value, and a newline (--raw: none): byte strings and structs as they are,\n"
            "numbers in decimal, of a list each element on a line. Reads the segment: needs no\n"
            "daemon, and works while it is stopped or dead.\n"
            "With -o json: {\"key\":...,\"value\":...}: numbers as numbers, lists as arrays, byte "
            "strings\n"
            "as strings, named \"key_base64\" or \"value_base64\" where they are no UTF-8.\n"
            "\n"
            "Exit status: 1 no such key or table.\n"
            "\n"
            "Examples\n"
            "  stele get prices EURUSD\n"
            "  stele get --raw files logo > logo.png\n"
            "  stele get -e prices 'two\\tcolumns'\n"
            "  stele get stock 4711                     a key that is a number",
    .options = OPTIONS_RAW,
    .least = 2,
    .most = 2,
    .run = get_run};
