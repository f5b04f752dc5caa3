/*
 * report.h - results as CSV, JSON and Markdown, and as columns for gnuplot.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "machine.h"
#include "results.h"

/* Writes results.csv, results.json, results.md, latency.dat and the throughput's .dat files into an
 * existing directory.
 * STELE_EIO, with the cause on stderr, when a file cannot be written. */
enum stele_status report_write(const struct results *results, const struct machine *machine,
                               const char *directory);

#endif
