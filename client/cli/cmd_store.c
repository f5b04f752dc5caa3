/*
 * cmd_store.c - put, insert, replace and cas: one value under one key.
 */
#include <string.h>

#include "cmd.h"

/* The key, the value, and with cas the value expected: what the command line stands for. */
struct store_words {
    struct buffer key, value, expected;
};

static enum stele_status store_send(const struct cmd *cmd, uint16_t table,
                                    const struct store_words *words)
{
    struct stele_channel *channel = &cmd->session->channel;
    const struct buffer *key = &words->key, *value = &words->value;
    int timeout_ms = cmd->options->timeout_ms;
    if (cmd->verb == &cmd_put)
        return stele_channel_put(channel, table, key->bytes, key->used, value->bytes, value->used,
                                 timeout_ms);
    if (cmd->verb == &cmd_insert)
        return stele_channel_insert(channel, table, key->bytes, key->used, value->bytes,
                                    value->used, timeout_ms);
    if (cmd->verb == &cmd_replace)
        return stele_channel_replace(channel, table, key->bytes, key->used, value->bytes,
                                     value->used, timeout_ms);
    return stele_channel_cas(channel, table, key->bytes, key->used, words->expected.bytes,
                             words->expected.used, value->bytes, value->used, timeout_ms);
}

static int store_words_read(const struct cmd *cmd, struct store_words *words)
{
    bool cas = cmd->verb == &cmd_cas;
    int result = cmd_key(cmd, 1, &words->key);
    if (cas && strcmp(cmd->argument[2], "-") == 0 && strcmp(cmd->argument[3], "-") == 0)
        return output_usage(cmd->output, "only one of the values can be standard input");
    if (result == OUTPUT_OK && cas)
        result = cmd_value(cmd, 2, &words->expected);
    if (result == OUTPUT_OK)
        result = cmd_value(cmd, cas ? 3 : 2, &words->value);
    return result;
}

static int store_run(struct cmd *cmd)
{
    struct store_words words = {0};
    uint16_t table;
    int result = cmd_find(cmd, &table);
    if (result == OUTPUT_OK)
        result = cmd_expect(cmd, false);
    if (result == OUTPUT_OK)
        result = store_words_read(cmd, &words);
    if (result == OUTPUT_OK) {
        enum stele_status status = store_send(cmd, table, &words);
        result = status == STELE_OK ? output_done(cmd->output)
                                    : cmd_fail_store(cmd, status, &words.key, words.value.used);
    }
    buffer_fini(&words.key);
    buffer_fini(&words.value);
    buffer_fini(&words.expected);
    return result;
}

const struct verb cmd_put = {
    .name = "put",
    .arguments = "T K V",
    .summary = "store value V under key K of table T",
    .text =
        "Stores V under K, whether or not K is there. Both are read as the table's type has\n"
        "them: numbers are decimal. V of \"-\" is standard input, byte for byte or a number on\n"
        "a line (a value that is a single - is written -e '\\x2d'). When it returns, every\n"
        "reader sees the value. For lists see append.\n"
        "\n"
        "Exit status: 1 no such table; 2 not of the table's type; 4 the segment is full, the\n"
        "table has reached its maximum, or no rights.\n"
        "\n"
        "Examples\n"
        "  stele put prices EURUSD 1.0842\n"
        "  stele put -e prices 'two\\tcolumns' 'two\\nlines'\n"
        "  stele put files logo - < logo.png\n"
        "  stele put stock 4711 -3                  numbers, in a table u64->i64\n"
        "  stele put prices -- -key- value          a key that starts with a -",
    .least = 3,
    .most = 3,
    .numbers = true,
    .run = store_run};

const struct verb cmd_insert = {
    .name = "insert",
    .arguments = "T K V",
    .summary = "store only where K is absent",
    .text = "Stores V (\"-\": standard input) under K if K is not there.\n"
            "\n"
            "Exit status: 1 K is there, and was left alone, or no such table.\n"
            "\n"
            "Examples\n"
            "  stele insert locks nightly \"$HOSTNAME\" && run-nightly",
    .least = 3,
    .most = 3,
    .numbers = true,
    .run = store_run};

const struct verb cmd_replace = {.name = "replace",
                                 .arguments = "T K V",
                                 .summary = "store only where K is present",
                                 .text =
                                     "Stores V (\"-\": standard input) under K if K is there.\n"
                                     "\n"
                                     "Exit status: 1 K is absent, and stays so, or no such table.\n"
                                     "\n"
                                     "Examples\n"
                                     "  stele replace prices EURUSD 1.0850",
                                 .least = 3,
                                 .most = 3,
                                 .numbers = true,
                                 .run = store_run};

const struct verb cmd_cas = {
    .name = "cas",
    .arguments = "T K OLD NEW",
    .summary = "replace the value if it is OLD",
    .text = "Replaces the value of K by NEW if it is, bit for bit, OLD. One of them may be \"-\",\n"
            "standard input.\n"
            "\n"
            "Exit status: 1 K holds another value or is absent, or no such table.\n"
            "\n"
            "Examples\n"
            "  stele cas jobs 4711 waiting running\n"
            "  old=$(stele get prices EURUSD)\n"
            "  stele cas prices EURUSD \"$old\" 1.0850",
    .least = 4,
    .most = 4,
    .numbers = true,
    .run = store_run};
