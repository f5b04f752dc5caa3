#include "operator/policy.h"

#include "command/command.h"

static bool policy_in_group(const struct policy_peer *peer, gid_t group)
{
    if (peer->gid == group)
        return true;
    for (uint32_t i = 0; i < peer->group_count; i++)
        if (peer->groups[i] == group)
            return true;
    return false;
}

/* As the kernel decides: a member of the group has the group's bits, even if others have more. */
static bool policy_reads_segment(const struct policy *policy, const struct policy_peer *peer)
{
    bool member = policy_in_group(peer, policy->segment_group);
    return (policy->segment_mode & (member ? 0040u : 0004u)) != 0;
}

uint32_t policy_rights(const struct policy *policy, const struct policy_peer *peer)
{
    uint32_t rights = 0;
    if (peer->uid == policy->owner || peer->uid == 0)
        return COMMAND_MAY_READ | COMMAND_MAY_WRITE | COMMAND_MAY_ADMIN;
    for (uint32_t i = 0; i < policy->allowed_count; i++) {
        const struct policy_allowed *allowed = &policy->allowed[i];
        bool matches =
            allowed->is_group ? policy_in_group(peer, allowed->id) : peer->uid == allowed->id;
        if (matches)
            rights |=
                COMMAND_MAY_READ | COMMAND_MAY_WRITE | (allowed->admin ? COMMAND_MAY_ADMIN : 0u);
    }
    if (policy_reads_segment(policy, peer))
        rights |= COMMAND_MAY_READ;
    return rights;
}

mode_t policy_socket_mode(const struct policy *policy)
{
    mode_t mode = 0600;
    if (policy->segment_mode & 0004)
        return 0666;
    if (policy->segment_mode & 0040)
        mode |= 0060;
    for (uint32_t i = 0; i < policy->allowed_count; i++) {
        const struct policy_allowed *allowed = &policy->allowed[i];
        if (!allowed->is_group || allowed->id != policy->segment_group)
            return 0666; /* the file's mode cannot name them */
        mode |= 0060;
    }
    return mode;
}
