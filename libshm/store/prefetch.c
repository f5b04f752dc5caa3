#include "prefetch.h"

#include "index.h"
#include "slot.h"
#include <stele/detail/locate.h>

#define RECORD_AHEAD 55u

struct ahead {
    struct stelei_bucket *head;
    uint64_t hash;
};

static struct ahead prefetch_bucket(const struct prefetch_key *key)
{
    const struct table *table = key->table;
    uint64_t geometry = stelei_geometry((uint32_t)table->buckets);
    struct ahead ahead;
    ahead.hash = table_hash(table, key->key, key->key_bytes);
    ahead.head = index_bucket(table, stelei_geometry_bucket(geometry, ahead.hash));
    __builtin_prefetch(ahead.head, 1);
    return ahead;
}

/* Records of other keys with the same tag are rare enough to be fetched too. Before the adopting
 * pass a ref may be nonsense: a prefetch of nonsense does nothing. */
static void prefetch_behind(const struct table *table, const struct ahead *ahead)
{
    uint64_t valid = stelei_load64(&ahead->head->sequence);
    uint64_t match = stelei_line_match(ahead->head, valid, stelei_hash_tag(ahead->hash));
    for (; match; match &= match - 1) {
        uint32_t ref = stelei_load32(&ahead->head->ref[__builtin_ctzll(match)]);
        const uint8_t *record = table->map->base + table_ref_off(table, ref);
        __builtin_prefetch(record);
        __builtin_prefetch(record + RECORD_AHEAD); /* a small record seldom fits one line */
    }
}

static void prefetch_behind_word(const struct prefetch_key *key, const struct ahead *ahead)
{
    uint64_t word, valid = stelei_load64(&ahead->head->sequence) & key->table->slots_mask;
    memcpy(&word, key->key, sizeof word);
    for (; valid; valid &= valid - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(valid);
        if (stelei_load64(&slot_word(ahead->head, slot)->key) == word)
            __builtin_prefetch(table_record(key->table, slot_ref(key->table, ahead->head, slot)));
    }
}

void prefetch_keys(const struct prefetch_key *keys, uint32_t count)
{
    struct ahead ahead[PREFETCH_MAX];
    if (count > PREFETCH_MAX)
        count = PREFETCH_MAX;
    for (uint32_t i = 0; i < count; i++)
        ahead[i] = prefetch_bucket(&keys[i]);
    for (uint32_t i = 0; i < count; i++)
        if (!keys[i].table->word_keys)
            prefetch_behind(keys[i].table, &ahead[i]);
        else if (keys[i].table->form != TABLE_WORDS)
            prefetch_behind_word(&keys[i], &ahead[i]);
}
