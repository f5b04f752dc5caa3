#include "operator/fullness.h"

#include <stdio.h>

#include <stele/detail/format.h>

#define FULLNESS_SHARE 32u

static uint64_t fullness_growth(const struct fullness_facts *facts)
{
    uint64_t growth = facts->max_bytes - facts->committed_bytes;
    bool bounded = facts->tmpfs_bytes > 0 && facts->tmpfs_free_bytes < growth;
    return bounded ? facts->tmpfs_free_bytes : growth;
}

static bool fullness_roomy(const struct fullness_facts *facts)
{
    uint64_t growth = fullness_growth(facts);
    return facts->free_bytes + growth >= (facts->committed_bytes + growth) / FULLNESS_SHARE;
}

enum fullness_limit fullness_limit(const struct fullness_facts *facts)
{
    bool more = facts->max_bytes - facts->committed_bytes >= STELEI_CHUNK_BYTES;
    bool tight = facts->tmpfs_bytes > 0 && facts->tmpfs_free_bytes < STELEI_CHUNK_BYTES;
    return more && tight ? FULLNESS_TMPFS : FULLNESS_MAXIMUM;
}

enum fullness_event fullness_tick(struct fullness *fullness, const struct fullness_facts *facts)
{
    bool refused = facts->refused != fullness->refused, was = fullness->full != FULLNESS_NONE;
    if (refused) {
        if (!was)
            fullness->before = fullness->refused;
        fullness->refused = facts->refused;
        fullness->quiet_ticks = 0;
        fullness->full = fullness_limit(facts);
        return was ? FULLNESS_AS_BEFORE : FULLNESS_FILLED;
    }
    if (!was || ++fullness->quiet_ticks < FULLNESS_QUIET_TICKS || !fullness_roomy(facts))
        return FULLNESS_AS_BEFORE;
    fullness->full = FULLNESS_NONE;
    return FULLNESS_EASED;
}

static unsigned long long fullness_mib(uint64_t bytes)
{
    return (unsigned long long)(bytes >> 20);
}

void fullness_describe(enum fullness_limit limit, const struct fullness_facts *facts, char *text,
                       size_t text_bytes)
{
    if (limit == FULLNESS_TMPFS)
        snprintf(text, text_bytes,
                 "the tmpfs of /dev/shm is full: %llu MiB, %llu free; the segment has %llu MiB of "
                 "its maximum of %llu; enlarge it (mount -o remount,size=...) or delete entries",
                 fullness_mib(facts->tmpfs_bytes), fullness_mib(facts->tmpfs_free_bytes),
                 fullness_mib(facts->committed_bytes), fullness_mib(facts->max_bytes));
    else
        snprintf(text, text_bytes,
                 "the segment is full: %llu MiB of its maximum of %llu (--max-bytes) are in use, "
                 "%llu of them free, if not in one piece; delete entries, or make a larger one",
                 fullness_mib(facts->committed_bytes), fullness_mib(facts->max_bytes),
                 fullness_mib(facts->free_bytes));
}

bool fullness_warns(const struct fullness_facts *facts, char *text, size_t text_bytes)
{
    if (facts->tmpfs_bytes == 0 || facts->tmpfs_bytes >= facts->max_bytes)
        return false;
    snprintf(text, text_bytes,
             "the tmpfs of /dev/shm has %llu MiB, %llu free: less than the segment's maximum of "
             "%llu; writes are refused when it is full; enlarge it (mount -o remount,size=...; "
             "docker --shm-size) or give a smaller --max-bytes",
             fullness_mib(facts->tmpfs_bytes), fullness_mib(facts->tmpfs_free_bytes),
             fullness_mib(facts->max_bytes));
    return true;
}
