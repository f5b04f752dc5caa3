#include "own.h"

#include <stdio.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEADER_BYTES (UINT64_C(64) << 20)

enum stele_status own_open(struct own *own, const struct session *session,
                           const struct stele_type *type, uint64_t bytes)
{
    char detail[256] = "";
    struct stele_store_options options = {.max_bytes = (HEADER_BYTES + bytes) &
                                                       ~(uint64_t)(MEMORY_HUGE_BYTES - 1),
                                          .unlocked = true,
                                          .small_pages = session->pages == PEER_PAGES_4K};
    struct stele_table_options table = {.type = *type};
    own->session = session;
    enum stele_status status = stele_store_open(&options, &own->store, detail, sizeof detail);
    if (status != STELE_OK) {
        fprintf(stderr, "a store of %llu MiB: %s\n", (unsigned long long)options.max_bytes >> 20,
                detail);
        own->store = NULL;
        return status;
    }
    return stele_store_table_create(own->store, "bench", &table, &own->table);
}

void own_close(struct own *own)
{
    stele_store_close(own->store);
    own->store = NULL;
}

uint64_t own_committed(const struct own *own)
{
    struct stele_store_stats stats;
    stele_store_get_stats(own->store, &stats);
    return stats.committed_bytes;
}

uint64_t own_used(const struct own *own)
{
    struct stele_store_stats stats;
    stele_store_get_stats(own->store, &stats);
    return stats.used_bytes;
}

void own_report(struct session *session, const struct own_samples *samples, const char *workload,
                const char *const variant[][2], unsigned variants, const char *unit)
{
    for (unsigned v = 0; v < variants; v++) {
        struct results_key key = {workload, session->n, variant[v][0], variant[v][1]};
        for (unsigned i = 0; i < samples->count[v]; i++)
            results_measure(session->results, key, unit, samples->sample[v][i]);
    }
}

static int run_child(const struct own *own,
                     enum stele_status (*read)(const struct own *, const struct stele_reader *,
                                               void *),
                     void *context)
{
    struct stele_reader reader;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    machine_pin(own->session->machine->reader_cpu);
    enum stele_status status = stele_reader_attach_fd(&reader, stele_store_fd(own->store));
    if (status == STELE_OK) {
        memory_prefault(reader.map.base, (size_t)own_committed(own));
        status = read(own, &reader, context);
    }
    if (status != STELE_OK)
        fprintf(stderr, "reader: %s\n", stele_status_text(status));
    return status == STELE_OK ? 0 : 1;
}

enum stele_status
own_read(const struct own *own,
         enum stele_status (*read)(const struct own *own, const struct stele_reader *reader,
                                   void *context),
         void (*meanwhile)(const struct own *own, uint64_t round, void *context), void *context)
{
    int how = 0;
    pid_t ended = 0;
    fflush(NULL);
    stele_store_fence();
    pid_t child = fork();
    if (child < 0)
        return STELE_EIO;
    if (child == 0)
        _exit(run_child(own, read, context));
    machine_pin(own->session->machine->writer_cpu);
    for (uint64_t round = 0; ended == 0; round++) {
        ended = waitpid(child, &how, meanwhile ? WNOHANG : 0);
        if (ended == 0)
            meanwhile(own, round, context);
    }
    machine_unpin(own->session->machine);
    return ended == child && WIFEXITED(how) && WEXITSTATUS(how) == 0 ? STELE_OK : STELE_EIO;
}
