/*
 * cmd_stat.c - stat: gathers the facts, prints them as JSON or hands them to stat_text.c.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "document.h"
#include "stat_facts.h"

static void stat_sum(struct stat_facts *facts)
{
    struct segment_table *sum = &facts->sum;
    for (uint32_t i = 0; i < facts->tables.count; i++) {
        const struct segment_table *table = &facts->tables.table[i];
        sum->entries += table->entries;
        sum->slots += table->slots;
        sum->overflow += table->overflow;
        sum->index_bytes += table->index_bytes;
        sum->record_bytes += table->record_bytes;
        sum->payload_bytes += table->payload_bytes;
    }
}

/* The daemon first: how old its last sign of life is shall not count our waiting. */
static void stat_gather(struct cmd *cmd, struct stat_facts *facts)
{
    struct session *session = cmd->session;
    const struct stelei_header *header = stelei_map_header(&session->reader.map);
    facts->answer = session_try_connect(session);
    if (facts->answer == STELE_OK && strcmp(session->channel.info.name, session->name) != 0)
        facts->answer = STELE_EINVAL;
    if (facts->answer == STELE_OK)
        facts->answer =
            stele_channel_stats(&session->channel, &facts->daemon, cmd->options->timeout_ms);
    facts->socket = cmd->options->socket ? cmd->options->socket : session->channel.path;
    facts->name = session->name;
    facts->major = header->major;
    facts->minor = header->minor;
    facts->head_bytes = header->data_off;
    stele_reader_get_stats(&session->reader, &facts->reader);
    facts->age_ms = stele_reader_staleness_ms(&session->reader);
    segment_list(&session->reader, &facts->tables);
    stat_sum(facts);
}

static void stat_set_table(struct json_t *object, const struct segment_table *table)
{
    document_set_number(object, "entries", table->entries);
    document_set_number(object, "slots", table->slots);
    document_set_real(object, "load", stat_load(table));
    document_set_number(object, "overflow_entries", table->overflow);
    document_set_real(object, "overflow_share", stat_overflow(table));
    document_set_number(object, "index_bytes", table->index_bytes);
    document_set_number(object, "record_bytes", table->record_bytes);
    document_set_number(object, "payload_bytes", table->payload_bytes);
}

static struct json_t *stat_tables(const struct stat_facts *facts)
{
    struct json_t *array = document_array();
    for (uint32_t i = 0; i < facts->tables.count; i++) {
        const struct segment_table *table = &facts->tables.table[i];
        struct json_t *object = document_object();
        char type[STELE_TYPE_TEXT_BYTES];
        stele_type_format(&table->type, type);
        document_set_bytes(object, "name", table->name, strlen(table->name));
        document_set_text(object, "type", type);
        document_set_number(object, "max_entries", table->max_entries);
        stat_set_table(object, table);
        document_add(array, object);
    }
    return array;
}

static struct json_t *stat_daemon(const struct stele_daemon_stats *stats)
{
    struct json_t *object = document_object();
#define STAT_SET(name, text) document_set_number(object, #name, stats->name);
    STELE_DAEMON_STATS_TABLE(STAT_SET)
#undef STAT_SET
    return object;
}

static int stat_show_json(const struct output *output, const struct stat_facts *facts)
{
    const struct stele_reader_stats *reader = &facts->reader;
    struct json_t *object = document_object();
    document_set_text(object, "name", facts->name);
    document_set_number(object, "format_major", facts->major);
    document_set_number(object, "format_minor", facts->minor);
    document_set_text(object, "writer", stat_writer(facts));
    document_set_number(object, "epoch", reader->epoch);
    if (facts->age_ms == UINT64_MAX)
        document_set_null(object, "heartbeat_age_ms");
    else
        document_set_number(object, "heartbeat_age_ms", facts->age_ms);
    document_set_number(object, "applied_lsn", reader->applied_lsn);
    document_set_number(object, "max_bytes", reader->max_bytes);
    document_set_number(object, "committed_bytes", reader->committed_bytes);
    document_set_number(object, "huge_bytes", reader->huge_bytes);
    document_set_number(object, "header_bytes", facts->head_bytes);
    document_set_number(object, "retired_blocks", reader->retired);
    document_set_number(object, "recycled_blocks", reader->recycled);
    stat_set_table(object, &facts->sum);
    document_set(object, "tables", stat_tables(facts));
    document_set_bytes(object, "socket", facts->socket, strlen(facts->socket));
    document_set_text(object, "daemon_status", stele_status_name(facts->answer));
    if (facts->answer == STELE_OK)
        document_set(object, "daemon", stat_daemon(&facts->daemon));
    else
        document_set_null(object, "daemon");
    return output_document(output, object);
}

static int stat_run(struct cmd *cmd)
{
    int result = session_attach(cmd->session);
    if (result != OUTPUT_OK)
        return result;
    struct stat_facts *facts = calloc(1, sizeof(*facts));
    if (!facts)
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    stat_gather(cmd, facts);
    result =
        cmd->output->json ? stat_show_json(cmd->output, facts) : stat_print(cmd->output, facts);
    free(facts);
    return result;
}

const struct verb cmd_stat = {
    .name = "stat",
    .arguments = "",
    .summary = "memory, load, writer and daemon at a glance",
    .text = "What the segment tells: memory by use, how full the index is, which writer serves it\n"
            "and when that last gave a sign of life, and each table with its type. And what the\n"
            "daemon has counted, and on which page sizes the memory stands; where no daemon\n"
            "answers, it says so and shows the rest.\n"
            "load: share of the slots of buckets and overflow lines that are taken. overflow:\n"
            "share of the entries that do not stand in the first line of their bucket.\n"
            "With -o json: one object; \"daemon\" is null where none answers.\n"
            "\n"
            "Exit status: 3 no segment.\n"
            "\n"
            "Examples\n"
            "  stele stat\n"
            "  stele -o json stat | jq '.committed_bytes, .heartbeat_age_ms'\n"
            "  watch -n 1 stele -n orders stat",
    .least = 0,
    .most = 0,
    .run = stat_run};
