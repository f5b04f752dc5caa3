#include "catalog.h"
#include "adopt.h"
#include "index.h"

#include <stdlib.h>

void catalog_init(struct catalog *catalog, struct arena *arena, struct reclaim *reclaim)
{
    memset(catalog, 0, sizeof *catalog);
    catalog->arena = arena;
    catalog->reclaim = reclaim;
    catalog->shared =
        (struct stelei_table *)(void *)(arena->segment->base + arena->segment->map.tables_off);
}

void catalog_fini(struct catalog *catalog)
{
    for (uint32_t id = 0; id < STELEI_TABLE_CAPACITY; id++)
        free(catalog->table[id].adoption.done);
}

/* ---- hashes ------------------------------------------------------------------------------- */

static stele_hash_function own_hash(const struct catalog *catalog, const struct stele_type *type)
{
    return type->hash_id >= STELE_HASH_OWN ? catalog->own_hash[type->hash_id - STELE_HASH_OWN]
                                           : NULL;
}

static bool hash_known(const struct catalog *catalog, const struct stele_type *type)
{
    return type->hash_id < STELE_HASH_OWN || own_hash(catalog, type);
}

/* What tells two functions under one id apart. */
static uint64_t hash_check(const struct catalog *catalog, const struct stele_type *type)
{
    return stelei_hash_check(type->hash_id, own_hash(catalog, type),
                             catalog->arena->segment->map.hash_seed);
}

enum stele_status catalog_register_hash(struct catalog *catalog, uint8_t id,
                                        stele_hash_function function)
{
    if (id < STELE_HASH_OWN || !function || catalog->own_hash[id - STELE_HASH_OWN])
        return STELE_EINVAL;
    catalog->own_hash[id - STELE_HASH_OWN] = function;
    return STELE_OK;
}

enum stele_status catalog_check_hash(const struct catalog *catalog, uint32_t id)
{
    const struct stelei_table *shared = &catalog->shared[id];
    struct stele_type type = stele_type_from_word(stelei_load64(&shared->type));
    if (!stele_type_valid(&type))
        return STELE_ECORRUPT;
    if (!hash_known(catalog, &type))
        return STELE_EHASH;
    if (stelei_load64(&shared->hash_check) == hash_check(catalog, &type))
        return STELE_OK;
    return type.hash_id >= STELE_HASH_OWN ? STELE_EHASH : STELE_ECORRUPT;
}

/* ---- descriptors -------------------------------------------------------------------------- */

bool catalog_bind(struct catalog *catalog, uint32_t id)
{
    struct segment *segment = catalog->arena->segment;
    struct table *table = &catalog->table[id];
    uint64_t word = stelei_load64(&catalog->shared[id].word);
    memset(table, 0, sizeof *table);
    table->arena = catalog->arena;
    table->map = &segment->map;
    table->base = segment->base;
    table->root_off = stelei_table_root_off(&segment->map, word);
    if (table->root_off % 64 || table->root_off < segment->header->data_off ||
        table->root_off + sizeof(struct stelei_root) > stelei_map_limit(&segment->map))
        return false;
    struct stele_type type = stele_type_from_word(stelei_load64(&catalog->shared[id].type));
    if (!stele_type_valid(&type))
        return false;
    table_set_type(table, &type);
    table->own_hash = own_hash(catalog, &type);
    table->max_entries = stelei_load64(&catalog->shared[id].max_entries);
    table->root = (struct stelei_root *)(void *)(segment->base + table->root_off);
    table->buckets = index_born(&segment->map, table->root);
    table->published = stelei_load64(&table->root->geometry) & 0xffffffffu;
    table->live = table->buckets != 0;
    catalog->live += table->live;
    return table->live;
}

/* ---- names -------------------------------------------------------------------------------- */

static bool name_words(const char *name, uint64_t words[STELEI_NAME_BYTES / 8])
{
    size_t bytes = name ? strlen(name) : 0;
    if (bytes == 0 || bytes >= STELEI_NAME_BYTES)
        return false;
    memset(words, 0, STELEI_NAME_BYTES);
    memcpy(words, name, bytes);
    return true;
}

static bool name_is(const struct stelei_table *shared, const uint64_t *words)
{
    for (unsigned i = 0; i < STELEI_NAME_BYTES / 8; i++)
        if (stelei_load64(&shared->name[i]) != words[i])
            return false;
    return true;
}

enum stele_status catalog_find(const struct catalog *catalog, const char *name, uint32_t *id)
{
    uint64_t words[STELEI_NAME_BYTES / 8];
    if (!name_words(name, words))
        return STELE_EINVAL;
    for (uint32_t i = 0; i < STELEI_TABLE_CAPACITY; i++)
        if (catalog->table[i].live && name_is(&catalog->shared[i], words)) {
            *id = i;
            return STELE_OK;
        }
    return STELE_ENOTABLE;
}

/* ---- the word ----------------------------------------------------------------------------- */

/*
 * What no table had before, here or in another segment: a handle or cursor that outlived its mapping is
 * told even where a successor lies at the same address. Counted on from a number that the segment's
 * random id and the descriptor's give.
 */
static uint64_t next_incarnation(const struct catalog *catalog, uint32_t id)
{
    const struct stelei_header *header = catalog->arena->segment->header;
    uint64_t last = stelei_load64(&catalog->shared[id].incarnation);
    if (last == 0)
        last = stelei_hash(header->instance_id, sizeof header->instance_id, id);
    return last + 1 ? last + 1 : 1;
}

