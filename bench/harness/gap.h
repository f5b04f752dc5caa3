/*
 * gap.h - how long a loop stood still, and whether it was off the processor meanwhile (another
 * process ran there) or on it (interrupts, the hypervisor, the loop's own work). Lies in shared
 * memory.
 */
#ifndef BENCH_GAP_H
#define BENCH_GAP_H

#include "clock.h"
#include "histogram.h"

#define GAP_LONG_NS UINT64_C(50000) /* from here on it is asked where the time went */

struct gap_meter {
    struct histogram all;
    uint64_t long_count;
    uint64_t long_off_cpu;  /* of these spent mostly off the processor */
    uint64_t max_on_cpu_ns; /* the longest of the others; short ones count as on it */
    uint64_t wall_ns;       /* both clocks when they were last compared */
    uint64_t cpu_ns;
};

static inline void gap_begin(struct gap_meter *meter)
{
    meter->wall_ns = clock_now_ns();
    meter->cpu_ns = clock_cpu_ns();
}

/* The cold part: wall time that passed without CPU time since the last comparison was off the CPU.
 */
void gap_judge(struct gap_meter *meter, uint64_t gap_ns);

static inline void gap_record(struct gap_meter *meter, uint64_t gap_ns)
{
    histogram_record(&meter->all, gap_ns);
    if (__builtin_expect(gap_ns >= GAP_LONG_NS, 0))
        gap_judge(meter, gap_ns);
    else if (gap_ns > meter->max_on_cpu_ns)
        meter->max_on_cpu_ns = gap_ns;
}

#endif
