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
 * dropped: open it again; STELE_EMOVED attach again; STELE_ECORRUPT the segment makes no sense.
 * Out-parameters are untouched unless said otherwise; a caller's buffer may be scribbled on by any
 * lookup that does not return STELE_OK.
 */
#ifndef STELE_READER_H
#define STELE_READER_H

#include <stele/detail/address.h>

#include "detail/lookup.h"
#include "detail/map.h"

/* A mapped segment. Owned by the caller; must outlive the tables opened from it. */
struct stele_reader {
    struct stelei_map map;
};

/*
 * Maps the segment of this name. Address space: the segment's maximum size plus 2 MiB for an
 * instant; memory: none of its own. Not for signal handlers; everything else is.
 *   STELE_ENOSEGMENT no such segment, or not finished being made   STELE_EINVAL bad name
 *   STELE_EACCES  not readable by this user   STELE_ENOMEM  address space (RLIMIT_AS) too small
 *   STELE_EVERSION made by a stele with another format   STELE_ECORRUPT  not a segment of ours
 */
static inline enum stele_status stele_reader_attach(struct stele_reader *reader, const char *name)
{
    if (!stelei_address_name_valid(name))
        return STELE_EINVAL;
    int fd = stelei_object_open(name, O_RDONLY);
    if (fd < 0)
        return stelei_map_errno(errno);
    enum stele_status status = stelei_map_attach(fd, &reader->map);
    close(fd);
    return status;
}

/* The same from an open descriptor (inherited, or received by SCM_RIGHTS), which stays the
 * caller's and may be closed afterwards. */
static inline enum stele_status stele_reader_attach_fd(struct stele_reader *reader, int fd)
{
    return stelei_map_attach(fd, &reader->map);
}

/* Unmaps. Tables opened from it, and views, must not be used any more. */
static inline void stele_reader_detach(struct stele_reader *reader)
{
    stelei_map_detach(&reader->map);
}

/* ---- tables ------------------------------------------------------------------------------- */

/* Compares a descriptor's name, word by word; the caller validates the table word afterwards. */
static inline bool stelei_table_name_is(const struct stelei_table *shared, const uint64_t *name)
{
    for (unsigned i = 0; i < STELEI_NAME_BYTES / 8; i++)
        if (stelei_load64(&shared->name[i]) != name[i])
            return false;
    return true;
}

static inline enum stele_status stelei_table_bind(const struct stele_reader *reader, uint32_t id,
                                                  uint64_t word, struct stele_table *table)
{
    const struct stelei_map *map = &reader->map;
    struct stele_table bound;
    uint64_t root_off = stelei_table_root_off(map, word);
    bound.map = *map;
    bound.shared = stelei_map_table(map, id);
    bound.word = word;
    bound.incarnation = stelei_load64(&bound.shared->incarnation);
    stelei_nop_read();
    if (stelei_load64(&bound.shared->word) != word)
        return STELE_EBUSY;
    if (root_off + sizeof(struct stelei_root) > stelei_map_limit(map))
        return STELE_ECORRUPT;
    bound.root = (const struct stelei_root *)(const void *)(map->base + root_off);
    *table = bound;
    return STELE_OK;
}

/*
 * Finds a table by name (1..63 bytes). The handle is a plain value: copy it, share it, forget it.
 * It follows stele_store_table_clear() by itself. Walks up to 512 descriptors: open once, keep it.
 *   STELE_ENOTABLE no table of that name   STELE_EMOVED the segment has a successor
 */
static inline enum stele_status stele_table_open(const struct stele_reader *reader,
                                                 const char *name, struct stele_table *table)
{
    uint64_t wanted[STELEI_NAME_BYTES / 8] = {0};
    size_t bytes = name ? strlen(name) : 0;
    if (bytes == 0 || bytes >= STELEI_NAME_BYTES)
        return STELE_EINVAL;
    memcpy(wanted, name, bytes);
    if (stelei_load64(&stelei_map_header(&reader->map)->state) == STELEI_STATE_MOVED)
        return STELE_EMOVED;
    for (unsigned attempt = 0; attempt < STELEI_ATTEMPTS; attempt++) {
        enum stele_status status = STELE_ENOTABLE;
        for (uint32_t id = 0; id < reader->map.table_capacity; id++) {
            const struct stelei_table *shared = stelei_map_table(&reader->map, id);
            uint64_t word = stelei_load64_acquire(&shared->word);
            if ((uint32_t)word == 0 || !stelei_table_name_is(shared, wanted))
                continue;
            status = stelei_table_bind(reader, id, word, table);
            break;
        }
        if (status != STELE_EBUSY)
            return status;
    }
    return STELE_EBUSY;
}

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

/*
 * Copies the value of a key into `buffer` (any alignment, NULL only with capacity 0).
 * *value_bytes is set with STELE_OK, and with STELE_ESHORT to the length that is needed (which may
 * have changed by the next call).
 */
STELEI_INLINE enum stele_status stele_get(const struct stele_table *table, const void *key,
                                          size_t key_bytes, void *buffer, size_t capacity,
                                          size_t *value_bytes)
{
    if (STELEI_UNLIKELY(key_bytes > STELEI_KEY_MAX_BYTES))
        return STELE_ETOOBIG;
    struct stelei_probe probe;
    uint64_t hash = stelei_hash(key, key_bytes, table->map.hash_seed);
    enum stelei_outcome outcome = stelei_find(table, key, (uint32_t)key_bytes, hash, &probe);
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
    return stelei_get_again(table, key, (uint32_t)key_bytes, hash, buffer, capacity, value_bytes);
}

/* STELE_OK if the key is present, STELE_ENOTFOUND if not. */
static inline enum stele_status stele_contains(const struct stele_table *table, const void *key,
                                               size_t key_bytes)
{
    if (STELEI_UNLIKELY(key_bytes > STELEI_KEY_MAX_BYTES))
        return STELE_ETOOBIG;
    struct stelei_probe probe;
    uint64_t clock = 0, hash = stelei_hash(key, key_bytes, table->map.hash_seed);
    unsigned attempts = 0;
    return stelei_settle(table, key, (uint32_t)key_bytes, hash, &probe, &clock, &attempts);
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
};

/* Zero-copy: cost is independent of the value's size. The view belongs to the caller and holds
 * nothing; dereference it only while the reader is attached. */
static inline enum stele_status stele_view_take(const struct stele_table *table, const void *key,
                                                size_t key_bytes, struct stele_view *view)
{
    if (STELEI_UNLIKELY(key_bytes > STELEI_KEY_MAX_BYTES))
        return STELE_ETOOBIG;
    struct stelei_probe probe;
    uint64_t clock = 0, hash = stelei_hash(key, key_bytes, table->map.hash_seed);
    unsigned attempts = 0;
    enum stele_status status =
        stelei_settle(table, key, (uint32_t)key_bytes, hash, &probe, &clock, &attempts);
    if (status != STELE_OK)
        return status;
    view->data = stelei_probe_value(&probe, key_bytes);
    view->bytes = stelei_record_value_bytes(probe.meta);
    view->token = probe;
    view->clock = clock;
    return STELE_OK;
}

/*
 * True: every byte read through the view before this call was part of one value that the key held
 * when the view was taken. It may have been replaced since. False: take the view again.
 */
static inline bool stele_view_valid(const struct stele_table *table, const struct stele_view *view)
{
    return stelei_clock_untouched(table, view->clock) ||
           stelei_probe_unchanged(table, &view->token);
}

#endif
