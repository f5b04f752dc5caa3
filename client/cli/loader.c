#include "loader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void loader_init(struct loader *loader, struct cmd *cmd, struct target *target,
                 enum entry_format format, int fd, uint64_t total_bytes)
{
    struct stele_channel *channel = &cmd->session->channel;
    memset(loader, 0, sizeof(*loader));
    loader->cmd = cmd;
    loader->channel = channel;
    loader->target = target;
    loader->format = format;
    loader->guess = !(cmd->options->given & OPTIONS_FORMAT);
    loader->strict = (cmd->options->given & OPTIONS_STRICT) != 0;
    loader->batch_entries = channel->info.vector_max_count < LOADER_BATCH_ENTRIES
                                ? channel->info.vector_max_count
                                : LOADER_BATCH_ENTRIES;
    interrupt_open(&loader->interrupt);
    /* an escape is at most six bytes for one, an element less; what is longer cannot be an entry */
    input_init(&loader->input, fd, (size_t)channel->info.frame_max_bytes * 6u + 128u,
               &loader->interrupt);
    stele_vector_init(&loader->vector, channel->info.frame_max_bytes - sizeof(uint32_t));
    progress_begin(&loader->progress, target->label.bytes, total_bytes);
}

void loader_fini(struct loader *loader)
{
    progress_clear(&loader->progress);
    stele_vector_fini(&loader->vector);
    input_fini(&loader->input);
    buffer_fini(&loader->key);
    buffer_fini(&loader->value);
    interrupt_close(&loader->interrupt);
}

uint64_t loader_unknown(const struct loader *loader)
{
    return loader->entries - loader->stored - loader->refused - loader->gathered;
}

/* A line that was not stored. */
static void loader_tell(struct loader *loader, enum stele_status status, uint64_t line,
                        const char *wrong)
{
    const struct output *output = loader->cmd->output;
    if (loader->strict)
        loader->stopped = true;
    if (loader->told++ >= LOADER_TOLD)
        return;
    progress_clear(&loader->progress);
    output_fail_text(output, status, loader->progress.label, "line %" PRIu64 ": %s", line, wrong);
    if (loader->told == LOADER_TOLD)
        output_note(output, "load %s: further faults are only counted", loader->progress.label);
}

/* ---- replies ------------------------------------------------------------------------------ */

static void loader_settle(struct loader *loader, enum stele_status status, uint64_t line)
{
    if (line ==
        0) /* where an erasure fails, so does what follows; but there may be nothing to erase */
        return;
    if (status == STELE_OK) {
        loader->stored++;
        return;
    }
    char text[192];
    snprintf(text, sizeof(text), "%s", stele_status_text(status));
    if (status == STELE_ETOOBIG)
        snprintf(text, sizeof(text), "%s: keys have up to %u bytes, values here up to %u",
                 stele_status_text(status), STELEI_KEY_MAX_BYTES,
                 (unsigned)loader->channel->info.value_max_bytes);
    loader->refused++;
    loader_tell(loader, status, line, text);
    /* no other entry would fare better */
    if (status == STELE_EPERM || status == STELE_ENOTABLE || status == STELE_EDROPPED)
        loader->stopped = true;
}

/* Takes the next reply, or says why it never comes. false, without `wait`: it is not there yet. */
static bool loader_collect(struct loader *loader, bool wait)
{
    struct stele_completion completion;
    const struct loader_batch *batch = &loader->batch[loader->collected % LOADER_BATCHES];
    int timeout_ms = wait ? loader->cmd->options->timeout_ms : 0;
    enum stele_status status = stele_channel_collect(loader->channel, &completion, timeout_ms);
    if (status == STELE_ETIMEDOUT && !wait && loader->channel->broken == STELE_OK)
        return false;
    if (status != STELE_OK) {
        loader->broken = status;
        return false;
    }
    loader->collected++;
    for (uint32_t i = 0; i < batch->count; i++) {
        if (completion.status != STELE_OK)
            loader_settle(loader, completion.status, batch->line[i]);
        else if (i < completion.vector.count)
            loader_settle(loader, stele_completion_status(&completion, i), batch->line[i]);
        else
            loader_settle(loader, STELE_EPROTO, batch->line[i]);
    }
    return true;
}

