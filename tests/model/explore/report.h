/*
 * report.h - a violation as text: what the writer stored to the words concerned, and what each of
 * the reader's loads returned.
 */
#ifndef EXPLORE_REPORT_H
#define EXPLORE_REPORT_H

#include "search.h"

/* Owned by the caller. `what` takes up to three %ld. */
char *explore_report(const struct explore_search *search, const char *what, long a, long b, long c);

#endif
