/*
 * workload.h - what a workload is given and what it must do: measure, and add series and verdicts
 * to the results. One file per workload; the list is in main.c.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "harness/results.h"
#include "harness/subject.h"

#define SESSION_MAX_SUBJECTS 8u

/* All subjects loaded with the same N keys, and what is wanted. */
struct session {
    struct results *results;
    const struct machine *machine;
    enum peer_pages pages;
    const char *directory; /* for files of a workload's own */
    uint64_t n;
    unsigned repetitions;
    uint64_t lookups;   /* of one repetition */
    bool local;         /* no other peers */
    bool quick;         /* short forms */
    const char *steled; /* path of the daemon; NULL: there is none */
    struct bench_dataset dataset;
    struct subject subjects[SESSION_MAX_SUBJECTS];
    size_t subject_count;
};

/* The store under test; NULL when it could not be loaded. */
struct subject *session_stele(struct session *session);

/* Of measurements through sockets, which take long: at most five in a quick run. */
unsigned session_socket_repetitions(const struct session *session);

/* Marks the run as failed and says where. */
void session_fail(struct session *session, const char *workload, enum stele_status status);

/*
 * One repetition of lookups as a sample of the series {workload, n, variant, subject}, which is
 * made when it does not exist. Each repetition reads another stretch of the queries.
 */
enum stele_status session_sample(struct session *session, const char *workload, const char *variant,
                                 struct subject *subject, bool misses, unsigned batch,
                                 unsigned repetition);

/* Runs on the loaded subjects of a session, once for each N. */
typedef void workload_fn(struct session *session);

workload_fn workload_r1, workload_r2, workload_r4, workload_r6, workload_r7, workload_m1,
    workload_m1_churn;

/* Need no loaded subject; make their own tables of session->n entries, start their own servers. */
workload_fn workload_r3, workload_r5, workload_r8, workload_m1_lists;
workload_fn workload_w1, workload_w2, workload_w3, workload_w4, workload_a1;

/* The workloads of the systems that stele replaces, at these systems' own sizes. */
workload_fn workload_s1, workload_s2, workload_s3, workload_s4;

#endif
