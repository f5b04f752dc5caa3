/*
 * place.h - what the daemon needs of the file system around its segment and socket: the socket's
 * directory, the segment's group and mode. Main's thread, at the start. Every failure leaves one
 * line in `detail` that names the object, the cause and the remedy.
 */
#ifndef STELE_DAEMON_PLACE_H
#define STELE_DAEMON_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include <stele/status.h>

#include "operator/options.h"
#include "operator/policy.h"

/*
 * Sees that sockets can be made at options->socket_path, unless that one was given to us, and at
 * options->map8x32_path, before anything else is. The directory of the default path is made when it is
 * missing; those of paths which were given must be there.
 * STELE_EINVAL no such directory   STELE_EACCES not writable for us, or it cannot be made
 */
enum stele_status place_prepare(const struct options *options, bool native_given, char *detail,
                                size_t detail_bytes);

/*
 * Gives the segment behind `fd` the group and mode that were asked for: one that was adopted has
 * those of its maker. Those that were not asked for stay. Then tells the policy what it has, and the
 * rules of the command line. STELE_EACCES: the group is none of this user's. STELE_EIO.
 */
enum stele_status place_settle(const struct options *options, int fd, struct policy *policy,
                               char *detail, size_t detail_bytes);

#endif
