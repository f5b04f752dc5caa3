#include "adopt.h"
#include "index.h"
#include "list.h"
#include "split.h"

#include <stdlib.h>

/* Buckets that a write to a table adds to the pass, so that a table under fire is adopted soon. */
#define BUCKETS_PER_WRITE 2u
#define BUCKETS_AHEAD     4u

/* ---- checking ------------------------------------------------------------------------------ */

static uint64_t limit_of(const struct table *table)
{
    return stelei_map_limit(table->map);
}

static bool line_plausible(const struct table *table, uint32_t ref)
{
    return arena_plausible(table->arena, table_ref_off(table, ref), STELEI_BUCKET_BYTES);
}

static bool record_plausible(const struct table *table, uint32_t ref)
{
    uint64_t off = table_ref_off(table, ref);
    if (off < table->arena->segment->header->data_off || off + 8 > limit_of(table))
        return false;
    uint64_t meta = stelei_load64(table_record(table, ref));
    return slot_record_fits(table, meta) &&
           arena_plausible(table->arena, off, stelei_record_bytes(meta));
}

/* Everything behind a slot can be walked. */
static bool slot_plausible(const struct table *table, struct stelei_bucket *line, unsigned slot)
{
    if (!slot_fits(table, line, slot))
        return false;
    if (slot_has_record(table) && !record_plausible(table, slot_ref(table, line, slot)))
        return false;
    return table->form != TABLE_LISTS ||
           list_plausible(table, (uint32_t)stelei_load64(slot_list_cell(table, line, slot)));
}

/* Hides slots of a line; in the head together with the next version. */
static void hide(struct stelei_bucket *head, struct stelei_bucket *line, uint64_t bits)
{
    uint64_t word = stelei_load64(&line->sequence);
    STELE_POINT("adopt:before_hide");
    if (line == head)
        stelei_sequence_publish(&line->sequence,
                                stelei_sequence_next(word, stelei_sequence_depth(word),
                                                     stelei_sequence_valid(word) & ~bits));
    else
        stelei_sequence_publish(&line->sequence, word & ~bits);
}

/* Slots of a line that no record stands behind. */
static uint64_t wrong_slots(const struct table *table, struct stelei_bucket *line)
{
    uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence));
    uint64_t wrong = valid & ~table->slots_mask;
    for (valid &= table->slots_mask; valid; valid &= valid - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(valid);
        if (!slot_plausible(table, line, slot))
            wrong |= UINT64_C(1) << slot;
    }
    return wrong;
}

/*
 * Makes one chain safe to walk: drops refs and links that lead to no block of their kind, and rings
 * (Brent's test). Nothing to do unless the segment was damaged.
 */
static void make_walkable(struct table *table, uint64_t bucket)
{
    struct stelei_bucket *head = index_bucket(table, bucket), *line = head, *met = head;
    for (uint64_t lines = 1, again = 8;; lines++) {
        uint64_t wrong = wrong_slots(table, line);
        if (wrong) {
            table->marks->dropped += (uint64_t)__builtin_popcountll(wrong);
            hide(head, line, wrong);
        }
        uint32_t next = stelei_load32(slot_link(table, line));
        if (next == 0)
            return;
        if (!line_plausible(table, next) || table_line(table, next) == met) {
            stelei_store32_release(slot_link(table, line), 0);
            table->marks->dropped++;
            return;
        }
        line = table_line(table, next);
        if (lines == again) {
            met = line;
            again *= 2;
        }
    }
}

/* Gives a head the depth that so many buckets demand; it has it unless the segment was damaged. */
static void mend_depth(struct table *table, uint64_t bucket)
{
    struct stelei_bucket *head = index_bucket(table, bucket);
    uint64_t word = stelei_load64(&head->sequence);
    unsigned depth = index_depth(table->adoption.buckets, bucket);
    if (stelei_sequence_depth(word) == depth)
        return;
    table->marks->dropped++;
    stelei_sequence_publish(&head->sequence,
                            stelei_sequence_next(word, depth, stelei_sequence_valid(word)));
}

/* ---- the step ------------------------------------------------------------------------------ */

static void prefetch_bucket(struct table *table, uint64_t i)
{
    if (i >= table->adoption.buckets)
        return;
    struct stelei_bucket *head = index_bucket(table, i);
    uint64_t valid = stelei_sequence_valid(stelei_load64(&head->sequence));
    uint64_t limit = limit_of(table);
    for (unsigned slot = 0; slot < table->slots && table->form != TABLE_WORDS; slot++) {
        uint64_t off = table_ref_off(table, slot_ref(table, head, slot));
        if (valid >> slot & 1 && off < limit)
            __builtin_prefetch(table->arena->segment->base + off);
    }
}

/* The blocks behind one slot, marked one after the other up to the first that cannot be. */
struct marked {
    struct table *table;
    uint64_t blocks, bytes; /* of them */
    enum arena_mark result;
    uint64_t unmark; /* so many are taken back */
};

