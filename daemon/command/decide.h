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
enum stele_status command_put(struct command_context *context, const struct command *command,
                              struct command_effects *effects);
enum stele_status command_put_if(struct command_context *context, const struct command *command,
                                 struct command_effects *effects);
enum stele_status command_erase(struct command_context *context, const struct command *command,
                                struct command_effects *effects);
enum stele_status command_incr(struct command_context *context, const struct command *command,
                               struct command_reply *reply, struct command_effects *effects);
enum stele_status command_get(struct command_context *context, const struct command *command,
                              struct command_reply *reply);

/* ---- lists.c ---- */
enum stele_status command_list_append(struct command_context *context,
                                      const struct command *command, struct command_search *search,
                                      struct command_reply *reply, struct command_effects *effects);
enum stele_status command_list_remove(struct command_context *context,
                                      const struct command *command, struct command_search *search,
                                      struct command_effects *effects);
enum stele_status command_list_replace(struct command_context *context,
                                       const struct command *command, struct command_search *search,
                                       struct command_effects *effects);
enum stele_status command_list_pop(struct command_context *context, const struct command *command,
                                   struct command_reply *reply, struct command_effects *effects);
enum stele_status command_list_count(struct command_context *context, const struct command *command,
                                     struct command_reply *reply);

/* ---- spans.c ---- */
enum stele_status command_list_read(struct command_context *context, const struct command *command,
                                    struct command_reply *reply);
enum stele_status command_list_all(struct command_context *context, const struct command *command,
                                   struct command_reply *reply);

/* ---- tables.c ---- */
/* A handle that was never given out, or has ended, means no table. */
bool command_descriptor(const struct command_context *context, uint32_t handle,
                        uint32_t *descriptor);
/* The table that a command on a key means, and whether it can have such a key. STELE_ENOTABLE,
 * STELE_ETYPE, STELE_ETOOBIG. */
enum stele_status command_aim(struct command_context *context, const struct command *command,
                              uint32_t *descriptor, const struct command_table **table);
/* The same where there is no key: STELE_ENOTABLE. */
enum stele_status command_table(struct command_context *context, uint32_t handle,
                                uint32_t *descriptor, const struct command_table **table);
/* Whether one more key fits: STELE_EFULL. */
enum stele_status command_room(const struct command_context *context, uint32_t descriptor,
                               const struct command_table *table);
/* The descriptor is given to another table, or to none. */
void command_table_forget(struct command_context *context, uint32_t descriptor);
enum stele_status command_find(const struct command_context *context, const struct command *command,
                               struct command_reply *reply);
enum stele_status command_create(struct command_context *context, const struct command *command,
                                 struct command_reply *reply, struct command_effects *effects);
/* Drop and clear. */
enum stele_status command_change_table(const struct command_context *context,
                                       const struct command *command, enum stelei_effect_kind kind,
                                       struct command_effects *effects);
void command_list(struct command_context *context, struct command_reply *reply);

/* ---- report.c ---- */
void command_report(struct command_context *context, struct command_reply *reply);

#endif
