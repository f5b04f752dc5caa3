/*
 * counters.h - what the daemon counts, as lines of its log: for who has a signal and no client. The
 * loop's thread.
 */
#ifndef STELE_DAEMON_COUNTERS_H
#define STELE_DAEMON_COUNTERS_H

#include <stele/stats.h>

#include "operator/log.h"

/* "counters: uptime_ms 5 connections 0 ...", all names of stats.h, on as many lines as they take. */
void counters_log(const struct log *log, const struct stele_daemon_stats *stats);

#endif
