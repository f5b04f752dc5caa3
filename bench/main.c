/*
 * main.c - the coordinator: loads every subject with the same keys, runs the workloads on them,
 * one table size after the other, and writes the report.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/report.h"
#include "workloads/workload.h"

#define MAX_SIZES 8u

static const struct peer *const peers[] = {
    &peer_stele,
#ifdef BENCH_HAVE_RTE_HASH
    &peer_rte_hash,
#endif
#ifdef BENCH_HAVE_CK
    &peer_ck_ht,
#endif
#ifdef BENCH_HAVE_LMDB
    &peer_lmdb,
#endif
    &peer_floor,
};

/* At which of the run's sizes. */
enum entry_when {
    AT_EACH,
    AT_LARGEST,
    AT_MILLION,    /* the smallest of 1 M or more, else the largest */
    AT_TEN_MILLION /* those of 10 M and more, else the largest */
};

struct entry {
    const char *id;
    workload_fn *run;
    enum entry_when when;
    bool own_table; /* needs no loaded subjects */
};

/* In the order in which they run: what changes the loaded data comes last. */
static const struct entry workloads[] = {
    {"R1", workload_r1, AT_EACH, false},         {"R2", workload_r2, AT_EACH, false},
    {"R4", workload_r4, AT_EACH, false},         {"R7", workload_r7, AT_EACH, false},
    {"M1", workload_m1, AT_EACH, false},         {"R6", workload_r6, AT_EACH, false},
    {"M1", workload_m1_churn, AT_EACH, false},   {"R3", workload_r3, AT_EACH, true},
    {"R5", workload_r5, AT_EACH, true},          {"R8", workload_r8, AT_MILLION, true},
    {"M1", workload_m1_lists, AT_MILLION, true}, {"W1", workload_w1, AT_MILLION, true},
    {"W2", workload_w2, AT_MILLION, true},       {"W3", workload_w3, AT_TEN_MILLION, true},
    {"W4", workload_w4, AT_LARGEST, true},       {"A1", workload_a1, AT_TEN_MILLION, true},
    {"S1", workload_s1, AT_LARGEST, true},       {"S2", workload_s2, AT_LARGEST, true},
    {"S3", workload_s3, AT_LARGEST, true},       {"S4", workload_s4, AT_LARGEST, true},
};

struct options {
    uint64_t sizes[MAX_SIZES];
    size_t size_count;
    unsigned repetitions;
    uint64_t lookups; /* 0: by N */
    enum peer_pages pages;
    const char *directory;
    const char *steled;
    bool local;
    bool quick;
    char *const *ids; /* none: all */
    int id_count;
};

static void usage(FILE *out)
{
    fprintf(
        out,
        "usage: stele-bench [options] --out DIR [ID...]\n"
        "  ID            R1 R2 R3 R4 R5 R6 R7 R8 M1 W1 W2 W3 W4 A1 S1 S2 S3 S4; all when none is "
        "named\n"
        "  --quick       10 K and 1 M keys, fewer repetitions through sockets\n"
        "  --full        10 K, 1 M, 10 M and 50 M keys\n"
        "  --sizes A,B   these numbers of keys\n"
        "  --repetitions N  of each measurement (default 21, at most 101)\n"
        "  --lookups N   in one repetition (default: by the number of keys)\n"
        "  --pages SIZE  of all subjects: 2M (default), 4K, or own: what each gets by itself\n"
        "  --steled PATH the daemon for W1, W2, W3, A1, S1 and S2 (default: the one built along)\n"
        "  --local       stele and the floor only, no other peer\n"
        "  --out DIR     an existing directory for the results\n");
}

static bool parse_sizes(const char *text, struct options *options)
{
    options->size_count = 0;
    while (*text && options->size_count < MAX_SIZES) {
        char *end;
        errno = 0;
        unsigned long long size = strtoull(text, &end, 10);
        if (errno || end == text || size < 1000 || size > 1000000000 || (*end && *end != ','))
            return false;
        options->sizes[options->size_count++] = size;
        text = *end ? end + 1 : end;
    }
    return *text == 0 && options->size_count > 0;
}

static bool parse_pages(const char *text, enum peer_pages *pages)
{
    static const char *const names[] = {
        [PEER_PAGES_2M] = "2M", [PEER_PAGES_4K] = "4K", [PEER_PAGES_OWN] = "own"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            *pages = (enum peer_pages)i;
            return true;
        }
    return false;
}

