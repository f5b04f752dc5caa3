#include "cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "kind.h"
#include "text.h"
#include "word.h"

#define CMD_WORDS_MAX_BYTES (size_t)(1u << 30)  /* of text, read as numbers */
#define CMD_SHOWN_BYTES     (size_t)(64u << 10) /* of a value, turned into text at a time */

/* ---- the table ---------------------------------------------------------------------------- */

int cmd_check_all(const struct cmd *cmd)
{
    bool all = (cmd->options->given & OPTIONS_ALL) != 0;
    if (!all && cmd->count == 0)
        return output_usage(cmd->output, "too few arguments; usage: stele %s %s", cmd->verb->name,
                            cmd->verb->arguments);
    if (all && cmd->count == 2)
        return output_usage(cmd->output, "--all means every table: name none with it");
    return OUTPUT_OK;
}

const char *cmd_file(const struct cmd *cmd)
{
    int index = cmd->options->given & OPTIONS_ALL ? 0 : 1;
    return cmd->count > index && strcmp(cmd->argument[index], "-") != 0 ? cmd->argument[index]
                                                                        : NULL;
}

int cmd_open(struct cmd *cmd, struct stele_table *table)
{
    int result = session_open_table(cmd->session, cmd->argument[0], table);
    if (result == OUTPUT_OK)
        cmd->type = table->type;
    return result;
}

int cmd_find(struct cmd *cmd, uint16_t *table)
{
    struct session_table found;
    int result = session_find_table(cmd->session, cmd->argument[0], &found);
    if (result != OUTPUT_OK)
        return result;
    cmd->type = found.type;
    cmd->max_entries = found.max_entries;
    *table = found.handle;
    return OUTPUT_OK;
}

int cmd_expect(const struct cmd *cmd, bool lists)
{
    struct buffer shown;
    char type[STELE_TYPE_TEXT_BYTES];
    if (stele_type_has_lists(&cmd->type) == lists)
        return OUTPUT_OK;
    stele_type_format(&cmd->type, type);
    buffer_init(&shown);
    int result = output_fail_text(
        cmd->output, STELE_ETYPE, cmd_object(cmd, NULL, &shown), "the table is %s, and %s", type,
        lists ? "holds no lists" : "holds lists: see append, remove, swap and pop");
    buffer_fini(&shown);
    return result;
}

const char *cmd_key_text(const struct cmd *cmd, const struct buffer *key, struct buffer *shown)
{
    struct kind kind = kind_of_key(&cmd->type);
    if (kind.word == STELE_BYTES)
        return output_name(shown, key->bytes, key->used);
    buffer_reset(shown);
    return kind_write(shown, &kind, key->bytes, key->used, false, ',') && buffer_terminate(shown)
               ? shown->bytes
               : "(out of memory)";
}

const char *cmd_object(const struct cmd *cmd, const struct buffer *key, struct buffer *shown)
{
    const char *table = cmd->argument[0], *object, *text;
    struct buffer key_text;
    if (!key)
        return output_name(shown, table, strlen(table));
    if (!stele_type_has_word_keys(&cmd->type))
        return output_object(shown, table, key->bytes, key->used);
    buffer_init(&key_text);
    text = cmd_key_text(cmd, key, &key_text);
    object = output_object(shown, table, text, strlen(text));
    buffer_fini(&key_text);
    return object;
}

int cmd_fail(const struct cmd *cmd, enum stele_status status, const struct buffer *key)
{
    struct buffer shown;
    char advice[96];
    int result;
    buffer_init(&shown);
    snprintf(advice, sizeof(advice), "it was made with --max-entries %" PRIu64, cmd->max_entries);
    if (status == STELE_EFULL && cmd->max_entries > 0)
        result = output_fail(cmd->output, status, cmd_object(cmd, key, &shown), advice);
    else if (status == STELE_ETOOBIG && key && key->used > STELEI_KEY_MAX_BYTES)
        result = output_fail_text(cmd->output, status, cmd_object(cmd, key, &shown),
                                  "the key has %zu bytes; keys have up to %u", key->used,
                                  STELEI_KEY_MAX_BYTES);
    else
        result = session_fail(cmd->session, status, cmd_object(cmd, key, &shown));
    buffer_fini(&shown);
    return result;
}

int cmd_fail_store(const struct cmd *cmd, enum stele_status status, const struct buffer *key,
                   size_t value_bytes)
{
    size_t limit = cmd->session->channel.info.value_max_bytes;
    struct buffer shown;
    if (status != STELE_ETOOBIG || key->used > STELEI_KEY_MAX_BYTES || value_bytes <= limit)
        return cmd_fail(cmd, status, key);
    buffer_init(&shown);
    int result = output_fail_text(cmd->output, status, cmd_object(cmd, key, &shown),
                                  "the value has %zu bytes; this daemon takes up to %zu (steled's "
                                  "--max-frame)",
                                  value_bytes, limit);
    buffer_fini(&shown);
    return result;
}

/* ---- arguments ---------------------------------------------------------------------------- */

static int cmd_read(const struct cmd *cmd, const struct kind *kind, const char *which,
                    const char *text, size_t count, bool escapes, struct buffer *out)
{
    char fault[KIND_FAULT_BYTES];
    if (kind_read(out, kind, text, count, escapes, fault))
        return OUTPUT_OK;
    return output_usage(cmd->output, "%s%s", which, fault);
}

