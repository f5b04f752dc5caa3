#include "keep.h"

#include <stdlib.h>

bool keep_bytes(struct keep *keep, const struct segment *segment, const void **bytes,
                uint64_t count)
{
    uint64_t off = (uint64_t)((uintptr_t)*bytes - (uintptr_t)segment->base);
    if (count == 0 || off >= segment->map.length)
        return true;
    void *copy = malloc(count);
    if (!copy)
        return false;
    memcpy(copy, *bytes, count);
    keep->copy[keep->count++] = copy;
    *bytes = copy;
    return true;
}

void keep_fini(struct keep *keep)
{
    while (keep->count > 0)
        free(keep->copy[--keep->count]);
}
