/*
 * s3_mapx2.c - S3: MapX2's workloads on an embedded store: all inserts into a new map, then all gets.
 *
 *   u64       random u64 keys, N = 100 K and 1 M
 *   text      alphanumeric keys of 1..25 bytes, N = 1 M (10 M too, unless quick); the few that come
 *             twice hold the same value
 *   36        keys of 36 characters, put by one thread while another gets those that are there
 *
 * Values have 1..250 random bytes, a stretch of one pool that the key tells, so that each is checked
 * to the byte. Gets come in the order of the inserts, as the original's, whose memory is then read as
 * it was written, and in random order: by the writer itself, and by another process that has the
 * segment's descriptor, one by one and in batches. CPU time of the one thread, as other processes may
 * take turns with it. A helper thread populates memory ahead of the writer, as in W4; one pass of u64
 * takes the wall time of each insert.
 */
#include "workload.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <stele/stele.h>
#include <stele/store.h>
#include <stele/words.h>
#include <stele/words_batch.h>

#include "harness/gap.h"

#define ID                "S3"
#define TABLE             "map"
#define POOL_BYTES        65536u
#define VALUE_MAX         250u
#define TEXT_MAX          25u
#define LONG_BYTES        36u
#define BATCH             64u
#define REPETITIONS       5u /* each makes a new map */
#define CHUNKS_AHEAD      8u
#define HELPER_NAP_NS     200000
#define SMALL             UINT64_C(100000)
#define MILLION           UINT64_C(1000000)
#define LARGE             UINT64_C(10000000)
#define ORIGINAL_INSERT   (1e9 / 654e3) /* ns */
#define ORIGINAL_GET      (1e9 / 5.4e6)
#define ORIGINAL_PUT_TEXT (1e9 / 1.45e6)
#define ORIGINAL_GET_TEXT (1e9 / 4.4e6)
#define ORIGINAL_WORST    246000.0 /* us */
#define REACH_INSERT      0.5
#define REACH_GET         1.0
#define REACH_BATCH       0.5

enum figure {
    INSERT,
    FIND, /* by the writer, from its own memory */
    GET,  /* by another process */
    GET_BATCH,
    FIND_RANDOM,
    GET_RANDOM,
    GET_BATCH_RANDOM,
    FIGURES
};
enum kind { U64, TEXT, KINDS };

/* The original's figures, seen on a machine of this kind, stand in the names. */
static const char *const names[KINDS][FIGURES] = {
    {"u64: insert (original 1529)", "u64: get, writer (original 185)",
     "u64: get, other process (original 185)", "u64: batch 64, other process (original 185)",
     "u64: get, writer, random order", "u64: get, other process, random order",
     "u64: batch 64, other process, random order"},
    {"text: put (original 690)", "text: get, writer (original 227)",
     "text: get, other process (original 227)", "text: batch 64, other process (original 227)",
     "text: get, writer, random order", "text: get, other process, random order",
     "text: batch 64, other process, random order"}};

/* One key, and where its value stands in the pool. */
struct key {
    union {
        uint64_t word;
        char text[TEXT_MAX];
    } as;
    uint8_t bytes;
    uint8_t value_bytes;
    uint16_t value_off;
};

/* What the reading process tells; in memory that both have. */
struct told {
    enum stele_status status;
    uint64_t elapsed_ns[FIGURES];
};

struct s3 {
    struct session *session;
    enum kind kind;
    uint64_t n;
    uint8_t *pool;
    struct key *inserts, *gets; /* the same keys in two orders */
    struct told *told;
};

struct map {
    struct stele_store *store;
    uint32_t table;
    int stop; /* accessed atomically */
    int cpu;
    pthread_t helper;
};

/* ---- keys and values ------------------------------------------------------------------------- */

static void give_value(struct key *key, uint64_t random)
{
    key->value_bytes = (uint8_t)(1 + random % VALUE_MAX);
    key->value_off = (uint16_t)((random >> 32) % (POOL_BYTES - VALUE_MAX));
}

static struct key make_word(uint64_t i)
{
    struct key key = {.bytes = sizeof(uint64_t)};
    key.as.word = dataset_mix(i);
    give_value(&key, dataset_mix(~key.as.word));
    return key;
}

