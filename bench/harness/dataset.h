/*
 * dataset.h - the keys and values that every subject of a run holds: N random keys of 16 bytes,
 * each with a value of 32 bytes that can be checked against the key, and prebuilt arrays of
 * queries.
 *
 * Keys come in load order from a function; queries visit the same keys in another random order (a
 * Feistel permutation), so that no table is read in the order in which its memory was laid out.
 * The arrays lie in shared memory, made before any process is forked.
 */
#ifndef BENCH_DATASET_H
#define BENCH_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stele/status.h>

#define BENCH_KEY_BYTES   16u
#define BENCH_VALUE_BYTES 32u

struct bench_key {
    uint64_t word[2];
};

struct bench_value {
    uint64_t word[4];
};

struct bench_dataset {
    uint64_t n;
    const struct bench_key *queries; /* all n keys, permuted */
    const struct bench_key *misses;  /* n keys that no table holds */
};

static inline uint64_t dataset_mix(uint64_t x)
{
    /* splitmix64's finaliser: Steele, Lea, Flood, "Fast splittable pseudorandom number generators"
     */
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Key number i in load order. Numbers from n on are keys that no table holds. */
static inline struct bench_key dataset_key(uint64_t i)
{
    struct bench_key key;
    key.word[0] = dataset_mix(2 * i);
    key.word[1] = dataset_mix(2 * i + 1);
    return key;
}

/* The value of a key after its `serial`th write; every word depends on the serial, so that a value
 * mixed from two writes fails the check. */
static inline struct bench_value dataset_value(struct bench_key key, uint64_t serial)
{
    struct bench_value value;
    value.word[0] = serial;
    value.word[1] = key.word[0] + serial * UINT64_C(0x9e3779b97f4a7c15);
    value.word[2] = key.word[1] ^ serial * UINT64_C(0xbf58476d1ce4e5b9);
    value.word[3] = (key.word[0] ^ key.word[1]) - serial;
    return value;
}

/* True if `value` is what some single write of `key` stored. A handful of instructions, the same
 * for every subject. */
static inline bool dataset_check(const struct bench_key *key, const struct bench_value *value)
{
    uint64_t serial = value->word[0];
    uint64_t wrong = value->word[1] ^ (key->word[0] + serial * UINT64_C(0x9e3779b97f4a7c15));
    wrong |= value->word[2] ^ (key->word[1] ^ serial * UINT64_C(0xbf58476d1ce4e5b9));
    wrong |= value->word[3] ^ ((key->word[0] ^ key->word[1]) - serial);
    return wrong == 0;
}

/* Permutation of 0..n-1; cheap enough to ask for each query as it is built. */
uint64_t dataset_permute(uint64_t i, uint64_t n);

/* STELE_ENOMEM when the arrays (32 bytes a key) do not fit. */
enum stele_status dataset_init(struct bench_dataset *dataset, uint64_t n);
void dataset_fini(struct bench_dataset *dataset);

#endif