/* ---- sending ------------------------------------------------------------------------------ */

/* Sends what was gathered, and takes what replies have come; afterwards the vector is empty. */
static void loader_send(struct loader *loader)
{
    struct loader_batch *batch = &loader->batch[loader->sent % LOADER_BATCHES];
    if (loader->vector.count == 0 || loader->broken != STELE_OK)
        return;
    batch->count = loader->vector.count;
    enum stele_status status = stele_channel_submit_vector(loader->channel, &loader->vector, NULL);
    stele_vector_reset(&loader->vector); /* after a failure: nobody knows what arrived */
    loader->gathered = 0;
    if (status == STELE_OK) {
        loader->sent++;
        status = stele_channel_flush(loader->channel);
    }
    if (status != STELE_OK && status != STELE_ETIMEDOUT)
        loader->broken = status;
    if (status == STELE_ETIMEDOUT && loader->channel->broken != STELE_OK)
        loader->broken = status;
    while (loader->broken == STELE_OK && loader->collected < loader->sent) {
        bool full = loader->sent - loader->collected >= LOADER_BATCHES;
        if (!loader_collect(loader, full))
            break;
    }
}

static enum stele_status loader_gather(struct loader *loader, const char *value, size_t bytes)
{
    const struct buffer *key = &loader->key;
    struct stele_vector *vector = &loader->vector;
    const struct session_table *table = &loader->target->table;
    return stele_type_has_lists(&table->type)
               ? stele_vector_list_append(vector, table->handle, key->bytes, key->used, value,
                                          bytes)
               : stele_vector_put(vector, table->handle, key->bytes, key->used, value, bytes);
}

/* Notes the line of what was added to the vector last, and sends what is enough for a batch. */
static void loader_note(struct loader *loader, uint64_t line)
{
    struct stele_vector *vector = &loader->vector;
    loader->batch[loader->sent % LOADER_BATCHES].line[vector->count - 1] = line;
    loader->gathered += line != 0;
    if (vector->count >= loader->batch_entries || vector->used >= LOADER_BATCH_BYTES)
        loader_send(loader);
}

/* Adds an entry of the key and this value, or this part of it. */
static void loader_add(struct loader *loader, const char *value, size_t bytes)
{
    enum stele_status status = loader_gather(loader, value, bytes);
    if (status == STELE_ETOOBIG && loader->vector.count > 0) {
        loader_send(loader);
        if (loader->broken == STELE_OK)
            status = loader_gather(loader, value, bytes);
    }
    loader->entries++;
    if (status == STELE_OK)
        loader_note(loader, loader->input.line);
    else
        loader_settle(loader, status, loader->input.line);
}

/* Adds the erasure of the key. Where that cannot be, nor can what follows: it says why. */
static void loader_erase(struct loader *loader)
{
    const struct buffer *key = &loader->key;
    uint16_t table = loader->target->table.handle;
    enum stele_status status = stele_vector_erase(&loader->vector, table, key->bytes, key->used);
    if (status == STELE_ETOOBIG && loader->vector.count > 0) {
        loader_send(loader);
        if (loader->broken == STELE_OK)
            status = stele_vector_erase(&loader->vector, table, key->bytes, key->used);
    }
    if (status == STELE_OK)
        loader_note(loader, 0);
}

/* Adds what key and value hold. A frame of the largest value also holds its key and heads. */
static void loader_add_all(struct loader *loader, bool anew)
{
    const struct buffer *value = &loader->value;
    size_t largest = loader->channel->info.value_max_bytes & ~(size_t)7, at = 0;
    const char *bytes = value->bytes ? value->bytes : "";
    if (anew)
        loader_erase(loader);
    if (stele_type_has_lists(&loader->target->table.type))
        for (; value->used - at > largest && loader->broken == STELE_OK; at += largest)
            loader_add(loader, bytes + at, largest);
    if (loader->broken == STELE_OK)
        loader_add(loader, bytes + at, value->used - at);
}

/* Sends what was gathered, and takes all replies. */
static void loader_drain(struct loader *loader)
{
    loader_send(loader);
    while (loader->collected < loader->sent && loader->broken == STELE_OK)
        loader_collect(loader, true);
}

/* ---- lines -------------------------------------------------------------------------------- */

