#include "table.h"
#include "find.h"
#include "split.h"

#define LINES_AT_ONCE 16u

/* ---- the type ------------------------------------------------------------------------------ */

static uint64_t beyond(unsigned kind)
{
    unsigned bytes = stele_kind_bytes(kind);
    return bytes == 8 ? 0 : bytes == 0 ? UINT64_MAX : UINT64_MAX << 8 * bytes;
}

void table_set_type(struct table *table, const struct stele_type *type)
{
    table->type = *type;
    table->word_keys = stele_type_has_word_keys(type);
    table->slots = table->word_keys ? STELEI_WORD_SLOTS : STELEI_BYTES_SLOTS;
    table->slots_mask = (UINT64_C(1) << table->slots) - 1;
    table->link_off = (uint32_t)(table->word_keys ? offsetof(struct stelei_word_bucket, link)
                                                  : offsetof(struct stelei_bucket, link));
    table->form = stele_type_has_lists(type)                               ? TABLE_LISTS
                  : table->word_keys && stele_kind_bytes(type->value_kind) ? TABLE_WORDS
                                                                           : TABLE_RECORDS;
    table->key_beyond = beyond(type->key_kind);
    table->value_beyond = beyond(type->value_kind);
    table->word_bytes = stele_kind_bytes(type->key_kind) + stele_kind_bytes(type->value_kind);
    table->element_shift = 0;
    for (unsigned bytes = stele_type_element_bytes(type); bytes > 1; bytes /= 2)
        table->element_shift++;
}

uint64_t table_record_hash(const struct table *table, const uint64_t *record)
{
    uint64_t meta = stelei_load64(record);
    /* the writer's own bytes: nobody else stores to them */
    return table_hash(table, record + stelei_record_key_off(meta) / 8,
                      stelei_record_key_bytes(meta));
}

/* ---- slots -------------------------------------------------------------------------------- */

/* Publishes a head: new valid bits and the next version in one store. */
static void publish_head(struct stelei_bucket *head, uint64_t valid)
{
    uint64_t word = stelei_load64(&head->sequence);
    stelei_sequence_publish(&head->sequence,
                            stelei_sequence_next(word, stelei_sequence_depth(word), valid));
}

/* By the former writer's count as long as an adoption has not counted again. */
static uint64_t known_entries(const struct table *table)
{
    return table->adoption.done ? table->adoption.entries : table->entries;
}

void table_publish_counts(struct table *table)
{
    struct stelei_root *root = table->root;
    stelei_store64(&root->entries, known_entries(table));
    if (table->adoption.done)
        return; /* for the rest the former writer's numbers stand */
    stelei_store64(&root->lines, table->lines);
    stelei_store64(&root->overflow, table->overflow);
    stelei_store64(&root->record_bytes, table->record_bytes);
    stelei_store64(&root->payload_bytes, table->payload_bytes);
    stelei_store64(&root->buckets, table->buckets);
}

void table_count_block(struct table *table, uint64_t bytes, bool in)
{
    uint64_t block = stelei_block_bytes(bytes, table->map->granule_shift);
    table->record_bytes += in ? block : 0 - block;
}

static void count_entry(struct table *table, bool in)
{
    uint64_t sign = in ? 1 : UINT64_MAX;
    table->entries += sign;
    table->adoption.entries += sign;
}

static bool at_limit(const struct table *table)
{
    return table->max_entries != 0 && known_entries(table) >= table->max_entries;
}

/* Nothing is refused on the word of the former writer: while an adoption counts, it counts this table
 * to its end first. */
static bool full(struct table *table)
{
    if (STELEI_UNLIKELY(at_limit(table) && table->adoption.done))
        adopt_rest(table);
    return at_limit(table);
}

/* Before an entry is published: who adopts after a kill in between then knows of one too many, never
 * of one too few for the maximum. */
static void announce_entry(const struct table *table)
{
    if (table->max_entries != 0)
        stelei_store64(&table->root->entries, known_entries(table) + 1);
}

/* ---- records ------------------------------------------------------------------------------ */

static uint64_t write_record(struct table *table, enum arena_purpose purpose, const void *key,
                             uint32_t key_bytes, const void *value, uint32_t value_bytes,
                             enum stele_status *status)
{
    if (table->word_keys)
        key_bytes = 0; /* the key stands in the slot */
    uint64_t meta = stelei_record_word(key_bytes, 0, value_bytes);
    uint64_t off = arena_alloc(table->arena, stelei_record_bytes(meta), purpose, status);
    if (off == 0)
        return 0;
    uint64_t *record = table_at(table, off);
    /* the block may have been reachable: the version that hid it comes before these stores */
    stelei_nop_write();
    stelei_store64(record, meta);
    stelei_copy_in(record + stelei_record_key_off(meta) / 8, key, key_bytes);
    stelei_copy_in(record + stelei_record_value_off(meta) / 8, value, value_bytes);
    table_count_block(table, stelei_record_bytes(meta), true);
    return off;
}

