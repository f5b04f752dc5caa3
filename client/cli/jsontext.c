#include "jsontext.h"

#include <stdint.h>
#include <string.h>

#include "text.h"

void jsontext_begin(struct jsontext *json, const char *text, size_t count)
{
    json->at = json->begin = text;
    json->end = text + count;
    json->fault = NULL;
}

static bool jsontext_fail(struct jsontext *json, const char *fault)
{
    if (!json->fault)
        json->fault = fault;
    return false;
}

/* The next byte that is no blank; 0: there is none. */
static char jsontext_look(struct jsontext *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
        json->at++;
    return json->at < json->end && !json->fault ? *json->at : 0;
}

enum jsontext_kind jsontext_peek(struct jsontext *json)
{
    char next = jsontext_look(json);
    switch (next) {
    case 0:
        return JSONTEXT_NOTHING;
    case '"':
        return JSONTEXT_TEXT;
    case '{':
        return JSONTEXT_OBJECT;
    case '[':
        return JSONTEXT_ARRAY;
    default:
        return next == '-' || (next >= '0' && next <= '9') ? JSONTEXT_NUMBER : JSONTEXT_OTHER;
    }
}

/* ---- strings ------------------------------------------------------------------------------ */

/* The four digits of \uXXXX; UINT32_MAX: they are not there. */
static uint32_t jsontext_unit(struct jsontext *json)
{
    uint32_t unit = 0;
    if (json->end - json->at < 4)
        return UINT32_MAX;
    for (unsigned i = 0; i < 4; i++) {
        char digit = *json->at++;
        if (digit >= '0' && digit <= '9')
            unit = unit << 4 | (uint32_t)(digit - '0');
        else if ((digit >= 'a' && digit <= 'f') || (digit >= 'A' && digit <= 'F'))
            unit = unit << 4 | (uint32_t)((digit | 32) - 'a' + 10);
        else
            return UINT32_MAX;
    }
    return unit;
}

static bool jsontext_append_code(struct buffer *out, uint32_t code)
{
    char bytes[4] = {(char)code, 0, 0, 0};
    size_t count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = count; count > 1 && i-- > 1;) {
        bytes[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    if (count > 1)
        bytes[0] = (char)((0xf00 >> count & 0xff) | code);
    return buffer_append(out, bytes, count);
}

/* \uXXXX, of which two stand for a code above U+FFFF; `at` is behind the u. */
static bool jsontext_read_unicode(struct jsontext *json, struct buffer *out)
{
    uint32_t code = jsontext_unit(json), low;
    if (code == UINT32_MAX || (code >= 0xdc00 && code < 0xe000))
        return jsontext_fail(json, "no such \\u escape");
    if (code >= 0xd800 && code < 0xdc00) {
        if (json->end - json->at < 6 || json->at[0] != '\\' || json->at[1] != 'u')
            return jsontext_fail(json, "half of a \\u pair");
        json->at += 2;
        low = jsontext_unit(json);
        if (low < 0xdc00 || low >= 0xe000)
            return jsontext_fail(json, "half of a \\u pair");
        code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
    }
    return jsontext_append_code(out, code) || jsontext_fail(json, "out of memory");
}

/* `at` is behind the backslash. */
static bool jsontext_read_escape(struct jsontext *json, struct buffer *out)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    char letter = json->at < json->end ? *json->at++ : 0;
    const char *known = letter ? strchr(letters, letter) : NULL;
    if (letter == 'u')
        return jsontext_read_unicode(json, out);
    if (!known)
        return jsontext_fail(json, "no such escape");
    return buffer_append_byte(out, bytes[known - letters]) || jsontext_fail(json, "out of memory");
}

/* Goes past bytes that stand for themselves. false: one that may not stand there. */
static bool jsontext_plain(struct jsontext *json)
{
    while (json->at < json->end && *json->at != '"' && *json->at != '\\') {
        unsigned length =
            text_utf8((const unsigned char *)json->at, (size_t)(json->end - json->at));
        if (length == 0)
            return jsontext_fail(json, "not UTF-8");
        if ((unsigned char)*json->at < 0x20)
            return jsontext_fail(json, "a control character in a string");
        json->at += length;
    }
    return json->at < json->end || jsontext_fail(json, "a string without its end");
}

bool jsontext_string(struct jsontext *json, struct buffer *out)
{
    buffer_reset(out);
    if (jsontext_look(json) != '"')
        return jsontext_fail(json, "a string is missing");
    json->at++;
    for (;;) {
        const char *plain = json->at;
        if (!jsontext_plain(json))
            return false;
        if (!buffer_append(out, plain, (size_t)(json->at - plain)))
            return jsontext_fail(json, "out of memory");
        if (*json->at++ == '"')
            return true;
        if (!jsontext_read_escape(json, out))
            return false;
    }
}

