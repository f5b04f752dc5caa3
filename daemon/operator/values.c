#include "operator/values.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

bool values_parse_size(const char *text, uint64_t *bytes)
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

bool values_parse_number(const char *text, uint64_t max, uint64_t *number)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long parsed = strtoull(text, &end, 10);
    if (errno != 0 || *end != 0 || parsed > max)
        return false;
    *number = parsed;
    return true;
}

bool values_parse_mode(const char *text, uint32_t *mode)
{
    char *end;
    unsigned long parsed = strtoul(text, &end, 8);
    if (text[0] < '0' || text[0] > '7' || *end != 0 || parsed > 0777)
        return false;
    if ((parsed & 0600) != 0600 || (parsed & 0022) != 0)
        return false;
    *mode = (uint32_t)parsed;
    return true;
}

static bool values_parse_id(const char *text, uint32_t *id)
{
    uint64_t number;
    if (!values_parse_number(text, UINT32_MAX - 1, &number))
        return false;
    *id = (uint32_t)number;
    return true;
}

bool values_find_user(const char *text, uint32_t *id)
{
    const struct passwd *found = text[0] ? getpwnam(text) : NULL;
    if (!found)
        return values_parse_id(text, id);
    *id = found->pw_uid;
    return true;
}

bool values_find_group(const char *text, uint32_t *id)
{
    const struct group *found = text[0] ? getgrnam(text) : NULL;
    if (!found)
        return values_parse_id(text, id);
    *id = found->gr_gid;
    return true;
}

bool values_parse_allowed(const char *text, bool is_group, struct policy_allowed *allowed)
{
    char name[256];
    const char *colon = strchr(text, ':');
    size_t bytes = colon ? (size_t)(colon - text) : strlen(text);
    uint32_t id;
    if ((colon && strcmp(colon, ":admin") != 0) || bytes >= sizeof(name))
        return false;
    memcpy(name, text, bytes);
    name[bytes] = 0;
    if (!(is_group ? values_find_group(name, &id) : values_find_user(name, &id)))
        return false;
    allowed->id = id;
    allowed->is_group = is_group;
    allowed->admin = colon != NULL;
    return true;
}
