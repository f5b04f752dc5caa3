#include "word.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stele/type.h>

/* The exact decimal of an f64 has up to 1,075 digits; longer texts are no numbers to us. */
#define WORD_REAL_BYTES 1100u

#define WORD_NAN_BITS  UINT64_C(0x000fffffffffffff)
#define WORD_NAN_USUAL UINT64_C(0x0008000000000000)
#define WORD_INFINITE  UINT64_C(0x7ff0000000000000)
#define WORD_SIGN      UINT64_C(0x8000000000000000)

const char *word_range(unsigned kind)
{
    switch (kind) {
    case STELE_U8:
        return "0..255";
    case STELE_U16:
        return "0..65535";
    case STELE_U32:
        return "0..4294967295";
    case STELE_U64:
        return "0..18446744073709551615";
    case STELE_I64:
        return "-9223372036854775808..9223372036854775807";
    default:
        return "-1.8e+308..1.8e+308, inf, nan";
    }
}

/* ---- writing ------------------------------------------------------------------------------ */

static double word_real(uint64_t word)
{
    double real;
    memcpy(&real, &word, sizeof(real));
    return real;
}

static uint64_t word_bits(double real)
{
    uint64_t word;
    memcpy(&word, &real, sizeof(word));
    return word;
}

static int word_write_nan(uint64_t word, char *text)
{
    const char *sign = word & WORD_SIGN ? "-" : "";
    uint64_t bits = word & WORD_NAN_BITS;
    if (bits == WORD_NAN_USUAL)
        return snprintf(text, WORD_TEXT_BYTES, "%snan", sign);
    return snprintf(text, WORD_TEXT_BYTES, "%snan(0x%" PRIx64 ")", sign, bits);
}

/* Fifteen digits give back every decimal that has no more of them; seventeen, every number. Numbers
 * below the normal ones have fewer digits to begin with. */
static int word_write_real(uint64_t word, char *text)
{
    double real = word_real(word);
    int precision = fabs(real) < 0x1p-1022 ? 1 : 15, bytes;
    if (isnan(real))
        return word_write_nan(word, text);
    if (word ==
        WORD_SIGN) /* many a reader of JSON takes -0 for a whole number, and loses the sign */
        return snprintf(text, WORD_TEXT_BYTES, "-0.0");
    do {
        bytes = snprintf(text, WORD_TEXT_BYTES, "%.*g", precision++, real);
    } while (word_bits(strtod(text, NULL)) != word && precision <= 17);
    return bytes;
}

size_t word_write(unsigned kind, uint64_t word, char text[WORD_TEXT_BYTES])
{
    if (kind == STELE_F64)
        return (size_t)word_write_real(word, text);
    if (kind == STELE_I64)
        return (size_t)snprintf(text, WORD_TEXT_BYTES, "%" PRId64, (int64_t)word);
    return (size_t)snprintf(text, WORD_TEXT_BYTES, "%" PRIu64, word);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* All of the text are digits, at least one. *large: more than 64 bits. */
static bool word_read_digits(const char *text, size_t count, uint64_t *number, bool *large)
{
    uint64_t sum = 0;
    *large = false;
    for (size_t i = 0; i < count; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        if (__builtin_mul_overflow(sum, 10u, &sum) || __builtin_add_overflow(sum, digit, &sum))
            *large = true;
    }
    *number = sum;
    return count > 0;
}

static enum word_outcome word_read_whole(unsigned kind, const char *text, size_t count,
                                         uint64_t *word)
{
    bool minus = count > 0 && text[0] == '-', large;
    unsigned bits = 8 * stele_kind_bytes(kind);
    uint64_t number;
    if (!word_read_digits(text + minus, count - minus, &number, &large))
        return WORD_WRONG;
    if (large || (bits < 64 && number >> bits != 0))
        return WORD_LARGE;
    if (kind == STELE_I64 && number > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return WORD_LARGE;
    if (kind != STELE_I64 && minus && number > 0)
        return WORD_LARGE;
    *word = minus ? 0 - number : number;
    return WORD_OK;
}

/* inf, nan and nan(0x...) behind the sign. */
static bool word_read_special(const char *text, uint64_t *word)
{
    char *end;
    if (strcmp(text, "inf") == 0 || strcmp(text, "nan") == 0) {
        *word = WORD_INFINITE | (text[0] == 'n' ? WORD_NAN_USUAL : 0);
        return true;
    }
    if (strncmp(text, "nan(0x", 6) != 0 || strspn(text + 6, "0123456789abcdef") > 13)
        return false;
    uint64_t bits = strtoull(text + 6, &end, 16);
    *word = WORD_INFINITE | bits;
    return strcmp(end, ")") == 0 && bits != 0 && bits <= WORD_NAN_BITS &&
           strspn(text + 6, "0123456789abcdef") > 0;
}

/* [digits][.digits][e[sign]digits], at least one digit before the exponent. */
static bool word_is_decimal(const char *text)
{
    size_t whole = strspn(text, "0123456789"), part = 0;
    text += whole;
    if (*text == '.') {
        part = strspn(text + 1, "0123456789");
        text += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text += text[1] == '-' || text[1] == '+' ? 2 : 1;
        size_t power = strspn(text, "0123456789");
        text += power;
        if (power == 0)
            return false;
    }
    return *text == 0;
}

static enum word_outcome word_read_real(const char *text, size_t count, uint64_t *word)
{
    char copy[WORD_REAL_BYTES + 1];
    uint64_t bits;
    if (count > WORD_REAL_BYTES || memchr(text, 0, count))
        return WORD_WRONG;
    memcpy(copy, text, count);
    copy[count] = 0;
    bool minus = copy[0] == '-';
    if (!word_read_special(copy + minus, &bits)) {
        if (!word_is_decimal(copy + minus))
            return WORD_WRONG;
        bits = word_bits(strtod(copy + minus, NULL));
        if (bits == WORD_INFINITE)
            return WORD_LARGE;
    }
    *word = bits | (minus ? WORD_SIGN : 0);
    return WORD_OK;
}

enum word_outcome word_read(unsigned kind, const char *text, size_t count, uint64_t *word)
{
    return count == 0          ? WORD_WRONG
           : kind == STELE_F64 ? word_read_real(text, count, word)
                               : word_read_whole(kind, text, count, word);
}
