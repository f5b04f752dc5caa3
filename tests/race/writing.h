/*
 * writing.h - the writer of a torture test: tracked puts and erases through the embedded store.
 * What fails is noted on the board, so that it may run in any process. Tests only.
 */
#ifndef RACE_WRITING_H
#define RACE_WRITING_H

#include <stele/store.h>

#include "track.h"
#include "value.h"

struct writing {
    struct board *board;
    struct stele_store *store;
    uint32_t table;
    struct track *tracks;
    unsigned count;
    uint8_t *buffer; /* of the largest value */
    struct random random;
};

/* Opens or adopts the segment. NULL after a failure, which is on the board. */
static inline struct stele_store *writing_open(struct board *board, const char *name,
                                               uint64_t max_bytes)
{
    struct stele_store_options options = {.name = name, .max_bytes = max_bytes, .unlocked = true};
    struct stele_store *store = NULL;
    char detail[200];
    enum stele_status status = stele_store_open(&options, &store, detail, sizeof detail);
    if (status != STELE_OK)
        board_fail(board, "open: %s (%s)", stele_status_name(status), detail);
    return store;
}

static inline void writing_put(struct writing *writing, unsigned i)
{
    struct track *track = &writing->tracks[i];
    uint8_t key[KEY_MAX_BYTES];
    uint32_t span = (uint32_t)(track->max_bytes - track->min_bytes + 1);
    uint32_t bytes = (uint32_t)track->min_bytes + random_below(&writing->random, span);
    uint32_t key_bytes = key_make(track->number, key);
    uint64_t version = track_start_put(track);
    value_make(writing->buffer, bytes, track->number, version);
    enum stele_status status =
        stele_store_put(writing->store, writing->table, key, key_bytes, writing->buffer, bytes);
    track_complete(track);
    writing->board->count[BOARD_WRITE]++;
    if (status != STELE_OK)
        board_fail(writing->board, "put of key %u: %s", i, stele_status_name(status));
}

static inline void writing_erase(struct writing *writing, unsigned i)
{
    struct track *track = &writing->tracks[i];
    uint8_t key[KEY_MAX_BYTES];
    uint32_t key_bytes = key_make(track->number, key);
    enum stele_status wanted = track_present(track->started) ? STELE_OK : STELE_ENOTFOUND;
    track_start_erase(track);
    enum stele_status status = stele_store_erase(writing->store, writing->table, key, key_bytes);
    track_complete(track);
    writing->board->count[BOARD_WRITE]++;
    if (status != wanted)
        board_fail(writing->board, "erase of key %u: %s", i, stele_status_name(status));
}

/* Verifies as the last act of a writer, and lets go. */
static inline void writing_close(struct writing *writing)
{
    char text[256] = "";
    enum stele_status status = stele_store_verify(writing->store, text, sizeof text);
    if (status != STELE_OK)
        board_fail(writing->board, "verify: %s", text);
    stele_store_close(writing->store);
}

#endif
