/*
 * report.c - what the daemon counts, put together for STATS.
 */
#include "command/decide.h"

enum stele_status command_stats(struct command_run *run)
{
    struct command_context *context = run->context;
    const struct command_counters *counters = &context->counters;
    struct stele_daemon_stats *stats = &context->stats;
    struct stele_store_stats store;
    stele_store_get_stats(context->store, &store);
    stats->uptime_ms = counters->now_ms - counters->started_ms;
    stats->connections = counters->connections;
    stats->connections_accepted = counters->connections_accepted;
    stats->connections_refused = counters->connections_refused;
    stats->turns = counters->turns;
    stats->commands = counters->commands;
    stats->commands_read = counters->commands_read;
    stats->commands_applied = context->applied_effects;
    stats->commands_full = counters->commands_full;
    stats->commands_denied = counters->commands_denied;
    stats->protocol_errors = counters->protocol_errors;
    stats->in_bytes = counters->in_bytes;
    stats->out_bytes = counters->out_bytes;
    stats->buffer_bytes = counters->buffer_bytes;
    stats->max_bytes = store.max_bytes;
    stats->committed_bytes = store.committed_bytes;
    stats->huge_bytes = store.huge_bytes;
    stats->used_bytes = store.used_bytes;
    stats->free_bytes = store.free_bytes;
    stats->quarantine_bytes = store.quarantine_bytes;
    stats->epoch = store.epoch;
    stats->applied_lsn = store.applied_lsn;
    stats->tables = store.tables;
    stats->adopting = stele_store_adopting(context->store) ? 1 : 0;
    stats->adoption_dropped = store.adoption_dropped;
    stats->evacuations = store.evacuations;
    stats->moved_bytes = store.moved_bytes;
    stats->full = counters->full;
    stats->tmpfs_bytes = store.tmpfs_bytes;
    stats->tmpfs_free_bytes = store.tmpfs_free_bytes;
    stats->detached = counters->detached;
    run->reply->stats = stats;
    return STELE_OK;
}
