#include "split.h"
#include "adopt.h"
#include "index.h"

#define LOAD_NUMERATOR   3u /* split above 3/4 of the slots of the first lines */
#define LOAD_DENOMINATOR 4u
#define SPLITS_PER_CALL  2u
#define BUDDY_LINES_MAX  16u
#define CHAIN_SLOTS      (STELEI_BYTES_SLOTS * (BUDDY_LINES_MAX + 1))

/* Entries of one chain that belong to the buddy, in chain order. */
struct moving {
    struct stelei_bucket *line[CHAIN_SLOTS];
    uint8_t slot[CHAIN_SLOTS];
    unsigned count;
    bool overflow; /* some stand outside the head */
};

static bool moves(const struct table *table, const struct stelei_bucket *line, unsigned slot,
                  unsigned depth)
{
    const uint64_t *record = table_record(table, stelei_load32(&line->ref[slot]));
    return table_record_hash(table, record) >> (depth - 1) & 1;
}

static void prefetch_records(const struct table *table, const struct stelei_bucket *line)
{
    uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence));
    for (; valid; valid &= valid - 1)
        __builtin_prefetch(table_record(table, stelei_load32(&line->ref[__builtin_ctzll(valid)])));
}

/* False: the chain is longer than one split handles. */
static bool collect(const struct table *table, struct stelei_bucket *head, unsigned depth,
                    struct moving *moving)
{
    moving->count = 0;
    moving->overflow = false;
    prefetch_records(table, head);
    for (struct stelei_bucket *line = head; line;
         line = table_line(table, stelei_load32(&line->link))) {
        uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence));
        for (; valid; valid &= valid - 1) {
            unsigned slot = (unsigned)__builtin_ctzll(valid);
            if (!moves(table, line, slot, depth))
                continue;
            if (moving->count == CHAIN_SLOTS)
                return false;
            moving->line[moving->count] = line;
            moving->slot[moving->count++] = (uint8_t)slot;
            moving->overflow |= line != head;
        }
    }
    return true;
}

/* Fills the buddy and its lines while its depth is 0. False: no memory, nothing happened. */
static bool fill_buddy(struct table *table, struct stelei_bucket *buddy,
                       const struct moving *moving, uint64_t *valid)
{
    uint64_t line_off[BUDDY_LINES_MAX];
    enum stele_status status;
    unsigned lines =
        moving->count > STELEI_BYTES_SLOTS ? (moving->count - 1) / STELEI_BYTES_SLOTS : 0;
    for (unsigned i = 0; i < lines; i++) {
        line_off[i] = arena_alloc(table->arena, STELEI_BUCKET_BYTES, ARENA_RESERVE, &status);
        if (line_off[i] == 0) {
            while (i-- > 0)
                arena_free(table->arena, line_off[i], STELEI_BUCKET_BYTES);
            return false;
        }
    }
    stelei_nop_write();
    struct stelei_bucket *line = buddy;
    uint64_t bits = 0;
    stelei_store32(&line->link, 0);
    for (unsigned i = 0; i < moving->count; i++) {
        unsigned slot = i % STELEI_BYTES_SLOTS;
        if (i > 0 && slot == 0) {
            uint64_t off = line_off[i / STELEI_BYTES_SLOTS - 1];
            struct stelei_bucket *next = table_line(table, table_ref_of(table, off));
            if (line == buddy)
                *valid = bits;
            else
                stelei_store64(&line->sequence, bits);
            stelei_store32(&next->link, 0);
            stelei_store32(&line->link, table_ref_of(table, off));
            line = next;
            bits = 0;
        }
        table_fill_slot(line, slot, table_tag(moving->line[i], moving->slot[i]),
                        stelei_load32(&moving->line[i]->ref[moving->slot[i]]));
        bits |= UINT64_C(1) << slot;
    }
    if (line == buddy)
        *valid = bits;
    else
        stelei_store64(&line->sequence, bits);
    table->lines += lines;
    table->overflow += lines ? moving->count - STELEI_BYTES_SLOTS : 0;
    return true;
}

