/*
 * kind.h - keys and values of tables of every type as text, and back. Pure. Bytes are what the wire and
 * scans have: a word little-endian, as wide as its kind; a list, its elements, packed.
 *
 *   byte strings, structs  as they are, or with the escapes of text.h; in JSON a string, or base64
 *                          where they are no UTF-8 (then the member is named NAME_base64)
 *   words                  as in word.h; in JSON a number, inf and nan a string
 *   lists                  words with commas between them; in JSON an array
 *
 * Everything that was written is read back the same.
 */
#ifndef STELE_CLI_KIND_H
#define STELE_CLI_KIND_H

#include <stdint.h>

#include <stele/type.h>

#include "jsontext.h"

/* What a key or a value is. */
struct kind {
    uint8_t word;   /* STELE_U8 .. STELE_F64; STELE_BYTES: byte strings, structs too */
    bool list;      /* of such words */
    uint32_t bytes; /* of a word, an element or a struct; 0: of any length */
};

struct kind kind_of_key(const struct stele_type *type);
struct kind kind_of_value(const struct stele_type *type);

/* The word that its bytes stand for, widened with zeros. */
uint64_t kind_word(const struct kind *kind, const void *bytes);

/* Each appends; of lists, elements with `separator` between them. The bytes are of the kind. false: out
 * of memory. */
bool kind_write(struct buffer *out, const struct kind *kind, const void *bytes, size_t count,
                bool escapes, char separator);
/* "NAME":VALUE, or "NAME_base64":VALUE. */
bool kind_write_member(struct buffer *out, const struct kind *kind, const char *name,
                       const void *bytes, size_t count);

#define KIND_FAULT_BYTES 192u

/*
 * Each appends the bytes to `out`. false: `fault` says what is wrong, in one line that goes on behind
 * "the key" or "the value".
 */
bool kind_read(struct buffer *out, const struct kind *kind, const char *text, size_t count,
               bool escapes, char fault[KIND_FAULT_BYTES]);
/* The value of a member; `base64`: of one that is named so. Also where the text is no JSON (json->fault);
 * then `fault` is not filled in. */
bool kind_read_json(struct buffer *out, const struct kind *kind, struct jsontext *json, bool base64,
                    char fault[KIND_FAULT_BYTES]);

#endif
