#include "walk.h"

#include <time.h>

#define WALK_PAUSES 1000u

void walk_begin(struct walk *walk, const struct stele_table *table)
{
    stele_scan_begin(&walk->scan, table);
    buffer_init(&walk->key);
    buffer_init(&walk->value);
}

void walk_end(struct walk *walk)
{
    buffer_fini(&walk->key);
    buffer_fini(&walk->value);
}

static void walk_pause(void)
{
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

enum stele_status walk_next(struct walk *walk)
{
    struct buffer *key = &walk->key, *value = &walk->value;
    unsigned pauses = 0;
    for (;;) {
        enum stele_status status =
            stele_scan_next(&walk->scan, key->bytes, key->capacity, &key->used, value->bytes,
                            value->capacity, &value->used);
        if (status == STELE_EBUSY && pauses++ < WALK_PAUSES)
            walk_pause();
        else if (status != STELE_ESHORT)
            return status;
        else if (!buffer_reserve(key, key->used) || !buffer_reserve(value, value->used))
            return STELE_ENOMEM;
    }
}

enum stele_status walk_get(const struct stele_table *table, const void *key, size_t key_bytes,
                           struct buffer *value)
{
    unsigned pauses = 0;
    for (;;) {
        size_t bytes = 0;
        enum stele_status status =
            stele_get(table, key, key_bytes, value->bytes, value->capacity, &bytes);
        if (status == STELE_OK)
            value->used = bytes;
        if (status == STELE_EBUSY && pauses++ < WALK_PAUSES)
            walk_pause();
        else if (status != STELE_ESHORT)
            return status;
        else if (!buffer_reserve(value, bytes))
            return STELE_ENOMEM;
    }
}
