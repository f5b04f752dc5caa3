/*
 * target.h - which table the lines of a load go to: the one that the command line names, or with --all
 * those that the dump names. Found at the daemon or, with --create, made: of the type that --type says,
 * else the dump's heading, else byte strings -> byte strings. One thread.
 */
#ifndef STELE_CLI_TARGET_H
#define STELE_CLI_TARGET_H

#include "cmd.h"
#include "heading.h"

struct target {
    const struct cmd *cmd;
    const char *named; /* by the command line; NULL: every table that the dump names */
    bool open;         /* `table` is one of the daemon's */
    struct session_table table;
    uint32_t tables;               /* that lines went to */
    char first[STELEI_NAME_BYTES]; /* the first heading's name; empty: there was none */
    char name[STELEI_NAME_BYTES];  /* of the table whose lines come now */
    struct buffer label;           /* the same, for messages */
};

/* Each returns OUTPUT_OK, or tells what went wrong and returns the exit status. */

/* Connects; finds the named table. What cannot be is told before a long file is read in vain. */
int target_init(struct target *target, const struct cmd *cmd, const char *named);
void target_fini(struct target *target);
/* A heading was read in this line. All that was gathered for the table before has to be settled. */
int target_turn(struct target *target, const struct heading *heading, uint64_t line);
/* Lines without a heading before them, or the end of the input: there has to be a table. */
int target_need(struct target *target, uint64_t line);

#endif
