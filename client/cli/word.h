/*
 * word.h - one word of a table as text, and back: numbers of the kinds STELE_U8 .. STELE_F64 (type.h).
 * Pure. Every word comes back as it was, bit for bit.
 *
 *   u8 .. u64, i64   decimal digits, of an i64 with a '-' before them; nothing else
 *   f64              the shortest decimal that is read as the same number: 0.1, -2.5e-07, 1e+300;
 *                    -0.0; inf, -inf; nan, -nan, and nan(0x...) with the bits of other ones
 *
 * A word is passed as a uint64_t: a narrower one widened with zeros, i64 and f64 by their bits.
 */
#ifndef STELE_CLI_WORD_H
#define STELE_CLI_WORD_H

#include <stddef.h>
#include <stdint.h>

#define WORD_TEXT_BYTES 32u

/* Writes the text and a zero behind it; returns its length. */
size_t word_write(unsigned kind, uint64_t word, char text[WORD_TEXT_BYTES]);

enum word_outcome {
    WORD_OK,
    WORD_WRONG, /* no number of this kind, whatever its size */
    WORD_LARGE  /* a number, but not one that the kind holds */
};

/* *word is untouched unless WORD_OK. An f64 is rounded to the nearest one. */
enum word_outcome word_read(unsigned kind, const char *text, size_t count, uint64_t *word);

/* What there is of a kind, for messages: "0..255". */
const char *word_range(unsigned kind);

#endif
