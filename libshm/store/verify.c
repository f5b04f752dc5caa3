#include "verify.h"
#include "index.h"
#include "list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct verify {
    struct catalog *catalog;
    struct arena *arena;
    uint8_t *seen; /* one bit per eight bytes: the block that starts there was met */
    uint64_t used_bytes;
    uint32_t id;
    struct table counted;
    char *text;
    size_t text_bytes;
    bool broken;
};

static void broken(struct verify *verify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void broken(struct verify *verify, const char *format, ...)
{
    va_list arguments;
    if (verify->broken)
        return; /* the first one counts */
    verify->broken = true;
    if (!verify->text || verify->text_bytes == 0)
        return;
    va_start(arguments, format);
    vsnprintf(verify->text, verify->text_bytes, format, arguments);
    va_end(arguments);
}

/* A block that something leads to: taken, and by nothing else. */
static bool meet(struct verify *verify, const char *what, uint64_t off, uint64_t bytes)
{
    unsigned shift = verify->arena->segment->map.granule_shift;
    if (!arena_is_taken(verify->arena, off, bytes)) {
        broken(verify, "table %u: %s at %#llx is no taken block of %llu bytes", verify->id, what,
               (unsigned long long)off, (unsigned long long)bytes);
        return false;
    }
    uint8_t *byte = &verify->seen[off >> 6], bit = (uint8_t)(1u << (off >> 3 & 7));
    if (*byte & bit) {
        broken(verify, "table %u: %s at %#llx is led to twice", verify->id, what,
               (unsigned long long)off);
        return false;
    }
    *byte |= bit;
    verify->used_bytes += stelei_block_bytes(bytes, shift);
    return true;
}

/* ---- one chain ----------------------------------------------------------------------------- */

static void meet_behind(void *context, uint64_t off, uint64_t bytes)
{
    struct verify *verify = context;
    if (meet(verify, "record, list or chunk", off, bytes))
        verify->counted.record_bytes +=
            stelei_block_bytes(bytes, verify->arena->segment->map.granule_shift);
}

static bool check_list(struct verify *verify, struct table *table, uint64_t bucket,
                       struct stelei_bucket *line, unsigned slot)
{
    uint32_t ref = (uint32_t)stelei_load64(slot_list_cell(table, line, slot));
    bool plausible = list_plausible(table, ref);
    if (plausible && list_settled(table, ref))
        return true;
    broken(verify, "table %u bucket %llu slot %u: the list at %#llx %s", verify->id,
           (unsigned long long)bucket, slot, (unsigned long long)table_ref_off(table, ref),
           plausible ? "has entries beyond its count" : "makes no sense");
    return false;
}

/* What stands behind a slot can be walked. */
static bool check_refs(struct verify *verify, struct table *table, uint64_t bucket,
                       struct stelei_bucket *line, unsigned slot)
{
    if (!slot_fits(table, line, slot)) {
        broken(verify, "table %u bucket %llu slot %u: a word is larger than its kind", verify->id,
               (unsigned long long)bucket, slot);
        return false;
    }
    if (slot_has_record(table)) {
        uint64_t off = table_ref_off(table, slot_ref(table, line, slot));
        if (off == 0 || off + 8 > stelei_map_limit(table->map)) {
            broken(verify, "table %u bucket %llu slot %u: ref leads to %#llx", verify->id,
                   (unsigned long long)bucket, slot, (unsigned long long)off);
            return false;
        }
        uint64_t meta = stelei_load64(table_at(table, off));
        bool taken = arena_is_taken(verify->arena, off, stelei_record_bytes(meta));
        if (!taken || !slot_record_fits(table, meta)) {
            broken(verify, "table %u bucket %llu slot %u: the record at %#llx is %s", verify->id,
                   (unsigned long long)bucket, slot, (unsigned long long)off,
                   taken ? "none of the table's type" : "no taken block");
            return false;
        }
    }
    return table->form != TABLE_LISTS || check_list(verify, table, bucket, line, slot);
}

/* The slot's key as the lookup takes it. */
static const void *key_of(const struct table *table, struct stelei_bucket *line, unsigned slot,
                          uint32_t *key_bytes)
{
    if (table->word_keys) {
        *key_bytes = sizeof(uint64_t);
        return &slot_word(line, slot)->key;
    }
    const uint64_t *record = table_record(table, slot_ref(table, line, slot));
    uint64_t meta = stelei_load64(record);
    *key_bytes = stelei_record_key_bytes(meta);
    return record + stelei_record_key_off(meta) / 8;
}

static void check_slot(struct verify *verify, struct table *table, uint64_t bucket, unsigned depth,
                       struct stelei_bucket *line, unsigned slot)
{
    if (!check_refs(verify, table, bucket, line, slot))
        return;
    slot_blocks(table, line, slot, meet_behind, verify);
    if (verify->broken)
        return;
    uint64_t hash = slot_hash(table, line, slot);
    if (stelei_depth_bucket(hash, depth) != bucket)
        broken(verify, "table %u bucket %llu slot %u: the key belongs to bucket %llu", verify->id,
               (unsigned long long)bucket, slot,
               (unsigned long long)stelei_depth_bucket(hash, depth));
    if (!table->word_keys && table_tag(line, slot) != stelei_hash_tag(hash))
        broken(verify, "table %u bucket %llu slot %u: tag %02x, hash says %02x", verify->id,
               (unsigned long long)bucket, slot, table_tag(line, slot), stelei_hash_tag(hash));
    struct table_spot spot;
    uint32_t key_bytes;
    const void *key = key_of(table, line, slot, &key_bytes);
    if (!table_find(table, key, key_bytes, hash, &spot) || spot.line != line || spot.slot != slot)
        broken(verify, "table %u bucket %llu slot %u: the key stands twice", verify->id,
               (unsigned long long)bucket, slot);
    verify->counted.entries++;
    verify->counted.payload_bytes += slot_payload(table, line, slot);
}

static void check_chain(struct verify *verify, struct table *table, uint64_t bucket)
{
    struct stelei_bucket *head = index_bucket(table, bucket), *line = head;
    unsigned depth = stelei_sequence_depth(stelei_load64(&head->sequence));
    if (depth != index_depth(table->buckets, bucket))
        broken(verify, "table %u bucket %llu: depth %u, expected %u", verify->id,
               (unsigned long long)bucket, depth, index_depth(table->buckets, bucket));
    while (!verify->broken) {
        uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence));
        if (valid >> table->slots)
            broken(verify, "table %u bucket %llu: valid bits beyond the slots", verify->id,
                   (unsigned long long)bucket);
        if (line != head) {
            verify->counted.overflow += (uint64_t)__builtin_popcountll(valid);
            if (valid == 0)
                broken(verify, "table %u bucket %llu: an empty line is linked", verify->id,
                       (unsigned long long)bucket);
        }
        for (; valid && !verify->broken; valid &= valid - 1)
            check_slot(verify, table, bucket, depth, line, (unsigned)__builtin_ctzll(valid));
        uint32_t next = stelei_load32(slot_link(table, line));
        if (next == 0 || !meet(verify, "line", table_ref_off(table, next), STELEI_BUCKET_BYTES))
            return;
        verify->counted.lines++;
        line = table_line(table, next);
    }
}

