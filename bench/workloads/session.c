#include "workload.h"

#include <stdio.h>
#include <string.h>

struct subject *session_stele(struct session *session)
{
    for (size_t i = 0; i < session->subject_count; i++)
        if (session->subjects[i].peer == &peer_stele)
            return &session->subjects[i];
    return NULL;
}

unsigned session_socket_repetitions(const struct session *session)
{
    const unsigned quick = 5;
    return session->quick && session->repetitions > quick ? quick : session->repetitions;
}

void session_fail(struct session *session, const char *workload, enum stele_status status)
{
    fprintf(stderr, "%s at N = %llu: %s\n", workload, (unsigned long long)session->n,
            stele_status_text(status));
    session->results->failed = true;
}

enum stele_status session_sample(struct session *session, const char *workload, const char *variant,
                                 struct subject *subject, bool misses, unsigned batch,
                                 unsigned repetition)
{
    struct results_key key = {workload, session->n, variant, subject->peer->name};
    struct subject_result result;
    uint64_t first = (uint64_t)repetition * session->lookups;
    enum stele_status status = STELE_OK;
    if (!results_find(session->results, key))
        status = results_add(session->results, key, "ns");
    if (status == STELE_OK)
        status = subject_read(subject, misses, batch, first, session->lookups, &result);
    if (status == STELE_OK)
        results_sample(session->results, key, (double)result.elapsed_ns / (double)result.count);
    else
        session_fail(session, workload, status);
    return status;
}
