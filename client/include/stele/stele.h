/*
 * stele.h - the only header a user of stele includes. Header-only, C11 and C++11; needs nothing but
 * the headers of libatomic_ops and xxhash, links nothing but libc.
 *
 *   reader.h   look keys up in the mapped segment: no syscall, no lock, no write to shared memory
 *   batch.h    many lookups at once, their cache misses side by side
 *   scan.h     walk a table
 *   state.h    statistics, and how long ago the writer gave a sign of life
 *   channel.h  write through the daemon's socket
 */
#ifndef STELE_STELE_H
#define STELE_STELE_H

#include "batch.h"
#include "channel.h"
#include "reader.h"
#include "scan.h"
#include "state.h"

#endif
