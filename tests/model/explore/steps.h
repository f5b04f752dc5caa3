/*
 * steps.h - what a scenario does, as data: a list of steps that one function carries out. Each macro
 * makes one step; a name for several of them, separated by commas, is a part of scenarios.
 */
#ifndef EXPLORE_STEPS_H
#define EXPLORE_STEPS_H

#include "stage.h"

enum explore_verb {
    EXPLORE_END,
    EXPLORE_KEY,
    EXPLORE_WATCHED,
    EXPLORE_NEW,
    EXPLORE_PUT,
    EXPLORE_ERASE,
    EXPLORE_ERASE_DOWN,
    EXPLORE_CLEAR,
    EXPLORE_DROP,
    EXPLORE_CREATE,
    EXPLORE_STEP,
    EXPLORE_RESERVE,
    EXPLORE_FILL,
    EXPLORE_UNFILL,
    EXPLORE_APPEND,
    EXPLORE_REMOVE,
    EXPLORE_EXCHANGE,
    EXPLORE_OTHER,
    EXPLORE_OTHER_ERASE,
    EXPLORE_ALMOST_FULL,
    EXPLORE_FEW_PAGES,
    EXPLORE_PAGES,
    EXPLORE_OTHER_PAGES,
    EXPLORE_MOVED,
    EXPLORE_VERBS
};

struct explore_step {
    enum explore_verb verb;
    unsigned key;     /* the first one */
    unsigned count;   /* keys, elements, or how often */
    unsigned low;     /* bits of a new key's hash; of a list, the index of an element */
    unsigned bits;    /* how many */
    unsigned cycle;   /* low, low + 1, ... of as many keys in turn */
    int tag;          /* -1: any */
    uint32_t bytes;   /* of a value */
    const char *name; /* of a table */
};

#define EXPLORE_STEPS      32u /* at most */
#define EXPLORE_OPERATIONS 10u

#define ANY (-1)
#define TAG 0x5a

#define STEP_OF(verb, key, count, low, bits, cycle, tag, bytes, name)                              \
    {                                                                                              \
        EXPLORE_##verb, key, count, low, bits, cycle, tag, bytes, name                             \
    }
#define STEP_HOW(verb, key, count, bytes) STEP_OF(verb, key, count, 0, 0, 0, 0, bytes, NULL)

/* Keys, numbered from 0 on. The readers look up those that are watched. */
#define WATCH(low, tag)      STEP_OF(WATCHED, 0, 1, low, 4, 1, tag, 0, NULL)
#define WATCH_DEEP(low, tag) STEP_OF(WATCHED, 0, 1, low, 12, 1, tag, 0, NULL)
#define KEY(low, tag)        STEP_OF(KEY, 0, 1, low, 4, 1, tag, 0, NULL)
/* So many new keys with a value each, or with a list of one element. */
#define NEW_OVER(n, low, of, size) STEP_OF(NEW, 0, n, low, 4, of, ANY, size, NULL)
#define NEW_DEEP(n, low, size)     STEP_OF(NEW, 0, n, low, 12, 1, ANY, size, NULL)
#define NEW(n, low, size)          NEW_OVER(n, low, 1, size)

/* Changes of keys, each acknowledged. */
#define PUTS(key, n, size)     STEP_HOW(PUT, key, n, size)
#define PUT(key, size)         PUTS(key, 1, size)
#define ERASES(key, n)         STEP_HOW(ERASE, key, n, 0)
#define ERASES_DOWN(key, n)    STEP_HOW(ERASE_DOWN, key, n, 0)
#define ERASE(key)             ERASES(key, 1)
#define APPEND(key, n)         STEP_HOW(APPEND, key, n, 0)
#define REMOVES(key, index, n) STEP_OF(REMOVE, key, n, index, 0, 0, 0, 0, NULL)
#define REMOVE(key, index)     REMOVES(key, index, 1)
#define EXCHANGE(key, index)   STEP_OF(EXCHANGE, key, 1, index, 0, 0, 0, 0, NULL)

/* The table. ROOMY: buckets for 16 words, so that a chain of a few keys is not split. */
#define CLEAR               STEP_HOW(CLEAR, 0, 1, 0)
#define DROP                STEP_HOW(DROP, 0, 1, 0)
#define CREATE(table)       STEP_OF(CREATE, 0, 1, 0, 0, 0, 0, 0, table)
#define STEP                STEP_HOW(STEP, 0, 1, 0)
#define ROOMY               STEP_HOW(RESERVE, 0, 1, 0)
#define FILL(from, n, size) STEP_HOW(FILL, from, n, size)
#define UNFILL(from, n)     STEP_HOW(UNFILL, from, n, 0)

/* A second table that readers do not look at; numbers are its keys. */
#define OTHERS(number, n, size) STEP_HOW(OTHER, number, n, size)
#define OTHER(number, size)     OTHERS(number, 1, size)
#define OTHER_ERASE(number)     STEP_HOW(OTHER_ERASE, number, 1, 0)

/* Memory: of the first 2 MiB so little is left that the next slab needs a chunk; so few pages that the
 * next slab brings about a pass over sparse ones; so many, where large values take `runs` bytes; as
 * few, by the other table, of which the keys 1 to end - 1 go after it. */
#define ALMOST_FULL       STEP_HOW(ALMOST_FULL, 0, 1, 0)
#define FEW_PAGES         STEP_HOW(FEW_PAGES, 0, 1, 0)
#define PAGES(left, runs) STEP_HOW(PAGES, 0, left, runs)
#define OTHER_PAGES(end)  STEP_HOW(OTHER_PAGES, 0, end, 0)
/* Something was moved since the first of these steps, or the scenario shows nothing. */
#define MOVED STEP_HOW(MOVED, 0, 1, 0)

/* More than the quarantine keeps: retiring it recycles all that was retired before. */
#define BALLAST_BYTES (UINT32_C(128) << 10)
#define BALLAST       OTHER(0, BALLAST_BYTES)
#define BALLAST_GONE  OTHER_ERASE(0)

void explore_steps(struct explore_stage *stage, const struct explore_step *steps);

#endif
