#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

int cmd_bytes(const struct cmd *cmd, int index, struct buffer *out)
{
    const char *text = cmd->argument[index];
    size_t bad = 0;
    buffer_reset(out);
    if (!cmd->options->escapes)
        return buffer_append_text(out, text) ? OUTPUT_OK
                                             : output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    const char *wrong = text_unescape(out, text, strlen(text), &bad);
    if (wrong)
        return output_usage(cmd->output, "'%.60s', at its byte %zu: %s", text, bad + 1, wrong);
    return OUTPUT_OK;
}

int cmd_fail(const struct cmd *cmd, enum stele_status status, const struct buffer *key)
{
    struct buffer shown;
    const char *table = cmd->argument[0], *object;
    buffer_init(&shown);
    object = key ? output_object(&shown, table, key->bytes, key->used)
                 : output_name(&shown, table, strlen(table));
    int result = session_fail(cmd->session, status, object);
    buffer_fini(&shown);
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
