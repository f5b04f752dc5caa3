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

#define COMMAND_EFFECTS_MAX 1u /* of one command */

struct command_effects {
    uint32_t count;
    struct stelei_effect effect[COMMAND_EFFECTS_MAX];
};

/* Everything commands are evaluated against. Lives in place; owned by the server. */
struct command_context {
    struct stele_store *store; /* borrowed */
    uint64_t next_lsn;         /* of the next effect */
    uint64_t applied_effects;  /* since the start */
    uint64_t applied_bytes;    /* keys, values and their headers: how fast memory is used */
    uint8_t uses[STELEI_TABLE_CAPACITY];
};

/* Continues from the store's applied lsn. */
void command_context_init(struct command_context *context, struct stele_store *store);

/*
 * Decides. Fills `reply` completely, for the case that its effects can be applied, and `effects`
 * with none or more; changes nothing.
 *   STELE_EPERM the connection may not write      STELE_ENOTABLE  handle means no table
 *   STELE_ENOTFOUND the key to erase is absent    STELE_EEXIST    table name taken
 *   STELE_EFULL no descriptor is free             STELE_ENOSYS    kinds this version does not offer
 */
void command_evaluate(const struct command_context *context, const struct command *command,
                      uint32_t rights, struct command_reply *reply,
                      struct command_effects *effects);

/* Applies in order, numbering them; stops at the first that fails and returns its status. */
enum stele_status command_apply(struct command_context *context, struct command_effects *effects);

/* Both: what the loop does to every command while there is no log to write. */
void command_execute(struct command_context *context, const struct command *command,
                     uint32_t rights, struct command_reply *reply);

#endif
