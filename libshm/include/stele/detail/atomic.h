/*
 * atomic.h - every access to a word that another process may be changing. The only file that knows
 * libatomic_ops. Readers and the writer use these functions and nothing else on shared memory.
 *
 * No access is wider than eight bytes: cmpxchg16b faults on a PROT_READ page.
 *
 * With -DSTELE_EXPLORE every access and every fence goes to the explorer of tests/model instead,
 * which records the writer's stores and then lets the reader's loads return every message that the
 * memory model allows. With that, or under ThreadSanitizer, block copies use single words too.
 *
 * Ordering, in the terms of C11 (https://en.cppreference.com/w/c/atomic/memory_order):
 *   load/store                 relaxed
 *   load_acquire               acquire
 *   store_release              release
 *   load_dependent             consume by address dependency, as the processor gives it
 *   nop_read                   orders earlier loads before later loads
 *   nop_write                  orders earlier stores before later stores
 *   nop_full                   orders everything
 */
#ifndef STELE_DETAIL_ATOMIC_H
#define STELE_DETAIL_ATOMIC_H

#include "base.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#if defined(__SANITIZE_THREAD__)
#define STELEI_WORDS_ONLY 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STELEI_WORDS_ONLY 1
#endif
#endif

#ifdef STELE_EXPLORE
#define STELEI_WORDS_ONLY 1

enum stelei_order { STELEI_RELAXED, STELEI_DEPENDENT, STELEI_ACQUIRE, STELEI_RELEASE };
enum stelei_fence { STELEI_FENCE_READ, STELEI_FENCE_WRITE, STELEI_FENCE_FULL };

#ifdef __cplusplus
extern "C" {
#endif
uint64_t stelei_explore_load(const void *address, unsigned bytes, enum stelei_order order);
void stelei_explore_store(void *address, unsigned bytes, uint64_t value, enum stelei_order order);
void stelei_explore_fence(enum stelei_fence fence);
#ifdef __cplusplus
}
#endif

STELEI_INLINE uint64_t stelei_load64(const uint64_t *p)
{
    return stelei_explore_load(p, 8, STELEI_RELAXED);
}
STELEI_INLINE uint64_t stelei_load64_acquire(const uint64_t *p)
{
    return stelei_explore_load(p, 8, STELEI_ACQUIRE);
}
STELEI_INLINE void stelei_store64(uint64_t *p, uint64_t v)
{
    stelei_explore_store(p, 8, v, STELEI_RELAXED);
}
STELEI_INLINE void stelei_store64_release(uint64_t *p, uint64_t v)
{
    stelei_explore_store(p, 8, v, STELEI_RELEASE);
}
STELEI_INLINE uint32_t stelei_load32(const uint32_t *p)
{
    return (uint32_t)stelei_explore_load(p, 4, STELEI_RELAXED);
}
STELEI_INLINE uint32_t stelei_load32_acquire(const uint32_t *p)
{
    return (uint32_t)stelei_explore_load(p, 4, STELEI_ACQUIRE);
}
STELEI_INLINE uint32_t stelei_load32_dependent(const uint32_t *p)
{
    return (uint32_t)stelei_explore_load(p, 4, STELEI_DEPENDENT);
}
STELEI_INLINE void stelei_store32(uint32_t *p, uint32_t v)
{
    stelei_explore_store(p, 4, v, STELEI_RELAXED);
}
STELEI_INLINE void stelei_store32_release(uint32_t *p, uint32_t v)
{
    stelei_explore_store(p, 4, v, STELEI_RELEASE);
}
STELEI_INLINE void stelei_nop_read(void)
{
    stelei_explore_fence(STELEI_FENCE_READ);
}
STELEI_INLINE void stelei_nop_write(void)
{
    stelei_explore_fence(STELEI_FENCE_WRITE);
}
STELEI_INLINE void stelei_nop_full(void)
{
    stelei_explore_fence(STELEI_FENCE_FULL);
}

#else

#include <atomic_ops.h>

STELEI_STATIC_ASSERT(sizeof(AO_t) == 8, "AO_t is the eight-byte word");
STELEI_STATIC_ASSERT(sizeof(unsigned int) == 4, "AO_int_* work on four bytes");

