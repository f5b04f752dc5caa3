#include "report.h"

#include <errno.h>
#include <string.h>

typedef void write_fn(const struct results *results, const struct machine *machine, FILE *out);

static unsigned long long number(uint64_t n)
{
    return (unsigned long long)n;
}

/* ---- CSV ---------------------------------------------------------------------------------- */

static void write_csv(const struct results *results, const struct machine *machine, FILE *out)
{
    (void)machine;
    fprintf(out, "kind,workload,n,what,subject,unit,median,p25,p75,min,max,repetitions,reach\n");
    for (size_t i = 0; i < results->series_count; i++) {
        const struct results_series *s = &results->series[i];
        fprintf(out, "series,%s,%llu,\"%s\",\"%s\",%s,%.3f,%.3f,%.3f,%.3f,%.3f,%zu,\n",
                s->key.workload, number(s->key.n), s->key.variant, s->key.subject, s->unit,
                s->spread.median, s->spread.p25, s->spread.p75, s->spread.min, s->spread.max,
                s->count);
    }
    for (size_t i = 0; i < results->verdict_count; i++) {
        const struct results_verdict *v = &results->verdicts[i];
        fprintf(out, "verdict,%s,%llu,\"%s\",,%s,%.3f,%.3f,%.3f,%.3f,%.3f,,", v->workload,
                number(v->n), v->what, v->unit, v->spread.median, v->spread.p25, v->spread.p75,
                v->spread.min, v->spread.max);
        if (v->reach >= 0)
            fprintf(out, "%.3f", v->reach);
        fprintf(out, "\n");
    }
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void write_json_text(FILE *out, const char *name, const char *text)
{
    fprintf(out, "\"%s\": \"", name);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        if ((unsigned char)*text >= 0x20)
            fputc(*text, out);
    }
    fprintf(out, "\"");
}

static void write_json_spread(FILE *out, const struct results_spread *spread)
{
    fprintf(out, "\"median\": %.3f, \"p25\": %.3f, \"p75\": %.3f, \"min\": %.3f, \"max\": %.3f",
            spread->median, spread->p25, spread->p75, spread->min, spread->max);
}

static void write_json_series(const struct results *results, FILE *out)
{
    fprintf(out, "  \"series\": [");
    for (size_t i = 0; i < results->series_count; i++) {
        const struct results_series *s = &results->series[i];
        fprintf(out, "%s\n    {\"workload\": \"%s\", \"n\": %llu, \"variant\": \"%s\", ",
                i ? "," : "", s->key.workload, number(s->key.n), s->key.variant);
        fprintf(out, "\"subject\": \"%s\", \"unit\": \"%s\", ", s->key.subject, s->unit);
        write_json_spread(out, &s->spread);
        fprintf(out, ", \"samples\": [");
        for (size_t j = 0; j < s->count; j++)
            fprintf(out, "%s%.3f", j ? ", " : "", s->sample[j]);
        fprintf(out, "]}");
    }
    fprintf(out, "\n  ],\n");
}

static void write_json(const struct results *results, const struct machine *machine, FILE *out)
{
    fprintf(out, "{\n  ");
    write_json_text(out, "cpu", machine->cpu);
    fprintf(out, ",\n  \"cores\": %d, \"memory_mib\": %lu,\n  ", machine->cores,
            machine->memory_mib);
    write_json_text(out, "kernel", machine->kernel);
    fprintf(out, ",\n  ");
    write_json_text(out, "huge_pages", machine->huge_pages);
    fprintf(out, ",\n  ");
    write_json_text(out, "date", machine->date);
    fprintf(out, ",\n  \"subjects\": [");
    for (size_t i = 0; i < results->subject_count; i++) {
        const struct results_subject *s = &results->subjects[i];
        fprintf(out,
                "%s\n    {\"subject\": \"%s\", \"n\": %llu, \"resident_bytes\": %llu, "
                "\"huge_bytes\": %llu, \"load_seconds\": %.3f}",
                i ? "," : "", s->name, number(s->n), number(s->pages.resident_bytes),
                number(s->pages.huge_bytes), s->load_seconds);
    }
    fprintf(out, "\n  ],\n");
    write_json_series(results, out);
    fprintf(out, "  \"verdicts\": [");
    for (size_t i = 0; i < results->verdict_count; i++) {
        const struct results_verdict *v = &results->verdicts[i];
        fprintf(out, "%s\n    {\"workload\": \"%s\", \"n\": %llu, ", i ? "," : "", v->workload,
                number(v->n));
        write_json_text(out, "what", v->what);
        fprintf(out, ", \"unit\": \"%s\", ", v->unit);
        write_json_spread(out, &v->spread);
        if (v->reach >= 0)
            fprintf(out, ", \"reach\": %.3f, \"met\": %s", v->reach,
                    results_met(v) ? "true" : "false");
        fprintf(out, "}");
    }
    fprintf(out, "\n  ],\n  \"notes\": [");
    for (size_t i = 0; i < results->note_count; i++) {
        fprintf(out, "%s\n    {\"workload\": \"%s\", ", i ? "," : "", results->notes[i].workload);
        write_json_text(out, "text", results->notes[i].text);
        fprintf(out, "}");
    }
    fprintf(out, "\n  ]\n}\n");
}

