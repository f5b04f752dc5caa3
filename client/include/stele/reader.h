/*
 * reader.h - look keys up directly in a segment that another process writes.
 *
 *     struct stele_reader reader;
 *     struct stele_table prices;
 *     if (stele_reader_attach(&reader, "default") == STELE_OK &&
 *         stele_table_open(&reader, "prices", &prices) == STELE_OK) {
 *         char value[64];
 *         size_t bytes;
 *         if (stele_get(&prices, "EURUSD", 6, value, sizeof value, &bytes) == STELE_OK)
 *             ...
 *     }
 *
 * Needs read permission on the segment and nothing else; writes nothing that anyone can see. Works
 * with the daemon stopped or dead, and while another one adopts the segment (promises A, B, F).
 *
 * Lookups (stele_get, stele_get_many in batch.h, stele_contains, stele_view_take,
 * stele_view_valid): no system call, no lock, no allocation, no waiting. Threads: a handle is
 * constant after opening, any number of threads may share it. Fork: the child goes on using it.
 * Signal handlers: may call lookups. Ordering (promises C, D): a lookup returns what the key held
 * at one instant between call and return, and everything that was acknowledged to this thread
 * before the call. Progress (promise E): at most 64 attempts, then STELE_EBUSY - seen only when a
 * writer changes the very bucket faster than it can be read.
 *
 * Common outcomes: STELE_ENOTFOUND no such key; STELE_EBUSY see above; STELE_EDROPPED the table was
 * dropped: open it again; STELE_EMOVED attach again; STELE_ECORRUPT the segment makes no sense;
 * STELE_ETYPE the handle is of a table that the call is not for (of words, of lists); STELE_EINVAL
 * the handle is all zero, not open.
 * Out-parameters are untouched unless said otherwise; a caller's buffer may be scribbled on by any
 * lookup that does not return STELE_OK.
 */
#ifndef STELE_READER_H
#define STELE_READER_H

#include "detail/lookup.h"
#include "open.h"

/* ---- lookups ------------------------------------------------------------------------------ */

/* The general case of stele_get(): large values, and whatever did not settle at once. */
STELEI_COLD static enum stele_status stelei_get_again(const struct stele_table *table,
                                                      const void *key, uint32_t key_bytes,
                                                      uint64_t hash, void *buffer, size_t capacity,
                                                      size_t *value_bytes)
{
    struct stelei_probe probe;
    uint64_t clock = 0;
    unsigned attempts = 0;
    for (;;) {
        enum stele_status status =
            stelei_settle(table, key, key_bytes, hash, &probe, &clock, &attempts);
        if (status != STELE_OK)
            return status;
        size_t bytes = stelei_record_value_bytes(probe.meta);
        if (bytes > capacity) {
            *value_bytes = bytes;
            return STELE_ESHORT;
        }
        stelei_copy_out(buffer, stelei_probe_value(&probe, key_bytes), bytes);
        if (stelei_clock_untouched(table, clock) || stelei_probe_unchanged(table, &probe)) {
            *value_bytes = bytes;
            return STELE_OK;
        }
    }
}

/* Of a table with another hash, or of another form; or of a key that is too long. */
STELEI_COLD static enum stele_status stelei_get_unusual(const struct stele_table *table,
                                                        const void *key, size_t key_bytes,
                                                        void *buffer, size_t capacity,
                                                        size_t *value_bytes)
{
    if (table->form != STELEI_FORM_BYTES)
        return stelei_not_for(table);
    if (key_bytes > STELEI_KEY_MAX_BYTES)
        return STELE_ETOOBIG;
    return stelei_get_again(table, key, STELEI_CAST(uint32_t, key_bytes),
                            stelei_table_hash(table, key, key_bytes), buffer, capacity,
                            value_bytes);
}

/*
 * Copies the value of a key into `buffer` (any alignment, NULL only with capacity 0).
 * *value_bytes is set with STELE_OK, and with STELE_ESHORT to the length that is needed (which may
 * have changed by the next call).
 */
