#include "histogram.h"

#include <string.h>

void histogram_init(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}

static unsigned histogram_bucket(uint64_t value)
{
    if (value < 64)
        return (unsigned)value;
    unsigned top = 63u - (unsigned)__builtin_clzll(value); /* 6.. */
    return 64u + (top - 6u) * 32u + (unsigned)(value >> (top - 5u) & 31u);
}

/* The greatest value that falls into a bucket. */
static uint64_t histogram_limit(unsigned bucket)
{
    if (bucket < 64)
        return bucket;
    unsigned top = 6u + (bucket - 64u) / 32u, part = (bucket - 64u) % 32u;
    uint64_t least = (UINT64_C(1) << top) + ((uint64_t)part << (top - 5u));
    return least + ((UINT64_C(1) << (top - 5u)) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->bucket[histogram_bucket(value)]++;
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->greatest)
        histogram->greatest = value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    double wanted = (double)histogram->count * percent / 100;
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->bucket[bucket];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t limit = histogram_limit(bucket);
            return limit < histogram->greatest ? limit : histogram->greatest;
        }
    }
    return histogram->greatest;
}