/* ---- Markdown ----------------------------------------------------------------------------- */

static void write_count(FILE *out, uint64_t n)
{
    if (n == 0)
        fprintf(out, "-");
    else if (n % 1000000 == 0)
        fprintf(out, "%llu M", number(n / 1000000));
    else if (n % 1000 == 0)
        fprintf(out, "%llu K", number(n / 1000));
    else
        fprintf(out, "%llu", number(n));
}

static void write_markdown_verdicts(const struct results *results, FILE *out)
{
    fprintf(out, "| id | N | what | value | p25 - p75 | reach | |\n"
                 "|---|---:|---|---:|---:|---:|---|\n");
    for (size_t i = 0; i < results->verdict_count; i++) {
        const struct results_verdict *v = &results->verdicts[i];
        const char *gap = v->unit[0] == 'x' ? "" : " ";
        int digits = v->unit[0] == 'x' ? 2 : 1;
        fprintf(out, "| %s | ", v->workload);
        write_count(out, v->n);
        fprintf(out, " | %s | %.*f%s%s | ", v->what, digits, v->spread.median, gap, v->unit);
        if (v->spread.min < v->spread.max)
            fprintf(out, "%.*f - %.*f | ", digits, v->spread.p25, digits, v->spread.p75);
        else
            fprintf(out, "| ");
        if (v->reach >= 0)
            fprintf(out, "<= %.*f%s%s | %s |\n", digits, v->reach, gap, v->unit,
                    results_met(v) ? "met" : "**missed**");
        else
            fprintf(out, "| |\n");
    }
}

static void write_markdown(const struct results *results, const struct machine *machine, FILE *out)
{
    fprintf(out,
            "%s, %d cores, %.1f GiB, %s, %s. Transparent huge pages: %s. Reader on CPU %d, writer "
            "on CPU %d.\n\n",
            machine->cpu, machine->cores, (double)machine->memory_mib / 1024.0, machine->kernel,
            machine->date, machine->huge_pages, machine->reader_cpu, machine->writer_cpu);
    fprintf(out, "Ratios and values against what they should reach:\n\n");
    write_markdown_verdicts(results, out);
    for (size_t i = 0; i < results->note_count; i++)
        fprintf(out, "%s- %s: %s\n", i ? "" : "\n", results->notes[i].workload,
                results->notes[i].text);
    fprintf(out, "\nWhat was measured (medians of interleaved repetitions):\n\n"
                 "| id | N | work | subject | median | p25 - p75 | repetitions |\n"
                 "|---|---:|---|---|---:|---:|---:|\n");
    for (size_t i = 0; i < results->series_count; i++) {
        const struct results_series *s = &results->series[i];
        if (!s->count)
            continue;
        fprintf(out, "| %s | ", s->key.workload);
        write_count(out, s->key.n);
        fprintf(out, " | %s | %s | %.1f %s | %.1f - %.1f | %zu |\n", s->key.variant, s->key.subject,
                s->spread.median, s->unit, s->spread.p25, s->spread.p75, s->count);
    }
    fprintf(out, "\nPages, as the reader maps them, or the server:\n\n"
                 "| N | subject | resident | on 2 MiB pages | load |\n|---:|---|---:|---:|---:|\n");
    for (size_t i = 0; i < results->subject_count; i++) {
        const struct results_subject *s = &results->subjects[i];
        double resident = (double)s->pages.resident_bytes / (1024.0 * 1024.0);
        double huge = (double)s->pages.huge_bytes / (1024.0 * 1024.0);
        fprintf(out, "| ");
        write_count(out, s->n);
        fprintf(out, " | %s | %.1f MiB | %.0f %% | %.0f ns a key |\n", s->name, resident,
                resident > 0 ? 100.0 * huge / resident : 0.0, s->load_seconds * 1e9 / (double)s->n);
    }
}

