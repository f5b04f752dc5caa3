#include "measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "walk.h"

bool measure_keys_init(struct measure_keys *keys, size_t capacity)
{
    buffer_init(&keys->bytes);
    keys->count = 0;
    keys->capacity = capacity;
    keys->off = calloc(capacity + 1, sizeof(keys->off[0]));
    return keys->off != NULL;
}

void measure_keys_fini(struct measure_keys *keys)
{
    buffer_fini(&keys->bytes);
    free(keys->off);
    keys->off = NULL;
    keys->count = 0;
}

bool measure_keys_add(struct measure_keys *keys, const void *key, size_t key_bytes)
{
    if (keys->count == keys->capacity || !buffer_append(&keys->bytes, key, key_bytes))
        return false;
    keys->off[++keys->count] = keys->bytes.used;
    return true;
}

static uint64_t measure_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A run of its own random order: xorshift64. */
struct measure_turn {
    const struct measure_keys *keys;
    uint64_t state;
    const char *key;
    size_t key_bytes;
};

static void measure_turn_init(struct measure_turn *turn, const struct measure_keys *keys)
{
    turn->keys = keys;
    turn->state = UINT64_C(0x9e3779b97f4a7c15);
    turn->key = "";
    turn->key_bytes = 0;
}

static void measure_turn_next(struct measure_turn *turn)
{
    uint64_t x = turn->state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    turn->state = x;
    size_t i = (size_t)((x >> 32) * turn->keys->count >> 32);
    turn->key = turn->keys->bytes.bytes ? turn->keys->bytes.bytes + turn->keys->off[i] : "";
    turn->key_bytes = turn->keys->off[i + 1] - turn->keys->off[i];
}

/* ---- lookups ------------------------------------------------------------------------------ */

/* Of any type of table; `words` is the same table with words as keys, made once. */
static enum stele_status measure_look_up(const struct stele_words *words,
                                         const struct measure_turn *turn, struct buffer *value)
{
    const struct stele_table *table = &words->table;
    uint64_t word = 0;
    size_t bytes;
    enum stele_status status = STELE_ESHORT;
    if (table->form == STELEI_FORM_WORDS) {
        memcpy(&word, turn->key, turn->key_bytes);
        return stele_words_get(words, word, &word);
    }
    if (table->form == STELEI_FORM_BYTES)
        status =
            stele_get(table, turn->key, turn->key_bytes, value->bytes, value->capacity, &bytes);
    return status == STELE_ESHORT ? walk_get(table, turn->key, turn->key_bytes, value) : status;
}

/* A key that was deleted since, or a bucket that is busy, is an answer too. */
static enum stele_status measure_get_one(const struct stele_words *words, struct measure_turn *turn,
                                         struct buffer *value)
{
    measure_turn_next(turn);
    enum stele_status status = measure_look_up(words, turn, value);
    return status == STELE_ENOTFOUND || status == STELE_EBUSY ? STELE_OK : status;
}

static enum stele_status measure_get_rate(const struct measure *measure,
                                          const struct stele_words *words, struct buffer *value,
                                          struct measure_result *result)
{
    struct measure_turn turn;
    uint64_t start_ns = measure_now_ns(), now_ns = start_ns;
    uint64_t end_ns = start_ns + (uint64_t)measure->budget_ms * 1000000u;
    measure_turn_init(&turn, measure->keys);
    while (now_ns < end_ns && !interrupt_seen(measure->interrupt)) {
        for (unsigned i = 0; i < 4096; i++) {
            enum stele_status status = measure_get_one(words, &turn, value);
            if (status != STELE_OK)
                return status;
        }
        result->operations += 4096;
        now_ns = measure_now_ns();
    }
    result->seconds = (double)(now_ns - start_ns) * 1e-9;
    return STELE_OK;
}

