/*
 * output.h - how outcomes are told: results on standard output, failures on standard error, each as
 * text or JSON, and the exit status. One thread.
 *
 * Text:  stele: get prices/EURUSD: no such key
 * JSON:  {"error":"get prices/EURUSD: no such key","status":"STELE_ENOTFOUND"}
 */
#ifndef STELE_CLI_OUTPUT_H
#define STELE_CLI_OUTPUT_H

#include <stele/status.h>

#include "buffer.h"

struct json_t;

enum output_exit {
    OUTPUT_OK = 0,
    OUTPUT_NOT_FOUND = 1,   /* no such key or table; for cas and insert: not as expected */
    OUTPUT_USAGE = 2,       /* the command line makes no sense */
    OUTPUT_UNAVAILABLE = 3, /* no daemon, no segment, no answer */
    OUTPUT_REFUSED = 4      /* no rights, no space, over a limit, not sound */
};

struct output {
    bool json;
    const char *verb; /* NULL before it is known */
};

/* Which exit status a failure has. */
enum output_exit output_exit_of(enum stele_status status);

/* Tells that `object` (NULL: none) met `status`, with `advice` (NULL: none) behind. Returns
 * output_exit_of(status). */
int output_fail(const struct output *output, enum stele_status status, const char *object,
                const char *advice);
/* The same in words of one's own; the text is to be one line. */
__attribute__((format(printf, 4, 5))) int output_fail_text(const struct output *output,
                                                           enum stele_status status,
                                                           const char *object, const char *format,
                                                           ...);
/* The command line makes no sense: says why and how to get help. Returns OUTPUT_USAGE. */
__attribute__((format(printf, 2, 3))) int output_usage(const struct output *output,
                                                       const char *format, ...);

/* Something worth saying on standard error that is no failure: nothing with JSON. */
__attribute__((format(printf, 2, 3))) void output_note(const struct output *output,
                                                       const char *format, ...);

/* A byte string for messages: escaped, shortened to about 60 bytes, in `out` with a zero. Returns
 * what to print. */
const char *output_name(struct buffer *out, const void *bytes, size_t count);
/* TABLE/KEY, likewise. */
const char *output_object(struct buffer *out, const char *table, const void *key, size_t key_bytes);

/* Prints to standard output. Returns OUTPUT_OK, or tells of a failed write. */
int output_bytes(const struct output *output, const void *bytes, size_t count);
int output_document(const struct output *output, struct json_t *value);
/* {"ok":true} with JSON, else nothing. */
int output_done(const struct output *output);
/* Flushes standard output and says whether all of it arrived. */
int output_finish(const struct output *output);

#endif
