/*
 * reference.h - the plain map that a store is compared with: chained, keys copied, values known by
 * the number they are made from (random_bytes()) and their length. As simple as can be.
 */
#ifndef SUPPORT_REFERENCE_H
#define SUPPORT_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REFERENCE_BUCKETS 4096u

struct reference_entry {
    struct reference_entry *next;
    uint64_t value_number;
    uint32_t value_bytes;
    uint32_t key_bytes;
    unsigned met; /* by the scan under way */
    uint8_t key[256];
};

struct reference {
    struct reference_entry *bucket[REFERENCE_BUCKETS];
    uint64_t entries;
    uint64_t payload_bytes;
};

static inline struct reference_entry **reference_at(struct reference *map, const uint8_t *key,
                                                    uint32_t key_bytes)
{
    uint32_t hash = key_bytes;
    for (uint32_t i = 0; i < key_bytes; i++)
        hash = (hash ^ key[i]) * 16777619u;
    struct reference_entry **at = &map->bucket[hash % REFERENCE_BUCKETS];
    while (*at && ((*at)->key_bytes != key_bytes || memcmp((*at)->key, key, key_bytes) != 0))
        at = &(*at)->next;
    return at;
}

static inline struct reference_entry *reference_find(struct reference *map, const uint8_t *key,
                                                     uint32_t key_bytes)
{
    return *reference_at(map, key, key_bytes);
}

/* Keys up to 256 bytes. */
static inline void reference_put(struct reference *map, const uint8_t *key, uint32_t key_bytes,
                                 uint64_t value_number, uint32_t value_bytes)
{
    struct reference_entry **at = reference_at(map, key, key_bytes);
    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at == NULL)
            abort();
        memcpy((*at)->key, key, key_bytes);
        (*at)->key_bytes = key_bytes;
        map->entries++;
        map->payload_bytes += key_bytes;
    } else {
        map->payload_bytes -= (*at)->value_bytes;
    }
    (*at)->value_number = value_number;
    (*at)->value_bytes = value_bytes;
    map->payload_bytes += value_bytes;
}

static inline bool reference_erase(struct reference *map, const uint8_t *key, uint32_t key_bytes)
{
    struct reference_entry **at = reference_at(map, key, key_bytes), *gone = *at;
    if (gone == NULL)
        return false;
    *at = gone->next;
    map->entries--;
    map->payload_bytes -= (uint64_t)gone->key_bytes + gone->value_bytes;
    free(gone);
    return true;
}

static inline void reference_clear(struct reference *map)
{
    for (unsigned i = 0; i < REFERENCE_BUCKETS; i++)
        while (map->bucket[i]) {
            struct reference_entry *gone = map->bucket[i];
            map->bucket[i] = gone->next;
            free(gone);
        }
    map->entries = map->payload_bytes = 0;
}

#endif
