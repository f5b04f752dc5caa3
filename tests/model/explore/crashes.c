#include "crashes.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct explore_limits limits = {
    .attempts = 2, .calls_in_a_row = 1, .acquire_too = false, .brief = false};

/* A batch of several keys beside an adoption has too many states, and does nothing of its own. */
#define ALL_OF_CRASH (((1u << EXPLORE_CALLS) - 1) & ~(1u << EXPLORE_MANY))

#define LONG_HISTORY 400u /* events; there kills are far between */
#define LONG_FACTOR  8u   /* how much farther when it is the adoption that is long */

/* How close together the kills are. */
struct density {
    size_t events;    /* of the scenario's history between two kills */
    unsigned between; /* kills whose adoption is left alone, for each that is killed too */
    size_t again;     /* events of that adoption between two kills */
    uint64_t
        again_states; /* of a search beside two adoptions: there are too many for all of them */
    uint64_t states;  /* of one beside one */
    bool all_calls;
};

struct crashes {
    const char *name;
    struct density density;
    unsigned first, second;
    uint64_t states;
    size_t events; /* of the last kill's history with the adoption in it */
    bool right;
};

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void explore_kill(struct crashes *crashes, const struct explore_stage *stage,
                         const int16_t *ghost, size_t events, uint32_t index,
                         enum explore_aftermath aftermath, const char *before, bool again);

/* Kills of an adopter, at every so many of the events that are the adoption's. */
static void kill_adopter(struct crashes *crashes, const struct explore_crash *crash,
                         const int16_t *ghost, const char *what)
{
    const struct explore_history *history = &crash->stage.history;
    uint32_t index = 0;
    for (size_t events = 0; events < crash->adopted_to && crashes->right; events++) {
        index += events > 0 && history->event[events - 1].kind == EXPLORE_STORE;
        if (events <= crash->adopted_from || history->event[events - 1].kind == EXPLORE_FENCE ||
            events % crashes->density.again != 0)
            continue;
        explore_kill(crashes, &crash->stage, ghost, events, index,
                     (enum explore_aftermath)(events / crashes->density.again % 2), what, true);
    }
}

static unsigned calls_of(const struct crashes *crashes, const struct stele_type *type, bool again)
{
    static const enum explore_call one_call[] = {EXPLORE_GET, EXPLORE_VIEW, EXPLORE_SCAN,
                                                 EXPLORE_GET};
    unsigned turn = again ? crashes->second % 2 : crashes->first % 4;
    enum explore_call call = explore_call_fits(one_call[turn], type) ? one_call[turn] : EXPLORE_GET;
    return crashes->density.all_calls ? ALL_OF_CRASH : 1u << call;
}

static bool is_killed_again(const struct crashes *crashes, const struct explore_crash *crash)
{
    return crash->stage.history.count <= LONG_HISTORY &&
           crashes->first % (crashes->density.between + 1) == 0;
}

/* The writer of the stage is killed, store #index its last; all that comes of it. */
static void explore_kill(struct crashes *crashes, const struct explore_stage *stage,
                         const int16_t *ghost, size_t events, uint32_t index,
                         enum explore_aftermath aftermath, const char *before, bool again)
{
    struct explore_crash *crash = explore_alloc(NULL, sizeof *crash);
    struct explore_limits bounds = limits;
    struct explore_result result;
    char text[300] = "", what[160];
    bounds.states = again ? crashes->density.again_states : crashes->density.states;
    memset(&result, 0, sizeof result);
    snprintf(what, sizeof what, "%s, killed after store #%u, %s first", before, index,
             aftermath ? "writes" : "the pass");
    crashes->right = explore_crash_open(crash, stage, events, ghost + (size_t)index * EXPLORE_KEYS,
                                        aftermath, text, sizeof text);
    if (!crashes->right) {
        printf("%s%s: VIOLATION: %s\n", crashes->name, what, text);
    } else {
        explore_run(&crash->stage, &crash->stage.history, calls_of(crashes, &stage->type, again),
                    &bounds, NULL, NULL, NULL, &result);
        crashes->right = result.right;
        if (!crashes->right)
            printf("%s%s, %s:\n%s", crashes->name, what, result.call, result.report);
    }
    crashes->states += result.states;
    crashes->events = crash->stage.history.count;
    crashes->first += !again;
    crashes->second += again;
    if (crashes->right && !again && is_killed_again(crashes, crash))
        kill_adopter(crashes, crash, result.ghost, what);
    explore_result_fini(&result);
    explore_crash_close(crash);
    free(crash);
}

bool explore_crashes(const struct explore_scenario *scenario, const struct explore_stage *stage,
                     const int16_t *ghost, bool full)
{
    static const struct density quick_density = {5, 5, 5, 2000, 1000000, false},
                                typed_density = {17, 11, 11, 2000, 50000, false},
                                full_density = {1, 2, 1, 100000, 1000000, true};
    /* words and lists are adopted by the same code: fewer kills beside those of byte strings */
    bool typed = scenario->key_kind != STELE_BYTES || scenario->value_kind != STELE_BYTES;
    struct crashes crashes = {.name = scenario->name, .density = quick_density, .right = true};
    double begun = cpu_seconds();
    uint32_t index = 0;
    if (full || typed)
        crashes.density = full ? full_density : typed_density;
    size_t every = crashes.density.events, next = 0;
    if (scenario->kill_every && !full)
        every = scenario->kill_every;
    if (stage->history.count > LONG_HISTORY)
        every = full ? 97 : 797;
    for (size_t events = 0; events <= stage->history.count && crashes.right; events++) {
        index += events > 0 && stage->history.event[events - 1].kind == EXPLORE_STORE;
        if ((events > 0 && stage->history.event[events - 1].kind == EXPLORE_FENCE) || events < next)
            continue;
        /* a long adoption takes as long to explore as many short ones: one will do, or few */
        if (crashes.events > LONG_HISTORY && !full)
            break;
        next = events + every * (crashes.events > LONG_HISTORY ? LONG_FACTOR : 1);
        for (int aftermath = 0; aftermath < 2 && crashes.right; aftermath++)
            explore_kill(&crashes, stage, ghost, events, index, (enum explore_aftermath)aftermath,
                         "", false);
    }
    printf("  %-16s %5u crashes %5u of adopters %9llu states %15.2f s\n", scenario->name,
           crashes.first, crashes.second, (unsigned long long)crashes.states,
           cpu_seconds() - begun);
    fflush(stdout);
    return crashes.right;
}
