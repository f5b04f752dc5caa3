/*
 * entry.h - an entry of a table as one line of text, and back. Pure. Both formats give back every key
 * and value of every type, bit for bit, empty ones too.
 *
 *   TSV         KEY tab VALUE
 *   JSON lines  {"key":KEY,"value":VALUE}
 *
 * each as kind.h has it, byte strings in TSV with the escapes of text.h. A list's elements are those that
 * follow what was there before; but with KEY tab = VALUE, or a member "new":true, the list begins anew.
 */
#ifndef STELE_CLI_ENTRY_H
#define STELE_CLI_ENTRY_H

#include <stele/type.h>

#include "buffer.h"

enum entry_format {
    ENTRY_BY_NAME, /* not chosen: by the file's name, else TSV */
    ENTRY_TSV,
    ENTRY_JSONL
};

#define ENTRY_FAULT_BYTES 224u

/* By the end of a file's name (.jsonl, .ndjson and .json; else TSV). `name` may be NULL. */
enum entry_format entry_format_of(const char *name);

/* Appends the line with its newline; without the value where `value` is NULL. false: no memory. */
bool entry_write(struct buffer *out, enum entry_format format, const struct stele_type *type,
                 const void *key, size_t key_bytes, const void *value, size_t value_bytes);
/* The same, of the first elements of a list; of other types there is no difference. */
bool entry_write_anew(struct buffer *out, enum entry_format format, const struct stele_type *type,
                      const void *key, size_t key_bytes, const void *value, size_t value_bytes);

/*
 * Reads a line (without its newline; a carriage return at its end is left out). Replaces what the
 * buffers hold; *anew: a list, which begins with this line. Other members of a JSON object are ignored.
 * false: `fault` says what is wrong, in one line.
 */
bool entry_read(enum entry_format format, const struct stele_type *type, const char *line,
                size_t count, struct buffer *key, struct buffer *value, bool *anew,
                char fault[ENTRY_FAULT_BYTES]);

#endif