/* AO_t is unsigned long, uint64_t may be declared otherwise: may_alias makes the cast sound. */
typedef AO_t __attribute__((may_alias)) stelei_ao_word;
typedef unsigned int __attribute__((may_alias)) stelei_ao_half;

STELEI_INLINE uint64_t stelei_load64(const uint64_t *p)
{
    return AO_load(STELEI_AS(const volatile stelei_ao_word *, p));
}
STELEI_INLINE uint64_t stelei_load64_acquire(const uint64_t *p)
{
    return AO_load_acquire(STELEI_AS(const volatile stelei_ao_word *, p));
}
STELEI_INLINE void stelei_store64(uint64_t *p, uint64_t v)
{
    AO_store(STELEI_AS(volatile stelei_ao_word *, p), v);
}
STELEI_INLINE void stelei_store64_release(uint64_t *p, uint64_t v)
{
    AO_store_release(STELEI_AS(volatile stelei_ao_word *, p), v);
}
STELEI_INLINE uint32_t stelei_load32(const uint32_t *p)
{
    return AO_int_load(STELEI_AS(const volatile stelei_ao_half *, p));
}
STELEI_INLINE uint32_t stelei_load32_acquire(const uint32_t *p)
{
    return AO_int_load_acquire(STELEI_AS(const volatile stelei_ao_half *, p));
}
/* The result must be used as an address, and never be compared with a constant other than 0. */
STELEI_INLINE uint32_t stelei_load32_dependent(const uint32_t *p)
{
    return AO_int_load_dd_acquire_read(STELEI_AS(const volatile stelei_ao_half *, p));
}
STELEI_INLINE void stelei_store32(uint32_t *p, uint32_t v)
{
    AO_int_store(STELEI_AS(volatile stelei_ao_half *, p), v);
}
STELEI_INLINE void stelei_store32_release(uint32_t *p, uint32_t v)
{
    AO_int_store_release(STELEI_AS(volatile stelei_ao_half *, p), v);
}
STELEI_INLINE void stelei_nop_read(void)
{
    AO_nop_read();
}
STELEI_INLINE void stelei_nop_write(void)
{
    AO_nop_write();
}
STELEI_INLINE void stelei_nop_full(void)
{
    AO_nop_full();
}

#endif

/*
 * Bit i of the result: byte i of the sixteen at `p` (aligned to eight) equals `byte`. Relaxed, each
 * eight bytes by themselves, which is all that a hint needs that is validated afterwards.
 * Measured against word arithmetic on 1,000 keys: 22 ns a get instead of 35.
 */
#if defined(__SSE2__) && !defined(STELEI_WORDS_ONLY)
STELEI_INLINE uint32_t stelei_match16(const uint64_t *p, uint8_t byte)
{
    __m128i bytes = _mm_loadu_si128(STELEI_CAST(const __m128i *, STELEI_CAST(const void *, p)));
    return STELEI_CAST(
        uint32_t, _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(STELEI_CAST(char, byte)))));
}
#else
STELEI_INLINE uint64_t stelei_match8(uint64_t bytes, uint8_t byte)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t x = bytes ^ UINT64_C(0x0101010101010101) * byte;
    x = ~(((x & low) + low) | x | low); /* bit 7 of every zero byte, exactly */
    return (x >> 7) * UINT64_C(0x0102040810204080) >> 56;
}
STELEI_INLINE uint32_t stelei_match16(const uint64_t *p, uint8_t byte)
{
    uint64_t low = stelei_match8(stelei_load64(p), byte);
    uint64_t high = stelei_match8(stelei_load32((const uint32_t *)(const void *)(p + 1)), byte);
    return (uint32_t)(low | (high & 0xf) << 8); /* the four bytes of the link are nobody's tags */
}
#endif

/* Below this many bytes a copy goes word by word; above, as one opaque block (unless TSan or the
 * explorer watch).
 * Measured: word copies of 64 KiB cost 1.5-1.9 times memcpy. */
#define STELEI_WORD_COPY_BYTES 256u

/* The least that a libc may copy with non-temporal stores (glibc's smallest threshold). */
#define STELEI_STREAMED_BYTES 16384u

