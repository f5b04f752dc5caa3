#include "litmus.h"

#include <stdio.h>
#include <stdlib.h>

#include "hooks.h"

/* What the toy programs share: two data words, a flag, a ref and a counter. */
struct toy {
    uint64_t data, more, flag;
    uint32_t ref, pad;
    uint64_t version;
    uint64_t block[4];
};

struct run {
    struct toy *toy;
    bool observed; /* the outcome that the test asks about */
};

typedef void toy_writer(struct toy *toy);

struct litmus {
    const char *name;
    toy_writer *writer;
    explore_program *reader;
    bool observed; /* expected */
};

/* ---- writers ------------------------------------------------------------------------------ */

static void write_relaxed(struct toy *toy)
{
    stelei_store64(&toy->data, 1);
    stelei_store64(&toy->flag, 1);
}

static void write_release(struct toy *toy)
{
    stelei_store64(&toy->data, 1);
    stelei_store64_release(&toy->flag, 1);
}

static void write_fence(struct toy *toy)
{
    stelei_store64(&toy->data, 1);
    stelei_nop_write();
    stelei_store64(&toy->flag, 1);
}

static void write_twice(struct toy *toy)
{
    stelei_store64(&toy->data, 1);
    stelei_store64(&toy->data, 2);
}

static void write_ref(struct toy *toy)
{
    stelei_store64(&toy->data, 1);
    stelei_store64(&toy->block[0], 7);
    stelei_store32_release(&toy->ref, 1);
}

static void write_halves(struct toy *toy)
{
    uint32_t *half = (uint32_t *)(void *)&toy->data;
    stelei_store32(half, 1);
    stelei_store32(half + 1, 1);
    stelei_store64(&toy->data, UINT64_C(0x200000002));
}

/* A seqlock's writer that is never odd: hide, fence, overwrite, publish. */
static void write_seqlock(struct toy *toy)
{
    stelei_store64_release(&toy->version, 1);
    stelei_nop_write();
    stelei_store64(&toy->data, 1);
    stelei_store64(&toy->more, 1);
    stelei_store64_release(&toy->version, 2);
}

static void write_seqlock_no_fence(struct toy *toy)
{
    stelei_store64_release(&toy->version, 1);
    stelei_store64(&toy->data, 1);
    stelei_store64(&toy->more, 1);
    stelei_store64_release(&toy->version, 2);
}

/* ---- readers ------------------------------------------------------------------------------ */

static struct toy *toy_of(struct explore_search *search)
{
    return (struct toy *)(uintptr_t)search->base;
}

static void read_relaxed(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint64_t flag = stelei_load64(&toy_of(search)->flag);
    if (flag == 1 && stelei_load64(&toy_of(search)->data) == 0)
        run->observed = true;
}

static void read_acquire(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint64_t flag = stelei_load64_acquire(&toy_of(search)->flag);
    if (flag == 1 && stelei_load64(&toy_of(search)->data) == 0)
        run->observed = true;
}

static void read_fence(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint64_t flag = stelei_load64(&toy_of(search)->flag);
    stelei_nop_read();
    if (flag == 1 && stelei_load64(&toy_of(search)->data) == 0)
        run->observed = true;
}

static void read_backwards(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint64_t first = stelei_load64(&toy_of(search)->data);
    if (stelei_load64(&toy_of(search)->data) < first)
        run->observed = true;
}

/* A dependency orders what is read through it ... */
static void read_through_ref(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint32_t ref = stelei_load32_dependent(&toy_of(search)->ref);
    if (ref && stelei_load64(&toy_of(search)->block[ref - 1]) == 0)
        run->observed = true;
}

/* ... and nothing else. */
static void read_beside_ref(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint32_t ref = stelei_load32_dependent(&toy_of(search)->ref);
    if (ref && stelei_load64(&toy_of(search)->data) == 0)
        run->observed = true;
}

static void read_relaxed_ref(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint32_t ref = stelei_load32(&toy_of(search)->ref);
    if (ref && stelei_load64(&toy_of(search)->block[ref - 1]) == 0)
        run->observed = true;
}

/* Halves written one by one may be seen in any combination ... */
static void read_half(struct explore_search *search, void *context)
{
    struct run *run = context;
    if (stelei_load64(&toy_of(search)->data) == UINT64_C(0x100000000))
        run->observed = true;
}

