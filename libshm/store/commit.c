/* The segment's next chunk, for a write that waits for it. */
#include "segment.h"

#define REFUSALS_PASSED_ON 256u

enum stele_status segment_populate_now(struct segment *segment, uint64_t upto)
{
    uint32_t refused = stelei_load32(&segment->refused), n;
    if (upto > segment->map.length)
        return STELE_ENOSPC;
    if (refused == STELE_OK || stelei_load64_acquire(&segment->populated) >= upto)
        return segment_populate(segment, upto);
    n = stelei_load32(&segment->refusals);
    stelei_store32(&segment->refusals, n + 1);
    return n % REFUSALS_PASSED_ON ? (enum stele_status)refused : segment_populate(segment, upto);
}

void segment_ask_again(struct segment *segment)
{
    stelei_store32(&segment->refusals, 0);
}

enum stele_status segment_commit(struct segment *segment)
{
    uint64_t next = stelei_load64(&segment->header->committed) + STELEI_CHUNK_BYTES;
    enum stele_status status = segment_populate_now(segment, next);
    if (status == STELE_OK)
        stelei_store64_release(&segment->header->committed, next);
    return status;
}
