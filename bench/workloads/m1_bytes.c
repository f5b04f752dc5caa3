/*
 * m1_bytes.c - M1, first row: bytes of memory per entry for R1's data (payload 48 bytes), and after
 * ten rounds of random overwrites with values of new sizes (1..63 bytes, 32 on average). For stele
 * this is everything that the segment has populated, header and free space included.
 */
#include "workload.h"

#include <stdio.h>

#define PAYLOAD_BYTES (BENCH_KEY_BYTES + BENCH_VALUE_BYTES)
#define REACH_FROM_N  UINT64_C(1000000) /* below, one chunk of 2 MiB weighs in */
#define CHURN_ROUNDS  10u

static double per_entry(const struct session *session, uint64_t bytes)
{
    return (double)bytes / (double)session->n;
}

void workload_m1(struct session *session)
{
    for (size_t i = 0; i < session->subject_count; i++) {
        struct subject *subject = &session->subjects[i];
        uint64_t bytes = 0, used = 0;
        bool ours = subject->peer == &peer_stele;
        char what[64];
        if (!subject->peer->bytes || subject_bytes(subject, &bytes, &used) != STELE_OK ||
            bytes == 0)
            continue;
        snprintf(what, sizeof what, "%s: bytes an entry", subject->peer->name);
        results_value(session->results, "M1", session->n, what, "B", per_entry(session, bytes),
                      ours && session->n >= REACH_FROM_N ? PAYLOAD_BYTES + 20.0 : RESULTS_NO_REACH);
    }
}

void workload_m1_churn(struct session *session)
{
    struct subject *stele = session_stele(session);
    uint64_t before = 0, after = 0, used_before = 0, used_after = 0;
    if (!stele)
        return;
    enum stele_status status = subject_bytes(stele, &before, &used_before);
    if (status == STELE_OK)
        status = subject_churn(stele, CHURN_ROUNDS);
    if (status == STELE_OK)
        status = subject_bytes(stele, &after, &used_after);
    if (status != STELE_OK || before == 0) {
        session_fail(session, "M1", status);
        return;
    }
    results_value(session->results, "M1", session->n, "stele: bytes an entry after churn", "B",
                  per_entry(session, after), RESULTS_NO_REACH);
    results_value(session->results, "M1", session->n, "stele: after churn / before", "x",
                  (double)after / (double)before,
                  session->n >= REACH_FROM_N ? 1.2 : RESULTS_NO_REACH);
    if (used_before)
        results_value(session->results, "M1", session->n, "stele: in use, after churn / before",
                      "x", (double)used_after / (double)used_before, RESULTS_NO_REACH);
}
