/*
 * object.h - what stands under a segment's name, judged before anything in it is trusted. The one
 * check that the writer, readers and tools make. Knows files and the first page, no mapping.
 *
 *     /dev/shm/stele.NAME         the segment, whole from its first instant, mode 0640
 *     /dev/shm/stele.NAME.lock    its writer's lock, mode 0600
 *     /dev/shm/stele.NAME~new     a segment while it is being made; only the lock's holder looks
 *
 * Anybody may make files in /dev/shm, so the name may stand for a FIFO, a link, a device or somebody
 * else's file. It is looked at before it is opened and again afterwards, never waited for, never
 * followed, and belongs to somebody whom the caller trusts: the owner of a file can change and
 * truncate it at any time, and whoever reads a page that was cut off is killed by SIGBUS.
 */
#ifndef STELE_DETAIL_OBJECT_H
#define STELE_DETAIL_OBJECT_H

#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <stele/status.h>

#include "address.h"
#include "descriptor.h"
#include "format.h"

#define STELEI_OBJECT_DIRECTORY  "/dev/shm/"
#define STELEI_OBJECT_PREFIX     "stele."
#define STELEI_OBJECT_LOCK       ".lock"
#define STELEI_OBJECT_NEW        "~new" /* in no name of a segment: '~' is not allowed there */
#define STELEI_OBJECT_PATH_BYTES (STELEI_NAME_BYTES + 24u)

/* Whose objects are trusted beside root's and one's own: a uid, or one of these. */
#define STELE_OWNER_USUAL (UINT64_C(1) << 32) /* the system's daemon: who owns /run/stele */
#define STELE_OWNER_ANY   (UINT64_C(2) << 32)
#define STELE_OWNER_SELF  (UINT64_C(3) << 32) /* one's own alone, root's neither: for writers */

enum stelei_object_fault {
    STELEI_OBJECT_SOUND,
    STELEI_OBJECT_ABSENT, /* no such name */
    STELEI_OBJECT_SYSTEM, /* the system refused; `error` has errno */
    STELEI_OBJECT_OWNER,  /* belongs to somebody who is not trusted */
    STELEI_OBJECT_KIND,   /* no regular file */
    STELEI_OBJECT_MODE,   /* group or others can write */
    STELEI_OBJECT_CUT,    /* shorter than a header, or than its header says */
    STELEI_OBJECT_MAGIC,  /* a file of something else */
    STELEI_OBJECT_LAYOUT, /* a header that no stele wrote */
    STELEI_OBJECT_OLDER,  /* format */
    STELEI_OBJECT_NEWER,  /* format, or a bit that must not be ignored */
    STELEI_OBJECT_MOVED   /* its end was decided */
};

/* What was found, as far as it was looked at. */
struct stelei_object {
    int fd; /* -1: not open */
    int error;
    enum stelei_object_fault fault;
    struct stat found;
    struct stelei_header header;
};

static inline enum stele_status stelei_errno(int error)
{
    switch (error) {
    case ENOENT:
        return STELE_ENOSEGMENT;
    case EACCES:
    case EPERM:
        return STELE_EACCES;
    case ENOMEM:
        return STELE_ENOMEM;
    case ENOSPC:
    case EDQUOT:
        return STELE_ENOSPC;
    case EINVAL:
    case ENAMETOOLONG:
        return STELE_EINVAL;
    default:
        return STELE_EIO;
    }
}

static inline enum stele_status stelei_object_status(const struct stelei_object *object)
{
    switch (object->fault) {
    case STELEI_OBJECT_SOUND:
        return STELE_OK;
    case STELEI_OBJECT_ABSENT:
        return STELE_ENOSEGMENT;
    case STELEI_OBJECT_SYSTEM:
        return stelei_errno(object->error);
    case STELEI_OBJECT_OWNER:
    case STELEI_OBJECT_MODE:
        return STELE_EOWNER;
    case STELEI_OBJECT_OLDER:
    case STELEI_OBJECT_NEWER:
        return STELE_EVERSION;
    case STELEI_OBJECT_MOVED:
        return STELE_EMOVED;
    case STELEI_OBJECT_KIND:
    case STELEI_OBJECT_CUT:
    case STELEI_OBJECT_MAGIC:
    case STELEI_OBJECT_LAYOUT:
        break;
    }
    return STELE_ECORRUPT;
}

/* ---- the first page -------------------------------------------------------------------------- */

/* 8-byte granules reach 32 GiB; each doubling of the segment beyond doubles the granule. */
static inline unsigned stelei_header_granule_shift(uint64_t max_bytes)
{
    unsigned shift = 3;
    while ((max_bytes - 1) >> shift > UINT32_MAX)
        shift++;
    return shift;
}

