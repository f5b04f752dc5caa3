#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#define STORES_SHOWN 200u
#define ALIKE_SHOWN  4u

static bool was_read(const struct explore_search *search, const struct explore_event *event)
{
    for (size_t i = 0; i < search->reads; i++) {
        const struct explore_read *read = &search->read[i];
        if (read->off != UINT64_MAX && read->off < event->off + event->bytes &&
            event->off < read->off + read->bytes)
            return true;
    }
    return false;
}

static void write_stores(FILE *out, const struct explore_search *search)
{
    const struct explore_memory *memory = search->memory;
    uint32_t ack = 0, shown = 0;
    fprintf(out, "  writer: stores to what the reader read (* = release)\n");
    for (uint32_t i = 0; i <= memory->last; i++) {
        const struct explore_event *event = &memory->by[i];
        if (i > 0 && was_read(search, event) && shown++ < STORES_SHOWN) {
            char text[128];
            explore_site_text(event->site, event->caller, text, sizeof text);
            fprintf(out, "    #%u%s [%#llx] %u bytes = %#llx  %s\n", i, event->release ? "*" : "",
                    (unsigned long long)event->off, event->bytes, (unsigned long long)event->value,
                    text);
        }
        for (; ack < memory->acks && memory->ack[ack] == i; ack++)
            fprintf(out, "    ---- acknowledged at #%u\n", i);
    }
}

static void write_read(FILE *out, const struct explore_read *read)
{
    static const char *const order[] = {"relaxed", "dependent", "acquire", "release"};
    if (read->off == UINT64_MAX) {
        fprintf(out, "    -- ");
/* the formats are our own literals */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        fprintf(out, read->note, read->number[0], read->number[1], read->number[2]);
#pragma GCC diagnostic pop
        fprintf(out, "\n");
        return;
    }
    char text[128];
    explore_site_text(read->site, NULL, text, sizeof text);
    fprintf(out, "    load [%#llx] %s -> %#llx", (unsigned long long)read->off, order[read->order],
            (unsigned long long)read->value);
    if (read->newest)
        fprintf(out, " (#%u%s)", read->index, read->index < read->newest ? ", not the newest" : "");
    fprintf(out, "  %s\n", text);
}

char *explore_report(const struct explore_search *search, const char *what, long a, long b, long c)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        exit(2);
    fprintf(out, "  VIOLATION: ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(out, what, a, b, c);
#pragma GCC diagnostic pop
    fprintf(out, "\n");
    if (search->alone)
        fprintf(out, "  (the writer stopped for good after store #%u, the reader is alone)\n",
                search->horizon);
    write_stores(out, search);
    fprintf(out, "  reader:\n");
    for (size_t i = 0, alike = 0; i < search->reads; i++) {
        bool same =
            i > 0 && search->read[i].site && search->read[i].site == search->read[i - 1].site;
        alike = same ? alike + 1 : 0;
        if (alike < ALIKE_SHOWN)
            write_read(out, &search->read[i]);
        else if (i + 1 == search->reads || search->read[i + 1].site != search->read[i].site)
            fprintf(out, "    ... %zu more by the same line\n", alike + 1 - ALIKE_SHOWN);
    }
    fclose(out);
    return text;
}
