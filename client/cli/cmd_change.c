/*
 * cmd_change.c - del and incr.
 */
#include "cmd.h"
#include "document.h"
#include "text.h"
#include "word.h"

/* No key is deleted where one of the words is none. */
static int change_del_all(const struct cmd *cmd, uint16_t table, struct buffer *key,
                          unsigned *deleted, unsigned *missing)
{
    int result = OUTPUT_OK;
    for (int i = 1; i < cmd->count && result == OUTPUT_OK; i++)
        result = cmd_key(cmd, i, key);
    if (result != OUTPUT_OK)
        return result;
    for (int i = 1; i < cmd->count; i++) {
        cmd_key(cmd, i, key);
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
    int result = cmd_find(cmd, &table);
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

/* What was added to which kind says why it did not go. */
static int change_fail_incr(const struct cmd *cmd, enum stele_status status,
                            const struct buffer *key)
{
    unsigned kind = cmd->type.value_kind;
    struct buffer shown;
    int result;
    buffer_init(&shown);
    if (status == STELE_ERANGE && stele_kind_bytes(kind) > 0)
        result = output_fail_text(cmd->output, status, cmd_object(cmd, key, &shown),
                                  "the sum does not fit %s (%s)", stele_kind_text(kind),
                                  word_range(kind));
    else if (status == STELE_ENOTNUMBER && kind != STELE_BYTES)
        result = output_fail_text(cmd->output, status, cmd_object(cmd, key, &shown),
                                  "its values are %s; only whole numbers can be added to",
                                  stele_kind_text(kind));
    else
        result = cmd_fail(cmd, status, key);
    buffer_fini(&shown);
    return result;
}

static int change_run_incr(struct cmd *cmd)
{
    struct buffer key;
    uint16_t table;
    int64_t delta = 1, sum = 0;
    if (cmd->count == 3 && !text_parse_i64(cmd->argument[2], &delta))
        return output_usage(cmd->output, "'%.40s': want a whole number of 64 bits",
                            cmd->argument[2]);
    int result = cmd_find(cmd, &table);
    if (result == OUTPUT_OK)
        result = cmd_expect(cmd, false);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&key);
    result = cmd_key(cmd, 1, &key);
    if (result == OUTPUT_OK) {
        enum stele_status status =
            stele_channel_incr(&cmd->session->channel, table, key.bytes, key.used, delta, &sum,
                               cmd->options->timeout_ms);
        result = status == STELE_OK ? cmd_show_word(cmd, "value", (uint64_t)sum)
                                    : change_fail_incr(cmd, status, &key);
    }
    buffer_fini(&key);
    return result;
}

const struct verb cmd_del = {
    .name = "del",
    .arguments = "T K...",
    .summary = "delete keys",
    .text = "Deletes each of the keys, a list with all its elements. Says which of them were not\n"
            "there, and goes on.\n"
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
    .summary = "add N (or 1) to a number; prints the sum",
    .text =
        "The value is a whole number of the table's type; in a table of byte strings, the decimal\n"
        "text of a signed one of 64 bits. An absent key counts as 0. N may be negative.\n"
        "\n"
        "Exit status: 1 no such table; 4 the value is no such number, or the sum does not fit it.\n"
        "\n"
        "Examples\n"
        "  stele incr counters visits\n"
        "  stele incr counters stock -3",
    .least = 2,
    .most = 3,
    .numbers = true,
    .run = change_run_incr};
