#include "segment.h"
#include "segment_header.h"
#include "segment_object.h"

#include "room.h"

#include <stele/detail/segment_map.h>

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

void segment_say(const struct segment_message *message, const char *format, ...)
{
    va_list arguments;
    if (!message->text || message->bytes == 0)
        return;
    va_start(arguments, format);
    vsnprintf(message->text, message->bytes, format, arguments);
    va_end(arguments);
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
            status = stelei_errno(errno);
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

/* ---- a new segment ------------------------------------------------------------------------ */

static enum stele_status map_object(struct segment *segment, uint64_t bytes)
{
    enum stele_status status =
        stelei_object_map(segment->fd, bytes, PROT_READ | PROT_WRITE, &segment->base);
    if (status != STELE_OK)
        return status;
    segment->header = (struct stelei_header *)(void *)segment->base;
    segment->map.base = segment->base;
    segment->map.length = bytes;
    return STELE_OK;
}

/* In an object that is empty and nobody else's. */
static enum stele_status fill_object(struct segment *segment,
                                     const struct stele_store_options *options,
                                     const struct segment_message *message)
{
    uint64_t bytes =
        options->max_bytes ? options->max_bytes : segment_header_default_bytes(segment->fd);
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
    status = segment_header_write(segment);
    if (status != STELE_OK)
        segment_say(message, "cannot populate the first 2 MiB: %s", stele_status_text(status));
    stelei_map_learn(&segment->map, segment->base, segment->header);
    return status;
}

/* The object and its mapping; the lock stays. */
static void let_go(struct segment *segment)
{
    if (segment->base)
        munmap(segment->base, segment->map.length);
    if (segment->fd >= 0)
        close(segment->fd);
    if (segment->read_fd >= 0)
        close(segment->read_fd);
    memset(&segment->map, 0, sizeof segment->map);
    segment->base = NULL;
    segment->header = NULL;
    segment->fd = segment->read_fd = -1;
    segment->populated = 0;
    segment->refused = segment->refusals = 0;
    segment->adopted = segment->claimed = false;
}

static enum stele_status make_once(struct segment *segment,
                                   const struct stele_store_options *options,
                                   const struct stelei_object *former,
                                   const struct segment_message *message)
{
    enum stele_status status = segment_object_make(segment, options, message);
    if (status == STELE_OK)
        status = fill_object(segment, options, message);
    if (status == STELE_OK) /* nobody else knows it */
        status = segment_object_claim(segment->fd, options->name, &segment->claimed, message);
    if (status == STELE_OK)
        status = segment_object_publish(options->name, former, message);
    if (status != STELE_OK) {
        segment_object_discard(options->name);
        let_go(segment);
    }
    return status;
}

/* Takes the place of the former one, which is closed. On a full tmpfs it must make room first. */
static enum stele_status make_named(struct segment *segment,
                                    const struct stele_store_options *options,
                                    struct stelei_object *former,
                                    const struct segment_message *message)
{
    char path[STELEI_OBJECT_PATH_BYTES];
    bool claimed;
    stelei_object_path(options->name, "", path);
    enum stele_status status = STELE_OK;
    if (former->fd >= 0)
        status = segment_object_claim(former->fd, path, &claimed, message);
    if (status == STELE_OK)
        status = make_once(segment, options, former, message);
    if (status == STELE_ENOSPC && former->fd >= 0) {
        segment_object_give_up(former);
        unlink(path);
        stelei_object_close(former);
        status = make_once(segment, options, former, message);
    }
    stelei_object_close(former);
    return status;
}

static enum stele_status make_anonymous(struct segment *segment,
                                        const struct stele_store_options *options,
                                        const struct segment_message *message)
{
    char path[40];
    segment->fd = stelei_descriptor(memfd_create("stele", MFD_CLOEXEC));
    if (segment->fd < 0)
        return stelei_errno(errno);
    snprintf(path, sizeof path, "/proc/self/fd/%d", segment->fd);
    segment->read_fd = stelei_descriptor(open(path, O_RDONLY | O_CLOEXEC));
    if (segment->read_fd < 0) {
        segment_say(message, "cannot open %s: %s", path, strerror(errno));
        return STELE_EIO;
    }
    return fill_object(segment, options, message);
}

/* ---- a segment that is there --------------------------------------------------------------- */

/*
 * Everything below `committed` is populated, or a write could meet SIGBUS on a full tmpfs. A copy
 * (cp, tar, rsync back from a backup) has holes where pages were all zero. What lay ready beyond
 * `committed` is let go of first: then the count of blocks tells. Running readers see zeros as before.
 */
enum stele_status segment_fill_holes(const struct segment *segment,
                                     const struct segment_message *message)
{
    struct stat object;
    uint64_t committed = segment->header->committed, length = segment->map.length;
    if (committed < length)
        fallocate(segment->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)committed,
                  (off_t)(length - committed));
    if (fstat(segment->fd, &object) != 0)
        return stelei_errno(errno);
    if ((uint64_t)object.st_blocks * 512 >= committed)
        return STELE_OK;
    while (fallocate(segment->fd, 0, 0, (off_t)committed) != 0) {
        enum stele_status status = stelei_errno(errno);
        if (errno == EINTR)
            continue;
        segment_say(message,
                    "the segment is a sparse copy, and the tmpfs has no room for its %llu bytes: "
                    "%s; remedy: make room and start again, its contents are sound",
                    (unsigned long long)committed, strerror(errno));
        return status;
    }
    return STELE_OK;
}

