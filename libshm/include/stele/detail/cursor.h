/*
 * cursor.h - reading bytes that nobody vouches for: straight reads with a sticky error, one check
 * at the end. Pure functions over the caller's memory; any thread.
 */
#ifndef STELE_DETAIL_CURSOR_H
#define STELE_DETAIL_CURSOR_H

#include "base.h"

struct stelei_cursor {
    const uint8_t *at;
    size_t left;
    bool failed; /* sticky: something was asked for that is not there, or should not be */
};

STELEI_INLINE struct stelei_cursor stelei_cursor_over(const void *bytes, size_t count)
{
    struct stelei_cursor cursor;
    cursor.at = STELEI_CAST(const uint8_t *, bytes);
    cursor.left = count;
    cursor.failed = false;
    return cursor;
}

/* The next `count` bytes in place; NULL once the cursor has failed. */
STELEI_INLINE const uint8_t *stelei_cursor_take(struct stelei_cursor *cursor, size_t count)
{
    const uint8_t *bytes = cursor->at;
    if (STELEI_UNLIKELY(cursor->failed || count > cursor->left)) {
        cursor->failed = true;
        return STELEI_NULL;
    }
    cursor->at += count;
    cursor->left -= count;
    return bytes;
}

/* Copies the next `count` bytes into a fixed-width structure; zeroes once the cursor has failed. */
STELEI_INLINE void stelei_cursor_copy(struct stelei_cursor *cursor, void *out, size_t count)
{
    const uint8_t *bytes = stelei_cursor_take(cursor, count);
    if (STELEI_LIKELY(bytes != NULL))
        memcpy(out, bytes, count);
    else
        memset(out, 0, count);
}

/* Fails unless `cond` holds. */
STELEI_INLINE void stelei_cursor_require(struct stelei_cursor *cursor, bool cond)
{
    if (STELEI_UNLIKELY(!cond))
        cursor->failed = true;
}

/* True when everything was there and nothing is left over. */
STELEI_INLINE bool stelei_cursor_finished(const struct stelei_cursor *cursor)
{
    return !cursor->failed && cursor->left == 0;
}

#endif
