/*
 * watch.h - what can happen to the segment from outside while the daemon serves: its names are removed, it
 * or its tmpfs becomes full. Looked at once a tick, told in the log, the service manager's status and the
 * counters. The loop's thread.
 */
#ifndef STELE_DAEMON_WATCH_H
#define STELE_DAEMON_WATCH_H

#include <stele/store.h>

#include "command/command.h"
#include "operator/fullness.h"
#include "operator/log.h"
#include "operator/notify.h"

struct watch {
    struct stele_store *store;
    const struct log *log;
    const struct notify *notify;
    struct command_counters *counters; /* `full` and `detached` are kept here */
    struct fullness fullness;
};

/* All borrowed. Warns of a tmpfs that is smaller than the segment's maximum. */
void watch_begin(struct watch *watch, struct stele_store *store, const struct log *log,
                 const struct notify *notify, struct command_counters *counters);
void watch_tick(struct watch *watch);

#endif
