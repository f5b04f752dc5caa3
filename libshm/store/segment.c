#include "segment.h"

#include "room.h"

#include <stele/detail/address.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

#define OBJECT_BYTES (STELEI_NAME_BYTES + 16)

void segment_say(const struct segment_message *message, const char *format, ...)
{
    va_list arguments;
    if (!message->text || message->bytes == 0)
        return;
    va_start(arguments, format);
    vsnprintf(message->text, message->bytes, format, arguments);
    va_end(arguments);
}

enum stele_status segment_errno(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return STELE_ENOSPC;
    case ENOMEM:
        return STELE_ENOMEM;
    case EACCES:
    case EPERM:
        return STELE_EACCES;
    case ENOENT:
        return STELE_ENOSEGMENT;
    default:
        return STELE_EIO;
    }
}

/* ---- size --------------------------------------------------------------------------------- */

static uint64_t default_bytes(int fd)
{
    static const struct room_sources own = {"/proc/self/cgroup", "/proc/self/mountinfo", ""};
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), free_bytes;
    struct room_facts facts;
    facts.memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * page;
    facts.group_bytes = room_group_limit(&own);
    room_look(fd, &facts.tmpfs_bytes, &free_bytes);
    return room_default_bytes(&facts);
}

/* 8-byte granules reach 32 GiB; each doubling of the segment beyond doubles the granule. */
static uint8_t granule_shift_for(uint64_t max_bytes)
{
    uint8_t shift = 3;
    while ((max_bytes - 1) >> shift > UINT32_MAX)
        shift++;
    return shift;
}

/* ---- population --------------------------------------------------------------------------- */

/* One 2 MiB page: touch one byte's worth, then collapse. Works without privileges and with
 * shmem_enabled=never (measured: 0.2-0.6 ms). */
static bool populate_huge(struct segment *segment, uint64_t off)
{
    if (segment->small_pages)
        return false;
    if (fallocate(segment->fd, 0, (off_t)off, (off_t)STELEI_PAGE_BYTES) != 0)
        return false;
    return madvise(segment->base + off, STELEI_CHUNK_BYTES, MADV_COLLAPSE) == 0;
}

enum stele_status segment_populate(struct segment *segment, uint64_t upto)
{
    enum stele_status status = STELE_OK;
    if (stelei_load64_acquire(&segment->populated) >= upto)
        return STELE_OK;
    pthread_mutex_lock(&segment->populating);
    while (segment->populated < upto) {
        uint64_t off = segment->populated;
        if (off + STELEI_CHUNK_BYTES > segment->map.length) {
            status = STELE_ENOSPC;
            break;
        }
        if (populate_huge(segment, off)) {
            uint64_t *huge = &segment->header->huge_bytes;
            stelei_store64(huge, stelei_load64(huge) + STELEI_CHUNK_BYTES);
        } else if (fallocate(segment->fd, 0, (off_t)off, (off_t)STELEI_CHUNK_BYTES) != 0) {
            if (errno == EINTR)
                continue;
            status = segment_errno(errno);
            stelei_store32(&segment->refused, (uint32_t)status);
            break;
        }
        stelei_store32(&segment->refused, STELE_OK);
        /* pairs with the acquire above: the pages are there before the number says so */
        stelei_store64_release(&segment->populated, off + STELEI_CHUNK_BYTES);
    }
    pthread_mutex_unlock(&segment->populating);
    return status;
}

/* ---- mapping ------------------------------------------------------------------------------ */

static enum stele_status map_object(struct segment *segment, uint64_t bytes)
{
    size_t reserved = bytes + STELEI_CHUNK_BYTES;
    uint8_t *area =
        mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED)
        return segment_errno(errno);
    uint8_t *at = (uint8_t *)stelei_round_up((uintptr_t)area, STELEI_CHUNK_BYTES);
    size_t before = (size_t)(at - area);
    if (before)
        munmap(area, before);
    munmap(at + bytes, STELEI_CHUNK_BYTES - before);
    /* PROT_NONE first: under mlockall(MCL_FUTURE) a usable mapping would be populated whole */
    if (mmap(at, bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, segment->fd, 0) == MAP_FAILED ||
        munlock(at, bytes) != 0 || mprotect(at, bytes, PROT_READ | PROT_WRITE) != 0) {
        enum stele_status status = segment_errno(errno);
        munmap(at, bytes);
        return status;
    }
    madvise(at, bytes, MADV_DONTDUMP);
    segment->base = at;
    segment->header = (struct stelei_header *)(void *)at;
    segment->map.base = at;
    segment->map.length = bytes;
    return STELE_OK;
}

