/*
 * map.h - a table of an embedded store as a map: what a program that used a map of its own library
 * calls instead. libshm/README.md has the old calls beside the new ones.
 *
 *     struct stele_map stock;
 *     uint64_t pieces = 0;
 *     if (stele_map_new(stele_type_of(STELE_U64, STELE_U64), &stock) == STELE_OK) {
 *         stele_map_word_insert(&stock, 4711, 12, NULL, NULL);
 *         stele_map_word_get(&stock, 4711, &pieces);
 *         stele_map_close(&stock);
 *     }
 *
 * A thin layer over store.h, and nothing that store.h could not do: what only forwards stands here,
 * inline, so that it costs nothing; what needs a function of its own to run under the store's mutex
 * is in the library. Included at the end: map_typed.h (words and structs), map_lists.h, map_entry.h.
 *
 * Threads: each call is one step for all other threads and for readers, under the store's mutex;
 * several may share a map, unless its store was opened with `unlocked`. Functions that are passed in
 * run under that mutex: they must not call the store. Readers, in this process or in others, attach
 * to the segment (stele_store_fd(), reader.h) and need no lock.
 * Fork: what store.h says; STELE_EFORKED in a child. A map that was closed, or is all zero, is told
 * STELE_EINVAL.
 * Lifetime: a map is a plain value, copied at will; it is good until its store is closed or its table
 * dropped. What is returned by pointer lives until the next change of the store by any thread.
 * Outcomes: as in store.h. STELE_ENOTABLE: the table was dropped. A call that fails has changed nothing.
 */
#ifndef STELE_MAP_H
#define STELE_MAP_H

#include <stele/store.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stele_map {
    struct stele_store *store;
    uint32_t table;
    bool owned; /* stele_map_close() closes the store */
    struct stele_type type;
};

/* ---- making and opening ----------------------------------------------------------------------- */

/* All zero but for the type: in memory, growing by itself. */
struct stele_map_options {
    struct stele_store_options store; /* the segment's name (NULL: in memory), its size and so on */
    struct stele_table_options as;    /* the table's type and its maximum of entries */
    const char *table;                /* its name; NULL: "map" */
    /* room made ahead, see stele_store_table_reserve(): all three, or none */
    uint64_t entries;
    uint64_t key_bytes;
    uint64_t value_bytes;
};

/*
 * Creates the map, or opens it with what it holds: the segment and the table in it. `detail` (may be
 * NULL) receives one line about a failure.
 *   STELE_ETYPE   the table has another type or maximum of entries
 *   STELE_EINVAL  one or two of the capacities are 0, and what stele_store_open() says of it
 *   STELE_ENOSPC  the segment is too small for the capacities
 *   others        as of stele_store_open(), stele_store_table_create()
 */
enum stele_status stele_map_open(const struct stele_map_options *options, struct stele_map *map,
                                 char *detail, size_t detail_bytes);
/* Only what is there already: STELE_ENOSEGMENT and STELE_ENOTABLE where it is not; nothing is made. */
enum stele_status stele_map_load(const struct stele_map_options *options, struct stele_map *map,
                                 char *detail, size_t detail_bytes);

/* A map of this type in memory. */
enum stele_status stele_map_new(struct stele_type type, struct stele_map *map);
/* The same with room for so many entries, whose keys and values have so many bytes in all; each is
 * rounded up to a power of two. STELE_EINVAL: one of them is 0. */
enum stele_status stele_map_with_capacity(struct stele_type type, uint64_t entries,
                                          uint64_t key_bytes, uint64_t value_bytes,
                                          struct stele_map *map);

/* A map in a store that is open, created or opened as it stands; the store stays the caller's. NULL
 * options: byte strings -> byte strings. STELE_ETYPE, STELE_EINVAL, STELE_EHASH, STELE_ETABLES. */
enum stele_status stele_map_in(struct stele_store *store, const char *table,
                               const struct stele_table_options *options, struct stele_map *map);
/* One that exists, whatever its type: map->type says which. STELE_ENOTABLE. */
enum stele_status stele_map_bind(struct stele_store *store, const char *table,
                                 struct stele_map *map);

/* Closes the store if the map has brought it about. A named segment stays for stele_map_load(), until
 * stele_store_unlink(). */
void stele_map_close(struct stele_map *map);

/* ---- values as bytes ---------------------------------------------------------------------------
 * Keys and values by their bytes (type.h): words have as many as their kind, structs their size. Where
 * values come out, they are copied into a buffer of the caller's.
 */

/* `data` may be NULL where only the length and the presence matter. */
struct stele_map_value {
    void *data;
    size_t capacity;
    size_t bytes; /* of the value; with STELE_ESHORT: what is needed. 0 where there is none */
    bool present; /* whether there is, or was, a value */
};

static inline struct stele_map_value stele_map_buffer(void *data, size_t capacity)
{
    struct stele_map_value value;
    value.data = data;
    value.capacity = capacity;
    value.bytes = 0;
    value.present = false;
    return value;
}

/* `old` (may be NULL) receives what the key held. STELE_ESHORT: it does not fit, nothing was changed. */
enum stele_status stele_map_insert(const struct stele_map *map, const void *key, uint32_t key_bytes,
                                   const void *value, uint32_t value_bytes,
                                   struct stele_map_value *old);
/* STELE_ENOTFOUND. STELE_ESHORT: the old value does not fit into `old` (may be NULL), it stays. */
enum stele_status stele_map_remove(const struct stele_map *map, const void *key, uint32_t key_bytes,
                                   struct stele_map_value *old);
/* STELE_ENOTFOUND, STELE_ESHORT. */
enum stele_status stele_map_get(const struct stele_map *map, const void *key, uint32_t key_bytes,
                                struct stele_map_value *value);
