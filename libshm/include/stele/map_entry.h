/*
 * map_entry.h - a key of a map, and whether it held something when it was looked at. Part of map.h,
 * which says all there is to say about threads, lifetimes and outcomes.
 *
 * An entry holds no lock: each call decides anew, as one step, so that or_insert never overwrites,
 * whatever other threads do meanwhile. Any table but one of lists.
 */
#ifndef STELE_MAP_ENTRY_H
#define STELE_MAP_ENTRY_H

#include <stele/map.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The map and the key are the caller's and must outlive the entry. */
struct stele_map_entry {
    const struct stele_map *map;
    const void *key;
    uint32_t key_bytes;
    bool occupied;
};

/* STELE_OK whether the key holds something or not. STELE_ETYPE, STELE_ETOOBIG. */
static inline enum stele_status stele_map_entry_of(const struct stele_map *map, const void *key,
                                                   uint32_t key_bytes,
                                                   struct stele_map_entry *entry)
{
    struct stele_map_value value = stele_map_buffer(STELEI_NULL, 0);
    enum stele_status status = stele_map_get(map, key, key_bytes, &value);
    if (status != STELE_OK && status != STELE_ENOTFOUND)
        return status;
    entry->map = map;
    entry->key = key;
    entry->key_bytes = key_bytes;
    entry->occupied = value.present;
    return STELE_OK;
}

static inline bool stele_map_entry_is_occupied(const struct stele_map_entry *entry)
{
    return entry->occupied;
}
static inline bool stele_map_entry_is_vacant(const struct stele_map_entry *entry)
{
    return !entry->occupied;
}
static inline const void *stele_map_entry_key(const struct stele_map_entry *entry,
                                              uint32_t *key_bytes)
{
    *key_bytes = entry->key_bytes;
    return entry->key;
}

/* As stele_map_get(). */
static inline enum stele_status stele_map_entry_get(const struct stele_map_entry *entry,
                                                    struct stele_map_value *value)
{
    return stele_map_get(entry->map, entry->key, entry->key_bytes, value);
}

static inline enum stele_status stelei_map_entry_filled(struct stele_map_entry *entry,
                                                        enum stele_status status)
{
    if (status == STELE_OK)
        entry->occupied = true;
    return status;
}

/* As stele_map_insert(): overwrites. */
static inline enum stele_status stele_map_entry_insert(struct stele_map_entry *entry,
                                                       const void *value, uint32_t value_bytes,
                                                       struct stele_map_value *old)
{
    return stelei_map_entry_filled(
        entry, stele_map_insert(entry->map, entry->key, entry->key_bytes, value, value_bytes, old));
}

/* As stele_map_get_or_insert(): does not. */
static inline enum stele_status stele_map_entry_or_insert(struct stele_map_entry *entry,
                                                          const void *value, uint32_t value_bytes,
                                                          struct stele_map_value *held)
{
    return stelei_map_entry_filled(entry,
                                   stele_map_get_or_insert(entry->map, entry->key, entry->key_bytes,
                                                           value, value_bytes, held));
}

/* As stele_map_get_or_insert_with(). */
static inline enum stele_status stele_map_entry_or_insert_with(struct stele_map_entry *entry,
                                                               stele_map_make make, void *context,
                                                               struct stele_map_value *held)
{
    return stelei_map_entry_filled(entry, stele_map_get_or_insert_with(entry->map, entry->key,
                                                                       entry->key_bytes, make,
                                                                       context, held));
}

#ifdef __cplusplus
}
#endif

#endif