/* ---- gnuplot ------------------------------------------------------------------------------ */

/* Series of one workload that differ only in what a plot has on its x axis. */
static bool same_curve(const struct results_series *a, const struct results_series *b)
{
    return strcmp(a->key.workload, b->key.workload) == 0 &&
           strcmp(a->key.variant, b->key.variant) == 0 &&
           strcmp(a->key.subject, b->key.subject) == 0;
}

/* Blocks of "n median p25 p75" of R1 and R2, one for each variant and subject, titled for gnuplot's
 * columnheader. */
static void write_latency(const struct results *results, const struct machine *machine, FILE *out)
{
    const char *separator = "";
    (void)machine;
    for (size_t i = 0; i < results->series_count; i++) {
        const struct results_series *s = &results->series[i];
        bool first = true;
        for (size_t j = 0; j < i && first; j++)
            first = !same_curve(&results->series[j], s);
        bool plotted = strcmp(s->key.workload, "R1") == 0 || strcmp(s->key.workload, "R2") == 0;
        if (!first || !plotted)
            continue;
        fprintf(out, "%s\"%s %s, %s\"\n", separator, s->key.workload, s->key.variant,
                s->key.subject);
        separator = "\n\n";
        for (size_t j = i; j < results->series_count; j++) {
            const struct results_series *t = &results->series[j];
            if (t->count && same_curve(t, s))
                fprintf(out, "%llu %.3f %.3f %.3f\n", number(t->key.n), t->spread.median,
                        t->spread.p25, t->spread.p75);
        }
    }
}

/* Whether a series belongs into the plot of one kind of connection: W2's "depth D, KIND". */
static bool throughput_point(const struct results_series *series, const char *kind, unsigned *depth)
{
    int end = 0;
    return strcmp(series->key.workload, "W2") == 0 && series->count &&
           sscanf(series->key.variant, "depth %u, %n", depth, &end) == 1 && end > 0 &&
           strcmp(series->key.variant + end, kind) == 0;
}

/* Blocks of "depth median p25 p75", in puts a second, one for each subject. */
static void write_throughput(const struct results *results, const char *kind, FILE *out)
{
    const char *separator = "";
    unsigned depth;
    for (size_t i = 0; i < results->series_count; i++) {
        const struct results_series *s = &results->series[i];
        bool first = throughput_point(s, kind, &depth);
        for (size_t j = 0; j < i && first; j++)
            first = !throughput_point(&results->series[j], kind, &depth) ||
                    strcmp(results->series[j].key.subject, s->key.subject) != 0;
        if (!first)
            continue;
        fprintf(out, "%s\"%s\"\n", separator, s->key.subject);
        separator = "\n\n";
        for (size_t j = i; j < results->series_count; j++) {
            const struct results_series *t = &results->series[j];
            if (throughput_point(t, kind, &depth) && strcmp(t->key.subject, s->key.subject) == 0)
                fprintf(out, "%u %.0f %.0f %.0f\n", depth, 1e9 / t->spread.median,
                        1e9 / t->spread.p75, 1e9 / t->spread.p25);
        }
    }
}

static void write_throughput_one(const struct results *results, const struct machine *machine,
                                 FILE *out)
{
    (void)machine;
    write_throughput(results, "1 connection", out);
}

static void write_throughput_together(const struct results *results, const struct machine *machine,
                                      FILE *out)
{
    (void)machine;
    write_throughput(results, "one processor", out);
}

static void write_throughput_many(const struct results *results, const struct machine *machine,
                                  FILE *out)
{
    (void)machine;
    write_throughput(results, "20 connections", out);
}

static enum stele_status write_file(const struct results *results, const struct machine *machine,
                                    const char *directory, const char *name, write_fn *write)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *out = fopen(path, "w");
    if (!out) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return STELE_EIO;
    }
    write(results, machine, out);
    if (fclose(out) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return STELE_EIO;
    }
    return STELE_OK;
}

enum stele_status report_write(const struct results *results, const struct machine *machine,
                               const char *directory)
{
    static const struct {
        const char *name;
        write_fn *write;
    } files[] = {
        {"results.csv", write_csv},
        {"results.json", write_json},
        {"results.md", write_markdown},
        {"latency.dat", write_latency},
        {"throughput-1.dat", write_throughput_one},
        {"throughput-together.dat", write_throughput_together},
        {"throughput-20.dat", write_throughput_many},
    };
    enum stele_status status = STELE_OK;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && status == STELE_OK; i++)
        status = write_file(results, machine, directory, files[i].name, files[i].write);
    return status;
}
