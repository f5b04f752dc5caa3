/* store.h's part about entries that are looked at before they are changed: updates and walks. */
#include "facade.h"
#include "index.h"

/* ---- update -------------------------------------------------------------------------------- */

struct update {
    uint32_t table;
    const void *key;
    uint32_t key_bytes;
    stele_store_decide decide;
    void *context;
    bool decided;
    enum stele_store_action action;
    const void *value; /* as table.h takes it */
    uint32_t value_bytes;
    uint64_t word;
};

/* Asks once: a second try for want of memory finds what the first one found. */
static enum stele_status ask(struct table *table, const struct table_spot *spot, bool there,
                             struct update *update)
{
    uint32_t value_bytes = 0;
    const void *value = there ? facade_found(table, spot, &value_bytes) : NULL;
    update->decided = true;
    update->action =
        update->decide(update->context, value, value_bytes, &update->value, &update->value_bytes);
    if (update->action == STELE_STORE_ERASE && !there)
        update->action = STELE_STORE_KEEP;
    if (update->action != STELE_STORE_PUT)
        return STELE_OK;
    return facade_value(table, &update->value, &update->value_bytes, &update->word);
}

static enum stele_status update_once(struct stele_store *store, struct update *update)
{
    struct table *table = catalog_table(&store->catalog, update->table);
    struct facade_key key;
    struct table_spot spot;
    if (!table)
        return STELE_ENOTABLE;
    enum stele_status status = facade_key(table, update->key, update->key_bytes, &key);
    if (status == STELE_OK && table->form == TABLE_LISTS)
        status = STELE_ETYPE;
    if (status != STELE_OK)
        return status;
    uint64_t hash = table_hash(table, key.bytes, key.count);
    bool there = table_find(table, key.bytes, key.count, hash, &spot);
    if (!update->decided)
        status = ask(table, &spot, there, update);
    if (status != STELE_OK || update->action == STELE_STORE_KEEP)
        return status;
    if (update->action == STELE_STORE_PUT)
        return table_put_at(table, &spot, there, hash, key.bytes, key.count, update->value,
                            update->value_bytes);
    table_erase_spot(table, &spot);
    return STELE_OK;
}

/* There was no room for what was decided: once more, if some can be made. */
static enum stele_status update_again(struct stele_store *store, struct update *update)
{
    struct keep keep = {0};
    enum stele_status status = STELE_ENOSPC;
    if (keep_bytes(&keep, &store->segment, &update->key, update->key_bytes) &&
        keep_bytes(&keep, &store->segment, &update->value, update->value_bytes) &&
        facade_again(store, status))
        status = update_once(store, update);
    keep_fini(&keep);
    return status;
}

enum stele_status stele_store_update(struct stele_store *store, uint32_t table, const void *key,
                                     uint32_t key_bytes, stele_store_decide decide, void *context)
{
    struct update update = {
        .table = table, .key = key, .key_bytes = key_bytes, .decide = decide, .context = context};
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = update_once(store, &update);
    if (STELEI_UNLIKELY(status == STELE_ENOSPC))
        status = update_again(store, &update);
    if (update.action != STELE_STORE_KEEP)
        facade_done(store, status, 0);
    facade_leave(store);
    return status;
}

/* ---- walk ---------------------------------------------------------------------------------- */

/* The line with that number in a chain, and how many there are. */
static struct stelei_bucket *line_at(const struct table *table, uint64_t bucket, uint64_t number,
                                     uint64_t *lines)
{
    struct stelei_bucket *line = index_bucket(table, bucket), *wanted = NULL;
    for (*lines = 0; line; line = slot_next(table, line))
        if ((*lines)++ == number)
            wanted = line;
    return wanted;
}

/* The next valid slot, at the cursor or after it. NULL: there are no more entries. */
static struct stelei_bucket *advance(struct table *table, struct stele_store_cursor *cursor)
{
    while (cursor->bucket < table->buckets) {
        uint64_t lines;
        adopt_bucket(table, cursor->bucket);
        struct stelei_bucket *line = line_at(table, cursor->bucket, cursor->line, &lines);
        if (lines < cursor->lines) /* the last entry of our line was erased, and the line with it */
            cursor->slot = 0;
        cursor->lines = lines;
        for (; line; line = slot_next(table, line), cursor->line++, cursor->slot = 0) {
            uint64_t valid = stelei_load64(&line->sequence) & table->slots_mask;
            uint64_t left = valid >> cursor->slot;
            if (left) {
                cursor->slot += (uint32_t)__builtin_ctzll(left);
                return line;
            }
        }
        cursor->bucket++;
        cursor->line = cursor->lines = 0;
        cursor->slot = 0;
    }
    return NULL;
}

