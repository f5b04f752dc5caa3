/*
 * spin.h - whether asking again is worth it. A wait that usually ends within a few microseconds is
 * spun; after waits that did not, spinning rests and is only tried now and then. Knows no clock and
 * no socket; one thread at a time.
 */
#ifndef STELE_DETAIL_SPIN_H
#define STELE_DETAIL_SPIN_H

#include <stele/detail/base.h>

#define STELEI_SPIN_US       20u /* a wake-up across cores takes 20 to 50 us */
#define STELEI_SPIN_LUCK_MAX 16u
#define STELEI_SPIN_REST     64u

struct stelei_spin {
    uint32_t limit_us; /* 0: never */
    uint32_t luck;     /* 0: it did not help of late */
    uint32_t rest;     /* waits since it was tried last */
};

/* Never where this process has one processor: the peer could not run meanwhile. */
static inline void stelei_spin_init(struct stelei_spin *spin, bool alone)
{
    spin->limit_us = alone ? 0 : STELEI_SPIN_US;
    spin->luck = STELEI_SPIN_LUCK_MAX / 2;
    spin->rest = 0;
}

STELEI_INLINE bool stelei_spin_wanted(struct stelei_spin *spin)
{
    if (spin->limit_us == 0)
        return false;
    if (spin->luck > 0)
        return true;
    if (++spin->rest < STELEI_SPIN_REST)
        return false;
    spin->rest = 0;
    return true;
}

STELEI_INLINE void stelei_spin_learn(struct stelei_spin *spin, bool helped)
{
    if (helped)
        spin->luck = spin->luck + 2 < STELEI_SPIN_LUCK_MAX ? spin->luck + 2 : STELEI_SPIN_LUCK_MAX;
    else if (spin->luck > 0)
        spin->luck--;
}

#endif
