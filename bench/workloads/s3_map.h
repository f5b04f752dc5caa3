/*
 * s3_map.h - what S3's workloads share: values that are stretches of one pool of random bytes, and a new
 * map, a table in an anonymous store with a helper thread that populates memory ahead of the writer.
 */
#ifndef BENCH_S3_MAP_H
#define BENCH_S3_MAP_H

#include <pthread.h>
#include <string.h>

#include <stele/store.h>

#include "workload.h"

#define S3_ID         "S3"
#define S3_TABLE      "map"
#define S3_POOL_BYTES 65536u
#define S3_VALUE_MAX  250u
#define S3_TEXT_MAX   25u

/* One key, and where its value stands in the pool. */
struct s3_key {
    union {
        uint64_t word;
        char text[S3_TEXT_MAX];
    } as;
    uint8_t bytes;
    uint8_t value_bytes;
    uint16_t value_off;
};

struct s3_map {
    struct stele_store *store;
    uint32_t table;
    int stop; /* accessed atomically */
    int cpu;
    pthread_t helper;
};

/* `random` decides. */
static inline void s3_give_value(struct s3_key *key, uint64_t random)
{
    key->value_bytes = (uint8_t)(1 + random % S3_VALUE_MAX);
    key->value_off = (uint16_t)((random >> 32) % (S3_POOL_BYTES - S3_VALUE_MAX));
}

static inline bool s3_value_right(const uint8_t *pool, const struct s3_key *key, const void *value,
                                  size_t bytes)
{
    return bytes == key->value_bytes && memcmp(value, pool + key->value_off, bytes) == 0;
}

/* For n entries; `key_kind` of type.h. What failed is undone. */
enum stele_status s3_map_open(struct s3_map *map, const struct session *session, uint64_t n,
                              unsigned key_kind);
/* Ends the helper: no thread may run beside a fork. */
void s3_map_settle(struct s3_map *map);
void s3_map_close(struct s3_map *map);

/* One thread puts n keys of 36 characters while another gets those that are there. */
enum stele_status s3_beside(struct session *session, const uint8_t *pool, uint64_t n);

#endif