static void tell_key(const struct table *table, struct stelei_bucket *line, unsigned slot,
                     struct stele_store_entry *entry)
{
    if (table->word_keys) {
        entry->word = stelei_load64(&slot_word(line, slot)->key);
        entry->key = &entry->word;
        entry->key_bytes = stele_kind_bytes(table->type.key_kind);
        return;
    }
    const uint64_t *record = table_record(table, slot_ref(table, line, slot));
    uint64_t meta = stelei_load64(record);
    entry->key = record + stelei_record_key_off(meta) / 8;
    entry->key_bytes = stelei_record_key_bytes(meta);
}

static void tell_value(const struct table *table, struct stelei_bucket *line, unsigned slot,
                       struct stele_store_entry *entry)
{
    struct table_spot spot = {.line = line, .slot = slot};
    if (table->form == TABLE_LISTS) {
        struct list_spot found;
        list_find(table, &spot, &found);
        facade_tell_list(table, found.list, &entry->list);
        return;
    }
    if (table->form == TABLE_RECORDS) {
        spot.record_off = table_ref_off(table, slot_ref(table, line, slot));
        spot.meta = stelei_load64(table_at(table, spot.record_off));
    }
    entry->value = facade_found(table, &spot, &entry->value_bytes);
}

enum stele_status stele_store_next(struct stele_store *store, uint32_t id,
                                   struct stele_store_cursor *cursor,
                                   struct stele_store_entry *entry)
{
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    struct table *table = catalog_table(&store->catalog, id);
    struct stelei_bucket *line = table ? advance(table, cursor) : NULL;
    if (line) {
        memset(entry, 0, sizeof *entry);
        tell_key(table, line, cursor->slot, entry);
        tell_value(table, line, cursor->slot, entry);
        cursor->slot++;
    }
    facade_leave(store);
    return line ? STELE_OK : table ? STELE_EEND : STELE_ENOTABLE;
}

/* ---- all entries, under the lock -------------------------------------------------------------- */

struct walk {
    struct table *table;
    stele_store_visit visit;
    void *context;
    uint64_t erased;
    bool detached; /* nothing can be dropped */
    bool refused;  /* to drop one */
};

/* The entries of one line. The walk goes on unless STELE_STORE_STOP. */
static enum stele_store_verdict show_line(struct walk *walk, struct table_spot *spot)
{
    struct stele_store_entry entry;
    uint64_t valid = stelei_load64(&spot->line->sequence) & walk->table->slots_mask;
    for (; valid; valid &= valid - 1) {
        spot->slot = (unsigned)__builtin_ctzll(valid);
        memset(&entry, 0, sizeof entry);
        tell_key(walk->table, spot->line, spot->slot, &entry);
        tell_value(walk->table, spot->line, spot->slot, &entry);
        enum stele_store_verdict verdict = walk->visit(walk->context, &entry);
        if (verdict == STELE_STORE_STOP || (verdict == STELE_STORE_DROP && walk->detached)) {
            walk->refused = verdict == STELE_STORE_DROP;
            return STELE_STORE_STOP;
        }
        if (verdict == STELE_STORE_DROP) {
            table_erase_spot(walk->table, spot);
            walk->erased++;
        }
    }
    return STELE_STORE_NEXT;
}

/* A line that its last entry leaves is taken out of the chain: the next one is looked up before. */
static enum stele_store_verdict show_bucket(struct walk *walk, uint64_t bucket)
{
    struct table_spot spot = {.bucket = bucket, .head = index_bucket(walk->table, bucket)};
    enum stele_store_verdict verdict = STELE_STORE_NEXT;
    adopt_bucket(walk->table, bucket);
    struct stelei_bucket *next = spot.head;
    while (next && verdict != STELE_STORE_STOP) {
        spot.line = next;
        next = slot_next(walk->table, next);
        verdict = show_line(walk, &spot);
    }
    return verdict;
}

enum stele_status stele_store_each(struct stele_store *store, uint32_t id, stele_store_visit visit,
                                   void *context)
{
    struct walk walk = {.visit = visit, .context = context};
    enum stele_store_verdict verdict = STELE_STORE_NEXT;
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    walk.table = catalog_table(&store->catalog, id);
    walk.detached = store->names.detached;
    for (uint64_t i = 0; walk.table && i < walk.table->buckets && verdict != STELE_STORE_STOP; i++)
        verdict = show_bucket(&walk, i);
    /* at the end: what a write does for housekeeping moves blocks and lines */
    if (walk.erased > 0)
        facade_done(store, STELE_OK, facade_next_lsn(store) - 1 + walk.erased);
    facade_leave(store);
    if (walk.refused)
        return STELE_EDETACHED;
    return walk.table ? STELE_OK : STELE_ENOTABLE;
}
