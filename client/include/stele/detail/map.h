/*
 * map.h - bringing a segment into a reader's address space, read-only, and letting go of it. The
 * only part of the reader that makes system calls.
 */
#ifndef STELE_DETAIL_MAP_H
#define STELE_DETAIL_MAP_H

#include <fcntl.h>
#include <sys/mman.h>

#if !defined(MADV_DONTDUMP) || !defined(O_CLOEXEC)
#error "stele.h needs POSIX and madvise: compile with -std=gnu11, or define _DEFAULT_SOURCE first"
#endif

#include <stele/detail/segment_map.h>

/* Maps what was found sound, read-only; its descriptor may be closed afterwards. On failure *map is
 * empty: detaching it does nothing. */
static inline enum stele_status stelei_map_attach(const struct stelei_object *object,
                                                  struct stelei_map *map)
{
    uint8_t *base = STELEI_NULL;
    memset(map, 0, sizeof *map);
    enum stele_status status = stelei_object_status(object);
    if (status == STELE_OK)
        status = stelei_object_map(object->fd, object->header.max_bytes, PROT_READ, &base);
    if (status == STELE_OK)
        stelei_map_learn(map, base, &object->header);
    return status;
}

static inline void stelei_map_detach(struct stelei_map *map)
{
    if (map->base)
        munmap(STELEI_UNCONST(uint8_t *, map->base), map->length);
    map->base = STELEI_NULL;
}

#endif
