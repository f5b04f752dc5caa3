/* explore - the memory protocol, checked over the store's and the reader's own code. See README.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crash.h"
#include "litmus.h"
#include "weaken.h"

struct choice {
    const char *verb;
    bool full;
    uint64_t seed;
    const char *only; /* scenario, or NULL */
};

static const struct explore_limits quick_limits = {
    .attempts = 2, .calls_in_a_row = 2, .states = 3000000, .acquire_too = false};
static const struct explore_limits crash_limits = {
    .attempts = 2, .calls_in_a_row = 1, .states = 1000000, .acquire_too = false};
static const struct explore_limits full_limits = {
    .attempts = 3, .calls_in_a_row = 3, .states = 0, .acquire_too = true};

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void print_violation(const char *scenario, const char *what,
                            const struct explore_result *result)
{
    printf("%s%s, %s:\n%s", scenario, what, result->call, result->report);
}

/* A batch of several keys beside an adoption has too many states, and does nothing of its own. */
#define ALL_OF_CRASH (((1u << EXPLORE_CALLS) - 1) & ~(1u << EXPLORE_MANY))

/* All crashes of one scenario; in quick mode every fifth store, and one call each in turn. */
static bool run_crashes(const struct explore_scenario *scenario, const struct explore_stage *stage,
                        const int16_t *ghost, bool full)
{
    static const enum explore_call one_call[] = {EXPLORE_GET, EXPLORE_VIEW, EXPLORE_SCAN,
                                                 EXPLORE_GET};
    struct explore_crash *crash = explore_alloc(NULL, sizeof *crash);
    bool right = true;
    uint32_t index = 0, crashes = 0;
    uint64_t states = 0;
    double begun = cpu_seconds();
    uint32_t every = stage->history.count > 400 ? (full ? 97 : 397) : full ? 1 : 5;
    for (size_t events = 0; events <= stage->history.count && right; events++) {
        index += events > 0 && stage->history.event[events - 1].kind == EXPLORE_STORE;
        if ((events > 0 && stage->history.event[events - 1].kind == EXPLORE_FENCE) ||
            events % every != 0)
            continue;
        for (int aftermath = 0; aftermath < 2 && right; aftermath++) {
            char text[300] = "", what[80];
            struct explore_result result;
            memset(&result, 0, sizeof result);
            snprintf(what, sizeof what, ", killed after store #%u, %s first", index,
                     aftermath ? "writes" : "the pass");
            right = explore_crash_open(crash, stage, events, ghost + (size_t)index * EXPLORE_KEYS,
                                       (enum explore_aftermath)aftermath, text, sizeof text);
            if (!right) {
                printf("%s%s: VIOLATION: %s\n", scenario->name, what, text);
            } else {
                explore_run(&crash->stage, &crash->stage.history,
                            full ? ALL_OF_CRASH : 1u << one_call[crashes % 4], &crash_limits, NULL,
                            NULL, &result);
                right = result.right;
                if (!right)
                    print_violation(scenario->name, what, &result);
            }
            states += result.states;
            crashes++;
            explore_result_fini(&result);
            explore_crash_close(crash);
        }
    }
    free(crash);
    printf("  %-16s %5u crashes            %9llu states %28.2f s\n", scenario->name, crashes,
           (unsigned long long)states, cpu_seconds() - begun);
    fflush(stdout);
    return right;
}

static bool run_scenario(const struct explore_scenario *scenario, const struct choice *choice,
                         bool crashes)
{
    struct explore_stage *stage = explore_alloc(NULL, sizeof *stage);
    struct explore_result result;
    double begun = cpu_seconds();
    explore_scenario_record(scenario, choice->seed, stage);
    explore_run(stage, &stage->history, scenario->calls,
                choice->full ? &full_limits : &quick_limits, NULL, NULL, &result);
    printf("  %-16s %5u stores %9llu runs %9llu states %9llu judged %6.2f s%s\n", scenario->name,
           result.stores, (unsigned long long)result.runs, (unsigned long long)result.states,
           (unsigned long long)result.judged, cpu_seconds() - begun,
           result.cut ? "  (cut off)" : "");
    fflush(stdout);
    bool right = result.right;
    if (!right)
        print_violation(scenario->name, "", &result);
    else if (crashes)
        right = run_crashes(scenario, stage, result.ghost, choice->full);
    explore_result_fini(&result);
    explore_stage_close(stage);
    free(stage);
    return right;
}

static bool run_scenarios(const struct choice *choice, bool crashes)
{
    bool right = true;
    for (unsigned i = 0; i < explore_scenario_count; i++) {
        const struct explore_scenario *scenario = &explore_scenarios[i];
        if (choice->only ? strcmp(choice->only, scenario->name) != 0
                         : scenario->slow && !choice->full)
            continue;
        right &= run_scenario(scenario, choice, crashes);
    }
    return right;
}

static bool check(const struct choice *choice)
{
    printf("litmus: the engine itself\n");
    bool right = explore_litmus();
    printf("scenarios: stele's own writer and reader, and every kill adopted\n");
    right &= run_scenarios(choice, true);
    printf("weakenings: orderings taken away\n");
    right &= explore_weaken_kinds(choice->seed);
    return right;
}

static int usage(void)
{
    fprintf(stderr, "usage: explore [check|litmus|run|crash|weaken|list] [--full] [--seed=N] "
                    "[SCENARIO]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct choice choice = {"check", false, 1, NULL};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--full"))
            choice.full = true;
        else if (!strncmp(argv[i], "--seed=", 7))
            choice.seed = strtoull(argv[i] + 7, NULL, 10);
        else if (argv[i][0] == '-')
            return usage();
        else if (i == 1)
            choice.verb = argv[i];
        else
            choice.only = argv[i];
    }
    bool right = true;
    if (!strcmp(choice.verb, "check"))
        right = check(&choice);
    else if (!strcmp(choice.verb, "litmus"))
        right = explore_litmus();
    else if (!strcmp(choice.verb, "run"))
        right = run_scenarios(&choice, false);
    else if (!strcmp(choice.verb, "crash"))
        right = run_scenarios(&choice, true);
    else if (!strcmp(choice.verb, "weaken"))
        right = explore_weaken_sites(choice.seed);
    else if (!strcmp(choice.verb, "list"))
        for (unsigned i = 0; i < explore_scenario_count; i++)
            printf("%-16s %s\n", explore_scenarios[i].name, explore_scenarios[i].what);
    else
        return usage();
    printf("%s\n", right ? "explore: no violation" : "explore: VIOLATION");
    return right ? 0 : 1;
}
