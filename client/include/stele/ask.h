/*
 * ask.h - a lookup that falls back to the daemon. Everything that reader.h and channel.h say goes
 * for it.
 */
#ifndef STELE_ASK_H
#define STELE_ASK_H

#include "channel.h"
#include "reader.h"

/*
 * Looks the key up in the segment, as stele_get() does. Only where that does not settle (STELE_EBUSY:
 * a writer changed the very bucket 64 times in the meantime) is the daemon asked, which takes a round
 * trip of up to `timeout_ms`; `handle` is the table's on that channel. Then its statuses may appear
 * too, and the answer is as recent: the value held at an instant between call and return.
 *
 * `channel` may be NULL: STELE_EBUSY is returned as it is. Nothing may be pending on it.
 * Not for signal handlers, unlike stele_get().
 */
static inline enum stele_status stele_get_or_ask(const struct stele_table *table,
                                                 struct stele_channel *channel, uint16_t handle,
                                                 const void *key, size_t key_bytes, void *buffer,
                                                 size_t capacity, size_t *value_bytes,
                                                 int timeout_ms)
{
    enum stele_status status = stele_get(table, key, key_bytes, buffer, capacity, value_bytes);
    if (STELEI_LIKELY(status != STELE_EBUSY) || !channel)
        return status;
    return stele_channel_get(channel, handle, key, key_bytes, buffer, capacity, value_bytes,
                             timeout_ms);
}

#endif
