#include "hooks.h"

/* The hooks of atomic.h carry no context, so this one variable must be global. */
static struct {
    struct explore_history *history;
    struct explore_search *search;
} leads_to;

void explore_hooks_record(struct explore_history *history)
{
    leads_to.history = history;
    leads_to.search = NULL;
}

void explore_hooks_search(struct explore_search *search)
{
    leads_to.history = NULL;
    leads_to.search = search;
}

void explore_hooks_off(void)
{
    leads_to.history = NULL;
    leads_to.search = NULL;
}

/* The return address of the function `frame` belongs to (built with frame pointers). */
static const void *return_of_caller(void *const *frame)
{
    void *const *above = frame[0];
    return above[1];
}

uint64_t stelei_explore_load(const void *address, unsigned bytes, enum stelei_order order)
{
    uint64_t value = 0;
    if (leads_to.search)
        return explore_search_load(leads_to.search, address, bytes, order,
                                   __builtin_return_address(0));
    memcpy(&value, address, bytes);
    return value;
}

void stelei_explore_store(void *address, unsigned bytes, uint64_t value, enum stelei_order order)
{
    if (leads_to.search)
        explore_fail(leads_to.search, "the reader stores to shared memory", 0, 0, 0);
    memcpy(address, &value, bytes);
    if (!leads_to.history)
        return;
    struct explore_event event = {(uintptr_t)address,
                                  value,
                                  __builtin_return_address(0),
                                  return_of_caller(__builtin_frame_address(0)),
                                  EXPLORE_STORE,
                                  (uint8_t)bytes,
                                  order == STELEI_RELEASE,
                                  0};
    explore_history_add(leads_to.history, &event);
}

void stelei_explore_fence(enum stelei_fence fence)
{
    if (leads_to.search) {
        explore_search_fence(leads_to.search, fence, __builtin_return_address(0));
        return;
    }
    if (!leads_to.history)
        return;
    struct explore_event event = {0,
                                  0,
                                  __builtin_return_address(0),
                                  return_of_caller(__builtin_frame_address(0)),
                                  EXPLORE_FENCE,
                                  0,
                                  false,
                                  (uint8_t)fence};
    explore_history_add(leads_to.history, &event);
}