static struct key make_text(uint64_t i)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct key key = {.bytes = (uint8_t)(1 + dataset_mix(i) % TEXT_MAX)};
    uint64_t random = dataset_mix(~i), sum = key.bytes;
    for (unsigned at = 0; at < key.bytes; at++) {
        if (at % 8 == 0)
            random = dataset_mix(random);
        key.as.text[at] = letters[(random >> 8 * (at % 8) & 0xff) % (sizeof letters - 1)];
        sum = sum * 257 + (uint8_t)key.as.text[at];
    }
    give_value(&key, dataset_mix(sum)); /* by the key's bytes: the same whenever it comes */
    return key;
}

static bool value_right(const struct s3 *s3, const struct key *key, const void *value, size_t bytes)
{
    return bytes == key->value_bytes && memcmp(value, s3->pool + key->value_off, bytes) == 0;
}

static enum stele_status make_keys(struct s3 *s3)
{
    s3->inserts = memory_shared(s3->n * sizeof(struct key));
    s3->gets = memory_shared(s3->n * sizeof(struct key));
    if (!s3->inserts || !s3->gets)
        return STELE_ENOMEM;
    for (uint64_t i = 0; i < s3->n; i++)
        s3->inserts[i] = s3->kind == U64 ? make_word(i) : make_text(i);
    for (uint64_t i = 0; i < s3->n; i++)
        s3->gets[i] = s3->inserts[dataset_permute(i, s3->n)];
    return STELE_OK;
}

static void drop_keys(struct s3 *s3)
{
    memory_release(s3->inserts, s3->n * sizeof(struct key));
    memory_release(s3->gets, s3->n * sizeof(struct key));
    s3->inserts = s3->gets = NULL;
}

/* ---- the map --------------------------------------------------------------------------------- */

static void *populate_ahead(void *argument)
{
    struct map *map = argument;
    const struct timespec nap = {0, HELPER_NAP_NS};
    machine_pin(map->cpu);
    while (!__atomic_load_n(&map->stop, __ATOMIC_RELAXED)) {
        (void)stele_store_populate(map->store, CHUNKS_AHEAD);
        nanosleep(&nap, NULL);
    }
    return NULL;
}

/* A new store with a table in it and a helper beside it. */
static enum stele_status map_open(struct map *map, const struct session *session, uint64_t n,
                                  unsigned key_kind)
{
    struct stele_table_options table = {.type = stele_type_of(key_kind, STELE_BYTES)};
    struct stele_store_options options = {.max_bytes = ((UINT64_C(256) << 20) + n * 512) &
                                                       ~(uint64_t)(MEMORY_HUGE_BYTES - 1),
                                          .unlocked = true,
                                          .small_pages = session->pages == PEER_PAGES_4K};
    *map = (struct map){.cpu = session->machine->reader_cpu};
    enum stele_status status = stele_store_open(&options, &map->store, NULL, 0);
    if (status != STELE_OK)
        return status;
    status = stele_store_table_create(map->store, TABLE, &table, &map->table);
    if (status == STELE_OK && pthread_create(&map->helper, NULL, populate_ahead, map) != 0)
        status = STELE_ENOMEM;
    if (status != STELE_OK)
        stele_store_close(map->store);
    else
        usleep(20000); /* a head start for the helper */
    return status;
}

/* No thread may run beside a fork. */
static void map_settle(struct map *map)
{
    if (!__atomic_exchange_n(&map->stop, 1, __ATOMIC_RELAXED))
        pthread_join(map->helper, NULL);
}

static void map_close(struct map *map)
{
    map_settle(map);
    stele_store_close(map->store);
}

/* ---- the writer ------------------------------------------------------------------------------ */

static enum stele_status insert_all(const struct s3 *s3, struct map *map)
{
    enum stele_status status = STELE_OK;
    for (uint64_t i = 0; i < s3->n && status == STELE_OK; i++) {
        const struct key *key = &s3->inserts[i];
        status = stele_store_put(map->store, map->table, &key->as, key->bytes,
                                 s3->pool + key->value_off, key->value_bytes);
    }
    return status;
}

static enum stele_status find_all(const struct s3 *s3, struct map *map, const struct key *keys)
{
    for (uint64_t i = 0; i < s3->n; i++) {
        const struct key *key = &keys[i];
        const void *value = NULL;
        uint32_t bytes = 0;
        enum stele_status status =
            stele_store_find(map->store, map->table, &key->as, key->bytes, &value, &bytes);
        if (status != STELE_OK || !value_right(s3, key, value, bytes))
            return STELE_ECORRUPT;
    }
    return STELE_OK;
}

/* ---- the reading process --------------------------------------------------------------------- */

struct reading {
    const struct s3 *s3;
    struct stele_reader reader;
    struct stele_words words;
    struct stele_table table;
};

