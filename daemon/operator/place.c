#include "operator/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the path's last part stands in. */
static void place_directory(const char *path, char directory[STELEI_ADDRESS_BYTES])
{
    const char *slash = strrchr(path, '/');
    size_t bytes = slash && slash > path ? (size_t)(slash - path) : 1;
    memcpy(directory, slash ? path : ".", bytes);
    directory[bytes] = 0;
}

/* With the mode that is meant, whatever the umask; one that is there stays as it is. */
static enum stele_status place_make(const char *directory, mode_t mode, char *detail,
                                    size_t detail_bytes)
{
    if (mkdir(directory, mode) == 0) {
        if (chmod(directory, mode) == 0)
            return STELE_OK;
    } else if (errno == EEXIST) {
        return STELE_OK;
    }
    snprintf(
        detail, detail_bytes,
        "cannot make the socket's directory %s: %s; create it for uid %u, set XDG_RUNTIME_DIR, "
        "or give --socket",
        directory, strerror(errno), (unsigned)geteuid());
    return errno == ENOENT || errno == ENOTDIR ? STELE_EINVAL : STELE_EACCES;
}

/* A place where a socket can be made, or stands already. */
static enum stele_status place_check(const char *option, const char *path, char *detail,
                                     size_t detail_bytes)
{
    char directory[STELEI_ADDRESS_BYTES];
    struct stat found;
    place_directory(path, directory);
    if (stat(directory, &found) != 0 || !S_ISDIR(found.st_mode)) {
        snprintf(detail, detail_bytes,
                 "socket %s: there is no directory %s; create it or give another %s", path,
                 directory, option);
        return STELE_EINVAL;
    }
    if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) != 0) {
        snprintf(detail, detail_bytes,
                 "socket %s: uid %u may not create files in %s (%s); make it writable or give "
                 "another %s",
                 path, (unsigned)geteuid(), directory, strerror(errno), option);
        return STELE_EACCES;
    }
    if (lstat(path, &found) == 0 && !S_ISSOCK(found.st_mode)) {
        snprintf(detail, detail_bytes,
                 "socket %s: exists and is not a socket; remove it or give another %s", path,
                 option);
        return STELE_EINVAL;
    }
    return STELE_OK;
}

enum stele_status place_prepare(const struct options *options, bool native_given, char *detail,
                                size_t detail_bytes)
{
    char directory[STELEI_ADDRESS_BYTES];
    enum stele_status status = STELE_OK;
    place_directory(options->socket_path, directory);
    if (!native_given && !options->socket_given)
        status = place_make(directory, options->directory_mode, detail, detail_bytes);
    if (!native_given && status == STELE_OK)
        status = place_check("--socket", options->socket_path, detail, detail_bytes);
    if (options->map8x32_path[0] && status == STELE_OK)
        status = place_check("--map8x32", options->map8x32_path, detail, detail_bytes);
    return status;
}

enum stele_status place_settle(const struct options *options, int fd, struct policy *policy,
                               char *detail, size_t detail_bytes)
{
    struct stat found;
    if (fstat(fd, &found) != 0) {
        snprintf(detail, detail_bytes, "stat: %s", strerror(errno));
        return STELE_EIO;
    }
    if (options->group_given && found.st_gid != options->group &&
        fchown(fd, (uid_t)-1, options->group) != 0) {
        snprintf(detail, detail_bytes,
                 "cannot give it to group %u: %s; --group wants a group of uid %u",
                 (unsigned)options->group, strerror(errno), (unsigned)geteuid());
        return STELE_EACCES;
    }
    if (options->mode_given && (found.st_mode & 0777) != options->mode &&
        fchmod(fd, options->mode) != 0) {
        snprintf(detail, detail_bytes, "cannot set its mode to %04o: %s", (unsigned)options->mode,
                 strerror(errno));
        return STELE_EACCES;
    }
    policy->owner = geteuid();
    policy->segment_mode = options->mode_given ? (mode_t)options->mode : found.st_mode & 0777;
    policy->segment_group = options->group_given ? (gid_t)options->group : found.st_gid;
    policy->allowed_count = options->allowed_count;
    memcpy(policy->allowed, options->allowed, sizeof(policy->allowed));
    return STELE_OK;
}
