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

/* The two lines of one frame, the first of which is `function`. */
static void add_frame(struct chain *chain, const char *function, const char *line)
{
    const char *base = strrchr(line, '/');
    base = base ? base + 1 : line;
    /* the two wrappers say nothing: who called them does */
    if (chain->frames == CHAIN || line[0] == '?' || strncmp(base, "atomic.h:", 9) == 0 ||
        strncmp(base, "sequence.h:", 11) == 0)
        return;
    snprintf(chain->function[chain->frames], LINE_BYTES, "%.*s", (int)strcspn(function, "\n"),
             function);
    snprintf(chain->line[chain->frames], LINE_BYTES, "%.*s", (int)strcspn(base, " \n"), base);
    chain->frames++;
}

/* addr2line for so many addresses at once; NULL among them: no frames. */
static FILE *open_names(const void *const *address, size_t count)
{
    static const char end[] = " 2>/dev/null";
    char path[512];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = 0;
    size_t room = sizeof path + 64 + count * 20, used;
    char *command = explore_alloc(NULL, room);
    used = (size_t)snprintf(command, room, "addr2line -afie '%s'", path);
    for (size_t i = 0; i < count; i++) {
        /* built without -pie, or loaded anywhere: the file's own address of the call */
        uintptr_t start = (uintptr_t)&__executable_start;
        uintptr_t at = address[i] ? (uintptr_t)address[i] - 1 : 0;
        if (at && start > (uintptr_t)1 << 32)
            at -= start;
        used += (size_t)snprintf(command + used, room - used, " %#lx", (unsigned long)at);
    }
    memcpy(command + used, end, sizeof end);
    FILE *pipe = popen(command, "r");
    free(command);
    return pipe;
}

static void read_chains(const void *const *address, size_t count, struct chain *chain)
{
    char function[LINE_BYTES], line[2 * LINE_BYTES];
    size_t at = 0; /* addresses begun */
    memset(chain, 0, count * sizeof *chain);
    FILE *pipe = open_names(address, count);
    if (!pipe)
        return;
    while (fgets(function, sizeof function, pipe)) {
        if (!strncmp(function, "0x", 2))
            at++;
        else if (fgets(line, sizeof line, pipe) && at > 0 && at <= count)
            add_frame(&chain[at - 1], function, line);
    }
    pclose(pipe);
}

static void write_text(const void *address, const struct chain *chain, const struct chain *above,
                       struct explore_site *site)
{
    const struct chain *outer = chain->frames > 1 ? chain : above;
    unsigned frame = chain->frames > 1 ? 1 : 0;
    if (chain->frames == 0) {
        snprintf(site->text, sizeof site->text, "%p", address);
        snprintf(site->name, sizeof site->name, "%p", address);
    } else if (frame >= outer->frames) {
        snprintf(site->text, sizeof site->text, "%.28s %.32s", chain->line[0], chain->function[0]);
        snprintf(site->name, sizeof site->name, "%.32s", chain->function[0]);
    } else {
        snprintf(site->text, sizeof site->text, "%.28s %.32s < %.28s %.32s", chain->line[0],
                 chain->function[0], outer->line[frame], outer->function[frame]);
        snprintf(site->name, sizeof site->name, "%.32s < %.32s", chain->function[0],
                 outer->function[frame]);
    }
}

void explore_site_text(const void *address, const void *caller, char *text, size_t bytes)
{
    const void *const both[2] = {address, caller};
    struct explore_site site;
    struct chain chain[2];
    read_chains(both, 2, chain);
    write_text(address, &chain[0], &chain[1], &site);
    snprintf(text, bytes, "%s", site.text);
}

/* Texts and names of sites [from, count), by one process. */
static void name_sites(struct explore_sites *sites, size_t from)
{
    size_t count = sites->count - from;
    if (count == 0)
        return;
    const void **address = explore_alloc(NULL, 2 * count * sizeof *address);
    struct chain *chain = explore_alloc(NULL, 2 * count * sizeof *chain);
    for (size_t i = 0; i < count; i++) {
        address[2 * i] = sites->site[from + i].address;
        address[2 * i + 1] = sites->site[from + i].caller;
    }
    read_chains(address, 2 * count, chain);
    for (size_t i = 0; i < count; i++)
        write_text(address[2 * i], &chain[2 * i], &chain[2 * i + 1], &sites->site[from + i]);
    free(chain);
    free(address);
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
    size_t known = 0;
    while (known < sites->count && sites->site[known].text[0])
        known++;
    name_sites(sites, known);
    for (size_t i = known; i < sites->count; i++) {
        struct explore_site *site = &sites->site[i];
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

bool explore_sites_hit(const struct explore_weakening *weakening, enum explore_weaken_kind kind,
                       const struct explore_event *event)
{
    bool fence = event->kind == EXPLORE_FENCE;
    if (!weakening || fence != (kind == EXPLORE_WEAKEN_NOP_WRITE) || (!fence && !event->release))
        return false;
    for (; weakening; weakening = weakening->also)
        if (weakening->kind == kind &&
            in_group(weakening, fence ? EXPLORE_SITE_NOP_WRITE : EXPLORE_SITE_RELEASE, event->site,
                     event->caller))
            return true;
    return false;
}

bool explore_sites_hit_reader(const struct explore_weakening *weakening,
                              enum explore_weaken_kind kind, enum explore_site_kind site_kind,
                              const void *site)
{
    for (; weakening; weakening = weakening->also)
        if (weakening->kind == kind && in_group(weakening, site_kind, site, NULL))
            return true;
    return false;
}
