#include "table.h"
#include "adopt.h"
#include "index.h"
#include "split.h"

#define LINES_AT_ONCE 16u

/* ---- addresses ---------------------------------------------------------------------------- */

uint64_t table_ref_off(const struct table *table, uint32_t ref)
{
    return stelei_ref_off(table->map, ref);
}

uint32_t table_ref_of(const struct table *table, uint64_t off)
{
    return (uint32_t)(off >> table->map->granule_shift);
}

static void *at(const struct table *table, uint64_t off)
{
    return table->arena->segment->base + off;
}

struct stelei_bucket *table_line(const struct table *table, uint32_t ref)
{
    return ref ? at(table, table_ref_off(table, ref)) : NULL;
}

uint64_t *table_record(const struct table *table, uint32_t ref)
{
    return at(table, table_ref_off(table, ref));
}

uint64_t table_record_hash(const struct table *table, const uint64_t *record)
{
    uint64_t meta = stelei_load64(record);
    /* the writer's own bytes: nobody else stores to them */
    return stelei_hash(record + stelei_record_key_off(meta) / 8, stelei_record_key_bytes(meta),
                       table->map->hash_seed);
}

/* ---- slots -------------------------------------------------------------------------------- */

uint8_t table_tag(const struct stelei_bucket *line, unsigned slot)
{
    if (slot < 8)
        return (uint8_t)(stelei_load64(&line->tags) >> 8 * slot);
    return (uint8_t)(stelei_load32(&line->tags_high) >> 8 * (slot - 8));
}

void table_fill_slot(struct stelei_bucket *line, unsigned slot, uint8_t tag, uint32_t ref)
{
    if (slot < 8) {
        uint64_t tags = stelei_load64(&line->tags) & ~(UINT64_C(0xff) << 8 * slot);
        stelei_store64(&line->tags, tags | (uint64_t)tag << 8 * slot);
    } else {
        unsigned shift = 8 * (slot - 8);
        uint32_t tags = stelei_load32(&line->tags_high) & ~(UINT32_C(0xff) << shift);
        stelei_store32(&line->tags_high, tags | (uint32_t)tag << shift);
    }
    stelei_store32(&line->ref[slot], ref);
}

/* Publishes a head: new valid bits and the next version in one store. */
static void publish_head(struct stelei_bucket *head, uint64_t valid)
{
    uint64_t word = stelei_load64(&head->sequence);
    stelei_sequence_publish(&head->sequence,
                            stelei_sequence_next(word, stelei_sequence_depth(word), valid));
}

void table_publish_counts(struct table *table)
{
    struct stelei_root *root = table->root;
    if (table->adoption.done)
        return; /* not counted again yet: the former writer's numbers stand */
    stelei_store64(&root->entries, table->entries);
    stelei_store64(&root->lines, table->lines);
    stelei_store64(&root->overflow, table->overflow);
    stelei_store64(&root->record_bytes, table->record_bytes);
    stelei_store64(&root->payload_bytes, table->payload_bytes);
    stelei_store64(&root->buckets, table->buckets);
}

static void count_record(struct table *table, uint64_t meta, bool in)
{
    uint64_t sign = in ? 1 : UINT64_MAX;
    uint64_t block = stelei_block_bytes(stelei_record_bytes(meta), table->map->granule_shift);
    table->record_bytes += sign * block;
    table->payload_bytes +=
        sign * ((uint64_t)stelei_record_key_bytes(meta) + stelei_record_value_bytes(meta));
}

/* ---- find --------------------------------------------------------------------------------- */

static void spot_head(struct table *table, uint64_t hash, struct table_spot *spot)
{
    uint64_t geometry = stelei_geometry((uint32_t)table->buckets);
    spot->bucket = stelei_geometry_bucket(geometry, hash);
    spot->head = index_bucket(table, spot->bucket);
    spot->line = spot->head;
    spot->previous = NULL;
}

static bool match_line(const struct table *table, const void *key, uint32_t key_bytes,
                       uint64_t hash, struct table_spot *spot)
{
    uint64_t valid = stelei_load64(&spot->line->sequence);
    uint64_t match = stelei_line_match(spot->line, valid, stelei_hash_tag(hash));
    for (; match; match &= match - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(match);
        uint32_t ref = stelei_load32(&spot->line->ref[slot]);
        const uint64_t *record = table_record(table, ref);
        uint64_t meta = stelei_load64(record);
        if (stelei_record_key_bytes(meta) == key_bytes &&
            stelei_key_equal(record + stelei_record_key_off(meta) / 8, key, key_bytes)) {
            spot->slot = slot;
            spot->record_off = table_ref_off(table, ref);
            spot->meta = meta;
            return true;
        }
    }
    return false;
}

