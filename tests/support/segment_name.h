/*
 * segment_name.h - names for segments that no other test run uses, removed again whatever happens.
 *
 * segment_name_init() in main(), before Check forks; segment_name() in the tests, which so share
 * one name and run one after the other; segment_name_fini() after the run.
 */
#ifndef SUPPORT_SEGMENT_NAME_H
#define SUPPORT_SEGMENT_NAME_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static char segment_name_text[48];

static inline const char *segment_name(void)
{
    return segment_name_text;
}

/* Removes the object, its lock and its private name, present or not, whoever holds them. */
static inline void segment_name_clean(void)
{
    char path[80];
    snprintf(path, sizeof path, "/stele.%s", segment_name_text);
    shm_unlink(path);
    snprintf(path, sizeof path, "/stele.%s.lock", segment_name_text);
    shm_unlink(path);
    snprintf(path, sizeof path, "/stele.%s~new", segment_name_text);
    shm_unlink(path);
}

static inline void segment_name_init(const char *tag)
{
    snprintf(segment_name_text, sizeof segment_name_text, "test.%.20s.%ld", tag, (long)getpid());
    segment_name_clean();
}

static inline int segment_name_fini(int result)
{
    segment_name_clean();
    return result;
}

#endif
