/*
 * map_typed.h - maps of words and maps of structs. Part of map.h, which says all there is to say about
 * threads, lifetimes and outcomes.
 *
 * Words are passed as uint64_t whatever their kind: a narrower one is widened with zeros, an i64 is its
 * two's complement, an f64 its bits. STELE_ETYPE: the map has not both words as keys and words as
 * values, or a number is too large for its kind.
 */
#ifndef STELE_MAP_TYPED_H
#define STELE_MAP_TYPED_H

#include <stele/map.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- words -------------------------------------------------------------------------------------- */

/* Inserts, or replaces what the key held: *old (may be NULL) becomes that, *had (may be NULL) says
 * whether there was any. */
static inline enum stele_status stele_map_word_insert(const struct stele_map *map, uint64_t key,
                                                      uint64_t value, uint64_t *old, bool *had)
{
    return stele_store_word_put(map->store, map->table, key, value, old, had);
}
/* STELE_ENOTFOUND. `old` may be NULL. */
static inline enum stele_status stele_map_word_remove(const struct stele_map *map, uint64_t key,
                                                      uint64_t *old)
{
    return stele_store_word_erase(map->store, map->table, key, old);
}
/* STELE_ENOTFOUND. */
static inline enum stele_status stele_map_word_get(const struct stele_map *map, uint64_t key,
                                                   uint64_t *value)
{
    return stele_store_word_find(map->store, map->table, key, value);
}
/* STELE_OK or STELE_ENOTFOUND. */
static inline enum stele_status stele_map_word_contains(const struct stele_map *map, uint64_t key)
{
    uint64_t value;
    return stele_store_word_find(map->store, map->table, key, &value);
}

/* What the key holds, in *value; where it holds nothing, it gets *value. *existed (may be NULL): which
 * of the two. */
static inline enum stele_status stele_map_word_get_or_insert(const struct stele_map *map,
                                                             uint64_t key, uint64_t *value,
                                                             bool *existed)
{
    enum stele_status status = stele_store_word_insert(map->store, map->table, key, value);
    if (status != STELE_OK && status != STELE_EEXIST)
        return status;
    if (existed)
        *existed = status == STELE_EEXIST;
    return STELE_OK;
}

typedef uint64_t (*stele_map_make_word)(void *context);
/* The same with a value that is made only if it is needed: by one of all threads that ask for the key,
 * and once. */
enum stele_status stele_map_word_get_or_insert_with(const struct stele_map *map, uint64_t key,
                                                    stele_map_make_word make, void *context,
                                                    uint64_t *value, bool *existed);

/* Read, modify, write: `decide` sees the value, if there is one, and keeps, replaces or erases it. */
static inline enum stele_status stele_map_word_alter(const struct stele_map *map, uint64_t key,
                                                     stele_store_decide_word decide, void *context)
{
    return stele_store_word_update(map->store, map->table, key, decide, context);
}

/* The word that an entry of a walk holds as its value. */
static inline uint64_t stele_map_word_of(const struct stele_store_entry *entry)
{
    uint64_t word = 0; /* little-endian, as all words in memory */
    if (entry->value_bytes <= sizeof word)
        memcpy(&word, entry->value, entry->value_bytes);
    return word;
}

/* ---- structs -------------------------------------------------------------------------------------
 * Of a size that is checked against the table's: STELE_ETYPE for another one, or another kind of value.
 */

static inline bool stelei_map_has_structs(const struct stele_map *map, size_t object_bytes)
{
    return map->type.value_kind == STELE_STRUCT && map->type.value_bytes == object_bytes;
}

/* `old` (may be NULL) is as large; *had (may be NULL) says whether it was filled. */
static inline enum stele_status stele_map_struct_insert(const struct stele_map *map,
                                                        const void *key, uint32_t key_bytes,
                                                        const void *object, size_t object_bytes,
                                                        void *old, bool *had)
{
    struct stele_map_value value = stele_map_buffer(old, object_bytes);
    if (!stelei_map_has_structs(map, object_bytes))
        return STELE_ETYPE;
    enum stele_status status =
        stele_map_insert(map, key, key_bytes, object, STELEI_CAST(uint32_t, object_bytes), &value);
    if (status == STELE_OK && had)
        *had = value.present;
    return status;
}

/* STELE_ENOTFOUND. */
static inline enum stele_status stele_map_struct_get(const struct stele_map *map, const void *key,
                                                     uint32_t key_bytes, void *object,
                                                     size_t object_bytes)
{
    struct stele_map_value value = stele_map_buffer(object, object_bytes);
    return stelei_map_has_structs(map, object_bytes) ? stele_map_get(map, key, key_bytes, &value)
                                                     : STELE_ETYPE;
}

/* STELE_ENOTFOUND. `old` may be NULL. */
static inline enum stele_status stele_map_struct_remove(const struct stele_map *map,
                                                        const void *key, uint32_t key_bytes,
                                                        void *old, size_t object_bytes)
{
    struct stele_map_value value = stele_map_buffer(old, object_bytes);
    return stelei_map_has_structs(map, object_bytes) ? stele_map_remove(map, key, key_bytes, &value)
                                                     : STELE_ETYPE;
}

/* What the key holds, in *object; where it holds nothing, it gets *object. *existed (may be NULL):
 * which of the two. */
static inline enum stele_status stele_map_struct_get_or_insert(const struct stele_map *map,
                                                               const void *key, uint32_t key_bytes,
                                                               void *object, size_t object_bytes,
                                                               bool *existed)
{
    struct stele_map_value value = stele_map_buffer(object, object_bytes);
    if (!stelei_map_has_structs(map, object_bytes))
        return STELE_ETYPE;
    enum stele_status status = stele_map_get_or_insert(map, key, key_bytes, object,
                                                       STELEI_CAST(uint32_t, object_bytes), &value);
    if (status == STELE_OK && existed)
        *existed = value.present;
    return status;
}

#ifdef __cplusplus
}
#endif

#endif
