#include "slot.h"
#include "list.h"

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

uint64_t *slot_list_cell(const struct table *table, struct stelei_bucket *line, unsigned slot)
{
    if (table->word_keys)
        return &slot_word(line, slot)->value;
    uint64_t *record = table_record(table, stelei_load32(&line->ref[slot]));
    return record + stelei_record_value_off(stelei_load64(record)) / 8;
}

uint64_t slot_hash(const struct table *table, struct stelei_bucket *line, unsigned slot)
{
    if (!table->word_keys)
        return table_record_hash(table, table_record(table, stelei_load32(&line->ref[slot])));
    uint64_t key = stelei_load64(&slot_word(line, slot)->key);
    return table_hash(table, &key, sizeof key);
}

bool slot_fits(const struct table *table, struct stelei_bucket *line, unsigned slot)
{
    struct slot_content content;
    if (!table->word_keys)
        return true;
    slot_load(table, line, slot, &content);
    return slot_word_fits(table->type.key_kind, content.key) &&
           (table->form == TABLE_WORDS ? slot_word_fits(table->type.value_kind, content.value)
                                       : content.value <= UINT32_MAX);
}

bool slot_record_fits(const struct table *table, uint64_t meta)
{
    unsigned word_bytes = stele_kind_bytes(table->type.value_kind);
    uint32_t value_bytes = stelei_record_value_bytes(meta);
    if (table->word_keys && stelei_record_key_bytes(meta) != 0)
        return false;
    if (table->form == TABLE_LISTS)
        return value_bytes == sizeof(uint64_t);
    if (table->type.value_kind == STELE_STRUCT)
        return value_bytes == table->type.value_bytes;
    return word_bytes ? value_bytes == word_bytes : value_bytes <= STELEI_VALUE_MAX_BYTES;
}

void slot_blocks(const struct table *table, struct stelei_bucket *line, unsigned slot,
                 slot_visit visit, void *context)
{
    if (table->form == TABLE_LISTS)
        list_blocks(table, (uint32_t)stelei_load64(slot_list_cell(table, line, slot)), visit,
                    context);
    if (slot_has_record(table)) {
        uint32_t ref = slot_ref(table, line, slot);
        visit(context, table_ref_off(table, ref),
              stelei_record_bytes(stelei_load64(table_record(table, ref))));
    }
}

uint64_t slot_payload(const struct table *table, struct stelei_bucket *line, unsigned slot)
{
    if (table->form == TABLE_WORDS)
        return table->word_bytes;
    uint64_t bytes = stele_kind_bytes(table->type.key_kind);
    uint64_t meta = slot_has_record(table)
                        ? stelei_load64(table_record(table, slot_ref(table, line, slot)))
                        : 0;
    if (!table->word_keys)
        bytes = stelei_record_key_bytes(meta);
    if (table->form == TABLE_RECORDS)
        return bytes + stelei_record_value_bytes(meta);
    const struct stelei_list *list = (const struct stelei_list *)(const void *)table_record(
        table, (uint32_t)stelei_load64(slot_list_cell(table, line, slot)));
    return bytes + (stelei_load64(&list->count) << table->element_shift);
}
