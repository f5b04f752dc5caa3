/*
 * recorder.h - processes that work on a few keys at once, through the socket or in the segment, and
 * log when each operation began and ended, by fenced stamps of one clock, and with what result.
 * Tests only.
 */
#ifndef E2E_RECORDER_H
#define E2E_RECORDER_H

#include <stdbool.h>

#include "board.h"
#include "history.h"

#define RECORDER_TABLE   "t"
#define RECORDER_KEYS    4u
#define RECORDER_CLIENTS 3u
#define RECORDER_READERS 2u
#define RECORDER_PARTS   (RECORDER_CLIENTS + RECORDER_READERS)
#define RECORDER_OPS     60000u /* a process, at most */

struct recorder_entry {
    struct history_op op;
    uint32_t key;
};

/* Shared memory. */
struct records {
    struct board board;
    uint64_t reconnects;
    uint64_t logged[RECORDER_PARTS];
    struct recorder_entry entry[RECORDER_PARTS][RECORDER_OPS];
};

/*
 * In a child: the first RECORDER_CLIENTS write and read through the socket, by waiting calls,
 * pipelines and vectors, and connect again when the daemon is gone; the others read the segment.
 * Returns when the log is full, or the board says stop. Rests up to `pause_us` now and then.
 */
void recorder_run(struct records *records, uint32_t who, const char *socket_path,
                  const char *segment, uint32_t pause_us);

#endif
