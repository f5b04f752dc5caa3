/*
 * decide.h - this room's insides. evaluate.c looks up what a command aims at, as its row in traits.c
 * says, and calls the function of that row, which decides about it: it fills the reply, adds an effect
 * or none, and changes nothing.
 */
#ifndef STELE_DAEMON_COMMAND_DECIDE_H
#define STELE_DAEMON_COMMAND_DECIDE_H

#include "command/evaluate.h"

/* One command while it is decided. */
struct command_run {
    struct command_context *context;
    const struct command *command;
    struct command_search *search;
    struct command_reply *reply;
    struct command_effects *effects;
    /* what it aims at, as far as its traits say so */
    uint32_t descriptor;
    const struct command_table *table;
    struct stele_store_list list; /* COMMAND_AIM_LIST: the key's; zeros where there is none */
    bool list_there;
};

/* Adds an effect on the table. */
struct stelei_effect *command_effect(struct command_run *run, enum stelei_effect_kind kind);
/* The same on the command's key. */
struct stelei_effect *command_key_effect(struct command_run *run, enum stelei_effect_kind kind);

/* ---- entries.c ---- */
enum stele_status command_get(struct command_run *run);
enum stele_status command_put(struct command_run *run);
enum stele_status command_put_if(struct command_run *run); /* INSERT, REPLACE, CAS */
enum stele_status command_erase(struct command_run *run);
enum stele_status command_incr(struct command_run *run);

/* ---- lists.c ---- */
enum stele_status command_list_append(struct command_run *run);
enum stele_status command_list_remove(struct command_run *run);
enum stele_status command_list_replace(struct command_run *run);
enum stele_status command_list_pop(struct command_run *run);
enum stele_status command_list_count(struct command_run *run);

/* ---- spans.c ---- */
enum stele_status command_list_read(struct command_run *run);
enum stele_status command_list_all(struct command_run *run);

/* ---- tables.c ---- */
/* A handle that was never given out, or has ended, means no table. */
bool command_descriptor(const struct command_context *context, uint32_t handle,
                        uint32_t *descriptor);
/* The table that a handle means: STELE_ENOTABLE. */
enum stele_status command_table(struct command_context *context, uint32_t handle,
                                uint32_t *descriptor, const struct command_table **table);
/* Whether one more key fits into the table: STELE_EFULL. */
enum stele_status command_room(const struct command_run *run);
/* The descriptor is given to another table, or to none. */
void command_table_forget(struct command_context *context, uint32_t descriptor);
enum stele_status command_table_find(struct command_run *run);
enum stele_status command_table_list(struct command_run *run);
enum stele_status command_table_create(struct command_run *run);
enum stele_status command_table_drop(struct command_run *run);
enum stele_status command_table_clear(struct command_run *run);

/* ---- report.c ---- */
enum stele_status command_stats(struct command_run *run);

#endif
