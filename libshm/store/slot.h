/*
 * slot.h - what a slot is made of. The one place that tells the two bucket layouts apart (byte keys:
 * ten slots of tag and ref; word keys: three slots of key and value), and that knows which blocks
 * stand behind a slot. Called by the writer's rooms only.
 *
 * Loads and stores are relaxed unless said otherwise: a slot is filled while no valid bit shows it.
 */
#ifndef STORE_SLOT_H
#define STORE_SLOT_H

#include "table.h"

/* A slot's content, free of its layout. */
struct slot_content {
    uint64_t key;   /* word keys */
    uint64_t value; /* the word, or the ref of a record or list */
    uint8_t tag;    /* byte keys */
};

STELEI_INLINE uint32_t *slot_link(const struct table *table, struct stelei_bucket *line)
{
    return (uint32_t *)(void *)((uint8_t *)line + table->link_off);
}
STELEI_INLINE struct stelei_bucket *slot_next(const struct table *table, struct stelei_bucket *line)
{
    return table_line(table, stelei_load32(slot_link(table, line)));
}

/* The slot of a line of word keys. */
STELEI_INLINE struct stelei_word_slot *slot_word(struct stelei_bucket *line, unsigned slot)
{
    return &((struct stelei_word_bucket *)(void *)line)->slot[slot];
}

/* The tag of a slot of byte keys. */
uint8_t table_tag(const struct stelei_bucket *line, unsigned slot);
/* Fills a slot of byte keys. */
void table_fill_slot(struct stelei_bucket *line, unsigned slot, uint8_t tag, uint32_t ref);

STELEI_INLINE void slot_load(const struct table *table, struct stelei_bucket *line, unsigned slot,
                             struct slot_content *content)
{
    if (table->word_keys) {
        content->key = stelei_load64(&slot_word(line, slot)->key);
        content->value = stelei_load64(&slot_word(line, slot)->value);
        content->tag = 0;
    } else {
        content->key = 0;
        content->value = stelei_load32(&line->ref[slot]);
        content->tag = table_tag(line, slot);
    }
}
STELEI_INLINE void slot_fill(const struct table *table, struct stelei_bucket *line, unsigned slot,
                             const struct slot_content *content)
{
    if (table->word_keys) {
        stelei_store64(&slot_word(line, slot)->key, content->key);
        stelei_store64(&slot_word(line, slot)->value, content->value);
    } else {
        table_fill_slot(line, slot, content->tag, (uint32_t)content->value);
    }
}

/* The ref of what stands behind a slot; of nothing for TABLE_WORDS. */
STELEI_INLINE uint32_t slot_ref(const struct table *table, struct stelei_bucket *line,
                                unsigned slot)
{
    return table->word_keys ? (uint32_t)stelei_load64(&slot_word(line, slot)->value)
                            : stelei_load32(&line->ref[slot]);
}
/* Release: readers follow the new ref from here on. The head's version has to move next. */
STELEI_INLINE void slot_swap_ref(const struct table *table, struct stelei_bucket *line,
                                 unsigned slot, uint32_t ref)
{
    if (table->word_keys)
        stelei_store64_release(&slot_word(line, slot)->value, ref);
    else
        stelei_store32_release(&line->ref[slot], ref);
}

STELEI_INLINE bool slot_has_record(const struct table *table)
{
    return table->form == TABLE_RECORDS || (table->form == TABLE_LISTS && !table->word_keys);
}

/* The word that holds the ref of a list: the slot's value, or the value of the key's record. */
uint64_t *slot_list_cell(const struct table *table, struct stelei_bucket *line, unsigned slot);

uint64_t slot_hash(const struct table *table, struct stelei_bucket *line, unsigned slot);

/* Whether a word of this kind can be so large. */
STELEI_INLINE bool slot_word_fits(unsigned kind, uint64_t word)
{
    unsigned bytes = stele_kind_bytes(kind);
    return bytes == 8 || (bytes != 0 && word >> 8 * bytes == 0);
}
/* The words in a slot are no larger than their kinds, and a ref is a ref. */
bool slot_fits(const struct table *table, struct stelei_bucket *line, unsigned slot);
/* A record that begins with this word has a key and a value of such lengths as the type allows. */
bool slot_record_fits(const struct table *table, uint64_t meta);

/* Calls visit for each block behind a slot: the record, the list, its chunks. */
typedef void (*slot_visit)(void *context, uint64_t off, uint64_t bytes);
void slot_blocks(const struct table *table, struct stelei_bucket *line, unsigned slot,
                 slot_visit visit, void *context);

/* Bytes of key and value, or of key and elements. */
uint64_t slot_payload(const struct table *table, struct stelei_bucket *line, unsigned slot);

#endif
