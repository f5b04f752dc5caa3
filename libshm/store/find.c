#include "find.h"

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

/* The record behind a word key, where there is one. */
static bool find_by_word(struct table *table, uint64_t key, uint64_t hash, struct table_spot *spot)
{
    spot->record_off = spot->meta = 0;
    if (!find_word(table, key, hash, spot))
        return false;
    if (table->form == TABLE_RECORDS) {
        spot->record_off = table_ref_off(table, slot_ref(table, spot->line, spot->slot));
        spot->meta = stelei_load64(table_at(table, spot->record_off));
    }
    return true;
}

bool table_find(struct table *table, const void *key, uint32_t key_bytes, uint64_t hash,
                struct table_spot *spot)
{
    if (table->word_keys) {
        uint64_t word;
        memcpy(&word, key, sizeof word);
        return find_by_word(table, word, hash, spot);
    }
    find_head(table, hash, spot);
    for (;;) {
        if (match_line(table, key, key_bytes, hash, spot))
            return true;
        struct stelei_bucket *next = slot_next(table, spot->line);
        if (!next)
            return false; /* spot->line is the last one */
        spot->previous = spot->line;
        spot->line = next;
    }
}
