/*
 * lmdb.c - LMDB on tmpfs, loaded sorted with MDB_APPEND (full pages, its best case), read by
 * another process through its own read-only environment. One read transaction is kept for a whole
 * loop of gets: a get that is to see the latest commit would have to renew it each time, which
 * costs more.
 */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmdb.h>

#include "harness/clock.h"

struct lmdb_state {
    MDB_env *env;
    MDB_txn *txn; /* reader: reset between loops */
    MDB_dbi dbi;
    char path[128];
};

static void lmdb_path(char *path, size_t bytes, const char *name)
{
    snprintf(path, bytes, "/dev/shm/%s.mdb", name);
}

static enum stele_status fail(const char *what, int error)
{
    fprintf(stderr, "lmdb: %s: %s\n", what, mdb_strerror(error));
    return STELE_EIO;
}

/*
 * 2 MiB pages need a mapping that is congruent to the file. LMDB lets nobody choose the address,
 * but the kernel places mappings downwards: one that is longer by the excess ends up aligned.
 */
static void align_mapping(const struct lmdb_state *self, size_t bytes)
{
    struct memory_spans spans = {0};
    memory_add_named(&spans, self->path);
    for (size_t i = 0; i < spans.count; i++) {
        size_t excess = (uintptr_t)spans.span[i].at % MEMORY_HUGE_BYTES;
        if (spans.span[i].bytes >= bytes && excess)
            (void)mdb_env_set_mapsize(self->env, bytes + excess);
    }
}

static struct lmdb_state *lmdb_open(const char *name, size_t bytes, unsigned flags)
{
    struct lmdb_state *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    lmdb_path(self->path, sizeof self->path, name);
    int error = mdb_env_create(&self->env);
    if (error == 0)
        error = mdb_env_set_mapsize(self->env, bytes);
    if (error == 0)
        error = mdb_env_open(self->env, self->path, flags, 0600);
    if (error != 0) {
        fail("open", error);
        free(self);
        return NULL;
    }
    align_mapping(self, bytes);
    return self;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct bench_key));
}

static int put_all(struct lmdb_state *self, const struct bench_key *keys, uint64_t n)
{
    const uint64_t per_txn = 100000;
    int error = 0;
    for (uint64_t i = 0; i < n && error == 0; i++) {
        struct bench_value value = dataset_value(keys[i], 0);
        MDB_val key = {sizeof keys[i], (void *)(uintptr_t)&keys[i]};
        MDB_val data = {sizeof value, &value};
        if (i % per_txn == 0)
            error = mdb_txn_begin(self->env, NULL, 0, &self->txn);
        if (error == 0 && i == 0)
            error = mdb_dbi_open(self->txn, NULL, 0, &self->dbi);
        if (error == 0)
            error = mdb_put(self->txn, self->dbi, &key, &data, MDB_APPEND);
        if (error == 0 && (i + 1 == n || (i + 1) % per_txn == 0))
            error = mdb_txn_commit(self->txn);
    }
    return error;
}

static struct lmdb_state *lmdb_create(const char *name, uint64_t n)
{
    return lmdb_open(name,
                     ((size_t)64 << 20) + (size_t)n * 160 / MEMORY_HUGE_BYTES * MEMORY_HUGE_BYTES,
                     MDB_NOSUBDIR | MDB_NOSYNC | MDB_NORDAHEAD);
}

static enum stele_status lmdb_load(const struct peer_setup *setup, void **state)
{
    const struct bench_dataset *dataset = setup->dataset;
    uint64_t n = dataset->n;
    struct bench_key *keys = malloc((size_t)n * sizeof *keys);
    struct lmdb_state *self = lmdb_create(setup->name, n);
    if (!keys || !self) {
        free(keys);
        return STELE_ENOMEM;
    }
    for (uint64_t i = 0; i < n; i++)
        keys[i] = dataset_key(i);
    qsort(keys, (size_t)n, sizeof *keys, compare_keys);
    int error = put_all(self, keys, n);
    free(keys);
    if (error != 0)
        return fail("load", error);
    *state = self;
    return STELE_OK;
}

