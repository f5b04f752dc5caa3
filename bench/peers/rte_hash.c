/*
 * rte_hash.c - DPDK's cuckoo hash in its lock-free mode (RW_CONCURRENCY_LF), hardware CRC, values
 * of 32 bytes in an array beside it, all in shared memory that the reader inherits. The table is
 * sized to be at most three quarters full. After a bulk lookup the values are prefetched before
 * they are copied.
 */
#include "peer.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#define EAL_MAPPING "memfd:nohuge"
#define EAL_MIB     8192u

struct rte_state {
    struct rte_hash *table;
    struct bench_value *values;
    uint64_t n;
};

/* What EAL leaves in its runtime directory. rte_eal_cleanup() would take the memory away as well.
 */
static void rte_unlink(const char *name)
{
    char path[512];
    const char *directory = rte_eal_get_runtime_dir();
    DIR *files = directory && strstr(directory, name) ? opendir(directory) : NULL;
    if (!files)
        return;
    for (struct dirent *file; (file = readdir(files)) != NULL;) {
        snprintf(path, sizeof path, "%.200s/%.200s", directory, file->d_name);
        if (file->d_name[0] != '.' || file->d_type == DT_REG)
            unlink(path);
    }
    closedir(files);
    rmdir(directory);
}

static int start_eal(const char *name, unsigned mib)
{
    char program[] = "stele-bench", no_huge[] = "--no-huge", no_pci[] = "--no-pci", m[] = "-m";
    char no_telemetry[] = "--no-telemetry", lcores[] = "--lcores=0", level[] = "--log-level=error";
    char prefix[96], size[16];
    snprintf(prefix, sizeof prefix, "--file-prefix=%s", name);
    snprintf(size, sizeof size, "%u", mib);
    char *arguments[] = {program,      no_huge, no_pci, m,      size,
                         no_telemetry, lcores,  level,  prefix, NULL};
    return rte_eal_init((int)(sizeof arguments / sizeof arguments[0]) - 1, arguments);
}

/* In a child: by how much EAL's memory would be off a 2 MiB boundary. */
static uintptr_t probe_excess(const char *name, unsigned mib)
{
    uintptr_t excess = 0, *shared = memory_shared(sizeof *shared);
    if (!shared)
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct memory_spans spans = {0};
        if (start_eal(name, mib) >= 0)
            memory_add_named(&spans, EAL_MAPPING);
        rte_unlink(name);
        if (spans.count)
            *shared = (uintptr_t)spans.span[0].at % MEMORY_HUGE_BYTES;
        _exit(0);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
    excess = *shared;
    memory_release(shared, sizeof *shared);
    return excess;
}

/*
 * EAL maps its memory behind the array that describes its pages, and 2 MiB pages need it on a
 * boundary. That array grows by a record and a bit for each page of 4 KiB: a somewhat larger memory
 * moves what comes behind it. The estimate is off by a page at times, hence the attempts.
 */
static unsigned find_aligned_mib(const char *name)
{
    const uintptr_t step = 256 * sizeof(struct rte_memseg) + 256 / 8;
    unsigned mib = EAL_MIB;
    for (unsigned attempt = 0; attempt < 12; attempt++) {
        uintptr_t excess = probe_excess(name, mib), off = 1;
        if (excess == 0)
            return mib;
        for (unsigned more = 1; off != 0 && more < 2048; more++) {
            off = (excess + more * step) % MEMORY_HUGE_BYTES & ~(uintptr_t)4095;
            mib += off == 0 ? more : 0;
        }
    }
    return EAL_MIB;
}

static enum stele_status rte_load(const struct peer_setup *setup, void **state)
{
    const struct bench_dataset *dataset = setup->dataset;
    struct rte_state *self = memory_shared(sizeof *self);
    if (!self)
        return STELE_ENOMEM;
    if (start_eal(setup->name, find_aligned_mib(setup->name)) < 0) {
        fprintf(stderr, "rte_hash: rte_eal_init: %s\n", rte_strerror(rte_errno));
        return STELE_EIO;
    }
    struct rte_hash_parameters parameters = {
        .name = "bench",
        .entries = (uint32_t)(dataset->n / 3 * 4 + 64),
        .key_len = BENCH_KEY_BYTES,
        .hash_func = rte_hash_crc,
        .socket_id = SOCKET_ID_ANY,
        .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
    };
    self->n = dataset->n;
    self->table = rte_hash_create(&parameters);
    self->values = memory_shared((size_t)dataset->n * sizeof *self->values);
    if (!self->table || !self->values) {
        fprintf(stderr, "rte_hash: create: %s\n", rte_strerror(rte_errno));
        return STELE_ENOMEM;
    }
    for (uint64_t i = 0; i < dataset->n; i++) {
        struct bench_key key = dataset_key(i);
        self->values[i] = dataset_value(key, 0);
        if (rte_hash_add_key_data(self->table, &key, &self->values[i]) != 0) {
            fprintf(stderr, "rte_hash: insert %llu failed\n", (unsigned long long)i);
            return STELE_EIO;
        }
    }
    *state = self;
    return STELE_OK;
}

static void rte_spans(void *state, struct memory_spans *spans)
{
    const struct rte_state *self = state;
    memory_add(spans, self->values, (size_t)self->n * sizeof *self->values);
    memory_add_named(spans, EAL_MAPPING);
}

static void rte_get(void *state, const struct bench_key *keys, uint64_t count,
                    struct peer_tally *tally)
{
    const struct rte_state *self = state;
    for (uint64_t i = 0; i < count; i++) {
        void *found;
        if (rte_hash_lookup_data(self->table, &keys[i], &found) >= 0) {
            struct bench_value value = *(const struct bench_value *)found;
            peer_count_found(tally, &keys[i], &value);
        } else {
            tally->missed++;
        }
    }
}

static void rte_get_batch(void *state, const struct bench_key *keys, uint64_t count, unsigned batch,
                          struct peer_tally *tally)
{
    const struct rte_state *self = state;
    const void *wanted[RTE_HASH_LOOKUP_BULK_MAX];
    void *found[RTE_HASH_LOOKUP_BULK_MAX];
    for (uint64_t i = 0; i < count; i += batch) {
        unsigned some = count - i < batch ? (unsigned)(count - i) : batch;
        uint64_t hits = 0;
        for (unsigned j = 0; j < some; j++)
            wanted[j] = &keys[i + j];
        if (rte_hash_lookup_bulk_data(self->table, wanted, some, &hits, found) < 0) {
            tally->failed += some;
            continue;
        }
        for (unsigned j = 0; j < some; j++)
            if (hits >> j & 1)
                __builtin_prefetch(found[j]);
        for (unsigned j = 0; j < some; j++) {
            if (hits >> j & 1) {
                struct bench_value value = *(const struct bench_value *)found[j];
                peer_count_found(tally, &keys[i + j], &value);
            } else {
                tally->missed++;
            }
        }
    }
}

static uint64_t rte_bytes(void *state)
{
    const struct rte_state *self = state;
    struct rte_malloc_socket_stats stats;
    if (rte_malloc_get_socket_stats(0, &stats) != 0)
        return 0;
    return stats.heap_allocsz_bytes + self->n * sizeof *self->values;
}

const struct peer peer_rte_hash = {
    .name = "rte_hash",
    .reader_inherits = true,
    .collapse = true,
    .load = rte_load,
    .unlink = rte_unlink,
    .spans = rte_spans,
    .get = rte_get,
    .get_batch = rte_get_batch,
    .bytes = rte_bytes,
};
