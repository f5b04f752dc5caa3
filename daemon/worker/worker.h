/*
 * worker.h - the one helper thread: work that would make the loop wait. It knows no task's meaning.
 *
 * worker_wake() may be called from any thread and never blocks on a running task; open and close
 * belong to the thread that owns the worker. The thread sleeps while there is nothing to do.
 */
#ifndef STELE_DAEMON_WORKER_H
#define STELE_DAEMON_WORKER_H

#include <stdint.h>

#include <stele/status.h>

#define WORKER_TASKS_MAX 8

struct worker;

/* Runs on the helper thread, one at a time, in the order of the table. */
struct worker_task {
    void (*run)(void *context);
    void *context;
};

/* Starts the thread, with all signals blocked. `tasks` is copied. STELE_ENOMEM, STELE_EIO. */
enum stele_status worker_open(const struct worker_task *tasks, uint32_t task_count,
                              struct worker **worker);
/* Waits for a running task to end; what was asked for and has not begun is dropped. NULL is
 * allowed. */
void worker_close(struct worker *worker);

/* Asks for one run of the task with this index. A wake while it waits is the same wake; one while
 * it runs makes it run once more. */
void worker_wake(struct worker *worker, uint32_t task);

#endif
