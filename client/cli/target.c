#include "target.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void target_name(struct target *target, const char *name)
{
    snprintf(target->name, sizeof(target->name), "%s", name);
    output_name(&target->label, name, strlen(name));
}

static bool target_given(const struct target *target, unsigned bit)
{
    return (target->cmd->options->given & bit) != 0;
}

static int target_fail(const struct target *target, enum stele_status status)
{
    return session_fail(target->cmd->session, status, target->label.bytes);
}

/* The table that is there has to be as --type and --max-entries say. */
static int target_check(struct target *target)
{
    const struct options *options = target->cmd->options;
    const struct session_table *table = &target->table;
    struct session_table wanted = *table;
    if (target_given(target, OPTIONS_TYPE))
        wanted.type = options->type;
    if (target_given(target, OPTIONS_MAX_ENTRIES))
        wanted.max_entries = options->max_entries;
    if (!stele_type_equal(&wanted.type, &table->type) || wanted.max_entries != table->max_entries)
        return session_differs(target->cmd->session, target->name, table, &wanted);
    target->open = true;
    target->tables++;
    return OUTPUT_OK;
}

/* Looks for the table. OUTPUT_OK and not `open`: there is none, and --create makes it later. */
static int target_find(struct target *target)
{
    enum stele_status status = session_look_up(target->cmd->session, target->name, &target->table);
    target->open = false;
    if (status == STELE_ENOTABLE && target_given(target, OPTIONS_CREATE))
        return OUTPUT_OK;
    return status == STELE_OK ? target_check(target) : target_fail(target, status);
}

static int target_make(struct target *target, const struct heading *heading)
{
    const struct options *options = target->cmd->options;
    struct session_table wanted = {0, options->type, options->max_entries};
    if (heading && !target_given(target, OPTIONS_TYPE))
        wanted.type = heading->type;
    if (heading && !target_given(target, OPTIONS_MAX_ENTRIES))
        wanted.max_entries = heading->max_entries;
    target->table = wanted;
    int result = session_make_table(target->cmd->session, target->name, true, &target->table);
    target->open = result == OUTPUT_OK;
    target->tables += target->open;
    return result;
}

int target_init(struct target *target, const struct cmd *cmd, const char *named)
{
    memset(target, 0, sizeof(*target));
    target->cmd = cmd;
    target->named = named;
    target_name(target, named ? named : "--all");
    int result = session_connect(cmd->session);
    if (result != OUTPUT_OK)
        return result;
    if (named)
        result = target_find(target);
    if (result == OUTPUT_OK && !cmd->session->channel.info.may_write)
        result = target_fail(target, STELE_EPERM);
    return result;
}

void target_fini(struct target *target)
{
    buffer_fini(&target->label);
}

/* The dump is of another type than the table that is there. */
static int target_refuse(const struct target *target, const struct heading *heading, uint64_t line)
{
    char is[STELE_TYPE_TEXT_BYTES], dumped[STELE_TYPE_TEXT_BYTES], advice[192] = "";
    stele_type_format(&target->table.type, is);
    stele_type_format(&heading->type, dumped);
    if (target->named)
        snprintf(advice, sizeof(advice),
                 "; load it into another table, or with --type '%s' read "
                 "its lines as that",
                 is);
    return output_fail_text(target->cmd->output, STELE_ETYPE, target->label.bytes,
                            "line %" PRIu64 ": the dump is of a table %s, and this one is %s%s",
                            line, dumped, is, advice);
}

/* One table was named, and the dump has several. */
static int target_refuse_second(const struct target *target, const struct heading *heading,
                                uint64_t line)
{
    struct buffer shown;
    buffer_init(&shown);
    int result = output_fail_text(
        target->cmd->output, STELE_EINVAL, target->label.bytes,
        "line %" PRIu64 ": another table, %s, begins here; load --all loads every table under "
        "its own name",
        line, output_name(&shown, heading->name, strlen(heading->name)));
    buffer_fini(&shown);
    return result;
}

int target_turn(struct target *target, const struct heading *heading, uint64_t line)
{
    int result = OUTPUT_OK;
    if (target->named && target->first[0] && strcmp(target->first, heading->name) != 0)
        return target_refuse_second(target, heading, line);
    snprintf(target->first, sizeof(target->first), "%s", heading->name);
    if (!target->named) {
        target_name(target, heading->name);
        result = target_find(target);
    }
    if (result != OUTPUT_OK)
        return result;
    if (!target->open)
        return target_make(target, heading);
    if (target_given(target, OPTIONS_TYPE) || stele_type_equal(&heading->type, &target->table.type))
        return OUTPUT_OK;
    return target_refuse(target, heading, line);
}

int target_need(struct target *target, uint64_t line)
{
    if (target->open)
        return OUTPUT_OK;
    if (target->named)
        return target_make(target, NULL);
    return output_fail_text(target->cmd->output, STELE_EINVAL, NULL,
                            "line %" PRIu64 ": no table is named here; --all is for what dump "
                            "wrote, other files are loaded with: stele load TABLE FILE",
                            line);
}