#ifndef STELEI_WORDS_ONLY
/*
 * One opaque block: the compiler may not move other accesses into it, nor see through it. A function of
 * its own, since compilers put a `rep movsb` in place of memcpy() into code that they take for cold.
 *
 * Where the target lies a few bytes above the source modulo 4 KiB, as it does when both come fresh from
 * an allocator, what a libc copies blocks with takes each load for one of a byte just stored. Of a short
 * piece everything is loaded before it is stored. Measured, 64 KiB 8 bytes apart: 37 us at once, 8 us in
 * pieces, 3 us where they lie elsewhere; from 1 MiB on a libc goes past the caches, and has no such fault.
 */
#define STELEI_ALIAS_BYTES 64u
#define STELEI_PIECE_BYTES 256u
#define STELEI_ALIAS_MAX   (UINT32_C(512) << 10)
__attribute__((noinline, unused)) static void stelei_copy_block(unsigned char *out,
                                                                const uint64_t *from, size_t bytes)
{
    size_t above = (STELEI_AS(uintptr_t, out) - STELEI_AS(uintptr_t, from)) & 4095u, piece = bytes;
    if (STELEI_UNLIKELY(above - 1 < STELEI_ALIAS_BYTES && bytes <= STELEI_ALIAS_MAX))
        piece = STELEI_PIECE_BYTES;
    __asm__ volatile("" : "+r"(piece)::"memory"); /* a variable: a constant would be inlined */
    for (; bytes > piece; bytes -= piece, out += piece, from += piece / 8)
        memcpy(out, from, piece);
    memcpy(out, from, bytes);
    __asm__ volatile("" ::: "memory");
}
#endif

/*
 * Copies `bytes` from shared memory, which a writer may be changing meanwhile: the caller validates
 * afterwards and throws a torn copy away. `from` is eight-byte aligned and readable up to the next
 * multiple of eight; `to` is private and of any alignment.
 */
STELEI_INLINE void stelei_copy_out(void *to, const uint64_t *from, size_t bytes)
{
    unsigned char *out = STELEI_CAST(unsigned char *, to);
#ifndef STELEI_WORDS_ONLY
    if (STELEI_UNLIKELY(bytes > STELEI_WORD_COPY_BYTES)) {
        stelei_copy_block(out, from, bytes);
        return;
    }
#endif
    for (; bytes >= 32; bytes -= 32, out += 32, from += 4) {
        uint64_t words[4];
        words[0] = stelei_load64(from);
        words[1] = stelei_load64(from + 1);
        words[2] = stelei_load64(from + 2);
        words[3] = stelei_load64(from + 3);
        memcpy(out, words, 32);
    }
    for (; bytes >= 8; bytes -= 8, out += 8, from++) {
        uint64_t word = stelei_load64(from);
        memcpy(out, &word, 8);
    }
    if (bytes) { /* by halves: a memcpy of variable length would be a call */
        uint64_t word = stelei_load64(from);
        if (bytes & 4) {
            memcpy(out, &word, 4);
            out += 4;
            word >>= 32;
        }
        if (bytes & 2) {
            memcpy(out, &word, 2);
            out += 2;
            word >>= 16;
        }
        if (bytes & 1)
            memcpy(out, &word, 1);
    }
}

/*
 * Copies `bytes` into shared memory that no published word leads to. `to` is eight-byte aligned and
 * writable up to the next multiple of eight; the rest of the last word becomes 0.
 */
STELEI_INLINE void stelei_copy_in(uint64_t *to, const void *from, size_t bytes)
{
    const unsigned char *in = STELEI_CAST(const unsigned char *, from);
#ifndef STELEI_WORDS_ONLY
    if (bytes > STELEI_WORD_COPY_BYTES) {
        size_t whole = bytes & ~STELEI_CAST(size_t, 7);
        /* memcpy may use non-temporal stores, which pass earlier ones even on x86 */
        if (bytes >= STELEI_STREAMED_BYTES)
            stelei_nop_full();
        __asm__ volatile("" ::: "memory");
        memcpy(to, in, whole);
        __asm__ volatile("" ::: "memory");
        to += whole / 8;
        in += whole;
        bytes -= whole;
    }
#endif
    for (; bytes >= 8; bytes -= 8, in += 8, to++) {
        uint64_t word;
        memcpy(&word, in, 8);
        stelei_store64(to, word);
    }
    if (bytes) {
        uint64_t word = 0;
        memcpy(&word, in, bytes);
        stelei_store64(to, word);
    }
}

#endif
