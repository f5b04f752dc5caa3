/*
 * script.h - a fixed sequence of a few hundred operations that walks the writer through everything
 * it can do on a 4 MiB segment, and what every key holds before and after each of them.
 *
 * It runs over an image: a segment made once, with a fixed hash seed, and copied for every run, so
 * that each run meets the same points in the same order.
 */
#ifndef CRASH_SCRIPT_H
#define CRASH_SCRIPT_H

#include <stele/stele.h>
#include <stele/store.h>

#include "board.h"
#include "image.h"
#include "value.h"

#define SCRIPT_TABLES  3u
#define SCRIPT_KEYS    120u /* a table; numbers 0.. are chosen so that the first 60 collide */
#define SCRIPT_COLLIDE 60u
#define SCRIPT_OPS     700u
#define SCRIPT_BYTES   (UINT64_C(4) << 20)
#define SCRIPT_VALUE   (64u << 10) /* the largest value */

enum script_kind {
    SCRIPT_PUT,
    SCRIPT_ERASE,
    SCRIPT_CREATE,
    SCRIPT_CLEAR,
    SCRIPT_DROP,
    SCRIPT_STEP
};

struct script_op {
    enum script_kind kind;
    uint32_t table; /* 0..SCRIPT_TABLES-1 */
    uint32_t key;
    uint32_t bytes; /* of the value; SCRIPT_STEP: the budget */
};

struct script {
    struct script_op op[SCRIPT_OPS];
    unsigned count;
    unsigned keys;
    uint64_t number[SCRIPT_KEYS];
};

/* What the segment holds: the version of each key is the number of the operation + 1 that put it.
 */
struct script_state {
    uint32_t created[SCRIPT_TABLES]; /* the operation + 1 that made the table; 0: there is none */
    uint32_t version[SCRIPT_TABLES][SCRIPT_KEYS]; /* 0: absent */
    uint32_t bytes[SCRIPT_TABLES][SCRIPT_KEYS];
};

/* Where a writer process stands; shared memory. */
struct script_progress {
    uint64_t started; /* operations */
    uint64_t completed;
    uint64_t points; /* hits so far */
    char point[64];  /* name of the last one */
};

/* The long one for kills, or a short one for single-stepping, without large copies. */
void script_make(struct script *script);
void script_make_short(struct script *script);

/* An empty segment with a fixed hash seed, made under this name and removed again. */
void script_image(const char *name, struct image *image);

/* Opens or adopts; NULL after a failure, which is on the board. */
struct stele_store *script_open(const char *name, struct board *board);

const char *script_table_name(uint32_t table);
void script_advance(const struct script *script, unsigned op, struct script_state *state);

/* Runs op by op, noting the progress. Statuses other than STELE_OK go to the board. */
void script_run(const struct script *script, struct stele_store *store,
                struct script_progress *progress, struct board *board);

/* The two halves of one operation: the value's bytes made beforehand, and the store's call. */
void script_prepare(const struct script *script, unsigned op, uint8_t value[SCRIPT_VALUE]);
enum stele_status script_do(const struct script *script, unsigned op, struct stele_store *store,
                            const uint8_t value[SCRIPT_VALUE]);

/* ---- looking at it -------------------------------------------------------------------------- */

/* A reader of one segment, with the handles it opened. */
struct script_reader {
    struct stele_reader reader;
    struct stele_table table[SCRIPT_TABLES];
    uint32_t opened[SCRIPT_TABLES]; /* `created` of the table when opened; 0: not open */
    uint8_t value[SCRIPT_VALUE];
};

enum stele_status script_attach(struct script_reader *reader, const char *name);

/*
 * Reads everything by every call and compares: what `before` and `after` agree on must be exactly
 * that; where they differ (the operation in hand) either, and *found says which keys (or tables)
 * stand as in `after`. STELE_OK and STELE_ENOTFOUND are the only statuses of a healthy table.
 * False at the first surprise, which is put on the board. `quick`: stele_get and a scan only.
 */
bool script_look(const struct script *script, struct script_reader *reader,
                 const struct script_state *before, const struct script_state *after, bool quick,
                 struct script_state *found, struct board *board);

#endif