static void map_from_header(struct segment *segment)
{
    const struct stelei_header *header = segment->header;
    segment->map.hash_seed = header->hash_seed;
    segment->map.tables_off = header->tables_off;
    segment->map.table_capacity = header->table_capacity;
    segment->map.granule_shift = header->granule_shift;
}

/* ---- a new segment ------------------------------------------------------------------------ */

static void read_boot_id(uint8_t *id)
{
    char text[64] = {0};
    unsigned at = 0;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    for (ssize_t i = 0; i + 1 < got && at < 16; i++) {
        char pair[3] = {text[i], text[i + 1], 0}, *end;
        unsigned long byte = strtoul(pair, &end, 16);
        if (end != pair + 2)
            continue;
        id[at++] = (uint8_t)byte;
        i++;
    }
}

static enum stele_status write_header(struct segment *segment, uint64_t max_bytes)
{
    struct stelei_header *header = segment->header;
    uint64_t tables = STELEI_PAGE_BYTES;
    uint64_t classes = tables + STELEI_TABLE_CAPACITY * sizeof(struct stelei_table);
    uint64_t data = classes + (max_bytes >> STELEI_UNIT_SHIFT);
    enum stele_status status = segment_populate(segment, STELEI_CHUNK_BYTES);
    if (status != STELE_OK)
        return status;
    if (getrandom(&header->hash_seed, sizeof header->hash_seed, 0) < 0 ||
        getrandom(header->instance_id, sizeof header->instance_id, 0) < 0)
        return STELE_EIO;
    read_boot_id(header->boot_id);
    header->major = STELEI_FORMAT_MAJOR;
    header->minor = STELEI_FORMAT_MINOR;
    header->table_capacity = STELEI_TABLE_CAPACITY;
    header->max_bytes = max_bytes;
    header->tables_off = tables;
    header->classes_off = classes;
    header->data_off = stelei_round_up(data, STELEI_UNIT_BYTES);
    header->granule_shift = granule_shift_for(max_bytes);
    uint64_t first = stelei_round_up(header->data_off + STELEI_UNIT_BYTES, STELEI_CHUNK_BYTES);
    status = segment_populate(segment, first);
    if (status != STELE_OK)
        return status;
    stelei_store64(&header->committed, first);
    stelei_store64(&header->epoch, 1);
    stelei_store64(&header->state, STELEI_STATE_OPEN);
    STELE_POINT("segment.create:before_magic");
    stelei_store64_release(&header->magic, STELEI_MAGIC);
    return STELE_OK;
}

static enum stele_status make_segment(struct segment *segment,
                                      const struct stele_store_options *options,
                                      const struct segment_message *message)
{
    uint64_t bytes = options->max_bytes ? options->max_bytes : default_bytes(segment->fd);
    bytes = bytes / STELEI_CHUNK_BYTES * STELEI_CHUNK_BYTES;
    if (bytes < STELEI_MIN_BYTES || bytes > STELEI_MAX_BYTES) {
        segment_say(message, "size %llu is outside 4 MiB .. 8 TiB",
                    (unsigned long long)options->max_bytes);
        return STELE_EINVAL;
    }
    char why[160];
    enum stele_status status = room_set_size(segment->fd, bytes, why, sizeof why);
    if (status != STELE_OK) {
        segment_say(message, "cannot size the segment to %llu bytes: %s", (unsigned long long)bytes,
                    why);
        return status;
    }
    status = map_object(segment, bytes);
    if (status != STELE_OK) {
        segment_say(message, "cannot map %llu bytes: %s", (unsigned long long)bytes,
                    stele_status_text(status));
        return status;
    }
    status = write_header(segment, bytes);
    if (status != STELE_OK)
        segment_say(message, "cannot populate the first 2 MiB: %s", stele_status_text(status));
    map_from_header(segment);
    return status;
}

/* ---- a segment that is there --------------------------------------------------------------- */

