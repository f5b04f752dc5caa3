/*
 * trace.h - a child driven instruction by instruction (PTRACE_SINGLESTEP). The child calls
 * trace_me() first, and trace_pause() where its driver is to take over. Tests only.
 */
#ifndef CRASH_TRACE_H
#define CRASH_TRACE_H

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Driver and child take turns: on one processor that costs half. */
static inline void trace_share_processor(void)
{
    cpu_set_t one;
    int cpu = sched_getcpu();
    CPU_ZERO(&one);
    CPU_SET(cpu < 0 ? 0 : (unsigned)cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}

/* False: not permitted here. */
static inline bool trace_me(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}
static inline void trace_pause(void)
{
    raise(SIGSTOP);
}

/* Waits until the child stands; false when it has ended. */
static inline bool trace_wait(pid_t pid, int *state)
{
    return waitpid(pid, state, 0) == pid && WIFSTOPPED(*state);
}
/* On to its next trace_pause(). */
static inline bool trace_run(pid_t pid, int *state)
{
    return ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 && trace_wait(pid, state);
}
/* One instruction. */
static inline bool trace_step(pid_t pid, int *state)
{
    return ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0 && trace_wait(pid, state);
}

static inline void trace_kill(pid_t pid)
{
    int state;
    kill(pid, SIGKILL);
    while (waitpid(pid, &state, 0) == pid && WIFSTOPPED(state))
        ;
}

#endif
