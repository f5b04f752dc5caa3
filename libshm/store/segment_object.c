#include "segment_object.h"

#include <stele/detail/atomic.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- lock ----------------------------------------------------------------------------------- */

/* Opens the lock, or makes it; `object->fault` tells of a lock that is not ours. */
static void open_lock(struct stelei_object *object, const char *path)
{
    stelei_object_open(object, path, O_RDWR, STELE_OWNER_SELF);
    if (object->fault == STELEI_OBJECT_ABSENT) {
        int fd = stelei_object_descriptor(path, O_RDWR | O_CREAT | O_EXCL);
        if (fd < 0 && errno != EEXIST) {
            object->fault = STELEI_OBJECT_SYSTEM;
            object->error = errno;
            return;
        }
        if (fd >= 0) {
            fchmod(fd, 0600); /* whatever the umask says */
            close(fd);
        }
        stelei_object_open(object, path, O_RDWR, STELE_OWNER_SELF);
    }
}

static enum stele_status try_lock(const struct stelei_object *object, const char *path,
                                  const struct segment_message *message)
{
    char text[STELEI_OBJECT_PATH_BYTES + 128];
    if (object->fault != STELEI_OBJECT_SOUND) {
        stelei_object_explain(object, path, text, sizeof text);
        segment_say(message, "%s; it should be the lock of this segment's writer", text);
        return stelei_object_status(object);
    }
    if (object->found.st_mode & 077)
        fchmod(object->fd, 0600); /* whoever can open it can hold it */
    if (flock(object->fd, LOCK_EX | LOCK_NB) == 0)
        return STELE_OK;
    if (errno != EWOULDBLOCK) {
        segment_say(message, "cannot lock %s: %s", path, strerror(errno));
        return STELE_EIO;
    }
    segment_say(message,
                "another writer holds %s, or a process forked from it does: is a daemon of this "
                "name running?",
                path);
    return STELE_ELOCKED;
}

enum stele_status segment_object_lock(const char *name, int *fd,
                                      const struct segment_message *message)
{
    char path[STELEI_OBJECT_PATH_BYTES];
    stelei_object_path(name, STELEI_OBJECT_LOCK, path);
    for (int tries = 0; tries < 16; tries++) {
        struct stelei_object object;
        open_lock(&object, path);
        enum stele_status status = STELE_ENOSEGMENT; /* unlinked in between: try the new one */
        if (object.fault != STELEI_OBJECT_ABSENT)
            status = try_lock(&object, path, message);
        if (status == STELE_OK && fstat(object.fd, &object.found) == 0 &&
            object.found.st_nlink > 0) {
            *fd = object.fd;
            return STELE_OK;
        }
        stelei_object_close(&object);
        if (status != STELE_OK && status != STELE_ENOSEGMENT)
            return status;
    }
    segment_say(message, "cannot lock %s: somebody removes it again and again", path);
    return STELE_EIO;
}

static struct flock first_byte(short type)
{
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    return lock;
}

enum stele_status segment_object_claim(int fd, const char *path, bool *claimed,
                                       const struct segment_message *message)
{
    struct flock lock = first_byte(F_WRLCK), other = first_byte(F_RDLCK);
    *claimed = fcntl(fd, F_OFD_SETLK, &lock) == 0;
    /* a read lock would only be kept from us by a writer's */
    if (*claimed || fcntl(fd, F_OFD_GETLK, &other) != 0 || other.l_type == F_UNLCK)
        return STELE_OK;
    segment_say(message,
                "another writer holds %s, though not its lock: was that removed? Is a daemon of this "
                "name running?",
                path);
    return STELE_ELOCKED;
}

/* ---- what is there -------------------------------------------------------------------------- */

/* What helps; nothing is said to be worthless that another stele can still read. */
static const char *remedy(enum stelei_object_fault fault)
{
    switch (fault) {
    case STELEI_OBJECT_OLDER:
        return "; remedy: dump it with that version of stele, load it with this one; or start with "
               "--replace, and its contents are lost";
    case STELEI_OBJECT_NEWER:
        return "; remedy: run the newer version; or start with --replace, and its contents are "
               "lost";
    case STELEI_OBJECT_KIND:
        return "; remedy: remove it, or start with --replace";
    case STELEI_OBJECT_CUT:
    case STELEI_OBJECT_MAGIC:
    case STELEI_OBJECT_LAYOUT:
        return "; remedy: start with --replace (its contents are lost)";
    default:
        return "";
    }
}

enum stele_status segment_object_refuse(const struct stelei_object *object, const char *name,
                                        const struct segment_message *message)
{
    char path[STELEI_OBJECT_PATH_BYTES], text[STELEI_OBJECT_PATH_BYTES + 128];
    stelei_object_path(name, "", path);
    stelei_object_explain(object, path, text, sizeof text);
    segment_say(message, "%s%s", text, remedy(object->fault));
    return stelei_object_status(object);
}

int segment_object_reopen(const char *path, int fd)
{
    struct stat is, wanted;
    int opened = stelei_object_descriptor(path, O_RDONLY);
    if (opened < 0)
        return -1;
    if (fstat(fd, &wanted) == 0 && fstat(opened, &is) == 0 && is.st_dev == wanted.st_dev &&
        is.st_ino == wanted.st_ino)
        return opened;
    close(opened); /* the name was given to another object */
    errno = ENOENT;
    return -1;
}

/* ---- a new one ------------------------------------------------------------------------------ */

