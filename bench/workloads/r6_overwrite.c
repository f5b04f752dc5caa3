/*
 * r6_overwrite.c - R6: R1 while the embedded writer, on another processor, overwrites random keys
 * of the same table as fast as it can, against R1 with the writer at rest, in turn. Values carry
 * the number of their write in every word: a torn one fails the check.
 */
#include "workload.h"

static enum stele_status sample_busy(struct session *session, struct subject *stele,
                                     unsigned repetition)
{
    struct results_key rate = {"R6", session->n, "overwrite (writer)", stele->peer->name};
    struct subject_result writer;
    enum stele_status status = subject_overwrite_start(stele);
    if (status != STELE_OK)
        return status;
    enum stele_status read =
        session_sample(session, "R6", "get, writer busy", stele, false, 0, repetition);
    status = subject_overwrite_stop(stele, &writer);
    if (!results_find(session->results, rate))
        (void)results_add(session->results, rate, "ns");
    if (writer.count)
        results_sample(session->results, rate, (double)writer.elapsed_ns / (double)writer.count);
    return read != STELE_OK ? read : status;
}

void workload_r6(struct session *session)
{
    struct subject *stele = session_stele(session);
    struct results_key busy = {"R6", session->n, "get, writer busy", peer_stele.name};
    struct results_key quiet = {"R6", session->n, "get, writer quiet", peer_stele.name};
    if (!stele)
        return;
    for (unsigned repetition = 0; repetition < session->repetitions; repetition++) {
        enum stele_status status =
            session_sample(session, "R6", "get, writer quiet", stele, false, 0, repetition);
        if (status == STELE_OK)
            status = sample_busy(session, stele, repetition);
        if (status != STELE_OK) {
            session_fail(session, "R6", status);
            return;
        }
    }
    results_ratio(session->results, busy, quiet, "get: writer busy / quiet", 1.3);
}
