/*
 * histogram.h - counts of latencies in log-linear cells (the scheme of HdrHistogram,
 * hdrhistogram.org): each power of two is cut into 128 cells, so that any value is known to better
 * than 1 %. Fixed size, no pointers: may lie in shared memory.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_CELL_BITS 7u
#define HISTOGRAM_CELLS     ((64u - HISTOGRAM_CELL_BITS + 1u) << HISTOGRAM_CELL_BITS)

struct histogram {
    uint64_t total;
    uint64_t max;
    uint64_t count[HISTOGRAM_CELLS];
};

static inline unsigned histogram_cell(uint64_t value)
{
    unsigned top = 63u - (unsigned)__builtin_clzll(value | 1);
    if (top < HISTOGRAM_CELL_BITS)
        return (unsigned)value;
    unsigned shift = top - HISTOGRAM_CELL_BITS;
    return (shift << HISTOGRAM_CELL_BITS) + (unsigned)(value >> shift);
}

static inline void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->count[histogram_cell(value)]++;
    histogram->total++;
    if (value > histogram->max)
        histogram->max = value;
}

void histogram_reset(struct histogram *histogram);

/* Largest value of the cell in which the quantile (0..1) falls, never above max; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

#endif
