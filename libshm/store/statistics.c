#include "statistics.h"
#include "index.h"

struct index_size {
    uint64_t bytes;
    unsigned granule_shift;
};

static void add_block(void *context, uint64_t off, uint64_t bytes)
{
    struct index_size *size = context;
    (void)off;
    size->bytes += stelei_block_bytes(bytes, size->granule_shift);
}

void statistics_of_table(const struct catalog *catalog, const struct table *table,
                         struct stele_store_table_stats *stats)
{
    struct segment *segment = catalog->arena->segment;
    const struct stelei_table *shared = &catalog->shared[table - catalog->table];
    uint64_t lines = stelei_load64(&table->root->lines);
    struct index_size size = {lines * STELEI_BUCKET_BYTES, segment->map.granule_shift};
    index_blocks(segment, table->root_off, table->buckets, add_block, &size);
    memcpy(stats->name, shared->name, sizeof(shared->name));
    stats->type = stele_type_from_word(stelei_load64(&shared->type));
    stats->max_entries = stelei_load64(&shared->max_entries);
    stats->slots = table->buckets * table->slots;
    stats->entries = stelei_load64(&table->root->entries);
    stats->buckets = table->buckets;
    stats->lines = lines;
    stats->overflow = stelei_load64(&table->root->overflow);
    stats->index_bytes = size.bytes;
    stats->record_bytes = stelei_load64(&table->root->record_bytes);
    stats->payload_bytes = stelei_load64(&table->root->payload_bytes);
}
