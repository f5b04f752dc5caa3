#include "index.h"

#define DIRECTORY_BYTES (STELEI_DIRECTORY_LEAVES * sizeof(uint32_t))
#define LEAF_BYTES      (STELEI_LEAF_CHUNKS * sizeof(uint32_t))

static void *at(const struct segment *segment, uint64_t off)
{
    return segment->base + off;
}

static void clear_words(uint64_t *word, uint64_t bytes)
{
    for (; bytes > 0; bytes -= 8)
        stelei_store64(word++, 0);
}

uint64_t index_create(struct arena *arena, enum stele_status *status)
{
    struct segment *segment = arena->segment;
    uint64_t bytes = stelei_small_block_bytes(0);
    uint64_t root_off = arena_alloc_fixed(arena, sizeof(struct stelei_root), ARENA_RESERVE, status);
    if (root_off == 0)
        return 0;
    uint64_t block = arena_alloc_fixed(arena, bytes, ARENA_RESERVE, status);
    if (block == 0) {
        arena_free(arena, root_off, sizeof(struct stelei_root));
        return 0;
    }
    struct stelei_root *root = at(segment, root_off);
    struct stelei_bucket *bucket = at(segment, block);
    stelei_nop_write();
    clear_words(at(segment, root_off), sizeof *root);
    clear_words(at(segment, block), bytes);
    for (unsigned i = 0; i < 2; i++)
        stelei_store64(&bucket[i].sequence, stelei_sequence_next(0, 1, 0));
    stelei_store32(&root->small[0], (uint32_t)(block >> segment->map.granule_shift));
    stelei_store64(&root->buckets, 2);
    stelei_store64(&root->geometry, stelei_geometry(2));
    return root_off;
}

/* A cleared block that *ref leads to, unless one is there. */
static enum stele_status need_block(struct table *table, uint32_t *ref, uint64_t bytes)
{
    enum stele_status status = STELE_OK;
    if (stelei_load32(ref) != 0)
        return STELE_OK;
    uint64_t off = arena_alloc_fixed(table->arena, bytes, ARENA_RESERVE, &status);
    if (off == 0)
        return status;
    stelei_nop_write();
    clear_words(at(table->arena->segment, off), bytes);
    STELE_POINT("index.extend:before_directory");
    stelei_store32_release(ref, table_ref_of(table, off));
    return STELE_OK;
}

/* What a ref of the directory or of its leaves leads to. */
static uint32_t *entries_of(const struct table *table, const uint32_t *ref)
{
    return at(table->arena->segment, table_ref_off(table, stelei_load32(ref)));
}

static enum stele_status add_chunk(struct table *table, uint64_t i)
{
    enum stele_status status = need_block(table, &table->root->directory, DIRECTORY_BYTES);
    if (status != STELE_OK)
        return status;
    uint32_t *leaf = entries_of(table, &table->root->directory) + (i >> STELEI_LEAF_BUCKET_BITS);
    status = need_block(table, leaf, LEAF_BYTES);
    uint64_t off = status == STELE_OK ? arena_alloc_chunk(table->arena, &status) : 0;
    if (off == 0)
        return status;
    uint32_t *entry =
        entries_of(table, leaf) + (i >> STELEI_CHUNK_BUCKET_BITS & (STELEI_LEAF_CHUNKS - 1));
    stelei_nop_write();
    clear_words(at(table->arena->segment, off), STELEI_BUCKET_BYTES);
    STELE_POINT("index.extend:before_chunk");
    stelei_store32_release(entry, (uint32_t)(off >> STELEI_CHUNK_SHIFT));
    return STELE_OK;
}

static enum stele_status add_block(struct table *table, uint64_t i)
{
    enum stele_status status = STELE_OK;
    unsigned block = stelei_small_block(i);
    uint64_t off =
        arena_alloc_fixed(table->arena, stelei_small_block_bytes(block), ARENA_ORDINARY, &status);
    if (off == 0)
        return status;
    stelei_nop_write();
    clear_words(at(table->arena->segment, off), STELEI_BUCKET_BYTES);
    STELE_POINT("index.extend:before_block");
    stelei_store32_release(&table->root->small[block], table_ref_of(table, off));
    return STELE_OK;
}