bool table_find(struct table *table, const void *key, uint32_t key_bytes, uint64_t hash,
                struct table_spot *spot)
{
    spot_head(table, hash, spot);
    adopt_bucket(table, spot->bucket);
    for (;;) {
        if (match_line(table, key, key_bytes, hash, spot))
            return true;
        struct stelei_bucket *next = table_line(table, stelei_load32(&spot->line->link));
        if (!next)
            return false; /* spot->line is the last one */
        spot->previous = spot->line;
        spot->line = next;
    }
}

/* ---- records ------------------------------------------------------------------------------ */

static uint64_t write_record(struct table *table, enum arena_purpose purpose, const void *key,
                             uint32_t key_bytes, const void *value, uint32_t value_bytes,
                             enum stele_status *status)
{
    uint64_t meta = stelei_record_word(key_bytes, 0, value_bytes);
    uint64_t off = arena_alloc(table->arena, stelei_record_bytes(meta), purpose, status);
    if (off == 0)
        return 0;
    uint64_t *record = at(table, off);
    /* the block may have been reachable: the version that hid it comes before these stores */
    stelei_nop_write();
    stelei_store64(record, meta);
    stelei_copy_in(record + stelei_record_key_off(meta) / 8, key, key_bytes);
    stelei_copy_in(record + stelei_record_value_off(meta) / 8, value, value_bytes);
    return off;
}

static void retire_record(struct table *table, uint64_t off, uint64_t meta)
{
    count_record(table, meta, false);
    arena_retire(table->arena, off, stelei_record_bytes(meta));
}

/* ---- replace ------------------------------------------------------------------------------ */

static enum stele_status replace(struct table *table, const struct table_spot *spot,
                                 const void *key, uint32_t key_bytes, const void *value,
                                 uint32_t value_bytes)
{
    enum stele_status status = STELE_OK;
    bool no_larger = value_bytes <= stelei_record_value_bytes(spot->meta);
    uint64_t off = write_record(table, no_larger ? ARENA_RESERVE : ARENA_ORDINARY, key, key_bytes,
                                value, value_bytes, &status);
    if (off == 0)
        return status;
    STELE_POINT("table.replace:before_ref");
    stelei_store32_release(&spot->line->ref[spot->slot], table_ref_of(table, off));
    STELE_POINT("table.replace:before_bump");
    stelei_sequence_bump(&spot->head->sequence);
    STELE_POINT("table.replace:before_retire");
    retire_record(table, spot->record_off, spot->meta);
    count_record(table, stelei_record_word(key_bytes, 0, value_bytes), true);
    return STELE_OK;
}

/* ---- insert ------------------------------------------------------------------------------- */

/* A free slot of the chain, the head's first. NULL: the chain is full. */
static struct stelei_bucket *free_slot(const struct table *table, struct stelei_bucket *head,
                                       unsigned *slot)
{
    for (struct stelei_bucket *line = head; line;
         line = table_line(table, stelei_load32(&line->link))) {
        uint64_t free = ~stelei_load64(&line->sequence) & STELEI_SLOTS_MASK;
        if (free) {
            *slot = (unsigned)__builtin_ctzll(free);
            return line;
        }
    }
    return NULL;
}

static void insert_head(struct stelei_bucket *head, unsigned slot, uint8_t tag, uint32_t ref)
{
    stelei_nop_write(); /* the slot was freed by an earlier version */
    table_fill_slot(head, slot, tag, ref);
    STELE_POINT("table.insert:before_publish");
    publish_head(head, stelei_sequence_valid(stelei_load64(&head->sequence)) | UINT64_C(1) << slot);
}

static void insert_line(struct table *table, struct stelei_bucket *head, struct stelei_bucket *line,
                        unsigned slot, uint8_t tag, uint32_t ref)
{
    stelei_nop_write();
    table_fill_slot(line, slot, tag, ref);
    STELE_POINT("table.insert:before_line");
    stelei_sequence_publish(&line->sequence, stelei_load64(&line->sequence) | UINT64_C(1) << slot);
    STELE_POINT("table.insert:before_bump");
    stelei_sequence_bump(&head->sequence);
    table->overflow++;
}

/* Links a new line, with the entry in it, behind the last one. */
static void insert_new_line(struct table *table, struct stelei_bucket *head,
                            struct stelei_bucket *last, uint64_t line_off, uint8_t tag,
                            uint32_t ref)
{
    struct stelei_bucket *line = at(table, line_off);
    stelei_nop_write();
    stelei_store32(&line->link, 0);
    table_fill_slot(line, 0, tag, ref);
    stelei_store64(&line->sequence, 1);
    STELE_POINT("table.insert:before_link");
    stelei_store32_release(&last->link, table_ref_of(table, line_off));
    STELE_POINT("table.insert:before_link_bump");
    stelei_sequence_bump(&head->sequence);
    table->lines++;
    table->overflow++;
}