/* STELE_OK or STELE_ENOTFOUND. Also for lists. */
enum stele_status stele_map_contains(const struct stele_map *map, const void *key,
                                     uint32_t key_bytes);

/*
 * What the key holds; where it holds nothing, it gets `value`. `held` (may be NULL): what it holds
 * from now on, `present` whether it did before. STELE_ESHORT: that does not fit, nothing was changed.
 */
enum stele_status stele_map_get_or_insert(const struct stele_map *map, const void *key,
                                          uint32_t key_bytes, const void *value,
                                          uint32_t value_bytes, struct stele_map_value *held);

/* Makes a value that lives until the call returns. What is not STELE_OK becomes the call's outcome. */
typedef enum stele_status (*stele_map_make)(void *context, const void **value,
                                            uint32_t *value_bytes);
/* The same with a value that is made only if it is needed: by one of all threads that ask for the key,
 * and once, unless its outcome, or STELE_ESHORT, is why the key holds nothing yet. */
enum stele_status stele_map_get_or_insert_with(const struct stele_map *map, const void *key,
                                               uint32_t key_bytes, stele_map_make make,
                                               void *context, struct stele_map_value *held);

/* Read, modify, write: `decide` sees the value (NULL: none), and keeps, replaces or erases it. */
static inline enum stele_status stele_map_alter(const struct stele_map *map, const void *key,
                                                uint32_t key_bytes, stele_store_decide decide,
                                                void *context)
{
    return stele_store_update(map->store, map->table, key, key_bytes, decide, context);
}

/* ---- all entries ------------------------------------------------------------------------------- */

/* Keeps an entry (true) or lets it go. */
typedef bool (*stele_map_keep)(void *context, const struct stele_store_entry *entry);
/* Asks about each entry, as one step. *removed (may be NULL): how many went. Also for lists. */
enum stele_status stele_map_retain(const struct stele_map *map, stele_map_keep keep, void *context,
                                   uint64_t *removed);

/* Shows all entries as of one instant; see stele_store_each(). */
static inline enum stele_status stele_map_each(const struct stele_map *map, stele_store_visit visit,
                                               void *context)
{
    return stele_store_each(map->store, map->table, visit, context);
}

/* The next entry, from a cursor of zeros on; STELE_EEND. For programs of one thread, or of several
 * that only look: between two calls nothing may change but as stele_store_next() says. */
static inline enum stele_status stele_map_next(const struct stele_map *map,
                                               struct stele_store_cursor *cursor,
                                               struct stele_store_entry *entry)
{
    return stele_store_next(map->store, map->table, cursor, entry);
}
/* A word key is copied to where it lives, *word; byte strings stay in the segment. */
static inline enum stele_status stele_map_next_key(const struct stele_map *map,
                                                   struct stele_store_cursor *cursor,
                                                   uint64_t *word, const void **key,
                                                   uint32_t *key_bytes)
{
    struct stele_store_entry entry;
    enum stele_status status = stele_store_next(map->store, map->table, cursor, &entry);
    if (status != STELE_OK)
        return status;
    *word = entry.word;
    *key = stele_type_has_word_keys(&map->type) ? word : entry.key;
    *key_bytes = entry.key_bytes;
    return STELE_OK;
}
static inline enum stele_status stele_map_next_value(const struct stele_map *map,
                                                     struct stele_store_cursor *cursor,
                                                     const void **value, uint32_t *value_bytes)
{
    struct stele_store_entry entry;
    enum stele_status status = stele_store_next(map->store, map->table, cursor, &entry);
    if (status != STELE_OK)
        return status;
    *value = entry.value;
    *value_bytes = entry.value_bytes;
    return STELE_OK;
}

/* ---- sizes ------------------------------------------------------------------------------------- */

static inline enum stele_status stele_map_stats(const struct stele_map *map,
                                                struct stele_store_table_stats *stats)
{
    return stele_store_get_table_stats(map->store, map->table, stats);
}
/* Entries; 0 of a dropped table. */
static inline uint64_t stele_map_len(const struct stele_map *map)
{
    struct stele_store_table_stats stats;
    return stele_map_stats(map, &stats) == STELE_OK ? stats.entries : 0;
}
static inline bool stele_map_is_empty(const struct stele_map *map)
{
    return stele_map_len(map) == 0;
}
/* Slots of the buckets there are. The map grows by itself, a bucket at a time, when three quarters of
 * them are taken: no insert pays for more than two buckets. */
static inline uint64_t stele_map_capacity(const struct stele_map *map)
{
    struct stele_store_table_stats stats;
    return stele_map_stats(map, &stats) == STELE_OK ? stats.slots : 0;
}
/* Entries for each of these slots; growth keeps it at 0.75 or below. */
static inline double stele_map_load_factor(const struct stele_map *map)
{
    struct stele_store_table_stats stats;
    return stele_map_stats(map, &stats) == STELE_OK
               ? STELEI_CAST(double, stats.entries) / STELEI_CAST(double, stats.slots)
               : 0.0;
}
static inline enum stele_status stele_map_reserve(const struct stele_map *map, uint64_t entries,
                                                  uint64_t key_bytes, uint64_t value_bytes)
{
    return stele_store_table_reserve(map->store, map->table, entries, key_bytes, value_bytes);
}
/* Microseconds, whatever the size: see stele_store_table_clear(). */
static inline enum stele_status stele_map_clear(const struct stele_map *map)
{
    return stele_store_table_clear(map->store, map->table);
}

#ifdef __cplusplus
}
#endif

#include <stele/map_entry.h>
#include <stele/map_lists.h>
#include <stele/map_typed.h>

#endif