/* Where the array of classes begins, and where it ends: the first byte that is given out. */
static inline uint64_t stelei_header_classes_off(void)
{
    return STELEI_PAGE_BYTES + STELEI_TABLE_CAPACITY * sizeof(struct stelei_table);
}
static inline uint64_t stelei_header_data_off(uint64_t max_bytes)
{
    return stelei_round_up(stelei_header_classes_off() + (max_bytes >> STELEI_UNIT_SHIFT),
                           STELEI_UNIT_BYTES);
}

/* Everything follows from max_bytes; `committed` only grows, by chunks. */
static inline bool stelei_header_layout(const struct stelei_header *header)
{
    uint64_t bytes = header->max_bytes;
    return bytes >= STELEI_MIN_BYTES && bytes <= STELEI_MAX_BYTES &&
           bytes % STELEI_CHUNK_BYTES == 0 && header->tables_off == STELEI_PAGE_BYTES &&
           header->table_capacity == STELEI_TABLE_CAPACITY &&
           header->classes_off == stelei_header_classes_off() &&
           header->data_off == stelei_header_data_off(bytes) &&
           header->granule_shift == stelei_header_granule_shift(bytes) &&
           header->committed % STELEI_CHUNK_BYTES == 0 && header->committed > header->data_off &&
           header->committed <= bytes;
}

/* What a header says, in an object of so many bytes, before any of its offsets is followed. */
static inline enum stelei_object_fault stelei_header_fault(const struct stelei_header *header,
                                                           uint64_t object_bytes)
{
    if (object_bytes < sizeof *header)
        return STELEI_OBJECT_CUT;
    if (header->magic != STELEI_MAGIC)
        return STELEI_OBJECT_MAGIC;
    if (header->major == 0)
        return STELEI_OBJECT_LAYOUT;
    if (header->state == STELEI_STATE_MOVED)
        return STELEI_OBJECT_MOVED;
    if (header->major < STELEI_FORMAT_MAJOR)
        return STELEI_OBJECT_OLDER;
    if (header->major > STELEI_FORMAT_MAJOR || (header->incompat & ~STELEI_INCOMPAT_KNOWN))
        return STELEI_OBJECT_NEWER;
    if (!stelei_header_layout(header))
        return STELEI_OBJECT_LAYOUT;
    return header->max_bytes > object_bytes ? STELEI_OBJECT_CUT : STELEI_OBJECT_SOUND;
}

/* ---- the file -------------------------------------------------------------------------------- */

static inline void stelei_object_path(const char *name, const char *suffix,
                                      char path[STELEI_OBJECT_PATH_BYTES])
{
    snprintf(path, STELEI_OBJECT_PATH_BYTES, STELEI_OBJECT_DIRECTORY STELEI_OBJECT_PREFIX "%s%s",
             name, suffix);
}

/* open() that waits for nobody and follows no link; the descriptor is 3 or more. */
static inline int stelei_object_descriptor(const char *path, int flags)
{
    return stelei_descriptor(
        open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600));
}

/*
 * The user of the system's daemon: the service manager gives /run/stele to it, and nobody but root
 * can make that directory. False where there is none.
 */
static inline bool stelei_object_system_owner(uid_t *owner)
{
    struct stat found;
    if (lstat(STELEI_ADDRESS_SYSTEM, &found) != 0 || !S_ISDIR(found.st_mode) || found.st_uid != 0 ||
        (found.st_mode & (S_IWGRP | S_IWOTH)))
        return false;
    if (lstat(STELEI_ADDRESS_SYSTEM "/stele", &found) != 0 || !S_ISDIR(found.st_mode))
        return false;
    *owner = found.st_uid;
    return true;
}

static inline bool stelei_object_trusted(uid_t is, uint64_t owner)
{
    uid_t system = 0;
    if (is == geteuid() || owner == STELE_OWNER_ANY)
        return true;
    if (owner == STELE_OWNER_SELF)
        return false;
    if (is == 0 || is == owner)
        return true;
    return owner == STELE_OWNER_USUAL && stelei_object_system_owner(&system) && is == system;
}

static inline enum stelei_object_fault stelei_object_judge(const struct stat *found, uint64_t owner)
{
    if (!stelei_object_trusted(found->st_uid, owner))
        return STELEI_OBJECT_OWNER;
    if (!S_ISREG(found->st_mode))
        return STELEI_OBJECT_KIND;
    return found->st_mode & (S_IWGRP | S_IWOTH) ? STELEI_OBJECT_MODE : STELEI_OBJECT_SOUND;
}

static inline enum stelei_object_fault stelei_object_refused(struct stelei_object *object)
{
    object->error = errno;
    return errno == ENOENT ? STELEI_OBJECT_ABSENT : STELEI_OBJECT_SYSTEM;
}

