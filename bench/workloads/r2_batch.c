/*
 * r2_batch.c - R2: the lookups of R1 in batches of 16 and 32, against the peers that have such a
 * call.
 */
#include "workload.h"

#include <stdio.h>

struct batch {
    unsigned keys;
    const char *variant;
};

static const struct batch batches[] = {{16, "batch 16"}, {32, "batch 32"}};
#define BATCHES (sizeof batches / sizeof batches[0])

static void compare(struct session *session, const struct subject *subject, const char *variant)
{
    struct results_key ours = {"R2", session->n, variant, peer_stele.name};
    struct results_key theirs = {"R2", session->n, variant, subject->peer->name};
    char what[64];
    if (subject->peer == &peer_stele)
        return;
    snprintf(what, sizeof what, "%s / %s", variant,
             subject->peer->floor ? "reads of an array" : subject->peer->name);
    results_ratio(session->results, ours, theirs, what,
                  subject->peer->floor ? RESULTS_NO_REACH : 0.85);
}

void workload_r2(struct session *session)
{
    for (unsigned repetition = 0; repetition < session->repetitions; repetition++)
        for (size_t b = 0; b < BATCHES; b++)
            for (size_t i = 0; i < session->subject_count; i++) {
                struct subject *subject = &session->subjects[i];
                if (subject->peer->get_batch &&
                    session_sample(session, "R2", batches[b].variant, subject, false,
                                   batches[b].keys, repetition) != STELE_OK)
                    return;
            }
    for (size_t b = 0; b < BATCHES; b++)
        for (size_t i = 0; i < session->subject_count; i++)
            compare(session, &session->subjects[i], batches[b].variant);
}
