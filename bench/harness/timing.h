/*
 * timing.h - what one loop of timed operations took: count, sum, shortest, longest, quantiles.
 */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include "histogram.h"

struct timing {
    uint64_t sum_ns;
    uint64_t min_ns;
    struct histogram all;
};

static inline void timing_reset(struct timing *timing)
{
    histogram_reset(&timing->all);
    timing->sum_ns = 0;
    timing->min_ns = UINT64_MAX;
}

static inline void timing_record(struct timing *timing, uint64_t took_ns)
{
    histogram_record(&timing->all, took_ns);
    timing->sum_ns += took_ns;
    if (took_ns < timing->min_ns)
        timing->min_ns = took_ns;
}

static inline double timing_mean_us(const struct timing *timing)
{
    return timing->all.total ? (double)timing->sum_ns / (double)timing->all.total / 1000.0 : 0.0;
}

#endif