/* Clears the moved entries of the overflow lines, line by line. */
static void clear_moved(struct table *table, const struct stelei_bucket *head,
                        const struct moving *moving)
{
    for (unsigned i = 0; i < moving->count;) {
        struct stelei_bucket *line = moving->line[i];
        uint64_t bits = 0;
        unsigned cleared = 0;
        for (; i < moving->count && moving->line[i] == line; i++, cleared++)
            bits |= UINT64_C(1) << moving->slot[i];
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
    const uint64_t all = STELEI_SLOTS_MASK;
    struct stelei_bucket *line = table_line(table, stelei_load32(&head->link));
    while (line) {
        uint64_t word = stelei_load64(&head->sequence);
        uint64_t valid = stelei_sequence_valid(word), here = stelei_load64(&line->sequence) & all;
        uint64_t copied = 0;
        stelei_nop_write(); /* the head's free slots were freed by an earlier version */
        for (; here && valid != all; here &= here - 1) {
            unsigned from = (unsigned)__builtin_ctzll(here);
            unsigned to = (unsigned)__builtin_ctzll(~valid);
            table_fill_slot(head, to, table_tag(line, from), stelei_load32(&line->ref[from]));
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
        struct stelei_bucket *next = table_line(table, stelei_load32(&line->link));
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

/* Splits one bucket. False: it could not now. */
static bool split_one(struct table *table)
{
    uint64_t born = table->buckets, parent = stelei_bucket_parent(born);
    struct moving moving;
    uint64_t buddy_valid = 0, head_valid;
    if (born >= UINT32_MAX / 2 || index_extend(table, born) != STELE_OK)
        return false;
    struct stelei_bucket *head = index_bucket(table, parent), *buddy = index_bucket(table, born);
    uint64_t word = stelei_load64(&head->sequence);
    unsigned depth = stelei_sequence_depth(word) + 1;
    if (!collect(table, head, depth, &moving) || !fill_buddy(table, buddy, &moving, &buddy_valid))
        return false;
    head_valid = stelei_sequence_valid(word);
    for (unsigned i = 0; i < moving.count && moving.line[i] == head; i++)
        head_valid &= ~(UINT64_C(1) << moving.slot[i]);
    STELE_POINT("split:before_buddy");
    stelei_sequence_publish(&buddy->sequence, stelei_sequence_next(stelei_load64(&buddy->sequence),
                                                                   depth, buddy_valid));
    STELE_POINT("split:before_head");
    /* this one store is the split: who looks for a moved key in the old bucket hops on from here */
    stelei_sequence_publish(&head->sequence, stelei_sequence_next(word, depth, head_valid));
    table->buckets++;
    if (moving.overflow) {
        clear_moved(table, head, &moving);
        table_settle_chain(table, head);
    }
    pull_up(table, head);
    publish_geometry(table);
    return true;
}

/* entries / (10 * buckets) > 3/4 */
static bool overloaded(const struct table *table)
{
    return table->entries * LOAD_DENOMINATOR > table->buckets * STELEI_BYTES_SLOTS * LOAD_NUMERATOR;
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

void split_prefetch(const struct table *table)
{
    uint64_t room =
        table->buckets * STELEI_BYTES_SLOTS * LOAD_NUMERATOR / LOAD_DENOMINATOR - table->entries;
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
        for (unsigned slot = 0; slot < STELEI_BYTES_SLOTS; slot++)
            if (valid >> slot & 1 && moves(table, head, slot, depth))
                valid &= ~(UINT64_C(1) << slot);
        STELE_POINT("adopt.split:before_head");
        stelei_sequence_publish(&head->sequence, stelei_sequence_next(word, depth, valid));
    }
    for (struct stelei_bucket *line = table_line(table, stelei_load32(&head->link)); line;
         line = table_line(table, stelei_load32(&line->link))) {
        uint64_t valid = stelei_load64(&line->sequence), keep = valid;
        for (unsigned slot = 0; slot < STELEI_BYTES_SLOTS; slot++)
            if (valid >> slot & 1 && moves(table, line, slot, depth))
                keep &= ~(UINT64_C(1) << slot);
        STELE_POINT("adopt.split:before_clear");
        if (keep != valid)
            stelei_sequence_publish(&line->sequence, keep);
    }
    STELE_POINT("adopt.split:before_bump");
    stelei_sequence_bump(&head->sequence);
}
