/*
 * values.h - what options are given: text into numbers, users and groups into ids. Main's thread, at
 * the start: names are looked up in the system's databases, which may take a while.
 *
 * All return false, with the result untouched, for text that is no such value.
 */
#ifndef STELE_DAEMON_VALUES_H
#define STELE_DAEMON_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "operator/policy.h"

/* Bytes with an optional suffix K, M or G (powers of 1024). */
bool values_parse_size(const char *text, uint64_t *bytes);

/* A decimal number of at most `max`. */
bool values_parse_number(const char *text, uint64_t max, uint64_t *number);

/* The mode of a segment, octal: its owner reads and writes, nobody else writes. */
bool values_parse_mode(const char *text, uint32_t *mode);

/* A name, or a number where no such name is. (uid_t)-1 is not an id. */
bool values_find_user(const char *text, uint32_t *id);
bool values_find_group(const char *text, uint32_t *id);

/* "ID" or "ID:admin", ID as above. */
bool values_parse_allowed(const char *text, bool is_group, struct policy_allowed *allowed);

#endif
