/*
 * cmd_list.c - append, remove, swap, pop, count and list: one key, many words.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "document.h"
#include "kind.h"
#include "walk.h"

/* One call: what the command line stands for. */
struct list_words {
    uint16_t table;
    struct buffer key;
    struct buffer elements;
};

static void list_words_fini(struct list_words *words)
{
    buffer_fini(&words->key);
    buffer_fini(&words->elements);
}

/* The table, which has to be one of lists, and the key. */
static int list_words_read(struct cmd *cmd, struct list_words *words)
{
    memset(words, 0, sizeof(*words));
    int result = cmd_find(cmd, &words->table);
    if (result == OUTPUT_OK)
        result = cmd_expect(cmd, true);
    return result == OUTPUT_OK ? cmd_key(cmd, 1, &words->key) : result;
}

/* ---- append ------------------------------------------------------------------------------- */

/* In pieces that the daemon's largest frame holds: whole elements, of up to eight bytes. */
static enum stele_status list_append_all(const struct cmd *cmd, const struct list_words *words,
                                         uint64_t *added)
{
    struct stele_channel *channel = &cmd->session->channel;
    size_t largest = channel->info.value_max_bytes & ~(size_t)7;
    for (size_t at = 0; at < words->elements.used; at += largest) {
        size_t left = words->elements.used - at;
        uint64_t some = 0;
        enum stele_status status = stele_channel_list_append(
            channel, words->table, words->key.bytes, words->key.used, words->elements.bytes + at,
            left < largest ? left : largest, &some, cmd->options->timeout_ms);
        if (status != STELE_OK)
            return status;
        *added += some;
    }
    return STELE_OK;
}

/* A piece was refused; those before it stay. */
static int list_fail_append(const struct cmd *cmd, enum stele_status status,
                            const struct buffer *key, uint64_t added)
{
    struct buffer shown;
    if (added == 0)
        return cmd_fail(cmd, status, key);
    buffer_init(&shown);
    int result = output_fail_text(cmd->output, status, cmd_object(cmd, key, &shown),
                                  "%s; the first %" PRIu64 " elements have been added",
                                  stele_status_text(status), added);
    buffer_fini(&shown);
    return result;
}

static int list_run_append(struct cmd *cmd)
{
    struct list_words words;
    uint64_t added = 0;
    int result = list_words_read(cmd, &words);
    for (int i = 2; i < cmd->count && result == OUTPUT_OK; i++)
        result = cmd_add_value(cmd, i, &words.elements);
    if (result == OUTPUT_OK) {
        enum stele_status status = list_append_all(cmd, &words, &added);
        if (status != STELE_OK) {
            result = list_fail_append(cmd, status, &words.key, added);
        } else if (cmd->output->json) {
            struct json_t *object = document_object();
            document_set_number(object, "added", added);
            result = output_document(cmd->output, object);
        }
    }
    list_words_fini(&words);
    return result;
}

/* ---- remove, swap, pop -------------------------------------------------------------------- */

/* An argument that stands for just one element. */
static int list_element(const struct cmd *cmd, int index, uint64_t *element)
{
    struct kind kind = kind_of_value(&cmd->type);
    struct buffer bytes;
    buffer_init(&bytes);
    int result = cmd_value(cmd, index, &bytes);
    if (result == OUTPUT_OK && bytes.used != kind.bytes)
        result = output_usage(cmd->output, "'%.40s': want one element", cmd->argument[index]);
    if (result == OUTPUT_OK)
        *element = kind_word(&kind, bytes.bytes);
    buffer_fini(&bytes);
    return result;
}

/* "No such key" is half the truth for what looks for an element. */
static int list_fail(const struct cmd *cmd, enum stele_status status, const struct buffer *key)
{
    struct buffer shown;
    if (status != STELE_ENOTFOUND)
        return cmd_fail(cmd, status, key);
    buffer_init(&shown);
    int result = output_fail_text(cmd->output, status, cmd_object(cmd, key, &shown),
                                  "no such key, or no such element");
    buffer_fini(&shown);
    return result;
}

