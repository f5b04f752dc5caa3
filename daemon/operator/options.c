#include "operator/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <stele/detail/format.h>
#include <stele/detail/frame.h>

#include "operator/values.h"

enum options_id {
    OPTION_NAME = 256,
    OPTION_SOCKET,
    OPTION_MAP8X32,
    OPTION_USIZE_KV,
    OPTION_MAX_BYTES,
    OPTION_MODE,
    OPTION_GROUP,
    OPTION_ALLOW_UID,
    OPTION_ALLOW_GID,
    OPTION_SPIN_US,
    OPTION_MAX_FRAME,
    OPTION_REPLACE,
    OPTION_SMALL_PAGES,
    OPTION_LOG_LEVEL,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option options_known[] = {
    {"name", required_argument, NULL, OPTION_NAME},
    {"socket", required_argument, NULL, OPTION_SOCKET},
    {"map8x32", required_argument, NULL, OPTION_MAP8X32},
    {"usize-kv", required_argument, NULL, OPTION_USIZE_KV},
    {"max-bytes", required_argument, NULL, OPTION_MAX_BYTES},
    {"mode", required_argument, NULL, OPTION_MODE},
    {"group", required_argument, NULL, OPTION_GROUP},
    {"allow-uid", required_argument, NULL, OPTION_ALLOW_UID},
    {"allow-gid", required_argument, NULL, OPTION_ALLOW_GID},
    {"spin-us", required_argument, NULL, OPTION_SPIN_US},
    {"max-frame", required_argument, NULL, OPTION_MAX_FRAME},
    {"replace", no_argument, NULL, OPTION_REPLACE},
    {"small-pages", no_argument, NULL, OPTION_SMALL_PAGES},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0}};

static void options_print_help(void)
{
    fputs("usage: steled [options]\n"
          "\n"
          "Writes the shared-memory segment /stele.NAME for any number of readers and takes\n"
          "commands at a Unix socket. Adopts the segment that a former steled left.\n"
          "\n"
          "What it serves\n"
          "  --name NAME        of the segment: 1..63 letters, digits, '.', '_', '-';\n"
          "                     default: default\n"
          "  --socket PATH      where to listen; default: $XDG_RUNTIME_DIR/stele/NAME.sock,\n"
          "                     or /run/stele/NAME.sock where that variable is not set\n"
          "  --max-bytes SIZE   of the segment, 4M or more (suffix K, M or G); default: half\n"
          "                     of the memory, less where the control group or /dev/shm\n"
          "                     have less\n"
          "  --replace          start anew when the segment found cannot be adopted\n"
          "\n"
          "Older protocols, served beside its own; off unless given\n"
          "  --map8x32 PATH     Map8x32's, at a Unix socket: table \"map8x32\". Its clients\n"
          "                     expect /tmp/map8x32.sock\n"
          "  --usize-kv [ADDR:]PORT\n"
          "                     usize-kv's, over TCP: table \"usize-kv\". Its clients expect\n"
          "                     9123. Default of ADDR: 127.0.0.1. Whoever can connect may\n"
          "                     write: TCP does not tell who it is\n"
          "\n"
          "Who may do what\n"
          "  --mode OCTAL       of the segment, default 0640: who may read it\n"
          "  --group GROUP      of the segment and the socket, a name or a number\n"
          "  --allow-uid UID    may read and write through the socket; UID:admin may also\n"
          "                     drop and clear tables and shut down; a name or a number\n"
          "  --allow-gid GID    the same for the members of a group; up to 64 of both\n"
          "                     The daemon's own user and root may do everything.\n"
          "\n"
          "How it works\n"
          "  --spin-us N        look for work this long before sleeping, 0..10000; default\n"
          "                     20, and 0 with a single core\n"
          "  --max-frame SIZE   largest command taken, 128K to 512M; default 64M\n"
          "  --small-pages      do not ask for 2 MiB pages\n"
          "  --log-level LEVEL  error, warning, notice, info (default) or debug\n"
          "  --help, --version\n"
          "\n"
          "Examples\n"
          "  steled                                     segment \"default\", for this user\n"
          "  steled --name prices --max-bytes 4G --group trading --mode 0640\n"
          "                                             the group reads, this user writes\n"
          "  steled --allow-uid feed --allow-gid ops:admin\n"
          "                                             \"feed\" writes, \"ops\" administers\n"
          "\n"
          "Runs in the foreground, logs to stderr, stops on SIGTERM or SIGINT.\n",
          stdout);
}

