/*
 * type.h - what a table holds: the kind of its keys, the kind of its values, the function that hashes
 * its keys. The same numbers in memory, on the wire and in the API; never renumber, only append.
 * Anyone may include it; it knows nothing but base.h.
 *
 * A table has one type from its creation to its end. Who opens it as another one is told
 * STELE_ETYPE.
 *
 *   key     byte strings of 0..65,535 bytes, or words of 8, 16, 32 or 64 bits
 *   value   byte strings; a word; a struct of a fixed size; a list of words (one key, many values)
 *
 * Where keys and values are passed as bytes (the socket, stele_store_put(), scans), a word is so many
 * little-endian bytes as its kind is wide: STELE_U32 has 4. Other lengths are STELE_ETYPE.
 */
#ifndef STELE_TYPE_H
#define STELE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stele/detail/base.h>

enum stele_kind {
    STELE_BYTES = 0,
    STELE_U8 = 1,
    STELE_U16 = 2,
    STELE_U32 = 3,
    STELE_U64 = 4,
    STELE_I64 = 5,
    STELE_F64 = 6,
    STELE_STRUCT = 7, /* of `value_bytes` bytes, eight-byte aligned in memory; values only */
    STELE_LIST = 16   /* added to STELE_U8 .. STELE_U64: a list of such words; values only */
};

/* How keys are hashed. From STELE_HASH_OWN on: functions of the program's own, see store.h. */
enum stele_hash {
    STELE_HASH_XXH3 = 0,     /* seeded at random: nobody outside can choose keys that collide */
    STELE_HASH_XXH64 = 1,    /* seeded too */
    STELE_HASH_IDENTITY = 2, /* word keys only: the key itself. Fast for keys that are dense in their
                                low bits, slow without bound where those are equal (i << 20) */
    STELE_HASH_OWN = 64      /* .. 255 */
};

enum stele_type_flags {
    STELE_TYPE_SET = 4 /* a list drops elements that it has already */
};
#define STELE_TYPE_FLAGS_KNOWN 4u

struct stele_type {
    uint8_t key_kind;
    uint8_t value_kind;
    uint8_t hash_id;
    uint8_t flags;
    uint32_t value_bytes; /* of STELE_STRUCT; otherwise 0 */
};

#define STELE_TYPE_VALUE_MAX_BYTES (UINT32_C(512) << 20)

/* Byte strings -> byte strings is all zero. */
static inline struct stele_type stele_type_of(unsigned key_kind, unsigned value_kind)
{
    struct stele_type type;
    type.key_kind = STELEI_CAST(uint8_t, key_kind);
    type.value_kind = STELEI_CAST(uint8_t, value_kind);
    type.hash_id = STELE_HASH_XXH3;
    type.flags = 0;
    type.value_bytes = 0;
    return type;
}

static inline struct stele_type stele_type_of_struct(unsigned key_kind, uint32_t value_bytes)
{
    struct stele_type type = stele_type_of(key_kind, STELE_STRUCT);
    type.value_bytes = value_bytes;
    return type;
}

/* Bytes of a word of this kind; 0: not a word. */
static inline unsigned stele_kind_bytes(unsigned kind)
{
    switch (kind) {
    case STELE_U8:
        return 1;
    case STELE_U16:
        return 2;
    case STELE_U32:
        return 4;
    case STELE_U64:
    case STELE_I64:
    case STELE_F64:
        return 8;
    default:
        return 0;
    }
}

static inline bool stele_type_has_word_keys(const struct stele_type *type)
{
    return type->key_kind != STELE_BYTES;
}
static inline bool stele_type_has_lists(const struct stele_type *type)
{
    return type->value_kind >= STELE_LIST;
}
/* Bytes of one element of a list. */
static inline unsigned stele_type_element_bytes(const struct stele_type *type)
{
    return stele_kind_bytes(type->value_kind & (STELE_LIST - 1u));
}

/* Whether this build knows such a table. */
static inline bool stele_type_valid(const struct stele_type *type)
{
    unsigned element = type->value_kind & (STELE_LIST - 1u);
    bool key = type->key_kind <= STELE_U64;
    bool value = stele_type_has_lists(type)
                     ? type->value_kind < 2 * STELE_LIST && element >= STELE_U8 && element <= STELE_U64
                     : type->value_kind <= STELE_STRUCT;
    bool hash = type->hash_id <= STELE_HASH_XXH64 || type->hash_id >= STELE_HASH_OWN ||
                (type->hash_id == STELE_HASH_IDENTITY && stele_type_has_word_keys(type));
    bool size = type->value_kind == STELE_STRUCT
                    ? type->value_bytes > 0 && type->value_bytes <= STELE_TYPE_VALUE_MAX_BYTES
                    : type->value_bytes == 0;
    return key && value && hash && size && (type->flags & ~STELE_TYPE_FLAGS_KNOWN) == 0 &&
           ((type->flags & STELE_TYPE_SET) == 0 || stele_type_has_lists(type));
}

/* {key kind 8, value kind 8, hash 8, flags 8, value bytes 32}: the word in a table's descriptor. */
static inline uint64_t stele_type_word(const struct stele_type *type)
{
    return type->key_kind | STELEI_CAST(uint64_t, type->value_kind) << 8 |
           STELEI_CAST(uint64_t, type->hash_id) << 16 | STELEI_CAST(uint64_t, type->flags) << 24 |
           STELEI_CAST(uint64_t, type->value_bytes) << 32;
}
static inline struct stele_type stele_type_from_word(uint64_t word)
{
    struct stele_type type;
    type.key_kind = STELEI_CAST(uint8_t, word);
    type.value_kind = STELEI_CAST(uint8_t, word >> 8);
    type.hash_id = STELEI_CAST(uint8_t, word >> 16);
    type.flags = STELEI_CAST(uint8_t, word >> 24);
    type.value_bytes = STELEI_CAST(uint32_t, word >> 32);
    return type;
}
static inline bool stele_type_equal(const struct stele_type *a, const struct stele_type *b)
{
    return stele_type_word(a) == stele_type_word(b);
}

