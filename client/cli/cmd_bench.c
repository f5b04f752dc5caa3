/*
 * cmd_bench.c - bench: a quick figure for this machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "document.h"
#include "measure.h"
#include "text.h"
#include "walk.h"

#define BENCH_KEYS 100000u

struct bench {
    struct cmd *cmd;
    char table[STELEI_NAME_BYTES]; /* our own, or the one that was named */
    bool own;
    uint16_t handle; /* of our own */
    struct interrupt interrupt;
    struct measure_keys keys;
    struct json_t *report; /* NULL with text */
    struct measure_result result;
};

/* ---- keys --------------------------------------------------------------------------------- */

static enum stele_status bench_send(struct bench *bench, struct stele_vector *vector)
{
    struct stele_channel *channel = &bench->cmd->session->channel;
    struct stele_completion completion;
    if (vector->count == 0)
        return STELE_OK;
    enum stele_status status = stele_channel_submit_vector(channel, vector, NULL);
    if (status == STELE_OK)
        status = stele_channel_collect(channel, &completion, bench->cmd->options->timeout_ms);
    if (status == STELE_OK)
        status = completion.status;
    for (uint32_t i = 0; status == STELE_OK && i < completion.vector.count; i++)
        status = stele_completion_status(&completion, i);
    stele_vector_reset(vector);
    return status;
}

/* Our own table: 100,000 keys of 16 bytes, fewer where the segment is small. */
static enum stele_status bench_fill(struct bench *bench)
{
    uint64_t bytes = bench->cmd->session->channel.info.segment_bytes;
    size_t count = bytes / 1024 < BENCH_KEYS ? (size_t)(bytes / 1024) : BENCH_KEYS;
    enum stele_status status = STELE_OK;
    struct stele_vector vector;
    char value[MEASURE_VALUE_BYTES] = {0};
    if (!measure_keys_init(&bench->keys, count))
        return STELE_ENOMEM;
    stele_vector_init(&vector, 65536);
    for (size_t i = 0; i < count && status == STELE_OK; i++) {
        char key[24];
        size_t key_bytes = (size_t)snprintf(key, sizeof(key), "key-%012zu", i);
        if (!measure_keys_add(&bench->keys, key, key_bytes))
            status = STELE_ENOMEM;
        else if (stele_vector_put(&vector, bench->handle, key, key_bytes, value, sizeof(value)) !=
                 STELE_OK)
            status = STELE_ENOMEM;
        if (vector.count == 256 && status == STELE_OK)
            status = bench_send(bench, &vector);
        if (interrupt_seen(&bench->interrupt))
            break;
    }
    if (status == STELE_OK)
        status = bench_send(bench, &vector);
    stele_vector_fini(&vector);
    return status;
}

/* A table that is there: the first keys of a scan. */
static enum stele_status bench_sample(struct bench *bench, const struct stele_table *table)
{
    struct walk walk;
    enum stele_status status = STELE_OK;
    if (!measure_keys_init(&bench->keys, BENCH_KEYS))
        return STELE_ENOMEM;
    walk_begin(&walk, table);
    while (bench->keys.count < BENCH_KEYS && status == STELE_OK) {
        status = walk_next_key(&walk);
        if (status == STELE_OK && !measure_keys_add(&bench->keys, walk.key.bytes, walk.key.used))
            status = STELE_ENOMEM;
    }
    walk_end(&walk);
    if (status == STELE_EEND)
        status = bench->keys.count ? STELE_OK : STELE_ENOTFOUND;
    return status;
}

/* ---- results ------------------------------------------------------------------------------ */

static void bench_report_json(struct bench *bench, const char *name)
{
    const struct histogram *latency = &bench->result.latency_ns;
    struct json_t *object = document_object();
    document_set_text(object, "name", name);
    document_set_number(object, "operations", bench->result.operations);
    document_set_real(object, "seconds", bench->result.seconds);
    document_set_real(object, "per_second",
                      (double)bench->result.operations / bench->result.seconds);
    document_set_number(object, "p50_ns", histogram_percentile(latency, 50));
    document_set_number(object, "p90_ns", histogram_percentile(latency, 90));
    document_set_number(object, "p99_ns", histogram_percentile(latency, 99));
    document_set_number(object, "p99_9_ns", histogram_percentile(latency, 99.9));
    document_set_number(object, "max_ns", latency->greatest);
    document_add(bench->report, object);
}

static void bench_report(struct bench *bench, const char *name)
{
    static const double percents[] = {50, 90, 99, 99.9};
    const struct histogram *latency = &bench->result.latency_ns;
    char text[TEXT_SHORT_BYTES];
    if (bench->result.operations == 0 || bench->interrupt.signal)
        return;
    if (bench->report) {
        bench_report_json(bench, name);
        return;
    }
    printf("%-16s %9s/s", name,
           text_count(text, (double)bench->result.operations / bench->result.seconds));
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
        printf(" %9s", text_nanoseconds(text, (double)histogram_percentile(latency, percents[i])));
    printf(" %9s\n", text_nanoseconds(text, (double)latency->greatest));
    fflush(stdout);
}

static void bench_title(const struct bench *bench)
{
    if (!bench->report)
        printf("%zu keys%s%s\n%-16s %11s %9s %9s %9s %9s %9s\n", bench->keys.count,
               bench->own ? ", values of 32 bytes" : " of table ", bench->own ? "" : bench->table,
               "", "rate", "p50", "p90", "p99", "p99.9", "max");
}

