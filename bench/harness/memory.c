#include "memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Older headers lack these; the numbers are the kernel's interface. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define SMALL_BYTES ((size_t)4096)

static size_t round_huge(size_t bytes)
{
    return (bytes + MEMORY_HUGE_BYTES - 1) & ~(MEMORY_HUGE_BYTES - 1);
}

void *memory_shared(size_t bytes)
{
    size_t length = round_huge(bytes);
    char *area = mmap(NULL, length + MEMORY_HUGE_BYTES, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED)
        return NULL;
    size_t skip = round_huge((uintptr_t)area) - (uintptr_t)area;
    char *at = area + skip;
    if (skip)
        munmap(area, skip);
    munmap(at + length, MEMORY_HUGE_BYTES - skip);
    if (mmap(at, length, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
        munmap(at, length);
        return NULL;
    }
    return at;
}

void memory_release(void *at, size_t bytes)
{
    if (at)
        munmap(at, round_huge(bytes));
}

void memory_add(struct memory_spans *spans, const void *at, size_t bytes)
{
    if (spans->count < MEMORY_MAX_SPANS && bytes) {
        spans->span[spans->count].at = at;
        spans->span[spans->count].bytes = bytes;
        spans->count++;
    }
}

void memory_add_named(struct memory_spans *spans, const char *text)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps)
        return;
    while (fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        if (strstr(line, text) && sscanf(line, "%lx-%lx", &from, &to) == 2)
            memory_add(spans, (const void *)from, to - from);
    }
    fclose(maps);
}

static bool block_populated(char *block)
{
    unsigned char page[MEMORY_HUGE_BYTES / SMALL_BYTES];
    if (mincore(block, MEMORY_HUGE_BYTES, page) != 0)
        return false;
    for (size_t i = 0; i < sizeof page; i++)
        if (page[i] & 1)
            return true;
    return false;
}

static void advise_populated(const void *at, size_t bytes, int advice)
{
    char *end = (char *)(uintptr_t)at + bytes;
    for (char *block = (char *)round_huge((uintptr_t)at); block + MEMORY_HUGE_BYTES <= end;
         block += MEMORY_HUGE_BYTES)
        if (block_populated(block))
            madvise(block, MEMORY_HUGE_BYTES, advice);
}

void memory_collapse(const void *at, size_t bytes)
{
    advise_populated(at, bytes, MADV_COLLAPSE);
}

void memory_prefault(const void *at, size_t bytes)
{
    advise_populated(at, bytes, MADV_POPULATE_READ);
}

static bool spans_touch(const struct memory_spans *spans, uintptr_t from, uintptr_t to)
{
    for (size_t i = 0; i < spans->count; i++) {
        uintptr_t at = (uintptr_t)spans->span[i].at;
        if (at < to && from < at + spans->span[i].bytes)
            return true;
    }
    return false;
}

struct memory_pages memory_survey(const struct memory_spans *spans)
{
    struct memory_pages pages = {0, 0};
    char line[512];
    bool ours = false;
    FILE *smaps = fopen("/proc/self/smaps", "r");
    if (!smaps)
        return pages;
    while (fgets(line, sizeof line, smaps)) {
        uintptr_t from, to;
        unsigned long kib;
        if (sscanf(line, "%lx-%lx", &from, &to) == 2)
            ours = spans_touch(spans, from, to);
        else if (ours && sscanf(line, "Rss: %lu", &kib) == 1)
            pages.resident_bytes += (uint64_t)kib << 10;
        else if (ours && (sscanf(line, "AnonHugePages: %lu", &kib) == 1 ||
                          sscanf(line, "ShmemPmdMapped: %lu", &kib) == 1 ||
                          sscanf(line, "FilePmdMapped: %lu", &kib) == 1))
            pages.huge_bytes += (uint64_t)kib << 10;
    }
    fclose(smaps);
    return pages;
}
