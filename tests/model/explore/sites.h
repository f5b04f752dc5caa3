/*
 * sites.h - where in the sources an access stands. Collects return addresses and groups those that
 * come from the same line (a line inlined into three functions is one site).
 *
 * Lines come from addr2line, which stands beside every compiler; without it each address is a
 * group.
 */
#ifndef EXPLORE_SITES_H
#define EXPLORE_SITES_H

#include "memory.h"

enum explore_site_kind {
    EXPLORE_SITE_RELEASE, /* a release store */
    EXPLORE_SITE_NOP_WRITE,
    EXPLORE_SITE_ACQUIRE,
    EXPLORE_SITE_DEPENDENT,
    EXPLORE_SITE_NOP_READ
};

struct explore_site {
    const void *address;
    const void *caller; /* NULL for the reader's sites */
    uint8_t kind;       /* enum explore_site_kind */
    unsigned group;
    char text[128]; /* file:line and function of the access and of its caller */
    char name[80];  /* the functions alone: "inner < outer" */
};

struct explore_sites {
    struct explore_site *site;
    size_t count, room;
    uint32_t *index; /* hash table: place in `site` + 1 */
    size_t index_size;
    unsigned groups;
};

void explore_sites_init(struct explore_sites *sites);
void explore_sites_fini(struct explore_sites *sites);
/* Adds the pair of addresses unless it is known. */
struct explore_site *explore_sites_add(struct explore_sites *sites, enum explore_site_kind kind,
                                       const void *address, const void *caller);
struct explore_site *explore_sites_find(const struct explore_sites *sites,
                                        enum explore_site_kind kind, const void *address,
                                        const void *caller);
/* Names every site and forms the groups: same kind, same text. */
void explore_sites_group(struct explore_sites *sites);

/* The first site of a group. */
const struct explore_site *explore_sites_of_group(const struct explore_sites *sites,
                                                  unsigned group);

/* Writes "file.c:123 function < caller.c:45 caller" for an access; `caller` may be NULL. */
void explore_site_text(const void *address, const void *caller, char *text, size_t bytes);

/* True if the weakening does this to the event. */
bool explore_sites_hit(const struct explore_weakening *weakening, enum explore_weaken_kind kind,
                       const struct explore_event *event);
/* The same for an access of the reader. */
bool explore_sites_hit_reader(const struct explore_weakening *weakening,
                              enum explore_weaken_kind kind, enum explore_site_kind site_kind,
                              const void *site);

#endif