static int list_run_remove(struct cmd *cmd)
{
    struct list_words words;
    uint64_t element = 0;
    int result = list_words_read(cmd, &words);
    if (result == OUTPUT_OK)
        result = list_element(cmd, 2, &element);
    if (result == OUTPUT_OK) {
        enum stele_status status =
            stele_channel_list_remove(&cmd->session->channel, words.table, words.key.bytes,
                                      words.key.used, element, cmd->options->timeout_ms);
        result = status == STELE_OK ? output_done(cmd->output) : list_fail(cmd, status, &words.key);
    }
    list_words_fini(&words);
    return result;
}

static int list_run_swap(struct cmd *cmd)
{
    struct list_words words;
    uint64_t old = 0, element = 0;
    int result = list_words_read(cmd, &words);
    if (result == OUTPUT_OK)
        result = list_element(cmd, 2, &old);
    if (result == OUTPUT_OK)
        result = list_element(cmd, 3, &element);
    if (result == OUTPUT_OK) {
        enum stele_status status =
            stele_channel_list_replace(&cmd->session->channel, words.table, words.key.bytes,
                                       words.key.used, old, element, cmd->options->timeout_ms);
        result = status == STELE_OK ? output_done(cmd->output) : cmd_fail(cmd, status, &words.key);
    }
    list_words_fini(&words);
    return result;
}

static int list_run_pop(struct cmd *cmd)
{
    struct list_words words;
    uint64_t element = 0;
    int result = list_words_read(cmd, &words);
    if (result == OUTPUT_OK) {
        enum stele_status status =
            stele_channel_list_pop(&cmd->session->channel, words.table, words.key.bytes,
                                   words.key.used, &element, cmd->options->timeout_ms);
        result = status == STELE_OK ? cmd_show_word(cmd, "value", element)
                                    : cmd_fail(cmd, status, &words.key);
    }
    list_words_fini(&words);
    return result;
}

/* ---- count, list -------------------------------------------------------------------------- */

static int list_show_count(const struct cmd *cmd, uint64_t count)
{
    char line[32];
    if (cmd->output->json) {
        struct json_t *object = document_object();
        document_set_number(object, "count", count);
        return output_document(cmd->output, object);
    }
    int bytes = snprintf(line, sizeof(line), "%" PRIu64 "\n", count);
    return output_bytes(cmd->output, line, (size_t)bytes);
}

/* {"key":K,"count":N,"from":F,"value":[...]} */
static int list_show_json(const struct cmd *cmd, const struct buffer *key, uint64_t count,
                          const struct buffer *value)
{
    struct kind key_kind = kind_of_key(&cmd->type), value_kind = kind_of_value(&cmd->type);
    struct buffer line;
    char numbers[96];
    snprintf(numbers, sizeof(numbers), ",\"count\":%" PRIu64 ",\"from\":%" PRIu64 ",", count,
             cmd->options->from);
    buffer_init(&line);
    bool written = buffer_append_byte(&line, '{') &&
                   kind_write_member(&line, &key_kind, "key", key->bytes, key->used) &&
                   buffer_append_text(&line, numbers) &&
                   kind_write_member(&line, &value_kind, "value", value->bytes, value->used) &&
                   buffer_append_text(&line, "}\n");
    int result = written ? output_bytes(cmd->output, line.bytes, line.used)
                         : output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    buffer_fini(&line);
    return result;
}

static int list_show(const struct cmd *cmd, const struct stele_table *table,
                     const struct buffer *key, struct buffer *value)
{
    const struct options *options = cmd->options;
    bool counts = cmd->verb == &cmd_count;
    uint64_t most = counts ? 0 : options->given & OPTIONS_LIMIT ? options->limit : UINT64_MAX;
    uint64_t count = 0;
    enum stele_status status =
        walk_get_list(table, key->bytes, key->used, options->from, most, value, &count);
    if (status != STELE_OK)
        return cmd_fail(cmd, status, key);
    if (counts)
        return list_show_count(cmd, count);
    return cmd->output->json ? list_show_json(cmd, key, count, value) : cmd_show(cmd, value, true);
}

/* count and list: from the segment */
static int list_run_read(struct cmd *cmd)
{
    struct stele_table table;
    struct buffer key, value;
    int result = cmd_open(cmd, &table);
    if (result == OUTPUT_OK)
        result = cmd_expect(cmd, true);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&key);
    buffer_init(&value);
    result = cmd_key(cmd, 1, &key);
    if (result == OUTPUT_OK)
        result = list_show(cmd, &table, &key, &value);
    buffer_fini(&key);
    buffer_fini(&value);
    return result;
}