/* ... but half of a whole word never. */
static void read_torn(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint64_t word = stelei_load64(&toy_of(search)->data);
    if (((uint32_t)word == 2) != (word >> 32 == 2))
        run->observed = true;
}

static void read_seqlock(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint64_t begun = stelei_load64_acquire(&toy_of(search)->version);
    uint64_t data = stelei_load64(&toy_of(search)->data);
    uint64_t more = stelei_load64(&toy_of(search)->more);
    stelei_nop_read();
    if (stelei_load64(&toy_of(search)->version) == begun && begun != 1 && data != more)
        run->observed = true;
}

static void read_seqlock_no_fence(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint64_t begun = stelei_load64_acquire(&toy_of(search)->version);
    uint64_t data = stelei_load64(&toy_of(search)->data);
    uint64_t more = stelei_load64(&toy_of(search)->more);
    if (stelei_load64(&toy_of(search)->version) == begun && begun != 1 && data != more)
        run->observed = true;
}

/* What was acknowledged before the call is seen. */
static void read_heard(struct explore_search *search, void *context)
{
    struct run *run = context;
    uint32_t heard = explore_hear(search);
    if (heard && stelei_load64(&toy_of(search)->data) == 0)
        run->observed = true;
}

static const struct litmus litmus[] = {
    {"message passing, all relaxed", write_relaxed, read_relaxed, true},
    {"message passing, writer relaxed, reader acquire", write_relaxed, read_acquire, true},
    {"message passing, release and relaxed", write_release, read_relaxed, true},
    {"message passing, release and acquire", write_release, read_acquire, false},
    {"message passing, nop_write and acquire", write_fence, read_acquire, false},
    {"message passing, nop_write and nop_read", write_fence, read_fence, false},
    {"message passing, release and nop_read", write_release, read_fence, false},
    {"message passing, relaxed and nop_read", write_relaxed, read_fence, true},
    {"one word never runs backwards", write_twice, read_backwards, false},
    {"dependency, through the ref", write_ref, read_through_ref, false},
    {"dependency, beside the ref", write_ref, read_beside_ref, true},
    {"no dependency, through the ref", write_ref, read_relaxed_ref, true},
    {"halves of a word, stored one by one", write_halves, read_half, true},
    {"half of a word that was stored whole", write_halves, read_torn, false},
    {"seqlock", write_seqlock, read_seqlock, false},
    {"seqlock, no nop_write", write_seqlock_no_fence, read_seqlock, true},
    {"seqlock, no nop_read", write_seqlock, read_seqlock_no_fence, true},
    {"acknowledged and heard of", write_relaxed, read_heard, false},
};

static bool toy_block(void *context, uint64_t value, uint64_t *from, uint64_t *to)
{
    (void)context;
    *from = offsetof(struct toy, block);
    *to = sizeof(struct toy);
    return value != 0;
}

static bool run_one(const struct litmus *test)
{
    struct toy toy;
    struct explore_history history;
    struct explore_memory memory;
    struct explore_search *search = explore_alloc(NULL, sizeof *search);
    struct run run = {&toy, false};
    memset(&toy, 0, sizeof toy);
    explore_history_init(&history, &toy, sizeof toy);
    explore_hooks_record(&history);
    test->writer(&toy);
    explore_hooks_off();
    explore_history_rebase(&history, &toy);
    explore_history_ack(&history);
    explore_memory_init(&memory, &history, NULL);
    explore_search_init(search, &memory, history.image);
    search->block = toy_block;
    explore_hooks_search(search);
    bool completed = explore_search_all(search, test->reader, &run);
    explore_hooks_off();
    bool right = completed && run.observed == test->observed;
    printf("  %-50s %-14s %s\n", test->name, run.observed ? "observed" : "never observed",
           right ? "as expected" : "WRONG");
    if (!completed)
        printf("%s", search->report);
    explore_search_fini(search);
    free(search);
    explore_memory_fini(&memory);
    explore_history_fini(&history);
    return right;
}

bool explore_litmus(void)
{
    bool right = true;
    for (size_t i = 0; i < sizeof litmus / sizeof litmus[0]; i++)
        right &= run_one(&litmus[i]);
    return right;
}
