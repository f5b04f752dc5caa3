#include "operator/counters.h"

#include <inttypes.h>
#include <stdio.h>

#define COUNTERS_A_LINE 8u /* of at most 20 digits and a name: they fit */

void counters_log(const struct log *log, const struct stele_daemon_stats *stats)
{
    static const char *const names[] = {
#define COUNTERS_NAME(name, text) #name,
        STELE_DAEMON_STATS_TABLE(COUNTERS_NAME)
#undef COUNTERS_NAME
    };
    const uint64_t values[] = {
#define COUNTERS_VALUE(name, text) stats->name,
        STELE_DAEMON_STATS_TABLE(COUNTERS_VALUE)
#undef COUNTERS_VALUE
    };
    for (uint32_t first = 0; first < STELE_DAEMON_STATS_COUNT; first += COUNTERS_A_LINE) {
        char line[480];
        size_t at = 0;
        for (uint32_t i = first; i < first + COUNTERS_A_LINE && i < STELE_DAEMON_STATS_COUNT; i++)
            at += (size_t)snprintf(line + at, sizeof(line) - at, " %s %" PRIu64, names[i],
                                   values[i]);
        log_line(log, LOG_NOTICE, "counters:%s", line);
    }
}
