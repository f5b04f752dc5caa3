#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stele/detail/frame.h>

enum options_id {
    OPTION_NAME = 256,
    OPTION_SOCKET,
    OPTION_MAX_BYTES,
    OPTION_MODE,
    OPTION_MAX_FRAME,
    OPTION_REPLACE,
    OPTION_SMALL_PAGES,
    OPTION_LOG_LEVEL,
    OPTION_HELP,
    OPTION_VERSION
};

static void options_print_help(void)
{
    fputs("usage: steled --name NAME --socket PATH [options]\n"
          "\n"
          "Writes the shared-memory segment /stele.NAME for any number of readers and takes\n"
          "commands at the Unix socket PATH. Adopts the segment that a former steled left.\n"
          "\n"
          "  --name NAME        of the segment: 1..63 letters, digits, '.', '_', '-'\n"
          "  --socket PATH      where to listen\n"
          "  --max-bytes SIZE   of the segment (suffix K, M or G); default: half of the memory\n"
          "  --mode OCTAL       of the segment, default 0640; who may read it may connect\n"
          "  --max-frame SIZE   largest command taken, 128K to 512M; default 64M\n"
          "  --replace          start anew when the segment found cannot be adopted\n"
          "  --small-pages      do not ask for 2 MiB pages\n"
          "  --log-level LEVEL  error, warning, notice, info (default) or debug\n"
          "  --help, --version\n"
          "\n"
          "Runs in the foreground, logs to stderr, stops on SIGTERM or SIGINT.\n",
          stdout);
}

bool options_parse_size(const char *text, uint64_t *bytes)
{
    char *end;
    unsigned shift = 0;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*end == 'K' || *end == 'k')
        shift = 10;
    else if (*end == 'M' || *end == 'm')
        shift = 20;
    else if (*end == 'G' || *end == 'g')
        shift = 30;
    if (errno != 0 || end[shift ? 1 : 0] != 0 || number > UINT64_MAX >> shift)
        return false;
    *bytes = (uint64_t)number << shift;
    return true;
}

static bool options_parse_mode(const char *text, uint32_t *mode)
{
    char *end;
    unsigned long number = strtoul(text, &end, 8);
    if (text[0] < '0' || text[0] > '7' || *end != 0 || number == 0 || number > 0777)
        return false;
    *mode = (uint32_t)number;
    return true;
}

static bool options_parse_frame(const char *text, uint32_t *frame_bytes)
{
    uint64_t bytes;
    if (!options_parse_size(text, &bytes) || bytes < STELEI_FRAME_MIN_BYTES ||
        bytes > UINT64_C(512) << 20)
        return false;
    /* "512M" shall let values of 512 MiB through: key and lengths come on top */
    *frame_bytes = (uint32_t)bytes;
    if (bytes == UINT64_C(512) << 20)
        *frame_bytes = STELEI_FRAME_MAX_BYTES;
    return true;
}

static enum options_outcome options_complain(const char *option, const char *value,
                                             const char *want)
{
    fprintf(stderr, "steled: %s %s: %s\n", option, value, want);
    return OPTIONS_WRONG;
}

/* One option that has been recognised. */
static enum options_outcome options_take(struct options *options, int id, const char *value)
{
    switch (id) {
    case OPTION_NAME:
        options->name = value;
        return OPTIONS_RUN;
    case OPTION_SOCKET:
        options->socket_path = value;
        return OPTIONS_RUN;
    case OPTION_MAX_BYTES:
        if (!options_parse_size(value, &options->max_bytes) || options->max_bytes == 0)
            return options_complain("--max-bytes", value, "want a size such as 512M or 4G");
        return OPTIONS_RUN;
    case OPTION_MODE:
        if (!options_parse_mode(value, &options->mode))
            return options_complain("--mode", value, "want an octal mode such as 0640");
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

enum options_outcome options_parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {{"name", required_argument, NULL, OPTION_NAME},
                                          {"socket", required_argument, NULL, OPTION_SOCKET},
                                          {"max-bytes", required_argument, NULL, OPTION_MAX_BYTES},
                                          {"mode", required_argument, NULL, OPTION_MODE},
                                          {"max-frame", required_argument, NULL, OPTION_MAX_FRAME},
                                          {"replace", no_argument, NULL, OPTION_REPLACE},
                                          {"small-pages", no_argument, NULL, OPTION_SMALL_PAGES},
                                          {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
                                          {"help", no_argument, NULL, OPTION_HELP},
                                          {"version", no_argument, NULL, OPTION_VERSION},
                                          {NULL, 0, NULL, 0}};
    int id;
    memset(options, 0, sizeof(*options));
    options->frame_max_bytes = STELEI_FRAME_DEFAULT_BYTES;
    options->log_level = LOG_INFO;
    while ((id = getopt_long(argc, argv, "", known, NULL)) != -1) {
        enum options_outcome outcome = options_take(options, id, optarg);
        if (outcome != OPTIONS_RUN)
            return outcome;
    }
    if (optind < argc)
        return options_complain(argv[optind], "", "unexpected argument; try --help");
    if (!options->name || !options->socket_path) {
        fputs("steled: --name and --socket are needed; try --help\n", stderr);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}
