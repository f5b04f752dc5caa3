/*
 * stele.h - the only header a user of stele includes. Header-only, C11 and C++11; needs nothing but
 * the headers of libatomic_ops and xxhash, links nothing but libc.
 *
 *   open.h      a segment and its tables
 *   reader.h    look keys up in the mapped segment: no syscall, no lock, no write to shared memory
 *   words.h     tables whose keys are numbers
 *   list.h      one key, many words
 *   typed.h     tables of the usual types under names that the compiler tells apart
 *   batch.h     many lookups at once, their cache misses side by side; words_batch.h: of words
 *   scan.h      walk a table
 *   state.h     statistics, and how long ago the writer gave a sign of life
 *   channel.h   write through the daemon's socket, a call at a time
 *   channel_lists.h, channel_words.h  the same for lists, and for numbers
 *   pipeline.h  many commands under way at once; vector.h: many in one frame
 *   admin.h     tables, the daemon's statistics, shutdown
 *   ask.h       a lookup that falls back to the daemon
 *
 * For C++ there is stele.hpp on top of it.
 */
#ifndef STELE_STELE_H
#define STELE_STELE_H

#include "admin.h"
#include "ask.h"
#include "batch.h"
#include "channel.h"
#include "channel_lists.h"
#include "channel_words.h"
#include "list.h"
#include "pipeline.h"
#include "reader.h"
#include "scan.h"
#include "state.h"
#include "typed.h"
#include "words.h"
#include "words_batch.h"

#endif
