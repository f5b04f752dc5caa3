#include "pages.h"

#include <sys/mman.h>

struct page {
    uint32_t length; /* of a free run, at its first and last page; 0 elsewhere */
    uint32_t next;   /* at the first page: neighbours in the bin, 0 = none */
    uint32_t previous;
};

/* Runs looked at in one bin before the next larger one is tried. */
#define RUNS_TRIED 8

static unsigned bin_of(uint32_t length)
{
    unsigned top = stelei_top_bit(length);
    unsigned quarter = top >= 2 ? length >> (top - 2) & 3 : length << (2 - top) & 3;
    return top * 4 + quarter;
}

enum stele_status pages_init(struct pages *pages, uint64_t segment_bytes)
{
    memset(pages, 0, sizeof *pages);
    pages->count = (uint32_t)(segment_bytes >> 12);
    size_t bytes = (size_t)pages->count * sizeof(struct page);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return STELE_ENOMEM;
    pages->page = memory;
    return STELE_OK;
}

void pages_fini(struct pages *pages)
{
    if (pages->page)
        munmap(pages->page, (size_t)pages->count * sizeof(struct page));
    pages->page = NULL;
}

static void link_run(struct pages *pages, uint32_t first, uint32_t length)
{
    unsigned bin = bin_of(length);
    uint32_t head = pages->bin[bin];
    pages->page[first].length = length;
    pages->page[first + length - 1].length = length;
    pages->page[first].next = head;
    pages->page[first].previous = 0;
    if (head)
        pages->page[head].previous = first;
    pages->bin[bin] = first;
    pages->bin_map[bin / 64] |= UINT64_C(1) << bin % 64;
}

static void unlink_run(struct pages *pages, uint32_t first)
{
    struct page *run = &pages->page[first];
    uint32_t length = run->length;
    unsigned bin = bin_of(length);
    if (run->next)
        pages->page[run->next].previous = run->previous;
    if (run->previous)
        pages->page[run->previous].next = run->next;
    else
        pages->bin[bin] = run->next;
    if (!pages->bin[bin])
        pages->bin_map[bin / 64] &= ~(UINT64_C(1) << bin % 64);
    run->length = 0;
    pages->page[first + length - 1].length = 0;
}

void pages_free(struct pages *pages, uint32_t first, uint32_t n)
{
    pages->free_pages += n;
    STELE_ASSERT(first > 0 && first + n <= pages->count && pages->page[first].length == 0);
    if (pages->page[first - 1].length) { /* the last page of a run before */
        uint32_t length = pages->page[first - 1].length;
        first -= length;
        n += length;
        unlink_run(pages, first);
    }
    if (first + n < pages->count && pages->page[first + n].length) {
        uint32_t length = pages->page[first + n].length;
        unlink_run(pages, first + n);
        n += length;
    }
    link_run(pages, first, n);
}

/* The place of an aligned run of n pages within the free run, or 0. */
static uint32_t fit(const struct pages *pages, uint32_t run, uint32_t n, uint32_t align)
{
    uint32_t first = (run + align - 1) & ~(align - 1);
    return first - run + n <= pages->page[run].length ? first : 0;
}

static void take(struct pages *pages, uint32_t run, uint32_t first, uint32_t n)
{
    uint32_t length = pages->page[run].length;
    unlink_run(pages, run);
    if (first > run)
        link_run(pages, run, first - run);
    if (first + n < run + length)
        link_run(pages, first + n, run + length - first - n);
    pages->free_pages -= n;
}

static unsigned next_bin(const struct pages *pages, unsigned bin)
{
    for (unsigned word = bin / 64; word < PAGES_BINS / 64; word++) {
        uint64_t bits = pages->bin_map[word];
        if (word == bin / 64)
            bits &= ~UINT64_C(0) << bin % 64;
        if (bits)
            return word * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return PAGES_BINS;
}

uint32_t pages_alloc(struct pages *pages, uint32_t n, uint32_t align)
{
    unsigned bin = next_bin(pages, bin_of(n));
    unsigned sure = bin_of(n + align - 1) + 1; /* from here on every run fits */
    for (; bin < PAGES_BINS; bin = next_bin(pages, bin + 1)) {
        uint32_t run = pages->bin[bin];
        for (int tried = 0; run && (tried < RUNS_TRIED || bin >= sure); tried++) {
            uint32_t first = fit(pages, run, n, align);
            if (first) {
                take(pages, run, first, n);
                return first;
            }
            run = pages->page[run].next;
        }
    }
    return 0;
}

bool pages_check(const struct pages *pages, uint64_t *free_pages)
{
    *free_pages = 0;
    for (unsigned bin = 0; bin < PAGES_BINS; bin++)
        for (uint32_t run = pages->bin[bin]; run; run = pages->page[run].next) {
            uint32_t length = pages->page[run].length;
            if (length == 0 || bin_of(length) != bin || run + length > pages->count ||
                pages->page[run + length - 1].length != length)
                return false;
            *free_pages += length;
        }
    return *free_pages == pages->free_pages;
}
