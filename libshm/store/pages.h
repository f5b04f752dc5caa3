/*
 * pages.h - which 4 KiB pages of the segment are free: runs of pages, good fit, merged when freed.
 * Private memory of the writer; never touches the segment. Rebuilt by adoption.
 *
 * Free runs hang in bins of a quarter of an octave (Masmano et al., "TLSF: a New Dynamic Memory
 * Allocator for Real-Time Systems", ECRTS 2004); a run's length stands at its first and last page,
 * so that neighbours find each other.
 */
#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include <stele/status.h>
#include <stele/detail/base.h>

#define PAGES_BINS 128u

struct page; /* one per page of the segment, in memory reserved and touched on demand */

struct pages {
    struct page *page;
    uint32_t count; /* pages of the segment */
    uint64_t free_pages;
    uint64_t bin_map[PAGES_BINS / 64];
    uint32_t bin[PAGES_BINS]; /* first page of the first run; 0 = none (page 0 is never free) */
};

enum stele_status pages_init(struct pages *pages, uint64_t segment_bytes);
void pages_fini(struct pages *pages);

/* Gives pages first .. first+n-1 to the free ones. They must not be free. */
void pages_free(struct pages *pages, uint32_t first, uint32_t n);

/* Takes n pages, the first a multiple of `align` (a power of two). 0: there is no such run. */
uint32_t pages_alloc(struct pages *pages, uint32_t n, uint32_t align);

/* True if the page is inside a free run; walks from run to run, for verify only. */
bool pages_check(const struct pages *pages, uint64_t *free_pages);

#endif