/* ---- the verbs ---------------------------------------------------------------------------- */

const struct verb cmd_append = {
    .name = "append",
    .arguments = "T K V...",
    .summary = "add elements at the end of a list",
    .text = "Adds the elements V, in this order, at the end of the list of key K; where there is\n"
            "none, it begins with them. Readers see all of them at once. V may be several with\n"
            "commas between them, or \"-\": standard input, an element on a line. (More than the\n"
            "daemon's --max-frame goes in several steps.) A set drops what it has already.\n"
            "With -o json: {\"added\":N}.\n"
            "\n"
            "Exit status: 1 no such table; 2 no element of this type; 4 a table without lists, a\n"
            "full segment or table, or no rights.\n"
            "\n"
            "Examples\n"
            "  stele create docs --type 'bytes->list:u32'\n"
            "  stele append docs pi 3 1 4\n"
            "  seq 1000 | stele append docs numbers -",
    .least = 3,
    .most = -1,
    .run = list_run_append};

const struct verb cmd_remove = {
    .name = "remove",
    .arguments = "T K V",
    .summary = "remove the first element V of a list",
    .text =
        "Removes the first element of K's list that equals V; the others keep their order. With\n"
        "its last element the list is gone, and so is its key. (del removes it at once.)\n"
        "\n"
        "Exit status: 1 no such key, element or table; 4 a table without lists, or no rights.\n"
        "\n"
        "Examples\n"
        "  stele remove docs pi 1",
    .least = 3,
    .most = 3,
    .numbers = true,
    .run = list_run_remove};

const struct verb cmd_swap = {
    .name = "swap",
    .arguments = "T K OLD NEW",
    .summary = "remove the first element OLD of a list, append NEW",
    .text = "Removes the first element of K's list that equals OLD, if there is one, and appends\n"
            "NEW, as one change: no reader sees the list in between.\n"
            "\n"
            "Exit status: 1 no such table; 4 a table without lists, a full segment, or no rights.\n"
            "\n"
            "Examples\n"
            "  stele swap docs pi 4 5",
    .least = 4,
    .most = 4,
    .numbers = true,
    .run = list_run_swap};

const struct verb cmd_pop = {
    .name = "pop",
    .arguments = "T K",
    .summary = "remove the last element of a list and print it",
    .text = "With -o json: {\"value\":N}.\n"
            "\n"
            "Exit status: 1 no such key or table; 4 a table without lists, or no rights.\n"
            "\n"
            "Examples\n"
            "  stele pop docs pi\n"
            "  while job=$(stele pop queue jobs); do work \"$job\"; done",
    .least = 2,
    .most = 2,
    .run = list_run_pop};

const struct verb cmd_count = {
    .name = "count",
    .arguments = "T K",
    .summary = "print how many elements a list has",
    .text = "Reads the segment: needs no daemon. With -o json: {\"count\":N}.\n"
            "\n"
            "Exit status: 1 no such key or table; 4 a table without lists.\n"
            "\n"
            "Examples\n"
            "  stele count docs pi",
    .least = 2,
    .most = 2,
    .run = list_run_read};

const struct verb cmd_list = {
    .name = "list",
    .arguments = "T K",
    .summary = "print elements of a list",
    .text =
        "Prints the elements of K's list, each on a line, all of one instant: from number N on\n"
        "(--from; the first is 0), at most --limit of them. Reads the segment: needs no\n"
        "daemon, stops no writer.\n"
        "With -o json: {\"key\":K,\"count\":N,\"from\":N,\"value\":[...]}; count is that of all of "
        "the\n"
        "list's elements.\n"
        "\n"
        "Exit status: 1 no such key or table; 4 a table without lists.\n"
        "\n"
        "Examples\n"
        "  stele list docs pi\n"
        "  stele list docs numbers --from 990 --limit 5",
    .options = OPTIONS_FROM | OPTIONS_LIMIT,
    .least = 2,
    .most = 2,
    .run = list_run_read};
