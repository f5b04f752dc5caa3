/*
 * pages.h - which 4 KiB pages of the segment are free: runs of pages, best fit, merged when freed.
 * Private memory of the writer; never touches the segment. Rebuilt by adoption.
 *
 * The search is whole: pages_alloc() finds a run if there is one. Runs of fewer than PAGES_SHORT
 * pages hang in a list for each length, those that hold an aligned unit apart from the rest; longer
 * ones stand in a treap by {length, first page} (Seidel, Aragon: "Randomized Search Trees", 1996),
 * whose nodes tell whether a run below them holds an aligned chunk. A run's length stands at its
 * first and last page, so that neighbours find each other.
 */
#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include <stele/status.h>
#include <stele/detail/base.h>

#define PAGES_SHORT 64u
#define PAGES_UNIT  16u  /* pages of a slab, aligned to as many */
#define PAGES_CHUNK 512u /* likewise, of a chunk of buckets */

struct page; /* one per page of the segment, in memory reserved and touched on demand */

struct pages {
    struct page *page;
    uint32_t count; /* pages of the segment */
    uint32_t root;  /* of the treap; 0 = none (page 0 is never free) */
    uint64_t free_pages;
    uint64_t short_map[2];              /* a bit for each list that is not empty */
    uint32_t short_run[2][PAGES_SHORT]; /* [holds an aligned unit][length] */
};

enum stele_status pages_init(struct pages *pages, uint64_t segment_bytes);
void pages_fini(struct pages *pages);

/* Gives pages first .. first+n-1 to the free ones. They must not be free. */
void pages_free(struct pages *pages, uint32_t first, uint32_t n);

/*
 * Takes n pages of the shortest run that has them: anywhere (`align` 1), or PAGES_UNIT or PAGES_CHUNK
 * pages at a multiple of as many (`align` == n). 0: there is no such run. Logarithmic in the number of
 * long runs.
 */
uint32_t pages_alloc(struct pages *pages, uint32_t n, uint32_t align);

/* False: the runs do not agree with each other. Walks over all of them, for verify only. */
bool pages_check(const struct pages *pages, uint64_t *free_pages);

#endif
