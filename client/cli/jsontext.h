/*
 * jsontext.h - JSON text read token by token, and strings of it written. Pure. For lines of entries:
 * numbers are handed out as they are written, so that none of 64 bits loses a digit, and a long array
 * takes no memory of its own. (document.h builds the other results, with jansson.)
 *
 * RFC 8259; strings have to be valid UTF-8 and may contain \u0000. A cursor's first fault sticks:
 * everything after it says false, and one look at `fault` at the end is enough.
 */
#ifndef STELE_CLI_JSONTEXT_H
#define STELE_CLI_JSONTEXT_H

#include "buffer.h"

#define JSONTEXT_DEPTH_MAX 64u /* of arrays and objects in values that are passed over */

struct jsontext {
    const char *at, *end, *begin;
    const char *fault; /* static text; NULL: none. It was met at at - begin */
};

enum jsontext_kind {
    JSONTEXT_NOTHING,
    JSONTEXT_TEXT,
    JSONTEXT_NUMBER,
    JSONTEXT_OBJECT,
    JSONTEXT_ARRAY,
    JSONTEXT_OTHER
};

void jsontext_begin(struct jsontext *json, const char *text, size_t count);

/* What comes next; it is not read. JSONTEXT_OTHER: true, false, null, or nothing that can be. */
enum jsontext_kind jsontext_peek(struct jsontext *json);

/* A string; replaces what `out` holds. */
bool jsontext_string(struct jsontext *json, struct buffer *out);
/* A number, as it is written; *text points into the line. */
bool jsontext_number(struct jsontext *json, const char **text, size_t *count);
/* Any value, passed over. */
bool jsontext_skip(struct jsontext *json);

/* '{' or '['. */
bool jsontext_open(struct jsontext *json, char bracket);
/* Whether an item follows, of what `bracket` opened: goes past the comma before it, or past the
 * closing bracket. *first: true before the first call, which clears it. */
bool jsontext_next(struct jsontext *json, char bracket, bool *first);
/* The name of an object's member, and the colon. */
bool jsontext_name(struct jsontext *json, struct buffer *out);
/* Nothing but blanks is left. */
bool jsontext_finish(struct jsontext *json);

/* Appends a string in its quotes. The bytes must be valid UTF-8. false: out of memory. */
bool jsontext_write_string(struct buffer *out, const void *bytes, size_t count);
/* Whether they are. */
bool jsontext_is_text(const void *bytes, size_t count);

#endif
