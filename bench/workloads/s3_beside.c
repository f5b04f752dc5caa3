/*
 * s3_beside.c - S3: keys of 36 characters, put by one thread while another, which knows how many are
 * there, gets any of them: each must be found, with its value. CPU time of both threads.
 */
#include "s3_map.h"

#include <stdio.h>
#include <stdlib.h>

#include <stele/stele.h>

#include "harness/clock.h"

#define LONG_BYTES 36u

struct together {
    const struct session *session;
    const uint8_t *pool;
    uint64_t n;
    uint64_t there; /* keys that have been put; accessed atomically */
    uint64_t gets, elapsed_ns;
    bool good;
    int fd;
};

/* 32 hexadecimal digits of two random words, and four dashes. */
static void make_long(uint64_t i, char text[LONG_BYTES + 1])
{
    uint64_t a = dataset_mix(2 * i), b = dataset_mix(2 * i + 1);
    snprintf(text, LONG_BYTES + 1, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xffff), (unsigned)(b >> 48),
             (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

/* Any key that has been put is found, until all are there. */
static bool chase(struct together *together, const struct stele_table *table,
                  const char (*keys)[LONG_BYTES + 1])
{
    uint64_t there, turn = 0;
    while ((there = __atomic_load_n(&together->there, __ATOMIC_ACQUIRE)) < together->n) {
        if (there == 0)
            continue;
        uint64_t i = dataset_mix(turn++) % there;
        struct s3_key expected = {.bytes = LONG_BYTES};
        uint8_t value[S3_VALUE_MAX];
        size_t bytes = 0;
        s3_give_value(&expected, dataset_mix(i));
        if (stele_get(table, keys[i], LONG_BYTES, value, sizeof value, &bytes) != STELE_OK ||
            !s3_value_right(together->pool, &expected, value, bytes))
            return false;
        together->gets++;
    }
    return true;
}

struct chaser {
    struct together *together;
    const char (*keys)[LONG_BYTES + 1];
};

static void *run_chaser(void *argument)
{
    struct chaser *chaser = argument;
    struct together *together = chaser->together;
    struct stele_reader reader;
    struct stele_table table;
    machine_pin(together->session->machine->reader_cpu);
    if (stele_reader_attach_fd(&reader, together->fd) != STELE_OK)
        return NULL;
    if (stele_table_open(&reader, S3_TABLE, &table) == STELE_OK) {
        uint64_t before = clock_cpu_ns();
        together->good = chase(together, &table, chaser->keys);
        together->elapsed_ns = clock_cpu_ns() - before;
    }
    stele_reader_detach(&reader);
    return NULL;
}

static enum stele_status put_beside(struct together *together, struct s3_map *map,
                                    const char (*keys)[LONG_BYTES + 1], uint64_t *elapsed_ns)
{
    struct chaser chaser = {together, keys};
    pthread_t thread;
    enum stele_status status = STELE_OK;
    together->fd = stele_store_fd(map->store);
    if (pthread_create(&thread, NULL, run_chaser, &chaser) != 0)
        return STELE_ENOMEM;
    uint64_t before = clock_cpu_ns();
    for (uint64_t i = 0; i < together->n && status == STELE_OK; i++) {
        struct s3_key value;
        s3_give_value(&value, dataset_mix(i));
        status = stele_store_put(map->store, map->table, keys[i], LONG_BYTES,
                                 together->pool + value.value_off, value.value_bytes);
        __atomic_store_n(&together->there, i + 1, __ATOMIC_RELEASE);
    }
    *elapsed_ns = clock_cpu_ns() - before;
    __atomic_store_n(&together->there, together->n, __ATOMIC_RELEASE); /* whatever came of it */
    pthread_join(thread, NULL);
    return status == STELE_OK && !together->good ? STELE_ECORRUPT : status;
}

enum stele_status s3_beside(struct session *session, const uint8_t *pool, uint64_t n)
{
    struct together together = {.session = session, .pool = pool, .n = n};
    struct s3_map map;
    uint64_t elapsed_ns = 0;
    char(*keys)[LONG_BYTES + 1] = calloc(n, sizeof *keys);
    if (!keys)
        return STELE_ENOMEM;
    for (uint64_t i = 0; i < n; i++)
        make_long(i, keys[i]);
    enum stele_status status = s3_map_open(&map, session, n, STELE_BYTES);
    if (status == STELE_OK) {
        status = put_beside(&together, &map, (const char(*)[LONG_BYTES + 1]) keys, &elapsed_ns);
        s3_map_close(&map);
    }
    free(keys);
    if (status != STELE_OK)
        return status;
    struct results_key put = {S3_ID, n, "36: put beside a reader", "stele"};
    struct results_key get = {S3_ID, n, "36: get beside the writer", "stele"};
    results_measure(session->results, put, "ns", (double)elapsed_ns / (double)n);
    if (together.gets)
        results_measure(session->results, get, "ns",
                        (double)together.elapsed_ns / (double)together.gets);
    return STELE_OK;
}
