#include "segment.h"

#include <stdlib.h>
#include <string.h>

static void segment_count(const struct stelei_root *root, struct segment_table *table)
{
    uint64_t lines = stelei_load64(&root->lines), buckets = stelei_load64(&root->buckets);
    table->entries = stelei_load64(&root->entries);
    table->overflow = stelei_load64(&root->overflow);
    table->slots =
        (buckets + lines) *
        (stele_type_has_word_keys(&table->type) ? STELEI_WORD_SLOTS : STELEI_BYTES_SLOTS);
    table->index_bytes = (buckets + lines) * STELEI_BUCKET_BYTES;
    table->record_bytes = stelei_load64(&root->record_bytes);
    table->payload_bytes = stelei_load64(&root->payload_bytes);
}

/* false: there is none, or it changed on the way. */
static bool segment_read(const struct stelei_map *map, uint32_t id, struct segment_table *table)
{
    const struct stelei_table *shared = stelei_map_table(map, id);
    uint64_t word = stelei_load64_acquire(&shared->word);
    uint64_t root_off = stelei_table_root_off(map, word);
    if ((uint32_t)word == 0 || root_off + sizeof(struct stelei_root) > stelei_map_limit(map))
        return false;
    for (unsigned i = 0; i < STELEI_NAME_BYTES / 8; i++) {
        uint64_t part = stelei_load64(&shared->name[i]);
        memcpy(table->name + i * 8, &part, 8);
    }
    table->name[STELEI_NAME_BYTES - 1] = 0;
    table->type = stele_type_from_word(stelei_load64(&shared->type));
    table->max_entries = stelei_load64(&shared->max_entries);
    segment_count((const struct stelei_root *)(const void *)(map->base + root_off), table);
    stelei_nop_read();
    return stelei_load64(&shared->word) == word;
}

static int segment_by_name(const void *one, const void *other)
{
    return strcmp(((const struct segment_table *)one)->name,
                  ((const struct segment_table *)other)->name);
}

void segment_list(const struct stele_reader *reader, struct segment_tables *tables)
{
    const struct stelei_map *map = &reader->map;
    tables->count = 0;
    for (uint32_t id = 0; id < map->table_capacity && tables->count < STELEI_TABLE_CAPACITY; id++) {
        struct segment_table *table = &tables->table[tables->count];
        for (unsigned attempt = 0; attempt < STELEI_ATTEMPTS; attempt++) {
            if (segment_read(map, id, table)) {
                tables->count++;
                break;
            }
            if ((uint32_t)stelei_load64(&stelei_map_table(map, id)->word) == 0)
                break;
        }
    }
    qsort(tables->table, tables->count, sizeof(tables->table[0]), segment_by_name);
}
