/*
 * sequence.h - the sequence word of a bucket: the seqlock that is never odd.
 *
 *      63                                    19 18      13 12 11 10 9               0
 *     +----------------------------------------+----------+--+-----+------------------+
 *     |              version (45)              | depth (6)|  spare | valid slots (10) |
 *     +----------------------------------------+----------+--+-----+------------------+
 *
 * The version stands at the top so that its carry reaches nothing else. An overflow line has a word
 * of the same shape of which only the valid bits are used; what guards a whole chain is the version
 * of the head. depth 0 = bucket not born.
 *
 * Ordering guarantees (the letters are the promises of PROTOCOL.md; tests name them):
 *   C  A reader that loads the head's word by stelei_sequence_begin(), reads, and finds
 *      stelei_sequence_unchanged() has read what stood in the chain at one instant in between,
 *      because every word it can have read that was stored later is ordered before a later version.
 *   D  stelei_sequence_publish() is a release store: a reader that loads the new word by
 *      stelei_sequence_begin() sees every store that the writer made before it.
 * Progress guarantees:
 *   B  No value of the word asks a reader to wait. A writer that stops between any two stores
 *      leaves a word that validates.
 *
 * Source: H.-J. Boehm, "Can Seqlocks Get Along With Programming Language Memory Models?", MSPC
 * 2012; the never-odd variant is checked in the protocol's model.
 */
#ifndef STELE_DETAIL_SEQUENCE_H
#define STELE_DETAIL_SEQUENCE_H

#include "atomic.h"

#define STELEI_VALID_BITS    13u
#define STELEI_DEPTH_BITS    6u
#define STELEI_VALID_MASK    ((UINT64_C(1) << STELEI_VALID_BITS) - 1)
#define STELEI_DEPTH_MASK    ((UINT64_C(1) << STELEI_DEPTH_BITS) - 1)
#define STELEI_VERSION_SHIFT (STELEI_VALID_BITS + STELEI_DEPTH_BITS)
#define STELEI_VERSION_ONE   (UINT64_C(1) << STELEI_VERSION_SHIFT)

STELEI_INLINE unsigned stelei_sequence_depth(uint64_t word)
{
    return STELEI_CAST(unsigned, word >> STELEI_VALID_BITS & STELEI_DEPTH_MASK);
}

STELEI_INLINE uint64_t stelei_sequence_valid(uint64_t word)
{
    return word & STELEI_VALID_MASK;
}

/* The next version of `word` with these valid bits and this depth. */
STELEI_INLINE uint64_t stelei_sequence_next(uint64_t word, unsigned depth, uint64_t valid)
{
    uint64_t version = (word & ~(STELEI_VERSION_ONE - 1)) + STELEI_VERSION_ONE;
    return version | STELEI_CAST(uint64_t, depth) << STELEI_VALID_BITS | valid;
}

/* Reader: pairs with the release in stelei_sequence_publish(). */
STELEI_INLINE uint64_t stelei_sequence_begin(const uint64_t *word)
{
    return stelei_load64_acquire(word);
}

/*
 * Reader: true if nothing that the chain led to since stelei_sequence_begin() was changed.
 * The fence pairs with stelei_nop_write() before memory is written again: a payload load that saw
 * such a store makes the load below see the version that had been published before it.
 */
STELEI_INLINE bool stelei_sequence_unchanged(const uint64_t *word, uint64_t begun)
{
    stelei_nop_read();
    return stelei_load64(word) == begun;
}

/* Writer: makes everything stored before visible together with `value`. */
STELEI_INLINE void stelei_sequence_publish(uint64_t *word, uint64_t value)
{
    stelei_store64_release(word, value);
}

/* Writer: moves the version on after a change elsewhere in the chain. */
STELEI_INLINE void stelei_sequence_bump(uint64_t *word)
{
    stelei_store64_release(word, stelei_load64(word) + STELEI_VERSION_ONE);
}

#endif
