/*
 * board.h - memory that a test's processes share: the sign to stop, counters, and the first failure
 * as text. Any process may call any function. A reader process that finds something wrong says so
 * here; the test's own process turns it into a failed check. Tests only.
 */
#ifndef RACE_BOARD_H
#define RACE_BOARD_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

enum board_count {
    BOARD_GET,
    BOARD_MANY,
    BOARD_CONTAINS,
    BOARD_VIEW,
    BOARD_SCAN,
    BOARD_BUSY,
    BOARD_STALE_VIEW,
    BOARD_WRITE,
    BOARD_UNKNOWN, /* results that could not be judged */
    BOARD_COUNTS
};

struct board {
    uint64_t stop;
    uint64_t failed;
    uint64_t ready; /* the segment stands */
    uint64_t pad;
    char text[480]; /* the first failure */
    uint64_t count[BOARD_COUNTS];
};

static inline uint64_t board_load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline void board_store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}
static inline void board_add(struct board *board, enum board_count what, uint64_t n)
{
    __atomic_fetch_add(&board->count[what], n, __ATOMIC_RELAXED);
}

/* Memory shared with children forked later; zero. */
static inline void *board_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        abort();
    }
    return memory;
}

/* Notes the failure if it is the first, and tells everybody to stop. */
static inline void board_fail(struct board *board, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void board_fail(struct board *board, const char *format, ...)
{
    va_list arguments;
    if (__atomic_exchange_n(&board->failed, 1, __ATOMIC_SEQ_CST) == 0) {
        va_start(arguments, format);
        vsnprintf(board->text, sizeof board->text, format, arguments);
        va_end(arguments);
    }
    board_store(&board->stop, 1);
}

static inline bool board_stopped(const struct board *board)
{
    return board_load(&board->stop) != 0;
}

/* For the test's own process, when all others have ended. */
static inline void board_check(const struct board *board)
{
    ck_assert_msg(!board->failed, "%s", board->text);
}

static inline void board_report(const struct board *board, const char *name)
{
    const uint64_t *n = board->count;
    printf("%-10s %9llu writes | get %llu, many %llu, contains %llu, view %llu (%llu stale), "
           "scanned %llu | EBUSY %llu\n",
           name, (unsigned long long)n[BOARD_WRITE], (unsigned long long)n[BOARD_GET],
           (unsigned long long)n[BOARD_MANY], (unsigned long long)n[BOARD_CONTAINS],
           (unsigned long long)n[BOARD_VIEW], (unsigned long long)n[BOARD_STALE_VIEW],
           (unsigned long long)n[BOARD_SCAN], (unsigned long long)n[BOARD_BUSY]);
    fflush(stdout);
}

/* Waits for a child and expects that it ended by itself with 0; a killed one is a failure. */
static inline void board_join(struct board *board, pid_t pid, const char *what)
{
    int state = 0;
    if (waitpid(pid, &state, 0) != pid)
        board_fail(board, "%s: waitpid failed", what);
    else if (WIFSIGNALED(state))
        board_fail(board, "%s was killed by signal %d", what, WTERMSIG(state));
    else if (WEXITSTATUS(state) != 0)
        board_fail(board, "%s ended with %d", what, WEXITSTATUS(state));
}

#endif