static void free_record(struct table *table, uint64_t off)
{
    uint64_t bytes = stelei_record_bytes(stelei_load64(table_at(table, off)));
    table_count_block(table, bytes, false);
    arena_free(table->arena, off, bytes);
}

static void retire_block(void *context, uint64_t off, uint64_t bytes)
{
    struct table *table = context;
    table_count_block(table, bytes, false);
    arena_retire(table->arena, off, bytes);
}

/* ---- replace ------------------------------------------------------------------------------ */

/* A word is stored in place. */
void table_replace_word(const struct table_spot *spot, uint64_t word)
{
    STELE_POINT("table.replace:before_word");
    stelei_store64_release(&slot_word(spot->line, spot->slot)->value, word);
    STELE_POINT("table.replace:before_word_bump");
    stelei_sequence_bump(&spot->head->sequence);
}

static enum stele_status replace(struct table *table, const struct table_spot *spot,
                                 const void *key, uint32_t key_bytes, const void *value,
                                 uint32_t value_bytes)
{
    enum stele_status status = STELE_OK;
    uint32_t old_bytes = stelei_record_value_bytes(spot->meta);
    if (table->form == TABLE_WORDS) {
        uint64_t word;
        memcpy(&word, value, sizeof word);
        table_replace_word(spot, word);
        return STELE_OK;
    }
    uint64_t off = write_record(table, value_bytes <= old_bytes ? ARENA_RESERVE : ARENA_ORDINARY,
                                key, key_bytes, value, value_bytes, &status);
    if (off == 0)
        return status;
    STELE_POINT("table.replace:before_ref");
    slot_swap_ref(table, spot->line, spot->slot, table_ref_of(table, off));
    STELE_POINT("table.replace:before_bump");
    stelei_sequence_bump(&spot->head->sequence);
    STELE_POINT("table.replace:before_retire");
    retire_block(table, spot->record_off, stelei_record_bytes(spot->meta));
    table->payload_bytes += (uint64_t)value_bytes - old_bytes;
    return STELE_OK;
}

/* ---- insert ------------------------------------------------------------------------------- */

/* A free slot of the chain, the head's first. NULL: the chain is full. */
static struct stelei_bucket *free_slot(const struct table *table, struct stelei_bucket *head,
                                       unsigned *slot)
{
    for (struct stelei_bucket *line = head; line; line = slot_next(table, line)) {
        uint64_t free = ~stelei_load64(&line->sequence) & table->slots_mask;
        if (free) {
            *slot = (unsigned)__builtin_ctzll(free);
            return line;
        }
    }
    return NULL;
}

static void insert_head(const struct table *table, struct stelei_bucket *head, unsigned slot,
                        const struct slot_content *content)
{
    stelei_nop_write(); /* the slot was freed by an earlier version */
    slot_fill(table, head, slot, content);
    STELE_POINT("table.insert:before_publish");
    publish_head(head, stelei_sequence_valid(stelei_load64(&head->sequence)) | UINT64_C(1) << slot);
}

static void insert_line(struct table *table, struct stelei_bucket *head, struct stelei_bucket *line,
                        unsigned slot, const struct slot_content *content)
{
    stelei_nop_write();
    slot_fill(table, line, slot, content);
    STELE_POINT("table.insert:before_line");
    stelei_sequence_publish(&line->sequence, stelei_load64(&line->sequence) | UINT64_C(1) << slot);
    STELE_POINT("table.insert:before_bump");
    stelei_sequence_bump(&head->sequence);
    table->overflow++;
}

/* Links a new line, with the entry in it, behind the last one. */
static void insert_new_line(struct table *table, struct stelei_bucket *head,
                            struct stelei_bucket *last, uint64_t line_off,
                            const struct slot_content *content)
{
    struct stelei_bucket *line = table_at(table, line_off);
    stelei_nop_write();
    stelei_store32(slot_link(table, line), 0);
    slot_fill(table, line, 0, content);
    stelei_store64(&line->sequence, 1);
    STELE_POINT("table.insert:before_link");
    stelei_store32_release(slot_link(table, last), table_ref_of(table, line_off));
    STELE_POINT("table.insert:before_link_bump");
    stelei_sequence_bump(&head->sequence);
    table->lines++;
    table->overflow++;
}

/* What goes into the slot; a record is written for it where the type wants one. */
static enum stele_status make_content(struct table *table, uint64_t hash, const void *key,
                                      uint32_t key_bytes, const void *value, uint32_t value_bytes,
                                      struct slot_content *content)
{
    enum stele_status status = STELE_OK;
    content->tag = stelei_hash_tag(hash);
    content->key = 0;
    if (table->word_keys)
        memcpy(&content->key, key, sizeof content->key);
    if (!slot_has_record(table)) {
        memcpy(&content->value, value, sizeof content->value);
        return STELE_OK;
    }
    uint64_t off = write_record(table, ARENA_ORDINARY, key, key_bytes, value, value_bytes, &status);
    content->value = table_ref_of(table, off);
    return off ? STELE_OK : status; /* which tells of a first try that failed, too */
}

