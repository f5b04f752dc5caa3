/*
 * history.h - is there an order in which a key's operations could have happened, one after the
 * other, each between its begin and its end, that explains all their results? (Herlihy and Wing's
 * linearizability, for one key that holds an integer or nothing.)
 *
 * Just-in-time linearization: walk through begins and ends in the order of time, and keep every
 * state that the key may be in, together with which of the operations under way have happened by
 * then. At an operation's end only those states stay in which it has happened with its result. After
 * Lowe, "Testing for linearizability" (2017). Exact: it neither rejects nor accepts by luck.
 *
 * An operation whose outcome nobody knows has happened before its end, with whatever result, or
 * never. Operations of one client that overlap happen in the order of the array, as a pipeline's do;
 * of those with an unknown outcome and one end a later one only if the earlier one has.
 *
 * Pure; any thread. Tests only.
 */
#ifndef SUPPORT_HISTORY_H
#define SUPPORT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stele/status.h>

enum history_kind {
    HISTORY_GET,
    HISTORY_PUT,
    HISTORY_INSERT,
    HISTORY_REPLACE,
    HISTORY_ERASE,
    HISTORY_CAS,
    HISTORY_INCR
};

struct history_op {
    uint64_t begin, end; /* fenced stamps of one clock, begin <= end */
    int64_t value;       /* PUT, INSERT, REPLACE, CAS: the new one; INCR: what is added */
    int64_t expected;    /* CAS */
    int64_t result;      /* GET: the value; INCR: the sum */
    uint32_t client;     /* whose overlapping operations happen in order */
    uint8_t kind;        /* enum history_kind */
    uint8_t status;      /* enum stele_status */
    bool maybe;          /* the outcome is unknown: status and result mean nothing */
    bool untold;         /* the status is known, the result is not */
};

/* What a key holds. */
struct history_state {
    int64_t value; /* 0 where it is absent */
    bool present;
};

enum history_verdict {
    HISTORY_GOOD,
    HISTORY_BAD,     /* *culprit: the operation at whose end no state was left */
    HISTORY_TOO_WIDE /* more under way at once than this can follow: no verdict */
};

#define HISTORY_WIDTH_MAX 64u

/*
 * Judges the history of one key that held `initial` before. The order of `ops` matters only within
 * one client. *culprit is set with HISTORY_BAD.
 */
enum history_verdict history_check(const struct history_op *ops, size_t count,
                                   struct history_state initial, size_t *culprit);

/* What an operation does to a state: its status and result there. For tests of the checker. */
enum stele_status history_apply(const struct history_op *op, struct history_state *state,
                                int64_t *result);

#endif
