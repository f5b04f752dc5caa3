/*
 * segment_header.h - the first page of a new segment, and how large one is if nobody says so.
 */
#ifndef STORE_SEGMENT_HEADER_H
#define STORE_SEGMENT_HEADER_H

#include "segment.h"

/* By the memory, the cgroup's share of it and the tmpfs that the object is in (room.h). */
uint64_t segment_header_default_bytes(int fd);

/* Fills the header of a mapped object that nobody else knows, and populates what it needs. `magic`
 * is stored last. */
enum stele_status segment_header_write(struct segment *segment);

#endif
