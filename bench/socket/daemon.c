#include "daemon.h"

#include <stdio.h>
#include <string.h>

#include <stele/store.h>

#define VECTORS_AHEAD  4u
#define COMMANDS_AHEAD 8192u
#define VECTOR_BYTES   (DAEMON_VECTOR_PUTS * 128u)

static uint64_t room_for(uint64_t entries)
{
    return ((UINT64_C(256) << 20) + entries * 128) & ~(uint64_t)(MEMORY_HUGE_BYTES - 1);
}

enum stele_status daemon_reconnect(struct daemon *daemon, int timeout_ms)
{
    stele_channel_close(&daemon->channel);
    enum stele_status status =
        stele_channel_connect(&daemon->channel, daemon->server.socket, timeout_ms);
    if (status == STELE_OK)
        status =
            stele_channel_table_create(&daemon->channel, DAEMON_TABLE, &daemon->table, timeout_ms);
    return status == STELE_EEXIST ? STELE_OK : status;
}

enum stele_status daemon_open(struct daemon *daemon, const struct place *place,
                              const struct daemon_setup *setup)
{
    memset(daemon, 0, sizeof *daemon);
    if (!setup->program)
        return STELE_ENOSYS;
    daemon->channel.fd = daemon->channel.segment_fd = -1;
    daemon->place = place;
    daemon->cpu = setup->cpu;
    snprintf(daemon->name, sizeof daemon->name, "%s", setup->name);
    place_segment(place, setup->name, daemon->segment, sizeof daemon->segment);
    daemon->options = (struct server_steled){.program = setup->program,
                                             .segment = daemon->segment,
                                             .max_bytes = room_for(setup->entries),
                                             .small_pages = setup->small_pages,
                                             .spin_us = setup->spin_us};
    enum stele_status status =
        server_start_steled(&daemon->server, place, daemon->name, daemon->cpu, &daemon->options);
    if (status == STELE_OK)
        status = daemon_reconnect(daemon, DAEMON_WAIT_MS);
    if (status != STELE_OK)
        daemon_close(daemon);
    return status;
}

enum stele_status daemon_restart(struct daemon *daemon)
{
    return server_start_steled(&daemon->server, daemon->place, daemon->name, daemon->cpu,
                               &daemon->options);
}

void daemon_close(struct daemon *daemon)
{
    if (!daemon->place)
        return;
    stele_channel_close(&daemon->channel);
    server_kill(&daemon->server);
    (void)stele_store_unlink(daemon->segment);
    memset(daemon, 0, sizeof *daemon);
}

/* ---- loading -------------------------------------------------------------------------------- */

static enum stele_status collect_one(struct daemon *daemon)
{
    struct stele_completion completion;
    enum stele_status status = stele_channel_collect(&daemon->channel, &completion, DAEMON_WAIT_MS);
    if (status != STELE_OK)
        return status;
    status = completion.status;
    for (uint32_t i = 0; i < completion.vector.count && status == STELE_OK; i++)
        status = stele_completion_status(&completion, i);
    return status;
}

/* Until no more than `left` are under way. */
static enum stele_status collect_down_to(struct daemon *daemon, uint32_t left)
{
    enum stele_status status = STELE_OK;
    while (stele_channel_pending(&daemon->channel) > left && status == STELE_OK)
        status = collect_one(daemon);
    return status;
}

static enum stele_status fill_vector(const struct daemon *daemon, struct stele_vector *vector,
                                     uint64_t first, uint64_t end, uint64_t serial)
{
    enum stele_status status = STELE_OK;
    stele_vector_reset(vector);
    for (uint64_t i = first; i < end && status == STELE_OK; i++) {
        struct bench_key key = dataset_key(i);
        struct bench_value value = dataset_value(key, serial);
        status = stele_vector_put(vector, daemon->table, &key, sizeof key, &value, sizeof value);
    }
    return status;
}

enum stele_status daemon_load_by_vectors(struct daemon *daemon, uint64_t first, uint64_t count,
                                         uint64_t serial)
{
    struct stele_vector vector;
    enum stele_status status = STELE_OK;
    stele_vector_init(&vector, VECTOR_BYTES);
    for (uint64_t i = first; i < first + count && status == STELE_OK; i += DAEMON_VECTOR_PUTS) {
        uint64_t end =
            i + DAEMON_VECTOR_PUTS < first + count ? i + DAEMON_VECTOR_PUTS : first + count;
        status = fill_vector(daemon, &vector, i, end, serial);
        if (status == STELE_OK)
            status = stele_channel_submit_vector(&daemon->channel, &vector, NULL);
        if (status == STELE_OK)
            status = stele_channel_flush(&daemon->channel);
        if (status == STELE_OK)
            status = collect_down_to(daemon, VECTORS_AHEAD);
    }
    stele_vector_fini(&vector);
    return status == STELE_OK ? collect_down_to(daemon, 0) : status;
}

enum stele_status daemon_load_by_pipeline(struct daemon *daemon, uint64_t first, uint64_t count,
                                          uint64_t serial)
{
    enum stele_status status = STELE_OK;
    for (uint64_t i = first; i < first + count && status == STELE_OK; i++) {
        struct bench_key key = dataset_key(i);
        struct bench_value value = dataset_value(key, serial);
        status = stele_channel_submit_put(&daemon->channel, daemon->table, &key, sizeof key, &value,
                                          sizeof value, NULL);
        if (status == STELE_OK && stele_channel_pending(&daemon->channel) == COMMANDS_AHEAD)
            status = collect_down_to(daemon, COMMANDS_AHEAD / 2);
    }
    return status == STELE_OK ? collect_down_to(daemon, 0) : status;
}

/* ---- checking ------------------------------------------------------------------------------- */

enum stele_status daemon_check(const struct daemon *daemon, uint64_t n)
{
    struct stele_reader reader;
    struct stele_table table;
    enum stele_status status = stele_reader_attach(&reader, daemon->segment);
    if (status != STELE_OK)
        return status;
    status = stele_table_open(&reader, DAEMON_TABLE, &table);
    for (uint64_t i = 0; i < n && status == STELE_OK; i++) {
        struct bench_key key = dataset_key(i);
        struct bench_value value;
        size_t bytes = 0;
        status = stele_get(&table, &key, sizeof key, &value, sizeof value, &bytes);
        if (status != STELE_OK || bytes != sizeof value || !dataset_check(&key, &value))
            status = STELE_ECORRUPT;
    }
    stele_reader_detach(&reader);
    return status;
}
