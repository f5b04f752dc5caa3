/*
 * segment_map.h - a segment's object in the address space: the one mapping that the writer and
 * readers make. Whoever includes it has looked at the header (object.h).
 */
#ifndef STELE_DETAIL_SEGMENT_MAP_H
#define STELE_DETAIL_SEGMENT_MAP_H

#include <sys/mman.h>

#include "locate.h"
#include "object.h"

/*
 * Reserves `bytes` of address space at a multiple of 2 MiB and maps the object there. Address and
 * offset are then congruent, which 2 MiB pages need. First PROT_NONE and munlock, then usable:
 * under mlockall(MCL_FUTURE) a usable mapping would be populated, and fill the tmpfs.
 */
static inline enum stele_status stelei_object_map(int fd, uint64_t bytes, int protection,
                                                  uint8_t **base)
{
    size_t reserved = bytes + STELEI_CHUNK_BYTES;
    void *area =
        mmap(STELEI_NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED)
        return stelei_errno(errno);
    size_t before = -STELEI_AS(uintptr_t, area) & (STELEI_CHUNK_BYTES - 1);
    uint8_t *at = STELEI_CAST(uint8_t *, area) + before;
    if (before)
        munmap(area, before);
    munmap(at + bytes, STELEI_CHUNK_BYTES - before); /* at least one page */
    if (mmap(at, bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
        munlock(at, bytes) != 0 || mprotect(at, bytes, protection) != 0) {
        enum stele_status status = stelei_errno(errno);
        munmap(at, bytes);
        return status;
    }
    madvise(at, bytes, MADV_DONTDUMP);
    *base = at;
    return STELE_OK;
}

/* What a sound header says, for the walk. */
static inline void stelei_map_learn(struct stelei_map *map, const uint8_t *base,
                                    const struct stelei_header *header)
{
    map->base = base;
    map->length = header->max_bytes;
    map->hash_seed = header->hash_seed;
    map->tables_off = header->tables_off;
    map->table_capacity = header->table_capacity;
    map->granule_shift = header->granule_shift;
}

#endif