/* Takes over what was found sound, with its descriptor. */
static enum stele_status take_segment(struct segment *segment, const char *name,
                                      struct stelei_object *object,
                                      const struct segment_message *message)
{
    char path[STELEI_OBJECT_PATH_BYTES];
    stelei_object_path(name, "", path);
    segment->fd = object->fd;
    object->fd = -1;
    enum stele_status status = segment_object_claim(segment->fd, path, &segment->claimed, message);
    if (status != STELE_OK)
        return status;
    segment->read_fd = segment_object_reopen(path, segment->fd);
    if (segment->read_fd < 0) {
        segment_say(message, "cannot open %s for reading: %s", path, strerror(errno));
        return stelei_errno(errno);
    }
    status = map_object(segment, object->header.max_bytes);
    if (status != STELE_OK) {
        segment_say(message, "cannot map %s: %s", path, stele_status_text(status));
        return status;
    }
    stelei_map_learn(&segment->map, segment->base, segment->header);
    struct stelei_header *header = segment->header;
    segment->populated = header->committed;
    if (header->huge_bytes > header->committed) /* what lay ready will be counted again */
        stelei_store64(&header->huge_bytes, header->committed);
    segment->adopted = true;
    stelei_store64(&header->epoch, header->epoch + 1);
    stelei_store64(&header->state, STELEI_STATE_OPEN);
    return STELE_OK;
}

/* ---- open and close ------------------------------------------------------------------------ */

/* What the writer asks of a header beyond what a reader does: these move while one reads them. */
static void look_again(struct stelei_object *object)
{
    if (object->fault == STELEI_OBJECT_SOUND && object->header.recycled > object->header.retired)
        object->fault = STELEI_OBJECT_LAYOUT;
}

/* Nothing to adopt, and nothing that anybody could miss, or was told to keep. */
static bool may_make(const struct stelei_object *object, bool replace)
{
    switch (object->fault) {
    case STELEI_OBJECT_ABSENT:
    case STELEI_OBJECT_MOVED:
        return true;
    case STELEI_OBJECT_SOUND:
    case STELEI_OBJECT_SYSTEM:
    case STELEI_OBJECT_OWNER:
    case STELEI_OBJECT_MODE: /* not even then: who knows whose it is */
        return false;
    default:
        return replace;
    }
}

static bool options_valid(const struct stele_store_options *options)
{
    mode_t mode = options->mode ? options->mode : 0640;
    return stelei_address_name_valid(options->name) && (mode & ~0777u) == 0 && (mode & 022) == 0 &&
           (mode & 0600) == 0600;
}

static enum stele_status open_named(struct segment *segment,
                                    const struct stele_store_options *options,
                                    const struct segment_message *message)
{
    struct stelei_object found;
    if (!options_valid(options)) {
        segment_say(message,
                    "name or mode is not allowed: names are 1..63 of [A-Za-z0-9._-] and do "
                    "not end in .lock, modes give others no write bit");
        return STELE_EINVAL;
    }
    enum stele_status status = segment_object_lock(options->name, &segment->lock_fd, message);
    if (status != STELE_OK)
        return status;
    stelei_object_find(&found, options->name, O_RDWR, STELE_OWNER_SELF);
    look_again(&found);
    if (found.fault == STELEI_OBJECT_SOUND)
        return take_segment(segment, options->name, &found, message);
    if (may_make(&found, options->replace) && !options->existing)
        return make_named(segment, options, &found, message);
    if (may_make(&found, false)) {
        segment_object_unlink(options->name); /* the lock was made for nothing */
        segment_say(message, "there is no segment /dev/shm/stele.%s", options->name);
        status = STELE_ENOSEGMENT;
    } else {
        status = segment_object_refuse(&found, options->name, message);
    }
    stelei_object_close(&found);
    return status;
}

enum stele_status segment_open(struct segment *segment, const struct stele_store_options *options,
                               const struct segment_message *message)
{
    memset(segment, 0, sizeof *segment);
    segment->fd = segment->read_fd = segment->lock_fd = -1;
    segment->small_pages = options->small_pages;
    pthread_mutex_init(&segment->populating, NULL);
    enum stele_status status = options->name ? open_named(segment, options, message)
                                             : make_anonymous(segment, options, message);
    if (status != STELE_OK)
        segment_close(segment, false);
    return status;
}

enum stele_status segment_replace(struct segment *segment,
                                  const struct stele_store_options *options,
                                  const struct segment_message *message)
{
    struct stelei_object former;
    let_go(segment);
    stelei_object_find(&former, options->name, O_RDWR, STELE_OWNER_SELF);
    enum stele_status status = make_named(segment, options, &former, message);
    if (status != STELE_OK)
        segment_close(segment, false);
    return status;
}

void segment_give_up(const struct segment *segment)
{
    struct stelei_object object;
    memset(&object, 0, sizeof object);
    object.fd = segment->fd;
    stelei_object_look(&object);
    segment_object_give_up(&object);
}

void segment_close(struct segment *segment, bool clean)
{
    if (segment->base && clean)
        stelei_store64_release(&segment->header->state, STELEI_STATE_CLEAN);
    let_go(segment);
    if (segment->lock_fd >= 0)
        close(segment->lock_fd); /* lets go of the lock */
    pthread_mutex_destroy(&segment->populating);
    memset(segment, 0, sizeof *segment);
    segment->fd = segment->read_fd = segment->lock_fd = -1;
}

enum stele_status segment_unlink(const char *name)
{
    struct segment_message silent = {NULL, 0};
    int lock;
    if (!stelei_address_name_valid(name))
        return STELE_EINVAL;
    enum stele_status status = segment_object_lock(name, &lock, &silent);
    if (status != STELE_OK)
        return status;
    status = segment_object_unlink(name);
    close(lock);
    return status;
}
