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
#include "s3_map.h"

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

#define BATCH       64u
#define REPETITIONS 5u /* each makes a new map */
#define SMALL       UINT64_C(100000)
#define MILLION     UINT64_C(1000000)
#define LARGE       UINT64_C(10000000)

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

static const char *const names[KINDS][FIGURES] = {
    {"u64: insert", "u64: get, writer", "u64: get, other process", "u64: batch 64, other process",
     "u64: get, writer, random order", "u64: get, other process, random order",
     "u64: batch 64, other process, random order"},
    {"text: put", "text: get, writer", "text: get, other process", "text: batch 64, other process",
     "text: get, writer, random order", "text: get, other process, random order",
     "text: batch 64, other process, random order"}};

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
    struct s3_key *inserts, *gets; /* the same keys in two orders */
    struct told *told;
};

/* ---- keys and values ------------------------------------------------------------------------- */

static struct s3_key make_word(uint64_t i)
{
    struct s3_key key = {.bytes = sizeof(uint64_t)};
    key.as.word = dataset_mix(i);
    s3_give_value(&key, dataset_mix(~key.as.word));
    return key;
}

static struct s3_key make_text(uint64_t i)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct s3_key key = {.bytes = (uint8_t)(1 + dataset_mix(i) % S3_TEXT_MAX)};
    uint64_t random = dataset_mix(~i), sum = key.bytes;
    for (unsigned at = 0; at < key.bytes; at++) {
        if (at % 8 == 0)
            random = dataset_mix(random);
        key.as.text[at] = letters[(random >> 8 * (at % 8) & 0xff) % (sizeof letters - 1)];
        sum = sum * 257 + (uint8_t)key.as.text[at];
    }
    s3_give_value(&key, dataset_mix(sum)); /* by the key's bytes: the same whenever it comes */
    return key;
}

static enum stele_status make_keys(struct s3 *s3)
{
    s3->inserts = memory_shared(s3->n * sizeof(struct s3_key));
    s3->gets = memory_shared(s3->n * sizeof(struct s3_key));
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
    memory_release(s3->inserts, s3->n * sizeof(struct s3_key));
    memory_release(s3->gets, s3->n * sizeof(struct s3_key));
    s3->inserts = s3->gets = NULL;
}

/* ---- the writer ------------------------------------------------------------------------------ */

static enum stele_status insert_all(const struct s3 *s3, struct s3_map *map)
{
    enum stele_status status = STELE_OK;
    for (uint64_t i = 0; i < s3->n && status == STELE_OK; i++) {
        const struct s3_key *key = &s3->inserts[i];
        status = stele_store_put(map->store, map->table, &key->as, key->bytes,
                                 s3->pool + key->value_off, key->value_bytes);
    }
    return status;
}

