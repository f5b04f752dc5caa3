/*
 * r3_words.c - R3: u64 -> u64, one key after the other and in batches, from another process than the
 * writer's. Against random reads of an array of the same entries that takes as many bytes as the table
 * (32 of them each, found by their number: what memory alone costs), and against
 * boost::unordered_flat_map in the reading process.
 */
#include "own.h"

#include "harness/clock.h"
#include "peers/flat_map.h"

#define ID          "R3"
#define BATCH       32u
#define ENTRY_BYTES 64u /* with the index and room to grow */
#define STRIDE      4u /* words of the array for an entry: the table takes 34 to 36 bytes for one */

enum { GET, GET_BATCH, ARRAY, BOOST, VARIANTS };
static const char *const names[VARIANTS][2] = {
    {"get", "stele"}, {"batch 32", "stele"}, {"get", "array"}, {"get", "flat_map"}};

struct r3 {
    struct own_samples samples;
    uint64_t *numbers; /* n of them, in random order; then their keys */
    uint64_t *keys;
};

static uint64_t key_of(uint64_t number)
{
    return dataset_mix(number);
}
static uint64_t value_of(uint64_t number)
{
    return number * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* ---- loops; each returns how many answers were right ----------------------------------------- */

struct loop {
    const struct stele_words *words;
    const uint64_t *array; /* {key, value, two spare} by number */
    struct flat_map *map;
    const uint64_t *numbers, *keys;
    uint64_t count;
};

static uint64_t run_get(const struct loop *loop)
{
    uint64_t right = 0;
    for (uint64_t i = 0; i < loop->count; i++) {
        uint64_t value = 0;
        enum stele_status status = stele_words_get(loop->words, loop->keys[i], &value);
        right += status == STELE_OK && value == value_of(loop->numbers[i]);
    }
    return right;
}

static uint64_t run_batch(const struct loop *loop)
{
    uint64_t right = 0;
    for (uint64_t at = 0; at < loop->count; at += BATCH) {
        uint64_t values[BATCH];
        enum stele_status statuses[BATCH];
        uint64_t n = loop->count - at < BATCH ? loop->count - at : BATCH;
        stele_words_get_many(loop->words, loop->keys + at, values, statuses, n);
        for (uint64_t i = 0; i < n; i++)
            right += statuses[i] == STELE_OK && values[i] == value_of(loop->numbers[at + i]);
    }
    return right;
}

static uint64_t run_array(const struct loop *loop)
{
    uint64_t right = 0;
    for (uint64_t i = 0; i < loop->count; i++) {
        uint64_t number = loop->numbers[i];
        right += loop->array[STRIDE * number] == loop->keys[i] &&
                 loop->array[STRIDE * number + 1] == value_of(number);
    }
    return right;
}

static uint64_t run_boost(const struct loop *loop)
{
    return flat_map_count_right(loop->map, loop->keys, loop->numbers, loop->count, value_of);
}

static uint64_t run_variant(unsigned variant, const struct loop *loop)
{
    switch (variant) {
    case GET:
        return run_get(loop);
    case GET_BATCH:
        return run_batch(loop);
    case ARRAY:
        return run_array(loop);
    default:
        return run_boost(loop);
    }
}

/* ---- the reader ------------------------------------------------------------------------------ */

static enum stele_status measure(const struct session *session, struct r3 *r3, struct loop *loop)
{
    for (unsigned repetition = 0; repetition < session->repetitions; repetition++)
        for (unsigned variant = 0; variant < VARIANTS; variant++) {
            if (variant == BOOST && !loop->map)
                continue;
            uint64_t first = (uint64_t)repetition * session->lookups % session->n;
            loop->count = session->lookups < session->n ? session->lookups : session->n;
            if (first + loop->count > session->n)
                first = session->n - loop->count;
            loop->numbers = r3->numbers + first;
            loop->keys = r3->keys + first;
            uint64_t before = clock_cpu_ns();
            uint64_t right = run_variant(variant, loop);
            uint64_t took = clock_cpu_ns() - before;
            if (right != loop->count)
                return STELE_ECORRUPT;
            own_sample(&r3->samples, variant, (double)took / (double)loop->count);
        }
    return STELE_OK;
}

static enum stele_status read_words(const struct own *own, const struct stele_reader *reader,
                                    void *context)
{
    struct r3 *r3 = context;
    uint64_t n = own->session->n;
    struct stele_words words;
    struct loop loop = {.words = &words};
    enum stele_status status = stele_words_open(reader, "bench", STELE_U64, STELE_U64, &words);
    uint64_t *array = memory_shared(n * STRIDE * 8);
    if (status != STELE_OK || !array)
        return status != STELE_OK ? status : STELE_ENOMEM;
    loop.map = flat_map_make(n);
    for (uint64_t i = 0; i < n; i++) {
        array[STRIDE * i] = key_of(i);
        array[STRIDE * i + 1] = value_of(i);
        if (loop.map)
            flat_map_insert(loop.map, key_of(i), value_of(i));
    }
    memory_collapse(array, n * STRIDE * 8);
    flat_map_collapse(loop.map);
    loop.array = array;
    return measure(own->session, r3, &loop);
}

/* ---- the workload ---------------------------------------------------------------------------- */

static enum stele_status run(struct session *session, struct r3 *r3, struct own *own)
{
    struct stele_type type = stele_type_of(STELE_U64, STELE_U64);
    uint64_t n = session->n;
    enum stele_status status = own_open(own, session, &type, n * ENTRY_BYTES);
    for (uint64_t i = 0; i < n && status == STELE_OK; i++)
        status = stele_store_word_put(own->store, own->table, key_of(i), value_of(i), NULL, NULL);
    for (uint64_t i = 0; i < n; i++) {
        r3->numbers[i] = dataset_permute(i, n);
        r3->keys[i] = key_of(r3->numbers[i]);
    }
    if (status == STELE_OK)
        results_value(session->results, "M1", n, "u64 -> u64: bytes an entry", "B",
                      (double)own_committed(own) / (double)n,
                      n >= 1000000 ? 36.0 : RESULTS_NO_REACH);
    return status == STELE_OK ? own_read(own, read_words, NULL, r3) : status;
}

static void compare(struct session *session)
{
    struct results_key get = {ID, session->n, "get", "stele"};
    struct results_key batch = {ID, session->n, "batch 32", "stele"};
    struct results_key array = {ID, session->n, "get", "array"};
    struct results_key boost = {ID, session->n, "get", "flat_map"};
    results_ratio(session->results, batch, array, "batch of 32 / array of the same entries", 1.5);
    results_ratio(session->results, get, array, "get / array of the same entries",
                  RESULTS_NO_REACH);
    results_ratio(session->results, get, boost, "get / boost::unordered_flat_map in process", 1.0);
}

void workload_r3(struct session *session)
{
    struct own own = {0};
    size_t bytes = sizeof(struct r3), query_bytes = session->n * 8;
    struct r3 *r3 = memory_shared(bytes);
    enum stele_status status = STELE_ENOMEM;
    if (r3) {
        r3->numbers = memory_shared(query_bytes);
        r3->keys = memory_shared(query_bytes);
        if (r3->numbers && r3->keys)
            status = run(session, r3, &own);
        own_close(&own);
        own_report(session, &r3->samples, ID, names, VARIANTS, "ns");
        memory_release(r3->numbers, query_bytes);
        memory_release(r3->keys, query_bytes);
        memory_release(r3, bytes);
    }
    if (status == STELE_OK)
        compare(session);
    else
        session_fail(session, ID, status);
}