/* What target.h could not do, it has told. */
static void loader_obey(struct loader *loader, int result)
{
    if (result == OUTPUT_OK)
        return;
    loader->failed = result;
    loader->stopped = true;
}

static void loader_bad(struct loader *loader, enum stele_status status, const char *fault)
{
    loader->bad++;
    loader_tell(loader, status, loader->input.line, fault);
}

/* The lines that follow are of this table. What is told of those before names the former one. */
static void loader_turn(struct loader *loader, const struct heading *heading)
{
    loader->cut = true;
    loader_drain(loader);
    if (loader->stopped || loader->broken != STELE_OK)
        return;
    progress_clear(&loader->progress);
    loader_obey(loader, target_turn(loader->target, heading, loader->input.line));
    loader->progress.label = loader->target->label.bytes;
}

/* Whether the line was a heading. */
static bool loader_heading(struct loader *loader, const char *text, size_t count)
{
    char fault[ENTRY_FAULT_BYTES];
    struct heading heading;
    switch (heading_read(loader->format, text, count, &heading, fault)) {
    case HEADING_TABLE:
        loader_turn(loader, &heading);
        return true;
    case HEADING_END:
        loader->cut = false;
        loader->ended = true;
        if (!loader->target->named)
            loader->target->open = false;
        return true;
    case HEADING_WRONG: /* nobody knows what its lines are */
        loader_bad(loader, STELE_EINVAL, fault);
        loader->stopped = true;
        return true;
    case HEADING_NONE:
    default:
        return false;
    }
}

static void loader_entry(struct loader *loader, const char *text, size_t count)
{
    char fault[ENTRY_FAULT_BYTES];
    struct target *target = loader->target;
    bool anew;
    if (!target->open)
        loader_obey(loader, target_need(target, loader->input.line));
    if (loader->stopped)
        return;
    if (entry_read(loader->format, &target->table.type, text, count, &loader->key, &loader->value,
                   &anew, fault))
        loader_add_all(loader, anew);
    else
        loader_bad(loader, STELE_EINVAL, fault);
}

static void loader_line(struct loader *loader, const char *text, size_t count)
{
    if (loader->input.line == 1 && count >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3; /* a byte order mark is no part of the first key */
        count -= 3;
    }
    if (loader->input.line == 1 && loader->guess && heading_format(text, count) != ENTRY_BY_NAME)
        loader->format = heading_format(text, count);
    if (count == 0 || (count == 1 && text[0] == '\r'))
        return;
    if (!loader_heading(loader, text, count))
        loader_entry(loader, text, count);
}

/* The input has ended. Without a line it is an empty table; but no dump of all. */
static void loader_end(struct loader *loader)
{
    struct target *target = loader->target;
    if (loader->ended || target->first[0] || target->open)
        return;
    if (target->named)
        loader_obey(loader, target_need(target, loader->input.line));
    else
        loader->cut = true;
}

static bool loader_step(struct loader *loader)
{
    const char *text;
    size_t count;
    switch (input_line(&loader->input, &text, &count)) {
    case INPUT_LINE:
        loader_line(loader, text, count);
        return true;
    case INPUT_TOO_LONG:
        loader_bad(loader, STELE_ETOOBIG, "longer than any entry can be");
        return true;
    case INPUT_IDLE:
        loader_drain(loader);
        progress_update(&loader->progress, loader->input.taken, loader->entries);
        return true;
    case INPUT_FAILED:
        progress_clear(&loader->progress);
        output_fail_text(loader->cmd->output, STELE_EIO, loader->progress.label,
                         "after line %" PRIu64 ": %s", loader->input.line, strerror(errno));
        loader_obey(loader, OUTPUT_REFUSED);
        return false;
    case INPUT_END:
        loader_end(loader);
        return false;
    case INPUT_INTERRUPTED:
    default:
        return false;
    }
}

void loader_run(struct loader *loader)
{
    while (!loader->stopped && loader->broken == STELE_OK && loader_step(loader)) {
        if (loader->input.line % 64 != 0)
            continue;
        progress_update(&loader->progress, loader->input.taken, loader->entries);
        if (interrupt_seen(&loader->interrupt))
            break;
    }
    loader_drain(loader);
    progress_clear(&loader->progress);
}
