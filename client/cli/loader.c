#include "loader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void loader_init(struct loader *loader, struct cmd *cmd, const struct session_table *table,
                 enum entry_format format, int fd, const char *label, uint64_t total_bytes)
{
    struct stele_channel *channel = &cmd->session->channel;
    memset(loader, 0, sizeof(*loader));
    loader->cmd = cmd;
    loader->channel = channel;
    loader->table = table->handle;
    loader->type = table->type;
    loader->format = format;
    loader->strict = (cmd->options->given & OPTIONS_STRICT) != 0;
    loader->batch_entries = channel->info.vector_max_count < LOADER_BATCH_ENTRIES
                                ? channel->info.vector_max_count
                                : LOADER_BATCH_ENTRIES;
    interrupt_open(&loader->interrupt);
    /* an escape is at most six bytes for one, an element less; what is longer cannot be an entry */
    input_init(&loader->input, fd, (size_t)channel->info.frame_max_bytes * 6u + 128u,
               &loader->interrupt);
    stele_vector_init(&loader->vector, channel->info.frame_max_bytes - sizeof(uint32_t));
    progress_begin(&loader->progress, label, total_bytes);
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
    return loader->entries - loader->stored - loader->refused - loader->vector.count;
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
    if (status == STELE_OK) {
        loader->stored++;
        return;
    }
    loader->refused++;
    loader_tell(loader, status, line, stele_status_text(status));
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
    return stele_type_has_lists(&loader->type)
               ? stele_vector_list_append(vector, loader->table, key->bytes, key->used, value,
                                          bytes)
               : stele_vector_put(vector, loader->table, key->bytes, key->used, value, bytes);
}

/* Adds an entry of the key and this value, or this part of it. */
static void loader_add(struct loader *loader, const char *value, size_t bytes)
{
    struct stele_vector *vector = &loader->vector;
    enum stele_status status = loader_gather(loader, value, bytes);
    if (status == STELE_ETOOBIG && vector->count > 0) {
        loader_send(loader);
        if (loader->broken == STELE_OK)
            status = loader_gather(loader, value, bytes);
    }
    loader->entries++;
    if (status != STELE_OK) {
        loader_settle(loader, status, loader->input.line);
        return;
    }
    loader->batch[loader->sent % LOADER_BATCHES].line[vector->count - 1] = loader->input.line;
    if (vector->count >= loader->batch_entries || vector->used >= LOADER_BATCH_BYTES)
        loader_send(loader);
}

/* Adds what key and value hold. A frame of the largest value also holds its key and heads. */
static void loader_add_all(struct loader *loader)
{
    const struct buffer *value = &loader->value;
    size_t largest = loader->channel->info.value_max_bytes & ~(size_t)7, at = 0;
    if (stele_type_has_lists(&loader->type))
        for (; value->used - at > largest && loader->broken == STELE_OK; at += largest)
            loader_add(loader, value->bytes + at, largest);
    if (loader->broken == STELE_OK)
        loader_add(loader, value->bytes + at, value->used - at);
}

/* ---- lines -------------------------------------------------------------------------------- */

static void loader_line(struct loader *loader, const char *text, size_t count)
{
    char fault[ENTRY_FAULT_BYTES];
    if (count == 0 || (count == 1 && text[0] == '\r'))
        return;
    if (entry_read(loader->format, &loader->type, text, count, &loader->key, &loader->value,
                   fault)) {
        loader_add_all(loader);
        return;
    }
    loader->bad++;
    loader_tell(loader, STELE_EINVAL, loader->input.line, fault);
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
        loader->bad++;
        loader_tell(loader, STELE_ETOOBIG, loader->input.line, "longer than any entry can be");
        return true;
    case INPUT_FAILED:
        progress_clear(&loader->progress);
        loader->bad++;
        output_fail_text(loader->cmd->output, STELE_EIO, loader->progress.label,
                         "after line %" PRIu64 ": %s", loader->input.line, strerror(errno));
        return false;
    case INPUT_END:
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
    loader_send(loader);
    while (loader->collected < loader->sent && loader->broken == STELE_OK)
        loader_collect(loader, true);
    progress_clear(&loader->progress);
}
