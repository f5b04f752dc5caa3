/*
 * flat_map.h - boost::unordered_flat_map from u64 to u64, for C. flat_map_make() is NULL where boost
 * is not installed.
 */
#ifndef BENCH_FLAT_MAP_H
#define BENCH_FLAT_MAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
struct flat_map;
#ifdef BENCH_HAVE_FLAT_MAP
/* With room for n. Its memory comes from one block, so that it can get 2 MiB pages. */
struct flat_map *flat_map_make(uint64_t n);
void flat_map_insert(struct flat_map *map, uint64_t key, uint64_t value);
/* Turns its memory into 2 MiB pages. NULL is allowed. */
void flat_map_collapse(struct flat_map *map);
/* Looks each key up; how many have the value that their number should have. */
uint64_t flat_map_count_right(struct flat_map *map, const uint64_t *keys, const uint64_t *numbers,
                              uint64_t count, uint64_t (*value_of)(uint64_t number));
#else
static inline struct flat_map *flat_map_make(uint64_t n)
{
    (void)n;
    return NULL;
}
static inline void flat_map_insert(struct flat_map *map, uint64_t key, uint64_t value)
{
    (void)map, (void)key, (void)value;
}
static inline void flat_map_collapse(struct flat_map *map)
{
    (void)map;
}
static inline uint64_t flat_map_count_right(struct flat_map *map, const uint64_t *keys,
                                            const uint64_t *numbers, uint64_t count,
                                            uint64_t (*value_of)(uint64_t number))
{
    (void)map, (void)keys, (void)numbers, (void)count, (void)value_of;
    return 0;
}
#endif
#ifdef __cplusplus
}
#endif

#endif