static enum options_outcome options_complain(const char *option, const char *value,
                                             const char *want)
{
    fprintf(stderr, "steled: %s '%s': %s\n", option, value, want);
    return OPTIONS_WRONG;
}

static bool options_parse_frame(const char *text, uint32_t *frame_bytes)
{
    uint64_t bytes;
    if (!values_parse_size(text, &bytes) || bytes < STELEI_FRAME_MIN_BYTES ||
        bytes > UINT64_C(512) << 20)
        return false;
    /* "512M" shall let values of 512 MiB through: key and lengths come on top */
    *frame_bytes = (uint32_t)bytes;
    if (bytes == UINT64_C(512) << 20)
        *frame_bytes = STELEI_FRAME_MAX_BYTES;
    return true;
}

static bool options_parse_max_bytes(const char *text, uint64_t *max_bytes)
{
    uint64_t bytes;
    if (!values_parse_size(text, &bytes) || bytes < STELEI_MIN_BYTES || bytes > STELEI_MAX_BYTES)
        return false;
    *max_bytes = bytes;
    return true;
}

static enum options_outcome options_take_path(const char *option, const char *value,
                                              char path[STELEI_ADDRESS_BYTES])
{
    size_t bytes = strlen(value);
    if (bytes == 0 || bytes >= STELEI_ADDRESS_BYTES)
        return options_complain(option, value, "want a path of 1..107 bytes");
    memcpy(path, value, bytes + 1);
    return OPTIONS_RUN;
}

/* Options about where to listen. */
static enum options_outcome options_take_door(struct options *options, int id, const char *value)
{
    switch (id) {
    case OPTION_SOCKET:
        options->socket_given = true;
        return options_take_path("--socket", value, options->socket_path);
    case OPTION_MAP8X32:
        return options_take_path("--map8x32", value, options->map8x32_path);
    default: /* OPTION_USIZE_KV */
        if (!net_address_parse(value, &options->usize_kv))
            return options_complain("--usize-kv", value,
                                    "want PORT, ADDR:PORT or [IPv6]:PORT, numbers, such as 9123");
        options->usize_kv_given = true;
        return OPTIONS_RUN;
    }
}

static enum options_outcome options_take_allowed(struct options *options, int id, const char *value)
{
    const char *option = id == OPTION_ALLOW_GID ? "--allow-gid" : "--allow-uid";
    if (options->allowed_count == POLICY_ALLOWED_MAX)
        return options_complain(option, value,
                                "want at most 64 of --allow-uid and --allow-gid; use a group");
    if (!values_parse_allowed(value, id == OPTION_ALLOW_GID,
                              &options->allowed[options->allowed_count]))
        return options_complain(option, value,
                                id == OPTION_ALLOW_GID
                                    ? "no such group; want GROUP or GROUP:admin, name or number"
                                    : "no such user; want USER or USER:admin, name or number");
    options->allowed_count++;
    return OPTIONS_RUN;
}

/* Options about the segment. */
static enum options_outcome options_take_place(struct options *options, int id, const char *value)
{
    switch (id) {
    case OPTION_NAME:
        if (!stelei_address_name_valid(value))
            return options_complain("--name", value, "want 1..63 letters, digits, '.', '_' or '-'");
        options->name = value;
        return OPTIONS_RUN;
    case OPTION_MAX_BYTES:
        if (!options_parse_max_bytes(value, &options->max_bytes))
            return options_complain("--max-bytes", value,
                                    "want a size such as 512M or 4G, from 4M to 8192G");
        return OPTIONS_RUN;
    case OPTION_MODE:
        if (!values_parse_mode(value, &options->mode))
            return options_complain("--mode", value,
                                    "want an octal mode such as 0640: the owner reads and writes, "
                                    "nobody else writes");
        options->mode_given = true;
        return OPTIONS_RUN;
    default: /* OPTION_GROUP */
        if (!values_find_group(value, &options->group))
            return options_complain("--group", value, "no such group; want a name or a number");
        options->group_given = true;
        return OPTIONS_RUN;
    }
}

