#include "kind.h"

#include <stdio.h>
#include <string.h>

#include "text.h"
#include "word.h"

#define KIND_SHOWN_BYTES 40u

struct kind kind_of_key(const struct stele_type *type)
{
    struct kind kind = {type->key_kind, false, stele_kind_bytes(type->key_kind)};
    return kind;
}

struct kind kind_of_value(const struct stele_type *type)
{
    struct kind kind = {STELE_BYTES, false, type->value_bytes};
    if (type->value_kind == STELE_BYTES || type->value_kind == STELE_STRUCT)
        return kind;
    kind.list = stele_type_has_lists(type);
    kind.word = type->value_kind & (STELE_LIST - 1u);
    kind.bytes = stele_kind_bytes(kind.word);
    return kind;
}

uint64_t kind_word(const struct kind *kind, const void *bytes)
{
    uint64_t word = 0;
    memcpy(&word, bytes, kind->bytes);
    return word;
}

/* ---- writing ------------------------------------------------------------------------------ */

static bool kind_write_word(struct buffer *out, const struct kind *kind, const char *bytes)
{
    char text[WORD_TEXT_BYTES];
    return buffer_append(out, text, word_write(kind->word, kind_word(kind, bytes), text));
}

/* inf and nan are no JSON numbers. */
static bool kind_write_json_word(struct buffer *out, const struct kind *kind, const char *bytes)
{
    char text[WORD_TEXT_BYTES];
    size_t count = word_write(kind->word, kind_word(kind, bytes), text);
    char last = text[count - 1];
    return last >= '0' && last <= '9' ? buffer_append(out, text, count)
                                      : jsontext_write_string(out, text, count);
}

bool kind_write(struct buffer *out, const struct kind *kind, const void *bytes, size_t count,
                bool escapes, char separator)
{
    const char *at = bytes;
    if (kind->word == STELE_BYTES)
        return escapes ? text_escape(out, bytes, count) : buffer_append(out, bytes, count);
    for (size_t i = 0; i < count; i += kind->bytes)
        if ((i > 0 && !buffer_append_byte(out, separator)) || !kind_write_word(out, kind, at + i))
            return false;
    return true;
}

static bool kind_write_json_list(struct buffer *out, const struct kind *kind, const char *bytes,
                                 size_t count)
{
    for (size_t i = 0; i < count; i += kind->bytes)
        if (!buffer_append_byte(out, i == 0 ? '[' : ',') ||
            !kind_write_json_word(out, kind, bytes + i))
            return false;
    return (count > 0 || buffer_append_byte(out, '[')) && buffer_append_byte(out, ']');
}

bool kind_write_member(struct buffer *out, const struct kind *kind, const char *name,
                       const void *bytes, size_t count)
{
    bool text = kind->word != STELE_BYTES || jsontext_is_text(bytes, count);
    if (!buffer_append_byte(out, '"') || !buffer_append_text(out, name) ||
        !buffer_append_text(out, text ? "\":" : "_base64\":"))
        return false;
    if (kind->list)
        return kind_write_json_list(out, kind, bytes, count);
    if (kind->word != STELE_BYTES)
        return kind_write_json_word(out, kind, bytes);
    if (text)
        return jsontext_write_string(out, bytes, count);
    return buffer_append_byte(out, '"') && text_base64_encode(out, bytes, count) &&
           buffer_append_byte(out, '"');
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool kind_no_memory(char *fault)
{
    snprintf(fault, KIND_FAULT_BYTES, " needs more memory than there is");
    return false;
}

/* A word's text for a message: what came, made harmless and short. */
static const char *kind_shown(char *out, const char *text, size_t count)
{
    size_t shown = count < KIND_SHOWN_BYTES ? count : KIND_SHOWN_BYTES;
    for (size_t i = 0; i < shown; i++)
        out[i] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    snprintf(out + shown, 4, "%s", shown < count ? "..." : "");
    return out;
}

/* `element`: its number in a list, from 1; 0: no list. */
static bool kind_read_word(struct buffer *out, const struct kind *kind, const char *text,
                           size_t count, size_t element, char *fault)
{
    char shown[KIND_SHOWN_BYTES + 4], number[48] = "";
    uint64_t word;
    enum word_outcome outcome = word_read(kind->word, text, count, &word);
    if (outcome == WORD_OK)
        return buffer_append(out, &word, kind->bytes) || kind_no_memory(fault);
    if (element > 0)
        snprintf(number, sizeof(number), ", element %zu", element);
    snprintf(fault, KIND_FAULT_BYTES, "%s: '%s' %s %s (%s)", number, kind_shown(shown, text, count),
             outcome == WORD_LARGE ? "does not fit" : "is no", stele_kind_text(kind->word),
             word_range(kind->word));
    return false;
}

static bool kind_read_list(struct buffer *out, const struct kind *kind, const char *text,
                           size_t count, char *fault)
{
    const char *end = text + count;
    size_t element = 0;
    if (count == 0) {
        snprintf(fault, KIND_FAULT_BYTES, " has no element: lists are never empty");
        return false;
    }
    for (;;) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        size_t bytes = (size_t)((comma ? comma : end) - text);
        if (!kind_read_word(out, kind, text, bytes, ++element, fault))
            return false;
        if (!comma)
            return true;
        text = comma + 1;
    }
}