static enum stele_status insert(struct table *table, const struct table_spot *last, uint64_t hash,
                                const void *key, uint32_t key_bytes, const void *value,
                                uint32_t value_bytes)
{
    enum stele_status status = STELE_OK;
    unsigned slot = 0;
    uint64_t line_off = 0;
    struct stelei_bucket *line = free_slot(table, last->head, &slot);
    uint64_t off = write_record(table, ARENA_ORDINARY, key, key_bytes, value, value_bytes, &status);
    if (off == 0)
        return status;
    uint64_t meta = stelei_record_word(key_bytes, 0, value_bytes);
    if (!line) {
        line_off = arena_alloc(table->arena, STELEI_BUCKET_BYTES, ARENA_ORDINARY, &status);
        if (line_off == 0) {
            arena_free(table->arena, off, stelei_record_bytes(meta));
            return status;
        }
    }
    uint32_t ref = table_ref_of(table, off);
    if (!line)
        insert_new_line(table, last->head, last->line, line_off, stelei_hash_tag(hash), ref);
    else if (line == last->head)
        insert_head(line, slot, stelei_hash_tag(hash), ref);
    else
        insert_line(table, last->head, line, slot, stelei_hash_tag(hash), ref);
    table->entries++;
    count_record(table, meta, true);
    return STELE_OK;
}

enum stele_status table_write(struct table *table, enum table_mode mode, const void *key,
                              uint32_t key_bytes, const void *value, uint32_t value_bytes)
{
    struct table_spot spot;
    uint64_t hash = stelei_hash(key, key_bytes, table->map->hash_seed);
    enum stele_status status;
    if (table_find(table, key, key_bytes, hash, &spot)) {
        if (mode == TABLE_INSERT)
            return STELE_EEXIST;
        status = replace(table, &spot, key, key_bytes, value, value_bytes);
    } else {
        if (mode == TABLE_REPLACE)
            return STELE_ENOTFOUND;
        status = insert(table, &spot, hash, key, key_bytes, value, value_bytes);
        if (status == STELE_OK)
            split_as_needed(table);
    }
    if (status == STELE_OK)
        table_publish_counts(table);
    return status;
}

/* ---- erase -------------------------------------------------------------------------------- */

/* Takes up to LINES_AT_ONCE empty lines out of the chain. */
static unsigned unlink_empty(const struct table *table, struct stelei_bucket *head,
                             uint32_t removed[LINES_AT_ONCE])
{
    unsigned count = 0;
    struct stelei_bucket *line = head;
    while (count < LINES_AT_ONCE) {
        uint32_t ref = stelei_load32(&line->link);
        struct stelei_bucket *next = table_line(table, ref);
        if (!next)
            break;
        if (stelei_sequence_valid(stelei_load64(&next->sequence)) != 0) {
            line = next;
            continue;
        }
        STELE_POINT("table.settle:before_link");
        stelei_store32_release(&line->link, stelei_load32(&next->link));
        removed[count++] = ref;
    }
    return count;
}

void table_settle_chain(struct table *table, struct stelei_bucket *head)
{
    uint32_t removed[LINES_AT_ONCE];
    unsigned count;
    do {
        count = unlink_empty(table, head, removed);
        STELE_POINT("table.settle:before_bump");
        stelei_sequence_bump(&head->sequence);
        for (unsigned i = 0; i < count; i++)
            arena_retire_line(table->arena, table_ref_off(table, removed[i]));
        table->lines -= count;
    } while (count == LINES_AT_ONCE);
}

static void erase_overflow(struct table *table, const struct table_spot *spot)
{
    uint64_t word = stelei_load64(&spot->line->sequence);
    STELE_POINT("table.erase:before_line");
    stelei_sequence_publish(&spot->line->sequence, word & ~(UINT64_C(1) << spot->slot));
    table_settle_chain(table, spot->head);
    table->overflow--;
}

enum stele_status table_erase(struct table *table, const void *key, uint32_t key_bytes)
{
    struct table_spot spot;
    uint64_t hash = stelei_hash(key, key_bytes, table->map->hash_seed);
    if (!table_find(table, key, key_bytes, hash, &spot))
        return STELE_ENOTFOUND;
    if (spot.line == spot.head) {
        uint64_t valid = stelei_sequence_valid(stelei_load64(&spot.head->sequence));
        STELE_POINT("table.erase:before_publish");
        publish_head(spot.head, valid & ~(UINT64_C(1) << spot.slot));
    } else {
        erase_overflow(table, &spot);
    }
    STELE_POINT("table.erase:before_retire");
    retire_record(table, spot.record_off, spot.meta);
    table->entries--;
    table_publish_counts(table);
    return STELE_OK;
}
