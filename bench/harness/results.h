/*
 * results.h - what was measured: series of repetitions, verdicts (a value against what it should
 * reach) and the pages that each subject got. Ratios are taken between series of the same run whose
 * repetitions were interleaved, so that repetition i of both saw the same machine.
 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stele/status.h>

#include "memory.h"

#define RESULTS_MAX_REPETITIONS 101u
#define RESULTS_NO_REACH        (-1.0)

struct results_key {
    const char *workload; /* "R1" */
    uint64_t n;
    const char *variant; /* "get", "batch 16", ... */
    const char *subject;
};

struct results_spread {
    double median, p25, p75, min, max;
};

struct results_series {
    struct results_key key;
    const char *unit;
    size_t count;
    double sample[RESULTS_MAX_REPETITIONS];
    struct results_spread spread;
};

struct results_verdict {
    const char *workload;
    uint64_t n;
    char what[96];
    const char *unit; /* "x" for ratios */
    struct results_spread spread;
    double reach; /* at most; RESULTS_NO_REACH: only shown */
};

struct results_subject {
    const char *name;
    uint64_t n;
    struct memory_pages pages;
    double load_seconds;
};

/* Something that was not measured, and why; what a figure's circumstances were; or, as information, what
 * was seen of another system at another time: that is no peer, and makes neither ratio nor reach. */
struct results_note {
    const char *workload;
    char text[160];
};

/* Arrays grow by doubling; the strings in keys must outlive the results (they are literals). */
struct results {
    struct results_series *series;
    struct results_verdict *verdicts;
    struct results_subject *subjects;
    struct results_note *notes;
    size_t series_count, verdict_count, subject_count, note_count;
    bool failed; /* some workload could not be measured, or read a wrong value */
};

void results_fini(struct results *results);

/* An empty series, to be filled by results_sample(). */
enum stele_status results_add(struct results *results, struct results_key key, const char *unit);

/* The same, making the series when there is none. */
void results_measure(struct results *results, struct results_key key, const char *unit,
                     double value);

/* Appends to the series of this key; without one, or when it is full, nothing happens. */
void results_sample(struct results *results, struct results_key key, double value);

/* NULL: no such series. */
const struct results_series *results_find(const struct results *results, struct results_key key);

/* Median of `a` over median of `b`, with the quartiles of the paired ratios; nothing when either is
 * missing or empty. `what` says it in words. */
void results_ratio(struct results *results, struct results_key a, struct results_key b,
                   const char *what, double reach);

/* Median and quartiles of one series, and its limit; nothing when it is missing or empty. */
void results_median(struct results *results, struct results_key key, const char *what,
                    double reach);

/* A single value and its limit. */
void results_value(struct results *results, const char *workload, uint64_t n, const char *what,
                   const char *unit, double value, double reach);

void results_subject(struct results *results, const struct results_subject *subject);

/* Said once, however often it is noted; also on stderr. */
void results_note(struct results *results, const char *workload, const char *text);

/* Computes the spreads of all series. */
void results_finish(struct results *results);

static inline bool results_met(const struct results_verdict *verdict)
{
    return verdict->spread.median <= verdict->reach;
}

#endif
