#include "worker/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct worker {
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t wanted;
    uint32_t asked; /* bit i: run task i */
    bool stop;
    uint32_t task_count;
    struct worker_task tasks[WORKER_TASKS_MAX];
};

static void *worker_main(void *context)
{
    struct worker *worker = context;
    pthread_mutex_lock(&worker->mutex);
    while (!worker->stop) {
        if (worker->asked == 0) {
            pthread_cond_wait(&worker->wanted, &worker->mutex);
            continue;
        }
        uint32_t task = (uint32_t)__builtin_ctz(worker->asked);
        worker->asked &= ~(UINT32_C(1) << task);
        pthread_mutex_unlock(&worker->mutex);
        worker->tasks[task].run(worker->tasks[task].context);
        pthread_mutex_lock(&worker->mutex);
    }
    pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

enum stele_status worker_open(const struct worker_task *tasks, uint32_t task_count,
                              struct worker **worker)
{
    sigset_t all, before;
    if (task_count > WORKER_TASKS_MAX)
        return STELE_EINVAL;
    struct worker *made = calloc(1, sizeof(*made));
    if (!made)
        return STELE_ENOMEM;
    for (uint32_t i = 0; i < task_count; i++)
        made->tasks[i] = tasks[i];
    made->task_count = task_count;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->wanted, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&made->thread, NULL, worker_main, made);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        pthread_cond_destroy(&made->wanted);
        pthread_mutex_destroy(&made->mutex);
        free(made);
        return STELE_EIO;
    }
    *worker = made;
    return STELE_OK;
}

void worker_close(struct worker *worker)
{
    if (!worker)
        return;
    pthread_mutex_lock(&worker->mutex);
    worker->stop = true;
    pthread_cond_signal(&worker->wanted);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->wanted);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

void worker_wake(struct worker *worker, uint32_t task)
{
    pthread_mutex_lock(&worker->mutex);
    worker->asked |= UINT32_C(1) << task;
    pthread_cond_signal(&worker->wanted);
    pthread_mutex_unlock(&worker->mutex);
}
