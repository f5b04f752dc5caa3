#include "serve/watch.h"

#define WATCH_TEXT_BYTES 320

/* Names that were removed under us: what can be mended is, and the rest is said once. */
static void watch_names(struct watch *watch)
{
    char detail[WATCH_TEXT_BYTES];
    enum stele_status status = stele_store_check_names(watch->store, detail, sizeof(detail));
    if (detail[0])
        log_line(watch->log, status == STELE_OK ? LOG_WARNING : LOG_ERROR, "%s", detail);
    if (status != STELE_EDETACHED || watch->counters->detached)
        return;
    watch->counters->detached = 1;
    notify_send(watch->notify,
                "STATUS=detached: the segment's name was removed, writes are refused");
}

static struct fullness_facts watch_weigh(struct watch *watch)
{
    struct stele_store_stats stats;
    stele_store_get_stats(watch->store, &stats);
    return (struct fullness_facts){.refused = watch->counters->commands_full,
                                   .max_bytes = stats.max_bytes,
                                   .committed_bytes = stats.committed_bytes,
                                   .free_bytes = stats.free_bytes,
                                   .tmpfs_bytes = stats.tmpfs_bytes,
                                   .tmpfs_free_bytes = stats.tmpfs_free_bytes};
}

static void watch_fullness(struct watch *watch)
{
    struct fullness *fullness = &watch->fullness;
    uint64_t refused = watch->counters->commands_full;
    char text[WATCH_TEXT_BYTES];
    if (fullness->full == FULLNESS_NONE && refused == fullness->refused)
        return;
    struct fullness_facts facts = watch_weigh(watch);
    switch (fullness_tick(fullness, &facts)) {
    case FULLNESS_FILLED:
        fullness_describe(fullness->full, &facts, text, sizeof(text));
        log_line(watch->log, LOG_WARNING, "%llu writes refused: %s",
                 (unsigned long long)(refused - fullness->before), text);
        break;
    case FULLNESS_EASED:
        log_line(watch->log, LOG_NOTICE, "there is room again; %llu writes were refused",
                 (unsigned long long)(refused - fullness->before));
        break;
    case FULLNESS_AS_BEFORE:
        break;
    }
    watch->counters->full = fullness->full;
}

void watch_begin(struct watch *watch, struct stele_store *store, const struct log *log,
                 const struct notify *notify, struct command_counters *counters)
{
    char text[WATCH_TEXT_BYTES];
    *watch = (struct watch){
        .store = store, .log = log, .notify = notify, .counters = counters};
    struct fullness_facts facts = watch_weigh(watch);
    if (fullness_warns(&facts, text, sizeof(text)))
        log_line(log, LOG_WARNING, "%s", text);
}

void watch_tick(struct watch *watch)
{
    watch_names(watch);
    watch_fullness(watch);
}