/* ---- as text --------------------------------------------------------------------------------
 * KEY->VALUE[,HASH]   KEY: bytes u8 u16 u32 u64   VALUE: bytes u8 .. u64 i64 f64 struct:BYTES
 * list:u8 .. list:u64 set:u8 .. set:u64           HASH: xxh3 (not written) xxh64 identity own:ID
 */
#define STELE_TYPE_TEXT_BYTES 64u

static inline const char *stele_kind_text(unsigned kind)
{
    static const char *const names[] = {"bytes", "u8", "u16", "u32", "u64", "i64", "f64", "struct"};
    return kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

/* Writes at most STELE_TYPE_TEXT_BYTES, the terminating zero included. */
static inline void stele_type_format(const struct stele_type *type, char *text)
{
    char value[24], hash[16] = "";
    if (stele_type_has_lists(type))
        snprintf(value, sizeof value, "%s:%s", type->flags & STELE_TYPE_SET ? "set" : "list",
                 stele_kind_text(type->value_kind & (STELE_LIST - 1u)));
    else if (type->value_kind == STELE_STRUCT)
        snprintf(value, sizeof value, "struct:%u", STELEI_CAST(unsigned, type->value_bytes));
    else
        snprintf(value, sizeof value, "%s", stele_kind_text(type->value_kind));
    if (type->hash_id >= STELE_HASH_OWN)
        snprintf(hash, sizeof hash, ",own:%u", STELEI_CAST(unsigned, type->hash_id));
    else if (type->hash_id != STELE_HASH_XXH3)
        snprintf(hash, sizeof hash, type->hash_id == STELE_HASH_XXH64 ? ",xxh64" : ",identity");
    snprintf(text, STELE_TYPE_TEXT_BYTES, "%s->%s%s", stele_kind_text(type->key_kind), value, hash);
}

/* The kind that the `bytes` bytes at `text` name; -1: none. */
static inline int stelei_kind_parse(const char *text, size_t bytes)
{
    for (int kind = STELE_BYTES; kind <= STELE_STRUCT; kind++)
        if (strlen(stele_kind_text(STELEI_CAST(unsigned, kind))) == bytes &&
            memcmp(stele_kind_text(STELEI_CAST(unsigned, kind)), text, bytes) == 0)
            return kind;
    return -1;
}

/* A whole decimal number of at most `most`, or -1. */
static inline int64_t stelei_type_number(const char *text, int64_t most)
{
    char *end = STELEI_NULL;
    long long number = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : -1;
    return number >= 0 && *end == 0 && number <= most ? STELEI_CAST(int64_t, number) : -1;
}

static inline bool stelei_type_parse_value(const char *text, size_t bytes, struct stele_type *type)
{
    bool set = bytes > 4 && memcmp(text, "set:", 4) == 0;
    bool list = bytes > 5 && memcmp(text, "list:", 5) == 0;
    char number[16] = "";
    int kind;
    if (set || list) {
        size_t skip = set ? 4 : 5;
        kind = stelei_kind_parse(text + skip, bytes - skip);
        if (kind < STELE_U8 || kind > STELE_U64)
            return false;
        type->value_kind = STELEI_CAST(uint8_t, STELE_LIST + kind);
        type->flags = set ? STELE_TYPE_SET : 0;
        return true;
    }
    if (bytes > 7 && bytes - 7 < sizeof number && memcmp(text, "struct:", 7) == 0) {
        memcpy(number, text + 7, bytes - 7);
        int64_t value_bytes = stelei_type_number(number, STELE_TYPE_VALUE_MAX_BYTES);
        type->value_kind = STELE_STRUCT;
        type->value_bytes = STELEI_CAST(uint32_t, value_bytes);
        return value_bytes > 0;
    }
    kind = stelei_kind_parse(text, bytes);
    type->value_kind = STELEI_CAST(uint8_t, kind);
    return kind >= 0 && kind != STELE_STRUCT;
}

/* False, with *type untouched: the text names no type that this build knows. */
static inline bool stele_type_parse(const char *text, struct stele_type *type)
{
    struct stele_type parsed = stele_type_of(STELE_BYTES, STELE_BYTES);
    const char *arrow = strstr(text, "->");
    if (!arrow)
        return false;
    int kind = stelei_kind_parse(text, STELEI_CAST(size_t, arrow - text));
    const char *value = arrow + 2, *comma = strchr(value, ',');
    size_t value_bytes = comma ? STELEI_CAST(size_t, comma - value) : strlen(value);
    if (kind < 0 || !stelei_type_parse_value(value, value_bytes, &parsed))
        return false;
    parsed.key_kind = STELEI_CAST(uint8_t, kind);
    if (comma && strcmp(comma, ",xxh64") == 0)
        parsed.hash_id = STELE_HASH_XXH64;
    else if (comma && strcmp(comma, ",identity") == 0)
        parsed.hash_id = STELE_HASH_IDENTITY;
    else if (comma && strncmp(comma, ",own:", 5) == 0 && stelei_type_number(comma + 5, 255) > 0)
        parsed.hash_id = STELEI_CAST(uint8_t, stelei_type_number(comma + 5, 255));
    else if (comma && strcmp(comma, ",xxh3") != 0)
        return false;
    if (!stele_type_valid(&parsed) || (comma && comma[1] == 'o' && parsed.hash_id < STELE_HASH_OWN))
        return false;
    *type = parsed;
    return true;
}

#endif