enum stele_status measure_get(const struct measure *measure, const struct stele_table *table,
                              struct measure_result *result)
{
    struct stele_words words = {*table};
    struct measure_turn turn;
    struct buffer value;
    memset(result, 0, sizeof(*result));
    buffer_init(&value);
    measure_turn_init(&turn, measure->keys);
    enum stele_status status = buffer_reserve(&value, 4096) ? STELE_OK : STELE_ENOMEM;
    if (status == STELE_OK)
        status = measure_get_rate(measure, &words, &value, result);
    uint64_t before_ns = measure_now_ns();
    uint64_t end_ns = before_ns + (uint64_t)measure->budget_ms * 1000000u;
    while (status == STELE_OK && before_ns < end_ns && !measure->interrupt->signal) {
        status = measure_get_one(&words, &turn, &value);
        uint64_t after_ns = measure_now_ns();
        histogram_add(&result->latency_ns, after_ns - before_ns);
        before_ns = after_ns;
    }
    buffer_fini(&value);
    return status;
}

/* ---- puts --------------------------------------------------------------------------------- */

enum stele_status measure_put(const struct measure *measure, struct stele_channel *channel,
                              uint16_t table, struct measure_result *result)
{
    struct measure_turn turn;
    char value[MEASURE_VALUE_BYTES] = {0};
    enum stele_status status = STELE_OK;
    memset(result, 0, sizeof(*result));
    measure_turn_init(&turn, measure->keys);
    uint64_t start_ns = measure_now_ns(), before_ns = start_ns;
    uint64_t end_ns = start_ns + (uint64_t)measure->budget_ms * 1000000u;
    while (status == STELE_OK && before_ns < end_ns && !interrupt_seen(measure->interrupt)) {
        measure_turn_next(&turn);
        memcpy(value, &turn.state, sizeof(turn.state));
        status = stele_channel_put(channel, table, turn.key, turn.key_bytes, value, sizeof(value),
                                   measure->timeout_ms);
        uint64_t after_ns = measure_now_ns();
        histogram_add(&result->latency_ns, after_ns - before_ns);
        result->operations++;
        before_ns = after_ns;
    }
    result->seconds = (double)(before_ns - start_ns) * 1e-9;
    return status;
}

/* Collects one reply; its put was submitted at `sent_ns`. */
static enum stele_status measure_collect(const struct measure *measure,
                                         struct stele_channel *channel, uint64_t sent_ns,
                                         struct measure_result *result)
{
    struct stele_completion completion;
    enum stele_status status = stele_channel_collect(channel, &completion, measure->timeout_ms);
    if (status != STELE_OK)
        return status;
    histogram_add(&result->latency_ns, measure_now_ns() - sent_ns);
    result->operations++;
    return completion.status;
}

/* Half a window is submitted while the other half is under way. */
enum stele_status measure_put_pipelined(const struct measure *measure,
                                        struct stele_channel *channel, uint16_t table,
                                        struct measure_result *result)
{
    uint64_t sent_ns[MEASURE_WINDOW], sent = 0, collected = 0;
    struct measure_turn turn;
    char value[MEASURE_VALUE_BYTES] = {0};
    enum stele_status status = STELE_OK;
    memset(result, 0, sizeof(*result));
    measure_turn_init(&turn, measure->keys);
    uint64_t start_ns = measure_now_ns(), now_ns = start_ns;
    uint64_t end_ns = start_ns + (uint64_t)measure->budget_ms * 1000000u;
    while (status == STELE_OK && now_ns < end_ns && !interrupt_seen(measure->interrupt)) {
        while (status == STELE_OK && sent - collected < MEASURE_WINDOW) {
            measure_turn_next(&turn);
            memcpy(value, &turn.state, sizeof(turn.state));
            sent_ns[sent++ % MEASURE_WINDOW] = measure_now_ns();
            status = stele_channel_submit_put(channel, table, turn.key, turn.key_bytes, value,
                                              sizeof(value), NULL);
        }
        if (status == STELE_OK)
            status = stele_channel_flush(channel);
        for (unsigned i = 0; i < MEASURE_WINDOW / 2 && status == STELE_OK; i++)
            status =
                measure_collect(measure, channel, sent_ns[collected++ % MEASURE_WINDOW], result);
        now_ns = measure_now_ns();
    }
    while (status == STELE_OK && collected < sent)
        status = measure_collect(measure, channel, sent_ns[collected++ % MEASURE_WINDOW], result);
    result->seconds = (double)(measure_now_ns() - start_ns) * 1e-9;
    return status;
}
