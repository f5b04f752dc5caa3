/*
 * number.h - 64-bit integers as decimal text, in the one spelling that Redis takes: an optional '-',
 * digits without leading zeros, nothing else. Pure functions.
 */
#ifndef STELE_DAEMON_COMMAND_NUMBER_H
#define STELE_DAEMON_COMMAND_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#define COMMAND_NUMBER_BYTES 20u /* "-9223372036854775808" */

/* False, with *number untouched: not in that spelling, or outside of int64_t. */
bool command_parse_number(const void *text, uint32_t bytes, int64_t *number);

/* Writes at most COMMAND_NUMBER_BYTES, without a terminating zero; returns how many. */
uint32_t command_format_number(int64_t number, char *text);

#endif
