/*
 * evaluate.h - commands into effects, and effects into the store. The loop's thread only. It knows
 * the store but no protocol, no socket and no log.
 *
 *     command -> evaluate -> effects -> apply -> status of the reply
 *
 * Effects are results: everything that has to be decided (is the key there? which descriptor is
 * free?) is decided in evaluate, so that applying, logging and replaying them decides nothing.
 *
 * A command that has to search a long list pauses when it has looked at so many elements as it may in
 * one turn (struct command_search), so that others are served; it goes on, from where it was, when it
 * is evaluated again. What was found so far is forgotten if the list was changed meanwhile.
 *
 * Table handles: {uses 7 bits, descriptor 9 bits}. `uses` moves when the descriptor's table is
 * dropped and starts from the epoch, so that a handle kept over a drop or a restart is refused
 * (STELE_ENOTABLE) instead of meaning another table. It wraps after 128 drops of one descriptor.
 */
#ifndef STELE_DAEMON_EVALUATE_H
#define STELE_DAEMON_EVALUATE_H

#include <stele/detail/effect.h>
#include <stele/detail/format.h>
#include <stele/store.h>

#include "command/command.h"
#include "command/number.h"

#define COMMAND_EFFECTS_MAX 1u /* of one command */

struct command_effects {
    uint32_t count;
    struct stelei_effect effect[COMMAND_EFFECTS_MAX];
    /* the value that INCR makes */
    char number[COMMAND_NUMBER_BYTES];
    uint64_t word;
};

/*
 * How far a command has come that searches a list: all zero but for `budget` before its first slice,
 * kept by the caller until it has finished or is given up (command_search_end).
 */
struct command_search {
    uint64_t budget; /* elements that may be looked at before a pause; the caller fills it up */
    bool paused;     /* the command has not finished; what follows is its */
    bool begun;      /* it had paused before */
    bool holds;      /* a set: the list has the element that is to be appended */
    uint32_t restarts;
    uint64_t generation, count; /* of the list when it paused */
    uint64_t index;             /* of the list's elements that were looked at */
    /* elements to be appended to a set: how many were looked at, and how many of these are new */
    uint64_t done, kept_count;
    uint8_t *kept; /* the new ones; NULL: as they stand in the command, all so far are new */
};

/* What a table was made with, as far as it has been looked up. */
struct command_table {
    bool known;
    uint8_t key_bytes;     /* of every key; 0: any number */
    uint8_t element_bytes; /* of the elements of its lists; 0: it has none */
    uint32_t value_bytes;  /* of every value; 0: any number */
    struct stele_type type;
    uint64_t max_entries;
};

/* Everything commands are evaluated against. Lives in place; owned by the server. */
struct command_context {
    struct stele_store *store;        /* borrowed */
    uint64_t next_lsn;                /* of the next effect */
    uint64_t applied_effects;         /* since the start */
    uint64_t applied_bytes;           /* keys, values and their headers: how fast memory is used */
    struct command_counters counters; /* kept by the turn and the server */
    uint8_t uses[STELEI_TABLE_CAPACITY];
    struct command_table tables[STELEI_TABLE_CAPACITY];
    /* what the last TABLE_LIST, STATS, LIST_READ and LIST_ALL told */
    struct stele_table_info listed[STELEI_TABLE_CAPACITY];
    struct stele_daemon_stats stats;
    struct command_spans spans;
};

/* Continues from the store's applied lsn. */
void command_context_init(struct command_context *context, struct stele_store *store);

/* What a command is about. */
enum command_aim {
    COMMAND_AIM_NONE,  /* nothing that is stored, or a table by its name */
    COMMAND_AIM_TABLE, /* a table: `table` */
    COMMAND_AIM_LISTS, /* a table of lists, all that is in it */
    /* and from here on one key of the table: */
    COMMAND_AIM_KEY,   /* of any */
    COMMAND_AIM_VALUE, /* not of lists */
    COMMAND_AIM_LIST   /* of lists */
};

#define COMMAND_CHANGES 1u /* it has effects */
#define COMMAND_TELLS   2u /* its reply may be long: more than a gateway has room for anyway */
#define COMMAND_PAUSES  4u /* it may not finish at once (struct command_search) */

struct command_run;

/* What there is to know of a kind of command: a row of the table in traits.c. */
struct command_traits {
    enum stele_status (*decide)(struct command_run *run);
    uint32_t rights; /* COMMAND_MAY_..., the one that is needed; 0: none */
    enum command_aim aim;
    unsigned flags;
};

const struct command_traits *command_traits(enum command_kind kind);

/* Brings what these commands are going to look up into the caches; changes nothing. */
void command_prefetch(const struct command_context *context, const struct command *commands,
                      uint32_t count);

/*
 * Decides. Fills `reply` completely, for the case that its effects can be applied, and `effects`
 * with none or more; changes nothing. False: not finished, the budget of `search` is used up.
 *   STELE_EPERM     the connection may not do that  STELE_ENOTABLE handle means no table
 *   STELE_ENOTFOUND ERASE, REPLACE, CAS, GET, commands on lists: no such key, or element
 *   STELE_EEXIST    INSERT: the key is there; TABLE_CREATE: the name is taken
 *   STELE_ETYPE     a length or a command that is not for the table's type; TABLE_CREATE: the name is
 *                   taken by a table of another type or maximum
 *   STELE_EDIFFERS  CAS: the key holds another value
 *   STELE_ENOTNUMBER, STELE_ERANGE  INCR: see entries.c
 *   STELE_ESHORT    GET: the value is longer than wanted; value_bytes is set. LIST_ALL: likewise
 *   STELE_ETOOBIG   key or value over the store's limits
 *   STELE_EFULL     the table has its maximum of entries   STELE_ETABLES  no descriptor is free
 *   STELE_ENOMEM    an append to a set has none for what it keeps
 *   STELE_ENOSYS    TABLE_CREATE: not a type of this version
 */
bool command_evaluate(struct command_context *context, const struct command *command,
                      uint32_t rights, struct command_search *search, struct command_reply *reply,
                      struct command_effects *effects);

/* Applies in order, numbering them; stops at the first that fails and returns its status. */
enum stele_status command_apply(struct command_context *context, struct command_effects *effects);

/* Both: what the loop does to every command while there is no log to write. False: not finished,
 * nothing was applied or counted; call it again with the same command and `search`. */
bool command_advance(struct command_context *context, const struct command *command,
                     uint32_t rights, struct command_search *search, struct command_reply *reply);

/* Forgets a command that has not finished. */
void command_search_end(struct command_search *search);

/* The same without a pause. */
void command_execute(struct command_context *context, const struct command *command,
                     uint32_t rights, struct command_reply *reply);

#endif
