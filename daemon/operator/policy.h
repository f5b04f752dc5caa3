/*
 * policy.h - who may do what: a connection's rights from what the kernel says of its peer. Pure; any
 * thread. It knows no socket and no command, only the bits of command.h.
 *
 * Rights follow credentials alone. The mode of the socket's file decides who can knock, and is made
 * wide enough for everybody whom these rules let in; it is never what keeps anybody out.
 */
#ifndef STELE_DAEMON_POLICY_H
#define STELE_DAEMON_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define POLICY_ALLOWED_MAX 64u

/* One --allow-uid or --allow-gid. */
struct policy_allowed {
    uint32_t id;
    bool is_group;
    bool admin;
};

struct policy {
    uid_t owner; /* the daemon's effective uid, and the segment's owner */
    mode_t segment_mode;
    gid_t segment_group;
    uint32_t allowed_count;
    struct policy_allowed allowed[POLICY_ALLOWED_MAX];
};

/* As of the peer's connect(). `groups` are the supplementary ones. */
struct policy_peer {
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    uint32_t group_count;
};

/*
 * COMMAND_MAY_... bits, 0 = no business here:
 *   owner and root       all
 *   a rule that matches  read and write, and administer where one of those says so
 *   anybody else         read, if the segment's mode and group let this user open the segment
 */
uint32_t policy_rights(const struct policy *policy, const struct policy_peer *peer);

/* For the socket's file: everybody to whom policy_rights() may give something can connect. The
 * file's group must be the segment's. */
mode_t policy_socket_mode(const struct policy *policy);

#endif
