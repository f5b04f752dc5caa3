#include "weaken.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const kind_name[EXPLORE_WEAKEN_KINDS] = {
    "nothing",        "release->relaxed", "count left out", "store moved up",
    "nop_write gone", "acquire->relaxed", "nop_read gone"};

static const struct explore_limits limits = {
    .attempts = 2, .calls_in_a_row = 2, .states = 8000, .acquire_too = false};

/*
 * Sites that no scenario needs, and why. The text is matched with the site's: functions, not lines.
 */
static const struct {
    enum explore_weaken_kind kind;
    const char *site;
    const char *why;
} redundant[] = {
    {EXPLORE_WEAKEN_NOTHING, NULL, NULL},
};

void explore_scenario_record(const struct explore_scenario *scenario, uint64_t seed,
                             struct explore_stage *stage)
{
    explore_stage_open(stage, scenario->max_bytes, seed);
    scenario->setup(stage);
    explore_stage_record(stage);
    scenario->operations(stage);
    explore_stage_finish(stage);
}

/* ---- all of a kind ------------------------------------------------------------------------ */

bool explore_weaken_kinds(uint64_t seed)
{
    bool right = true;
    for (unsigned kind = 1; kind < EXPLORE_WEAKEN_KINDS; kind++) {
        struct explore_weakening weakening = {(enum explore_weaken_kind)kind, NULL,
                                              EXPLORE_ANY_GROUP};
        bool caught = false;
        for (unsigned i = 0; i < explore_scenario_count && !caught; i++) {
            struct explore_stage *stage = explore_alloc(NULL, sizeof *stage);
            struct explore_result result;
            explore_scenario_record(&explore_scenarios[i], seed, stage);
            explore_run(stage, &stage->history, explore_scenarios[i].calls, &limits, &weakening,
                        NULL, &result);
            caught = !result.right;
            if (caught)
                printf("  every %-18s caught by %s, %s\n", kind_name[kind],
                       explore_scenarios[i].name, result.call);
            explore_result_fini(&result);
            explore_stage_close(stage);
            free(stage);
        }
        if (!caught)
            printf("  every %-18s NOT CAUGHT\n", kind_name[kind]);
        right &= caught;
    }
    return right;
}

/* ---- one site after the other ------------------------------------------------------------- */

#define GROUPS 1024u
#define TRIALS 60u /* of one site, in scenarios and crashes */

struct trial {
    struct explore_sites sites;
    uint8_t tried[EXPLORE_WEAKEN_KINDS][GROUPS];
    bool cut[EXPLORE_WEAKEN_KINDS][GROUPS];    /* a search hit its limit: not exhaustive */
    char by[EXPLORE_WEAKEN_KINDS][GROUPS][48]; /* scenario and call; empty: not caught */
};

static enum explore_site_kind site_of(const struct explore_event *event)
{
    return event->kind == EXPLORE_FENCE ? EXPLORE_SITE_NOP_WRITE : EXPLORE_SITE_RELEASE;
}

static bool is_writer_site(const struct explore_event *event)
{
    return (event->kind == EXPLORE_STORE && event->release) ||
           (event->kind == EXPLORE_FENCE && event->fence != STELEI_FENCE_READ);
}

static void try_one(struct trial *trial, const struct explore_stage *stage, unsigned calls,
                    enum explore_weaken_kind kind, unsigned group, const char *name)
{
    struct explore_weakening weakening = {kind, &trial->sites, group};
    struct explore_result result;
    if (trial->by[kind][group][0] || trial->tried[kind][group] == TRIALS)
        return;
    explore_run(stage, &stage->history, calls, &limits, &weakening, NULL, &result);
    /* leaving out what does not count changes nothing: that is no trial */
    if (kind == EXPLORE_WEAKEN_LOAD || kind == EXPLORE_WEAKEN_NOP_READ || result.weakened > 0)
        trial->tried[kind][group]++;
    trial->cut[kind][group] |= result.cut;
    if (!result.right)
        snprintf(trial->by[kind][group], sizeof trial->by[kind][group], "%s, %s", name,
                 result.call);
    if (!result.right) {
        printf("%-17s %-100s caught by %s\n", kind_name[kind],
               explore_sites_of_group(&trial->sites, group)->text, trial->by[kind][group]);
        fflush(stdout);
    }
    explore_result_fini(&result);
}

static void try_writer(struct trial *trial, const struct explore_stage *stage, unsigned calls,
                       size_t from, size_t to, const char *name)
{
    uint8_t here[GROUPS] = {0};
    const struct explore_history *history = &stage->history;
    for (size_t i = from; i < history->count && i < to; i++) {
        const struct explore_event *event = &history->event[i];
        if (is_writer_site(event))
            here[explore_sites_find(&trial->sites, site_of(event), event->site, event->caller)
                     ->group] = (uint8_t)(1 + (event->kind == EXPLORE_FENCE));
    }
    for (unsigned group = 0; group < trial->sites.groups; group++) {
        if (here[group] == 2)
            try_one(trial, stage, calls, EXPLORE_WEAKEN_NOP_WRITE, group, name);
        if (here[group] != 1)
            continue;
        try_one(trial, stage, calls, EXPLORE_WEAKEN_STORE, group, name);
        try_one(trial, stage, calls, EXPLORE_WEAKEN_OMIT, group, name);
        try_one(trial, stage, calls, EXPLORE_WEAKEN_EARLY, group, name);
    }
}

