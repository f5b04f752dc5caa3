/*
 * ledger.h - what the processes of the kill loop agree on, in shared memory: which changes were
 * submitted, which acknowledged, and so what a reader may see at any instant.
 *
 *   own keys   written by one client each, one version after the other:
 *              acked <= what the segment holds <= submitted, also when an outcome is unknown
 *   cas keys   everybody replaces version n by n+1: each n at most once
 *   counters   everybody adds one: each sum is told at most once
 *
 * Keys and values are those of tests/race/value.h. Any process may call any function.
 */
#ifndef E2E_LEDGER_H
#define E2E_LEDGER_H

#include "board.h"
#include "value.h"

#define LEDGER_CLIENTS   3u
#define LEDGER_OWN       20000u /* a client */
#define LEDGER_KEYS      (LEDGER_CLIENTS * LEDGER_OWN)
#define LEDGER_CAS       4u
#define LEDGER_COUNTERS  4u
#define LEDGER_MOST      (1u << 24) /* changes of a cas key or counter */
#define LEDGER_CAS_FIRST 1000000u   /* numbers of the cas keys and of the counters */
#define LEDGER_SUM_FIRST 2000000u
#define LEDGER_VALUE_MAX 6000u

struct ledger_shared_key {
    uint64_t acked;   /* changes that were acknowledged */
    uint64_t unknown; /* that may have run */
    uint8_t told[LEDGER_MOST];
};

struct ledger {
    struct board board;
    uint64_t acks, unknowns, reconnects; /* of commands; of connections */
    uint64_t refused;                    /* cas commands that somebody else was faster than */
    uint64_t asked;                      /* values asked for through the socket */
    uint64_t acked[LEDGER_KEYS], submitted[LEDGER_KEYS];
    struct ledger_shared_key cas[LEDGER_CAS], counter[LEDGER_COUNTERS];
};

static inline void ledger_add(uint64_t *count, uint64_t n)
{
    __atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

/* Some versions of some keys are erasures; version 0 is the time before the first. */
static inline bool ledger_is_absent(uint32_t key, uint64_t version)
{
    return version == 0 || (key % 4 == 0 && version % 4 == 3);
}

static inline uint32_t ledger_value_bytes(uint64_t version)
{
    return version % 64 == 63 ? 4000 + (uint32_t)(version % 1999)
                              : VALUE_MIN_BYTES + (uint32_t)(version * 37 % 200);
}

/* One change of a key that everybody changes was told to a client: nobody else was told the same. */
static inline void ledger_told(struct ledger *ledger, struct ledger_shared_key *key, uint64_t which,
                               const char *what)
{
    ledger_add(&key->acked, 1);
    if (which >= LEDGER_MOST || __atomic_exchange_n(&key->told[which], 1, __ATOMIC_SEQ_CST))
        board_fail(&ledger->board, "%s %llu was told twice, or makes no sense", what,
                   (unsigned long long)which);
}

/* Where a lookup of an own key fits between two versions: *version is the lowest that it may be. */
static inline bool ledger_fits(uint32_t key, uint64_t from, uint64_t to, bool found,
                               uint64_t *version)
{
    if (found)
        return *version >= from && *version <= to && !ledger_is_absent(key, *version);
    for (*version = from; *version <= to; ++*version)
        if (ledger_is_absent(key, *version))
            return true;
    return false;
}

#endif
