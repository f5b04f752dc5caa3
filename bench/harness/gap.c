#include "gap.h"

void gap_judge(struct gap_meter *meter, uint64_t gap_ns)
{
    uint64_t wall = clock_now_ns(), cpu = clock_cpu_ns();
    uint64_t wall_passed = wall - meter->wall_ns, cpu_passed = cpu - meter->cpu_ns;
    uint64_t off = wall_passed > cpu_passed ? wall_passed - cpu_passed : 0;
    meter->wall_ns = wall;
    meter->cpu_ns = cpu;
    meter->long_count++;
    if (off >= gap_ns / 2)
        meter->long_off_cpu++;
    else if (gap_ns > meter->max_on_cpu_ns)
        meter->max_on_cpu_ns = gap_ns;
}
