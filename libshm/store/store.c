/* The facade: one mutex, one lsn, and the rooms below in the right order. */
#include "facade.h"
#include "prefetch.h"
#include "room.h"
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef STELE_OWN_ASSERT /* tests bring their own */
void stelei_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "stele: broken invariant: %s (%s:%d)\n", condition, file, line);
    abort();
}
#endif

/* The first word last, and zero meanwhile: seldom does anybody see a half. */
static void set_socket(struct stelei_header *header, const char *path)
{
    uint64_t word[STELEI_SOCKET_BYTES / 8] = {0};
    if (path && path[0] == '/' && strlen(path) < sizeof word)
        memcpy(word, path, strlen(path));
    stelei_store64(&header->socket_path[0], 0);
    stelei_nop_write();
    for (size_t i = 1; i < STELEI_SOCKET_BYTES / 8; i++)
        stelei_store64(&header->socket_path[i], word[i]);
    stelei_store64_release(&header->socket_path[0], word[0]);
}

/* ---- open and close ------------------------------------------------------------------------ */

/* Before anything is made: ids of own functions, each once. */
static bool hashes_make_sense(const struct stele_store_options *options)
{
    for (uint32_t i = 0; i < options->hash_count; i++) {
        if (options->hashes[i].id < STELE_HASH_OWN || !options->hashes[i].function)
            return false;
        for (uint32_t other = 0; other < i; other++)
            if (options->hashes[other].id == options->hashes[i].id)
                return false;
    }
    return true;
}

static enum stele_status start(struct stele_store *store, const struct stele_store_options *options,
                               const struct segment_message *message)
{
    enum stele_status status = STELE_OK;
    names_begin(&store->names, options->name);
    if (store->segment.adopted)
        status = segment_fill_holes(&store->segment, message);
    if (status == STELE_OK)
        status = arena_init(&store->arena, &store->segment);
    if (status != STELE_OK)
        return status;
    catalog_init(&store->catalog, &store->arena, &store->reclaim);
    for (uint32_t i = 0; i < options->hash_count && status == STELE_OK; i++)
        status = catalog_register_hash(&store->catalog, options->hashes[i].id,
                                       options->hashes[i].function);
    if (status != STELE_OK || !store->segment.adopted)
        return status;
    status = adopt_begin(&store->adopt, &store->catalog);
    if (status == STELE_ECORRUPT)
        segment_say(message, "a table of the segment is corrupt; remedy: start with --replace "
                             "(its contents are lost)");
    else if (status == STELE_EHASH)
        segment_say(message, "a table of the segment hashes its keys by a function of a program's "
                             "own; only a program that registers it can adopt the segment");
    return status;
}

/* All but the segment, as it was before start(). */
static void stop(struct stele_store *store)
{
    stelei_fork_mark_fini(&store->mark);
    adopt_fini(&store->adopt);
    reclaim_fini(&store->reclaim);
    catalog_fini(&store->catalog);
    arena_fini(&store->arena);
    memset(&store->adopt, 0, sizeof store->adopt);
    memset(&store->reclaim, 0, sizeof store->reclaim);
    memset(&store->catalog, 0, sizeof store->catalog);
    memset(&store->arena, 0, sizeof store->arena);
}

/* The header was right, what it leads to is not: nothing can be saved. */
static enum stele_status start_anew(struct stele_store *store,
                                    const struct stele_store_options *options,
                                    const struct segment_message *message)
{
    stop(store);
    enum stele_status status = segment_replace(&store->segment, options, message);
    return status == STELE_OK ? start(store, options, message) : status;
}

enum stele_status stele_store_open(const struct stele_store_options *options,
                                   struct stele_store **store, char *detail, size_t detail_bytes)
{
    struct segment_message message = {detail, detail_bytes};
    struct stele_store *opened = calloc(1, sizeof *opened);
    if (!opened)
        return STELE_ENOMEM;
    if (detail && detail_bytes)
        detail[0] = 0;
    enum stele_status status = hashes_make_sense(options)
                                   ? segment_open(&opened->segment, options, &message)
                                   : STELE_EINVAL;
    if (status == STELE_OK) {
        status = start(opened, options, &message);
        if (status == STELE_ECORRUPT && options->replace)
            status = start_anew(opened, options, &message);
    }
    if (status == STELE_OK)
        status = stelei_fork_mark_init(&opened->mark);
    if (status != STELE_OK) {
        if (opened->segment.base) {
            stop(opened);
            segment_close(&opened->segment, false);
        }
        free(opened);
        if (detail && detail_bytes && detail[0] == 0)
            snprintf(detail, detail_bytes, "%s", stele_status_text(status));
        return status;
    }
    set_socket(opened->segment.header, NULL); /* the former writer's */
    opened->unlocked = options->unlocked;
    pthread_mutex_init(&opened->mutex, NULL);
    *store = opened;
    return STELE_OK;
}

