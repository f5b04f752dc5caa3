/* Names that a program may well have, and that rooms of the store have too. */
#include <stddef.h>

void *arena_alloc(size_t bytes);
int table_insert(void);
int list_append(void);
int segment_open(void);

void *arena_alloc(size_t bytes)
{
    (void)bytes;
    return NULL;
}
int table_insert(void)
{
    return 42;
}
int list_append(void)
{
    return 42;
}
int segment_open(void)
{
    return 42;
}