bool jsontext_is_text(const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count;) {
        unsigned length = text_utf8(at + i, count - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

static bool jsontext_write_escape(struct buffer *out, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char bytes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *known = byte ? strchr(bytes, byte) : NULL;
    char two[2] = {'\\', known ? letters[known - bytes] : 0};
    char six[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    return known ? buffer_append(out, two, 2) : buffer_append(out, six, 6);
}

bool jsontext_write_string(struct buffer *out, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    size_t plain = 0;
    if (!buffer_append_byte(out, '"'))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (at[i] >= 0x20 && at[i] != '"' && at[i] != '\\' && at[i] != 0x7f)
            continue;
        if (!buffer_append(out, at + plain, i - plain) || !jsontext_write_escape(out, at[i]))
            return false;
        plain = i + 1;
    }
    return buffer_append(out, count ? at + plain : NULL, count - plain) &&
           buffer_append_byte(out, '"');
}

/* ---- numbers ------------------------------------------------------------------------------ */

static size_t jsontext_digits(struct jsontext *json)
{
    const char *first = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return (size_t)(json->at - first);
}

/* Whether this byte is next, which is then gone past. */
static bool jsontext_take(struct jsontext *json, char byte)
{
    if (json->at == json->end || *json->at != byte)
        return false;
    json->at++;
    return true;
}

bool jsontext_number(struct jsontext *json, const char **text, size_t *count)
{
    if (jsontext_peek(json) != JSONTEXT_NUMBER)
        return jsontext_fail(json, "a number is missing");
    *text = json->at;
    jsontext_take(json, '-');
    bool zero = json->at < json->end && *json->at == '0';
    size_t whole = jsontext_digits(json);
    if (whole == 0 || (zero && whole > 1))
        return jsontext_fail(json, "no number");
    if (jsontext_take(json, '.') && jsontext_digits(json) == 0)
        return jsontext_fail(json, "no number");
    if (jsontext_take(json, 'e') || jsontext_take(json, 'E')) {
        if (!jsontext_take(json, '-'))
            jsontext_take(json, '+');
        if (jsontext_digits(json) == 0)
            return jsontext_fail(json, "no number");
    }
    *count = (size_t)(json->at - *text);
    return true;
}

/* ---- arrays and objects ------------------------------------------------------------------- */

bool jsontext_open(struct jsontext *json, char bracket)
{
    if (jsontext_look(json) != bracket)
        return jsontext_fail(json, bracket == '{' ? "an object is missing" : "an array is missing");
    json->at++;
    return true;
}

bool jsontext_next(struct jsontext *json, char bracket, bool *first)
{
    char next = jsontext_look(json), closing = bracket == '{' ? '}' : ']';
    bool begins = *first;
    *first = false;
    if (next == closing && !json->fault) {
        json->at++;
        return false;
    }
    if (begins)
        return next != 0 || jsontext_fail(json, "it ends too early");
    if (next != ',')
        return jsontext_fail(json, next ? "a comma is missing" : "it ends too early");
    json->at++;
    next = jsontext_look(json);
    return (next != closing && next != 0) ||
           jsontext_fail(json, "something is missing after a comma");
}

bool jsontext_name(struct jsontext *json, struct buffer *out)
{
    if (!jsontext_string(json, out))
        return false;
    if (jsontext_look(json) != ':')
        return jsontext_fail(json, "a colon is missing");
    json->at++;
    return true;
}

static bool jsontext_skip_word(struct jsontext *json)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t bytes = strlen(words[i]);
        if ((size_t)(json->end - json->at) >= bytes && memcmp(json->at, words[i], bytes) == 0) {
            json->at += bytes;
            return true;
        }
    }
    return jsontext_fail(json, json->at < json->end ? "no such word" : "a value is missing");
}

static bool jsontext_skip_at(struct jsontext *json, struct buffer *text, unsigned depth)
{
    const char *number;
    size_t count;
    bool first = true;
    char bracket = jsontext_look(json);
    switch (jsontext_peek(json)) {
    case JSONTEXT_TEXT:
        return jsontext_string(json, text);
    case JSONTEXT_NUMBER:
        return jsontext_number(json, &number, &count);
    case JSONTEXT_OBJECT:
    case JSONTEXT_ARRAY:
        if (depth == JSONTEXT_DEPTH_MAX)
            return jsontext_fail(json, "it is nested too deeply");
        json->at++;
        while (jsontext_next(json, bracket, &first))
            if ((bracket == '{' && !jsontext_name(json, text)) ||
                !jsontext_skip_at(json, text, depth + 1))
                return false;
        return json->fault == NULL;
    default:
        return jsontext_skip_word(json);
    }
}

bool jsontext_skip(struct jsontext *json)
{
    struct buffer text;
    buffer_init(&text);
    bool skipped = jsontext_skip_at(json, &text, 0);
    buffer_fini(&text);
    return skipped;
}

bool jsontext_finish(struct jsontext *json)
{
    jsontext_look(json);
    return json->fault
               ? false
               : json->at == json->end || jsontext_fail(json, "something follows behind it");
}