/* ---- the verb ----------------------------------------------------------------------------- */

static enum stele_status bench_measure(struct bench *bench, const struct stele_table *table)
{
    const struct options *options = bench->cmd->options;
    struct stele_channel *channel = &bench->cmd->session->channel;
    struct measure measure = {&bench->keys, &bench->interrupt, options->seconds_ms,
                              options->timeout_ms};
    bench_title(bench);
    enum stele_status status = measure_get(&measure, table, &bench->result);
    if (status != STELE_OK)
        return status;
    bench_report(bench, "get");
    if (!bench->own || bench->interrupt.signal)
        return STELE_OK;
    status = measure_put(&measure, channel, bench->handle, &bench->result);
    if (status != STELE_OK)
        return status;
    bench_report(bench, "put");
    if (bench->interrupt.signal)
        return STELE_OK;
    status = measure_put_pipelined(&measure, channel, bench->handle, &bench->result);
    if (status == STELE_OK)
        bench_report(bench, "put, pipelined");
    return status;
}

/* On a table of our own, which is dropped in any case. */
static int bench_run_own(struct bench *bench)
{
    struct cmd *cmd = bench->cmd;
    struct stele_channel *channel = &cmd->session->channel;
    struct stele_table table;
    int timeout_ms = cmd->options->timeout_ms;
    int result = session_connect(cmd->session);
    if (result == OUTPUT_OK)
        result = session_attach(cmd->session);
    if (result != OUTPUT_OK)
        return result;
    if (!channel->info.may_admin)
        return output_fail_text(
            cmd->output, STELE_EPERM, NULL,
            "it makes a table and drops it, which takes administrator's rights; "
            "name a table to measure lookups alone");
    snprintf(bench->table, sizeof(bench->table), "stele-bench-%ld", (long)getpid());
    enum stele_status status =
        stele_channel_table_create(channel, bench->table, &bench->handle, timeout_ms);
    if (status != STELE_OK)
        return session_fail(cmd->session, status, bench->table);
    status = bench_fill(bench);
    if (status == STELE_OK)
        status = stele_table_open(&cmd->session->reader, bench->table, &table);
    if (status == STELE_OK && !bench->interrupt.signal)
        status = bench_measure(bench, &table);
    result = status == STELE_OK ? OUTPUT_OK : session_fail(cmd->session, status, bench->table);
    if (channel->broken != STELE_OK || stele_channel_pending(channel) > 0)
        status = stele_channel_reconnect(channel, timeout_ms, NULL);
    if (channel->broken == STELE_OK &&
        stele_channel_table_find(channel, bench->table, &bench->handle, timeout_ms) == STELE_OK)
        status = stele_channel_table_drop(channel, bench->handle, timeout_ms);
    if (status != STELE_OK && result == OUTPUT_OK)
        result = session_fail(cmd->session, status, bench->table);
    return result;
}

static int bench_run_named(struct bench *bench)
{
    struct stele_table table;
    struct buffer shown;
    struct cmd *cmd = bench->cmd;
    int result = cmd_open(cmd, &table);
    if (result != OUTPUT_OK)
        return result;
    buffer_init(&shown);
    snprintf(bench->table, sizeof(bench->table), "%s",
             output_name(&shown, cmd->argument[0], strlen(cmd->argument[0])));
    buffer_fini(&shown);
    enum stele_status status = bench_sample(bench, &table);
    if (status == STELE_ENOTFOUND)
        return output_fail_text(cmd->output, status, bench->table, "it is empty");
    if (status == STELE_OK)
        status = bench_measure(bench, &table);
    return status == STELE_OK ? OUTPUT_OK : cmd_fail(cmd, status, NULL);
}

static int bench_run(struct cmd *cmd)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    if (!bench)
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    bench->cmd = cmd;
    bench->own = cmd->count == 0;
    bench->report = cmd->output->json ? document_array() : NULL;
    interrupt_open(&bench->interrupt);
    int result = bench->own ? bench_run_own(bench) : bench_run_named(bench);
    if (bench->report) {
        int shown = output_document(cmd->output, bench->report);
        result = result == OUTPUT_OK ? shown : result;
    }
    if (bench->interrupt.signal && result == OUTPUT_OK)
        result = interrupt_exit(&bench->interrupt);
    interrupt_close(&bench->interrupt);
    measure_keys_fini(&bench->keys);
    free(bench);
    return result;
}

const struct verb cmd_bench = {
    .name = "bench",
    .arguments = "[T]",
    .summary = "a quick figure: lookups and puts on this machine",
    .text =
        "Makes a table of 100,000 keys of 16 bytes with values of 32 (fewer in a small\n"
        "segment), measures random lookups in the segment, puts that wait for their reply, and\n"
        "puts with 64 under way; drops the table. With T, of any type: lookups of that table's\n"
        "keys alone (of a list: of all its elements); nothing is written, and no daemon is "
        "needed.\n"
        "Half a second each (--seconds), twice that for lookups: the rate is that of lookups\n"
        "in a row, the percentiles those of lookups with a clock around each, which adds some\n"
        "20 ns. One thread. With -o json: an array, times in nanoseconds.\n"
        "\n"
        "Exit status: 1 no such table, or an empty one; 4 no administrator's rights.\n"
        "\n"
        "Examples\n"
        "  stele bench\n"
        "  stele bench prices --seconds 3",
    .options = OPTIONS_SECONDS,
    .least = 0,
    .most = 1,
    .run = bench_run};