/* One option that has been recognised. */
static enum options_outcome options_take(struct options *options, int id, const char *value)
{
    uint64_t number;
    switch (id) {
    case OPTION_NAME:
    case OPTION_MAX_BYTES:
    case OPTION_MODE:
    case OPTION_GROUP:
        return options_take_place(options, id, value);
    case OPTION_SOCKET:
    case OPTION_MAP8X32:
    case OPTION_USIZE_KV:
        return options_take_door(options, id, value);
    case OPTION_ALLOW_UID:
    case OPTION_ALLOW_GID:
        return options_take_allowed(options, id, value);
    case OPTION_SPIN_US:
        if (!values_parse_number(value, OPTIONS_SPIN_MAX_US, &number))
            return options_complain("--spin-us", value, "want microseconds, 0..10000");
        options->spin_us = (uint32_t)number;
        return OPTIONS_RUN;
    case OPTION_MAX_FRAME:
        if (!options_parse_frame(value, &options->frame_max_bytes))
            return options_complain("--max-frame", value, "want a size from 128K to 512M");
        return OPTIONS_RUN;
    case OPTION_REPLACE:
        options->replace = true;
        return OPTIONS_RUN;
    case OPTION_SMALL_PAGES:
        options->small_pages = true;
        return OPTIONS_RUN;
    case OPTION_LOG_LEVEL:
        if (!log_parse_level(value, &options->log_level))
            return options_complain("--log-level", value,
                                    "want error, warning, notice, info or debug");
        return OPTIONS_RUN;
    case OPTION_HELP:
        options_print_help();
        return OPTIONS_DONE;
    case OPTION_VERSION:
        puts("steled " STELE_VERSION);
        return OPTIONS_DONE;
    default:
        fputs("steled: try --help\n", stderr); /* getopt has said what is wrong */
        return OPTIONS_WRONG;
    }
}

/* Where the native socket is, if that was not said. */
static enum options_outcome options_find_socket(struct options *options,
                                                const struct options_surroundings *surroundings)
{
    if (options->socket_given)
        return OPTIONS_RUN;
    bool private_dir = surroundings->runtime_dir && surroundings->runtime_dir[0] == '/';
    options->directory_mode = private_dir ? 0700 : 0755;
    if (stelei_address_socket(surroundings->runtime_dir, options->name, options->socket_path,
                              sizeof(options->socket_path)) == STELE_OK)
        return OPTIONS_RUN;
    return options_complain("--name", options->name,
                            "$XDG_RUNTIME_DIR/stele/NAME.sock has more than 107 bytes; "
                            "want a shorter name, or --socket");
}

/* What was not given and depends on what was, and what does not go together. */
static enum options_outcome options_complete(struct options *options,
                                             const struct options_surroundings *surroundings)
{
    enum options_outcome outcome = options_find_socket(options, surroundings);
    if (outcome == OPTIONS_RUN && strcmp(options->map8x32_path, options->socket_path) == 0)
        return options_complain("--map8x32", options->map8x32_path,
                                "that is --socket's; each protocol wants a path of its own");
    return outcome;
}

enum options_outcome options_parse(struct options *options,
                                   const struct options_surroundings *surroundings, int argc,
                                   char **argv)
{
    int id;
    memset(options, 0, sizeof(*options));
    options->name = STELEI_ADDRESS_NAME;
    options->mode = 0640;
    options->frame_max_bytes = STELEI_FRAME_DEFAULT_BYTES;
    options->spin_us = surroundings->usable_cores > 1 ? OPTIONS_SPIN_US : 0;
    options->log_level = LOG_INFO;
    while ((id = getopt_long(argc, argv, "", options_known, NULL)) != -1) {
        enum options_outcome outcome = options_take(options, id, optarg);
        if (outcome != OPTIONS_RUN)
            return outcome;
    }
    if (optind < argc)
        return options_complain("argument", argv[optind], "unexpected; try --help");
    return options_complete(options, surroundings);
}