static enum stele_status insert(struct table *table, const struct table_spot *last,
                                const struct slot_content *content)
{
    enum stele_status status = STELE_OK;
    unsigned slot = 0;
    uint64_t off = 0;
    struct stelei_bucket *line = free_slot(table, last->head, &slot);
    if (!line) {
        off = arena_alloc(table->arena, STELEI_BUCKET_BYTES, ARENA_ORDINARY, &status);
        if (off == 0)
            return status;
    }
    announce_entry(table);
    if (line == last->head)
        insert_head(table, line, slot, content);
    else if (line)
        insert_line(table, last->head, line, slot, content);
    else
        insert_new_line(table, last->head, last->line, off, content);
    count_entry(table, true);
    return STELE_OK;
}

/* Bytes of a new entry's key and value, or elements. */
static uint64_t payload_of(const struct table *table, uint32_t key_bytes, const void *value,
                           uint32_t value_bytes)
{
    if (table->form == TABLE_WORDS)
        return table->word_bytes;
    uint64_t key = table->word_keys ? stele_kind_bytes(table->type.key_kind) : key_bytes;
    if (table->form == TABLE_RECORDS)
        return key + value_bytes;
    uint64_t ref;
    memcpy(&ref, value, sizeof ref);
    const struct stelei_list *list = table_at(table, table_ref_off(table, (uint32_t)ref));
    return key + (stelei_load64(&list->count) << table->element_shift);
}

enum stele_status table_insert(struct table *table, const struct table_spot *last, uint64_t hash,
                               const void *key, uint32_t key_bytes, const void *value,
                               uint32_t value_bytes)
{
    struct slot_content content;
    if (full(table))
        return STELE_EFULL;
    enum stele_status status =
        make_content(table, hash, key, key_bytes, value, value_bytes, &content);
    if (status != STELE_OK)
        return status;
    status = insert(table, last, &content);
    if (status != STELE_OK) {
        if (slot_has_record(table))
            free_record(table, table_ref_off(table, (uint32_t)content.value));
        return status;
    }
    table->payload_bytes += payload_of(table, key_bytes, value, value_bytes);
    split_as_needed(table);
    return STELE_OK;
}

enum stele_status table_put_at(struct table *table, const struct table_spot *spot, bool there,
                               uint64_t hash, const void *key, uint32_t key_bytes,
                               const void *value, uint32_t value_bytes)
{
    enum stele_status status =
        there ? replace(table, spot, key, key_bytes, value, value_bytes)
              : table_insert(table, spot, hash, key, key_bytes, value, value_bytes);
    if (status == STELE_OK)
        table_publish_counts(table);
    return status;
}

enum stele_status table_write(struct table *table, enum table_mode mode, const void *key,
                              uint32_t key_bytes, const void *value, uint32_t value_bytes)
{
    struct table_spot spot;
    uint64_t hash = table_hash(table, key, key_bytes);
    bool there = table_find(table, key, key_bytes, hash, &spot);
    if (there && mode == TABLE_INSERT)
        return STELE_EEXIST;
    if (!there && mode == TABLE_REPLACE)
        return STELE_ENOTFOUND;
    return table_put_at(table, &spot, there, hash, key, key_bytes, value, value_bytes);
}

/* ---- erase -------------------------------------------------------------------------------- */

/* Takes up to LINES_AT_ONCE empty lines out of the chain. */
static unsigned unlink_empty(const struct table *table, struct stelei_bucket *head,
                             uint32_t removed[LINES_AT_ONCE])
{
    unsigned count = 0;
    struct stelei_bucket *line = head;
    while (count < LINES_AT_ONCE) {
        uint32_t ref = stelei_load32(slot_link(table, line));
        struct stelei_bucket *next = table_line(table, ref);
        if (!next)
            break;
        if (stelei_sequence_valid(stelei_load64(&next->sequence)) != 0) {
            line = next;
            continue;
        }
        STELE_POINT("table.settle:before_link");
        stelei_store32_release(slot_link(table, line), stelei_load32(slot_link(table, next)));
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

void table_erase_spot(struct table *table, const struct table_spot *spot)
{
    uint64_t payload = table->form == TABLE_WORDS ? table->word_bytes
                                                  : slot_payload(table, spot->line, spot->slot);
    if (spot->line == spot->head) {
        uint64_t valid = stelei_sequence_valid(stelei_load64(&spot->head->sequence));
        STELE_POINT("table.erase:before_publish");
        publish_head(spot->head, valid & ~(UINT64_C(1) << spot->slot));
    } else {
        erase_overflow(table, spot);
    }
    STELE_POINT("table.erase:before_retire");
    if (table->form != TABLE_WORDS) /* nobody has used the slot again */
        slot_blocks(table, spot->line, spot->slot, retire_block, table);
    table->payload_bytes -= payload;
    count_entry(table, false);
    table_publish_counts(table);
}

enum stele_status table_erase(struct table *table, const void *key, uint32_t key_bytes)
{
    struct table_spot spot;
    if (!table_find(table, key, key_bytes, table_hash(table, key, key_bytes), &spot))
        return STELE_ENOTFOUND;
    table_erase_spot(table, &spot);
    return STELE_OK;
}
