#include "histogram.h"

#include <string.h>

void histogram_reset(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

static uint64_t cell_last_value(unsigned cell)
{
    unsigned half = cell >> HISTOGRAM_CELL_BITS;
    if (half < 2)
        return cell;
    unsigned shift = half - 1;
    uint64_t first = (uint64_t)(cell - (shift << HISTOGRAM_CELL_BITS)) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
    uint64_t wanted = (uint64_t)(quantile * (double)histogram->total + 0.5);
    uint64_t seen = 0;
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i < HISTOGRAM_CELLS; i++) {
        seen += histogram->count[i];
        if (seen >= wanted) {
            uint64_t last = cell_last_value(i);
            return last < histogram->max ? last : histogram->max;
        }
    }
    return histogram->max;
}
