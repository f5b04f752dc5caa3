#include "dataset.h"

#include "memory.h"

static uint64_t feistel(uint64_t i, unsigned half_bits)
{
    uint64_t mask = (UINT64_C(1) << half_bits) - 1;
    uint64_t left = i >> half_bits, right = i & mask;
    for (uint64_t round = 0; round < 4; round++) {
        uint64_t next = left ^ (dataset_mix(right + (round << 56)) & mask);
        left = right;
        right = next;
    }
    return left << half_bits | right;
}

/* Cycle walking: the Feistel network permutes the next power of four, results >= n go round again.
 */
uint64_t dataset_permute(uint64_t i, uint64_t n)
{
    unsigned half_bits = 1;
    while (UINT64_C(1) << 2 * half_bits < n)
        half_bits++;
    do
        i = feistel(i, half_bits);
    while (i >= n);
    return i;
}

enum stele_status dataset_init(struct bench_dataset *dataset, uint64_t n)
{
    size_t bytes = (size_t)n * sizeof(struct bench_key);
    struct bench_key *queries = memory_shared(bytes);
    struct bench_key *misses = memory_shared(bytes);
    if (!queries || !misses) {
        memory_release(queries, bytes);
        memory_release(misses, bytes);
        return STELE_ENOMEM;
    }
    for (uint64_t i = 0; i < n; i++) {
        queries[i] = dataset_key(dataset_permute(i, n));
        misses[i] = dataset_key(n + i);
    }
    memory_collapse(queries, bytes);
    memory_collapse(misses, bytes);
    dataset->n = n;
    dataset->queries = queries;
    dataset->misses = misses;
    return STELE_OK;
}

void dataset_fini(struct bench_dataset *dataset)
{
    size_t bytes = (size_t)dataset->n * sizeof(struct bench_key);
    memory_release((void *)(uintptr_t)dataset->queries, bytes);
    memory_release((void *)(uintptr_t)dataset->misses, bytes);
    dataset->queries = NULL;
    dataset->misses = NULL;
}
