/* explore - the memory protocol, checked over the store's and the reader's own code. See README.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crashes.h"
#include "litmus.h"
#include "weaken.h"

struct choice {
    const char *verb;
    bool full;
    uint64_t seed;
    const char *only; /* scenario, or NULL */
    unsigned part;    /* of parts: every so manyth scenario; the first also has what is no scenario */
    unsigned parts;
};

static const struct explore_limits quick_limits = {
    .attempts = 2, .calls_in_a_row = 2, .states = 3000000, .acquire_too = false};
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

static bool run_scenario(const struct explore_scenario *scenario, const struct choice *choice,
                         bool crashes)
{
    struct explore_stage *stage = explore_alloc(NULL, sizeof *stage);
    struct explore_result result;
    double begun = cpu_seconds();
    explore_scenario_record(scenario, choice->seed, stage);
    explore_run(stage, &stage->history, scenario->calls,
                choice->full ? &full_limits : &quick_limits, NULL, NULL, NULL, &result);
    printf("  %-16s %5u stores %9llu runs %9llu states %9llu judged %6.2f s%s\n", scenario->name,
           result.stores, (unsigned long long)result.runs, (unsigned long long)result.states,
           (unsigned long long)result.judged, cpu_seconds() - begun,
           result.cut ? "  (cut off)" : "");
    fflush(stdout);
    bool right = result.right;
    if (!right)
        print_violation(scenario->name, "", &result);
    else if (crashes)
        right = explore_crashes(scenario, stage, result.ghost, choice->full);
    explore_result_fini(&result);
    explore_stage_close(stage);
    free(stage);
    return right;
}

static bool run_scenarios(const struct choice *choice, bool crashes)
{
    bool right = true;
    const struct explore_scenario *scenario;
    for (unsigned i = 0; (scenario = explore_scenario_at(i)) != NULL; i++) {
        if (i % choice->parts != choice->part)
            continue;
        if (choice->only ? strcmp(choice->only, scenario->name) != 0
                         : scenario->slow && !choice->full)
            continue;
        right &= run_scenario(scenario, choice, crashes);
    }
    return right;
}

static bool check(const struct choice *choice)
{
    bool right = true;
    if (choice->part == 0) {
        printf("litmus: the engine itself\n");
        right = explore_litmus();
    }
    printf("scenarios: stele's own writer and reader, and every kill adopted\n");
    right &= run_scenarios(choice, true);
    if (choice->part == 0) {
        printf("weakenings: orderings taken away\n");
        right &= explore_weaken_kinds(choice->seed);
    }
    return right;
}

static int usage(void)
{
    fprintf(stderr, "usage: explore [check|litmus|run|crash|weaken|list] [--full] [--seed=N] "
                    "[--part=K/N] [SCENARIO]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct choice choice = {"check", false, 1, NULL, 0, 1};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--full"))
            choice.full = true;
        else if (!strncmp(argv[i], "--seed=", 7))
            choice.seed = strtoull(argv[i] + 7, NULL, 10);
        else if (sscanf(argv[i], "--part=%u/%u", &choice.part, &choice.parts) == 2 &&
                 choice.part < choice.parts)
            continue;
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
        right = explore_weaken_sites(choice.seed, choice.only, choice.full);
    else if (!strcmp(choice.verb, "list"))
        for (unsigned i = 0; explore_scenario_at(i); i++)
            printf("%-16s %s\n", explore_scenario_at(i)->name, explore_scenario_at(i)->what);
    else
        return usage();
    printf("%s\n", right ? "explore: no violation" : "explore: VIOLATION");
    return right ? 0 : 1;
}