static enum stele_status say_errno(const struct segment_message *message, const char *what,
                                   const char *path)
{
    enum stele_status status = errno == ENOENT ? STELE_EIO : stelei_errno(errno);
    segment_say(message, "cannot %s %s: %s", what, path, strerror(errno));
    return status;
}

enum stele_status segment_object_make(struct segment *segment,
                                      const struct stele_store_options *options,
                                      const struct segment_message *message)
{
    char path[STELEI_OBJECT_PATH_BYTES];
    mode_t mode = options->mode ? options->mode : 0640;
    stelei_object_path(options->name, STELEI_OBJECT_NEW, path);
    unlink(path); /* what a killed maker left; we hold its lock */
    segment->fd = stelei_object_descriptor(path, O_RDWR | O_CREAT | O_EXCL);
    if (segment->fd < 0)
        return say_errno(message, "create", path);
    STELE_POINT("segment.make:created");
    segment->read_fd = segment_object_reopen(path, segment->fd);
    if (segment->read_fd < 0)
        return say_errno(message, "open", path);
    if ((options->set_group && fchown(segment->fd, (uid_t)-1, options->group) != 0) ||
        fchmod(segment->fd, mode) != 0)
        return say_errno(message, "set group or mode of", path);
    return STELE_OK;
}

void segment_object_discard(const char *name)
{
    char path[STELEI_OBJECT_PATH_BYTES];
    stelei_object_path(name, STELEI_OBJECT_NEW, path);
    unlink(path);
}

enum stele_status segment_object_publish(const char *name, const struct stelei_object *former,
                                         const struct segment_message *message)
{
    char from[STELEI_OBJECT_PATH_BYTES], path[STELEI_OBJECT_PATH_BYTES];
    stelei_object_path(name, STELEI_OBJECT_NEW, from);
    stelei_object_path(name, "", path);
    STELE_POINT("segment.publish:before_former");
    segment_object_give_up(former);
    STELE_POINT("segment.publish:before_name");
    enum stele_status status = rename(from, path) == 0
                                   ? STELE_OK
                                   : say_errno(message, "give the new segment the name", path);
    if (status != STELE_OK)
        unlink(from);
    STELE_POINT("segment.publish:after_name");
    return status;
}

/* ---- one that ends -------------------------------------------------------------------------- */

/* Bytes from the start to the end of the table words; 0: the header says nothing sensible. */
static uint64_t end_of_tables(const struct stelei_header *header, uint64_t object_bytes)
{
    uint64_t bytes = (uint64_t)header->table_capacity * sizeof(struct stelei_table);
    if (header->tables_off % sizeof(struct stelei_table) || header->tables_off < sizeof *header ||
        header->tables_off > object_bytes || bytes > object_bytes - header->tables_off)
        return 0;
    return header->tables_off + bytes;
}

/*
 * {generation + 1, no root}: as the table's drop stores it. A word is looked at by pread() before
 * it is touched: a hole has none, and touching it takes memory that a full tmpfs does not have.
 */
static void empty_tables(const struct stelei_object *object, uint8_t *base)
{
    for (uint32_t id = 0; id < object->header.table_capacity; id++) {
        uint64_t word = 0, off = object->header.tables_off + id * sizeof(struct stelei_table);
        if (pread(object->fd, &word, sizeof word, (off_t)off) != sizeof word || (uint32_t)word == 0)
            continue;
        word = ((word >> STELEI_TABLE_GENERATION_SHIFT) + 1) << STELEI_TABLE_GENERATION_SHIFT;
        /* release: who finds no table any more also finds the state */
        stelei_store64_release((uint64_t *)(void *)(base + off), word);
    }
}

void segment_object_give_up(const struct stelei_object *object)
{
    const struct stelei_header *header = &object->header;
    uint64_t bytes = (uint64_t)object->found.st_size;
    if (object->fd < 0 || bytes < sizeof *header || header->magic != STELEI_MAGIC)
        return;
    uint64_t end = end_of_tables(header, bytes);
    size_t mapped = end ? end : sizeof *header;
    uint8_t *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, object->fd, 0);
    if (base == MAP_FAILED)
        return;
    stelei_store64_release(&((struct stelei_header *)(void *)base)->state, STELEI_STATE_MOVED);
    STELE_POINT("segment.give_up:before_tables");
    if (end)
        empty_tables(object, base);
    munmap(base, mapped);
}

enum stele_status segment_object_unlink(const char *name)
{
    char path[STELEI_OBJECT_PATH_BYTES];
    struct stelei_object object;
    const struct segment_message silent = {NULL, 0};
    enum stele_status status = STELE_OK;
    bool claimed;
    stelei_object_path(name, "", path);
    stelei_object_find(&object, name, O_RDWR, STELE_OWNER_SELF);
    if (object.fd >= 0 && segment_object_claim(object.fd, path, &claimed, &silent) != STELE_OK) {
        stelei_object_close(&object);
        return STELE_ELOCKED;
    }
    if (object.fault == STELEI_OBJECT_OWNER || object.fault == STELEI_OBJECT_ABSENT ||
        object.fault == STELEI_OBJECT_SYSTEM) {
        status = stelei_object_status(&object);
    } else {
        segment_object_give_up(&object);
        STELE_POINT("segment.unlink:given_up");
        status = unlink(path) == 0 ? STELE_OK : stelei_errno(errno);
    }
    stelei_object_close(&object);
    stelei_object_path(name, STELEI_OBJECT_LOCK, path);
    segment_object_discard(name);
    unlink(path);
    return status;
}
