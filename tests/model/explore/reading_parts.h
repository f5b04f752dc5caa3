/*
 * reading_parts.h - the insides of reading.h, for the files reading*.c: the judge, and the calls that
 * each kind of table has.
 */
#ifndef EXPLORE_READING_PARTS_H
#define EXPLORE_READING_PARTS_H

#include "reading.h"

#define READING_BUFFER_BYTES ((size_t)1 << 20)

/* What a reader alone finds at a store index, key by key. */
int16_t *explore_ghost_at(const struct explore_reading *reading, uint32_t index);
uint32_t explore_upper_bound(const struct explore_search *search, uint32_t lower);
/* Attempts are counted from here; `scan` is the one in progress, or NULL. */
void explore_begin_call(struct explore_reading *reading, const struct stele_scan *scan);

/* The number of the value that a call returned, or what a status says instead. */
int explore_result_of(struct explore_reading *reading, unsigned key, enum stele_status status,
                      const void *data, size_t bytes);
/* The result must have been true at an instant in [lower, upper]; returns the first such. */
uint32_t explore_judge(struct explore_reading *reading, unsigned key, int value, uint32_t lower,
                       uint32_t upper);
/* contains(): any value, or none. */
uint32_t explore_judge_presence(struct explore_reading *reading, unsigned key, bool found,
                                uint32_t lower, uint32_t upper);

/* The value of a key into reading->buffer, by the lookup of the table's kind. */
enum stele_status explore_read_value(struct explore_reading *reading, unsigned key, size_t *bytes);

/* Each call judges what it returns and says from which index on the next one may. */
uint32_t explore_call_get(struct explore_reading *reading, unsigned key, uint32_t lower);
uint32_t explore_call_contains(struct explore_reading *reading, unsigned key, uint32_t lower);
/* All watched keys in one batch: each a lookup of its own, judged with the lower bound of the whole. */
uint32_t explore_call_many(struct explore_reading *reading, uint32_t lower);
/* In place: a view, or a list taken and looked at run by run. */
uint32_t explore_call_view(struct explore_reading *reading, unsigned key, uint32_t lower);
/* The same, and later asked whether it is still what the key holds. */
uint32_t explore_call_current(struct explore_reading *reading, unsigned key, uint32_t lower);
uint32_t explore_call_scan(struct explore_reading *reading, uint32_t lower);

#endif
