/*
 * spin.h - whether it pays to look for work a little longer before going to sleep. Pure: the loop
 * tells what happened, with durations of its own clock. One per loop, its thread only.
 *
 * Being woken costs 5 to 50 us, so a peer that answers at once is served sooner by a loop that has
 * not gone to sleep. One that answers later, or never, only makes it burn the processor. So:
 *
 *     spinning --(LOOP_SPIN_MISSES times nothing came)--> sleeping
 *     sleeping --(`wanted` sleeps so short that spinning might have caught them)--> spinning
 *
 * `wanted` starts at 1, doubles up to LOOP_SPIN_WANTED_MAX with each attempt that caught nothing at
 * all, and is 1 again after one that caught something: what is wasted on a peer whose pace is just
 * too slow becomes a vanishing share, and an idle loop never spins.
 */
#ifndef STELE_DAEMON_LOOP_SPIN_H
#define STELE_DAEMON_LOOP_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define LOOP_SPIN_MISSES     4u
#define LOOP_SPIN_WANTED_MAX 1024u
#define LOOP_SPIN_WAKE_NS    50000u /* what being woken adds to a sleep, at most */

struct loop_spin {
    uint64_t limit_ns; /* 0: never */
    uint32_t misses;   /* in a row, of this attempt */
    uint32_t wanted;   /* short sleeps before the next attempt */
    uint32_t seen;     /* short sleeps since the last attempt */
    bool on;
    bool caught; /* something, in this attempt */
};

static inline void loop_spin_init(struct loop_spin *spin, uint32_t limit_us)
{
    spin->limit_ns = (uint64_t)limit_us * 1000u;
    spin->misses = spin->seen = 0;
    spin->wanted = 1;
    spin->on = spin->caught = false;
}

/* Work came while spinning. */
static inline void loop_spin_hit(struct loop_spin *spin)
{
    spin->misses = 0;
    spin->caught = true;
    spin->wanted = 1;
}

/* The time was up, and the loop goes to sleep. */
static inline void loop_spin_miss(struct loop_spin *spin)
{
    if (++spin->misses < LOOP_SPIN_MISSES)
        return;
    spin->on = false;
    if (!spin->caught && spin->wanted < LOOP_SPIN_WANTED_MAX)
        spin->wanted *= 2;
}

/* The loop slept this long until work came. */
static inline void loop_spin_slept(struct loop_spin *spin, uint64_t slept_ns)
{
    if (spin->on || spin->limit_ns == 0 || slept_ns > spin->limit_ns + LOOP_SPIN_WAKE_NS)
        return;
    if (++spin->seen < spin->wanted)
        return;
    spin->on = true;
    spin->caught = false;
    spin->seen = spin->misses = 0;
}

#endif
