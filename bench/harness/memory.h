/*
 * memory.h - memory that processes share, its page size, and where it lies. Makes the page size of
 * all subjects equal: 2 MiB pages by MADV_COLLAPSE, which needs no privilege, and says what each
 * got.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define MEMORY_HUGE_BYTES ((size_t)2 << 20)
#define MEMORY_MAX_SPANS  8u

struct memory_span {
    const void *at;
    size_t bytes;
};

/* Where a subject's data lies in this process; filled by the peers. */
struct memory_spans {
    size_t count;
    struct memory_span span[MEMORY_MAX_SPANS];
};

struct memory_pages {
    uint64_t resident_bytes;
    uint64_t huge_bytes; /* of these mapped by 2 MiB pages */
};

/* Zeroed memory that children inherit as shared, aligned to 2 MiB; NULL if there is none. */
void *memory_shared(size_t bytes);
/* NULL is allowed. */
void memory_release(void *at, size_t bytes);

void memory_add(struct memory_spans *spans, const void *at, size_t bytes);

/* Adds every mapping of this process whose line in /proc/self/maps contains `text`. */
void memory_add_named(struct memory_spans *spans, const char *text);

/* Turns the populated 2 MiB blocks of a range into huge pages, where the kernel can; leaves holes.
 */
void memory_collapse(const void *at, size_t bytes);

/* Maps what is populated, so that no page fault falls into a measurement; leaves holes. */
void memory_prefault(const void *at, size_t bytes);

/* Pages of the spans' mappings as /proc/self/smaps counts them. */
struct memory_pages memory_survey(const struct memory_spans *spans);

#endif