/* Size and first page of an open regular file. pread() of a hole allocates nothing, a load would. */
static inline enum stelei_object_fault stelei_object_read(struct stelei_object *object)
{
    if (fstat(object->fd, &object->found) != 0)
        return stelei_object_refused(object);
    if (!S_ISREG(object->found.st_mode))
        return STELEI_OBJECT_KIND;
    ssize_t got = pread(object->fd, &object->header, sizeof object->header, 0);
    if (got < 0)
        return stelei_object_refused(object);
    return stelei_header_fault(&object->header, got < STELEI_CAST(ssize_t, sizeof object->header)
                                                    ? 0
                                                    : STELEI_CAST(uint64_t, object->found.st_size));
}

/*
 * Looks into an open descriptor, which stays the caller's. Twice before it is called damaged: size
 * and page are not read at one instant, and steles before format 3 made a segment under its name.
 */
static inline void stelei_object_look(struct stelei_object *object)
{
    object->fault = stelei_object_read(object);
    if (stelei_object_status(object) == STELE_ECORRUPT)
        object->fault = stelei_object_read(object);
}

/* Looks at the file without its contents; opens it where it can be trusted that far. */
static inline void stelei_object_open(struct stelei_object *object, const char *path, int flags,
                                      uint64_t owner)
{
    memset(object, 0, sizeof *object);
    object->fd = -1;
    if (lstat(path, &object->found) != 0) {
        object->fault = stelei_object_refused(object);
        return;
    }
    object->fault = stelei_object_judge(&object->found, owner);
    if (object->fault != STELEI_OBJECT_SOUND)
        return;
    object->fd = stelei_object_descriptor(path, flags);
    if (object->fd < 0 || fstat(object->fd, &object->found) != 0)
        object->fault = stelei_object_refused(object);
    else /* the name may have gone to something else in between */
        object->fault = stelei_object_judge(&object->found, owner);
}

static inline void stelei_object_close(struct stelei_object *object)
{
    if (object->fd >= 0)
        close(object->fd);
    object->fd = -1;
}

/*
 * The segment of this valid name; open (object->fd) unless it is absent or was not trusted, whatever
 * its header says: to be closed by the caller.
 */
static inline void stelei_object_find(struct stelei_object *object, const char *name, int flags,
                                      uint64_t owner)
{
    char path[STELEI_OBJECT_PATH_BYTES];
    stelei_object_path(name, "", path);
    stelei_object_open(object, path, flags, owner);
    if (object->fault == STELEI_OBJECT_SOUND)
        stelei_object_look(object);
    else
        stelei_object_close(object);
}

/* ---- in words -------------------------------------------------------------------------------- */

static inline const char *stelei_object_kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFLNK:
        return "a symbolic link";
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

/* One line that names the object at `path` and what is wrong with it; no remedy. */
static inline void stelei_object_explain(const struct stelei_object *object, const char *path,
                                         char *text, size_t bytes)
{
    const struct stelei_header *header = &object->header;
    unsigned uid = object->found.st_uid, mode = object->found.st_mode & 07777u;
    unsigned long long size = STELEI_CAST(unsigned long long, object->found.st_size);
    switch (object->fault) {
    case STELEI_OBJECT_SOUND:
        snprintf(text, bytes, "%s is a sound segment of uid %u", path, uid);
        break;
    case STELEI_OBJECT_ABSENT:
        snprintf(text, bytes, "there is no %s", path);
        break;
    case STELEI_OBJECT_SYSTEM:
        snprintf(text, bytes, "cannot open %s (uid %u, mode %04o): %s", path, uid, mode,
                 strerror(object->error));
        break;
    case STELEI_OBJECT_OWNER:
        snprintf(text, bytes, "%s belongs to uid %u, whom uid %u was not told to trust", path, uid,
                 geteuid());
        break;
    case STELEI_OBJECT_KIND:
        snprintf(text, bytes, "%s is %s, not a segment", path,
                 stelei_object_kind(object->found.st_mode));
        break;
    case STELEI_OBJECT_MODE:
        snprintf(text, bytes, "%s is writable by others (mode %04o)", path, mode);
        break;
    case STELEI_OBJECT_CUT:
        snprintf(text, bytes, "%s is corrupt: it was truncated to %llu bytes", path, size);
        break;
    case STELEI_OBJECT_MAGIC:
        snprintf(text, bytes, "%s is damaged, or no segment: it does not begin as one does",
                 path);
        break;
    case STELEI_OBJECT_LAYOUT:
        snprintf(text, bytes, "%s is corrupt: its header makes no sense", path);
        break;
    case STELEI_OBJECT_OLDER:
    case STELEI_OBJECT_NEWER:
        snprintf(text, bytes, "%s has format %u.%u, %s than this build's %u.%u", path,
                 STELEI_CAST(unsigned, header->major), STELEI_CAST(unsigned, header->minor),
                 object->fault == STELEI_OBJECT_OLDER ? "older" : "newer", STELEI_FORMAT_MAJOR,
                 STELEI_FORMAT_MINOR);
        break;
    case STELEI_OBJECT_MOVED:
        snprintf(text, bytes, "%s was given up by its writer", path);
        break;
    }
}

#endif
