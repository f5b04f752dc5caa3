/*
 * fuzz.h - what the harnesses share. Each defines LLVMFuzzerTestOneInput(), which driver.c calls
 * everywhere and libFuzzer where clang has it. A harness is a function of its input alone: what one
 * input leaves behind must not change what the next one does. Tests only.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FUZZ_INPUT_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input. */
#define fuzz_expect(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

static inline __attribute__((noreturn, cold)) void fuzz_fail(const char *condition,
                                                             const char *file, int line)
{
    fprintf(stderr, "%s:%d: expected: %s\n", file, line, condition);
    abort();
}

/* ---- the input as a row of decisions; zeros when it is used up ------------------------------ */

struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

static inline uint32_t fuzz_short(struct fuzz_input *input)
{
    uint32_t low = fuzz_byte(input);
    return low | (uint32_t)fuzz_byte(input) << 8;
}

/* Up to *bytes of it, in place; *bytes is what there was. */
static inline const uint8_t *fuzz_take(struct fuzz_input *input, size_t *bytes)
{
    const uint8_t *taken = input->at;
    if (*bytes > input->left)
        *bytes = input->left;
    input->at += *bytes;
    input->left -= *bytes;
    return taken;
}

/* ---- a copy that ends where memory ends ----------------------------------------------------- */

#define FUZZ_FENCE_BYTES (UINT32_C(256) << 10)
#define FUZZ_FENCE_PAGE  (UINT32_C(64) << 10) /* of any machine */

/* Whoever reads one byte too many of what stands in it dies, with a sanitizer or without. */
struct fuzz_fence {
    uint8_t *memory;
};

static inline const uint8_t *fuzz_fence_copy(struct fuzz_fence *fence, const void *bytes,
                                             size_t count)
{
    if (!fence->memory) {
        void *memory = mmap(NULL, FUZZ_FENCE_BYTES + FUZZ_FENCE_PAGE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        fuzz_expect(memory != MAP_FAILED);
        fence->memory = memory;
        fuzz_expect(mprotect(fence->memory + FUZZ_FENCE_BYTES, FUZZ_FENCE_PAGE, PROT_NONE) == 0);
    }
    fuzz_expect(count <= FUZZ_FENCE_BYTES);
    uint8_t *at = fence->memory + FUZZ_FENCE_BYTES - count;
    if (count > 0)
        memcpy(at, bytes, count);
    return at;
}

#endif
