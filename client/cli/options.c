#include "options.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stele/detail/object.h>

#include "text.h"

#define OPTIONS_TIMEOUT_MS 5000

struct options_known {
    const char *name, *value, *text;
    uint32_t bit;
    int letter; /* 0: none */
};

/* In the order of --help. */
static const struct options_known options_table[] = {
    {"raw", NULL, "the value alone, without a newline", OPTIONS_RAW, 0},
    {"yes", NULL, "do not ask", OPTIONS_YES, 'y'},
    {"keys", NULL, "keys without values", OPTIONS_KEYS, 0},
    {"prefix", "P", "only keys that start with P", OPTIONS_PREFIX, 0},
    {"from", "N", "begin with element N; the first is 0", OPTIONS_FROM, 0},
    {"limit", "N", "stop after N entries or elements", OPTIONS_LIMIT, 0},
    {"format", "tsv|jsonl", "default: by the file's name, else tsv", OPTIONS_FORMAT, 0},
    {"all", NULL, "every table, instead of T", OPTIONS_ALL, 0},
    {"strict", NULL, "stop at the first bad line or refused entry", OPTIONS_STRICT, 0},
    {"create", NULL, "make the table where there is none", OPTIONS_CREATE, 0},
    {"type", "TYPE", "of keys and values: KEY->VALUE; default: bytes->bytes", OPTIONS_TYPE, 0},
    {"max-entries", "N", "the most that the table may hold; default, and 0: no limit",
     OPTIONS_MAX_ENTRIES, 0},
    {"seconds", "N", "how long each of the measurements takes", OPTIONS_SECONDS, 0},
    {"name", "NAME", "the segment; default: $STELE_NAME, else default", OPTIONS_COMMON, 'n'},
    {"socket", "PATH", "the daemon's socket; default: $STELE_SOCKET, else by the name",
     OPTIONS_COMMON, 'S'},
    {"owner", "USER", "trust USER's segments too; default: $STELE_OWNER, else who has /run/stele",
     OPTIONS_COMMON, 'u'},
    {"output", "text|json", "form of results and errors; default: text", OPTIONS_COMMON, 'o'},
    {"timeout", "SECONDS", "how long to wait for the daemon; default: 5", OPTIONS_COMMON, 't'},
    {"escapes", NULL, "keys and values given as words: \\t \\n \\r \\\\ \\xHH", OPTIONS_COMMON,
     'e'},
    {"help", NULL, "this text; stele VERB --help tells of a verb", OPTIONS_COMMON, 'h'},
    {"version", NULL, "the version", OPTIONS_COMMON, 'V'}};

#define OPTIONS_COUNT (sizeof(options_table) / sizeof(options_table[0]))

void options_init(struct options *options, const char *environment_name,
                  const char *environment_socket)
{
    memset(options, 0, sizeof(*options));
    options->name = environment_name && environment_name[0] ? environment_name : NULL;
    options->socket = environment_socket && environment_socket[0] ? environment_socket : NULL;
    options->timeout_ms = OPTIONS_TIMEOUT_MS;
    options->seconds_ms = 500;
    options->owner = STELE_OWNER_USUAL;
}

bool options_set_owner(struct options *options, const char *user)
{
    char *end;
    unsigned long long uid = strtoull(user, &end, 10);
    const struct passwd *known = NULL;
    if (user[0] < '0' || user[0] > '9' || *end || uid >= UINT32_MAX)
        known = getpwnam(user);
    else
        options->owner = uid;
    if (known)
        options->owner = known->pw_uid;
    return options->owner != STELE_OWNER_USUAL;
}

static bool options_bad(const struct output *output, const struct options_known *known,
                        const char *value, const char *want)
{
    output_usage(output, "--%s '%s': want %s", known->name, value, want);
    return false;
}

static bool options_take_common(struct options *options, struct output *output,
                                const struct options_known *known, const char *value)
{
    switch (known->letter) {
    case 'n':
        if (!stelei_address_name_valid(value))
            return options_bad(output, known, value, "1..63 letters, digits, '.', '_' or '-'");
        options->name = value;
        options->name_typed = true;
        return true;
    case 'S':
        if (!strchr(value, '/') || strlen(value) >= STELEI_ADDRESS_BYTES)
            return options_bad(output, known, value, "a path with a '/', at most 107 bytes");
        options->socket = value;
        options->socket_typed = true;
        return true;
    case 'u':
        if (!options_set_owner(options, value))
            return options_bad(output, known, value, "a user that there is, or a uid");
        return true;
    case 'o':
        if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
            return options_bad(output, known, value, "text or json");
        options->json = output->json = strcmp(value, "json") == 0;
        return true;
    case 't':
        if (!text_parse_seconds(value, &options->timeout_ms))
            return options_bad(output, known, value, "seconds, 0 to 86400");
        return true;
    case 'e':
        options->escapes = true;
        return true;
    case 'h':
        options->help = true;
        return true;
    default:
        options->version = true;
        return true;
    }
}

static bool options_take_own(struct options *options, struct output *output,
                             const struct options_known *known, const char *value)
{
    options->given |= known->bit;
    switch (known->bit) {
    case OPTIONS_PREFIX:
        options->prefix = value;
        return true;
    case OPTIONS_TYPE:
        return stele_type_parse(value, &options->type) ||
               options_bad(output, known, value, "KEY->VALUE, as in 'u64->list:u32'");
    case OPTIONS_MAX_ENTRIES:
        return text_parse_u64(value, &options->max_entries) ||
               options_bad(output, known, value, "a number of 64 bits");
    case OPTIONS_FROM:
        return text_parse_u64(value, &options->from) ||
               options_bad(output, known, value, "a number of 64 bits");
    case OPTIONS_LIMIT:
        return text_parse_u64(value, &options->limit) ||
               options_bad(output, known, value, "a number of 64 bits");
    case OPTIONS_FORMAT:
        if (strcmp(value, "tsv") != 0 && strcmp(value, "jsonl") != 0)
            return options_bad(output, known, value, "tsv or jsonl");
        options->format = strcmp(value, "tsv") == 0 ? ENTRY_TSV : ENTRY_JSONL;
        return true;
    case OPTIONS_SECONDS:
        return (text_parse_seconds(value, &options->seconds_ms) && options->seconds_ms > 0) ||
               options_bad(output, known, value, "seconds above 0");
    default:
        return true;
    }
}

