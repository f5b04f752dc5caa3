/*
 * address.h - where the daemon of a name listens: the one rule that daemons and clients share. Pure:
 * it reads no environment and touches no file. Anyone may include it.
 *
 *     RUNTIME/stele/NAME.sock        RUNTIME is $XDG_RUNTIME_DIR where that is set, else /run
 *
 * A daemon listens at the path for its own environment. A client that was given a name and no path
 * tries the path for its own environment, and, where nobody listens there, the one of the system's
 * daemon (runtime_dir NULL): a logged-in user reaches a daemon that the service manager started.
 */
#ifndef STELE_DETAIL_ADDRESS_H
#define STELE_DETAIL_ADDRESS_H

#include <stele/status.h>

#include "base.h"
#include "format.h"

#define STELEI_ADDRESS_BYTES     108u /* of a socket's path, with the terminating zero: sun_path */
#define STELEI_ADDRESS_NAME      "default" /* where none is given */
#define STELEI_ADDRESS_SYSTEM    "/run"
#define STELEI_ADDRESS_DIRECTORY "/stele/"
#define STELEI_ADDRESS_SUFFIX    ".sock"

/* Whether a segment can have this name: 1..63 of [A-Za-z0-9._-], and none that ends in ".lock", which
 * would be another segment's lock. NULL cannot. */
static inline bool stelei_address_name_valid(const char *name)
{
    size_t bytes = 0;
    if (!name)
        return false;
    for (; name[bytes]; bytes++) {
        char c = name[bytes];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (bytes + 1 >= STELEI_NAME_BYTES || !(letter || other))
            return false;
    }
    return bytes > 0 && (bytes < 5 || memcmp(name + bytes - 5, ".lock", 5) != 0);
}

/*
 * Writes the path, with its zero, to `out`. `runtime_dir` is the value of XDG_RUNTIME_DIR; NULL,
 * empty and relative ones (which that specification tells to ignore) stand for /run.
 *   STELE_EINVAL  no such name can be   STELE_ETOOBIG  the path exceeds out_bytes or what a socket
 *   address holds; `out` is untouched in both cases
 */
static inline enum stele_status stelei_address_socket(const char *runtime_dir, const char *name,
                                                      char *out, size_t out_bytes)
{
    const char *parts[5];
    size_t bytes = 0, at = 0;
    if (!stelei_address_name_valid(name))
        return STELE_EINVAL;
    parts[0] = runtime_dir && runtime_dir[0] == '/' ? runtime_dir : STELEI_ADDRESS_SYSTEM;
    parts[1] = STELEI_ADDRESS_DIRECTORY;
    parts[2] = name;
    parts[3] = STELEI_ADDRESS_SUFFIX;
    parts[4] = STELEI_NULL;
    for (int i = 0; parts[i]; i++)
        bytes += strlen(parts[i]);
    if (bytes >= STELEI_ADDRESS_BYTES || bytes >= out_bytes)
        return STELE_ETOOBIG;
    for (int i = 0; parts[i]; i++) {
        memcpy(out + at, parts[i], strlen(parts[i]));
        at += strlen(parts[i]);
    }
    out[at] = 0;
    return STELE_OK;
}

#endif
