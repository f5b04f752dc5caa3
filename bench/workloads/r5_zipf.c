/*
 * r5_zipf.c - R5: R1's get with keys drawn from a Zipf distribution of exponent 0.99, as caches see it,
 * against keys drawn evenly from the same table, in turn.
 *
 * Source of the generator: Gray et al., "Quickly Generating Billion-Record Synthetic Databases", SIGMOD
 * 1994. Ranks are spread over the table by a permutation, so that popular keys are no neighbours.
 */
#include "own.h"

#include <math.h>

#include "harness/clock.h"

#define ID          "R5"
#define THETA       0.99
#define QUERIES     UINT64_C(2000000)
#define ENTRY_BYTES 160u

enum { EVEN, ZIPF, VARIANTS };
static const char *const names[VARIANTS][2] = {{"get, even", "stele"}, {"get, zipf 0.99", "stele"}};

struct r5 {
    struct own_samples samples;
    struct bench_key *queries[VARIANTS]; /* QUERIES each */
};

/* Fills `ranks` with numbers 0 .. n-1, small ones often. */
static void draw_zipf(uint64_t n, uint64_t *ranks)
{
    double zeta = 0, zeta2 = 1 + pow(0.5, THETA), alpha = 1 / (1 - THETA);
    for (uint64_t i = 1; i <= n; i++)
        zeta += pow(1.0 / (double)i, THETA);
    double eta = (1 - pow(2.0 / (double)n, 1 - THETA)) / (1 - zeta2 / zeta);
    for (uint64_t i = 0; i < QUERIES; i++) {
        double u = (double)(dataset_mix(i) >> 11) * 0x1p-53, uz = u * zeta;
        uint64_t rank = uz < 1       ? 0
                        : uz < zeta2 ? 1
                                     : (uint64_t)((double)n * pow(eta * u - eta + 1, alpha));
        ranks[i] = rank < n ? rank : n - 1;
    }
}

static enum stele_status read_zipf(const struct own *own, const struct stele_reader *reader,
                                   void *context)
{
    struct r5 *r5 = context;
    struct stele_table table;
    uint64_t count = own->session->lookups;
    enum stele_status status = stele_table_open(reader, "bench", &table);
    for (unsigned repetition = 0; repetition < own->session->repetitions; repetition++)
        for (unsigned variant = 0; variant < VARIANTS && status == STELE_OK; variant++) {
            uint64_t first = (uint64_t)repetition * count % (QUERIES - count + 1), right = 0;
            const struct bench_key *keys = r5->queries[variant] + first;
            uint64_t before = clock_cpu_ns();
            for (uint64_t i = 0; i < count; i++) {
                struct bench_value value;
                size_t bytes = 0;
                right += stele_get(&table, &keys[i], sizeof keys[i], &value, sizeof value,
                                   &bytes) == STELE_OK &&
                         bytes == sizeof value && dataset_check(&keys[i], &value);
            }
            own_sample(&r5->samples, variant, (double)(clock_cpu_ns() - before) / (double)count);
            status = right == count ? STELE_OK : STELE_ECORRUPT;
        }
    return status;
}

static enum stele_status run(struct session *session, struct r5 *r5, struct own *own)
{
    struct stele_type type = stele_type_of(STELE_BYTES, STELE_BYTES);
    uint64_t n = session->n, *ranks = memory_shared(QUERIES * 8);
    enum stele_status status =
        ranks ? own_open(own, session, &type, n * ENTRY_BYTES) : STELE_ENOMEM;
    for (uint64_t i = 0; i < n && status == STELE_OK; i++) {
        struct bench_key key = dataset_key(i);
        struct bench_value value = dataset_value(key, 0);
        status = stele_store_insert(own->store, own->table, &key, sizeof key, &value, sizeof value);
    }
    if (status == STELE_OK) {
        draw_zipf(n, ranks);
        for (uint64_t i = 0; i < QUERIES; i++) {
            r5->queries[ZIPF][i] = dataset_key(dataset_permute(ranks[i], n));
            r5->queries[EVEN][i] = dataset_key(dataset_mix(i + QUERIES) % n);
        }
        status = own_read(own, read_zipf, NULL, r5);
    }
    memory_release(ranks, QUERIES * 8);
    return status;
}

void workload_r5(struct session *session)
{
    struct own own = {0};
    size_t bytes = QUERIES * sizeof(struct bench_key);
    struct r5 *r5 = memory_shared(sizeof *r5);
    enum stele_status status = STELE_ENOMEM;
    if (r5) {
        for (unsigned v = 0; v < VARIANTS; v++)
            r5->queries[v] = memory_shared(bytes);
        if (r5->queries[EVEN] && r5->queries[ZIPF])
            status = run(session, r5, &own);
        own_close(&own);
        own_report(session, &r5->samples, ID, names, VARIANTS, "ns");
        for (unsigned v = 0; v < VARIANTS; v++)
            memory_release(r5->queries[v], bytes);
        memory_release(r5, sizeof *r5);
    }
    struct results_key zipf = {ID, session->n, names[ZIPF][0], "stele"};
    struct results_key even = {ID, session->n, names[EVEN][0], "stele"};
    if (status == STELE_OK)
        results_ratio(session->results, zipf, even, "get: zipf 0.99 / even",
                      session->n >= 1000000 ? 0.6 : RESULTS_NO_REACH);
    else
        session_fail(session, ID, status);
}