static uint64_t read_single(const struct reading *reading, const struct key *keys)
{
    const struct s3 *s3 = reading->s3;
    uint64_t right = 0;
    for (uint64_t i = 0; i < s3->n; i++) {
        const struct key *key = &keys[i];
        uint8_t value[VALUE_MAX];
        size_t bytes = 0;
        enum stele_status status =
            s3->kind == U64
                ? stele_words_get_bytes(&reading->words, key->as.word, value, sizeof value, &bytes)
                : stele_get(&reading->table, &key->as, key->bytes, value, sizeof value, &bytes);
        right += status == STELE_OK && value_right(s3, key, value, bytes);
    }
    return right;
}

static uint64_t batch_words(const struct reading *reading, const struct key *keys, uint64_t n,
                            uint8_t values[BATCH][VALUE_MAX])
{
    struct stele_words_lookup lookups[BATCH];
    uint64_t right = 0;
    for (uint64_t i = 0; i < n; i++)
        lookups[i] = (struct stele_words_lookup){
            .key = keys[i].as.word, .buffer = values[i], .capacity = VALUE_MAX};
    stele_words_get_bytes_many(&reading->words, lookups, n);
    for (uint64_t i = 0; i < n; i++)
        right += lookups[i].status == STELE_OK &&
                 value_right(reading->s3, &keys[i], values[i], lookups[i].value_bytes);
    return right;
}

static uint64_t batch_text(const struct reading *reading, const struct key *keys, uint64_t n,
                           uint8_t values[BATCH][VALUE_MAX])
{
    struct stele_lookup lookups[BATCH];
    uint64_t right = 0;
    for (uint64_t i = 0; i < n; i++)
        lookups[i] = (struct stele_lookup){.key = &keys[i].as,
                                           .key_bytes = keys[i].bytes,
                                           .buffer = values[i],
                                           .capacity = VALUE_MAX};
    stele_get_many(&reading->table, lookups, n);
    for (uint64_t i = 0; i < n; i++)
        right += lookups[i].status == STELE_OK &&
                 value_right(reading->s3, &keys[i], values[i], lookups[i].value_bytes);
    return right;
}

static uint64_t read_batches(const struct reading *reading, const struct key *keys)
{
    const struct s3 *s3 = reading->s3;
    uint8_t values[BATCH][VALUE_MAX];
    uint64_t right = 0;
    for (uint64_t at = 0; at < s3->n; at += BATCH) {
        uint64_t n = s3->n - at < BATCH ? s3->n - at : BATCH;
        right += s3->kind == U64 ? batch_words(reading, keys + at, n, values)
                                 : batch_text(reading, keys + at, n, values);
    }
    return right;
}

static enum stele_status read_all(const struct s3 *s3, int fd, struct told *told)
{
    struct reading reading = {.s3 = s3};
    enum stele_status status = stele_reader_attach_fd(&reading.reader, fd);
    if (status == STELE_OK)
        status = s3->kind == U64 ? stele_words_open(&reading.reader, TABLE, STELE_U64, STELE_BYTES,
                                                    &reading.words)
                                 : stele_table_open(&reading.reader, TABLE, &reading.table);
    if (status == STELE_OK && read_batches(&reading, s3->gets) != s3->n) /* maps its pages */
        status = STELE_ECORRUPT;
    for (unsigned figure = GET; figure < FIGURES && status == STELE_OK; figure++) {
        const struct key *keys = figure > FIND_RANDOM ? s3->gets : s3->inserts;
        bool batched = figure == GET_BATCH || figure == GET_BATCH_RANDOM;
        if (figure == FIND_RANDOM)
            continue;
        uint64_t before = clock_cpu_ns();
        uint64_t right = batched ? read_batches(&reading, keys) : read_single(&reading, keys);
        told->elapsed_ns[figure] = clock_cpu_ns() - before;
        if (right != s3->n)
            status = STELE_ECORRUPT;
    }
    return status;
}

