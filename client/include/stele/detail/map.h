/*
 * map.h - bringing a segment into a reader's address space, read-only, and letting go of it. The
 * only part of the reader that makes system calls.
 */
#ifndef STELE_DETAIL_MAP_H
#define STELE_DETAIL_MAP_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if !defined(MADV_DONTDUMP) || !defined(O_CLOEXEC)
#error "stele.h needs POSIX and madvise: compile with -std=gnu11, or define _DEFAULT_SOURCE first"
#endif

#include <stele/status.h>
#include <stele/detail/locate.h>

#define STELEI_OBJECT_PREFIX "/stele."

static inline enum stele_status stelei_map_errno(int error)
{
    switch (error) {
    case ENOENT:
        return STELE_ENOSEGMENT;
    case EACCES:
    case EPERM:
        return STELE_EACCES;
    case ENOMEM:
        return STELE_ENOMEM;
    case EINVAL:
    case ENAMETOOLONG:
        return STELE_EINVAL;
    default:
        return STELE_EIO;
    }
}

/* What a reader must know before it trusts any offset of the header. */
static inline enum stele_status stelei_header_check(const struct stelei_header *header,
                                                    uint64_t object_bytes)
{
    if (header->magic == 0)
        return STELE_ENOSEGMENT; /* being made: the magic is stored last */
    if (header->magic != STELEI_MAGIC)
        return STELE_ECORRUPT;
    if (header->major != STELEI_FORMAT_MAJOR || (header->incompat & ~STELEI_INCOMPAT_KNOWN))
        return STELE_EVERSION;
    uint64_t tables_end = header->tables_off + STELEI_CAST(uint64_t, header->table_capacity) *
                                                   sizeof(struct stelei_table);
    if (header->max_bytes < STELEI_MIN_BYTES || header->max_bytes > STELEI_MAX_BYTES ||
        header->max_bytes % STELEI_CHUNK_BYTES || header->max_bytes > object_bytes ||
        header->granule_shift < 3 || header->granule_shift > 11 ||
        header->tables_off % sizeof(struct stelei_table) || header->table_capacity > 65536 ||
        header->tables_off < sizeof *header || header->tables_off > header->max_bytes ||
        tables_end > STELEI_CHUNK_BYTES)
        return STELE_ECORRUPT;
    return STELE_OK;
}

/*
 * Reserves `bytes` of address space at a multiple of 2 MiB and maps the object there. Address and
 * offset are then congruent, which 2 MiB pages need. First PROT_NONE and munlock, then readable:
 * under mlockall(MCL_FUTURE) a readable mapping would be populated, and fill the tmpfs.
 */
static inline enum stele_status stelei_map_object(int fd, uint64_t bytes, int protection,
                                                  uint8_t **base)
{
    size_t reserved = bytes + STELEI_CHUNK_BYTES;
    uint8_t *area =
        STELEI_CAST(uint8_t *, mmap(NULL, reserved, PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (area == MAP_FAILED)
        return stelei_map_errno(errno);
    uintptr_t rounded = stelei_round_up(STELEI_AS(uintptr_t, area), STELEI_CHUNK_BYTES);
    uint8_t *at = STELEI_AS(uint8_t *, rounded);
    size_t before = STELEI_CAST(size_t, at - area);
    size_t after = STELEI_CHUNK_BYTES - before;
    if (before)
        munmap(area, before);
    if (after)
        munmap(at + bytes, after);
    if (mmap(at, bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
        int error = errno;
        munmap(at, bytes);
        return stelei_map_errno(error);
    }
    munlock(at, bytes);
    madvise(at, bytes, MADV_DONTDUMP);
    if (mprotect(at, bytes, protection) != 0) {
        int error = errno;
        munmap(at, bytes);
        return stelei_map_errno(error);
    }
    *base = at;
    return STELE_OK;
}

/* Maps an open descriptor read-only; the descriptor may be closed afterwards. On failure *map is
 * empty: detaching it does nothing. */
static inline enum stele_status stelei_map_attach(int fd, struct stelei_map *map)
{
    struct stat object;
    struct stelei_header header;
    uint8_t *base = STELEI_NULL;
    memset(map, 0, sizeof *map);
    if (fstat(fd, &object) != 0)
        return stelei_map_errno(errno);
    /* pread of a hole allocates nothing, a load from it would */
    ssize_t got = pread(fd, &header, sizeof header, 0);
    if (got < 0)
        return stelei_map_errno(errno);
    if (STELEI_CAST(size_t, got) < sizeof header)
        return STELE_ENOSEGMENT;
    enum stele_status status = stelei_header_check(&header, STELEI_CAST(uint64_t, object.st_size));
    if (status != STELE_OK)
        return status;
    status = stelei_map_object(fd, header.max_bytes, PROT_READ, &base);
    if (status != STELE_OK)
        return status;
    map->base = base;
    map->length = header.max_bytes;
    map->hash_seed = header.hash_seed;
    map->tables_off = header.tables_off;
    map->table_capacity = header.table_capacity;
    map->granule_shift = header.granule_shift;
    return STELE_OK;
}

static inline void stelei_map_detach(struct stelei_map *map)
{
    if (map->base)
        munmap(STELEI_UNCONST(uint8_t *, map->base), map->length);
    map->base = STELEI_NULL;
}

static inline int stelei_object_open(const char *name, int flags)
{
    char object[sizeof STELEI_OBJECT_PREFIX + STELEI_NAME_BYTES];
    snprintf(object, sizeof object, STELEI_OBJECT_PREFIX "%s", name);
    return shm_open(object, flags | O_CLOEXEC, 0);
}

#endif
