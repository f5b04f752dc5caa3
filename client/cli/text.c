#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The range of a sequence's second byte excludes overlong forms, surrogates and > U+10FFFF. */
static unsigned text_utf8_shape(unsigned char first, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef) {
        if (first == 0xe0)
            *low = 0xa0;
        if (first == 0xed)
            *high = 0x9f;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (first == 0xf0)
            *low = 0x90;
        if (first == 0xf4)
            *high = 0x8f;
        return 4;
    }
    return 0;
}

unsigned text_utf8(const unsigned char *bytes, size_t count)
{
    unsigned char low, high;
    unsigned length = count > 0 ? text_utf8_shape(bytes[0], &low, &high) : 0;
    if (length == 0 || length > count)
        return 0;
    for (unsigned i = 1; i < length; i++) {
        if (bytes[i] < low || bytes[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

/* The escape of a byte, or NULL where \xHH is needed. */
static const char *text_short_escape(unsigned char byte)
{
    switch (byte) {
    case '\t':
        return "\\t";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\\':
        return "\\\\";
    default:
        return NULL;
    }
}

static bool text_escape_byte(struct buffer *out, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *escape = text_short_escape(byte);
    char hexadecimal[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    return escape ? buffer_append(out, escape, 2) : buffer_append(out, hexadecimal, 4);
}

bool text_escape(struct buffer *out, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    bool marked = count >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
    size_t plain = 0, i = 0;
    while (i < count) {
        unsigned length = text_utf8(at + i, count - i);
        bool control = at[i] < 0x20 || at[i] == 0x7f || at[i] == '\\';
        if (length > 0 && !control && !(marked && i < 3)) {
            i += length;
            continue;
        }
        if (!buffer_append(out, at + plain, i - plain) || !text_escape_byte(out, at[i]))
            return false;
        plain = ++i;
    }
    return buffer_append(out, count ? at + plain : NULL, i - plain);
}

static int text_hexadecimal(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* The byte that an escape stands for, and its length; 0: no escape. */
static size_t text_escape_length(const char *text, size_t count, char *byte)
{
    if (count < 2)
        return 0;
    switch (text[1]) {
    case 't':
        *byte = '\t';
        return 2;
    case 'n':
        *byte = '\n';
        return 2;
    case 'r':
        *byte = '\r';
        return 2;
    case '\\':
        *byte = '\\';
        return 2;
    case 'x':
        if (count < 4 || text_hexadecimal(text[2]) < 0 || text_hexadecimal(text[3]) < 0)
            return 0;
        *byte = (char)(text_hexadecimal(text[2]) * 16 + text_hexadecimal(text[3]));
        return 4;
    default:
        return 0;
    }
}

const char *text_unescape(struct buffer *out, const char *text, size_t count, size_t *bad)
{
    size_t i = 0;
    if (!buffer_reserve(out, out->used + count))
        return "out of memory";
    while (i < count) {
        const char *escape = memchr(text + i, '\\', count - i);
        size_t plain = escape ? (size_t)(escape - text) - i : count - i;
        char byte;
        buffer_append(out, text + i, plain);
        i += plain;
        if (!escape)
            break;
        size_t length = text_escape_length(text + i, count - i, &byte);
        if (length == 0) {
            *bad = i;
            return "no such escape; there are \\t \\n \\r \\\\ and \\xHH";
        }
        buffer_append_byte(out, byte);
        i += length;
    }
    return NULL;
}

/* ---- base64 ------------------------------------------------------------------------------- */

static const char text_base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool text_base64_encode(struct buffer *out, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    if (!buffer_reserve(out, out->used + (count + 2) / 3 * 4))
        return false;
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t group = (uint32_t)at[i] << 16;
        group |= left > 1 ? (uint32_t)at[i + 1] << 8 : 0u;
        group |= left > 2 ? (uint32_t)at[i + 2] : 0u;
        char four[4] = {text_base64_digits[group >> 18], text_base64_digits[group >> 12 & 63],
                        left > 1 ? text_base64_digits[group >> 6 & 63] : '=',
                        left > 2 ? text_base64_digits[group & 63] : '='};
        buffer_append(out, four, 4);
    }
    return true;
}

static int text_base64_digit(char digit)
{
    const char *found = digit ? strchr(text_base64_digits, digit) : NULL;
    return found ? (int)(found - text_base64_digits) : -1;
}

bool text_base64_decode(struct buffer *out, const char *text, size_t count)
{
    if (count % 4 != 0 || !buffer_reserve(out, out->used + count / 4 * 3))
        return false;
    for (size_t i = 0; i < count; i += 4) {
        bool last = i + 4 == count;
        unsigned padding = 0;
        uint32_t group = 0;
        if (last && text[i + 3] == '=')
            padding = text[i + 2] == '=' ? 2 : 1;
        for (unsigned j = 0; j < 4; j++) {
            int digit = j + padding >= 4 ? 0 : text_base64_digit(text[i + j]);
            if (digit < 0)
                return false;
            group = group << 6 | (uint32_t)digit;
        }
        if ((padding > 0 && (group & 0xff)) || (padding > 1 && (group & 0xffff)))
            return false; /* bits that no byte holds */
        char three[3] = {(char)(group >> 16 & 255), (char)(group >> 8 & 255), (char)(group & 255)};
        buffer_append(out, three, 3 - padding);
    }
    return true;
}

/* ---- numbers ------------------------------------------------------------------------------ */

bool text_parse_u64(const char *text, uint64_t *number)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long parsed = strtoull(text, &end, 10);
    if (errno != 0 || *end != 0)
        return false;
    *number = parsed;
    return true;
}

bool text_parse_i64(const char *text, int64_t *number)
{
    char *end;
    const char *digits = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    if (digits[0] < '0' || digits[0] > '9')
        return false;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (errno != 0 || *end != 0)
        return false;
    *number = parsed;
    return true;
}

bool text_parse_seconds(const char *text, int *milliseconds)
{
    char *end;
    if ((text[0] < '0' || text[0] > '9') && text[0] != '.')
        return false;
    double seconds = strtod(text, &end);
    if (*end != 0 || end == text || !(seconds >= 0 && seconds <= 86400))
        return false;
    *milliseconds = (int)ceil(seconds * 1000);
    return true;
}

/* ---- for people --------------------------------------------------------------------------- */

const char *text_size(char *out, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double scaled = (double)bytes / 1024;
    unsigned unit = 0;
    if (bytes < 1024) {
        snprintf(out, TEXT_SHORT_BYTES, "%u B", (unsigned)bytes);
        return out;
    }
    while (scaled >= 1023.95 && unit < 5) {
        scaled /= 1024;
        unit++;
    }
    snprintf(out, TEXT_SHORT_BYTES, "%.1f %s", scaled, units[unit]);
    return out;
}

/* Three digits and one of the units, each a thousand of the one before. */
static const char *text_scaled(char *out, double value, const char *const *units, unsigned count)
{
    unsigned unit = 0;
    while (value >= 999.5 && unit + 1 < count) {
        value /= 1000;
        unit++;
    }
    int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, TEXT_SHORT_BYTES, "%.*f%s", decimals, value, units[unit]);
    return out;
}

const char *text_count(char *out, double count)
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    return text_scaled(out, count, units, 5);
}

const char *text_nanoseconds(char *out, double ns)
{
    static const char *const units[] = {" ns", " us", " ms", " s"};
    return text_scaled(out, ns, units, 4);
}

const char *text_clock(char *out, double seconds)
{
    unsigned long whole = seconds < 0 ? 0 : seconds > 3.6e6 ? 3600000 : (unsigned long)seconds;
    unsigned long hours = whole / 3600, minutes = whole / 60 % 60;
    if (hours > 0)
        snprintf(out, TEXT_SHORT_BYTES, "%lu:%02lu:%02lu", hours, minutes, whole % 60);
    else
        snprintf(out, TEXT_SHORT_BYTES, "%lu:%02lu", minutes, whole % 60);
    return out;
}

const char *text_age(char *out, uint64_t milliseconds)
{
    double seconds = (double)milliseconds / 1000;
    if (milliseconds < 1000)
        snprintf(out, TEXT_SHORT_BYTES, "%u ms", (unsigned)milliseconds);
    else if (seconds < 120)
        snprintf(out, TEXT_SHORT_BYTES, "%.1f s", seconds);
    else if (seconds < 7200)
        snprintf(out, TEXT_SHORT_BYTES, "%.0f min", seconds / 60);
    else if (seconds < 172800)
        snprintf(out, TEXT_SHORT_BYTES, "%.1f h", seconds / 3600);
    else
        snprintf(out, TEXT_SHORT_BYTES, "%.1f d", seconds / 86400);
    return out;
}
