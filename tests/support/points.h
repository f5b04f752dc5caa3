/*
 * points.h - what STELE_POINT does in a process of a test: nothing, unless points_watch() named a
 * function. One per process; a child inherits its parent's. Tests only.
 */
#ifndef SUPPORT_POINTS_H
#define SUPPORT_POINTS_H

typedef void (*points_visit)(void *context, const char *name);

/* From now on `visit` is called between any two stores to shared memory; NULL: nothing is. */
void points_watch(points_visit visit, void *context);

#endif
