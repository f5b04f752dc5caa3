/*
 * wire.h - a protocol as the generic client speaks it: how one put and one get are written and how
 * replies are counted. Pure functions over the caller's memory; knows no socket. Keys have 16
 * bytes, values 32, everywhere.
 *
 *   put        native                    RESP (Redis)            memcached, binary
 *   command    68 bytes                  89 bytes                80 bytes
 *   reply      16 bytes                  "+OK\r\n"               24 bytes
 *
 * memcached's text protocol allows no arbitrary bytes in keys, so its binary one is spoken.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/dataset.h"

#define WIRE_COMMAND_MAX_BYTES 128u
#define WIRE_PUT_BYTES         68u /* native: what the floors' servers read and write */
#define WIRE_REPLY_BYTES       16u

/* Replies seen. */
struct wire_tally {
    uint64_t done;
    uint64_t refused; /* of these: an error */
    uint64_t missing; /* of these: a get that found nothing */
    uint64_t wrong;   /* of these: a get whose value does not belong to the key */
    bool nonsense;    /* the bytes make no sense: nothing more can be read */
};

struct wire {
    const char *name;
    /* What a new connection says first, and has answered, before all else. NULL: nothing. */
    size_t (*greet)(uint8_t *out);
    /* Write one command; at most WIRE_COMMAND_MAX_BYTES. `table` where the protocol has tables. */
    size_t (*put)(uint8_t *out, unsigned table, const struct bench_key *key,
                  const struct bench_value *value);
    /* NULL: stele's values are read from its segment. */
    size_t (*get)(uint8_t *out, const struct bench_key *key);
    /*
     * Takes one whole reply from the front of `bytes`: its length, or 0 when it is not whole yet.
     * Values are checked against `expected` (NULL: a reply without a value is wanted).
     */
    size_t (*reply)(const uint8_t *bytes, size_t held, const struct bench_key *expected,
                    struct wire_tally *tally);
};

extern const struct wire wire_native;
extern const struct wire wire_resp;
extern const struct wire wire_memcached;

#endif
