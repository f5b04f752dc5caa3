/*
 * evaluate.h - commands into effects, and effects into the store. The loop's thread only. It knows
 * the store but no protocol, no socket and no log.
 *
 *     command -> evaluate -> effects -> apply -> status of the reply
 *
 * Effects are results: everything that has to be decided (is the key there? which descriptor is
 * free?) is decided in evaluate, so that applying, logging and replaying them decides nothing.
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
    char number[COMMAND_NUMBER_BYTES]; /* the value that INCR makes */
};

/* Everything commands are evaluated against. Lives in place; owned by the server. */
struct command_context {
    struct stele_store *store;        /* borrowed */
    uint64_t next_lsn;                /* of the next effect */
    uint64_t applied_effects;         /* since the start */
    uint64_t applied_bytes;           /* keys, values and their headers: how fast memory is used */
    struct command_counters counters; /* kept by the turn and the server */
    uint8_t uses[STELEI_TABLE_CAPACITY];
    /* what the last TABLE_LIST and STATS told */
    struct stele_table_info listed[STELEI_TABLE_CAPACITY];
    struct stele_daemon_stats stats;
};

/* Continues from the store's applied lsn. */
void command_context_init(struct command_context *context, struct stele_store *store);

/* Brings what these commands are going to look up into the caches; changes nothing. */
void command_prefetch(const struct command_context *context, const struct command *commands,
                      uint32_t count);

/*
 * Decides. Fills `reply` completely, for the case that its effects can be applied, and `effects`
 * with none or more; changes nothing.
 *   STELE_EPERM     the connection may not do that  STELE_ENOTABLE handle means no table
 *   STELE_ENOTFOUND ERASE, REPLACE, CAS, GET: no such key
 *   STELE_EEXIST    INSERT: the key is there; TABLE_CREATE: the name is taken
 *   STELE_EDIFFERS  CAS: the key holds another value
 *   STELE_ENOTNUMBER, STELE_ERANGE  INCR: see entries.c
 *   STELE_ESHORT    GET: the value is longer than wanted; value_bytes is set
 *   STELE_ETOOBIG   key or value over the store's limits
 *   STELE_EFULL     no descriptor is free           STELE_ENOSYS   kinds this version lacks
 */
void command_evaluate(struct command_context *context, const struct command *command,
                      uint32_t rights, struct command_reply *reply,
                      struct command_effects *effects);

/* Applies in order, numbering them; stops at the first that fails and returns its status. */
enum stele_status command_apply(struct command_context *context, struct command_effects *effects);

/* Both: what the loop does to every command while there is no log to write. */
void command_execute(struct command_context *context, const struct command *command,
                     uint32_t rights, struct command_reply *reply);

#endif