/* What the writer asks beyond what a reader checks. */
static bool header_plausible(const struct stelei_header *header, uint64_t object_bytes)
{
    uint64_t units = header->max_bytes >> STELEI_UNIT_SHIFT;
    uint64_t tables_end =
        header->tables_off + (uint64_t)header->table_capacity * sizeof(struct stelei_table);
    return header->max_bytes >= STELEI_MIN_BYTES && header->max_bytes <= object_bytes &&
           header->max_bytes % STELEI_CHUNK_BYTES == 0 && header->tables_off == STELEI_PAGE_BYTES &&
           header->table_capacity == STELEI_TABLE_CAPACITY && header->classes_off == tables_end &&
           header->data_off == stelei_round_up(tables_end + units, STELEI_UNIT_BYTES) &&
           header->granule_shift == granule_shift_for(header->max_bytes) &&
           header->committed % STELEI_CHUNK_BYTES == 0 && header->committed > header->data_off &&
           header->committed <= header->max_bytes && header->recycled <= header->retired &&
           header->state != STELEI_STATE_MOVED;
}

static enum stele_status check_owner(const struct stat *object, const char *path,
                                     const struct segment_message *message)
{
    if (object->st_uid != geteuid()) {
        segment_say(message, "%s belongs to uid %u, not to uid %u", path, object->st_uid,
                    geteuid());
        return STELE_EOWNER;
    }
    if (object->st_mode & (S_IWGRP | S_IWOTH)) {
        segment_say(message, "%s is writable by others (mode %04o)", path, object->st_mode & 07777);
        return STELE_EOWNER;
    }
    return STELE_OK;
}

/* STELE_ENOSEGMENT: its maker died before it was finished. */
static enum stele_status take_segment(struct segment *segment, const char *path,
                                      const struct segment_message *message)
{
    struct stat object;
    struct stelei_header header;
    if (fstat(segment->fd, &object) != 0)
        return segment_errno(errno);
    enum stele_status status = check_owner(&object, path, message);
    if (status != STELE_OK)
        return status;
    ssize_t got = pread(segment->fd, &header, sizeof header, 0);
    if (got < (ssize_t)sizeof header || header.magic == 0)
        return STELE_ENOSEGMENT;
    if (header.magic == STELEI_MAGIC &&
        (header.major > STELEI_FORMAT_MAJOR || (header.incompat & ~STELEI_INCOMPAT_KNOWN))) {
        segment_say(message,
                    "%s has format %u.%u, newer than %u; remedy: run the newer version, "
                    "or start with --replace",
                    path, header.major, header.minor, STELEI_FORMAT_MAJOR);
        return STELE_EVERSION;
    }
    if (header.magic != STELEI_MAGIC || header.major != STELEI_FORMAT_MAJOR ||
        !header_plausible(&header, (uint64_t)object.st_size) ||
        (uint64_t)object.st_blocks * 512 < header.committed) { /* holes below: not populated */
        segment_say(message, "%s is corrupt; remedy: start with --replace (its contents are lost)",
                    path);
        return STELE_ECORRUPT;
    }
    status = map_object(segment, header.max_bytes);
    if (status != STELE_OK)
        return status;
    map_from_header(segment);
    segment->populated = header.committed;
    if (header.huge_bytes > header.committed) /* what lay ready will be counted again */
        stelei_store64(&segment->header->huge_bytes, header.committed);
    segment->adopted = true;
    stelei_store64(&segment->header->epoch, header.epoch + 1);
    stelei_store64(&segment->header->state, STELEI_STATE_OPEN);
    return STELE_OK;
}

/* ---- lock --------------------------------------------------------------------------------- */

static enum stele_status take_lock(struct segment *segment, const char *name,
                                   const struct segment_message *message)
{
    char path[OBJECT_BYTES];
    snprintf(path, sizeof path, "/stele.%s.lock", name);
    for (int tries = 0; tries < 16; tries++) {
        struct stat object;
        int fd = shm_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            segment_say(message, "cannot open lock %s: %s", path, strerror(errno));
            return errno == EACCES ? STELE_EOWNER : segment_errno(errno);
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            segment_say(message,
                        "another writer holds %s, or a process forked from it does: is a daemon of "
                        "this name running?",
                        path);
            close(fd);
            return errno == EWOULDBLOCK ? STELE_ELOCKED : STELE_EIO;
        }
        enum stele_status status =
            fstat(fd, &object) == 0 ? check_owner(&object, path, message) : STELE_EIO;
        if (status == STELE_OK && object.st_nlink > 0) {
            segment->lock_fd = fd;
            return STELE_OK;
        }
        close(fd); /* unlinked between open and lock: try the new one */
        if (status != STELE_OK)
            return status;
    }
    return STELE_EIO;
}

/* ---- open and close ------------------------------------------------------------------------ */

