/*
 * fork.h - has this process been forked since? One page of memory that the kernel empties in a
 * child (MADV_WIPEONFORK): asking costs one load, where getpid() would be a system call.
 */
#ifndef STELE_DETAIL_FORK_H
#define STELE_DETAIL_FORK_H

#include <sys/mman.h>

#include <stele/status.h>

#include "base.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14 */
#endif

#define STELEI_FORK_PAGE_BYTES 4096u

struct stelei_fork_mark {
    volatile uint32_t *page; /* NULL: not set; 1 in the process that set it, 0 in its children */
};

/* STELE_ENOMEM. A kernel without the advice never tells of a fork. */
static inline enum stele_status stelei_fork_mark_init(struct stelei_fork_mark *mark)
{
    void *page = mmap(STELEI_NULL, STELEI_FORK_PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return STELE_ENOMEM;
    madvise(page, STELEI_FORK_PAGE_BYTES, MADV_WIPEONFORK);
    mark->page = STELEI_CAST(volatile uint32_t *, page);
    *mark->page = 1;
    return STELE_OK;
}

static inline void stelei_fork_mark_fini(struct stelei_fork_mark *mark)
{
    if (mark->page)
        munmap(STELEI_UNCONST(uint32_t *, mark->page), STELEI_FORK_PAGE_BYTES);
    mark->page = STELEI_NULL;
}

STELEI_INLINE bool stelei_fork_happened(const struct stelei_fork_mark *mark)
{
    return mark->page && *mark->page == 0;
}

#endif
