#include "split.h"
#include "adopt.h"
#include "index.h"
#include "slot.h"

#include <stdlib.h>

#define LOAD_NUMERATOR   3u /* split above 3/4 of the slots of the first lines */
#define LOAD_DENOMINATOR 4u
#define SPLITS_PER_CALL  2u
#define MOVING_NEAR      64u /* entries of a chain that need no memory of their own to remember */

/* Entries of one chain that belong to the buddy, in chain order. */
struct moving_entry {
    struct stelei_bucket *line;
    unsigned slot;
};
struct moving {
    struct moving_entry *entry;
    unsigned count;
    unsigned capacity;
    uint64_t head_bits; /* slots of the head that move */
    bool overflow;      /* some stand outside the head */
    struct moving_entry near[MOVING_NEAR];
};

static bool moves(const struct table *table, struct stelei_bucket *line, unsigned slot,
                  unsigned depth)
{
    return slot_hash(table, line, slot) >> (depth - 1) & 1;
}

/* Whose keys are needed to tell where they belong. */
static void prefetch_records(const struct table *table, const struct stelei_bucket *line)
{
    if (table->word_keys)
        return;
    uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence));
    for (; valid; valid &= valid - 1)
        __builtin_prefetch(table_record(table, stelei_load32(&line->ref[__builtin_ctzll(valid)])));
}

/* Twice as many entries. False: no private memory. */
static bool widen(struct moving *moving)
{
    bool near = moving->entry == moving->near;
    struct moving_entry *wider =
        realloc(near ? NULL : moving->entry, 2 * moving->capacity * sizeof *wider);
    if (!wider)
        return false;
    if (near)
        memcpy(wider, moving->near, sizeof moving->near);
    moving->entry = wider;
    moving->capacity *= 2;
    return true;
}

static void forget(struct moving *moving)
{
    if (moving->entry != moving->near)
        free(moving->entry);
}

/* False: no private memory for so long a chain. forget() in any case. */
static bool collect(const struct table *table, struct stelei_bucket *head, unsigned depth,
                    struct moving *moving)
{
    moving->entry = moving->near;
    moving->capacity = MOVING_NEAR;
    moving->count = 0;
    moving->head_bits = 0;
    moving->overflow = false;
    prefetch_records(table, head);
    for (struct stelei_bucket *line = head; line; line = slot_next(table, line)) {
        uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence));
        for (; valid; valid &= valid - 1) {
            unsigned slot = (unsigned)__builtin_ctzll(valid);
            if (!moves(table, line, slot, depth))
                continue;
            if (moving->count == moving->capacity && !widen(moving))
                return false;
            moving->entry[moving->count].line = line;
            moving->entry[moving->count++].slot = slot;
            moving->overflow |= line != head;
            moving->head_bits |= line == head ? UINT64_C(1) << slot : 0;
        }
    }
    return true;
}

static void free_lines(struct table *table, uint32_t ref)
{
    while (ref) {
        uint32_t next = stelei_load32(slot_link(table, table_line(table, ref)));
        arena_free(table->arena, table_ref_off(table, ref), STELEI_BUCKET_BYTES);
        ref = next;
    }
}

/* A chain of so many new lines; 0: no memory, or none asked for. */
static uint32_t new_lines(struct table *table, unsigned count)
{
    enum stele_status status;
    uint32_t first = 0;
    while (count-- > 0) {
        uint64_t off = arena_alloc(table->arena, STELEI_BUCKET_BYTES, ARENA_RESERVE, &status);
        if (off == 0) {
            free_lines(table, first);
            return 0;
        }
        stelei_nop_write();
        uint32_t ref = table_ref_of(table, off);
        stelei_store32(slot_link(table, table_line(table, ref)), first);
        first = ref;
    }
    return first;
}

/* Fills the buddy and its lines while its depth is 0. False: no memory, nothing happened. */
static bool fill_buddy(struct table *table, struct stelei_bucket *buddy,
                       const struct moving *moving, uint64_t *valid)
{
    unsigned lines = moving->count > table->slots ? (moving->count - 1) / table->slots : 0;
    struct slot_content content;
    uint32_t first = new_lines(table, lines);
    if (lines > 0 && first == 0)
        return false;
    stelei_nop_write();
    stelei_store32(slot_link(table, buddy), first);
    struct stelei_bucket *line = buddy;
    for (unsigned done = 0; line; line = slot_next(table, line)) {
        unsigned slot = 0;
        for (; slot < table->slots && done < moving->count; slot++, done++) {
            slot_load(table, moving->entry[done].line, moving->entry[done].slot, &content);
            slot_fill(table, line, slot, &content);
        }
        uint64_t bits = (UINT64_C(1) << slot) - 1;
        if (line == buddy)
            *valid = bits;
        else
            stelei_store64(&line->sequence, bits);
    }
    table->lines += lines;
    table->overflow += lines ? moving->count - table->slots : 0;
    return true;
}