static void mark_behind(void *context, uint64_t off, uint64_t bytes)
{
    struct marked *marked = context;
    struct table *table = marked->table;
    if (marked->result != ARENA_MARKED)
        return;
    marked->result = arena_mark(table->arena, table->marks, off, bytes);
    if (marked->result != ARENA_MARKED)
        return;
    marked->blocks++;
    marked->bytes += stelei_block_bytes(bytes, table->map->granule_shift);
}

static void unmark_behind(void *context, uint64_t off, uint64_t bytes)
{
    struct marked *marked = context;
    if (marked->unmark == 0)
        return;
    marked->unmark--;
    arena_unmark(marked->table->arena, marked->table->marks, off, bytes);
}

static enum arena_mark mark_slot(struct table *table, struct stelei_bucket *line, unsigned slot)
{
    struct marked marked = {.table = table, .result = ARENA_MARKED};
    slot_blocks(table, line, slot, mark_behind, &marked);
    if (marked.result != ARENA_MARKED) {
        marked.unmark = marked.blocks;
        slot_blocks(table, line, slot, unmark_behind, &marked);
        return marked.result;
    }
    if (table->form == TABLE_LISTS)
        list_settle(table, (uint32_t)stelei_load64(slot_list_cell(table, line, slot)));
    table->record_bytes += marked.bytes;
    table->payload_bytes += slot_payload(table, line, slot);
    return ARENA_MARKED;
}

/* The same word key, or the same record. */
static bool same_entry(const struct table *table, struct stelei_bucket *a, unsigned slot_a,
                       struct stelei_bucket *b, unsigned slot_b)
{
    if (table->word_keys)
        return stelei_load64(&slot_word(a, slot_a)->key) ==
               stelei_load64(&slot_word(b, slot_b)->key);
    return slot_ref(table, a, slot_a) == slot_ref(table, b, slot_b);
}

/* An entry that a writer was killed while pulling up into the head stands twice. */
static bool stands_in_head(const struct table *table, struct stelei_bucket *head,
                           struct stelei_bucket *line, unsigned slot)
{
    if (line == head)
        return false;
    uint64_t valid = stelei_sequence_valid(stelei_load64(&head->sequence));
    for (; valid; valid &= valid - 1)
        if (same_entry(table, head, (unsigned)__builtin_ctzll(valid), line, slot))
            return true;
    return false;
}

/* Marks what stands behind the slots of a line; drops what is no block of its own. */
static void mark_line(struct table *table, struct stelei_bucket *head, struct stelei_bucket *line)
{
    uint64_t valid = stelei_sequence_valid(stelei_load64(&line->sequence)), bad = 0;
    for (; valid; valid &= valid - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(valid);
        if (stands_in_head(table, head, line, slot)) {
            bad |= UINT64_C(1) << slot;
            continue;
        }
        if (mark_slot(table, line, slot) != ARENA_MARKED) {
            table->marks->dropped++;
            bad |= UINT64_C(1) << slot;
            continue;
        }
        table->entries++;
        table->overflow += line != head;
    }
    if (bad)
        hide(head, line, bad);
}

static void mark_chain(struct table *table, struct stelei_bucket *head)
{
    struct stelei_bucket *line = head;
    for (;;) {
        mark_line(table, head, line);
        uint32_t next = stelei_load32(slot_link(table, line));
        if (next == 0)
            return;
        if (arena_mark(table->arena, table->marks, table_ref_off(table, next),
                       STELEI_BUCKET_BYTES) != ARENA_MARKED) {
            stelei_store32_release(slot_link(table, line), 0);
            table->marks->dropped++;
            return;
        }
        table->lines++;
        line = table_line(table, next);
    }
}

static bool is_done(const struct table *table, uint64_t bucket)
{
    return bucket >= table->adoption.buckets ||
           table->adoption.done[bucket / 64] >> bucket % 64 & 1;
}

static void adopt_one(struct table *table, uint64_t bucket)
{
    if (is_done(table, bucket))
        return;
    table->adoption.done[bucket / 64] |= UINT64_C(1) << bucket % 64;
    mend_depth(table, bucket);
    make_walkable(table, bucket);
    struct stelei_bucket *head = index_bucket(table, bucket);
    mark_chain(table, head);
    STELE_POINT("adopt:before_settle");
    table_settle_chain(table, head);
}

static void end_table(struct table *table)
{
    free(table->adoption.done);
    table->adoption.done = NULL;
    table_publish_counts(table);
}

/* Steps the table's own cursor. True while the table has more. */
static bool step_table(struct table *table, uint32_t *budget)
{
    struct table_adoption *adoption = &table->adoption;
    while (*budget > 0 && adoption->cursor < adoption->buckets) {
        prefetch_bucket(table, adoption->cursor + BUCKETS_AHEAD);
        adopt_one(table, adoption->cursor++);
        --*budget;
    }
    if (adoption->cursor < adoption->buckets)
        return true;
    end_table(table);
    return false;
}

