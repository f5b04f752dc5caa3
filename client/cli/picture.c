#include "picture.h"

#include <string.h>

void picture_bar(char *out, unsigned width, const struct picture_part *parts, unsigned count,
                 uint64_t whole)
{
    uint64_t sum = 0, before = 0;
    unsigned at = 0;
    for (unsigned i = 0; i < count; i++)
        sum += parts[i].bytes;
    double scale = (double)width / (double)(sum > whole ? sum : whole ? whole : 1);
    memset(out, '.', width);
    out[width] = 0;
    for (unsigned i = 0; i < count; i++) {
        before += parts[i].bytes;
        unsigned end = (unsigned)((double)before * scale + 0.5);
        if (parts[i].bytes > 0 && end <= at)
            end = at + 1;
        end = end > width ? width : end;
        for (; at < end; at++)
            out[at] = parts[i].letter;
    }
}
