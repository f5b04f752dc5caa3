#include "weaken.h"
#include "reasons.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const kind_name[EXPLORE_WEAKEN_KINDS] = {
    "nothing",        "release->relaxed", "count left out", "store moved up",
    "nop_write gone", "acquire->relaxed", "nop_read gone"};

static const struct explore_limits kind_limits = {
    .attempts = 2, .calls_in_a_row = 2, .states = 8000, .acquire_too = false, .brief = true};

void explore_scenario_record(const struct explore_scenario *scenario, uint64_t seed,
                             struct explore_stage *stage)
{
    explore_stage_open(stage, scenario->max_bytes, seed,
                       stele_type_of(scenario->key_kind, scenario->value_kind));
    explore_steps(stage, scenario->setup);
    explore_stage_record(stage);
    explore_steps(stage, scenario->operations);
    explore_stage_finish(stage);
}

/* ---- all of a kind ------------------------------------------------------------------------ */

bool explore_weaken_kinds(uint64_t seed)
{
    bool right = true;
    for (unsigned kind = 1; kind < EXPLORE_WEAKEN_KINDS; kind++) {
        struct explore_weakening weakening = {(enum explore_weaken_kind)kind, NULL,
                                              EXPLORE_ANY_GROUP, NULL};
        bool caught = false;
        for (unsigned i = 0; explore_scenario_at(i) && !caught; i++) {
            const struct explore_scenario *scenario = explore_scenario_at(i);
            struct explore_stage *stage = explore_alloc(NULL, sizeof *stage);
            struct explore_result result;
            explore_scenario_record(scenario, seed, stage);
            explore_run(stage, &stage->history, scenario->calls, &kind_limits, &weakening, NULL,
                        NULL, &result);
            caught = !result.right;
            if (caught)
                printf("  every %-18s caught by %s, %s\n", kind_name[kind], scenario->name,
                       result.call);
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

#define GROUPS        1024u
#define LONG_HISTORY  400u /* events; not crashed */
#define MANY_KEYS     32u
#define LARGE_TRIALS  2u /* what was searched so often is not searched in a large scenario too */
#define PARTS         16u
#define ADOPTER_CALLS (1u << EXPLORE_GET | 1u << EXPLORE_VIEW | 1u << EXPLORE_SCAN)

/* What became of one weakening of one site. */
struct verdict {
    unsigned trials; /* searches that it made a difference to */
    bool cut;        /* one of them hit its limit: not exhaustive */
    char by[48];     /* scenario and call that caught it, or empty */
    char pair[48];   /* that caught it together with its cover, and not the cover alone */
};

struct trial {
    struct explore_sites sites;
    struct explore_limits limits;
    unsigned crash_every;  /* stores between two crashes */
    unsigned crash_trials; /* of one site of the adopter */
    struct verdict verdict[EXPLORE_WEAKEN_KINDS][GROUPS];
};

/* One history in which sites are weakened. */
struct field {
    const struct explore_stage *stage;
    const char *name;
    const int16_t *ghost; /* of the history as it was recorded */
    unsigned calls;
    unsigned site_calls[GROUPS]; /* calls that a site matters to; 0: it does not occur */
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

/* True if sites of this kind can be weakened so. */
static bool weakening_fits(enum explore_weaken_kind kind, unsigned site)
{
    switch (kind) {
    case EXPLORE_WEAKEN_STORE:
    case EXPLORE_WEAKEN_OMIT:
    case EXPLORE_WEAKEN_EARLY:
        return site == EXPLORE_SITE_RELEASE;
    case EXPLORE_WEAKEN_NOP_WRITE:
        return site == EXPLORE_SITE_NOP_WRITE;
    case EXPLORE_WEAKEN_LOAD:
        return site == EXPLORE_SITE_ACQUIRE || site == EXPLORE_SITE_DEPENDENT;
    case EXPLORE_WEAKEN_NOP_READ:
        return site == EXPLORE_SITE_NOP_READ;
    case EXPLORE_WEAKEN_NOTHING:
    case EXPLORE_WEAKEN_KINDS:
        break;
    }
    return false;
}

/* True if a reader alone finds the same as without it. */
static bool only_orders(const struct explore_weakening *weakening)
{
    for (; weakening; weakening = weakening->also)
        if (weakening->kind == EXPLORE_WEAKEN_OMIT || weakening->kind == EXPLORE_WEAKEN_EARLY)
            return false;
    return true;
}

static void run_weakened(const struct trial *trial, const struct field *field, unsigned calls,
                         const struct explore_weakening *weakening, struct explore_result *result)
{
    explore_run(field->stage, &field->stage->history, calls, &trial->limits, weakening, NULL,
                only_orders(weakening) ? field->ghost : NULL, result);
}

/* The sites that a cover names, as weakenings, each linked to the next: all of them, or those that
 * nothing has caught alone. */
static unsigned cover_parts(struct trial *trial, const struct explore_reason *reason, bool uncaught,
                            struct explore_weakening *part)
{
    unsigned parts = 0;
    for (unsigned i = 0; i < EXPLORE_COVERS && reason->cover[i].site; i++)
        for (unsigned group = 0; group < trial->sites.groups && parts < PARTS; group++) {
            const struct explore_site *site = explore_sites_of_group(&trial->sites, group);
            enum explore_weaken_kind kind = reason->cover[i].kind;
            if (strncmp(site->name, reason->cover[i].site, strlen(reason->cover[i].site)) != 0)
                continue;
            if (!weakening_fits(kind, site->kind) ||
                (uncaught && trial->verdict[kind][group].by[0]))
                continue;
            part[parts] = (struct explore_weakening){kind, &trial->sites, group, NULL};
            if (parts > 0)
                part[parts - 1].also = &part[parts];
            parts++;
        }
    return parts;
}

/* Takes the cover away too: caught where the cover's loss alone is not, the reason holds. */
static void try_pair(struct trial *trial, const struct field *field,
                     const struct explore_reason *reason, bool uncaught,
                     const struct explore_weakening *single, struct verdict *verdict)
{
    struct explore_weakening part[PARTS], both = *single;
    struct explore_result result;
    unsigned calls = field->site_calls[single->group];
    if (verdict->pair[0] || cover_parts(trial, reason, uncaught, part) == 0)
        return;
    both.also = part;
    for (unsigned call = 0; call < EXPLORE_CALLS && !verdict->pair[0]; call++) {
        if (!(calls >> call & 1))
            continue;
        run_weakened(trial, field, 1u << call, &both, &result);
        bool together = !result.right;
        explore_result_fini(&result);
        if (!together)
            continue;
        run_weakened(trial, field, 1u << call, part, &result);
        if (result.right)
            snprintf(verdict->pair, sizeof verdict->pair, "%s, %s", field->name,
                     explore_call_name((enum explore_call)call));
        explore_result_fini(&result);
    }
}

static void try_one(struct trial *trial, const struct field *field, enum explore_weaken_kind kind,
                    unsigned group)
{
    struct explore_weakening weakening = {kind, &trial->sites, group, NULL};
    struct explore_result result;
    struct verdict *verdict = &trial->verdict[kind][group];
    const struct explore_site *site = explore_sites_of_group(&trial->sites, group);
    if (verdict->by[0])
        return;
    run_weakened(trial, field, field->site_calls[group], &weakening, &result);
    /* leaving out what does not count changes nothing: that is no trial */
    bool changed =
        kind == EXPLORE_WEAKEN_LOAD || kind == EXPLORE_WEAKEN_NOP_READ || result.weakened > 0;
    verdict->trials += changed;
    verdict->cut |= result.cut;
    if (!result.right) {
        snprintf(verdict->by, sizeof verdict->by, "%s, %s", field->name, result.call);
        printf("%-17s %-100s caught by %s\n", kind_name[kind], site->text, verdict->by);
        fflush(stdout);
    }
    bool right = result.right;
    explore_result_fini(&result);
    const struct explore_reason *reason = explore_reason_for(kind, site->name);
    if (!right || !changed || !reason)
        return;
    try_pair(trial, field, reason, false, &weakening, verdict);
    try_pair(trial, field, reason, true, &weakening, verdict);
}

/* Every weakening of every site of the field from group `from` on, each so often at most. */
static void try_field(struct trial *trial, const struct field *field, unsigned from, unsigned most)
{
    for (unsigned group = from; group < trial->sites.groups; group++)
        for (unsigned kind = 1; kind < EXPLORE_WEAKEN_KINDS; kind++)
            if (field->site_calls[group] && trial->verdict[kind][group].trials < most &&
                weakening_fits((enum explore_weaken_kind)kind,
                               explore_sites_of_group(&trial->sites, group)->kind))
                try_one(trial, field, (enum explore_weaken_kind)kind, group);
}

static void check_groups(const struct trial *trial)
{
    if (trial->sites.groups <= GROUPS)
        return;
    fprintf(stderr, "explore: more than %u sites\n", GROUPS);
    exit(2);
}

/* The writer's sites among events [from, to). */
static void find_writer(struct trial *trial, struct field *field, size_t from, size_t to)
{
    const struct explore_history *history = &field->stage->history;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = from; i < history->count && i < to; i++) {
            const struct explore_event *event = &history->event[i];
            if (!is_writer_site(event))
                continue;
            const struct explore_site *site =
                explore_sites_add(&trial->sites, site_of(event), event->site, event->caller);
            if (pass)
                field->site_calls[site->group] = field->calls;
        }
        explore_sites_group(&trial->sites);
        check_groups(trial);
    }
}

/* The reader's sites that one call comes by. */
static void find_reader(struct trial *trial, struct field *field, unsigned call)
{
    struct explore_sites met;
    struct explore_result result;
    explore_sites_init(&met);
    explore_run(field->stage, &field->stage->history, 1u << call, &trial->limits, NULL, &met,
                field->ghost, &result);
    explore_result_fini(&result);
    for (size_t i = 0; i < met.count; i++)
        explore_sites_add(&trial->sites, (enum explore_site_kind)met.site[i].kind,
                          met.site[i].address, NULL);
    explore_sites_group(&trial->sites);
    check_groups(trial);
    for (size_t i = 0; i < met.count; i++)
        field
            ->site_calls[explore_sites_find(&trial->sites, (enum explore_site_kind)met.site[i].kind,
                                            met.site[i].address, NULL)
                             ->group] |= 1u << call;
    explore_sites_fini(&met);
}

static void try_scenario(struct trial *trial, const struct explore_scenario *scenario,
                         uint64_t seed)
{
    struct explore_stage *stage = explore_alloc(NULL, sizeof *stage);
    struct field *field = explore_alloc(NULL, sizeof *field);
    struct explore_result result;
    explore_scenario_record(scenario, seed, stage);
    memset(field, 0, sizeof *field);
    field->stage = stage;
    field->name = scenario->name;
    field->calls = scenario->calls;
    explore_run(stage, &stage->history, 0, &trial->limits, NULL, NULL, NULL, &result);
    field->ghost = result.ghost;
    find_writer(trial, field, 0, SIZE_MAX);
    for (unsigned call = 0; call < EXPLORE_CALLS; call++)
        if (scenario->calls >> call & 1)
            find_reader(trial, field, call);
    try_field(trial, field, 0, stage->keys > MANY_KEYS ? LARGE_TRIALS : UINT32_MAX);
    explore_result_fini(&result);
    explore_stage_close(stage);
    free(field);
    free(stage);
}

/* The adopter after one crash: its sites, those of group `from` on. */
static void try_crash(struct trial *trial, const struct explore_crash *crash, const char *name,
                      unsigned calls, unsigned from)
{
    struct field *field = explore_alloc(NULL, sizeof *field);
    struct explore_result result;
    memset(field, 0, sizeof *field);
    field->stage = &crash->stage;
    field->name = name;
    field->calls = calls;
    explore_run(field->stage, &field->stage->history, 0, &trial->limits, NULL, NULL, NULL, &result);
    field->ghost = result.ghost;
    find_writer(trial, field, crash->adopted_from, crash->adopted_to);
    try_field(trial, field, from, trial->crash_trials);
    explore_result_fini(&result);
    free(field);
}

/* Crashes after every so many stores of a scenario, to weaken what the adopter alone does. */
static void try_crashes(struct trial *trial, const struct explore_scenario *scenario, uint64_t seed,
                        unsigned from)
{
    struct explore_stage *stage = explore_alloc(NULL, sizeof *stage);
    struct explore_crash *crash = explore_alloc(NULL, sizeof *crash);
    struct explore_result result;
    char text[300], name[40];
    uint32_t index = 0;
    explore_scenario_record(scenario, seed, stage);
    explore_run(stage, &stage->history, 0, &trial->limits, NULL, NULL, NULL, &result);
    snprintf(name, sizeof name, "%s+crash", scenario->name);
    bool large = stage->history.count > LONG_HISTORY;
    for (size_t events = 1; events <= stage->history.count && !large; events++) {
        if (stage->history.event[events - 1].kind != EXPLORE_STORE)
            continue;
        index++;
        if (index % trial->crash_every != 0)
            continue;
        /* the pass completes first, or every other time the writes come first */
        enum explore_aftermath aftermath =
            trial->crash_every > 1 || index % 2 ? EXPLORE_STEP_FIRST : EXPLORE_WRITE_FIRST;
        if (explore_crash_open(crash, stage, events, result.ghost + (size_t)index * EXPLORE_KEYS,
                               aftermath, text, sizeof text))
            try_crash(trial, crash, name, ADOPTER_CALLS & scenario->calls, from);
        large = crash->stage.history.count > LONG_HISTORY;
        explore_crash_close(crash);
    }
    explore_result_fini(&result);
    explore_stage_close(stage);
    free(crash);
    free(stage);
}

/* ---- the table ---------------------------------------------------------------------------- */

struct counts {
    unsigned caught, paired, argued, undecided, open;
};

static void print_verdict(const struct verdict *verdict, enum explore_weaken_kind kind,
                          const struct explore_site *site, struct counts *counts)
{
    const struct explore_reason *reason = explore_reason_for(kind, site->name);
    bool covered = reason && reason->cover[0].site;
    if (verdict->trials == 0)
        return;
    if (verdict->by[0]) {
        counts->caught++;
        return;
    }
    printf("%-17s %-100s ", kind_name[kind], site->text);
    if (!reason || (covered && !verdict->pair[0])) {
        const char *why = explore_undecided(kind, site->name);
        counts->undecided += why != NULL;
        counts->open += why == NULL;
        printf("%s%s%s%s\n", why ? "not decided: " : "NOT CAUGHT", why ? why : "",
               verdict->cut ? " (a search was cut off)" : "", reason ? ", NOR WITH ITS COVER" : "");
        return;
    }
    counts->paired += covered;
    counts->argued += !covered;
    printf("redundant%s%s: %s\n", covered ? ", both gone caught by " : "",
           covered ? verdict->pair : "", reason->why);
}

static bool print_trial(const struct trial *trial)
{
    struct counts counts = {0, 0, 0, 0, 0};
    for (unsigned kind = 1; kind < EXPLORE_WEAKEN_KINDS; kind++)
        for (unsigned group = 0; group < trial->sites.groups; group++)
            print_verdict(&trial->verdict[kind][group], (enum explore_weaken_kind)kind,
                          explore_sites_of_group(&trial->sites, group), &counts);
    printf("%u caught, %u redundant and caught with their cover gone, %u redundant by argument, "
           "%u not decided, %u neither\n",
           counts.caught, counts.paired, counts.argued, counts.undecided, counts.open);
    return counts.open == 0;
}

bool explore_weaken_sites(uint64_t seed, const char *only, bool full)
{
    struct trial *trial = calloc(1, sizeof *trial);
    if (!trial)
        exit(2);
    explore_sites_init(&trial->sites);
    trial->limits = kind_limits;
    trial->limits.states = full ? 400000 : 12000;
    trial->crash_every = full ? 1 : 11;
    trial->crash_trials = full ? 60 : 30;
    const struct explore_scenario *scenario;
    for (unsigned i = 0; (scenario = explore_scenario_at(i)) != NULL; i++)
        if (!only || !strcmp(only, scenario->name))
            try_scenario(trial, scenario, seed);
    unsigned adopters = trial->sites.groups;
    for (unsigned i = 0; (scenario = explore_scenario_at(i)) != NULL; i++)
        if (!only || !strcmp(only, scenario->name))
            try_crashes(trial, scenario, seed, adopters);
    bool right = print_trial(trial);
    explore_sites_fini(&trial->sites);
    free(trial);
    return right;
}
