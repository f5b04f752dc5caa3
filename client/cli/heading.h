/*
 * heading.h - the lines of a dump that are no entries: which table follows, and that all of it came.
 * Pure.
 *
 *   TSV         \stele tab table tab NAME tab TYPE tab MAX-ENTRIES        \stele tab end
 *   JSON lines  {"stele":"table","name":NAME,"type":TYPE,"max_entries":N} {"stele":"end"}
 *
 * NAME as a byte string of entry.h ("name_base64"), TYPE as in type.h. No entry looks like that: in TSV
 * there is no escape \s, and in JSON an entry has a key. So a file without headings reads as ever, and
 * dumps may stand one behind the other.
 */
#ifndef STELE_CLI_HEADING_H
#define STELE_CLI_HEADING_H

#include <stele/detail/format.h>
#include <stele/type.h>

#include "entry.h"

/* What a dump says of the table whose entries follow. */
struct heading {
    char name[STELEI_NAME_BYTES]; /* 1..63 bytes */
    struct stele_type type;
    uint64_t max_entries; /* 0: no limit */
};

enum heading_kind {
    HEADING_NONE, /* an entry, or nothing that makes sense */
    HEADING_TABLE,
    HEADING_END,
    HEADING_WRONG /* a heading, but none that this program can read */
};

/* Each appends a line with its newline. false: no memory. */
bool heading_write_table(struct buffer *out, enum entry_format format,
                         const struct heading *heading);
bool heading_write_end(struct buffer *out, enum entry_format format);

/* A line without its newline; a carriage return at its end is left out. *heading is filled in with
 * HEADING_TABLE, `fault` with HEADING_WRONG: one line. */
enum heading_kind heading_read(enum entry_format format, const char *line, size_t count,
                               struct heading *heading, char fault[ENTRY_FAULT_BYTES]);

/* The format of a file whose first line is a heading; ENTRY_BY_NAME: it is none. */
enum entry_format heading_format(const char *line, size_t count);

#endif
