/*
 * script.h - a fixed sequence of a few hundred operations that walks the writer through everything
 * it can do on a 4 MiB segment, and what every key holds before and after each of them. There are two
 * scripts: on tables of byte strings, and on one of words and two of lists.
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

#define SCRIPT_TABLES     6u   /* three of byte strings, then: */
#define SCRIPT_WORDS      3u   /* u64 -> u64 */
#define SCRIPT_LISTS      4u   /* u16 -> list of u32 */
#define SCRIPT_NAMED      5u   /* bytes -> list of u8 */
#define SCRIPT_KEYS       120u /* a table; numbers 0.. are chosen so that the first 60 collide */
#define SCRIPT_COLLIDE    60u
#define SCRIPT_OPS        700u
#define SCRIPT_LIST_KEYS  10u     /* of a table of lists */
#define SCRIPT_LATER      100000u /* versions from here on are written after a crash */
#define SCRIPT_LATER_MOST 4096u
#define SCRIPT_BYTES      (UINT64_C(4) << 20)
#define SCRIPT_VALUE      (64u << 10) /* the largest value */

enum script_kind {
    SCRIPT_PUT,
    SCRIPT_ERASE,
    SCRIPT_CREATE,
    SCRIPT_CLEAR,
    SCRIPT_DROP,
    SCRIPT_STEP,
    SCRIPT_APPEND,
    SCRIPT_REMOVE,
    SCRIPT_REPLACE,
    SCRIPT_POP
};

struct script_op {
    enum script_kind kind;
    uint32_t table; /* 0..SCRIPT_TABLES-1 */
    uint32_t key;
    uint32_t bytes;   /* of the value; STEP: the budget; APPEND: how many elements */
    uint32_t element; /* REMOVE, REPLACE: the one that goes */
};

/* What a list holds. */
struct script_list {
    uint32_t count;
    uint32_t *element;
};

struct script {
    struct script_op op[SCRIPT_OPS];
    struct script_list list[SCRIPT_OPS]; /* after that operation, if it was one on a list */
    struct script_list later[SCRIPT_LATER_MOST];
    unsigned count;
    unsigned keys;
    bool typed; /* operations on tables from SCRIPT_WORDS on, or only on those below */
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
/* The same for words and lists. */
void script_make_typed(struct script *script);
void script_make_typed_short(struct script *script);

/* An empty segment with a fixed hash seed, made under this name and removed again. */
void script_image(const char *name, struct image *image);

/* Opens or adopts; NULL after a failure, which is on the board. */
struct stele_store *script_open(const char *name, struct board *board);

const char *script_table_name(uint32_t table);
void script_advance(const struct script *script, unsigned op, struct script_state *state);

/* Runs op by op, noting the progress. Statuses other than STELE_OK go to the board. */
void script_run(const struct script *script, struct stele_store *store,
                struct script_progress *progress, struct board *board);

/* ---- words and lists ------------------------------------------------------------------------ */

/* The tables that a script is about: from *begin to end. */
static inline uint32_t script_tables(const struct script *script, uint32_t *begin)
{
    *begin = script->typed ? SCRIPT_WORDS : 0;
    return script->typed ? SCRIPT_TABLES : SCRIPT_WORDS;
}
/* Keys of a table. */
static inline uint32_t script_keys(const struct script *script, uint32_t table)
{
    return table >= SCRIPT_LISTS ? SCRIPT_LIST_KEYS : script->keys;
}
/* A key by its bytes: how many. */
uint32_t script_key(const struct script *script, uint32_t table, uint32_t key,
                    uint8_t bytes[KEY_MAX_BYTES]);
/* Word keys share their low bits, as far as a few splits. */
static inline uint64_t script_word(uint32_t key)
{
    return 16 * key + 1;
}
/* The value that a word key has in a version of its entry. */
static inline uint64_t script_value(uint32_t key, uint32_t version)
{
    return random_mix((uint64_t)key << 32 | version);
}
/* The j-th element that a version adds to its list. */
uint32_t script_element(uint32_t table, uint32_t version, uint32_t j);
/* What a list holds after an operation on what it held before; allocated. */
struct script_list script_list_after(const struct script_op *op, uint32_t version,
                                     const struct script_list *before);
/* What the list of a version holds; an empty one for 0. */
const struct script_list *script_list(const struct script *script, uint32_t version);
/* An operation on one entry of a table of words or lists. */
enum stele_status script_do_typed(const struct script *script, const struct script_op *op,
                                  uint32_t version, struct stele_store *store, uint32_t id);
/* The type of a table. */
struct stele_type script_type(uint32_t table);

/* ---- one operation -------------------------------------------------------------------------- */

/* The two halves of one operation: the value's bytes made beforehand, and the store's call. */
void script_prepare(const struct script *script, unsigned op, uint8_t value[SCRIPT_VALUE]);
enum stele_status script_do(const struct script *script, unsigned op, struct stele_store *store,
                            const uint8_t value[SCRIPT_VALUE]);

/* ---- looking at it -------------------------------------------------------------------------- */

/* A reader of one segment, with the handles it opened. */
struct script_reader {
    struct stele_reader reader;
    struct stele_words table[SCRIPT_TABLES]; /* those of byte keys: .table alone */
    uint32_t opened[SCRIPT_TABLES];          /* `created` of the table when opened; 0: not open */
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
