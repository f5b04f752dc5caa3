/*
 * text.h - byte strings as text and back; numbers, sizes and durations for people. Pure.
 *
 * Escapes, as in TSV:  \t \n \r \\ and \xHH (two hexadecimal digits) for any byte. Tabs, newlines,
 * carriage returns, backslashes, other control characters, bytes that are not valid UTF-8 and a byte
 * order mark at the beginning (which readers of files pass over) are written as escapes; everything
 * else stands for itself. Unescaping gives back every byte string.
 */
#ifndef STELE_CLI_TEXT_H
#define STELE_CLI_TEXT_H

#include <stdint.h>

#include "buffer.h"

/* Appends. false: out of memory. */
bool text_escape(struct buffer *out, const void *bytes, size_t count);

/*
 * Appends what `text` stands for. NULL, or what is wrong (static storage): then *bad is the offset
 * of the offending backslash, and `out` holds what came before.
 */
const char *text_unescape(struct buffer *out, const char *text, size_t count, size_t *bad);

/* Length of the well-formed UTF-8 sequence at `bytes`, 1..4; 0: there is none. */
unsigned text_utf8(const unsigned char *bytes, size_t count);

bool text_base64_encode(struct buffer *out, const void *bytes, size_t count);
/* RFC 4648 with padding, nothing else in between. false: not such text, or out of memory. */
bool text_base64_decode(struct buffer *out, const char *text, size_t count);

/* A whole decimal number, nothing around it. */
bool text_parse_u64(const char *text, uint64_t *number);
bool text_parse_i64(const char *text, int64_t *number);
/* Seconds with up to a day, such as 5 or 0.25, as milliseconds (rounded up). */
bool text_parse_seconds(const char *text, int *milliseconds);

#define TEXT_SHORT_BYTES 32u
/* Each writes at most TEXT_SHORT_BYTES, with the terminating zero, and returns `out`. */
const char *text_size(char *out, uint64_t bytes);       /* 512 B, 4.0 KiB, 1.5 GiB */
const char *text_count(char *out, double count);        /* 950, 12.3 k, 4.56 M */
const char *text_nanoseconds(char *out, double ns);     /* 85 ns, 12.3 us, 4.56 ms */
const char *text_clock(char *out, double seconds);      /* 0:07, 12:34, 1:02:03 */
const char *text_age(char *out, uint64_t milliseconds); /* 120 ms, 3.4 s, 5 min, 2.1 h, 3.0 d */

#endif
