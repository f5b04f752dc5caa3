/*
 * options.h - the command line. Main's thread, at the start; constant afterwards.
 */
#ifndef STELE_DAEMON_OPTIONS_H
#define STELE_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <stele/detail/address.h>

#include "operator/log.h"
#include "net/address.h"
#include "operator/policy.h"

#define OPTIONS_SPIN_US     20u /* by default, with two cores or more */
#define OPTIONS_SPIN_MAX_US 10000u

/* What defaults depend on. */
struct options_surroundings {
    const char *runtime_dir; /* XDG_RUNTIME_DIR, or NULL */
    uint32_t usable_cores;
};

struct options {
    const char *name;
    char socket_path[STELEI_ADDRESS_BYTES];
    bool socket_given;                       /* false: socket_path is the default for the name */
    uint32_t directory_mode;                 /* for the directory of the default path */
    char map8x32_path[STELEI_ADDRESS_BYTES]; /* empty: not served */
    bool usize_kv_given;
    struct net_address usize_kv; /* where to serve it, when given */
    bool mode_given;
    bool group_given;
    bool replace;
    bool small_pages;
    uint64_t max_bytes;       /* 0: the store's default */
    uint32_t mode;            /* of the segment */
    uint32_t group;           /* of the segment, when group_given */
    uint32_t frame_max_bytes; /* of one command's body */
    uint32_t spin_us;
    enum log_level log_level;
    uint32_t allowed_count;
    struct policy_allowed allowed[POLICY_ALLOWED_MAX];
};

enum options_outcome {
    OPTIONS_RUN,
    OPTIONS_DONE, /* --help or --version was printed */
    OPTIONS_WRONG /* a complaint was printed that names the option, its value and what is wanted */
};

/* `name` points into argv. Prints to stdout (help, version) or stderr (complaints). */
enum options_outcome options_parse(struct options *options,
                                   const struct options_surroundings *surroundings, int argc,
                                   char **argv);

#endif
