/*
 * loop.h - waiting for descriptors, the clock and signals: the only file that knows epoll, timerfd
 * and signalfd. It knows nothing of what the events mean.
 *
 * One thread owns a loop and makes all calls. Sources are the caller's memory and live in place
 * until they are removed. A source may be removed, and its memory freed, from any callback.
 */
#ifndef STELE_DAEMON_LOOP_H
#define STELE_DAEMON_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <stele/status.h>

struct loop;

enum loop_events {
    LOOP_READ = 1,  /* readable, or the peer hung up: reading tells */
    LOOP_WRITE = 2, /* writable */
    LOOP_GONE = 4   /* error or hang-up of both directions; reported without being asked for */
};

struct loop_source {
    int fd;
    unsigned events; /* what is being waited for; changed by loop_change() */
    void (*ready)(struct loop_source *source, unsigned events);
    void *context; /* the caller's */
};

/* STELE_ENOMEM, STELE_EIO (no descriptors left). */
enum stele_status loop_open(struct loop **loop);
/* The sources' descriptors stay the caller's, but those of its own timer and signals are closed.
 * NULL is allowed. */
void loop_close(struct loop *loop);

/* `source` is filled in by the caller. STELE_ENOMEM, STELE_EIO. */
enum stele_status loop_add(struct loop *loop, struct loop_source *source);
/* Waits for other events from now on; cheap when nothing changes. 0: only LOOP_GONE. */
void loop_change(struct loop *loop, struct loop_source *source, unsigned events);
/* No callback of this source runs after it, not even for events already fetched. Call it before
 * the descriptor is closed. */
void loop_remove(struct loop *loop, struct loop_source *source);

/* Calls back every `period_ms`, late rather than twice: lost ticks are not made up for. One timer
 * per loop. */
enum stele_status loop_set_timer(struct loop *loop, uint32_t period_ms, void (*tick)(void *context),
                                 void *context);

/* Blocks the signals of `set` for the process and calls back when one arrives. Call it before any
 * thread is started, so that all inherit the mask. Once per loop. */
enum stele_status loop_set_signals(struct loop *loop, const sigset_t *set,
                                   void (*arrived)(void *context, int signal), void *context);

/*
 * Before it sleeps, loop_turn() looks for events for up to `spin_us` (0: not at all, as at first),
 * as long as that keeps finding some: spin.h has the rule. Only with a core to spare.
 */
void loop_set_spin(struct loop *loop, uint32_t spin_us);

/* One turn: waits up to `timeout_ms` (0: not at all; negative: for ever) and runs the callbacks of
 * up to 64 sources. STELE_EIO only if the loop itself is broken. */
enum stele_status loop_turn(struct loop *loop, int timeout_ms);

#endif
