/*
 * state.h - what a reader can tell of the segment and its writer, without asking the daemon.
 */
#ifndef STELE_STATE_H
#define STELE_STATE_H

#include <time.h>

#include "reader.h"

/* Entries of a table, as last published: exact while nobody writes. */
static inline enum stele_status stele_table_count(const struct stele_table *table,
                                                  uint64_t *entries)
{
    if (table->form == STELEI_FORM_NONE)
        return STELE_EINVAL;
    for (unsigned attempt = 0; attempt < STELEI_ATTEMPTS; attempt++) {
        uint64_t word = stelei_load64_acquire(&table->shared->word);
        const struct stelei_root *root = table->root;
        if (word != table->word)
            root = stelei_root_follow(table, word, stelei_map_limit(&table->map));
        if (!root)
            return stelei_gone(table);
        uint64_t counted = stelei_load64(&root->entries);
        stelei_nop_read();
        if (stelei_load64(&table->shared->word) == word) {
            *entries = counted;
            return STELE_OK;
        }
    }
    return STELE_EBUSY;
}

struct stele_reader_stats {
    uint64_t max_bytes;
    uint64_t committed_bytes;
    uint64_t huge_bytes; /* on 2 MiB pages, what lies ready beyond committed included */
    uint64_t epoch;      /* which writer: one more at each adoption */
    uint64_t applied_lsn;
    uint64_t retired; /* blocks given up, and given out again, since the segment was made */
    uint64_t recycled;
    uint64_t heartbeat_ms; /* wall clock of the writer's last sign of life; 0: it gives none */
    uint32_t tables;
    bool closed; /* its writer closed it in order, or gave it up */
    bool moved;  /* its writer gave it up: attach again (open.h) */
};

/* A snapshot of counters, each current, not taken at one instant. All zero where nothing is attached. */
static inline void stele_reader_get_stats(const struct stele_reader *reader,
                                          struct stele_reader_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    if (!reader->map.base)
        return;
    const struct stelei_header *header = stelei_map_header(&reader->map);
    stats->max_bytes = reader->map.length;
    stats->committed_bytes = stelei_map_limit(&reader->map);
    stats->huge_bytes = stelei_load64(&header->huge_bytes);
    stats->epoch = stelei_load64(&header->epoch);
    stats->applied_lsn = stelei_load64(&header->applied_lsn);
    stats->retired = stelei_load64(&header->retired);
    stats->recycled = stelei_load64(&header->recycled);
    stats->heartbeat_ms = stelei_load64(&header->heartbeat_ms);
    uint64_t state = stelei_load64(&header->state);
    stats->moved = state == STELEI_STATE_MOVED;
    stats->closed = stats->moved || state == STELEI_STATE_CLEAN;
    for (uint32_t id = 0; id < reader->map.table_capacity; id++)
        stats->tables +=
            STELEI_CAST(uint32_t, stelei_load64(&stelei_map_table(&reader->map, id)->word)) != 0;
}

/*
 * Milliseconds since the writer last said that it is alive; 0 when its clock is ahead of ours.
 * UINT64_MAX: it never said so, or nothing is attached. Values grow when the daemon is stopped, dead or stuck; what is in
 * the segment stays readable all the same. Asks CLOCK_REALTIME_COARSE (no system call with a vDSO).
 */
static inline uint64_t stele_reader_staleness_ms(const struct stele_reader *reader)
{
    uint64_t beat =
        reader->map.base ? stelei_load64(&stelei_map_header(&reader->map)->heartbeat_ms) : 0;
    struct timespec now;
    if (beat == 0 || clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0)
        return UINT64_MAX;
    uint64_t now_ms =
        STELEI_CAST(uint64_t, now.tv_sec) * 1000u + STELEI_CAST(uint64_t, now.tv_nsec) / 1000000u;
    return now_ms > beat ? now_ms - beat : 0;
}

#endif