static enum stele_status lmdb_attach(const char *name, void **state)
{
    MDB_envinfo info;
    struct lmdb_state *self = lmdb_open(name, 0, MDB_NOSUBDIR | MDB_RDONLY | MDB_NORDAHEAD);
    if (!self)
        return STELE_EIO;
    if (mdb_env_info(self->env, &info) == 0)
        align_mapping(self, info.me_mapsize);
    int error = mdb_txn_begin(self->env, NULL, MDB_RDONLY, &self->txn);
    if (error == 0)
        error = mdb_dbi_open(self->txn, NULL, 0, &self->dbi);
    if (error != 0)
        return fail("attach", error);
    mdb_txn_reset(self->txn);
    *state = self;
    return STELE_OK;
}

static void lmdb_unlink(const char *name)
{
    char path[128], lock[160];
    lmdb_path(path, sizeof path, name);
    snprintf(lock, sizeof lock, "%s-lock", path);
    unlink(path);
    unlink(lock);
}

static void lmdb_spans(void *state, struct memory_spans *spans)
{
    const struct lmdb_state *self = state;
    struct memory_spans all = {0};
    memory_add_named(&all, self->path);
    for (size_t i = 0; i < all.count; i++)
        if (all.span[i].bytes >= MEMORY_HUGE_BYTES) /* not the lock file */
            memory_add(spans, all.span[i].at, all.span[i].bytes);
}

static void lmdb_get(void *state, const struct bench_key *keys, uint64_t count,
                     struct peer_tally *tally)
{
    struct lmdb_state *self = state;
    if (mdb_txn_renew(self->txn) != 0) {
        tally->failed += count;
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        MDB_val key = {sizeof keys[i], (void *)(uintptr_t)&keys[i]};
        MDB_val data;
        int error = mdb_get(self->txn, self->dbi, &key, &data);
        if (error == 0 && data.mv_size == sizeof(struct bench_value)) {
            struct bench_value value;
            memcpy(&value, data.mv_data, sizeof value);
            peer_count_found(tally, &keys[i], &value);
        } else if (error == MDB_NOTFOUND) {
            tally->missed++;
        } else {
            tally->failed++;
        }
    }
    mdb_txn_reset(self->txn);
}

static enum stele_status lmdb_append_sorted(const char *name, const struct bench_key *sorted,
                                            uint64_t n, uint64_t *elapsed_ns, uint64_t *cpu_ns)
{
    struct peer_tally tally = {0};
    struct lmdb_state *self = lmdb_create(name, n);
    if (!self)
        return STELE_EIO;
    uint64_t begun = clock_now_ns(), cpu_begun = clock_cpu_ns();
    int error = put_all(self, sorted, n);
    *cpu_ns = clock_cpu_ns() - cpu_begun;
    *elapsed_ns = clock_now_ns() - begun;
    if (error == 0)
        error = mdb_txn_begin(self->env, NULL, MDB_RDONLY, &self->txn);
    if (error == 0) {
        mdb_txn_reset(self->txn);
        lmdb_get(self, sorted, n, &tally);
        mdb_txn_abort(self->txn);
    }
    mdb_env_close(self->env);
    free(self);
    lmdb_unlink(name);
    if (error != 0)
        return fail("append", error);
    return tally.found == n && tally.wrong == 0 ? STELE_OK : STELE_ECORRUPT;
}

static uint64_t lmdb_bytes(void *state)
{
    const struct lmdb_state *self = state;
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(self->env, &info) != 0 || mdb_env_stat(self->env, &stat) != 0)
        return 0;
    return (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
}

const struct peer peer_lmdb = {
    .name = "lmdb",
    .collapse = true,
    .load = lmdb_load,
    .attach = lmdb_attach,
    .unlink = lmdb_unlink,
    .spans = lmdb_spans,
    .get = lmdb_get,
    .bytes = lmdb_bytes,
    .append_sorted = lmdb_append_sorted,
};
