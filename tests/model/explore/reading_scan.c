/* The scan of reading.h. */
#include "reading_parts.h"

#define SCAN_BYTES ((size_t)8 << 10) /* scans skip larger values: copies of them take too long */

/* What of a scan matters for what it does next. */
static void mark_scan(struct explore_reading *reading, const struct stele_scan *scan,
                      uint64_t found, uint32_t lower)
{
    struct stele_scan live = *scan;
    if (!live.loaded || (live.next >= live.count && !live.more)) {
        live.bucket += live.loaded;
        live.after_last = live.after_last && !live.loaded;
        live.last_hash = live.after_last ? live.last_hash : 0;
        live.last_tie = live.after_last ? live.last_tie : 0;
        live.loaded = false;
        live.count = live.next = 0;
        live.clock = 0;
        memset(&live.probe, 0, sizeof live.probe);
    }
    struct {
        uint64_t state[9];
        struct stelei_probe probe;
    } part = {{found, lower, live.bucket, live.last_hash,
               (uint64_t)live.after_last | (uint64_t)live.more << 1 | (uint64_t)live.loaded << 2,
               live.count, live.next, live.clock, live.last_tie},
              live.probe};
    unsigned char bytes[sizeof part + sizeof live.entry];
    size_t entries = (live.count - live.next) * sizeof live.entry[0];
    memcpy(bytes, &part, sizeof part);
    memcpy(bytes + sizeof part, &live.entry[live.next], entries);
    explore_mark(reading->search, bytes, sizeof part + entries);
}

static unsigned key_numbered(struct explore_reading *reading, const void *bytes, size_t length)
{
    const struct explore_stage *stage = reading->stage;
    for (unsigned i = 0; i < stage->keys; i++)
        if (stage->key[i].length == length && !memcmp(stage->key[i].bytes, bytes, length))
            return i;
    explore_fail(reading->search, "a scan returned a key of %ld bytes that never existed",
                 (long)length, 0, 0);
}

/* The one key that ever had a value of so many bytes, for those too large for a scan's buffer. */
static unsigned key_of_length(struct explore_reading *reading, size_t bytes)
{
    const struct explore_stage *stage = reading->stage;
    for (unsigned i = 0; i < stage->values; i++)
        if (stage->value[i].bytes == bytes)
            return stage->value[i].key;
    explore_fail(reading->search, "a scan met a value of %ld bytes that never existed", (long)bytes,
                 0, 0);
}

static void judge_missing(struct explore_reading *reading, uint64_t found, uint32_t lower)
{
    uint32_t upper = explore_upper_bound(reading->search, lower);
    for (unsigned key = 0; key < reading->stage->keys; key++) {
        bool throughout = true;
        if (found >> key & 1)
            continue;
        for (uint32_t index = lower; index <= upper && throughout; index++)
            throughout = explore_ghost_at(reading, index)[key] >= 0;
        if (throughout)
            explore_fail(reading->search,
                         "a scan did not return key %ld, present from #%ld to #%ld", (long)key,
                         lower, upper);
    }
}

uint32_t explore_call_scan(struct explore_reading *reading, uint32_t lower)
{
    struct stele_scan scan;
    uint64_t found = 0;
    stele_scan_begin(&scan, &reading->words.table);
    explore_begin_call(reading, &scan);
    for (;;) {
        uint64_t key_bytes[32];
        size_t key_length = 0, bytes = 0;
        enum stele_status status = stele_scan_next(&scan, key_bytes, sizeof key_bytes, &key_length,
                                                   reading->buffer, SCAN_BYTES, &bytes);
        if (status == STELE_ESHORT) {
            found |= UINT64_C(1) << key_of_length(reading, bytes);
            stele_scan_skip(&scan);
            mark_scan(reading, &scan, found, lower);
            continue;
        }
        if (status == STELE_EEND || status == STELE_EDROPPED)
            break;
        if (status != STELE_OK)
            explore_fail(reading->search, "a scan ended with status %ld", (long)status, 0, 0);
        unsigned key = key_numbered(reading, key_bytes, key_length);
        int value = explore_value_of(reading->stage, key, reading->buffer, bytes);
        explore_judge(reading, key, value, lower, explore_upper_bound(reading->search, lower));
        found |= UINT64_C(1) << key;
        mark_scan(reading, &scan, found, lower);
    }
    judge_missing(reading, found, lower);
    return lower;
}