static void try_reader(struct trial *trial, const struct explore_stage *stage, unsigned calls,
                       const char *name)
{
    for (unsigned group = 0; group < trial->sites.groups; group++) {
        unsigned kind = explore_sites_of_group(&trial->sites, group)->kind;
        if (kind == EXPLORE_SITE_NOP_READ)
            try_one(trial, stage, calls, EXPLORE_WEAKEN_NOP_READ, group, name);
        if (kind == EXPLORE_SITE_ACQUIRE || kind == EXPLORE_SITE_DEPENDENT)
            try_one(trial, stage, calls, EXPLORE_WEAKEN_LOAD, group, name);
    }
}

/* Collects sites of the writer from `from` on, and of the reader by a run without weakening. */
static void collect(struct trial *trial, const struct explore_stage *stage, unsigned calls,
                    size_t from, struct explore_result *result)
{
    for (size_t i = from; i < stage->history.count; i++) {
        const struct explore_event *event = &stage->history.event[i];
        if (is_writer_site(event))
            explore_sites_add(&trial->sites, site_of(event), event->site, event->caller);
    }
    explore_run(stage, &stage->history, calls, &limits, NULL, &trial->sites, result);
    explore_sites_group(&trial->sites);
    if (trial->sites.groups > GROUPS)
        exit(2);
}

/* A few crashes, to weaken what the adopter does. */
static void try_crashes(struct trial *trial, const struct explore_scenario *scenario,
                        const struct explore_stage *stage, const int16_t *ghost)
{
    struct explore_crash *crash = explore_alloc(NULL, sizeof *crash);
    uint32_t index = 0;
    for (size_t events = 1; events <= stage->history.count; events++) {
        char text[300], name[40];
        if (stage->history.event[events - 1].kind != EXPLORE_STORE)
            continue;
        index++;
        if (index % 11 != 0 || stage->history.count > 400)
            continue;
        snprintf(name, sizeof name, "%s+crash", scenario->name);
        if (explore_crash_open(crash, stage, events, ghost + (size_t)index * EXPLORE_KEYS,
                               EXPLORE_STEP_FIRST, text, sizeof text)) {
            struct explore_result result;
            unsigned calls = 1u << EXPLORE_GET | 1u << EXPLORE_VIEW;
            collect(trial, &crash->stage, calls, crash->adopted_from, &result);
            explore_result_fini(&result);
            try_writer(trial, &crash->stage, calls, crash->adopted_from, crash->adopted_to, name);
        }
        explore_crash_close(crash);
    }
    free(crash);
}

static const char *reason_for(enum explore_weaken_kind kind, const char *site)
{
    for (size_t i = 0; i < sizeof redundant / sizeof redundant[0]; i++)
        if (redundant[i].kind == kind && redundant[i].site && strstr(site, redundant[i].site))
            return redundant[i].why;
    return NULL;
}

static bool print_trial(const struct trial *trial)
{
    bool right = true;
    unsigned caught = 0, explained = 0, open = 0;
    for (unsigned kind = 1; kind < EXPLORE_WEAKEN_KINDS; kind++)
        for (unsigned group = 0; group < trial->sites.groups; group++) {
            const struct explore_site *site = explore_sites_of_group(&trial->sites, group);
            const char *by = trial->by[kind][group];
            if (!trial->tried[kind][group])
                continue;
            const char *why = by[0] ? NULL : reason_for((enum explore_weaken_kind)kind, site->text);
            caught += by[0] != 0;
            explained += why != NULL;
            open += !by[0] && !why;
            right &= by[0] || why;
            if (by[0])
                continue;
            printf("%-17s %-100s %s%s\n", kind_name[kind], site->text,
                   why                       ? "redundant: "
                   : trial->cut[kind][group] ? "NOT CAUGHT (a search was cut off)"
                                             : "NOT CAUGHT",
                   why ? why : "");
        }
    printf("%u caught, %u redundant for a known reason, %u neither\n", caught, explained, open);
    return right;
}

bool explore_weaken_sites(uint64_t seed)
{
    struct trial *trial = calloc(1, sizeof *trial);
    if (!trial)
        exit(2);
    explore_sites_init(&trial->sites);
    for (unsigned i = 0; i < explore_scenario_count; i++) {
        const struct explore_scenario *scenario = &explore_scenarios[i];
        struct explore_stage *stage = explore_alloc(NULL, sizeof *stage);
        struct explore_result result;
        explore_scenario_record(scenario, seed, stage);
        collect(trial, stage, scenario->calls, 0, &result);
        try_writer(trial, stage, scenario->calls, 0, SIZE_MAX, scenario->name);
        try_reader(trial, stage, scenario->calls, scenario->name);
        try_crashes(trial, scenario, stage, result.ghost);
        explore_result_fini(&result);
        explore_stage_close(stage);
        free(stage);
    }
    bool right = print_trial(trial);
    explore_sites_fini(&trial->sites);
    free(trial);
    return right;
}
