/*
 * decide.h - this room's insides: what evaluate.c dispatches to. Each function decides about one
 * kind of command and changes nothing.
 */
#ifndef STELE_DAEMON_COMMAND_DECIDE_H
#define STELE_DAEMON_COMMAND_DECIDE_H

#include "command/evaluate.h"

/* Adds an effect on a table. */
struct stelei_effect *command_effect(struct command_effects *effects, enum stelei_effect_kind kind,
                                     uint32_t descriptor);

/* ---- entries.c ---- */
enum stele_status command_put(const struct command_context *context, const struct command *command,
                              struct command_effects *effects);
enum stele_status command_put_if(const struct command_context *context,
                                 const struct command *command, struct command_effects *effects);
enum stele_status command_erase(const struct command_context *context,
                                const struct command *command, struct command_effects *effects);
enum stele_status command_incr(const struct command_context *context, const struct command *command,
                               struct command_reply *reply, struct command_effects *effects);
enum stele_status command_get(const struct command_context *context, const struct command *command,
                              struct command_reply *reply);

/* ---- tables.c ---- */
/* A handle that was never given out, or has ended, means no table. */
bool command_descriptor(const struct command_context *context, uint32_t handle,
                        uint32_t *descriptor);
enum stele_status command_find(const struct command_context *context, const struct command *command,
                               struct command_reply *reply);
enum stele_status command_create(const struct command_context *context,
                                 const struct command *command, struct command_reply *reply,
                                 struct command_effects *effects);
/* Drop and clear. */
enum stele_status command_change_table(const struct command_context *context,
                                       const struct command *command, enum stelei_effect_kind kind,
                                       struct command_effects *effects);
void command_list(struct command_context *context, struct command_reply *reply);

/* ---- report.c ---- */
void command_report(struct command_context *context, struct command_reply *reply);

#endif
