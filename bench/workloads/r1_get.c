/*
 * r1_get.c - R1: get of a 16-byte key, its 32-byte value copied out and checked, from another
 * process than the writer's; all subjects in turn, repetition by repetition.
 */
#include "workload.h"

#include <stdio.h>
#include <string.h>

#define REACH_FROM_N UINT64_C(10000000)

static double reach_of(const struct subject *subject, uint64_t n)
{
    if (n < REACH_FROM_N)
        return RESULTS_NO_REACH;
    if (strcmp(subject->peer->name, "rte_hash") == 0)
        return 0.6;
    if (strcmp(subject->peer->name, "ck_ht") == 0)
        return 0.4;
    if (strcmp(subject->peer->name, "lmdb") == 0)
        return 0.15;
    return RESULTS_NO_REACH;
}

void workload_r1(struct session *session)
{
    for (unsigned repetition = 0; repetition < session->repetitions; repetition++)
        for (size_t i = 0; i < session->subject_count; i++)
            if (session_sample(session, "R1", "get", &session->subjects[i], false, 0, repetition) !=
                STELE_OK)
                return;
    for (size_t i = 0; i < session->subject_count; i++) {
        const struct subject *subject = &session->subjects[i];
        struct results_key ours = {"R1", session->n, "get", peer_stele.name};
        struct results_key theirs = {"R1", session->n, "get", subject->peer->name};
        char what[64];
        if (subject->peer == &peer_stele)
            continue;
        snprintf(what, sizeof what, "get / %s",
                 subject->peer->floor ? "pointer chase" : subject->peer->name);
        results_ratio(session->results, ours, theirs, what, reach_of(subject, session->n));
    }
}
