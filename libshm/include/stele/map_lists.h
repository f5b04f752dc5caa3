/*
 * map_lists.h - maps from a key to many words, in the order in which they were appended. Part of map.h,
 * which says all there is to say about threads, lifetimes and outcomes.
 *
 * Keys are passed by their bytes, elements packed as an array of their kind, or one as a number. A list
 * is never empty: the first append makes the key, and the last element takes it along.
 * stele_map_each() shows all keys with their lists as one snapshot (entry->list, read by
 * stele_store_list_span()); stele_map_contains(), retain, len and clear work on lists too.
 * STELE_ETYPE: not a map of lists, or a number that its kind does not hold.
 */
#ifndef STELE_MAP_LISTS_H
#define STELE_MAP_LISTS_H

#include <stele/map.h>

#ifdef __cplusplus
extern "C" {
#endif

/* *appended (may be NULL): fewer than `count` where the list is a set and has some already. */
static inline enum stele_status stele_map_list_append(const struct stele_map *map, const void *key,
                                                      uint32_t key_bytes, const void *elements,
                                                      uint64_t count, uint64_t *appended)
{
    return stele_store_list_append(map->store, map->table, key, key_bytes, elements, count,
                                   appended);
}
/* One element. */
enum stele_status stele_map_list_push(const struct stele_map *map, const void *key,
                                      uint32_t key_bytes, uint64_t element);

/* Elements; STELE_ENOTFOUND: no such key. */
static inline enum stele_status stele_map_list_count(const struct stele_map *map, const void *key,
                                                     uint32_t key_bytes, uint64_t *count)
{
    return stele_store_list_read(map->store, map->table, key, key_bytes, 0, STELEI_NULL, 0,
                                 STELEI_NULL, count);
}
/*
 * Copies up to `capacity` elements from number `from` on. *count (may be NULL) says how many were
 * copied, *total (may be NULL) how many there are. STELE_ENOTFOUND: no such key.
 */
static inline enum stele_status stele_map_list_read(const struct stele_map *map, const void *key,
                                                    uint32_t key_bytes, uint64_t from,
                                                    void *elements, uint64_t capacity,
                                                    uint64_t *count, uint64_t *total)
{
    return stele_store_list_read(map->store, map->table, key, key_bytes, from, elements, capacity,
                                 count, total);
}

/* Removes the first equal element. STELE_ENOTFOUND: no such key, or no such element. */
static inline enum stele_status stele_map_list_remove(const struct stele_map *map, const void *key,
                                                      uint32_t key_bytes, uint64_t element)
{
    return stele_store_list_remove(map->store, map->table, key, key_bytes, element);
}
/* Removes the first element equal to `old`, if there is one, and appends `element`, as one change. */
static inline enum stele_status stele_map_list_replace(const struct stele_map *map, const void *key,
                                                       uint32_t key_bytes, uint64_t old,
                                                       uint64_t element)
{
    return stele_store_list_replace(map->store, map->table, key, key_bytes, old, element);
}
/* Removes the last element. STELE_ENOTFOUND: no such key. */
static inline enum stele_status stele_map_list_pop(const struct stele_map *map, const void *key,
                                                   uint32_t key_bytes, uint64_t *element)
{
    return stele_store_list_pop(map->store, map->table, key, key_bytes, element);
}
/* Removes the whole list. STELE_ENOTFOUND: no such key. */
static inline enum stele_status stele_map_list_drop(const struct stele_map *map, const void *key,
                                                    uint32_t key_bytes)
{
    return map->type.value_kind < STELE_LIST
               ? STELE_ETYPE
               : stele_store_erase(map->store, map->table, key, key_bytes);
}

#ifdef __cplusplus
}
#endif

#endif