int cmd_key(const struct cmd *cmd, int index, struct buffer *out)
{
    struct kind kind = kind_of_key(&cmd->type);
    const char *text = cmd->argument[index];
    buffer_reset(out);
    return cmd_read(cmd, &kind, "the key", text, strlen(text), cmd->options->escapes, out);
}

/* Lines become what stands between commas; the last newline ends the text. */
static void cmd_join_lines(struct buffer *text)
{
    if (text->used > 0 && text->bytes[text->used - 1] == '\n')
        text->used--;
    if (text->used > 0 && text->bytes[text->used - 1] == '\r')
        text->used--;
    for (size_t i = 0; i < text->used; i++)
        if (text->bytes[i] == '\n')
            text->bytes[i] = ',';
}

static int cmd_fail_stdin(const struct cmd *cmd, size_t limit, bool words)
{
    struct buffer shown;
    buffer_init(&shown);
    int result = output_fail_text(cmd->output, STELE_ETOOBIG, cmd_object(cmd, NULL, &shown),
                                  "standard input has more than %zu bytes, the most that %s", limit,
                                  words ? "is read as numbers"
                                        : "this daemon takes as a value (steled's --max-frame)");
    buffer_fini(&shown);
    return result;
}

static int cmd_read_stdin(const struct cmd *cmd, const struct kind *kind, struct buffer *out)
{
    bool words = kind->word != STELE_BYTES;
    size_t limit = words ? CMD_WORDS_MAX_BYTES : cmd->session->channel.info.value_max_bytes;
    struct buffer text;
    struct input input;
    int result;
    buffer_init(&text);
    input_init(&input, STDIN_FILENO, limit, NULL);
    enum input_outcome outcome = input_rest(&input, &text);
    if (words)
        cmd_join_lines(&text);
    if (outcome == INPUT_TOO_LONG)
        result = cmd_fail_stdin(cmd, limit, words);
    else if (outcome != INPUT_END)
        result = output_usage(cmd->output, "standard input: %s", strerror(errno));
    else
        result = cmd_read(cmd, kind, "standard input", text.bytes ? text.bytes : "", text.used,
                          false, out);
    input_fini(&input);
    buffer_fini(&text);
    return result;
}

int cmd_add_value(const struct cmd *cmd, int index, struct buffer *out)
{
    struct kind kind = kind_of_value(&cmd->type);
    const char *text = cmd->argument[index];
    if (strcmp(text, "-") == 0)
        return cmd_read_stdin(cmd, &kind, out);
    return cmd_read(cmd, &kind, "the value", text, strlen(text), cmd->options->escapes, out);
}

int cmd_value(const struct cmd *cmd, int index, struct buffer *out)
{
    buffer_reset(out);
    return cmd_add_value(cmd, index, out);
}

/* ---- results ------------------------------------------------------------------------------ */

/* A piece of a value: whole elements. */
static int cmd_show_piece(const struct cmd *cmd, const struct kind *kind, const char *bytes,
                          size_t count, struct buffer *text)
{
    buffer_reset(text);
    if (!kind_write(text, kind, bytes, count, false, '\n'))
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    return output_bytes(cmd->output, text->bytes, text->used);
}

int cmd_show(const struct cmd *cmd, const struct buffer *value, bool newline)
{
    struct kind kind = kind_of_value(&cmd->type);
    struct buffer text;
    int result = OUTPUT_OK;
    if (kind.word == STELE_BYTES) {
        result = output_bytes(cmd->output, value->bytes, value->used);
        return result == OUTPUT_OK && newline ? output_bytes(cmd->output, "\n", 1) : result;
    }
    buffer_init(&text);
    for (size_t at = 0; at < value->used && result == OUTPUT_OK; at += CMD_SHOWN_BYTES) {
        size_t left = value->used - at, piece = left < CMD_SHOWN_BYTES ? left : CMD_SHOWN_BYTES;
        result = cmd_show_piece(cmd, &kind, value->bytes + at, piece, &text);
        if (result == OUTPUT_OK && (newline || piece < left))
            result = output_bytes(cmd->output, "\n", 1);
    }
    buffer_fini(&text);
    return result;
}

int cmd_show_word(const struct cmd *cmd, const char *name, uint64_t word)
{
    struct kind kind = kind_of_value(&cmd->type);
    struct buffer line;
    bool written;
    kind.list = false;
    if (kind.word == STELE_BYTES) { /* decimal text of 64 bits */
        kind.word = STELE_I64;
        kind.bytes = sizeof(word);
    }
    buffer_init(&line);
    if (cmd->output->json)
        written = buffer_append_byte(&line, '{') &&
                  kind_write_member(&line, &kind, name, &word, kind.bytes) &&
                  buffer_append_text(&line, "}\n");
    else
        written = kind_write(&line, &kind, &word, kind.bytes, false, ',') &&
                  buffer_append_byte(&line, '\n');
    int result = written ? output_bytes(cmd->output, line.bytes, line.used)
                         : output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    buffer_fini(&line);
    return result;
}

bool cmd_confirm(const struct cmd *cmd, const char *question)
{
    char answer[16] = "";
    if ((cmd->options->given & OPTIONS_YES) || isatty(STDIN_FILENO) != 1)
        return true;
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    output_note(cmd->output, "%s: nothing was done", cmd->verb->name);
    return false;
}