static enum stele_status find_all(const struct s3 *s3, struct s3_map *map,
                                  const struct s3_key *keys)
{
    for (uint64_t i = 0; i < s3->n; i++) {
        const struct s3_key *key = &keys[i];
        const void *value = NULL;
        uint32_t bytes = 0;
        enum stele_status status =
            stele_store_find(map->store, map->table, &key->as, key->bytes, &value, &bytes);
        if (status != STELE_OK || !s3_value_right(s3->pool, key, value, bytes))
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

static uint64_t read_single(const struct reading *reading, const struct s3_key *keys)
{
    const struct s3 *s3 = reading->s3;
    uint64_t right = 0;
    for (uint64_t i = 0; i < s3->n; i++) {
        const struct s3_key *key = &keys[i];
        uint8_t value[S3_VALUE_MAX];
        size_t bytes = 0;
        enum stele_status status =
            s3->kind == U64
                ? stele_words_get_bytes(&reading->words, key->as.word, value, sizeof value, &bytes)
                : stele_get(&reading->table, &key->as, key->bytes, value, sizeof value, &bytes);
        right += status == STELE_OK && s3_value_right(s3->pool, key, value, bytes);
    }
    return right;
}

static uint64_t batch_words(const struct reading *reading, const struct s3_key *keys, uint64_t n,
                            uint8_t values[BATCH][S3_VALUE_MAX])
{
    struct stele_words_lookup lookups[BATCH];
    uint64_t right = 0;
    for (uint64_t i = 0; i < n; i++)
        lookups[i] = (struct stele_words_lookup){
            .key = keys[i].as.word, .buffer = values[i], .capacity = S3_VALUE_MAX};
    stele_words_get_bytes_many(&reading->words, lookups, n);
    for (uint64_t i = 0; i < n; i++)
        right += lookups[i].status == STELE_OK &&
                 s3_value_right(reading->s3->pool, &keys[i], values[i], lookups[i].value_bytes);
    return right;
}

static uint64_t batch_text(const struct reading *reading, const struct s3_key *keys, uint64_t n,
                           uint8_t values[BATCH][S3_VALUE_MAX])
{
    struct stele_lookup lookups[BATCH];
    uint64_t right = 0;
    for (uint64_t i = 0; i < n; i++)
        lookups[i] = (struct stele_lookup){.key = &keys[i].as,
                                           .key_bytes = keys[i].bytes,
                                           .buffer = values[i],
                                           .capacity = S3_VALUE_MAX};
    stele_get_many(&reading->table, lookups, n);
    for (uint64_t i = 0; i < n; i++)
        right += lookups[i].status == STELE_OK &&
                 s3_value_right(reading->s3->pool, &keys[i], values[i], lookups[i].value_bytes);
    return right;
}

static uint64_t read_batches(const struct reading *reading, const struct s3_key *keys)
{
    const struct s3 *s3 = reading->s3;
    uint8_t values[BATCH][S3_VALUE_MAX];
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
        status = s3->kind == U64 ? stele_words_open(&reading.reader, S3_TABLE, STELE_U64,
                                                    STELE_BYTES, &reading.words)
                                 : stele_table_open(&reading.reader, S3_TABLE, &reading.table);
    if (status == STELE_OK && read_batches(&reading, s3->gets) != s3->n) /* maps its pages */
        status = STELE_ECORRUPT;
    for (unsigned figure = GET; figure < FIGURES && status == STELE_OK; figure++) {
        const struct s3_key *keys = figure > FIND_RANDOM ? s3->gets : s3->inserts;
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

static enum stele_status read_elsewhere(const struct s3 *s3, struct s3_map *map)
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
    struct results_key key = {S3_ID, s3->n, names[s3->kind][figure], "stele"};
    results_measure(s3->session->results, key, "ns", (double)elapsed_ns / (double)s3->n);
}

static enum stele_status run_once(const struct s3 *s3)
{
    struct s3_map map;
    enum stele_status status =
        s3_map_open(&map, s3->session, s3->n, s3->kind == U64 ? STELE_U64 : STELE_BYTES);
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
    s3_map_settle(&map);
    if (status == STELE_OK)
        status = read_elsewhere(s3, &map);
    s3_map_close(&map);
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
    struct s3_map map;
    enum stele_status status =
        meter ? s3_map_open(&map, s3->session, s3->n, STELE_U64) : STELE_ENOMEM;
    if (status != STELE_OK) {
        free(meter);
        return status;
    }
    gap_begin(meter);
    for (uint64_t i = 0; i < s3->n && status == STELE_OK; i++) {
        const struct s3_key *key = &s3->inserts[i];
        uint64_t before = clock_now_ns();
        status = stele_store_insert(map.store, map.table, &key->as, key->bytes,
                                    s3->pool + key->value_off, key->value_bytes);
        gap_record(meter, clock_now_ns() - before);
    }
    if (status == STELE_OK)
        status = find_all(s3, &map, s3->gets);
    s3_map_close(&map);
    if (status == STELE_OK) {
        results_value(results, S3_ID, s3->n, "u64: insert p99.99", "us",
                      (double)histogram_quantile(&meter->all, 0.9999) / 1000.0, RESULTS_NO_REACH);
        results_value(results, S3_ID, s3->n, "u64: worst insert", "us",
                      (double)meter->all.max / 1000.0, RESULTS_NO_REACH);
        results_value(results, S3_ID, s3->n, "u64: worst insert while on the CPU", "us",
                      (double)meter->max_on_cpu_ns / 1000.0, RESULTS_NO_REACH);
    }
    free(meter);
    return status;
}

/* What the workload is about, in one row each. */
static void compare(const struct s3 *s3)
{
    for (enum figure figure = INSERT; figure <= GET_BATCH; figure++) {
        struct results_key key = {S3_ID, s3->n, names[s3->kind][figure], "stele"};
        results_median(s3->session->results, key, names[s3->kind][figure], RESULTS_NO_REACH);
    }
    results_note(
        s3->session->results, S3_ID,
        "for information: the original, at other times, 1 M: u64 insert 1529 ns, the worst "
        "246 ms, get 185; text insert 690, get 227");
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
        status = s3_beside(s3->session, s3->pool, MILLION);
    return status;
}

void workload_s3(struct session *session)
{
    struct s3 s3 = {.session = session};
    s3.pool = memory_shared(S3_POOL_BYTES);
    s3.told = memory_shared(sizeof *s3.told);
    enum stele_status status = s3.pool && s3.told ? STELE_OK : STELE_ENOMEM;
    for (unsigned i = 0; s3.pool && i < S3_POOL_BYTES; i++)
        s3.pool[i] = (uint8_t)(dataset_mix(i) >> 17);
    if (status == STELE_OK)
        status = run(&s3);
    machine_unpin(session->machine);
    memory_release(s3.told, sizeof *s3.told);
    memory_release(s3.pool, S3_POOL_BYTES);
    if (status != STELE_OK)
        session_fail(session, S3_ID, status);
}