/* getopt's tables for the options with one of these bits. Returns their number. */
static size_t options_offer(uint32_t bits, bool all_over, struct option *longs, char *shorts)
{
    size_t count = 0;
    *shorts++ = all_over ? ':' : '+';
    if (!all_over)
        *shorts++ = ':';
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        const struct options_known *known = &options_table[i];
        if (!(known->bit & bits))
            continue;
        longs[count].name = known->name;
        longs[count].has_arg = known->value ? required_argument : no_argument;
        longs[count].flag = NULL;
        longs[count].val = 256 + (int)i;
        count++;
        if (known->letter)
            *shorts++ = (char)known->letter;
        if (known->letter && known->value)
            *shorts++ = ':';
    }
    memset(&longs[count], 0, sizeof(longs[count]));
    *shorts = 0;
    return count;
}

static const struct options_known *options_find(int id)
{
    if (id >= 256)
        return &options_table[id - 256];
    for (size_t i = 0; i < OPTIONS_COUNT; i++)
        if (options_table[i].letter == id)
            return &options_table[i];
    return NULL;
}

/* getopt returned ':' or '?'. */
static void options_reject(const struct output *output, int id, char **argv)
{
    const char *word = argv[optind - 1];
    char letter[3] = {'-', (char)optopt, 0};
    if (optopt > 0 && optopt < 256 && strncmp(word, "--", 2) != 0)
        word = letter;
    if (id == ':')
        output_usage(output, "%s: a value is missing", word);
    else
        output_usage(output, "%s: no such option%s", word,
                     output->verb ? " of this verb" : " before the verb");
}

bool options_check_environment(const struct options *options, const struct output *output)
{
    if (options->name && !stelei_address_name_valid(options->name)) {
        output_usage(output, "STELE_NAME '%.80s': want 1..63 letters, digits, '.', '_' or '-'",
                     options->name);
        return false;
    }
    if (options->socket &&
        (!strchr(options->socket, '/') || strlen(options->socket) >= STELEI_ADDRESS_BYTES)) {
        output_usage(output, "STELE_SOCKET '%.120s': want a path with a '/', at most 107 bytes",
                     options->socket);
        return false;
    }
    return true;
}

int options_read(struct options *options, struct output *output, uint32_t verb_bits, bool all_over,
                 int argc, char **argv)
{
    struct option longs[OPTIONS_COUNT + 1];
    char shorts[2 + OPTIONS_COUNT * 2 + 1];
    options_offer(verb_bits | OPTIONS_COMMON, all_over, longs, shorts);
    optind = 0;
    opterr = 0;
    for (;;) {
        int id = getopt_long(argc, argv, shorts, longs, NULL);
        if (id < 0)
            break;
        const struct options_known *known = id == ':' || id == '?' ? NULL : options_find(id);
        if (!known) {
            options_reject(output, id, argv);
            return -1;
        }
        if (!(known->bit & OPTIONS_COMMON ? options_take_common(options, output, known, optarg)
                                          : options_take_own(options, output, known, optarg)))
            return -1;
    }
    /* what was typed outdoes the environment: a name does not go with another daemon's socket */
    if (options->name_typed && !options->socket_typed)
        options->socket = NULL;
    if (options->socket_typed && !options->name_typed)
        options->name = NULL;
    return optind;
}

/* ---- negative numbers --------------------------------------------------------------------- */

#define OPTIONS_HIDDEN '\1' /* instead of the '-' */

static bool options_is_negative(const char *word)
{
    const char *digits = word[1] == '.' ? word + 2 : word + 1;
    return word[0] == '-' && digits[0] >= '0' && digits[0] <= '9';
}

/* Whether the next word belongs to this one. */
static bool options_wants_value(const char *word)
{
    char letter[3] = "-";
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        const struct options_known *known = &options_table[i];
        letter[1] = (char)known->letter;
        if (known->value && ((known->letter && strcmp(word, letter) == 0) ||
                             (strncmp(word, "--", 2) == 0 && strcmp(word + 2, known->name) == 0)))
            return true;
    }
    return false;
}

void options_hide_numbers(struct options_hidden *hidden, int argc, char **argv)
{
    hidden->count = 0;
    for (int i = 1; i < argc && hidden->count < 4 && strcmp(argv[i], "--") != 0; i++) {
        if (!options_is_negative(argv[i]) || options_wants_value(argv[i - 1]))
            continue;
        argv[i][0] = OPTIONS_HIDDEN;
        hidden->word[hidden->count++] = argv[i];
    }
}

void options_show_numbers(const struct options_hidden *hidden)
{
    for (unsigned i = 0; i < hidden->count; i++)
        hidden->word[i][0] = '-';
}

void options_describe(uint32_t bits)
{
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        const struct options_known *known = &options_table[i];
        char words[64];
        if (!(known->bit & bits))
            continue;
        snprintf(words, sizeof(words), "%s%c%s --%s%s%s", known->letter ? "-" : " ",
                 known->letter ? known->letter : ' ', known->letter ? "," : " ", known->name,
                 known->value ? " " : "", known->value ? known->value : "");
        printf("  %-26s %s\n", words, known->text);
    }
}
