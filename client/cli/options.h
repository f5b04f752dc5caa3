/*
 * options.h - what the command line asks for, apart from the verb's arguments. Constant once read.
 *
 * Options before the verb are the common ones; behind it come the common ones and the verb's own,
 * among its arguments; "--" ends them. A verb lists its own by the bits below.
 */
#ifndef STELE_CLI_OPTIONS_H
#define STELE_CLI_OPTIONS_H

#include <stdint.h>

#include "entry.h"
#include "output.h"

enum options_bit {
    OPTIONS_RAW = 1u << 0,
    OPTIONS_YES = 1u << 1,
    OPTIONS_KEYS = 1u << 2,
    OPTIONS_PREFIX = 1u << 3,
    OPTIONS_LIMIT = 1u << 4,
    OPTIONS_FORMAT = 1u << 5,
    OPTIONS_STRICT = 1u << 6,
    OPTIONS_CREATE = 1u << 7,
    OPTIONS_SECONDS = 1u << 8,
    OPTIONS_TYPE = 1u << 9,
    OPTIONS_MAX_ENTRIES = 1u << 10,
    OPTIONS_FROM = 1u << 11,
    OPTIONS_ALL = 1u << 12,
    OPTIONS_COMMON = 1u << 13
};

struct options {
    const char *name;              /* of the segment; NULL: not given */
    const char *socket;            /* path; NULL: not given */
    bool name_typed, socket_typed; /* on the command line, not from the environment */
    uint64_t owner; /* of the segment: a uid, or STELE_OWNER_USUAL */
    int timeout_ms;
    bool json;
    bool escapes;
    bool help, version;
    uint32_t given; /* bits of the verb's own options that were there */
    const char *prefix;
    uint64_t limit;
    uint64_t from;
    struct stele_type type; /* byte strings -> byte strings if not given */
    uint64_t max_entries;   /* 0: none */
    enum entry_format format;
    int seconds_ms;
};

/* The values of STELE_NAME and STELE_SOCKET; NULL or empty: not set. A user's name or
 * uid, of --owner and STELE_OWNER; false where there is no such user. */
bool options_set_owner(struct options *options, const char *user);
void options_init(struct options *options, const char *environment_name,
                  const char *environment_socket);

/*
 * Reads the common options and those of `verb_bits` at the start of argv (argv[0] is skipped) up to
 * the first other word; with `all_over`, all over argv, which is put in order: options first.
 * Returns the index of the first word that is none; -1: a complaint was printed. output->json
 * follows -o at once.
 */
int options_read(struct options *options, struct output *output, uint32_t verb_bits, bool all_over,
                 int argc, char **argv);

/* Whether what is left of the environment's words is what the options of the same meaning take; complains. */
bool options_check_environment(const struct options *options, const struct output *output);

/*
 * Hides words that are negative numbers from options_read(), to which they would be options; but not
 * those that are options' values. options_show_numbers() gives them back, wherever they are then.
 */
struct options_hidden {
    char *word[4]; /* no verb takes more */
    unsigned count;
};
void options_hide_numbers(struct options_hidden *hidden, int argc, char **argv);
void options_show_numbers(const struct options_hidden *hidden);

/* One line for each of the options whose bits are set, for --help. */
void options_describe(uint32_t bits);

#endif
