#include "reclaim.h"
#include "index.h"
#include "slot.h"

#include <stdlib.h>

struct reclaim_job *reclaim_prepare(const struct table *table)
{
    struct reclaim_job *job = malloc(sizeof *job);
    if (!job)
        return NULL;
    job->next = NULL;
    job->table = *table;
    job->cursor = 0;
    return job;
}

void reclaim_submit(struct reclaim *reclaim, struct reclaim_job *job)
{
    if (reclaim->last)
        reclaim->last->next = job;
    else
        reclaim->first = job;
    reclaim->last = job;
}

static void retire_block(void *context, uint64_t off, uint64_t bytes)
{
    arena_retire(context, off, bytes);
}

static void retire_bucket(struct table *table, uint64_t i)
{
    struct stelei_bucket *line = index_bucket(table, i);
    uint32_t line_ref = 0;
    while (line) {
        uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence));
        uint32_t next = stelei_load32(slot_link(table, line));
        for (; valid; valid &= valid - 1)
            slot_blocks(table, line, (unsigned)__builtin_ctzll(valid), retire_block, table->arena);
        if (line_ref)
            arena_retire_line(table->arena, table_ref_off(table, line_ref));
        line_ref = next;
        line = table_line(table, next);
    }
}

static void finish_job(struct reclaim *reclaim)
{
    struct reclaim_job *job = reclaim->first;
    index_blocks(job->table.arena->segment, job->table.root_off, job->table.buckets, retire_block,
                 job->table.arena);
    reclaim->first = job->next;
    if (!reclaim->first)
        reclaim->last = NULL;
    free(job);
}

bool reclaim_step(struct reclaim *reclaim, uint32_t *buckets)
{
    while (reclaim->first && *buckets > 0) {
        struct reclaim_job *job = reclaim->first;
        if (job->cursor == job->table.buckets) {
            finish_job(reclaim);
            continue;
        }
        retire_bucket(&job->table, job->cursor++);
        --*buckets;
    }
    return reclaim->first != NULL;
}

void reclaim_fini(struct reclaim *reclaim)
{
    while (reclaim->first) {
        struct reclaim_job *job = reclaim->first;
        reclaim->first = job->next;
        free(job->table.adoption.done);
        free(job);
    }
    reclaim->last = NULL;
}