/* 0 continue, 1 stop with success, 2 stop with a usage error. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"quick", no_argument, NULL, 'q'},
                                          {"full", no_argument, NULL, 'f'},
                                          {"sizes", required_argument, NULL, 's'},
                                          {"repetitions", required_argument, NULL, 'r'},
                                          {"lookups", required_argument, NULL, 'n'},
                                          {"local", no_argument, NULL, 'l'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"pages", required_argument, NULL, 'p'},
                                          {"steled", required_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    bool good = parse_sizes("10000,1000000,10000000", options);
    for (int c; good && (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'q')
            good = options->quick = parse_sizes("10000,1000000", options);
        else if (c == 'f')
            good = parse_sizes("10000,1000000,10000000,50000000", options);
        else if (c == 's')
            good = parse_sizes(optarg, options);
        else if (c == 'r')
            options->repetitions = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'n')
            options->lookups = strtoull(optarg, NULL, 10);
        else if (c == 'l')
            options->local = true;
        else if (c == 'o')
            options->directory = optarg;
        else if (c == 'd')
            options->steled = optarg;
        else if (c == 'p')
            good = parse_pages(optarg, &options->pages);
        else if (c == 'h')
            return usage(stdout), 1;
        else
            good = false;
    }
    if (options->repetitions < 1 || options->repetitions > RESULTS_MAX_REPETITIONS)
        good = false;
    if (!good || !options->directory)
        return usage(stderr), 2;
    options->ids = argv + optind;
    options->id_count = argc - optind;
    return 0;
}

static bool known_id(const char *id)
{
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++)
        if (strcmp(id, workloads[i].id) == 0)
            return true;
    return false;
}

static bool wanted(const struct options *options, const struct entry *entry)
{
    for (int i = 0; i < options->id_count; i++)
        if (strcmp(options->ids[i], entry->id) == 0)
            return true;
    return options->id_count == 0;
}

static bool any_wanted(const struct options *options, bool own_table)
{
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++)
        if (workloads[i].own_table == own_table && wanted(options, &workloads[i]))
            return true;
    return false;
}

static enum stele_status load_subjects(struct session *session, bool local)
{
    enum stele_status status = dataset_init(&session->dataset, session->n);
    if (status != STELE_OK)
        return status;
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        struct subject *subject = &session->subjects[session->subject_count];
        if (local && peers[i] != &peer_stele && !peers[i]->floor)
            continue;
        fprintf(stderr, "loading %s ...\n", peers[i]->name);
        status =
            subject_start(subject, peers[i], &session->dataset, session->pages, session->machine);
        if (status != STELE_OK) {
            session_fail(session, peers[i]->name, status);
            continue;
        }
        struct results_subject line = {peers[i]->name, session->n, subject->pages,
                                       subject->load_seconds};
        results_subject(session->results, &line);
        session->subject_count++;
    }
    return STELE_OK;
}

static bool applies(const struct options *options, enum entry_when when, uint64_t n)
{
    uint64_t largest = options->sizes[0], million = UINT64_MAX;
    for (size_t i = 0; i < options->size_count; i++) {
        uint64_t size = options->sizes[i];
        if (size > largest)
            largest = size;
        if (size >= 1000000 && size < million)
            million = size;
    }
    switch (when) {
    case AT_LARGEST:
        return n == largest;
    case AT_MILLION:
        return n == (million == UINT64_MAX ? largest : million);
    case AT_TEN_MILLION:
        return n >= 10000000 || n == largest;
    case AT_EACH:
        break;
    }
    return true;
}

static void run_workloads(struct session *session, const struct options *options, bool own_table)
{
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        const struct entry *entry = &workloads[i];
        if (entry->own_table != own_table || !wanted(options, entry) ||
            !applies(options, entry->when, session->n))
            continue;
        fprintf(stderr, "%s, N = %llu\n", entry->id, (unsigned long long)session->n);
        entry->run(session);
    }
}

/* About 20 to 60 ms a repetition: long against the clock, short against the machine's moods. */
static uint64_t lookups_for(uint64_t n)
{
    return n < 100000 ? 1000000 : 200000;
}

static void run_size(struct results *results, const struct machine *machine,
                     const struct options *options, uint64_t n)
{
    struct session session = {.results = results,
                              .machine = machine,
                              .pages = options->pages,
                              .directory = options->directory,
                              .n = n,
                              .repetitions = options->repetitions,
                              .lookups = options->lookups ? options->lookups : lookups_for(n),
                              .local = options->local,
                              .quick = options->quick,
                              .steled = options->steled};
    if (any_wanted(options, false)) {
        enum stele_status status = load_subjects(&session, options->local);
        if (status == STELE_OK)
            run_workloads(&session, options, false);
        else
            session_fail(&session, "load", status);
        for (size_t i = 0; i < session.subject_count; i++)
            subject_stop(&session.subjects[i]);
        if (status == STELE_OK)
            dataset_fini(&session.dataset);
    }
    run_workloads(&session, options, true);
}

int main(int argc, char **argv)
{
    struct options options = {.repetitions = 21};
#ifdef BENCH_STELED
    options.steled = BENCH_STELED;
#endif
    struct results results = {0};
    struct machine machine;
    int stop = parse_options(argc, argv, &options);
    if (stop)
        return stop == 1 ? 0 : 2;
    for (int i = 0; i < options.id_count; i++)
        if (!known_id(options.ids[i])) {
            fprintf(stderr, "stele-bench: unknown workload %s\n", options.ids[i]);
            return 2;
        }
    machine_init(&machine);
    if (machine.cores < 2)
        fprintf(stderr, "one processor: all processes share it, most figures mean little\n");
    for (size_t i = 0; i < options.size_count; i++)
        run_size(&results, &machine, &options, options.sizes[i]);
    results_finish(&results);
    enum stele_status status = report_write(&results, &machine, options.directory);
    bool failed = results.failed || status != STELE_OK;
    results_fini(&results);
    return failed ? 1 : 0;
}
