#include "run.h"
#include "hooks.h"

#include <stdlib.h>

static void explore_call(struct explore_reading *reading, struct explore_search *search,
                         const struct explore_limits *limits, struct explore_result *result)
{
    bool several = reading->call == EXPLORE_GET || reading->call == EXPLORE_CONTAINS;
    reading->attempts = limits->attempts;
    reading->calls_in_a_row = limits->calls_in_a_row;
    if (!several && limits->calls_in_a_row > 1)
        reading->calls_in_a_row--;
    search->state_limit = limits->states ? search->states + limits->states : 0;
    explore_hooks_search(search);
    result->right = explore_search_all(search, explore_reading_program, reading);
    explore_hooks_off();
    result->call = explore_call_name(reading->call);
}

/* True if only stores and fences were to be weakened, and there are none such. */
static bool is_unchanged(const struct explore_memory *memory,
                         const struct explore_weakening *weakening)
{
    const struct explore_weakening *part = weakening;
    while (part && part->kind != EXPLORE_WEAKEN_LOAD && part->kind != EXPLORE_WEAKEN_NOP_READ)
        part = part->also;
    return weakening && !part && memory->weakened == 0;
}

void explore_run(const struct explore_stage *stage, const struct explore_history *history,
                 unsigned calls, const struct explore_limits *limits,
                 const struct explore_weakening *weakening, struct explore_sites *sites,
                 const int16_t *ghost, struct explore_result *result)
{
    struct explore_memory memory;
    struct explore_reading reading;
    memset(result, 0, sizeof *result);
    explore_memory_init(&memory, history, weakening);
    if (is_unchanged(&memory, weakening)) {
        result->right = true;
        explore_memory_fini(&memory);
        return;
    }
    struct explore_search *search = explore_alloc(NULL, sizeof *search);
    explore_reading_init(&reading, stage, &memory);
    explore_search_init(search, &memory, history->image);
    search->sites = sites;
    search->weakening = weakening;
    search->brief = limits->brief;
    result->call = "alone";
    if (ghost) {
        explore_reading_attach(&reading, search);
        memcpy(reading.ghost, ghost,
               ((size_t)memory.last + 1) * EXPLORE_KEYS * sizeof reading.ghost[0]);
        result->right = true;
    } else {
        result->right = explore_reading_ghost(&reading, search);
    }
    for (unsigned call = 0; call < EXPLORE_CALLS; call++)
        for (int acquire = 0; acquire <= limits->acquire_too && result->right; acquire++) {
            if (!(calls >> call & 1) || !explore_call_fits((enum explore_call)call, &stage->type))
                continue;
            reading.call = (enum explore_call)call;
            search->dependent_is_acquire = acquire != 0;
            explore_call(&reading, search, limits, result);
        }
    if (!result->right) {
        result->report = search->report;
        search->report = NULL;
    }
    result->runs = search->runs;
    result->states = search->states;
    result->judged = search->judged;
    result->stores = memory.last;
    result->cut = search->cut;
    result->weakened = memory.weakened;
    explore_search_fini(search);
    free(search);
    result->ghost = reading.ghost;
    reading.ghost = NULL;
    explore_reading_fini(&reading);
    explore_memory_fini(&memory);
}

void explore_result_fini(struct explore_result *result)
{
    free(result->report);
    free(result->ghost);
    memset(result, 0, sizeof *result);
}
