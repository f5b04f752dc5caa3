/*
 * document.h - JSON: results built and printed. The only room that knows jansson. (Entries and words:
 * kind.h, jsontext.h; jansson has no numbers above 2^63.)
 *
 * Building: each function takes over the values handed to it. Running out of memory gives NULL,
 * which every function takes and passes on; document_write() then says false.
 *
 * Byte strings: a member NAME holds the text where the bytes are valid UTF-8, else NAME_base64
 * holds them in base64. So every byte string comes back as it was.
 */
#ifndef STELE_CLI_DOCUMENT_H
#define STELE_CLI_DOCUMENT_H

#include <stdint.h>

#include "buffer.h"

struct json_t;

struct json_t *document_object(void);
struct json_t *document_array(void);
/* Appends to an array, sets a member of an object. */
void document_add(struct json_t *array, struct json_t *item);
void document_set(struct json_t *object, const char *name, struct json_t *item);

void document_set_text(struct json_t *object, const char *name, const char *text); /* NULL: null */
/* Above 2^63 - 1, which jansson does not have, as a string of its digits: none is lost. */
void document_set_number(struct json_t *object, const char *name, uint64_t number);
void document_set_integer(struct json_t *object, const char *name, int64_t number);
void document_set_real(struct json_t *object, const char *name, double number);
void document_set_bool(struct json_t *object, const char *name, bool truth);
void document_set_null(struct json_t *object, const char *name);
void document_set_bytes(struct json_t *object, const char *name, const void *bytes, size_t count);

/* Appends the value on one line, without a newline, and frees it. false: out of memory. */
bool document_write(struct buffer *out, struct json_t *value);

#endif