/* A struct has just so many bytes. */
static bool kind_fits(const struct kind *kind, size_t bytes, char *fault)
{
    if (kind->bytes == 0 || kind->bytes == bytes)
        return true;
    snprintf(fault, KIND_FAULT_BYTES, " has %zu bytes, not the struct's %u", bytes, kind->bytes);
    return false;
}

bool kind_read(struct buffer *out, const struct kind *kind, const char *text, size_t count,
               bool escapes, char fault[KIND_FAULT_BYTES])
{
    size_t before = out->used, bad = 0;
    if (kind->list)
        return kind_read_list(out, kind, text, count, fault);
    if (kind->word != STELE_BYTES)
        return kind_read_word(out, kind, text, count, 0, fault);
    const char *wrong = escapes ? text_unescape(out, text, count, &bad) : NULL;
    if (wrong) {
        snprintf(fault, KIND_FAULT_BYTES, ", at its byte %zu: %s", bad + 1, wrong);
        return false;
    }
    if (!escapes && !buffer_append(out, text, count))
        return kind_no_memory(fault);
    return kind_fits(kind, out->used - before, fault);
}

/* ---- reading JSON ------------------------------------------------------------------------- */

static bool kind_wrong(struct jsontext *json, char *fault, const char *wrong)
{
    if (!json->fault)
        snprintf(fault, KIND_FAULT_BYTES, "%s", wrong);
    return false;
}

/* A number; or a string with one, as other tools write those that they would round. */
static bool kind_read_json_word(struct buffer *out, const struct kind *kind, struct jsontext *json,
                                size_t element, char *fault)
{
    struct buffer string;
    const char *text = NULL;
    size_t count = 0;
    bool read = false;
    enum jsontext_kind next = jsontext_peek(json);
    if (next == JSONTEXT_NUMBER)
        return jsontext_number(json, &text, &count) &&
               kind_read_word(out, kind, text, count, element, fault);
    if (next != JSONTEXT_TEXT)
        return kind_wrong(json, fault,
                          element ? " has elements that are no numbers" : " is no number");
    buffer_init(&string);
    if (jsontext_string(json, &string))
        read = kind_read_word(out, kind, string.bytes ? string.bytes : "", string.used, element,
                              fault);
    buffer_fini(&string);
    return read;
}

static bool kind_read_json_list(struct buffer *out, const struct kind *kind, struct jsontext *json,
                                char *fault)
{
    size_t element = 0;
    bool first = true;
    if (jsontext_peek(json) != JSONTEXT_ARRAY)
        return kind_wrong(json, fault, " is no array");
    jsontext_open(json, '[');
    while (jsontext_next(json, '[', &first))
        if (!kind_read_json_word(out, kind, json, ++element, fault))
            return false;
    if (!json->fault && element == 0)
        return kind_wrong(json, fault, " has no element: lists are never empty");
    return json->fault == NULL;
}

static bool kind_read_json_bytes(struct buffer *out, const struct kind *kind, struct jsontext *json,
                                 bool base64, char *fault)
{
    struct buffer string;
    size_t before = out->used;
    bool read = false;
    if (jsontext_peek(json) != JSONTEXT_TEXT)
        return kind_wrong(json, fault, " is no string");
    buffer_init(&string);
    if (!jsontext_string(json, &string))
        read = false;
    else if (base64)
        read = text_base64_decode(out, string.bytes ? string.bytes : "", string.used) ||
               kind_wrong(json, fault, " is not in base64");
    else
        read = buffer_append(out, string.bytes, string.used) || kind_no_memory(fault);
    buffer_fini(&string);
    return read && kind_fits(kind, out->used - before, fault);
}

bool kind_read_json(struct buffer *out, const struct kind *kind, struct jsontext *json, bool base64,
                    char fault[KIND_FAULT_BYTES])
{
    if (kind->list)
        return kind_read_json_list(out, kind, json, fault);
    return kind->word == STELE_BYTES ? kind_read_json_bytes(out, kind, json, base64, fault)
                                     : kind_read_json_word(out, kind, json, 0, fault);
}
