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
 * Lookups (stele_get, stele_get_many, stele_contains, stele_view_take, stele_view_valid): no system
 * call, no lock, no allocation, no waiting. Threads: a handle is constant after opening, any number
 * of threads may share it. Fork: the child goes on using it. Signal handlers: may call lookups.
 * Ordering (promises C, D): a lookup returns what the key held at one instant between call and
 * return, and everything that was acknowledged to this thread before the call.
 * Progress (promise E): at most 64 attempts, then STELE_EBUSY - seen only when a writer changes the
 * very bucket faster than it can be read.
 *
 * Common outcomes: STELE_ENOTFOUND no such key; STELE_EBUSY see above; STELE_EDROPPED the table was
 * dropped: open it again; STELE_EMOVED attach again; STELE_ECORRUPT the segment makes no sense.
 * Out-parameters are untouched unless said otherwise; a caller's buffer may be scribbled on by any
 * lookup that does not return STELE_OK.
 */
#ifndef STELE_READER_H
#define STELE_READER_H

#include <time.h>

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
    if (!stelei_name_valid(name))
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
        stelei_copy_out(buffer, stelei_probe_value(&probe), bytes);
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
static inline enum stele_status stele_get(const struct stele_table *table, const void *key,
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
            stelei_copy_out(buffer, stelei_probe_value(&probe), bytes);
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
    view->data = stelei_probe_value(&probe);
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

/* One key of a batch. */
struct stele_lookup {
    const void *key; /* in */
    size_t key_bytes;
    void *buffer;
    size_t capacity;
    size_t value_bytes;       /* out, as in stele_get() */
    enum stele_status status; /* out: each key is a lookup of its own */
};

#define STELEI_GROUP 32u

/* What one stage of a batch leaves to the next. */
struct stelei_ahead {
    uint64_t hash;
    uint64_t bucket;
    struct stelei_probe probe; /* head NULL: left to stele_get() */
    uint64_t off;              /* of the record that may be it; 0 = none has the tag */
};

/* Stage 1: where the key's bucket should be; asks for its line. */
STELEI_INLINE void stelei_ahead_bucket(const struct stele_table *table, uint64_t geometry,
                                       uint64_t limit, const struct stele_lookup *lookup,
                                       struct stelei_ahead *ahead)
{
    ahead->hash = stelei_hash(lookup->key, lookup->key_bytes, table->map.hash_seed);
    ahead->bucket = stelei_geometry_bucket(geometry, ahead->hash);
    uint64_t off = stelei_bucket_off(&table->map, table->root, ahead->bucket, limit);
    ahead->probe.place.head = off ? stelei_bucket_at(&table->map, off) : NULL;
    __builtin_prefetch(ahead->probe.place.head);
}

/* Stage 2: the one record that may be it; asks for its lines. */
STELEI_INLINE void stelei_ahead_record(const struct stele_table *table, uint64_t limit,
                                       struct stelei_ahead *ahead)
{
    const struct stelei_bucket *head = ahead->probe.place.head;
    ahead->off = 0;
    if (STELEI_UNLIKELY(!head))
        return;
    uint64_t word = stelei_sequence_begin(&head->sequence);
    unsigned depth = stelei_sequence_depth(word);
    ahead->probe.place.word = word;
    if (STELEI_UNLIKELY(depth == 0 || stelei_depth_bucket(ahead->hash, depth) != ahead->bucket)) {
        ahead->probe.place.head = NULL;
        return;
    }
    uint64_t match = stelei_line_match(head, word, stelei_hash_tag(ahead->hash));
    if (match == 0)
        return;
    uint32_t ref = stelei_load32_dependent(&head->ref[__builtin_ctzll(match)]);
    ahead->off = stelei_ref_off(&table->map, ref);
    if (STELEI_LIKELY(ahead->off - 1 < limit - 8)) {
        __builtin_prefetch(table->map.base + ahead->off);
        __builtin_prefetch(table->map.base + ahead->off + 55);
    }
}

/* Stage 3: as stele_get(), from where the stages have come. false: not settled by them. */
STELEI_INLINE bool stelei_ahead_finish(const struct stele_table *table, uint64_t limit,
                                       struct stelei_ahead *ahead, struct stele_lookup *lookup)
{
    struct stelei_probe *probe = &ahead->probe;
    if (STELEI_UNLIKELY(!probe->place.head))
        return false;
    if (ahead->off == 0) {
        lookup->status = STELE_ENOTFOUND;
        return stelei_load32_dependent(&probe->place.head->link) == 0 &&
               stelei_probe_unchanged(table, probe);
    }
    if (STELEI_UNLIKELY(stelei_record_match(&table->map, ahead->off, limit, lookup->key,
                                            (uint32_t)lookup->key_bytes, probe) != STELEI_HIT))
        return false;
    size_t bytes = stelei_record_value_bytes(probe->meta);
    if (STELEI_UNLIKELY(bytes > lookup->capacity || bytes > STELEI_LARGE_BYTES))
        return false;
    stelei_copy_out(lookup->buffer, stelei_probe_value(probe), bytes);
    lookup->value_bytes = bytes;
    lookup->status = STELE_OK;
    return stelei_probe_unchanged(table, probe);
}

/* Up to STELEI_GROUP keys, in stages, under the table word that the handle was opened with. */
static inline void stelei_get_staged(const struct stele_table *table, uint64_t word,
                                     struct stele_lookup *lookups, size_t n)
{
    struct stelei_ahead ahead[STELEI_GROUP];
    uint64_t limit = stelei_map_limit(&table->map);
    uint64_t geometry = stelei_load64(&table->root->geometry);
    for (size_t i = 0; i < n; i++)
        stelei_ahead_bucket(table, geometry, limit, &lookups[i], &ahead[i]);
    for (size_t i = 0; i < n; i++)
        stelei_ahead_record(table, limit, &ahead[i]);
    for (size_t i = 0; i < n; i++) {
        struct stele_lookup *l = &lookups[i];
        ahead[i].probe.table_word = word;
        if (STELEI_UNLIKELY(!stelei_ahead_finish(table, limit, &ahead[i], l)))
            l->status =
                stele_get(table, l->key, l->key_bytes, l->buffer, l->capacity, &l->value_bytes);
    }
}

/* Keys of up to STELEI_GROUP lookups, none longer than a key may be. */
static inline size_t stelei_get_group(const struct stele_table *table, struct stele_lookup *lookups,
                                      size_t n)
{
    size_t found = 0;
    uint64_t word = stelei_load64_acquire(&table->shared->word);
    if (STELEI_LIKELY(word == table->word && n > 0))
        stelei_get_staged(table, word, lookups, n);
    else /* cleared since it was opened: key by key */
        for (size_t i = 0; i < n; i++) {
            struct stele_lookup *l = &lookups[i];
            l->status =
                stele_get(table, l->key, l->key_bytes, l->buffer, l->capacity, &l->value_bytes);
        }
    for (size_t i = 0; i < n; i++)
        found += lookups[i].status == STELE_OK;
    return found;
}

/*
 * Looks up n keys with their cache misses side by side. Every key is a lookup of its own (no common
 * instant). Returns how many were found; each lookup's status says the rest. Best in groups of 16
 * or 32; any n is allowed.
 */
static inline size_t stele_get_many(const struct stele_table *table, struct stele_lookup *lookups,
                                    size_t n)
{
    size_t found = 0;
    for (size_t done = 0; done < n;) {
        size_t group = 0;
        while (group < STELEI_GROUP && done + group < n &&
               lookups[done + group].key_bytes <= STELEI_KEY_MAX_BYTES)
            group++;
        found += stelei_get_group(table, &lookups[done], group);
        done += group;
        if (group < STELEI_GROUP && done < n)
            lookups[done++].status = STELE_ETOOBIG;
    }
    return found;
}

/* ---- the segment's state ------------------------------------------------------------------ */

/* Entries of a table, as last published: exact while nobody writes. */
static inline enum stele_status stele_table_count(const struct stele_table *table,
                                                  uint64_t *entries)
{
    uint64_t word = stelei_load64_acquire(&table->shared->word);
    const struct stelei_root *root = table->root;
    if (word != table->word)
        root = stelei_root_follow(table, word, stelei_map_limit(&table->map));
    if (!root)
        return stelei_gone(table);
    *entries = stelei_load64(&root->entries);
    return STELE_OK;
}

struct stele_reader_stats {
    uint64_t max_bytes;
    uint64_t committed_bytes;
    uint64_t epoch; /* which writer: one more at each adoption */
    uint64_t applied_lsn;
    uint64_t retired; /* blocks given up, and given out again, since the segment was made */
    uint64_t recycled;
    uint64_t heartbeat_ms; /* wall clock of the writer's last sign of life; 0: it gives none */
    uint32_t tables;
    bool closed; /* its writer closed it in order */
};

/* A snapshot of counters, each current, not taken at one instant. */
static inline void stele_reader_get_stats(const struct stele_reader *reader,
                                          struct stele_reader_stats *stats)
{
    const struct stelei_header *header = stelei_map_header(&reader->map);
    stats->max_bytes = reader->map.length;
    stats->committed_bytes = stelei_map_limit(&reader->map);
    stats->epoch = stelei_load64(&header->epoch);
    stats->applied_lsn = stelei_load64(&header->applied_lsn);
    stats->retired = stelei_load64(&header->retired);
    stats->recycled = stelei_load64(&header->recycled);
    stats->heartbeat_ms = stelei_load64(&header->heartbeat_ms);
    stats->closed = stelei_load64(&header->state) == STELEI_STATE_CLEAN;
    stats->tables = 0;
    for (uint32_t id = 0; id < reader->map.table_capacity; id++)
        stats->tables += (uint32_t)stelei_load64(&stelei_map_table(&reader->map, id)->word) != 0;
}

/*
 * Milliseconds since the writer last said that it is alive; 0 when its clock is ahead of ours.
 * UINT64_MAX: it never said so. Values grow when the daemon is stopped, dead or stuck; what is in
 * the segment stays readable all the same. Asks CLOCK_REALTIME_COARSE (no system call with a vDSO).
 */
static inline uint64_t stele_reader_staleness_ms(const struct stele_reader *reader)
{
    uint64_t beat = stelei_load64(&stelei_map_header(&reader->map)->heartbeat_ms);
    struct timespec now;
    if (beat == 0 || clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0)
        return UINT64_MAX;
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
    return now_ms > beat ? now_ms - beat : 0;
}

#endif
