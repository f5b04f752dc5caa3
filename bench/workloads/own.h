/*
 * own.h - a store of a workload's own: one table of some type, a writer in this process, and a reader
 * in a child that mapped the segment read-only, pinned to the reader's processor.
 */
#ifndef BENCH_OWN_H
#define BENCH_OWN_H

#include <stele/stele.h>
#include <stele/store.h>

#include "workload.h"

struct own {
    const struct session *session;
    struct stele_store *store;
    uint32_t table;
};

/* Room for `bytes` of entries besides the header. Says what failed. */
enum stele_status own_open(struct own *own, const struct session *session,
                           const struct stele_type *type, uint64_t bytes);
void own_close(struct own *own);

/* Bytes that are populated, and of these in blocks in use. */
uint64_t own_committed(const struct own *own);
uint64_t own_used(const struct own *own);

/*
 * Runs `read` in a child, with a reader attached to the store, and waits for its end; `context` lies in
 * shared memory. STELE_EIO: it failed, or said so by its result. `meanwhile` (may be NULL) is called
 * again and again in this process until the child has ended.
 */
enum stele_status
own_read(const struct own *own,
         enum stele_status (*read)(const struct own *own, const struct stele_reader *reader,
                                   void *context),
         void (*meanwhile)(const struct own *own, uint64_t round, void *context), void *context);

/* What a child measured: repetitions of a few variants, in ns. */
#define OWN_VARIANTS 8u
struct own_samples {
    unsigned count[OWN_VARIANTS];
    double sample[OWN_VARIANTS][RESULTS_MAX_REPETITIONS];
};
static inline void own_sample(struct own_samples *samples, unsigned variant, double value)
{
    if (samples->count[variant] < RESULTS_MAX_REPETITIONS)
        samples->sample[variant][samples->count[variant]++] = value;
}
/* Hands them on under these keys. */
void own_report(struct session *session, const struct own_samples *samples, const char *workload,
                const char *const variant[][2], unsigned variants, const char *unit);

#endif