/* The same for a head of words without overflow lines, which most are: no branch that asks an entry
 * where it goes, since each would be a coin toss. Nothing to remember, no memory. */
static void fill_words(const struct table *table, struct stelei_bucket *head,
                       struct stelei_bucket *buddy, unsigned depth, struct moving *moving,
                       uint64_t *buddy_valid)
{
    uint64_t valid = stelei_load64(&head->sequence);
    unsigned to = 0;
    moving->entry = moving->near;
    moving->count = 0;
    moving->head_bits = 0;
    moving->overflow = false;
    stelei_nop_write();
    stelei_store32(slot_link(table, buddy), 0);
    for (unsigned slot = 0; slot < STELEI_WORD_SLOTS; slot++) {
        struct stelei_word_slot *from = slot_word(head, slot);
        uint64_t key = stelei_load64(&from->key);
        uint64_t goes = table_hash(table, &key, sizeof key) >> (depth - 1) & valid >> slot & 1;
        stelei_store64(&slot_word(buddy, to)->key, key);
        stelei_store64(&slot_word(buddy, to)->value, stelei_load64(&from->value));
        moving->head_bits |= goes << slot;
        to += (unsigned)goes;
    }
    *buddy_valid = (UINT64_C(1) << to) - 1;
}

/* Clears the moved entries of the overflow lines, line by line. */
static void clear_moved(struct table *table, const struct stelei_bucket *head,
                        const struct moving *moving)
{
    for (unsigned i = 0; i < moving->count;) {
        struct stelei_bucket *line = moving->entry[i].line;
        uint64_t bits = 0;
        unsigned cleared = 0;
        for (; i < moving->count && moving->entry[i].line == line; i++, cleared++)
            bits |= UINT64_C(1) << moving->entry[i].slot;
        if (line == head)
            continue; /* its publish has cleared them */
        STELE_POINT("split:before_clear");
        stelei_sequence_publish(&line->sequence, stelei_load64(&line->sequence) & ~bits);
        table->overflow -= cleared;
    }
}

/*
 * Moves entries that stayed behind in overflow lines into free slots of the head, so that the next
 * lookup finds them in the first line: copy published with a new version, original hidden, bump.
 */
static void pull_up(struct table *table, struct stelei_bucket *head)
{
    const uint64_t all = table->slots_mask;
    struct stelei_bucket *line = slot_next(table, head);
    struct slot_content content;
    while (line) {
        uint64_t word = stelei_load64(&head->sequence);
        uint64_t valid = stelei_sequence_valid(word), here = stelei_load64(&line->sequence) & all;
        uint64_t copied = 0;
        stelei_nop_write(); /* the head's free slots were freed by an earlier version */
        for (; here && valid != all; here &= here - 1) {
            unsigned from = (unsigned)__builtin_ctzll(here);
            unsigned to = (unsigned)__builtin_ctzll(~valid);
            slot_load(table, line, from, &content);
            slot_fill(table, head, to, &content);
            valid |= UINT64_C(1) << to;
            copied |= UINT64_C(1) << from;
        }
        if (!copied)
            return;
        STELE_POINT("split.pull_up:before_copy");
        stelei_sequence_publish(&head->sequence,
                                stelei_sequence_next(word, stelei_sequence_depth(word), valid));
        STELE_POINT("split.pull_up:before_hide");
        stelei_sequence_publish(&line->sequence, stelei_load64(&line->sequence) & ~copied);
        table->overflow -= (uint64_t)__builtin_popcountll(copied);
        struct stelei_bucket *next = slot_next(table, line);
        table_settle_chain(table, head);
        line = next;
    }
}

static void publish_geometry(struct table *table)
{
    uint64_t every = table->buckets / 64;
    if (every > 1024)
        every = 1024;
    if (table->buckets - table->published >= (every ? every : 1)) {
        STELE_POINT("split:before_geometry");
        stelei_store64_release(&table->root->geometry, stelei_geometry((uint32_t)table->buckets));
        table->published = table->buckets;
    }
}

