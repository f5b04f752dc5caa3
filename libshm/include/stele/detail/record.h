/*
 * record.h - key and value in one block of the arena, immutable once published. Used by readers and
 * by the writer; knows where the parts are, not where the record is.
 *
 *   +------+-------+------+-----------+-------+---------------+---------------+
 *   | klen | flags | vlen | [expiry]  | [lsn] | key, pad to 8 | value, pad 8  |
 *   |  16  |  16   |  32  |    64     |  64   | zero-padded   |               |
 *   +------+-------+------+-----------+-------+---------------+---------------+
 */
#ifndef STELE_DETAIL_RECORD_H
#define STELE_DETAIL_RECORD_H

#include "atomic.h"
#include "format.h"

/* First word of a record: {klen 16, flags 16, vlen 32}, klen lowest. */
STELEI_INLINE uint64_t stelei_record_word(uint32_t key_bytes, uint32_t flags, uint32_t value_bytes)
{
    return STELEI_CAST(uint64_t, key_bytes) | STELEI_CAST(uint64_t, flags) << 16 |
           STELEI_CAST(uint64_t, value_bytes) << 32;
}
STELEI_INLINE uint32_t stelei_record_key_bytes(uint64_t word)
{
    return STELEI_CAST(uint32_t, word & 0xffff);
}
STELEI_INLINE uint32_t stelei_record_flags(uint64_t word)
{
    return STELEI_CAST(uint32_t, word >> 16 & 0xffff);
}
STELEI_INLINE uint32_t stelei_record_value_bytes(uint64_t word)
{
    return STELEI_CAST(uint32_t, word >> 32);
}

/* Offset of the key in its record: after the first word and those that the flags add. */
STELEI_INLINE uint64_t stelei_record_key_off(uint64_t word)
{
    /* the bits of EXPIRY and LSN, moved to where they count eight: no branch on the lookup path */
    return 8u + (word >> 13 & 8u) + (word >> 14 & 8u);
}
STELEI_INLINE uint64_t stelei_record_value_off(uint64_t word)
{
    return stelei_record_key_off(word) + stelei_round_up(stelei_record_key_bytes(word), 8);
}
/* Whole record in bytes, a multiple of eight. */
STELEI_INLINE uint64_t stelei_record_bytes(uint64_t word)
{
    return stelei_record_value_off(word) + stelei_round_up(stelei_record_value_bytes(word), 8);
}

/* The 1..7 bytes of a key after its last whole word, as the zero-padded word a record holds. */
STELEI_INLINE uint64_t stelei_key_tail(const uint8_t *key, uint32_t key_bytes)
{
    unsigned rest = key_bytes & 7;
    uint64_t word = 0;
    if (key_bytes >= 8) {
        memcpy(&word, key + key_bytes - 8, 8);
        return word >> (64 - 8 * rest);
    }
    if (rest & 4) {
        uint32_t half;
        memcpy(&half, key, 4);
        word = half;
    }
    if (rest & 2) {
        uint16_t quarter;
        memcpy(&quarter, key + (rest & 4), 2);
        word |= STELEI_CAST(uint64_t, quarter) << 8 * (rest & 4);
    }
    if (rest & 1)
        word |= STELEI_CAST(uint64_t, key[rest & 6]) << 8 * (rest & 6);
    return word;
}

STELEI_INLINE bool stelei_key_equal(const uint64_t *stored, const uint8_t *key, uint32_t key_bytes)
{
    for (uint32_t left = key_bytes; left >= 8; left -= 8, key += 8, stored++) {
        uint64_t word;
        memcpy(&word, key, 8);
        if (stelei_load64(stored) != word)
            return false;
    }
    unsigned rest = key_bytes & 7;
    return rest == 0 ||
           stelei_load64(stored) == stelei_key_tail(key - (key_bytes - rest), key_bytes);
}

#endif
