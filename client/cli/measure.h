/*
 * measure.h - how fast lookups and puts are, here and now: each for about `budget_ms`. One thread;
 * ended early by an interrupt. Figures for orientation: bench/ is where care is taken.
 */
#ifndef STELE_CLI_MEASURE_H
#define STELE_CLI_MEASURE_H

#include <stele/stele.h>

#include "buffer.h"
#include "histogram.h"
#include "interrupt.h"

#define MEASURE_WINDOW      64u /* commands under way at once, pipelined */
#define MEASURE_VALUE_BYTES 32u

/* Keys to work on: key i = bytes[off[i] .. off[i+1]-1]. */
struct measure_keys {
    struct buffer bytes;
    size_t *off; /* owned; capacity + 1 of them */
    size_t count, capacity;
};

struct measure {
    const struct measure_keys *keys; /* at least one */
    struct interrupt *interrupt;
    int budget_ms;
    int timeout_ms;
};

struct measure_result {
    uint64_t operations;
    double seconds;
    struct histogram latency_ns; /* of each single one, with the clock's own cost */
};

/* false: out of memory. */
bool measure_keys_init(struct measure_keys *keys, size_t capacity);
void measure_keys_fini(struct measure_keys *keys);
bool measure_keys_add(struct measure_keys *keys, const void *key, size_t key_bytes);

/* Each replaces *result. Keys are taken at random. STELE_OK also after an interrupt. */

/* Lookups: first in a row for the rate, then each with the clock for the percentiles. */
enum stele_status measure_get(const struct measure *measure, const struct stele_table *table,
                              struct measure_result *result);
/* Puts that wait for their reply. */
enum stele_status measure_put(const struct measure *measure, struct stele_channel *channel,
                              uint16_t table, struct measure_result *result);
/* Puts with MEASURE_WINDOW under way. */
enum stele_status measure_put_pipelined(const struct measure *measure,
                                        struct stele_channel *channel, uint16_t table,
                                        struct measure_result *result);

#endif