/* The split itself: what moves was collected, the buddy is filled and not born. */
static void part(struct table *table, struct stelei_bucket *head, struct stelei_bucket *buddy,
                 const struct moving *moving, uint64_t buddy_valid)
{
    uint64_t word = stelei_load64(&head->sequence);
    uint64_t head_valid = stelei_sequence_valid(word) & ~moving->head_bits;
    unsigned depth = stelei_sequence_depth(word) + 1;
    STELE_POINT("split:before_buddy");
    stelei_sequence_publish(&buddy->sequence, stelei_sequence_next(stelei_load64(&buddy->sequence),
                                                                   depth, buddy_valid));
    STELE_POINT("split:before_head");
    /* this one store is the split: who looks for a moved key in the old bucket hops on from here */
    stelei_sequence_publish(&head->sequence, stelei_sequence_next(word, depth, head_valid));
    table->buckets++;
    if (moving->overflow) {
        clear_moved(table, head, moving);
        table_settle_chain(table, head);
    }
    pull_up(table, head);
    publish_geometry(table);
}

/* Splits one bucket. False: it could not now. */
static bool split_one(struct table *table)
{
    uint64_t born = table->buckets, parent = stelei_bucket_parent(born);
    struct moving moving;
    uint64_t buddy_valid = 0;
    if (born >= UINT32_MAX / 2 || index_extend(table, born) != STELE_OK)
        return false;
    struct stelei_bucket *head = index_bucket(table, parent), *buddy = index_bucket(table, born);
    unsigned depth = stelei_sequence_depth(stelei_load64(&head->sequence)) + 1;
    bool ready = true;
    if (table->word_keys && !slot_next(table, head))
        fill_words(table, head, buddy, depth, &moving, &buddy_valid);
    else
        ready =
            collect(table, head, depth, &moving) && fill_buddy(table, buddy, &moving, &buddy_valid);
    if (ready)
        part(table, head, buddy, &moving, buddy_valid);
    forget(&moving);
    return ready;
}

/* entries / slots of the first lines > 3/4 */
static bool overloaded(const struct table *table)
{
    return table->entries * LOAD_DENOMINATOR > table->buckets * table->slots * LOAD_NUMERATOR;
}

void split_as_needed(struct table *table)
{
    if (table->adoption.done)
        return; /* the counts are not known again yet */
    for (unsigned i = 0; i < SPLITS_PER_CALL && overloaded(table); i++)
        if (!split_one(table))
            return;
    if (!overloaded(table))
        split_prefetch(table);
}

bool split_reserve(struct table *table, uint64_t entries)
{
    while (entries * LOAD_DENOMINATOR > table->buckets * table->slots * LOAD_NUMERATOR)
        if (!split_one(table))
            return false;
    return true;
}

void split_prefetch(const struct table *table)
{
    uint64_t room =
        table->buckets * table->slots * LOAD_NUMERATOR / LOAD_DENOMINATOR - table->entries;
    uint64_t parent = stelei_bucket_parent(table->buckets);
    if (room == 4)
        __builtin_prefetch(index_bucket(table, parent));
    else if (room == 2)
        prefetch_records(table, index_bucket(table, parent));
}

void split_finish(struct table *table)
{
    uint64_t born = table->buckets - 1, parent;
    if (born < 2)
        return;
    parent = stelei_bucket_parent(born);
    struct stelei_bucket *head = index_bucket(table, parent);
    unsigned depth = stelei_sequence_depth(stelei_load64(&index_bucket(table, born)->sequence));
    uint64_t word = stelei_load64(&head->sequence);
    if (stelei_sequence_depth(word) < depth) {
        uint64_t valid = stelei_sequence_valid(word);
        for (unsigned slot = 0; slot < table->slots; slot++)
            if (valid >> slot & 1 && moves(table, head, slot, depth))
                valid &= ~(UINT64_C(1) << slot);
        STELE_POINT("adopt.split:before_head");
        stelei_sequence_publish(&head->sequence, stelei_sequence_next(word, depth, valid));
    }
    for (struct stelei_bucket *line = slot_next(table, head); line; line = slot_next(table, line)) {
        uint64_t valid = stelei_load64(&line->sequence), keep = valid;
        for (unsigned slot = 0; slot < table->slots; slot++)
            if (valid >> slot & 1 && moves(table, line, slot, depth))
                keep &= ~(UINT64_C(1) << slot);
        STELE_POINT("adopt.split:before_clear");
        if (keep != valid)
            stelei_sequence_publish(&line->sequence, keep);
    }
    STELE_POINT("adopt.split:before_bump");
    stelei_sequence_bump(&head->sequence);
}
