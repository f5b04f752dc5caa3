/*
 * peer.h - what each store under test implements. One file per peer knows its library and nothing
 * of processes or figures; harness/subject.c calls it.
 *
 * A peer lives in two processes: the owner loads it, the reader - another process - looks keys up.
 * Where a library keeps pointers in its memory the reader is forked from the owner after the load
 * and inherits its shared mappings (`reader_inherits`); otherwise the reader is forked before
 * anything exists and opens or maps what the owner made.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/dataset.h"
#include "harness/memory.h"

/* What a loop of lookups saw. found + missed + failed == count. */
struct peer_tally {
    uint64_t found;
    uint64_t missed;
    uint64_t wrong;  /* of found: the value does not belong to the key */
    uint64_t failed; /* neither answer: an error */
};

enum peer_pages {
    PEER_PAGES_2M, /* 2 MiB pages for every subject */
    PEER_PAGES_4K, /* 4 KiB pages for every subject */
    PEER_PAGES_OWN /* what each gets by itself */
};

/* What a subject is made from. */
struct peer_setup {
    const char *name; /* unique on this machine, file-name characters */
    const struct bench_dataset *dataset;
    enum peer_pages pages;
};

struct peer {
    const char *name;
    bool reader_inherits;
    bool collapse; /* needs the harness to turn its memory into 2 MiB pages after the load */
    bool floor;    /* not a store: knows no misses and no bytes */

    /* Owner: makes the store and loads all keys with serial 0. Prints the cause of a failure. */
    enum stele_status (*load)(const struct peer_setup *setup, void **state);

    /* Reader, where it does not inherit: opens by name. Afterwards names may go away. */
    enum stele_status (*attach)(const char *name, void **state);

    /* Owner: lets go of the store at the end. NULL: its process' end is enough. */
    void (*close)(void *state);

    /* Owner: removes the names that outlive the processes. Asked as soon as the reader is attached,
     * and again after close(): what cannot be done at first is done then. NULL: there are none. */
    void (*unlink)(const char *name);

    /* Either process: where the data lies in it. */
    void (*spans)(void *state, struct memory_spans *spans);

    /* Reader: looks `count` keys up one by one, copies each value out, checks it. */
    void (*get)(void *state, const struct bench_key *keys, uint64_t count,
                struct peer_tally *tally);

    /* The same in batches. NULL: the peer has no such call. */
    void (*get_batch)(void *state, const struct bench_key *keys, uint64_t count, unsigned batch,
                      struct peer_tally *tally);

    /* Owner: bytes of memory in use for the data, free space inside included. NULL: unknown. */
    uint64_t (*bytes)(void *state);

    /* Owner: of these, bytes in blocks that are in use. NULL: unknown. */
    uint64_t (*used_bytes)(void *state);

    /* Owner: replaces a key's value by `value_bytes` bytes. NULL: not measured for this peer. */
    enum stele_status (*put)(void *state, const struct bench_key *key, const void *value,
                             uint32_t value_bytes);

    /* A store of its own, filled with sorted keys and removed again: how long the filling took, in
     * wall and in CPU time. NULL: the peer has no such way. */
    enum stele_status (*append_sorted)(const char *name, const struct bench_key *sorted, uint64_t n,
                                       uint64_t *elapsed_ns, uint64_t *cpu_ns);
};

/* Counts a value that was found. */
static inline void peer_count_found(struct peer_tally *tally, const struct bench_key *key,
                                    const struct bench_value *value)
{
    tally->found++;
    tally->wrong += !dataset_check(key, value);
}

extern const struct peer peer_stele;
extern const struct peer peer_floor;
#ifdef BENCH_HAVE_RTE_HASH
extern const struct peer peer_rte_hash;
#endif
#ifdef BENCH_HAVE_CK
extern const struct peer peer_ck_ht;
#endif
#ifdef BENCH_HAVE_LMDB
extern const struct peer peer_lmdb;
#endif

#endif