/* ---- one table ----------------------------------------------------------------------------- */

static void meet_block(void *context, uint64_t off, uint64_t bytes)
{
    meet(context, "index block", off, bytes);
}

static void equal(struct verify *verify, const char *what, uint64_t counted, uint64_t kept,
                  uint64_t published)
{
    if (counted != kept || counted != published)
        broken(verify, "table %u: %s counted %llu, kept %llu, published %llu", verify->id, what,
               (unsigned long long)counted, (unsigned long long)kept,
               (unsigned long long)published);
}

/* The descriptor says what the table was made with. */
static void check_descriptor(struct verify *verify, const struct table *table)
{
    const struct stelei_table *shared = &verify->catalog->shared[verify->id];
    uint64_t most = table->max_entries;
    if (stelei_table_root_off(table->map, stelei_load64(&shared->word)) != table->root_off)
        broken(verify, "table %u: the table word leads to another root", verify->id);
    if (stelei_load64(&shared->type) != stele_type_word(&table->type) ||
        stelei_load64(&shared->max_entries) != most ||
        catalog_check_hash(verify->catalog, verify->id) != STELE_OK)
        broken(verify, "table %u: the descriptor has another type, hash or maximum", verify->id);
    if (most != 0 && table->entries > most)
        broken(verify, "table %u: %llu entries are more than its maximum of %llu", verify->id,
               (unsigned long long)table->entries, (unsigned long long)most);
}

static void check_table(struct verify *verify, struct table *table)
{
    const struct stelei_root *root = table->root;
    uint64_t geometry = stelei_load64(&root->geometry);
    memset(&verify->counted, 0, sizeof verify->counted);
    check_descriptor(verify, table);
    if (geometry != stelei_geometry((uint32_t)table->published) ||
        table->published > table->buckets || index_born(table->map, root) != table->buckets)
        broken(verify, "table %u: geometry %#llx, %llu published, %llu kept, %llu born", verify->id,
               (unsigned long long)geometry, (unsigned long long)table->published,
               (unsigned long long)table->buckets,
               (unsigned long long)index_born(table->map, root));
    index_blocks(verify->arena->segment, table->root_off, table->buckets, meet_block, verify);
    for (uint64_t i = 0; i < table->buckets && !verify->broken; i++)
        check_chain(verify, table, i);
    if (verify->broken)
        return;
    equal(verify, "entries", verify->counted.entries, table->entries,
          stelei_load64(&root->entries));
    equal(verify, "lines", verify->counted.lines, table->lines, stelei_load64(&root->lines));
    equal(verify, "overflow entries", verify->counted.overflow, table->overflow,
          stelei_load64(&root->overflow));
    equal(verify, "record bytes", verify->counted.record_bytes, table->record_bytes,
          stelei_load64(&root->record_bytes));
    equal(verify, "payload bytes", verify->counted.payload_bytes, table->payload_bytes,
          stelei_load64(&root->payload_bytes));
}

enum stele_status verify_all(struct catalog *catalog, char *text, size_t text_bytes)
{
    struct verify verify = {
        .catalog = catalog, .arena = catalog->arena, .text = text, .text_bytes = text_bytes};
    uint64_t committed = stelei_load64(&catalog->arena->segment->header->committed);
    verify.seen = calloc((committed >> 6) + 1, 1);
    if (!verify.seen)
        return STELE_ENOMEM;
    for (uint32_t id = 0; id < STELEI_TABLE_CAPACITY && !verify.broken; id++) {
        verify.id = id;
        if (catalog->table[id].live)
            check_table(&verify, &catalog->table[id]);
        else if ((uint32_t)stelei_load64(&catalog->shared[id].word) != 0)
            broken(&verify, "descriptor %u leads somewhere although its table is dropped", id);
    }
    const char *arena_broken = arena_check(catalog->arena);
    if (arena_broken)
        broken(&verify, "arena: %s", arena_broken);
    if (verify.used_bytes != arena_used_bytes(catalog->arena))
        broken(&verify, "arena: %llu bytes taken, %llu led to",
               (unsigned long long)arena_used_bytes(catalog->arena),
               (unsigned long long)verify.used_bytes);
    free(verify.seen);
    return verify.broken ? STELE_ECORRUPT : STELE_OK;
}