/* The first generation of a descriptor is taken from its incarnation, far below where it ends. */
static uint64_t next_generation(const struct stelei_table *shared)
{
    uint64_t word = stelei_load64(&shared->word);
    return word ? (word >> STELEI_TABLE_GENERATION_SHIFT) + 1
                : (stelei_load64(&shared->incarnation) >> STELEI_TABLE_GENERATION_SHIFT) / 2 + 1;
}

/* The one publish: the next generation of the descriptor with this root (0: none). */
static void publish_word(struct catalog *catalog, uint32_t id, uint64_t root_off)
{
    struct stelei_header *header = catalog->arena->segment->header;
    uint64_t *word = &catalog->shared[id].word;
    uint64_t generation = next_generation(&catalog->shared[id]);
    uint64_t ref = root_off >> catalog->arena->segment->map.granule_shift;
    STELE_POINT("catalog:before_word");
    stelei_store64_release(word, generation << STELEI_TABLE_GENERATION_SHIFT | ref);
    stelei_store64(&header->tables_changed, stelei_load64(&header->tables_changed) + 1);
}

static enum stele_status free_descriptor(const struct catalog *catalog, uint32_t at, uint32_t *id)
{
    if (at != CATALOG_ANY) {
        *id = at;
        if (at >= STELEI_TABLE_CAPACITY)
            return STELE_EINVAL;
        return catalog->table[at].live ? STELE_EEXIST : STELE_OK;
    }
    for (uint32_t i = 0; i < STELEI_TABLE_CAPACITY; i++)
        if (!catalog->table[i].live) {
            *id = i;
            return STELE_OK;
        }
    return STELE_ETABLES;
}

/* The name is taken: by such a table, or another one? */
static enum stele_status compare(const struct catalog *catalog, uint32_t id,
                                 const struct stele_table_options *options)
{
    const struct table *table = &catalog->table[id];
    bool same = stele_type_equal(&table->type, &options->type) &&
                table->max_entries == options->max_entries;
    return same ? STELE_EEXIST : STELE_ETYPE;
}

enum stele_status catalog_create(struct catalog *catalog, const char *name, uint32_t at,
                                 const struct stele_table_options *options, uint32_t *id)
{
    static const struct stele_table_options plain;
    uint64_t words[STELEI_NAME_BYTES / 8];
    uint32_t free_id;
    options = options ? options : &plain;
    if (!name_words(name, words) || !stele_type_valid(&options->type))
        return STELE_EINVAL;
    if (catalog_find(catalog, name, id) == STELE_OK)
        return compare(catalog, *id, options);
    if (!hash_known(catalog, &options->type))
        return STELE_EHASH;
    enum stele_status status = free_descriptor(catalog, at, &free_id);
    uint64_t root_off = status == STELE_OK ? index_create(catalog->arena, &status) : 0;
    if (root_off == 0)
        return status;
    struct stelei_table *shared = &catalog->shared[free_id];
    /* a reader that compared the old name validates the word, which was moved on by the drop */
    stelei_nop_write();
    stelei_store64(&shared->incarnation, next_incarnation(catalog, free_id));
    for (unsigned i = 0; i < STELEI_NAME_BYTES / 8; i++)
        stelei_store64(&shared->name[i], words[i]);
    stelei_store64(&shared->type, stele_type_word(&options->type));
    stelei_store64(&shared->max_entries, options->max_entries);
    stelei_store64(&shared->hash_check, hash_check(catalog, &options->type));
    publish_word(catalog, free_id, root_off);
    bool bound = catalog_bind(catalog, free_id);
    STELE_ASSERT(bound);
    *id = free_id;
    return STELE_OK;
}

/* ---- drop and clear ------------------------------------------------------------------------ */

/* Takes the index from the table: from here on only the reclaimer knows it. */
static enum stele_status give_up(struct catalog *catalog, uint32_t id, uint64_t new_root)
{
    struct table *table = &catalog->table[id];
    struct reclaim_job *job = reclaim_prepare(table);
    if (!job)
        return STELE_ENOMEM;
    publish_word(catalog, id, new_root);
    reclaim_submit(catalog->reclaim, job);
    table->adoption.done = NULL; /* the job's now */
    table->live = false;
    catalog->live--;
    return STELE_OK;
}

enum stele_status catalog_drop(struct catalog *catalog, uint32_t id)
{
    return catalog_table(catalog, id) ? give_up(catalog, id, 0) : STELE_ENOTABLE;
}

enum stele_status catalog_clear(struct catalog *catalog, uint32_t id)
{
    enum stele_status status = STELE_OK;
    if (!catalog_table(catalog, id))
        return STELE_ENOTABLE;
    uint64_t root_off = index_create(catalog->arena, &status);
    if (root_off == 0)
        return status;
    status = give_up(catalog, id, root_off);
    if (status != STELE_OK) {
        uint64_t block = stelei_ref_off(
            &catalog->arena->segment->map,
            ((struct stelei_root *)(void *)(catalog->arena->segment->base + root_off))->small[0]);
        arena_free(catalog->arena, block, stelei_small_block_bytes(0));
        arena_free(catalog->arena, root_off, sizeof(struct stelei_root));
        return status;
    }
    bool bound = catalog_bind(catalog, id);
    STELE_ASSERT(bound);
    return STELE_OK;
}
