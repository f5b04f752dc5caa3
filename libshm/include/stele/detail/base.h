/*
 * base.h - alignment, byte order, assertions and the test hook. Knows no memory and no protocol.
 */
#ifndef STELE_DETAIL_BASE_H
#define STELE_DETAIL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__linux__) || !(defined(__x86_64__) || defined(__aarch64__))
#error "stele supports 64-bit Linux on x86-64 and arm64"
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the memory format and the wire format are little-endian"
#endif

#ifdef __cplusplus
#define STELEI_STATIC_ASSERT(cond, text) static_assert(cond, text)
#else
#define STELEI_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#endif

/* Conversions that both languages take, and no compiler of either warns of: of numbers, and from
 * void *; the same address as another type; without const or volatile; and no address. */
#ifdef __cplusplus
#define STELEI_CAST(type, x)    static_cast<type>(x)
#define STELEI_AS(type, x)      reinterpret_cast<type>(x)
#define STELEI_UNCONST(type, x) const_cast<type>(x)
#define STELEI_NULL             nullptr
#else
#define STELEI_CAST(type, x)    ((type)(x))
#define STELEI_AS(type, x)      ((type)(x))
#define STELEI_UNCONST(type, x) ((type)(uintptr_t)(x))
#define STELEI_NULL             NULL
#endif

#define STELEI_LIKELY(x)   __builtin_expect(!!(x), 1)
#define STELEI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define STELEI_INLINE      static inline __attribute__((always_inline))
#define STELEI_COLD        __attribute__((noinline, cold, unused))

/*
 * A condition that only a bug of ours can break. Never used on what the world may do: disks, peers
 * and hostile bytes get a status. Stays on in release builds of the writer; readers do not use it.
 */
#define STELE_ASSERT(cond) ((cond) ? (void)0 : stelei_assert_failed(#cond, __FILE__, __LINE__))

#ifdef __cplusplus
extern "C" {
#endif
void stelei_assert_failed(const char *condition, const char *file, int line)
    __attribute__((noreturn, cold));

/*
 * STELE_POINT names an instant between two stores to shared memory. Empty in release builds; in
 * test builds (-DSTELE_POINTS) tests/support stops, kills or counts the writer there.
 */
#ifdef STELE_POINTS
void stelei_point(const char *name);
#define STELE_POINT(name) stelei_point(name)
#else
#define STELE_POINT(name) ((void)0)
#endif
#ifdef __cplusplus
}
#endif

/* Rounds up to a multiple of `to`, a power of two. */
STELEI_INLINE uint64_t stelei_round_up(uint64_t bytes, uint64_t to)
{
    return (bytes + to - 1) & ~(to - 1);
}

/* Index of the highest set bit; 0 for 0 and 1. */
STELEI_INLINE unsigned stelei_top_bit(uint64_t x)
{
    return 63u ^ STELEI_CAST(unsigned, __builtin_clzll(x | 1)); /* ^, not -: one bsr */
}

#endif