/* Takes the lock's name away again: its maker found nothing to lock. */
static enum stele_status refuse_to_make(const char *name, const struct segment_message *message)
{
    char path[OBJECT_BYTES];
    snprintf(path, sizeof path, "/stele.%s.lock", name);
    shm_unlink(path);
    segment_say(message, "there is no segment /stele.%s", name);
    return STELE_ENOSEGMENT;
}

static enum stele_status open_named(struct segment *segment,
                                    const struct stele_store_options *options,
                                    const struct segment_message *message)
{
    char path[OBJECT_BYTES];
    mode_t mode = options->mode ? options->mode : 0640;
    if (!stelei_address_name_valid(options->name) || (mode & ~0777u) || (mode & 022) ||
        (mode & 0600) != 0600) {
        segment_say(message, "name or mode is not allowed: names are 1..63 of [A-Za-z0-9._-], "
                             "modes give others no write bit");
        return STELE_EINVAL;
    }
    enum stele_status status = take_lock(segment, options->name, message);
    if (status != STELE_OK)
        return status;
    snprintf(path, sizeof path, "/stele.%s", options->name);
    segment->fd = shm_open(path, O_RDWR | O_CLOEXEC, 0);
    if (segment->fd >= 0) {
        status = take_segment(segment, path, message);
        bool replace = options->replace && (status == STELE_ECORRUPT || status == STELE_EVERSION);
        if (status != STELE_ENOSEGMENT && !replace)
            return status;
        close(segment->fd);
        segment->fd = -1;
        shm_unlink(path);
    } else if (errno != ENOENT) {
        segment_say(message, "cannot open %s: %s", path, strerror(errno));
        return errno == EACCES ? STELE_EOWNER : segment_errno(errno);
    }
    if (options->existing)
        return refuse_to_make(options->name, message);
    segment->fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (segment->fd < 0) {
        segment_say(message, "cannot create %s: %s", path, strerror(errno));
        return segment_errno(errno);
    }
    if ((options->set_group && fchown(segment->fd, (uid_t)-1, options->group) != 0) ||
        fchmod(segment->fd, mode) != 0) {
        segment_say(message, "cannot set group or mode of %s: %s", path, strerror(errno));
        status = segment_errno(errno);
    } else {
        status = make_segment(segment, options, message);
    }
    if (status != STELE_OK)
        shm_unlink(path);
    return status;
}

static enum stele_status open_read_only(struct segment *segment)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", segment->fd);
    segment->read_fd = open(path, O_RDONLY | O_CLOEXEC);
    return segment->read_fd < 0 ? segment_errno(errno) : STELE_OK;
}

enum stele_status segment_open(struct segment *segment, const struct stele_store_options *options,
                               const struct segment_message *message)
{
    enum stele_status status;
    memset(segment, 0, sizeof *segment);
    segment->fd = segment->read_fd = segment->lock_fd = -1;
    segment->small_pages = options->small_pages;
    pthread_mutex_init(&segment->populating, NULL);
    if (options->name) {
        status = open_named(segment, options, message);
    } else {
        segment->fd = memfd_create("stele", MFD_CLOEXEC);
        status = segment->fd < 0 ? segment_errno(errno) : make_segment(segment, options, message);
    }
    if (status == STELE_OK)
        status = open_read_only(segment);
    if (status != STELE_OK)
        segment_close(segment, false);
    return status;
}

void segment_close(struct segment *segment, bool clean)
{
    if (segment->base) {
        if (clean)
            stelei_store64_release(&segment->header->state, STELEI_STATE_CLEAN);
        munmap(segment->base, segment->map.length);
    }
    if (segment->fd >= 0)
        close(segment->fd);
    if (segment->read_fd >= 0)
        close(segment->read_fd);
    if (segment->lock_fd >= 0)
        close(segment->lock_fd); /* lets go of the lock */
    pthread_mutex_destroy(&segment->populating);
    memset(segment, 0, sizeof *segment);
    segment->fd = segment->read_fd = segment->lock_fd = -1;
}

enum stele_status segment_unlink(const char *name)
{
    struct segment segment = {.lock_fd = -1};
    struct segment_message silent = {NULL, 0};
    char path[OBJECT_BYTES];
    if (!stelei_address_name_valid(name))
        return STELE_EINVAL;
    enum stele_status status = take_lock(&segment, name, &silent);
    if (status != STELE_OK)
        return status;
    snprintf(path, sizeof path, "/stele.%s", name);
    status = shm_unlink(path) == 0 ? STELE_OK : segment_errno(errno);
    snprintf(path, sizeof path, "/stele.%s.lock", name);
    shm_unlink(path);
    close(segment.lock_fd);
    return status;
}
