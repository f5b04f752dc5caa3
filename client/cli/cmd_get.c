/*
 * cmd_get.c - get: one value, from the segment.
 */
#include "cmd.h"
#include "document.h"
#include "walk.h"

/* Only where the segment does not settle within a second: what the daemon says. */
static enum stele_status get_ask(struct cmd *cmd, const struct buffer *key, struct buffer *value)
{
    struct stele_channel *channel = &cmd->session->channel;
    uint16_t table;
    int timeout_ms = cmd->options->timeout_ms;
    if (session_try_connect(cmd->session) != STELE_OK)
        return STELE_EBUSY;
    enum stele_status status =
        stele_channel_table_find(channel, cmd->argument[0], &table, timeout_ms);
    while (status == STELE_OK) {
        size_t bytes = 0;
        status = stele_channel_get(channel, table, key->bytes, key->used, value->bytes,
                                   value->capacity, &bytes, timeout_ms);
        if (status == STELE_OK)
            value->used = bytes;
        if (status != STELE_ESHORT)
            break;
        status = buffer_reserve(value, bytes) ? STELE_OK : STELE_ENOMEM;
    }
    return status;
}

static int get_show(const struct cmd *cmd, const struct buffer *key, const struct buffer *value)
{
    if (cmd->output->json) {
        struct json_t *object = document_object();
        document_set_bytes(object, "key", key->bytes, key->used);
        document_set_bytes(object, "value", value->bytes, value->used);
        return output_document(cmd->output, object);
    }
    int result = output_bytes(cmd->output, value->bytes, value->used);
    if (result == OUTPUT_OK && !(cmd->options->given & OPTIONS_RAW))
        result = output_bytes(cmd->output, "\n", 1);
    return result;
}

static int get_run(struct cmd *cmd)
{
    struct stele_table table;
    struct buffer key, value;
    int result = session_open_table(cmd->session, cmd->argument[0], &table);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&key);
    buffer_init(&value);
    result = cmd_bytes(cmd, 1, &key);
    if (result == OUTPUT_OK) {
        enum stele_status status = walk_get(&table, key.bytes, key.used, &value);
        if (status == STELE_EBUSY)
            status = get_ask(cmd, &key, &value);
        result = status == STELE_OK ? get_show(cmd, &key, &value) : cmd_fail(cmd, status, &key);
    }
    buffer_fini(&key);
    buffer_fini(&value);
    return result;
}

const struct verb cmd_get = {
    .name = "get",
    .arguments = "T K",
    .summary = "print the value of key K of table T",
    .text =
        "Prints the value as it is, and a newline (--raw: none). Reads the segment: needs no\n"
        "daemon, and works while it is stopped or dead.\n"
        "With -o json: {\"key\":...,\"value\":...}, as \"key_base64\" or \"value_base64\" where\n"
        "the bytes are no UTF-8.\n"
        "\n"
        "Exit status: 1 no such key or table.\n"
        "\n"
        "Examples\n"
        "  stele get prices EURUSD\n"
        "  stele get --raw files logo > logo.png\n"
        "  stele get -e prices 'two\\tcolumns'",
    .options = OPTIONS_RAW,
    .least = 2,
    .most = 2,
    .run = get_run};
