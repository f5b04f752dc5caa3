/*
 * cmd_change.c - del and incr.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cmd.h"
#include "document.h"
#include "text.h"

static int change_del_all(const struct cmd *cmd, uint16_t table, struct buffer *key,
                          unsigned *deleted, unsigned *missing)
{
    int result = OUTPUT_OK;
    for (int i = 1; i < cmd->count; i++) {
        int wrong = cmd_bytes(cmd, i, key);
        if (wrong != OUTPUT_OK)
            return wrong;
        enum stele_status status = stele_channel_erase(&cmd->session->channel, table, key->bytes,
                                                       key->used, cmd->options->timeout_ms);
        if (status == STELE_OK) {
            (*deleted)++;
            continue;
        }
        result = cmd_fail(cmd, status, key);
        if (status != STELE_ENOTFOUND)
            return result;
        (*missing)++;
    }
    return *missing > 0 ? OUTPUT_NOT_FOUND : OUTPUT_OK;
}

static int change_run_del(struct cmd *cmd)
{
    struct buffer key;
    unsigned deleted = 0, missing = 0;
    uint16_t table;
    int result = session_find_table(cmd->session, cmd->argument[0], false, &table);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&key);
    result = change_del_all(cmd, table, &key, &deleted, &missing);
    buffer_fini(&key);
    if (cmd->output->json) {
        struct json_t *object = document_object();
        document_set_number(object, "deleted", deleted);
        document_set_number(object, "missing", missing);
        int written = output_document(cmd->output, object);
        return result == OUTPUT_OK ? written : result;
    }
    return result;
}

static int change_show(const struct cmd *cmd, int64_t sum)
{
    char text[32];
    if (cmd->output->json) {
        struct json_t *object = document_object();
        document_set_integer(object, "value", sum);
        return output_document(cmd->output, object);
    }
    int bytes = snprintf(text, sizeof(text), "%" PRId64 "\n", sum);
    return output_bytes(cmd->output, text, (size_t)bytes);
}

static int change_run_incr(struct cmd *cmd)
{
    struct buffer key;
    uint16_t table;
    int64_t delta = 1, sum = 0;
    if (cmd->count == 3 && !text_parse_i64(cmd->argument[2], &delta))
        return output_usage(cmd->output, "'%.40s': want a whole number of 64 bits",
                            cmd->argument[2]);
    int result = session_find_table(cmd->session, cmd->argument[0], false, &table);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&key);
    result = cmd_bytes(cmd, 1, &key);
    if (result == OUTPUT_OK) {
        enum stele_status status =
            stele_channel_incr(&cmd->session->channel, table, key.bytes, key.used, delta, &sum,
                               cmd->options->timeout_ms);
        result = status == STELE_OK ? change_show(cmd, sum) : cmd_fail(cmd, status, &key);
    }
    buffer_fini(&key);
    return result;
}

const struct verb cmd_del = {
    .name = "del",
    .arguments = "T K...",
    .summary = "delete keys",
    .text = "Deletes each of the keys. Says which of them were not there, and goes on.\n"
            "With -o json: {\"deleted\":N,\"missing\":N}.\n"
            "\n"
            "Exit status: 1 one of the keys was not there, or no such table.\n"
            "\n"
            "Examples\n"
            "  stele del prices EURUSD\n"
            "  stele del prices EURUSD GBPUSD USDJPY",
    .least = 2,
    .most = -1,
    .run = change_run_del};

const struct verb cmd_incr = {
    .name = "incr",
    .arguments = "T K [N]",
    .summary = "add N (or 1) to a decimal value; prints the sum",
    .text =
        "The value is the decimal text of a signed integer of 64 bits; an absent key counts as\n"
        "0. N may be negative.\n"
        "\n"
        "Exit status: 1 no such table; 4 the value is no such number, or the sum does not fit.\n"
        "\n"
        "Examples\n"
        "  stele incr counters visits\n"
        "  stele incr counters stock -3",
    .least = 2,
    .most = 3,
    .number_last = true,
    .run = change_run_incr};
