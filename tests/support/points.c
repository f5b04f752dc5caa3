#include "points.h"

#include <stele/detail/base.h>

/* The hook takes no context, so this file has the one state that cannot hang from a parameter. */
static struct {
    points_visit visit;
    void *context;
} watched;

void points_watch(points_visit visit, void *context)
{
    watched.visit = visit;
    watched.context = context;
}

void stelei_point(const char *name)
{
    if (watched.visit)
        watched.visit(watched.context, name);
}
