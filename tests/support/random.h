/*
 * random.h - numbers that a seed repeats: splitmix64 (Steele, Lea, Flood, "Fast Splittable
 * Pseudorandom Number Generators", OOPSLA 2014), and bytes made from a number.
 */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stdint.h>
#include <string.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static inline uint64_t random_next(struct random *random)
{
    uint64_t value = random_mix(random->state);
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return value;
}

/* 0 .. n-1 */
static inline uint32_t random_below(struct random *random, uint32_t n)
{
    return (uint32_t)((random_next(random) >> 32) * n >> 32);
}

/* Bytes that `number` determines. */
static inline void random_bytes(uint64_t number, void *to, size_t bytes)
{
    unsigned char *out = to;
    uint64_t word = random_mix(number);
    for (; bytes >= 8; bytes -= 8, out += 8) {
        memcpy(out, &word, 8);
        word = random_mix(word ^ number);
    }
    memcpy(out, &word, bytes);
}

#endif