STELEI_INLINE enum stele_status stele_get(const struct stele_table *table, const void *key,
                                          size_t key_bytes, void *buffer, size_t capacity,
                                          size_t *value_bytes)
{
    if (STELEI_UNLIKELY(key_bytes >= table->usual_key_end))
        return stelei_get_unusual(table, key, key_bytes, buffer, capacity, value_bytes);
    struct stelei_probe probe;
    uint64_t hash = stelei_hash(key, key_bytes, table->map.hash_seed);
    enum stelei_outcome outcome =
        stelei_find(table, key, STELEI_CAST(uint32_t, key_bytes), hash, &probe);
    if (STELEI_LIKELY(outcome == STELEI_HIT)) {
        size_t bytes = stelei_record_value_bytes(probe.meta);
        if (STELEI_LIKELY(bytes <= capacity && bytes <= STELEI_LARGE_BYTES)) {
            stelei_copy_out(buffer, stelei_probe_value(&probe, key_bytes), bytes);
            if (STELEI_LIKELY(stelei_probe_unchanged(table, &probe))) {
                *value_bytes = bytes;
                return STELE_OK;
            }
        }
    } else if (outcome == STELEI_MISS && STELEI_LIKELY(stelei_probe_unchanged(table, &probe))) {
        return STELE_ENOTFOUND;
    }
    return stelei_get_again(table, key, STELEI_CAST(uint32_t, key_bytes), hash, buffer, capacity,
                            value_bytes);
}

/* STELE_OK if the key is present, STELE_ENOTFOUND if not. For tables of lists too. */
static inline enum stele_status stele_contains(const struct stele_table *table, const void *key,
                                               size_t key_bytes)
{
    if (STELEI_UNLIKELY(key_bytes > STELEI_KEY_MAX_BYTES))
        return STELE_ETOOBIG;
    if (STELEI_UNLIKELY(table->form != STELEI_FORM_BYTES && table->form != STELEI_FORM_BYTES_LISTS))
        return stelei_not_for(table);
    struct stelei_probe probe;
    uint64_t clock = 0, hash = stelei_table_hash(table, key, key_bytes);
    unsigned attempts = 0;
    return stelei_settle(table, key, STELEI_CAST(uint32_t, key_bytes), hash, &probe, &clock,
                         &attempts);
}

/*
 * A value in place: `data` is eight-byte aligned and points into the mapping. Its bytes may change
 * at any moment: read them, then ask stele_view_valid(), and only then believe what was read.
 */
struct stele_view {
    const void *data;
    size_t bytes;
    struct stelei_probe token;
    uint64_t clock;
    uint64_t incarnation; /* of its table */
};

/* A view that was never taken, or of another table than this, which the handle has become since. */
STELEI_INLINE bool stelei_view_is_of(const struct stele_view *view, const struct stele_table *table)
{
    return STELEI_LIKELY(view->data && view->incarnation == table->incarnation);
}

/* Zero-copy: cost is independent of the value's size. The view belongs to the caller and holds
 * nothing; dereference it only while the reader is attached. All zero, and so never valid, unless
 * STELE_OK. */
static inline enum stele_status stele_view_take(const struct stele_table *table, const void *key,
                                                size_t key_bytes, struct stele_view *view)
{
    memset(view, 0, sizeof *view);
    if (STELEI_UNLIKELY(key_bytes > STELEI_KEY_MAX_BYTES))
        return STELE_ETOOBIG;
    if (STELEI_UNLIKELY(table->form != STELEI_FORM_BYTES))
        return stelei_not_for(table);
    struct stelei_probe probe;
    uint64_t clock = 0, hash = stelei_table_hash(table, key, key_bytes);
    unsigned attempts = 0;
    enum stele_status status = stelei_settle(table, key, STELEI_CAST(uint32_t, key_bytes), hash,
                                             &probe, &clock, &attempts);
    if (status != STELE_OK)
        return status;
    view->data = stelei_probe_value(&probe, key_bytes);
    view->bytes = stelei_record_value_bytes(probe.meta);
    view->token = probe;
    view->clock = clock;
    view->incarnation = table->incarnation;
    return STELE_OK;
}

/*
 * True: every byte read through the view before this call was part of one value that the key held
 * when the view was taken. It may have been replaced since. False: take the view again.
 */
static inline bool stele_view_valid(const struct stele_table *table, const struct stele_view *view)
{
    return stelei_view_is_of(view, table) && (stelei_clock_untouched(table, view->clock) ||
                                              stelei_probe_unchanged(table, &view->token));
}

/*
 * True: of all that was acknowledged before this call (promise D) nothing has changed the key since the
 * view was taken; a copy that was made of it and found valid is up to date. A change that is under way,
 * or whose writer was killed over it, may be seen by lookups before it is seen here: at the latest when
 * it is acknowledged, or the segment adopted. False: the key may have changed, take the view again. One
 * or two loads, whatever the value's size.
 */
static inline bool stele_view_current(const struct stele_table *table,
                                      const struct stele_view *view)
{
    return stelei_view_is_of(view, table) && stelei_probe_unchanged(table, &view->token);
}

#endif
