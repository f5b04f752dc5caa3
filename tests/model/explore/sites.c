#include "sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern const char __executable_start; /* by the linker */

#define CHAIN      8
#define LINE_BYTES 160

/* Frames of an address, innermost first, one for each function inlined there. */
struct chain {
    unsigned frames;
    char function[CHAIN][LINE_BYTES];
    char line[CHAIN][LINE_BYTES];
};

/* ---- names -------------------------------------------------------------------------------- */

static void read_frame(struct chain *chain, FILE *pipe)
{
    char function[LINE_BYTES], line[2 * LINE_BYTES];
    while (chain->frames < CHAIN && fgets(function, sizeof function, pipe) &&
           fgets(line, sizeof line, pipe)) {
        const char *base = strrchr(line, '/');
        base = base ? base + 1 : line;
        function[strcspn(function, "\n")] = 0;
        snprintf(chain->function[chain->frames], LINE_BYTES, "%s", function);
        snprintf(chain->line[chain->frames], LINE_BYTES, "%.*s", (int)strcspn(base, " \n"), base);
        /* the two wrappers say nothing: who called them does */
        if (strncmp(base, "atomic.h:", 9) != 0 && strncmp(base, "sequence.h:", 11) != 0 &&
            line[0] != '?')
            chain->frames++;
    }
}

static void read_chain(const void *address, struct chain *chain)
{
    char path[512], command[640];
    chain->frames = 0;
    if (!address)
        return;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return;
    path[length] = 0;
    /* built without -pie, or loaded anywhere: the file's own address of the call */
    uintptr_t start = (uintptr_t)&__executable_start;
    uintptr_t at = (uintptr_t)address - 1;
    if (start > (uintptr_t)1 << 32)
        at -= start;
    snprintf(command, sizeof command, "addr2line -fie '%s' %#lx 2>/dev/null", path,
             (unsigned long)at);
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return;
    read_frame(chain, pipe);
    pclose(pipe);
}

void explore_site_text(const void *address, const void *caller, char *text, size_t bytes)
{
    struct chain chain, above;
    read_chain(address, &chain);
    above.frames = 0;
    if (chain.frames < 2)
        read_chain(caller, &above);
    const struct chain *outer = chain.frames > 1 ? &chain : &above;
    unsigned frame = chain.frames > 1 ? 1 : 0;
    if (chain.frames == 0)
        snprintf(text, bytes, "%p", address);
    else if (frame >= outer->frames)
        snprintf(text, bytes, "%.28s %.32s", chain.line[0], chain.function[0]);
    else
        snprintf(text, bytes, "%.28s %.32s < %.28s %.32s", chain.line[0], chain.function[0],
                 outer->line[frame], outer->function[frame]);
}

/* ---- the set ------------------------------------------------------------------------------ */

void explore_sites_init(struct explore_sites *sites)
{
    memset(sites, 0, sizeof *sites);
    sites->index_size = 4096;
    sites->index = calloc(sites->index_size, sizeof sites->index[0]);
    if (!sites->index)
        exit(2);
}

void explore_sites_fini(struct explore_sites *sites)
{
    free(sites->site);
    free(sites->index);
    memset(sites, 0, sizeof *sites);
}

/* Place in the index: of the site, or the empty one where it belongs. */
static size_t place_of(const struct explore_sites *sites, enum explore_site_kind kind,
                       const void *address, const void *caller)
{
    uint64_t hash = ((uint64_t)(uintptr_t)address * 31 + (uint64_t)(uintptr_t)caller) * 31 + kind;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 40) & (sites->index_size - 1);
    for (; sites->index[at]; at = (at + 1) & (sites->index_size - 1)) {
        const struct explore_site *site = &sites->site[sites->index[at] - 1];
        if (site->kind == kind && site->address == address && site->caller == caller)
            break;
    }
    return at;
}

struct explore_site *explore_sites_find(const struct explore_sites *sites,
                                        enum explore_site_kind kind, const void *address,
                                        const void *caller)
{
    uint32_t number = sites->index[place_of(sites, kind, address, caller)];
    return number ? &sites->site[number - 1] : NULL;
}

struct explore_site *explore_sites_add(struct explore_sites *sites, enum explore_site_kind kind,
                                       const void *address, const void *caller)
{
    size_t at = place_of(sites, kind, address, caller);
    if (sites->index[at])
        return &sites->site[sites->index[at] - 1];
    if (sites->count == sites->index_size / 2) {
        fprintf(stderr, "explore: more than %zu sites\n", sites->count);
        exit(2);
    }
    if (sites->count == sites->room) {
        sites->room = sites->room ? sites->room * 2 : 64;
        sites->site = explore_alloc(sites->site, sites->room * sizeof sites->site[0]);
    }
    struct explore_site *site = &sites->site[sites->count];
    memset(site, 0, sizeof *site);
    site->address = address;
    site->caller = caller;
    site->kind = (uint8_t)kind;
    site->group = EXPLORE_ANY_GROUP;
    sites->index[at] = (uint32_t)++sites->count;
    return site;
}

void explore_sites_group(struct explore_sites *sites)
{
    sites->groups = 0;
    for (size_t i = 0; i < sites->count; i++) {
        struct explore_site *site = &sites->site[i];
        if (!site->text[0])
            explore_site_text(site->address, site->caller, site->text, sizeof site->text);
        site->group = EXPLORE_ANY_GROUP;
        for (size_t j = 0; j < i && site->group == EXPLORE_ANY_GROUP; j++)
            if (sites->site[j].kind == site->kind && !strcmp(sites->site[j].text, site->text))
                site->group = sites->site[j].group;
        if (site->group == EXPLORE_ANY_GROUP)
            site->group = sites->groups++;
    }
}

const struct explore_site *explore_sites_of_group(const struct explore_sites *sites, unsigned group)
{
    for (size_t i = 0; i < sites->count; i++)
        if (sites->site[i].group == group)
            return &sites->site[i];
    return NULL;
}

/* ---- weakenings --------------------------------------------------------------------------- */

static bool in_group(const struct explore_weakening *weakening, enum explore_site_kind kind,
                     const void *address, const void *caller)
{
    if (weakening->group == EXPLORE_ANY_GROUP)
        return true;
    const struct explore_site *site = explore_sites_find(weakening->sites, kind, address, caller);
    return site && site->group == weakening->group;
}

bool explore_sites_hit(const struct explore_weakening *weakening, const struct explore_event *event)
{
    if (!weakening || weakening->kind == EXPLORE_WEAKEN_NOTHING)
        return false;
    bool fence = event->kind == EXPLORE_FENCE;
    if (fence != (weakening->kind == EXPLORE_WEAKEN_NOP_WRITE) ||
        weakening->kind == EXPLORE_WEAKEN_LOAD || weakening->kind == EXPLORE_WEAKEN_NOP_READ)
        return false;
    if (!fence && !event->release)
        return false;
    return in_group(weakening, fence ? EXPLORE_SITE_NOP_WRITE : EXPLORE_SITE_RELEASE, event->site,
                    event->caller);
}

bool explore_sites_hit_reader(const struct explore_weakening *weakening,
                              enum explore_site_kind kind, const void *site)
{
    return in_group(weakening, kind, site, NULL);
}
