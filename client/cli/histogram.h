/*
 * histogram.h - how long things took, as percentiles. Pure; a fixed 15 KiB, no allocation.
 *
 * Values below 64 have a bucket each; above, every doubling is cut into 32 equal buckets, so a
 * percentile is at most 1/32 (3.1 %) above the value it stands for, and never above the maximum.
 */
#ifndef STELE_CLI_HISTOGRAM_H
#define STELE_CLI_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS (64u + 58u * 32u)

struct histogram {
    uint64_t count, sum, greatest;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value);
/* The least upper bound of `percent` (0..100) of the values; 0 when there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

#endif
