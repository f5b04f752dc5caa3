/*
 * cmd.h - what a verb is. main.c has the table of them; each cmd_*.c defines one or a small family.
 */
#ifndef STELE_CLI_CMD_H
#define STELE_CLI_CMD_H

#include "options.h"
#include "output.h"
#include "session.h"

struct verb;

/* One call of a verb. */
struct cmd {
    const struct verb *verb;
    const struct options *options;
    const struct output *output;
    struct session *session;
    int count; /* of arguments, within the verb's bounds */
    char **argument;
};

struct verb {
    const char *name;
    const char *arguments; /* for usage: "T K" */
    const char *summary;   /* one line */
    const char *text;      /* what --help says: paragraphs, exit statuses, examples */
    uint32_t options;      /* enum options_bit */
    int least, most;       /* arguments; most < 0: any number */
    bool number_last;      /* the last argument may be a negative number, which is no option */
    int (*run)(struct cmd *cmd); /* the exit status; failures have been told */
};

/* The bytes that an argument stands for: itself, or with --escapes what they stand for. Replaces
 * what `out` holds; tells of bad escapes. */
int cmd_bytes(const struct cmd *cmd, int index, struct buffer *out);
/* Tells that the verb failed on TABLE (argument 0) or TABLE/KEY. */
int cmd_fail(const struct cmd *cmd, enum stele_status status, const struct buffer *key);
/* Asks on a terminal, unless --yes; where there is none, it was meant. false: the answer was no. */
bool cmd_confirm(const struct cmd *cmd, const char *question);

extern const struct verb cmd_put, cmd_insert, cmd_replace, cmd_cas;   /* cmd_store.c */
extern const struct verb cmd_get;                                     /* cmd_get.c */
extern const struct verb cmd_del, cmd_incr;                           /* cmd_change.c */
extern const struct verb cmd_tables, cmd_create, cmd_drop, cmd_clear; /* cmd_tables.c */
extern const struct verb cmd_scan;                                    /* cmd_scan.c */
extern const struct verb cmd_load;                                    /* cmd_load.c */
extern const struct verb cmd_dump;                                    /* cmd_dump.c */
extern const struct verb cmd_stat;                                    /* cmd_stat.c */
extern const struct verb cmd_ping, cmd_shutdown;                      /* cmd_daemon.c */
extern const struct verb cmd_verify;                                  /* cmd_verify.c */
extern const struct verb cmd_bench;                                   /* cmd_bench.c */

#endif