enum stele_status index_extend(struct table *table, uint64_t i)
{
    enum stele_status status = STELE_OK;
    uint64_t length = table->map->length;
    if (stelei_bucket_off(table->map, table->root, i, length) == 0)
        status = i < STELEI_SMALL_BUCKETS ? add_block(table, i) : add_chunk(table, i);
    if (status != STELE_OK)
        return status;
    uint64_t next = stelei_bucket_off(table->map, table->root, i + 1, length);
    if (next != 0) {
        stelei_nop_write();
        clear_words(at(table->arena->segment, next), STELEI_BUCKET_BYTES);
    }
    return STELE_OK;
}

/* The chunks of a leaf, up to chunk number `end` of the table, then the leaf. */
static void leaf_blocks(struct segment *segment, uint64_t leaf, uint64_t first, uint64_t end,
                        index_visit visit, void *context)
{
    const uint32_t *entry = at(segment, leaf);
    for (uint64_t i = first; i < end && i < first + STELEI_LEAF_CHUNKS; i++) {
        uint64_t chunk = stelei_load32(&entry[i - first]);
        if (chunk)
            visit(context, chunk << STELEI_CHUNK_SHIFT, STELEI_CHUNK_BYTES);
    }
    visit(context, leaf, LEAF_BYTES);
}

/* What cannot be followed is visited all the same: let the visitor say so. */
static void directory_blocks(struct segment *segment, uint64_t directory, uint64_t buckets,
                             index_visit visit, void *context)
{
    const struct stelei_map *map = &segment->map;
    uint64_t end = (buckets >> STELEI_CHUNK_BUCKET_BITS) + 2; /* one may be there unborn */
    if (directory + DIRECTORY_BYTES <= map->length) {
        const uint32_t *entry = at(segment, directory);
        for (uint64_t i = 0; i * STELEI_LEAF_CHUNKS < end && i < STELEI_DIRECTORY_LEAVES; i++) {
            uint64_t leaf = stelei_ref_off(map, stelei_load32(&entry[i]));
            if (leaf && leaf + LEAF_BYTES <= map->length)
                leaf_blocks(segment, leaf, i * STELEI_LEAF_CHUNKS, end, visit, context);
            else if (leaf)
                visit(context, leaf, LEAF_BYTES);
        }
    }
    visit(context, directory, DIRECTORY_BYTES);
}

void index_blocks(struct segment *segment, uint64_t root_off, uint64_t buckets, index_visit visit,
                  void *context)
{
    const struct stelei_map *map = &segment->map;
    struct stelei_root *root = at(segment, root_off);
    for (unsigned block = 0; block < STELEI_SMALL_BLOCKS; block++) {
        uint32_t ref = stelei_load32(&root->small[block]);
        if (ref)
            visit(context, stelei_ref_off(map, ref), stelei_small_block_bytes(block));
    }
    uint64_t directory = stelei_ref_off(map, stelei_load32(&root->directory));
    if (directory)
        directory_blocks(segment, directory, buckets, visit, context);
    visit(context, root_off, sizeof *root);
}

unsigned index_depth(uint64_t buckets, uint64_t i)
{
    unsigned level = stelei_top_bit(buckets);
    uint64_t full = UINT64_C(1) << level;
    return level + (i >= full || i < buckets - full);
}

/* The depth that bucket i shows; 0: not born, or no memory. */
static unsigned depth_at(const struct stelei_map *map, const struct stelei_root *root, uint64_t i)
{
    uint64_t off = stelei_bucket_off(map, root, i, stelei_map_limit(map));
    if (off == 0)
        return 0;
    return stelei_sequence_depth(stelei_load64(&stelei_bucket_at(map, off)->sequence));
}

uint64_t index_born(const struct stelei_map *map, const struct stelei_root *root)
{
    uint64_t geometry = stelei_load64(&root->geometry);
    uint64_t buckets = geometry & 0xffffffffu;
    uint64_t room = stelei_map_limit(map) / STELEI_BUCKET_BYTES;
    if (buckets < 2 || buckets > room || geometry != stelei_geometry((uint32_t)buckets))
        return 0;
    if (depth_at(map, root, 0) == 0 || depth_at(map, root, buckets - 1) == 0)
        return 0;
    for (uint64_t i = 1; i < buckets; i *= 2) /* the first bucket of each block */
        if (depth_at(map, root, i) == 0)
            return 0;
    for (uint64_t i = STELEI_SMALL_BUCKETS; i < buckets; i += STELEI_SMALL_BUCKETS)
        if (depth_at(map, root, i) == 0) /* and of each chunk */
            return 0;
    while (buckets < room && depth_at(map, root, buckets) != 0)
        buckets++;
    return buckets;
}
