/*
 * r4_miss.c - R4: lookups of keys that are not there, against hits of the same run.
 */
#include "workload.h"

#include <stdio.h>

void workload_r4(struct session *session)
{
    for (unsigned repetition = 0; repetition < session->repetitions; repetition++)
        for (size_t i = 0; i < session->subject_count; i++) {
            struct subject *subject = &session->subjects[i];
            if (subject->peer->floor)
                continue;
            if (session_sample(session, "R4", "hit", subject, false, 0, repetition) != STELE_OK ||
                session_sample(session, "R4", "miss", subject, true, 0, repetition) != STELE_OK)
                return;
        }
    for (size_t i = 0; i < session->subject_count; i++) {
        const char *name = session->subjects[i].peer->name;
        bool ours = session->subjects[i].peer == &peer_stele;
        struct results_key miss = {"R4", session->n, "miss", name};
        struct results_key hit = {"R4", session->n, "hit", name};
        char what[64];
        snprintf(what, sizeof what, "%s: miss / hit", name);
        results_ratio(session->results, miss, hit, what, ours ? 1.0 : RESULTS_NO_REACH);
    }
}
