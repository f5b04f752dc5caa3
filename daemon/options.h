/*
 * options.h - the command line. Main's thread, at the start; constant afterwards.
 */
#ifndef STELE_DAEMON_OPTIONS_H
#define STELE_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"

struct options {
    const char *name;
    const char *socket_path;
    uint64_t max_bytes;       /* 0: the store's default */
    uint32_t mode;            /* of the segment; 0: the store's default */
    uint32_t frame_max_bytes; /* of one command's body */
    bool replace;
    bool small_pages;
    enum log_level log_level;
};

enum options_outcome {
    OPTIONS_RUN,
    OPTIONS_DONE, /* --help or --version was printed */
    OPTIONS_WRONG /* a complaint was printed */
};

/* Strings point into argv. Prints to stdout (help, version) or stderr (complaints). */
enum options_outcome options_parse(struct options *options, int argc, char **argv);

/* Bytes with an optional suffix K, M or G (powers of 1024). False: no such number, or too large. */
bool options_parse_size(const char *text, uint64_t *bytes);

#endif
