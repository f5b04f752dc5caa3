/*
 * A process that takes part: it enters each operation in its log when it begins, and what came of it
 * when it ends.
 */
#include "recorder.h"

#include <stele/stele.h>

#include "random.h"

#define BURST       6u /* under way at once, of one client */
#define PATIENCE_MS 30000

static uint64_t stamp(void)
{
    struct timespec now;
    stelei_nop_full();
    clock_gettime(CLOCK_MONOTONIC, &now);
    stelei_nop_full();
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- keys and values -------------------------------------------------------------------------- */

/* Values are numbers as text, so that increments and all the rest meet on the same keys. */
struct text {
    char bytes[24];
    size_t count;
};

static struct text text_of(int64_t number)
{
    struct text text;
    text.count = (size_t)snprintf(text.bytes, sizeof text.bytes, "%lld", (long long)number);
    return text;
}

static bool number_of(const char *bytes, size_t count, int64_t *number)
{
    char copy[24], *end;
    if (count == 0 || count >= sizeof copy)
        return false;
    memcpy(copy, bytes, count);
    copy[count] = 0;
    *number = strtoll(copy, &end, 10);
    return *end == 0;
}

static const char *key_of(uint32_t key)
{
    static const char *const keys[RECORDER_KEYS] = {"k0", "k1", "k2", "k3"};
    return keys[key];
}

/* ---- a process that takes part ---------------------------------------------------------------- */

struct part {
    struct records *records;
    const char *socket_path;
    uint32_t who;
    uint32_t pause_us; /* the longest rest between two things to do */
    uint16_t handle;
    uint64_t made; /* values that nobody else makes */
    struct random random;
    struct stele_channel channel;
    struct stele_reader reader;
    struct stele_table table;
    struct stele_vector vector;
};

static void part_fail(struct part *part, const char *what, enum stele_status status)
{
    board_fail(&part->records->board, "process %u: %s: %s", part->who, what,
               stele_status_name(status));
}

static struct recorder_entry *part_log(struct part *part)
{
    return part->records->entry[part->who];
}
static uint64_t part_logged(const struct part *part)
{
    return part->records->logged[part->who];
}
static bool part_full(const struct part *part, uint64_t room)
{
    return board_stopped(&part->records->board) || part_logged(part) + room > RECORDER_OPS;
}

/* What the key holds now, as a guess for compare-and-swap; not a part of the history. */
static int64_t guess(struct part *part, uint32_t key)
{
    char value[24];
    size_t bytes = 0;
    int64_t number = 0;
    if (stele_get(&part->table, key_of(key), 2, value, sizeof value, &bytes) == STELE_OK)
        number_of(value, bytes, &number);
    return number;
}

/* Enters an operation that begins now; it is filled in when it ends. */
static struct recorder_entry *enter(struct part *part, bool in_vector)
{
    static const uint8_t kinds[] = {HISTORY_PUT,  HISTORY_INSERT, HISTORY_REPLACE, HISTORY_ERASE,
                                    HISTORY_CAS,  HISTORY_CAS,    HISTORY_CAS,     HISTORY_INCR,
                                    HISTORY_INCR, HISTORY_INCR,   HISTORY_GET,     HISTORY_GET};
    struct recorder_entry *entry = &part_log(part)[part->records->logged[part->who]++];
    uint32_t most = (uint32_t)(sizeof kinds) - (in_vector ? 2 : 0);
    memset(entry, 0, sizeof *entry);
    entry->key = random_below(&part->random, RECORDER_KEYS);
    entry->op.kind = kinds[random_below(&part->random, most)];
    entry->op.client = part->who;
    entry->op.value = (int64_t)((uint64_t)(part->who + 1) << 40 | ++part->made << 12);
    if (entry->op.kind == HISTORY_INCR)
        entry->op.value = 1 + random_below(&part->random, 3);
    if (entry->op.kind == HISTORY_CAS)
        entry->op.expected = guess(part, entry->key);
    entry->op.begin = stamp();
    return entry;
}

static void leave(struct recorder_entry *entry, enum stele_status status, int64_t result,
                  uint64_t end)
{
    entry->op.status = (uint8_t)status;
    entry->op.result = result;
    entry->op.end = end;
    entry->op.maybe = status == STELE_ECLOSED;
}

/* ---- segment readers --------------------------------------------------------------------------- */

static void read_segment(struct part *part)
{
    while (!part_full(part, 1)) {
        char value[24];
        size_t bytes = 0;
        int64_t number = 0;
        struct recorder_entry *entry = enter(part, false);
        entry->op.kind = HISTORY_GET;
        enum stele_status status;
        do {
            status = stele_get(&part->table, key_of(entry->key), 2, value, sizeof value, &bytes);
        } while (status == STELE_EBUSY);
        leave(entry, status, 0, stamp());
        if (status == STELE_OK && !number_of(value, bytes, &number))
            part_fail(part, "not a number", status);
        entry->op.result = number;
        if (status != STELE_OK && status != STELE_ENOTFOUND)
            part_fail(part, "get", status);
        /* slowly, or the log is full before the clients have begun */
        if (part->pause_us > 0)
            usleep(random_below(&part->random, part->pause_us));
        for (uint32_t left = random_below(&part->random, 30000); left > 0; left--)
            __asm__ volatile("");
    }
}

/* ---- waiting calls ----------------------------------------------------------------------------- */

static enum stele_status call(struct part *part, const struct recorder_entry *entry,
                              int64_t *result)
{
    struct stele_channel *channel = &part->channel;
    const struct history_op *op = &entry->op;
    const char *key = key_of(entry->key);
    struct text new_value = text_of(op->value), old_value = text_of(op->expected), found;
    enum stele_status status;
    switch ((enum history_kind)op->kind) {
    case HISTORY_PUT:
        return stele_channel_put(channel, part->handle, key, 2, new_value.bytes, new_value.count,
                                 PATIENCE_MS);
    case HISTORY_INSERT:
        return stele_channel_insert(channel, part->handle, key, 2, new_value.bytes, new_value.count,
                                    PATIENCE_MS);
    case HISTORY_REPLACE:
        return stele_channel_replace(channel, part->handle, key, 2, new_value.bytes,
                                     new_value.count, PATIENCE_MS);
    case HISTORY_ERASE:
        return stele_channel_erase(channel, part->handle, key, 2, PATIENCE_MS);
    case HISTORY_CAS:
        return stele_channel_cas(channel, part->handle, key, 2, old_value.bytes, old_value.count,
                                 new_value.bytes, new_value.count, PATIENCE_MS);
    case HISTORY_INCR:
        return stele_channel_incr(channel, part->handle, key, 2, op->value, result, PATIENCE_MS);
    case HISTORY_GET:
        status = stele_channel_get(channel, part->handle, key, 2, found.bytes, sizeof found.bytes,
                                   &found.count, PATIENCE_MS);
        if (status == STELE_OK && !number_of(found.bytes, found.count, result))
            part_fail(part, "not a number", status);
        return status;
    }
    return STELE_EINVAL;
}

static bool run_waiting(struct part *part)
{
    struct recorder_entry *entry = enter(part, false);
    int64_t result = 0;
    enum stele_status status = call(part, entry, &result);
    leave(entry, status, result, stamp());
    return status != STELE_ECLOSED;
}

/* ---- pipelines and vectors ---------------------------------------------------------------------- */

static enum stele_status submit(struct part *part, const struct recorder_entry *entry)
{
    struct stele_channel *channel = &part->channel;
    const struct history_op *op = &entry->op;
    const char *key = key_of(entry->key);
    struct text new_value = text_of(op->value), old_value = text_of(op->expected);
    switch ((enum history_kind)op->kind) {
    case HISTORY_PUT:
        return stele_channel_submit_put(channel, part->handle, key, 2, new_value.bytes,
                                        new_value.count, NULL);
    case HISTORY_INSERT:
        return stele_channel_submit_insert(channel, part->handle, key, 2, new_value.bytes,
                                           new_value.count, NULL);
    case HISTORY_REPLACE:
        return stele_channel_submit_replace(channel, part->handle, key, 2, new_value.bytes,
                                            new_value.count, NULL);
    case HISTORY_ERASE:
        return stele_channel_submit_erase(channel, part->handle, key, 2, NULL);
    case HISTORY_CAS:
        return stele_channel_submit_cas(channel, part->handle, key, 2, old_value.bytes,
                                        old_value.count, new_value.bytes, new_value.count, NULL);
    case HISTORY_INCR:
        return stele_channel_submit_incr(channel, part->handle, key, 2, op->value, NULL);
    case HISTORY_GET:
        return stele_channel_submit_get(channel, part->handle, key, 2, 24, NULL);
    }
    return STELE_EINVAL;
}

/* What was entered and not answered: all of it ends now. What was never sent has not happened. */
static void give_up(struct recorder_entry *from, uint32_t count)
{
    uint64_t now = stamp();
    for (uint32_t i = 0; i < count; i++)
        leave(&from[i], STELE_ECLOSED, 0, now);
}

static bool run_pipeline(struct part *part)
{
    uint32_t count = 1 + random_below(&part->random, BURST), submitted = 0;
    struct recorder_entry *first = part_log(part) + part_logged(part);
    enum stele_status status = STELE_OK;
    while (submitted < count && status == STELE_OK) {
        status = submit(part, enter(part, false));
        submitted++;
    }
    for (uint32_t i = 0; i < submitted; i++) {
        struct stele_completion done;
        int64_t result = 0;
        if (status == STELE_OK)
            status = stele_channel_collect(&part->channel, &done, PATIENCE_MS);
        if (status != STELE_OK) {
            if (status != STELE_ECLOSED)
                part_fail(part, "pipeline", status);
            give_up(&first[i], submitted - i);
            return false;
        }
        result = done.number;
        if (first[i].op.kind == HISTORY_GET && done.status == STELE_OK &&
            !number_of(done.value, done.value_bytes, &result))
            part_fail(part, "not a number", done.status);
        leave(&first[i], done.status, result, stamp());
    }
    return true;
}

static enum stele_status add(struct part *part, const struct recorder_entry *entry)
{
    struct stele_vector *vector = &part->vector;
    const struct history_op *op = &entry->op;
    const char *key = key_of(entry->key);
    struct text new_value = text_of(op->value), old_value = text_of(op->expected);
    switch ((enum history_kind)op->kind) {
    case HISTORY_PUT:
        return stele_vector_put(vector, part->handle, key, 2, new_value.bytes, new_value.count);
    case HISTORY_INSERT:
        return stele_vector_insert(vector, part->handle, key, 2, new_value.bytes, new_value.count);
    case HISTORY_REPLACE:
        return stele_vector_replace(vector, part->handle, key, 2, new_value.bytes, new_value.count);
    case HISTORY_ERASE:
        return stele_vector_erase(vector, part->handle, key, 2);
    case HISTORY_CAS:
        return stele_vector_cas(vector, part->handle, key, 2, old_value.bytes, old_value.count,
                                new_value.bytes, new_value.count);
    case HISTORY_INCR:
        return stele_vector_incr(vector, part->handle, key, 2, op->value);
    case HISTORY_GET:
        break;
    }
    return STELE_EINVAL;
}

static bool run_vector(struct part *part)
{
    uint32_t count = 1 + random_below(&part->random, BURST);
    struct recorder_entry *first = part_log(part) + part_logged(part);
    struct stele_completion done;
    enum stele_status status = STELE_OK;
    stele_vector_reset(&part->vector);
    for (uint32_t i = 0; i < count && status == STELE_OK; i++) {
        struct recorder_entry *entry = enter(part, true);
        entry->op.untold = true;
        status = add(part, entry);
    }
    if (status == STELE_OK)
        status = stele_channel_submit_vector(&part->channel, &part->vector, NULL);
    if (status == STELE_OK)
        status = stele_channel_collect(&part->channel, &done, PATIENCE_MS);
    if (status == STELE_OK && (done.status != STELE_OK || done.vector.count != count))
        status = STELE_EPROTO;
    if (status != STELE_OK) {
        if (status != STELE_ECLOSED)
            part_fail(part, "vector", status);
        give_up(first, count);
        return false;
    }
    uint64_t now = stamp();
    for (uint32_t i = 0; i < count; i++)
        leave(&first[i], stele_completion_status(&done, i), 0, now);
    return true;
}

/* ---- a client's life ---------------------------------------------------------------------------- */

static void connect_again(struct part *part)
{
    enum stele_status status = STELE_ECLOSED;
    while (status == STELE_ECLOSED && !board_load(&part->records->board.failed)) {
        status = stele_channel_reconnect(&part->channel, PATIENCE_MS, NULL);
        if (status == STELE_OK)
            status = stele_channel_table_find(&part->channel, RECORDER_TABLE, &part->handle,
                                              PATIENCE_MS);
    }
    if (status != STELE_OK)
        part_fail(part, "reconnect", status);
    __atomic_fetch_add(&part->records->reconnects, 1, __ATOMIC_RELAXED);
}

static void run_client(struct part *part)
{
    enum stele_status status =
        stele_channel_connect(&part->channel, part->socket_path, PATIENCE_MS);
    if (status == STELE_OK)
        status =
            stele_channel_table_find(&part->channel, RECORDER_TABLE, &part->handle, PATIENCE_MS);
    if (status != STELE_OK)
        part_fail(part, "connect", status);
    stele_vector_init(&part->vector, 65536);
    while (!part_full(part, BURST)) {
        uint32_t dice = random_below(&part->random, 4);
        if (part->pause_us > 0)
            usleep(random_below(&part->random, part->pause_us));
        bool good = dice == 0   ? run_waiting(part)
                    : dice == 1 ? run_vector(part)
                                : run_pipeline(part);
        if (!good)
            connect_again(part);
    }
    stele_vector_fini(&part->vector);
    stele_channel_close(&part->channel);
}

void recorder_run(struct records *records, uint32_t who, const char *socket_path,
                  const char *segment, uint32_t pause_us)
{
    static struct part part; /* too large for a stack */
    part.records = records;
    part.socket_path = socket_path;
    part.who = who;
    part.pause_us = pause_us;
    part.random.state = who + 31;
    if (stele_reader_attach(&part.reader, segment) != STELE_OK ||
        stele_table_open(&part.reader, RECORDER_TABLE, &part.table) != STELE_OK)
        board_fail(&records->board, "attach");
    if (who < RECORDER_CLIENTS)
        run_client(&part);
    else
        read_segment(&part);
    stele_reader_detach(&part.reader);
}
