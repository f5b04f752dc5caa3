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
    struct stele_type type; /* of the table, once it was opened or found */
    uint64_t max_entries;   /* once it was found; 0: no limit */
};

struct verb {
    const char *name;
    const char *arguments;       /* for usage: "T K" */
    const char *summary;         /* one line */
    const char *text;            /* what --help says: paragraphs, exit statuses, examples */
    uint32_t options;            /* enum options_bit */
    int least, most;             /* arguments; most < 0: any number */
    bool numbers;                /* arguments may be negative numbers, which are no options */
    int (*run)(struct cmd *cmd); /* the exit status; failures have been told */
};

/* For verbs of "T|--all [FILE]": whether the words make sense, and the file; NULL: a standard stream. */
int cmd_check_all(const struct cmd *cmd);
const char *cmd_file(const struct cmd *cmd);

/* Opens, or finds at the daemon, the table that argument 0 names. The functions below go by its type. */
int cmd_open(struct cmd *cmd, struct stele_table *table);
int cmd_find(struct cmd *cmd, uint16_t *table);
/* Tells it if the table has lists, or with `lists`, if it has none: what this verb is not for. */
int cmd_expect(const struct cmd *cmd, bool lists);

/*
 * The bytes that an argument stands for as a key or a value of the table: byte strings as they are, or
 * with --escapes what they stand for; words and lists as in kind.h. A value of "-" is standard input:
 * byte strings as they are, a word on a line, elements on lines of their own. Replaces what `out` holds
 * (cmd_add_value(): adds to it); tells what is wrong.
 */
int cmd_key(const struct cmd *cmd, int index, struct buffer *out);
int cmd_value(const struct cmd *cmd, int index, struct buffer *out);
int cmd_add_value(const struct cmd *cmd, int index, struct buffer *out);

/* Prints a value as text: of a list, each element on a line; `newline`: behind the last line. */
int cmd_show(const struct cmd *cmd, const struct buffer *value, bool newline);
/* Prints {"NAME":N} with a word of the table's values, as JSON; as text, the word. */
int cmd_show_word(const struct cmd *cmd, const char *name, uint64_t word);
/* A key of the table for messages, in `shown`. */
const char *cmd_key_text(const struct cmd *cmd, const struct buffer *key, struct buffer *shown);
/* TABLE (argument 0) or TABLE/KEY for messages, in `shown`. `key` may be NULL. */
const char *cmd_object(const struct cmd *cmd, const struct buffer *key, struct buffer *shown);
/* Tells that the verb failed on it. */
int cmd_fail(const struct cmd *cmd, enum stele_status status, const struct buffer *key);
/* The same of a store or an append; a value of so many bytes may be what was too large. */
int cmd_fail_store(const struct cmd *cmd, enum stele_status status, const struct buffer *key,
                   size_t value_bytes);
/* Asks on a terminal, unless --yes; where there is none, it was meant. false: the answer was no. */
bool cmd_confirm(const struct cmd *cmd, const char *question);

extern const struct verb cmd_put, cmd_insert, cmd_replace, cmd_cas;   /* cmd_store.c */
extern const struct verb cmd_get;                                     /* cmd_get.c */
extern const struct verb cmd_del, cmd_incr;                           /* cmd_change.c */
extern const struct verb cmd_append, cmd_remove, cmd_swap, cmd_pop;   /* cmd_list.c */
extern const struct verb cmd_count, cmd_list;                         /* cmd_list.c */
extern const struct verb cmd_tables, cmd_create, cmd_drop, cmd_clear; /* cmd_tables.c */
extern const struct verb cmd_scan;                                    /* cmd_scan.c */
extern const struct verb cmd_load;                                    /* cmd_load.c */
extern const struct verb cmd_dump;                                    /* cmd_dump.c */
extern const struct verb cmd_stat;                                    /* cmd_stat.c */
extern const struct verb cmd_ping, cmd_shutdown;                      /* cmd_daemon.c */
extern const struct verb cmd_verify;                                  /* cmd_verify.c */
extern const struct verb cmd_bench;                                   /* cmd_bench.c */

#endif
