/*
 * inprocess.h - hash maps in the memory of one process, as S4 sets them against each other: each kind
 * runs one of FlatMap's four workloads by itself, creation and destruction of the map included.
 */
#ifndef BENCH_INPROCESS_H
#define BENCH_INPROCESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* u64 -> u64, made with room for INPROCESS_CAPACITY:
 *   A  insert, get, remove i < 50,000             B  10,000 are there: 50,000 gets of i % 10,000
 *   C  0 .. 4999 are there: 4 threads, base = number * 10,000, 5,000 steps each:
 *      i % 10 < 7 ? get((base + i) % 5000) : insert(base + i)
 *   D  4 threads, 5,000 inserts each of keys of their own
 * The filling of B is not timed; threads are started and joined within the time. A and B: CPU time of
 * the one thread; C and D: wall time. */
enum inprocess_work { INPROCESS_A, INPROCESS_B, INPROCESS_C, INPROCESS_D, INPROCESS_WORKS };

#define INPROCESS_CAPACITY 8192u
#define INPROCESS_A_KEYS   50000u
#define INPROCESS_B_KEYS   10000u
#define INPROCESS_B_GETS   50000u
#define INPROCESS_C_KEYS   5000u
#define INPROCESS_THREADS  4u
#define INPROCESS_STEPS    5000u
#define INPROCESS_STRIDE   10000u

static inline uint64_t inprocess_value(uint64_t key)
{
    return key * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* C and D with a mutex, or with a lock that readers share (FLAT: boost::unordered_flat_map). */
enum inprocess_kind {
    INPROCESS_STD,
    INPROCESS_STD_SHARED,
    INPROCESS_FLAT,
    INPROCESS_FLAT_SHARED,
    INPROCESS_KINDS
};

/* False: this build does not have it. */
bool inprocess_have(enum inprocess_kind kind);
/* *elapsed_ns of one run. False: a get returned something wrong, or a thread could not be started. */
bool inprocess_run(enum inprocess_kind kind, enum inprocess_work work, uint64_t *elapsed_ns);

#ifdef __cplusplus
}
#endif

#endif
