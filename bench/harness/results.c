#include "results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more element at the end of an array that doubles at powers of two. NULL: no memory.
 */
static void *grow(void **array, size_t count, size_t element_bytes)
{
    if ((count & (count - 1)) == 0) {
        void *larger = realloc(*array, (count ? 2 * count : 1) * element_bytes);
        if (!larger)
            return NULL;
        *array = larger;
    }
    char *added = (char *)*array + count * element_bytes;
    memset(added, 0, element_bytes);
    return added;
}

void results_fini(struct results *results)
{
    free(results->series);
    free(results->verdicts);
    free(results->subjects);
    free(results->notes);
    memset(results, 0, sizeof *results);
}

static bool same_key(const struct results_key *a, const struct results_key *b)
{
    return a->n == b->n && strcmp(a->workload, b->workload) == 0 &&
           strcmp(a->variant, b->variant) == 0 && strcmp(a->subject, b->subject) == 0;
}

static struct results_series *find(const struct results *results, const struct results_key *key)
{
    for (size_t i = 0; i < results->series_count; i++)
        if (same_key(&results->series[i].key, key))
            return &results->series[i];
    return NULL;
}

const struct results_series *results_find(const struct results *results, struct results_key key)
{
    return find(results, &key);
}

enum stele_status results_add(struct results *results, struct results_key key, const char *unit)
{
    void *array = results->series;
    struct results_series *series = grow(&array, results->series_count, sizeof *series);
    if (!series)
        return STELE_ENOMEM;
    results->series = array;
    results->series_count++;
    series->key = key;
    series->unit = unit;
    return STELE_OK;
}

void results_sample(struct results *results, struct results_key key, double value)
{
    struct results_series *series = find(results, &key);
    if (series && series->count < RESULTS_MAX_REPETITIONS)
        series->sample[series->count++] = value;
}

void results_measure(struct results *results, struct results_key key, const char *unit,
                     double value)
{
    if (!find(results, &key))
        (void)results_add(results, key, unit);
    results_sample(results, key, value);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct results_spread spread_of(const double *sample, size_t count)
{
    double sorted[RESULTS_MAX_REPETITIONS];
    struct results_spread spread = {0, 0, 0, 0, 0};
    if (count == 0)
        return spread;
    memcpy(sorted, sample, count * sizeof *sample);
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    spread.median = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    spread.p25 = sorted[count / 4];
    spread.p75 = sorted[(count - 1) - count / 4];
    spread.min = sorted[0];
    spread.max = sorted[count - 1];
    return spread;
}

static struct results_verdict *add_verdict(struct results *results)
{
    void *array = results->verdicts;
    struct results_verdict *verdict = grow(&array, results->verdict_count, sizeof *verdict);
    if (verdict) {
        results->verdicts = array;
        results->verdict_count++;
    }
    return verdict;
}

void results_ratio(struct results *results, struct results_key a, struct results_key b,
                   const char *what, double reach)
{
    const struct results_series *x = find(results, &a), *y = find(results, &b);
    if (!x || !y || !x->count || !y->count)
        return;
    struct results_verdict *verdict = add_verdict(results);
    if (!verdict)
        return;
    double ratio[RESULTS_MAX_REPETITIONS];
    size_t count = x->count < y->count ? x->count : y->count;
    for (size_t i = 0; i < count; i++)
        ratio[i] = x->sample[i] / y->sample[i];
    verdict->workload = a.workload;
    verdict->n = a.n;
    verdict->unit = "x";
    verdict->spread = spread_of(ratio, count);
    verdict->spread.median =
        spread_of(x->sample, x->count).median / spread_of(y->sample, y->count).median;
    verdict->reach = reach;
    snprintf(verdict->what, sizeof verdict->what, "%s", what);
}

void results_median(struct results *results, struct results_key key, const char *what, double reach)
{
    const struct results_series *series = find(results, &key);
    struct results_verdict *verdict = series && series->count ? add_verdict(results) : NULL;
    if (!verdict)
        return;
    verdict->workload = key.workload;
    verdict->n = key.n;
    verdict->unit = series->unit;
    verdict->spread = spread_of(series->sample, series->count);
    verdict->reach = reach;
    snprintf(verdict->what, sizeof verdict->what, "%s", what);
}

void results_value(struct results *results, const char *workload, uint64_t n, const char *what,
                   const char *unit, double value, double reach)
{
    struct results_verdict *verdict = add_verdict(results);
    if (!verdict)
        return;
    verdict->workload = workload;
    verdict->n = n;
    verdict->unit = unit;
    verdict->spread = spread_of(&value, 1);
    verdict->reach = reach;
    snprintf(verdict->what, sizeof verdict->what, "%s", what);
}

void results_subject(struct results *results, const struct results_subject *subject)
{
    void *array = results->subjects;
    struct results_subject *added = grow(&array, results->subject_count, sizeof *added);
    if (!added)
        return;
    results->subjects = array;
    results->subject_count++;
    *added = *subject;
}

void results_note(struct results *results, const char *workload, const char *text)
{
    void *array = results->notes;
    for (size_t i = 0; i < results->note_count; i++)
        if (strcmp(results->notes[i].workload, workload) == 0 &&
            strcmp(results->notes[i].text, text) == 0)
            return;
    struct results_note *added = grow(&array, results->note_count, sizeof *added);
    if (!added)
        return;
    results->notes = array;
    results->note_count++;
    added->workload = workload;
    snprintf(added->text, sizeof added->text, "%s", text);
    fprintf(stderr, "%s: %s\n", workload, text);
}

void results_finish(struct results *results)
{
    for (size_t i = 0; i < results->series_count; i++) {
        struct results_series *series = &results->series[i];
        series->spread = spread_of(series->sample, series->count);
    }
}