void adopt_bucket_slow(struct table *table, uint64_t bucket)
{
    uint32_t budget = BUCKETS_PER_WRITE;
    adopt_one(table, bucket);
    step_table(table, &budget);
}

void adopt_rest(struct table *table)
{
    uint32_t budget = UINT32_MAX;
    while (table->adoption.done && step_table(table, &budget))
        budget = UINT32_MAX;
}

/* ---- begin --------------------------------------------------------------------------------- */

struct marking {
    struct table *table;
    bool corrupt;
};

static void mark_block(void *context, uint64_t off, uint64_t bytes)
{
    struct marking *marking = context;
    if (arena_mark(marking->table->arena, marking->table->marks, off, bytes) != ARENA_MARKED)
        marking->corrupt = true;
}

/* Buckets at the depth that `buckets` born ones demand; one split may be half done. */
static bool depths_plausible(const struct table *table)
{
    uint64_t last = table->buckets - 1, level = stelei_top_bit(last);
    unsigned depth = stelei_sequence_depth(stelei_load64(&index_bucket(table, last)->sequence));
    if (last < 2)
        return depth == 1;
    uint64_t parent = stelei_bucket_parent(last);
    unsigned above = stelei_sequence_depth(stelei_load64(&index_bucket(table, parent)->sequence));
    return depth == level + 1 && (above == depth || above + 1 == depth);
}

static enum stele_status mark_index(struct adopt *adopt, struct table *table)
{
    struct marking marking = {.table = table};
    table->marks = &adopt->marks;
    index_blocks(table->arena->segment, table->root_off, table->buckets, mark_block, &marking);
    return marking.corrupt ? STELE_ECORRUPT : STELE_OK;
}

static enum stele_status begin_table(struct table *table)
{
    if (!depths_plausible(table))
        return STELE_ECORRUPT;
    table->adoption.buckets = table->buckets;
    table->adoption.entries = stelei_load64(&table->root->entries);
    table->adoption.done = calloc(table->buckets / 64 + 1, 8);
    if (!table->adoption.done)
        return STELE_ENOMEM;
    if (table->buckets > 2) {
        make_walkable(table, stelei_bucket_parent(table->buckets - 1));
        make_walkable(table, table->buckets - 1);
        split_finish(table);
    }
    return STELE_OK;
}

/* First the indexes of all tables, then the first store to any of them: no damaged link of one
 * table leads a store into the index of another. */
enum stele_status adopt_begin(struct adopt *adopt, struct catalog *catalog)
{
    enum stele_status status = arena_marks_init(catalog->arena, &adopt->marks);
    adopt->phase = ADOPT_MARKING;
    adopt->table = 0;
    for (uint32_t id = 0; status == STELE_OK && id < STELEI_TABLE_CAPACITY; id++) {
        if ((uint32_t)stelei_load64(&catalog->shared[id].word) == 0)
            continue;
        status = catalog_check_hash(catalog, id);
        if (status == STELE_OK)
            status =
                catalog_bind(catalog, id) ? mark_index(adopt, &catalog->table[id]) : STELE_ECORRUPT;
    }
    for (uint32_t id = 0; status == STELE_OK && id < STELEI_TABLE_CAPACITY; id++)
        if (catalog->table[id].live)
            status = begin_table(&catalog->table[id]);
    return status;
}

/* ---- steps --------------------------------------------------------------------------------- */

static void end_marking(struct adopt *adopt, struct catalog *catalog)
{
    arena_restart_clock(catalog->arena);
    for (uint32_t id = 0; id < STELEI_TABLE_CAPACITY; id++)
        catalog->table[id].marks = NULL;
    adopt->phase = ADOPT_SWEEPING;
}

static bool mark_more(struct adopt *adopt, struct catalog *catalog, uint32_t *budget)
{
    for (; adopt->table < STELEI_TABLE_CAPACITY; adopt->table++) {
        struct table *table = &catalog->table[adopt->table];
        if (table->live && table->adoption.done && step_table(table, budget))
            return true;
    }
    /* tables dropped meanwhile: their blocks are taken until the reclaimer retires them */
    for (struct reclaim_job *job = catalog->reclaim->first; job; job = job->next)
        if (job->table.adoption.done && step_table(&job->table, budget))
            return true;
    return false;
}

bool adopt_step(struct adopt *adopt, struct catalog *catalog, uint32_t *budget)
{
    if (adopt->phase == ADOPT_MARKING) {
        if (mark_more(adopt, catalog, budget))
            return true;
        end_marking(adopt, catalog);
    }
    if (adopt->phase == ADOPT_SWEEPING) {
        uint32_t units = *budget;
        *budget = 0;
        if (arena_sweep(catalog->arena, &adopt->marks, units))
            return true;
        if (arena_release(catalog->arena, units))
            return true;
        adopt_fini(adopt);
    }
    return false;
}

void adopt_fini(struct adopt *adopt)
{
    arena_marks_fini(&adopt->marks);
    adopt->phase = ADOPT_IDLE;
}