/* In a child: what the kernel gave it a copy of, and no word of the parent's segment. Its private
 * memory may be a copy of something half changed, so that nothing of it is followed. */
static void abandon(struct stele_store *store)
{
    segment_close(&store->segment, false);
    stelei_fork_mark_fini(&store->mark);
    free(store);
}

void stele_store_close(struct stele_store *store)
{
    enum stele_status status = facade_ours(store);
    if (status == STELE_EFORKED)
        abandon(store);
    if (status != STELE_OK)
        return;
    set_socket(store->segment.header, NULL);
    bool gone = names_gone(&store->names, &store->segment);
    stop(store);
    if (gone) /* to who still has it mapped: look for the name again */
        segment_give_up(&store->segment);
    segment_close(&store->segment, !gone);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

enum stele_status stele_store_unlink(const char *name)
{
    return segment_unlink(name);
}

enum stele_store_origin stele_store_get_origin(const struct stele_store *store)
{
    return store->segment.adopted ? STELE_STORE_ADOPTED : STELE_STORE_CREATED;
}

int stele_store_fd(const struct stele_store *store)
{
    return store->segment.read_fd;
}

/* ---- housekeeping -------------------------------------------------------------------------- */

/* Adoption before reclaim: nothing is given out again until the pass is over. */
static bool step(struct stele_store *store, uint32_t *budget)
{
    if (store->adopt.phase != ADOPT_IDLE && adopt_step(&store->adopt, &store->catalog, budget))
        return true;
    return store->reclaim.first && reclaim_step(&store->reclaim, budget);
}

/* Sparse slabs last: those of dropped tables empty by themselves. */
static bool step_evacuation(struct stele_store *store, uint32_t *budget)
{
    struct evacuate *evacuate = &store->evacuate;
    if (evacuate->phase == EVACUATE_IDLE) {
        if (!store->arena.pressed)
            return false;
        store->arena.pressed = false;
        evacuate_begin(evacuate);
    }
    return evacuate_step(evacuate, &store->catalog, budget);
}

void facade_settle(struct stele_store *store)
{
    uint32_t budget = UINT32_MAX;
    while (step(store, &budget))
        budget = UINT32_MAX;
}

static void pack(struct stele_store *store)
{
    uint32_t budget = UINT32_MAX;
    store->arena.pressed |= store->evacuate.phase == EVACUATE_IDLE;
    while (step_evacuation(store, &budget))
        budget = UINT32_MAX;
}

bool stele_store_step(struct stele_store *store, uint32_t budget)
{
    if (facade_enter(store) != STELE_OK)
        return false;
    budget = budget ? budget : UINT32_MAX;
    bool more = step(store, &budget) || step_evacuation(store, &budget);
    facade_leave(store);
    return more;
}

bool stele_store_adopting(const struct stele_store *store)
{
    return store->adopt.phase != ADOPT_IDLE;
}

enum stele_status stele_store_populate(struct stele_store *store, uint32_t chunks)
{
    enum stele_status status = facade_ours(store);
    if (status != STELE_OK)
        return status;
    uint64_t upto =
        stelei_load64_acquire(&store->segment.header->committed) + chunks * STELEI_CHUNK_BYTES;
    bool all = upto <= store->segment.map.length;
    status = segment_populate(&store->segment, all ? upto : store->segment.map.length);
    return status == STELE_OK && !all ? STELE_ENOSPC : status;
}

enum stele_status facade_look_for_names(struct stele_store *store)
{
    const struct segment_message silent = {NULL, 0};
    return names_check(&store->names, &store->segment, &silent);
}

enum stele_status stele_store_check_names(struct stele_store *store, char *detail,
                                          size_t detail_bytes)
{
    const struct segment_message message = {detail, detail_bytes};
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    if (detail && detail_bytes)
        detail[0] = 0;
    status = names_check(&store->names, &store->segment, &message);
    facade_leave(store);
    return status;
}

enum stele_status stele_store_heartbeat(struct stele_store *store, uint64_t now_ms)
{
    enum stele_status status = stele_store_check_names(store, NULL, 0);
    if (status != STELE_OK && status != STELE_EDETACHED)
        return status;
    segment_ask_again(&store->segment);
    stelei_store64(&store->segment.header->heartbeat_ms, now_ms);
    return status;
}

void stele_store_set_socket(struct stele_store *store, const char *path)
{
    if (facade_enter(store) != STELE_OK)
        return;
    set_socket(store->segment.header, path);
    facade_leave(store);
}

void stele_store_fence(void)
{
    stelei_nop_full();
}

/* ---- writes -------------------------------------------------------------------------------- */

bool facade_again(struct stele_store *store, enum stele_status status)
{
    if (STELEI_LIKELY(status != STELE_ENOSPC))
        return false;
    bool worth = store->adopt.phase != ADOPT_IDLE || store->reclaim.first;
    facade_settle(store);
    if (store->evacuate.phase != EVACUATE_IDLE || arena_worth_packing(&store->arena)) {
        pack(store);
        worth = true;
    }
    return worth;
}

uint64_t facade_next_lsn(const struct stele_store *store)
{
    return stelei_load64(&store->segment.header->applied_lsn) + 1;
}

/* A writer that never steps gets back what dropped tables left, and empties its sparse slabs, all the
 * same, a little with each write. */
static void after_write(struct stele_store *store)
{
    uint32_t buckets = RECLAIM_PER_WRITE, budget = EVACUATE_PER_WRITE;
    if (store->adopt.phase == ADOPT_IDLE && !reclaim_step(&store->reclaim, &buckets))
        step_evacuation(store, &budget);
}

void facade_done(struct stele_store *store, enum stele_status status, uint64_t lsn)
{
    if (STELEI_UNLIKELY(store->arena.pressed || store->evacuate.phase != EVACUATE_IDLE ||
                        store->reclaim.first))
        after_write(store);
    if (status == STELE_OK)
        stelei_store64_release(&store->segment.header->applied_lsn,
                               lsn ? lsn : facade_next_lsn(store));
}

struct write {
    enum { WRITE_PUT, WRITE_INSERT, WRITE_REPLACE, WRITE_ERASE } kind;
    uint32_t table;
    const void *key, *value;
    uint32_t key_bytes, value_bytes;
};

static enum stele_status write_once(struct stele_store *store, const struct write *write)
{
    struct table *table = catalog_table(&store->catalog, write->table);
    const void *value = write->value;
    uint32_t value_bytes = write->value_bytes;
    struct facade_key key;
    uint64_t word;
    if (!table)
        return STELE_ENOTABLE;
    enum stele_status status = facade_key(table, write->key, write->key_bytes, &key);
    if (status != STELE_OK)
        return status;
    if (write->kind == WRITE_ERASE)
        return table_erase(table, key.bytes, key.count);
    status = facade_value(table, &value, &value_bytes, &word);
    if (status != STELE_OK)
        return status;
    enum table_mode mode = write->kind == WRITE_INSERT    ? TABLE_INSERT
                           : write->kind == WRITE_REPLACE ? TABLE_REPLACE
                                                          : TABLE_PUT;
    return table_write(table, mode, key.bytes, key.count, value, value_bytes);
}

bool facade_make_room(struct stele_store *store, struct keep *keep, const void **key,
                      uint64_t key_bytes, const void **value, uint64_t value_bytes)
{
    return keep_bytes(keep, &store->segment, key, key_bytes) &&
           keep_bytes(keep, &store->segment, value, value_bytes) &&
           facade_again(store, STELE_ENOSPC);
}

/* There was no room: once more, if some can be made. */
static enum stele_status write_again(struct stele_store *store, struct write write)
{
    struct keep keep = {0};
    enum stele_status status = STELE_ENOSPC;
    if (facade_make_room(store, &keep, &write.key, write.key_bytes, &write.value,
                         write.value_bytes))
        status = write_once(store, &write);
    keep_fini(&keep);
    return status;
}

static enum stele_status write_locked(struct stele_store *store, const struct write *write)
{
    enum stele_status status = write_once(store, write);
    return STELEI_LIKELY(status != STELE_ENOSPC) ? status : write_again(store, *write);
}

static enum stele_status write_entry(struct stele_store *store, const struct write *write)
{
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = write_locked(store, write);
    facade_done(store, status, 0);
    facade_leave(store);
    return status;
}

enum stele_status stele_store_put(struct stele_store *store, uint32_t table, const void *key,
                                  uint32_t key_bytes, const void *value, uint32_t value_bytes)
{
    struct write write = {WRITE_PUT, table, key, value, key_bytes, value_bytes};
    return write_entry(store, &write);
}

enum stele_status stele_store_insert(struct stele_store *store, uint32_t table, const void *key,
                                     uint32_t key_bytes, const void *value, uint32_t value_bytes)
{
    struct write write = {WRITE_INSERT, table, key, value, key_bytes, value_bytes};
    return write_entry(store, &write);
}

enum stele_status stele_store_replace(struct stele_store *store, uint32_t table, const void *key,
                                      uint32_t key_bytes, const void *value, uint32_t value_bytes)
{
    struct write write = {WRITE_REPLACE, table, key, value, key_bytes, value_bytes};
    return write_entry(store, &write);
}

enum stele_status stele_store_erase(struct stele_store *store, uint32_t table, const void *key,
                                    uint32_t key_bytes)
{
    struct write write = {WRITE_ERASE, table, key, NULL, key_bytes, 0};
    return write_entry(store, &write);
}

/* ---- effects ------------------------------------------------------------------------------- */

static enum stele_status apply_locked(struct stele_store *store, const struct stelei_effect *effect)
{
    struct write write = {WRITE_PUT,     effect->table,     effect->key,
                          effect->value, effect->key_bytes, effect->value_bytes};
    enum stele_status status;
    switch (effect->kind) {
    case STELEI_EFFECT_PUT:
        return write_locked(store, &write);
    case STELEI_EFFECT_ERASE:
        write.kind = WRITE_ERASE;
        status = write_locked(store, &write);
        return status == STELE_ENOTFOUND ? STELE_OK : status;
    case STELEI_EFFECT_LIST_APPEND:
    case STELEI_EFFECT_LIST_REMOVE:
    case STELEI_EFFECT_LIST_REPLACE:
        return facade_apply_list(store, effect);
    default:
        return facade_apply_table(store, effect);
    }
}

enum stele_status stele_store_apply(struct stele_store *store, const struct stelei_effect *effect)
{
    enum stele_status status = facade_enter_change(store);
    if (status != STELE_OK)
        return status;
    status = apply_locked(store, effect);
    facade_done(store, status, effect->lsn);
    facade_leave(store);
    return status;
}

/* ---- statistics ---------------------------------------------------------------------------- */

void stele_store_get_stats(struct stele_store *store, struct stele_store_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    if (facade_enter(store) != STELE_OK)
        return;
    const struct stelei_header *header = store->segment.header;
    stats->max_bytes = store->segment.map.length;
    stats->committed_bytes = stelei_load64(&header->committed);
    stats->huge_bytes = stelei_load64(&store->segment.header->huge_bytes);
    stats->used_bytes = arena_used_bytes(&store->arena);
    stats->free_bytes = arena_free_bytes(&store->arena);
    stats->quarantine_bytes = store->arena.quarantine_bytes;
    stats->epoch = stelei_load64(&header->epoch);
    stats->applied_lsn = stelei_load64(&header->applied_lsn);
    stats->tables = store->catalog.live;
    stats->evacuations = store->evacuate.passes;
    stats->moved_bytes = store->evacuate.moved_bytes;
    stats->adoption_dropped = store->adopt.marks.dropped;
    room_look(store->segment.fd, &stats->tmpfs_bytes, &stats->tmpfs_free_bytes);
    facade_leave(store);
}

enum stele_status stele_store_verify(struct stele_store *store, char *text, size_t text_bytes)
{
    enum stele_status status = facade_enter(store);
    if (status != STELE_OK)
        return status;
    facade_settle(store);
    status = verify_all(&store->catalog, text, text_bytes);
    facade_leave(store);
    return status;
}
