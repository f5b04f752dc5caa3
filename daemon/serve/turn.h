/*
 * turn.h - one turn of the daemon: every connection that has something is drained up to a budget,
 * its commands are evaluated and applied in order, one fence publishes all of them, and its replies
 * go out in one send; then it is the next one's. (A client whose replies are out goes on while the
 * others are served; sending all replies at the end of the turn let both sides wait for each other.)
 * The loop's thread only. Knows gateways only through gateway.h.
 *
 * Memory: a connection that does not take its replies is not read from once 256 KiB of them wait,
 * so it costs one reply more than that at most. Large frames and large replies of all connections
 * together stay within TURN_LARGE_MAX and about one frame and one reply of the largest size: beyond
 * it, gets of large values are answered with STELE_EBUSY, or delayed where the protocol cannot say
 * that; and large frames are received one after the other, the smallest first.
 *
 * Time: a connection gets so many commands, and may look at so many elements of lists, in one turn. A
 * command that has to look at more goes on in its next turn, where it was; what follows it waits.
 *
 * Phases. receive: what the loop says of a connection puts it into the queue. Then for each that is queued
 * run: evaluate, apply and encode; commit: one fence; settle: send, and see what it waits for next.
 *
 *     PEER ------ something came, or can be sent -----> QUEUED ----- turn_run() ----> RUNNING
 *       |                                                 ^                              |
 *       '-- a large frame, --> MEMORY_IN -- memory, ----->|            settled: finished, or
 *           no memory for it                an event      |                              |
 *                              MEMORY_OUT - likewise ---->|     PEER, QUEUED, SEARCH, MEMORY_OUT
 *
 *     SEARCH is queued as well, and is RUNNING next.
 */
#ifndef STELE_DAEMON_TURN_H
#define STELE_DAEMON_TURN_H

#include "command/evaluate.h"
#include "gateway/gateway.h"
#include "operator/log.h"
#include "net/connection.h"

/* What a connection waits for. */
enum turn_wait {
    TURN_PEER,       /* for its peer: for commands, or until it takes its replies */
    TURN_QUEUED,     /* for its part of the next turn */
    TURN_SEARCH,     /* the same, and its next command has not finished: it is not read from */
    TURN_MEMORY_IN,  /* for memory: it holds part of a large frame and is not read from */
    TURN_MEMORY_OUT, /* for memory too: its next command has a large reply; not read from */
    TURN_RUNNING,    /* for nothing: this is its part of the turn */
    TURN_WAITS
};

/* A connection with the protocol that it speaks. Owned by the turn's list. */
struct turn_peer {
    struct net_connection connection;
    const struct gateway *gateway;
    struct gateway_session session;
    size_t need_bytes;      /* what the gateway waits for */
    uint32_t closing_ticks; /* since it began to close */
    uint32_t silent_ticks;  /* left for its first command; 0: there was one, or need not be */
    uint32_t unread_ticks;  /* since it last took a byte of large replies */
    size_t unread_bytes;
    enum turn_wait wait;
    uint64_t delayed_at; /* its place in MEMORY_OUT; kept until that command has been answered */
    struct command_search search; /* of its next command, if that has not finished */
    struct turn_peer *queue_next;
    struct turn_peer *next, *previous;
    struct turn *turn;
};

struct turn {
    struct loop *loop;
    const struct log *log;
    struct command_context *commands;
    int segment_fd;          /* what HELLO may pass; borrowed */
    struct turn_peer *peers; /* all of them */
    uint32_t peer_count;
    struct turn_peer *queue; /* those that have something to do in the next turn */
    struct turn_peer **queue_end;
    struct net_totals totals;
    /*
     * While the buffers of all connections together are over TURN_LARGE_MAX, one connection at a
     * time goes on receiving a large frame: this one. It is dropped when it makes next to no
     * progress while others wait.
     */
    struct turn_peer *favoured;
    uint64_t favoured_bytes;    /* held when it last had made progress */
    uint32_t favoured_ticks;    /* since then, with others waiting */
    uint32_t waits[TURN_WAITS]; /* how many connections wait for what */
    uint64_t delays;            /* places given out */
    uint32_t complaints;        /* lines logged about broken protocols, of late */
    uint32_t complaints_ticks;
    bool shut_down; /* an administrator asked for it */
    /* what failed where the protocol cannot say why: how often, and the last time why */
    uint64_t unsaid_count;
    enum stele_status unsaid;
    /* Called, if set, after commands of a connection that dropped a table, before their replies leave
     * and before commands of another one: for who keeps handles. */
    void (*dropped)(void *context);
    void *dropped_context;
    bool has_dropped;
};

void turn_init(struct turn *turn, struct loop *loop, const struct log *log,
               struct command_context *commands, int segment_fd);
/* Closes all connections at once. */
void turn_fini(struct turn *turn);

/* Takes over an accepted descriptor, also on failure. STELE_ENOMEM, STELE_EIO. */
enum stele_status turn_add_peer(struct turn *turn, int fd, const struct net_peer *peer,
                                const struct gateway *gateway, const struct gateway_limits *limits);

/* Gives a connection its part in the next turn. */
void turn_enqueue(struct turn_peer *peer);

/* After loop_turn(): works off the queue. Bounded by the budgets of the connections queued. */
void turn_run(struct turn *turn);

/* True when connections wait for another turn without waiting for the loop: do not block. */
static inline bool turn_pending(const struct turn *turn)
{
    return turn->queue != NULL;
}

/* Reads no more from anybody; connections go as their replies have been sent. */
void turn_stop(struct turn *turn);

/* Brings what the turn counts into the counters of its commands. */
void turn_count(struct turn *turn);

/* How much memory large frames and replies of all connections may take together. */
#define TURN_LARGE_MAX (UINT64_C(256) << 20)

/* Now and then: drops connections that have been closing for `ticks_max` calls without taking their
 * replies, those that never said anything, and the one that keeps others waiting; takes back memory
 * of buffers that have become too large for what they hold. */
void turn_tick(struct turn *turn, uint32_t ticks_max);

#endif
