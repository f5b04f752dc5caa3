#include "names.h"

#include <stele/detail/object.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void names_begin(struct names *names, const char *name)
{
    memset(names, 0, sizeof *names);
    if (name)
        snprintf(names->name, sizeof names->name, "%s", name);
}

/* ---- where a name leads ----------------------------------------------------------------------- */

enum place {
    PLACE_OURS,
    PLACE_EMPTY,  /* no such name */
    PLACE_OTHER,  /* another file */
    PLACE_UNKNOWN /* the system does not tell */
};

static enum place look(const char *path, const struct stat *held)
{
    struct stat found;
    if (lstat(path, &found) != 0)
        return errno == ENOENT ? PLACE_EMPTY : PLACE_UNKNOWN;
    return found.st_dev == held->st_dev && found.st_ino == held->st_ino ? PLACE_OURS : PLACE_OTHER;
}

/* Never over what has the name. */
static bool link_again(int fd, const char *path)
{
    char from[40];
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

/* ---- the lock --------------------------------------------------------------------------------- */

/* Locked while it has no name yet: who finds it finds it locked. -1: the system refused. */
static int new_lock(const char *path)
{
    int fd = stelei_descriptor(open(STELEI_OBJECT_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd < 0)
        return -1;
    if (fchmod(fd, 0600) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && link_again(fd, path))
        return fd;
    close(fd);
    return -1;
}

/* What somebody else made there: perhaps a writer that has found the segment taken. */
static int other_lock(const char *path)
{
    struct stat found;
    int fd = stelei_object_descriptor(path, O_RDWR);
    if (fd < 0)
        return -1;
    if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && look(path, &found) == PLACE_OURS)
        return fd;
    close(fd);
    return -1;
}

static enum stele_status detach(struct names *names, const struct segment_message *message,
                                const char *path, const char *what)
{
    names->detached = true;
    segment_say(message,
                "%s %s: nobody can find the segment any more, and what it holds ends with this "
                "process; writes are refused. Dump what is needed, then restart",
                path, what);
    return STELE_EDETACHED;
}

static enum stele_status check_lock(struct names *names, struct segment *segment,
                                    const struct segment_message *message)
{
    struct stat held;
    char path[STELEI_OBJECT_PATH_BYTES];
    stelei_object_path(names->name, STELEI_OBJECT_LOCK, path);
    if (fstat(segment->lock_fd, &held) != 0)
        return STELE_OK;
    enum place place = look(path, &held);
    if (place == PLACE_OURS || (place == PLACE_UNKNOWN && segment->claimed)) {
        names->lock_lost = false;
        return STELE_OK;
    }
    if (place == PLACE_EMPTY && held.st_nlink > 0 && link_again(segment->lock_fd, path)) {
        segment_say(message, "%s had been moved away, and has its name again", path);
        return STELE_OK;
    }
    int fd = place == PLACE_EMPTY ? new_lock(path) : other_lock(path);
    if (fd >= 0) {
        close(segment->lock_fd);
        segment->lock_fd = fd;
        names->lock_lost = false;
        segment_say(message, "%s had been removed, and was made again", path);
        return STELE_OK;
    }
    if (!segment->claimed)
        return detach(names, message, path, "was removed, and cannot be made again");
    if (!names->lock_lost)
        segment_say(message, "%s was removed, and cannot be made again yet; the segment itself is "
                             "locked too",
                    path);
    names->lock_lost = true;
    return STELE_OK;
}

/* ---- the segment ------------------------------------------------------------------------------ */

static enum stele_status check_segment(struct names *names, const struct segment *segment,
                                       const struct segment_message *message)
{
    struct stat held;
    char path[STELEI_OBJECT_PATH_BYTES];
    stelei_object_path(names->name, "", path);
    if (fstat(segment->fd, &held) != 0)
        return STELE_OK;
    switch (look(path, &held)) {
    case PLACE_OURS:
        return STELE_OK;
    case PLACE_UNKNOWN:
        return held.st_nlink > 0 ? STELE_OK : detach(names, message, path, "was removed");
    case PLACE_OTHER:
        return detach(names, message, path, "was given to another file");
    case PLACE_EMPTY:
        break;
    }
    if (held.st_nlink == 0)
        return detach(names, message, path, "was removed");
    if (!link_again(segment->fd, path))
        return detach(names, message, path, "was moved away, and cannot be linked again");
    segment_say(message, "%s had been moved away, and has its name again", path);
    return STELE_OK;
}

enum stele_status names_check(struct names *names, struct segment *segment,
                              const struct segment_message *message)
{
    names->changes = 0;
    if (names->name[0] == 0)
        return STELE_OK;
    if (names->detached)
        return STELE_EDETACHED;
    enum stele_status status = check_segment(names, segment, message);
    return status == STELE_OK ? check_lock(names, segment, message) : status;
}

bool names_gone(const struct names *names, const struct segment *segment)
{
    struct stat held;
    return names->detached && fstat(segment->fd, &held) == 0 && held.st_nlink == 0;
}
