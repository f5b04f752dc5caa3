/*
 * stage.h - a scenario being recorded: the real writer on an anonymous segment, keys that collide
 * on demand, values that tell who wrote them.
 *
 * A scenario has a setup, which everybody has seen, and operations, which are explored.
 */
#ifndef EXPLORE_STAGE_H
#define EXPLORE_STAGE_H

#include <stele/store.h>

#include "history.h"

#define EXPLORE_KEYS   64u
#define EXPLORE_VALUES 256u
#define EXPLORE_ACKS   16u

/* What large values consist of, but for a few words. */
#define EXPLORE_FILLER UINT64_C(0x7777777777777777)

/* What a reader may find under a key, beside the number of a value. */
enum { EXPLORE_ABSENT = -1, EXPLORE_TORN = -2, EXPLORE_GONE = -3 };

struct explore_key {
    uint64_t bytes[2]; /* the key: `length` bytes of it */
    uint32_t length;
    bool watched; /* looked up by the readers; scans see every key */
};

struct explore_value {
    uint8_t *data;
    uint32_t bytes;
    unsigned key;
};

struct explore_stage {
    struct stele_store *store;
    uint32_t table;
    struct stele_type type; /* of the table */
    uint64_t seed;
    uint8_t *base; /* the writer's mapping */
    uint64_t bytes;
    uint64_t classes_off, class_bytes;
    bool recording;
    struct explore_history history;
    size_t acks_before;  /* operations that an earlier history acknowledged */
    uint32_t crash_acks; /* one bit per acknowledgement that is a kill instead */
    struct explore_key key[EXPLORE_KEYS];
    unsigned keys;
    struct explore_value value[EXPLORE_VALUES];
    unsigned values;
    int16_t holds[EXPLORE_KEYS];                  /* now */
    int16_t held[EXPLORE_ACKS + 1][EXPLORE_KEYS]; /* after each operation; [0] after setup */
    uint64_t next_key;
    uint64_t next_element; /* of lists: no two are equal */
};

/* Opens an anonymous segment of max_bytes with one table of this type. */
void explore_stage_open(struct explore_stage *stage, uint64_t max_bytes, uint64_t random,
                        struct stele_type type);
void explore_stage_close(struct explore_stage *stage);

/* The rest is explored. */
void explore_stage_record(struct explore_stage *stage);
/* No more operations: turns the recording into offsets and checks that it is complete. */
void explore_stage_finish(struct explore_stage *stage);

/* A new key, of eight bytes or a word of 64 bits, whose hash ends in the `bits` low bits `low`, with this tag (-1: any). */
unsigned explore_stage_key(struct explore_stage *stage, unsigned bits, uint64_t low, int tag);
unsigned explore_stage_watched(struct explore_stage *stage, unsigned bits, uint64_t low, int tag);

/* Operations; what fails is a defect and ends the program. */
void explore_put(struct explore_stage *stage, unsigned key, uint32_t bytes);
void explore_erase(struct explore_stage *stage, unsigned key);
void explore_clear(struct explore_stage *stage);
void explore_drop(struct explore_stage *stage);
/* A table of the stage's type, when there is none any more; its keys are absent. */
void explore_create(struct explore_stage *stage, const char *name);
void explore_step(struct explore_stage *stage);

/* Number of the value that these bytes are, one that the key was given, or EXPLORE_TORN. The value of
 * a list is all of its elements: each change of it makes one. */
int explore_value_of(const struct explore_stage *stage, unsigned key, const void *data,
                     size_t bytes);

/* ---- lists (stage_lists.c) ---- */

/* `count` new elements at the end, in one call. */
void explore_append(struct explore_stage *stage, unsigned key, unsigned count);
/* The element with this number goes; the list, with its last one. */
void explore_remove(struct explore_stage *stage, unsigned key, unsigned index);
/* The same, and a new element at the end, as one change. */
void explore_exchange(struct explore_stage *stage, unsigned key, unsigned index);

/* ---- every type ---- */

/* Puts, or whatever changes the key and takes memory for it. */
void explore_change(struct explore_stage *stage, unsigned key);
/* What the key holds by the writer's own word. */
int explore_found(struct explore_stage *stage, unsigned key);

/* ---- for stage*.c ---- */

/* A value of a key, filled by the caller; its number is stage->values - 1. */
struct explore_value *explore_value_add(struct explore_stage *stage, unsigned key, uint32_t bytes);
/* The operation is complete. */
void explore_acknowledge(struct explore_stage *stage);

/* In a setup only: entries `from` to `end` that nobody watches, with values of `bytes` bytes; and
 * erases them all again. */
void explore_fill(struct explore_stage *stage, uint64_t from, uint64_t end, uint32_t bytes);
void explore_unfill(struct explore_stage *stage, uint64_t from, uint64_t end);

/* Where the object behind `fd` is mapped writable. */
uint8_t *explore_mapping_of(int fd);

void explore_expect(enum stele_status status, const char *what);

#endif
