/*
 * kill_loop.h - the processes that live through the kill loop. Each runs in a child of its own until
 * the board says stop; whatever is wrong stands on the board then. Tests only.
 */
#ifndef E2E_KILL_LOOP_H
#define E2E_KILL_LOOP_H

#include <stele/stele.h>

#include "ledger.h"

#define KILL_TABLE       "t"
#define KILL_PATIENCE_MS 30000 /* that no call ever needs */

/* Writes through waiting calls, pipelines and vectors; connects again whenever the daemon died. At
 * the end everything it sent was answered, or is known to be unknown. */
void kill_client(struct ledger *ledger, unsigned who, const char *socket_path, const char *segment);

/* Attaches once and looks keys up in every way, beside whatever happens. */
void kill_reader(struct ledger *ledger, unsigned who, const char *segment);

/* The version of an own key in the segment; false: absent. Surprises go to the board. */
bool kill_look(struct ledger *ledger, const struct stele_table *table, uint32_t key,
               uint64_t *version);

/* The same of a cas key; and the sum of a counter, 0 where it is absent. */
uint64_t kill_look_cas(struct ledger *ledger, const struct stele_table *table, uint32_t index);
uint64_t kill_look_sum(struct ledger *ledger, const struct stele_table *table, uint32_t index);

#endif