static enum stele_status read_elsewhere(const struct s3 *s3, struct map *map)
{
    s3->told->status = STELE_EIO; /* unless it says otherwise */
    int fd = stele_store_fd(map->store);
    fflush(NULL);
    pid_t reader = fork();
    if (reader == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        machine_pin(s3->session->machine->reader_cpu);
        s3->told->status = read_all(s3, fd, s3->told);
        _exit(0);
    }
    if (reader < 0)
        return STELE_ENOMEM;
    waitpid(reader, NULL, 0);
    return s3->told->status;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static void sample(const struct s3 *s3, enum figure figure, uint64_t elapsed_ns)
{
    struct results_key key = {ID, s3->n, names[s3->kind][figure], "stele"};
    results_measure(s3->session->results, key, "ns", (double)elapsed_ns / (double)s3->n);
}

static enum stele_status run_once(const struct s3 *s3)
{
    struct map map;
    enum stele_status status =
        map_open(&map, s3->session, s3->n, s3->kind == U64 ? STELE_U64 : STELE_BYTES);
    if (status != STELE_OK)
        return status;
    uint64_t begun = clock_cpu_ns();
    status = insert_all(s3, &map);
    uint64_t inserted = clock_cpu_ns();
    if (status == STELE_OK)
        status = find_all(s3, &map, s3->inserts);
    uint64_t found = clock_cpu_ns();
    if (status == STELE_OK)
        status = find_all(s3, &map, s3->gets);
    uint64_t found_random = clock_cpu_ns();
    map_settle(&map);
    if (status == STELE_OK)
        status = read_elsewhere(s3, &map);
    map_close(&map);
    if (status != STELE_OK)
        return status;
    sample(s3, INSERT, inserted - begun);
    sample(s3, FIND, found - inserted);
    sample(s3, FIND_RANDOM, found_random - found);
    for (enum figure figure = GET; figure < FIGURES; figure++)
        if (figure != FIND_RANDOM)
            sample(s3, figure, s3->told->elapsed_ns[figure]);
    return STELE_OK;
}

/* Each insert by itself. */
static enum stele_status run_worst(const struct s3 *s3)
{
    struct results *results = s3->session->results;
    struct gap_meter *meter = calloc(1, sizeof *meter);
    struct map map;
    enum stele_status status = meter ? map_open(&map, s3->session, s3->n, STELE_U64) : STELE_ENOMEM;
    if (status != STELE_OK) {
        free(meter);
        return status;
    }
    gap_begin(meter);
    for (uint64_t i = 0; i < s3->n && status == STELE_OK; i++) {
        const struct key *key = &s3->inserts[i];
        uint64_t before = clock_now_ns();
        status = stele_store_insert(map.store, map.table, &key->as, key->bytes,
                                    s3->pool + key->value_off, key->value_bytes);
        gap_record(meter, clock_now_ns() - before);
    }
    if (status == STELE_OK)
        status = find_all(s3, &map, s3->gets);
    map_close(&map);
    if (status == STELE_OK) {
        results_value(results, ID, s3->n, "u64: insert p99.99", "us",
                      (double)histogram_quantile(&meter->all, 0.9999) / 1000.0, RESULTS_NO_REACH);
        results_value(results, ID, s3->n, "u64: worst insert (reach: the original's 246 ms)", "us",
                      (double)meter->all.max / 1000.0, ORIGINAL_WORST);
        results_value(results, ID, s3->n, "u64: worst insert while on the CPU", "us",
                      (double)meter->max_on_cpu_ns / 1000.0, RESULTS_NO_REACH);
    }
    free(meter);
    return status;
}

/* What the original was seen to do with text keys: 1.45 M inserts and 4.4 M gets a second. */
static void compare(const struct s3 *s3)
{
    static const double original[KINDS][2] = {{ORIGINAL_INSERT, ORIGINAL_GET},
                                              {ORIGINAL_PUT_TEXT, ORIGINAL_GET_TEXT}};
    static const double reach[] = {REACH_INSERT, REACH_GET, REACH_GET, REACH_BATCH};
    for (enum figure figure = INSERT; figure <= GET_BATCH; figure++) {
        struct results_key key = {ID, s3->n, names[s3->kind][figure], "stele"};
        char what[96];
        snprintf(what, sizeof what, "%s: stele / the original", names[s3->kind][figure]);
        results_against(s3->session->results, key, original[s3->kind][figure != INSERT], what,
                        reach[figure]);
    }
}

static enum stele_status run_kind(struct s3 *s3, enum kind kind, uint64_t n)
{
    unsigned repetitions = s3->session->repetitions;
    if (repetitions > REPETITIONS)
        repetitions = REPETITIONS;
    s3->kind = kind;
    s3->n = n;
    machine_pin(s3->session->machine->writer_cpu);
    enum stele_status status = make_keys(s3);
    for (unsigned repetition = 0; repetition < repetitions && status == STELE_OK; repetition++)
        status = run_once(s3);
    if (status == STELE_OK && kind == U64 && n == MILLION)
        status = run_worst(s3);
    drop_keys(s3);
    if (status == STELE_OK)
        compare(s3);
    return status;
}

/* ---- one thread puts, another gets ----------------------------------------------------------- */

struct together {
    const struct s3 *s3;
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
    const struct s3 *s3 = together->s3;
    uint64_t there, turn = 0;
    while ((there = __atomic_load_n(&together->there, __ATOMIC_ACQUIRE)) < together->n) {
        if (there == 0)
            continue;
        uint64_t i = dataset_mix(turn++) % there;
        struct key expected = {.bytes = LONG_BYTES};
        uint8_t value[VALUE_MAX];
        size_t bytes = 0;
        give_value(&expected, dataset_mix(i));
        if (stele_get(table, keys[i], LONG_BYTES, value, sizeof value, &bytes) != STELE_OK ||
            !value_right(s3, &expected, value, bytes))
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
    machine_pin(together->s3->session->machine->reader_cpu);
    if (stele_reader_attach_fd(&reader, together->fd) != STELE_OK)
        return NULL;
    if (stele_table_open(&reader, TABLE, &table) == STELE_OK) {
        uint64_t before = clock_cpu_ns();
        together->good = chase(together, &table, chaser->keys);
        together->elapsed_ns = clock_cpu_ns() - before;
    }
    stele_reader_detach(&reader);
    return NULL;
}

static enum stele_status put_beside(struct together *together, struct map *map,
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
        struct key value;
        give_value(&value, dataset_mix(i));
        status = stele_store_put(map->store, map->table, keys[i], LONG_BYTES,
                                 together->s3->pool + value.value_off, value.value_bytes);
        __atomic_store_n(&together->there, i + 1, __ATOMIC_RELEASE);
    }
    *elapsed_ns = clock_cpu_ns() - before;
    __atomic_store_n(&together->there, together->n, __ATOMIC_RELEASE); /* whatever came of it */
    pthread_join(thread, NULL);
    return status == STELE_OK && !together->good ? STELE_ECORRUPT : status;
}

static enum stele_status run_together(struct s3 *s3, uint64_t n)
{
    struct together together = {.s3 = s3, .n = n};
    struct map map;
    uint64_t elapsed_ns = 0;
    char(*keys)[LONG_BYTES + 1] = calloc(n, sizeof *keys);
    if (!keys)
        return STELE_ENOMEM;
    for (uint64_t i = 0; i < n; i++)
        make_long(i, keys[i]);
    enum stele_status status = map_open(&map, s3->session, n, STELE_BYTES);
    if (status == STELE_OK) {
        status = put_beside(&together, &map, (const char(*)[LONG_BYTES + 1]) keys, &elapsed_ns);
        map_close(&map);
    }
    free(keys);
    if (status != STELE_OK)
        return status;
    struct results_key put = {ID, n, "36: put beside a reader", "stele"};
    struct results_key get = {ID, n, "36: get beside the writer", "stele"};
    results_measure(s3->session->results, put, "ns", (double)elapsed_ns / (double)n);
    if (together.gets)
        results_measure(s3->session->results, get, "ns",
                        (double)together.elapsed_ns / (double)together.gets);
    return STELE_OK;
}

static enum stele_status run(struct s3 *s3)
{
    enum stele_status status = run_kind(s3, U64, SMALL);
    if (status == STELE_OK)
        status = run_kind(s3, U64, MILLION);
    if (status == STELE_OK)
        status = run_kind(s3, TEXT, MILLION);
    if (status == STELE_OK && !s3->session->quick)
        status = run_kind(s3, TEXT, LARGE);
    for (unsigned i = 0; i < REPETITIONS && status == STELE_OK; i++)
        status = run_together(s3, MILLION);
    return status;
}

void workload_s3(struct session *session)
{
    struct s3 s3 = {.session = session};
    s3.pool = memory_shared(POOL_BYTES);
    s3.told = memory_shared(sizeof *s3.told);
    enum stele_status status = s3.pool && s3.told ? STELE_OK : STELE_ENOMEM;
    for (unsigned i = 0; s3.pool && i < POOL_BYTES; i++)
        s3.pool[i] = (uint8_t)(dataset_mix(i) >> 17);
    if (status == STELE_OK)
        status = run(&s3);
    machine_unpin(session->machine);
    memory_release(s3.told, sizeof *s3.told);
    memory_release(s3.pool, POOL_BYTES);
    if (status != STELE_OK)
        session_fail(session, ID, status);
}
